"""Maps: the whole plane of starts, and the whole plane of two hyperparameters.

Both are made of sweeps, a chunk of runs at a time, so that a map of any size takes little memory beside its arrays.
Rows go from the lowest y to the highest. With ``every`` = k only every k-th column and row is made, those in the middle
of k x k pixels: a coarse map whose values are bit by bit those that the fine one has there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from optim_core.around import Around
from optim_core.engine.blocks import evaluate
from optim_core.options import COORDINATE
from optim_core.parameters import checked_integer, checked_number
from optim_core.rule import Rule, checked_rule
from optim_core.runs.outcome import Outcome, nearest_minimum
from optim_core.runs.setup import Setup
from optim_core.runs.sweep import MAX_RUNS, Progress, Sweep, processors, swept
from optim_core.surface import Surface

CHUNK = 2**18  # runs swept at a time
MAX_SIDE = 4096  # pixels
MAX_STARTS = 4096
EQUAL = 1e-9  # of two minima whose values differ by a smaller share, none is the lower one
ROUNDING = 1e-14  # of the heights in the window: a difference between two values that says nothing

Window = tuple[tuple[float, float], tuple[float, float]]


class Axis(NamedTuple):
    """The values of one hyperparameter: count of them from low to high, evenly or, where log is set, by decades."""

    name: str
    low: float
    high: float
    count: int = 200  # pyright: ignore[reportIncompatibleMethodOverride]
    log: bool = False

    def values(self) -> np.ndarray:
        """The values, (count,); 12 significant digits of each, so that every machine has the same."""
        return spaced(self.low, self.high, self.count, self.log)

    @classmethod
    def of(cls, rule: Rule, given: Any, what: str = "axis") -> "Axis":
        """The axis, made of (name, low, high, count, log) too; ValueError where the rule has no such values."""
        try:
            name, low, high, count, log = axis = cls(*given)
        except TypeError:
            raise ValueError(f"{what} = {given!r} is not (name, low, high, count, log)") from None
        known = rule.ranges
        if name not in known:
            raise ValueError(f"{what} = {name!r} is no hyperparameter of {rule.name}; it has: {', '.join(known)}")
        limits = known[name]
        low, high = (checked_number(f"{what} {name}", value, limits.valid) for value in (low, high))
        count = checked_integer(f"{what} count", count, 1, MAX_SIDE)
        if not low < high:
            raise ValueError(f"{what} {name} from {low:g} to {high:g} is not allowed; low must be less than high")
        if log and low <= 0:
            raise ValueError(f"{what} {name} from {low:g} by decades is not allowed; low must be more than 0")
        return axis._replace(low=low, high=high, count=count, log=bool(log))


@dataclass(frozen=True)
class Basins:
    """Where runs from all over a window end; arrays (ny, nx), row 0 at the lowest y.

    x (nx,), y (ny,): the starts. minimum int16, the index of the minimum reached, -1 for none; steps int32, made
    before stopping; outcome uint8, an ``Outcome``; end (ny, nx, 2) float32, and loss float32, the surface's value there
    (in float64). settings: all that
    went in, ready for JSON. lowest: the indices of the minima of the least value.
    """

    x: np.ndarray
    y: np.ndarray
    minimum: np.ndarray
    steps: np.ndarray
    outcome: np.ndarray
    end: np.ndarray
    loss: np.ndarray
    lowest: np.ndarray
    settings: dict[str, Any]

    @property
    def reached(self) -> np.ndarray:
        """Whether each start reaches a lowest minimum: (ny, nx) bool."""
        return np.isin(self.minimum, self.lowest)

    @property
    def share(self) -> float:
        """The share of starts that reach a lowest minimum; NaN where none is known."""
        return float(self.reached.mean()) if len(self.lowest) else np.nan

    @property
    def median_steps(self) -> float:
        """The median of the steps made by those; NaN where there are none."""
        made = self.steps[self.reached]
        return float(np.median(made)) if made.size else np.nan


@dataclass(frozen=True)
class Plane:
    """What comes of each pair of two hyperparameters; arrays (ny, nx), row 0 at the lowest y, over one or more starts.

    x (nx,), y (ny,): the hyperparameters. loss and distance float64: medians over the starts of the surface's value at
    the end and of the way from there to the nearest known minimum, infinite where a run is not finite or no minimum
    known. steps float32: the median of the steps made, those of runs that no stop rule has ended, or that diverged,
    being infinite. outcome uint8: the most frequent ``Outcome``, of several the first. share float32: the share of
    starts that reach a minimum of the least value. settings: all that went in, ready for JSON.
    """

    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    distance: np.ndarray
    steps: np.ndarray
    outcome: np.ndarray
    share: np.ndarray
    settings: dict[str, Any]


def basins(
    rule: Rule,
    surface: Surface,
    window: Window | None = None,
    resolution: int | tuple[int, int] = 256,
    steps: int = 500,
    *,
    every: int = 1,
    hyper: Mapping[str, float] | None = None,
    surface_parameters: Mapping[str, float] | None = None,
    difference: str = "central",
    spacing: float = 6e-6,
    stop: str | None = "step",
    tolerance: float = 1e-4,
    around: Around | Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Basins:
    """Runs from the centres of all pixels of a window ((x low, x high), (y low, y high)), the surface's by default.

    resolution: n or (nx, ny) pixels, at most MAX_SIDE a side. tolerance: a step of 1e-3 many a run makes on its way,
    where it turns about, and would be stopped there. The other options are those of ``sweep``, which raises
    ValueError and Cancelled.
    """
    nx, ny = _resolution(resolution)
    (x_low, x_high), (y_low, y_high) = shown = _window(surface.domain if window is None else window)
    x = x_low + (_picked(nx, every) + 0.5) * ((x_high - x_low) / nx)
    y = y_low + (_picked(ny, every) + 0.5) * ((y_high - y_low) / ny)
    setup = Setup.of(
        rule, surface, surface.start, steps, hyper=hyper, surface_parameters=surface_parameters, around=around,
        difference=difference, spacing=spacing, stop=stop, tolerance=tolerance,
    )  # fmt: skip
    run = _Runs(setup, threads, progress)

    total = len(x) * len(y)
    minimum, made = np.empty(total, dtype=np.int16), np.empty(total, dtype=np.int32)
    outcome, loss = np.empty(total, dtype=np.uint8), np.empty(total, dtype=np.float32)
    end = np.empty((total, 2), dtype=np.float32)
    for here, row, column in _chunks(len(y), len(x), CHUNK):
        grid = run(np.stack([x[column], y[row]], axis=1), {}, here.start, total)
        minimum[here], made[here], outcome[here] = grid.minimum, grid.steps, grid.outcome
        with np.errstate(over="ignore"):
            end[here], loss[here] = grid.end, grid.loss
    shape = (len(y), len(x))
    return Basins(
        x, y, minimum.reshape(shape), made.reshape(shape), outcome.reshape(shape), end.reshape(*shape, 2),
        loss.reshape(shape), run.lowest,
        {"map": "basins", **run.settings, "window": [list(side) for side in shown], "resolution": [nx, ny],
         "every": int(every)},
    )  # fmt: skip


def plane(
    rule: Rule,
    surface: Surface,
    starts: Any,
    axis_x: Any,
    axis_y: Any,
    steps: int = 500,
    *,
    every: int = 1,
    hyper: Mapping[str, float] | None = None,
    surface_parameters: Mapping[str, float] | None = None,
    difference: str = "central",
    spacing: float = 6e-6,
    stop: str | None = None,
    tolerance: float = 1e-3,
    around: Around | Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Plane:
    """Runs with all pairs of values of two hyperparameters, each an ``Axis``, from starts (2,) or (k, 2).

    hyper: the others. The other options are those of ``sweep``, which raises ValueError and Cancelled.
    """
    horizontal, vertical = Axis.of(checked_rule(rule), axis_x, "axis_x"), Axis.of(rule, axis_y, "axis_y")
    if horizontal.name == vertical.name:
        raise ValueError(f"axis_y = {vertical.name!r} is not allowed: it is on the other axis already")
    points = checked_starts(starts)
    x = horizontal.values()[_picked(horizontal.count, every)]
    y = vertical.values()[_picked(vertical.count, every)]
    fixed = {name: value for name, value in (hyper or {}).items() if name not in (horizontal.name, vertical.name)}
    setup = Setup.of(
        rule, surface, surface.start, steps, hyper=fixed, surface_parameters=surface_parameters, around=around,
        difference=difference, spacing=spacing, stop=stop, tolerance=tolerance,
    )  # fmt: skip
    run = _Runs(setup, threads, progress)

    cells, many = len(x) * len(y), len(points)
    checked_integer("runs", cells * many, 1, MAX_RUNS)
    loss, distance = np.empty(cells), np.empty(cells)
    made, share = np.empty(cells, dtype=np.float32), np.empty(cells, dtype=np.float32)
    outcome = np.empty(cells, dtype=np.uint8)
    for here, row, column in _chunks(len(y), len(x), max(1, CHUNK // many)):
        values = {horizontal.name: np.repeat(x[column], many), vertical.name: np.repeat(y[row], many)}
        grid = run(np.tile(points, (len(row), 1)), values, here.start * many, cells * many)
        result = grid.outcome.reshape(-1, many)
        loss[here] = median(grid.loss.reshape(-1, many))
        distance[here] = median(run.distance(grid).reshape(-1, many))
        made[here] = median(run.stopped_after(grid).reshape(-1, many))
        outcome[here] = np.argmax([(result == one).sum(axis=1) for one in Outcome], axis=0)
        share[here] = np.isin(grid.minimum, run.lowest).reshape(-1, many).mean(axis=1)
    shape = (len(y), len(x))
    axes = (horizontal.name, vertical.name)
    others = {name: value for name, value in run.settings["hyper"].items() if name not in axes}
    return Plane(
        x, y, loss.reshape(shape), distance.reshape(shape), made.reshape(shape), outcome.reshape(shape),
        share.reshape(shape),
        {"map": "plane", **run.settings, "hyper": others, "starts": points.tolist(), "axis_x": list(horizontal),
         "axis_y": list(vertical), "every": int(every), "most": run.most(points)},
    )  # fmt: skip


def spread_starts(surface: Surface, count: int, seed: int = 0) -> np.ndarray:
    """Starts drawn evenly from the surface's window, (count, 2); 12 digits of each, so that every machine has the same.

    ValueError where count is not in [1, 4096] or seed no whole number from 0.
    """
    count, seed = checked_integer("count", count, 1, MAX_STARTS), checked_integer("seed", seed, 0, 2**53)
    low, high = np.array(surface.domain).T
    return rounded(low + np.random.Generator(np.random.PCG64(seed)).random((count, 2)) * (high - low))


def lowest_minima(surface: Surface, parameters: Any = None) -> np.ndarray:
    """The indices of the known minima whose value is the least."""
    values = surface.minima(parameters)[:, 2]
    if not len(values):
        return values
    (x_low, x_high), (y_low, y_high) = surface.domain
    x, y = np.array([x_low, x_low, x_high, x_high, (x_low + x_high) / 2]), np.array([y_low, y_high, y_low, y_high, 0.0])
    y[-1] = (y_low + y_high) / 2
    heights = np.abs(evaluate(surface, x, y, surface.Parameters() if parameters is None else parameters))
    height = float(heights.max(where=np.isfinite(heights), initial=0.0))
    return np.flatnonzero(values <= values.min() + EQUAL * np.abs(values).max() + ROUNDING * height)


def median(values: np.ndarray) -> np.ndarray:
    """The median of each row of (k, n), what is not a number counting as infinite: (k,)."""
    ordered = np.sort(np.where(np.isnan(values), np.inf, values), axis=1)
    low, high = ordered[:, (values.shape[1] - 1) // 2], ordered[:, values.shape[1] // 2]
    with np.errstate(all="ignore"):
        return np.where(np.isinf(high), high, low + (high - low) / 2)


def spaced(low: float, high: float, count: int, log: bool = False) -> np.ndarray:
    """count values from low to high, evenly or by decades, both ends exact and 12 digits of the rest: (count,)."""
    if count == 1:
        return np.array([float(low)])
    values = rounded(np.geomspace(low, high, count) if log else np.linspace(low, high, count))
    values[0], values[-1] = low, high
    return values


def rounded(values: np.ndarray) -> np.ndarray:
    """The values to 12 significant digits: what logarithms and powers leave in the last ones differs by machine."""
    return np.array([float(f"{value:.12g}") for value in values.ravel()]).reshape(values.shape)


def checked_starts(given: Any) -> np.ndarray:
    """Starts (2,) or (k, 2) as (k, 2); ValueError where they are none, or too many."""
    points = np.asarray(checked_number("starts", given, COORDINATE, array=True), dtype=np.float64)
    if points.ndim not in (1, 2) or points.shape[-1] != 2 or not 1 <= points.size // 2 <= MAX_STARTS:
        raise ValueError(f"starts has shape {points.shape}; it must be (2,) or (k, 2) with 1 to {MAX_STARTS} starts")
    return points.reshape(-1, 2)


class _Runs:
    """Sweeps of one setup, checked once; counts the runs of all of them for ``progress``."""

    def __init__(self, setup: Setup, threads: int | None, progress: Progress | None) -> None:
        self._setup, self._threads, self._progress = setup, processors(threads), progress
        self.lowest = lowest_minima(setup.surface, setup.parameters)
        options = setup.options
        self.settings: dict[str, Any] = {
            "rule": setup.rule.name,
            "hyper": setup.hyper._asdict(),
            "surface": setup.surface.name,
            "surface_parameters": setup.parameters._asdict(),
            "least": float(setup.lowest),
            "steps": options.steps,
            "difference": options.difference,
            "spacing": options.spacing,
            "stop": options.stop,
            "tolerance": options.tolerance,
            "around": options.around.as_dict(),
        }

    def __call__(self, points: np.ndarray, values: Mapping[str, np.ndarray], before: int, total: int) -> Sweep:
        """Runs from points (runs, 2) with such values of some hyperparameters, before of total runs being made."""
        ask = self._progress
        setup = replace(self._setup, hyper=self._setup.hyper._replace(**values))
        return swept(setup, points, self._threads, ask and (lambda done, _: ask(before + done, total)))

    def most(self, starts: np.ndarray) -> dict[str, float]:
        """Values beyond which a run has got nowhere: the highest start above the least minimum, the window's size."""
        with np.errstate(all="ignore"):
            height = float(np.max(evaluate(self._setup.surface, starts[:, 0], starts[:, 1], self._setup.parameters)))
        found = {"loss": height - float(self._setup.lowest), "distance": float(self._setup.surface.scale)}
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def distance(self, grid: Sweep) -> np.ndarray:
        """From the end of each run to the nearest known minimum, (runs,)."""
        with np.errstate(all="ignore"):
            found = nearest_minimum(self._setup.surface, self._setup.parameters, grid.end)[1]
        return np.where(np.isfinite(grid.end).all(axis=1), found, np.inf)

    def stopped_after(self, grid: Sweep) -> np.ndarray:
        """Steps until the stop rule ended each run, (runs,); infinite where it has not, or where the run diverged."""
        stopped = (grid.steps < self._setup.options.steps) & (grid.outcome != Outcome.DIVERGED)
        return np.where(stopped, grid.steps, np.inf)


