"""Paths as files: CSV with a row a step, JSON with everything, and a Python script that makes them again by itself.

The script is put together from source texts: the surface's formula and the rules as they stand in their files, with
``script_parts`` around them. What the page's user has chosen enters it as numbers and as names that were checked.
"""

import ast
import csv
import importlib
import importlib.metadata
import inspect
import io
import json
import math
import os
import platform
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import numpy as np

from optim_core import RULES, Rule, Trace
from optim_core.runs.trace import MOST_POINTS
from surfaces import SURFACES
from training.record import revision
from views.shared.cards import Card
from views.shared.exports import Export
from views.shared.settings import Settings
from views.trajectories.message import caption
from views.trajectories.runs import runs

COLUMNS = ("card", "optimizer", "step", "x", "y", "loss", "gradient_x", "gradient_y")
LIBRARIES = ("numpy", "numba", "scipy", "cma", "torch")
_WIDTH = 100


# ---------------------------------------------------------------- what was done


def finite_part(run: Trace) -> slice:
    """The steps of a run up to the first whose point is not finite, that one included."""
    wrong = np.flatnonzero(~np.isfinite(run.path).all(axis=1))
    return slice(0, int(wrong[0]) + 1 if len(wrong) else len(run.path))


def address(settings: Settings, page: str = "") -> str:
    """The page's address with the whole state; without the page's own part where that is not known or looks odd."""
    match = re.fullmatch(r"(https?://[\w.:\[\]-]+)(/[\w./%~-]*)?", page, re.ASCII)
    known = f"{match[1]}{match[2] or '/'}" if match else ""
    return f"{known}?{urlencode(settings.to_query())}"


@cache
def versions() -> dict[str, str]:
    """Of Python and of the libraries that the paths depend on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _revision() -> str:
    return os.environ.get("RAVINE_REVISION") or revision()


def facts(settings: Settings, page: str = "") -> dict[str, Any]:
    """All that the paths depend on, but for the optimizers: what was chosen, link, versions, revision."""
    return {
        "caption": caption(settings),
        "surface": settings.surface,
        "parameters": dict(settings.parameters),
        "start": list(settings.start),
        "steps": settings.steps,
        "difference": settings.difference,
        "spacing": settings.spacing,
        "stop": settings.stop,
        "tolerance": settings.tolerance,
        "around": settings.around.as_dict(),
        "link": address(settings, page),
        "versions": versions(),
        "revision": _revision(),
    }


def _cards(settings: Settings) -> Iterator[tuple[dict[str, Any], Trace]]:
    """The optimizers that are on, each with all its numbers and what became of it, and their runs."""
    for number, shown in runs(settings).items():
        card, run = settings.cards[number], shown.trace
        yield (
            {
                "card": number,
                "optimizer": settings.title(number),
                "rule": card.rule,
                "hyper": dict(card.hyper),
                "around": settings.around.allowed(RULES[card.rule]).as_dict(),
                "outcome": run.outcome.name.lower(),
                "since": run.since,
                "told": shown.words,
                "steps": run.steps,
                "evaluations": run.evaluations,
            },
            run,
        )


# ---------------------------------------------------------------- tables


def csv_text(settings: Settings, page: str = "") -> str:
    """A row for each step of each optimizer that is on, after comments that hold all settings as JSON.

    The comments begin with "#"; ``pandas.read_csv(file, comment="#")`` skips them. The gradient is what the rule was
    given for the step that leads away from the point, and is empty at the last. A path ends with its first point that
    is not finite.
    """
    file = io.StringIO()
    for name, value in facts(settings, page).items():
        file.write(f"# {name}: {json.dumps(value, ensure_ascii=False)}\n")
    rows, found = [], list(_cards(settings))
    for told, run in found:
        file.write(f"# card {told['card']}: {json.dumps(told, ensure_ascii=False)}\n")
        part = finite_part(run)
        slopes = [*run.gradient.tolist(), ["", ""]]
        points = zip(run.path[part].tolist(), run.loss[part].tolist(), slopes, strict=False)
        rows += [
            (told["card"], told["optimizer"], step, *point, loss, *slope)
            for step, (point, loss, slope) in enumerate(points)
        ]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return file.getvalue()


def json_text(settings: Settings, page: str = "") -> str:
    """All settings, and for each optimizer that is on its numbers, its outcome and its path, losses and gradients.

    JSON has no NaN and no infinity: they stand there as the strings "NaN", "Infinity" and "-Infinity". A path ends with
    its first point that is not finite.
    """
    found = []
    for told, run in _cards(settings):
        part = finite_part(run)
        numbers = {"path": run.path[part], "loss": run.loss[part], "gradient": run.gradient[: part.stop - 1]}
        found.append(told | {name: _spelled(values.tolist()) for name, values in numbers.items()})
    return json.dumps(facts(settings, page) | {"runs": found}, allow_nan=False, ensure_ascii=False)


def _spelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


# ---------------------------------------------------------------- source texts

_SWITCHED = re.compile(r"  # if: (!?)(\w+)$")
_FOR_TOOLS = re.compile(r"  # (?:noqa|fmt|type|pyright)\b.*$", re.MULTILINE)


class Source:
    """The definitions of a module's text, each with the comments right above it, and what they are made of."""

    def __init__(self, text: str) -> None:
        lines = _FOR_TOOLS.sub("", text).splitlines()
        self.definitions: dict[str, str] = {}
        self.imports: dict[str, tuple[str, str]] = {}  # a name's module, and its own name there
        self._nodes: dict[str, ast.stmt] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom):
                self.imports |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                self.imports |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
            for name in _defined(node):
                first = min(each.lineno for each in [node, *getattr(node, "decorator_list", [])]) - 1
                while first and lines[first - 1].startswith("#") and "----" not in lines[first - 1]:
                    first -= 1
                self.definitions[name], self._nodes[name] = "\n".join(lines[first : node.end_lineno]), node

    def _needs(self, name: str) -> Iterator[str]:
        """The names that a definition uses, ``xp.sqrt`` among them."""
        for node in ast.walk(self._nodes[name]):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield f"{node.value.id}.{node.attr}"

    def cut(self, wanted: Iterable[str]) -> tuple[list[str], list[str]]:
        """The texts of the wanted definitions and of all they need here, in their order; and what they import."""
        found, beyond, queue = set[str](), set[str](), list(wanted)
        while queue:
            name = queue.pop()
            if name.partition(".")[0] in self.imports:
                beyond.add(name)
            elif name in self.definitions and name not in found:
                found.add(name)
                queue += self._needs(name)
        return list(dict.fromkeys(text for name, text in self.definitions.items() if name in found)), sorted(beyond)


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement defines; those annotated with Any are only stand-ins."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]


