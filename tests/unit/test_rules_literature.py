"""Rules of the literature against pytorch_optimizer, and against what they become in special cases.

Rules that torch.optim has are in test_rules.py.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from optim_core import RULES, trace
from surfaces import SURFACES

STEPS = 1000
# Where a rule comes to bounce its path is chaotic: two right implementations part. These rates stay clear of that.
RATES = {
    "gradient_descent": 5e-4, "momentum": 1e-4, "momentum_average": 1e-3, "nesterov": 1e-4, "rmsprop": 3e-3,
    "rmsprop_corrected": 3e-3, "qhm": 1e-3, "qhadam": 0.01, "aggmo": 1e-4, "signum": 1e-3, "sign_descent": 1e-3,
    "lion": 1e-3, "adabelief": 0.1, "yogi": 0.1, "adabound": 0.1, "adan": 0.01, "adopt": 0.05, "ademamix": 0.05,
    "schedule_free_sgd": 5e-4, "schedule_free_adamw": 0.03, "prodigy": 1.0,
}  # fmt: skip
CASES = {
    "rosenbrock": ("rosenbrock", {}, (-1.2, 1.0)),
    "ill-conditioned": ("ravine", {"condition": 1000.0, "angle": 30.0}, (-4.0, 2.0)),
}
BOUND = 1e-12  # of the path's largest coordinate
# Prodigy's d is a quotient of sums that both begin at nearly zero: on Rosenbrock rounding grows by 1e4 in 1,000 steps.
BOUNDS = {"prodigy": 1e-11}
PUBLISHED = [
    name for name, rule in RULES.items() if "from pytorch_optimizer import" in inspect.getsource(rule.reference)
]
VARIANTS: list[tuple[str, dict[str, float]]] = [(name, {}) for name in PUBLISHED] + [
    ("qhm", {"momentum": 0.999, "nu": 0.5}),
    ("qhadam", {"nu1": 0.3, "nu2": 0.6, "beta1": 0.9}),
    ("aggmo", {"lr": 3e-5, "beta1": 0.5, "beta3": 0.999}),
    ("lion", {"beta1": 0.5, "beta2": 0.9}),
    ("signum", {"momentum": 0.99}),
    ("adabelief", {"lr": 0.01, "eps": 1e-8}),
    ("yogi", {"lr": 0.01, "beta2": 0.9}),
    ("adabound", {"lr": 0.01, "final_lr": 1e-3, "gamma": 0.01}),
    ("adan", {"beta1": 0.9, "beta2": 0.5, "beta3": 0.999}),
    ("adopt", {"beta2": 0.9999, "eps": 1e-2}),
    ("ademamix", {"lr": 1e-3, "beta3": 0.9999, "alpha": 5.0}),
    ("schedule_free_sgd", {"momentum": 0.5}),
    ("schedule_free_adamw", {"weight_decay": 0.1}),
    ("prodigy", {"d0": 1e-3, "beta1": 0.5}),
]


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """pytorch_optimizer keeps some numbers in torch's default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def ours(name: str, case: str, hyper: dict[str, float], steps: int = STEPS) -> Any:
    """The trace of a rule; the rate of RATES where none is given."""
    surface, parameters, start = CASES[case]
    given = {"lr": RATES[name]} if name in RATES and "lr" not in hyper else {}
    return trace(RULES[name], SURFACES[surface], start, steps, hyper=given | hyper, surface_parameters=parameters,
                 difference="exact")  # fmt: skip


def theirs(
    build: Callable, case: str, steps: int = STEPS, before: Callable = lambda optimizer, x, t: None
) -> np.ndarray:
    """The path of a torch optimizer; before(optimizer, x, t) comes between the gradient and step t."""
    name, parameters, start = CASES[case]
    surface = SURFACES[name]
    x = torch.tensor(start, requires_grad=True)
    optimizer, q, path = build([x]), surface.Parameters(**parameters), [np.array(start)]
    for t in range(1, steps + 1):
        x.grad = torch.tensor(surface.derivative.value(*map(float, path[-1]), q))
        before(optimizer, x, t)
        optimizer.step()
        path.append(x.detach().numpy().copy())
    return np.array(path)


def assert_same(found: np.ndarray, expected: np.ndarray, bound: float = BOUND) -> None:
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


def in_double(optimizer: Any, x: torch.Tensor, t: int) -> None:
    """QHAdam's averaging weights are float32 whatever the parameters are; as float64 they are its formula still."""
    if t == 1:
        optimizer.init_group(optimizer.param_groups[0])
        for state in optimizer.state.values():
            state |= {name: value.double() for name, value in state.items() if torch.is_tensor(value)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "extra"), VARIANTS, ids=lambda v: v if isinstance(v, str) else str(v))
