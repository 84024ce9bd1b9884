"""A parsed formula as a graph."""

import numpy as np

from surfaces.core.graph import Graph
from surfaces.formula.parser import LIMITS, FormulaError, Tree


def field_name(name: str) -> str:
    """The name that a parameter has in Python."""
    return "lambda_" if name == "lambda" else name


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
                made = graph.name(field_name(node.name)) if made is None else made
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
