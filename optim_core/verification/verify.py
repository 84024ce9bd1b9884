"""Holds rules against independent implementations; the ``verify`` of ``python -m optim_core`` runs and records it.

Each of a rule's ``CHECKS`` is made on two surfaces, with exact gradients and in float64. The path of ``trace`` is
compared with that of the other rule in ``same``; else with that of the optimizer which ``reference`` builds; else with
``expected``. Measured is the largest distance of a coordinate, as a share of the largest coordinate on the path.

Rates are such that on neither surface the rule bounces for ever: there the path is chaotic, a rounding error grows by
some powers of ten every hundred steps, and two right implementations part.

What was found is kept in ``verified.json``, with the hash of the source it was found for.
"""

import hashlib
import inspect
import json
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim_core.engine.oracle import Oracle
from optim_core.helpers.reference import double, torch_path
from optim_core.options import Options
from optim_core.parameters import settings
from optim_core.rule import Check, Rule
from optim_core.runs.trace import trace

if TYPE_CHECKING:
    pass

FILE = Path(__file__).with_name("verified.json")
# The surface, its parameters, the start: a curved valley, and a quadratic whose axes are not the coordinates'.
CASES: Mapping[str, tuple[Mapping[str, float], tuple[float, float]]] = {
    "rosenbrock": ({}, (-1.2, 1.0)),
    "ravine": ({"condition": 1000.0, "angle": 30.0}, (-4.0, 2.0)),
}


@dataclass(frozen=True)
class Held:
    """What came of one check on one surface.

    against, version: what the rule was held against, and the versions of the libraries in that. difference: the largest
    one, as a share of the path's largest coordinate; infinite where a path leaves the numbers, stays at the start or
    has another length. missing: the library that is not installed. failure: what else went wrong, in a line.
    """

    rule: str
    surface: str
    base: str
    hyper: dict[str, float]
    bound: float
    why: str
    against: str = ""
    version: str = ""
    steps: int = 0
    difference: float = float("inf")
    missing: str = ""
    failure: str = ""
    libraries: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the difference is within the bound."""
        return not self.missing and not self.failure and self.difference <= self.bound

    def entry(self) -> dict[str, Any]:
        """What the file holds of it."""
        return {
            "against": self.against,
            "version": self.version,
            "surface": self.surface,
            **({"base": self.base} if self.base else {}),
            "hyper": self.hyper,
            "steps": self.steps,
            "difference": float(f"{self.difference:.1e}") if np.isfinite(self.difference) else None,
            "bound": self.bound,
            "why": self.why,
            "passed": self.passed,
        }


def verify(rule: Rule, rules: Mapping[str, Rule], surfaces: Mapping[str, Any]) -> Iterator[Held]:
    """What comes of each check of a rule on each surface; rules are those that ``same`` and ``base`` name."""
    for check in rule.checks:
        for surface in CASES:
            with double():
                held = _held(rule, check, surface, rules, surfaces)
            yield held


def _held(rule: Rule, check: Check, name: str, rules: Mapping[str, Rule], surfaces: Mapping[str, Any]) -> Held:
    found: dict[str, Any] = {
        "rule": rule.name,
        "surface": name,
        "base": check.base,
        "hyper": dict(check.hyper),
        "bound": check.bound,
        "why": check.why,
        "steps": check.steps,
    }
    try:
        rule = rules[f"{rule.module_name}({check.base})"] if check.base else rule
        parameters, start = CASES[name]
        surface = surfaces[name]
        options: dict[str, Any] = {"surface_parameters": parameters, "difference": "exact"}
        if check.same:
            other, hyper = check.same
            found |= {"against": f"rule {other}"}
            theirs = trace(rules[other], surface, start, check.steps, hyper=hyper, **options).path
        else:
            q = settings(surface.Parameters, parameters, owner=f"surface {name}")
            f = Oracle(surface, q, Options(check.steps, "exact"))
            theirs, about = _independent(rule, check, f, np.array(start))
            found |= about
        ours = trace(rule, surface, start, check.steps, hyper=check.hyper, **options).path
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        if library in _OWN:
            raise
        return Held(**found, missing=library)
    except Exception as error:
        traceback.print_exc()
        return Held(**found, failure=f"{type(error).__name__}: {error}")
    if not found["against"]:
        return Held(**found, failure="it has neither a reference, nor expected, nor same")
    found["steps"] = len(ours) - 1
    if rule.kind == "closure":  # a run ends where it comes to rest
        ours, theirs = _prolonged(ours, len(theirs)), _prolonged(theirs, len(ours))
    if rule.kind == "recorded":  # or where the library says so
        theirs = theirs[: len(ours)]
    if ours.shape != theirs.shape:
        return Held(**found, failure=f"{len(theirs) - 1} steps there")
    if np.array_equal(theirs, np.broadcast_to(theirs[0], theirs.shape)):
        return Held(**found, failure="the path does not leave its start")
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return Held(**found, failure="a path does not stay finite")
    return Held(**found, difference=float(np.abs(ours - theirs).max() / np.abs(theirs).max()))


def _prolonged(path: np.ndarray, length: int) -> np.ndarray:
    """A path that stays at its last point until it has the length."""
    return np.concatenate([path, np.repeat(path[-1:], max(0, length - len(path)), axis=0)])


# ---------------------------------------------------------------- the other side

_OWN = ("optim_core", "surfaces")
_distributions = cache(metadata.packages_distributions)  # {what is imported: what is installed}


def _independent(rule: Rule, check: Check, f: Any, x: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """The path of a rule's reference, or of its ``expected``, and what that is: against, version, libraries."""
    h = settings(rule.Hyper, check.hyper, owner=f"rule {rule.name}")
    shape, built = (2, 1) if rule.scope == "matrix" else (2,), []

    def build(params: list[Any]) -> Any:
        built.append(rule.reference(params, h))
        return built[0]

    path = torch_path(build, f, x, check.steps, shape=shape)
    if path is not None:
        against, libraries = _optimizer(built[0])
    elif expected := getattr(rule.module, "expected", None):
        path = np.array(expected(f, x, h, check.steps))
        against = inspect.cleandoc(expected.__doc__ or "own text").partition("\n")[0].rstrip(".")
        source = inspect.getsource(expected) + (inspect.getsource(rule.record) if rule.record else "")
        imported = re.findall(r"^\s+(?:from|import) (\w+)", source, re.MULTILINE)
        libraries = {name for name in imported if name not in _OWN and name not in sys.stdlib_module_names}
    else:
        return np.empty((0, 2)), {"against": ""}
    names = [_distributions()[name][0] for name in sorted(libraries)]
    versions = {name: metadata.version(name).partition("+")[0] for name in names}
    version = ", ".join(f"{name} {number}" for name, number in versions.items())
    return path, {"against": against, "version": version, "libraries": versions}


