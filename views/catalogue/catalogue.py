"""What the Catalogue page shows: of every rule its card, its place in time, and all that is known of it."""

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from optim_core import RULES, Rule
from optim_core.parameters import Range
from optim_core.verification.verify import FILE, verified
from views.catalogue import thumbnails
from views.catalogue.badge import Badge, badge
from views.catalogue.state_kept import state_sentence, state_short
from views.shared.colours import style
from views.shared.fields import short
from views.shared.messages import CatalogueList, CatalogueMessage
from views.shared.messages import Rule as Listed
from views.shared.sentences import escaped

MAX_SEARCH = 100

_log = logging.getLogger(__name__)


# ---------------------------------------------------------------- what is looked at


@dataclass
class View:
    """What is searched for, which families are shown, which rule is opened; it stands in the address."""

    search: str = ""
    families: tuple[str, ...] = ()
    rule: str | None = None
    problems: dict[str, str] = field(default_factory=dict)

    def apply(self, path: str, value: Any) -> None:
        """Changes one part; where that is not allowed, says why in ``problems`` instead."""
        self.problems.pop(path, None)
        match path, value:
            case "search", str():
                self.search = value.strip()[:MAX_SEARCH].strip()
            case "families", list() | tuple():
                self.families = tuple(name for name in families() if name in value)
                if unknown := [str(name)[:40] for name in value if name not in families()]:
                    self.problems[path] = f"There is no family {unknown[0]!r}; there are: {', '.join(families())}."
            case "rule", None | "":
                self.rule = None
            case "rule", str() if value in RULES:
                self.rule = value
            case "rule", _:
                near = get_close_matches(str(value)[:40], list(RULES), n=3)
                meant = f"; near it: {', '.join(near)}" if near else ""
                self.problems[path] = f"There is no rule {str(value)[:40]!r}{meant}."
            case _:
                self.problems["link"] = f"There is no setting {path[:40]!r} here."

    def to_query(self) -> dict[str, str]:
        """The fields of a link."""
        query = {"search": self.search, "families": ",".join(self.families), "rule": self.rule or ""}
        return {name: text for name, text in query.items() if text}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "View":
        """What a link describes; what is wrong in it gets a sentence."""
        view = cls()
        for name, text in query.items():
            view.apply(name, [part for part in text.split(",") if part] if name == "families" else text)
        return view


@cache
def families() -> dict[str, tuple[str, str]]:
    """Each family's colour and dash, the families in the order of their first rules; the largest have solid colours."""
    sizes = Counter(rule.family for rule in RULES.values())
    styles = {family: style(index) for index, (family, _) in enumerate(sizes.most_common())}
    return {family: styles[family] for family in sizes}


# ---------------------------------------------------------------- lineage


@cache
def lineage(rule: Rule) -> tuple[str | tuple[str, str], ...]:
    """The line CHANGE in pieces: text, and (rule, text) where it names another rule, no younger than this one."""
    names: dict[str, str] = {}
    for other in RULES.values():
        if other.name != rule.name and other.year <= rule.year:
            names |= {other.title: other.name, other.title[:1].lower() + other.title[1:]: other.name}
    longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or r"(?!)"
    pieces = re.split(rf"(?<!\w)(?<!without )({longest_first})(?!\w)", rule.change)
    return tuple((names[piece], piece) if i % 2 else piece for i, piece in enumerate(pieces) if piece)


def parents(rule: Rule) -> list[str]:
    """The rules that its line CHANGE names."""
    return list(dict.fromkeys(part[0] for part in lineage(rule) if isinstance(part, tuple)))


def children(rule: Rule) -> list[str]:
    """The rules whose line CHANGE names it."""
    return [other.name for other in RULES.values() if rule.name in parents(other)]


# ---------------------------------------------------------------- what the browser is sent


def message(view: View, have: frozenset[str] = frozenset(), budget: float = 0.3) -> CatalogueMessage | CatalogueList:
    """What the timeline and the cards show; the rules are left out where the browser has them, by their key."""
    complete = thumbnails.draw(budget)
    key, rules = _listing(len(thumbnails.drawn), _modified(FILE))
    shown: CatalogueMessage = {
        "view": {"search": view.search, "families": list(view.families), "rule": view.rule},
        "key": key,
        "complete": complete,
    }
    if key in have:
        return shown
    start = ", ".join(short(value) for value in thumbnails.FIRST.start)
    return {
        **shown,
        "rules": rules,
        "families": [{"name": name, "colour": c, "hollow": bool(d)} for name, (c, d) in families().items()],
        "contour": thumbnails.contour(),
        "caption": f"up to {thumbnails.FIRST.steps} steps from ({start}) on the ravine, default settings",
    }


