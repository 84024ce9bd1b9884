"""What the Gradients page shows: the error of differences against h at one point, and a tutorial's slip recomputed.

Every setting has a path: ``surface``, ``surface.a``, ``point.x``, ``spacing``, ``view.printed``. A change that is not
allowed leaves the setting as it was and puts a sentence under its path.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from optim_core import RULES, trace
from optim_core.options import Options
from optim_core.parameters import Range
from optim_core.studies.differences import EPSILON, Optimum, differences, exact, noise, optimum, truncation
from surfaces import SURFACES, Surface
from views.shared.colours import style
from views.shared.fields import field as control
from views.shared.fields import plain, short
from views.shared.messages import (
    Controls,
    ErrorColumn,
    ErrorCurve,
    ErrorMark,
    ErrorRow,
    ErrorsMessage,
    ErrorTable,
    Group,
)
from views.shared.settings import Settings
from views.shared.state import Number, Point, State, SurfaceWithParameters, Switch
from views.shared.words import place

POINT = "[-1e6, 1e6]"
SPACING = Range(1e-14, 1.0, "h", log=True)
SPACINGS = np.logspace(-14, 0, 561)  # 40 a decade
USUAL = Options(1).spacing  # what Ravine's runs take unless told otherwise
WAYS = {"forward": "Forward", "central": "Central", "as_printed": "As a tutorial prints it"}
COLOURS = {"forward": style(1)[0], "central": style(0)[0], "as_printed": style(4)[0]}
FORMULAS = {
    "exact": "",
    "forward": "(f(x+h) − f(x)) / h",
    "central": "(f(x+h) − f(x−h)) / (2h)",
    "as_printed": "f(x+h) − f(x−h) / (2h)",
}
VALUES = {"exact": "–", "forward": "3", "central": "4", "as_printed": "4"}  # of the surface, for one gradient


@dataclass
class Place(State):
    """The whole state of the page: a surface, a point on it, and the h that the table shows."""

    surface: str = "rosenbrock"
    parameters: dict[str, float] = field(default_factory=lambda: SURFACES["rosenbrock"].Parameters()._asdict())
    point: tuple[float, float] = SURFACES["rosenbrock"].start
    spacing: float = 1e-3
    printed: bool = False
    problems: dict[str, str] = field(default_factory=dict)

    SETTINGS: ClassVar = {
        "surface": SurfaceWithParameters(),
        "point": Point(POINT),
        "spacing": Number(SPACING.valid, label="h"),
        "view.printed": Switch(),
    }

    def follow(self, path: str) -> None:
        """A surface comes with its start and parameters."""
        if path == "surface":
            surface = SURFACES[self.surface]
            self.point, self.parameters = surface.start, surface.Parameters()._asdict()
            self.begin_anew()


def controls(state: Place) -> Controls:
    """The fields for the surface's parameters, the point and h."""
    surface = SURFACES[state.surface]
    fields = [control(f"surface.{n}", n, limits, state.parameters[n]) for n, limits in surface.ranges.items()]
    for axis, (low, high), value in zip("xy", surface.domain, state.point, strict=True):
        fields.append(control(f"point.{axis}", "point", Range(low, high, axis, valid=POINT), value))
    fields.append(control("spacing", "spacing", SPACING, state.spacing, "or click in the picture"))
    groups: list[Group] = [{"title": None, "fields": fields}]
    return {"name": "controls", "groups": groups, "cards": [], "problems": under_fields(state), "empty": ""}


def under_fields(state: Place) -> dict[str, str]:
    """The sentences, each under the path of the field beside which it is shown."""
    return {"point.x" if path == "point" else path: sentence for path, sentence in state.problems.items()}


# ---------------------------------------------------------------- what is computed


@dataclass(frozen=True)
class Measured:
    """What there is to know at one point.

    value: f there. gradient (2,): the exact one. taken {way: (n, 2)}: by differences, for SPACINGS, then for the chosen
    h, for USUAL and for the best h of forward and of central differences. errors {way: (n,)}: their distances to the
    exact gradient. factors, sigma, best: truncation, noise, and the h where they balance.
    """

    value: float
    gradient: np.ndarray
    taken: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    factors: dict[str, float]
    sigma: float
    best: dict[str, Optimum]

    def at(self, way: str, where: str) -> float:
        """The measured error with the chosen h, the usual one, or the best one of forward or central differences."""
        return float(self.errors[way][len(SPACINGS) + ("chosen", "usual", "forward", "central").index(where)])


