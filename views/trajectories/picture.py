"""From the page's settings to what its two components show: the pictures' message and the sliders' fields."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

import numpy as np

from optim_core import RULES, Outcome, Trace, trace, traces
from optim_core.around import DROPPING, SCHEDULES, Around
from optim_core.around import RANGES as AROUND
from optim_core.engine.blocks import evaluate
from optim_core.options import COORDINATE
from optim_core.parameters import Range
from optim_core.runs.outcome import FAR, nearest_minimum
from optim_core.runs.trace import MOST_POINTS
from optim_core.studies.rolling_ball import rolling_ball
from optim_core.studies.stability import RULES as WITH_EDGE
from optim_core.studies.stability import curvature, edge
from surfaces import SURFACES, Surface
from views.shared.colours import style
from views.shared.fields import field, plain, short
from views.shared.messages import (
    Card,
    Controls,
    Group,
    Inside,
    Mark,
    PictureMessage,
    Reference,
    Run,
    RunRow,
    StateVariable,
    Told,
)
from views.shared.messages import Herd as DrawnHerd
from views.shared.packing import content_key
from views.shared.settings import MAX_STEPS, OPTIONS, RESOLUTION, SPREAD, Settings
from views.shared.stories import STORIES, neighbours
from views.trajectories.equation import equation

DIFFERENCES = {
    "central": "Central",
    "forward": "Forward",
    "exact": "Exact (symbolic)",
    "as_printed": "As a tutorial prints it",
}
STOPS = {"none": "Never", "step": "Short step", "gradient": "Short gradient", "loss": "Low loss"}


def place(point: Any, scale: float) -> str:
    """A point for people; what is nothing at the scale of the surface is 0."""
    return "(" + ", ".join(short(round(float(value) / scale, 6) * scale) for value in point) + ")"


# ---------------------------------------------------------------- what is computed


@dataclass(frozen=True)
class Shown:
    """A run and what is shown of it: path, loss and distance before it diverges, its outcome and its row of numbers.

    content: what names its arrays.
    """

    content: str
    trace: Trace
    path: np.ndarray
    loss: np.ndarray
    distance: np.ndarray | None
    words: str
    numbers: tuple[str, ...]


@lru_cache(maxsize=64)
def _run(
    rule: str, hyper: tuple, surface: str, parameters: tuple, start: tuple, steps: int, difference: str,
    spacing: float, stop: str, tolerance: float, around: Around,
) -> Shown:  # fmt: skip
    found = SURFACES[surface]
    run = trace(
        RULES[rule], found, start, steps, hyper=dict(hyper), surface_parameters=dict(parameters),
        difference=difference, spacing=spacing, stop=stop, tolerance=tolerance, around=around,
    )  # fmt: skip
    q = found.Parameters(**dict(parameters))
    with np.errstate(all="ignore"):
        drawable = (np.abs(run.path).max(axis=1) <= FAR * found.scale) & np.isfinite(run.loss)
        count = len(drawable) if drawable.all() else max(1, int(np.argmin(drawable)))
        length = float(np.hypot(*np.diff(run.path, axis=0).T).sum())
        distances = nearest_minimum(found, q, run.path)[1]
    known = bool(np.isfinite(distances[0]))
    told, made = (run.loss[-1], distances[-1] if known else np.nan, length), run.steps
    if run.outcome == Outcome.DIVERGED:
        told, made = (np.nan, np.nan, np.nan), run.since or run.steps
    final, away, far = (short(value) if np.isfinite(value) else "–" for value in told)
    return Shown(
        content_key(
            "run", rule, hyper, surface, parameters, start, steps, difference, spacing, stop, tolerance, around
        ),
        run,
        run.path[:count].astype(np.float32).ravel(),
        run.loss[:count].astype(np.float64),
        distances[:count].astype(np.float32) if known else None,
        words(found, run, steps, q),
        (str(made), final, away, str(run.evaluations), far),
    )


def _common(settings: Settings) -> dict[str, Any]:
    return {
        "surface": settings.surface,
        "parameters": tuple(settings.parameters.items()),
        "start": settings.start,
        "steps": settings.steps,
        "difference": settings.difference,
        "spacing": settings.spacing,
        "stop": settings.stop,
        "tolerance": settings.tolerance,
    }


def runs(settings: Settings) -> dict[int, Shown]:
    """The run of every card that is on."""
    common = _common(settings)
    return {
        number: _run(card.rule, tuple(card.hyper.items()), around=settings.around.allowed(RULES[card.rule]), **common)
        for number, card in settings.cards.items()
        if card.on
    }


@dataclass(frozen=True)
class Herd:
    """Runs from many starts: paths (runs, points, 2) float32, every so many steps and the last; how many arrive.

    ``last`` is the number of steps of the longest, ``content`` what names the paths.
    """

    content: str
    path: np.ndarray
    every: int
    last: int
    arrived: int

    def as_message(self) -> DrawnHerd:
        """As the browser draws it."""
        points = self.path.shape[1]
        return {
            "content": self.content, "path": self.path.ravel(), "points": points, "every": self.every,
            "last": self.last,
        }  # fmt: skip


@lru_cache(maxsize=128)
def _herd(
    rule: str, hyper: tuple, surface: str, parameters: tuple, starts: tuple, steps: int, difference: str,
    spacing: float, stop: str, tolerance: float, around: Around,
) -> Herd:  # fmt: skip
    found = SURFACES[surface]
    made = traces(
        RULES[rule], found, starts, steps, hyper=dict(hyper), surface_parameters=dict(parameters),
        difference=difference, spacing=spacing, stop=stop, tolerance=tolerance, around=around,
    )  # fmt: skip
    every = -(-steps // HERD_POINTS)
    ends = np.isfinite(made.path).all(axis=2).sum(axis=1, keepdims=True) - 1  # one that has stopped stays there
    shown = np.minimum(np.arange(-(-steps // every) + 1) * every, ends)
    path = np.take_along_axis(made.path, shown[:, :, None], axis=1)
    path[np.abs(path).max(axis=2) > FAR * found.scale] = np.nan
    path = path.astype(np.float32)
    content = content_key(
        "herd", rule, hyper, surface, parameters, starts, steps, difference, spacing, stop, tolerance, around
    )
    return Herd(content, path, every, int(ends.max()), int((made.outcome == Outcome.CONVERGED).sum()))


def herds(settings: Settings) -> dict[int, Herd]:
    """The runs of every card that is on from the starts around the start; nothing where there is only the one."""
    points = settings.spread.points(settings.start, settings.drawn_window)
    if not len(points):
        return {}
    common = _common(settings)
    del common["start"]
    found = {}
    for number, card in settings.cards.items():
        if card.on:
            count = len(points) if RULES[card.rule].compiled else min(len(points), _few(settings.steps))
            starts = points[np.arange(count) * len(points) // count]
            common["starts"] = tuple(map(tuple, starts.tolist()))
            around = settings.around.allowed(RULES[card.rule])
            found[number] = _herd(card.rule, tuple(card.hyper.items()), around=around, **common)
    return found


def _few(steps: int) -> int:
    """From how many of the starts a rule runs that is interpreted step by step, so that a slider does not wait."""
    return max(1, 2000 // steps)


@lru_cache(maxsize=8)
def _kept(query: str) -> Settings:
    """The state compared with, without what of it is not drawn: its own comparison, many starts and balls."""
    left_out = ("against", "starts", "view")
    return Settings.from_query({name: text for name, text in parse_qsl(query) if name.split(".")[0] not in left_out})


def against(settings: Settings) -> tuple[list[Run], list[list[str]], str]:
    """The runs of the state that this one is compared with, their rows of the table, and a sentence about it."""
    if not settings.against:
        return [], [], ""
    kept, name = _kept(settings.against), settings.against_name or "kept"
    here = (kept.surface, kept.parameters) == (settings.surface, settings.parameters)
    found: list[Run] = []
    rows: list[list[str]] = []
    for number, shown in runs(kept).items():
        title = f"{kept.title(number)} ({name})"
        found.append(
            {
                "id": KEPT + number, "name": title, "colour": style(number)[0], "dash": DOTS, "kept": True,
                "of": number, "elsewhere": not here, "content": f"{shown.content}-",
                "path": shown.path, "loss": shown.loss, "distance": shown.distance,
            }
        )  # fmt: skip
        rows.append([title, shown.words, *shown.numbers])
    where = "" if here else " Its paths are not drawn, for they lie on another surface."
    wrong = f" Left out of it: {' '.join(kept.problems.values())}" if kept.problems else ""
    return found, rows, f"Dotted, “{name}”: {caption(kept)}{where}{wrong}"


@lru_cache(maxsize=64)
def _ball(surface: str, parameters: tuple, start: tuple, lr: float, momentum: float, steps: int) -> np.ndarray:
    found = SURFACES[surface]
    path = rolling_ball(found, found.Parameters(*parameters), start, lr, momentum, steps, BALL_POINTS)
    return path.astype(np.float32).ravel()


def balls(settings: Settings) -> dict[int, Reference]:
    """The rolling ball of every card with momentum that is on, where balls are shown."""
    found: dict[int, Reference] = {}
    for number, card in settings.cards.items() if settings.view.ball else ():
        if not card.on or card.rule not in ("momentum", "momentum_average"):
            continue
        mu, lr = card.hyper.get("momentum", card.hyper.get("beta", 0.0)), card.hyper["lr"]
        lr *= 1 - card.hyper["dampening"] if card.rule == "momentum" else 1 - mu
        parameters = tuple(settings.parameters.values())
        path = _ball(settings.surface, parameters, settings.start, lr, mu, settings.steps)
        name = f"the ball that {settings.title(number)} imitates, friction {short(1 - mu)}"
        found[number] = {"id": number, "name": name, "path": path, "each": BALL_POINTS}
    return found


@lru_cache(maxsize=64)
def _curvature(surface: str, parameters: tuple) -> float:
    found = SURFACES[surface]
    return curvature(found, found.Parameters(*parameters))


def edges(settings: Settings) -> dict[str, Mark]:
    """The marks on sliders of learning rates: {path: {value, title}}, from where on a rule settles at no minimum."""
    found: dict[str, Mark] = {}
    for number, card in settings.cards.items():
        if card.rule in WITH_EDGE:
            largest = _curvature(settings.surface, tuple(settings.parameters.values()))
            value = edge(card.rule, card.hyper, largest)
            if np.isfinite(value):
                title = f"the mark: {short(value)}, from where on it settles at no minimum (curvature {short(largest)})"
                found[f"card.{number}.lr"] = {"value": value, "title": title}
    return found


@lru_cache(maxsize=64)
def _heights(surface: str, parameters: tuple, window: tuple, resolution: int) -> tuple[np.ndarray, ...]:
    x = np.linspace(window[0], window[1], resolution)
    y = np.linspace(window[2], window[3], resolution)
    found = SURFACES[surface]
    columns, rows = np.meshgrid(x, y)
    z = evaluate(found, columns, rows, found.Parameters(*parameters))
    with np.errstate(over="ignore"):
        return tuple(values.astype(np.float32) for values in (x, y, z.ravel()))


# ---------------------------------------------------------------- the pictures


def message(settings: Settings) -> PictureMessage:
    """What the live plot shows."""
    surface = SURFACES[settings.surface]
    q = surface.Parameters(**settings.parameters)
    done, around = runs(settings), herds(settings)
    other, other_rows, other_told = against(settings)
    drawn_from = (settings.surface, tuple(q), settings.drawn_window, settings.resolution)
    x, y, z = _heights(*drawn_from)
    minima = surface.minima(q)
    view = settings.view
    rows: list[RunRow] = []
    for number, shown in done.items():
        arrived = [f"{around[number].arrived} of {len(around[number].path)}"] if around else []
        rows.append({"id": number, "cells": [settings.title(number), shown.words, *shown.numbers, *arrived]})
    for run, cells in zip(other, other_rows, strict=True):
        rows.append({"id": run["id"], "cells": [*cells, *(["–"] if around else [])]})
    return {
        "surface": {
            "name": surface.title,
            "window": list(settings.drawn_window),
            "log_heights": surface.log_heights if view.heights == "auto" else view.heights == "log",
            "minima": minima.tolist(),
            "saddles": surface.saddles(q).tolist(),
            "f_star": surface.lowest(q) if len(minima) else None,
        },
        "grid": {"content": content_key("heights", *drawn_from), "x": x, "y": y, "z": z},
        "runs": [drawn(settings, number, shown, around.get(number)) for number, shown in done.items()] + other,
        "table": {
            "columns": [
                {
                    "label": label,
                    "title": title,
                    "align": "left" if label in ("Optimizer", "Outcome") else "right",
                }
                for label, title in (COLUMNS | (ARRIVED if around else {})).items()
            ],
            "rows": rows,
        },
        "references": list(balls(settings).values()),
        "start": list(settings.start),
        "steps": settings.steps,
        "view": {
            "layout": view.layout, "heights": view.heights, "aspect": view.aspect, "relief": view.relief,
            "labels": view.labels, "trail": view.trail, "projector": view.projector, "log_loss": view.log_loss,
            "log_distance": view.log_distance, "step": view.step, "inside": view.inside,
        },
        "titles": {number: settings.title(number) for number in settings.cards},
        "query": urlencode(settings.to_query(), quote_via=_quoted),
        "caption": " ".join(filter(None, (caption(settings), other_told))),
        "alt": " ".join(
            [
                alternative(settings, done, around),
                *(
                    f"{row[0]}: {row[1]}."
                    for run, row in zip(other, other_rows, strict=True)
                    if not run.get("elsewhere")
                ),
            ]
        ),
        "story": story(settings),
        "inside": inside(settings, done),
        "values": settings.values(),
        "marks": edges(settings),
        "problems": under_fields(settings),
    }  # fmt: skip


@lru_cache(maxsize=512)
def _quoted(text: str, *how: str) -> str:
    """Of a state's fields all but the moved one are those of the message before."""
    return quote_plus(text, *how)


