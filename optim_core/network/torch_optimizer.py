"""A rule trains a network: the same step that moves a dot on a surface.

    optimizer = RuleOptimizer(model.parameters(), "adam", lr=1e-3)
    loss.backward(); optimizer.step(); optimizer.zero_grad()

    optimizer.prepare()                                      # before a CUDA graph is captured; compiled: a step instead
    with torch.cuda.graph(graph): ...                        # forward, backward, optimizer.step()
    scheduler.step(); optimizer.refresh(); graph.replay()

    optimizer.eval(); validate(model); optimizer.train()     # for rules that return an average, such as schedule-free

Rules that want the gradient elsewhere, or the loss (``Rule.needs_closure``), take it from a closure:

    def closure():
        optimizer.zero_grad(); loss = ...; loss.backward(); return loss
    optimizer.step(closure)
"""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch

from optim_core.around import Around
from optim_core.network import flat, tensors
from optim_core.network.context import Context
from optim_core.network.flat import Flat, Numbers
from optim_core.network.group import NAMES, Group
from optim_core.network.oracle import NetworkOracle
from optim_core.parameters import checked_integer, checked_number, settings
from optim_core.registry import RULES
from optim_core.rule import Rule

MAX_HORIZON = 10**12
KEPT = 16  # sets of parameters, by group, whose buffers are kept: who has a gradient may change from step to step
COMPILED = 8  # of them the first so many are compiled
STEPPED = "stepped"  # in the state, while the weights are those of eval(): the ones that training goes on from


