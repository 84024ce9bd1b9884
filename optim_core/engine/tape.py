"""Formulas as tapes: a list of operations that one compiled function carries out, whatever formula it is.

A formula that somebody types would take LLVM a second to compile, while the whole server waits, and LLVM gives no code
back. So nothing is compiled for it: its operations are numbers, and ``run`` carries each out over a block of points at
once, which costs a few nanoseconds a block beside the arithmetic.

A tape is an array of float64: its length, how many registers and parameters it needs, at which index each of its two
parts begins (the value, the gradient), then the parts: how many operations there are, how many registers hold results
and which, and five numbers for each operation: what it is, the register that it fills, and those that it reads, or a
number. Registers 0 and 1 are x and y. No operation fills a register that it reads, so that its loop is vectorised.

Nothing is fused here: a formula has the same digits on every processor but for its transcendental functions.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from optim_core import xp
from optim_core.engine import elementary
from optim_core.engine.machine_code import compiled

OPERATIONS = (
    "number", "parameter", "+", "-", "*", "/", "neg", "sqrt", "exp", "ln", "sin", "cos", "tanh", "atan", "abs", "sign",
    "floor", "max", "min", "^", "<", "<=", ">", ">=", "where",
)  # fmt: skip
_CODE = {name: code for code, name in enumerate(OPERATIONS)}
LENGTH, REGISTERS, PARAMETERS, VALUE, GRADIENT = range(5)  # what stands at the beginning of a tape
HEADER = 5
_WIDTH = 5  # numbers of an operation

Operation = tuple[Any, ...]  # name, and the operations before it on which it acts, or a number, or a parameter's index


Part = tuple[Sequence[Operation], Sequence[int]]  # operations, and which of them are wanted


def written(value: Part, gradient: Part, parameters: int) -> np.ndarray:
    """The tape of a function of x, y and so many parameters; x and y are the operations ("x",) and ("y",)."""
    begins, body, registers = [], [], 2
    for operations, wanted in (value, gradient):
        begins.append(HEADER + len(body))
        part, used = _allotted(operations, wanted)
        body += part
        registers = max(registers, used)
    return np.array([HEADER + len(body), registers, parameters, *begins, *body], dtype=np.float64)


def _allotted(operations: Sequence[Operation], wanted: Sequence[int]) -> tuple[list[float], int]:
    """One part of a tape, and how many registers it takes: each is free again once what it holds was read last."""
    last = {node: place for place, one in enumerate(operations) for node in _read(one)}
    last |= dict.fromkeys(wanted, len(operations))
    held: dict[int, int] = {}
    free: list[int] = []
    code: list[float] = []
    used = 2
    for place, one in enumerate(operations):
        if one[0] in ("x", "y"):
            held[place] = "xy".index(one[0])
            continue
        if free:
            target = free.pop()
        else:
            target, used = used, used + 1
        given = [held[node] for node in _read(one)] or list(one[1:])
        code += [_CODE[one[0]], target, *given, *[0] * (_WIDTH - 2 - len(given))]
        held[place] = target
        free += {held[node] for node in _read(one) if last[node] == place and held[node] > 1}
    return [len(code) // _WIDTH, len(wanted), *(held[node] for node in wanted), *code], used


def _read(one: Operation) -> tuple[int, ...]:
    return () if one[0] in ("x", "y", "number", "parameter") else one[1:]


@compiled(error_model="numpy")
def run(tape, part, r, q):
    """Carries out a part of a tape on the points r[0], r[1] in ``r`` (registers, points); q (k, block): parameters.

    part: the index at which it begins. The points are several blocks. Returns the registers of the first and of the
    last result.
    """
    count, results = int(tape[part]), int(tape[part + 1])
    at = part + 2 + results
    width, block = r.shape[1], q.shape[1]
    for _ in range(count):
        code, t, a, b = int(tape[at]), int(tape[at + 1]), int(tape[at + 2]), int(tape[at + 3])
        if code == 0:
            number = tape[at + 2]
            for k in range(width):
                r[t, k] = number
        elif code == 1:
            for begin in range(0, width, block):
                for k in range(block):
                    r[t, begin + k] = q[a, k]
        elif code == 2:
            for k in range(width):
                r[t, k] = r[a, k] + r[b, k]
        elif code == 3:
            for k in range(width):
                r[t, k] = r[a, k] - r[b, k]
        elif code == 4:
            for k in range(width):
                r[t, k] = r[a, k] * r[b, k]
        elif code == 5:
            for k in range(width):
                r[t, k] = r[a, k] / r[b, k]
        elif code == 6:
            for k in range(width):
                r[t, k] = -r[a, k]
        elif code == 7:
            for k in range(width):
                r[t, k] = xp.sqrt(r[a, k])
        elif code == 8:
            for k in range(width):
                r[t, k] = xp.exp(r[a, k])
        elif code == 9:
            for k in range(width):
                r[t, k] = xp.log(r[a, k])
        elif code == 10:
            for k in range(width):
                r[t, k] = xp.sin(r[a, k])
        elif code == 11:
            for k in range(width):
                r[t, k] = xp.cos(r[a, k])
        elif code == 12:
            for k in range(width):
                r[t, k] = xp.tanh(r[a, k])
        elif code == 13:
            for k in range(width):
                r[t, k] = xp.atan(r[a, k])
        elif code == 14:
            for k in range(width):
                r[t, k] = xp.absolute(r[a, k])
        elif code == 15:
            for k in range(width):
                r[t, k] = xp.sign(r[a, k])
        elif code == 16:
            for k in range(width):
                r[t, k] = xp.floor(r[a, k])
        elif code == 17:
            for k in range(width):
                r[t, k] = xp.maximum(r[a, k], r[b, k])
        elif code == 18:
            for k in range(width):
                r[t, k] = xp.minimum(r[a, k], r[b, k])
        elif code == 19:
            for k in range(width):
                r[t, k] = xp.power(r[a, k], r[b, k])
        elif code == 20:
            for k in range(width):
                r[t, k] = elementary.select(r[a, k] < r[b, k], 1.0, 0.0)
        elif code == 21:
            for k in range(width):
                r[t, k] = elementary.select(r[a, k] <= r[b, k], 1.0, 0.0)
        elif code == 22:
            for k in range(width):
                r[t, k] = elementary.select(r[a, k] > r[b, k], 1.0, 0.0)
        elif code == 23:
            for k in range(width):
                r[t, k] = elementary.select(r[a, k] >= r[b, k], 1.0, 0.0)
        elif code == 24:
            c = int(tape[at + 4])
            for k in range(width):
                r[t, k] = elementary.select(r[a, k] != 0.0, r[b, k], r[c, k])
        at += _WIDTH
    return int(tape[part + 2]), int(tape[part + 1 + results])
