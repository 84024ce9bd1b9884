"""The options of a run, their limits, and their checks: one place for trace, sweep and the app."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from optim_core.around import NOTHING, Around
from optim_core.parameters import checked_integer, checked_number

MAX_STEPS = 1_000_000
DIFFERENCES = ("central", "forward", "exact", "as_printed")
STOPS = ("none", "step", "gradient", "loss")
COORDINATE = "[-1e9, 1e9]"
SPACING = "[1e-12, 1]"
TOLERANCE = "(0, 1e9]"
MANY = 20  # of more names than that a sentence tells only those near the wrong one


@dataclass(frozen=True)
class Options:
    """How a run is made: steps, differences and stop rule; checked on creation, ValueError says what is wrong.

    steps: at most that many. difference, spacing: how gradients are taken, and the h of the differences.
    stop: ``step`` ends a run after the first step with |dx| + |dy| < tolerance, ``gradient`` at the first point whose
    gradient is shorter than tolerance, ``loss`` at the first point less than tolerance above the lowest known minimum
    (above 0 where none is known); None ends none. around: what goes around the rule, an ``Around`` or its fields.
    """

    steps: int
    difference: str = "central"
    spacing: float = 6e-6
    stop: str | None = None
    tolerance: float = 1e-3
    around: Around = NOTHING

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", checked_integer("steps", self.steps, 1, MAX_STEPS))
        object.__setattr__(self, "spacing", checked_number("spacing", self.spacing, SPACING))
        object.__setattr__(self, "tolerance", checked_number("tolerance", self.tolerance, TOLERANCE))
        checked_choice("difference", self.difference, DIFFERENCES)
        checked_choice("stop", "none" if self.stop is None else self.stop, STOPS)
        object.__setattr__(self, "around", Around.of(self.around))
        object.__setattr__(self, "stop", None if self.stop == "none" else self.stop)

    @property
    def stop_index(self) -> int:
        """The stop rule as the driver counts them."""
        return STOPS.index(self.stop or "none")

    def threshold(self, lowest: float) -> float:
        """The number that the driver compares with."""
        return lowest + self.tolerance if self.stop == "loss" else self.tolerance


def checked_choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """value where it is one of the allowed; ValueError names them otherwise, of many those that are near it."""
    if not isinstance(value, str) or value not in allowed:
        if len(allowed) > MANY and (near := get_close_matches(str(value)[:60], allowed)):
            shown = str(value)[:60]
            raise ValueError(
                f"{name} = {shown!r} is not one of the {len(allowed)} there are; near it: {', '.join(near)}"
            )
        raise ValueError(f"{name} = {value!r} is not one of: {', '.join(allowed)}")
    return value
