"""Compiles each surface and each rule alone, into functions over a block of 64 runs, and drives them by address.

A block function is a C function over raw pointers to float64; LANES runs lie side by side in the last axis:

    value(p[2, 64], v[64], q[k, 64], data)                       the surface at p
    gradient(p[2, 64], g[2, 64], q[k, 64], data, spacing)        central, forward, exact or as printed
    init(p[2, 64], s[slots, 64])                                 the rule's state at the start
    update(p[2, 64], g[2, 64], s[slots, 64], t, n, h[k, 64])     one step of the rule, in place
    look(p[2, 64], g[2, 64], s[slots, 64], t, n, h[k, 64])       where it wants the gradient, left in g

q are the surface's parameters and h the rule's hyperparameters, one column a run; data points to the numbers of a
surface that shares its code with others (``optim_core.shared``). ``drive`` links them by address: one call per block
and step costs nothing, so N surfaces and M rules make N + M compilations, and what a user types or sends makes none.

What a kernel inlines it reaches through a module made for it, and ``machine_code`` keeps it on the disk under a
fingerprint of all sources that it is made from.
"""

import re
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, extending, njit, types  # pyright: ignore[reportPrivateImportUsage]
from numba.core import cgutils

from optim_core import elementary, tape
from optim_core.around import NORM_EPS
from optim_core.machine_code import callback, compiled, fingerprint, sources
from optim_core.rule import Rule
from optim_core.shared import TAPE, Shared
from optim_core.xp import Vec2, vec2

intrinsic: Any = extending.intrinsic  # its callers leave out the typing context, which type checkers do not know

LANES = 64
DIFFERENCES = ("central", "forward", "exact", "as_printed")
STOPS = ("none", "step", "gradient", "loss")
# Steps between the anchor and the end, a multiple of many periods; the second for runs shorter than the first.
CYCLES = (120, 12)

_F = types.float64
_POINTER = types.CPointer(_F)
_VALUE = types.void(_POINTER, _POINTER, _POINTER, _POINTER)
_GRADIENT = types.void(_POINTER, _POINTER, _POINTER, _POINTER, _F)
_INIT = types.void(_POINTER, _POINTER)
_UPDATE = types.void(_POINTER, _POINTER, _POINTER, _F, _F, _POINTER)
_OPTIONS: dict[str, Any] = {"error_model": "numpy"}
_CONTRACT = {"contract"}  # surfaces only: fused multiply-adds there, while rules round as NumPy and torch do


# ---------------------------------------------------------------- from lanes to named tuples and back


def _slots(fields: Any) -> list[tuple[int, int]]:
    """Offset and width, in rows of a block, of each field of a named tuple's Numba type."""
    found, offset = [], 0
    for field in fields.types:
        width = 2 if field is vec2 else 1
        found.append((offset, width))
        offset += width
    return found


def _address(builder: Any, base: Any, row: int, lane: Any) -> Any:
    index = builder.add(ir.Constant(ir.IntType(64), row * LANES), lane)
    return builder.gep(base, [index])


@intrinsic
def load(typingctx, rows, lane, like):
    """The named tuple of the type of ``like`` that stands in one lane of an array of rows."""

    def generate(context, builder, signature, arguments):
        base = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        result = cgutils.get_null_value(context.get_value_type(signature.return_type))
        for index, (row, width) in enumerate(_slots(like)):
            if width == 2:
                pair = cgutils.create_struct_proxy(vec2)(context, builder)
                pair.x = builder.load(_address(builder, base, row, arguments[1]))
                pair.y = builder.load(_address(builder, base, row + 1, arguments[1]))
                field = pair._getvalue()
            else:
                field = builder.load(_address(builder, base, row, arguments[1]))
            result = builder.insert_value(result, field, index)
        return result

    return like(rows, types.intp, like), generate


@intrinsic
def store(typingctx, rows, lane, fields):
    """Writes a named tuple into one lane of an array of rows."""

    def generate(context, builder, signature, arguments):
        base = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        for index, (row, width) in enumerate(_slots(fields)):
            field = builder.extract_value(arguments[2], index)
            if width == 2:
                pair = cgutils.create_struct_proxy(vec2)(context, builder, value=field)
                builder.store(pair.x, _address(builder, base, row, arguments[1]))
                builder.store(pair.y, _address(builder, base, row + 1, arguments[1]))
            else:
                builder.store(field, _address(builder, base, row, arguments[1]))
        return context.get_dummy_value()

    return types.void(rows, types.intp, fields), generate


