"""Every rule against itself on other engines, and against what mathematics says of it.

What it is held against otherwise its file says in CHECKS; test_verify.py runs them.
"""

import re

import numpy as np
import pytest
import torch

from optim_core import RULES, flat, trace
from surfaces import SURFACES

COMPILED = [name for name, rule in RULES.items() if rule.compiled]
# Its functions are powers, logarithms or exponentials, which differ by units in the last place between engines.
TRANSCENDENTAL = [name for name, rule in RULES.items() if re.search(r"xp\.(power|log|exp)\(", rule.source)]


@pytest.mark.parametrize("name", COMPILED)
def test_numba_and_numpy_agree_to_the_last_bit(name: str) -> None:
    """Rules made of + - * / sqrt abs sign max min where, which round alike; others nearly so."""
    rule = RULES[name]
    hyper = rule.checks[0].hyper
    run = trace(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 300, hyper=hyper)
    h, x = rule.Hyper(**hyper), run.path[0]
    state = rule.init(x)
    relative, absolute = (1e-9, 1e-12) if name in TRANSCENDENTAL else (0.0, 0.0)
    for t, gradient in enumerate(run.gradient, start=1):
        x, state = rule.step(x, gradient, state, h, float(t), float(run.steps))
        np.testing.assert_allclose(x, run.path[t], rtol=relative, atol=absolute)
        for field in rule.State._fields:
            after = getattr(state, field)
            np.testing.assert_allclose(after, run.state[field][t], rtol=relative, atol=absolute, err_msg=field)


@pytest.mark.parametrize("name", COMPILED)
def test_numba_and_torch_agree_at_every_step(name: str) -> None:
    """To the last bit, but for torch's square root, which some CPU builds round wrongly by one unit, and a number over
    a tensor, which it takes as a product with the reciprocal."""
    rule = RULES[name]
    hyper = rule.checks[0].hyper
    run = trace(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 300, hyper=hyper)
    tolerance = 4 * np.finfo(float).eps if re.search(r"sqrt|h\.lr / |h\.lr \* h\.lr / ", rule.source) else 0.0
    absolute = 0.0
    if name in TRANSCENDENTAL:
        tolerance, absolute = 1e-11, 1e-15
    for t in range(1, run.steps + 1):
        x, g = torch.tensor(run.path[t - 1]), torch.tensor(run.gradient[t - 1])
        before = rule.State(**{field: torch.tensor(values[t - 1]) for field, values in run.state.items()})
        x, state = rule.step(x, g, before, rule.Hyper(**hyper), float(t), float(run.steps))
        assert x.dtype == torch.float64
        np.testing.assert_allclose(x, run.path[t], rtol=tolerance, atol=absolute)
        for field in rule.State._fields:
            after = getattr(state, field)
            np.testing.assert_allclose(after, run.state[field][t], rtol=tolerance, atol=absolute, err_msg=field)


@pytest.mark.parametrize("name", [name for name in COMPILED if flat._elementwise(RULES[name])])
def test_sympy_runs_the_same_step(name: str) -> None:
    import sympy

    rule = RULES[name]
    h = rule.Hyper(**rule.checks[0].hyper)
    x, g = sympy.symbols("x g", real=True)
    formula, _ = rule.step(x, g, rule.init(x), h, 1.0, 10.0)
    for gradient in (-3.0, 0.7):
        point = np.array([0.4, 0.4])
        expected, _ = rule.step(point, np.array([gradient, gradient]), rule.init(point), h, 1.0, 10.0)
        assert float(formula.subs({x: 0.4, g: gradient})) == pytest.approx(expected[0], rel=1e-12)


def test_gradient_descent_on_a_quadratic_has_its_closed_form() -> None:
    q = {"condition": 20.0, "angle": 0.0}
    run = trace(
        RULES["gradient_descent"], SURFACES["ravine"], (-4.0, 2.0), 200, hyper={"lr": 0.03}, surface_parameters=q,
        difference="exact",
    )  # fmt: skip
    t = np.arange(201)
    np.testing.assert_allclose(run.path[:, 0], -4.0 * (1 - 0.03) ** t, rtol=1e-11)
    np.testing.assert_allclose(run.path[:, 1], 2.0 * (1 - 0.03 * 20) ** t, rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "hyper", "edge"),
    [
        ("gradient_descent", {}, lambda m: 2.0),
        ("momentum", {"momentum": 0.9}, lambda m: 2 * (1 + m)),
        ("momentum_average", {"beta": 0.9}, lambda m: 2 * (1 + m) / (1 - m)),
    ],
)
def test_stability_edges_on_a_quadratic(name: str, hyper: dict[str, float], edge) -> None:
    curvature = 20.0
    limit = edge(0.9) / curvature
    q = {"condition": curvature, "angle": 0.0}
    for factor, stable in ((0.98, True), (1.02, False)):
        run = trace(
            RULES[name], SURFACES["ravine"], (0.0, 1.0), 3000, hyper={**hyper, "lr": factor * limit},
            surface_parameters=q, difference="exact",
        )  # fmt: skip
        assert (np.abs(run.path[-1]).max() < 1.0) == stable
