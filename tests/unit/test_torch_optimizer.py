"""RuleOptimizer trains a network as torch.optim does, from the files that move dots on surfaces."""

import copy
from typing import Any

import pytest
import torch

from optim_core import RULES, RuleOptimizer

HYPER: dict[str, dict[str, Any]] = {name: {"lr": 1e-2} for name in RULES} | {"adadelta": {"lr": 1.0}}


def network() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)).double()
    x = torch.randn(64, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(0, 2, (64,), generator=generator)
    return model, x, y


def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, x, y, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def flat(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


@pytest.mark.parametrize("name", RULES)
def test_it_trains_a_network_as_torch_optim_does(name: str) -> None:
    rule = RULES[name]
    model, x, y = network()
    twin = copy.deepcopy(model)
    train(model, RuleOptimizer(model.parameters(), rule, **HYPER[name]), x, y, 50)
    train(twin, rule.reference(list(twin.parameters()), rule.Hyper(**HYPER[name])), x, y, 50)
    torch.testing.assert_close(flat(model), flat(twin), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_saved_state_goes_on_as_if_nothing_had_been(name: str, dtype: torch.dtype, tmp_path) -> None:
    model, x, y = network()
    model, x = model.to(dtype), x.to(dtype)
    optimizer = RuleOptimizer(model.parameters(), RULES[name], **HYPER[name])
    train(model, optimizer, x, y, 10)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "saved.pt")
    train(model, optimizer, x, y, 10)
    saved = torch.load(tmp_path / "saved.pt", weights_only=True)
    again, *_ = network()
    again = again.to(dtype)
    again.load_state_dict(saved["model"])
    resumed = RuleOptimizer(again.parameters(), RULES[name], **HYPER[name])
    resumed.load_state_dict(saved["optimizer"])
    train(again, resumed, x, y, 10)
    assert torch.equal(flat(again), flat(model))


def test_torch_schedulers_act_on_it() -> None:
    p = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = RuleOptimizer([p], RULES["gradient_descent"], lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    for _ in range(3):
        p.grad = torch.ones(2, dtype=torch.float64)
        optimizer.step()
        scheduler.step()
    torch.testing.assert_close(p.detach(), torch.full((2,), -1.75, dtype=torch.float64))


def test_parameters_without_a_gradient_stay_where_they_are() -> None:
    used, unused = (torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2))
    optimizer = RuleOptimizer([used, unused], RULES["adam"], lr=0.1)
    used.grad = torch.ones(3, dtype=torch.float64)
    optimizer.step()
    assert torch.equal(unused.detach(), torch.ones(3, dtype=torch.float64))
    assert not torch.equal(used.detach(), torch.ones(3, dtype=torch.float64))
    unused.grad = torch.ones(3, dtype=torch.float64)
    with pytest.raises(ValueError, match="put those that come and go into a group of their own"):
        optimizer.step()


@pytest.mark.parametrize(
    ("hyper", "sentence"),
    [({}, "lr is missing"), ({"lr": -1.0}, "lr = -1 is not allowed"), ({"lr": 1.0, "mu": 0.9}, "no parameter 'mu'")],
)
def test_bad_hyperparameters_are_named(hyper: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RuleOptimizer([torch.nn.Parameter(torch.zeros(1))], RULES["adam"], **hyper)


def test_a_schedule_may_end_at_zero() -> None:
    p = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=3)
    before = p.detach().clone()
    for _ in range(4):
        p.grad = torch.ones(2, dtype=torch.float64)
        before = p.detach().clone()
        optimizer.step()
        scheduler.step()
    assert torch.equal(p.detach(), before)


def test_a_copy_goes_on_as_the_original() -> None:
    p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
    for _ in range(3):
        p.grad = torch.ones(3, dtype=torch.float64)
        optimizer.step()
    twin = copy.deepcopy(optimizer)
    other = twin.param_groups[0]["params"][0]
    for parameter, one in ((p, optimizer), (other, twin)):
        parameter.grad = torch.full((3,), 0.5, dtype=torch.float64)
        one.step()
    assert torch.equal(p.detach(), other.detach())


def test_another_rules_state_is_refused() -> None:
    p = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    momentum = RuleOptimizer([p], RULES["momentum"], lr=0.1)
    p.grad = torch.ones(3, dtype=torch.float64)
    momentum.step()
    with pytest.raises(ValueError, match="rule adam needs"):
        RuleOptimizer([p], RULES["adam"], lr=0.1).load_state_dict(momentum.state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_stepped_in_single(dtype: torch.dtype) -> None:
    p = torch.nn.Parameter(torch.ones(3, dtype=dtype))
    optimizer = RuleOptimizer([p], RULES["adam"], lr=0.1)
    p.grad = torch.full((3,), 1e-4, dtype=dtype)
    optimizer.step()
    assert p.dtype == dtype
    torch.testing.assert_close(p.detach(), torch.full((3,), 0.9, dtype=dtype), atol=5e-3, rtol=0)


@pytest.mark.parametrize("group", [{"lr": -1.0}, {"mu": 0.5}, {"beta1": 2.0}])
def test_groups_are_checked(group: dict) -> None:
    params = [torch.nn.Parameter(torch.zeros(1))]
    with pytest.raises(ValueError, match="not allowed|no parameter"):
        RuleOptimizer([{"params": params, **group}], RULES["adam"], lr=0.1)


@pytest.mark.parametrize("horizon", [0, -5, float("nan"), "abc", [1]])
def test_a_bad_horizon_is_named(horizon: Any) -> None:
    with pytest.raises(ValueError, match="horizon = "):
        RuleOptimizer([torch.nn.Parameter(torch.zeros(1))], RULES["adam"], horizon=horizon, lr=0.1)
