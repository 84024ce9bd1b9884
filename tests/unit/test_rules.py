"""Every rule against an independent implementation, and against itself on other engines."""

import inspect
import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from optim_core import RULES, flat, trace
from surfaces import SURFACES

STEPS = 1000
# Rates at which neither surface makes the rule bounce for ever: there the path is chaotic, a rounding error grows by
# some powers of ten every hundred steps, and two right implementations part. Elsewhere they stay within 1e-13.
RATES = {
    "gradient_descent": 5e-4,
    "momentum": 1e-4,
    "momentum_average": 1e-3,
    "nesterov": 1e-4,
    "rmsprop": 3e-3,
    "adadelta": 0.1,
    "asgd": 5e-4,
    "nadam": 0.01,
    "radam": 1e-3,
    "rmsprop_centered": 3e-5,
    "rmsprop_corrected": 3e-3,
    "qhm": 1e-3,
    "qhadam": 0.01,
    "aggmo": 1e-4,
    "demon_sgdm": 1e-4,
    "demon_adam": 1e-3,
    "demon_adam_damped": 0.01,
    "adan": 0.01,
    "schedule_free_sgd": 5e-4,
    "schedule_free_adamw": 0.03,
    "lion": 1e-3,
    "signum": 1e-3,
    "sign_descent": 1e-3,
}
# The variance is a difference of nearly equal numbers while the gradient hardly changes.
BOUNDS = {"rmsprop_centered": 1e-10}
CASES = {
    "rosenbrock": ("rosenbrock", None, (-1.2, 1.0)),
    "ill-conditioned": ("ravine", {"condition": 1000.0, "angle": 30.0}, (-4.0, 2.0)),
}
TWINS = [name for name, rule in RULES.items() if "return torch.optim" in inspect.getsource(rule.reference)]
# Its functions are powers, logarithms or exponentials, which differ by units in the last place between engines.
TRANSCENDENTAL = [name for name, rule in RULES.items() if re.search(r"xp\.(power|log|exp)\(", rule.source)]
VARIANTS = [(name, {}) for name in TWINS if name != "lp_adam"] + [  # which has a twin for p = 2 alone
    ("momentum", {"momentum": 0.0}),
    ("nesterov", {"momentum": 0.99}),
    ("adam", {"lr": 0.01, "beta1": 0.5, "eps": 1e-3}),
    ("adam", {"lr": 0.1, "beta2": 0.9}),
    ("adamw", {"weight_decay": 0.5}),
    ("rmsprop", {"lr": 1e-3, "alpha": 0.5}),
    ("adadelta", {"lr": 0.01, "rho": 0.5}),
    ("amsgrad", {"lr": 0.01, "beta2": 0.9}),
    ("nadam", {"momentum_decay": 0.1}),
    ("radam", {"lr": 1e-4, "beta2": 0.98}),
    ("radam", {"lr": 1e-4, "beta2": 0.6}),
    ("rprop", {"eta_minus": 0.7, "eta_plus": 1.1, "step_max": 0.05}),
    ("asgd", {"lambd": 0.1, "alpha": 0.5, "t0": 100.0}),
    ("rmsprop_centered", {"momentum": 0.0}),
    ("rmsprop_centered", {"centered": 0.0, "eps": 1e-3}),
    ("rmsprop_corrected", {"lr": 3e-4, "alpha": 0.5}),
    ("lp_adam", {"p": 2.0, "lr": 0.05}),
]


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """torch.optim.NAdam and pytorch_optimizer's Prodigy keep numbers in torch's default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def settings(name: str, extra: dict[str, float]) -> dict[str, float]:
    given = {"lr": RATES[name]} if name in RATES else {}
    return {**given, **extra}


def path_of_reference(optimizer: torch.optim.Optimizer, x: torch.Tensor, surface, q, steps: int) -> np.ndarray:
    """The path of a torch optimizer that is given the surface's exact gradient."""
    path = [x.detach().numpy().copy()]
    for _ in range(steps):
        gx, gy = surface.derivative.value(*(float(v) for v in path[-1]), q)
        x.grad = torch.tensor([gx, gy], dtype=torch.float64)
        optimizer.step()
        path.append(x.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "extra"), VARIANTS, ids=lambda v: v if isinstance(v, str) else str(v))
