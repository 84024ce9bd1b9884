"""Differences against 40-digit arithmetic, torch and the runs themselves; their errors as theory has them."""

from typing import Any

import numpy as np
import pytest
import sympy
import torch
from scipy.optimize import minimize_scalar

from optim_core import RULES, trace
from optim_core.engine.blocks import evaluate
from optim_core.options import DIFFERENCES
from optim_core.studies.differences import ORDERS, differences, exact, noise, optimum, rounding, truncation
from surfaces import SURFACES
from surfaces.core.symbolic import expression
from tests.few_surfaces import FEW

POINTS = {name: (SURFACES[name].start, (0.3, 0.7)) for name in FEW}
CASES = [(name, point) for name, points in POINTS.items() for point in points]
everywhere = pytest.mark.parametrize(("name", "point"), CASES)


def precise(surface: Any, x: float, y: float, q: Any) -> sympy.Expr:
    """The formula's value at exactly these float64 numbers, to 40 digits."""
    formula, (a, b), letters = expression(surface)
    numbers = dict(zip([a, b, *letters], [sympy.Rational(v) for v in (x, y, *q)], strict=True))
    return formula.subs(numbers).evalf(40)


@everywhere
def test_differences_against_40_digits(name: str, point: tuple) -> None:
    surface = SURFACES[name]
    q = surface.Parameters()
    x, y = point
    h = 2.0**-7  # x + h is exact then, but for its last digits
    right, left = precise(surface, x + h, y, q), precise(surface, x - h, y, q)
    up, down = precise(surface, x, y + h, q), precise(surface, x, y - h, q)
    here = precise(surface, x, y, q)
    expected = {
        "central": ((right - left) / (2 * h), (up - down) / (2 * h)),
        "forward": ((right - here) / h, (up - here) / h),
        "as_printed": (right - left / (2 * h), up - down / (2 * h)),
    }
    allowed = 1e-14 * max(1.0, abs(float(here))) / h
    for way, found in differences(surface, point, [h], q).items():
        np.testing.assert_allclose(found[0], np.array(expected[way], dtype=float), rtol=1e-13, atol=allowed)


@everywhere
@pytest.mark.parametrize("way", [way for way in DIFFERENCES if way != "exact"])
def test_they_are_what_a_run_is_given(name: str, point: tuple, way: str) -> None:
    surface = SURFACES[name]
    q = surface.Parameters()
    sigma = noise(surface, point, q)
    for h in (1e-9, 6e-6, 1e-3):
        run = trace(RULES["gradient_descent"], surface, point, 1, difference=way, spacing=h)
        found = differences(surface, point, [h], q)[way][0]
        np.testing.assert_allclose(run.gradient[0], found, rtol=1e-14, atol=10 * sigma / h)


@everywhere
def test_the_exact_gradient_and_the_truncation_are_torchs_derivatives(name: str, point: tuple) -> None:
    surface = SURFACES[name]
    q = surface.Parameters()
    orders = np.empty((4, 2))
    for axis in (0, 1):
        x, y = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point)
        value = surface.value(x, y, q)
        for order in (1, 2, 3):
            if value.requires_grad:
                (slope,) = torch.autograd.grad(value, (x, y)[axis], create_graph=True, allow_unused=True)
                value = torch.zeros((), dtype=torch.float64) if slope is None else slope
            else:
                value = torch.zeros((), dtype=torch.float64)
            orders[order, axis] = value.item()
    np.testing.assert_allclose(exact(surface, point, q), orders[1], rtol=1e-11, atol=1e-11)
    found = truncation(surface, point, q)
    assert found["forward"] == pytest.approx(np.hypot(*orders[2]) / 2, rel=1e-11)
    assert found["central"] == pytest.approx(np.hypot(*orders[3]) / 6, rel=1e-10, abs=1e-12)


@everywhere
def test_the_noise_is_that_of_the_values_against_40_digits(name: str, point: tuple) -> None:
    surface = SURFACES[name]
    q = surface.Parameters()
    formula, (a, b), letters = expression(surface)
    formula = formula.subs(dict(zip(letters, map(sympy.Rational, q), strict=True)))
    offsets = 1e-5 * np.random.default_rng(1).uniform(-1, 1, 60)
    wrong = []
    for axis in (0, 1):
        along = np.eye(2)[axis]
        values = evaluate(surface, point[0] + along[0] * offsets, point[1] + along[1] * offsets, q)
        errors = []
        for offset, value in zip(offsets, values, strict=True):
            # The point before it is rounded: that is part of the noise.
            x, y = (sympy.Rational(p) + int(e) * sympy.Rational(offset) for p, e in zip(point, along, strict=True))
            errors.append(float(sympy.Rational(value) - formula.subs({a: x, b: y}).evalf(40)))
        wrong.append(np.var(errors))
    assert noise(surface, point, q) == pytest.approx(np.sqrt(sum(wrong)), rel=0.6)


