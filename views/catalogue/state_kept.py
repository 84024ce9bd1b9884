"""What a rule remembers between steps, from its State, in words."""

from functools import cache
from typing import NamedTuple

import numpy as np

from optim_core import Rule


class StateKept(NamedTuple):
    """What a rule remembers between steps: fields per parameter, of those the ones needed for their sign only, fields
    per run, fields of other shapes."""

    numbers: list[str]
    signs: list[str]
    scalars: list[str]
    others: list[str]


@cache
def state(rule: Rule) -> StateKept:
    """What a rule remembers, from its State."""
    fields = {width: [name for name, slots in rule.state_slots.items() if slots == width] for width in (2, 1, 0)}
    try:
        signs = _signs(rule, fields[2])
    except Exception:  # a rule that cannot step: its thumbnail says so
        signs = []
    return StateKept([name for name in fields[2] if name not in signs], signs, fields[1], fields[0])


def _signs(rule: Rule, names: list[str]) -> list[str]:
    """The fields of which a step uses the sign alone: replaced by another number of that sign, they change nothing."""
    if not rule.compiled:
        return []
    random = np.random.default_rng(0)
    # In the middle of its slider no coefficient is 0 or 1, which would hide a field.
    h = rule.Hyper(
        *(1.0 if r.switch else (r.low * r.high) ** 0.5 if r.log else (r.low + r.high) / 2 for r in rule.ranges.values())
    )
    x = random.normal(size=6)
    found = list(names)
    s = rule.init(x)
    with np.errstate(all="ignore"):
        for t in range(1, 13):
            g = random.normal(size=6)
            x_next, s_next = rule.step(x, g, s, h, t, 12)
            for name in list(found):
                other = s._replace(**{name: getattr(s, name) * random.uniform(0.3, 3.0, size=6)})
                x_other, s_other = rule.step(x, g, other, h, t, 12)
                if not all(map(np.array_equal, (x_other, *s_other), (x_next, *s_next))):
                    found.remove(name)
            x, s = x_next, s_next
    return found


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def state_short(rule: Rule) -> str:
    """The state per parameter in a few words."""
    kept = state(rule)
    if rule.kind == "recorded":
        return "inside the library"
    counted = [(kept.numbers, "number"), (kept.signs, "sign")]
    told = [_count(len(names), noun) for names, noun in counted if names] + ["arrays"] * bool(kept.others)
    return " + ".join(told) or "none"


def state_sentence(rule: Rule) -> str:
    """What is kept between steps, with the names of its fields."""

    def listed(names: list[str]) -> str:
        return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")

    kept = state(rule)
    if rule.kind == "recorded":
        return "Whatever the library's algorithm keeps; its points alone are recorded."
    told = []
    if kept.numbers:
        told.append(f"{_count(len(kept.numbers), 'number')} per parameter ({listed(kept.numbers)})")
    if kept.signs:
        told.append(f"{_count(len(kept.signs), 'sign')} per parameter ({listed(kept.signs)}: only −, 0 or + matters)")
    if kept.others:
        told.append(f"arrays of other shapes ({listed(kept.others)})")
    if kept.scalars:
        told.append(f"{_count(len(kept.scalars), 'number')} per run ({listed(kept.scalars)})")
    if not told:
        return "Nothing is kept between steps."
    sentence = ", ".join(told[:-1]) + (" and " if told[:-1] else "") + told[-1]
    size = (
        f" In float32 that is {4 * len(kept.numbers)} bytes per parameter" if kept.numbers and not kept.others else ""
    )
    return f"{sentence[0].upper()}{sentence[1:]}.{size}{' and a sign' * bool(size and kept.signs)}{'.' * bool(size)}"
