"""A surface's formula in SymPy: for its LaTeX where its file has none, and for tests."""

from typing import Any

import sympy


def expression(surface: Any) -> tuple[Any, tuple[Any, Any], list[Any]]:
    """The surface's formula as a SymPy expression, its two variables, and its parameters' symbols."""
    x, y = sympy.symbols("x y", real=True)
    letters = [sympy.Symbol(name, real=True) for name in surface.ranges]
    return sympy.sympify(surface.value(x, y, surface.Parameters(*letters))), (x, y), letters


def latex(surface: Any) -> str:
    """The surface's formula in LaTeX."""
    return sympy.latex(expression(surface)[0])
