"""A formula as a graph in which equal parts are one node, its derivatives, and the Python function that computes it.

A node is an index into ``Graph.nodes`` and stands after its arguments, so that every pass is one loop, whatever the
depth, and a derivative adds a few nodes for each node it passes: its size grows in proportion, never exponentially.
"""

import ast
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optim_core import xp
from optim_core.engine.tape import written
from surfaces.formula_parser import LIMITS, FormulaError, Tree

_NESTED = 12  # how deep an expression of the function may be before a part of it gets a name
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "neg": np.negative,
    "sqrt": np.sqrt, "exp": np.exp, "ln": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "abs": np.abs,
    "sign": np.sign, "floor": np.floor, "max": np.maximum, "min": np.minimum,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "and": np.logical_and,
}  # fmt: skip
VERBS = {
    "sqrt": "sqrt", "exp": "exp", "ln": "log", "sin": "sin", "cos": "cos", "tanh": "tanh", "atan": "atan",
    "abs": "absolute", "sign": "sign", "floor": "floor", "max": "maximum", "min": "minimum", "^": "power",
}  # fmt: skip
_OPERATORS: dict[str, Any] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}
_COMPARISONS: dict[str, Any] = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE}
CREASED = ("abs", "max", "min", "sign", "floor", "where")  # what leaves a formula without a gradient somewhere


