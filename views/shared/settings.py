"""What the Trajectories page shows, as one value: checked on every change, written into links and read from them.

Every setting has a path: ``surface``, ``surface.a``, ``start.x``, ``steps``, ``card.2.lr``, ``card.2.on``,
``view.step``. A change that is not allowed leaves the setting as it was and puts a sentence under its path.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

import numpy as np

from optim_core import RULES
from optim_core.around import CLIPS, DECAYS, NOTHING, SCHEDULES, Around
from optim_core.around import RANGES as AROUND
from optim_core.options import COORDINATE, DIFFERENCES, SPACING, STOPS, TOLERANCE, Options, checked_choice
from optim_core.parameters import Range, checked_number
from optim_core.runs.setup import Setup
from surfaces import SURFACES
from views.shared.cards import MAX_CARDS, Card, Cards, WithCards
from views.shared.fields import parsed, short
from views.shared.state import (
    MAX_LINK,
    Choice,
    Fields,
    Number,
    Numbers,
    Point,
    Setting,
    SurfaceWithParameters,
    Switch,
    Whole,
)
from views.shared.stories import STORIES

# The page's limits; those of single numbers stand in their Ranges.
MAX_STEPS = 10_000
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

AROUND_CHOICES = {"decay": DECAYS, "clip": CLIPS, "schedule": SCHEDULES}
SPREAD = {
    "count": Range(2, MAX_STARTS, "n"),
    "reach": Range(0.01, 1.0, "r", valid="(0, 2]"),
}
OPTIONS = {
    "spacing": Range(1e-12, 1.0, "h", log=True, valid=SPACING),
    "tolerance": Range(1e-9, 10.0, "tolerance", log=True, valid=TOLERANCE),
}


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


def new_card(rule: str) -> Card:
    """A card with the rule's own defaults."""
    return Card(rule, RULES[rule].Hyper()._asdict())


def _first_cards() -> dict[int, Card]:
    return {number: new_card(name) for number, name in enumerate(("gradient_descent", "momentum", "adam"))}


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


# ---------------------------------------------------------------- its own kinds of settings


class Window(Numbers):
    """The plot's window by its sides; nothing is the surface's own. A side that was refused waits for the other."""

    names = ("x0", "x1", "y0", "y1")

    def checked(self, state: Any, value: Any) -> tuple[float, ...]:
        return _checked_window(*super().checked(state, value))

    def checked_part(self, state: Any, part: str, value: Any) -> tuple[float, ...]:
        sides = dict(zip(self.names, state.drawn_window, strict=True)) | state.refused
        sides[part] = checked_number(f"{self.label} {part}", parsed(value), self.valid)
        state.refused = {one: sides[one] for one in (part, *state.refused)}
        return _checked_window(**sides)

    def values(self, state: Any) -> dict[str, Any]:
        return {f"{self.path}.{name}": side for name, side in zip(self.names, state.drawn_window, strict=True)}


def _checked_window(x0: float, x1: float, y0: float, y1: float) -> tuple[float, ...]:
    for axis, low, high in (("x", x0, x1), ("y", y0, y1)):
        if not (high - low > 1e-9 * max(1.0, abs(low), abs(high))):
            raise ValueError(f"the window's {axis} runs from {low:g} to {high:g}; the first must be the smaller")
    return x0, x1, y0, y1


