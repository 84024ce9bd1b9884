"""Surfaces from data and from grids: against NumPy, SciPy and torch, and what is said of files that are none."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RectBivariateSpline
from scipy.optimize import check_grad, minimize

from optim_core import RULES, sweep, trace
from optim_core.engine.blocks import evaluate, gradient_block
from surfaces.data import from_table
from surfaces.data.from_data import MOST_LOGISTIC_ROWS, surface_from_data, surface_from_table
from surfaces.data.from_table import grid_from_bytes, surface_from_grid
from surfaces.data.sets import data_set
from surfaces.data.table import MOST_BYTES, read_csv

draw = np.random.default_rng(8)


def from_set(name: str) -> Any:
    loss = data_set(name).loss
    return surface_from_data(loss.columns, loss.targets, loss.kind)


heights = np.random.default_rng(2).standard_normal((9, 13))
MADE = {
    "least squares": from_set("diabetes_tens"),
    "logistic": from_set("breast_cancer"),
    "grid": surface_from_grid(heights, ((-2.0, 4.0), (1.0, 2.0))),
}


def points(surface: Any, count: int, spare: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Points in the window, or so much of its sides beyond it."""
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(a - spare * (b - a), b + spare * (b - a), count) for a, b in surface.domain)
    return x, y


# ---------------------------------------------------------------- every kind


@pytest.mark.parametrize("name", MADE)
def test_numpy_numba_and_torch_agree(name: str) -> None:
    surface = MADE[name]
    x, y = points(surface, 300, 0.3)
    value = surface.value(x, y)
    np.testing.assert_allclose(evaluate(surface, x, y, ()), value, rtol=1e-12, atol=1e-13)
    tx, ty = (torch.tensor(v, requires_grad=True) for v in (x, y))
    found = surface.value(tx, ty)
    np.testing.assert_allclose(found.detach().numpy(), value, rtol=1e-12, atol=1e-13)
    slopes = torch.autograd.grad(found.sum(), (tx, ty))
    for slope, exact in zip(slopes, surface.derivative.value(x, y), strict=True):
        np.testing.assert_allclose(slope.numpy(), exact, rtol=1e-9, atol=1e-9)
    assert surface.value(float(x[0]), float(y[0])) == pytest.approx(value[0], rel=1e-12)


@pytest.mark.parametrize("name", MADE)
def test_the_derivatives_are_those_of_the_values(name: str) -> None:
    surface = MADE[name]
    scale = max(1.0, float(np.abs(surface.derivative.value(*points(surface, 50))).max()))
    for x, y in zip(*points(surface, 20, 0.3), strict=True):

        def value(p: np.ndarray) -> float:
            return float(surface.value(p[0], p[1]))

        def slope(p: np.ndarray) -> np.ndarray:
            return np.array(surface.derivative.value(p[0], p[1]))

        assert check_grad(value, slope, [x, y], epsilon=1e-7) < 1e-5 * scale
        a, b, c = surface.hessian.value(x, y)
        h = 1e-6
        bend = np.array(
            [(slope(np.array([x, y]) + h * e) - slope(np.array([x, y]) - h * e)) / (2 * h) for e in np.eye(2)]
        )
        np.testing.assert_allclose(bend, [[a, b], [b, c]], rtol=1e-4, atol=1e-3 * scale)
        np.testing.assert_allclose(surface.straight(2).value(x, y), (a, c))


