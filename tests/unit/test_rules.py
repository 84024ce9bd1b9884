"""Every rule against itself on other engines, and against what mathematics says of it.

What it is held against otherwise its file says in CHECKS; test_verify.py runs them.
"""

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from optim_core import RULES, trace, xp
from optim_core.network import flat
from optim_core.rule import Rule
from surfaces import SURFACES
from tests import rounding

COMPILED = [name for name, rule in RULES.items() if rule.compiled]
EPS = np.finfo(float).eps
# Functions in which engines and processors differ by units in the last place: NumPy allows itself up to 4, SLEEF 1.
INEXACT = {"power", "log", "exp", "tanh", "sin", "cos", "atan"}
# In which torch on a CPU may be off by one: square roots, and a number over a tensor, a product with its reciprocal.
NEARLY = {"sqrt", "rsqrt", "reciprocal"}


def operations(rule: Rule) -> set[str]:
    """What a step, and the look before it, asks for: those of INEXACT, of tensors or numbers, and torch's own names."""
    found: set[str] = set()

    def noted(verb: str, function: Any) -> Any:
        return lambda *given: found.add(verb) or function(*given)

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, given: Any = (), options: Any = None) -> Any:
            found.add(function.overloadpacket.__name__.rstrip("_"))
            return function(*given, **(options or {}))

    h, x = rule.Hyper(**rule.checks[0].hyper), torch.tensor([-1.2, 1.0], dtype=torch.float64)
    with ExitStack() as patched, Seen():
        for verb in INEXACT:
            patched.enter_context(patch.object(xp, verb, noted(verb, getattr(xp, verb))))
        state = rule.init(x)
        for t in (1.0, 2.0):
            if rule.look is not None:
                rule.look(x, *((x,) if rule.looks_with_gradient else ()), state, h, t, 9.0)
            x, state = rule.step(x, x, state, h, t, 9.0)
    return found


@pytest.mark.parametrize("name", COMPILED)
def test_numba_and_numpy_agree_to_the_last_bit(name: str) -> None:
    """Rules made of + - * / sqrt abs sign max min where, which round alike; others nearly so."""
    rule = RULES[name]
    hyper = rule.checks[0].hyper
    run = trace(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 300, hyper=hyper)
    h, x = rule.Hyper(**hyper), run.path[0]
    state = rule.init(x)
    path, states = [x], {field: [value] for field, value in state._asdict().items()}
    for t, gradient in enumerate(run.gradient, start=1):
        x, state = rule.step(x, gradient, state, h, float(t), float(run.steps))
        path.append(x)
        for field, value in state._asdict().items():
            states[field].append(value)

    def along(noise: rounding.Noise, field: str | None = None) -> np.ndarray:
        """The points, or a field of the state, by the same gradients, with rounding errors put in."""
        x, state = run.path[0], rule.init(run.path[0])
        found = [x if field is None else getattr(state, field)]
        for t, gradient in enumerate(run.gradient, start=1):
            x, state = rule.step(x, gradient, state, h, float(t), float(run.steps))
            x, state = noise(x), rule.State(*map(noise, state))
            found.append(x if field is None else getattr(state, field))
        return np.array(found)

    for field, ours, theirs in [(None, path, run.path), *((key, states[key], run.state[key]) for key in states)]:
        if not operations(rule) & INEXACT:
            np.testing.assert_array_equal(np.array(ours), theirs, err_msg=str(field))
        else:
            rounding.assert_alike(theirs, np.array(ours), lambda noise, field=field: along(noise, field), str(field))


@pytest.mark.parametrize("name", COMPILED)
def test_numba_and_torch_agree_at_every_step(name: str) -> None:
    """To the last bit, but for what torch may be off by (NEARLY), and for functions that nobody rounds exactly."""
    rule = RULES[name]
    hyper = rule.checks[0].hyper
    run = trace(rule, SURFACES["rosenbrock"], (-1.2, 1.0), 300, hyper=hyper)
    used = operations(rule)
    tolerance = 4 * EPS if used & NEARLY else 0.0
    for t in range(1, run.steps + 1, 10 if used & INEXACT else 1):

        def after(noise: rounding.Noise, make: Any = np.array, t: int = t) -> tuple[Any, Any]:
            x, g = make(noise(run.path[t - 1])), make(noise(run.gradient[t - 1]))
            before = rule.State(**{field: make(noise(values[t - 1])) for field, values in run.state.items()})
            return rule.step(x, g, before, rule.Hyper(**hyper), float(t), float(run.steps))

        x, state = after(rounding.Noise(0, 0.0), torch.tensor)
        assert x.dtype == torch.float64
        for field, ours, theirs in [("x", x, run.path[t])] + [
            (field, getattr(state, field), run.state[field][t]) for field in rule.State._fields
        ]:
            if used & INEXACT:
                again = lambda noise, field=field: after(noise)[0] if field == "x" else getattr(after(noise)[1], field)  # noqa: E731
                allowed = rounding.MARGIN * rounding.spread(again) * np.abs(theirs).max()
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=allowed, err_msg=field)
            else:
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=0, err_msg=field)


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
