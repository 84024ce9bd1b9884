"""A surface from a formula that a user types; ``surfaces.formula.parser`` says how it is written.

    surface = surface_from_formula("(x^2 + y - 11)^2 + a sin(3x)")

Every letter but x, y and e is a parameter with a slider. Nothing of the text is ever run: a parser of our own makes a
tree of it, the tree becomes a function of ``optim_core.xp`` verbs and its exact derivatives, and those run wherever a
surface of the catalogue does.
"""

import hashlib
import sys
from collections import namedtuple
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Annotated, Any

import numpy as np

from optim_core.engine.shared import TAPE
from optim_core.parameters import Range
from surfaces.core import critical
from surfaces.core.derivative import computed
from surfaces.core.graph import CREASED, Graph, function, tape
from surfaces.core.kept import Kept
from surfaces.core.surface import NoParameters, Surface
from surfaces.formula.graph import field_name, graph_of
from surfaces.formula.parser import LIMITS, FormulaError, Limits, Tree, parse
from surfaces.formula.text import canonical, latex, symbol

__all__ = ["LIMITS", "FormulaError", "FormulaSurface", "Limits", "parse", "preview", "surface_from_formula", "troubles"]

Domain = tuple[tuple[float, float], tuple[float, float]]

KEPT = 64  # surfaces that are remembered beside those in use, so that the same text gives the same object
_SAMPLES = 161  # points along each axis of the grid on which troubles are looked for
_LARGEST = 1e6  # of a coordinate of the window
_HUGE = 1e30
_DECADES = 25.0  # heights are drawn on a logarithmic scale where a tenth of the window is so much lower than the rest