def test_rule_makes_the_steps_of_pytorch_optimizer(name: str, extra: dict[str, float], case: str) -> None:
    run = ours(name, case, extra)
    h = RULES[name].Hyper(**({"lr": RATES[name]} | extra))
    before = in_double if name == "qhadam" else lambda optimizer, x, t: None
    expected = theirs(lambda params: RULES[name].reference(params, h), case, before=before)
    assert_same(run.path, expected, BOUNDS.get(name, BOUND))


def test_every_rule_without_a_reference_is_held_against_something_here() -> None:
    x = torch.zeros(2, requires_grad=True)
    without = {name for name, rule in RULES.items() if rule.reference([x], rule.Hyper()) is None}
    tests = [name for name in globals() if name.startswith("test_")]
    assert [name for name in sorted(without) if not any(name in test for test in tests)] == []


# ---------------------------------------------------------------- one rule is another

SAME: list[tuple[str, dict[str, float], str, dict[str, float]]] = [
    ("qhm", {"nu": 1.0}, "momentum_average", {"beta": 0.9}),
    ("qhm", {"nu": 0.9, "lr": 1e-3}, "nesterov", {"lr": 1e-4}),
    ("qhm", {"nu": 0.0, "lr": 5e-4}, "gradient_descent", {}),
    ("qhadam", {"nu1": 1.0, "nu2": 1.0, "beta1": 0.9, "lr": 0.05}, "adam", {"lr": 0.05}),
    ("aggmo", {"beta1": 0.9, "beta2": 0.9, "beta3": 0.9}, "momentum", {}),
    ("rmsprop_centered", {"centered": 0.0, "momentum": 0.0, "alpha": 0.99, "lr": 3e-3}, "rmsprop", {}),
    ("signum", {"momentum": 0.0}, "sign_descent", {}),
    ("lion", {"beta1": 0.9, "beta2": 0.9}, "signum", {"momentum": 0.9}),
    ("rmsprop", {"alpha": 0.0, "eps": 0.0, "lr": 1e-3}, "sign_descent", {}),
    ("adan", {"beta1": 0.9, "beta2": 0.0, "beta3": 0.999, "lr": 0.05}, "adam", {"lr": 0.05}),
    ("ademamix", {"alpha": 0.0}, "adam", {"lr": 0.05}),
    ("schedule_free_sgd", {"momentum": 0.0}, "gradient_descent", {}),
    ("schedule_free_adamw", {"beta1": 0.0, "lr": 3e-3}, "rmsprop_corrected", {"alpha": 0.999}),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "hyper", "other", "others"), SAME, ids=[f"{a}-{c}" for a, _, c, _ in SAME])
def test_one_rule_is_another(name: str, hyper: dict, other: str, others: dict, case: str) -> None:
    assert_same(ours(name, case, hyper).path, ours(other, case, others).path)


# ---------------------------------------------------------------- Demon


def demon(beta: float, t: int) -> float:
    """From the paper's condition beta_t / (1 - beta_t) = (1 - tau) beta / (1 - beta), tau = (t - 1) / T."""
    odds = (1 - (t - 1) / STEPS) * beta / (1 - beta)
    return odds / (1 + odds)


@pytest.mark.parametrize("case", CASES)
def test_demon_sgdm_is_torch_with_a_momentum_that_falls(case: str) -> None:
    def before(optimizer: torch.optim.Optimizer, x: torch.Tensor, t: int) -> None:
        optimizer.param_groups[0]["momentum"] = demon(0.9, t)

    expected = theirs(lambda params: torch.optim.SGD(params, lr=1e-4, momentum=0.9), case, before=before)
    assert_same(ours("demon_sgdm", case, {"lr": 1e-4}).path, expected)


@pytest.mark.parametrize("case", CASES)
def test_demon_adam_damped_is_torch_with_a_beta1_that_falls(case: str) -> None:
    """Beside torch's own factor, 1 - beta_t^t, which the rate takes back."""
    product = 1.0

    def before(optimizer: torch.optim.Optimizer, x: torch.Tensor, t: int) -> None:
        nonlocal product
        beta = demon(0.9, t)
        product *= beta
        optimizer.param_groups[0].update(betas=(beta, 0.999), lr=0.01 * (1 - beta**t) / (1 - product))

    expected = theirs(lambda params: torch.optim.Adam(params, lr=0.01), case, before=before)
    assert_same(ours("demon_adam_damped", case, {"lr": 0.01}).path, expected)


