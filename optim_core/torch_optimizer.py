"""A rule trains a network: the same step that moves a dot on a surface.

The parameters of a group become views of one flat buffer, the rule's x; what the rule remembers lies in buffers beside
it. So a rule is written for one vector and runs as a few kernels. No step waits for the device and all buffers stay
where they are: a step can be compiled, and be part of a CUDA graph.

    optimizer = RuleOptimizer(model.parameters(), RULES["adam"], lr=1e-3)
    loss.backward(); optimizer.step(); optimizer.zero_grad()

    optimizer.prepare()                                      # before a CUDA graph is captured; compiled: a step instead
    with torch.cuda.graph(graph): ...                        # forward, backward, optimizer.step()
    scheduler.step(); optimizer.refresh(); graph.replay()

Rules that want the gradient elsewhere, or the loss (``Rule.needs_closure``), take it from a closure:

    def closure():
        optimizer.zero_grad(); loss = ...; loss.backward(); return loss
    optimizer.step(closure)
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch

from optim_core import tensors
from optim_core.around import Around
from optim_core.flat import Flat, layout
from optim_core.network_oracle import NetworkOracle
from optim_core.parameters import checked_integer, checked_number, settings
from optim_core.rule import Rule

MAX_HORIZON = 10**12


class RuleOptimizer(torch.optim.Optimizer):
    """A torch.optim.Optimizer that makes the steps of a rule.

    params: parameters or groups of them. Hyperparameters by name (a learning rate must be given; the rule's own default
    is meant for surfaces); they live in ``param_groups``, where torch's schedulers change them. The rate reaches the
    rule as a 0-d float64 tensor, and so does what is seen to change; the others as Python floats. horizon: how many
    steps there will be, for rules that need it. l2 adds l2 * x to the gradient, decoupled multiplies x by
    1 - lr * decoupled before a step: for rules without a weight_decay of their own; options of each group. compiled:
    the update goes through torch.compile, once for each layout.

    A parameter joins its group's vector at its first gradient. Where it has none at a later step it keeps its value and
    its part of the state, while the group's step count and the scalars of the state go on; a rule that looks at the
    whole vector finds a gradient of zero there. Where no parameter of a group has a gradient no step is counted. The
    state is kept by parameter, as in torch.optim; for parameters of 16 bits it and the step are in float32. Rules of
    tensors and matrices step parameter by parameter (``optim_core.tensors``). A rule that needs a closure calls it at
    the points it looks at, each group's by itself; one of kind ``closure`` takes one group and holds its state under
    the first parameter.

    ValueError names what is wrong: a hyperparameter, several types or devices in a group, complex parameters, sparse
    gradients, a state that does not fit, a rule that trains no networks, a closure that is missing. RuntimeError: a
    CUDA graph is captured before there are buffers.
    """

    def __init__(
        self, params: Iterable[Any], rule: Rule, *, horizon: int | None = None, l2: float = 0.0, decoupled: float = 0.0,
        compiled: bool = False, **hyper: Any,
    ) -> None:  # fmt: skip
        if rule.network is None:
            raise ValueError(f"rule {rule.name} trains no networks: {rule.no_network}")
        if "lr" in rule.Hyper._fields and "lr" not in hyper:
            raise ValueError(f"rule {rule.name}: lr is missing; it must lie in {rule.ranges['lr'].valid}")
        self.rule = rule
        self.horizon = float("inf") if horizon is None else checked_integer("horizon", horizon, 1, MAX_HORIZON)
        self.compiled = compiled
        self.evaluations = 0
        self._flats: dict[int, Flat] = {}
        super().__init__(params, self._checked({"l2": l2, "decoupled": decoupled, **hyper}))

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """All options of a group, checked; 0-d tensors among them stay what they are."""
        tensors = {name: value for name, value in given.items() if torch.is_tensor(value) and not value.dim()}
        numbers = given | {name: value.item() for name, value in tensors.items()}
        decays = {name: checked_number(name, numbers.pop(name), "[0, 1e3]") for name in ("l2", "decoupled")}
        for name, value in decays.items():
            around = Around(weight_decay=value, decay=name)
            for why in around.refused(self.rule).values():
                raise ValueError(f"{name} = {value:g} is not allowed: rule {self.rule.name} {why}")
        return {**settings(self.rule.Hyper, numbers, owner=f"rule {self.rule.name}")._asdict(), **decays, **tensors}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in torch; the group's hyperparameters are checked."""
        if self.rule.kind == "closure" and self.param_groups:
            raise ValueError(f"rule {self.rule.name} takes one group of parameters, not {len(self.param_groups) + 1}")
        other = ("params", "param_names", "initial_lr")
        given = {name: value for name, value in param_group.items() if name not in other}
        super().add_param_group({**param_group, **self._checked({**self.defaults, **given})})
        if any(p.is_complex() for p in self.param_groups[-1]["params"]):
            self.param_groups.pop()
            raise ValueError("complex parameters are not supported; give real and imaginary part as real parameters")

    def __getstate__(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("horizon", "compiled", "evaluations")}
        return {**super().__getstate__(), "rule": self.rule.name, **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from optim_core import RULES

        super().__setstate__({**state, "rule": RULES[state["rule"]], "_flats": {}} if "rule" in state else state)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step of every group; returns the closure's first loss where one is given."""
        if self.rule.needs_closure and closure is None:
            raise ValueError(f"rule {self.rule.name} needs a closure: step(closure) with one that returns the loss")
        if self.rule.kind == "closure":
            return self._search(closure)
        loss = None
        if closure is not None and (self.rule.look is None or self.rule.looks_with_gradient):
            with torch.enable_grad():
                loss = closure()
            self.evaluations += 1
        if self.rule.look is not None:
            ahead = self._look(closure)
            loss = ahead if loss is None else loss
        for index, group in enumerate(self.param_groups):
            if any(p.grad is not None for p in group["params"]):
                self._step(index, [p for p in group["params"] if p.grad is not None or p in self.state])
        return loss

    if not TYPE_CHECKING:  # type checkers lose its signature
        step = torch.compiler.disable(step)  # a function that a caller compiles is cut here, and this runs as it stands

    def _step(self, index: int, params: list[torch.Tensor]) -> None:
        if any(p.grad is not None and p.grad.layout != torch.strided for p in params):
            raise ValueError("sparse gradients are not supported; give the layer sparse=False")
        if self.rule.scope != "vector":
            self._step_each(self.param_groups[index])
            return
        flat, capturing = self._flats.get(index), params[0].is_cuda and torch.cuda.is_current_stream_capturing()
        if flat is None or flat.addresses != [p.data_ptr() for p in params]:
            if capturing:
                raise RuntimeError("the optimizer has no buffers for a CUDA graph yet: call its prepare() first")
            flat = self._lay_out(index, params)
        if not capturing:
            flat.refresh(self.param_groups[index])
        absent = [p for p in params if p.grad is None]
        keep = [(part, part.clone()) for p in absent for part in (p, *(self.state[p][name] for name in flat.vectors))]
        flat.step(self.rule, self.horizon)
        for part, value in keep:
            part.copy_(value)
        torch.autograd.graph.increment_version(params)  # so that autograd notices, as after any in-place operation

    def _step_each(self, group: dict[str, Any]) -> None:
        companion = _companion(self.rule)
        for p in group["params"]:
            if p.grad is not None:
                stepped = tensors.rule_for(self.rule, companion, p)
                if p not in self.state:
                    self.state[p] = tensors.starting_memory(stepped, p)
                h = tensors.hyper_for(self.rule, stepped, group)
                tensors.step(stepped, p, self.state[p], h, self.horizon, group)

    def _look(self, closure: Any) -> Any:
        """Gradients at the points that the rule looks at; parameters and state stay as they are."""
        held = []
        for index, group in enumerate(self.param_groups):
            if not (params := [p for p in group["params"] if p.requires_grad]):
                continue
            flat = self._flats.get(index)
            if flat is None or flat.addresses != [p.data_ptr() for p in params]:
                flat = self._lay_out(index, params)
            flat.refresh(group)
            held.append((flat, flat.x.clone()))
            flat.look(self.rule, self.horizon)
        try:
            with torch.enable_grad():
                loss = closure()
        finally:
            for flat, x in held:
                flat.x.copy_(x)
        self.evaluations += 1
        return loss

    def _search(self, closure: Any) -> Any:
        """A step of a rule that asks for losses and gradients itself."""
        (group,) = self.param_groups
        if not (params := [p for p in group["params"] if p.requires_grad]):
            with torch.enable_grad():
                return closure()
        oracle = NetworkOracle(self.rule, params, closure)
        x, memory = oracle.vector(), self.state[group["params"][0]]
        if not memory:
            memory.update(self.rule.init(x)._asdict())
        self._check_length(memory, params)
        h = self.rule.Hyper(**{name: group[name] for name in self.rule.Hyper._fields})
        try:
            moved, after = self.rule.step(x, oracle, self.rule.State(**memory), h)
        except BaseException:
            oracle.put(x)
            raise
        oracle.put(moved)
        memory.update(after._asdict())
        self.evaluations += oracle.evaluations
        for p in params:
            p.grad = None if p.grad is None else p.grad.detach()
        return oracle.loss

    def _check_length(self, memory: dict[str, Any], params: list[torch.Tensor]) -> None:
        """ValueError where the vectors of a state are not those of so many parameters."""
        count = sum(p.numel() for p in params)
        for name, slots in self.rule.state_slots.items():
            if slots > 1 and len(memory[name]) != count:
                kept = f"the state of rule {self.rule.name} is that of {len(memory[name])} numbers"
                raise ValueError(f"{kept}, and {count} require a gradient; make a new optimizer for those")

    @torch.no_grad()
    def prepare(self) -> None:
        """Lays out buffers and state now, for all parameters that require a gradient, where the rule has buffers."""
        if self.rule.scope != "vector" or self.rule.kind == "closure":
            return
        for index, group in enumerate(self.param_groups):
            if params := [p for p in group["params"] if p.requires_grad or p in self.state]:
                self._lay_out(index, params)

    @torch.no_grad()
    def refresh(self) -> None:
        """Brings the present rates to the device, where steps read them.

        A step does so itself; where a CUDA graph is replayed instead, this comes before each replay.
        """
        for index, flat in self._flats.items():
            flat.refresh(self.param_groups[index])

    def _lay_out(self, index: int, params: list[torch.Tensor]) -> Flat:
        """The group's flat vector, with values and state as they are now; buffers that fit stay where they are."""
        flat = self._flats.get(index)
        if flat is None or flat.layout != layout(params):
            flat = Flat(self.rule, params, self.compiled)
        for p, place in zip(params, flat.split(flat.x), strict=True):
            place.copy_(p)
            p.data = place
        flat.addresses = [p.data_ptr() for p in params]
        start = self.rule.init(flat.x.to(flat.kind))._asdict()
        known = next((self.state[p] for p in params if p in self.state), {**start, "t": torch.zeros(())})
        scalars = dict(zip(flat.names, flat.scalars.unbind(), strict=True))
        for name, scalar in scalars.items():
            scalar.copy_(known[name])
        vectors = {name: flat.split(vector) for name, vector in flat.vectors.items()}
        starts = {name: flat.split(start[name]) for name in vectors}
        for place, p in enumerate(params):
            for name, parts in vectors.items():
                parts[place].copy_(self.state[p][name] if p in self.state else starts[name][place])
            self.state[p] = {**{name: parts[place] for name, parts in vectors.items()}, **scalars}
        flat.refresh(self.param_groups[index])
        self._flats[index] = flat
        return flat

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in torch; what the rule remembers keeps the type in which it was saved."""
        needs = f"rule {self.rule.name} needs"
        numbers: dict[int, torch.Tensor] = {}
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=False):
            if lacking := sorted({*self.rule.Hyper._fields, "l2", "decoupled"} - saved.keys()):
                raise ValueError(f"a saved group lacks {', '.join(lacking)}, which {needs}")
            numbers |= dict(zip(saved["params"], group["params"], strict=False))
        loaded = {p: state_dict["state"][number] for number, p in numbers.items() if number in state_dict["state"]}
        for p, memory in loaded.items():
            stepped = tensors.rule_for(self.rule, _companion(self.rule), p)
            wanted = {*(() if stepped.kind == "closure" else ("t",)), *stepped.State._fields}
            if set(memory) != wanted:
                raise ValueError(f"this state holds {sorted(memory)}; {needs} {sorted(wanted)}")
            if self.rule.kind == "closure":
                self._check_length(memory, [q for q in self.param_groups[0]["params"] if q.requires_grad])
                continue
            if self.rule.scope == "vector":
                shapes = {name: p.shape for name, slots in self.rule.state_slots.items() if slots > 1}
            else:
                shapes = {name: value.shape for name, value in tensors.starting_memory(stepped, p).items()}
            if wrong := {tuple(memory[name].shape) for name, shape in shapes.items() if memory[name].shape != shape}:
                raise ValueError(f"a parameter of shape {tuple(p.shape)} has a saved state of shape {wrong}")
        super().load_state_dict(state_dict)
        self.state.update({p: _on(p.device, memory) for p, memory in loaded.items()})
        if self.rule.scope != "vector" or self.rule.kind == "closure":
            return
        for index, group in enumerate(self.param_groups):
            laid = self._flats[index].params if index in self._flats else []
            if params := [p for p in group["params"] if p in self.state or any(p is one for one in laid)]:
                self._lay_out(index, params)


def _on(device: torch.device, memory: Any) -> Any:
    """What is remembered, moved to a device."""
    if isinstance(memory, dict):
        return {name: _on(device, value) for name, value in memory.items()}
    return tuple(_on(device, value) for value in memory) if isinstance(memory, tuple) else memory.to(device)


def _companion(rule: Rule) -> Rule | None:
    """The rule to which one of matrices leaves what is none."""
    from optim_core import RULES

    return RULES[rule.companion] if rule.scope == "matrix" and rule.companion else None
