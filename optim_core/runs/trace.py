"""Few runs, everything remembered."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from optim_core.around import Around
from optim_core.engine.driver import CYCLES, Driver, columns
from optim_core.engine.lanes import LANES
from optim_core.engine.oracle import Oracle
from optim_core.options import COORDINATE, Options
from optim_core.parameters import checked_number
from optim_core.rule import Rule
from optim_core.runs.outcome import Outcome, outcomes, since
from optim_core.runs.setup import Setup
from optim_core.surface import Surface

MOST_POINTS = 200_000  # a rule without gradients ends after the step in which it has asked for so many


@dataclass(frozen=True)
class Trace:
    """One run of a rule on a surface, from step 0, the start, to the last.

    path (steps+1, 2); loss (steps+1,), the surface's value there; gradient (steps, 2), what the rule was given at each
    step, or the surface's at its point where the rule asks for itself; look (steps, 2), where it was taken, None where
    that is the path; state {name: (steps+1, ...)}, its state variables, initial ones first; evaluations, how often the
    surface was asked for a value, a gradient or a Hessian; cloud (m, 2) and cloud_step (m,), where and at which step a
    rule without gradients asked, None for others (such a run ends where m reaches MOST_POINTS); outcome, and the step
    since when it holds (None where it is no matter of place); minimum, the index of the minimum reached, -1 for none.
    """

    path: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    look: np.ndarray | None
    state: dict[str, np.ndarray]
    evaluations: int
    cloud: np.ndarray | None
    cloud_step: np.ndarray | None
    outcome: Outcome
    since: int | None
    minimum: int

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.gradient)


@dataclass
class _Run:
    """What a run leaves behind before it is judged."""

    path: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    state: dict[str, np.ndarray]
    evaluations: int
    look: np.ndarray | None = None
    cloud: np.ndarray | None = None
    cloud_step: np.ndarray | None = None
    complete: bool = True
    ended: bool = False  # by itself, before its last step


def trace(
    rule: Rule,
    surface: Surface,
    start: Any,
    steps: int,
    *,
    hyper: Mapping[str, float] | None = None,
    surface_parameters: Mapping[str, float] | None = None,
    difference: str = "central",
    spacing: float = 6e-6,
    stop: str | None = None,
    tolerance: float = 1e-3,
    around: Around | Mapping[str, Any] | None = None,
) -> Trace:
    """The run of a rule from start (x, y); ``Options`` says what the options mean.

    hyper, surface_parameters: by name, defaults for the rest. ValueError names what is wrong and what is allowed.
    """
    return traced(
        Setup.of(
            rule, surface, start, steps, hyper=hyper, surface_parameters=surface_parameters, around=around,
            difference=difference, spacing=spacing, stop=stop, tolerance=tolerance,
        )
    )  # fmt: skip


def traced(setup: Setup) -> Trace:
    """The run that is set up."""
    surface, q = setup.surface, setup.parameters
    run = (_compiled if setup.rule.compiled else _interpreted)(setup)

    ends = run.path[-1:]
    back = CYCLES[0] if setup.options.steps >= CYCLES[0] else CYCLES[1]
    anchor = run.path[-1 - back :][:1] if len(run.path) > back else np.full((1, 2), np.nan)
    before = run.path[-2:-1] if len(run.path) > 1 else np.full((1, 2), np.nan)
    result, minimum = outcomes(surface, q, ends, anchor, before, np.array([run.complete]))
    outcome, reached = Outcome(int(result[0])), int(minimum[0])
    if run.ended and outcome == Outcome.STILL_MOVING:
        outcome = Outcome.ENDED
    return Trace(
        run.path, run.loss, run.gradient, run.look, run.state, run.evaluations, run.cloud, run.cloud_step,
        outcome, since(surface, q, run.path, outcome, reached), reached,
    )  # fmt: skip


@dataclass(frozen=True)
class Traces:
    """Paths from many starts: path (runs, steps+1, 2), NaN after a run has stopped; outcome (runs,) uint8, an
    ``Outcome``; minimum (runs,) int, the index of the minimum reached, -1 for none.
    """

    path: np.ndarray
    outcome: np.ndarray
    minimum: np.ndarray


def traces(rule: Rule, surface: Surface, starts: Any, steps: int, **options: Any) -> Traces:
    """The paths of a rule from at most 64 starts (runs, 2), which cost a compiled rule one block; as ``trace`` else.

    The options are those of ``trace``. ValueError names what is wrong and what is allowed.
    """
    return traced_from(Setup.of(rule, surface, surface.start, steps, **options), starts)


def traced_from(setup: Setup, starts: Any) -> Traces:
    """The runs that are set up, from other starts (runs, 2), at most 64; ValueError where they are none."""
    points = np.asarray(checked_number("starts", starts, COORDINATE, array=True))
    if points.ndim != 2 or points.shape[1] != 2 or not 1 <= len(points) <= LANES:
        raise ValueError(f"starts has shape {points.shape}; it must be (runs, 2) with 1 to {LANES} runs")
    rule, surface, h, q, n = setup.rule, setup.surface, setup.hyper, setup.parameters, setup.options.steps
    if not rule.compiled:
        found = [traced(setup.at((x, y))) for x, y in points.tolist()]
        path = np.full((len(found), n + 1, 2), np.nan)
        for k, run in enumerate(found):
            path[k, : len(run.path)] = run.path
        outcome, minimum = zip(*((run.outcome, run.minimum) for run in found), strict=True)
        return Traces(path, np.array(outcome, dtype=np.uint8), np.array(minimum))
    runs = len(points)
    p = columns(points.T, runs)
    slots = sum(rule.state_slots.values())
    path, loss = np.empty((n + 1, 2, runs)), np.empty((n + 1, runs))
    slope, state, look = np.empty((n, 2, runs)), np.empty((n + 1, slots, runs)), np.empty((n, 2, runs))
    made, anchor, before = np.empty((1, LANES)), np.full_like(p, np.nan), np.full_like(p, np.nan)
    driver = Driver(rule, surface, setup.options, setup.lowest)
    driver(p, columns(h, runs), columns(q, runs), made, anchor, before, (path, loss, slope, state, look))
    paths = np.ascontiguousarray(path.transpose(2, 0, 1))
    steps_made = made[0, :runs].astype(int)
    paths[np.arange(n + 1) > steps_made[:, None]] = np.nan
    ends, anchors, befores = (part.transpose(0, 2, 1).reshape(-1, 2)[:runs] for part in (p, anchor, before))
    outcome, minimum = outcomes(surface, q, ends, anchors, befores, steps_made == n)
    return Traces(paths, outcome, minimum)


def _compiled(setup: Setup) -> _Run:
    """A run by the compiled blocks, in the first of 64 lanes."""
    rule, n, slots = setup.rule, setup.options.steps, sum(setup.rule.state_slots.values())
    p = np.empty((1, 2, LANES))
    p[0] = np.array(setup.start)[:, None]
    path, loss = np.empty((n + 1, 2, 1)), np.empty((n + 1, 1))
    gradient, state, look = np.empty((n, 2, 1)), np.empty((n + 1, slots, 1)), np.empty((n, 2, 1))
    made, anchor, before = np.empty((1, LANES)), np.full_like(p, np.nan), np.full_like(p, np.nan)
    driver = Driver(rule, setup.surface, setup.options, setup.lowest)
    h, q = columns(setup.hyper, 1), columns(setup.parameters, 1)
    driver(p, h, q, made, anchor, before, (path, loss, gradient, state, look))
    k = int(made[0, 0])
    fields, row = {}, 0
    for name, width in rule.state_slots.items():
        fields[name] = state[: k + 1, row : row + 2, 0] if width == 2 else state[: k + 1, row, 0]
        row += width
    asked = 2 * k if rule.looks_with_gradient else k
    return _Run(
        path[: k + 1, :, 0], loss[: k + 1, 0], gradient[:k, :, 0], fields, asked,
        look[:k, :, 0] if rule.look else None, complete=k == n,
    )  # fmt: skip


def _interpreted(setup: Setup) -> _Run:
    """A run step by step in Python: rules that ask where they like, those of other libraries, those of matrices."""
    f = Oracle(setup.surface, setup.parameters, setup.options, memory=setup.rule.kind == "closure")
    with np.errstate(all="ignore"):
        return (_recorded if setup.rule.kind == "recorded" else _stepped)(setup, f)


class _Ended(Exception):
    """A recorded algorithm has made all its steps."""


def _recorded(setup: Setup, f: Oracle) -> _Run:
    rule, options, lowest, point = setup.rule, setup.options, setup.lowest, np.array(setup.start)
    path, counts = [point], [0]
    assert rule.record is not None

    def done(x: Any) -> None:
        path.append(np.array(x, dtype=np.float64).reshape(2))
        counts.append(len(f.points))
        if len(path) > options.steps or len(f.points) >= MOST_POINTS or _stops(options, lowest, f, path):
            raise _Ended

    ended = False
    with suppress(_Ended):
        if not (options.stop in ("gradient", "loss") and _stops(options, lowest, f, path)):
            rule.record(f, point.copy(), setup.hyper, options.steps, done)
            ended = len(path) <= options.steps
    asked = [f.look(x) for x in path]
    counted = np.array(counts)
    return _Run(
        np.array(path),
        np.array([value for value, _ in asked]),
        np.array([slope for _, slope in asked[:-1]]).reshape(-1, 2),
        {},
        f.evaluations,
        cloud=np.array(f.points).reshape(-1, 2)[: counts[-1]],
        cloud_step=np.repeat(np.arange(1, len(path)), np.diff(counted)),
        ended=ended,
        complete=False,  # its point is the best or the mean so far, which may well stand for a while
    )


def _stops(options: Options, lowest: float, f: Oracle, path: list[np.ndarray]) -> bool:
    """Whether the stop rule ends a run of points at its last."""
    if options.stop is None:
        return False
    if options.stop == "step":
        return float(np.abs(path[-1] - path[-2]).sum()) < options.tolerance
    value, slope = f.look(path[-1])
    if options.stop == "loss":
        return not value >= options.threshold(lowest)
    return not float(np.hypot(*slope)) >= options.tolerance


def _stepped(setup: Setup, f: Oracle) -> _Run:
    rule, h, options, lowest, point = setup.rule, setup.hyper, setup.options, setup.lowest, np.array(setup.start)
    n, around = options.steps, options.around
    shape = (2, 1) if rule.scope == "matrix" else (2,)
    x, path, gradients, states = point.reshape(shape), [point], [], []
    states.append(s := rule.init(x))
    factors, draws = around.factors(n), around.draws(n)
    running = not (options.stop in ("gradient", "loss") and _stops(options, lowest, f, path))
    at_rest = False
    while running and len(gradients) < n:
        t = len(path)
        if rule.kind == "closure":
            slope = f.look(path[-1])[1]
            y, after = rule.step(x, f, s, h)
            at_rest = np.array_equal(y, x) and all(map(np.array_equal, s, after))
        else:
            slope, now, kept = f.gradient(path[-1]), h, x
            if around.active:
                slope, now, kept = around.applied(path[-1], slope, h, factors[t - 1], draws[t - 1])
            y, after = rule.step(kept.reshape(shape), slope.reshape(shape), s, now, float(t), float(n))
        x, s = np.asarray(y, dtype=np.float64), after
        path.append(x.reshape(2).copy())
        gradients.append(slope)
        states.append(s)
        running = not at_rest and np.isfinite(path[-1]).all() and not _stops(options, lowest, f, path)
    fields = {name: _stacked([getattr(state, name) for state in states]) for name in rule.State._fields}
    return _Run(
        np.array(path),
        np.array([f.look(x)[0] for x in path]),
        np.array(gradients).reshape(-1, 2),
        fields,
        f.evaluations,
        complete=at_rest or len(gradients) == n,
    )


def _stacked(values: list[Any]) -> np.ndarray:
    """Values of one state field at all steps, those of a column as a vector; of changing shape as objects."""
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    if len({array.shape for array in arrays}) == 1:
        stacked = np.array(arrays)
        return stacked[..., 0] if stacked.shape[1:] == (2, 1) else stacked
    found = np.empty(len(arrays), dtype=object)
    found[:] = arrays
    return found