@pytest.mark.parametrize("name", MADE)
def test_the_compiled_gradient_is_the_exact_one(name: str) -> None:
    surface = MADE[name]
    assert gradient_block(surface, "exact").address
    start = surface.start
    run = trace(RULES["gradient_descent"], surface, start, 3, hyper={"lr": 1e-3}, difference="exact")
    np.testing.assert_allclose(run.gradient[0], np.ravel(surface.derivative.value(*start)), rtol=1e-10, atol=1e-12)
    central = trace(RULES["gradient_descent"], surface, start, 3, hyper={"lr": 1e-3})
    np.testing.assert_allclose(central.gradient[0], run.gradient[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", MADE)
def test_the_minima_are_reached(name: str) -> None:
    surface = MADE[name]
    found = surface.minima()
    assert len(found) >= 1
    for x, y, value in found:
        assert float(surface.value(x, y)) == pytest.approx(value, rel=1e-12)
        assert np.abs(surface.derivative.value(x, y)).max() < 1e-9
        a, b, c = surface.hessian.value(x, y)
        assert np.linalg.eigvalsh([[a, b], [b, c]])[0] > 0
        run = trace(RULES["newton"], surface, (x + 1e-3, y - 1e-3), 20)
        np.testing.assert_allclose(run.path[-1], (x, y), atol=1e-6)
    swept = sweep(RULES["gradient_descent"], surface, surface.start, 20, hyper={"lr": np.full(3, 1e-3)})
    assert np.isfinite(swept.loss).all()


def test_two_surfaces_of_one_kind_keep_apart() -> None:
    columns, targets = data_set("breast_cancer").loss.columns, data_set("breast_cancer").loss.targets
    first = surface_from_data(columns, targets, "logistic")
    second = surface_from_data(-columns, targets, "logistic")
    assert first.fingerprint != second.fingerprint
    at = np.array([1.0]), np.array([0.5])
    for surface in (first, second, first):
        np.testing.assert_allclose(evaluate(surface, *at, ()), surface.loss.value(np.array([[1.0, 0.5]])), rtol=1e-12)


# ---------------------------------------------------------------- data


def test_least_squares_is_that_of_numpy() -> None:
    surface, loss = MADE["least squares"], data_set("diabetes_tens").loss
    solution, residuals, *_ = np.linalg.lstsq(loss.columns, loss.targets, rcond=None)
    np.testing.assert_allclose(surface.minima()[0], [*solution, residuals[0] / 2 / loss.rows], rtol=1e-12)
    w = np.array([0.3, -2.0])
    assert float(surface.value(*w)) == pytest.approx(np.mean((loss.columns @ w - loss.targets) ** 2) / 2, rel=1e-12)
    assert surface.straight(3).value(1.0, 2.0) == (0.0, 0.0)


def test_the_window_holds_minimum_and_start() -> None:
    for surface in MADE.values():
        for at in (surface.start, *surface.minima()[:, :2]):
            assert all(low <= value <= high for (low, high), value in zip(surface.domain, at, strict=True))
    centred = draw.standard_normal((50, 2))
    surface = surface_from_data(centred, centred @ [1e-9, 0.0] + 1e-3 * draw.standard_normal(50))
    assert np.hypot(*surface.start) > 0.0


CSV = b"""\xef\xbb\xbfage, dose ,outcome,class
50,1.5,2.0,sick
60,2.5,2.5,well

40,0.5,1.0,sick
55,"2",3.5,sick
45,2.0,2.0,well
70,1.0,1.0,well
"""


def test_a_csv_becomes_a_loss() -> None:
    table = read_csv(CSV)
    assert table.names == ("age", "dose", "outcome", "class")
    line = surface_from_table(table, ["dose"], "outcome", standardise=False)
    dose, outcome = np.array([1.5, 2.5, 0.5, 2, 2, 1]), np.array([2, 2.5, 1, 3.5, 2, 1])
    np.testing.assert_allclose(line.minima()[0, :2], np.polyfit(dose, outcome, 1), rtol=1e-12)
    assert "slope and intercept" in line.paper
    two = surface_from_table(table, ["age", "dose"], "class", "logistic")
    assert two.loss.targets.tolist() == [0, 1, 0, 0, 1, 1]
    assert "1 is 'well', 0 is 'sick'" in two.reference
    np.testing.assert_allclose(two.loss.columns.std(axis=0), 1)


def test_other_separators_and_files_without_names() -> None:
    table = read_csv(b"1,5;2\n2,5;3\n3,0;5\n")
    assert table.names == ("column 1", "column 2")
    assert table.numbers("column 1").tolist() == [1.5, 2.5, 3.0]
    assert read_csv(b"a\tb\n1\t2\n").numbers("b").tolist() == [2.0]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"", "the file is empty"), (b"a,b\n", "no rows beneath it"),
     (b"a,b\n1,2,3\n", "line 2 has 3 cells, where the first has 2"),
     (b"a,a\n1,2\n", "two columns are called 'a'"),
     (b"\xff\xfe\x00", "not text in UTF-8"), (b"a\x00b,1\n", "zero bytes"),
     (b"x" * (MOST_BYTES + 1), "at most 4,000,000 are read"), (b"1," * 600, "601 columns; at most 500"),
     (b"1\n" * 50_002, "more than 50,000 rows"), (b"1\n" + b"\n" * 100_001 + b"2\n", "more than 100,000 lines"),
     (b"\n" * 3_900_000, "more than 100,000 lines")],
)  # fmt: skip
def test_a_file_that_is_no_table_gets_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_csv(data)


