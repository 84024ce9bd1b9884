"""One loop over all surfaces: what they declare holds, and every engine computes the same function."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
import sympy
import torch
from scipy.optimize import minimize

from optim_core.engine import blocks
from surfaces import SURFACES
from surfaces.core.symbolic import expression

VARIANTS = [(name, {}) for name in SURFACES] + [
    ("ravine", {"condition": 500.0, "angle": -35.0}),
    ("rosenbrock", {"a": -0.7, "b": 20.0}),
    ("saddle", {"r": 1.5}),
]
# The ends of every parameter's slider, one at a time.
VARIANTS += [
    (name, {parameter: end})
    for name, surface in SURFACES.items()
    for parameter, limits in surface.ranges.items()
    for end in (limits.low, limits.high)
]
pytestmark = pytest.mark.parametrize(("name", "given"), VARIANTS, ids=lambda v: v if isinstance(v, str) else str(v))


def grid(surface, n: int = 401, wider: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    axes = []
    for low, high in surface.domain:
        middle, half = (low + high) / 2, (high - low) / 2
        axes.append(np.linspace(middle - wider * half, middle + wider * half, n))
    x, y = np.meshgrid(*axes)
    return x, y


def test_minima_are_attained_and_not_beaten(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    minima = surface.minima(q)
    assert len(minima)
    x, y = grid(surface)
    z = surface.value(x, y, q)
    allowed = 1e-9 * float(z.max() - z.min())
    for mx, my, value in minima:
        assert abs(surface.value(mx, my, q) - value) <= allowed
    lowest = surface.lowest(q)
    assert z.min() >= lowest - allowed
    # The lowest nodes that no neighbour beats, and some at all heights.
    padded = np.pad(z, 1, constant_values=np.inf)
    around = [padded[i : i + len(x), j : j + len(x)] for i in range(3) for j in range(3)]
    hollows = np.flatnonzero(z <= np.min(around, axis=0))
    starts = [*hollows[np.argsort(z.flat[hollows])][:12], *np.argsort(z, axis=None)[:: z.size // 8]]
    for index in starts:
        found = minimize(
            lambda p: surface.value(p[0], p[1], q), (x.flat[index], y.flat[index]), method="Nelder-Mead",
            bounds=surface.domain if surface.lower_outside else None, options={"xatol": 1e-6, "fatol": allowed},
        )  # fmt: skip
        assert found.fun >= lowest - allowed


def test_edges_and_what_lies_beyond_are_declared(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    h = 1e-6 * surface.scale
    cut = [
        surface.value(x + i * h, y + j * h, q) < value - 1e-12 * abs(value)
        for x, y, value in surface.minima(q)
        for i, j in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    assert surface.edge_minima == any(cut)
    z = surface.value(*grid(surface), q)
    beyond = surface.value(*grid(surface, 801, wider=5.0), q)
    assert surface.lower_outside == bool(beyond.min() < surface.lowest(q) - 1e-9 * (z.max() - z.min()))


def test_minima_that_are_declared_not_smooth_are_not(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    if surface.smooth_at_minima:
        return  # the gradient vanishes there, says the next test
    h = 1e-8 * surface.scale
    for x, y, value in surface.minima(q):
        with np.errstate(all="ignore"):
            formula = surface.derivative.value(np.float64(x), np.float64(y), q)
        rise = np.abs([surface.value(x + i * h, y + j * h, q) - value for i in (-1, 1) for j in (-1, 1)]).max() / h
        assert rise > 1e-3 or not np.isfinite(formula).all()


def test_the_exact_gradient_vanishes_at_minima_and_saddles(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    points = list(surface.saddles(q)) + (list(surface.minima(q)) if surface.smooth_at_minima else [])
    for x, y, value in points:
        gradient = np.hypot(*surface.derivative.value(x, y, q))
        assert gradient <= 1e-9 * max(1.0, float(surface.value(*surface.start, q)))
        assert surface.value(x, y, q) == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_saddles_have_lower_and_higher_places_around(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    formula, variables, letters = expression(surface)
    hessian = sympy.hessian(formula, variables).subs(dict(zip(letters, q, strict=True)))
    turn = np.linspace(0, 2 * np.pi, 73)
    for x, y, value in surface.saddles(q):
        assert float(hessian.subs(dict(zip(variables, (x, y), strict=True))).det()) <= 0  # 0: the monkey's
        r = 1e-3 * surface.scale
        ring = surface.value(x + r * np.cos(turn), y + r * np.sin(turn), q)
        assert ring.min() < value < ring.max()


def test_the_exact_gradient_agrees_with_central_differences(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    rng = np.random.default_rng(0)
    (x_low, x_high), (y_low, y_high) = surface.domain
    x, y = rng.uniform(x_low, x_high, 500), rng.uniform(y_low, y_high, 500)

    def difference(u: float, w: float, h: float) -> np.ndarray:
        """Central differences of fourth order along one axis."""
        near = surface.value(x + u * h, y + w * h, q) - surface.value(x - u * h, y - w * h, q)
        far = surface.value(x + 2 * u * h, y + 2 * w * h, q) - surface.value(x - 2 * u * h, y - 2 * w * h, q)
        return (8 * near - far) / (12 * h)

    exact = surface.derivative.value(x, y, q)
    tolerance = {"rtol": 1e-7, "atol": 1e-9 * (1 + np.abs(surface.value(x, y, q)).max() / surface.scale)}
    h = 6e-6 * surface.scale
    for along, slope in zip(((1, 0), (0, 1)), np.broadcast_arrays(*exact), strict=True):
        fine, coarse = difference(*along, h), difference(*along, 2 * h)
        known = np.isclose(fine, coarse, **tolerance)  # not so beside a kink
        assert known.mean() >= 0.98
        np.testing.assert_allclose(fine[known], slope[known], **tolerance)


def test_the_exact_gradient_is_autograds(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    low, high = np.transpose(surface.domain)
    for point in np.random.default_rng(1).uniform(low, high, (20, 2)):
        x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point)
        tq = surface.Parameters(*(torch.tensor(v, dtype=torch.float64) for v in q))
        surface.value(x, y, tq).backward()
        exact = [float(v) for v in surface.derivative.value(point[0], point[1], q)]
        assert x.grad is not None
        assert y.grad is not None
        np.testing.assert_allclose([float(x.grad), float(y.grad)], exact, rtol=1e-9, atol=1e-9 * np.abs(exact).max())


def test_gradient_and_hessian_are_sympys(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    formula, variables, letters = expression(surface)
    formula = formula.subs(dict(zip(letters, map(sympy.Rational, q), strict=True)))
    low, high = np.transpose(surface.domain)
    for order, function in ((1, surface.derivative), (2, surface.hessian)):
        wanted = [formula.diff(*by) for by in combinations_with_replacement(variables, order)]
        for point in np.random.default_rng(2).uniform(low, high, (3, 2)):
            at = dict(zip(variables, map(sympy.Rational, point), strict=True))
            exact = np.array([one.subs(at).evalf(30) for one in wanted], dtype=float)
            found = function.value(point[0], point[1], q)
            np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-12 * np.abs(exact).max())


def test_numba_numpy_torch_and_sympy_agree(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    x, y = grid(surface, 38)  # an odd number has a node on Bukin's infinitely steep edge, where no rounding is small
    numpy_values = surface.value(x, y, q)
    tolerance = {"rtol": 1e-13, "atol": 1e-14 * np.abs(numpy_values).max()}
    np.testing.assert_allclose(blocks.evaluate(surface, x, y, q), numpy_values, **tolerance)
    tq = surface.Parameters(*(torch.tensor(v, dtype=torch.float64) for v in q))
    np.testing.assert_allclose(surface.value(torch.tensor(x), torch.tensor(y), tq).numpy(), numpy_values, **tolerance)
    formula, variables, letters = expression(surface)
    numbers = dict(zip(letters, q, strict=True))
    for i, j in ((3, 5), (20, 30), (36, 0)):
        at = {**numbers, variables[0]: x[i, j], variables[1]: y[i, j]}
        assert float(formula.subs(at)) == pytest.approx(numpy_values[i, j], rel=1e-12, abs=tolerance["atol"])


def test_start_and_minima_lie_in_the_domain(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    points = [surface.start, *(tuple(m[:2]) for m in surface.minima(q)), *(tuple(s[:2]) for s in surface.saddles(q))]
    for x, y in points:
        assert surface.domain[0][0] <= x <= surface.domain[0][1]
        assert surface.domain[1][0] <= y <= surface.domain[1][1]
