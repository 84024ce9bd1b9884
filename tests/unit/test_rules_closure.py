"""Rules that ask for values, gradients and Hessians themselves: identities and known results.

Their checks against other libraries are in test_verify.py.
"""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optim_core import RULES, trace
from optim_core.engine.oracle import Oracle
from optim_core.helpers.line_search import Trial, backtracking, cubic, strong_wolfe
from optim_core.helpers.reference import torch_path
from optim_core.network.torch_optimizer import RuleOptimizer
from optim_core.options import Options
from optim_core.rules import bfgs, conjugate_gradients, lbfgs, newton_damped
from optim_core.runs.outcome import Outcome
from surfaces import SURFACES
from tests.few_surfaces import FEW

CLOSURES = [name for name, rule in RULES.items() if rule.kind == "closure"]
NETWORKS = [name for name in CLOSURES if RULES[name].network is not None]
SEARCHES = ["bfgs", "lbfgs", "conjugate_gradients"]
EXACT = {"c2": 1e-10, "max_ls": 100.0}  # a search that ends at the minimum along the line
START = (-1.2, 1.0)


class Quadratic:
    """x A x / 2 - b x, whose minimum solves A x = b."""

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self.a, self.b = a, b

    def value(self, x: Any) -> float:
        return float(x @ self.a @ x / 2 - self.b @ x)

    def gradient(self, x: Any) -> Any:
        return self.a @ x - self.b

    def hessian(self, x: Any) -> Any:
        return self.a

    def hessian_diagonal(self, x: Any) -> Any:
        return self.a.diagonal()


class Formula:
    """Any function, given by its value, gradient and Hessian."""

    def __init__(self, value: Callable, gradient: Callable, hessian: Callable | None = None) -> None:
        self.value, self.gradient = value, gradient
        self.hessian = hessian or (lambda x: np.eye(len(x)))

    def hessian_diagonal(self, x: np.ndarray) -> np.ndarray:
        return self.hessian(x).diagonal()


