"""What a surface is: a module of ``surfaces/`` that holds one function of two variables and what is known of it.

    NAME, REFERENCE, DIFFICULTY    how it is called, where it comes from, what makes it hard, in one sentence
    FAMILY                         one of FAMILIES, in whose order surfaces are listed
    DOMAIN                         ((x low, x high), (y low, y high)), the window in which it is drawn
    START                          where runs begin unless told otherwise
    LATEX                          the formula; derived from f where it is left out
    f(x, y) or f(x, y, q)          written in the verbs of ``optim_core.xp``
    class Parameters(NamedTuple)   q, each field ``Annotated[float, Range(...)] = default``, where there are any
    MINIMA, SADDLES                points (x, y, value); minima(q), saddles(q) where they depend on the parameters. All
                                   lowest minima of the window, and the other ones where they are few
    SMOOTH_AT_MINIMA = False       where the gradient does not vanish at a minimum, or its formula has no value there
    EDGE_MINIMA = True             where a minimum lies on the window's edge and the surface falls further beyond it
    LOWER_OUTSIDE = True           where there are lower places outside the window than the lowest one listed
    LOG_HEIGHTS = True             where heights span decades and are drawn on a logarithmic scale

Nothing is registered: a file of the folder is a surface; what is none stands in a folder of its own.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.engine.machine_code import sources
from optim_core.engine.shared import Shared
from optim_core.parameters import Range, ranges
from surfaces.core.derivative import Derivative
from surfaces.core.graph import Graph, function, traced

FAMILIES = ("teaching", "bowls", "valleys and plates", "a few minima", "many minima")


class NoParameters(NamedTuple):
    """The parameters of a surface that has none."""


@dataclass(frozen=True, eq=False)
class Surface:
    """One function of two variables, as its module declares it."""

    name: str
    title: str
    domain: tuple[tuple[float, float], tuple[float, float]]
    start: tuple[float, float]
    f: Callable[..., Any]
    Parameters: Any
    smooth_at_minima: bool
    log_heights: bool
    difficulty: str
    reference: str
    paper: str
    source: str
    module: ModuleType
    family: str = "typed"
    edge_minima: bool = False
    lower_outside: bool = False
    inlined: bytes = b""  # a digest of what f may have in it besides, for compiled code
    shared: Shared | None = None  # the machine code that it has in common with others, beside its own numbers
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @property
    def listed(self) -> str:
        """The surface as a list offers it."""
        return f"{self.title} · {self.family}"

    @property
    def about(self) -> str:
        """Formula, reference and remarks, in Markdown: what the docstring says below its first paragraph."""
        _, _, remarks = self.paper.partition("\n\n")
        return "\n\n".join(filter(None, (f"${self.latex}$", self.reference, remarks)))

    @property
    def ranges(self) -> Mapping[str, Range]:
        """The Range of each parameter, in order."""
        return ranges(self.Parameters)

    @property
    def fingerprint(self) -> bytes:
        """What the compiled functions depend on."""
        return self.source.encode() + self.inlined

    @property
    def scale(self) -> float:
        """The longer side of the domain."""
        return max(high - low for low, high in self.domain)

    def value(self, x: Any, y: Any, parameters: Any = None) -> Any:
        """The surface at x, y: numbers, arrays, tensors or symbols; in float64 but for floating tensors and symbols."""
        x, y = xp.real(x, y)
        if not self.ranges:
            return self.f(x, y)
        return self.f(x, y, self.Parameters(*xp.real(*(self.Parameters() if parameters is None else parameters))))

    def minima(self, parameters: Any = None) -> np.ndarray:
        """The known minima, (k, 3): x, y, value."""
        return self._points("MINIMA", parameters)

    def saddles(self, parameters: Any = None) -> np.ndarray:
        """The known saddles, (k, 3): x, y, value."""
        return self._points("SADDLES", parameters)

    def lowest(self, parameters: Any = None) -> float:
        """The least value among the known minima; 0 where none is known."""
        minima = self.minima(parameters)
        return float(minima[:, 2].min()) if len(minima) else 0.0

    @cached_property
    def formula(self) -> tuple[Graph, int]:
        """f as a graph, and the graph's root; TypeError where it does what no graph can hold."""
        return traced(self.f, self.Parameters)

    @cached_property
    def derivative(self) -> Derivative:
        """The exact gradient, as a function that compiles like the surface's own formula."""
        return self.derivatives("gradient", "x", "y")

    @cached_property
    def hessian(self) -> Derivative:
        """The exact second derivatives, as such a function."""
        return self.derivatives("hessian", "xx", "xy", "yy")

    def straight(self, order: int) -> Derivative:
        """The exact derivatives of that order along x and along y, as such a function; made anew at each call."""
        return self.derivatives(f"order_{order}", "x" * order, "y" * order)

    def derivatives(self, kind: str, *wanted: str) -> Derivative:
        """A function of all derivatives that are wanted, each by the letters of a text; made anew at each call."""
        graph, root = self.formula
        name = f"{kind}_of_{self.name}"
        nodes = [graph.derivative(root, letters) for letters in wanted]
        f, source = function(graph, nodes, self.Parameters._fields, name)
        return Derivative(name, f, self.Parameters, self.ranges, source.encode())

    @cached_property
    def latex(self) -> str:
        """The formula in LaTeX."""
        if hasattr(self.module, "LATEX"):
            return self.module.LATEX
        from surfaces.core.symbolic import latex  # SymPy comes with it

        return latex(self)

    def _points(self, kind: str, parameters: Any) -> np.ndarray:
        declared = getattr(self.module, kind, ())
        if not len(declared) and hasattr(self.module, kind.lower()):
            declared = getattr(self.module, kind.lower())(self.Parameters() if parameters is None else parameters)
        return np.array(declared, dtype=np.float64).reshape(-1, 3)


