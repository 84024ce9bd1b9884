"""One run, set up: everything that it depends on, checked once and then carried as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from optim_core.around import Around
from optim_core.options import COORDINATE, Options
from optim_core.parameters import checked_number, settings
from optim_core.rule import Rule, checked_rule
from optim_core.surface import Surface


@dataclass(frozen=True, eq=False)
class Setup:
    """A rule on a surface from a start, with all numbers; frozen, and equal where all of these are.

    hyper: the rule's ``Hyper``; parameters: the surface's ``Parameters``. Rules and surfaces of one name and one source
    are the same. ``Setup.of`` checks; whoever has checked already may make one directly.
    """

    rule: Rule
    surface: Surface
    hyper: Any
    parameters: Any
    start: tuple[float, float]
    options: Options

    @classmethod
    def of(
        cls,
        rule: Rule,
        surface: Surface,
        start: Any,
        steps: int,
        *,
        hyper: Mapping[str, Any] | None = None,
        surface_parameters: Mapping[str, float] | None = None,
        around: Around | Mapping[str, Any] | None = None,
        arrays: bool = False,
        **options: Any,
    ) -> Self:
        """From what people give, defaults for the rest; ValueError names what is wrong and what is allowed.

        options: those of ``Options``. arrays: whether a hyperparameter may be an array, one number a run, as in a
        sweep; such a setup has no hash.
        """
        checked_rule(rule)
        return cls(
            rule,
            surface,
            settings(rule.Hyper, hyper, owner=f"rule {rule.name}", arrays=arrays),
            settings(surface.Parameters, surface_parameters, owner=f"surface {surface.name}"),
            checked_point("start", start),
            Options(steps, around=Around.of(around).checked(rule), **options),
        )

    def at(self, start: tuple[float, float]) -> Self:
        """The same from another start."""
        return replace(self, start=start)

    @property
    def key(self) -> tuple[Any, ...]:
        """What stands for it: names, numbers and options."""
        return (self.rule.name, self.hyper, self.surface.name, self.parameters, self.start, self.options)

    @property
    def lowest(self) -> float:
        """The least value among the surface's known minima."""
        return self.surface.lowest(self.parameters)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Setup):
            return NotImplemented
        sources = (self.rule.source, self.surface.source) == (other.rule.source, other.surface.source)
        return self.key == other.key and sources

    def __hash__(self) -> int:
        return hash(self.key)


def checked_point(name: str, value: Any) -> tuple[float, float]:
    """value as a point; ValueError where it is none or lies beyond all bounds."""
    try:
        x, y = value
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {value!r} is not a point (x, y)") from None
    x, y = (checked_number(f"{name} {axis}", v, COORDINATE) for axis, v in (("x", x), ("y", y)))
    return x, y
