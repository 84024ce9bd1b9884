"""Exact derivatives of a surface as functions, which run wherever the surface itself does."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optim_core import xp


@dataclass(frozen=True, eq=False)
class Derivative:
    """Exact derivatives of a surface: ``f`` returns a tuple of them.

    A gradient's are (df/dx, df/dy), a Hessian's (d2f/dx2, d2f/dxdy, d2f/dy2). fingerprint: what compiled code is made
    from.
    """

    name: str
    f: Any
    Parameters: Any
    ranges: Any
    fingerprint: bytes

    def value(self, x: Any, y: Any, parameters: Any = None) -> tuple[Any, ...]:
        """The derivatives at x, y: floats, arrays or tensors; not finite, without a warning, where there are none."""
        return computed(self, x, y, parameters)


def computed(function: Any, x: Any, y: Any, parameters: Any = None) -> Any:
    """A surface's or a derivative's f at x, y: in float64 but for floating tensors and symbols.

    Not finite, without a warning, where it has no value: numbers are NumPy's, since Python's raise at a division by 0.
    """
    given = xp.real(x, y)
    q = xp.real(*(function.Parameters() if parameters is None else parameters)) if function.ranges else ()
    if all(isinstance(value, (float, np.ndarray)) for value in (*given, *q)):
        given, q = ([np.asarray(value)[()] for value in values] for values in (given, q))
        with np.errstate(all="ignore"):
            return _called(function, given, q)
    return _called(function, given, q)


def _called(function: Any, given: Any, q: Any) -> Any:
    return function.f(*given, function.Parameters(*q)) if function.ranges else function.f(*given)