def surface_from_module(module: ModuleType) -> Surface:
    """The Surface that a module declares; TypeError says what is missing or wrong."""
    name = module.__name__.rpartition(".")[2]
    wanted = ("NAME", "DOMAIN", "START", "REFERENCE", "DIFFICULTY", "f", "__doc__")
    missing = [item for item in wanted if getattr(module, item, None) is None]
    if missing:
        raise TypeError(f"surface {name}: {', '.join(missing)} missing in {module.__file__}")
    if not hasattr(module, "MINIMA") and not hasattr(module, "minima"):
        raise TypeError(f"surface {name}: MINIMA or minima(q) missing in {module.__file__}")
    family = getattr(module, "FAMILY", FAMILIES[0])
    if family not in FAMILIES:
        raise TypeError(f"surface {name}: FAMILY = {family!r} in {module.__file__} is none of: {', '.join(FAMILIES)}")
    parameters = getattr(module, "Parameters", NoParameters)
    arguments = ["x", "y", "q"] if ranges(parameters) else ["x", "y"]
    if list(inspect.signature(module.f).parameters) != arguments:
        raise TypeError(f"surface {name}: f must take ({', '.join(arguments)})")
    return Surface(
        name=name,
        title=module.NAME,
        family=family,
        domain=module.DOMAIN,
        start=module.START,
        f=module.f,
        Parameters=parameters,
        smooth_at_minima=getattr(module, "SMOOTH_AT_MINIMA", True),
        edge_minima=getattr(module, "EDGE_MINIMA", False),
        lower_outside=getattr(module, "LOWER_OUTSIDE", False),
        log_heights=getattr(module, "LOG_HEIGHTS", False),
        difficulty=module.DIFFICULTY,
        reference=module.REFERENCE,
        paper=inspect.cleandoc(module.__doc__ or ""),
        source=Path(module.__file__ or "").read_text(encoding="utf-8"),
        module=module,
        inlined=sources(module),
    )


def discover() -> Mapping[str, Surface]:
    """All surfaces by name, family by family and in each by title; a module that is none raises."""
    package = importlib.import_module("surfaces")
    names = [entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg]
    found = [surface_from_module(importlib.import_module(f"surfaces.{name}")) for name in names]
    found.sort(key=lambda surface: (FAMILIES.index(surface.family), surface.title))
    return MappingProxyType({surface.name: surface for surface in found})
