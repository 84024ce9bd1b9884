"""What the Trajectories page shows, as one value: checked on every change, written into links and read from them.

Every setting has a path: ``surface``, ``surface.a``, ``start.x``, ``steps``, ``card.2.lr``, ``card.2.on``,
``view.step``. A change that is not allowed leaves the setting as it was and puts a sentence under its path.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from optim_core import RULES
from optim_core.around import CLIPS, DECAYS, NOTHING, SCHEDULES, Around
from optim_core.around import RANGES as AROUND
from optim_core.options import COORDINATE, DIFFERENCES, SPACING, STOPS, TOLERANCE, Options, checked_choice
from optim_core.parameters import Range, checked_integer, checked_number
from optim_core.runs.setup import Setup
from surfaces import SURFACES
from views.shared.fields import parsed, short
from views.shared.state import MAX_LINK, Checked, checked_switch, too_long, without_meaning
from views.shared.stories import STORIES

# The page's limits; those of single numbers stand in their Ranges.
MAX_STEPS = 10_000
MAX_CARDS = 18
RESOLUTION = (20, 400)
START = "[-1e6, 1e6]"
LAYOUTS = ("both", "contour", "surface", "panels")
HEIGHTS = ("auto", "linear", "log")
ASPECTS = ("free", "equal")
RELIEFS = ("surface", "points", "lines")
SPREADS = ("one", "ring", "grid")
MAX_STARTS = 64
FARTHEST = 1e9  # what COORDINATE allows
MAX_NAME = 60

SPREAD = {
    "count": Range(2, MAX_STARTS, "n"),
    "reach": Range(0.01, 1.0, "r", valid="(0, 2]"),
}
OPTIONS = {
    "spacing": Range(1e-12, 1.0, "h", log=True, valid=SPACING),
    "tolerance": Range(1e-9, 10.0, "tolerance", log=True, valid=TOLERANCE),
}


@dataclass
class Card:
    """One optimizer on the page; its number decides its colour."""

    rule: str
    hyper: dict[str, float]
    on: bool = True


@dataclass
class View:
    """How the picture is looked at; it changes nothing of what is computed."""

    layout: str = "both"
    heights: str = "auto"
    aspect: str = "free"
    relief: str = "surface"
    labels: bool = False
    trail: int | None = None
    projector: bool = False
    log_loss: bool = True
    log_distance: bool = True
    step: int | None = None
    inside: int | None = None
    ball: bool = False


@dataclass(frozen=True)
class Spread:
    """Starts around the start, for every optimizer: ``count`` on a ring, or a square grid of at most so many.

    reach: half the window's sides are 1.
    """

    kind: str = "one"
    count: int = 16
    reach: float = 0.1

    def points(self, start: tuple[float, float], window: tuple[float, float, float, float]) -> np.ndarray:
        """The starts (runs, 2); none where there is only the one."""
        if self.kind == "one":
            return np.empty((0, 2))
        if self.kind == "ring":
            angles = 2 * np.pi * np.arange(self.count) / self.count
            offsets = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        else:
            side = np.linspace(-1.0, 1.0, max(2, math.isqrt(self.count)))
            offsets = np.stack([part.ravel() for part in np.meshgrid(side, side)], axis=1)
        x_low, x_high, y_low, y_high = window
        points = np.asarray(start) + self.reach * offsets * [(x_high - x_low) / 2, (y_high - y_low) / 2]
        return np.clip(points, -FARTHEST, FARTHEST)


def _first_cards() -> dict[int, Card]:
    return {number: new_card(name) for number, name in enumerate(("gradient_descent", "momentum", "adam"))}


def new_card(rule: str) -> Card:
    """A card with the rule's own defaults."""
    return Card(rule, RULES[rule].Hyper()._asdict())


def shown_title(rule: str) -> str:
    """A rule's name; one that goes around another names that too."""
    inner = RULES[rule].base
    return f"{RULES[rule].module.NAME} ({inner.title})" if inner else RULES[rule].title


