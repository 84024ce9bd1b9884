"""What rules of the literature become in special cases, and what their state holds."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from optim_core import RULES, trace
from optim_core.helpers.reference import torch_path
from surfaces import SURFACES

ROSENBROCK = SURFACES["rosenbrock"]
ORACLE = SimpleNamespace(
    value=lambda x: float(ROSENBROCK.value(*x)),
    gradient=lambda x: np.array(ROSENBROCK.derivative.value(*map(float, x))),
)
START = np.array([-1.2, 1.0])


# ---------------------------------------------------------------- Demon


@pytest.mark.parametrize("name", ["demon_sgdm", "demon_adam", "demon_adam_damped"])
def test_demon_without_a_horizon_is_its_parent(name: str) -> None:
    rule = RULES[name]
    x, h = START, rule.Hyper(lr=1e-4)
    state, path = rule.init(x), [x]
    for t in range(1, 301):
        x, state = rule.step(x, ORACLE.gradient(x), state, h, float(t), math.inf)
        path.append(x)

    def before(optimizer: torch.optim.Optimizer, t: int) -> None:
        if name == "demon_adam":  # undamped and not corrected
            optimizer.param_groups[0]["lr"] = 1e-4 * (1 - 0.9**t) / (1 - 0.9)

    def build(params: list[torch.Tensor]) -> torch.optim.Optimizer:
        if name == "demon_sgdm":
            return torch.optim.SGD(params, lr=1e-4, momentum=0.9)
        return torch.optim.Adam(params, lr=1e-4)

    expected = torch_path(build, ORACLE, START, 300, before)
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["demon_sgdm", "demon_adam"])
@pytest.mark.parametrize(("tau", "value"), [(0, 0.9), (0.25, 0.8710), (0.5, 0.8182), (0.75, 0.6923), (0.9, 0.4737)])
def test_demons_momentum_takes_the_values_of_the_paper(name: str, tau: float, value: float) -> None:
    """Without a gradient the momentum is all that changes the velocity; the paper counts steps from 0."""
    rule = RULES[name]
    one = rule.State(*(np.ones(2) if slots == 2 else np.array(0.5) for slots in rule.state_slots.values()))
    _, state = rule.step(np.zeros(2), np.zeros(2), one, rule.Hyper(), 1000 * tau + 1, 1000.0)
    np.testing.assert_allclose(state[0], value, atol=5e-5)


# ---------------------------------------------------------------- by hand


def test_normalized_gradient_descent_stays_where_the_gradient_is_zero() -> None:
    run = trace(RULES["normalized_gradient_descent"], SURFACES["rosenbrock"], (1.0, 1.0), 5, difference="exact")
    np.testing.assert_array_equal(run.path, 1.0)


def test_lp_adam_becomes_adamax() -> None:
    """The limit of large p; the correction for the start at zero goes to 1 with it."""

    def path(name: str, **hyper: float) -> np.ndarray:
        given = {"lr": 0.05, "beta2": 0.9, "eps": 0.0, **hyper}
        ravine = {"condition": 1000.0, "angle": 30.0}
        return trace(
            RULES[name], SURFACES["ravine"], (-4.0, 2.0), 40, hyper=given, surface_parameters=ravine, difference="exact"
        ).path

    limit = path("adamax")
    away = [np.abs(path("lp_adam", p=p) - limit).max() for p in (4.0, 12.0, 36.0)]
    assert away[0] > 2 * away[1] > 4 * away[2]
    assert away[2] < 0.04


def test_averages_in_the_state() -> None:
    """Where path and average differ, the average is what the method returns."""
    run = trace(RULES["schedule_free_sgd"], ROSENBROCK, START, 1000, hyper={"lr": 5e-4}, difference="exact")
    means = np.cumsum(run.state["z"][1:], axis=0) / np.arange(1, 1001)[:, None]
    np.testing.assert_allclose(run.state["average"][1:], means, rtol=1e-11)
    found: list[np.ndarray] = []

    def before(optimizer: torch.optim.Optimizer, t: int) -> None:
        if t == 1001:
            (state,) = optimizer.state.values()
            found.append(state["ax"].numpy().copy())

    torch_path(lambda params: torch.optim.ASGD(params, lr=5e-4, t0=100.0), ORACLE, START, 1001, before)
    run = trace(RULES["asgd"], ROSENBROCK, START, 1000, hyper={"lr": 5e-4, "t0": 100.0}, difference="exact")
    np.testing.assert_allclose(run.state["average"][-1], found[0], rtol=1e-12)


def test_prodigys_estimate_of_the_distance_never_falls() -> None:
    ravine = {"condition": 1000.0, "angle": 30.0}
    run = trace(RULES["prodigy"], SURFACES["ravine"], (-4.0, 2.0), 1000, surface_parameters=ravine, difference="exact")
    d = run.state["d"][1:]
    assert (np.diff(d) >= 0).all()
    assert 1.0 < d[-1] < 2 * np.hypot(4, 2)


def test_yellowfin_takes_both_branches_of_its_momentum() -> None:
    """The path that verify compares is of both: on Rosenbrock the noise decides first, on the ravine never."""
    run = trace(RULES["yellowfin"], ROSENBROCK, START, 300, hyper={"beta": 0.99}, difference="exact")
    h_max, h_min = (np.exp(run.state[name][1:] / (1 - run.state["beta_t"][1:])) for name in ("log_high", "log_low"))
    ratio = ((np.sqrt(h_max / h_min) - 1) / (np.sqrt(h_max / h_min) + 1)) ** 2
    assert (run.state["mu"][1:] >= ratio * (1 - 1e-12)).all()
    by_noise = run.state["mu"][1:] > ratio * (1 + 1e-6)
    assert by_noise.any()
    assert not by_noise.all()


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