class RuleOptimizer(torch.optim.Optimizer):
    """A torch.optim.Optimizer that makes the steps of a rule.

    params: parameters or groups of them. rule: a Rule or its name. Hyperparameters by name (a learning rate must be
    given; the rule's own default is meant for surfaces); they live in ``param_groups``, where torch's schedulers change
    them, beta1, beta2, ... also as ``betas``; what else a group holds is kept as it is. The rate reaches the rule as a
    0-d float64 tensor, and so does what is seen to change; the others as Python floats. horizon: how many steps there
    will be; must be given where a rule's steps depend on it (``Rule.needs_horizon``). l2 adds l2 * x to the gradient,
    decoupled multiplies x by 1 - lr * decoupled before a step: for rules without a weight_decay of their own; options
    of each group, as is horizon. compiled: the update goes through torch.compile, once for each set of parameters that
    are stepped together, the first 8 of a group; the others, and rules of tensors and matrices, run as they stand.

    ``state`` is by parameter, as in torch.optim, and all that is remembered: whatever is done to it counts at the next
    step. Each of its tensors has memory of its own, and parameters stay in theirs; for parameters of 16 bits state and
    step are in float32. A parameter's state begins at its first gradient, with a count of steps ``t`` and scalars of
    its own; at a step where it has no gradient it is left out.
    A rule that looks at the whole vector of a group (norms, products) looks at those parameters that have a gradient;
    ``t`` and the scalars are the group's then, the same in the state of each, read from the first one that has any.
    Rules of tensors and matrices step parameter by parameter (``optim_core.network.tensors``). A rule that needs a
    closure calls it at the points it looks at, each group's by itself; one of kind ``closure`` takes one group and
    holds its state under the first parameter.

    The update is not touched by what surrounds the call: autocast, inference mode, default types and devices, the
    precision of matrix products; the closure is, as in torch.optim.

    ValueError names what is wrong: a rule or hyperparameter, a horizon that is missing, several types or devices in a
    group, complex parameters, sparse gradients, a state that does not fit, a rule that trains no networks, a closure
    that is missing; TypeError where rule is no rule. RuntimeError: a CUDA graph is captured before there is a state; a
    step with the weights of ``eval()``.
    """

    def __init__(
        self, params: Iterable[Any], rule: Rule | str, *, horizon: float | None = None, l2: float = 0.0,
        decoupled: float = 0.0, compiled: bool = False, **hyper: Any,
    ) -> None:  # fmt: skip
        self.rule = rule = _rule(rule)
        if rule.network is None:
            raise ValueError(f"rule {rule.name} trains no networks: {rule.no_network}")
        if "lr" in rule.Hyper._fields and "lr" not in hyper:
            raise ValueError(f"rule {rule.name}: lr is missing; it must lie in {rule.ranges['lr'].valid}")
        self.compiled = compiled
        self.evaluations = 0
        self._forget()
        super().__init__(params, self._checked({"l2": l2, "decoupled": decoupled, "horizon": horizon, **hyper}))

    def _forget(self) -> None:
        """All that can be found again from parameters, groups and state."""
        self._flats: dict[int, dict[tuple[int, ...], list[Flat]]] = {}
        self._compiled: dict[int, int] = {}  # sets of parameters so far, by group
        self._numbers: dict[int, Numbers] = {}
        self._last: dict[int, tuple[Any, list[torch.Tensor], list[int]]] = {}
        self._loading: dict[str, Any] | None = None

    @property
    def horizon(self) -> float:
        """How many steps there will be, as the first group has it; infinity where it is not known."""
        given = self.param_groups[0]["horizon"] if self.param_groups else self.defaults["horizon"]
        return math.inf if given is None else given

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a group that are the rule's, checked; 0-d tensors among them stay what they are."""
        rule, names = self.rule, [name for name in NAMES if name in self.rule.Hyper._fields]
        if len(names) > 1 and "betas" in given:
            betas = given.pop("betas")
            given = {**given, **{name: Group(dict.fromkeys(names), betas=betas)[name] for name in names}}
        tensors = {name: value for name, value in given.items() if torch.is_tensor(value) and not value.dim()}
        numbers = given | {name: value.item() for name, value in tensors.items()}
        horizon = numbers.pop("horizon")
        if horizon is None and rule.needs_horizon:
            raise ValueError(f"rule {rule.name}: horizon is missing; its steps depend on how many there will be")
        if horizon is not None and not (isinstance(horizon, float) and horizon == math.inf):
            horizon = checked_integer("horizon", horizon, 1, MAX_HORIZON)
        decays = {name: checked_number(name, numbers.pop(name), "[0, 1e3]") for name in ("l2", "decoupled")}
        for name, value in decays.items():
            around = Around(weight_decay=value, decay=name)
            for why in around.refused(rule).values():
                raise ValueError(f"{name} = {value:g} is not allowed: rule {rule.name} {why}")
        # As in torch a rate may be 0: a schedule begins there.
        still = isinstance(numbers.get("lr"), (int, float)) and numbers["lr"] == 0
        usual = {"lr": rule.Hyper().lr} if still else {}
        found = settings(rule.Hyper, {**numbers, **usual}, owner=f"rule {rule.name}")._asdict()
        found |= {**decays, "horizon": horizon, **tensors, **({"lr": 0.0} if still and "lr" not in tensors else {})}
        return found | ({"betas": tuple(found[name] for name in names)} if len(names) > 1 else {})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in torch; the group's hyperparameters are checked."""
        if self.rule.kind == "closure" and self.param_groups:
            raise ValueError(f"rule {self.rule.name} takes one group of parameters, not {len(self.param_groups) + 1}")
        if not isinstance(param_group, dict):
            super().add_param_group(param_group)  # raises
        names = {*self.rule.Hyper._fields, "l2", "decoupled", "horizon", "betas"}
        own = {name: value for name, value in param_group.items() if name in names}
        usual = {name: value for name, value in self.defaults.items() if name in names - {"betas"}}
        if "betas" in own and "betas" not in self.defaults:
            own.pop("betas")
        mode = {"train_mode": True} if self.rule.answer else {}
        super().add_param_group(Group({**mode, **param_group, **self._checked({**usual, **own})}))
        if any(p.is_complex() for p in self.param_groups[-1]["params"]):
            self.param_groups.pop()
            raise ValueError("complex parameters are not supported; give real and imaginary part as real parameters")

    def __getstate__(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("compiled", "evaluations")}
        return {**super().__getstate__(), "rule": self.rule.name, **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "rule" in state:
            self._forget()
            state = {**state, "rule": RULES[state["rule"]]}
        super().__setstate__(state)
        if self._loading is not None:
            self._load(self._loading)
        self.param_groups = [group if isinstance(group, Group) else Group(group) for group in self.param_groups]

    # ------------------------------------------------------------ steps

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step of every group; returns the closure's first loss where one is given."""
        if self.rule.needs_closure and closure is None:
            raise ValueError(f"rule {self.rule.name} needs a closure: step(closure) with one that returns the loss")
        if not all(group.get("train_mode", True) for group in self.param_groups):
            raise RuntimeError(
                f"the weights are those of eval(), which rule {self.rule.name} returns; call train() before step()"
            )
        context = Context(self._device())
        if self.rule.kind == "closure":
            return self._search(closure, context)
        loss = None
        if closure is not None and (self.rule.look is None or self.rule.looks_with_gradient):
            with torch.enable_grad():
                loss = closure()
            self.evaluations += 1
        if self.rule.look is not None:
            ahead = self._look(closure, context)
            loss = ahead if loss is None else loss
        with context.apart(self.rule.scope == "matrix"):
            for index, group in enumerate(self.param_groups):
                if params := [p for p in group["params"] if p.grad is not None]:
                    if any(p.grad.layout != torch.strided for p in params):
                        raise ValueError("sparse gradients are not supported; give the layer sparse=False")
                    if self.rule.scope == "vector":
                        self._step(index, params)
                    else:
                        self._step_each(group, params)
        return loss

    if not TYPE_CHECKING:  # type checkers lose its signature
        step = torch.compiler.disable(step)  # a function that a caller compiles is cut here, and this runs as it stands

    def _device(self) -> str:
        return next((p.device.type for group in self.param_groups for p in group["params"]), "cpu")

    def _step(self, index: int, params: list[torch.Tensor]) -> None:
        numbers, n = self._ready(index, params), self._horizon_of(index)
        for part, first in self._parts(index, params):
            if flat.whole(self.rule):
                states = [self.state[p] for p in self.param_groups[index]["params"] if self._known(p)]
            else:
                states = [self.state[p] for p in part.params]
            part.step(numbers, n, first, [state[name] for state in states for name in part.names])
            for p in part.params:
                self._note(p, part)
        torch.autograd.graph.increment_version(params)  # so that autograd notices, as after any in-place operation

    def _horizon_of(self, index: int) -> float:
        given = self.param_groups[index]["horizon"]
        return math.inf if given is None else given

    def _ready(self, index: int, params: list[torch.Tensor]) -> dict[str, Any]:
        """The group's numbers for a step, and a state for each of the parameters."""
        numbers, capturing = self._numbers.get(index), _capturing(params[0])
        if capturing and (numbers is None or not all(self._known(p) for p in params)):
            raise RuntimeError("the optimizer has no state for a CUDA graph yet: call its prepare() first")
        if numbers is None or numbers.device != params[0].device:
            numbers = self._numbers[index] = Numbers(self.rule, params[0].device)
        if not capturing:
            numbers.refresh(self.param_groups[index])
            self._begin(index, params)
        return numbers.now()

    def _known(self, p: torch.Tensor) -> bool:
        return p in self.state and "t" in self.state[p]

    def _begin(self, index: int, params: list[torch.Tensor]) -> None:
        """A state for the parameters that have none."""
        fresh = [p for p in params if not self._known(p)]
        leader = next((p for p in self.param_groups[index]["params"] if self._known(p)), None) if fresh else None
        for p in fresh:
            start = self._start(p)
            if leader is not None and flat.whole(self.rule):
                for name in flat.scalars(self.rule):
                    start[name].copy_(self.state[leader][name])
            self.state.setdefault(p, {}).update(start)
            self._note(p, "begun")

    def _start(self, p: torch.Tensor) -> dict[str, torch.Tensor]:
        """What is remembered of a parameter before its first step."""
        x = p.detach().float() if p.dtype in flat.HALF else p.detach()
        t = torch.zeros((), dtype=torch.float64, device=p.device)
        fields = self.rule.init(x)._asdict()
        return {"t": t, **{name: torch.empty_like(value).copy_(value) for name, value in fields.items()}}

    def _parts(self, index: int, params: list[torch.Tensor]) -> Iterable[tuple[Flat, list[torch.Tensor]]]:
        """What is stepped together, with the scalars before the step: all, or those whose scalars are the same."""
        names, leader = flat.scalars(self.rule), None
        cohorts = self._cohorts(params, names)
        if flat.whole(self.rule):
            leader = next(p for p in self.param_groups[index]["params"] if self._known(p))
            cohorts = [params]
        for cohort in cohorts:
            for part in self._laid_out(index, cohort):
                memory = self.state[part.params[0] if leader is None else leader]
                yield part, [memory[name] for name in names]

    def _cohorts(self, params: list[torch.Tensor], names: list[str]) -> list[list[torch.Tensor]]:
        """The parameters by the scalars of their states.

        They are the same where they were written together last and have stood since; nothing is asked of the device
        unless they were changed from outside.
        """
        keys = [self._key(p, names) for p in params]
        if None in keys:
            for p, key in zip(params, keys, strict=True):
                if key is None:
                    self._complete(p, names)
            if flat.whole(self.rule):
                return [params]
            keys = [tuple(self.state[p][name].item() for name in names) for p in params]
        found: dict[Any, list[torch.Tensor]] = {}
        for p, key in zip(params, keys, strict=True):
            found.setdefault(key, []).append(p)
        return list(found.values())

    def _key(self, p: torch.Tensor, names: list[str]) -> Any:
        """What the parameter's scalars were written with last; None where somebody else has changed them since."""
        key, held, versions = self._last.get(id(p), (None, [], []))
        memory = self.state[p]
        if held and all(memory.get(name) is one for name, one in zip(names, held, strict=True)):
            return key if versions == [one._version for one in held] else None
        return None

    def _note(self, p: torch.Tensor, key: Any) -> None:
        memory = self.state[p]
        held = [memory[name] for name in flat.scalars(self.rule)]
        self._last[id(p)] = (key, held, [one._version for one in held])

    def _complete(self, p: torch.Tensor, names: list[str]) -> None:
        """A state that was put there from outside, as steps take it; ValueError where it does not fit."""
        memory = self.state[p]
        self._check(p, memory)
        for name in names:
            value = memory[name]
            if not torch.is_tensor(value) or (value.dtype, value.device, value.dim()) != (torch.float64, p.device, 0):
                value = torch.as_tensor(value, dtype=torch.float64, device=p.device).detach()
                memory[name] = value.reshape(()).clone()

    def _check(self, p: torch.Tensor, memory: dict[str, Any], *, shapes_too: bool = True) -> None:
        """ValueError where a parameter's state is not one of the rule's."""
        stepped = tensors.rule_for(self.rule, _companion(self.rule), p)
        wanted = {*(() if stepped.kind == "closure" else ("t",)), *stepped.State._fields}
        if not wanted <= set(memory):
            raise ValueError(f"this state holds {sorted(memory)}; rule {self.rule.name} needs {sorted(wanted)}")
        if self.rule.kind == "closure":
            self._check_length(memory, [q for q in self.param_groups[0]["params"] if q.requires_grad])
            return
        if not shapes_too:
            return
        if self.rule.scope == "vector":
            shapes = dict.fromkeys(flat.vectors(self.rule), p.shape)
        else:
            shapes = {name: value.shape for name, value in tensors.starting_memory(stepped, p).items()}
        wrong = {tuple(shape) for name in shapes if (shape := getattr(memory[name], "shape", ())) != shapes[name]}
        if wrong:
            raise ValueError(f"a parameter of shape {tuple(p.shape)} has a saved state of shape {wrong}")

    def _laid_out(self, index: int, params: list[torch.Tensor]) -> list[Flat]:
        """Parameters that are stepped together, in parts that share no memory."""
        kept, ids = self._flats.setdefault(index, {}), tuple(map(id, params))
        parts = kept.pop(ids, [])
        if not parts or not all(part.fits([self.state[p] for p in part.params]) for part in parts):
            for p in params:
                self._check(p, self.state[p])
                for name in flat.vectors(self.rule):
                    if self.state[p][name].device != p.device:
                        self.state[p][name] = self.state[p][name].to(p.device)
            before = any(part.compiled for part in parts)
            compiled = self.compiled and (before or self._compiled.get(index, 0) < COMPILED)
            self._compiled[index] = self._compiled.get(index, 0) + (compiled and not before)
            updates = [part.update for part in parts if part.compiled == compiled]
            divided = flat.apart(params)
            parts = [Flat(self.rule, some, [self.state[p] for p in some], compiled) for some in divided]
            for part, update in zip(parts, updates, strict=False):
                part.update = update  # compiled for these shapes already
        kept[ids] = parts  # the one used last at the end
        while len(kept) > (2 if flat.whole(self.rule) else KEPT):
            del kept[next(iter(kept))]
        return parts

    def _step_each(self, group: dict[str, Any], params: list[torch.Tensor]) -> None:
        companion, n = _companion(self.rule), math.inf if group["horizon"] is None else group["horizon"]
        for p in params:
            stepped = tensors.rule_for(self.rule, companion, p)
            if not self._known(p):
                self.state.setdefault(p, {}).update(tensors.starting_memory(stepped, p))
            self._check(p, self.state[p], shapes_too=False)
            h = tensors.hyper_for(self.rule, stepped, group)
            tensors.step(stepped, p, self.state[p], h, n, group)

    def _look(self, closure: Any, context: Context) -> Any:
        """Gradients at the points that the rule looks at; parameters and state stay as they are."""
        held = []
        with context.apart():
            for index, group in enumerate(self.param_groups):
                wanted = [p for p in group["params"] if p.requires_grad]
                if self.rule.looks_with_gradient:
                    wanted = [p for p in wanted if p.grad is not None]
                held += [(p, p.clone()) for p in wanted]
                begun = wanted if self.rule.looks_with_gradient else [p for p in wanted if self._known(p)]
                if begun:
                    numbers = self._ready(index, begun)
                    for part, first in self._parts(index, begun):
                        part.look(numbers, self._horizon_of(index), first)
                if others := [p for p in wanted if not self._known(p)]:
                    numbers = Numbers(self.rule, others[0].device)
                    numbers.refresh(group)
                    starts = [self._start(p) for p in others]
                    part = Flat(self.rule, others, starts, False)
                    part.look(numbers.now(), self._horizon_of(index), [starts[0][name] for name in part.names])
        try:
            with torch.enable_grad():
                loss = closure()
        finally:
            with context.apart():
                for p, x in held:
                    p.copy_(x)
        self.evaluations += 1
        return loss

    def _search(self, closure: Any, context: Context) -> Any:
        """A step of a rule that asks for losses and gradients itself."""
        (group,) = self.param_groups
        if not (params := [p for p in group["params"] if p.requires_grad]):
            with torch.enable_grad():
                return closure()
        oracle = NetworkOracle(self.rule, params, lambda: context.of_caller(closure))
        with context.apart(products=True):
            x, memory = oracle.vector(), self.state.setdefault(group["params"][0], {})
            if not memory.keys() & set(self.rule.State._fields):
                memory.update(self.rule.init(x)._asdict())
            self._check(group["params"][0], memory)
            h = self.rule.Hyper(**{name: group[name] for name in self.rule.Hyper._fields})
            state = self.rule.State(**{name: memory[name] for name in self.rule.State._fields})
            try:
                moved, after = self.rule.step(x, oracle, state, h)
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

    # ------------------------------------------------------------ what a CUDA graph needs

    @torch.no_grad()
    def prepare(self) -> None:
        """Begins the state now, for all parameters that require a gradient, where steps can be in a CUDA graph."""
        if self.rule.scope != "vector" or self.rule.kind == "closure":
            return
        with Context(self._device()).apart():
            for index, group in enumerate(self.param_groups):
                if params := [p for p in group["params"] if p.requires_grad or self._known(p)]:
                    self._ready(index, params)
                    list(self._parts(index, params))

    @torch.no_grad()
    def refresh(self) -> None:
        """Brings the present rates to the device, where steps read them.

        A step does so itself; where a CUDA graph is replayed instead, this comes before each replay.
        """
        for index, numbers in self._numbers.items():
            numbers.refresh(self.param_groups[index])

    # ------------------------------------------------------------ the point that the method returns

    def eval(self) -> None:
        """Puts the weights that the rule returns into the parameters, where they are others: an average, slow weights.

        Those of the training stay in the state until ``train()``. What is done to the weights in between is kept: it
        moves both alike. For other rules nothing happens.
        """
        self._turn(training=False)

    def train(self) -> None:
        """Puts the weights back that training goes on from, to the last bit, as they were at ``eval()``."""
        self._turn(training=True)

    def _turn(self, *, training: bool) -> None:
        if self.rule.answer is None:
            return
        with Context(self._device()).apart():
            for group in self.param_groups:
                known = [p for p in group["params"] if self._known(p)]
                for p in known:
                    memory = self.state[p]
                    if not training and STEPPED not in memory:
                        memory[STEPPED] = p.detach().clone()
                        p.copy_(self._answer(group, memory[STEPPED], memory))
                    elif training and STEPPED in memory:
                        stepped = memory.pop(STEPPED)
                        there = self._answer(group, stepped, memory).to(p.dtype)
                        p.copy_(torch.where(p == there, stepped, p + (stepped - there)))
                group["train_mode"] = training

    def _answer(self, group: dict[str, Any], x: torch.Tensor, memory: dict[str, Any]) -> torch.Tensor:
        assert self.rule.answer is not None
        h = self.rule.Hyper(**{name: group[name] for name in self.rule.Hyper._fields})
        state = self.rule.State(**{name: memory[name] for name in self.rule.State._fields})
        return self.rule.answer(x.float() if x.dtype in flat.HALF else x, state, h)

    # ------------------------------------------------------------ saved and loaded

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in torch, its hooks included; what the rule remembers keeps the type in which it was saved.

        What is there already is written over in place, so that a CUDA graph goes on from what was loaded; a parameter
        of which nothing was saved begins anew. ValueError where state or groups are those of another optimizer.
        """
        betas = [group.get("betas") for group in state_dict["param_groups"]]

        def check(_: torch.optim.Optimizer, given: dict[str, Any]) -> None:
            for saved in given["param_groups"]:
                if lacking := sorted({*self.rule.Hyper._fields, "l2", "decoupled"} - saved.keys()):
                    needs = f"which rule {self.rule.name} needs"
                    raise ValueError(f"a saved group lacks {', '.join(lacking)}, {needs}")
            for p, memory in self._of_parameters(given).items():
                self._check(p, memory)
            self._loading = {**given, "before": self.state, "groups": self.param_groups, "betas": betas}

        last = self.register_load_state_dict_pre_hook(check)  # after all others: what they changed is what is loaded
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
            self._loading = None

    def _of_parameters(self, given: dict[str, Any]) -> dict[torch.Tensor, dict[str, Any]]:
        """The state of a saved dictionary by parameter."""
        numbers: dict[Any, torch.Tensor] = {}
        for group, saved in zip(self.param_groups, given["param_groups"], strict=False):
            numbers |= dict(zip(saved["params"], group["params"], strict=False))
        return {p: given["state"][number] for number, p in numbers.items() if number in given["state"]}

    def _load(self, given: dict[str, Any]) -> None:
        """In place of torch's version of what is being loaded, which has the parameters' type."""
        loaded, before = self._of_parameters(given), given["before"]
        for p in {**loaded, **{p: None for p in before if torch.is_tensor(p)}}:
            old = before.get(p, {})
            if p in loaded:
                self.state[p] = {name: _into(old.get(name), value, p.device) for name, value in loaded[p].items()}
            elif self.rule.scope == "vector" and self.rule.kind != "closure" and "t" in old:
                self.state[p] = {name: _into(old.get(name), value, p.device) for name, value in self._start(p).items()}
        usual = {"horizon": None, **({"train_mode": True} if self.rule.answer else {})}
        for k, (now, saved) in enumerate(zip(given["groups"], self.param_groups, strict=True)):
            options = {name: now.get(name, value) for name, value in usual.items()} | dict(saved)
            betas = options.pop("betas", given["betas"][k])
            names = [name for name in NAMES if name in self.rule.Hyper._fields]
            group = self.param_groups[k] = Group(options)
            if len(names) > 1:  # a hook may have changed the one or the other
                changed = betas != given["betas"][k]
                group["betas"] = betas if changed else tuple(group[name] for name in names)
            elif betas is not None:
                group["betas"] = betas


def _rule(given: Any) -> Rule:
    """A rule, or the one of that name."""
    if isinstance(given, str):
        return RULES[given]
    if not isinstance(given, Rule):
        raise TypeError(f"rule = {given!r:.80} is no rule; give a Rule or its name, such as 'adam'")
    return given


def _capturing(p: torch.Tensor) -> bool:
    return p.is_cuda and torch.cuda.is_current_stream_capturing()


def _into(old: Any, value: Any, device: torch.device) -> Any:
    """A saved value, in the tensor that is there where it fits, else a copy on the device."""
    if isinstance(value, dict):
        return {name: _into(None, one, device) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_into(None, one, device) for one in value)
    if not torch.is_tensor(value):
        return value
    if torch.is_tensor(old) and (old.shape, old.dtype, old.device) == (value.shape, value.dtype, device):
        return old.copy_(value)
    return value.detach().to(device).clone()


def _companion(rule: Rule) -> Rule | None:
    """The rule to which one of matrices leaves what is none."""
    return RULES[rule.companion] if rule.scope == "matrix" and rule.companion else None