@pytest.mark.parametrize(
    ("features", "target", "kind", "sentence"),
    [(["a"], "zzz", "least_squares", "there is no column 'zzz'; there are: a, b, c, d, e"),
     (["b"], "d", "least_squares", "line 3, column 'b' holds 'many', which is not a number"),
     (["c"], "d", "least_squares", "line 4, column 'c' is empty"),
     (["a"], "e", "least_squares", "line 2, column 'e' holds 'inf', which is not a finite number"),
     (["a"], "a", "least_squares", "different feature columns"), ([], "a", "least_squares", "one or two"),
     (["d"], "a", "least_squares", "column 'd' is 1 in every row"), (["a"], "a2", "ridge", "no column"),
     (["a"], "b", "logistic", "must hold two classes for a logistic loss, not 3"),
     (["a"], "f", "ridge", "kind = 'ridge'")],
)  # fmt: skip
def test_a_bad_choice_gets_a_sentence(features: list[str], target: str, kind: str, sentence: str) -> None:
    table = read_csv(b"a,b,c,d,e,f\n1,2,1,1,inf,1\n2,many,2,1,2,1\n4,3,,1,2,5\n")
    with pytest.raises(ValueError, match=sentence):
        surface_from_table(table, features, target, kind)


def test_too_many_rows_for_a_logistic_loss() -> None:
    rows = MOST_LOGISTIC_ROWS + 1
    columns = draw.standard_normal((rows, 2))
    with pytest.raises(ValueError, match="there are 2,001 rows; a logistic loss .* at most 2,000"):
        surface_from_data(columns, (draw.random(rows) > 0.5).astype(float), "logistic")


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet='ab1.,;"\t\n- e', max_size=80).map(str.encode)))
def test_no_file_raises_anything_but_a_sentence(data: bytes) -> None:
    reads: list[Any] = [lambda: read_csv(data).numbers("a"), lambda: grid_from_bytes("g.csv", data)]
    for read in [*reads, lambda: grid_from_bytes("g.npy", data)]:
        with contextlib.suppress(ValueError):
            assert np.isfinite(read()).all()


# ---------------------------------------------------------------- grids


def test_the_grid_is_scipys_bicubic_spline() -> None:
    surface = MADE["grid"]
    xs, ys = np.linspace(-2, 4, 13), np.linspace(1, 2, 9)
    spline = RectBivariateSpline(xs, ys, heights.T)
    x, y = points(surface, 5000)
    np.testing.assert_allclose(surface.value(x, y), spline.ev(x, y), rtol=0, atol=1e-12)
    np.testing.assert_allclose(evaluate(surface, x, y, ()), spline.ev(x, y), rtol=0, atol=1e-12)
    for found, (i, j) in zip(surface.derivative.value(x, y), ((1, 0), (0, 1)), strict=True):
        np.testing.assert_allclose(found, spline.ev(x, y, dx=i, dy=j), rtol=0, atol=1e-10)
    columns, rows = np.meshgrid(xs, ys)
    np.testing.assert_allclose(surface.value(columns, rows), heights, rtol=0, atol=1e-13)


def test_beyond_the_window_the_slope_goes_on() -> None:
    surface = MADE["grid"]
    along = surface.value(np.array([4.0, 5.0, 6.0, 9.0]), np.full(4, 1.3))
    slope = float(surface.derivative.value(4.0, 1.3)[0])
    np.testing.assert_allclose(along, along[0] + slope * np.array([0, 1, 2, 5]), rtol=1e-12)
    assert np.isnan(surface.value(np.nan, 1.0))
    assert np.isnan(evaluate(surface, np.array([np.nan]), np.array([1.0]), ())[0])


def test_a_known_surface_through_its_heights() -> None:
    """A cubic in x and y is met exactly by not-a-knot ends, beyond its heights' places too."""
    xs, ys = np.meshgrid(np.linspace(-1, 2, 7), np.linspace(0, 1, 5))

    def cubic(x: Any, y: Any) -> Any:
        return x**3 - 2 * x * x * y**3 + y * y - x

    surface = surface_from_grid(cubic(xs, ys), ((-1.0, 2.0), (0.0, 1.0)))
    x, y = points(surface, 200)
    np.testing.assert_allclose(surface.value(x, y), cubic(x, y), atol=1e-12)