def drawn(settings: Settings, number: int, shown: Shown, herd: Herd | None) -> Run:
    """A card's run: the gradients' lengths too; where a rule looks ahead, where one asked without gradients."""
    colour, dash = style(number)
    run = shown.trace
    with np.errstate(over="ignore"):
        found: Run = {
            "id": number, "name": settings.title(number), "colour": colour, "dash": dash, "content": shown.content,
            "path": shown.path, "loss": shown.loss, "distance": shown.distance,
            "slope": np.hypot(*run.gradient.T).astype(np.float32),
        }  # fmt: skip
        if run.look is not None:
            found["look"] = run.look.astype(np.float32).ravel()
        if run.cloud is not None and run.cloud_step is not None:
            found["cloud"] = run.cloud.astype(np.float32).ravel()
            found["cloud_step"] = run.cloud_step.astype(np.int32)
    if herd is not None:
        found["herd"] = herd.as_message()
    return found


def inside(settings: Settings, done: dict[int, Shown]) -> Inside | None:
    """The state variables of the chosen card at all steps; None where none is chosen."""
    number = settings.view.inside
    if number not in done:
        return None
    colour, _ = style(number)
    fields: list[StateVariable] = []
    for name, values in done[number].trace.state.items():
        if values.dtype == object:
            continue  # its shape changes from step to step
        parts = values.reshape(len(values), -1)
        if 1 <= parts.shape[1] <= MOST_PARTS:
            with np.errstate(over="ignore"):
                columns = [np.ascontiguousarray(parts[:, k], dtype=np.float32) for k in range(parts.shape[1])]
            fields.append({"name": name.replace("_", " "), "parts": columns, "names": _part_names(parts.shape[1])})
    more = max(0, len(fields) - MOST_FIELDS)
    with np.errstate(over="ignore"):
        slope = done[number].trace.gradient.astype(np.float32).ravel()
    lines, step, note = _equation(settings, done[number].trace, number)
    return {
        "gradient": slope,
        "id": number,
        "title": settings.title(number),
        "colour": colour,
        "fields": fields[:MOST_FIELDS],
        "more": more,
        "equation": lines,
        "step": step,
        "equation_note": note,
    }