def _chunks(rows: int, columns: int, size: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """The cells of a grid, row by row, at most size at a time: which they are, and the row and column of each."""
    for first in range(0, rows * columns, size):
        here = slice(first, min(first + size, rows * columns))
        row, column = np.divmod(np.arange(here.start, here.stop), columns)
        yield here, row, column


def _picked(count: int, every: int) -> np.ndarray:
    """The indices in the middle of each group of ``every`` among 0..count-1; the last one's where it is short."""
    every = checked_integer("every", every, 1, MAX_SIDE)
    return np.minimum(np.arange(0, count, every) + every // 2, count - 1)


def _resolution(given: Any) -> tuple[int, int]:
    """Pixels along x and along y."""
    both = given if isinstance(given, tuple | list) else (given, given)
    if len(both) != 2:
        raise ValueError(f"resolution = {given!r} is not a number of pixels, nor (along x, along y)")
    nx, ny = (checked_integer("resolution", n, 1, MAX_SIDE) for n in both)
    return nx, ny


def _window(given: Any) -> Window:
    """The window as floats; ValueError where a side has no length."""
    try:
        (x_low, x_high), (y_low, y_high) = given
    except (TypeError, ValueError):
        raise ValueError(f"window = {given!r} is not ((x low, x high), (y low, y high))") from None
    sides = []
    for name, low, high in (("x", x_low, x_high), ("y", y_low, y_high)):
        low, high = (checked_number(f"window {name}", end, COORDINATE) for end in (low, high))
        if not low < high:
            raise ValueError(f"window {name} from {low:g} to {high:g} is not allowed; low must be less than high")
        sides.append((low, high))
    return sides[0], sides[1]
