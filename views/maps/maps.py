"""What the Maps page shows: the whole plane of starts, or of two hyperparameters, one map for each optimizer.

Every setting has a path: those of ``views.shared.settings`` and, of this page alone, ``map.kind``, ``map.resolution``,
``map.colour``, ``map.starts``, ``map.x.name``, ``map.x.low``, ``map.x.high``, ``map.x.log``, and the same for y. A
change that is not allowed leaves the setting as it was and puts a sentence under its path.
"""

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from optim_core import RULES, Outcome
from optim_core.engine.blocks import evaluate
from optim_core.options import checked_choice
from optim_core.parameters import Range, checked_integer, checked_number
from optim_core.rule import Rule
from optim_core.runs.sweep import Cancelled, Progress
from optim_core.studies.map_files import MOST_SHADE, labels, npz, shown_values
from optim_core.studies.maps import Axis, Basins, Plane, Window, basins, plane, spread_starts
from optim_core.studies.stability import RULES as WITH_EDGE
from optim_core.studies.stability import edge, eigenvalues, optimum
from surfaces import SURFACES
from views.shared.colours import style
from views.shared.fields import field as control
from views.shared.fields import parsed, plain, short
from views.shared.kept import Kept
from views.shared.messages import (
    BasinArrays,
    BasinMap,
    Controls,
    Group,
    MapHead,
    MapsMessage,
    NoMap,
    Outer,
    Pair,
    PlaneArrays,
    PlaneMap,
)
from views.shared.packing import content_key, left_out
from views.shared.problems import note
from views.shared.settings import Settings
from views.shared.state import checked_switch, too_long, without_meaning
from views.trajectories import picture

KINDS = {"basins": "All starts", "plane": "Two hyperparameters"}
COLOURS = {
    "loss": "Final loss",
    "steps": "Steps until it stops",
    "distance": "Distance to the nearest minimum",
    "outcome": "Outcome",
    "share": "Share of starts that reach a lowest minimum",
}
OUTCOMES = {
    Outcome.DIVERGED: "diverged",
    Outcome.LEFT_WINDOW: "left the surface’s window",
    Outcome.CONVERGED: "reached a minimum",
    Outcome.LOCAL_MINIMUM: "in a local minimum",
    Outcome.AT_SADDLE: "at a saddle",
    Outcome.CYCLING: "cycles",
    Outcome.AT_REST: "at rest, no minimum",
    Outcome.STILL_MOVING: "not converged",
    Outcome.ENDED: "ended by itself, no minimum",
}
RESOLUTION = Range(64, 512, "")
STARTS = Range(1, 64, "n")
MOST = 9  # maps
FIRST = {"surface": "himmelblau", "steps": "500", "stop": "step", "tolerance": "1e-4"}

OWN = "own"  # in links: each rule's own first hyperparameters
QUICK = 0.07  # seconds that coarse maps may take together
SLICE = 1.0  # seconds after which fine maps that are ready are shown, before the next are made
COARSE = (1, 2, 4, 8, 16, 32)
ENOUGH = 1000  # runs from which on a measured speed counts
GUESS = 1e-8  # seconds a step takes where none has been measured; as much a row where the surface reads rows
PATIENCE = 20.0  # seconds that a map may take while somebody looks on: one that would take more stays coarse
MEMORY = 2**28  # bytes of maps that are kept
SPEEDS = 1000  # the last so many: surfaces are also formulas that somebody has typed
EDGE_POINTS = 200
WORTH_A_WORD = 0.001  # of the starts


@dataclass
class AxisChoice:
    """One axis of a plane; what is left open follows from each rule."""

    name: str = ""
    low: float | None = None
    high: float | None = None
    log: bool | None = None


