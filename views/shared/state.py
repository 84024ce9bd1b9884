"""A page's state as one value: its settings are declared, checked on every change, written into links and read back.

Every setting has a path: ``lr``, ``surface.a``, ``start.x``, ``view.printed``. A change that is not allowed leaves the
setting as it was and puts a sentence under its path.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from optim_core.options import checked_choice
from optim_core.parameters import checked_integer, checked_number
from surfaces import SURFACES
from views.shared.fields import parsed
from views.shared.problems import note

MAX_LINK = 16_000  # characters of a link's fields


@dataclass(frozen=True, kw_only=True)
class Setting(ABC):
    """How one setting is checked, and how it stands in a link.

    Its field of the state is named as the last part of its path. label: what sentences call it, by default the field.
    live: it is a slider, whose value goes with every message.
    """

    live: ClassVar[bool] = False
    label: str = ""

    def parts(self, state: Any) -> Iterable[str]:
        """What may follow the setting's path: the parts of it that are set by themselves."""
        return ()

    @abstractmethod
    def checked(self, state: Any, name: str, value: Any) -> Any:
        """The value as it is kept; ValueError says what is not allowed."""

    def text(self, value: Any) -> str:
        """The value as a field of a link."""
        return repr(value)

    def read(self, text: str) -> Any:
        """What a link's field says."""
        return text

    def values(self, state: Any, path: str) -> dict[str, Any]:
        """Its live numbers by their paths."""
        return {path: getattr(state, _field(path))} if self.live else {}

    def query(self, state: Any, path: str) -> dict[str, str]:
        """Its fields of a link."""
        return {path: self.text(getattr(state, _field(path)))}


class Parted(Setting):
    """A setting with parts."""

    @abstractmethod
    def parts(self, state: Any) -> Iterable[str]: ...

    @abstractmethod
    def checked_part(self, state: Any, name: str, part: str, value: Any) -> Any:
        """The whole value after one of its parts has changed."""


@dataclass(frozen=True)
class Number(Setting):
    """A number in an interval such as ``(0, 1]``."""

    valid: str
    live: ClassVar[bool] = True

    def checked(self, state: Any, name: str, value: Any) -> float:
        return checked_number(name, parsed(value), self.valid)


@dataclass(frozen=True)
class Whole(Setting):
    """A whole number between two, the ends included; the upper one may follow from the state."""

    low: int
    high: int | Callable[[Any], int]
    live: ClassVar[bool] = True

    def checked(self, state: Any, name: str, value: Any) -> int:
        return checked_integer(name, parsed(value), self.low, self.high(state) if callable(self.high) else self.high)