def _equation(settings: Settings, run: Trace, number: int) -> tuple[list[list[str | None]], int, str]:
    """The update that led to the step shown, with its numbers put in, the step that it made, and why there is none."""
    card = settings.cards[number]
    step = run.steps if settings.view.step is None else min(settings.view.step, run.steps)
    rule = RULES[card.rule]
    lines = equation(rule, run, step, card.hyper, settings.around.allowed(rule), settings.steps)
    note = ""
    if step == 0:
        note = "Step 0 is the start: no update has been made yet."
    elif rule.kind != "step":
        note = "Within a step it asks for the surface as often as it likes, so no single line of numbers made this one."
    elif not lines:
        note = "Its update works on matrices, which are not written out here."
    return [list(line) for line in lines], step, note


def _part_names(count: int) -> list[str]:
    return [""] if count == 1 else ["x", "y"] if count == 2 else ["xx", "xy", "yx", "yy"][:count]


def alternative(settings: Settings, done: dict[int, Shown], around: dict[int, Herd]) -> str:
    """What the pictures show, for those who do not see them."""
    surface = SURFACES[settings.surface]
    count = "no path" if not done else "one path" if len(done) == 1 else f"{len(done)} paths"
    told = [f"{surface.title} with {count} from {place(settings.start, surface.scale)}."]
    for number, shown in done.items():
        told.append(f"{settings.title(number)}: {shown.words}.")
        if number in around:
            herd = around[number]
            told.append(f"Of {len(herd.path)} starts around this one, {herd.arrived} lead to a known minimum.")
    return " ".join(told)


