"""A page's state as one value: its settings are declared, checked on every change, written into links and read back.

Every setting has a path: ``lr``, ``surface.a``, ``start.x``, ``view.printed``. A change that is not allowed leaves the
setting as it was and puts a sentence under its path.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self

from optim_core.options import checked_choice
from optim_core.parameters import checked_integer, checked_number
from surfaces import SURFACES
from views.shared.fields import parsed
from views.shared.problems import note

MAX_LINK = 16_000  # characters of a link's fields


@dataclass(frozen=True, kw_only=True)
class Setting(ABC):
    """How one setting is checked, where the state has it, and how it stands in a link.

    path: that under which it is declared. label: what sentences call it, by default the last part of the path. field:
    the state's, by default named so too. optional: it may be None, as it then usually is. omit: links leave it out
    while it is as usual. live: it has sliders, whose values go with every message. whole: its own path sets it.
    """

    live: ClassVar[bool] = False
    whole: ClassVar[bool] = True
    path: str = ""
    label: str = ""
    field: str = ""
    optional: bool = False
    omit: bool = False

    def under(self, path: str) -> Self:
        """The setting as a state declares it under a path."""
        last = path.rpartition(".")[2]
        omit = self.omit or self.optional
        return replace(self, path=path, label=self.label or last, field=self.field or last, omit=omit)

    def get(self, state: Any) -> Any:
        """Its value in a state."""
        return getattr(state, self.field)

    def parts(self, state: Any) -> Iterable[str]:
        """What may follow its path: the parts that are set by themselves, in the order in which a link is read."""
        return ()

    def change(self, state: Any, part: str, value: Any) -> None:
        """Changes it, or a part of it; ValueError says what is not allowed."""
        if not part:
            setattr(state, self.field, self.accepted(state, value))
            for one in self.parts(state):
                state.problems.pop(f"{self.path}.{one}", None)
        elif part in self.parts(state):
            setattr(state, self.field, self.checked_part(state, part, value))
            state.problems.pop(self.path, None)
        else:
            raise no_setting(f"{self.path}.{part}")

    def accepted(self, state: Any, value: Any) -> Any:
        """The value as it is kept, or None where it may be nothing; ValueError says what is not allowed."""
        return None if self.optional and value is None else self.checked(state, value)

    @abstractmethod
    def checked(self, state: Any, value: Any) -> Any:
        """The value as it is kept."""

    def checked_part(self, state: Any, part: str, value: Any) -> Any:
        """The whole value after one of its parts has changed."""
        raise NotImplementedError

    def text(self, state: Any, value: Any) -> str:
        """The value as a field of a link."""
        if isinstance(value, str):
            return value
        several = isinstance(value, (list, tuple))
        return ",".join([self.text(state, one) for one in value]) if several else state.number_text(value)

    def take(self, state: Any, left: dict[str, str]) -> list[str]:
        """Takes over its fields out of a link's; what is wrong with them, where no path has the sentence."""
        if self.whole and self.path in left:
            state.apply(self.path, left.pop(self.path))
        for part in self.parts(state):
            if (path := f"{self.path}.{part}") in left:
                state.apply(path, left.pop(path))
        return []

    def values(self, state: Any) -> dict[str, Any]:
        """Its live numbers by their paths."""
        return {self.path: self.get(state)}

    def query(self, state: Any) -> dict[str, str]:
        """Its fields of a link."""
        return {self.path: self.text(state, self.get(state))}


class Parted(Setting):
    """A setting with parts; one that is not ``whole`` is set by them alone."""

    @abstractmethod
    def parts(self, state: Any) -> Iterable[str]: ...

    def checked(self, state: Any, value: Any) -> Any:
        raise no_setting(self.path)

    @abstractmethod
    def checked_part(self, state: Any, part: str, value: Any) -> Any: ...


@dataclass(frozen=True)
class Number(Setting):
    """A number in an interval such as ``(0, 1]``."""

    valid: str
    live: ClassVar[bool] = True

    def checked(self, state: Any, value: Any) -> float:
        return checked_number(self.label, parsed(value), self.valid)


@dataclass(frozen=True)
class Whole(Setting):
    """A whole number between two, the ends included; the upper one may follow from the state."""

    low: int
    high: int | Callable[[Any], int]
    live: ClassVar[bool] = True

    def checked(self, state: Any, value: Any) -> int:
        return checked_integer(
            self.label, parsed(value), self.low, self.high(state) if callable(self.high) else self.high
        )


