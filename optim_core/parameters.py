"""Named numbers with limits: the hyperparameters of a rule, the parameters of a surface, the options of a run.

Rules and surfaces declare theirs as a ``NamedTuple``, each field ``name: Annotated[float, Range(...)] = default``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

import numpy as np

_INTERVAL = re.compile(r"([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])")


class Interval(NamedTuple):
    """An interval of the real line, written as in ``(0, 1]``."""

    low: float
    high: float
    with_low: bool
    with_high: bool

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> "Interval":
        """The interval that the text writes; ValueError where it writes none."""
        match = _INTERVAL.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not an interval such as '(0, 1]'")
        left, low, high, right = match.groups()
        return cls(float(low), float(high), left == "[", right == "]")

    def holds(self, value: Any) -> Any:
        """Whether value (a number or an array) lies inside, elementwise; NaN never does."""
        above = value >= self.low if self.with_low else value > self.low
        below = value <= self.high if self.with_high else value < self.high
        return above & below


@dataclass(frozen=True)
class Range:
    """What a slider spans and which values are allowed at all.

    low, high: the slider's ends. symbol: LaTeX. log: the slider moves through decades.
    valid: the allowed interval as messages print it; the slider's own ends where it is left out.
    switch: 0.0 is off, 1.0 is on, and nothing between.
    """

    low: float
    high: float
    symbol: str
    log: bool = False
    valid: str = ""
    switch: bool = False

    def __post_init__(self) -> None:
        if not self.valid:
            object.__setattr__(self, "valid", f"[{self.low!r}, {self.high!r}]")
        interval = Interval.parse(self.valid)
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"a slider from {self.low:g} to {self.high:g}: low < high, and 0 < low where log is set")
        if not (interval.holds(self.low) and interval.holds(self.high)):
            raise ValueError(f"the slider's ends {self.low:g} and {self.high:g} must lie in {self.valid}")


def switch(symbol: str) -> Range:
    """The Range of something that is on (1.0) or off (0.0)."""
    return Range(0.0, 1.0, symbol, switch=True)


@lru_cache(maxsize=1024)  # formulas that users type declare ever new ones
def ranges(declared: Any) -> dict[str, Range]:
    """The Range of each field of a declared NamedTuple, in order; TypeError where one is missing or wrong."""
    hints = get_type_hints(declared, include_extras=True)
    found: dict[str, Range] = {}
    for name in declared._fields:
        where = f"{declared.__module__}.{declared.__name__}.{name}"
        given = [extra for extra in getattr(hints[name], "__metadata__", ()) if isinstance(extra, Range)]
        if len(given) != 1:
            raise TypeError(f"{where} must be declared as Annotated[float, Range(...)]")
        default = declared._field_defaults.get(name)
        if not isinstance(default, float) or not Interval.parse(given[0].valid).holds(default):
            raise TypeError(f"{where} = {default!r}: the default must be a float in {given[0].valid}")
        found[name] = given[0]
    return found


def checked_number(name: str, value: Any, valid: str, *, array: bool = False) -> Any:
    """value as a float (with ``array``: or as a float64 array); ValueError where it is no number in the interval."""
    if type(value) is float and not array and Interval.parse(valid).holds(value):
        return value  # what nearly every call is about, without NumPy's detour
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "iuf" or (given.ndim and not array):
            raise TypeError
        numbers = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise ValueError(f"{name} = {shown} is not a number; it must lie in {valid}") from None
    inside = Interval.parse(valid).holds(numbers)
    if not np.all(inside):
        wrong = numbers[np.logical_not(inside)].flat[0] if numbers.ndim else numbers
        raise ValueError(f"{name} = {float(wrong):g} is not allowed; it must lie in {valid}")
    return numbers if numbers.ndim else float(numbers)


def checked_integer(name: str, value: Any, low: int, high: int) -> int:
    """value as an int; ValueError where it is no whole number from low to high."""
    valid = f"[{low}, {high}]"
    result = checked_number(name, value, valid)
    if result != int(result):
        raise ValueError(f"{name} = {result:g} is not a whole number; it must lie in {valid}")
    return int(result)


def settings(declared: Any, given: Mapping[str, Any] | None, *, owner: str, arrays: bool = False) -> Any:
    """An instance of the declared NamedTuple: the given values, checked, and defaults for the rest.

    With ``arrays`` a value may be an array of them, one per run. ValueError names the field, the value and what is
    allowed, or the fields there are.
    """
    if not isinstance(given, Mapping | None):
        raise ValueError(f"the parameters of {owner} must be given by name, as in {{'name': 1.0}}, not as {given!r}")
    given = dict(given or {})
    values = {}
    for name, limits in ranges(declared).items():
        value = given.pop(name, declared._field_defaults[name])
        if limits.switch and isinstance(value, bool):
            value = float(value)
        value = checked_number(name, value, limits.valid, array=arrays)
        if limits.switch and not np.all((np.asarray(value) == 0.0) | (np.asarray(value) == 1.0)):
            raise ValueError(f"{name} = {value!r} is not allowed; it must be 0 (off) or 1 (on)")
        values[name] = value
    if given:
        wrong, known = next(iter(given)), ", ".join(declared._fields) or "none"
        near = get_close_matches(str(wrong), declared._fields, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"{owner} has no parameter {str(wrong)[:60]!r}{hint}; it has: {known}")
    return declared(**values)
