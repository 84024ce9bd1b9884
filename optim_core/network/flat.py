"""A rule's step on parameters of a network that are taken together, as one vector.

Parameters and state stay where they are. The small ones are gathered into a vector and written back, the large ones
are stepped in place. No operation waits for the device, and nothing is counted in Python: a step can be compiled, and
be part of a CUDA graph.
"""

import types
from collections.abc import Iterable
from functools import cache
from itertools import accumulate
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from optim_core.network.replay import NotReplayed, Tape
from optim_core.rule import Rule

HALF = (torch.float16, torch.bfloat16)
# Of more numbers than this a parameter is stepped in place: below it gathering costs less than calls of its own. A
# compiled step has at most MOST such, since each lengthens the compilation.
LARGE, LARGE_COMPILED, MOST = 2**15, 2**16, 16
CHUNK = 2**18  # bytes of a vector in a piece of an eager step, for each thread: what is computed stays in the cache


class Numbers:
    """A group's numbers as its steps take them: the rate and what is seen to change on the device, others floats."""

    def __init__(self, rule: Rule, device: torch.device) -> None:
        self.device = device
        self.given: dict[str, float | None] = dict.fromkeys((*rule.Hyper._fields, "l2", "decoupled"))
        self.rates: dict[str, torch.Tensor] = {}

    def refresh(self, group: dict[str, Any]) -> None:
        """The numbers for the next step."""
        for name, last in self.given.items():
            value, tensor = group[name], torch.is_tensor(group[name])
            if name not in self.rates and (name == "lr" or tensor or last not in (None, value)):
                self.rates[name] = torch.zeros((), dtype=torch.float64, device=self.device)
            if tensor:
                self.rates[name].copy_(value)
            elif name in self.rates and value != last:
                self.rates[name].fill_(value)
            self.given[name] = None if tensor else value

    def now(self) -> dict[str, Any]:
        """By name."""
        return {name: self.rates.get(name, value) for name, value in self.given.items()}


