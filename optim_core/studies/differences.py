"""Finite differences at a point: what they give for every spacing h, how far that is from the exact gradient, and why.

The error has two parts. Truncation, from the formula: h/2 |f''| for forward and h^2/6 |f'''| for central differences.
Rounding, from the values: their noise over h. The best h is where the two balance. (J. Nocedal & S. J. Wright,
Numerical Optimization, 2nd ed. 2006, section 8.1; W. H. Press et al., Numerical Recipes, 3rd ed. 2007, section 5.7.)
"""

from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

import numpy as np

from optim_core.engine.blocks import evaluate
from optim_core.surface import Surface

EPSILON = float(np.finfo(np.float64).eps)
ORDERS = {"forward": 1, "central": 2}  # the power of h in the truncation error

# Noise of the standard deviation sigma in each value: a forward difference holds two over h, a central one two over 2h.
_AMPLIFICATION = {"forward": 2**0.5, "central": 2**-0.5}
_SAMPLES, _DIFFERENCE = 256, 6  # values along each axis for the noise, and the order of their differences
_STEP = 1.37e-8  # between them, times max(1, |x|): far above a unit in the last place, far below the surface's features
_MEDIAN = 0.6745  # of the absolute value of a normal variable of standard deviation 1


class Optimum(NamedTuple):
    """The spacing at which truncation and rounding balance, and the error expected there."""

    spacing: float
    error: float


def exact(surface: Surface, point: Any, q: Any) -> np.ndarray:
    """The exact gradient at a point, (2,); NaN or infinite where the surface has none."""
    return _derivatives(surface, 1, point, q)


def differences(surface: Surface, point: Any, spacings: Any, q: Any) -> dict[str, np.ndarray]:
    """The gradient at a point (x, y) by differences, (n, 2) for each name, for n spacings h.

    ``central``: (f(x+h) - f(x-h)) / (2h). ``forward``: (f(x+h) - f(x)) / h. ``as_printed``, a tutorial's slip:
    f(x+h) - f(x-h) / (2h). The values are those of the compiled surface, as in every run.
    """
    h = np.asarray(spacings, dtype=np.float64)[:, None]
    offsets = h * np.array([[1.0, 0.0, -1.0, 0.0, 0.0]])
    x, y = point[0] + offsets, point[1] + h * np.array([[0.0, 1.0, 0.0, -1.0, 0.0]])
    values = evaluate(surface, x, y, q)
    above, below, here = values[:, :2], values[:, 2:4], values[:, 4:]
    with np.errstate(all="ignore"):
        return {
            "central": (above - below) / (2 * h),
            "forward": (above - here) / h,
            "as_printed": above - below / (2 * h),
        }


def truncation(surface: Surface, point: Any, q: Any) -> dict[str, float]:
    """The factor of h (forward) and of h^2 (central) in the error of the gradient, from exact derivatives.

    The Euclidean length of (f_xx, f_yy) / 2 and of (f_xxx, f_yyy) / 6. NaN where the formula has none.
    """
    second, third = (_derivatives(surface, order, point, q) for order in (2, 3))
    return {"forward": float(np.hypot(*second) / 2), "central": float(np.hypot(*third) / 6)}


def noise(surface: Surface, point: Any, q: Any) -> float:
    """The standard deviation of the rounding errors in the surface's values around a point, both axes' together.

    Sixth differences of values close to each other: what is smooth in them vanishes, what is left is noise. (J. J. Moré
    & S. M. Wild, Estimating computational noise, SIAM J. Sci. Comput. 33 (2011) 1292-1314; here by the median, which a
    kink nearby does not move.) Both axes' together: the root of the sum of their squares, as the errors of the two
    components add up.
    """
    x, y = (float(coordinate) for coordinate in point)
    count = np.arange(_SAMPLES) - _SAMPLES // 2
    away = _STEP * np.array([max(1.0, abs(x)), max(1.0, abs(y))])[:, None] * count
    values = evaluate(surface, x + away * [[1.0], [0.0]], y + away * [[0.0], [1.0]], q)
    with np.errstate(all="ignore"):
        residue = np.median(np.abs(np.diff(values, _DIFFERENCE, axis=1)), axis=1)
    return float(np.hypot(*residue) / (_MEDIAN * comb(2 * _DIFFERENCE, _DIFFERENCE) ** 0.5))


def rounding(difference: str, sigma: float) -> float:
    """The factor of 1/h in the error of the gradient, given the noise of the values."""
    return _AMPLIFICATION[difference] * sigma


def optimum(difference: str, factor: float, sigma: float) -> Optimum:
    """Where factor h^order + rounding/h is least; infinity where there is no truncation, NaN where it is
    not known."""
    order, floor = ORDERS[difference], rounding(difference, sigma)
    if not np.isfinite(factor):
        return Optimum(np.nan, np.nan)
    if factor == 0:
        return Optimum(np.inf, 0.0)
    spacing = (floor / (order * factor)) ** (1 / (order + 1))
    return Optimum(float(spacing), float(factor * spacing**order + (floor / spacing if floor else 0.0)))


@lru_cache(maxsize=128)
def _straight(surface: Surface, order: int) -> Any:
    """The derivatives of an order along the axes; None where the formula has none that can be written."""
    try:
        return surface.derivative if order == 1 else surface.straight(order)
    except (TypeError, ValueError):
        return None


def _derivatives(surface: Surface, order: int, point: Any, q: Any) -> np.ndarray:
    function = _straight(surface, order)
    if function is None:
        return np.full(2, np.nan)
    x, y = (np.float64(coordinate) for coordinate in point)
    q = type(q)(*map(np.float64, q))  # NumPy's numbers divide by zero without raising
    with np.errstate(all="ignore"):
        return np.array([float(part) for part in function.value(x, y, q)])