def measured(state: Place) -> Measured:
    """Everything at the state's point."""
    surface, point = SURFACES[state.surface], state.point
    q = surface.Parameters(**state.parameters)
    gradient, sigma, factors = exact(surface, point, q), noise(surface, point, q), truncation(surface, point, q)
    best = {way: optimum(way, factor, sigma) for way, factor in factors.items()}
    special = [state.spacing, USUAL, *(min(found.spacing, 1.0) for found in best.values())]
    taken = differences(surface, point, [*SPACINGS, *special], q)
    with np.errstate(all="ignore"):
        x, y = map(np.float64, point)
        value = float(surface.value(x, y, q))
        errors = {way: np.hypot(*(found - gradient).T) for way, found in taken.items()}
    return Measured(value, gradient, taken, errors, factors, sigma, best)


def no_error(surface: Surface, state: Place, found: Measured) -> str:
    """Why there is no error to show at the point, or nothing where there is one."""
    here = place(state.point, surface.scale)
    if not np.isfinite(found.value):
        return f"{surface.title} has no finite value at {here}: choose another point."
    if not np.isfinite(found.gradient).all():
        return f"{surface.title} has no gradient at {here}, so differences have no error there: choose another point."
    return ""


# ---------------------------------------------------------------- the picture


def message(state: Place) -> ErrorsMessage:
    """What the picture, the table and the sentences show."""
    surface, found = SURFACES[state.surface], measured(state)
    trouble = no_error(surface, state, found)
    return {
        "trouble": trouble,
        "curves": [] if trouble else curves(state, found),
        "marks": [] if trouble else marks(state, found),
        "table": table(found),
        "sentences": sentences(surface, state, found, trouble),
        "alt": trouble or " ".join(_best(way, found) for way in ("forward", "central")),
        "view": {"printed": state.printed},
        "values": state.values(),
        "problems": under_fields(state),
    }


def curves(state: Place, found: Measured) -> list[ErrorCurve]:
    """The errors measured, and the straight lines that they are expected to follow, in the text's colour."""
    measured = ("as_printed", "forward", "central") if state.printed else ("forward", "central")
    shown = [_curve(way, f"{WAYS[way]}, measured", COLOURS[way], "", found.errors[way]) for way in measured]
    lines = (
        ("slope 1", "truncation of forward differences, h f″/2", "8 4", found.factors["forward"] * SPACINGS),
        ("slope 2", "truncation of central differences, h² f‴/6", "3 3", found.factors["central"] * SPACINGS**2),
        ("slope −1", "rounding, the noise of f / h", "9 3 2 3", found.sigma / SPACINGS),
    )
    return shown + [
        _curve(key, f"{label}: {key}", None, dash, y)
        for key, label, dash, y in lines
        if (y > 0).all() and np.isfinite(y).all()
    ]


def _curve(key: str, label: str, colour: str | None, dash: str, errors: np.ndarray) -> ErrorCurve:
    """The errors against SPACINGS, where they are finite."""
    y = errors[: len(SPACINGS)]
    fine = np.isfinite(y)
    return {"key": key, "label": label, "colour": colour, "dash": dash, "x": SPACINGS[fine], "y": y[fine]}


def marks(state: Place, found: Measured) -> list[ErrorMark]:
    """The chosen h, the usual one, and the best ones."""
    result: list[ErrorMark] = [
        {"kind": "line", "x": state.spacing, "label": f"h = {short(state.spacing)}", "colour": None},
        {"kind": "usual", "x": USUAL, "label": f"Ravine’s {short(USUAL)}", "colour": None},
    ]
    for way, best in found.best.items():
        if SPACINGS[0] <= best.spacing <= SPACINGS[-1] and best.error > 0:
            label = f"best h {short(_round(best.spacing))}"
            result.append({"kind": "best", "x": best.spacing, "y": best.error, "label": label, "colour": COLOURS[way]})
    return result