class Graph:
    """Nodes (kind, argument, ...): ("number", value), ("name", text), and operations on earlier nodes.

    "power" is a node to a whole number >= 2; "^" any other power. "where" takes a comparison and two values.
    """

    def __init__(self) -> None:
        self.nodes: list[tuple] = []
        self._index: dict[tuple, int] = {}

    def _node(self, *node: Any) -> int:
        if node not in self._index:
            self._index[node] = len(self.nodes)
            self.nodes.append(node)
        return self._index[node]

    def number(self, value: float) -> int:
        """The node of a number."""
        return self._node("number", float(value))

    def name(self, text: str) -> int:
        """The node of a variable or parameter."""
        return self._node("name", text)

    def constant(self, node: int) -> float | None:
        """The number that a node is, None where it is none."""
        kind, *rest = self.nodes[node]
        return rest[0] if kind == "number" else None

    def operation(self, kind: str, *arguments: int) -> int:
        """An operation on nodes, simplified where that is exact: numbers combined, 0 and 1 dropped."""
        numbers = [self.constant(node) for node in arguments]
        known = [number for number in numbers if number is not None]
        if kind == "where":
            return self._where(*arguments)
        if len(known) == len(numbers):
            with np.errstate(all="ignore"):
                return self.number(float(_FUNCTIONS[kind](*map(np.float64, known))))
        a, b = arguments[0], arguments[-1]
        if kind == "and" and known:
            held, other = (numbers[0], b) if numbers[0] is not None else (numbers[1], a)
            return other if held else self.number(0.0)
        match kind, numbers:
            case ("+", [0.0, _]) | ("*", [1.0, _]):
                return b
            case ("+" | "-", [_, 0.0]) | ("*" | "/" | "^", [_, 1.0]):
                return a
            case ("*", [0.0, _] | [_, 0.0]) | ("/", [0.0, _]):
                return self.number(0.0)
            case ("-", [0.0, _]) | ("*", [-1.0, _]):
                return self.operation("neg", b)
            case ("*" | "/", [_, -1.0]):
                return self.operation("neg", a)
            case "^", [float(base), _] if base == np.e:
                return self.operation("exp", b)
            case "^", [_, float(exponent)]:
                return self._power(a, exponent)
        if kind == "neg" and self.nodes[a][0] == "neg":
            return self.nodes[a][1]
        if kind == "+" and self.nodes[b][0] == "neg":
            return self.operation("-", a, self.nodes[b][1])
        if kind == "-" and self.nodes[b][0] == "neg":
            return self.operation("+", a, self.nodes[b][1])
        return self._node(kind, *arguments)

    def _power(self, base: int, exponent: float) -> int:
        if exponent == 0.0:
            return self.number(1.0)
        if exponent == 0.5:
            return self.operation("sqrt", base)
        if exponent != int(exponent):
            return self._node("^", base, self.number(exponent))
        size = abs(int(exponent))
        whole = base if size == 1 else self._node("power", base, size)
        return whole if exponent > 0 else self.operation("/", self.number(1.0), whole)

    def _where(self, condition: int, a: int, b: int) -> int:
        held = self.constant(condition)
        if held is not None or a == b:
            return a if held or a == b else b
        return self._node("where", condition, a, b)

    def reached(self, wanted: Sequence[int]) -> list[int]:
        """The nodes that the wanted ones are made of, each after its arguments."""
        found, open_ = set(), list(wanted)
        while open_:
            node = open_.pop()
            if node not in found:
                found.add(node)
                open_ += self.arguments(node)
        return sorted(found)

    def arguments(self, node: int) -> tuple[int, ...]:
        """The nodes on which a node operates."""
        kind, *rest = self.nodes[node]
        if kind in ("number", "name"):
            return ()
        return (rest[0],) if kind == "power" else tuple(rest)

    def derivative(self, root: int, variable: str) -> int:
        """The derivative of a node by a variable; 0 across creases and jumps, whose places have none."""
        slope: dict[int, int] = {}
        for node in self.reached([root]):
            slope[node] = self._slope(node, slope, variable)
        return slope[root]

    def _slope(self, node: int, slope: dict[int, int], variable: str) -> int:
        kind, *rest = self.nodes[node]
        op, number = self.operation, self.number
        zero, one = number(0.0), number(1.0)
        if kind in ("number", "name"):
            return one if rest[0] == variable and kind == "name" else zero
        if kind == "where":
            return op("where", rest[0], slope[rest[1]], slope[rest[2]])
        if kind in _COMPARISONS or kind == "and":
            return zero
        u, du = rest[0], slope[rest[0]]
        if kind == "power":
            n = rest[1]
            return op("*", op("*", number(n), self._power(u, n - 1)), du)
        if len(rest) == 2:
            return self._slope_of_two(kind, node, (u, du), (rest[1], slope[rest[1]]))
        if du == zero:
            return zero
        match kind:
            case "neg":
                return op("neg", du)
            case "sqrt":
                return op("/", du, op("*", number(2.0), node))
            case "exp":
                outer = node
            case "ln":
                return op("/", du, u)
            case "sin":
                outer = op("cos", u)
            case "cos":
                outer = op("neg", op("sin", u))
            case "tan":
                outer = op("+", one, self._power(node, 2))
            case "asin" | "acos":
                root = op("sqrt", op("*", op("-", one, u), op("+", one, u)))
                return op("/", du if kind == "asin" else op("neg", du), root)
            case "atan":
                return op("/", du, op("+", one, self._power(u, 2)))
            case "sinh":
                outer = op("cosh", u)
            case "cosh":
                outer = op("sinh", u)
            case "tanh":
                outer = op("-", one, self._power(node, 2))
            case "abs":
                outer = op("sign", u)
            case "sign" | "floor":
                return zero
            case _:
                raise TypeError(f"no derivative of {kind}")
        return op("*", outer, du)

    def _slope_of_two(self, kind: str, node: int, first: tuple[int, int], second: tuple[int, int]) -> int:
        (u, du), (v, dv), op = first, second, self.operation
        match kind:
            case "+" | "-":
                return op(kind, du, dv)
            case "*":
                return op("+", op("*", du, v), op("*", u, dv))
            case "/":
                return op("/", op("-", du, op("*", node, dv)), v)
            case "max" | "min":
                return op("where", op(">=" if kind == "max" else "<=", u, v), du, dv)
            case "^":
                lower = op("*", op("*", v, op("^", u, op("-", v, self.number(1.0)))), du)
                return op("+", lower, op("*", op("*", node, op("ln", u)), dv))
        raise TypeError(f"no derivative of {kind}")