def test_demon_adam_sums_gradients_by_products_of_betas() -> None:
    """m and v by their closed form, a weighted sum of all gradients so far."""
    steps = 200
    run = trace(RULES["demon_adam"], SURFACES["himmelblau"], (0.0, 0.0), steps, hyper={"lr": 0.005})
    beta = [0.9 * (1 - k / steps) / (1 - 0.9 + 0.9 * (1 - k / steps)) for k in range(steps)]
    for t in range(1, steps + 1):
        g = run.gradient[:t]
        weights = np.array([math.prod(beta[i + 1 : t]) for i in range(t)])[:, None]
        squares = 0.001 * 0.999 ** np.arange(t)[::-1, None]
        v_hat = (squares * g * g).sum(axis=0) / squares.sum()
        expected = run.path[t - 1] - 0.005 * (weights * g).sum(axis=0) / (np.sqrt(v_hat) + 1e-8)
        np.testing.assert_allclose(run.path[t], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["demon_sgdm", "demon_adam", "demon_adam_damped"])
def test_demon_without_a_horizon_is_its_parent(name: str) -> None:
    rule, surface = RULES[name], SURFACES["rosenbrock"]
    x, h = np.array([-1.2, 1.0]), rule.Hyper(lr=1e-4)
    state, path = rule.init(x), [x]
    for t in range(1, 301):
        x, state = rule.step(x, np.array(surface.derivative.value(*map(float, x))), state, h, float(t), math.inf)
        path.append(x)

    def before(optimizer: torch.optim.Optimizer, x: torch.Tensor, t: int) -> None:
        if name == "demon_adam":  # undamped and not corrected
            optimizer.param_groups[0]["lr"] = 1e-4 * (1 - 0.9**t) / (1 - 0.9)

    def build(params: list[torch.Tensor]) -> torch.optim.Optimizer:
        if name == "demon_sgdm":
            return torch.optim.SGD(params, lr=1e-4, momentum=0.9)
        return torch.optim.Adam(params, lr=1e-4)

    expected = theirs(build, "rosenbrock", 300, before)
    assert_same(np.array(path), expected)


def test_demons_momentum_takes_the_values_of_the_paper() -> None:
    for tau, value in ((0, 0.9), (0.25, 0.8710), (0.5, 0.8182), (0.75, 0.6923), (0.9, 0.4737)):
        assert demon(0.9, round(tau * STEPS) + 1) == pytest.approx(value, abs=5e-5)


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize("case", CASES)
def test_normalized_gradient_descent_is_torch_on_normalized_gradients(case: str) -> None:
    def before(optimizer: torch.optim.Optimizer, x: torch.Tensor, t: int) -> None:
        x.grad = torch.nn.functional.normalize(x.grad, dim=0)  # pyright: ignore

    run = ours("normalized_gradient_descent", case, {"lr": 1e-3})
    assert_same(run.path, theirs(lambda params: torch.optim.SGD(params, lr=1e-3), case, before=before))
    np.testing.assert_allclose(np.hypot(*np.diff(run.path, axis=0).T), 1e-3, rtol=1e-9)


def test_normalized_gradient_descent_stays_where_the_gradient_is_zero() -> None:
    run = trace(RULES["normalized_gradient_descent"], SURFACES["rosenbrock"], (1.0, 1.0), 5, difference="exact")
    np.testing.assert_array_equal(run.path, 1.0)


@pytest.mark.parametrize("p", [1.0, 3.0, 4.0, 20.0])
def test_lp_adam_divides_by_a_power_mean(p: float) -> None:
    run = trace(RULES["lp_adam"], SURFACES["himmelblau"], (0.0, 0.0), 60, hyper={"lr": 0.05, "p": p})
    for t in range(1, 61):
        g, age = run.gradient[:t], np.arange(t)[::-1, None]
        mean = np.average(g, axis=0, weights=0.9 ** age[:, 0])
        norm = np.average(np.abs(g) ** p, axis=0, weights=0.999 ** (p * age[:, 0])) ** (1 / p)
        np.testing.assert_allclose(run.path[t], run.path[t - 1] - 0.05 * mean / (norm + 1e-8), rtol=1e-12, atol=1e-13)


def test_lp_adam_becomes_adamax() -> None:
    """The limit of large p; the correction for the start at zero goes to 1 with it."""
    limit = ours("adamax", "ill-conditioned", {"lr": 0.05, "beta2": 0.9, "eps": 0.0}, 40).path
    away = []
    for p in (4.0, 12.0, 36.0):
        path = ours("lp_adam", "ill-conditioned", {"lr": 0.05, "beta2": 0.9, "eps": 0.0, "p": p}, 40).path
        away.append(np.abs(path - limit).max())
    assert away[0] > 2 * away[1] > 4 * away[2]
    assert away[2] < 0.04