COLUMNS = {
    "Gradient": "",
    "∂f/∂x": "With the chosen h",
    "∂f/∂y": "With the chosen h",
    "Error": "Length of the difference to the exact gradient, with the chosen h",
    "Best h": "Where truncation and rounding balance",
    "Error expected": "With the best h, from truncation and rounding",
    "Measured": "The error with the best h itself: rounding is luck, so it may be less than expected",
    f"Error with {short(USUAL)}": "The error with the h that Ravine’s runs take unless told otherwise",
    "Values": "Values of the surface for one gradient",
}


def table(found: Measured) -> ErrorTable:
    """The gradient by each way at the chosen h."""
    chosen = len(SPACINGS)
    rows: list[ErrorRow] = []
    for way in ("exact", "central", "forward", "as_printed"):
        gradient = found.gradient if way == "exact" else found.taken[way][chosen]
        cells = [WAYS.get(way, "Exact (symbolic)"), *map(digits, gradient)]
        if way == "exact":
            cells += ["–", "–", "–", "–", "–"]
        elif way in found.best:
            best = found.best[way]
            beyond = best.spacing > SPACINGS[-1]
            cells += [
                _error(found.at(way, "chosen")),
                "the larger the better" if beyond else _error(best.spacing),
                "–" if beyond else _error(best.error),
                _error(found.at(way, way)) + (" (h = 1)" if beyond else ""),
                _error(found.at(way, "usual")),
            ]
        else:
            cells += [_error(found.at(way, "chosen")), "–", "–", "–", _error(found.at(way, "usual"))]
        rows.append({"colour": COLOURS.get(way), "title": FORMULAS[way], "cells": [*cells, VALUES[way]]})
    columns: list[ErrorColumn] = [{"label": label, "title": title} for label, title in COLUMNS.items()]
    return {"columns": columns, "rows": rows}


def digits(value: float) -> str:
    """A number with the ten digits in which differences may differ."""
    return "–" if not np.isfinite(value) else f"{value:.10g}".replace("-", "−")


def _round(value: float) -> float:
    return float(f"{value:.1e}")


def _error(value: float) -> str:
    return short(_round(value)) if np.isfinite(value) else "–"


# ---------------------------------------------------------------- in words


def sentences(surface: Surface, state: Place, found: Measured, trouble: str) -> list[str]:
    """What is computed, where h is best, and what a tutorial's parenthesis makes of it."""
    if trouble:
        return []
    names = [f"{plain(limits.symbol)} = {short(state.parameters[name])}" for name, limits in surface.ranges.items()]
    title = f"{surface.title} ({', '.join(names)})" if names else surface.title
    what = f"{title} at {place(state.point, surface.scale)}"
    unit = EPSILON * abs(found.value)
    times = f", {short(_round(found.sigma / unit))} ε|f|" if found.sigma < 1e6 * unit else ""
    known = (
        f"{what}: f = {short(found.value)}; its values carry rounding errors of about {_error(found.sigma)}{times} "
        f"(measured). The error is the length of the difference to the exact gradient."
    )
    return [known, " ".join([_best("forward", found), _best("central", found), _usual(found)]), printed(state, found)]


def _best(way: str, found: Measured) -> str:
    best = found.best[way]
    derivative = {"forward": "second", "central": "third"}[way]
    if np.isnan(best.spacing):
        return f"{WAYS[way]} differences: there are no {derivative} derivatives here to say where h is best."
    if best.spacing > SPACINGS[-1]:
        reason = "vanish" if found.factors[way] == 0 else "hardly count"
        why = f"the {derivative} derivatives along the axes {reason} here"
        return f"{WAYS[way]} differences: {why}, so the larger h is, the better."
    if best.error == 0:
        return f"{WAYS[way]} differences: no rounding was found here, so the smaller h is, the better."
    return f"{WAYS[way]} differences are best near h = {_error(best.spacing)}, with an error of {_error(best.error)}."