def story(settings: Settings) -> Told | None:
    """The story that is told, and the names of those before and after it."""
    if settings.story is None:
        return None
    told = STORIES[settings.story]
    before, after = (other.name if other else None for other in neighbours(told.name))
    return {"title": told.title, "text": told.text, "task": told.task, "before": before, "after": after}


KEPT, DOTS = 100, "1 5"  # the first number of the runs compared with, and their dash
HERD_POINTS = 300  # of a path from one of many starts
ARRIVED = {"Starts that arrive": "How many of the starts around this one lead to a known minimum"}
BALL_POINTS = 4  # of a rolling ball's path, for each step
MOST_PARTS, MOST_FIELDS = 4, 12  # numbers of a state variable, and variables, that are drawn
COLUMNS = {
    "Optimizer": "",
    "Outcome": "Where the run ended: within a thousandth of the surface's window of a minimum counts as reached",
    "Steps": "Steps made until the stop rule or until it diverged, or all",
    "Final loss": "The surface's value at the last point",
    "Distance": "From the last point to the nearest known minimum",
    "Evaluations": "How often it asked for a value, a gradient or a Hessian, each counted once; a gradient by central "
    "differences costs 4 surface values, by forward ones 3",
    "Path length": "The sum of all steps' lengths",
}


def words(surface: Surface, run: Trace, steps: int, q: Any) -> str:
    """What became of a run of at most so many steps, for people."""
    end = place(run.path[-1], surface.scale)
    stopped = run.steps < steps
    match run.outcome:
        case Outcome.DIVERGED:
            last = (run.since or 1) - 1
            if np.isnan(run.gradient[last]).any() and np.isfinite(run.loss[last]):
                return f"no gradient at {place(run.path[last], surface.scale)}, step {last}"
            return f"diverged at step {run.since}"
        case Outcome.LEFT_WINDOW:
            return f"left the surface’s window at step {run.since}" if run.since else "outside the surface’s window"
        case Outcome.CONVERGED:
            text = f"reached {place(surface.minima(q)[run.minimum][:2], surface.scale)} at step {run.since}"
        case Outcome.LOCAL_MINIMUM:
            text = f"in a local minimum near {end}"
        case Outcome.AT_SADDLE:
            text = f"at a saddle near {end}"
        case Outcome.AT_REST:
            return f"at rest at {end}, no minimum"
        case Outcome.CYCLING:
            text = f"cycles near {end}"
        case _ if run.cloud is not None and stopped and len(run.cloud) >= MOST_POINTS:
            return f"cut off after {len(run.cloud):,} evaluations, at {end}"
        case Outcome.ENDED:
            return f"ended by itself at {end}, no minimum"
        case _ if run.cloud is not None and not stopped:
            return f"still searching, at {end}"
        case _:
            return f"stopped at {end}, no minimum" if stopped else f"still moving, at {end}"
    return text + (f", stopped at step {run.steps}" if stopped else "")


