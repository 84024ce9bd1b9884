"""Stochastic runs over data: batches of rows drawn in some order, many runs at once, and what is exact about them.

The rules are those of ``optim_core.rules``, driven by address as in ``optim_core.engine.blocks``, 64 runs side by side;
here the gradient is the mean over a batch of rows. Random numbers are SplitMix64's (Steele, Lea & Flood, OOPSLA 2014),
one stream for each run, seeded by NumPy's SeedSequence.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numba import njit

from optim_core.engine import elementary
from optim_core.engine.blocks import rule_blocks
from optim_core.engine.driver import columns
from optim_core.engine.lanes import LANES, call_init, call_update, pointer
from optim_core.engine.machine_code import compiled
from optim_core.parameters import checked_integer, settings
from optim_core.rule import Rule
from optim_core.runs.setup import checked_point

ORDERS = ("independent", "shuffled", "fixed")
MOST_STEPS = 1_000_000
MOST_SEED = 2**32 - 1


class Rows(Protocol):
    """A loss of two parameters over rows: columns (n, 2), targets (n,); logistic, or least squares."""

    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> np.ndarray: ...
    @property
    def targets(self) -> np.ndarray: ...
    @property
    def is_logistic(self) -> bool: ...


def batches(rows: int, batch: int) -> int:
    """How many batches an epoch has: the last has the rows that are left."""
    return -(-rows // batch)


def sizes(steps: int, rows: int, batch: int, order: str) -> np.ndarray:
    """How many rows each step reads, (steps,)."""
    found = np.full(steps, batch)
    if order != "independent":
        of = batches(rows, batch)
        found[of - 1 :: of] = rows - (of - 1) * batch
    return found


def walk(
    loss: Rows,
    rule: Rule,
    start: Any,
    steps: int,
    *,
    batch: int,
    order: str = "shuffled",
    seed: int = 0,
    runs: int = 1,
    hyper: Mapping[str, Any] | None = None,
    keep: Any = None,
    frozen: bool = False,
) -> np.ndarray:
    """Paths of runs from start (x, y) at the steps of ``keep``, all from 0 on where left out: (runs, kept, 2).

    order: ``independent``, each batch's rows drawn with replacement; ``shuffled``, all rows in a new order in every
    epoch; ``fixed``, in the table's own. Run number r is the same whatever runs there are beside it. hyper: by name, a
    number or one for each run. frozen: all gradients are taken at the start. ValueError says what is wrong.
    """
    if order not in ORDERS:
        raise ValueError(f"order = {order!r} is not known; there are: {', '.join(ORDERS)}")
    if not rule.compiled or rule.look is not None:
        raise ValueError(f"rule {rule.name} is not driven by minibatches: it asks for more than one gradient a step")
    steps, batch = checked_integer("steps", steps, 0, MOST_STEPS), checked_integer("batch", batch, 1, loss.rows)
    seed, runs = checked_integer("seed", seed, 0, MOST_SEED), checked_integer("runs", runs, 1, 100_000)
    kept = np.arange(steps + 1) if keep is None else np.asarray(keep, dtype=np.int64)
    if np.any(np.diff(kept) <= 0) or len(kept) == 0 or kept[0] < 0 or kept[-1] > steps:
        raise ValueError(f"keep must ascend from 0 or more to {steps} or less")
    h = columns(settings(rule.Hyper, hyper, owner=f"rule {rule.name}", arrays=True), runs)
    init, update, _ = rule_blocks(rule)
    path = np.empty((runs, len(kept), 2))
    _walk(
        loss.is_logistic, loss.columns, loss.targets, ORDERS.index(order), batch, frozen, streams(seed, runs),
        init.address, update.address, np.array(checked_point("start", start)), h, sum(rule.state_slots.values()),
        steps, kept, path,
    )  # fmt: skip
    return path


def streams(seed: int, runs: int) -> np.ndarray:
    """The states from which the runs' random numbers start, (runs,) uint64."""
    return np.random.SeedSequence(seed).generate_state(runs, np.uint64)


# ---------------------------------------------------------------- compiled

