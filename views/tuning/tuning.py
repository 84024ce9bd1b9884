"""What the Tuning page shows: the best setting of each optimizer under one budget, and what it reaches from everywhere.

Every setting has a path: ``surface``, ``surface.<parameter>``, ``rules``, ``objective``, ``search``, ``trials``,
``evaluations``, ``starts``, ``seed``, ``tolerance``. A change that is not allowed leaves the setting as it was and puts
a sentence under its path.
"""

import json
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import plotly.graph_objects as go

from optim_core import RULES
from optim_core.parameters import Range
from optim_core.runs.sweep import Progress
from optim_core.studies.maps import Basins, basins, spread_starts
from optim_core.studies.tuning import FLOOR, GOOD, OBJECTIVES, SEARCHES, Tuned, Tuning, tune
from surfaces import SURFACES, Surface
from views.shared.colours import style
from views.shared.exports import Export
from views.shared.fields import short
from views.shared.settings import Settings
from views.shared.state import Choice, Number, Several, State, SurfaceWithParameters, Whole
from views.shared.words import percent

MOST = 9  # optimizers
WHOLE = {
    "trials": Range(4, 2000, "n"),
    "evaluations": Range(10, 5000, "n"),
    "starts": Range(1, 64, "n"),
    "seed": Range(0, 9999, "n"),
}
TOLERANCE = Range(1e-12, 1e3, "", log=True, valid="(0, 1e6]")
SIDE = 64  # starts a side from which the best settings are counted
REMEMBERED = 64  # tunings
TUNABLE = {name: rule for name, rule in RULES.items() if rule.compiled and "lr" in rule.ranges}


@dataclass
class TuningState(State):
    """The whole state of the page."""

    surface: str = "himmelblau"
    parameters: dict[str, float] = field(default_factory=dict)
    rules: tuple[str, ...] = ("gradient_descent", "momentum", "rmsprop", "adam")
    objective: str = "steps"
    search: str = "grid"
    trials: int = 400
    evaluations: int = 500
    starts: int = 16
    seed: int = 0
    tolerance: float = 1e-3
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> Surface:
        """The surface."""
        return SURFACES[self.surface]

    SETTINGS: ClassVar = {
        "surface": SurfaceWithParameters(),
        "rules": Several(TUNABLE, MOST, "optimizer"),
        "objective": Choice(OBJECTIVES),
        "search": Choice(SEARCHES),
        **{name: Whole(int(limits.low), int(limits.high)) for name, limits in WHOLE.items()},
        "tolerance": Number(TOLERANCE.valid),
    }

    def follow(self, path: str) -> None:
        """A surface comes with its parameters."""
        if path == "surface":
            self.parameters = self.shown.Parameters()._asdict()


# ---------------------------------------------------------------- what is computed

_made: OrderedDict[str, Tuning] = OrderedDict()
_lock = Lock()


def tuned(state: TuningState, surface: str | None = None, progress: Progress | None = None) -> Tuning:
    """The tuning of all chosen rules, kept from last time if it is, on ``surface`` as it stands where one is named.

    ValueError says why there is none; Cancelled where progress says False.
    """
    found = SURFACES[surface or state.surface]
    given = {
        "surface_parameters": dict(state.parameters) if surface is None else {}, "objective": state.objective,
        "search": state.search, "trials": state.trials, "evaluations": state.evaluations, "seed": state.seed,
        "tolerance": state.tolerance,
    }  # fmt: skip
    key = json.dumps([found.name, state.rules, state.starts, given])
    with _lock:
        if key in _made:
            _made.move_to_end(key)
            return _made[key]
    starts = spread_starts(found, state.starts, state.seed)
    made = tune([RULES[name] for name in state.rules], found, starts, **given, progress=progress)
    with _lock:
        _made[key] = made
        while len(_made) > REMEMBERED:
            _made.popitem(last=False)
    return made