def caption(settings: Settings) -> str:
    """What was done, so that a picture can be made again from its caption."""
    if not settings.cards:
        return "No optimizers yet: add one in the side bar, and its path appears here."
    shown = [number for number, card in settings.cards.items() if card.on]
    if not shown:
        return "All optimizers are switched off: switch one on in the side bar."
    surface = SURFACES[settings.surface]
    numbers = ", ".join(
        f"{plain(limits.symbol)} = {short(settings.parameters[name])}" for name, limits in surface.ranges.items()
    )
    differences = {
        "central": "central differences",
        "forward": "forward differences",
        "exact": "exact gradients",
        "as_printed": "the gradient as a tutorial prints it, f(x+h) − f(x−h)/(2h)",
    }[settings.difference]
    if settings.difference != "exact":
        differences += f" with h = {short(settings.spacing)}"
    stop = {
        "none": "no stop rule",
        "step": f"stopped after a step shorter than {short(settings.tolerance)}",
        "gradient": f"stopped where the gradient is shorter than {short(settings.tolerance)}",
        "loss": f"stopped {short(settings.tolerance)} above the lowest minimum",
    }[settings.stop]
    name = f"{surface.title} ({numbers})" if numbers else surface.title
    start = place(settings.start, surface.scale)
    setting = f"{name} from {start}: {settings.steps} steps, {differences}, {stop}."
    spread = settings.spread
    if len(starts := spread.points(settings.start, settings.drawn_window)):
        shape = "a ring" if spread.kind == "ring" else "a grid"
        setting += f" Thin: the same from {len(starts)} starts on {shape} around it"
        slow = [settings.title(number) for number in shown if not RULES[settings.cards[number].rule].compiled]
        few = min(len(starts), _few(settings.steps))
        setting += f" (from {few} of them: {', '.join(slow)})." if slow and few < len(starts) else "."
    each = (f"{settings.title(number).partition(', ')[0]}: {_hyper(settings, number)}." for number in shown)
    dotted = [f"Dotted: {ball['name']} (x″ = −(1 − μ) x′ − η ∇f, SciPy’s DOP853)." for ball in balls(settings).values()]
    return " ".join([setting, *outside(settings, shown), *each, *dotted])