@cache
def _module(name: str) -> Source:
    """The text of one of Ravine's own modules."""
    return Source(Path(importlib.import_module(name).__file__ or "").read_text(encoding="utf-8"))


def _parts(flags: set[str]) -> Source:
    """What of script_parts the flags choose, without its stand-ins."""
    lines = []
    for line in Path(__file__).with_name("script_parts.py").read_text(encoding="utf-8").splitlines():
        match = _SWITCHED.search(line)
        if not match or (match[2] in flags) != bool(match[1]):
            lines.append(_SWITCHED.sub("", line))
    source = Source("\n".join(lines))
    source.definitions = {name: text for name, text in source.definitions.items() if not name.isupper()}
    return source


# ---------------------------------------------------------------- the script


class Script:
    """A script's parts as they are collected: imports, verbs, and definitions from modules that rules share."""

    def __init__(self, flags: set[str]) -> None:
        self.imports: dict[str, set[str]] = {}  # names by module; none of a module imported as such
        self.verbs: set[str] = set()
        self.flags, self.parts = flags, _parts(flags)
        self._shared: dict[str, dict[str, None]] = {}

    def take(self, source: Source, *wanted: str) -> list[str]:
        """Definitions of a source and all that they need of it; what they import is remembered."""
        texts, beyond = source.cut(wanted)
        for name in beyond:
            first, _, attribute = name.partition(".")
            module, original = source.imports[first]
            if (module, original) == ("optim_core", "xp"):
                self.verbs |= {attribute} - {""}
            elif module.startswith("optim_core"):
                self._shared.setdefault(module, {})[original] = None
            else:
                self.imports.setdefault(module, set()).update({original} - {""})
        return texts

    def shared(self) -> list[str]:
        """The definitions that have been remembered."""
        found = []
        while self._shared:
            module, names = self._shared.popitem()
            found += self.take(self.parts if module == "optim_core.rule" else _module(module), *names)
        return list(dict.fromkeys(found))


def flags(settings: Settings, rules: Iterable[Rule]) -> set[str]:
    """Which of the lines of script_parts a script needs: those of its stop rule, and of what goes around the rules."""
    around = settings.around
    on = {
        "noise": around.noise,
        "clip_value": around.clip == "value",
        "clip_norm": around.clip == "norm",
        "l2": around.weight_decay and around.decay == "l2",
        "decoupled": around.weight_decay and around.decay == "decoupled",
        "schedule": around.scheduled,
        "look": any(rule.look for rule in rules),
        settings.stop: True,
    }
    return {name for name, is_on in on.items() if is_on}