@lru_cache(maxsize=1024)  # asked some fifteen times for a picture
def _title(rule: str, number: int, *cards: tuple[Any, ...]) -> str:
    same: dict[int, dict[str, float]] = {n: dict(hyper) for n, *hyper in cards}
    differing = [name for name in same[number] if len({hyper[name] for hyper in same.values()}) > 1]
    told = {n: tuple(hyper[name] for name in differing) for n, hyper in same.items()}
    if 1 <= len(differing) <= 2 and len(set(told.values())) == len(told):
        parts = (f"{name.replace('_', ' ')}\u00a0{short(same[number][name])}" for name in differing)
        return ", ".join([shown_title(rule), *parts])
    place = list(same).index(number)
    return shown_title(rule) + (f" {place + 1}" if place else "")


@dataclass
class Settings(Checked):
    """The whole state of the page."""

    surface: str = "ravine"
    parameters: dict[str, float] = field(default_factory=lambda: SURFACES["ravine"].Parameters()._asdict())
    start: tuple[float, float] = SURFACES["ravine"].start
    steps: int = 300
    difference: str = "central"
    spacing: float = 6e-6
    stop: str = "none"
    tolerance: float = 1e-3
    around: Around = NOTHING
    window: tuple[float, float, float, float] | None = None
    resolution: int = 200
    cards: dict[int, Card] = field(default_factory=_first_cards)
    view: View = field(default_factory=View)
    story: str | None = None
    spread: Spread = Spread()
    against: str | None = None  # another state, as a link's fields, drawn beneath this one
    against_name: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    # Sides of a window that were refused: right once the other side follows.
    refused: dict[str, float] = field(default_factory=dict, compare=False)

    # ------------------------------------------------------------ what follows from it

    @property
    def drawn_window(self) -> tuple[float, float, float, float]:
        """The plot's window: the chosen one, or the surface's own."""
        (x_low, x_high), (y_low, y_high) = SURFACES[self.surface].domain
        return self.window or (x_low, x_high, y_low, y_high)

    def setup(self, number: int) -> Setup:
        """The run of a card."""
        card, surface = self.cards[number], SURFACES[self.surface]
        rule = RULES[card.rule]
        around = self.around.allowed(rule)
        options = Options(self.steps, self.difference, self.spacing, self.stop, self.tolerance, around)
        q = surface.Parameters(**self.parameters)
        return Setup(rule, surface, rule.Hyper(**card.hyper), q, self.start, options)

    def title(self, number: int) -> str:
        """The name of a card, told apart from others of the same rule: by what differs, else by a number."""
        rule = self.cards[number].rule
        return _title(rule, number, *((n, *card.hyper.items()) for n, card in self.cards.items() if card.rule == rule))

    def values(self) -> dict[str, Any]:
        """Every live number under its path."""
        found: dict[str, Any] = {"start.x": self.start[0], "start.y": self.start[1], "steps": self.steps}
        found |= {f"surface.{name}": value for name, value in self.parameters.items()}
        found |= {name: getattr(self, name) for name in (*OPTIONS, "resolution")}
        found |= {f"around.{name}": getattr(self.around, name) for name in AROUND}
        found |= {f"starts.{name}": getattr(self.spread, name) for name in SPREAD}
        found |= {f"window.{side}": value for side, value in zip(_SIDES, self.drawn_window, strict=True)}
        for number, card in self.cards.items():
            found |= {f"card.{number}.{name}": value for name, value in card.hyper.items()}
            found[f"card.{number}.on"] = card.on
        return found

    # ------------------------------------------------------------ changes

    def _apply(self, path: str, value: Any) -> None:
        match path.split("."):
            case ["surface"]:
                surface = SURFACES.checked(value)
                self.surface, self.start, self.window = value, surface.start, None
                self.parameters, self.story = surface.Parameters()._asdict(), None
                self.forget("surface.", "start", "window.")
            case ["story"]:
                self.story = None if value is None else checked_choice("story", value, tuple(STORIES))
            case ["surface", name] if name in self.parameters:
                self.parameters[name] = _ranged(name, value, SURFACES[self.surface].ranges[name])
            case ["start"]:
                x, y = _numbers("start", value, 2, START)
                self.start = (x, y)
                self.forget("start.")
            case ["start", "x" | "y" as axis]:
                number = checked_number(f"start {axis}", parsed(value), START)
                self.start = (number, self.start[1]) if axis == "x" else (self.start[0], number)
            case ["steps"]:
                self.steps = checked_integer("steps", parsed(value), 1, MAX_STEPS)
            case ["difference"]:
                self.difference = checked_choice("difference", value, DIFFERENCES)
            case ["stop"]:
                self.stop = checked_choice("stop", value, STOPS)
            case ["spacing" | "tolerance" as name]:
                setattr(self, name, _ranged(name, value, OPTIONS[name]))
            case ["around", name] if name in AROUND:
                number = checked_number(name, parsed(value), AROUND[name].valid)
                self.around = replace(self.around, **{name: number})
            case ["around", "decay" | "clip" | "schedule" as name]:
                self.around = replace(self.around, **{name: checked_choice(name, value, _AROUND_CHOICES[name])})
            case ["starts", "kind"]:
                self.spread = replace(self.spread, kind=checked_choice("starts", value, SPREADS))
            case ["starts", "count"]:
                self.spread = replace(self.spread, count=checked_integer("count", parsed(value), 2, MAX_STARTS))
            case ["starts", "reach"]:
                self.spread = replace(self.spread, reach=_ranged("reach", value, SPREAD["reach"]))
            case ["against"]:
                self.against = None if value in (None, "") else _checked_state(value)
                self.against_name = self.against_name if self.against else ""
            case ["against", "name"]:
                name = _checked_text("name", value, MAX_NAME)
                if "against" not in self.problems:  # the name of one that was refused
                    self.against_name = name
            case ["resolution"]:
                self.resolution = checked_integer("resolution", parsed(value), *RESOLUTION)
            case ["window"]:
                self.window = None if value is None else _checked_window(_numbers("window", value, 4, COORDINATE))
                self.forget("window.")
            case ["window", side] if side in _SIDES:
                sides = dict(zip(_SIDES, self.drawn_window, strict=True)) | self.refused
                sides[side] = checked_number(f"window {side}", parsed(value), COORDINATE)
                self.refused = {name: sides[name] for name in (side, *self.refused)}
                self.window = _checked_window([sides[name] for name in _SIDES])
                self.forget("window.")
            case ["card", number, "on"] if (card := self._card(number)) is not None:
                card.on = checked_switch("on", value)
            case ["card", number, "base"] if (card := self._card(number)) is not None:
                base = checked_choice("base", value, tuple(RULES.bases(card.rule)))
                card.rule = f"{RULES[card.rule].module_name}({base})"
                kept = {name: v for name, v in card.hyper.items() if name in RULES[card.rule].module.Hyper._fields}
                card.hyper = new_card(card.rule).hyper | kept
                self.forget(f"card.{number}.")
            case ["card", number, name] if (card := self._card(number)) is not None and name in card.hyper:
                card.hyper[name] = _ranged(name, value, RULES[card.rule].ranges[name])
            case ["view", "layout"]:
                self.view.layout = checked_choice("layout", value, LAYOUTS)
            case ["view", "heights" | "aspect" | "relief" as name]:
                setattr(self.view, name, checked_choice(name, value, _VIEW_CHOICES[name]))
            case ["view", "trail"]:
                self.view.trail = None if value is None else checked_integer("trail", parsed(value), 1, MAX_STEPS)
            case ["view", "log_loss" | "log_distance" | "ball" | "labels" | "projector" as name]:
                setattr(self.view, name, checked_switch(name, value))
            case ["view", "step"]:
                self.view.step = None if value is None else checked_integer("step", parsed(value), 0, MAX_STEPS)
            case ["view", "inside"]:
                inside = None if value is None else checked_integer("inside", parsed(value), 0, MAX_CARDS - 1)
                self.view.inside = inside
            case _:
                raise ValueError(f"there is no setting {path[:40]!r} here")

    def add(self, rule: str, hyper: Mapping[str, float] | None = None) -> None:
        """A further card, under the lowest free number; a sentence under ``card`` where there is no room."""
        self.problems.pop("card", None)
        if len(self.cards) >= MAX_CARDS:
            self.problems["card"] = f"{len(self.cards)} optimizers are shown; at most {MAX_CARDS} are allowed."
            return
        number = next(n for n in range(MAX_CARDS) if n not in self.cards)
        self.cards[number] = new_card(rule)
        self.cards[number].hyper.update(hyper or {})
        self.cards = dict(sorted(self.cards.items()))

    def duplicate(self, number: int) -> None:
        """A further card of the same rule with the same hyperparameters."""
        if number in self.cards:
            self.add(self.cards[number].rule, self.cards[number].hyper)

    def remove(self, number: int) -> None:
        """Takes a card away."""
        self.cards.pop(number, None)
        self.problems.pop("card", None)
        if self.view.inside == number:
            self.view.inside = None
        self.forget(f"card.{number}.")

    def _card(self, number: str) -> Card | None:
        return self.cards.get(int(number)) if number.isdecimal() else None

    def forget(self, *prefixes: str) -> None:
        """Also the sides of a window that were refused, where it is another one."""
        super().forget(*prefixes)
        if "window." in prefixes:
            self.refused = {}

    # ------------------------------------------------------------ links

    def to_query(self) -> dict[str, str]:
        """The state as the fields of a link."""
        query = {"story": self.story} if self.story else {}
        query["surface"] = self.surface
        query |= {f"surface.{name}": _text(value) for name, value in self.parameters.items()}
        query |= {"start": ",".join(map(_text, self.start)), "steps": str(self.steps)}
        query |= {"difference": self.difference, "spacing": _text(self.spacing)}
        query |= {"stop": self.stop, "tolerance": _text(self.tolerance)}
        if self.window:
            query["window"] = ",".join(map(_text, self.window))
        query["resolution"] = str(self.resolution)
        for name, value in self.around.as_dict().items():
            if value != getattr(NOTHING, name):
                query[f"around.{name}"] = value if isinstance(value, str) else _text(value)
        if self.spread != Spread():
            query |= {"starts.kind": self.spread.kind, "starts.count": str(self.spread.count)}
            query["starts.reach"] = _text(self.spread.reach)
        if self.against:
            query |= {"against": self.against} | ({"against.name": self.against_name} if self.against_name else {})
        for number, card in self.cards.items():
            pairs = [f"{name}={_text(value)}" for name, value in card.hyper.items()]
            query[f"card.{number}"] = ",".join([card.rule, *pairs, *([] if card.on else ["off"])])
        if not self.cards:
            query["card"] = "none"
        default = View()
        for name in _VIEW:
            value = getattr(self.view, name)
            if value != getattr(default, name):
                query[f"view.{name}"] = str(int(value)) if isinstance(value, bool) else str(value)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Settings":
        """The state that a link describes; what is wrong in it keeps its default and gets a sentence.

        A link that names a story and no surface is the story, with what else it says changed.
        """
        result = cls()
        if too_long(query, result.problems):
            return result
        fields = dict(query)
        if "surface" not in fields and fields.get("story") in STORIES:
            fields = {**STORIES[fields["story"]].query, **fields}
        if "surface" in fields:
            result.apply("surface", fields.pop("surface"))
        wrong: list[str] = []
        empty = fields.get("card") == "none" and bool(fields.pop("card"))
        if empty or any(name.startswith("card.") for name in fields):
            result.cards = {}
        unknown = []
        for name, text in fields.items():
            first, _, rest = name.partition(".")
            if first == "card" and rest:
                result._read_card(rest, text, wrong)
            elif name in ("start", "window"):
                result.apply(name, text.split(","))
            elif first == "surface" and rest not in result.parameters:
                unknown.append(name)
            elif name in _LINKED or first == "surface":
                result.apply(name, text)
            else:
                unknown.append(name)
        result.cards = dict(sorted(result.cards.items())) or ({} if empty else _first_cards())
        if result.view.inside not in result.cards:
            result.view.inside = None
        if unknown:
            wrong.append(without_meaning(unknown))
        if wrong:
            result.problems["link"] = f"In the link: {'; '.join(wrong[:6])}."
        return result

    def _read_card(self, number: str, text: str, wrong: list[str]) -> None:
        rule, *parts = text.split(",")
        try:
            slot = checked_integer("card", parsed(number), 0, MAX_CARDS - 1)
            if slot in self.cards:
                raise ValueError(f"card {slot} stands there twice")
            new = new_card(rule)
        except ValueError as error:
            wrong.append(str(error))
            return
        self.cards[slot] = new
        for part in parts:
            name, _, value = part.partition("=")
            if part == "off":
                self.cards[slot].on = False
            elif name in self.cards[slot].hyper:
                self.apply(f"card.{slot}.{name}", value)
            else:
                wrong.append(f"{RULES[rule].title} has no {name[:40]!r}")


