"""What The two momenta shows: the traditional form and the average form on each other, and the average itself.

Every setting has a path: ``surface``, ``lr``, ``mu``, ``steps``, ``start.x``, ``beta``, ``length``, ``seed``. A change
that is not allowed leaves the setting as it was and puts a sentence under its path.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from optim_core import RULES, trace
from optim_core.engine.blocks import evaluate
from optim_core.parameters import Range
from optim_core.studies.moving_average import average, corrected, known, weights
from surfaces import SURFACES
from views.shared.colours import style
from views.shared.fields import field as control
from views.shared.fields import short
from views.shared.messages import Controls, Field, Group, StudyChart, StudyMessage, StudySection
from views.shared.packing import content_key
from views.shared.state import Choice, Number, Point, State, Whole
from views.study.charts import curve

RATES = {"ackley": 0.01, "beale": 1e-3, "himmelblau": 1e-3, "ravine": 0.05, "rosenbrock": 2e-4, "saddle": 0.01}
LR = Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e3]")
MU, BETA = Range(0.0, 0.99, r"\mu", valid="[0, 1)"), Range(0.0, 0.99, r"\beta", valid="[0, 1)")
POINT = "[-1e6, 1e6]"
LIMITS = {"steps": (1, 2000), "length": (5, 500), "seed": (0, 2**32 - 1)}
LEVEL, DEVIATION = 1.0, 0.5  # of the noisy series
RESOLUTION = 121
TRADITIONAL, AVERAGE, SAME, COLOUR_SERIES = (style(i)[0] for i in (0, 1, 2, 3))


@dataclass
class Momenta(State):
    """The whole state of the page."""

    surface: str = "ravine"
    lr: float = RATES["ravine"]
    mu: float = 0.9
    steps: int = 60
    start: tuple[float, float] = SURFACES["ravine"].start
    beta: float = 0.9
    length: int = 60
    seed: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    SETTINGS: ClassVar = {
        "surface": Choice(SURFACES),
        "lr": Number(LR.valid),
        "mu": Number(MU.valid),
        "steps": Whole(*LIMITS["steps"]),
        "start": Point(POINT),
        "beta": Number(BETA.valid),
        "length": Whole(*LIMITS["length"]),
        "seed": Whole(*LIMITS["seed"]),
    }

    def follow(self, path: str) -> None:
        """A surface comes with its start and rate."""
        if path == "surface":
            self.start, self.lr = SURFACES[self.surface].start, RATES.get(self.surface, 1e-3)
            self.begin_anew()


def controls(state: Momenta) -> Controls:
    """The sliders."""

    def whole(name: str, high: float, log: bool, title: str) -> Field:
        low, most = LIMITS[name]
        limits = Range(low, high, name, log=log, valid=f"[{low}, {most}]")
        return control(name, name, limits, getattr(state, name), title, whole=True)

    first = [
        control("lr", "lr", LR, state.lr, "of the traditional form"),
        control("mu", "momentum", MU, state.mu),
        whole("steps", 2000, True, "of every run"),
    ]
    for axis, (low, high), value in zip("xy", SURFACES[state.surface].domain, state.start, strict=True):
        first.append(
            control(f"start.{axis}", "start", Range(low, high, axis, valid=POINT), value, "or click in the picture")
        )
    second = [
        control("beta", "beta", BETA, state.beta),
        whole("length", 500, True, "values in the noisy series"),
        whole("seed", 100, False, "of the noise"),
    ]
    groups: list[Group] = [{"title": None, "fields": first}, {"title": "Moving average", "fields": second}]
    return {"name": "controls", "groups": groups, "cards": [], "problems": under_fields(state), "empty": ""}


def under_fields(state: Momenta) -> dict[str, str]:
    """The sentences, each under the path of the field beside which it is shown."""
    return {"start.x" if path == "start" else path: sentence for path, sentence in state.problems.items()}


# ---------------------------------------------------------------- the two forms


@lru_cache(maxsize=16)
def _heights(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    surface = SURFACES[name]
    x, y = (np.linspace(low, high, RESOLUTION) for low, high in surface.domain)
    z = evaluate(surface, *np.meshgrid(x, y), surface.Parameters())
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32).ravel()


@dataclass(frozen=True)
class Forms:
    """Paths (steps+1, 2) and losses (steps+1,) of the traditional form, the average form, and that with the same rate.

    away (steps+1,): the distance of the first two. share: the largest, as a share of the path's largest coordinate.
    """

    paths: tuple[np.ndarray, np.ndarray, np.ndarray]
    losses: tuple[np.ndarray, np.ndarray, np.ndarray]
    away: np.ndarray
    share: float


@lru_cache(maxsize=64)
def forms(surface: str, lr: float, mu: float, steps: int, start: tuple[float, float]) -> Forms:
    """The runs of both forms."""
    found = SURFACES[surface]
    runs = [
        trace(RULES["momentum"], found, start, steps, hyper={"lr": lr, "momentum": mu}, difference="exact"),
        trace(
            RULES["momentum_average"], found, start, steps, hyper={"lr": lr / (1 - mu), "beta": mu}, difference="exact"
        ),
        trace(RULES["momentum_average"], found, start, steps, hyper={"lr": lr, "beta": mu}, difference="exact"),
    ]
    with np.errstate(all="ignore"):
        away = np.hypot(*(runs[0].path - runs[1].path).T)
        fine = np.isfinite(away)
        size = np.abs(runs[0].path[fine]).max()
        share = float(away[fine].max() / size) if size else 0.0
    first, second, third = runs
    return Forms((first.path, second.path, third.path), (first.loss, second.loss, third.loss), away, share)


LABELS = (
    ("traditional", "traditional, rate lr", TRADITIONAL, ""),
    ("average", "average, rate lr / (1 − μ)", AVERAGE, "5 5"),
    ("same", "average, the same rate lr", SAME, "2 4"),
)


@np.errstate(all="ignore")
def message(state: Momenta) -> StudyMessage:
    """What the pictures and the sentences show; runs may leave all bounds."""
    surface, found = SURFACES[state.surface], forms(state.surface, state.lr, state.mu, state.steps, state.start)
    x, y, z = _heights(state.surface)
    (x0, x1), (y0, y1) = surface.domain
    lowest = surface.lowest()
    steps = np.arange(state.steps + 1)
    shown = [
        curve(key, label, colour, steps[: len(loss)], loss - lowest, dash)
        for (key, label, colour, dash), loss in zip(LABELS, found.losses, strict=True)
    ]
    return {
        "grid": {"content": content_key("momenta", state.surface), "x": x, "y": y, "z": z},
        "surface": {
            "window": [x0, x1, y0, y1], "lowest": lowest if len(surface.minima()) else None, "axes": ["x", "y"],
            "log": surface.log_heights, "minima": surface.minima().tolist(),
        },
        "crowd": None,
        "paths": [
            {"key": key, "label": label, "colour": colour, "dash": dash, "path": path.astype(np.float32).ravel(),
             "loss": loss, "width": 6 if key == "traditional" else 2.2}
            for (key, label, colour, dash), path, loss in zip(LABELS, found.paths, found.losses, strict=True)
        ],
        "counting": {"steps": state.steps, "of": 0},
        "loss": {"name": "loss", "title": "Loss above its minimum" if len(surface.minima()) else "Loss", "x": "step",
                 "log_x": False, "log_y": bool(len(surface.minima())), "mark": None, "curves": shown},
        "caption": caption(state, found),
        "sections": [difference_section(found), weights_section(state), bias_section(state)],
        "values": state.values(),
        "problems": under_fields(state),
    }  # fmt: skip


def caption(state: Momenta, found: Forms) -> list[str]:
    """The two forms, and how far apart they are."""
    rate = state.lr / (1 - state.mu)
    what = (
        f"Traditional: v ← μ v + g, x ← x − lr v, with μ = {short(state.mu)} and lr = {short(state.lr)}. Average: "
        f"v ← μ v + (1 − μ) g, x ← x − lr v, with lr / (1 − μ) = {short(rate)}. Its v is 1 − μ times the other one at "
        "every step, so both make the same steps."
    )
    return [what, f"{_apart(state, found)} {_slower(state)}"]


def _apart(state: Momenta, found: Forms) -> str:
    fine = np.isfinite(found.away)
    end = "" if fine.all() else f" until step {int(np.argmin(fine)) - 1}, where the runs leave all bounds"
    return (
        f"Computed over {state.steps:,} steps on {SURFACES[state.surface].title} with exact gradients: the largest "
        f"distance of the two paths{end} is {_power(float(found.away[fine].max()))}, {_power(found.share)} of the "
        "path’s largest coordinate: the rounding of numbers with 16 digits."
        if found.share < 1e-9
        else f"Computed over {state.steps:,} steps: the largest distance of the two paths{end} is "
        f"{_power(float(found.away[fine].max()))}. Equal on paper, they round differently, and here the surface makes "
        "small differences grow."
    )


def _slower(state: Momenta) -> str:
    if state.mu == 0:
        return "With μ = 0 both are plain gradient descent."
    return (
        f"With the same rate in both forms the average one is plain momentum with {short(1 - state.mu)} times the "
        "rate: a rate tuned for one form is wrong for the other."
    )


def _power(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def difference_section(found: Forms) -> StudySection:
    """The distance of the two paths by step."""
    steps = np.arange(len(found.away))
    seen = found.away > 0
    zeros = int((~seen).sum())
    chart: StudyChart = {
        "name": "difference", "title": "Distance of the two paths", "x": "step", "log_x": False, "log_y": True,
        "mark": None,
        "curves": [curve("away", "traditional against average", TRADITIONAL, steps[seen], found.away[seen])],
    }  # fmt: skip
    text = (
        f"Rounding alone keeps them apart; at {zeros} of {len(steps)} points they agree in every bit (these have no "
        "place on a logarithmic axis)."
    )
    return {"name": "difference", "title": "How far apart they are", "texts": [text], "chart": chart, "table": None}


# ---------------------------------------------------------------- the average itself


def weights_section(state: Momenta) -> StudySection:
    """The weights as bars."""
    beta, count = state.beta, state.length
    w = weights(beta, count)
    ages = np.arange(count)
    memory = 1 / (1 - beta)
    newest = round(memory)
    inside = float(known(beta, newest)[-1])
    total = float(known(beta, count)[-1])
    text = (
        f"m_t = Σ (1 − β) β^k x_(t−k): with β = {short(beta)} the newest value counts {short(1 - beta)}, each "
        "older one "
        f"{short(beta)} times as much as the next. The mean age is β/(1 − β) = {short(beta / (1 - beta))}; the newest "
        f"1/(1 − β), {newest} of them, up to the dotted line, hold {inside:.1%} of the weight (1 − 1/e = 63.2% in "
        "the limit). An average of so many independent values has the variance (1 − β)/(1 + β) = "
        f"{short((1 - beta) / (1 + beta))} of one."
    )
    more = (
        f"The weights of the {count} values shown add up to 1 − β^t = {short(total)}; bias correction divides by that, "
        f"so that they add up to 1: every bar becomes {short(1 / total)} times as high."
    )
    chart: StudyChart = {
        "name": "weights", "title": "Weight of a value by its age", "x": "age, k", "log_x": False, "log_y": False,
        "mark": memory if memory < count else None,
        "curves": [
            {**curve("weights", "weight (1 − β) β^k", AVERAGE, ages, w), "bars": True},
            curve("corrected", "after bias correction", TRADITIONAL, ages, w / total, "4 3"),
        ],
    }  # fmt: skip
    return {
        "name": "weights",
        "title": "Weights of the moving average",
        "texts": [text, more],
        "chart": chart,
        "table": None,
    }


def series(length: int, seed: int) -> np.ndarray:
    """LEVEL plus normal noise of DEVIATION: (length,); its stream is frozen."""
    return LEVEL + DEVIATION * np.random.RandomState(seed).standard_normal(length)


def bias_section(state: Momenta) -> StudySection:
    """The average of a noisy series with and without the correction."""
    x, beta = series(state.length, state.seed), state.beta
    t = np.arange(1, state.length + 1)
    m, fair, sums = average(x, beta), corrected(x, beta), known(beta, state.length)
    half = int(np.argmax(sums >= 0.99)) + 1 if (sums >= 0.99).any() else None
    chart: StudyChart = {
        "name": "bias", "title": "Average of a noisy series", "x": "value, t", "log_x": False, "log_y": False,
        "mark": half,
        "curves": [
            curve("series", "the series", COLOUR_SERIES, t, x, ends=(x, x)),
            curve("plain", "average, begun at 0", SAME, t, m),
            curve("corrected", "with bias correction", TRADITIONAL, t, fair),
            curve("expected", "expectation without: 1 − β^t", None, t, LEVEL * sums, "8 4"),
        ],
    }  # fmt: skip
    when = (
        f"it takes {half} values, up to the dotted line, until less than a hundredth is missing"
        if half
        else f"after all {state.length} values {1 - float(sums[-1]):.1%} are still missing"
    )
    text = (
        f"{state.length} values with expectation {short(LEVEL)} and deviation {short(DEVIATION)} (seed {state.seed}). "
        f"Begun at 0, the average expects 1 − β^t of that: {when}. Divided by 1 − β^t it is fair from the first value "
        f"on: m_1 is {short(float(m[0]))} without and {short(float(fair[0]))} with the correction, the first "
        "value itself."
    )
    return {"name": "bias", "title": "Bias correction", "texts": [text], "chart": chart, "table": None}
