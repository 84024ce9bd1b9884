"""The sections of the Minibatch page: what theory says of stochastic steps, beside what is measured."""

from functools import lru_cache
from typing import Any

import numpy as np

from optim_core import RULES
from optim_core.studies.minibatch import (
    MOST_SEED,
    ORDERS,
    batches,
    burn_in,
    shuffled_variance,
    sizes,
    stationary_variance,
    variance_after,
    walk,
)
from surfaces.data.loss import DataLoss, data_loss
from surfaces.data.sets import data_set
from views.shared.colours import style
from views.shared.fields import short
from views.shared.messages import (
    StudyChart,
    StudySection,
    StudyTable,
)
from views.study.charts import curve, dots
from views.study.minibatch_runs import Drawn, runs
from views.study.minibatch_state import ORDER_TITLES, RULE_TITLES, Study

COLOURS = {"independent": style(1)[0], "shuffled": style(3)[0], "gradient_descent": style(1)[0], "adagrad": style(6)[0]}
SWEEP = np.geomspace(1e-3, 10.0, 25)
TIMES = np.array([1, 2, 5, 10, 20, 50, 100])  # T = 1 / lr
SHARES = np.array([0.05, 0.1, 0.2, 0.35, 0.6, 0.9, 1.2, 1.5, 1.75, 1.9])  # lr a
FULL, ONE, MEAN = (style(i)[0] for i in (0, 1, 2))


def _section(
    name: str, title: str, texts: list[str], chart: StudyChart | None, table: StudyTable | None = None
) -> StudySection:
    return {"name": name, "title": title, "texts": texts, "chart": chart, "table": table}


def _worst(measured: Any, exact: Any, error: Any) -> str:
    """How far measured values are from exact ones, in standard errors, in words."""
    measured, exact, error = map(np.asarray, (measured, exact, error))
    fine = error > 1e-12 * np.maximum(np.abs(exact), 1e-300)
    if not fine.any():
        return "exactly"
    worst = float(np.max(np.abs(measured - exact)[fine] / error[fine]))
    return f"to within {worst:.1f} standard errors of {int(fine.sum())} points"


def epoch_section(state: Study, drawn: Drawn) -> StudySection:
    """The three orders side by side."""
    rows = []
    ends = {}
    for order in ORDERS:
        found = drawn if order == state.order else runs(
            state.data, state.rule, order, state.batch, state.lr, state.steps, state.runs, state.seed, state.start
        )  # fmt: skip
        many = 1 if order == "fixed" else state.runs
        mean, error = _mean(found.ends[:many])
        ends[order] = mean
        rows.append(
            [
                ORDER_TITLES[order].capitalize(),
                _number(mean),
                "–" if many == 1 else _number(error),
                str(many),
                f"{state.batch:,}",
            ]
        )
    rows.append(["Full batch", _number(drawn.full_loss[-1]), "–", "1", f"{state.loss.rows:,}"])
    columns = ["Order", "Loss above the minimum", "Standard error", "Runs", "Rows a step"]
    text = f"The mean over the runs after {state.steps:,} steps, in each order, with all other settings as above."
    if np.isfinite(list(ends.values())).all() and ends["shuffled"] > 0:
        text += (
            f" Independent draws end {_times(ends['independent'] / ends['shuffled'])} times as high as shuffled "
            f"epochs, and the fixed order {_times(ends['fixed'] / ends['shuffled'])} times."
        )
    return _section("orders", "Shuffled, independent, fixed", [text], None, {"columns": columns, "rows": rows})


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _times(ratio: float) -> str:
    return short(float(f"{ratio:.3g}"))


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error; NaN for the second where there is one value."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def _number(value: float) -> str:
    return short(value) if np.isfinite(value) else "diverged"


@lru_cache(maxsize=32)
def _swept(
    data: str, rule: str, order: str, batch: int, steps: int, seed: int, start: tuple, budget: int
) -> tuple[np.ndarray, int]:
    """The loss above the minimum after the last step for every rate of SWEEP, the mean of some runs each; how many."""
    loss = data_set(data).loss
    many = 1 if order == "fixed" else int(np.clip(budget / (len(SWEEP) * steps * batch), 2, 20))
    with np.errstate(all="ignore"):
        found = walk(
            loss, RULES[rule], start, steps, batch=batch, order=order, seed=seed, runs=many * len(SWEEP), keep=[steps],
            hyper={"lr": np.repeat(SWEEP, many)},
        )  # fmt: skip
        above = (loss.value(found[:, 0]) - loss.lowest).reshape(len(SWEEP), many).mean(axis=1)
    return above, many