@lru_cache(maxsize=4)
def _listing(drawn: int, modified: int) -> tuple[str, list[Listed]]:  # noqa: ARG001
    rules = [_entry(rule) for rule in RULES.values()]
    return hashlib.sha256(json.dumps(rules).encode()).hexdigest()[:16], rules


def _entry(rule: Rule) -> Listed:
    drawn = thumbnails.drawn.get(rule.name)
    held = badge_of(rule)
    return {
        "name": rule.name,
        "title": rule.title,
        "year": rule.year,
        "family": rule.family,
        "change": list(lineage(rule)),
        "parents": parents(rule),
        "children": children(rule),
        "state": state_short(rule),
        "keeps": state_sentence(rule),
        "badge": {"kind": held.kind, "word": held.word, "sentence": held.sentence, "against": held.against},
        "path": drawn.path if drawn else "",
        "cloud": drawn.cloud if drawn else "",
        "words": drawn.words if drawn else "",
        "notes": notes(rule),
        "trains": rule.network is not None,
        "search": " ".join([rule.name, rule.title, rule.change, rule.paper, *rule.Hyper._fields]).lower(),
    }


def notes(rule: Rule) -> list[str]:
    """What else is to be said of how it moves, and why it trains no network where it does not."""
    told = {
        "closure": "Asks for values, gradients or second derivatives wherever it likes.",
        "recorded": "The algorithm of another library, whose points are recorded.",
        "around": f"Goes around another rule, here {rule.base.title}." if rule.base else "",
    }
    said = [told[rule.kind]] if told.get(rule.kind) else []
    if rule.companion:
        other = RULES[rule.companion].title if rule.companion in RULES else rule.companion
        said.append(f"On a network it takes the matrices; {other} takes the other parameters.")
    if rule.network is None:
        said.append(f"Trains no network: {rule.no_network[:1].lower()}{rule.no_network[1:]}")
    return said


# ---------------------------------------------------------------- what it was held against


def badge_of(rule: Rule) -> Badge:
    """The rule's badge, by what was recorded last."""
    return badge(rule, _recorded(FILE, _modified(FILE)))


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@lru_cache(maxsize=2)
def _recorded(path: Path, modified: int) -> dict[str, Any]:  # noqa: ARG001
    try:
        return verified(path)
    except (OSError, ValueError):
        _log.warning("%s cannot be read; nothing counts as verified", path, exc_info=True)
        return {}


# ---------------------------------------------------------------- one rule, in full


def number(value: float, limits: Range) -> str:
    """A hyperparameter's value for people."""
    return ("off", "on")[value > 0] if limits.switch else short(value)


def parameters(rule: Rule) -> list[dict[str, str]]:
    """The rows of the table of hyperparameters, in Markdown: symbol, name, defaults, what is allowed."""
    usual = rule.Hyper()._asdict()
    rows = []
    for name, limits in rule.ranges.items():
        row = {"Symbol": f"${limits.symbol}$", "Name": f"`{name}`", "On surfaces": number(usual[name], limits)}
        if rule.network is not None:
            row["On networks"] = number(rule.network.get(name, usual[name]), limits)
        rows.append(row | {"Allowed": escaped("off or on" if limits.switch else limits.valid)})
    return rows


def paper(rule: Rule) -> str:
    """The docstring as Markdown: its papers linked, names of rules as code."""
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in rule.paper.split("\n\n"))
    pieces = re.split(r"``([^`]+)``|arXiv:(\d{4}\.\d{4,5})", text)
    said = ""
    for plain, code, arxiv in zip(pieces[::3], [*pieces[1::3], None], [*pieces[2::3], None], strict=True):
        said += escaped(plain)
        said += f"`{code}`" if code else f"[arXiv:{arxiv}](https://arxiv.org/abs/{arxiv})" if arxiv else ""
    return said