@dataclass(frozen=True)
class Choice(Setting):
    """One of several names."""

    names: Iterable[str]

    def checked(self, state: Any, value: Any) -> str:
        return checked_choice(self.label, value, tuple(self.names))


@dataclass(frozen=True)
class Several(Setting):
    """Some of several names, 1 to ``most``; ``what`` says of what."""

    names: Iterable[str]
    most: int
    what: str

    def checked(self, state: Any, value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in given):
            raise ValueError(f"{self.what}s = {str(value)[:40]!r} is not allowed; give names, separated by commas")
        chosen = tuple(dict.fromkeys(given))
        if not 1 <= len(chosen) <= self.most:
            raise ValueError(f"{len(chosen)} {self.what}s are not allowed; choose 1 to {self.most}")
        return tuple(checked_choice(self.what, one, tuple(self.names)) for one in chosen)


@dataclass(frozen=True, kw_only=True)
class Switch(Setting):
    """On or off; as it usually is, it stands in no link."""

    omit: bool = True

    def checked(self, state: Any, value: Any) -> bool:
        return checked_switch(self.label, value)

    def text(self, state: Any, value: bool) -> str:
        return str(int(value))


@dataclass(frozen=True)
class Numbers(Parted):
    """A few numbers in the same interval, also set one by one under their ``names``."""

    valid: str
    live: ClassVar[bool] = True
    names: ClassVar[tuple[str, ...]]

    def parts(self, state: Any) -> Iterable[str]:
        return self.names

    def checked(self, state: Any, value: Any) -> tuple[float, ...]:
        given, count = value.split(",") if isinstance(value, str) else value, len(self.names)
        if not isinstance(given, (list, tuple)) or len(given) != count:
            raise ValueError(
                f"{self.label} needs {count} numbers, separated by {'a comma' if count == 2 else 'commas'}"
            )
        named = zip(self.names, given, strict=True)
        return tuple(checked_number(f"{self.label} {part}", parsed(one), self.valid) for part, one in named)

    def checked_part(self, state: Any, part: str, value: Any) -> tuple[float, ...]:
        number, kept = checked_number(f"{self.label} {part}", parsed(value), self.valid), self.get(state)
        return tuple(number if one == part else before for one, before in zip(self.names, kept, strict=True))

    def text(self, state: Any, value: tuple[float, ...]) -> str:
        return ",".join(map(state.number_text, value))

    def values(self, state: Any) -> dict[str, Any]:
        return {f"{self.path}.{name}": one for name, one in zip(self.names, self.get(state), strict=True)}


class Point(Numbers):
    """A point of the plane: ``start.x``."""

    names = ("x", "y")


@dataclass(frozen=True)
class Fields(Parted):
    """The fields of a dataclass, each a setting: ``view.step``.

    Where it is not as usual, links have those that are not, or all ``together``. What may be nothing has no slider.
    """

    fields: Mapping[str, Setting]
    together: bool = False
    live: ClassVar[bool] = True
    whole: ClassVar[bool] = False

    def under(self, path: str) -> Self:
        fields = {name: one.under(f"{path}.{name}") for name, one in self.fields.items()}
        return replace(super().under(path), fields=fields, omit=True)

    def parts(self, state: Any) -> Iterable[str]:
        return self.fields

    def checked_part(self, state: Any, part: str, value: Any) -> Any:
        return replace(self.get(state), **{part: self.fields[part].accepted(state, value)})

    def values(self, state: Any) -> dict[str, Any]:
        has = self.get(state)
        return {one.path: one.get(has) for one in self.fields.values() if one.live and not one.optional}

    def query(self, state: Any) -> dict[str, str]:
        has, usual = self.get(state), self.get(state.usual())
        told = [name for name in self.fields if self.together or getattr(has, name) != getattr(usual, name)]
        return {(one := self.fields[name]).path: one.text(state, one.get(has)) for name in told}