def quadratic(n: int = 6, seed: int = 0) -> Quadratic:
    """A random one of condition 100, in n dimensions."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return Quadratic(turned @ np.diag(np.geomspace(1, 100, n)) @ turned.T, rng.normal(size=n))


def oracle(surface: str, **parameters: float) -> Oracle:
    """What the rules are given in a trace with exact gradients."""
    return Oracle(SURFACES[surface], SURFACES[surface].Parameters(**parameters), Options(1, "exact"))


def steps(name: str, f: Any, x: Any, n: int, **hyper: float) -> tuple[list[Any], list[Any]]:
    """Points and states of n steps of a rule, the first ones first."""
    rule = RULES[name]
    h, points, states = rule.Hyper(**hyper), [x], [rule.init(x)]
    for _ in range(n):
        x, s = rule.step(points[-1], f, states[-1], h)
        points.append(x)
        states.append(s)
    return points, states


def run(name: str, surface: str = "rosenbrock", start: Any = None, n: int = 1000, **hyper: float) -> Any:
    begin = SURFACES[surface].start if start is None else start
    return trace(RULES[name], SURFACES[surface], begin, n, hyper=hyper, difference="exact")


# ---------------------------------------------------------------- Newton


def test_newton_finds_the_minimum_of_a_quadratic_in_one_step() -> None:
    f = quadratic()
    for name in ("newton", "newton_damped"):
        points, _ = steps(name, f, np.ones(6), 1)
        np.testing.assert_allclose(points[1], np.linalg.solve(f.a, f.b), atol=1e-13)


def test_newton_makes_the_steps_of_exact_arithmetic_on_rosenbrock() -> None:
    x, y = Fraction(-12, 10), Fraction(1)
    path = run("newton", n=5).path
    for point in path:
        np.testing.assert_allclose(point, (float(x), float(y)), rtol=1e-11)
        gx, gy = -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)
        xx, xy, yy = 2 - 400 * y + 1200 * x * x, -400 * x, Fraction(200)
        det = xx * yy - xy * xy
        x, y = x - (yy * gx - xy * gy) / det, y - (xx * gy - xy * gx) / det


def test_newton_goes_to_the_saddle_and_damped_newton_to_a_minimum() -> None:
    assert run("newton", "saddle", (-3.0, 0.5)).outcome == Outcome.AT_SADDLE
    assert run("newton_damped", "saddle", (-3.0, 0.5)).outcome == Outcome.CONVERGED


def test_a_singular_hessian_ends_newton_and_not_damped_newton() -> None:
    flat = Formula(
        lambda x: x[0] ** 4, lambda x: np.array([4 * x[0] ** 3, 0.0]), lambda x: np.diag([12 * x[0] ** 2, 0])
    )
    assert np.isnan(steps("newton", flat, np.ones(2), 1)[0][1]).all()
    np.testing.assert_allclose(steps("newton_damped", flat, np.ones(2), 60)[0][-1], (0.0, 1.0), atol=1e-2)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.floats(1e-6, 1e3))
def test_damped_newton_factorizes_the_hessian_or_one_with_higher_curvatures(entries: list[float], beta: float) -> None:
    a, b, c = entries
    hessian = np.array([[a, b], [b, c]])
    factor = newton_damped.cholesky(hessian, beta)
    tau = factor @ factor.T - hessian
    size = np.abs(hessian).max() + beta
    np.testing.assert_allclose(tau, tau[0, 0] * np.eye(2), atol=1e-12 * (size + abs(tau[0, 0])))
    lowest = np.linalg.eigvalsh(hessian)[0]
    assert (factor.diagonal() > 0).all()
    if lowest > 1e-9 * size:
        assert abs(tau[0, 0]) <= 1e-12 * size
    else:
        assert tau[0, 0] >= -lowest - 1e-9 * size


# ---------------------------------------------------------------- the line searches


@pytest.mark.parametrize("surface", FEW)
@pytest.mark.parametrize("name", ["gradient_descent_armijo", "newton_damped"])
def test_armijo_holds_at_every_step_and_not_for_the_step_that_was_cut(name: str, surface: str) -> None:
    f, h = oracle(surface), RULES[name].Hyper()
    with np.errstate(all="ignore"):
        points, _ = steps(name, f, np.array(SURFACES[surface].start), 50)
    for before, after in pairwise(points):
        g = f.gradient(before)
        if np.array_equal(before, after):
            continue
        fall = f.value(before) - f.value(after)
        assert fall >= h.c1 * (g @ (before - after)) - 1e-12 * abs(f.value(before))
        if name == "gradient_descent_armijo":
            length = (g @ (before - after)) / (g @ g)
            if length < 0.9 * h.lr:
                longer = length / h.rho
                assert f.value(before - longer * g) > f.value(before) - h.c1 * longer * (g @ g)


def test_armijo_steps_on_a_quadratic_are_no_shorter_than_the_theorem_says() -> None:
    f = quadratic()  # its largest curvature is 100
    points, _ = steps("gradient_descent_armijo", f, np.ones(6), 100, c1=0.3, rho=0.5)
    lengths = [np.linalg.norm(b - a) / np.linalg.norm(f.gradient(a)) for a, b in pairwise(points)]
    assert min(lengths) >= 2 * 0.5 * (1 - 0.3) / 100 * (1 - 1e-6)


@pytest.mark.parametrize("surface", FEW)
@pytest.mark.parametrize("name", SEARCHES)
def test_each_step_fulfils_the_strong_wolfe_conditions(name: str, surface: str) -> None:
    f, h = oracle(surface), RULES[name].Hyper()
    with np.errstate(all="ignore"):
        points, _ = steps(name, f, np.array(SURFACES[surface].start), 25)
    assert not np.array_equal(points[0], points[1])
    for before, after in pairwise(points):
        d, value = after - before, f.value(before)
        slope, there = f.gradient(before) @ d, f.gradient(after) @ d
        if np.abs(f.gradient(before)).max() < 1e-5 or np.array_equal(before, after):
            continue  # near a minimum values are too coarse to tell
        assert f.value(after) <= value + h.c1 * slope + 1e-12 * abs(value)
        if SURFACES[surface].smooth_at_minima:
            assert abs(there) <= -h.c2 * slope * (1 + 1e-9)


@settings(deadline=None)
@given(st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4), st.floats(0.01, 20.0), st.floats(0.01, 0.9))
def test_the_search_is_that_of_torch_on_lines_with_many_valleys(wave: list[float], first: float, c2: float) -> None:
    from torch.optim.lbfgs import _strong_wolfe

    k, weights = np.arange(1.0, 5.0), np.array(wave)
    f = Formula(
        lambda x: float(x[0] ** 2 / 8 + weights @ np.sin(k * x[0])), lambda x: x / 4 + weights @ (k * np.cos(k * x[0]))
    )
    x, value = np.array([3.0]), f.value(np.array([3.0]))
    g = f.gradient(x)
    if abs(g[0]) < 1e-3:
        return
    d, slope = -g, -float(g[0] ** 2)

    def along(_: Any, t: float, direction: torch.Tensor) -> tuple[float, torch.Tensor]:
        point = x + float(t) * direction.numpy()
        return f.value(point), torch.tensor(f.gradient(point))

    *_, theirs, _ = _strong_wolfe(
        along,
        None,
        first,
        torch.tensor(d),
        value,
        torch.tensor(g),
        torch.tensor(slope, dtype=torch.float64),
        c2=c2,
        max_ls=10,
    )
    ours = strong_wolfe(f, x, d, first, value, slope, 1e-4, c2, 10)
    assert ours == pytest.approx(float(theirs), rel=1e-6, abs=1e-12)


def test_the_cubic_through_two_trials_is_least_where_its_derivative_vanishes() -> None:
    value, slope = lambda t: (t - 2) ** 3 - 3 * t, lambda t: 3 * (t - 2) ** 2 - 3
    trials = [Trial(t, value(t), slope(t)) for t in (1.5, 4.0)]
    assert cubic(trials[0], trials[1], 0.0, 10.0) == pytest.approx(3.0, abs=1e-12)
    assert cubic(trials[1], trials[0], 0.0, 10.0) == pytest.approx(3.0, abs=1e-12)
    assert cubic(trials[0], trials[1], 0.0, 2.5) == 2.5
    assert cubic(trials[0], trials[0], 0.0, 1.0) == 0.5  # no cubic: the middle
    assert cubic(Trial(0.0, 0.0, -1.0), Trial(1.0, np.inf, np.nan), 0.0, 1.0) == 0.5


def test_a_search_turns_back_from_where_there_is_no_number() -> None:
    """A logarithm's domain ends at 0: the first step, to -8, leaves it."""
    f = Formula(lambda x: x[0] - np.log(x[0]) if x[0] > 0 else np.nan, lambda x: 1 - 1 / x)
    x, d = np.array([2.0]), np.array([-10.0])
    for t in (
        strong_wolfe(f, x, d, 1.0, f.value(x), -5.0, 1e-4, 0.9, 25),
        backtracking(f, x, d, 1.0, f.value(x), -5.0, 1e-4, 0.5, 25),
    ):
        assert 0 < t < 0.2
        assert f.value(x + t * d) < f.value(x)
    assert np.isnan(strong_wolfe(f, -x, d, 1.0, np.nan, -5.0, 1e-4, 0.9, 25))