# ---------------------------------------------------------------- calls by address


def _caller(signature: Any) -> Callable[..., Any]:
    """An intrinsic that calls the C function of that signature at an address."""

    @intrinsic
    def call(typingctx, address, arguments):
        def generate(context, builder, _, values):
            kinds = [context.get_value_type(kind) for kind in signature.args]
            function = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
            unpacked = [builder.extract_value(values[1], index) for index in range(len(kinds))]
            builder.call(builder.inttoptr(values[0], function), unpacked)
            return context.get_dummy_value()

        return types.void(types.intp, types.Tuple(signature.args)), generate

    return call


_call_value = _caller(_VALUE)
_call_gradient = _caller(_GRADIENT)
_call_init = _caller(_INIT)
_call_update = _caller(_UPDATE)


@intrinsic
def _pointer(typingctx, array):
    """The address of an array's first element."""

    def generate(context, builder, signature, arguments):
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data

    return _POINTER(array), generate


# ---------------------------------------------------------------- block functions


_CORE = sources(sys.modules[__name__])  # what every kernel is made from


def _parts() -> Any:
    """An empty module for what one kernel inlines."""
    return ModuleType("optim_core.blocks.parts")


def _formula(owner: Any, f: Any) -> ModuleType:
    """A module with ``at(x, y, q, k)``, a formula on one lane, ready to be inlined, and ``beside``, which makes q.

    owner: a surface, its derivative, or what surfaces share: then q is their numbers, else the block of parameters.
    """
    module: Any = _parts()
    inlined = njit(inline="always", fastmath=_CONTRACT, **_OPTIONS)
    module.f = inlined(f)
    rows, like = 1, None
    if not isinstance(owner, Shared) and owner.ranges:
        rows, like = len(owner.ranges), owner.Parameters()

    def block(q, data):
        return carray(q, (rows, LANES))

    def numbers(q, data):
        return data

    def with_parameters(x, y, q, k):
        return module.f(x, y, load(q, k, like))

    def with_numbers(x, y, q, k):
        return module.f(x, y, q)

    def without(x, y, q, k):
        return module.f(x, y)

    module.beside = inlined(numbers if isinstance(owner, Shared) else block)
    module.at = inlined(with_numbers if isinstance(owner, Shared) else with_parameters if like else without)
    return module


def _compile_value(surface: Any) -> Any:
    owner = surface.shared or surface
    module, mark = _formula(owner, owner.f), fingerprint(_CORE, owner.fingerprint)

    def value(p_, v_, q_, data):
        p = carray(p_, (2, LANES))
        v = carray(v_, (LANES,))
        q = module.beside(q_, data)
        for k in range(LANES):
            v[k] = module.at(p[0, k], p[1, k], q, k)

    return callback(_VALUE, value, f"value_{owner.name}", mark, fastmath=_CONTRACT, **_OPTIONS)


