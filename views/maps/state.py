"""The state of the Maps page: what is run, and which plane of it is mapped, in which colours.

Every setting has a path: those of ``views.shared.settings`` and, of this page alone, ``map.kind``, ``map.resolution``,
``map.colour``, ``map.starts``, ``map.x.name``, ``map.x.low``, ``map.x.high``, ``map.x.log``, and the same for y.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from optim_core import RULES
from optim_core.parameters import Range, checked_number
from optim_core.rule import Rule
from optim_core.studies.maps import Axis
from views.shared.fields import parsed
from views.shared.settings import Settings
from views.shared.state import Choice, Parted, State, Whole, checked_switch, in_link, too_long, without_meaning

KINDS = {"basins": "All starts", "plane": "Two hyperparameters"}
COLOURS = {
    "loss": "Final loss",
    "steps": "Steps until it stops",
    "distance": "Distance to the nearest minimum",
    "outcome": "Outcome",
    "share": "Share of starts that reach a lowest minimum",
}
RESOLUTION = Range(64, 512, "")
STARTS = Range(1, 64, "n")
MOST = 9  # maps
FIRST = {"surface": "himmelblau", "steps": "500", "stop": "step", "tolerance": "1e-4"}
OWN = "own"  # in links: each rule's own first hyperparameters


@dataclass(frozen=True)
class AxisChoice:
    """One axis of a plane; what is left open follows from each rule."""

    name: str = ""
    low: float | None = None
    high: float | None = None
    log: bool | None = None


@dataclass(frozen=True)
class PlaneAxis(Parted):
    """An axis by its parts: the name, and under it its ends and its scale; None or an empty text leaves them open."""

    live: ClassVar[bool] = True

    def parts(self, state: Any) -> Iterable[str]:
        return ("name", "low", "high", "log")  # a name comes before what belongs to it

    def checked(self, state: Any, value: Any) -> AxisChoice:
        raise ValueError(
            f"{self.label} = {str(value)[:40]!r} is not allowed: its parts are set, {', '.join(self.parts(state))}"
        )

    def checked_part(self, state: Any, part: str, value: Any) -> AxisChoice:
        axis: AxisChoice = self.get(state)
        if part == "name":
            chosen = "" if value in (None, "", OWN) else value
            known = {"", *(number for rule in RULES.values() for number in numbers_of(rule))}
            if not isinstance(chosen, str) or chosen not in known:
                raise ValueError(f"{self.label} = {str(value)[:40]!r} is no hyperparameter of any rule")
            state.forget(f"{self.path}.")
            return AxisChoice(chosen)
        if part == "log":
            return replace(axis, log=None if value in (None, "") else checked_switch("log", value))
        label = f"{axis.name or self.label} {'from' if part == 'low' else 'to'}"
        number = None if value is None else checked_number(label, parsed(value), state.valid(axis.name))
        low, high = (number, axis.high) if part == "low" else (axis.low, number)
        if low is not None and high is not None and not low < high:
            raise ValueError(f"{axis.name or self.label} from {low:g} to {high:g} is not allowed: from is the less")
        return replace(axis, low=low, high=high)

    def values(self, state: Any) -> dict[str, Any]:
        axis: AxisChoice = self.get(state)
        if (limits := state.limits(axis.name)) is None:
            return {}
        return {
            f"{self.path}.low": limits.low if axis.low is None else axis.low,
            f"{self.path}.high": limits.high if axis.high is None else axis.high,
        }

    def query(self, state: Any) -> dict[str, str]:
        axis: AxisChoice = self.get(state)
        query = {f"{self.path}.name": axis.name or OWN}
        query |= {f"{self.path}.{end}": repr(v) for end in ("low", "high") if (v := getattr(axis, end)) is not None}
        return query | ({} if axis.log is None else {f"{self.path}.log": str(int(axis.log))})


@dataclass
class MapState(State):
    """The whole state of the page."""

    base: Settings = field(default_factory=lambda: Settings.from_query(FIRST))
    kind: str = "basins"
    resolution: int = 256
    colour: str = "loss"
    starts: int = 1
    x: AxisChoice = AxisChoice("lr")
    y: AxisChoice = AxisChoice()
    problems: dict[str, str] = field(default_factory=dict)

    SETTINGS: ClassVar = {
        "map.kind": Choice(KINDS),
        "map.resolution": Whole(int(RESOLUTION.low), int(RESOLUTION.high)),
        "map.colour": Choice(COLOURS),
        "map.starts": Whole(int(STARTS.low), int(STARTS.high)),
        "map.x": PlaneAxis(),
        "map.y": PlaneAxis(),
    }

    def __post_init__(self) -> None:
        self.problems = self.base.problems  # one place for all sentences of the page

    @property
    def shown(self) -> list[int]:
        """The numbers of the cards that get a map."""
        return [number for number, card in self.base.cards.items() if card.on][:MOST]

    def _apply(self, path: str, value: Any) -> None:
        if not path.startswith("map."):
            self.base.apply(path, value)
            return
        before = usual_stop(self.kind, self.colour)
        super()._apply(path, value)
        if path in ("map.kind", "map.colour") and self.base.stop == before:
            # The stop rule goes along, unless another than the usual one was chosen.
            self.base.apply("stop", usual_stop(self.kind, self.colour))

    def axis(self, which: str) -> AxisChoice:
        """The choice for x or y."""
        return self.x if which == "x" else self.y

    def limits(self, name: str) -> Range | None:
        """The Range of a hyperparameter: that of the first card's that has it."""
        return next((limits for rule in self._rules() if (limits := numbers_of(rule).get(name))), None)

    def valid(self, name: str) -> str:
        """The interval in which values of a hyperparameter are allowed."""
        return limits.valid if (limits := self.limits(name)) else "[-1e6, 1e6]"

    def _rules(self) -> list[Rule]:
        return [RULES[self.base.cards[number].rule] for number in self.shown]

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
        return self.base.values() | super().values()

    def to_query(self) -> dict[str, str]:
        """The state as the fields of a link."""
        query = super().to_query()
        if self.kind == "basins" and (self.colour, self.starts, self.x, self.y) == _USUAL:
            query = {name: query[name] for name in ("map.kind", "map.resolution")}
        return query | self.base.to_query()

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "MapState":
        """The state that a link describes; what is wrong in it keeps its default and gets a sentence."""
        if too_long(query, (state := cls()).problems):
            return state
        own = {name: text for name, text in query.items() if name.startswith("map.")}
        rest = {name: text for name, text in query.items() if name not in own}
        first = {**FIRST, "stop": usual_stop(own.get("map.kind", ""), own.get("map.colour", ""))}
        state = cls(base=Settings.from_query({**({} if "story" in rest else first), **rest}))
        stop = state.base.stop
        state.read(own)
        if own:
            state.problems["link.map"] = in_link([without_meaning(own)])
        state.base.stop = stop
        return state


_USUAL = ("loss", 1, AxisChoice("lr"), AxisChoice())


def usual_stop(kind: str, colour: str) -> str:
    """The stop rule that suits a map: a short step for starts; none where losses are compared."""
    if kind != "plane":
        return "step"
    return "loss" if colour == "steps" else "none"


def numbers_of(rule: Rule) -> dict[str, Range]:
    """The hyperparameters of a rule that are numbers, not switches."""
    return {name: limits for name, limits in rule.ranges.items() if not limits.switch}