_AROUND_CHOICES = {"decay": tuple(DECAYS), "clip": tuple(CLIPS), "schedule": tuple(SCHEDULES)}
_VIEW_CHOICES = {"heights": HEIGHTS, "aspect": ASPECTS, "relief": RELIEFS}
_SIDES = ("x0", "x1", "y0", "y1")
_VIEW = tuple(View.__dataclass_fields__)
_LINKED = (
    {"story", "steps", "difference", "stop", *OPTIONS, "resolution", "against", "against.name"}
    | {f"starts.{name}" for name in Spread.__dataclass_fields__}
    | {f"around.{name}" for name in NOTHING.as_dict()}
    | {f"view.{name}" for name in _VIEW}
)


def _checked_text(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise ValueError(f"{name} must be one line of at most {longest} characters")
    return value


def _checked_state(value: Any) -> str:
    text = _checked_text("against", value, MAX_LINK // 2)
    if "surface" not in dict(parse_qsl(text)):
        raise ValueError(f"against = {text[:40]!r} is no state of this page; it must be the fields of a link")
    return text


def _ranged(name: str, value: Any, limits: Range) -> float:
    number = checked_number(name, parsed(value), limits.valid)
    if limits.switch and number not in (0.0, 1.0):
        raise ValueError(f"{name} = {number:g} is not allowed; it must be 0 (off) or 1 (on)")
    return number


def _numbers(name: str, value: Any, count: int, valid: str) -> list[float]:
    if not isinstance(value, (list, tuple)) or len(value) != count:
        raise ValueError(f"{name} needs {count} numbers, separated by commas")
    return [checked_number(name, parsed(part), valid) for part in value]


def _checked_window(sides: Iterable[float]) -> tuple[float, float, float, float]:
    x_low, x_high, y_low, y_high = sides
    for axis, low, high in (("x", x_low, x_high), ("y", y_low, y_high)):
        if not (high - low > 1e-9 * max(1.0, abs(low), abs(high))):
            raise ValueError(f"the window's {axis} runs from {low:g} to {high:g}; the first must be the smaller")
    return x_low, x_high, y_low, y_high


def _text(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e6 and math.copysign(1, value) > 0 else repr(value)