class Against(Setting):
    """Another state, as the fields of its link; an empty text stands for none."""

    def checked(self, state: Any, value: Any) -> str | None:
        if value == "":
            return None
        text = _line(self.label, value, MAX_LINK // 2)
        if "surface" not in dict(parse_qsl(text)):
            raise ValueError(f"{self.label} = {text[:40]!r} is no state of this page; it must be the fields of a link")
        return text


class AgainstName(Setting):
    """The name of the other state; that of one that was refused, or of none, is passed over."""

    def checked(self, state: Any, value: Any) -> str:
        chosen = _line(self.label, value, MAX_NAME)
        return chosen if state.against and "against" not in state.problems else state.against_name


def _line(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise ValueError(f"{name} must be one line of at most {longest} characters")
    return value


class Rules(Cards):
    """Cards with rules, of which some go around another: ``card.2.base``."""

    def change_card(self, state: Any, number: int, name: str, value: Any) -> None:
        if name != "base":
            super().change_card(state, number, name, value)
            return
        card: Card = state.cards[number]
        base = checked_choice("base", value, tuple(RULES.bases(card.rule)))
        card.rule = f"{RULES[card.rule].module_name}({base})"
        kept = {name: v for name, v in card.hyper.items() if name in RULES[card.rule].module.Hyper._fields}
        card.hyper = new_card(card.rule).hyper | kept
        state.forget(f"card.{number}.")


def _around(name: str) -> Setting:
    return Number(AROUND[name].valid) if name in AROUND else Choice(AROUND_CHOICES[name])


_STARTS = {
    "kind": Choice(SPREADS, label="starts"), "count": Whole(2, MAX_STARTS), "reach": Number(SPREAD["reach"].valid)
}  # fmt: skip
_VIEW = {
    "layout": Choice(LAYOUTS), "heights": Choice(HEIGHTS), "aspect": Choice(ASPECTS), "relief": Choice(RELIEFS),
    "labels": Switch(), "trail": Whole(1, MAX_STEPS, optional=True), "projector": Switch(), "log_loss": Switch(),
    "log_distance": Switch(), "step": Whole(0, MAX_STEPS, optional=True),
    "inside": Whole(0, MAX_CARDS - 1, optional=True), "ball": Switch(),
}  # fmt: skip


# ---------------------------------------------------------------- the whole state


@dataclass
class Settings(WithCards):
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

    SETTINGS: ClassVar = {
        "story": Choice(STORIES, optional=True),
        "surface": SurfaceWithParameters(),
        "start": Point(START),
        "steps": Whole(1, MAX_STEPS),
        "difference": Choice(DIFFERENCES),
        "spacing": Number(SPACING),
        "stop": Choice(STOPS),
        "tolerance": Number(TOLERANCE),
        "window": Window(COORDINATE, optional=True),
        "resolution": Whole(*RESOLUTION),
        "around": Fields({name: _around(name) for name in NOTHING.as_dict()}),
        "starts": Fields(_STARTS, field="spread", together=True),
        "against": Against(optional=True),
        "against.name": AgainstName(field="against_name", omit=True),
        "card": Rules(RULES, field="cards"),
        "view": Fields(_VIEW),
    }

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

    # ------------------------------------------------------------ changes and links

    def new_card(self, rule: str) -> Card:
        """A card with the rule's own defaults."""
        return new_card(rule)

    def follow(self, path: str) -> None:
        """A surface comes with its parameters and start, in its own window, and leaves the story."""
        if path == "surface":
            surface = SURFACES[self.surface]
            self.parameters, self.start, self.window = surface.Parameters()._asdict(), surface.start, None
            self.story = None
            self.forget("surface.", "start")
        if path == "surface" or path.startswith("window"):
            self.refused = {}
            self.forget("window.")
        if not self.against:
            self.against_name = ""
        if self.view.inside not in self.cards:
            self.view.inside = None

    def number_text(self, value: float) -> str:
        """The shortest text that reads back as the same number."""
        text = repr(value)
        return text[:-2] if text[-2:] == ".0" and value < 1e6 and text[0] != "-" else text

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The state that a link describes; what is wrong in it keeps its default and gets a sentence.

        A link that names a story and no surface is the story, with what else it says changed.
        """
        if "surface" not in query and query.get("story") in STORIES:
            query = {**STORIES[query["story"]].query, **query}
        return super().from_query(query)

    def read(self, left: dict[str, str]) -> list[str]:
        """The surface first: it leaves a story."""
        if "surface" in left:
            self.apply("surface", left.pop("surface"))
        return super().read(left)
