"""Whatever kind of number a surface, a run or a map is given, it computes in float64, as exact arithmetic has it."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from optim_core import RULES, sweep, trace
from optim_core.engine.blocks import evaluate
from optim_core.runs.trace import traces
from surfaces import SURFACES, surface_from_formula
from surfaces.data.loss import data_loss

X, Y = [100, 3, 0, 117], [7, 90, 1, 127]  # whose squares no int8 holds, and whose powers no int32
KINDS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint64", "float16", "float32", "float64", "object"]
HIMMELBLAU = [float((x * x + y - 11) ** 2 + (x + y * y - 7) ** 2) for x, y in zip(X, Y, strict=True)]  # Python's ints
SLOPE = [[float(4 * x * (x * x + y - 11) + 2 * (x + y * y - 7)) for x, y in zip(X, Y, strict=True)],
         [float(2 * (x * x + y - 11) + 4 * y * (x + y * y - 7)) for x, y in zip(X, Y, strict=True)]]  # fmt: skip
SURFACE, TYPED = SURFACES["himmelblau"], surface_from_formula("(x^2 + y - 11)^2 + (x + y^2 - 7)^2")


def given(kind: str) -> tuple[Any, Any]:
    return np.array(X).astype(kind), np.array(Y).astype(kind)


@pytest.mark.parametrize("surface", [SURFACE, TYPED], ids=["file", "typed"])
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_any_kind(kind: str, surface: Any) -> None:
    x, y = given(kind)
    found = surface.value(x, y)
    assert found.dtype == np.float64
    assert found.tolist() == HIMMELBLAU
    np.testing.assert_array_equal(surface.derivative.value(x, y), SLOPE)
    xx, xy, yy = surface.hessian.value(x, y)
    np.testing.assert_array_equal(xx, [12.0 * a * a + 4 * b - 42 for a, b in zip(X, Y, strict=True)])
    np.testing.assert_array_equal(xy, [4.0 * (a + b) for a, b in zip(X, Y, strict=True)])
    np.testing.assert_array_equal(yy, [4.0 * a + 12 * b * b - 26 for a, b in zip(X, Y, strict=True)])
    assert evaluate(surface, x.astype(float), y.astype(float), ()).tolist() == HIMMELBLAU


@pytest.mark.parametrize("surface", [SURFACE, TYPED], ids=["file", "typed"])
def test_lists_numbers_and_layouts(surface: Any) -> None:
    x, y = np.array(X, dtype=np.int16), np.array(Y, dtype=np.int16)
    assert surface.value(X, Y).tolist() == surface.value(tuple(X), tuple(Y)).tolist() == HIMMELBLAU
    for one in (int, np.int8, np.uint8, np.float16, np.array, Fraction, np.float32):
        assert float(surface.value(one(100), one(7))) == HIMMELBLAU[0]
    assert float(surface.value(True, False)) == float(surface.value(1.0, 0.0))
    assert surface.value(np.array([True]), np.array([False])).tolist() == [surface.value(1.0, 0.0)]
    square = np.array(HIMMELBLAU).reshape(2, 2)
    assert np.array_equal(surface.value(np.asfortranarray(x.reshape(2, 2)), y.reshape(2, 2)), square)
    wide_x, wide_y = np.repeat(x, 3), np.repeat(y, 3)
    assert surface.value(wide_x[::3], wide_y[::3]).tolist() == HIMMELBLAU
    assert surface.value(x[::-1], y[::-1]).tolist() == HIMMELBLAU[::-1]
    assert surface.value(x[:, None], y[None]).shape == (4, 4)


def test_tensors_keep_their_type_unless_they_hold_integers() -> None:
    x, y = torch.tensor(X), torch.tensor(Y)
    assert SURFACE.value(x, y).tolist() == HIMMELBLAU
    assert SURFACE.value(x.to(torch.int8), y.to(torch.int8)).tolist() == HIMMELBLAU
    assert SURFACE.value(x.float(), y.float()).dtype == torch.float32
    point = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    SURFACE.value(*point).backward()
    assert point.grad is not None


@pytest.mark.parametrize("kind", ["int8", "int32", "uint8", "float32"])
def test_parameters_of_any_kind(kind: str) -> None:
    rosenbrock: Any = SURFACES["rosenbrock"]
    q = rosenbrock.Parameters(*(np.array(value).astype(kind)[()] for value in (1, 100)))
    assert rosenbrock.value(5, 7, q) == (1 - 5) ** 2 + 100 * (7 - 25) ** 2


@pytest.mark.parametrize(
    "wrong", ["x", 1j, torch.tensor([1j]), [[1.0], [1.0, 2.0]], None, [1.0, None], {"x": 1}, ["3"]]
)
def test_what_is_no_number_is_said(wrong: Any) -> None:
    for surface in (SURFACE, TYPED):
        with pytest.raises(ValueError, match="is not a real number"):
            surface.value(wrong, 1.0)


@pytest.mark.parametrize("kind", ["int8", "int64", "uint8", "float16", "float32"])
def test_runs_from_starts_of_any_kind(kind: str) -> None:
    starts = np.array([[3, 1], [2, 4], [0, 5]])
    cast = starts.astype(kind)
    rule = RULES["gradient_descent"]
    known = [trace(rule, SURFACE, [float(a), float(b)], 20, hyper={"lr": 0.01}).path for a, b in starts]
    for row, path in zip(cast, known, strict=True):
        np.testing.assert_array_equal(trace(rule, SURFACE, row, 20, hyper={"lr": 0.01}).path, path)
    for many in (cast, np.asfortranarray(cast), np.repeat(cast, 2, axis=0)[::2], cast.tolist()):
        np.testing.assert_array_equal(traces(rule, SURFACE, many, 20, hyper={"lr": 0.01}).path, known)
        made = sweep(rule, SURFACE, many, 20, hyper={"lr": np.full(3, np.float32(0.01))})
        again = sweep(rule, SURFACE, starts.astype(float), 20, hyper={"lr": float(np.float32(0.01))})
        np.testing.assert_array_equal(made.end, again.end)


def test_a_loss_over_rows_of_any_kind() -> None:
    columns, targets = np.array([[100, 3], [7, 90], [110, 5], [1, 2]]), np.array([1, 0, 1, 0])
    for kind in ("least_squares", "logistic"):
        known = data_loss(kind, columns.astype(float), targets.astype(float)) if kind == "least_squares" else None
        made = data_loss(kind, columns.astype(np.int8), targets.astype(np.int8))
        points = np.array([[1, 2], [3, 4]], dtype=np.int8)
        assert np.array_equal(made.value(points), made.value(np.asfortranarray(points.astype(float))))
        if known:
            assert np.array_equal(known.value(points), made.value(points))