# ---------------------------------------------------------------- quasi-Newton and conjugate directions


@pytest.mark.parametrize("name", SEARCHES)
def test_a_quadratic_ends_in_as_many_steps_as_it_has_dimensions(name: str) -> None:
    """With exact line searches. Nocedal & Wright, Theorem 6.4 for BFGS and, with its whole history, for L-BFGS."""
    f = quadratic(6)
    points, _ = steps(name, f, np.ones(6), 6, **EXACT)
    solution = np.linalg.solve(f.a, f.b)
    assert np.abs(points[5] - solution).max() > 1e-3
    np.testing.assert_allclose(points[6], solution, atol=1e-6)


@pytest.mark.parametrize("fletcher_reeves", [0.0, 1.0])
def test_conjugate_gradients_on_a_quadratic_are_the_linear_ones(fletcher_reeves: float) -> None:
    """Hestenes & Stiefel's, with the step's length in closed form; both betas are the same there."""
    f, x = quadratic(6), np.ones(6)
    points, _ = steps("conjugate_gradients", f, x, 6, fletcher_reeves=fletcher_reeves, **EXACT)
    r = f.b - f.a @ x
    p = r
    for point in points[1:]:
        alpha = (r @ r) / (p @ f.a @ p)
        x, after = x + alpha * p, r - alpha * (f.a @ p)
        p, r = after + (after @ after) / (r @ r) * p, after
        np.testing.assert_allclose(point, x, atol=1e-6)