def _compile_gradient(surface: Any, difference: str) -> Any:
    # One kernel each, with the loop written out: a difference inlined as a function of its own, a third level, leaves
    # LLVM unable to vectorise the loop of some surfaces (Rosenbrock: 3.7 ns a step instead of 2).
    owner = surface.shared or surface
    module, made_from = _formula(owner, owner.f), [owner.fingerprint]

    if difference == "central":

        def gradient(p_, g_, q_, data, spacing):
            p = carray(p_, (2, LANES))
            g = carray(g_, (2, LANES))
            q = module.beside(q_, data)
            scale = 0.5 / spacing
            for k in range(LANES):
                x = p[0, k]
                y = p[1, k]
                g[0, k] = (module.at(x + spacing, y, q, k) - module.at(x - spacing, y, q, k)) * scale
                g[1, k] = (module.at(x, y + spacing, q, k) - module.at(x, y - spacing, q, k)) * scale

    elif difference == "forward":

        def gradient(p_, g_, q_, data, spacing):
            p = carray(p_, (2, LANES))
            g = carray(g_, (2, LANES))
            q = module.beside(q_, data)
            scale = 1.0 / spacing
            for k in range(LANES):
                x = p[0, k]
                y = p[1, k]
                here = module.at(x, y, q, k)
                g[0, k] = (module.at(x + spacing, y, q, k) - here) * scale
                g[1, k] = (module.at(x, y + spacing, q, k) - here) * scale

    elif difference == "as_printed":

        def gradient(p_, g_, q_, data, spacing):
            p = carray(p_, (2, LANES))
            g = carray(g_, (2, LANES))
            q = module.beside(q_, data)
            scale = 0.5 / spacing
            for k in range(LANES):
                x = p[0, k]
                y = p[1, k]
                g[0, k] = module.at(x + spacing, y, q, k) - module.at(x - spacing, y, q, k) * scale
                g[1, k] = module.at(x, y + spacing, q, k) - module.at(x, y - spacing, q, k) * scale

    else:
        derivative = owner if surface.shared else surface.derivative
        made_from.append(derivative.fingerprint)
        module = _formula(derivative, surface.shared.gradient if surface.shared else derivative.f)

        def gradient(p_, g_, q_, data, spacing):
            p = carray(p_, (2, LANES))
            g = carray(g_, (2, LANES))
            q = module.beside(q_, data)
            for k in range(LANES):
                g[0, k], g[1, k] = module.at(p[0, k], p[1, k], q, k)

    name, mark = f"gradient_{difference}_{owner.name}", fingerprint(_CORE, *made_from)
    return callback(_GRADIENT, gradient, name, mark, fastmath=_CONTRACT, **_OPTIONS)


# By how many spacings x and y are shifted in each of the blocks on which a tape is run for its gradient.
_CROSS = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
_CORNER = ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
_HERE = ((0.0, 0.0),)


@njit(**_OPTIONS)
def _shifted(part, p_, q_, data, shifts, spacing):
    """Runs a part of a tape on shifted copies of a block: its results, (copies * 64,) each, the first and the last."""
    numbers = carray(data, (int(carray(data, (1,))[tape.LENGTH]),))
    p = carray(p_, (2, LANES))
    q = carray(q_, (max(1, int(numbers[tape.PARAMETERS])), LANES))
    r = np.empty((int(numbers[tape.REGISTERS]), len(shifts) * LANES))
    for copy in range(len(shifts)):
        for axis in range(2):
            shift = shifts[copy][axis] * spacing
            for k in range(LANES):
                r[axis, copy * LANES + k] = p[axis, k] + shift
    first, last = tape.run(numbers, int(numbers[part]), r, q)
    return r[first], r[last]


def _compile_tape(kind: str) -> Any:
    """The block function "value", or that of the gradient by one of DIFFERENCES, of whatever is on a tape."""
    mark = fingerprint(_CORE)

    def value(p_, v_, q_, data):
        v = carray(v_, (LANES,))
        found, _ = _shifted(tape.VALUE, p_, q_, data, _HERE, 0.0)
        v[:] = found

    def central(p_, g_, q_, data, spacing):
        g = carray(g_, (2, LANES))
        f, _ = _shifted(tape.VALUE, p_, q_, data, _CROSS, spacing)
        scale = 0.5 / spacing
        for axis in range(2):
            for k in range(LANES):
                g[axis, k] = (f[2 * axis * LANES + k] - f[(2 * axis + 1) * LANES + k]) * scale

    def forward(p_, g_, q_, data, spacing):
        g = carray(g_, (2, LANES))
        f, _ = _shifted(tape.VALUE, p_, q_, data, _CORNER, spacing)
        scale = 1.0 / spacing
        for axis in range(2):
            for k in range(LANES):
                g[axis, k] = (f[axis * LANES + k] - f[2 * LANES + k]) * scale

    def as_printed(p_, g_, q_, data, spacing):
        g = carray(g_, (2, LANES))
        f, _ = _shifted(tape.VALUE, p_, q_, data, _CROSS, spacing)
        scale = 0.5 / spacing
        for axis in range(2):
            for k in range(LANES):
                g[axis, k] = f[2 * axis * LANES + k] - f[(2 * axis + 1) * LANES + k] * scale

    def exact(p_, g_, q_, data, spacing):
        g = carray(g_, (2, LANES))
        g[0], g[1] = _shifted(tape.GRADIENT, p_, q_, data, _HERE, 0.0)

    if kind == "value":
        return callback(_VALUE, value, f"value_{TAPE.name}", mark, **_OPTIONS)
    gradient = {"central": central, "forward": forward, "exact": exact, "as_printed": as_printed}[kind]
    return callback(_GRADIENT, gradient, f"gradient_{kind}_{TAPE.name}", mark, **_OPTIONS)