@dataclass(frozen=True)
class SurfaceWithParameters(Parted):
    """A surface by its name, a typed formula among them; under it, ``surface.a``, its parameters."""

    live: ClassVar[bool] = True

    def checked(self, state: Any, value: Any) -> str:
        SURFACES.checked(value)
        return value

    def parts(self, state: Any) -> Iterable[str]:
        return SURFACES[state.surface].ranges

    def checked_part(self, state: Any, part: str, value: Any) -> str:
        limits = SURFACES[state.surface].ranges[part]
        state.parameters[part] = checked_number(part, parsed(value), limits.valid)
        return state.surface

    def values(self, state: Any) -> dict[str, Any]:
        return {f"{self.path}.{name}": value for name, value in state.parameters.items()}

    def query(self, state: Any) -> dict[str, str]:
        numbers = {name: state.number_text(value) for name, value in self.values(state).items()}
        return {self.path: state.surface, **numbers}


def checked_switch(name: str, value: Any) -> bool:
    """On or off, from a browser or a link; ValueError names what is neither."""
    if str(value) not in ("0", "1", "False", "True"):
        raise ValueError(f"{name} = {str(value)[:40]!r} is not allowed; it must be 0 (off) or 1 (on)")
    return str(value) in ("1", "True")


def no_setting(path: str) -> ValueError:
    """The error that says so."""
    return ValueError(f"there is no setting {path[:40]!r} here")


class State:
    """A page's state; one is a dataclass with ``SETTINGS`` of its own, and ``problems``, the sentences by their paths.

    SETTINGS: by their paths, in the order in which a link is read: what sets others comes first.
    """

    SETTINGS: ClassVar[Mapping[str, Setting]] = {}
    problems: dict[str, str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.SETTINGS = {path: setting.under(path) for path, setting in cls.SETTINGS.items()}

    def apply(self, path: str, value: Any) -> None:
        """Changes the setting under the path; where that is not allowed, says why in ``problems`` instead."""
        self.problems.pop(path, None)
        try:
            self._apply(path, value)
        except ValueError as error:
            note(self.problems, path, error)

    def _apply(self, path: str, value: Any) -> None:
        """Changes the setting; ValueError says what is not allowed."""
        whole = path
        while whole and whole not in self.SETTINGS:
            whole = whole.rpartition(".")[0]
        if not whole:
            raise no_setting(path)
        self.SETTINGS[whole].change(self, path[len(whole) + 1 :], value)
        self.follow(path)

    def follow(self, path: str) -> None:
        """What else changes with a setting, or a part of one, that was chosen."""

    def forget(self, *prefixes: str) -> None:
        """Takes back the sentences under paths that begin so: they are about what is no longer there."""
        for path in [one for one in self.problems if one.startswith(prefixes)]:
            del self.problems[path]

    def begin_anew(self) -> None:
        """Takes all sentences back but that about the link: another choice has set everything else."""
        for path in self.problems.keys() - {"link"}:
            del self.problems[path]

    def usual(self) -> Any:
        """The state with which it is compared by what links leave out."""
        return _first(type(self))

    def number_text(self, value: float) -> str:
        """A number as it stands in a link."""
        return repr(value)

    def values(self) -> dict[str, Any]:
        """Every live number under its path."""
        found: dict[str, Any] = {}
        for setting in self.SETTINGS.values():
            if setting.live:
                found |= setting.values(self)
        return found

    def to_query(self) -> dict[str, str]:
        """The state as the fields of a link."""
        found: dict[str, str] = {}
        usual = self.usual()
        for setting in self.SETTINGS.values():
            if not setting.omit or setting.get(self) != setting.get(usual):
                found |= setting.query(self)
        return found

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The state that a link describes; what is wrong in it keeps its default and gets a sentence."""
        state = cls()
        if too_long(query, state.problems):
            return state
        wrong = state.read(left := dict(query))
        if left:
            wrong.append(without_meaning(left))
        if wrong:
            state.problems["link"] = in_link(wrong)
        return state

    def read(self, left: dict[str, str]) -> list[str]:
        """Takes over, and out of a link's fields, what is declared; what is wrong, where no path has the sentence."""
        return [wrong for setting in self.SETTINGS.values() for wrong in setting.take(self, left)]

    def read_among_others(self, query: Mapping[str, str]) -> None:
        """Takes over what the link of a page with more states says of this one; all that is wrong is one sentence."""
        wrong = self.read(dict(query)) + [sentence.rstrip(".") for sentence in self.problems.values()]
        self.problems = {"link": in_link(wrong)} if wrong else {}


@cache
def _first(kind: type[State]) -> State:
    return kind()


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


def in_link(wrong: Sequence[str]) -> str:
    """What is said of a link."""
    return f"In the link: {'; '.join(wrong[:6])}."
