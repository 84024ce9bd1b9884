"""Every verb and operator on every engine, with every mix of vectors and numbers that a rule may use."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numba import njit

from optim_core import xp
from optim_core.xp import Vec2

EXPRESSIONS: dict[str, Callable] = {
    "a + b": lambda a, b, c: a + b, "a - c": lambda a, b, c: a - c, "c - a": lambda a, b, c: c - a,
    "c / b": lambda a, b, c: c / b, "a * c": lambda a, b, c: a * c, "-a": lambda a, b, c: -a,
    "b**2": lambda a, b, c: b**2, "abs": lambda a, b, c: abs(a), "absolute": lambda a, b, c: xp.absolute(a),
    "sqrt": lambda a, b, c: xp.sqrt(b), "sign": lambda a, b, c: xp.sign(a), "exp": lambda a, b, c: xp.exp(a),
    "log": lambda a, b, c: xp.log(b), "sin": lambda a, b, c: xp.sin(a), "cos": lambda a, b, c: xp.cos(a),
    "tanh": lambda a, b, c: xp.tanh(a), "atan": lambda a, b, c: xp.atan(a), "floor": lambda a, b, c: xp.floor(a * 3.0),
    "power": lambda a, b, c: xp.power(b, 1.7),
    "maximum vectors": lambda a, b, c: xp.maximum(a, b), "maximum number": lambda a, b, c: xp.maximum(a, c),
    "maximum number first": lambda a, b, c: xp.maximum(c, a), "minimum": lambda a, b, c: xp.minimum(a, b),
    "minimum number": lambda a, b, c: xp.minimum(a, c), "zeros": lambda a, b, c: xp.zeros(a) + b,
    "where mask": lambda a, b, c: xp.where(a > 0, a, -b),
    "where mask, number": lambda a, b, c: xp.where(a >= b, a, 0.0),
    "where mask, number first": lambda a, b, c: xp.where(a < c, c, b),
    "where mask, numbers": lambda a, b, c: xp.where(a <= 0, 1.0, 2.0) * b,
    "where scalar": lambda a, b, c: xp.where(c > 0, a, b),
    "where scalar, number": lambda a, b, c: xp.where(c > 9, 0.0, b),
    "mask times vector": lambda a, b, c: (a > 0) * b, "equal": lambda a, b, c: xp.where(a == a, a, b),
    "unequal": lambda a, b, c: xp.where(a != b, b, a), "dot": lambda a, b, c: a * xp.dot(a, b),
    "mean": lambda a, b, c: b / xp.mean(a * a),
}  # fmt: skip
POINTS = [((-1.5, 0.25), (2.0, 0.7), 0.5), ((3.0, -0.0), (0.1, 8.0), 1.25)]
INEXACT = {"exp", "log", "sin", "cos", "tanh", "atan", "power", "sqrt"}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_engines_agree(name: str) -> None:
    f = EXPRESSIONS[name]
    g = njit(error_model="numpy")(f)

    @njit
    def compiled(ax, ay, bx, by, c):
        r = g(Vec2(ax, ay), Vec2(bx, by), c)
        return r.x, r.y

    for a, b, c in POINTS:
        ours = compiled(*a, *b, c)
        with_numpy = f(np.array(a), np.array(b), c)
        with_torch = f(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64), c)
        rtol = 5 * np.finfo(float).eps if name in INEXACT else 0.0  # NumPy allows itself 4 units, SLEEF 1
        np.testing.assert_allclose(ours, with_numpy, rtol=rtol, atol=0)
        np.testing.assert_allclose(with_torch, with_numpy, rtol=rtol, atol=0)


@pytest.mark.parametrize("verb", [xp.maximum, xp.minimum])
def test_nan_is_not_lost(verb: Callable) -> None:
    compiled = njit(lambda a, b: verb(a, b))
    for a, b in ((math.nan, 1.0), (1.0, math.nan)):
        assert math.isnan(compiled(a, b))
        assert math.isnan(verb(a, b))
        assert verb(torch.tensor(a), torch.tensor(b)).isnan()