def _compile_rule(rule: Rule) -> tuple[Any, Any, Any]:
    """Its init, update and look; look is None where it wants the gradient at x.

    A rule around another inlines both: the rows of the inner one's state and hyperparameters come first.
    """
    name, mark = re.sub(r"\W", "_", rule.name), fingerprint(_CORE, rule.source.encode(), rule.inlined)
    inner, own = rule.base or rule, rule.module
    module = _parts()
    slots, rows = sum(rule.state_slots.values()), max(1, len(rule.ranges))
    cut, cut_rows = sum(inner.state_slots.values()), len(inner.ranges)
    defaults, own_defaults = tuple(inner.Hyper()), tuple(own.Hyper())
    module.Hyper, module.OwnHyper = inner.Hyper, own.Hyper
    # Long steps (YellowFin's) LLVM would call, and not vectorise: 5 times slower.
    inlined = njit(inline="always", **_OPTIONS)
    module.init, module.step = inlined(inner.init), inlined(inner.step)
    module.own_init, module.after = inlined(own.init), inlined(own.after) if rule.base else None
    module.look = inlined(own.look) if rule.look else None

    def init(p_, s_):
        p = carray(p_, (2, LANES))
        s = carray(s_, (slots, LANES))
        for k in range(LANES):
            store(s, k, module.init(Vec2(p[0, k], p[1, k])))

    def init_both(p_, s_):
        p = carray(p_, (2, LANES))
        s = carray(s_, (slots, LANES))
        for k in range(LANES):
            x = Vec2(p[0, k], p[1, k])
            store(s, k, module.init(x))
            store(s[cut:], k, module.own_init(x))

    def update(p_, g_, s_, t, n, h_):
        p = carray(p_, (2, LANES))
        g = carray(g_, (2, LANES))
        s = carray(s_, (slots, LANES))
        h = carray(h_, (rows, LANES))
        like_state = module.init(Vec2(0.0, 0.0))
        like_hyper = module.Hyper(*defaults)
        for k in range(LANES):
            x, state = module.step(
                Vec2(p[0, k], p[1, k]),
                Vec2(g[0, k], g[1, k]),
                load(s, k, like_state),
                load(h, k, like_hyper),
                t,
                n,
            )
            p[0, k] = x.x
            p[1, k] = x.y
            store(s, k, state)

    def update_both(p_, g_, s_, t, n, h_):
        p = carray(p_, (2, LANES))
        g = carray(g_, (2, LANES))
        s = carray(s_, (slots, LANES))
        h = carray(h_, (rows, LANES))
        like_state = module.init(Vec2(0.0, 0.0))
        like_own = module.own_init(Vec2(0.0, 0.0))
        like_hyper = module.Hyper(*defaults)
        like_own_hyper = module.OwnHyper(*own_defaults)
        for k in range(LANES):
            x = Vec2(p[0, k], p[1, k])
            y, state = module.step(x, Vec2(g[0, k], g[1, k]), load(s, k, like_state), load(h, k, like_hyper), t, n)
            z, outside = module.after(x, y, load(s[cut:], k, like_own), load(h[cut_rows:], k, like_own_hyper), t, n)
            p[0, k] = z.x
            p[1, k] = z.y
            store(s, k, state)
            store(s[cut:], k, outside)

    first, first_row = (cut, cut_rows) if rule.base else (0, 0)

    def look(p_, g_, s_, t, n, h_):
        p = carray(p_, (2, LANES))
        g = carray(g_, (2, LANES))
        s = carray(s_, (slots, LANES))
        h = carray(h_, (rows, LANES))
        like_state = module.own_init(Vec2(0.0, 0.0))
        like_hyper = module.OwnHyper(*own_defaults)
        for k in range(LANES):
            x = Vec2(p[0, k], p[1, k])
            ahead = module.look(x, load(s[first:], k, like_state), load(h[first_row:], k, like_hyper), t, n)
            g[0, k] = ahead.x
            g[1, k] = ahead.y

    def look_with_gradient(p_, g_, s_, t, n, h_):
        p = carray(p_, (2, LANES))
        g = carray(g_, (2, LANES))
        s = carray(s_, (slots, LANES))
        h = carray(h_, (rows, LANES))
        like_state = module.own_init(Vec2(0.0, 0.0))
        like_hyper = module.OwnHyper(*own_defaults)
        for k in range(LANES):
            x, slope = Vec2(p[0, k], p[1, k]), Vec2(g[0, k], g[1, k])
            ahead = module.look(x, slope, load(s[first:], k, like_state), load(h[first_row:], k, like_hyper), t, n)
            g[0, k] = ahead.x
            g[1, k] = ahead.y

    looking = look_with_gradient if rule.looks_with_gradient else look
    return (
        callback(_INIT, init_both if rule.base else init, f"init_{name}", mark, **_OPTIONS),
        callback(_UPDATE, update_both if rule.base else update, f"update_{name}", mark, **_OPTIONS),
        callback(_UPDATE, looking, f"look_{name}", mark, **_OPTIONS) if rule.look else None,
    )