def sweep_section(state: Study, budget: int) -> StudySection:
    """Both rules against the learning rate: where a rare column is, AdaGrad earns its place."""
    begun = float(state.loss.value(np.array(state.start)) - state.loss.lowest)
    shown, best, many = [], {}, 1
    for rule, title in RULE_TITLES.items():
        above, many = _swept(state.data, rule, state.order, state.batch, state.steps, state.seed, state.start, budget)
        fine = np.where(np.isfinite(above) & (above < 10 * max(begun, 1e-12)), above, np.nan)
        shown.append(curve(rule, title, COLOURS[rule], SWEEP, fine))
        if np.isfinite(fine).any():
            k = int(np.nanargmin(fine))
            best[rule] = (float(SWEEP[k]), float(fine[k]))
    text = (
        f"The loss above its minimum after {state.steps:,} steps for {len(SWEEP)} learning rates, the mean of {many} "
        f"{'runs' if many > 1 else 'run'} each; rates that end ten times above the start are left out, and the "
        "dotted line is the rate chosen."
    )
    if len(best) == 2:
        (sgd, low), (ada, lower) = best["gradient_descent"], best["adagrad"]
        ahead, ratio = ("AdaGrad", low / max(lower, 1e-300)) if lower < low else ("SGD", lower / max(low, 1e-300))
        text += (
            f" Best of SGD: {short(low)} with {short(sgd)}; best of AdaGrad: {short(lower)} with {short(ada)}. "
            f"{ahead}’s is {_times(ratio)} times lower."
        )
    chart: StudyChart = {
        "name": "sweep", "title": "Loss above its minimum at the end", "x": "learning rate", "log_x": True,
        "log_y": True, "curves": shown, "mark": state.lr,
        "of": f"{state.data} {state.order} {state.batch} {state.steps} {state.seed} {state.start} "
              f"{budget}",
    }  # fmt: skip
    first, second = (np.count_nonzero(column) for column in state.loss.columns.T)
    note = (
        f"In this table the first column differs from 0 in {first} rows and the second in {second} of "
        f"{state.loss.rows}. AdaGrad divides each coordinate’s rate by the root of its own summed squared gradients, "
        "so a weight that few rows move keeps a large one."
    )
    return _section("sweep", "SGD and AdaGrad against the learning rate", [text, note], chart)


def expectation_section(state: Study) -> StudySection:
    """The mean of minibatch gradients at one point against their number."""
    found = averaged(state.data, state.batch, state.seed, state.start)
    k = np.arange(1, len(found["one"]) + 1)
    shown = [
        curve("one", "one run, independent", ONE, k, found["one"]),
        curve("shuffled", "one run, shuffled", COLOURS["shuffled"], k, found["shuffled"]),
        curve("exact", "exact, independent: s / √k", None, k, np.sqrt(found["variance"] / k), "8 4"),
        dots("rms", f"root mean square of {found['runs']} runs", MEAN, found["at"], found["rms"], found["error"]),
    ]
    exact = np.sqrt(found["variance"] / found["at"])
    text = (
        f"The expectation of a minibatch’s gradient is the full gradient. Here the mean of the first k gradients, all "
        f"at the start {_point(state.start)}, less the full gradient: its length falls as s/√k with independent draws, "
        f"s² = {short(found['variance'])} being the variance of one batch’s gradient, both coordinates together. The "
        f"root mean square of {found['runs']} runs meets it {_worst(found['rms'], exact, found['error'])}."
    )
    of = batches(state.loss.rows, state.batch)
    more = (
        f"Shuffled, every row has been read once after an epoch of {of} batches, and the mean, weighted by rows, "
        f"is the full gradient but for rounding: {found['closest']:.0e} there.".replace("e-", "e−")
    )
    chart: StudyChart = {
        "name": "expectation", "title": "Distance of the mean gradient to the full one", "x": "gradients averaged, k",
        "log_x": True, "log_y": True, "curves": shown, "mark": None, "floor": float(np.sqrt(found["variance"]) * 1e-3),
        "of": f"{state.data} {state.batch} {state.seed} {state.start}",
    }  # fmt: skip
    return _section("expectation", "Expectation of the minibatch gradient", [text, more], chart)


def _point(point: tuple[float, float]) -> str:
    return f"({short(point[0])}, {short(point[1])})"


