"""Exact derivatives: SymPy differentiates a surface's formula, and the result becomes a function again.

The function is built as a syntax tree and compiled; no text is evaluated. It uses the same verbs as the surface, so
Numba, NumPy and torch run it as they run the surface itself.
"""

import ast
import types
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import sympy
from sympy.core.function import Function

from optim_core import xp
from surfaces.surface import Surface

_VERBS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tanh: "tanh",
    sympy.Abs: "absolute",
    sympy.sign: "sign",
}
_COMPARISONS = {
    sympy.StrictGreaterThan: ast.Gt,
    sympy.GreaterThan: ast.GtE,
    sympy.StrictLessThan: ast.Lt,
    sympy.LessThan: ast.LtE,
}


@dataclass(frozen=True, eq=False)
class Derivative:
    """Exact derivatives of a surface; ``f`` of a gradient returns the pair (df/dx, df/dy)."""

    name: str
    f: Any
    Parameters: Any
    ranges: Any
    fingerprint: bytes

    def value(self, x: Any, y: Any, parameters: Any = None) -> tuple[Any, ...]:
        """The derivatives at x, y: numbers, arrays or tensors; in float64 but for floating tensors."""
        x, y = xp.real(x, y)
        if not self.ranges:
            return self.f(x, y)
        return self.f(x, y, self.Parameters(*xp.real(*(self.Parameters() if parameters is None else parameters))))


@dataclass(frozen=True, eq=False, kw_only=True)
class WrittenSurface(Surface):
    """A surface whose derivatives are written by hand: gradient_f returns two of them, hessian_f three."""

    gradient_f: Any
    hessian_f: Any

    @cached_property
    def derivative(self) -> Derivative:
        """The exact gradient, as a function that compiles like the surface itself."""
        return self.written("gradient", self.gradient_f)

    @cached_property
    def hessian(self) -> Derivative:
        """The exact second derivatives, as such a function."""
        return self.written("hessian", self.hessian_f)

    def straight(self, order: int) -> Derivative:
        """The exact derivatives along x and along y of order 1 or 2; ValueError for others."""
        if order == 1:
            return self.derivative
        if order != 2:
            raise ValueError(f"the derivatives of order {order} of {self.title} are not known here")
        second = self.hessian_f

        def f(x, y):
            found = second(x, y)
            return found[0], found[2]

        return self.written("second", f)

    def written(self, kind: str, f: Any) -> Derivative:
        """Such a function."""
        return Derivative(f"{kind}_of_{self.name}", f, self.Parameters, self.ranges, self.fingerprint)


def expression(surface: Any) -> tuple[Any, tuple[Any, Any], list[Any]]:
    """The surface's formula as a SymPy expression, its two variables, and its parameters' symbols."""
    x, y = sympy.symbols("x y", real=True)
    letters = [sympy.Symbol(name, real=True) for name in surface.ranges]
    return sympy.sympify(surface.value(x, y, surface.Parameters(*letters))), (x, y), letters


def latex(surface: Any) -> str:
    """The surface's formula in LaTeX."""
    return sympy.latex(expression(surface)[0])


def derivative(surface: Any, order: int = 1) -> Derivative:
    """The exact gradient of a surface; of a higher order the derivatives along x and along y, none mixed."""
    formula, (x, y), _ = expression(surface)
    return _function("gradient", surface, [sympy.diff(formula, x, order), sympy.diff(formula, y, order)])


def hessian(surface: Any) -> Derivative:
    """The exact second derivatives of a surface; ``f`` returns (d2f/dx2, d2f/dxdy, d2f/dy2)."""
    formula, (x, y), _ = expression(surface)
    return _function("hessian", surface, [sympy.diff(formula, *pair) for pair in ((x, x), (x, y), (y, y))])


def _function(kind: str, surface: Any, wanted: list[Any]) -> Derivative:
    """A function of the surface's variables that returns the values of expressions in them."""
    letters = [sympy.Symbol(name, real=True) for name in surface.ranges]
    # The second derivative of |u|: nothing but at the kink.
    wanted = [one.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0)) for one in wanted]
    shared, results = sympy.cse(wanted, symbols=sympy.numbered_symbols("t"))
    body: list[ast.stmt] = [
        _assign(letter.name, ast.Attribute(_name("q"), letter.name, ast.Load())) for letter in letters
    ]
    body += [_assign(symbol.name, _tree(value)) for symbol, value in shared]
    body.append(ast.Return(ast.Tuple([_tree(result) for result in results], ast.Load())))
    arguments = [ast.arg("x"), ast.arg("y")] + ([ast.arg("q")] if letters else [])
    function = ast.FunctionDef(
        name="f",
        args=ast.arguments(posonlyargs=[], args=arguments, kwonlyargs=[], kw_defaults=[], defaults=[]),
        body=body,
        decorator_list=[],
    )
    tree = ast.fix_missing_locations(ast.Module([function], []))
    fingerprint = ast.unparse(tree).encode()
    code = compile(tree, f"<{kind} of {surface.name}>", "exec")
    inner = next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    f = types.FunctionType(inner, {"xp": xp, "__name__": __name__, "__builtins__": {}})
    return Derivative(f"{kind}_of_{surface.name}", f, surface.Parameters, surface.ranges, fingerprint)


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _call(verb: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(_name("xp"), verb, ast.Load()), list(arguments), [])


def _tree(node: Any) -> ast.expr:
    """The syntax tree of a SymPy expression; TypeError names what has no verb."""
    if node.is_Symbol:
        return _name(node.name)
    if node.is_Integer:
        return ast.Constant(float(node))
    if node.is_number and not node.args:
        return ast.Constant(float(node))
    if node.is_Rational:
        return ast.Constant(float(node))
    if node.is_Add:
        return reduce(lambda a, b: ast.BinOp(a, ast.Add(), b), map(_tree, node.args))
    if node.is_Mul:
        return reduce(lambda a, b: ast.BinOp(a, ast.Mult(), b), map(_tree, node.args))
    if node.is_Pow:
        return _power(node.base, node.exp)
    if node.is_Piecewise:
        *cases, (last, _) = node.args
        result = _tree(last)
        for value, condition in reversed(cases):
            result = _call("where", _condition(condition), _tree(value), result)
        return result
    if isinstance(node, (sympy.Max, sympy.Min)):
        verb = "maximum" if isinstance(node, sympy.Max) else "minimum"
        return reduce(lambda a, b: _call(verb, a, b), map(_tree, node.args))
    if isinstance(node, Function) and node.func in _VERBS:
        return _call(_VERBS[node.func], *map(_tree, node.args))
    raise TypeError(f"no verb for {node.func.__name__} in {node}")


def _power(base: Any, exponent: Any) -> ast.expr:
    if exponent.is_Integer and abs(int(exponent)) <= 32:
        whole = ast.BinOp(_tree(base), ast.Pow(), ast.Constant(abs(int(exponent))))
        if exponent == -1:
            whole = _tree(base)
        return whole if exponent > 0 else ast.BinOp(ast.Constant(1.0), ast.Div(), whole)
    if abs(exponent) == sympy.Rational(1, 2):
        root = _call("sqrt", _tree(base))
        return root if exponent > 0 else ast.BinOp(ast.Constant(1.0), ast.Div(), root)
    if base == sympy.E:
        return _call("exp", _tree(exponent))
    return _call("power", _tree(base), _tree(exponent))


def _condition(node: Any) -> ast.expr:
    if type(node) not in _COMPARISONS:
        raise TypeError(f"no verb for the condition {node}")
    return ast.Compare(_tree(node.lhs), [_COMPARISONS[type(node)]()], [_tree(node.rhs)])
