"""The fields of the pages that run optimizers on a surface: start, steps, parameters, cards, and what is in boxes."""

from functools import cache, lru_cache

import numpy as np

from optim_core import RULES
from optim_core.around import DROPPING
from optim_core.around import RANGES as AROUND
from optim_core.options import COORDINATE
from optim_core.parameters import Range
from optim_core.studies.stability import RULES as WITH_EDGE
from optim_core.studies.stability import curvature, edge
from surfaces import SURFACES
from views.shared.colours import style
from views.shared.fields import field, short
from views.shared.messages import Card, Controls, Group, Mark
from views.shared.settings import MAX_STEPS, OPTIONS, RESOLUTION, SPREAD, Settings
from views.shared.state import State

AROUND_TITLES = {
    "weight_decay": "L2: added to the gradient times x; decoupled: x is shrunk by it times the learning rate",
    "clip_at": "the most that a gradient's length or entry may be",
    "warmup": "share of the steps over which the rate climbs to its value",
    "gamma": "what the rate is multiplied by",
    "every": "share of the steps after which it is",
    "noise": "standard deviation of Gaussian noise on each gradient entry; the same draws for all",
    "seed": "of the noise",
}
_PARTS = {"start": "start.x", "window": "window.x0"}  # settings of several numbers, and the field that speaks for them


def under_fields(state: State) -> dict[str, str]:
    """The sentences, each under the path of the field beside which it is shown."""
    return {_PARTS.get(path, path): sentence for path, sentence in state.problems.items()}


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