def counted(state: TuningState, one: Tuned, surface: str | None = None) -> Basins:
    """Runs with a rule's best setting, from SIDE x SIDE starts all over the window, each until it is low enough."""
    return basins(
        RULES[one.rule], SURFACES[surface or state.surface], None, SIDE, one.steps, hyper=one.best,
        surface_parameters=dict(state.parameters) if surface is None else None, stop="loss", tolerance=state.tolerance,
    )  # fmt: skip


def countable() -> list[str]:
    """The surfaces of which minima are known, at their own parameters."""
    return [name for name, surface in SURFACES.items() if len(surface.minima(surface.Parameters()))]


def claims(state: TuningState, progress: Progress | None = None) -> list[list[str]]:
    """For every surface a row: its name, and for every rule what its own best setting reaches there."""
    names, rows = countable(), []
    for done, name in enumerate(names):
        if progress:
            progress(done, len(names))
        cells = [reached(state, counted(state, one, name), name) for one in tuned(state, name).rules]
        rows.append([SURFACES[name].title, *cells])
    return rows


# ---------------------------------------------------------------- in words and pictures


def low_enough(state: TuningState, found: Basins, surface: str | None = None) -> np.ndarray:
    """Which of the starts come within the tolerance of the lowest minimum."""
    shown = SURFACES[surface or state.surface]
    q = shown.Parameters(**(state.parameters if surface is None else {}))
    return found.loss <= np.float32(shown.lowest(q) + state.tolerance)


def reached(state: TuningState, found: Basins, surface: str | None = None) -> str:
    """The share of starts that come within the tolerance of the lowest minimum, and in how many steps."""
    there = low_enough(state, found, surface)
    if not there.any():
        return "none"
    return f"{percent(float(there.mean()))}, {np.median(found.steps[there]):g} steps"


def setting(one: Tuned) -> str:
    """The best setting in words, hyperparameters that were tuned only."""
    return ", ".join(f"{name.replace('_', ' ')} {short(one.best[name])}" for name in one.tried)


def worth(state: TuningState, value: float) -> str:
    """What a setting is worth, in words."""
    if not np.isfinite(value):
        return "never" if state.objective == "steps" else "diverges"
    if state.objective == "steps":
        return f"{value:g} evaluations"
    return f"≤ {FLOOR:g}" if value <= FLOOR and state.objective != "distance" else short(value)


def band(one: Tuned) -> str:
    """The stretch of good learning rates."""
    if one.band is None:
        return "none"
    low, high = one.band
    return f"{short(low)} to {short(high)}: {one.decades:.1f} decades"


def rows(state: TuningState, made: Tuning) -> list[dict[str, str]]:
    """The table: for each rule its best setting, what it is worth, its band, and what it reaches from everywhere."""
    known = len(state.shown.minima(state.shown.Parameters(**state.parameters))) > 0
    found = []
    for one in made.rules:
        row = {
            "Optimizer": RULES[one.rule].title,
            "Best setting": setting(one),
            OBJECTIVES[state.objective]: worth(state, one.value),
            "Good learning rates": band(one),
        }
        found.append(row | ({"Reaches the lowest minimum": reached(state, counted(state, one))} if known else {}))
    return found


def caption(state: TuningState, made: Tuning) -> str:
    """What was done, so that it can be done again."""
    surface = state.shown
    given = ", ".join(f"{name} = {short(value)}" for name, value in state.parameters.items())
    title = f"{surface.title} ({given})" if given else surface.title
    objective = OBJECTIVES[state.objective].lower()
    if state.objective == "steps":
        objective += f" {state.tolerance:g}"
    tried = ", ".join(f"{len(one.worth)} of {RULES[one.rule].title}" for one in made.rules)
    return (
        f"{title}: at most {state.trials} settings of each optimizer ({SEARCHES[state.search].lower()}), each from the "
        f"same {state.starts} starts (seed {state.seed}), {state.evaluations} evaluations a run; tried: {tried}. A "
        f"setting is worth the median over the starts of: {objective}. Good learning rates are those within a factor "
        f"of {GOOD:g} of the best, all else being chosen best. The last column counts, of {SIDE} × {SIDE} starts all "
        f"over the window, those that come within {state.tolerance:g} of the lowest minimum, and their median steps. "
        "Central differences with h = 6e−6."
    )


