"""What the Minibatch page shows: stochastic runs on a real loss of two parameters, and what is exact about them."""

import numpy as np

from optim_core.studies.minibatch import (
    batches,
)
from surfaces.data.sets import data_set
from views.shared.fields import short
from views.shared.messages import (
    StudyChart,
    StudyMessage,
    StudyPath,
)
from views.shared.packing import content_key
from views.study.charts import curve
from views.study.minibatch_runs import Drawn, heights, runs
from views.study.minibatch_sections import (
    FULL,
    MEAN,
    ONE,
    change_section,
    epoch_section,
    expectation_section,
    stationary_section,
    sweep_section,
)
from views.study.minibatch_state import RULE_TITLES, Study, under_fields

BUDGET, MOVING = 1_500_000, 250_000  # rows that one of the sections may read, at rest and while a hand moves


@np.errstate(all="ignore")
def message(state: Study, budget: int = BUDGET) -> StudyMessage:
    """What the pictures, the table and the sentences show; runs may leave all bounds.

    budget: rows that one of the sections may read; the fewer, the fewer runs.
    """
    found, rows = data_set(state.data), state.loss.rows
    drawn = runs(
        state.data, state.rule, state.order, state.batch, state.lr, state.steps, state.runs, state.seed, state.start
    )
    kept = drawn.kept.astype(np.int32)
    x, y, z = heights(state.data)
    (x0, x1), (y0, y1) = found.domain
    sections = [
        epoch_section(state, drawn), sweep_section(state, budget), expectation_section(state),
        stationary_section(state, budget), change_section(state, budget),
    ]  # fmt: skip
    return {
        "grid": {"content": content_key("minibatch", state.data), "x": x, "y": y, "z": z},
        "surface": {
            "window": [x0, x1, y0, y1], "lowest": found.loss.lowest, "axes": list(found.parameters),
            "minima": [[*found.loss.minimum, found.loss.lowest]],
        },
        "crowd": {"runs": state.runs, "path": _flat(drawn.crowd), "steps": kept, "colour": ONE},
        "paths": [
            {**_path("one", f"one run, seed {state.seed}", ONE, drawn.one), "loss": drawn.one_loss},
            {**_path("full", "full batch", FULL, drawn.full), "loss": drawn.full_loss},
            {**_path("mean", f"mean of {state.runs} runs", MEAN, drawn.mean, "7 4"), "steps": kept},
        ],
        "counting": {
            "steps": state.steps, "of": batches(rows, state.batch), "batch": state.batch, "rows": rows,
            "replaced": state.order == "independent",
        },
        "loss": loss_chart(state, drawn),
        "caption": caption(state, drawn),
        "sections": sections,
        "values": state.values(),
        "problems": under_fields(state),
    }  # fmt: skip


def _path(key: str, label: str, colour: str, path: np.ndarray, dash: str = "") -> StudyPath:
    return {"key": key, "label": label, "colour": colour, "dash": dash, "path": _flat(path)}


def _flat(path: np.ndarray) -> np.ndarray:
    return path.astype(np.float32).ravel()


def loss_chart(state: Study, drawn: Drawn) -> StudyChart:
    """The loss by step."""
    steps = np.arange(state.steps + 1)
    each = (drawn.one_loss[1:], drawn.mean_loss[1:])
    least = min(float(np.min(found, initial=np.inf, where=found > 0)) for found in each)
    return {
        "name": "loss", "title": "Loss above its minimum", "x": "step", "log_x": False, "log_y": True, "mark": None,
        "floor": max(1e-16, 0.1 * least) if np.isfinite(least) else 1e-16,
        "curves": [
            curve("one", f"one run, seed {state.seed}", ONE, steps, drawn.one_loss),
            curve("full", "full batch", FULL, steps, drawn.full_loss),
            curve("mean", f"mean of {state.runs} runs", MEAN, drawn.kept, drawn.mean_loss, "7 4"),
        ],
    }  # fmt: skip


def caption(state: Study, drawn: Drawn) -> list[str]:
    """What was run, and how far the mean is from the full batch."""
    found, rows = data_set(state.data), state.loss.rows
    of = batches(rows, state.batch)
    last = rows - (of - 1) * state.batch
    cut = (
        f" (cut off there: {state.epochs} epochs would be {state.epochs * of:,})"
        if state.epochs * of > state.steps
        else ""
    )
    tail = f", the last of {last}" if last != state.batch and state.order != "independent" else ""
    how = {
        "independent": f"every batch is {state.batch} rows drawn with replacement; {of} batches count as an epoch",
        "shuffled": f"in every epoch all rows in a new order, {of} batches of {state.batch}{tail}",
        "fixed": f"in every epoch all rows in the table’s own order, {of} batches of {state.batch}{tail}",
    }[state.order]
    title = RULE_TITLES[state.rule]
    done = (
        f"{title} with learning rate {short(state.lr)}, {state.steps:,} steps{cut}: {how}. The full batch makes "
        f"as many steps, each with the gradient over all {rows} rows: {rows / state.batch:.3g} times as many rows read."
    )
    if not (np.isfinite(drawn.mean[-1]).all() and np.isfinite(drawn.full[-1]).all()):
        return [found.story, done, f"Runs diverge: the learning rate {short(state.lr)} is too large here."]
    if state.order == "fixed":
        return [found.story, done, "Nothing is drawn by chance in the fixed order, so all runs are the same one."]
    if state.runs < 2:
        return [found.story, done]
    spread = drawn.crowd[:, -1].std(axis=0, ddof=1) / np.sqrt(state.runs)
    away = np.abs(drawn.mean[-1] - drawn.full[-1])
    errors = float((away / np.maximum(spread, 1e-300)).max()) if spread.max() > 1e-14 else 0.0
    exact = state.order == "independent" and state.rule == "gradient_descent" and not state.loss.is_logistic
    why = (
        " On a quadratic with independent draws the expectation is the full-batch path exactly, at every step."
        if exact
        else " Only for SGD on a quadratic with independent draws would the two have to agree."
    )
    told = (
        f"At the last step the mean of the {state.runs} runs is {short(float(np.hypot(*away)))} from the full batch’s "
        f"point, {short(round(errors, 1))} of its standard errors.{why}"
    )
    return [found.story, done, told]
