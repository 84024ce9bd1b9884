"""Parameters of a network as one flat vector, and a rule's step on it.

Every buffer is made once and written in place, no operation waits for the device, and nothing is counted in Python: a
step can be compiled, and be part of a CUDA graph.
"""

import types
from collections.abc import Iterable
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from optim_core.rule import Rule

HALF = (torch.float16, torch.bfloat16)
LARGE, MOST = 2**19, 16  # at most MOST parameters, of more numbers than LARGE, are pieces of their own
CHUNK = 2**17  # numbers in a piece of an eager step on the CPU: what it computes in between then stays in the cache


class Flat:
    """Parameters laid end to end, and what a rule remembers of them.

    The vectors are cut into pieces that are stepped one by one, where the rule is elementwise and it is faster. A large
    parameter is a piece whose gradient is read where it lies; the gradients of the others are gathered.
    """

    def __init__(self, rule: Rule, params: list[torch.Tensor], compiled: bool) -> None:
        kinds = {(p.dtype, p.device) for p in params}
        if len(kinds) > 1:
            raise ValueError(f"the parameters of a group must share type and device; these differ: {kinds}")
        ((dtype, device),) = kinds
        self.kind = torch.float32 if dtype in HALF else dtype
        self.params, self.layout, self.addresses = params, layout(params), list[int]()
        sizes = [p.numel() for p in params]
        total, cut = sum(sizes), _elementwise(rule) and (compiled or device.type == "cpu")
        large = max([LARGE, *sorted(sizes, reverse=True)[MOST:]]) if cut else total
        # The large ones, then by the greatest power of two in the size: each starts at a multiple of its own.
        order = sorted(range(len(params)), key=lambda i: (sizes[i] <= large, -(sizes[i] & -sizes[i])))
        first = dict(zip(order, accumulate((sizes[i] for i in order), initial=0), strict=False))
        self.starts = [first[i] for i in range(len(params))]
        self.alone = [params[i] for i in order if sizes[i] > large]
        head = sum(p.numel() for p in self.alone)

        self.x = torch.empty(total, dtype=dtype, device=device)
        self.gradient = torch.zeros(total - head, dtype=dtype, device=device)
        together = [i for i in order if sizes[i] <= large]
        self.places = [(params[i], _place(self.gradient, self.layout[i], first[i] - head)) for i in together]
        fields = [name for name, slots in rule.state_slots.items() if slots > 1]
        self.vectors = {name: torch.empty_like(self.x, dtype=self.kind) for name in fields}
        # In one vector: torch.compile takes 0-d float64 on the CPU for numbers and drops what is written to them.
        self.names = ["t", *(name for name in rule.State._fields if name not in self.vectors)]
        self.scalars = torch.zeros(len(self.names), dtype=torch.float64, device=device)
        self.chunk = CHUNK if cut and not compiled else max(total, 1)
        self.sizes = [p.numel() for p in self.alone] + [total - head] * bool(total > head or not head)
        rows = [self.cut(row.split(self.sizes)) for row in (self.x, *self.vectors.values())]
        self.pieces = list(zip(*rows, strict=True))

        self.given: dict[str, float | None] = dict.fromkeys((*rule.Hyper._fields, "l2", "decoupled"))
        self.rates: dict[str, torch.Tensor] = {}
        # A code object of its own, since torch counts by it how often it compiles anew and gives up after some times.
        own = types.FunctionType(_update.__code__.replace(), _update.__globals__)
        self.update = torch.compile(own, fullgraph=True, dynamic=False) if compiled else _update

    def split(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """A vector's parts in the shapes of the parameters."""
        return [_place(vector, row, start) for row, start in zip(self.layout, self.starts, strict=True)]

    def cut(self, parts: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        """Parts cut further, as the steps are made."""
        return [piece for part in parts for piece in part.split(self.chunk)]

    def gradients(self) -> list[torch.Tensor]:
        """The gradient in pieces; zeros where there is none."""
        whole = []
        for p in self.alone:
            g = torch.zeros_like(p) if p.grad is None else p.grad
            if any(n > 1 and a != b for n, a, b in zip(p.shape, g.stride(), p.stride(), strict=True)):
                g = torch.empty_like(p).copy_(g)
            whole.append(g.as_strided((p.numel(),), (1,)))
        given = [(place, p.grad) for p, place in self.places if p.grad is not None]
        if given:
            torch._foreach_copy_(*map(list, zip(*given, strict=True)))  # pyright: ignore
        for p, place in self.places:
            if p.grad is None:
                place.zero_()
        return self.cut([*whole, self.gradient][: len(self.sizes)])

    def refresh(self, group: dict[str, Any]) -> None:
        """The group's numbers for the next step: the rate and what has changed once in tensors, others as floats."""
        for name, last in self.given.items():
            value, tensor = group[name], torch.is_tensor(group[name])
            if name not in self.rates and (name == "lr" or tensor or last not in (None, value)):
                self.rates[name] = torch.zeros((), dtype=torch.float64, device=self.x.device)
            if tensor:
                self.rates[name].copy_(value)
            elif name in self.rates and value != last:
                self.rates[name].fill_(value)
            self.given[name] = None if tensor else value

    def step(self, rule: Rule, n: float) -> None:
        """One step of all parameters."""
        numbers = {name: self.rates.get(name, value) for name, value in self.given.items()}
        self.update(rule, numbers, n, self.names, self.scalars, self.pieces, self.gradients())

    def look(self, rule: Rule, n: float) -> None:
        """Moves x to where the rule wants the gradient; the state stays."""
        assert rule.look is not None
        h = rule.Hyper(**{name: self.rates.get(name, self.given[name]) for name in rule.Hyper._fields})
        values = dict(zip(self.names[1:], self.scalars.unbind()[1:], strict=True))
        s, t = rule.State(**self.vectors, **values), self.scalars[0] + 1
        x = self.x.to(self.kind)
        if rule.looks_with_gradient:
            g = torch.cat([g.to(self.kind) for g in self.gradients()])
            self.x.copy_(rule.look(x, g, s, h, t, n))
        else:
            self.x.copy_(rule.look(x, s, h, t, n))


def _update(rule, numbers, n, names, scalars, pieces, gradients) -> None:
    """One step in place: what is compiled."""
    t, *values = scalars.unbind()
    t = t + 1
    h = rule.Hyper(**{name: numbers[name] for name in rule.Hyper._fields})
    fields = [name for name in rule.State._fields if name not in names]
    state = None
    for (x, *vectors), g in zip(pieces, gradients, strict=True):
        wide = x.float() if x.dtype in HALF else x
        g = g.to(wide.dtype)
        if torch.is_tensor(numbers["l2"]) or numbers["l2"]:
            g = g + numbers["l2"] * wide
        if torch.is_tensor(numbers["decoupled"]) or numbers["decoupled"]:
            wide = wide * (1 - numbers["lr"] * numbers["decoupled"])
        before = dict(zip([*fields, *names[1:]], [*vectors, *values], strict=True))
        wide, state = rule.step(wide, g, rule.State(**before), h, t, n)
        held = (x, *vectors)
        after = [wide, *(getattr(state, name) for name in fields)]
        # A rule may hand on what it was given, such as x as "the x before": to be read before it is written. Not a
        # clone: torch.compile takes those out and reads too late.
        for index, value in enumerate(after):
            if any(value is buffer for buffer in held):
                after[index] = torch.maximum(value, value)
        for buffer, value in zip(held, after, strict=True):
            buffer.copy_(value)
    scalars.copy_(torch.stack([t, *(getattr(state, name).to(t.dtype) for name in names[1:])]))


def layout(params: list[torch.Tensor]) -> list[tuple[Any, ...]]:
    """What a flat vector depends on, by parameter; last the strides, those of the nearest dense form."""
    dense = (torch.empty_like(p, device="meta").stride() for p in params)
    return [(id(p), p.dtype, p.device, p.shape, strides) for p, strides in zip(params, dense, strict=True)]


def _place(vector: torch.Tensor, row: tuple[Any, ...], start: int) -> torch.Tensor:
    """A parameter's part of a vector, in its shape and strides."""
    return vector.as_strided(row[-2], row[-1], vector.storage_offset() + start)


@cache
def _elementwise(rule: Rule) -> bool:
    """Whether a step treats each entry of x for itself, so that made in pieces it is the same."""
    x, one = torch.ones(2, dtype=torch.float64), torch.ones((), dtype=torch.float64)
    with _Watch() as watch:
        rule.step(x, x, rule.init(x), rule.Hyper(), one, 1.0)
    return watch.elementwise


class _Watch(TorchDispatchMode):
    """Sees whether some operation mixes the entries of a vector."""

    elementwise = True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if torch.Tag.pointwise not in func.tags and func is not torch.ops.aten.zeros_like.default:
            self.elementwise &= not any(torch.is_tensor(value) and value.dim() for value in tree_leaves(args))
        return func(*args, **(kwargs or {}))
