"""Formulas as graphs in which equal parts are one node, their derivatives, and the functions that compute them.

A formula is put into a graph by its parser (``surfaces.formula.graph``) or by running a surface's f on symbols
(``traced``); what is made of it is built as a syntax tree and compiled, and no text is evaluated.

A node is an index into ``Graph.nodes`` and stands after its arguments, so that every pass is one loop, whatever the
depth, and a derivative adds a few nodes for each node it passes: its size grows in proportion, never exponentially.
"""

import ast
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from optim_core import xp
from optim_core.engine.tape import written

_NESTED = 12  # how deep an expression of the function may be before a part of it gets a name
_FUNCTIONS: dict[str, np.ufunc] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "neg": np.negative,
    "sqrt": np.sqrt, "exp": np.exp, "ln": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "abs": np.abs,
    "sign": np.sign, "floor": np.floor, "max": np.maximum, "min": np.minimum,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "and": np.logical_and,
}  # fmt: skip
_KINDS = {function: kind for kind, function in _FUNCTIONS.items()}
VERBS = {
    "sqrt": "sqrt", "exp": "exp", "ln": "log", "sin": "sin", "cos": "cos", "tanh": "tanh", "atan": "atan",
    "abs": "absolute", "sign": "sign", "floor": "floor", "max": "maximum", "min": "minimum", "^": "power",
    "where": "where",
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
        if kind in ("+", "*") and (kind, b, a) in self._index:
            return self._index[kind, b, a]
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

    def derivative(self, root: int, variables: str) -> int:
        """The derivative of a node by the letters of a text, one after the other; 0 across creases and jumps."""
        for variable in variables:
            slope: dict[int, int] = {}
            for node in self.reached([root]):
                slope[node] = self._slope(node, slope, variable)
            root = slope[root]
        return root

    def _slope(self, node: int, slope: dict[int, int], variable: str) -> int:
        kind, *rest = self.nodes[node]
        if kind == "name":
            return self.number(rest[0] == variable)
        if kind in ("where", "max", "min"):
            *compared, a, b = rest
            held = compared[0] if compared else self.operation(">=" if kind == "max" else "<=", a, b)
            return self.operation("where", held, slope[a], slope[b])
        total = zero = self.number(0.0)
        if any(slope[u] != zero for u in self.arguments(node)):
            for u, partial in self._partials(node):
                if slope[u] != zero:
                    total = self._sum(total, self._product(partial, slope[u]))
        return total

    def _sum(self, a: int, b: int) -> int:
        """The sum of two slopes: one term where they are multiples of each other."""
        (size, whole), (more, other) = self._parts(a), self._parts(b)
        if whole != other:
            return self.operation("+", a, b)
        return self.operation("*", whole, self.number(size + more))

    def _product(self, outer: int, slope: int) -> int:
        """A factor times a slope: numbers become one, and what the slope ends in, which tells x from y, stays last."""
        (size, outer), (more, slope) = self._parts(outer), self._parts(slope)
        if self.nodes[slope][0] == "*":
            _, first, slope = self.nodes[slope]
            outer = self.operation("*", outer, first)
        return self.operation("*", self.operation("*", outer, slope), self.number(size * more))

    def _parts(self, node: int) -> tuple[float, int]:
        """A node as a number times a node."""
        kind, *rest = self.nodes[node]
        if kind == "number":
            return rest[0], self.number(1.0)
        if kind == "neg":
            size, whole = self._parts(rest[0])
            return -size, whole
        if kind == "*":
            a, b = rest
            for number, whole in ((self.constant(a), b), (self.constant(b), a)):
                if number is not None:
                    return number, whole
        return 1.0, node

    def _partials(self, node: int) -> list[tuple[int, int]]:
        """The arguments of a node, each with the node's derivative by it; TypeError where it has none."""
        kind, u, *rest = self.nodes[node]
        v = rest[0] if rest else u
        op, number = self.operation, self.number
        one = number(1.0)
        match kind:
            case "+":
                return [(u, one), (v, one)]
            case "-":
                return [(u, one), (v, number(-1.0))]
            case "*":
                return [(u, v), (v, u)] if u != v else [(u, op("*", number(2.0), u))]
            case "/":
                return [(u, op("/", one, v)), (v, op("neg", op("*", node, op("/", one, v))))]
            case "^":
                return [(u, op("*", v, op("^", u, op("-", v, one)))), (v, op("*", node, op("ln", u)))]
            case "power":
                return [(u, op("*", number(v), self._power(u, v - 1)))]
            case "neg":
                return [(u, number(-1.0))]
            case "sqrt":
                return [(u, op("/", number(0.5), node))]
            case "exp":
                return [(u, node)]
            case "ln":
                return [(u, op("/", one, u))]
            case "sin":
                return [(u, op("cos", u))]
            case "cos":
                return [(u, op("neg", op("sin", u)))]
            case "tan":
                return [(u, op("+", one, self._power(node, 2)))]
            case "asin" | "acos":
                root = op("sqrt", op("*", op("-", one, u), op("+", one, u)))
                return [(u, op("/", number(1.0 if kind == "asin" else -1.0), root))]
            case "atan":
                return [(u, op("/", one, op("+", one, self._power(u, 2))))]
            case "sinh":
                return [(u, op("cosh", u))]
            case "cosh":
                return [(u, op("sinh", u))]
            case "tanh":
                return [(u, op("-", one, self._power(node, 2)))]
            case "abs":
                return [(u, op("sign", u))]
            case "sign" | "floor" | "and" | "<" | "<=" | ">" | ">=":
                return []
        raise TypeError(f"no derivative of {kind}")


# ---------------------------------------------------------------- from a function to its graph


class Symbol(NDArrayOperatorsMixin):
    """A node that a function takes for a number: what NumPy and operators make of it are further nodes of its graph."""

    def __init__(self, graph: Graph, node: int) -> None:
        self.graph, self.node = graph, node

    def __array_ufunc__(self, function: np.ufunc, method: str, *given: Any, **options: Any) -> Any:
        """The operation as a node; there is none for functions that are no operations of a graph."""
        if function not in _KINDS or method != "__call__" or options:
            return NotImplemented
        if function is np.divide and not isinstance(given[1], Symbol):  # which takes a processor longer than a product
            return self._made("*", (given[0], 1.0 / given[1]))
        return self._made(_KINDS[function], given)

    def __array_function__(self, function: Callable[..., Any], types: Any, given: Any, options: Any) -> Any:
        """The choice between two values as a node."""
        return self._made("where", given) if function is np.where and len(given) == 3 else NotImplemented

    def __bool__(self) -> bool:
        raise TypeError("a formula is not true or false before its variables have values; xp.where chooses")

    def _made(self, kind: str, given: Sequence[Any]) -> "Symbol":
        return Symbol(self.graph, self.graph.operation(kind, *(_node(self.graph, value) for value in given)))


def _node(graph: Graph, value: Any) -> int:
    return value.node if isinstance(value, Symbol) else graph.number(value)


def traced(f: Callable[..., Any], Parameters: Any) -> tuple[Graph, int]:
    """The graph of f(x, y), or f(x, y, q) where there are parameters, and its root; f is in the verbs of ``xp``.

    TypeError where it does what no operation of a graph is.
    """
    graph = Graph()
    x, y, *q = (Symbol(graph, graph.name(name)) for name in ("x", "y", *Parameters._fields))
    return graph, _node(graph, f(x, y, Parameters(*q)) if q else f(x, y))


# ---------------------------------------------------------------- from a graph to a function


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
        return ast.Attribute(ast.Name("q", ast.Load()), rest[0], ast.Load())
    if kind in _OPERATORS:
        return ast.BinOp(given[0], _OPERATORS[kind](), given[1])
    if kind == "neg":
        return ast.UnaryOp(ast.USub(), given[0])
    if kind in _COMPARISONS:
        return ast.Compare(given[0], [_COMPARISONS[kind]()], [given[1]])
    if kind == "and":  # written out by the where that asks for it
        return ast.Constant(0.0)
    return ast.Call(ast.Attribute(ast.Name("xp", ast.Load()), VERBS[kind], ast.Load()), given, [])
