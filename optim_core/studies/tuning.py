"""Fair tuning: the same objective, budget, starts and number of trials for every rule, and how forgiving each one is.

The budget is counted in evaluations of the surface, a gradient being one, whatever its differences: a rule that asks
twice a step makes half as many steps. All rules are given as many settings; a grid of several hyperparameters may leave
a few of them unused. Settings are rounded to 12 digits, so that every machine tries the same ones.

What a setting is worth is the median over the starts of

    loss        the surface's value at the end, above the least known one (above 0 where no minimum is known)
    distance    from the end to the nearest known minimum
    steps       evaluations until that loss is below the tolerance, infinite where it never is
    area        10 to the mean over the steps of log10 of that loss: the area under the loss curve on a scale of
                decades, divided by its width; it is the geometric mean of the loss

A run that has diverged is worth infinity. Losses below FLOOR, and distances below FLOOR windows, count as FLOOR: there
rounding decides, no setting. Of equal settings the first wins.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from optim_core.around import Around
from optim_core.engine.driver import Driver
from optim_core.engine.lanes import LANES
from optim_core.options import MAX_STEPS, Options, checked_choice
from optim_core.parameters import Interval, Range, checked_integer, checked_number, settings
from optim_core.rule import Rule, checked_rule
from optim_core.runs.outcome import far_away, nearest_minimum
from optim_core.runs.sweep import Cancelled, Progress, processors, sweep
from optim_core.runs.trace import columns
from optim_core.studies.maps import CHUNK, checked_starts, median, rounded, spaced

OBJECTIVES = {
    "loss": "Final loss",
    "distance": "Distance to the nearest minimum",
    "steps": "Evaluations to tolerance",
    "area": "Area under the loss curve",
}
SEARCHES = {"grid": "Grid", "random": "Random"}
FLOOR = 1e-12
GOOD = 2.0  # a learning rate is good within that factor of the best
MAX_TRIALS = 10_000
MAX_AREA_STEPS = 20_000  # all losses of 64 runs are held at once for the area
PER_BIN = 8  # random trials that a bin of learning rates holds on average
BINS_PER_DECADE = 4  # at most


@dataclass(frozen=True)
class Tuned:
    """What tuning found for one rule.

    best: the best setting, all hyperparameters, and value, what it is worth; infinite, and best the first setting,
    where every run has failed. tried {name: (trials,)}, worth (trials,): all settings. steps: of each run.
    evaluations: what all runs together may have asked. rates (k,), sensitivity (k,): the best over all else at each
    learning rate, or in each bin of random ones around it, NaN where it is empty; empty arrays for a rule without a
    rate. band: the lowest and the highest rate of the stretch around the best where the sensitivity stays within GOOD
    times the best, each rate standing for its share of the axis; None where no run came to anything.
    """

    rule: str
    best: dict[str, float]
    value: float
    tried: dict[str, np.ndarray]
    worth: np.ndarray
    steps: int
    evaluations: int
    rates: np.ndarray
    sensitivity: np.ndarray
    band: tuple[float, float] | None

    @property
    def decades(self) -> float:
        """How many decades of learning rate are good."""
        return float(np.log10(self.band[1] / self.band[0])) if self.band else 0.0


@dataclass(frozen=True)
class Tuning:
    """One ``Tuned`` a rule, in the order asked for, and all that went in, ready for JSON."""

    rules: tuple[Tuned, ...]
    settings: dict[str, Any]


class _Task(NamedTuple):
    """What every rule is given alike."""

    surface: Any
    q: Any
    starts: np.ndarray
    objective: str
    difference: str
    spacing: float
    tolerance: float
    around: Around
    threads: int


def tune(
    rules: Sequence[Rule],
    surface: Any,
    starts: Any,
    *,
    objective: str = "loss",
    search: str = "grid",
    trials: int = 100,
    evaluations: int = 500,
    seed: int = 0,
    names: Sequence[str] | None = None,
    spans: Mapping[str, tuple[float, float]] | None = None,
    hyper: Mapping[str, Mapping[str, float]] | None = None,
    surface_parameters: Mapping[str, float] | None = None,
    difference: str = "central",
    spacing: float = 6e-6,
    tolerance: float = 1e-3,
    around: Around | Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """The best of ``trials`` settings of each rule, each tried from all starts (k, 2) with so many evaluations a run.

    names: the hyperparameters to tune, where a rule has them; all but switches by default. spans: their limits, by
    default those of the rule's sliders. hyper: by rule, what stands where it is not tuned. The search ``grid`` takes
    more learning rates than values of the others, rates from end to end and the others in the middle of equal parts;
    ``random`` draws all, seeded for each rule alike. Both go through decades where the slider does, and towards 1 where
    a hyperparameter must stay below it. tolerance: for the objective ``steps``.

    ValueError names what is wrong and what is allowed; Cancelled where progress, told of the runs made, says False.
    """
    for name, value, allowed in (("objective", objective, OBJECTIVES), ("search", search, SEARCHES)):
        checked_choice(name, value, tuple(allowed))
    if not rules:
        raise ValueError("rules is empty; name at least one")
    for rule in rules:
        if not checked_rule(rule).compiled:
            raise ValueError(f"rule = {rule.name} is not tuned here: it is interpreted step by step, and too slow")
    known = {name for rule in rules for name in rule.ranges}
    named = {rule.name for rule in rules}
    for what, given, allowed in (("names", names, known), ("spans", spans, known), ("hyper", hyper, named)):
        if unknown := sorted(set(given or ()) - allowed):
            raise ValueError(f"{what} = {unknown[0]!r} is not one of: {', '.join(sorted(allowed))}")
    points = checked_starts(starts)
    trials = checked_integer("trials", trials, 1, MAX_TRIALS)
    evaluations = checked_integer("evaluations", evaluations, 2, MAX_STEPS)
    seed = checked_integer("seed", seed, 0, 2**53)
    q = settings(surface.Parameters, surface_parameters, owner=f"surface {surface.name}")
    task = _Task(
        surface, q, points, objective, difference, checked_number("spacing", spacing, "[1e-12, 1]"), tolerance,
        Around.of(around), processors(threads),
    )  # fmt: skip
    if objective == "distance" and not len(surface.minima(q)):
        raise ValueError(f"objective = 'distance' is not allowed: no minimum of surface {surface.name} is known")
    if objective == "area" and evaluations > MAX_AREA_STEPS:
        raise ValueError(f"evaluations = {evaluations} is not allowed with area; it must lie in [2, {MAX_AREA_STEPS}]")
    plans = []
    for rule in rules:
        fixed = settings(rule.Hyper, (hyper or {}).get(rule.name), owner=f"rule {rule.name}")._asdict()
        limits = _limits(rule, names, spans or {})
        tried = _grid(limits, trials) if search == "grid" else _random(limits, trials, seed)
        each = evaluations // (2 if rule.looks_with_gradient else 1)
        plans.append((rule, fixed, limits, tried, Options(
            each, difference, spacing, "loss" if objective == "steps" else None, tolerance, task.around.checked(rule),
        )))  # fmt: skip
    total = sum(_count(tried) for *_, tried, _ in plans) * len(points)
    found, before = [], 0
    for rule, fixed, limits, tried, options in plans:
        count = _count(tried)

        def told(done: int, before: int = before) -> None:
            if progress and progress(before + done, total) is False:
                raise Cancelled(f"cancelled after {before + done} of {total} runs")

        worth = _worth(rule, task, options, {**fixed, **tried}, count, told)
        found.append(_tuned(rule, fixed, limits, tried, worth, options.steps, count * len(points), search))
        before += count * len(points)
    return Tuning(
        tuple(found),
        {
            "rules": [rule.name for rule in rules], "surface": surface.name, "surface_parameters": q._asdict(),
            "starts": points.tolist(), "objective": objective, "search": search, "trials": trials,
            "evaluations": evaluations, "seed": seed, "names": None if names is None else list(names),
            "spans": {name: list(span) for name, span in (spans or {}).items()},
            "hyper": {name: dict(given) for name, given in (hyper or {}).items()}, "difference": difference,
            "spacing": spacing, "tolerance": tolerance, "around": task.around.as_dict(),
        },
    )  # fmt: skip


# ---------------------------------------------------------------- which settings are tried


class _Limit(NamedTuple):
    """The values of one hyperparameter, by a share from 0 to 1 of the way through them."""

    low: float
    high: float
    scale: str  # even, decades, or towards 1

    def at(self, share: np.ndarray) -> np.ndarray:
        """The values at these shares, to 12 digits."""
        if self.scale == "decades":
            return rounded(self.low * (self.high / self.low) ** share)
        if self.scale == "towards 1":
            return rounded(1 - (1 - self.low) * ((1 - self.high) / (1 - self.low)) ** share)
        return rounded(self.low + (self.high - self.low) * share)


def _limits(rule: Rule, names: Sequence[str] | None, spans: Mapping[str, tuple[float, float]]) -> dict[str, _Limit]:
    """What is tuned of a rule, the learning rate first."""
    wanted = [name for name, limits in rule.ranges.items() if not limits.switch and (names is None or name in names)]
    if not wanted:
        raise ValueError(f"names = {list(names or [])} has nothing to tune of {rule.name}; it has: "
                         f"{', '.join(name for name, limits in rule.ranges.items() if not limits.switch)}")  # fmt: skip
    return {name: _limit(name, rule.ranges[name], spans.get(name)) for name in sorted(wanted, key=lambda n: n != "lr")}


def _limit(name: str, declared: Range, span: tuple[float, float] | None) -> _Limit:
    low, high = (declared.low, declared.high) if span is None else span
    low, high = (checked_number(f"span of {name}", end, declared.valid) for end in (low, high))
    if not low < high or (declared.log and low <= 0):
        raise ValueError(f"the span of {name} from {low:g} to {high:g} is not allowed; low must be less than high")
    valid = Interval.parse(declared.valid)
    below_one = valid.high == 1 and not valid.with_high
    return _Limit(low, high, "decades" if declared.log else "towards 1" if below_one else "even")


def _grid(limits: Mapping[str, _Limit], trials: int) -> dict[str, np.ndarray]:
    """At most so many settings on a grid: with a rate, as many values of each other as its (d + 1)-th root."""
    others = [name for name in limits if name != "lr"]
    side = int((trials + 0.5) ** (1 / (len(limits) + ("lr" in limits)))) if others else 1
    middles = (np.arange(side) + 0.5) / side
    values = {name: limits[name].at(middles) for name in others}
    if "lr" in limits:
        low, high, _ = limits["lr"]
        values = {"lr": spaced(low, high, trials // side ** len(others), log=True), **values}
    crossed = np.meshgrid(*values.values(), indexing="ij")
    return {name: grid.ravel() for name, grid in zip(values, crossed, strict=True)}


def _random(limits: Mapping[str, _Limit], trials: int, seed: int) -> dict[str, np.ndarray]:
    """So many settings at random, the same learning rates for every rule that spans the same."""
    draws = np.random.Generator(np.random.Philox(seed)).random((len(limits), trials))
    return {name: limit.at(draw) for (name, limit), draw in zip(limits.items(), draws, strict=True)}


def _count(tried: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(tried.values())))


# ---------------------------------------------------------------- what they are worth


def _worth(
    rule: Rule, task: _Task, options: Options, hyper: Mapping[str, Any], count: int, told: Callable[[int], None]
) -> np.ndarray:
    """What each of the settings is worth, (count,)."""
    many = len(task.starts)
    worth = np.empty(count)
    size = max(1, CHUNK // many)
    for first in range(0, count, size):
        last = min(first + size, count)
        here = {
            name: value if np.ndim(value) == 0 else np.repeat(value[first:last], many) for name, value in hyper.items()
        }
        points = np.tile(task.starts, (last - first, 1))
        judge = _areas if task.objective == "area" else _ends
        runs = judge(rule, task, options, here, points, lambda done, first=first: told(first * many + done))
        worth[first:last] = median(runs.reshape(-1, many))
    return worth


def _ends(
    rule: Rule, task: _Task, options: Options, hyper: Mapping[str, Any], points: np.ndarray, told: Callable[[int], None]
) -> np.ndarray:
    """What each run is worth by its end, (runs,)."""
    grid = sweep(
        rule, task.surface, points, options.steps, hyper=hyper, surface_parameters=task.q._asdict(),
        difference=options.difference, spacing=options.spacing, stop=options.stop, tolerance=options.tolerance,
        around=options.around, threads=task.threads, progress=lambda done, _: told(done),
    )  # fmt: skip
    finite = ~far_away(task.surface, grid.end) & np.isfinite(grid.loss)
    with np.errstate(all="ignore"):
        if task.objective == "distance":
            least = FLOOR * task.surface.scale
            return np.where(finite, np.maximum(nearest_minimum(task.surface, task.q, grid.end)[1], least), np.inf)
        above = grid.loss - task.surface.lowest(task.q)
        if task.objective == "loss":
            return np.where(finite, np.maximum(above, FLOOR), np.inf)
    asked = grid.steps * (2 if rule.looks_with_gradient else 1)
    return np.where(finite & (grid.loss < options.threshold(task.surface.lowest(task.q))), asked, np.inf)


def _areas(
    rule: Rule, task: _Task, options: Options, hyper: Mapping[str, Any], points: np.ndarray, told: Callable[[int], None]
) -> np.ndarray:
    """The geometric mean of the losses of each run above the least known one, (runs,); all losses are looked at."""
    surface, lowest, runs, n = task.surface, task.surface.lowest(task.q), len(points), options.steps
    driver = Driver(rule, surface, options, lowest)
    h = settings(rule.Hyper, hyper, owner=f"rule {rule.name}", arrays=True)
    slots, lanes = sum(rule.state_slots.values()), LANES
    found = np.empty(runs)

    def block(first: int) -> None:
        here = slice(first, min(first + lanes, runs))
        count = here.stop - first
        p, made = columns(points[here].T, count), np.empty((1, lanes))
        remembered = (
            np.empty((n + 1, 2, lanes)), np.empty((n + 1, lanes)), np.empty((n, 2, lanes)),
            np.empty((n + 1, slots, lanes)), np.empty((n, 2, lanes)),
        )  # fmt: skip
        values = [value if np.ndim(value) == 0 else value[here] for value in h]
        driver(p, columns(values, count), columns(task.q, count), made, np.empty_like(p), np.empty_like(p), remembered)
        loss = remembered[1][1:, :count] - lowest
        with np.errstate(all="ignore"):
            mean = np.log10(np.maximum(loss, FLOOR)).mean(axis=0)
            finite = ~far_away(surface, p[0].T[:count]) & np.isfinite(loss).all(axis=0)
            found[here] = np.where(finite, 10**mean, np.inf)

    step = lanes * task.threads
    with ThreadPoolExecutor(task.threads) as pool:
        for first in range(0, runs, step):
            list(pool.map(block, range(first, min(first + step, runs), lanes)))
            told(min(first + step, runs))
    return found


# ---------------------------------------------------------------- what follows


def _tuned(
    rule: Rule, fixed: dict[str, float], limits: Mapping[str, _Limit], tried: dict[str, np.ndarray], worth: np.ndarray,
    steps: int, runs: int, search: str,
) -> Tuned:  # fmt: skip
    best = int(np.argmin(worth))
    found = {**fixed, **{name: float(values[best]) for name, values in tried.items()}}
    rates, sensitivity, band = np.empty(0), np.empty(0), None
    if "lr" in tried:
        if search == "grid":
            rates = np.unique(tried["lr"])
            edges = _edges(rates)
        else:
            edges = _bins(limits["lr"], len(worth))
            rates = rounded(np.sqrt(edges[:-1] * edges[1:]))
        inside = np.clip(np.searchsorted(edges, tried["lr"], side="right") - 1, 0, len(rates) - 1)
        sensitivity = np.full(len(rates), np.nan)
        np.fmin.at(sensitivity, inside, worth)
        band = _band(edges, sensitivity)
    asked = runs * steps * (2 if rule.looks_with_gradient else 1)
    return Tuned(rule.name, found, float(worth[best]), tried, worth, steps, asked, rates, sensitivity, band)


def _edges(rates: np.ndarray) -> np.ndarray:
    """Where the share of the axis that each rate stands for ends: half-way in decades, and at the first and last."""
    return np.concatenate([rates[:1], rounded(np.sqrt(rates[:-1] * rates[1:])), rates[-1:]])


def _bins(limit: _Limit, trials: int) -> np.ndarray:
    decades = np.log10(limit.high / limit.low)
    count = max(1, min(trials // PER_BIN, round(BINS_PER_DECADE * decades)))
    return spaced(limit.low, limit.high, count + 1, log=True)


def _band(edges: np.ndarray, sensitivity: np.ndarray) -> tuple[float, float] | None:
    """The ends of the stretch around the best that is within GOOD times the best."""
    if not np.isfinite(sensitivity).any():
        return None
    best = int(np.nanargmin(sensitivity))
    good = sensitivity <= GOOD * sensitivity[best]
    first = best - int(np.argmin(np.append(good[best::-1], False))) + 1
    last = best + int(np.argmin(np.append(good[best:], False)))
    return float(edges[first]), float(edges[last])