@dataclass(frozen=True, eq=False)
class FormulaSurface(Surface):
    """A surface that a user typed: tree, its parsed formula; graph and root, the same as a graph."""

    tree: Tree = field(kw_only=True)
    graph: Graph = field(kw_only=True)
    root: int = field(kw_only=True)

    def value(self, x: Any, y: Any, parameters: Any = None) -> Any:
        """The surface at x, y: floats, arrays, tensors or symbols; not finite, without a warning, where it has none."""
        return computed(self, x, y, parameters)

    def minima(self, parameters: Any = None) -> np.ndarray:
        """The minima found inside the domain, (k, 3): x, y, value, the lowest first."""
        return self.critical_points(parameters)[0].copy()

    def saddles(self, parameters: Any = None) -> np.ndarray:
        """The saddles found inside the domain, (k, 3): x, y, value, the lowest first."""
        return self.critical_points(parameters)[1].copy()

    def critical_points(self, parameters: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The minima and the saddles found inside the domain; ``surfaces.core.critical`` says how."""
        q = self.Parameters() if parameters is None else parameters
        return self._found(tuple(map(float, q)))

    @cached_property
    def _found(self) -> Any:
        slopes = self.derivatives("slopes", "x", "y", "xx", "xy", "yy")

        @lru_cache(maxsize=64)
        def found(numbers: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
            q = self.Parameters(*map(np.float64, numbers))

            def at(function: Any) -> Any:
                return (lambda x, y: function(x, y, q)) if self.ranges else function

            return critical.critical_points(at(self.f), at(self.derivative.f), at(slopes.f), self.domain)

        return found

    @cached_property
    def formula(self) -> tuple[Graph, int]:
        """The graph that was made of the text, and its root."""
        return self.graph, self.root

    @cached_property
    def latex(self) -> str:
        """The formula in LaTeX, as it was typed."""
        return latex(self.tree)

    @property
    def canonical(self) -> str:
        """The formula as text, the same for all spellings."""
        return canonical(self.tree)


def surface_from_formula(text: str, domain: Any = ((-5.0, 5.0), (-5.0, 5.0)), start: Any = None) -> FormulaSurface:
    """The surface that a text writes, such as ``(x^2 + y - 11)^2 + sin(3x)``.

    domain: ((x low, x high), (y low, y high)), the window; start: (x, y), a point near the window's lower left corner
    where it is left out, or near that one where the formula has a value. FormulaError, a ValueError with the position
    of the character, says where the text is no formula; ValueError where window or start is none. The same text gives
    the same object while it is in use or among the last that were asked for; nothing is compiled for it.
    """
    window = checked_domain(domain)
    point = None if start is None else _pair("start", start)
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a text, not {type(text).__name__}", 0)
    if len(text) > LIMITS.length:
        parse(text)
    return _kept.made((text, window, point), lambda: _made(text, window, point))


def _with_value(surface: FormulaSurface) -> tuple[float, float]:
    """Its start, or where the formula has no value there, the nearest point of a grid with values all around."""
    if np.isfinite(surface.value(*surface.start)):
        return surface.start
    x, y = _grid(surface.domain, 41)
    there = np.isfinite(np.broadcast_to(surface.value(x, y), x.shape))
    inside = there[1:-1, 1:-1].copy()
    for i, j in ((0, 1), (2, 1), (1, 0), (1, 2)):
        inside &= there[i : i + 39, j : j + 39]
    if not inside.any():
        return surface.start
    x, y = x[1:-1, 1:-1], y[1:-1, 1:-1]
    away = np.where(inside, np.hypot(x - surface.start[0], y - surface.start[1]), np.inf)
    nearest = np.unravel_index(np.argmin(away), away.shape)
    return float(x[nearest]), float(y[nearest])


def checked_domain(domain: Any) -> Domain:
    """The window ((x low, x high), (y low, y high)) as floats; ValueError where it is none."""
    try:
        x, y = domain
    except (TypeError, ValueError):
        raise ValueError(f"domain = {str(domain)[:60]} must be ((x low, x high), (y low, y high))") from None
    sides = _pair("domain's first part", x), _pair("domain's second part", y)
    for name, (low, high) in zip("xy", sides, strict=True):
        if not high - low >= 1e-9 * max(1.0, abs(low), abs(high)):
            raise ValueError(f"the window's {name} goes from {low:g} to {high:g}; the first must be lower")
    return sides


def _pair(name: str, given: Any) -> tuple[float, float]:
    try:
        a, b = map(float, given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} = {str(given)[:60]} must be two numbers") from None
    for value in (a, b):
        if not abs(value) <= _LARGEST:
            raise ValueError(f"{name} holds {value:g}; it must lie between -{_LARGEST:g} and {_LARGEST:g}")
    return a, b


_kept = Kept(KEPT)


def _made(text: str, domain: Domain, start: tuple[float, float] | None) -> FormulaSurface:
    (x_low, x_high), (y_low, y_high) = domain
    tree = parse(text)
    graph, root = graph_of(tree)
    plain = canonical(tree)
    Parameters = _parameters(tree.parameters)
    f, definition = function(graph, [root], Parameters._fields, "formula")
    name = f"formula_{hashlib.sha256(definition.encode()).hexdigest()[:12]}"
    kinds = {graph.nodes[node][0] for node in graph.reached([root])}
    surface = FormulaSurface(
        name=name,
        title=text.strip(),
        domain=domain,
        start=start or (x_low + 0.2 * (x_high - x_low), y_low + 0.3 * (y_high - y_low)),
        f=f,
        Parameters=Parameters,
        smooth_at_minima=not kinds & set(CREASED),
        log_heights=False,
        difficulty="A formula that was typed: its minima and saddles were found by a search, and others may exist.",
        reference="typed",
        paper="",
        source=f'"""{plain}"""\n\nfrom optim_core import xp\n\n\n{definition}\n',
        module=sys.modules[__name__],
        shared=TAPE,
        numbers=tape(graph, root, Parameters._fields),
        tree=tree,
        graph=graph,
        root=root,
    )
    begin = surface.start if start else _with_value(surface)
    return replace(surface, start=begin, log_heights=_spans_decades(surface))


@lru_cache(maxsize=256)
def _parameters(names: tuple[str, ...]) -> Any:
    """The NamedTuple of a formula's parameters: each 1 at first, with a slider from -10 to 10."""
    if not names:
        return NoParameters
    fields = [field_name(name) for name in names]
    made: Any = namedtuple("Parameters", fields, defaults=[1.0] * len(fields), module=__name__)
    made.__annotations__ = {
        field_name(name): Annotated[float, Range(-10.0, 10.0, symbol(name), valid="[-1e6, 1e6]")] for name in names
    }
    return made


def _grid(domain: Domain, side: int) -> tuple[np.ndarray, np.ndarray]:
    (x_low, x_high), (y_low, y_high) = domain
    x, y = np.meshgrid(np.linspace(x_low, x_high, side), np.linspace(y_low, y_high, side))
    return x, y


def _spans_decades(surface: FormulaSurface) -> bool:
    values = surface.value(*_grid(surface.domain, 41))
    values = values[np.isfinite(values)]
    if len(values) < 100:
        return False
    least, low, most = np.quantile(values, (0.0, 0.1, 1.0))
    return bool(most - least > _DECADES * (low - least))


def preview(text: str) -> str:
    """The LaTeX of a formula that is being typed; FormulaError as ``surface_from_formula``, and nothing is compiled."""
    return latex(parse(text))


def troubles(surface: FormulaSurface, parameters: Any = None) -> list[str]:
    """Sentences about where the formula has no value, no finite value, or no gradient, inside its domain."""
    graph, q = surface.graph, surface.Parameters() if parameters is None else parameters
    x, y = _grid(surface.domain, _SAMPLES)
    found = []
    values = np.broadcast_to(surface.value(x, y, q), x.shape)
    missing = float(np.isnan(values).mean())
    if missing == 1.0:
        return ["The formula has no value anywhere in this window."]
    if missing:
        share = f"{100 * missing:.0f} %" if missing >= 0.01 else "less than 1 %"
        found.append(f"The formula has no value in {share} of this window; runs that enter there end.")
    reached = graph.reached([surface.root])
    vanishing = _vanishing(surface, reached, x, y, q)
    if vanishing or np.isinf(values).any():
        found.append(
            "The formula grows without bound somewhere in this window"
            + (", where a divisor is 0." if vanishing else ".")
        )
    elif (np.abs(values[~np.isnan(values)]) > _HUGE).any():
        found.append(f"The formula's values exceed {_HUGE:g} in this window.")
    names = {"abs": "abs", "max": "max", "min": "min", "sign": "sign", "floor": "floor or ceil", "where": "where"}
    creased = [names[kind] for kind in CREASED if any(graph.nodes[node][0] == kind for node in reached)]
    if creased:
        listed = creased[0] if len(creased) == 1 else f"{', '.join(creased[:-1])} and {creased[-1]}"
        found.append(f"The formula uses {listed}: it may have creases or jumps, across which it has no gradient.")
    if len(surface.minima(q)) == critical.MOST:
        found.append(f"The {critical.MOST} lowest minima that were found are marked; there may be more.")
    return found


def _vanishing(surface: FormulaSurface, reached: list[int], x: np.ndarray, y: np.ndarray, q: Any) -> bool:
    """Whether a divisor in the formula is 0 or changes its sign inside the domain."""
    graph, wanted = surface.graph, set()
    for node in reached:
        kind, *rest = graph.nodes[node]
        if kind == "/" and graph.constant(rest[1]) is None:
            wanted.add(rest[1])
        elif kind == "tan":
            wanted.add(graph.operation("cos", rest[0]))
    for node in sorted(wanted):
        f, _ = function(graph, [node], surface.Parameters._fields, "divisor")
        with np.errstate(all="ignore"):
            divisor = np.broadcast_to(f(x, y, type(q)(*map(np.float64, q))) if surface.ranges else f(x, y), x.shape)
        finite = divisor[np.isfinite(divisor)]
        if len(finite) and finite.min() <= 0.0 <= finite.max():
            return True
    return False