_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(inline="always")
def mixed(state):
    """SplitMix64's number for a state, which grows by the golden ratio from one to the next."""
    z = (state ^ (state >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return z ^ (z >> _31)


@compiled(nogil=True, error_model="numpy")
def _walk(
    logistic, table, targets, order, batch, frozen, states, init, update, start, h, slots, steps, keep, path
):  # fmt: skip
    rows, runs = len(targets), len(states)
    p, g, s = np.empty((2, LANES)), np.zeros((2, LANES)), np.zeros((max(1, slots), LANES))
    deck = np.empty((LANES, rows), dtype=np.int32)
    for first in range(0, runs, LANES):
        lanes = min(LANES, runs - first)
        hb = h[first // LANES]
        for k in range(LANES):
            p[0, k], p[1, k] = start[0], start[1]
        g[:] = 0.0
        for k in range(lanes):
            for i in range(rows):
                deck[k, i] = i
        call_init(init, (pointer(p), pointer(s)))
        kept = 0
        if keep[0] == 0:
            for k in range(lanes):
                path[first + k, 0] = start
            kept = 1
        at = 0
        for t in range(1, steps + 1):
            if kept == len(keep):
                break
            count = batch if order == 0 else min(batch, rows - at)
            for k in range(lanes):
                x, y = p[0, k], p[1, k]
                if frozen:
                    x, y = start[0], start[1]
                state = states[first + k]
                gx, gy = 0.0, 0.0
                for i in range(at, at + count):
                    row = i
                    if order != 2:
                        state += _GOLDEN
                        share = float(mixed(state) >> _11) * 1.1102230246251565e-16
                        if order == 0:
                            row = int(share * rows)
                        else:
                            j = i + int(share * (rows - i))
                            row = deck[k, j]
                            deck[k, j] = deck[k, i]
                            deck[k, i] = row
                    u, v = table[row, 0], table[row, 1]
                    z = u * x + v * y
                    if logistic:
                        z = 1.0 / (1.0 + elementary.exp(-z))
                    z -= targets[row]
                    gx += z * u
                    gy += z * v
                states[first + k] = state
                g[0, k], g[1, k] = gx / count, gy / count
            if order != 0:
                at += count
                if at == rows:
                    at = 0
            call_update(update, (pointer(p), pointer(g), pointer(s), float(t), float(steps), pointer(hb)))
            if t == keep[kept]:
                for k in range(lanes):
                    path[first + k, kept, 0], path[first + k, kept, 1] = p[0, k], p[1, k]
                kept += 1


# ---------------------------------------------------------------- what is exact


def stationary_variance(lr: Any, a: float, noise: float) -> Any:
    """The variance in which gradient descent ends up on a x^2 / 2 with independent gradient noise of that variance.

    From V = (1 - lr a)^2 V + lr^2 s^2: lr s^2 / (a (2 - lr a)), for 0 < lr < 2 / a.
    """
    return lr * noise / (a * (2 - lr * a))


def variance_after(lr: Any, a: float, noise: float, steps: Any) -> Any:
    """The variance after so many such steps from one point; lr^2 s^2 steps in the limit a -> 0."""
    return stationary_variance(lr, a, noise) * (1 - (1 - lr * a) ** (2 * np.asarray(steps)))


def shuffled_variance(lr: Any, a: float, row: float, reads: np.ndarray) -> Any:
    """The variance at the ends of epochs that are reshuffled every time, whose batches have ``reads`` (m,) rows.

    row: the variance (divided by n) of one row's gradient. With S^2 = row n / (n - 1), two batch means of an epoch have
    covariance -S^2 / n and one alone S^2 / b - S^2 / n. An epoch adds lr sum_j c_j xi_j with c_j = (1 - lr a)^(m - j),
    so V = (1 - lr a)^(2 m) V + lr^2 S^2 (sum_j c_j^2 / b_j - (sum_j c_j)^2 / n).
    """
    n, m = int(np.sum(reads)), len(reads)
    if m == 1:
        return np.zeros_like(np.asarray(lr, dtype=np.float64))
    r = 1 - np.asarray(lr, dtype=np.float64) * a
    shares = r[..., None] ** np.arange(m - 1, -1, -1)
    added = lr**2 * row * n / (n - 1) * ((shares**2 / reads).sum(axis=-1) - shares.sum(axis=-1) ** 2 / n)
    return added / (1 - r ** (2 * m))


def burn_in(lr: float, a: float, left: float = 1e-3) -> int:
    """Steps until the variance is short of the stationary one by no more than that share."""
    shrink = abs(1 - lr * a)
    return 1 if shrink < 1e-9 else math.ceil(math.log(left) / (2 * math.log(shrink)))