def outside(settings: Settings, shown: list[int]) -> list[str]:
    """What goes around the optimizers shown, in sentences; nothing where there is nothing."""
    around, parts = settings.around, []
    if around.weight_decay:
        kind = "an L2 penalty" if around.decay == "l2" else "a decoupled weight decay"
        parts.append(f"{kind} of {short(around.weight_decay)}")
    if around.clip != "none":
        what = "length" if around.clip == "norm" else "entries"
        parts.append(f"gradients’ {what} clipped at {short(around.clip_at)}")
    if around.schedule != "constant":
        drop = f" (× {short(around.gamma)} per {short(around.every)} of the run)" if around.schedule in DROPPING else ""
        parts.append(f"learning rate: {SCHEDULES[around.schedule].lower()}{drop}")
    if around.warmup:
        parts.append(f"warm-up over {short(100 * around.warmup)} % of the steps")
    if around.noise:
        parts.append(f"Gaussian noise of {short(around.noise)} on the gradients (seed {around.seed})")
    if not parts:
        return []
    names = {"weight_decay": "no decay", "clip": "no clipping", "schedule": "no schedule", "noise": "no noise"}
    without = []
    for number in shown:
        if refused := around.refused(RULES[settings.cards[number].rule]):
            reasons = dict.fromkeys(refused.values())
            what = ", ".join(names[name] for name in refused)
            without.append(f"{settings.title(number)} gets {what}: it {' and '.join(reasons)}.")
    return [f"Around every optimizer: {', '.join(parts)}.", *without]


def _hyper(settings: Settings, number: int) -> str:
    card = settings.cards[number]
    parts = []
    for name, limits in RULES[card.rule].ranges.items():
        value = card.hyper[name]
        label = name.replace("_", " ")
        parts.append(f"{label} {'on' if value else 'off'}" if limits.switch else f"{label} {short(value)}")
    return ", ".join(parts)


# ---------------------------------------------------------------- the controls


_PARTS = {"start": "start.x", "window": "window.x0"}  # settings of several numbers, and the field that speaks for them


def under_fields(settings: Settings) -> dict[str, str]:
    """The sentences, each under the path of the field beside which it is shown."""
    return {_PARTS.get(path, path): sentence for path, sentence in settings.problems.items()}