def _optimizer(optimizer: Any) -> tuple[str, set[str]]:
    """A torch optimizer's class as its library calls it, and the library; or that a rule has written it."""
    for kind in type(optimizer).__mro__:
        library = kind.__module__.partition(".")[0]
        if kind.__name__ == "Optimizer":
            break
        if library not in _OWN:
            return f"{'torch.optim' if library == 'torch' else library}.{kind.__name__}", {library}
    return "own text of a torch.optim.Optimizer", {"torch"}


# ---------------------------------------------------------------- the file


def fingerprint(rule: Rule) -> str:
    """The SHA-256 of a rule's source, in hexadecimal digits."""
    return hashlib.sha256(rule.source.encode()).hexdigest()


def verified(file: Path = FILE) -> dict[str, Any]:
    """What the file holds, empty where there is none: versions {library: version}, rules {name: {source, checks}}."""
    if not file.exists():
        return {"versions": {}, "rules": {}}
    return json.loads(file.read_text(encoding="utf-8"))


def recorded(rules: Mapping[str, Rule], results: Iterable[Held], before: Mapping[str, Any]) -> dict[str, Any]:
    """What the file is to hold after these results, and held before for rules that are not among them.

    A rule of which a library is missing keeps what was held of it; one that is no more is dropped.
    """
    by_rule: dict[str, list[Held]] = {}
    for one in results:
        by_rule.setdefault(one.rule, []).append(one)
    entries, versions = dict(before["rules"]), dict(before["versions"])
    for name, held in by_rule.items():
        if not any(one.missing for one in held):
            entries[name] = {"source": fingerprint(rules[name]), "checks": [one.entry() for one in held]}
            versions |= {library: version for one in held for library, version in one.libraries.items()}
    entries = {name: entries[name] for name in sorted(entries) if name in rules}
    return {"versions": dict(sorted(versions.items())), "rules": entries}


def text(found: Mapping[str, Any]) -> str:
    """The file's text: JSON, one check a line."""

    def entry(name: str) -> str:
        rule = found["rules"][name]
        checks = ",\n".join(f"  {json.dumps(check, allow_nan=False)}" for check in rule["checks"])
        return f'{json.dumps(name)}: {{"source": {json.dumps(rule["source"])}, "checks": [\n{checks}\n]}}'

    rules = ",\n".join(entry(name) for name in found["rules"])
    return f'{{\n"versions": {json.dumps(found["versions"])},\n"rules": {{\n{rules}\n}}\n}}\n'