@everywhere
@pytest.mark.parametrize("way", ORDERS)
def test_errors_have_the_slopes_that_theory_says(name: str, point: tuple, way: str) -> None:
    surface = SURFACES[name]
    q = surface.Parameters()
    factor, sigma, gradient = truncation(surface, point, q)[way], noise(surface, point, q), exact(surface, point, q)

    def errors(h: np.ndarray) -> np.ndarray:
        return np.hypot(*(differences(surface, point, h, q)[way] - gradient).T)

    best = optimum(way, factor, sigma)
    if factor == 0:
        assert best.spacing == np.inf
        assert errors(np.array([1.0]))[0] < 1e-13
        return
    large = best.spacing * np.array([50, 100.0])
    low, high = errors(large)
    assert np.log2(high / low) == pytest.approx(ORDERS[way], abs=0.05)
    assert high == pytest.approx(factor * large[1] ** ORDERS[way], rel=0.05)
    near = errors(best.spacing * np.logspace(-0.5, 0.5, 101))
    assert best.error / 4 < np.median(near) < best.error * 4


@pytest.mark.parametrize("name", FEW)
def test_the_rounding_floor_is_that_of_the_errors(name: str) -> None:
    """At one point some dozens of rounding errors decide, so that hundreds of points are asked."""
    surface = SURFACES[name]
    q = surface.Parameters()
    random, h, ratios = np.random.default_rng(0), np.logspace(-13, -11, 200), []
    for _ in range(100):
        point = [random.uniform(low, high) for low, high in surface.domain]
        gradient, sigma = exact(surface, point, q), noise(surface, point, q)
        for way, found in differences(surface, point, h, q).items():
            if way in ORDERS:
                errors = np.hypot(*(found - gradient).T)
                ratios.append(np.sqrt(np.mean((errors * h) ** 2)) / rounding(way, sigma))
    assert 0.8 < np.median(ratios) < 1.2
    assert np.quantile(ratios, 0.01) > 0.3
    assert np.quantile(ratios, 0.99) < 3


@pytest.mark.parametrize(("way", "factor", "sigma"), [("forward", 3.0, 1e-16), ("central", 0.02, 2e-9)])
def test_the_best_h_is_where_the_expected_error_is_least(way: str, factor: float, sigma: float) -> None:
    def expected(log_h: float) -> float:
        h = np.exp(log_h)
        return factor * h ** ORDERS[way] + rounding(way, sigma) / h

    found: Any = minimize_scalar(expected, bounds=(np.log(1e-14), 0.0), method="bounded", options={"xatol": 1e-10})
    best = optimum(way, factor, sigma)
    assert best.error == pytest.approx(found.fun, rel=1e-9)
    assert best.spacing == pytest.approx(np.exp(found.x), rel=1e-4)


def test_no_gradient_where_ackley_has_its_point() -> None:
    surface = SURFACES["ackley"]
    assert not np.isfinite(exact(surface, (0.0, 0.0), surface.Parameters())).all()
    np.testing.assert_array_equal(differences(surface, (0.0, 0.0), [1e-3], surface.Parameters())["central"], [[0, 0]])


def test_a_formula_without_higher_derivatives_says_so() -> None:
    class Kinked:
        def straight(self, order: int) -> None:
            raise TypeError("no verb for DiracDelta")

    surface: Any = Kinked()
    found = truncation(surface, (1.0, 1.0), ())
    assert np.isnan([*found.values()]).all()
    assert np.isnan(optimum("central", found["central"], 1e-16).spacing)


def test_the_parenthesis_leaves_minus_f_over_2h() -> None:
    """-f/(2h) + f + f'/2 + O(h), from the Taylor series of f(x+h) - f(x-h) / (2h)."""
    surface, point = SURFACES["beale"], (1.0, 1.5)
    q = surface.Parameters()
    value, gradient = float(surface.value(*point, q)), exact(surface, point, q)
    for h in (1e-3, 1e-4, 1e-5):
        found = differences(surface, point, [h], q)["as_printed"][0]
        expected = -value / (2 * h) + value + gradient / 2
        np.testing.assert_allclose(found, expected, rtol=0, atol=100 * h)


@pytest.mark.parametrize("distance", [1e-9, 1e-7, 2e-6, 1e-4, 1e-2])
def test_a_kink_nearby_is_not_taken_for_noise(distance: float) -> None:
    """Ackley's values around 0 are sums of numbers near 20: each rounds by some 1e-15, however near its point is."""
    surface = SURFACES["ackley"]
    assert 3e-16 < noise(surface, (distance, distance), surface.Parameters()) < 2e-14
