"""What goes around a rule, against torch.optim, torch.nn.utils and torch.optim.lr_scheduler on the same gradients."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as schedulers

from optim_core import RULES, sweep, trace
from optim_core.around import SCHEDULES, Around, factor
from surfaces import SURFACES

STEPS = 200
START = (-1.2, 1.0)
SURFACE = SURFACES["rosenbrock"]
Build = Callable[[list[torch.Tensor]], torch.optim.Optimizer]


def theirs(build: Build, schedule: Any = None, clip: Any = None, noise: np.ndarray | None = None) -> np.ndarray:
    """The path of a torch optimizer; clip(parameters) comes between the gradient and the step."""
    x = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer, path = build([x]), [np.array(START)]
    scheduler = schedule(optimizer) if schedule else None
    for t in range(STEPS):
        x.grad = torch.tensor(SURFACE.derivative.value(*map(float, path[-1])), dtype=torch.float64)
        if noise is not None:
            x.grad += torch.tensor(noise[t])
        if clip:
            clip([x])
        optimizer.step()
        if scheduler:
            scheduler.step()
        path.append(x.detach().numpy().copy())
    return np.array(path)


def ours(rule: str, hyper: dict[str, float], **around: Any) -> np.ndarray:
    return trace(RULES[rule], SURFACE, START, STEPS, hyper=hyper, around=around, difference="exact").path


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def sgd(**given: Any) -> Build:
    return lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9, **given)


def adam(params: list[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, lr=0.01)


def test_the_l2_penalty_is_torchs_weight_decay() -> None:
    small: dict[str, Any] = {"lr": 1e-4, "momentum": 0.9}
    expected = theirs(lambda params: torch.optim.SGD(params, **small, weight_decay=0.5))
    assert_same(ours("momentum", small, weight_decay=0.5), expected)


def test_a_decoupled_decay_around_adam_is_adamw() -> None:
    expected = theirs(lambda params: torch.optim.AdamW(params, lr=0.01, weight_decay=0.5))
    assert_same(ours("adam", {"lr": 0.01}, weight_decay=0.5, decay="decoupled"), expected)
    assert np.abs(ours("adam", {"lr": 0.01}, weight_decay=0.5) - expected).max() > 0.01  # which the penalty is not


def test_clipping_is_that_of_torch() -> None:
    by_norm = theirs(sgd(), clip=lambda params: torch.nn.utils.clip_grad_norm_(params, 3.0))
    by_value = theirs(sgd(), clip=lambda params: torch.nn.utils.clip_grad_value_(params, 3.0))
    assert_same(ours("momentum", {"lr": 1e-3}, clip="norm", clip_at=3.0), by_norm)
    assert_same(ours("momentum", {"lr": 1e-3}, clip="value", clip_at=3.0), by_value)


def test_the_penalty_comes_after_clipping() -> None:
    expected = theirs(sgd(weight_decay=0.5), clip=lambda params: torch.nn.utils.clip_grad_norm_(params, 3.0))
    assert_same(ours("momentum", {"lr": 1e-3}, clip="norm", clip_at=3.0, weight_decay=0.5), expected)


LAWS: list[tuple[str, dict[str, float], Callable[[torch.optim.Optimizer], Any]]] = [
    ("step", {"every": 0.25}, lambda o: schedulers.StepLR(o, STEPS // 4)),
    ("exponential", {"every": 0.25}, lambda o: schedulers.ExponentialLR(o, 0.1 ** (4 / STEPS))),
    ("cosine", {}, lambda o: schedulers.CosineAnnealingLR(o, STEPS)),
    ("linear", {}, lambda o: schedulers.LinearLR(o, 1.0, 0.0, STEPS)),
    ("one_cycle", {}, lambda o: schedulers.OneCycleLR(o, 0.01, STEPS, cycle_momentum=False)),
    (
        "one_cycle",
        {"warmup": 0.1},
        lambda o: schedulers.OneCycleLR(o, 0.01, STEPS, pct_start=0.1, cycle_momentum=False),
    ),
    ("constant", {"warmup": 0.1}, lambda o: schedulers.LinearLR(o, 1 / 20, 1.0, 19)),
    (
        "inverse_sqrt",
        {"warmup": 0.1},
        lambda o: schedulers.LambdaLR(o, lambda k: min((k + 1) / 20, (20 / (k + 1)) ** 0.5)),
    ),
]


@pytest.mark.parametrize(("schedule", "others", "law"), LAWS, ids=[f"{name}{other or ''}" for name, other, _ in LAWS])
def test_schedules_are_those_of_torch(schedule: str, others: dict[str, float], law: Any) -> None:
    assert_same(ours("adam", {"lr": 0.01}, schedule=schedule, **others), theirs(adam, law))


def test_a_triangle_climbs_and_falls() -> None:
    factors = Around(schedule="triangle", warmup=0.25).factors(8)
    np.testing.assert_allclose(factors, [1 / 2, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


@given(
    st.sampled_from(list(SCHEDULES)), st.floats(0, 0.99), st.integers(1, 400), st.floats(0.01, 1), st.floats(0.01, 1)
)
def test_a_rate_is_never_negative_nor_above_its_own(
    schedule: str, warmup: float, steps: int, gamma: float, every: float
) -> None:
    factors = [factor(schedule, warmup, step, steps, gamma, every) for step in range(steps)]
    assert all(0 <= value <= 1 + 1e-12 for value in factors)


@pytest.mark.parametrize("schedule", ["step", "exponential"])
def test_drops_without_number_leave_no_rate(schedule: str) -> None:
    around = Around(schedule=schedule, every=1e-310)
    assert around.factors(3).tolist() == [1.0, 0.0, 0.0]
    assert Around(schedule=schedule, every=1e-310, gamma=1.0).factors(3).tolist() == [1.0, 1.0, 1.0]


def test_noise_is_gaussian_seeded_and_the_same_for_all() -> None:
    draws = Around(noise=2.0, seed=7).draws(STEPS)
    expected = theirs(lambda params: torch.optim.SGD(params, lr=1e-4, momentum=0.9), noise=2.0 * draws)
    assert_same(ours("momentum", {"lr": 1e-4}, noise=2.0, seed=7), expected)
    other = ours("momentum", {"lr": 1e-4}, noise=2.0, seed=8)
    assert np.abs(other - expected).max() > 1e-4
    many = Around(noise=1.0, seed=0).draws(200_000)
    assert abs(many.mean()) < 5 / math.sqrt(many.size)
    assert many.std() == pytest.approx(1.0, abs=0.01)


def test_noise_makes_the_variance_that_theory_says() -> None:
    """On a quadratic of curvature a, gradient descent ends with variance lr s^2 / (a (2 - lr a)) (facts: noise)."""
    rate, curvature, size = 0.02, 20.0, 3.0
    run = trace(
        RULES["gradient_descent"], SURFACES["ravine"], (0.0, 0.0), 200_000, hyper={"lr": rate}, difference="exact",
        surface_parameters={"condition": curvature, "angle": 0.0}, around={"noise": size},
    )  # fmt: skip
    for axis, a in ((0, 1.0), (1, curvature)):
        assert run.path[5000:, axis].var() == pytest.approx(rate * size**2 / (a * (2 - rate * a)), rel=0.05)


EVERYTHING = {
    "weight_decay": 0.05, "clip": "norm", "clip_at": 5.0, "schedule": "cosine", "warmup": 0.1, "noise": 0.3, "seed": 3,
}  # fmt: skip


@pytest.mark.parametrize("rule", ["momentum", "adam", "nesterov_lookahead", "sam", "lookahead", "lamb"])
@pytest.mark.parametrize("decay", ["l2", "decoupled"])
def test_a_sweep_is_the_traces_with_everything_around(rule: str, decay: str) -> None:
    starts = np.random.default_rng(0).uniform(-2, 2, (70, 2))
    around = EVERYTHING | {"decay": decay if "weight_decay" not in RULES[rule].Hyper._fields else "l2"}
    if "weight_decay" in RULES[rule].Hyper._fields:
        around["weight_decay"] = 0.0
    options: dict[str, Any] = {"around": around, "stop": "step", "tolerance": 1e-4}
    grid = sweep(RULES[rule], SURFACE, starts, 60, **options)
    for k in (0, 33, 69):
        run = trace(RULES[rule], SURFACE, starts[k], 60, **options)
        np.testing.assert_array_equal(grid.end[k], run.path[-1])
        assert grid.steps[k] == run.steps


def test_the_interpreted_steps_do_the_same_as_the_blocks() -> None:
    """Adam by the blocks, and by the loop that runs rules of matrices."""
    around = Around.of(EVERYTHING)
    run = trace(RULES["adam"], SURFACE, START, 100, around=around, difference="exact")
    rule, x = RULES["adam"], np.array(START)
    h, state = rule.Hyper(), rule.init(x)
    for t in range(1, 101):
        slope = np.array(SURFACE.derivative.value(*map(float, x)))
        g, now, kept = around.applied(x, slope, h, around.factors(100)[t - 1], around.draws(100)[t - 1])
        x, state = rule.step(kept, g, state, now, float(t), 100.0)
        np.testing.assert_allclose(x, run.path[t], rtol=1e-10, atol=1e-13)


def test_nothing_around_changes_no_bit() -> None:
    plain = trace(RULES["adam"], SURFACE, START, STEPS)
    around = trace(RULES["adam"], SURFACE, START, STEPS, around=Around(clip_at=3.0, gamma=0.5, seed=5))
    np.testing.assert_array_equal(plain.path, around.path)


@pytest.mark.parametrize(
    ("rule", "around", "sentence"),
    [
        ("adamw", {"weight_decay": 0.1}, "weight_decay = 0.1 is not allowed: rule adamw has a weight decay of its own"),
        ("newton", {"clip": "norm"}, "clip = norm is not allowed: rule newton chooses its steps itself"),
        ("cma_es", {"noise": 1.0}, "noise = 1.0 is not allowed: rule cma_es chooses its steps itself"),
        ("newton", {"warmup": 0.1}, "warmup = 0.1 is not allowed: rule newton chooses its steps itself"),
        ("newton", {"schedule": "cosine"}, "rule newton chooses its steps itself"),
        ("adam", {"weight_decay": -1}, "weight_decay = -1 is not allowed; it must lie in [0, 1e3]"),
        ("adam", {"clip_at": 0}, "clip_at = 0 is not allowed; it must lie in (0, 1e12]"),
        ("adam", {"schedule": "cosin"}, "schedule = 'cosin' is not one of: constant, step"),
        ("adam", {"clip": 3}, "clip = 3 is not one of: none, norm, value"),
        ("adam", {"decay": "both"}, "decay = 'both' is not one of: l2, decoupled"),
        ("adam", {"warmup": 1.0}, "warmup = 1 is not allowed"),
        ("adam", {"noise": "loud"}, "noise = 'loud' is not a number"),
        ("adam", {"seed": 0.5}, "seed = 0.5 is not a whole number"),
        ("adam", {"dropout": 0.5}, "nothing around a rule is called 'dropout'; there are: weight_decay, decay, clip"),
        ("adam", 3, "around must be given by name"),
    ],
)
def test_what_cannot_be_is_said(rule: str, around: Any, sentence: str) -> None:
    for run in (trace, sweep) if RULES[rule].compiled else (trace,):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            run(RULES[rule], SURFACE, START, 10, around=around)


def test_what_is_refused_can_be_left_out() -> None:
    around = Around.of({**EVERYTHING, "decay": "decoupled"})
    for rule in RULES.values():
        rest = around.allowed(rule)
        assert rest.refused(rule) == {}
        assert (rest == around) == (around.refused(rule) == {})
    assert around.allowed(RULES["adamw"]).noise == 0.3
    assert not around.allowed(RULES["nelder_mead"]).active