@pytest.mark.parametrize("fletcher_reeves", [0.0, 1.0])
def test_directions_of_conjugate_gradients_are_those_of_their_formula(fletcher_reeves: float) -> None:
    f = oracle("rosenbrock")
    points, states = steps("conjugate_gradients", f, np.array(START), 15, fletcher_reeves=fletcher_reeves)
    d, kept = -f.gradient(points[0]), 0
    for before, x, s in zip(points, points[1:], states[2:], strict=False):
        g0, g = f.gradient(before), f.gradient(x)
        beta = g @ g / (g0 @ g0) if fletcher_reeves else max(0.0, g @ (g - g0) / (g0 @ g0))
        d = -g + beta * d
        if g @ d >= 0:
            d = -g
        np.testing.assert_allclose(s.d, d, rtol=1e-9)
        kept += beta > 0
    assert kept > 5


@pytest.mark.parametrize("fletcher_reeves", [0.0, 1.0])
def test_conjugate_gradients_rest_where_no_step_goes_down(fletcher_reeves: float) -> None:
    """A gradient that promises what the values do not keep."""
    f = Formula(lambda x: 0.0 if np.array_equal(x, np.ones(2)) else 1.0, lambda x: np.array([3.0, 4.0]))
    points, states = steps("conjugate_gradients", f, np.ones(2), 6, fletcher_reeves=fletcher_reeves)
    assert np.array_equal(points[-1], np.ones(2))
    assert all(map(np.array_equal, states[-1], states[-2]))


def test_bfgs_learns_the_inverse_hessian_of_a_quadratic() -> None:
    f = quadratic(4)
    _, states = steps("bfgs", f, np.ones(4), 5, tolerance_grad=0.0, tolerance_change=0.0, **EXACT)
    np.testing.assert_allclose(states[5].inverse, np.linalg.inv(f.a), atol=1e-6)


