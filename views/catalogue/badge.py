"""A rule's badge: earned by ``python -m optim_core verify``, read from what that wrote, never typed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from optim_core import RULES, Rule
from optim_core.verification.verify import fingerprint
from views.shared.fields import short

_LIBRARY = re.compile(r"[a-z_]+(\.\w+)+")


class Badge(NamedTuple):
    """What a rule was held against. kind: held, failed, stale (the source has changed since) or none.

    word: what stands on a card; sentence: how many checks and steps, the widest bound and the largest difference where
    it was recorded, which is rounding and depends on the processor; against: everything that
    it was held against, with versions, libraries first; rows: every check; reasons: why some have fewer steps or a
    wider bound than others.
    """

    kind: str
    word: str
    sentence: str
    against: list[str]
    rows: list[dict[str, str]]
    reasons: list[str]


NONE = Badge("none", "not verified", "Nothing has been recorded for it yet.", [], [], [])


def badge(rule: Rule, verified: Mapping[str, Any]) -> Badge:
    """The rule's badge from what is recorded, as ``optim_core.verification.verify.verified`` returns it.

    Held only where there is a check, all have passed, and the source is the one that they ran with.
    """
    try:
        recorded = verified["rules"][rule.name]
        checks = list(recorded["checks"])
        rows = [_row(check) for check in checks]
        against = _against(checks)
        told = _told(checks) if checks else ""
        reasons = list(dict.fromkeys(str(check["why"]) for check in checks if check.get("why")))
        current = recorded["source"] == fingerprint(rule)
    except (KeyError, TypeError, ValueError, AttributeError):
        return NONE
    if not checks:
        return NONE
    failed = sum(row["Held"] == "no" for row in rows)
    if not current:
        return Badge(
            "stale", "to be verified again", f"Its source has changed since. Before: {told}", against, rows, reasons
        )
    if failed:
        return Badge("failed", f"{failed} of {len(rows)} checks failed", told, against, rows, reasons)
    return Badge("held", re.sub(r" \([^()]*\)$", "", against[0]), told, against, rows, reasons)


def _named(against: str) -> str:
    """What a check is against, for people: a rule by its title."""
    name = against.removeprefix("rule ")
    return f"identity with {RULES[name].title}" if name != against and name in RULES else against


def _against(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    versions = {str(check["against"]): str(check.get("version") or "") for check in checks if check["against"]}
    libraries_first = sorted(versions, key=lambda text: not _LIBRARY.fullmatch(text))
    return [_named(text) + (f" ({versions[text]})" if versions[text] else "") for text in libraries_first]


def _told(checks: Sequence[Mapping[str, Any]]) -> str:
    steps = sorted({int(check["steps"]) for check in checks})
    many = f"{steps[0]:,}" if len(steps) == 1 else f"{steps[0]:,} to {steps[-1]:,}"
    count = f"{len(checks)} checks" if len(checks) > 1 else "1 check"
    found = [check["difference"] for check in checks]
    if None in found:
        return f"{count} of {many} steps; not all came to an end."
    worst, bound = max(map(float, found)), max(float(check["bound"]) for check in checks)
    if bound == 0:
        return f"{count} of {many} steps; no difference at all."
    there = f"{short(worst)} where it was recorded" if worst else "none where it was recorded"
    return f"{count} of {many} steps; the differences are at most {short(bound)} of the path’s size ({there})."


def _row(check: Mapping[str, Any]) -> dict[str, str]:
    hyper = [f"{name} = {short(float(value))}" for name, value in dict(check.get("hyper") or {}).items()]
    around = [f"around {RULES[base].title if base in RULES else base}"] if (base := check.get("base")) else []
    return {
        "Held against": _named(str(check["against"])),
        "Version": str(check.get("version") or ""),
        "Surface": str(check.get("surface") or ""),
        "Settings": ", ".join([*around, *hyper]) or "defaults",
        "Steps": f"{int(check['steps']):,}",
        "Difference where recorded": "–" if check["difference"] is None else short(float(check["difference"])),
        "Bound": short(float(check["bound"])),
        "Held": "yes" if check["passed"] is True else "no",
    }