def test_rule_makes_the_steps_of_torch_optim(name: str, extra: dict[str, float], case: str) -> None:
    surface_name, parameters, start = CASES[case]
    rule, surface = RULES[name], SURFACES[surface_name]
    hyper = settings(name, extra)
    ours = trace(rule, surface, start, STEPS, hyper=hyper, surface_parameters=parameters, difference="exact")
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    q = surface.Parameters(**(parameters or {}))
    theirs = path_of_reference(rule.reference([x], rule.Hyper(**hyper)), x, surface, q, STEPS)
    assert np.isfinite(theirs).all()
    assert np.abs(ours.path - theirs).max() <= BOUNDS.get(name, 1e-12) * np.abs(theirs).max()


@pytest.mark.parametrize("name", RULES)
def test_a_reference_is_an_optimizer_or_says_that_there_is_none(name: str) -> None:
    x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    found = RULES[name].reference([x], RULES[name].Hyper())
    assert isinstance(found, torch.optim.Optimizer | None)
    assert found is not None or "return None" in inspect.getsource(RULES[name].reference)


def test_adam_without_bias_correction_is_adam_with_the_first_moments_scaled_by_hand() -> None:
    """No torch switch exists; m and v by their closed form, a weighted sum of all gradients so far."""
    run = trace(RULES["adam"], SURFACES["himmelblau"], (0.0, 0.0), 60, hyper={"lr": 0.05, "bias_correction": 0.0})
    beta1, beta2, eps = 0.9, 0.999, 1e-8
    for t in range(1, 61):
        g = run.gradient[:t]
        age = np.arange(t)[::-1, None]
        m = ((1 - beta1) * beta1**age * g).sum(axis=0)
        v = ((1 - beta2) * beta2**age * g * g).sum(axis=0)
        expected = run.path[t - 1] - 0.05 * m / (np.sqrt(v) + eps)
        np.testing.assert_allclose(run.path[t], expected, rtol=1e-12, atol=1e-14)


def test_the_two_forms_of_momentum_are_one_path() -> None:
    start, surface = (-4.0, 2.0), SURFACES["ravine"]
    torch_form = trace(RULES["momentum"], surface, start, 300, hyper={"lr": 0.01, "momentum": 0.9})
    average = trace(RULES["momentum_average"], surface, start, 300, hyper={"lr": 0.01 / (1 - 0.9), "beta": 0.9})
    np.testing.assert_allclose(torch_form.path, average.path, atol=1e-12)


def test_rmsprop_that_forgets_at_once_is_sign_descent() -> None:
    run = trace(RULES["rmsprop"], SURFACES["ravine"], (-4.0, 2.0), 50, hyper={"lr": 0.01, "alpha": 0.0, "eps": 0.0})
    np.testing.assert_allclose(np.abs(np.diff(run.path, axis=0)), 0.01, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_numba_and_numpy_agree_to_the_last_bit(name: str) -> None:
    """Rules made of + - * / sqrt abs sign max min where, which round alike; others nearly so."""
    rule = RULES[name]
    hyper = settings(name, {})
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


@pytest.mark.parametrize("name", RULES)
def test_numba_and_torch_agree_at_every_step(name: str) -> None:
    """To the last bit, but for torch's square root, which some CPU builds round wrongly by one unit, and a number over
    a tensor, which it takes as a product with the reciprocal."""
    rule = RULES[name]
    hyper = settings(name, {})
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


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if flat._elementwise(rule)])
def test_sympy_runs_the_same_step(name: str) -> None:
    import sympy

    rule = RULES[name]
    h = rule.Hyper(**settings(name, {}))
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
