"""One loop over all surfaces: what they declare holds, and every engine computes the same function."""

import numpy as np
import pytest
import sympy
import torch
from scipy.optimize import minimize

from optim_core import blocks
from surfaces import SURFACES
from surfaces.derivative import expression

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


def grid(surface, n: int = 401) -> tuple[np.ndarray, np.ndarray]:
    (x_low, x_high), (y_low, y_high) = surface.domain
    return np.meshgrid(np.linspace(x_low, x_high, n), np.linspace(y_low, y_high, n))


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
    best = np.argsort(z, axis=None)[:: z.size // 50][:20]
    for index in best:
        found = minimize(lambda p: surface.value(p[0], p[1], q), (x.flat[index], y.flat[index]), method="Nelder-Mead")
        assert found.fun >= lowest - allowed


def test_the_exact_gradient_vanishes_at_minima_and_saddles(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    points = list(surface.saddles(q)) + (list(surface.minima(q)) if surface.smooth_at_minima else [])
    for x, y, value in points:
        gradient = np.hypot(*surface.derivative.value(x, y, q))
        assert gradient <= 1e-9 * max(1.0, float(surface.value(*surface.start, q)))
        assert surface.value(x, y, q) == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_saddles_have_an_indefinite_hessian(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    formula, variables, letters = expression(surface)
    hessian = sympy.hessian(formula, variables).subs(dict(zip(letters, q, strict=True)))
    for x, y, _ in surface.saddles(q):
        assert float(hessian.subs(dict(zip(variables, (x, y), strict=True))).det()) < 0


def test_the_exact_gradient_agrees_with_central_differences(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    rng = np.random.default_rng(0)
    (x_low, x_high), (y_low, y_high) = surface.domain
    x, y = rng.uniform(x_low, x_high, 500), rng.uniform(y_low, y_high, 500)
    h = 6e-6
    differences = (
        (surface.value(x + h, y, q) - surface.value(x - h, y, q)) / (2 * h),
        (surface.value(x, y + h, q) - surface.value(x, y - h, q)) / (2 * h),
    )
    exact = surface.derivative.value(x, y, q)
    scale = np.abs(surface.value(x, y, q)).max()
    np.testing.assert_allclose(differences, np.broadcast_arrays(*exact), rtol=1e-7, atol=1e-9 * (1 + scale))


def test_the_exact_gradient_is_autograds(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    for point in np.random.default_rng(1).uniform(-2, 2, (20, 2)):
        x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point)
        tq = surface.Parameters(*(torch.tensor(v, dtype=torch.float64) for v in q))
        surface.value(x, y, tq).backward()
        exact = [float(v) for v in surface.derivative.value(*point, q)]
        assert x.grad is not None
        assert y.grad is not None
        np.testing.assert_allclose([float(x.grad), float(y.grad)], exact, rtol=1e-9, atol=1e-9)


def test_numba_numpy_torch_and_sympy_agree(name: str, given: dict) -> None:
    surface = SURFACES[name]
    q = surface.Parameters(**given)
    x, y = grid(surface, 37)
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