def graph_of(tree: Tree) -> tuple[Graph, int]:
    """The graph of a parsed formula and its root; FormulaError where a constant in it is not finite, or x and
    y do not matter."""
    graph, found = Graph(), []
    op = graph.operation
    for node in tree.nodes:
        given = [found[k] for k in node.arguments]
        match node.kind:
            case "number":
                made = graph.number(float(node.name))
            case "name":
                made = {"pi": graph.number(np.pi), "e": graph.number(np.e)}.get(node.name)
                made = graph.name(node.name) if made is None else made
            case "where":
                made = given[-1]
                for condition, value in reversed(list(zip(given[:-1:2], given[1::2], strict=True))):
                    made = op("where", condition, value, made)
            case "call":
                made = _call(graph, node.name, given)
            case "and":
                first, second = node.name.split()
                made = op("and", op(first, *given[:2]), op(second, *given[1:]))
            case "^":
                exponent = graph.constant(given[1])
                if exponent is not None and not abs(exponent) <= LIMITS.exponent:
                    at = tree.nodes[node.arguments[1]].at
                    raise FormulaError(
                        f"the exponent is {exponent:g}; its magnitude may be at most {LIMITS.exponent}", at
                    )
                made = op("^", *given)
            case _:
                made = op(node.kind, *given)
        number = graph.constant(made)
        if number is not None and not abs(number) < np.inf:
            what = "is not a real number" if np.isnan(number) else "is infinite or too large"
            raise FormulaError(f"the constant made here {what}", node.at)
        found.append(made)
    if not any(graph.nodes[node] in (("name", "x"), ("name", "y")) for node in graph.reached(found[-1:])):
        raise FormulaError("the formula depends neither on x nor on y; expected one of them in it", 0)
    return graph, found[-1]


def _call(graph: Graph, name: str, given: list[int]) -> int:
    op, u = graph.operation, given[0]
    if name in ("max", "min"):
        for other in given[1:]:
            u = op(name, u, other)
        return u
    if name == "ceil":
        return op("neg", op("floor", op("neg", u)))
    if name in ("log10", "log2"):
        return op("/", op("ln", u), graph.number(np.log(10.0 if name == "log10" else 2.0)))
    return op(name, u)


# ---------------------------------------------------------------- what carries it out


def _primitive(graph: Graph, wanted: Sequence[int]) -> tuple[Graph, list[int]]:
    """The same nodes in operations that have a verb or an operator."""
    made, found = Graph(), {}
    op, number = made.operation, made.number
    positive: set[int] = set()  # nodes that are nowhere negative
    for node in graph.reached(wanted):
        kind, *rest = graph.nodes[node]
        if _nowhere_negative(kind, rest, positive):
            positive.add(node)
        if kind in ("number", "name"):
            found[node] = made._node(kind, *rest)
            continue
        given = [found[k] for k in graph.arguments(node)]
        u = given[0]
        if kind == "power":
            found[node] = _product(made, u, rest[1])
        elif kind == "tan":
            found[node] = op("/", op("sin", u), op("cos", u))
        elif kind in ("asin", "acos"):
            root = op("sqrt", op("*", op("-", number(1.0), u), op("+", number(1.0), u)))
            angle = op("atan", op("/", u, root))
            found[node] = angle if kind == "asin" else op("-", number(np.pi / 2), angle)
        elif kind in ("sinh", "cosh"):
            half = op("*", number(0.5), op("+", op("exp", u), op("exp", op("neg", u))))
            found[node] = half if kind == "cosh" else op("*", op("tanh", u), half)
        elif kind == "^" and graph.constant(rest[1]) is None and rest[0] not in positive:
            found[node] = _signed_power(made, *given)
        elif kind == "where" and made.nodes[given[0]][0] == "and":
            _, first, second = made.nodes[given[0]]
            found[node] = op("where", first, op("where", second, *given[1:]), given[2])
        else:
            found[node] = op(kind, *given)
    return made, [found[node] for node in wanted]


def _nowhere_negative(kind: str, rest: list, positive: set[int]) -> bool:
    if kind == "number":
        return rest[0] >= 0.0
    if kind == "power":
        return rest[1] % 2 == 0 or rest[0] in positive
    if kind in ("+", "*", "/"):
        return rest[0] in positive and rest[1] in positive
    return kind in ("abs", "exp", "sqrt", "cosh") or (kind == "^" and rest[0] in positive)


def _product(graph: Graph, base: int, exponent: int) -> int:
    """base to the power exponent >= 2, by squaring."""
    result = None
    while exponent:
        if exponent & 1:
            result = base if result is None else graph.operation("*", result, base)
        exponent >>= 1
        if exponent:
            base = graph.operation("*", base, base)
    assert result is not None
    return result


def _signed_power(graph: Graph, base: int, exponent: int) -> int:
    """A power with any base, since the verb wants it positive: below 0 real for whole exponents alone."""
    op, number = graph.operation, graph.number
    whole = op("<=", exponent, op("floor", exponent))
    sign = op("where", whole, op("cos", op("*", number(np.pi), exponent)), number(np.nan))
    sign = op("where", op("<", base, number(0.0)), sign, number(1.0))
    return op("*", sign, graph._node("^", op("abs", base), exponent))