_compiled: dict[tuple, Any] = {}
_compiling = threading.Lock()


def _once(key: tuple, compile_: Callable[[], Any]) -> Any:
    """The block function under the key, compiled on first use; kept, since its address must stay alive."""
    if key not in _compiled:
        with _compiling:
            if key not in _compiled:
                _compiled[key] = compile_()
    return _compiled[key]


def value_block(surface: Any) -> Any:
    """The compiled value(p, v, q, data) of a surface, which wants its numbers as data."""
    if surface.shared is TAPE:
        return _once(("value", TAPE), lambda: _compile_tape("value"))
    owner = surface.shared or surface
    return _once(("value", owner.name, owner.fingerprint), lambda: _compile_value(surface))


def gradient_block(surface: Any, difference: str) -> Any:
    """The compiled gradient(p, g, q, data, spacing) of a surface, by one of DIFFERENCES; as ``value_block`` else."""
    if surface.shared is TAPE:
        return _once(("gradient", difference, TAPE), lambda: _compile_tape(difference))
    owner = surface.shared or surface
    key = ("gradient", difference, owner.name, owner.fingerprint)
    return _once(key, lambda: _compile_gradient(surface, difference))


def rule_blocks(rule: Rule) -> tuple[Any, Any, Any]:
    """The compiled init(p, s), update(p, g, s, t, n, h) and look(p, g, s, t, n, h) or None of a rule.

    ValueError where the rule is interpreted.
    """
    if not rule.compiled:
        raise ValueError(f"rule {rule.name} makes no maps: it is interpreted step by step")
    return _once(("rule", rule.name, rule.source), lambda: _compile_rule(rule))


# ---------------------------------------------------------------- the driver