def test_bfgs_keeps_the_secant_equation_and_descends() -> None:
    f = oracle("rosenbrock")
    points, states = steps("bfgs", f, np.array(START), 30)
    for k in range(2, 30):
        y = f.gradient(points[k - 1]) - f.gradient(points[k - 2])
        s = points[k - 1] - points[k - 2]
        np.testing.assert_allclose(states[k].inverse @ y, s, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(states[k].inverse, states[k].inverse.T, rtol=1e-9)
        assert np.linalg.eigvalsh(states[k].inverse)[0] > 0


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_two_loops_of_lbfgs_are_the_updates_of_bfgs(seed: int) -> None:
    """Nocedal & Wright (7.19): the product of all updates, multiplied out."""
    rng = np.random.default_rng(seed)
    f = quadratic(5, seed % 100)
    pairs = [(s, f.a @ s) for s in rng.normal(size=(4, 5))]
    inverse = 0.3 * np.eye(5)
    for s, y in pairs:
        inverse = bfgs.update(inverse, s, y, 1 / (s @ y))
    g = rng.normal(size=5)
    d = lbfgs.direction(g, [s for s, _ in pairs], [y for _, y in pairs], 0.3)
    np.testing.assert_allclose(d, -inverse @ g, atol=1e-8)


@pytest.mark.parametrize("exponent", [-100, -40, -8, 40, 100])
@pytest.mark.parametrize("name", [*SEARCHES, "newton", "newton_damped"])
def test_the_unit_of_f_changes_nothing(name: str, exponent: int) -> None:
    """A power of four commutes with all rounding, roots' too: the same path to the last bit, its end at the minimum."""
    f, c = oracle("rosenbrock"), 2.0**exponent
    scaled = Formula(lambda x: c * f.value(x), lambda x: c * f.gradient(x), lambda x: c * f.hessian(x))
    points, _ = steps(name, f, np.array(START), 100)
    found, ends = steps(name, scaled, np.array(START), 100)
    assert np.array_equal(found, points)
    np.testing.assert_allclose(found[-1], (1.0, 1.0), atol=1e-6)
    assert all(map(np.array_equal, ends[-1], ends[-2]))  # and there it rests


@pytest.mark.parametrize("name", SEARCHES)
def test_a_tiny_function_is_minimized_like_any_other(name: str) -> None:
    f = oracle("rosenbrock")
    tiny = Formula(lambda x: 1e-10 * f.value(x), lambda x: 1e-10 * f.gradient(x))
    points, _ = steps(name, tiny, np.array(START), 200)
    np.testing.assert_allclose(points[-1], (1.0, 1.0), atol=1e-6)


def test_torch_does_not_minimize_a_tiny_function_nor_does_its_form() -> None:
    f = oracle("rosenbrock")
    tiny = Formula(lambda x: 1e-10 * f.value(x), lambda x: 1e-10 * f.gradient(x))
    points, _ = steps("lbfgs", tiny, np.array(START), 200, relative=0.0, tolerance_grad=1e-7)
    point = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.LBFGS([point], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        point.grad = torch.tensor(tiny.gradient(point.detach().numpy()))
        return torch.tensor(tiny.value(point.detach().numpy()))

    theirs.step(closure)
    assert points[-1].tolist() == point.tolist() == list(START)


def test_lbfgs_makes_torchs_steps_until_its_bounds_matter() -> None:
    """On Rosenbrock's function |g|_1 is more than 1 at the start, and y s more than 1e-10 on the way."""
    rule, f = RULES["lbfgs"], oracle("rosenbrock")
    points, _ = steps("lbfgs", f, np.array(START), 30)
    theirs = torch_path(lambda params: rule.reference(params, rule.Hyper()), f, np.array(START), 30)
    np.testing.assert_allclose(points, theirs, atol=1e-8)


def test_lbfgs_keeps_no_more_than_its_history() -> None:
    _, states = steps("lbfgs", oracle("rosenbrock"), np.array(START), 20, history_size=3.0)
    assert [len(s.steps) for s in states[:6]] == [0, 0, 1, 2, 3, 3]
    assert max(len(s.differences) for s in states) == 3


@pytest.mark.parametrize("name", SEARCHES)
def test_rosenbrock_takes_about_as_many_steps_as_scipy_does(name: str) -> None:
    """SciPy's searches are others, so the counts need not be the same."""
    from scipy.optimize import minimize, rosen, rosen_der

    methods = {"bfgs": "BFGS", "lbfgs": "L-BFGS-B", "conjugate_gradients": "CG"}
    theirs = minimize(rosen, START, jac=rosen_der, method=methods[name], options={"gtol": 1e-7})
    ours = run(name)
    assert ours.outcome == Outcome.CONVERGED
    assert ours.loss[-1] < 1e-9
    assert ours.steps <= 1.5 * theirs.nit


# ---------------------------------------------------------------- AdaHessian


def test_adahessian_with_equal_curvatures_is_momentum_over_the_curvature() -> None:
    """Where D is a constant c, v / (1 - beta2^t) is c^2: what is left is the corrected average of gradients over c."""
    f, x, m = Quadratic(4.0 * np.eye(2), np.array([1.0, -2.0])), np.ones(2), np.zeros(2)
    points, _ = steps("adahessian", f, x, 40)
    for t, point in enumerate(points[1:], 1):
        m = 0.9 * m + 0.1 * f.gradient(x)
        x = x - 0.1 * m / (1 - 0.9**t) / 4.0
        np.testing.assert_allclose(point, x, atol=1e-12)


# ---------------------------------------------------------------- rest, and where there are no numbers


@pytest.mark.parametrize("surface", [name for name in FEW if SURFACES[name].smooth_at_minima])
@pytest.mark.parametrize("name", CLOSURES)
def test_a_rule_rests_where_the_gradient_is_zero(name: str, surface: str) -> None:
    f = oracle(surface)
    for x, y, _ in (*SURFACES[surface].minima(), *SURFACES[surface].saddles()):
        point = np.array([x, y])
        if f.gradient(point).any():
            continue  # known to some digits only
        points, states = steps(name, f, point, 3)
        assert all(np.array_equal(p, point) for p in points)
        assert all(np.isfinite(np.concatenate([np.ravel(v) for v in s])).all() for s in states if s)
        if name != "adahessian":
            assert all(map(np.array_equal, states[2], states[3]))


@pytest.mark.parametrize("name", CLOSURES)
def test_where_a_rule_has_come_to_rest_it_stays(name: str) -> None:
    ours = run(name, "ravine", n=1000)
    assert np.isfinite(ours.path).all()
    if ours.steps < 1000:
        assert np.array_equal(ours.path[-1], ours.path[-2])
        f = oracle("ravine")
        points, _ = steps(name, f, np.array(SURFACES["ravine"].start), ours.steps + 5)
        assert all(np.array_equal(p, ours.path[-1]) for p in points[ours.steps :])


@pytest.mark.parametrize("name", CLOSURES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_number_is_an_outcome(name: str, value: float) -> None:
    f = Formula(lambda x: value, lambda x: x * np.nan, lambda x: np.full((2, 2), np.nan))
    with np.errstate(all="ignore"):
        points, _ = steps(name, f, np.ones(2), 3)
    assert np.isnan(points[1]).all()


@pytest.mark.parametrize("name", CLOSURES)
def test_a_slope_without_end_raises_nothing(name: str) -> None:
    f = Formula(lambda x: -x[0], lambda x: np.array([-1.0, 0.0]), lambda x: np.zeros((2, 2)))
    with np.errstate(all="ignore"):
        points, _ = steps(name, f, np.zeros(2), 50)
    assert not np.isfinite(points[-1]).all() or points[-1][0] > 10


@pytest.mark.parametrize("name", CLOSURES)
@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e150, 1e300])
def test_gradients_whose_squares_are_no_numbers_raise_nothing(name: str, size: float) -> None:
    f = Formula(lambda x: size * float(x @ x) / 2, lambda x: size * x, lambda x: size * np.eye(2))
    small = {key: 1e-320 for key in ("tolerance_grad", "tolerance_change") if key in RULES[name].Hyper._fields}
    with np.errstate(all="ignore"):
        points, _ = steps(name, f, np.ones(2), 5, **small)
    assert len(points) == 6


@pytest.mark.parametrize("name", CLOSURES)
def test_a_step_is_a_function_of_point_and_state(name: str) -> None:
    rule, f = RULES[name], oracle("rosenbrock")
    points, states = steps(name, f, np.array(START), 8)
    again, state = rule.step(points[6].copy(), f, states[6], rule.Hyper())
    assert np.array_equal(again, points[7])
    assert all(map(np.array_equal, state, states[7]))


# ---------------------------------------------------------------- torch vectors


class Torch(Quadratic):
    """The same on torch vectors."""

    def __init__(self, f: Quadratic, dtype: torch.dtype) -> None:
        self.a, self.b = torch.tensor(f.a, dtype=dtype), torch.tensor(f.b, dtype=dtype)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_rule_makes_the_same_steps_on_a_torch_vector(name: str) -> None:
    f = quadratic(5)
    ours, _ = steps(name, f, np.ones(5), 4)
    theirs, states = steps(name, Torch(f, torch.float64), torch.ones(5, dtype=torch.float64), 4)
    np.testing.assert_allclose([x.numpy() for x in theirs], ours, rtol=1e-9, atol=1e-9)
    fields = [value for value in states[-1] if not isinstance(value, tuple)]
    assert all(torch.is_tensor(value) and value.dtype == torch.float64 for value in fields)


@pytest.mark.parametrize("name", NETWORKS)
def test_float32_stays_float32(name: str) -> None:
    f = Torch(quadratic(5), torch.float32)
    points, states = steps(name, f, torch.ones(5), 200)
    assert all(x.dtype == torch.float32 and torch.isfinite(x).all() for x in points)
    vectors = [v for s in states for v in s if torch.is_tensor(v) and v.dim()]
    assert all(v.dtype == torch.float32 for v in vectors)
    least = -float(f.b @ torch.linalg.solve(f.a, f.b)) / 2
    assert f.value(points[-1]) - least <= 1e-3 * (f.value(points[0]) - least)


def test_lbfgs_trains_a_network_as_torch_optim_does() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(40, 5, generator=generator, dtype=torch.float64)
    targets = inputs[:, :1].sin() + inputs[:, 1:2] * inputs[:, 2:3]
    losses: dict[str, list[float]] = {}
    for kind in ("rule", "torch"):
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
        optimizer: Any = RuleOptimizer(model.parameters(), RULES["lbfgs"], lr=1.0)
        if kind == "torch":
            optimizer = RULES["lbfgs"].reference(list(model.parameters()), RULES["lbfgs"].Hyper())

        def closure(model: Any = model, optimizer: Any = optimizer) -> torch.Tensor:
            optimizer.zero_grad()
            loss = ((model(inputs) - targets) ** 2).mean()
            loss.backward()
            return loss

        losses[kind] = [optimizer.step(closure).item() for _ in range(30)]
    np.testing.assert_allclose(losses["rule"], losses["torch"], rtol=1e-6)
    assert losses["rule"][-1] < 0.05 * losses["rule"][0]


def test_conjugate_restart_is_the_gradient() -> None:
    """A direction that does not descend is left for -g, as the first one is."""
    f, h = quadratic(2), RULES["conjugate_gradients"].Hyper(fletcher_reeves=1.0)
    x = np.ones(2)
    g = f.gradient(x)
    state = conjugate_gradients.State(10 * g, g, f.value(x) + 1.0, 0.0)
    _, after = conjugate_gradients.step(x, f, state, h)
    np.testing.assert_array_equal(after.d, -g)
