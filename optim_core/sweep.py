"""Many runs, only their outcome remembered."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from optim_core import blocks
from optim_core.around import Around
from optim_core.options import COORDINATE, Options
from optim_core.outcome import outcomes
from optim_core.parameters import checked_integer, checked_number, settings
from optim_core.rule import Rule, checked_rule
from optim_core.trace import columns

TILE = 32  # blocks that a thread takes at a time
MAX_RUNS = 2**25


@dataclass(frozen=True)
class Sweep:
    """The outcome of each of many runs.

    end (runs, 2); loss (runs,), the surface's value there; steps (runs,) int, made before stopping; outcome (runs,)
    uint8, an ``Outcome``; minimum (runs,) int, the index of the minimum reached, -1 for none.
    """

    end: np.ndarray
    loss: np.ndarray
    steps: np.ndarray
    outcome: np.ndarray
    minimum: np.ndarray


def sweep(
    rule: Rule,
    surface: Any,
    starts: Any,
    steps: int,
    *,
    hyper: Mapping[str, Any] | None = None,
    surface_parameters: Mapping[str, float] | None = None,
    difference: str = "central",
    spacing: float = 6e-6,
    stop: str | None = None,
    tolerance: float = 1e-3,
    around: Around | Mapping[str, Any] | None = None,
    threads: int | None = None,
) -> Sweep:
    """Runs from many starts, with many settings: starts (2,) or (runs, 2), each hyperparameter one number or (runs,).

    The other options are those of ``trace``. threads: how many at once, all processors by default; results do not
    depend on it. ValueError names what is wrong and what is allowed.
    """
    if not checked_rule(rule).compiled:
        raise ValueError(f"rule = {rule.name} is not allowed: it makes no maps, being interpreted step by step")
    options = Options(steps, difference, spacing, stop, tolerance, Around.of(around).checked(rule))
    h = settings(rule.Hyper, hyper, owner=f"rule {rule.name}", arrays=True)
    q = settings(surface.Parameters, surface_parameters, owner=f"surface {surface.name}")
    workers = checked_integer("threads", _processors() if threads is None else threads, 1, 1024)
    points = np.asarray(checked_number("starts", starts, COORDINATE, array=True), dtype=np.float64)
    if points.ndim not in (1, 2) or points.shape[-1] != 2:
        raise ValueError(f"starts has shape {points.shape}; it must be (2,) or (runs, 2)")
    try:
        (runs,) = np.broadcast_shapes(points.shape[:-1], *(np.shape(value) for value in h)) or (1,)
    except ValueError:
        shapes = {
            "starts": points.shape,
            **{name: np.shape(v) for name, v in h._asdict().items() if np.ndim(v)},
        }
        raise ValueError(f"these do not agree on the number of runs: {shapes}") from None
    checked_integer("runs", runs, 1, MAX_RUNS)
    points = np.broadcast_to(points, (runs, 2))

    end, loss, made = np.empty((runs, 2)), np.empty(runs), np.empty(runs, dtype=np.int64)
    outcome, minimum = np.empty(runs, dtype=np.uint8), np.empty(runs, dtype=np.int64)
    driver = blocks.Driver(rule, surface, options, surface.lowest(q))

    def tile(first: int) -> None:
        here = slice(first, min(first + TILE * blocks.LANES, runs))
        count = here.stop - first
        p = columns(points[here].T, count)
        counted, anchor, before = np.empty((len(p), blocks.LANES)), np.full_like(p, np.nan), np.full_like(p, np.nan)
        settings_here = [value if np.ndim(value) == 0 else np.broadcast_to(value, runs)[here] for value in h]
        driver(p, columns(settings_here, count), columns(q, count), counted, anchor, before)
        made[here] = counted.reshape(-1)[:count]
        ends, anchors, befores = (part.transpose(0, 2, 1).reshape(-1, 2)[:count] for part in (p, anchor, before))
        end[here] = ends
        loss[here] = blocks.evaluate(surface, ends[:, 0], ends[:, 1], q)
        outcome[here], minimum[here] = outcomes(surface, q, ends, anchors, befores, made[here] == options.steps)

    firsts = range(0, runs, TILE * blocks.LANES)
    if workers == 1 or len(firsts) == 1:
        for first in firsts:
            tile(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(tile, firsts))

    return Sweep(end, loss, made, outcome, minimum)


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