@lru_cache(maxsize=32)
def averaged(data: str, batch: int, seed: int, start: tuple) -> dict[str, Any]:
    """Running means of the gradients at the start, with independent draws and shuffled; their distances to the full."""
    loss, rule = data_set(data).loss, RULES["gradient_descent"]
    rows, full = loss.rows, loss.gradient(np.array(start))
    of = batches(rows, batch)
    steps, many = int(np.clip(4 * of, 16, 2000)), 64
    how: dict[str, Any] = {"batch": batch, "seed": seed, "hyper": {"lr": 1.0}, "frozen": True}
    away = {}
    for order in ("independent", "shuffled"):
        path = walk(loss, rule, start, steps, order=order, **how)[0]
        weights = sizes(steps, rows, batch, order)
        total = np.cumsum(-np.diff(path, axis=0) * weights[:, None], axis=0)
        away[order] = np.hypot(*(total / np.cumsum(weights)[:, None] - full).T)
    at = np.unique(np.geomspace(1, steps, 12).round().astype(np.int64))
    paths = walk(loss, rule, start, steps, order="independent", runs=many, keep=at, **how)
    squares = (((start - paths) / at[None, :, None] - full) ** 2).sum(axis=2)
    mean, error = squares.mean(axis=0), squares.std(axis=0, ddof=1) / np.sqrt(many)
    rms = np.sqrt(mean)
    variance = float(loss.row_gradients(np.array(start)).var(axis=0).sum()) / batch
    return {
        "one": away["independent"], "shuffled": away["shuffled"], "at": at, "rms": rms, "error": error / (2 * rms),
        "runs": many, "variance": variance, "closest": float(away["shuffled"][of - 1 :: of].max()),
    }  # fmt: skip


# ---------------------------------------------------------------- the one-dimensional quadratic


def quadratic(data: str, a: float) -> DataLoss:
    """a (w - c)^2 / 2 over the data's first column c, standardised; a second parameter has no part in it."""
    c = data_set(data).loss.columns[:, 0]
    c = (c - c.mean()) / c.std()
    return data_loss("least_squares", np.column_stack([np.full(len(c), np.sqrt(a)), np.zeros(len(c))]), np.sqrt(a) * c)