def controls(settings: Settings) -> Controls:
    """The fields for start, steps, surface parameters and cards."""
    surface = SURFACES[settings.surface]
    q = settings.parameters
    parameters = [field(f"surface.{name}", name, limits, q[name]) for name, limits in surface.ranges.items()]
    x_low, x_high, y_low, y_high = settings.drawn_window
    start = [
        field(
            "start.x",
            "start",
            Range(x_low, x_high, "x", valid=COORDINATE),
            settings.start[0],
            "or click in the picture",
        ),
        field(
            "start.y",
            "start",
            Range(y_low, y_high, "y", valid=COORDINATE),
            settings.start[1],
            "or drag the ring in the picture",
        ),
        field("steps", "steps", Range(1, MAX_STEPS, "n", log=True), settings.steps, whole=True),
    ]
    cards: list[Card] = []
    for number, card in settings.cards.items():
        colour, dash = style(number)
        fields = [
            field(f"card.{number}.{name}", name, limits, card.hyper[name])
            for name, limits in RULES[card.rule].ranges.items()
        ]
        shown: Card = {
            "id": number, "title": settings.title(number), "colour": colour, "dash": dash, "on": card.on,
            "fields": fields,
        }  # fmt: skip
        if (inner := RULES[card.rule].base) is not None:
            shown["base"], shown["bases"] = inner.name, bases(card.rule)
        cards.append(shown)
    groups: list[Group] = [{"title": None, "fields": fields} for fields in (parameters, start) if fields]
    return {
        "name": "controls",
        "groups": groups,
        "cards": cards,
        "marks": edges(settings),
        "problems": under_fields(settings),
        "empty": "No optimizers yet. Add one below.",
    }


@cache
def bases(rule: str) -> list[list[str]]:
    """What a rule that goes around another can go around: names and titles."""
    return [[name, RULES[name].title] for name in RULES.bases(rule)]


def around_fields(settings: Settings) -> Controls:
    """The fields for what goes around every optimizer; those that would change nothing are left out."""
    around = settings.around
    names = ["weight_decay", *(["clip_at"] if around.clip != "none" else []), "warmup"]
    names += [
        *(["gamma", "every"] if around.schedule in DROPPING else []),
        "noise",
        *(["seed"] if around.noise else []),
    ]
    fields = [
        field(f"around.{name}", name, AROUND[name], getattr(around, name), AROUND_TITLES[name], whole=name == "seed")
        for name in names
    ]
    return {
        "name": "around",
        "groups": [{"title": None, "fields": fields}],
        "cards": [],
        "problems": under_fields(settings),
        "empty": "",
    }


AROUND_TITLES = {
    "weight_decay": "L2: added to the gradient times x; decoupled: x is shrunk by it times the learning rate",
    "clip_at": "the most that a gradient's length or entry may be",
    "warmup": "share of the steps over which the rate climbs to its value",
    "gamma": "what the rate is multiplied by",
    "every": "share of the steps after which it is",
    "noise": "standard deviation of Gaussian noise on each gradient entry; the same draws for all",
    "seed": "of the noise",
}


def starts_fields(settings: Settings) -> Controls:
    """How many starts around the start, and how far from it; nothing where there is only the one."""
    fields = []
    if settings.spread.kind != "one":
        told = {"count": "starts; of a grid at most so many", "reach": "half the window’s sides are 1"}
        fields = [
            field(f"starts.{name}", name, limits, getattr(settings.spread, name), told[name], whole=name == "count")
            for name, limits in SPREAD.items()
        ]
    return {
        "name": "starts",
        "groups": [{"title": None, "fields": fields}],
        "cards": [],
        "problems": under_fields(settings),
        "empty": "",
    }


def details(settings: Settings) -> Controls:
    """The fields for differences, stop rule, window and resolution."""
    (x_low, x_high), (y_low, y_high) = SURFACES[settings.surface].domain
    fields = []
    if settings.difference != "exact":
        fields.append(field("spacing", "spacing", OPTIONS["spacing"], settings.spacing))
    if settings.stop != "none":
        fields.append(field("tolerance", "tolerance", OPTIONS["tolerance"], settings.tolerance))
    sides = zip(("x0", "x1", "y0", "y1"), settings.drawn_window, strict=True)
    for side, value in sides:
        low, high = (x_low, x_high) if side[0] == "x" else (y_low, y_high)
        reach = high - low
        end = "from" if side[1] == "0" else "to"
        limits = Range(low - reach, high + reach, "", valid=COORDINATE)
        fields.append(field(f"window.{side}", f"{side[0]} {end}", limits, value))
    resolution = Range(*map(float, RESOLUTION), symbol="")
    fields.append(field("resolution", "resolution", resolution, settings.resolution, "points a side", whole=True))
    return {
        "name": "details",
        "groups": [{"title": None, "fields": fields}],
        "cards": [],
        "problems": under_fields(settings),
        "empty": "",
    }
