"""What the Trajectories page shows: runs, heights, the table, what is said of them, and the state that made them."""

from functools import lru_cache
from urllib.parse import parse_qsl, quote_plus, urlencode

import numpy as np

from optim_core import RULES, Trace
from surfaces import SURFACES
from views.shared.colours import style
from views.shared.controls import edges, under_fields
from views.shared.messages import Inside, PictureMessage, Run, RunRow, StateVariable, Told
from views.shared.packing import content_key
from views.shared.settings import Settings
from views.shared.stories import STORIES, neighbours
from views.shared.words import hyperparameters, method, outside, place, with_parameters
from views.trajectories.equation import equation
from views.trajectories.runs import Herd, Shown, balls, few, heights, herds, runs

KEPT, DOTS = 100, "1 5"  # the first number of the runs compared with, and their dash
MOST_PARTS, MOST_FIELDS = 4, 12  # numbers of a state variable, and variables, that are drawn
ARRIVED = {"Starts that arrive": "How many of the starts around this one lead to a known minimum"}
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


def message(settings: Settings) -> PictureMessage:
    """What the live plot shows."""
    surface = SURFACES[settings.surface]
    q = surface.Parameters(**settings.parameters)
    done, around = runs(settings), herds(settings)
    other, other_rows, other_told = against(settings)
    drawn_from = (settings.surface, tuple(q), settings.drawn_window, settings.resolution)
    x, y, z = heights(*drawn_from)
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


def caption(settings: Settings) -> str:
    """What was done, so that a picture can be made again from its caption."""
    if not settings.cards:
        return "No optimizers yet: add one in the side bar, and its path appears here."
    shown = [number for number, card in settings.cards.items() if card.on]
    if not shown:
        return "All optimizers are switched off: switch one on in the side bar."
    surface = SURFACES[settings.surface]
    start = place(settings.start, surface.scale)
    setting = f"{with_parameters(settings)} from {start}: {settings.steps} steps, {method(settings)}."
    spread = settings.spread
    if len(starts := spread.points(settings.start, settings.drawn_window)):
        shape = "a ring" if spread.kind == "ring" else "a grid"
        setting += f" Thin: the same from {len(starts)} starts on {shape} around it"
        slow = [settings.title(number) for number in shown if not RULES[settings.cards[number].rule].compiled]
        count = min(len(starts), few(settings.steps))
        setting += f" (from {count} of them: {', '.join(slow)})." if slow and count < len(starts) else "."
    each = (f"{settings.title(number).partition(', ')[0]}: {hyperparameters(settings, number)}." for number in shown)
    dotted = [f"Dotted: {ball['name']} (x″ = −(1 − μ) x′ − η ∇f, SciPy’s DOP853)." for ball in balls(settings).values()]
    return " ".join([setting, *outside(settings, shown), *each, *dotted])
