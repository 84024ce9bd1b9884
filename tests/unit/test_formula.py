"""Formulas that a user types: what they mean, what is refused and where, and that every engine computes them alike."""

import ctypes
import gc
import math
import os
import random
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numba.core import event

from optim_core import RULES, sweep, trace
from optim_core.engine import blocks, tape
from optim_core.engine.lanes import LANES
from optim_core.options import DIFFERENCES
from scripts.fuzz_formula import ALPHABET, SEEDS, check_code, examine, mutated
from surfaces import SURFACES, FormulaError, surface_from_formula
from surfaces.core.symbolic import expression
from surfaces.formula.parser import FUNCTIONS, parse
from surfaces.formula.surface import KEPT, troubles
from surfaces.formula.text import canonical, latex

ROOT = Path(__file__).parents[2]
NAN = math.nan

# A formula, and the same in Python; a = 1.5, b = -0.5, lambda_ = 2.
MEANINGS = [
    ("x^2 + 1", lambda x, y: x**2 + 1),
    ("-x^2", lambda x, y: -(x**2)),
    ("(-x)^2", lambda x, y: (-x) ** 2),
    ("x^2^3", lambda x, y: x**8),
    ("2^-x", lambda x, y: 2**-x),
    ("2^-x*y", lambda x, y: 2**-x * y),
    ("x - y - 1", lambda x, y: (x - y) - 1),
    ("x/y/2", lambda x, y: (x / y) / 2),
    ("x/-y*2", lambda x, y: (x / -y) * 2),
    ("x - -y", lambda x, y: x + y),
    ("2*-x*y + 1", lambda x, y: 1 - 2 * x * y),
    ("+x", lambda x, y: x),
    ("3x", lambda x, y: 3 * x),
    ("2(x+1)", lambda x, y: 2 * (x + 1)),
    ("x y", lambda x, y: x * y),
    ("xy", lambda x, y: x * y),
    ("axy", lambda x, y: 1.5 * x * y),
    ("x(y+1)", lambda x, y: x * (y + 1)),
    ("(x+1)(y-2)", lambda x, y: (x + 1) * (y - 2)),
    ("2x^2y", lambda x, y: 2 * x**2 * y),
    ("3 sin(x) cos(y)", lambda x, y: 3 * math.sin(x) * math.cos(y)),
    ("2pi x", lambda x, y: 2 * math.pi * x),
    ("2|x|y", lambda x, y: 2 * abs(x) * y),
    ("||x| - |y||", lambda x, y: abs(abs(x) - abs(y))),
    ("x² + y³ − x·y × 2", lambda x, y: x**2 + y**3 - x * y * 2),
    ("e^x + 2e x", lambda x, y: math.exp(x) + 2 * math.e * x),
    ("2e3 + x", lambda x, y: 2000 + x),
    (".5x + 2.", lambda x, y: 0.5 * x + 2),
    ("x ** 2", lambda x, y: x**2),
    ("x^-2", lambda x, y: 1 / x**2),
    ("x^0.5 + y^0", lambda x, y: math.sqrt(x) + 1),
    ("|x|^a + y^3", lambda x, y: abs(x) ** 1.5 + y**3),
    ("λ x + lambda", lambda x, y: 2 * x + 2),
    ("log(x) + ln(x) + log10(x) + log2(x)", lambda x, y: 2 * math.log(x) + math.log10(x) + math.log2(x)),
    ("sqrt(x) + exp(y) + tan(x)", lambda x, y: math.sqrt(x) + math.exp(y) + math.tan(x)),
    ("sinh(x) + cosh(y) + tanh(x)", lambda x, y: math.sinh(x) + math.cosh(y) + math.tanh(x)),
    ("asin(x/2) + arccos(y/2) + atan(3x)", lambda x, y: math.asin(x / 2) + math.acos(y / 2) + math.atan(3 * x)),
    ("min(x, y) + max(x, y, 1)", lambda x, y: min(x, y) + max(x, y, 1)),
    ("sign(y) + floor(3x) + ceil(3y)", lambda x, y: math.copysign(1, y) + math.floor(3 * x) + math.ceil(3 * y)),
    ("where(x < 0.6, x, y)", lambda x, y: x if x < 0.6 else y),
    ("where(0 < y <= 1, x, 2)", lambda x, y: x if 0 < y <= 1 else 2),
    ("piecewise(x > 1, 1, y >= 0, x, y)", lambda x, y: 1 if x > 1 else x if y >= 0 else y),
]
SETTINGS = {"a": 1.5, "b": -0.5, "lambda_": 2.0}
POINTS = ((0.3, 0.7), (1.2, -0.4), (0.9, 1.9))


