"""An eager step without new memory: its operations are recorded once, then replayed into memory that is there.

What an eager step costs on the CPU is memory: each result is allocated, written and read again. The operations here are
the same, in the same order, and so are their results, to the last bit; but each is written into a register that stays
in the cache, or where it is to stay. What looks at no vector is computed once for all pieces.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, partial
from math import inf
from operator import itemgetter
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_COPY, _CAST, _ZEROS = torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default, torch.ops.aten.zeros_like.default
_SAME = torch.ops.aten.detach.default
_LENGTH = 3  # of the vectors with which the operations are recorded


class NotReplayed(ValueError):
    """An operation is none that can be repeated on vectors of any length."""


class _Operation(NamedTuple):
    function: Any
    arguments: list[int]  # values by their numbers, constants among them
    named: dict[str, Any]
    result: int


class Tape:
    """The operations of ``piece(vectors, gradient, scalars)``, which steps vectors in place and returns scalars.

    kinds: the dtypes of the vectors, and last of the gradient. scalars: 0-d tensors like those that it will be given.
    NotReplayed where it does anything else than operations entry by entry.
    """

    def __init__(
        self,
        piece: Callable[..., Sequence[torch.Tensor]],
        kinds: Sequence[torch.dtype],
        scalars: Sequence[torch.Tensor],
    ) -> None:
        given = [torch.ones(_LENGTH, dtype=kind, device="cpu") for kind in kinds]
        held = [one.clone() for one in scalars]
        with _Recorder() as recorder:
            after = piece(given[:-1], given[-1], held)
        self._values: list[Any] = [*given, *held]
        self._numbers = {id(one): number for number, one in enumerate(self._values)}
        self._vectors, self._scalars = len(given), slice(len(given), len(given) + len(held))
        steady, moving, written = self._sorted(recorder.calls)
        self._after = [self._number(one) for one in after]
        self._registers: dict[int, torch.dtype] = {}  # by slot, from the end; a value's is its number
        self._copies: list[tuple[int, int]] = []
        self._casts: dict[tuple[int, torch.dtype], int] = {}  # the number of a value in another type
        self._steady = [self._call(one, {}) for one in steady]
        self._moving = self._placed(moving, written)
        self._slots: list[Any] = [None if torch.is_tensor(one) and one.dim() else one for one in self._values]
        self._slots += [None] * len(self._registers)
        self._memory: list[torch.Tensor] = []  # the registers, as long as the longest piece so far

    def run(
        self,
        pieces: Sequence[Sequence[torch.Tensor]],
        gradients: Sequence[torch.Tensor],
        scalars: Sequence[torch.Tensor],
    ) -> list[Any]:
        """One step of every piece, in place; what the scalars are after it."""
        slots, count = self._slots, self._vectors
        slots[self._scalars] = scalars
        for call, arguments, result, _ in self._steady:
            slots[result] = call(*arguments(slots))
        for (number, kind), cast in self._casts.items():
            slots[cast] = torch.as_tensor(slots[number], dtype=kind, device="cpu")
        for vectors, gradient in zip(pieces, gradients, strict=True):
            slots[:count] = *vectors, gradient
            for slot, register in zip(self._registers, self._of_length(len(gradient)), strict=True):
                slots[slot] = register
            for call, arguments, result, into in self._moving:
                if into:
                    call(*arguments(slots), out=slots[result])
                else:
                    slots[result] = call(*arguments(slots))
            for vector, result in self._copies:
                slots[vector].copy_(slots[result])
        slots[:count] = [None] * count  # gradients that their owner lets go are gone
        return [slots[number] for number in self._after]

    def _of_length(self, length: int) -> list[torch.Tensor]:
        """The registers, for a piece of so many numbers."""
        if self._memory and len(self._memory[0]) >= length:
            return [register[:length] for register in self._memory]
        self._memory = [torch.empty(length, dtype=kind, device="cpu") for kind in self._registers.values()]
        return self._memory

    def _number(self, value: Any) -> int:
        """The number of a value; one that was not seen is a constant."""
        if torch.is_tensor(value) and id(value) in self._numbers:
            return self._numbers[id(value)]
        if torch.is_tensor(value):
            if value.dim():
                raise NotReplayed("a vector comes from elsewhere")
            self._numbers[id(value)] = len(self._values)
        self._values.append(value)
        return len(self._values) - 1

    def _sorted(self, calls: list[Any]) -> tuple[list[_Operation], list[_Operation], dict[int, int]]:
        """What looks at no vector, what does, and which vector is which result in the end."""
        steady, moving, written = [], [], {}
        for function, args, named, result in calls:
            looks = any(torch.is_tensor(one) and one.dim() for one in args)
            arguments = [self._number(one) for one in args]
            if function is _COPY and arguments[0] < self._vectors:
                written[arguments[0]] = arguments[1]
                continue
            if function is _SAME:
                self._numbers[id(result)] = arguments[0]
                continue
            if function._schema.is_mutable or not torch.is_tensor(result) or id(result) in self._numbers:
                raise NotReplayed(f"{function} writes where it reads")
            if bool(result.dim()) != looks or any(torch.is_tensor(one) for one in named.values()):
                raise NotReplayed(f"{function} makes a vector or a number of something else")
            if looks and (written or not (torch.Tag.pointwise in function.tags or function in (_CAST, _ZEROS))):
                raise NotReplayed(f"{function} mixes entries, or comes after the vectors are written")
            self._values.append(result)
            self._numbers[id(result)] = len(self._values) - 1
            (moving if looks else steady).append(_Operation(function, arguments, named, len(self._values) - 1))
        return steady, moving, written

    def _placed(self, moving: list[_Operation], written: dict[int, int]) -> list[Any]:
        """The operations on vectors with the places of their results: registers are used again once they are read."""
        last: dict[int, float] = {number: k for k, one in enumerate(moving) for number in one.arguments}
        last |= dict.fromkeys(written.values(), inf)
        made = {one.result: k for k, one in enumerate(moving)}
        place: dict[int, int] = {}
        for vector, result in written.items():
            whole = self._values[vector].dtype == self._values[result].dtype
            if whole and result in made and result not in place and last.get(vector, -1) <= made[result]:
                place[result] = vector  # nobody reads what was there any more
            else:
                self._copies.append((vector, result))
        free: dict[torch.dtype, list[int]] = defaultdict(list)
        calls = []
        for k, one in enumerate(moving):
            for number in {*one.arguments}:
                if place.get(number, 0) in self._registers and last[number] == k:
                    free[self._registers[place[number]]].append(place[number])
            if one.result not in place and _into(one.function):
                kind = self._values[one.result].dtype
                if not free[kind]:
                    free[kind].append(-1 - len(self._registers))
                    self._registers[free[kind][0]] = kind
                place[one.result] = free[kind].pop()
            calls.append(self._call(one, place))
        self._copies = [(vector, place.get(result, result)) for vector, result in self._copies]
        return calls

    def _call(self, one: _Operation, place: dict[int, int]) -> tuple[Any, Callable[[Any], tuple], int, bool]:
        """What is called, what takes its arguments from the slots, the slot of its result, whether it is handed in."""
        given = [self._values[number] for number in one.arguments]
        into = _into(one.function) if one.result in place else None
        if one.result in place and not into:
            raise NotReplayed(f"{one.function} cannot write into memory that is there")
        call: Callable[..., Any] = into or one.function
        named = {} if call is _cast else one.named
        binding = getattr(torch, one.function.overloadpacket.__name__, None)
        if into and binding and self._same(binding, one, given):
            call = binding
        found = [place.get(number, number) for number in self._cast_to_vectors(one, given)]
        arguments = itemgetter(*found) if len(found) > 1 else lambda slots: tuple(slots[slot] for slot in found)
        return partial(call, **named) if named else call, arguments, place.get(one.result, one.result), into is not None

    def _same(self, binding: Any, one: _Operation, given: list[Any]) -> bool:
        """Whether torch's function of that name, which is called in half the time, does the same."""
        result = self._values[one.result]
        try:
            found = binding(*given, **one.named, out=torch.empty_like(result))
        except (TypeError, RuntimeError):
            return False
        return torch.equal(torch.nan_to_num(found), torch.nan_to_num(result))

    def _cast_to_vectors(self, one: _Operation, given: list[Any]) -> list[int]:
        """The arguments; numbers in the vectors' type, with which they are computed anyhow, and so cast once only."""
        kinds = {value.dtype for value in given if torch.is_tensor(value) and value.dim() and value.is_floating_point()}
        if len(kinds) != 1:
            return one.arguments
        (kind,) = kinds
        numbers = list(one.arguments)
        for k, (value, asked) in enumerate(zip(given, one.function._schema.arguments, strict=False)):
            number = isinstance(value, float) or (
                torch.is_tensor(value) and not value.dim() and value.is_floating_point() and value.dtype != kind
            )
            if number and str(asked.type) == "Tensor":
                numbers[k] = self._casts.setdefault((one.arguments[k], kind), len(self._values))
                if numbers[k] == len(self._values):
                    self._values.append(torch.as_tensor(value, dtype=kind, device="cpu"))
        return numbers


class _Recorder(TorchDispatchMode):
    """Keeps what is called, with its results, so that no two of them are taken for the same."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result


def _cast(value: torch.Tensor, *, out: torch.Tensor) -> None:
    out.copy_(value)


@cache
def _into(function: Any) -> Callable[..., Any] | None:
    """The same operation with its result in ``out``, where there is one."""
    if function is _CAST:
        return _cast
    asked = [(one.name, str(one.type)) for one in function._schema.arguments]
    packet = function.overloadpacket
    for name in packet.overloads():
        other = getattr(packet, name)
        outs = [one for one in other._schema.arguments if one.is_out]
        rest = [(one.name, str(one.type)) for one in other._schema.arguments if not one.is_out]
        if len(outs) == 1 and outs[0].name == "out" and rest == asked:
            return other
    return None
