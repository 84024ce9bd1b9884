"""A rule trains a network: the same step that moves a dot on a surface."""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from optim_core.parameters import settings
from optim_core.rule import Rule


class RuleOptimizer(torch.optim.Optimizer):
    """A torch.optim.Optimizer that makes the steps of a rule.

    params: parameters or groups of them. Hyperparameters by name (a learning rate must be given; the rule's own default
    is meant for surfaces); they live in ``param_groups``, so that torch's schedulers act on them. horizon: how many
    steps there will be, for rules that need it. The parameters of a group form one flat vector, as the rule's x; those
    without a gradient at the group's first step stay out of it for good. ValueError names what is wrong.
    """

    def __init__(self, params: Iterable[Any], rule: Rule, *, horizon: int | None = None, **hyper: float) -> None:
        if "lr" in rule.Hyper._fields and "lr" not in hyper:
            raise ValueError(f"rule {rule.name}: lr is missing; it must lie in {rule.ranges['lr'].valid}")
        self.rule = rule
        self.horizon = float("inf") if horizon is None else float(horizon)
        super().__init__(params, settings(rule.Hyper, hyper, owner=f"rule {rule.name}")._asdict())

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
        if memory["t"] == 0:
            memory.update(self.rule.init(x)._asdict())
        state = self.rule.State(**{name: memory[name] for name in self.rule.State._fields})
        h = settings(self.rule.Hyper, {name: group[name] for name in self.rule.Hyper._fields}, owner=self.rule.name)
        memory["t"] += 1
        x, state = self.rule.step(x, g, state, h, float(memory["t"]), self.horizon)
        memory.update(state._asdict())
        parts = x.split([p.numel() for p in params])
        for p, part in zip(params, parts, strict=True):
            p.copy_(part.view_as(p))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in torch; the rule's scalars keep the float64 in which they were saved."""
        super().load_state_dict(state_dict)
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            memory = state_dict["state"].get(saved["params"][0], {})
            for name, value in memory.items():
                if torch.is_tensor(value) and value.dim() == 0:
                    self.state[group["params"][0]][name] = value.to(group["params"][0].device).clone()