class Flat:
    """Parameters that are stepped together, and what a rule remembers of them.

    memories: of each parameter, what is remembered of it by name; only the vectors are taken from there. The vector is
    cut into pieces that are stepped one by one, where the rule is elementwise and it is faster.
    """

    def __init__(self, rule: Rule, params: list[torch.Tensor], memories: list[dict[str, Any]], compiled: bool) -> None:
        kinds = {(p.dtype, p.device) for p in params}
        if len(kinds) > 1:
            raise ValueError(f"the parameters of a group must share type and device; these differ: {kinds}")
        ((dtype, device),) = kinds
        self.rule, self.params, self.compiled = rule, params, compiled
        self.kind = torch.float32 if dtype in HALF else dtype
        self.fields, self.names = vectors(rule), scalars(rule)
        self.held = [[memory[name] for name in self.fields] for memory in memories]
        self.places = [_places(p, held) for p, held in zip(params, self.held, strict=True)]

        sizes = [p.numel() for p in params]
        cut = _elementwise(rule) and (compiled or device.type == "cpu")
        large = max(LARGE_COMPILED, *sorted(sizes, reverse=True)[MOST:], 0) if compiled else LARGE
        alone = [cut and sizes[i] > large and self._in_place(i) for i in range(len(params))]
        self.alone = [p for p, by_itself in zip(params, alone, strict=True) if by_itself]
        # By the greatest power of two in the size: each starts at a multiple of its own.
        order = sorted((i for i in range(len(params)) if not alone[i]), key=lambda i: -(sizes[i] & -sizes[i]))
        total = sum(sizes[i] for i in order)
        starts = accumulate((sizes[i] for i in order), initial=0)
        self.together = [params[i] for i in order]
        x, *kept = [torch.empty(total, dtype=dtype, device=device), *(
            torch.empty(total, dtype=self.kind, device=device) for _ in self.fields)]  # fmt: skip
        self.gradient = torch.zeros_like(x)
        places = [(i, params[i].shape, start) for i, start in zip(order, starts, strict=False)]
        parts = [[row[start : start + sizes[i]].view(shape) for i, shape, start in places] for row in (x, *kept)]
        self.slopes = [self.gradient[start : start + sizes[i]].view(shape) for i, shape, start in places]
        sources = [self.together, *([self.held[i][k] for i in order] for k in range(len(self.fields)))]
        # Parameters and state may differ in type: by kind, as torch copies many tensors at once.
        self.gathered = list(zip(parts, sources, strict=True))
        # In one vector: torch.compile takes 0-d float64 on the CPU for numbers and drops what is written to them.
        self.scalars = torch.zeros(len(self.names), dtype=torch.float64, device=device)

        chunk = _chunk(self.kind) if cut and not compiled else max(total, *sizes, 1)
        whole = [[_line(one) for one in (params[i].detach(), *self.held[i])] for i in range(len(params)) if alone[i]]
        rows = [
            [*(row[k] for row in whole), *([part] if total or not whole else [])] for k, part in enumerate((x, *kept))
        ]
        self.chunk = chunk
        self.pieces = list(zip(*[self._cut(row) for row in rows], strict=True))
        # A code object of its own, since torch counts by it how often it compiles anew and gives up after some times.
        own = types.FunctionType(_update.__code__.replace(), _update.__globals__)
        self.update = torch.compile(own, fullgraph=True, dynamic=False) if compiled else _update
        self.tape: tuple[Any, Tape | None] | None = (None, None) if cut and not compiled else None

    def _in_place(self, i: int) -> bool:
        """Whether a parameter and its state lie in memory without gaps and alike."""
        p = self.params[i]
        strides = torch.empty_like(p, device="meta").stride()
        return all(
            one.shape == p.shape and _alike(p.shape, one.stride(), strides) and one.dtype == dtype
            for one, dtype in ((p, p.dtype), *((one, self.kind) for one in self.held[i]))
        )

    def fits(self, memories: list[dict[str, Any]]) -> bool:
        """Whether parameters and state still lie where they did."""
        return all(
            all(memory[name] is one for name, one in zip(self.fields, held, strict=True)) and places == _places(p, held)
            for p, memory, held, places in zip(self.params, memories, self.held, self.places, strict=True)
        )

    def _cut(self, parts: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        """Parts cut further, as the steps are made."""
        return [piece for part in parts for piece in part.tensor_split(max(1, round(len(part) / self.chunk)))]

    def gradients(self) -> list[torch.Tensor]:
        """The gradient in pieces; zeros where there is none."""
        whole = []
        for p in self.alone:
            g = torch.zeros_like(p) if p.grad is None else p.grad.detach()
            if not _alike(p.shape, g.stride(), p.stride()):
                g = torch.empty_like(p, dtype=g.dtype).copy_(g)
            whole.append(_line(g.to(p.dtype)))
        given = [(place, p.grad) for p, place in zip(self.together, self.slopes, strict=True) if p.grad is not None]
        if given:
            torch._foreach_copy_(*map(list, zip(*given, strict=True)))  # pyright: ignore
        for p, place in zip(self.together, self.slopes, strict=True):
            if p.grad is None:
                place.zero_()
        return self._cut([*whole, *([self.gradient] if len(self.gradient) or not whole else [])])

    def _gather(self, first: list[torch.Tensor]) -> None:
        if self.together:
            for parts, sources in self.gathered:
                torch._foreach_copy_(parts, sources)  # pyright: ignore
        torch._foreach_copy_(list(self.scalars.unbind()), first)  # pyright: ignore

    def step(self, numbers: dict[str, Any], n: float, first: list[torch.Tensor], held: list[torch.Tensor]) -> None:
        """One step. first: the scalars before it; held: where those after it go, in turn, parameter by parameter."""
        self._gather(first)
        if tape := self._tape(numbers, n):
            rates = [value for value in numbers.values() if torch.is_tensor(value)]
            _write(self.scalars, tape.run(self.pieces, self.gradients(), [*self.scalars.unbind(), *rates]))
        else:
            self.update(self.rule, numbers, n, self.names, self.scalars, self.pieces, self.gradients())
        if self.together:
            for parts, sources in self.gathered:
                torch._foreach_copy_(sources, parts)  # pyright: ignore
        torch._foreach_copy_(held, list(self.scalars.unbind()) * (len(held) // len(self.names)))  # pyright: ignore

    def _tape(self, numbers: dict[str, Any], n: float) -> Tape | None:
        """The step's operations for these numbers; None where it is no step of many pieces, or cannot be replayed."""
        if self.tape is None:
            return None
        fixed = {name: None if torch.is_tensor(value) else value for name, value in numbers.items()}
        if self.tape[0] != (fixed, n):
            count = len(self.names)
            moved = [name for name, value in fixed.items() if value is None]

            def piece(vectors, gradient, scalars):
                t, *values = scalars[:count]
                given = {**fixed, **dict(zip(moved, scalars[count:], strict=True))}
                state = _move(self.rule, given, n, self.names, t + 1, values, vectors, gradient)
                return [t + 1, *(getattr(state, name) for name in self.names[1:])]

            rates = [numbers[name] for name in moved]
            kinds = [self.pieces[0][0].dtype, *(self.kind for _ in self.fields), self.gradient.dtype]
            try:
                made = Tape(piece, kinds, [*self.scalars.unbind(), *rates])
            except NotReplayed:
                made = None
            self.tape = ((fixed, n), made)
        return self.tape[1]

    def look(self, numbers: dict[str, Any], n: float, first: list[torch.Tensor]) -> None:
        """Moves the parameters to where the rule wants the gradient; the state stays."""
        rule = self.rule
        assert rule.look is not None
        self._gather(first)
        h = rule.Hyper(**{name: numbers[name] for name in rule.Hyper._fields})
        t, *values = self.scalars.unbind()
        for (x, *kept), g in zip(self.pieces, self.gradients(), strict=True):
            named = dict(zip([*self.fields, *self.names[1:]], [*kept, *values], strict=True))
            wide = x.to(self.kind)
            given = (wide, g.to(self.kind)) if rule.looks_with_gradient else (wide,)
            x.copy_(rule.look(*given, rule.State(**named), h, t + 1, n))
        if self.together:
            parts, sources = self.gathered[0]
            torch._foreach_copy_(sources, parts)  # pyright: ignore


def _chunk(kind: torch.dtype) -> int:
    """How many numbers are stepped at a time on the processor."""
    return CHUNK // kind.itemsize * torch.get_num_threads()


def vectors(rule: Rule) -> list[str]:
    """The fields of a rule's state that have an entry for each number of a parameter."""
    return [name for name, slots in rule.state_slots.items() if slots > 1]


def scalars(rule: Rule) -> list[str]:
    """The count of steps and the fields of a rule's state that are one number."""
    return ["t", *(name for name, slots in rule.state_slots.items() if slots == 1)]


def apart(params: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    """The parameters in parts, so that in none two share memory: their steps then add up, as torch's do."""
    parts: list[tuple[list[torch.Tensor], list[tuple[int, int]]]] = []
    for p in params:
        span = _span(p)
        free = (part for part in parts if not any(span[0] < end and start < span[1] for start, end in part[1]))
        members, spans = next(free, ([], []))
        if not members:
            parts.append((members, spans))
        members.append(p)
        spans.append(span)
    return [members for members, _ in parts]


def _span(p: torch.Tensor) -> tuple[int, int]:
    """The addresses between which a tensor lies."""
    if not p.numel():
        return (0, 0)
    last = sum((size - 1) * stride for size, stride in zip(p.shape, p.stride(), strict=True))
    return (p.data_ptr(), p.data_ptr() + (last + 1) * p.element_size())


def _places(p: torch.Tensor, held: list[torch.Tensor]) -> tuple[Any, ...]:
    return (p.data_ptr(), p.dtype, p.shape, p.stride(), *(one.data_ptr() for one in held))


def _alike(shape: Any, a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return a == b or all(n <= 1 or i == j for n, i, j in zip(shape, a, b, strict=True))


def _line(whole: torch.Tensor) -> torch.Tensor:
    """A tensor without gaps as one vector, in the order of memory."""
    return whole.as_strided((whole.numel(),), (1,))


def _update(rule, numbers, n, names, scalars, pieces, gradients) -> None:
    """One step in place: what is compiled."""
    t, *values = scalars.unbind()
    t = t + 1
    state = None
    for vectors, g in zip(pieces, gradients, strict=True):
        state = _move(rule, numbers, n, names, t, values, vectors, g)
    _write(scalars, [t, *(getattr(state, name) for name in names[1:])])


def _write(scalars: torch.Tensor, after: list[torch.Tensor]) -> None:
    """All at once: what comes after the step may be what was there before it."""
    scalars.copy_(torch.stack([one.to(scalars.dtype) for one in after]))


def _move(rule, numbers, n, names, t, values, held, g):
    """A piece's step in place, x and what is remembered of it; the state after it."""
    x, *vectors = held
    h = rule.Hyper(**{name: numbers[name] for name in rule.Hyper._fields})
    fields = [name for name in rule.State._fields if name not in names]
    wide = x.float() if x.dtype in HALF else x
    g = g.to(wide.dtype)
    if torch.is_tensor(numbers["l2"]) or numbers["l2"]:
        g = g + numbers["l2"] * wide
    if torch.is_tensor(numbers["decoupled"]) or numbers["decoupled"]:
        wide = wide * (1 - numbers["lr"] * numbers["decoupled"])
    before = dict(zip([*fields, *names[1:]], [*vectors, *values], strict=True))
    wide, state = rule.step(wide, g, rule.State(**before), h, t, n)
    after = [wide, *(getattr(state, name) for name in fields)]
    # A rule may hand on what it was given, such as x as "the x before": to be read before it is written. Not a
    # clone: torch.compile takes those out and reads too late.
    for index, value in enumerate(after):
        if any(value is buffer for buffer in held):
            after[index] = torch.maximum(value, value)
    for buffer, value in zip(held, after, strict=True):
        buffer.copy_(value)
    return state


def whole(rule: Rule) -> bool:
    """Whether a step looks at the vector as a whole, by a norm or a product."""
    return not _elementwise(rule)


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