@dataclass(frozen=True)
class Choice(Setting):
    """One of several names."""

    names: Iterable[str]

    def checked(self, state: Any, name: str, value: Any) -> str:
        return checked_choice(name, value, tuple(self.names))

    def text(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Several(Setting):
    """Some of several names, 1 to ``most``; ``what`` says of what."""

    names: Iterable[str]
    most: int
    what: str

    def checked(self, state: Any, name: str, value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in given):
            raise ValueError(f"{self.what}s = {str(value)[:40]!r} is not allowed; give names, separated by commas")
        chosen = tuple(dict.fromkeys(given))
        if not 1 <= len(chosen) <= self.most:
            raise ValueError(f"{len(chosen)} {self.what}s are not allowed; choose 1 to {self.most}")
        return tuple(checked_choice(self.what, one, tuple(self.names)) for one in chosen)

    def text(self, value: tuple[str, ...]) -> str:
        return ",".join(value)


@dataclass(frozen=True)
class Switch(Setting):
    """On or off; off, which is usual, stands in no link."""

    def checked(self, state: Any, name: str, value: Any) -> bool:
        return checked_switch(name, value)

    def query(self, state: Any, path: str) -> dict[str, str]:
        return {path: "1"} if getattr(state, _field(path)) else {}


@dataclass(frozen=True)
class Point(Parted):
    """A point of the plane, also set by one of its coordinates: ``start.x``."""

    valid: str
    live: ClassVar[bool] = True

    def parts(self, state: Any) -> Iterable[str]:
        return ("x", "y")

    def checked(self, state: Any, name: str, value: Any) -> tuple[float, float]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError(f"{name} needs 2 numbers, separated by a comma")
        x, y = (
            checked_number(f"{name} {axis}", parsed(one), self.valid) for axis, one in zip("xy", value, strict=True)
        )
        return x, y

    def checked_part(self, state: Any, name: str, part: str, value: Any) -> tuple[float, float]:
        number = checked_number(f"{name} {part}", parsed(value), self.valid)
        x, y = getattr(state, name)
        return (number, y) if part == "x" else (x, number)

    def text(self, value: tuple[float, float]) -> str:
        return f"{value[0]!r},{value[1]!r}"

    def read(self, text: str) -> list[str]:
        return text.split(",")

    def values(self, state: Any, path: str) -> dict[str, Any]:
        x, y = getattr(state, _field(path))
        return {f"{path}.x": x, f"{path}.y": y}


@dataclass(frozen=True)
class SurfaceWithParameters(Parted):
    """A surface by its name, a typed formula among them; under it, ``surface.a``, its parameters."""

    def checked(self, state: Any, name: str, value: Any) -> str:
        SURFACES.checked(value)
        return value

    def text(self, value: str) -> str:
        return value

    def parts(self, state: Any) -> Iterable[str]:
        return SURFACES[state.surface].ranges

    def checked_part(self, state: Any, name: str, part: str, value: Any) -> str:
        limits = SURFACES[state.surface].ranges[part]
        state.parameters[part] = checked_number(part, parsed(value), limits.valid)
        return state.surface

    def values(self, state: Any, path: str) -> dict[str, Any]:
        return {f"{path}.{name}": value for name, value in state.parameters.items()}

    def query(self, state: Any, path: str) -> dict[str, str]:
        return super().query(state, path) | {name: repr(value) for name, value in self.values(state, path).items()}


def _field(path: str) -> str:
    """The name of a setting's field."""
    return path.rpartition(".")[2]


def checked_switch(name: str, value: Any) -> bool:
    """On or off, from a browser or a link; ValueError names what is neither."""
    if str(value) not in ("0", "1", "False", "True"):
        raise ValueError(f"{name} = {str(value)[:40]!r} is not allowed; it must be 0 (off) or 1 (on)")
    return str(value) in ("1", "True")


class Checked(ABC):
    """What may be changed by paths, and says why not where it may not be."""

    problems: dict[str, str]

    def apply(self, path: str, value: Any) -> None:
        """Changes the setting under the path; where that is not allowed, says why in ``problems`` instead."""
        self.problems.pop(path, None)
        try:
            self._apply(path, value)
        except ValueError as error:
            note(self.problems, path, error)

    @abstractmethod
    def _apply(self, path: str, value: Any) -> None:
        """Changes the setting; ValueError says what is not allowed."""

    def forget(self, *prefixes: str) -> None:
        """Takes back the sentences under paths that begin so: they are about what is no longer there."""
        for path in [one for one in self.problems if one.startswith(prefixes)]:
            del self.problems[path]


class State(Checked):
    """What pages' states have in common whose settings are declared; one is a dataclass with ``SETTINGS`` of its own.

    SETTINGS: by their paths, in the order in which a link is read: what sets others comes first.
    """

    SETTINGS: ClassVar[Mapping[str, Setting]]

    def _apply(self, path: str, value: Any) -> None:
        if (setting := self.SETTINGS.get(path)) is not None:
            name = _field(path)
            setattr(self, name, setting.checked(self, setting.label or name, value))
            for part in setting.parts(self):
                self.problems.pop(f"{path}.{part}", None)
            self.follow(path)
            return
        whole, _, part = path.rpartition(".")
        setting = self.SETTINGS.get(whole)
        if not isinstance(setting, Parted) or part not in setting.parts(self):
            raise ValueError(f"there is no setting {path[:40]!r} here")
        name = _field(whole)
        setattr(self, name, setting.checked_part(self, setting.label or name, part, value))
        self.problems.pop(whole, None)

    def follow(self, path: str) -> None:
        """What else changes with a setting that was chosen."""

    def values(self) -> dict[str, Any]:
        """Every live number under its path."""
        return {name: v for path, one in self.SETTINGS.items() for name, v in one.values(self, path).items()}

    def to_query(self) -> dict[str, str]:
        """The state as the fields of a link."""
        return {name: text for path, one in self.SETTINGS.items() for name, text in one.query(self, path).items()}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The state that a link describes; what is wrong in it keeps its default and gets a sentence."""
        state = cls()
        if too_long(query, state.problems):
            return state
        if left := state.read(query):
            state.problems["link"] = f"In the link: {without_meaning(left)}."
        return state

    def read(self, query: Mapping[str, str]) -> dict[str, str]:
        """Takes over what a link says of the declared settings; what is left means nothing here."""
        left = dict(query)
        for path, setting in self.SETTINGS.items():
            if path in left:
                self.apply(path, setting.read(left.pop(path)))
            for part in setting.parts(self):
                if (name := f"{path}.{part}") in left:
                    self.apply(name, left.pop(name))
        return left

    def begin_anew(self) -> None:
        """Takes all sentences back but that about the link: another choice has set everything else."""
        for path in self.problems.keys() - {"link"}:
            del self.problems[path]


def too_long(query: Mapping[str, str], problems: dict[str, str]) -> bool:
    """Whether a link has more than its characters, said in ``problems``."""
    if sum(len(name) + len(text) for name, text in query.items()) <= MAX_LINK:
        return False
    problems["link"] = f"The link is longer than {MAX_LINK} characters; it was not read."
    return True


def without_meaning(names: Iterable[str]) -> str:
    """What is said of fields that a page does not have."""
    unknown = [repr(name[:40]) for name in names]
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return f"fields that mean nothing here: {', '.join(unknown[:5])}{more}"