@dataclass
class MapState:
    """The whole state of the page."""

    base: Settings = field(default_factory=lambda: Settings.from_query(FIRST))
    kind: str = "basins"
    resolution: int = 256
    colour: str = "loss"
    starts: int = 1
    x: AxisChoice = field(default_factory=lambda: AxisChoice("lr"))
    y: AxisChoice = field(default_factory=AxisChoice)
    own_problems: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """All sentences, each under its path."""
        return {**self.base.problems, **self.own_problems}

    @property
    def shown(self) -> list[int]:
        """The numbers of the cards that get a map."""
        return [number for number, card in self.base.cards.items() if card.on][:MOST]

    def apply(self, path: str, value: Any) -> None:
        """Changes the setting under the path; where that is not allowed, says why in ``problems`` instead."""
        if not path.startswith("map."):
            self.base.apply(path, value)
            return
        self.own_problems.pop(path, None)
        try:
            self._apply(path.split(".")[1:], value)
        except ValueError as error:
            note(self.own_problems, path, error)

    def _apply(self, path: list[str], value: Any) -> None:
        match path:
            case ["kind"]:
                self.change(kind=checked_choice("kind", value, tuple(KINDS)))
            case ["colour"]:
                self.change(colour=checked_choice("colour", value, tuple(COLOURS)))
            case ["resolution"]:
                low, high = int(RESOLUTION.low), int(RESOLUTION.high)
                self.resolution = checked_integer("resolution", parsed(value), low, high)
            case ["starts"]:
                self.starts = checked_integer("starts", parsed(value), int(STARTS.low), int(STARTS.high))
            case ["x" | "y" as which, "name"]:
                name = "" if value in (None, "", OWN) else value
                known = {"", *(number for rule in RULES.values() for number in numbers_of(rule))}
                if not isinstance(name, str) or name not in known:
                    raise ValueError(f"{which} = {str(value)[:40]!r} is no hyperparameter of any rule")
                setattr(self, which, AxisChoice(name))
                self._forget(f"map.{which}.")
            case ["x" | "y" as which, "log"]:
                self.axis(which).log = None if value in (None, "") else checked_switch("log", value)
            case ["x" | "y" as which, "low" | "high" as end]:
                axis = self.axis(which)
                label = f"{axis.name or which} {'from' if end == 'low' else 'to'}"
                number = None if value is None else checked_number(label, parsed(value), self._valid(axis.name))
                low, high = (number, axis.high) if end == "low" else (axis.low, number)
                if low is not None and high is not None and not low < high:
                    raise ValueError(f"{axis.name or which} from {low:g} to {high:g} is not allowed: from is the less")
                setattr(axis, end, number)
            case _:
                raise ValueError(f"there is no setting {'.'.join(['map', *path])[:40]!r} here")

    def change(self, **chosen: str) -> None:
        """Takes another kind or colour; the stop rule goes along unless another than the usual one was chosen."""
        before = usual_stop(self.kind, self.colour)
        for name, value in chosen.items():
            setattr(self, name, value)
        if self.base.stop == before:
            self.base.apply("stop", usual_stop(self.kind, self.colour))

    def axis(self, which: str) -> AxisChoice:
        """The choice for x or y."""
        return self.x if which == "x" else self.y

    def _valid(self, name: str) -> str:
        """The interval in which values of a hyperparameter are allowed: that of the first card's that has it."""
        known = [limits for rule in self._rules() if (limits := numbers_of(rule).get(name))]
        return known[0].valid if known else "[-1e6, 1e6]"

    def _rules(self) -> list[Rule]:
        return [RULES[self.base.cards[number].rule] for number in self.shown]

    def _forget(self, prefix: str) -> None:
        self.own_problems = {path: text for path, text in self.own_problems.items() if not path.startswith(prefix)}

    def names(self) -> list[str]:
        """The hyperparameters of the cards that get a map."""
        return list(dict.fromkeys(name for rule in self._rules() for name in numbers_of(rule)))

    def axes(self, rule: Rule) -> tuple[Axis, Axis]:
        """The axes of a rule's plane: the chosen hyperparameters where it has them, else its first ones."""
        known = numbers_of(rule)
        if len(known) < 2:
            names = f"only {', '.join(known)}" if known else "none"
            raise ValueError(f"a plane needs two hyperparameters; {rule.title} has {names}")
        chosen = [self.x.name if self.x.name in known else "", self.y.name if self.y.name in known else ""]
        if chosen[0] == chosen[1]:
            chosen[1] = ""
        for which in (0, 1):
            chosen[which] = chosen[which] or next(name for name in known if name not in chosen)
        return self._axis(rule, self.x, chosen[0]), self._axis(rule, self.y, chosen[1])

    def _axis(self, rule: Rule, choice: AxisChoice, name: str) -> Axis:
        limits, given = numbers_of(rule)[name], choice if choice.name == name else AxisChoice()
        low = limits.low if given.low is None else given.low
        high = limits.high if given.high is None else given.high
        log = limits.log if given.log is None else given.log
        return Axis.of(rule, (name, low, high, self.resolution, log), "axis")

    def values(self) -> dict[str, Any]:
        """Every live number under its path."""
        found = self.base.values() | {"map.resolution": self.resolution, "map.starts": self.starts}
        for which in ("x", "y"):
            axis = self.axis(which)
            if limits := self._limits(axis.name):
                found[f"map.{which}.low"] = limits.low if axis.low is None else axis.low
                found[f"map.{which}.high"] = limits.high if axis.high is None else axis.high
        return found

    def _limits(self, name: str) -> Range | None:
        return next((limits for rule in self._rules() if (limits := numbers_of(rule).get(name))), None)

    def to_query(self) -> dict[str, str]:
        """The state as the fields of a link."""
        query = {"map.kind": self.kind, "map.resolution": str(self.resolution)}
        if self.kind == "plane" or (self.colour, self.starts, self.x, self.y) != _DEFAULT:
            query |= {"map.colour": self.colour, "map.starts": str(self.starts)}
            for which in ("x", "y"):
                axis = self.axis(which)
                query[f"map.{which}.name"] = axis.name or OWN
                for name in ("low", "high"):
                    if (value := getattr(axis, name)) is not None:
                        query[f"map.{which}.{name}"] = repr(value)
                if axis.log is not None:
                    query[f"map.{which}.log"] = str(int(axis.log))
        return query | self.base.to_query()

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "MapState":
        """The state that a link describes; what is wrong in it keeps its default and gets a sentence."""
        own = {name: text for name, text in query.items() if name.startswith("map.")}
        rest = {name: text for name, text in query.items() if name not in own}
        if too_long(query, (whole := cls()).own_problems):
            return whole
        first = {**FIRST, "stop": usual_stop(own.get("map.kind", ""), own.get("map.colour", ""))}
        result = cls(base=Settings.from_query({**({} if "story" in rest else first), **rest}))
        stop = result.base.stop
        unknown = []
        for name in sorted(own, key=_ORDER.__getitem__ if own.keys() <= _ORDER.keys() else lambda n: _ORDER.get(n, 99)):
            if name in _ORDER:
                result.apply(name, own[name])
            else:
                unknown.append(name)
        result.base.stop = stop
        if unknown:
            result.own_problems["link.map"] = f"In the link: {without_meaning(unknown)}."
        return result


