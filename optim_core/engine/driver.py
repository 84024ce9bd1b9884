"""Drives the block functions of a rule and a surface, linked by address, step by step."""

from typing import Any

import numpy as np

from optim_core.around import NORM_EPS
from optim_core.engine import elementary
from optim_core.engine.blocks import gradient_block, rule_blocks, value_block
from optim_core.engine.lanes import LANES, OPTIONS, call_gradient, call_init, call_update, call_value, pointer
from optim_core.engine.machine_code import compiled
from optim_core.rule import Rule
from optim_core.surface import Surface

# Steps between the anchor and the end, a multiple of many periods; the second for runs shorter than the first.
CYCLES = (120, 12)


@compiled(nogil=True, **OPTIONS)
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
    numbers = pointer(data)
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
        call_init(init, (pointer(pb), pointer(s)))
        for k in range(LANES):
            on[k] = 1.0
            made[k] = 0.0
        if stop == 3 or lanes > 0:
            call_value(value, (pointer(pb), pointer(v), pointer(qb), numbers))
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
                call_gradient(gradient, (pointer(pb), pointer(g), pointer(qb), numbers, spacing))
            if look != 0:
                call_update(look, (pointer(pb), pointer(g), pointer(s), float(t), float(n), pointer(ht)))
                for k in range(lanes):
                    ahead[t - 1, 0, k] = g[0, k]
                    ahead[t - 1, 1, k] = g[1, k]
                there[:] = g
                call_gradient(gradient, (pointer(there), pointer(g), pointer(qb), numbers, spacing))
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
            call_update(update, (pointer(pb), pointer(g), pointer(s), float(t), float(n), pointer(ht)))
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
                call_value(value, (pointer(pb), pointer(v), pointer(qb), numbers))
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


class Driver:
    """A rule and a surface linked for runs under given options; any number of threads may call it at once."""

    def __init__(self, rule: Rule, surface: Surface, options: Any, lowest: float) -> None:
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


def columns(values: Any, runs: int) -> np.ndarray:
    """Named numbers, each one or one per run, as rows of blocks: (blocks, max(1, names), LANES)."""
    count = -(-runs // LANES)
    padded = np.zeros((count, max(1, len(values)), LANES))
    for row, value in enumerate(values):
        if np.ndim(value) == 0:
            padded[:, row] = value
        else:
            lanes = np.empty(count * LANES)
            lanes[:runs] = value
            lanes[runs:] = lanes[runs - 1]
            padded[:, row] = lanes.reshape(count, LANES)
    return padded