def script_text(settings: Settings, page: str = "") -> str:
    """A Python script that makes the paths of all optimizers that are on, without Ravine.

    It needs NumPy and torch, and SciPy or cma for the rules that are theirs; it prints where each path ends and writes
    paths.csv. Every rule stands in it as in its file.
    """
    cards = {number: card for number, card in settings.cards.items() if card.on}
    rules = {card.rule: RULES[card.rule] for card in cards.values()}
    script = Script(flags(settings, rules.values()))

    modules = {each.module_name: each for rule in rules.values() for each in (rule.base, rule) if each}
    functions = [_function(script, rule) for rule in modules.values()]
    loops = {_LOOPS[rule.kind] for rule in rules.values()}
    running = script.take(script.parts, *loops, "write")
    common = {"Rule"} if loops - {"search"} else set()
    common |= {"around" for rule in rules.values() if rule.base}
    slope = [*script.take(script.parts, settings.difference), f"gradient = {settings.difference}"]
    scheduled = "schedule" in script.flags and "follow" in loops
    schedule = script.take(_module("optim_core.around"), "factor") if scheduled else []
    shared = [*script.take(script.parts, *common), *script.shared()]
    formula = _formula(script, settings)
    verbs = _verbs(script)
    sections = {
        "the verbs of the surface and the rules": verbs,
        "the surface": formula,
        "its gradient": slope,
        "the learning rate over the run": schedule,
        "what several optimizers share": shared,
        "the optimizers": functions,
        "the runs": [*running, _main(settings, cards)],
    }
    body = "".join(_section(title, texts) for title, texts in sections.items() if texts)
    setup = [*_imports(script), "", "torch.set_default_dtype(torch.float64)", 'np.seterr(all="ignore")']
    return "\n".join([_header(settings, page, body), "", *setup, "", *_numbers(settings, body)]) + "\n" + body


def _section(title: str, texts: list[str]) -> str:
    first = "\n" * (2 if texts[0].startswith(("def ", "class ")) else 1)
    return f"\n\n# {'-' * 64} {title}\n{first}" + "\n\n\n".join(texts) + "\n"


_LOOPS = {"step": "follow", "around": "follow", "closure": "ask", "recorded": "search"}


def _function(script: Script, rule: Rule) -> str:
    """A rule's module as a function that returns what the loops want: a Rule, or a search."""
    names = ["record"] if rule.kind == "recorded" else ["State", "init", "after" if rule.kind == "around" else "step"]
    texts = script.take(_module(rule.module.__name__), *names, *(["look"] if rule.look else []))
    if rule.kind == "recorded":
        result = "record"
    else:
        look = "look"
        if rule.looks_with_gradient:
            look = "lambda x, s, h, t, n: look(x, gradient(x), s, h, t, n)"
        more = [look] if rule.look else ["shape=(2, 1)"] if rule.scope == "matrix" else []
        result = f"Rule({', '.join(['init', names[-1], *more])})"
    about = [rule.paper.partition("\n\n")[0], *_in_torch(rule)]
    inside = "\n\n".join([_docstring(about), *texts, f"return {result}"])
    return f"def {rule.module_name}():\n" + textwrap.indent(inside, "    ")


def _in_torch(rule: Rule) -> list[str]:
    """How torch.optim's own optimizer is set up to be the rule, where its ``reference`` says so and no more."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(rule.module.reference))).body
    assert isinstance(found, ast.FunctionDef)
    match [line for line in map(ast.unparse, found.body) if not line.startswith(("import torch", "'"))]:
        case [*unless, last] if last.startswith("return torch.optim."):
            guards = [re.fullmatch(r"if (.*):\n    return None", line) for line in unless]
            if all(guards):
                tests = [f" unless {guard[1]}".replace(" unless not ", " if ") for guard in guards if guard]
                line = f"torch.optim has it too{','.join(tests)}: {last.removeprefix('return ')}"
                return [textwrap.fill(line, _WIDTH, break_long_words=False)]
    return []


def _formula(script: Script, settings: Settings) -> list[str]:
    """The surface's formula as the function ``surface(x, y)``, its parameters before it."""
    surface = SURFACES[settings.surface]
    *constants, formula = script.take(Source(surface.source), "f")
    if not surface.ranges:
        return [*constants, formula.replace("def f(x, y):", "def surface(x, y):", 1)]
    values = ", ".join(f"{name}={_number(value)}" for name, value in settings.parameters.items())
    script.imports.setdefault("types", set()).add("SimpleNamespace")
    parameters = f"PARAMETERS = SimpleNamespace({values})"
    return [*constants, parameters, formula.replace("def f(x, y, q):", "def surface(x, y, q=PARAMETERS):", 1)]


def _verbs(script: Script) -> list[str]:
    """The verbs that are used, and ``xp``, under which they are."""
    if not script.verbs:
        return []
    verbs = sorted(script.verbs)
    texts = script.take(script.parts, *verbs)
    script.imports.setdefault("types", set()).add("SimpleNamespace")
    return [*texts, _listed("xp = SimpleNamespace(", [f"{verb}={verb}" for verb in verbs], ")")]