@lru_cache(maxsize=32)
def stationary(data: str, batch: int, seed: int, a: float, budget: int) -> dict[str, Any]:
    """Measured variances at the ends of epochs for the rates SHARES / a, in both orders, with standard errors."""
    loss, rule = quadratic(data, a), RULES["gradient_descent"]
    of = batches(loss.rows, batch)
    before = -(-max(burn_in(float(share), 1.0) for share in SHARES) // of)
    keep = (before + 1 + np.arange(8)) * of
    many = int(np.clip(budget / (len(SHARES) * keep[-1] * batch), 8, 64))
    found: dict[str, Any] = {"runs": many, "epochs": len(keep), "before": before, "of": of}
    for order in ("independent", "shuffled"):
        ends = walk(
            loss, rule, (0.0, 0.0), int(keep[-1]), batch=batch, order=order, seed=seed, runs=many * len(SHARES),
            keep=keep, hyper={"lr": np.repeat(SHARES / a, many)},
        )[:, :, 0]  # fmt: skip
        each = (ends**2).mean(axis=1).reshape(len(SHARES), many)  # about 0, where the minimum is
        found[order] = each.mean(axis=1), each.std(axis=1, ddof=1) / np.sqrt(many)
    return found


def stationary_section(state: Study, budget: int) -> StudySection:
    """The variance in which SGD ends up, against the learning rate."""
    found, rows, a = stationary(state.data, state.batch, state.seed, state.a, budget), state.loss.rows, state.a
    row = a * a  # variance of one row's gradient a (w - c), the column's being 1
    noise, reads = row / state.batch, sizes(found["of"], rows, state.batch, "shuffled")
    lr, rates = np.geomspace(SHARES[0] * 0.8, 1.95, 120) / a, SHARES / a
    shown = [curve("exact", "exact, independent: lr s² / (a (2 − lr a))", None, lr, stationary_variance(lr, a, noise))]
    agree = _worst(found["independent"][0], stationary_variance(rates, a, noise), found["independent"][1])
    more = "One batch holds all rows: shuffled, there is no noise left, and nothing of it is drawn."
    if found["of"] > 1:
        expected, at = (shuffled_variance(values, a, row, reads) for values in (lr, rates))
        shown.append(curve("exact shuffled", "exact, shuffled, at the ends of epochs", None, lr, expected, "3 3"))
        last = int(reads[-1])
        but = (
            f" but for the last batch of {_rows(last)}, which counts as much as the others"
            if last < state.batch
            else ""
        )
        low, high = (at / stationary_variance(rates, a, noise))[[0, -1]]
        more = (
            f"Shuffled, an epoch’s batches share all rows among them, so their noise nearly cancels{but}: at the "
            f"ends of epochs the variance is {_times(low)} times the independent one at the smallest rate and "
            f"{_times(high)} times "
            "at the largest. Its exact curve, in which two batch means of an epoch have the covariance −S²/n, is met "
            f"{_worst(found['shuffled'][0], at, found['shuffled'][1])}."
        )
    for order in ("independent", "shuffled"):
        if order == "independent" or found["of"] > 1:
            shown.append(dots(order, f"measured, {ORDER_TITLES[order]}", COLOURS[order], rates, *found[order]))
    text = (
        f"SGD on the mean of a (w − c)²/2, a = {short(a)}, over the {rows} values c of the table’s first column, "
        f"standardised. Measured: the mean of w² (the minimum is 0) over {found['runs']} runs for each rate, at "
        "the ends "
        f"of {found['epochs']} epochs after {found['before']} to settle; bars are two standard errors. A batch’s "
        f"gradient has the variance s² = a²/b = {short(noise)}. The exact curve is met {agree}."
    )
    chart: StudyChart = {
        "name": "stationary", "title": "Stationary variance of w", "x": "learning rate", "log_x": True,
        "log_y": True, "curves": shown, "mark": state.lr,
        "of": f"{state.data} {state.batch} {state.seed} {state.a} {budget}",
    }  # fmt: skip
    return _section("stationary", "Stationary variance against the learning rate", [text, more], chart)


@lru_cache(maxsize=32)
def changes(data: str, batch: int, seed: int, a: float, budget: int) -> dict[str, Any]:
    """Variances of w(T) - w(0) over T = 1/lr steps for the T of TIMES: gradients all at the start, or where w is."""
    loss, rule = quadratic(data, a), RULES["gradient_descent"]
    many = int(np.clip(budget / (2 * TIMES.sum() * batch), 64, 1024))
    found: dict[str, Any] = {"runs": many}
    for name, frozen in (("frozen", True), ("walking", False)):
        spread, error = [], []
        for T in map(int, TIMES):
            ends = walk(
                loss, rule, (1.0, 0.0), T, batch=batch, order="independent", seed=(seed + T) % MOST_SEED, runs=many,
                keep=[T], hyper={"lr": 1 / T}, frozen=frozen,
            )[:, 0, 0]  # fmt: skip
            squares = (ends - ends.mean()) ** 2 * many / (many - 1)
            spread.append(squares.mean())
            error.append(squares.std(ddof=1) / np.sqrt(many))
        found[name] = np.array(spread), np.array(error)
    return found


def change_section(state: Study, budget: int) -> StudySection:
    """The variance of the change over T = 1 / lr steps."""
    found, a = changes(state.data, state.batch, state.seed, state.a, budget), state.a
    noise, lr = a * a / state.batch, 1 / TIMES
    stable = lr * a < 1.95
    frozen, walking = lr * noise, np.where(stable, variance_after(lr, a, noise, TIMES), np.nan)
    shown = [
        curve("exact", "exact, gradients at one point: lr Var[g]", None, lr, frozen),
        curve("exact walking", "exact, along the run", None, lr, walking, "3 3"),
        dots("frozen", "measured, gradients at one point", COLOURS["shuffled"], lr, *found["frozen"]),
        dots("walking", "measured, along the run", ONE, lr[stable], *(values[stable] for values in found["walking"])),
    ]  # fmt: skip
    text = (
        f"Over T = 1/lr steps the gradients add up to a change of about −g, however small lr is, and its noise to the "
        "variance T lr² Var[g] = lr Var[g]: a smaller rate goes as far with less noise. On the same quadratic "
        "from w = 1, "
        f"{found['runs']} runs for each rate, independent draws: with all gradients taken at the start that is met "
        f"{_worst(found['frozen'][0], frozen, found['frozen'][1])}."
    )
    more = (
        "Along the run the curvature a pulls the noise back, and the variance is lr s² (1 − (1 − lr a)^(2T)) / "
        "(a (2 − lr a)), met "
        f"{_worst(found['walking'][0][stable], walking[stable], found['walking'][1][stable])}; it tends to lr Var[g] "
        "as a → 0."
    )
    chart: StudyChart = {
        "name": "change", "title": "Variance of the change over 1/lr steps", "x": "learning rate", "log_x": True,
        "log_y": True, "curves": shown, "mark": state.lr,
        "of": f"{state.data} {state.batch} {state.seed} {state.a} {budget}",
    }  # fmt: skip
    return _section("change", "The change over 1/lr steps", [text, more], chart)
