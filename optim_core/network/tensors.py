"""A rule's step on a network parameter by parameter, for rules that look at each tensor for itself.

A rule of matrices gets a parameter of two or more dimensions as a matrix (out, rest); the other parameters are left to
its companion, by the companion's own settings, its learning rate scaled as the group's is.
"""

from typing import Any

import torch

from optim_core.network.flat import HALF
from optim_core.parameters import settings
from optim_core.rule import Rule


def rule_for(rule: Rule, companion: Rule | None, p: torch.Tensor) -> Rule:
    """The rule that steps a parameter."""
    return companion if companion is not None and p.dim() < 2 else rule


def hyper_for(rule: Rule, stepped: Rule, group: dict[str, Any]) -> Any:
    """The hyperparameters with which a group's parameter is stepped, by its rule or by the rule's companion."""
    if stepped is rule:
        return rule.Hyper(**{name: group[name] for name in rule.Hyper._fields})
    usual = (rule.network or {}).get("lr", rule.Hyper().lr)
    start = settings(stepped.Hyper, stepped.network, owner=f"rule {stepped.name}")
    return start._replace(lr=start.lr * group["lr"] / usual)


def starting_memory(stepped: Rule, p: torch.Tensor) -> dict[str, torch.Tensor]:
    """What is remembered of a parameter before its first step."""
    x = _shaped(stepped, p.float() if p.dtype in HALF else p)
    fields = stepped.init(x)._asdict()
    given = {"t": 0.0, **fields}
    kinds = {name: None if torch.is_tensor(value) else torch.float64 for name, value in given.items()}
    own = {name: torch.as_tensor(value, dtype=kinds[name], device=p.device) for name, value in given.items()}
    return {name: value.detach().clone() for name, value in own.items()}


def step(
    stepped: Rule, p: torch.Tensor, memory: dict[str, torch.Tensor], h: Any, n: float, group: dict[str, Any]
) -> None:
    """One step of a parameter, in place, and of what is remembered of it; p.grad must be dense.

    group: the decays around the rule, for those without one of their own.
    """
    wide = p.float() if p.dtype in HALF else p
    x, g = _shaped(stepped, wide), _shaped(stepped, p.grad.to(wide.dtype))  # type: ignore[union-attr]
    if "weight_decay" not in stepped.Hyper._fields:
        if torch.is_tensor(group["l2"]) or group["l2"]:
            g = g + group["l2"] * x
        if torch.is_tensor(group["decoupled"]) or group["decoupled"]:
            x = x * (1 - h.lr * group["decoupled"])
    t = memory["t"] + 1
    moved, after = stepped.step(x, g, stepped.State(**{name: memory[name] for name in stepped.State._fields}), h, t, n)
    if moved.data_ptr() != p.data_ptr():  # a rule may hand on what it was given
        p.copy_(moved.reshape(p.shape))
    held = list(memory.values())
    fresh = {
        name: value.clone() if any(value is one for one in held) else value for name, value in after._asdict().items()
    }
    for name, value in {**fresh, "t": t}.items():
        memory[name].copy_(value)


def _shaped(stepped: Rule, x: torch.Tensor) -> torch.Tensor:
    if stepped.scope != "matrix":
        return x.reshape(-1)
    return x.flatten(1) if x.dim() > 1 else x.reshape(-1, 1)
