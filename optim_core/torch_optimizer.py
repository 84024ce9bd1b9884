"""A rule trains a network: the same step that moves a dot on a surface."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from optim_core.parameters import checked_integer, settings
from optim_core.rule import Rule

MAX_HORIZON = 10**12


class RuleOptimizer(torch.optim.Optimizer):
    """A torch.optim.Optimizer that makes the steps of a rule.

    params: parameters or groups of them. Hyperparameters by name (a learning rate must be given; the rule's own default
    is meant for surfaces); they live in ``param_groups``, so that torch's schedulers act on them. horizon: how many
    steps there will be, for rules that need it. The parameters of a group form one flat vector, as the rule's x; those
    without a gradient at the group's first step stay out of it for good. Parameters of 16 bits are stepped in float32,
    in which their state stays. ValueError names what is wrong.
    """

    def __init__(self, params: Iterable[Any], rule: Rule, *, horizon: int | None = None, **hyper: float) -> None:
        if "lr" in rule.Hyper._fields and "lr" not in hyper:
            raise ValueError(f"rule {rule.name}: lr is missing; it must lie in {rule.ranges['lr'].valid}")
        self.rule = rule
        self.horizon = float("inf") if horizon is None else checked_integer("horizon", horizon, 1, MAX_HORIZON)
        super().__init__(params, settings(rule.Hyper, hyper, owner=f"rule {rule.name}")._asdict())

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in torch; the group's hyperparameters are checked."""
        given = {name: value for name, value in param_group.items() if name not in ("params", "param_names")}
        values = settings(self.rule.Hyper, {**self.defaults, **given}, owner=f"rule {self.rule.name}")
        super().add_param_group({**param_group, **values._asdict()})

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "rule": self.rule.name, "horizon": self.horizon}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from optim_core import RULES

        super().__setstate__({**state, "rule": RULES[state["rule"]]} if "rule" in state else state)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step of every group; returns the closure's loss where one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step(group)
        return loss

    def _step(self, group: dict[str, Any]) -> None:
        present = [index for index, p in enumerate(group["params"]) if p.grad is not None]
        if not present:
            return
        params = [group["params"][index] for index in present]
        memory = self.state[group["params"][0]]
        if not memory:
            kinds = {(p.dtype, p.device) for p in params}
            if len(kinds) > 1:
                raise ValueError(f"the parameters of a group must share type and device; these differ: {kinds}")
            memory["present"], memory["t"] = present, 0
        if memory["present"] != present:
            raise ValueError(
                f"parameters {memory['present']} of the group had a gradient at its first step, {present} have one "
                "now; put those that come and go into a group of their own"
            )
        x = torch.cat([p.reshape(-1) for p in params])
        g = torch.cat([p.grad.reshape(-1) for p in params])
        if x.dtype in (torch.float16, torch.bfloat16):
            x, g = x.float(), g.float()
        if memory["t"] == 0:
            memory.update(self.rule.init(x)._asdict())
        state = self.rule.State(**{name: memory[name] for name in self.rule.State._fields})
        # Not checked again: schedulers may bring a rate down to 0.
        h = self.rule.Hyper(**{name: group[name] for name in self.rule.Hyper._fields})
        memory["t"] += 1
        x, state = self.rule.step(x, g, state, h, float(memory["t"]), self.horizon)
        memory.update(state._asdict())
        parts = x.split([p.numel() for p in params])
        for p, part in zip(params, parts, strict=True):
            p.copy_(part.view_as(p))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in torch; what the rule remembers keeps the type in which it was saved."""
        wanted = {"present", "t", *self.rule.State._fields}
        for memory in state_dict["state"].values():
            if set(memory) != wanted:
                raise ValueError(f"this state holds {sorted(memory)}; rule {self.rule.name} needs {sorted(wanted)}")
        super().load_state_dict(state_dict)
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            first = group["params"][0]
            for name, value in state_dict["state"].get(saved["params"][0], {}).items():
                if torch.is_tensor(value):
                    self.state[first][name] = value.to(first.device).clone()