def _usual(found: Measured) -> str:
    return (
        f"Ravine’s runs take central differences with h = {short(USUAL)}: {_error(found.at('central', 'usual'))} here."
    )


def printed(state: Place, found: Measured) -> str:
    """What the misplaced parenthesis computes at the point with the chosen h."""
    main = -found.value / (2 * state.spacing)
    got = ", ".join(map(short, found.taken["as_printed"][len(SPACINGS)]))
    slope = ", ".join(map(short, found.gradient))
    text = (
        f"Without its pair of parentheses, f(x+h) − f(x−h)/(2h) is −f/(2h) + f + f′/2 + O(h). With h = "
        f"{short(state.spacing)}, −f/(2h) is {short(main)}: what comes out is ({got}), where the gradient is ({slope})."
    )
    rest = abs(found.value) + float(np.abs(found.gradient).max()) / 2
    if abs(main) > 10 * rest:
        return (
            f"{text} Both numbers are nearly the same whichever way the surface slopes: a run walks along a diagonal."
        )
    return f"{text} Here −f/(2h) does not outweigh the other terms."


# ---------------------------------------------------------------- the tutorial


TUTORIAL = {"start": (-2.0, -2.0), "lr": 1e-5, "spacing": 1e-3, "tolerance": 1e-3}
_LIMIT = 200_000
# Rule, its momentum, the gradient, and the epochs that the tutorial reports.
_RUNS = (
    ("gradient_descent", None, "as_printed", 139),
    ("momentum", 0.1, "as_printed", 127),
    ("momentum", 0.9, "as_printed", None),
    ("gradient_descent", None, "central", None),
    ("momentum", 0.1, "central", None),
)


@dataclass(frozen=True)
class Epochs:
    """A run of the tutorial's setting: what it is, the steps it makes, where it ends, what the tutorial reports."""

    title: str
    difference: str
    steps: int | None
    end: str
    reported: int | None


@lru_cache(maxsize=1)
def tutorial() -> tuple[Epochs, ...]:
    """The tutorial's runs on Ackley's function, made here."""
    found = []
    for rule, momentum, difference, reported in _RUNS:
        hyper = {"lr": TUTORIAL["lr"]} | ({} if momentum is None else {"momentum": momentum})
        run = trace(
            RULES[rule], SURFACES["ackley"], TUTORIAL["start"], _LIMIT, hyper=hyper, difference=difference,
            spacing=TUTORIAL["spacing"], stop="step", tolerance=TUTORIAL["tolerance"],
        )  # fmt: skip
        title = RULES[rule].title + ("" if momentum is None else f", {short(momentum)}")
        stopped = run.steps < _LIMIT
        end = ", ".join(f"{value:.5f}".replace("-", "−") if stopped else short(value) for value in run.path[-1])
        found.append(Epochs(title, difference, run.steps if stopped else None, f"({end})", reported))
    return tuple(found)


def tutorial_table() -> str:
    """The tutorial's runs as a Markdown table."""
    head = (
        "| Optimizer | Gradient | Epochs, computed here | The tutorial reports | Ends at |\n|---|---|---:|---:|---|\n"
    )
    return head + "\n".join(
        f"| {run.title} | {'as printed' if run.difference == 'as_printed' else 'right, central'} "
        f"| {run.steps or f'no stop within {_LIMIT:,}'} | {run.reported or '–'} | {run.end} |"
        for run in tutorial()
    )


def tutorial_link() -> dict[str, str]:
    """The fields of a link to the Trajectories page with the tutorial's setting, gradient as printed."""
    state = Settings()
    state.apply("surface", "ackley")
    state.apply("start", list(TUTORIAL["start"]))
    for path, value in {
        "difference": "as_printed",
        "spacing": TUTORIAL["spacing"],
        "stop": "step",
        "steps": 150,
    }.items():
        state.apply(path, value)
    state.apply("tolerance", TUTORIAL["tolerance"])
    state.cards = {}
    state.add("gradient_descent", {"lr": TUTORIAL["lr"]})
    state.add("momentum", {"lr": TUTORIAL["lr"], "momentum": 0.1})
    return state.to_query()