_DEFAULT = ("loss", 1, AxisChoice("lr"), AxisChoice())
# A name comes before the ends that belong to it.
_ORDER = {
    f"map.{name}": place
    for place, name in enumerate(
        ("kind", "resolution", "colour", "starts", "x.name", "y.name", "x.low", "x.high", "x.log", "y.low", "y.high",
         "y.log")
    )
}  # fmt: skip


def usual_stop(kind: str, colour: str) -> str:
    """The stop rule that suits a map: a short step for starts; none where losses are compared."""
    if kind != "plane":
        return "step"
    return "loss" if colour == "steps" else "none"


def numbers_of(rule: Rule) -> dict[str, Range]:
    """The hyperparameters of a rule that are numbers, not switches."""
    return {name: limits for name, limits in rule.ranges.items() if not limits.switch}


# ---------------------------------------------------------------- what is computed


def size(made: Basins | Plane) -> int:
    """Bytes of a map's arrays."""
    return sum(value.nbytes for part in fields(made) if isinstance(value := getattr(made, part.name), np.ndarray))


kept: Kept[Basins | Plane] = Kept(MEMORY)
_speeds: dict[tuple[str, str, str], float] = {}  # rule, surface, kind: seconds a run has taken


def _took(speed: tuple[str, str, str], seconds: float) -> None:
    _speeds.pop(speed, None)
    _speeds[speed] = seconds
    while len(_speeds) > SPEEDS:
        _speeds.pop(next(iter(_speeds)), None)