@compiled(nogil=True, **_OPTIONS)
def drive(
    value, gradient, init, update, look, data, p, h, q, slots, n, spacing, stop, threshold, steps, anchor, before,
    first, last, lanes, path, loss, slope, state, ahead, with_gradient, outside, around, factor, noise, rate,
):  # fmt: skip
    """Runs blocks first..last-1 for at most n steps each, in place.

    value, gradient, init, update, look: addresses of block functions, look 0 for none. data (k,): the surface's
    numbers. p (blocks, 2, 64): starts, and ends afterwards. h (blocks, k, 64) and q (blocks, k, 64): hyperparameters
    and surface parameters. stop: index into STOPS, with its threshold. steps (blocks, 64): steps made. anchor, before
    (blocks, 2, 64): the points some steps (CYCLES) and one step before the n-th, untouched where there is none. lanes:
    how many lanes of each block to remember, 0 for none, in path (n+1, 2, lanes), loss (n+1, lanes), slope (n, 2,
    lanes; the gradients), state (n+1, slots, lanes) and ahead (n, 2, lanes; where the gradients were taken).
    with_gradient: whether look wants the gradient at x.

    outside: whether something goes around the rule, between the gradient and the update, in this order: noise
    (n, 2), clipping, L2 penalty, decoupled decay; around (5,) holds the numbers for them (``Around.numbers``).
    factor (n,): the learning rate's, which stands in row ``rate`` of h (-1: nowhere).

    A run that its stop rule ends is frozen by a mask (1 running, 0 stopped); a NaN ends it too. A block is left once
    all its runs have stopped.
    """
    numbers = _pointer(data)
    g = np.empty((2, LANES))
    s = np.empty((slots, LANES))
    v = np.empty(LANES)
    old = np.empty((2, LANES))
    there = np.empty((2, LANES))
    on = np.empty(LANES)
    made = np.empty(LANES)
    back = CYCLES[0] if n >= CYCLES[0] else CYCLES[1]
    now = np.empty(h.shape[1:])
    noise_size, clip_value, clip_norm, l2, decay = around[0], around[1], around[2], around[3], around[4]
    for b in range(first, last):
        pb, hb, qb = p[b], h[b], q[b]
        if outside:
            now[:] = hb
        _call_init(init, (_pointer(pb), _pointer(s)))
        for k in range(LANES):
            on[k] = 1.0
            made[k] = 0.0
        if stop == 3 or lanes > 0:
            _call_value(value, (_pointer(pb), _pointer(v), _pointer(qb), numbers))
        if stop == 3:
            for k in range(LANES):
                on[k] = elementary.select(v[k] >= threshold, 1.0, 0.0)
        for k in range(lanes):
            path[0, 0, k] = pb[0, k]
            path[0, 1, k] = pb[1, k]
            loss[0, k] = v[k]
            for i in range(slots):
                state[0, i, k] = s[i, k]
        for t in range(1, n + 1):
            if t == n - back + 1:
                anchor[b] = pb
            if t == n:
                before[b] = pb
            if outside:
                if rate >= 0:
                    for k in range(LANES):
                        now[rate, k] = hb[rate, k] * factor[t - 1]
                ht = now
            else:
                ht = hb
            if look == 0 or with_gradient:
                _call_gradient(gradient, (_pointer(pb), _pointer(g), _pointer(qb), numbers, spacing))
            if look != 0:
                _call_update(look, (_pointer(pb), _pointer(g), _pointer(s), float(t), float(n), _pointer(ht)))
                for k in range(lanes):
                    ahead[t - 1, 0, k] = g[0, k]
                    ahead[t - 1, 1, k] = g[1, k]
                there[:] = g
                _call_gradient(gradient, (_pointer(there), _pointer(g), _pointer(qb), numbers, spacing))
            if stop == 2:
                for k in range(LANES):
                    size = g[0, k] * g[0, k] + g[1, k] * g[1, k]
                    on[k] = elementary.select(size >= threshold * threshold, on[k], 0.0)
            if stop != 0:
                for k in range(LANES):
                    old[0, k] = pb[0, k]
                    old[1, k] = pb[1, k]
            if outside:
                for k in range(LANES):
                    gx = g[0, k] + noise_size * noise[t - 1, 0]
                    gy = g[1, k] + noise_size * noise[t - 1, 1]
                    gx = elementary.select(
                        gx > clip_value, clip_value, elementary.select(gx < -clip_value, -clip_value, gx)
                    )
                    gy = elementary.select(
                        gy > clip_value, clip_value, elementary.select(gy < -clip_value, -clip_value, gy)
                    )
                    shrink = clip_norm / (np.sqrt(gx * gx + gy * gy) + NORM_EPS)
                    shrink = elementary.select(shrink > 1.0, 1.0, shrink)
                    g[0, k] = gx * shrink + l2 * pb[0, k]
                    g[1, k] = gy * shrink + l2 * pb[1, k]
                    if decay > 0.0:
                        keep = 1.0 - now[rate, k] * decay
                        pb[0, k] *= keep
                        pb[1, k] *= keep
            _call_update(update, (_pointer(pb), _pointer(g), _pointer(s), float(t), float(n), _pointer(ht)))
            if stop != 0:
                for k in range(LANES):
                    running = on[k] > 0.0
                    x = elementary.select(running, pb[0, k], old[0, k])
                    y = elementary.select(running, pb[1, k], old[1, k])
                    pb[0, k] = x
                    pb[1, k] = y
                    made[k] += on[k]
            if stop == 1:
                for k in range(LANES):
                    size = abs(pb[0, k] - old[0, k]) + abs(pb[1, k] - old[1, k])
                    on[k] = elementary.select(size >= threshold, on[k], 0.0)
            if stop == 3 or lanes > 0:
                _call_value(value, (_pointer(pb), _pointer(v), _pointer(qb), numbers))
            if stop == 3:
                for k in range(LANES):
                    on[k] = elementary.select(v[k] >= threshold, on[k], 0.0)
            for k in range(lanes):
                path[t, 0, k] = pb[0, k]
                path[t, 1, k] = pb[1, k]
                loss[t, k] = v[k]
                slope[t - 1, 0, k] = g[0, k]
                slope[t - 1, 1, k] = g[1, k]
                for i in range(slots):
                    state[t, i, k] = s[i, k]
            if stop != 0 and (t & 15) == 0:
                live = 0.0
                for k in range(LANES):
                    live += on[k]
                if live == 0.0:
                    break
        for k in range(LANES):
            steps[b, k] = made[k] if stop != 0 else float(n)


