"""A rule trains a network: the same step that moves a dot on a surface.

The parameters of a group become views of one flat buffer, the rule's x, and what the rule remembers lies in buffers of
the same shape, so a rule is written for one vector and still runs as a few kernels. Nothing in a step waits for the
device, and buffers stay where they are: a step can be compiled, and captured in a CUDA graph.

    optimizer = RuleOptimizer(model.parameters(), RULES["adam"], lr=1e-3)
    loss.backward(); optimizer.step(); optimizer.zero_grad()

    optimizer.prepare()                        # or a few eager steps, before a CUDA graph is captured
    with torch.cuda.graph(graph): ...          # forward, backward and optimizer.step()
    scheduler.step(); optimizer.refresh(); graph.replay()
"""

import types
from collections.abc import Callable, Iterable
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from optim_core.parameters import checked_integer, checked_number, settings
from optim_core.rule import Rule

MAX_HORIZON = 10**12
HALF = (torch.float16, torch.bfloat16)
LARGE, MOST = 2**19, 16  # a compiled step takes the gradients of at most MOST parameters of that size where they lie
CHUNK = 2**17  # numbers that an eager step on the CPU treats at a time: what it computes in between stays in the cache


class RuleOptimizer(torch.optim.Optimizer):
    """A torch.optim.Optimizer that makes the steps of a rule.

    params: parameters or groups of them. Hyperparameters by name (a learning rate must be given; the rule's own default
    is meant for surfaces); they live in ``param_groups``, where torch's schedulers change them: the rate, and whatever
    else is seen to change, reaches the rule as a 0-d float64 tensor, the rest as Python floats. horizon: how many steps
    there will be, for rules that need it. l2: l2 * x is added to the gradient, the L2 penalty, for rules without a
    weight_decay of their own; an option of each group. compiled: the update goes through torch.compile, once for each
    layout; as eager to rounding, faster.

    Parameters join their group's flat vector at their first gradient. One that has no gradient at some later step keeps
    its value and its part of the state, while the group's step count and the scalars of the state go on; to rules that
    look at the whole vector its gradient is zero there. A step at which no parameter of a group has a gradient is not
    counted. State is kept by parameter, as in torch.optim, in float32 for parameters of 16 bits, which are stepped in
    float32 too. A parameter whose ``data`` were replaced is taken up as it then is.

    ValueError names a hyperparameter that is wrong, a group of several types or devices, complex parameters and sparse
    gradients. RuntimeError: a CUDA graph is being captured and the buffers are not there yet.
    """

    def __init__(
        self,
        params: Iterable[Any],
        rule: Rule,
        *,
        horizon: int | None = None,
        l2: float = 0.0,
        compiled: bool = False,
        **hyper: Any,
    ) -> None:
        if "lr" in rule.Hyper._fields and "lr" not in hyper:
            raise ValueError(f"rule {rule.name}: lr is missing; it must lie in {rule.ranges['lr'].valid}")
        self.rule = rule
        self.horizon = float("inf") if horizon is None else checked_integer("horizon", horizon, 1, MAX_HORIZON)
        self.compiled = bool(compiled)
        self._flats: dict[int, _Flat] = {}
        super().__init__(params, self._checked({"l2": l2, **hyper}))

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """Every option of a group, checked; those that were given as tensors stay tensors."""
        numbers = {name: value.item() if _is_scalar(value) else value for name, value in given.items()}
        l2 = checked_number("l2", numbers.pop("l2"), "[0, 1e3]")
        if l2 and "weight_decay" in self.rule.Hyper._fields:
            raise ValueError(f"l2 = {l2:g} is not allowed: rule {self.rule.name} has a weight_decay of its own")
        values = settings(self.rule.Hyper, numbers, owner=f"rule {self.rule.name}")._asdict() | {"l2": l2}
        return values | {name: value for name, value in given.items() if _is_scalar(value)}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As in torch; the group's hyperparameters are checked."""
        other = ("params", "param_names", "initial_lr")
        given = {name: value for name, value in param_group.items() if name not in other}
        super().add_param_group({**param_group, **self._checked({**self.defaults, **given})})
        if any(p.is_complex() for p in self.param_groups[-1]["params"]):
            self.param_groups.pop()
            raise ValueError("complex parameters are not supported; hold real and imaginary parts as real parameters")

    def __getstate__(self) -> dict[str, Any]:
        own = {"rule": self.rule.name, "horizon": self.horizon, "compiled": self.compiled}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from optim_core import RULES

        if "rule" in state:
            state = {**state, "rule": RULES[state["rule"]], "_flats": {}}
        super().__setstate__(state)

    @torch.compiler.disable
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One step of every group; returns the closure's loss where one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for index, group in enumerate(self.param_groups):
            if any(p.grad is not None for p in group["params"]):
                self._step(index, [p for p in group["params"] if p.grad is not None or p in self.state])
        return loss

    @torch.no_grad()
    def prepare(self) -> None:
        """Lays out what later steps need, for all parameters that require gradients, and brings the rates there."""
        for index, group in enumerate(self.param_groups):
            params = [p for p in group["params"] if p.requires_grad or p in self.state]
            if params:
                self._lay_out(index, params)
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Brings the present rates of all groups to the device, where steps read them.

        A step does so itself; before each replay of a CUDA graph it is the caller's to do.
        """
        for index, flat in self._flats.items():
            flat.refresh(self.param_groups[index])

    def _step(self, index: int, params: list[torch.Tensor]) -> None:
        flat = self._flats.get(index)
        capturing = params[0].is_cuda and torch.cuda.is_current_stream_capturing()
        if flat is None or flat.addresses != [p.data_ptr() for p in params]:
            if capturing:
                raise RuntimeError("the optimizer's buffers must be there before a CUDA graph: call prepare() first")
            flat = self._lay_out(index, params)
        if not capturing:
            flat.refresh(self.param_groups[index])
        absent = [p for p in params if p.grad is None]
        keep = [(part, part.clone()) for p in absent for part in (p, *(self.state[p][name] for name in flat.vectors))]
        flat.step(self.rule, self.horizon)
        for part, value in keep:
            part.copy_(value)
        torch.autograd.graph.increment_version(params)

    def _lay_out(self, index: int, params: list[torch.Tensor]) -> "_Flat":
        """The group's flat vector with values and state as they stand; buffers that still fit stay where they are."""
        flat = self._flats.get(index)
        if flat is None or flat.layout != _layout(params):
            flat = _Flat(self.rule, params, self.compiled)
        for p, place in zip(params, flat.split(flat.x), strict=True):
            place.copy_(p)
            p.data = place
        flat.addresses = [p.data_ptr() for p in params]
        start = self.rule.init(flat.x.to(flat.kind))._asdict()
        known = next((self.state[p] for p in params if p in self.state), {"t": 0.0, **start})
        for name, kept in [("t", flat.t), *flat.scalars.items()]:
            kept.copy_(torch.as_tensor(known[name]))
        parts: dict[str, list[torch.Tensor]] = {}
        for name, vector in flat.vectors.items():
            parts[name] = flat.split(vector)
            for p, part, first in zip(params, parts[name], flat.split(start[name]), strict=True):
                part.copy_(self.state[p][name] if p in self.state else first)
        for place, p in enumerate(params):
            mine = {name: part[place] for name, part in parts.items()}
            self.state[p] = {"t": flat.t, **mine, **flat.scalars}
        self._flats[index] = flat
        flat.refresh(self.param_groups[index])
        return flat

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in torch; what the rule remembers keeps the type in which it was saved. ValueError: it does not fit."""
        wanted, owner = {"t", *self.rule.State._fields}, f"rule {self.rule.name}"
        for saved in state_dict["param_groups"]:
            if lacking := sorted(self.defaults.keys() - saved.keys()):
                raise ValueError(f"a saved group has no {', '.join(lacking)}, which {owner} needs")
        groups = zip(self.param_groups, state_dict["param_groups"], strict=False)
        places = {number: p for group, saved in groups for number, p in zip(saved["params"], group["params"])}  # noqa: B905
        loaded = {p: state_dict["state"][number] for number, p in places.items() if number in state_dict["state"]}
        for p, memory in loaded.items():
            if set(memory) != wanted:
                raise ValueError(f"this state holds {sorted(memory)}; {owner} needs {sorted(wanted)}")
            for name in _vectors(self.rule):
                if memory[name].shape != p.shape:
                    raise ValueError(f"{name} has shape {tuple(memory[name].shape)}, its parameter {tuple(p.shape)}")
        super().load_state_dict(state_dict)
        self.state.update({p: dict(memory) for p, memory in loaded.items()})
        for index, group in enumerate(self.param_groups):
            laid = self._flats[index].params if index in self._flats else []
            params = [p for p in group["params"] if p in self.state or any(p is one for one in laid)]
            if params:
                self._lay_out(index, params)


class _Flat:
    """Parameters laid end to end, and what a rule remembers of them.

    x and the vectors of the state are cut into pieces that are stepped one by one, where the rule allows it and it is
    faster: a large parameter is a piece whose gradient is used as it lies, the gradients of the others are gathered.
    """

    def __init__(self, rule: Rule, params: list[torch.Tensor], compiled: bool) -> None:
        kinds = {(p.dtype, p.device) for p in params}
        if len(kinds) > 1:
            raise ValueError(f"the parameters of a group must share type and device; these differ: {kinds}")
        ((dtype, device),) = kinds
        self.kind = torch.float32 if dtype in HALF else dtype
        self.params, self.layout, self.addresses = params, _layout(params), list[int]()
        sizes = [p.numel() for p in params]
        cut = _elementwise(rule) and (compiled or device.type == "cpu")
        large = max([LARGE, *sorted(sizes, reverse=True)[MOST:]]) if cut else float("inf")
        # The large ones, then by the greatest power of two in the size: each starts at a multiple of its own.
        order = sorted(range(len(params)), key=lambda i: (sizes[i] <= large, -(sizes[i] & -sizes[i])))
        starts = dict(zip(order, accumulate((sizes[i] for i in order), initial=0), strict=False))
        self.starts = [starts[i] for i in range(len(params))]
        together = [i for i in order if sizes[i] <= large]
        self.alone = [params[i] for i in order if sizes[i] > large]
        self.together = [params[i] for i in together]

        rest = sum(sizes[i] for i in together)
        self.x = torch.empty(sum(sizes), dtype=dtype, device=device)
        self.gradient = torch.zeros(rest, dtype=dtype, device=device)
        self.places = [self.place(self.gradient, i, starts[i] - (sum(sizes) - rest)) for i in together]
        self.vectors = {name: torch.empty_like(self.x, dtype=self.kind) for name in _vectors(rule)}
        scalars = [name for name in rule.State._fields if name not in self.vectors]
        self.t, *zeros = (torch.zeros((), dtype=torch.float64, device=device) for _ in ("t", *scalars))
        self.scalars = dict(zip(scalars, zeros, strict=True))
        # What an eager step on the CPU computes in between goes to memory and back, unless it fits into the cache.
        self.chunk = CHUNK if cut and not compiled else max(sum(sizes), 1)
        self.parts = [p.numel() for p in self.alone] + [rest] * (rest > 0 or not self.alone)
        rows = (self.x, *self.vectors.values())
        self.pieces = list(zip(*(self.chunks(row.split(self.parts)) for row in rows), strict=True))

        self.given: dict[str, float | None] = dict.fromkeys((*rule.Hyper._fields, "l2"))
        self.rates: dict[str, torch.Tensor] = {}
        # A copy of the code, since torch limits recompilations by code: those of other layouts must not count here.
        own = types.FunctionType(_update.__code__.replace(), _update.__globals__)
        self.update = torch.compile(own, fullgraph=True, dynamic=False) if compiled else _update

    def place(self, vector: torch.Tensor, index: int, start: int) -> torch.Tensor:
        """The part of a vector that belongs to a parameter, in the parameter's shape and strides."""
        *_, shape, strides = self.layout[index]
        return vector.as_strided(shape, strides, vector.storage_offset() + start)

    def split(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """The parts of a vector, in the order of the parameters."""
        return [self.place(vector, index, start) for index, start in enumerate(self.starts)]

    def chunks(self, parts: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        return [chunk for part in parts for chunk in part.split(self.chunk)]

    def gathered(self) -> list[torch.Tensor]:
        """The gradients, cut as the pieces are; zeros where there is none."""
        if any(p.grad is not None and p.grad.layout != torch.strided for p in self.params):
            raise ValueError(
                "sparse gradients are not supported; torch.nn.Embedding makes dense ones with sparse=False"
            )
        whole = []
        for p in self.alone:
            g = torch.zeros_like(p) if p.grad is None else p.grad
            if any(n > 1 and a != b for n, a, b in zip(p.shape, g.stride(), p.stride(), strict=True)):
                g = torch.empty_like(p).copy_(g)
            whole.append(g.as_strided((p.numel(),), (1,)))
        pairs = [(place, p.grad) for place, p in zip(self.places, self.together, strict=True)]
        if present := [pair for pair in pairs if pair[1] is not None]:
            torch._foreach_copy_(*map(list, zip(*present, strict=True)))
        for place, g in pairs:
            if g is None:
                place.zero_()
        return self.chunks([*whole, self.gradient][: len(self.parts)])

    def refresh(self, group: dict[str, Any]) -> None:
        """The group's numbers as the next step finds them: the rate and what has changed as tensors, others as floats."""
        for name, last in self.given.items():
            value = group[name]
            if name not in self.rates and (name == "lr" or torch.is_tensor(value) or last not in (None, value)):
                self.rates[name] = torch.zeros_like(self.t)
            if torch.is_tensor(value):
                self.rates[name].copy_(value)
            elif name in self.rates and value != last:
                self.rates[name].fill_(value)
            self.given[name] = None if torch.is_tensor(value) else value

    def step(self, rule: Rule, n: float) -> None:
        """One step of all parameters, those without a gradient too."""
        numbers = {name: self.rates.get(name, value) for name, value in self.given.items()}
        self.update(rule, numbers, n, self.t, self.pieces, self.gathered(), self.scalars)


def _update(rule, numbers, n, t, pieces, gradients, scalars) -> None:
    """One step in place, and nothing but that: this is what is compiled."""
    h = rule.Hyper(**{name: numbers[name] for name in rule.Hyper._fields})
    names = [name for name in rule.State._fields if name not in scalars]
    t.add_(1)
    for (x, *vectors), g in zip(pieces, gradients, strict=True):
        wide = x.float() if x.dtype in HALF else x
        g = g.to(wide.dtype)
        if torch.is_tensor(numbers["l2"]) or numbers["l2"]:
            g = g + numbers["l2"] * wide
        before = rule.State(**dict(zip(names, vectors, strict=True)), **scalars)
        wide, after = rule.step(wide, g, before, h, t, n)
        x.copy_(wide)
        for name, vector in zip(names, vectors, strict=True):
            vector.copy_(getattr(after, name))
    for name, scalar in scalars.items():
        scalar.copy_(getattr(after, name))


def _layout(params: list[torch.Tensor]) -> list[tuple[Any, ...]]:
    """What a flat vector depends on; the strides are a parameter's own where it is dense, else a dense form of them."""
    dense = (torch.empty_like(p, device="meta").stride() for p in params)
    return [(id(p), p.dtype, p.device, p.shape, strides) for p, strides in zip(params, dense, strict=True)]


def _vectors(rule: Rule) -> list[str]:
    return [name for name, slots in rule.state_slots.items() if slots > 1]


def _is_scalar(value: Any) -> bool:
    return torch.is_tensor(value) and not value.dim()


@cache
def _elementwise(rule: Rule) -> bool:
    """Whether a step treats each entry of the vector alone, so that it may be made in pieces and is the same."""
    x, one = torch.ones(2, dtype=torch.float64), torch.ones((), dtype=torch.float64)
    with _Watch() as watch:
        rule.step(x, x, rule.init(x), rule.Hyper()._replace(lr=one), one, 1.0)
    return watch.elementwise


class _Watch(TorchDispatchMode):
    """Sees whether an operation mixes the entries of a vector."""

    elementwise = True

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:  # noqa: ARG002
        if torch.Tag.pointwise not in func.tags and func is not torch.ops.aten.zeros_like.default:
            self.elementwise &= not any(torch.is_tensor(value) and value.dim() for value in tree_leaves(args))
        return func(*args, **(kwargs or {}))
