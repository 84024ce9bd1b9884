"""What the core asks of a surface: which one it is, it does not know."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from optim_core.engine.shared import Shared
from optim_core.parameters import Range

Interval = tuple[float, float]


class Function(Protocol):
    """Some numbers that follow from a point."""

    def value(self, x: Any, y: Any, parameters: Any = None) -> Any:
        """What they are at x, y: numbers, arrays or tensors."""
        ...


class Surface(Function, Protocol):
    """A function of two variables and what is known of it; parameters q are a tuple ``Parameters``, None its defaults.

    f(x, y), or f(x, y, q) where there are parameters: what is compiled, under a fingerprint of its sources. domain:
    ((x low, x high), (y low, y high)), its window, and scale, the longer side. start: where runs begin unless told
    otherwise. source: what it was written as. shared, numbers: the machine code that it has in common with others, and
    what tells it apart. derivative, hessian: the exact ones. smooth_at_minima: whether its gradient vanishes there.
    """

    derivative: Any  # a Function; pyright finds no cached_property in a property's place
    hessian: Any

    @property
    def name(self) -> str: ...
    @property
    def f(self) -> Any: ...
    @property
    def Parameters(self) -> Any: ...
    @property
    def ranges(self) -> Mapping[str, Range]: ...
    @property
    def source(self) -> str: ...
    @property
    def fingerprint(self) -> bytes: ...
    @property
    def domain(self) -> tuple[Interval, Interval]: ...
    @property
    def start(self) -> tuple[float, float]: ...
    @property
    def smooth_at_minima(self) -> bool: ...
    @property
    def scale(self) -> float: ...
    @property
    def shared(self) -> Shared | None: ...
    @property
    def numbers(self) -> np.ndarray: ...

    def straight(self, order: int) -> Function:
        """The exact derivatives of that order along x and along y."""
        ...

    def minima(self, parameters: Any = None) -> np.ndarray:
        """The known minima, (k, 3): x, y, value."""
        ...

    def lowest(self, parameters: Any = None) -> float:
        """The least value among the known minima; 0 where none is known."""
        ...
