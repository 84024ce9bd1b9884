"""What is free of units: scaling a function, or the plane, by a power of two changes no path and no outcome.

Powers of two (of four under roots) commute with all rounding, so that the comparison is exact.
"""

from typing import Any

import numpy as np
import pytest

from optim_core import RULES, Outcome
from optim_core.runs.outcome import stationary
from optim_core.studies.maps import lowest_minima
from surfaces import SURFACES, surface_from_formula
from tests.unit.test_rules_closure import START, Formula, oracle, steps

# Rules whose steps depend on the ratios of gradients alone, where their epsilon is 0.
FREE = [
    "adabelief", "adafactor", "adafactor_vector", "adagrad", "adam", "adamax", "adamw", "adan", "ademamix",
    "adopt", "amsgrad", "demon_adam", "demon_adam_damped", "lamb", "lars", "lion", "lookahead", "lp_adam", "nadam",
    "normalized_gradient_descent", "prodigy", "qhadam", "rmsprop", "rmsprop_centered", "rmsprop_corrected", "rprop",
    "schedule_free_adamw", "sign_descent", "signum", "soap", "yogi",
]  # fmt: skip


def path(name: str, c: float, n: int = 60) -> np.ndarray:
    """The path of a rule on c times Rosenbrock's function, epsilons off."""
    rule, f = RULES[name], oracle("rosenbrock")
    h = rule.Hyper(**{eps: 0.0 for eps in ("eps", "eps1") if eps in rule.Hyper._fields})
    x = np.array(START).reshape((2, 1) if rule.scope == "matrix" else (2,))
    points, s = [x], rule.init(x)
    for t in range(1, n + 1):
        with np.errstate(divide="ignore"):  # by the epsilon of 0, at ADOPT's first step, which moves nothing
            x, s = rule.step(x, c * f.gradient(x.reshape(2)).reshape(x.shape), s, h, float(t), float(n))
        points.append(x)
    return np.array(points)


@pytest.mark.parametrize("exponent", [-60, -20, 20])
@pytest.mark.parametrize("name", FREE)
def test_ratios_of_gradients_have_no_unit(name: str, exponent: int) -> None:
    plain = path(name, 1.0)
    assert np.isfinite(plain).all()
    assert len(np.unique(plain, axis=0)) > 5
    assert np.array_equal(path(name, 4.0**exponent), plain)


@pytest.mark.parametrize("name", ["newton", "newton_damped"])
@pytest.mark.parametrize("exponent", [-20, 20])
def test_newton_is_free_of_the_unit_of_the_plane(name: str, exponent: int) -> None:
    f, c = oracle("rosenbrock"), 2.0**exponent
    scaled = Formula(lambda x: f.value(x / c), lambda x: f.gradient(x / c) / c, lambda x: f.hessian(x / c) / c**2)
    points, _ = steps(name, f, np.array(START), 10)
    found, _ = steps(name, scaled, c * np.array(START), 10)
    assert np.array_equal(np.array(found) / c, points)


def scaled(name: str, exponent: int) -> Any:
    """2^exponent times a surface, as a formula that is typed."""
    return surface_from_formula(f"{2.0**exponent!r} * ({name})", ((-5.0, 5.0), (-5.0, 5.0)))


HIMMELBLAU = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"


@pytest.mark.parametrize("exponent", [-620, -40, 40, 620])
def test_saddles_and_minima_are_found_whatever_the_unit(exponent: int) -> None:
    """At 2^-620 the Hessian's determinant would underflow."""
    known = SURFACES["himmelblau"]
    rng = np.random.default_rng(0)
    points = np.concatenate([known.minima()[:, :2], known.saddles()[:, :2], rng.uniform(-5, 5, (50, 2))])
    at_minimum, at_saddle = stationary(scaled(HIMMELBLAU, exponent), (), points)
    k, m = len(known.minima()), len(known.saddles())
    assert at_minimum.tolist() == [True] * k + [False] * (m + 50)
    assert at_saddle.tolist() == [False] * k + [True] * m + [False] * 50


@pytest.mark.parametrize("exponent", [-60, 0, 60])
def test_the_lowest_minimum_is_the_lowest_whatever_the_unit(exponent: int) -> None:
    one = scaled("(x^2 - 1)^2 + 0.3*x + y^2", exponent)
    minima = one.minima()
    (lowest,) = lowest_minima(one)
    assert minima[lowest, 0] < 0
    assert len(minima) == 2
    assert len(lowest_minima(scaled(HIMMELBLAU, exponent))) == 4  # all of one height, to rounding


@pytest.mark.parametrize("name", ["bfgs", "lbfgs", "conjugate_gradients"])
def test_a_tiny_surface_is_descended_and_said_to_be(name: str) -> None:
    from optim_core import trace

    tiny = surface_from_formula("1e-10 * ((1 - x)^2 + 100*(y - x^2)^2)", ((-2.0, 2.0), (-1.0, 3.0)))
    run = trace(RULES[name], tiny, (-1.2, 1.0), 200, difference="exact")
    assert run.outcome == Outcome.CONVERGED
