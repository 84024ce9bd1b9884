"""Compiles each surface and each rule alone, into functions over a block of 64 runs (``optim_core.engine.lanes``).

``optim_core.engine.driver`` links them by address: one call per block and step costs nothing, so N surfaces and M rules
make N + M compilations, and what a user types or sends makes none.

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
from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from optim_core.engine import tape
from optim_core.engine.lanes import GRADIENT, INIT, LANES, OPTIONS, UPDATE, VALUE, call_value, load, pointer, store
from optim_core.engine.machine_code import callback, compiled, fingerprint, sources
from optim_core.engine.shared import TAPE, Shared
from optim_core.rule import Rule
from optim_core.surface import Surface
from optim_core.xp import Vec2

_CONTRACT = {"contract"}  # surfaces only: fused multiply-adds there, while rules round as NumPy and torch do


_CORE = sources(sys.modules[__name__])  # what every kernel is made from


def _parts() -> Any:
    """An empty module for what one kernel inlines."""
    return ModuleType("optim_core.engine.blocks.parts")


def _formula(owner: Any, f: Any) -> ModuleType:
    """A module with ``at(x, y, q, k)``, a formula on one lane, ready to be inlined, and ``beside``, which makes q.

    owner: a surface, its derivative, or what surfaces share: then q is their numbers, else the block of parameters.
    """
    module: Any = _parts()
    inlined = njit(inline="always", fastmath=_CONTRACT, **OPTIONS)
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


def _compile_value(surface: Surface) -> Any:
    owner = surface.shared or surface
    module, mark = _formula(owner, owner.f), fingerprint(_CORE, owner.fingerprint)

    def value(p_, v_, q_, data):
        p = carray(p_, (2, LANES))
        v = carray(v_, (LANES,))
        q = module.beside(q_, data)
        for k in range(LANES):
            v[k] = module.at(p[0, k], p[1, k], q, k)

    return callback(VALUE, value, f"value_{owner.name}", mark, fastmath=_CONTRACT, **OPTIONS)


def _compile_gradient(surface: Surface, difference: str) -> Any:
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
    return callback(GRADIENT, gradient, name, mark, fastmath=_CONTRACT, **OPTIONS)


# By how many spacings x and y are shifted in each of the blocks on which a tape is run for its gradient.
_CROSS = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
_CORNER = ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
_HERE = ((0.0, 0.0),)


@njit(**OPTIONS)
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
        return callback(VALUE, value, f"value_{TAPE.name}", mark, **OPTIONS)
    gradient = {"central": central, "forward": forward, "exact": exact, "as_printed": as_printed}[kind]
    return callback(GRADIENT, gradient, f"gradient_{kind}_{TAPE.name}", mark, **OPTIONS)


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
    inlined = njit(inline="always", **OPTIONS)
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
        callback(INIT, init_both if rule.base else init, f"init_{name}", mark, **OPTIONS),
        callback(UPDATE, update_both if rule.base else update, f"update_{name}", mark, **OPTIONS),
        callback(UPDATE, looking, f"look_{name}", mark, **OPTIONS) if rule.look else None,
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


def value_block(surface: Surface) -> Any:
    """The compiled value(p, v, q, data) of a surface, which wants its numbers as data."""
    if surface.shared is TAPE:
        return _once(("value", TAPE), lambda: _compile_tape("value"))
    owner = surface.shared or surface
    return _once(("value", owner.name, owner.fingerprint), lambda: _compile_value(surface))


def gradient_block(surface: Surface, difference: str) -> Any:
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


@compiled(nogil=True, **OPTIONS)
def _evaluate(value, data, p, q, v):
    for b in range(len(p)):
        call_value(value, (pointer(p[b]), pointer(v[b]), pointer(q), pointer(data)))


def evaluate(surface: Surface, x: Any, y: Any, parameters: Any) -> np.ndarray:
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