def by_hand(surface: Any) -> list[np.ndarray]:
    """Its minima by SciPy's own search on SciPy's spline, begun at each height that no neighbour undercuts."""
    z, spline, found = surface.heights, surface.spline, list[np.ndarray]()

    def slope(p: np.ndarray) -> list[float]:
        return [spline.ev(*p, dx=1).item(), spline.ev(*p, dy=1).item()]

    for row, column in np.ndindex(z.shape[0] - 2, z.shape[1] - 2):
        if z[row + 1, column + 1] <= z[row : row + 3, column : column + 3].min():
            near = [(column, column + 2), (row, row + 2)]
            done = minimize(lambda p: spline.ev(*p).item(), (column + 1, row + 1), jac=slope, bounds=near, tol=1e-14)
            inside = all(low < at < high for at, (low, high) in zip(done.x, near, strict=True))
            if inside and all(np.abs(done.x - other[:2]).max() > 1e-3 for other in found):
                found.append(np.array([*done.x, done.fun]))
    return found


def test_the_minima_of_a_grid_are_those_of_another_search() -> None:
    surface = surface_from_grid(np.random.default_rng(11).standard_normal((24, 17)))
    known, found = by_hand(surface), surface.minima()
    assert len(known) > 20
    for point in known:
        assert np.abs(found - point).max(axis=1).min() < 1e-6
    for x, y, value in found:
        xx, xy, yy = (float(part) for part in surface.hessian.value(x, y))
        assert min(xx, xx * yy - xy * xy) > 0
        assert surface.spline.ev(x, y) == pytest.approx(value, abs=1e-12)
    assert (np.diff(found[:, 2]) >= 0).all()


@pytest.mark.parametrize(
    "z", [np.random.default_rng(0).integers(0, 2, (128, 128)), np.indices((128, 128)).sum(0) % 2, np.zeros((128, 128))]
)
def test_the_work_on_a_grid_does_not_grow_with_its_plateaus(z: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = from_table.bicubic
    monkeypatch.setattr(from_table, "bicubic", lambda *given: asked.append(np.size(given[0])) or original(*given))
    surface = surface_from_grid(z)
    monkeypatch.undo()
    assert len(asked) <= 61  # steps of Newton's method, each for all that is left
    assert max(asked) <= 126 * 126
    found = surface.minima()
    assert len(found) <= from_table.MOST_MINIMA
    if len(found) == from_table.MOST_MINIMA:
        assert "minima the 100 lowest are marked" in surface.difficulty
    for x, y, value in found:
        assert np.abs(surface.derivative.value(x, y)).max() < 1e-9
        assert surface.spline.ev(x, y) == pytest.approx(value, abs=1e-12)


def test_a_level_valley_has_no_minima_of_rounding() -> None:
    assert len(surface_from_grid(np.indices((64, 64))[0] % 2).minima()) == 0


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_grids_from_files() -> None:
    np.testing.assert_array_equal(grid_from_bytes("z.npy", npy(heights)), heights)
    np.testing.assert_array_equal(grid_from_bytes("z.NPY", npy(heights.astype(np.float32))), heights.astype(np.float32))
    text = "\n".join(",".join(map(repr, row)) for row in heights.tolist())
    np.testing.assert_array_equal(grid_from_bytes("z.csv", text.encode()), heights)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [("z.npy", npy(np.array([{"a": 1}], dtype=object)), "no NPY file of numbers"), ("z.npy", b"junk", "no NPY file"),
     ("z.npy", npy(np.array(["a"])), "one array of real numbers"), ("z.npy", npy(heights)[:-8], "no NPY file"),
     ("z.csv", b"1,2\n3,x\n", "line 2, cell 2 holds 'x', which is not a number"),
     ("z.csv", b"1,2\n3\n", "line 2 has 1 cells"),
     ("z.csv", b"1," * 128 + b"1\n", "1 rows of 129 cells; a grid has at most 128"),
     ("z.csv", b"x\n" * 129, "129 rows of 1 cells; a grid has at most 128")],
)  # fmt: skip
def test_a_file_that_is_no_grid_gets_a_sentence(name: str, data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        grid_from_bytes(name, data)


@pytest.mark.parametrize(
    ("z", "domain", "sentence"),
    [(np.zeros((3, 9)), None, r"the grid has the shape \(3, 9\); it needs 4 to 128"), (np.zeros(9), None, "shape"),
     (np.zeros((129, 9)), None, "shape"), (np.full((5, 5), np.nan), None, "heights = nan is not allowed"),
     (np.zeros((5, 5)), ((1.0, 1.0), (0.0, 1.0)), "the window of x"),
     (np.zeros((5, 5)), ((0.0, 1.0), (0.0, np.inf)), "of y")],
)  # fmt: skip
def test_a_bad_grid_gets_a_sentence(z: np.ndarray, domain: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        surface_from_grid(z, domain)
