"""The update of one step with its numbers put in, read off the rule's own code.

The rule's ``step`` runs once more on the numbers of that step, and what its variables held is written into each of its
assignments: nothing is copied by hand, so what is shown is what has moved the point.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from optim_core import Rule, Trace
from optim_core.around import Around
from views.shared.fields import short

_VERBS = {"sqrt": "√", "maximum": "max", "minimum": "min", "absolute": "abs", "dot": "dot", "power": "pow"}
LONGEST = 220  # characters of a line that are still read


class Line(NamedTuple):
    """One assignment: its name, its formula, the same with numbers, and what came out for x and y (y None: a scalar).

    Of vectors the numbers are those of x, or both where a scalar comes out.
    """

    name: str
    formula: str
    numbers: str
    x: str
    y: str | None


def equation(rule: Rule, run: Trace, step: int, hyper: Mapping[str, float], around: Around, steps: int) -> list[Line]:
    """The assignments of the update that made a step 1, 2, ..., in their order; empty where the rule shows none.

    steps: how many were asked for. Rules that ask for themselves and those of matrices show none.
    """
    if not (rule.kind == "step" and rule.scope != "matrix") or not 1 <= step <= run.steps:
        return []
    factors = around.factors(steps)
    h = rule.Hyper(**hyper)
    x, g = run.path[step - 1], run.gradient[step - 1]
    if around.active and "lr" in rule.Hyper._fields:
        h = h._replace(lr=h.lr * float(factors[step - 1]))
        x = x * (1.0 - h.lr * around.numbers[4]) if around.numbers[4] else x
    state = rule.State(*(run.state[name][step - 1] for name in rule.State._fields))
    values: dict[str, Any] = {"x": x, "g": g, "t": float(step), "n": float(steps)}
    values |= {f"h.{name}": value for name, value in h._asdict().items()}
    values |= {f"s.{name}": value for name, value in state._asdict().items()}
    with np.errstate(all="ignore"):
        after = _watched(rule.step, x, g, state, h, float(step), float(steps))
    lines: list[Line] = []
    made: set[str] = set()
    for statement in _statements(rule):
        known = after(statement.end)
        if statement.names is not None:
            assigned = {name: known[name] for name in statement.names if _is_number(known.get(name))}
            result = assigned.get(statement.names[0]) if len(statement.names) == 1 else None
        else:
            assigned, result = {}, run.path[step]
        size = 0 if result is None else np.size(result)
        if size in (1, 2):
            parts = np.ravel(np.asarray(result, dtype=np.float64))
            symbols = _written(statement.value, partial(_symbol, made))
            numbers = _written(statement.value, partial(_number, values, size == 1))
            if max(len(symbols), len(numbers)) <= LONGEST:
                name = statement.names[0] if statement.names else "xₜ"
                x_text, y_text = short(float(parts[0])), short(float(parts[1])) if size == 2 else None
                lines.append(Line(name, symbols, numbers, x_text, y_text))
        values |= assigned
        made |= assigned.keys()
    return lines


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.ndarray, np.number))


def _watched(function: Callable[..., Any], *arguments: Any) -> Callable[[int], dict[str, Any]]:
    """Runs a function; what is returned tells what its variables hold once a line of its source has been left."""
    seen: list[tuple[int, dict[str, Any]]] = []
    first = function.__code__.co_firstlineno - 1

    def watch(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is not function.__code__:
            return None
        if event in ("line", "return"):
            number = frame.f_lineno - first if event == "line" else sys.maxsize
            seen.append((number, dict(frame.f_locals)))
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return lambda line: next(known for number, known in seen if number > line)


class _Statement(NamedTuple):
    """An assignment to names, or None: what becomes of x; its value, and the last line of its source."""

    names: tuple[str, ...] | None
    value: ast.expr
    end: int


@cache
def _statements(rule: Rule) -> list[_Statement]:
    """The assignments of a step, and last what it returns as x, where that is more than a name."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(rule.step))).body
    found: list[_Statement] = []
    for node in function.body if isinstance(function, ast.FunctionDef) else []:
        end = node.end_lineno or 0
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            names = tuple(part.id for part in ast.walk(node.targets[0]) if isinstance(part, ast.Name))
            found.append(_Statement(names, node.value, end))
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            moved = node.value.elts[0]
            found += [] if isinstance(moved, ast.Name) else [_Statement(None, moved, end)]
    return found


class _Writer(ast.NodeTransformer):
    """Puts names in the place of variables, and signs in that of verbs."""

    def __init__(self, named: Callable[[str], str]) -> None:
        self.named = named

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.named(node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.Name:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if owner == "xp":
            return ast.Name(_VERBS.get(node.attr, node.attr), node.ctx)
        return ast.Name(self.named(f"{owner}.{node.attr}"), node.ctx)


def _written(expression: ast.expr, named: Callable[[str], str]) -> str:
    copy = ast.parse(ast.unparse(expression), mode="eval").body
    text = ast.unparse(_Writer(named).visit(copy))
    text = text.replace(" ** ", "^").replace(" * ", " · ").replace(" - ", " − ").replace(" / ", " ∕ ")
    return re.sub(r"\((\(−[^()]+\))\)", r"\1", text)


def _symbol(made: set[str], name: str) -> str:
    if name.startswith("s."):
        return f"{name[2:].removesuffix('_t')}ₜ₋₁"
    return name if name in made else {"x": "xₜ₋₁", "g": "gₜ"}.get(name, name.removeprefix("h."))


def _number(values: Mapping[str, Any], whole: bool, name: str) -> str:
    if name not in values:
        return name
    parts = [short(float(part)) for part in np.ravel(np.asarray(values[name], dtype=np.float64))]
    if whole and len(parts) > 1:
        return f"({', '.join(parts)})"
    return f"({parts[0]})" if parts[0].startswith("−") else parts[0]