def _main(settings: Settings, cards: Mapping[int, Card]) -> str:
    """The runs of all cards with their numbers."""
    lines = ["runs = []"]
    for number, card in cards.items():
        rule = RULES[card.rule]
        hyper = [f'"{name}": {_number(value)}' for name, value in card.hyper.items()]
        call = f"{rule.module_name}()"
        call = f"around({call}, {rule.base.module_name}())" if rule.base else call
        title = json.dumps(settings.title(number), ensure_ascii=False)
        lines += [
            "",
            _listed("hyper = {", hyper, "}"),
            f"runs.append(({number}, {title}, {_LOOPS[rule.kind]}({call}, hyper)))",
        ]
    return "\n".join([*lines, "", "write(runs)"])


def _imports(script: Script) -> list[str]:
    """The import statements, those of the standard library first."""
    wanted = script.imports | {"numpy": set(), "torch": set()}
    groups: tuple[list[str], list[str]] = [], []
    for module, names in sorted(wanted.items()):
        alias = " as np" if module == "numpy" else ""
        line = f"from {module} import {', '.join(sorted(names))}" if names else f"import {module}{alias}"
        groups[module in ("numpy", "torch")].append(line)
    return [*sorted(groups[0], key=lambda line: line.startswith("from")), "", *groups[1]]


def _numbers(settings: Settings, body: str) -> list[str]:
    """What the page was set to, as far as the script uses it."""
    surface, around = SURFACES[settings.surface], settings.around
    lowest = surface.lowest(surface.Parameters(**settings.parameters))
    known = {
        "START": f"({', '.join(map(_number, settings.start))})",
        "STEPS": str(int(settings.steps)),
        "DOMAIN": repr(tuple(tuple(map(float, side)) for side in surface.domain)),
        "MOST_POINTS": f"{MOST_POINTS}  # a search ends after the step in which it has asked for so many",
        "SPACING": f"{_number(settings.spacing)}  # h of the differences",
        "TOLERANCE": f"{_number(settings.tolerance)}  # of the stop rule",
        "LOWEST": f"{_number(lowest)}  # the surface's lowest known value",
        "NOISE": f"{_number(around.noise)}  # standard deviation, in each entry of the gradient",
        "SEED": str(int(around.seed)),
        "CLIP_AT": _number(around.clip_at),
        "WEIGHT_DECAY": _number(around.weight_decay),
        "SCHEDULE": json.dumps(around.schedule),
        "WARMUP": _number(around.warmup),
        "GAMMA": _number(around.gamma),
        "EVERY": _number(around.every),
    }
    return [f"{name} = {value}" for name, value in known.items() if re.search(rf"\b{name}\b", body)]


def _header(settings: Settings, page: str, body: str) -> str:
    """The script's docstring: what was done, with what, and how to run it."""
    third = [name for name in ("SciPy", "cma") if re.search(rf"\b(?:import|from) {name.lower()}\b", body)]
    needed = " and ".join([", ".join(["NumPy", *third]), "torch"])
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    return _docstring(
        [
            textwrap.fill(f"Paths of optimizers. {caption(settings)}", _WIDTH),
            textwrap.fill(
                f"It needs {needed}, prints where each path ends, and writes paths.csv. Made by Ravine, "
                f"revision {_revision()}, where the versions were: {known}.",
                _WIDTH,
            ),
            address(settings, page),
        ]
    )


def _docstring(paragraphs: list[str]) -> str:
    """Paragraphs as a docstring, whatever characters they hold."""
    text = "\n\n".join(paragraphs).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{text}' + ("\n" if "\n" in text else "") + '"""'


def _listed(before: str, items: list[str], after: str) -> str:
    """Items between brackets: on one line, or on one each."""
    line = f"{before}{', '.join(items)}{after}"
    return line if len(line) <= _WIDTH else "\n    ".join([before, *(f"{item}," for item in items)]) + f"\n{after}"


def _number(value: float) -> str:
    """A number as Python writes it; ValueError where it is none or is not finite."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return repr(number)


def unwritten(settings: Settings, _: str = "") -> str:
    """Why no script can be written of these settings, or nothing where one can."""
    if "\ndef f(" not in SURFACES[settings.surface].source:
        return "There is no script for a surface made of a table or of data: the CSV and JSON files hold its paths."
    return ""


# Made of the settings and the page's address.
EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "paths.csv": Export("CSV", "A row for each step, all settings above them", "text/csv", csv_text),
        "paths.json": Export("JSON", "Settings, outcomes, paths, losses, gradients", "application/json", json_text),
        "paths.py": Export(
            "Python script",
            "Makes the same paths without Ravine: the surface, its gradient and every optimizer, to read and to change",
            "text/x-python", script_text, unwritten,
        ),
    }
)  # fmt: skip