@compiled(nogil=True, **_OPTIONS)
def _evaluate(value, data, p, q, v):
    for b in range(len(p)):
        _call_value(value, (_pointer(p[b]), _pointer(v[b]), _pointer(q), _pointer(data)))


def evaluate(surface: Any, x: Any, y: Any, parameters: Any) -> np.ndarray:
    """The surface at x, y, arrays of one shape, by its compiled function: float64 of that shape."""
    x, y = np.broadcast_arrays(x, y)
    count = -(-x.size // LANES)
    p = np.zeros((2, count * LANES))
    p[0, : x.size], p[1, : x.size] = x.ravel(), y.ravel()
    p = np.ascontiguousarray(p.reshape(2, count, LANES).transpose(1, 0, 2))
    q = np.repeat(np.array(tuple(parameters) or (0.0,), dtype=np.float64)[:, None], LANES, axis=1)
    v = np.empty((count, LANES))
    kernel = value_block(surface)
    _evaluate(kernel.address, surface.numbers, p, q, v)
    return v.reshape(-1)[: x.size].reshape(x.shape)


class Driver:
    """A rule and a surface linked for runs under given options; any number of threads may call it at once."""

    def __init__(self, rule: Rule, surface: Any, options: Any, lowest: float) -> None:
        self._kept = (gradient_block(surface, options.difference), value_block(surface), *rule_blocks(rule))
        gradient, value, init, update, look = (kernel and kernel.address for kernel in self._kept)
        self._addresses = (value, gradient, init, update, look or 0, surface.numbers)
        self._slots = sum(rule.state_slots.values())
        self._options = (options.steps, options.spacing, options.stop_index, options.threshold(lowest))
        around, fields = options.around, rule.Hyper._fields
        self._around = (
            rule.looks_with_gradient, around.active, around.numbers, around.factors(options.steps),
            around.draws(options.steps), fields.index("lr") if "lr" in fields else -1,
        )  # fmt: skip

    def __call__(
        self,
        p: np.ndarray,
        h: np.ndarray,
        q: np.ndarray,
        steps: np.ndarray,
        anchor: np.ndarray,
        before: np.ndarray,
        remembered: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """Runs all blocks of p in place; ``drive`` says what the arrays hold."""
        n, spacing, stop, threshold = self._options
        path, loss, slope, state, ahead = remembered or _NOTHING
        drive(
            *self._addresses, p, h, q, self._slots, n, spacing, stop, threshold, steps, anchor, before, 0, len(p),
            path.shape[2], path, loss, slope, state, ahead, *self._around,
        )  # fmt: skip


_NOTHING = (np.empty((0, 2, 0)), np.empty((0, 0)), np.empty((0, 2, 0)), np.empty((0, 0, 0)), np.empty((0, 2, 0)))