def test_yogi_without_correction_is_the_papers() -> None:
    run = ours("yogi", "rosenbrock", {"lr": 0.01, "bias_correction": 0.0}, 200)
    m, v = np.zeros(2), np.zeros(2)
    for t, g in enumerate(run.gradient, start=1):
        m = 0.9 * m + 0.1 * g
        v = np.where(v > g**2, v - 0.001 * g**2, v + 0.001 * g**2)
        np.testing.assert_allclose(run.path[t], run.path[t - 1] - 0.01 * m / (np.sqrt(v) + 1e-3), rtol=1e-12)


def test_averages_in_the_state() -> None:
    """Where path and average differ, the average is what the method returns."""
    run = ours("schedule_free_sgd", "rosenbrock", {})
    means = np.cumsum(run.state["z"][1:], axis=0) / np.arange(1, STEPS + 1)[:, None]
    np.testing.assert_allclose(run.state["average"][1:], means, rtol=1e-11)
    found: list[np.ndarray] = []

    def before(optimizer: torch.optim.Optimizer, x: torch.Tensor, t: int) -> None:
        if t == STEPS + 1:
            found.append(optimizer.state[x]["ax"].numpy().copy())

    theirs(lambda params: torch.optim.ASGD(params, lr=5e-4, t0=100.0), "rosenbrock", STEPS + 1, before)
    average = ours("asgd", "rosenbrock", {"lr": 5e-4, "t0": 100.0}).state["average"][-1]
    np.testing.assert_allclose(average, found[0], rtol=1e-12)


def test_prodigys_estimate_of_the_distance_never_falls() -> None:
    run = ours("prodigy", "ill-conditioned", {})
    d = run.state["d"][1:]
    assert (np.diff(d) >= 0).all()
    assert 1.0 < d[-1] < 2 * np.hypot(4, 2)


# ---------------------------------------------------------------- YellowFin


@pytest.mark.parametrize("case", CASES)
def test_yellowfin_is_the_papers_algorithm(case: str) -> None:
    """Written anew from Algorithms 1 to 4, with numpy.roots for the cubic; 300 steps."""
    run = ours("yellowfin", case, {"beta": 0.99}, 300)
    beta, window = 0.99, []
    x, v = run.path[0], np.zeros(2)
    average: dict[str, Any] = dict.fromkeys(("high", "low", "g", "h", "norm", "distance"), 0.0)
    branches = set()
    for t, g in enumerate(run.gradient, start=1):
        h = float(g @ g)
        window = [*window, h][-20:]

        def averaged(name: str, value: Any, t: int = t) -> Any:
            average[name] = beta * average[name] + (1 - beta) * value
            return average[name] / (1 - beta**t)

        h_max, h_min = (
            math.exp(averaged("high", math.log(max(window)))),
            math.exp(averaged("low", math.log(min(window)))),
        )
        g_mean, h_mean = averaged("g", g), averaged("h", h)
        variance = max(h_mean - g_mean @ g_mean, 1e-30)
        distance = averaged("distance", averaged("norm", math.sqrt(h)) / h_mean)
        p = min(distance**2 * h_min**2 / (2 * variance), 1e30)
        root = next(
            z.real for z in np.roots([-1.0, 3.0, -3.0 - float(p), 1.0]) if abs(z.imag) < 1e-6 and -1e-6 < z.real < 1
        )
        ratio = (math.sqrt(h_max / h_min) - 1) / (math.sqrt(h_max / h_min) + 1)
        branches.add(root > ratio)
        mu = max(root, ratio) ** 2
        v = mu * v - (1 - math.sqrt(mu)) ** 2 / h_min * min(1, t / 200) * g
        x = x + v
        assert run.state["mu"][t] == pytest.approx(mu, rel=1e-6, abs=1e-9)
        np.testing.assert_allclose(run.path[t], x, rtol=1e-8)
    assert branches == ({True, False} if case == "rosenbrock" else {False})


def test_yellowfins_root_is_that_of_numpy() -> None:
    """The first step's C is 1e-30, the second's is chosen: gradients a and b give p without any averaging left."""
    rule = RULES["yellowfin"]
    for spread in np.geomspace(1e-6, 0.9, 30):
        x, state, h = np.zeros(2), rule.init(np.zeros(2)), rule.Hyper(beta=0.5)
        for t, g in enumerate((np.array([1.0, 0.0]), np.array([math.cos(spread), math.sin(spread)])), start=1):
            x, state = rule.step(x, g, state, h, float(t), math.inf)
        mean = (np.array([1.0, 0.0]) + 2 * np.array([math.cos(spread), math.sin(spread)])) / 3
        p = 1 / (2 * (1 - mean @ mean))
        roots = np.roots([1.0, -3.0, 3.0 + float(p), -1.0])
        root = roots[np.abs(roots.imag) < 1e-9].real[0]
        assert state.mu == pytest.approx(root**2, rel=1e-6)