def numbers(surface) -> dict[str, float]:
    return {name: SETTINGS[name] for name in surface.ranges}


@pytest.mark.parametrize(("text", "meant"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_a_formula_means_what_it_looks_like(text: str, meant) -> None:
    surface = surface_from_formula(text)
    again = surface_from_formula(surface.canonical)
    q = surface.Parameters(**numbers(surface))
    for x, y in POINTS:
        assert surface.value(x, y, q) == pytest.approx(meant(x, y), rel=1e-14, abs=1e-14)
    assert again.fingerprint == surface.fingerprint
    assert again.name == surface.name


def test_every_function_has_a_meaning_above() -> None:
    typed = " ".join(text for text, _ in MEANINGS)
    assert [
        name for name in FUNCTIONS if f"{name}(" not in typed and f"arc{name[1:]}(" not in typed and name != "abs"
    ] == []


REFUSALS = [
    ("", 0, "found the end of the formula; expected a number"),
    ("x +", 3, "found the end of the formula; expected a number"),
    ("x + * y", 4, "found '*'; expected a number"),
    ("(x + 1", 6, "expected an operator or ')' for the '(' at character 1"),
    ("x + 1)", 5, "no '(' is open"),
    ("|x + 1", 6, "expected an operator or '|'"),
    ("x, y", 1, "a comma stands only"),
    ("0,5x", 1, "decimals are written with a point"),
    ("1.2.3 + x", 3, "a second '.'"),
    ("x 3", 2, "expected an operator before it"),
    ("x3", 1, "x^2"),
    ("x1 + x2", 1, "they are called x and y"),
    ("1/2x", 3, "read in two ways"),
    ("1/(x+1)(y+1)", 7, "read in two ways"),
    ("2^xy", 2, "put the exponent in parentheses"),
    ("sin x", 4, "expected '(' after sin"),
    ("sin^2(x)", 3, "as in sin(x)^2"),
    ("sinx + y", 0, "write sin(x)"),
    ("lnx", 0, "write ln(x)"),
    ("sine(x)", 0, "sin"),
    ("foo + x", 0, "'foo' is no function"),
    ("X + y", 0, "did you mean x?"),
    ("max(x)", 0, "max takes 2 to 8 arguments, not 1"),
    ("sin(x, y)", 5, "sin takes one argument"),
    ("where(x, y, 1)", 6, "expected a comparison"),
    ("where(x < 0, y < 1, 2)", 13, "expected a number"),
    ("piecewise(x < 0, 1, y < 0, 2)", 0, "pairs of a comparison and a value"),
    ("x < 1", 2, "a comparison is no number"),
    ("1 + (x < 1)", 7, "a comparison is no number"),
    ("where(0 < x < 1 < y, 1, x)", 16, "a third comparison"),
    ("x = y", 2, "a formula has no sides"),
    ("3 + 4", 0, "neither on x nor on y"),
    ("x + 1/0", 5, "infinite or too large"),
    ("x + sqrt(-1)", 4, "not a real number"),
    ("х + y", 0, "'х' (CYRILLIC SMALL LETTER HA) is not the Latin x"),
    ("x + у", 4, "'у' (CYRILLIC SMALL LETTER U) is not the Latin y"),
    ("x – y", 2, "'–' (EN DASH) is not the -"),
    ("ｘ + y", 0, "is not x"),
    ("x + ١", 4, "ARABIC-INDIC DIGIT ONE"),
    ("x\u200b+ y", 1, "ZERO WIDTH SPACE"),
    ("x\x00", 1, "U+0000"),
    ("\ud800", 0, "U+D800"),
    ("9**9**9**9 + x", 7, "the exponent is 3.8742e+08; its magnitude may be at most 100"),
    ("x^1000", 2, "the exponent is 1000"),
    ("(" * 10_000 + "x" + ")" * 10_000, 600, "has 20001 characters; at most 600 are allowed"),
    ("(" * 200 + "x" + ")" * 200, 40, "more than 40 parentheses"),
    ("-" * 300 + "x", 40, "more than 40 parentheses"),
    ("x" + "^x" * 200, 80, "more than 40 parentheses"),
    ("x" + "+x" * 250, 401, "more than 200 operations"),
    ("+".join(["sin(x)"] * 60), None, "more than 200 operations"),
    ("a+b+c+d+f+g+h+i+j+x", 16, "parameter number 9; at most 8"),
    ("1" * 400 + "x", 0, "has 400 characters; at most 25"),
    ("1e999 + x", 0, "is too large"),
    ("x.__class__", 1, "'.' is not understood"),
    ("__class__", 0, "'_' is not understood"),
    ("().__class__.__bases__", 2, "'.' is not understood"),
    ("()", 1, "found ')'"),
    ("__import__('os')", 0, "'_' is not understood"),
    ("[x for x in y]", 0, "'[' is not understood"),
    ("lambda x: x", 8, "':' is not understood"),
    ("'x'", 0, "a text cannot be typed here"),
    ('"x" + x', 0, "a text cannot be typed here"),
    ("exec(x)", 0, "'exec' is no function"),
    ("eval(x)", 0, "'eval' is no function"),
    ("x if x else y", 2, "'if' is no function"),
    ("x; y", 1, "';' is not understood"),
    ("f`x`", 1, "is not understood"),
]


@pytest.mark.parametrize(("text", "position", "sentence"), REFUSALS, ids=[text[:20] for text, *_ in REFUSALS])
def test_what_is_no_formula_is_refused_where_it_ends_to_be_one(text: str, position: int | None, sentence: str) -> None:
    with pytest.raises(FormulaError) as caught:
        surface_from_formula(text)
    assert sentence in caught.value.sentence
    if position is not None:
        assert caught.value.position == position
        assert str(caught.value).endswith(f"(character {position + 1})")


@pytest.mark.parametrize("given_", [None, 3, b"x", ["x"]])
def test_something_else_than_a_text_is_refused(given_) -> None:
    with pytest.raises(FormulaError, match="a formula is a text"):
        surface_from_formula(given_)


@pytest.mark.parametrize(
    "domain", [None, 3, ((0, 1),), ((1, 0), (0, 1)), ((0, 1), (0, math.nan)), ((0, 1), (0, 1e300)), (("a", 1), (0, 1))]
)
def test_a_window_that_is_none_is_refused(domain) -> None:
    with pytest.raises(ValueError, match="domain|window"):
        surface_from_formula("x^2 + y", domain)


# Text, and the same for SymPy, which knows nothing of our parser, derivatives and expansions.
SMOOTH = [
    ("(x^2 + y - 11)^2 + sin(3x)", "(x**2 + y - 11)**2 + sin(3*x)"),
    ("a exp(-x^2) y^3 / (2 + cos(y))", "a*exp(-x**2)*y**3/(2 + cos(y))"),
    ("sqrt(x^2 + y^2 + 1)^a", "sqrt(x**2 + y**2 + 1)**a"),
    ("tan(x/4) + sinh(y)cosh(x) - tanh(x y)", "tan(x/4) + sinh(y)*cosh(x) - tanh(x*y)"),
    ("asin(x/9) acos(y/9) + atan(x y)", "asin(x/9)*acos(y/9) + atan(x*y)"),
    ("ln(x^2 + 2) log10(y^2 + 3) + 2^(x/3)", "log(x**2 + 2)*log(y**2 + 3)/log(10) + 2**(x/3)"),
    ("(x^2 + 1)^(y/3) + x^7 - y^-3", "(x**2 + 1)**(y/3) + x**7 - y**-3"),
    ("x^5.5 + 1/(1 + |y|^3)", "x**5.5 + 1/(1 + Abs(y)**3)"),
    ("max(x, y)^2 + min(x, 2y) + |x - 0.5|", "Max(x, y)**2 + Min(x, 2*y) + Abs(x - 0.5)"),
]


@pytest.mark.parametrize(("text", "twin"), SMOOTH, ids=[text for text, _ in SMOOTH])
def test_gradient_and_hessian_are_sympys(text: str, twin: str) -> None:
    surface = surface_from_formula(text)
    q = surface.Parameters(**numbers(surface))
    x, y = sympy.symbols("x y", real=True)
    letters: Any = {"x": x, "y": y, "a": sympy.Float(1.5)}
    formula = sympy.parse_expr(twin, letters)
    wanted = [formula, *(formula.diff(*v) for v in ((x,), (y,), (x, x), (x, y), (y, y)))]
    for px, py in ((0.31, 0.73), (1.23, -0.45), (2.7, 1.9)):
        exact = [float(e.subs({x: px, y: py}).evalf(20)) for e in wanted]
        found = [surface.value(px, py, q), *surface.derivative.value(px, py, q), *surface.hessian.value(px, py, q)]
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("text", [text for text, _ in SMOOTH] + ["where(x < 0, x², y) + floor(x) + sign(y) x"])
def test_gradient_and_hessian_agree_with_central_differences(text: str) -> None:
    surface = surface_from_formula(text)
    q = surface.Parameters(**numbers(surface))
    x, y = np.random.default_rng(0).uniform(0.3, 2.9, (2, 200))
    h = 6e-6
    slopes = (
        (surface.value(x + h, y, q) - surface.value(x - h, y, q)) / (2 * h),
        (surface.value(x, y + h, q) - surface.value(x, y - h, q)) / (2 * h),
    )
    gx, gy = (np.broadcast_to(g, x.shape) for g in surface.derivative.value(x, y, q))
    np.testing.assert_allclose(np.stack(slopes), np.stack([gx, gy]), rtol=2e-7, atol=1e-6)
    along = [(np.array(surface.derivative.value(x + h, y, q)[k]) - surface.derivative.value(x - h, y, q)[k]) / (2 * h)
             for k in (0, 1)]  # fmt: skip
    xx, xy, _ = surface.hessian.value(x, y, q)
    np.testing.assert_allclose(np.broadcast_to(along[0], x.shape), np.broadcast_to(xx, x.shape), rtol=2e-7, atol=1e-5)
    np.testing.assert_allclose(np.broadcast_to(along[1], x.shape), np.broadcast_to(xy, x.shape), rtol=2e-7, atol=1e-5)


ENGINES = (
    "(x^2 + y - 11)^2 + a sin(3x) + where(x < y, |x|, floor(y)) - atan(x)/(2 + e^-y)",
    "tan(x)asin(y/6) + max(x, y)^3 + sinh(x)/cosh(y) + log2(x^2 + 1) + x^b + sign(x)",
)


@pytest.mark.parametrize("text", ENGINES)
def test_numba_numpy_and_torch_agree(text: str) -> None:
    surface = surface_from_formula(text)
    q = surface.Parameters(**dict.fromkeys(surface.ranges, 3.0))
    x, y = np.random.default_rng(1).uniform(-5, 5, (2, 500))
    values = surface.value(x, y, q)
    assert np.isfinite(values).all()
    near: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(blocks.evaluate(surface, x, y, q), values, **near)
    tq = surface.Parameters(*(torch.tensor(v, dtype=torch.float64) for v in q))
    tx, ty = (torch.tensor(v, requires_grad=True) for v in (x, y))
    there = surface.value(tx, ty, tq)
    np.testing.assert_allclose(there.detach().numpy(), values, **near)
    there.sum().backward()
    gx, gy = surface.derivative.value(x, y, q)
    assert tx.grad is not None
    assert ty.grad is not None
    np.testing.assert_allclose(np.stack([tx.grad.numpy(), ty.grad.numpy()]), np.stack([gx, gy]), rtol=1e-9, atol=1e-9)


def test_sympy_reads_the_function() -> None:
    formula, (x, y), _ = expression(surface_from_formula("(x^2 + y)^2 + sin(x)/3 + where(x < y, x, y)"))
    twin = (x**2 + y) ** 2 + sympy.sin(x) / 3.0 + sympy.Piecewise((x, x < y), (y, True))
    assert float((formula - twin).subs({x: 0.4, y: -0.3})) == pytest.approx(0.0, abs=1e-15)


def test_powers_of_negative_numbers_are_real_for_whole_exponents_alone() -> None:
    surface = surface_from_formula("x^a + y")
    at = [surface.value(-2.0, 0.0, surface.Parameters(a)) for a in (2.0, 3.0, 0.5, -1.0)]
    np.testing.assert_allclose(at, [4.0, -8.0, NAN, -0.5], rtol=1e-15)
    x, y = np.array([-2.0, -2.0, 0.0, 3.0]), np.zeros(4)
    for a in (2.0, 3.0, 0.5, -1.0):
        q = surface.Parameters(a)
        np.testing.assert_allclose(blocks.evaluate(surface, x, y, q), surface.value(x, y, q), rtol=1e-15)


def test_himmelblau_typed_is_himmelblau() -> None:
    typed, declared = surface_from_formula("(x^2 + y - 11)^2 + (x + y^2 - 7)^2"), SURFACES["himmelblau"]
    for found, known in ((typed.minima(), declared.minima()), (typed.saddles(), declared.saddles())):
        order = np.lexsort((found[:, 0],)), np.lexsort((known[:, 0],))
        np.testing.assert_allclose(found[order[0]], known[order[1]], rtol=1e-12, atol=1e-12)
    options = {"start": (-0.5, -4.0), "steps": 200, "hyper": {"lr": 0.1}}
    one, other = (trace(RULES["adam"], surface, **options) for surface in (typed, declared))
    np.testing.assert_allclose(one.path, other.path, rtol=1e-9, atol=1e-9)
    assert one.outcome == other.outcome
    exact = trace(RULES["adam"], typed, difference="exact", **options)
    np.testing.assert_allclose(exact.path, one.path, atol=1e-5)
    starts = np.random.default_rng(0).uniform(-5, 5, (100, 2))
    ends = [sweep(RULES["adam"], surface, starts, 200, hyper={"lr": 0.1}).end for surface in (typed, declared)]
    np.testing.assert_allclose(*ends, rtol=1e-7, atol=1e-7)


def test_ackley_typed_runs_through_rules_that_ask_for_themselves() -> None:
    typed = surface_from_formula("-20exp(-0.2sqrt((x^2+y^2)/2)) - exp((cos(2pi x)+cos(2pi y))/2)+20+e")
    run = trace(RULES["newton_damped"], typed, (0.9, 0.1), 20)
    again = trace(RULES["newton_damped"], SURFACES["ackley"], (0.9, 0.1), 20)
    both = min(len(run.path), len(again.path))  # it ends once a gradient rounds to 0, which the last digits decide
    np.testing.assert_allclose(run.path[:both], again.path[:both], atol=1e-6)
    np.testing.assert_allclose(run.path[-1], again.path[-1], atol=1e-6)


CRITICAL = [
    ("|x| + |y - 1|", [(0, 1, 0)], []),
    ("x^4 + y^4", [(0, 0, 0)], []),
    ("x^2 - y^2", [], [(0, 0, 0)]),
    ("x^3 - 3x y^2", [], [(0, 0, 0)]),
    ("(1 - x)^2 + 100(y - x^2)^2", [(1, 1, 0)], []),
    ("x^2 + y", [], []),
    ("1/x + ln(y)", [], []),
    ("a(x - b)^2 + y^2", [(1, 0, 0)], []),
]


@pytest.mark.parametrize(("text", "minima", "saddles"), CRITICAL, ids=[text for text, *_ in CRITICAL])
def test_minima_and_saddles_are_found(text: str, minima: list, saddles: list) -> None:
    surface = surface_from_formula(text)
    np.testing.assert_allclose(surface.minima(), np.array(minima, dtype=float).reshape(-1, 3), atol=1e-9)
    np.testing.assert_allclose(surface.saddles(), np.array(saddles, dtype=float).reshape(-1, 3), atol=1e-9)


def test_minima_follow_the_parameters_and_the_window() -> None:
    surface = surface_from_formula("a(x - b)^2 + y^2")
    np.testing.assert_allclose(surface.minima(surface.Parameters(2.0, 3.0)), [(3, 0, 0)], atol=1e-12)
    assert len(surface.minima(surface.Parameters(2.0, 7.0))) == 0
    np.testing.assert_allclose(surface.saddles(surface.Parameters(-2.0, 3.0)), [(3, 0, 0)], atol=1e-12)
    wide = surface_from_formula("a(x - b)^2 + y^2", ((-9, 9), (-9, 9)))
    np.testing.assert_allclose(wide.minima(wide.Parameters(2.0, 7.0)), [(7, 0, 0)], atol=1e-12)
    assert wide.fingerprint == surface.fingerprint


def test_of_a_line_of_minima_one_is_returned() -> None:
    for text in ("(x - y)^2", "(x^2 + y^2 - 4)^2", "|x - y|"):
        (point,) = surface_from_formula(text).minima()
        assert point[2] == pytest.approx(0.0, abs=1e-12)


def test_every_minimum_of_rastrigin_in_the_window_is_found() -> None:
    surface = surface_from_formula("20 + x^2 + y^2 - 10cos(2pi x) - 10cos(2pi y)", ((-3.2, 3.2), (-3.2, 3.2)))
    places = surface.minima()[:, :2]
    assert len(places) == 49
    assert {tuple(p) for p in np.round(places).astype(int)} == {(i, j) for i in range(-3, 4) for j in range(-3, 4)}
    assert len(surface.saddles()) == 84


def test_troubles_are_told() -> None:
    assert troubles(surface_from_formula("x^2 + y^2")) == []
    told = {
        "ln(x) + y": "no value in 50 %",
        "1/x + y": "where a divisor is 0",
        "1/(x - 0.123) + y": "where a divisor is 0",
        "tan(x) + y": "where a divisor is 0",
        "e^(e^(x y))": "",
        "|x| + max(y, 0)": "uses abs and max",
        "x + floor(y)": "floor or ceil",
        "sqrt(-1 - x^2 - y^2)": "no value anywhere",
        "ln(-1 - x^2 - y^2)": "no value anywhere",  # though its gradient has values
    }
    for text, sentence in told.items():
        found = troubles(surface_from_formula(text))
        assert found
        assert sentence in " ".join(found)


@pytest.mark.parametrize("text", ["sqrt(-1 - x^2 - y^2)", "ln(-1 - x^2 - y^2)"])
def test_what_has_no_value_anywhere_has_no_minima(text: str) -> None:
    surface = surface_from_formula(text)
    assert len(surface.minima()) == len(surface.saddles()) == 0


def test_parameters_become_sliders() -> None:
    surface = surface_from_formula("k_2 x^2 + alpha y + λ")
    assert surface.Parameters._fields == ("alpha", "k2", "lambda_")
    assert [limits.symbol for limits in surface.ranges.values()] == [r"\alpha", "k_{2}", r"\lambda"]
    assert all((limits.low, limits.high) == (-10.0, 10.0) for limits in surface.ranges.values())
    assert surface.Parameters() == (1.0, 1.0, 1.0)
    assert surface.value(2.0, 3.0, surface.Parameters(1.0, 10.0, 100.0)) == 143.0
    run = trace(RULES["gradient_descent"], surface, (1, 1), 1, hyper={"lr": 0.1}, surface_parameters={"k2": 2})
    assert run.path[1] == pytest.approx([0.6, 0.9])


def test_latex_and_the_plain_text() -> None:
    tree = parse("2x^2 y/(x+1) - |y|sqrt(x) + e^-x * 3 + where(x<0, λ, a1)")
    assert canonical(tree) == "2*x^2*y/(x + 1) - abs(y)*sqrt(x) + e^(-x)*3 + where(x < 0, lambda, a1)"
    assert latex(tree) == (
        r"\frac{2\,x^{2}\,y}{x + 1} - \left|y\right|\,\sqrt{x} + e^{-x} \cdot 3 + "
        r"\begin{cases} \lambda & \text{if } x < 0 \\ a_{1} & \text{otherwise} \end{cases}"
    )


# ---------------------------------------------------------------- nothing is compiled for a formula


def test_spellings_of_one_formula_are_one_tape() -> None:
    one, other = surface_from_formula("2x² + y"), surface_from_formula("2*x**2+ y ")
    assert surface_from_formula("2x² + y") is one
    assert (one.name, one.fingerprint) == (other.name, other.fingerprint)
    np.testing.assert_array_equal(one.numbers, other.numbers)
    assert surface_from_formula("2x² + y + 1").name != one.name


def gradients(value: Any, x: np.ndarray, y: np.ndarray, h: float) -> dict[str, list[np.ndarray]]:
    """The gradient by each kind of difference, written out in NumPy."""
    east, west, north, south = value(x + h, y), value(x - h, y), value(x, y + h), value(x, y - h)
    here, half = value(x, y), 0.5 / h
    return {
        "central": [(east - west) * half, (north - south) * half],
        "forward": [(east - here) * (1.0 / h), (north - here) * (1.0 / h)],
        "as_printed": [east - west * half, north - south * half],
    }


def asked(surface: Any, difference: str, x: np.ndarray, y: np.ndarray, q: Any, h: float) -> np.ndarray:
    """The gradients at x, y (64,) by the block function: (2, 64)."""
    p, g = np.stack([x, y]), np.empty((2, LANES))
    rows = np.repeat(np.array([*q, 0.0])[:, None], LANES, axis=1)
    at = [part.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for part in (p, g, rows, surface.numbers)]
    blocks.gradient_block(surface, difference).ctypes(*at, h)
    return g


ALGEBRAIC = (
    "(x^2 + y - 11)^2 + a x/(y - b)", "x^7 - y^-3 + sqrt(x) |y|", "max(x, y, 1)^3 + min(a x, -y) - sign(x)floor(3y)",
    "where(x < y <= b, x y, piecewise(x >= a, 2, y > 0, x, y))", "3", "x", "-y^2", "(x + y)(x - y)(x + 2y)(x - 3y)/x",
)  # fmt: skip


@pytest.mark.parametrize("text", [text if "x" in text or "y" in text else f"{text}+0.5x" for text in ALGEBRAIC])
def test_a_tape_rounds_as_numpy_does(text: str) -> None:
    """To the last bit, since nothing is fused on the way."""
    surface = surface_from_formula(text)
    q = surface.Parameters(**numbers(surface))
    x, y = np.random.default_rng(5).uniform(-3, 3, (2, LANES))
    h = 1e-3
    np.testing.assert_array_equal(blocks.evaluate(surface, x, y, q), np.broadcast_to(surface.value(x, y, q), x.shape))
    found = gradients(lambda x, y: np.broadcast_to(surface.value(x, y, q), x.shape), x, y, h)
    for difference, (gx, gy) in found.items():
        np.testing.assert_array_equal(asked(surface, difference, x, y, q, h), [gx, gy])
    exact = [np.broadcast_to(part, x.shape) for part in surface.derivative.value(x, y, q)]
    np.testing.assert_array_equal(asked(surface, "exact", x, y, q, h), exact)


@pytest.mark.parametrize("seed", range(8))
def test_tapes_of_any_formulas_compute_what_their_functions_do(seed: int) -> None:
    rng, x, y = random.Random(seed), *np.random.default_rng(seed).uniform(-3, 3, (2, LANES))
    tried = 0
    for text in (*(text for text, _ in MEANINGS[seed::8]), *(mutated(rng) for _ in range(400))):
        try:
            surface = surface_from_formula(text)
        except FormulaError:
            continue
        q = surface.Parameters(**{name: 1.5 + k for k, name in enumerate(surface.ranges)})
        values = np.broadcast_to(surface.value(x, y, q), x.shape)
        # Where a sum cancels or an angle is large the last digits of the parts decide; those are tested above.
        tame = np.isfinite(values) & (np.abs(values) < 1e6)
        found = blocks.evaluate(surface, x, y, q)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
        np.testing.assert_allclose(found[tame], values[tame], rtol=1e-6, atol=1e-6)
        tried += 1
    assert tried > 10


def test_no_operation_of_a_tape_fills_a_register_that_it_reads() -> None:
    """Or its loop would not be vectorised; and registers are used again, or long formulas would not fit the cache."""
    surface = surface_from_formula("sin(x + y) cos(x - y) + (x^2 + y - 11)^2 + where(x < y, a x, exp(y))/(1 + x^2)")
    numbers_, read = surface.numbers, {"number": 0, "parameter": 0, "where": 3}
    one_argument = ("neg", "sqrt", "exp", "ln", "sin", "cos", "tanh", "atan", "abs", "sign", "floor")
    seen = 0
    for part in (tape.VALUE, tape.GRADIENT):
        at = int(numbers_[part])
        count, results = int(numbers_[at]), int(numbers_[at + 1])
        begin = at + 2 + results
        for code, target, *sources in numbers_[begin : begin + 5 * count].reshape(-1, 5).astype(int).tolist():
            kind = tape.OPERATIONS[code]
            assert target not in (0, 1, *sources[: read.get(kind, 1 if kind in one_argument else 2)])
            seen += 1
    assert numbers_[tape.REGISTERS] < seen / 3


def test_the_record_of_what_is_compiled_sees_a_compilation() -> None:
    with event.install_recorder("numba:run_pass") as passes:
        njit(lambda x: x + 1.0)(2.0)
    assert passes.buffer


def test_going_round_a_hundred_formulas_compiles_nothing() -> None:
    options: dict[str, Any] = {"start": (1.0, 1.0), "steps": 3, "hyper": {"lr": 1e-3}}
    for difference in DIFFERENCES:  # what all formulas share
        trace(RULES["momentum"], surface_from_formula("x + y"), difference=difference, **options)
    with event.install_recorder("numba:run_pass") as passes:
        for _ in range(2):
            for k in range(100):
                surface = surface_from_formula(f"x^{k % 7 + 2} + {k}y^2 + sin({k}x)")
                for difference in DIFFERENCES:
                    trace(RULES["momentum"], surface, difference=difference, **options)
    assert not passes.buffer


def test_a_formula_in_use_is_kept_and_others_go() -> None:
    used = surface_from_formula("x + 0.5y")
    for k in range(3 * KEPT):
        surface_from_formula(f"x + {k} + y")
    gc.collect()
    assert surface_from_formula("x + 0.5y") is used
    gone = [weakref.ref(surface_from_formula(f"x + {k} + y")) for k in range(KEPT + 1)]
    gc.collect()
    assert gone[0]() is None
    assert gone[-1]() is not None


def test_formulas_leave_nothing_on_the_disk(tmp_path: Path) -> None:
    script = (
        "from surfaces import surface_from_formula\nfrom optim_core.engine import blocks\n"
        "s = surface_from_formula('x^2 + 3y')\n"
        "print(blocks.evaluate(s, 2.0, 1.0, ()).item())"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, cwd=ROOT, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stdout.split() == ["7.0"]
    assert [file.name for file in tmp_path.rglob("*formula*")] == []


def test_the_functions_hold_arithmetic_only() -> None:
    for text, _ in [*MEANINGS, *SMOOTH]:
        assert examine(text)
    f = surface_from_formula("sin(x) + y").f
    assert f.__globals__["__builtins__"] == {}
    with pytest.raises(AssertionError):  # the check itself sees what must not be there
        check_code((lambda x: x.__class__).__code__, set())


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_texts_of_nasty_pieces_are_formulas_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        examine("".join(rng.choices(ALPHABET, k=rng.randint(0, 25))))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=20, max_size=20))
def test_any_texts_are_formulas_or_refused(texts: list[str]) -> None:
    for text in texts:
        examine(text)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_mutated_formulas_are_formulas_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    formulas = sum(examine(mutated(rng)) for _ in range(20))
    assert 0 <= formulas <= 20


def test_mutations_reach_formulas_too() -> None:
    rng = random.Random(1)
    assert sum(examine(mutated(rng)) for _ in range(500)) > 20
    assert all(map(examine, SEEDS[:7]))