def figure(state: TuningState, made: Tuning) -> go.Figure:
    """The best value over all else at each learning rate: good ones thick, the best with a dot."""
    picture = go.Figure()
    for number, one in enumerate(made.rules):
        colour, title = style(number)[0], RULES[one.rule].title
        values = np.where(np.isfinite(one.sensitivity), one.sensitivity, np.nan)
        hover = f"{title}<br>lr %{{x:.4g}}<br>%{{y:.4g}}<extra></extra>"
        picture.add_scatter(
            x=one.rates, y=values, mode="lines", name=title, legendgroup=title, line={"color": colour, "width": 2},
            hovertemplate=hover,
        )  # fmt: skip
        if one.band is None:
            continue
        good = (one.rates >= one.band[0]) & (one.rates <= one.band[1])
        picture.add_scatter(
            x=one.rates[good], y=values[good], mode="lines", legendgroup=title, showlegend=False, hoverinfo="skip",
            line={"color": colour, "width": 9}, opacity=0.35,
        )  # fmt: skip
        best = int(np.nanargmin(values))
        picture.add_scatter(
            x=[one.rates[best]], y=[values[best]], mode="markers", legendgroup=title, showlegend=False,
            marker={"color": colour, "size": 10, "line": {"color": "white", "width": 1.5}}, hovertemplate=hover,
        )  # fmt: skip
    axis = {"type": "log", "exponentformat": "power", "dtick": 1, "minor": {"showgrid": False}}
    picture.update_layout(
        height=420, margin={"l": 70, "r": 10, "t": 10, "b": 50}, hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={**axis, "title": "learning rate"},
        yaxis={**axis, "dtick": None, "title": OBJECTIVES[state.objective]},
    )  # fmt: skip
    return picture


def sentence(state: TuningState, made: Tuning) -> str:
    """The picture in words."""
    ordered = sorted((one for one in made.rules if np.isfinite(one.value)), key=lambda one: one.value)
    if not ordered:
        return "No setting of any optimizer came to anything."
    parts = [f"{RULES[one.rule].title} {worth(state, one.value)}" for one in ordered]
    widest = max(made.rules, key=lambda one: one.decades)
    wide = ""
    if widest.decades:
        wide = f" {RULES[widest.rule].title} forgives most: {widest.decades:.1f} decades of learning rates are good."
    return f"Best found: {'; '.join(parts)}.{wide}"


# ---------------------------------------------------------------- what is taken along


def on_trajectories(state: TuningState, made: Tuning) -> dict[str, str]:
    """The fields of a link to Trajectories with the best settings, from the first of the starts."""
    first = made.settings["starts"][0]
    query = {"surface": state.surface} | {f"surface.{name}": repr(v) for name, v in state.parameters.items()}
    query |= {"start": ",".join(map(repr, first)), "steps": str(state.evaluations), "stop": "none"}
    for number, one in enumerate(made.rules):
        pairs = [f"{name}={value!r}" for name, value in one.best.items()]
        query[f"card.{number}"] = ",".join([one.rule, *pairs])
    return Settings.from_query(query).to_query()


def as_json(made: Tuning) -> str:
    """All settings tried and what they are worth, with everything that went in; infinite values are null."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [plain(one) for one in value.tolist()]
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        return value if not isinstance(value, float) or np.isfinite(value) else None

    rules = [plain(asdict(one)) | {"decades": one.decades} for one in made.rules]
    return json.dumps({"settings": plain(made.settings), "rules": rules}, indent=1)


EXPORTS = {
    "ravine-tuning-{surface}.json": Export(
        "JSON", "Every setting tried and what it is worth", "application/json", as_json
    )
}