def field_name(name: str) -> str:
    """The name that a parameter has in Python."""
    return "lambda_" if name == "lambda" else name


def tape(graph: Graph, root: int, parameters: Sequence[str]) -> np.ndarray:
    """The tape of a formula and its gradient, which compiled code runs; ``optim_core.engine.tape`` says what it is."""

    def part(*wanted: int) -> tuple[list[tuple], list[int]]:
        made, roots = _primitive(graph, wanted)
        order = made.reached(roots)
        place = {node: k for k, node in enumerate(order)}
        operations: list[tuple] = []
        for node in order:
            kind, *rest = made.nodes[node]
            if kind == "name":
                operations.append((rest[0],) if rest[0] in ("x", "y") else ("parameter", parameters.index(rest[0])))
            else:
                operations.append((kind, *(rest if kind == "number" else (place[argument] for argument in rest))))
        return operations, [place[one] for one in roots]

    return written(part(root), part(*(graph.derivative(root, variable) for variable in "xy")), len(parameters))


def function(graph: Graph, wanted: Sequence[int], parameters: Sequence[str], label: str) -> tuple[Any, str]:
    """A function f(x, y) or f(x, y, q) that returns the value of a node, or of several, and its source.

    It is built as a syntax tree and compiled; no text is evaluated, and nothing but ``xp`` is within its reach.
    """
    made, roots = _primitive(graph, wanted)
    order = made.reached(roots)
    uses = dict.fromkeys(order, 0)
    for node in order:
        for argument in made.arguments(node):
            uses[argument] += 1
    body: list[ast.stmt] = []
    written: dict[int, ast.expr] = {}
    height: dict[int, int] = {}
    for node in order:
        arguments = made.arguments(node)
        written[node] = _written(made.nodes[node], [written[k] for k in arguments])
        height[node] = 1 + max((height[k] for k in arguments), default=0)
        compared = made.nodes[node][0] in _COMPARISONS
        deep = height[node] > _NESTED and uses[node]
        if arguments and not compared and (uses[node] > 1 or deep):
            temporary = f"t_{len(body) + 1}"
            body.append(ast.Assign([ast.Name(temporary, ast.Store())], written[node]))
            written[node], height[node] = ast.Name(temporary, ast.Load()), 0
    results = [written[root] for root in roots]
    body.append(ast.Return(results[0] if len(results) == 1 else ast.Tuple(results, ast.Load())))
    arguments_ = [ast.arg("x"), ast.arg("y")] + ([ast.arg("q")] if parameters else [])
    definition = ast.FunctionDef(
        name="f",
        args=ast.arguments(posonlyargs=[], args=arguments_, kwonlyargs=[], kw_defaults=[], defaults=[]),
        body=body,
        decorator_list=[],
    )
    module = ast.fix_missing_locations(ast.Module([definition], []))
    code = compile(module, f"<{label}>", "exec")
    inner = next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    f = types.FunctionType(inner, {"xp": xp, "__name__": __name__, "__builtins__": {}})
    return f, ast.unparse(module)


def _written(node: tuple, given: list[ast.expr]) -> ast.expr:
    kind, *rest = node
    if kind == "number":
        if np.isnan(rest[0]):
            return ast.BinOp(ast.Constant(np.inf), ast.Sub(), ast.Constant(np.inf))
        return ast.Constant(rest[0])
    if kind == "name":
        if rest[0] in ("x", "y"):
            return ast.Name(rest[0], ast.Load())
        return ast.Attribute(ast.Name("q", ast.Load()), field_name(rest[0]), ast.Load())
    if kind in _OPERATORS:
        return ast.BinOp(given[0], _OPERATORS[kind](), given[1])
    if kind == "neg":
        return ast.UnaryOp(ast.USub(), given[0])
    if kind in _COMPARISONS:
        return ast.Compare(given[0], [_COMPARISONS[kind]()], [given[1]])
    if kind == "and":  # written out by the where that asks for it
        return ast.Constant(0.0)
    verb = "where" if kind == "where" else VERBS[kind]
    return ast.Call(ast.Attribute(ast.Name("xp", ast.Load()), verb, ast.Load()), given, [])
