"""Many runs, only their outcome remembered."""

import os
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from optim_core.around import Around
from optim_core.engine.blocks import evaluate
from optim_core.engine.driver import Driver, columns
from optim_core.engine.lanes import LANES
from optim_core.options import COORDINATE
from optim_core.parameters import checked_integer, checked_number
from optim_core.rule import Rule
from optim_core.runs.outcome import outcomes
from optim_core.runs.setup import Setup
from optim_core.surface import Surface

TILE = 32  # blocks that a thread takes at a time, where its runs are short
TILE_STEPS = 2**14  # steps of such a block after which it looks up, so that long runs are soon cancelled too
MAX_RUNS = 2**25

Progress = Callable[[int, int], bool | None]  # is told how many of how many runs are made; False ends them


class Cancelled(Exception):
    """The caller's ``progress`` has answered False; nothing runs any more."""


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
    surface: Surface,
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
    progress: Progress | None = None,
) -> Sweep:
    """Runs from many starts, with many settings: starts (2,) or (runs, 2), each hyperparameter one number or (runs,).

    The other options are those of ``trace``. threads: how many at once, all processors by default; results do not
    depend on it. progress(done, total) is called by the calling thread now and then, and once all runs are made; where
    it returns False the others are given up and Cancelled is raised. ValueError names what is wrong and what is
    allowed.
    """
    setup = Setup.of(
        rule, surface, surface.start, steps, hyper=hyper, surface_parameters=surface_parameters, around=around,
        arrays=True, difference=difference, spacing=spacing, stop=stop, tolerance=tolerance,
    )  # fmt: skip
    return swept(setup, starts, processors(threads), progress)


def swept(setup: Setup, starts: Any, threads: int, progress: Progress | None = None) -> Sweep:
    """The runs that are set up, from other starts, in so many threads; as ``sweep`` else."""
    if not setup.rule.compiled:
        raise ValueError(f"rule = {setup.rule.name} is not allowed: it makes no maps, being interpreted step by step")
    surface, h, q, options = setup.surface, setup.hyper, setup.parameters, setup.options
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

    blocks_at_once = max(1, min(TILE, TILE_STEPS // options.steps))
    size = blocks_at_once * LANES
    end, loss, made = np.empty((runs, 2)), np.empty(runs), np.empty(runs, dtype=np.int64)
    outcome, minimum = np.empty(runs, dtype=np.uint8), np.empty(runs, dtype=np.int64)
    driver = Driver(setup.rule, surface, options, setup.lowest)

    def tile(first: int) -> None:
        here = slice(first, min(first + size, runs))
        count = here.stop - first
        p = columns(points[here].T, count)
        counted, anchor, before = np.empty((len(p), LANES)), np.full_like(p, np.nan), np.full_like(p, np.nan)
        settings_here = [value if np.ndim(value) == 0 else np.broadcast_to(value, runs)[here] for value in h]
        driver(p, columns(settings_here, count), columns(q, count), counted, anchor, before)
        made[here] = counted.reshape(-1)[:count]
        ends, anchors, befores = (part.transpose(0, 2, 1).reshape(-1, 2)[:count] for part in (p, anchor, before))
        end[here] = ends
        loss[here] = evaluate(surface, ends[:, 0], ends[:, 1], q)
        outcome[here], minimum[here] = outcomes(surface, q, ends, anchors, befores, made[here] == options.steps)

    firsts = range(0, runs, size)
    with closing(_in_threads(tile, firsts, threads)) as tiles:
        for done in tiles:
            if progress and progress(min(done * size, runs), runs) is False:
                raise Cancelled(f"cancelled after {min(done * size, runs)} of {runs} runs")

    return Sweep(end, loss, made, outcome, minimum)


def _in_threads(tile: Callable[[int], None], firsts: range, workers: int) -> Generator[int, None, None]:
    """Makes the tiles and yields after each how many are made; left early, it waits for those under way alone."""
    if workers == 1 or len(firsts) == 1:
        for done, first in enumerate(firsts, 1):
            tile(first)
            yield done
        return
    pool = ThreadPoolExecutor(workers)
    try:
        for done, made in enumerate(as_completed([pool.submit(tile, first) for first in firsts]), 1):
            made.result()
            yield done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def processors(threads: int | None = None) -> int:
    """threads, checked, or how many processors this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return checked_integer("threads", threads, 1, 1024)