@dataclass(frozen=True)
class Task:
    """One map to be made: everything that it depends on is in the key."""

    key: tuple
    make: Callable[..., Basins | Plane]
    runs: int
    speed: tuple[str, str, str]
    guess: float

    def seconds(self) -> float:
        """How long all runs are expected to take."""
        return self.runs * _speeds.get(self.speed, self.guess)

    @property
    def finest(self) -> int:
        """How coarse the map stays that would take too long otherwise."""
        return next((every for every in COARSE if self.seconds() / every**2 <= PATIENCE), COARSE[-1])

    def made(self, every: int, progress: Progress | None = None) -> Basins | Plane:
        """The map, every so many columns and rows of it; kept from last time if it is."""
        if (found := kept.get((self.key, every))) is not None:
            return found
        before = time.perf_counter()
        found = self.make(every=every, progress=progress)
        runs = max(1, self.runs // every**2)
        if runs >= ENOUGH or self.speed not in _speeds:
            _took(self.speed, (time.perf_counter() - before) / runs)
        kept.put((self.key, every), found, size(found))
        return found


def task(state: MapState, number: int, resolution: int | None = None) -> Task:
    """The map of a card; ValueError says why there is none."""
    base, card = state.base, state.base.cards[number]
    rule, surface = RULES[card.rule], SURFACES[base.surface]
    if not rule.compiled:
        raise ValueError(f"{rule.title} makes no map: its steps are interpreted; watch single runs on Trajectories")
    around = base.around.allowed(rule)
    options = {
        "surface_parameters": dict(base.parameters), "difference": base.difference, "spacing": base.spacing,
        "stop": None if base.stop == "none" else base.stop, "tolerance": base.tolerance, "around": around,
    }  # fmt: skip
    told = (
        base.surface, tuple(base.parameters.items()), base.steps, base.difference, base.spacing, base.stop,
        base.tolerance, around,
    )  # fmt: skip
    side = resolution or state.resolution
    guess = GUESS * base.steps * getattr(surface, "rows", 1)
    if state.kind == "basins":
        shown = window(base)

        def window_of_starts(**more: Any) -> Basins:
            return basins(rule, surface, shown, side, base.steps, hyper=card.hyper, **options, **more)

        key = ("basins", rule.name, tuple(card.hyper.items()), shown, side, *told)
        return Task(key, window_of_starts, side * side, (rule.name, base.surface, "basins"), guess)

    x, y = (axis._replace(count=side) for axis in state.axes(rule))
    points = starts(state)
    others = {name: value for name, value in card.hyper.items() if name not in (x.name, y.name)}

    def values(**more: Any) -> Plane:
        return plane(rule, surface, points, x, y, base.steps, hyper=others, **options, **more)

    key = ("plane", rule.name, tuple(others.items()), x, y, tuple(points), *told)
    return Task(key, values, side * side * len(points), (rule.name, base.surface, f"plane {len(points)}"), guess)


def starts(state: MapState) -> list[tuple[float, float]]:
    """The starts from which a plane's cells are run."""
    if state.starts == 1:
        return [state.base.start]
    return [(x, y) for x, y in spread_starts(SURFACES[state.base.surface], state.starts).tolist()]


def window(base: Settings) -> Window:
    """The window of starts."""
    x_low, x_high, y_low, y_high = base.drawn_window
    return (x_low, x_high), (y_low, y_high)


def coarseness(tasks: Iterable[Task]) -> int:
    """How coarse maps that are not known yet must be, so that all together are soon made."""
    total = sum(one.seconds() for one in tasks)
    return next((every for every in COARSE if total / every**2 <= QUICK), COARSE[-1])


def made(
    state: MapState, fine: bool, progress: Progress | None = None, limit: float = SLICE
) -> dict[int, tuple[Any, int] | str]:
    """Of each card that is shown its map and how coarse it is, or a sentence why there is none.

    Unless they are to be fine, maps that are not known yet are as coarse as it takes to be quick. Those that are left
    when ``progress`` answers False, or after so many seconds, stay so.
    """
    tasks: dict[int, Task] = {}
    found: dict[int, tuple[Any, int] | str] = {}
    for number in state.shown:
        try:
            tasks[number] = task(state, number)
        except ValueError as error:
            found[number] = f"{error}."
    new = [one for one in tasks.values() if kept.get((one.key, 1)) is None]
    every, began = coarseness(new), time.perf_counter()
    for number, one in tasks.items():
        try:
            if fine or one not in new:
                wanted = 1 if np.isinf(limit) or one not in new else one.finest
                found[number] = one.made(wanted, progress), wanted
                fine = fine and (one not in new or time.perf_counter() - began < limit)
                continue
        except Cancelled:
            fine = False
        coarse = max(every, one.finest)
        found[number] = one.made(coarse), coarse
    return {number: found[number] for number in state.shown}


# ---------------------------------------------------------------- the message


def message(
    state: MapState, have: frozenset[str] = frozenset(), fine: bool = False, progress: Progress | None = None
) -> MapsMessage:
    """What the maps show; have: the contents of which the browser has the arrays, which are not made."""
    base, surface = state.base, SURFACES[state.base.surface]
    q = surface.Parameters(**base.parameters)
    minima = surface.minima(q)
    maps: list[NoMap | BasinMap | PlaneMap] = []
    coarse = False
    for number, result in made(state, fine, progress).items():
        colour, dash = style(number)
        head: MapHead = {"id": number, "title": base.title(number), "colour": colour, "dash": dash}
        if isinstance(result, str):
            maps.append({**head, "trouble": capital(result)})
            continue
        found, every = result
        wanted = task(state, number)
        coarse = coarse or every > wanted.finest
        key = content_key("map", wanted.key, every)
        if isinstance(found, Basins):
            arrays = left_out(key) if key in have else basin_arrays(found, key)
            maps.append(basin_entry(state, head, found, arrays, key, every))
        else:
            arrays = left_out(key) if key in have else plane_arrays(found, key)
            maps.append(plane_entry(state, head, found, arrays, key, every))
    return {
        "kind": state.kind,
        "maps": maps,
        "coarse": coarse,
        "surface": surface.title,
        "window": list(base.drawn_window),
        "minima": minima.tolist(),
        "places": [picture.place(point[:2], surface.scale) for point in minima],
        "saddles": surface.saddles(q).tolist(),
        "outcomes": [OUTCOMES[one] for one in Outcome],
        "steps": base.steps,
        "colour": {"name": state.colour, "title": COLOURS[state.colour]},
        "unknown": "no stop at a minimum" if base.stop == "step" else "not stopped",
        "least": surface.lowest(q),
        "most": most(state) if state.kind == "plane" else {},
        "caption": " ".join(filter(None, (caption(state), unfinished(maps, coarse)))),
        "empty": empty(state),
        "values": state.values(),
        "marks": picture.edges(base),
        "titles": {number: base.title(number) for number in base.cards},
        "problems": under_fields(state),
    }


def basin_arrays(found: Basins, content: str) -> BasinArrays:
    """label uint8: the index of the minimum, else LISTED + Outcome; shade uint16: steps; loss float32."""
    return {
        "content": content,
        "label": labels(found).ravel(),
        "shade": np.minimum(found.steps, MOST_SHADE).astype(np.uint16).ravel(),
        "loss": found.loss.ravel(),
    }


def plane_arrays(found: Plane, content: str) -> PlaneArrays:
    """loss (above the least one), distance, steps, share float32; outcome uint8."""
    return {
        "content": content,
        "loss": shown_values(found, "loss").ravel(),
        "distance": shown_values(found, "distance").ravel(),
        "steps": shown_values(found, "steps").ravel(),
        "share": shown_values(found, "share").ravel(),
        "outcome": found.outcome.ravel(),
    }


def basin_entry(state: MapState, head: MapHead, found: Basins, arrays: BasinArrays, key: str, every: int) -> BasinMap:
    """Axes, and what became of the starts in a sentence."""
    (x_low, x_high), (y_low, y_high) = found.settings["window"]
    told = counts(state, found)
    return {
        **head,
        "key": key,
        "every": every,
        "nx": len(found.x),
        "ny": len(found.y),
        "side": state.resolution,
        "x": {"name": "x", "low": x_low, "high": x_high, "log": False},
        "y": {"name": "y", "low": y_low, "high": y_high, "log": False},
        "arrays": arrays,
        "sentence": told,
        "alt": f"Where runs from all over the window end: {told}",
    }


def percent(share: float) -> str:
    """A share for people; what is not all is never 100 %."""
    if 0 < share < 0.001 or 0.999 < share < 1:
        return "less than 0.1 %" if share < 0.5 else "over 99.9 %"
    return f"{100 * share:.3g} %"


def counts(state: MapState, found: Basins) -> str:
    """How many starts reach a lowest minimum, in how many steps, and what becomes of most of the others."""
    surface, lowest, parts = SURFACES[state.base.surface], found.lowest, []
    if len(lowest):
        goal = f"one of the {len(lowest)} lowest minima"
        if len(lowest) == 1:
            minima = surface.minima(surface.Parameters(**state.base.parameters))
            goal = picture.place(minima[lowest[0]][:2], surface.scale)
        parts.append(f"{percent(found.share)} of the starts reach {goal}")
        if np.isfinite(found.median_steps):
            parts[0] += f"; median {found.median_steps:g} steps"
    others = found.outcome[~found.reached]
    share, fate = max(((others == one).sum() / found.outcome.size, one) for one in Outcome)
    if share >= WORTH_A_WORD:
        name = "in a minimum that is not the lowest" if fate == Outcome.CONVERGED else OUTCOMES[fate]
        parts.append(f"{percent(share)} {name}")
    return capital(". ".join(parts)) + "."


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def plane_entry(state: MapState, head: MapHead, found: Plane, arrays: PlaneArrays, key: str, every: int) -> PlaneMap:
    """Axes, the best cell, the present values, and for quadratics the edge and the optimum."""
    number = head["id"]
    x, y = (Axis(*found.settings[which]) for which in ("axis_x", "axis_y"))
    card = state.base.cards[number]
    best = best_cell(state, found)
    labels = [name.replace("_", " ") for name in (x.name, y.name)]
    told = "No cell has a finite value."
    if state.colour == "steps":
        told = "No run stops." if state.base.stop != "none" else "No run stops without a stop rule."
    if best is not None:
        row, column = best
        at = f"{labels[0]} {short(found.x[column])}, {labels[1]} {short(found.y[row])}"
        told = f"Best: {value_in_words(state, found, row, column)} at {at}."
    diverged = float((found.outcome == Outcome.DIVERGED).mean())
    if diverged:
        told += f" {percent(diverged)} of the cells diverge."
    ranges = RULES[card.rule].ranges
    limits, rate = theory(state, number, x, y)
    return {
        **head,
        "key": key,
        "every": every,
        "nx": len(found.x),
        "ny": len(found.y),
        "side": state.resolution,
        "x": outer(x, labels[0], plain(ranges[x.name].symbol)),
        "y": outer(y, labels[1], plain(ranges[y.name].symbol)),
        "paths": [f"card.{number}.{x.name}", f"card.{number}.{y.name}"],
        "present": [card.hyper[x.name], card.hyper[y.name]],
        "best": None if best is None else [float(found.x[best[1]]), float(found.y[best[0]])],
        "edge": limits,
        "optimum": rate,
        "arrays": arrays,
        "sentence": told,
        "alt": f"{COLOURS[state.colour]} over {labels[0]} and {labels[1]}. {told}",
    }


def most(state: MapState) -> dict[str, float]:
    """Values beyond which a run has got nowhere: the loss at the starts, the window's size."""
    surface = SURFACES[state.base.surface]
    q = surface.Parameters(**state.base.parameters)
    x, y = np.array(starts(state)).T
    with np.errstate(all="ignore"):
        loss = float(np.max(evaluate(surface, x, y, q))) - surface.lowest(q)
    return {name: value for name, value in (("loss", loss), ("distance", surface.scale)) if np.isfinite(value)}


def outer(axis: Axis, label: str, symbol: str) -> Outer:
    """An axis as it is drawn: from the outer edge of the first cell to that of the last."""
    low, high = np.log10((axis.low, axis.high)) if axis.log else (axis.low, axis.high)
    half = (high - low) / (axis.count - 1) / 2
    low, high = float(low - half), float(high + half)
    name = label if symbol.lower() == label.lower() else f"{label} {symbol}"
    return {"name": name, "low": 10**low if axis.log else low, "high": 10**high if axis.log else high, "log": axis.log}


def best_cell(state: MapState, found: Plane) -> tuple[int, int] | None:
    """Row and column of the best cell in what is shown, the first of several; None where none is finite."""
    match state.colour:
        case "share":
            values = -found.share
        case "steps":
            values = shown_values(found, "steps")
        case "distance":
            values = found.distance
        case _:
            values = found.loss
    index = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
    row, column = np.unravel_index(index, values.shape)
    return (int(row), int(column)) if np.isfinite(values[row, column]) else None


def value_in_words(state: MapState, found: Plane, row: int, column: int) -> str:
    """What the colour stands for in a cell."""
    match state.colour:
        case "steps":
            return f"stops after {found.steps[row, column]:g} steps"
        case "distance":
            return f"distance {short(found.distance[row, column])}"
        case "share":
            return f"{percent(float(found.share[row, column]))} of the starts reach a lowest minimum"
        case _:
            return f"final loss {short(found.loss[row, column])}"


def theory(state: MapState, number: int, x: Axis, y: Axis) -> tuple[list[Pair], Pair | None]:
    """For quadratics: the edge from where on the rule does not settle, as points, and the setting of the best rate."""
    base, card = state.base, state.base.cards[number]
    names = (x.name, y.name)
    if card.rule not in WITH_EDGE or "lr" not in names or base.around.active:
        return [], None
    surface = SURFACES[base.surface]
    curvatures = eigenvalues(surface, surface.Parameters(**base.parameters))
    if curvatures is None or curvatures[1] <= 0:
        return [], None
    rate, other = (x, y) if x.name == "lr" else (y, x)
    along = other._replace(count=EDGE_POINTS).values()
    rates = [edge(card.rule, {**card.hyper, other.name: value}, curvatures[1]) for value in along]
    points = [(r, v) if rate is x else (v, r) for r, v in zip(rates, along.tolist(), strict=True) if np.isfinite(r)]
    best = None
    if other.name in ("momentum", "beta") and curvatures[0] > 0:
        known = optimum(card.rule, *map(float, curvatures))
        known["lr"] /= 1 - card.hyper.get("dampening", 0.0)
        best = [known[x.name], known[y.name]]
        inside = all(axis.low <= value <= axis.high for axis, value in zip((x, y), best, strict=True))
        best = best if inside else None
    return [list(map(float, point)) for point in points], best


# ---------------------------------------------------------------- in words


def unfinished(maps: Iterable[NoMap | BasinMap | PlaneMap], coarse: bool) -> str:
    """What is said of maps that stay coarse."""
    every = max((one["every"] for one in maps if "every" in one), default=1)
    if coarse or every == 1:
        return ""
    return f"One pixel in {every} × {every} only: more take over {PATIENCE:g} s here; “A large map” makes them all."


def empty(state: MapState) -> str:
    """What to do where there is no map."""
    if not state.base.cards:
        return "No optimizers yet: add one in the side bar, and its map appears here."
    return "" if state.shown else "All optimizers are switched off: switch one on in the side bar."


def caption(state: MapState) -> str:
    """What was done, so that a map can be made again from its caption."""
    base, surface = state.base, SURFACES[state.base.surface]
    if not state.shown:
        return ""
    parameters = ", ".join(f"{plain(r.symbol)} = {short(base.parameters[n])}" for n, r in surface.ranges.items())
    name = f"{surface.title} ({parameters})" if parameters else surface.title
    side = state.resolution
    if state.kind == "basins":
        (x_low, x_high), (y_low, y_high) = window(base)
        across, up = f"x from {short(x_low)} to {short(x_high)}", f"y from {short(y_low)} to {short(y_high)}"
        what = f"{side} × {side} starts, {across}, {up}"
    elif state.starts == 1:
        what = f"{side} × {side} settings from {picture.place(base.start, surface.scale)}"
    else:
        what = f"{side} × {side} settings, medians over {state.starts} starts spread over the window (seed 0)"
    differences = {"central": "central differences", "forward": "forward differences", "exact": "exact gradients",
                   "as_printed": "the gradient as a tutorial prints it"}[base.difference]  # fmt: skip
    if base.difference != "exact":
        differences += f" with h = {short(base.spacing)}"
    stop = {
        "none": "no stop rule",
        "step": f"stopped after a step shorter than {short(base.tolerance)}",
        "gradient": f"stopped where the gradient is shorter than {short(base.tolerance)}",
        "loss": f"stopped {short(base.tolerance)} above the lowest minimum",
    }[base.stop]
    more = len([card for card in base.cards.values() if card.on]) - len(state.shown)
    left_out = [f"{MOST} maps at most: {more} more optimizer{'s are' if more > 1 else ' is'} left out."] if more else []
    each = [f"{base.title(n).partition(', ')[0]}: {given}." for n in state.shown if (given := hyper(state, n))]
    setting = f"{name}: {what}; at most {base.steps} steps, {differences}, {stop}."
    return " ".join([setting, *picture.outside(base, state.shown), *each, *left_out])


def hyper(state: MapState, number: int) -> str:
    """A card's hyperparameters that are the same all over its map."""
    card, axes = state.base.cards[number], ()
    rule = RULES[card.rule]
    if state.kind == "plane":
        try:
            axes = tuple(axis.name for axis in state.axes(rule))
        except ValueError:
            axes = ()
    named = [
        (name.replace("_", " "), limits, card.hyper[name]) for name, limits in rule.ranges.items() if name not in axes
    ]
    parts = [
        f"{name} {'on' if value else 'off'}" if limits.switch else f"{name} {short(value)}"
        for name, limits, value in named
    ]
    return ", ".join(parts)


# ---------------------------------------------------------------- controls and files


def controls(state: MapState) -> Controls:
    """The fields for the surface's parameters, the steps, the map and the cards."""
    spec = picture.controls(state.base)
    one_start = state.kind == "plane" and state.starts == 1
    groups: list[Group] = []
    for group in spec["groups"]:
        shown = [one for one in group["fields"] if one_start or not one["path"].startswith("start.")]
        groups.append({**group, "fields": shown})
    own = [control("map.resolution", "resolution", RESOLUTION, state.resolution, "pixels a side", whole=True)]
    if state.kind == "plane":
        told = "1: the start; more: medians over starts spread over the window"
        own.insert(0, control("map.starts", "starts", STARTS, state.starts, told, whole=True))
        values = state.values()
        for which in ("x", "y"):
            name = state.axis(which).name
            if limits := state._limits(name):
                for end, word in (("low", "from"), ("high", "to")):
                    path = f"map.{which}.{end}"
                    own.append(control(path, f"{name} {word}", limits, values[path]))
    groups.append({"title": None, "fields": own})
    return {**spec, "groups": groups, "problems": under_fields(state)}


def details(state: MapState) -> Controls:
    """The fields for differences, stop rule and window."""
    spec = picture.details(state.base)
    shown = [one for one in spec["groups"][0]["fields"] if one["path"] != "resolution"]
    return {**spec, "groups": [{"title": None, "fields": shown}], "problems": under_fields(state)}


def paths(specs: Iterable[Controls]) -> set[str]:
    """The paths of all fields of ``live_controls``, which show their sentences themselves."""
    parts = [part for spec in specs for part in (*spec["groups"], *spec["cards"])]
    return {one["path"] for part in parts for one in part["fields"]}


def under_fields(state: MapState) -> dict[str, str]:
    """The sentences, each under the path of the field beside which it is shown."""
    return {**picture.under_fields(state.base), **state.own_problems}


def file_name(state: MapState, number: int) -> str:
    """A name without signs that file systems refuse."""
    rule = "".join(sign if sign.isalnum() else "-" for sign in state.base.cards[number].rule).strip("-")
    return f"ravine-{state.kind}-{state.base.surface}-{number}-{rule}"


def arrays_file(state: MapState) -> bytes:
    """All maps shown, a ``.npz`` for each in a ``.zip``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, result in made(state, fine=True, limit=np.inf).items():
            if not isinstance(result, str):
                archive.writestr(f"{file_name(state, number)}.npz", npz(result[0]))
    return file.getvalue()


def on_trajectories(state: MapState, start: Any = None) -> dict[str, str]:
    """The fields of a link to Trajectories with the same optimizers, from a start if one is given."""
    found = Settings.from_query(state.base.to_query())
    if start is not None:
        found.apply("start", start)
    return found.to_query()
