"""How far to go along a direction: the searches that rules of kind ``closure`` share.

Nocedal & Wright, Numerical Optimization, 2nd edition, Springer 2006, chapter 3. f is the oracle that such a rule is
given, x the point and d the direction, both NumPy arrays or torch vectors; steps, values and slopes are floats. A slope
is the derivative along d.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from optim_core import xp

NARROW = 1e-9  # a bracket that spans less than this, in every coordinate or of its step, is not searched any further


class Trial(NamedTuple):
    """A step that was tried, the value and the slope there, and whether that slope will do."""

    t: float
    value: float
    slope: float
    flat: bool = False


def backtracking(
    f: Any, x: Any, d: Any, t: float, value: float, slope: float, c1: float, rho: float, most: int
) -> float:
    """The first of the steps t, rho t, rho^2 t, ... that lowers the value by c1 of what the slope promises.

    That is Armijo's condition f(x + t d) <= value + c1 t slope; Nocedal & Wright, Algorithm 3.1. 0 where none of the
    first ``most`` steps does, or d does not descend; NaN where value or slope is none.
    """
    if math.isnan(value + slope):
        return math.nan
    for _ in range(most if slope < 0 else 0):
        if float(f.value(x + t * d)) <= value + c1 * t * slope:
            return t
        t *= rho
    return 0.0


def strong_wolfe(
    f: Any, x: Any, d: Any, t: float, value: float, slope: float, c1: float, c2: float, most: int,
    also: Callable[[Any], bool] | None = None, relative: bool = False,
) -> float:  # fmt: skip
    """A step that fulfils the strong Wolfe conditions: Armijo's, and |slope there| <= c2 |slope|.

    t is tried first, then at most ``most`` others; the best one is returned where none fulfils the conditions. These
    are Algorithms 3.5 and 3.6 of Nocedal & Wright with cubic interpolation (3.59), in the form of M. Schmidt's minFunc
    that torch.optim.LBFGS has (torch 2.13). What is no number counts as infinitely high here, so that the search turns
    back; torch goes on from there. also: a further condition on the gradient there. relative: a bracket is given up
    where it spans less than NARROW of the step, not, as in torch, of a unit. NaN where value or slope is none.
    """
    if math.isnan(value + slope):
        return math.nan

    def at(t: float) -> Trial:
        point = x + t * d
        height, gradient = float(f.value(point)), f.gradient(point)
        rise = float(xp.dot(gradient, d))
        if math.isnan(height + rise):
            return Trial(t, math.inf, math.nan)
        return Trial(t, height, rise, abs(rise) <= -c2 * slope and (also is None or also(gradient)))

    def too_high(trial: Trial) -> bool:
        return trial.value > value + c1 * trial.t * slope

    # Longer steps, until two of them bracket one that fulfils the conditions.
    start, now = Trial(0.0, value, slope), at(t)
    before = start
    for made in range(most):
        if too_high(now) or (made > 1 and now.value >= before.value):
            break
        if now.flat:
            return now.t
        if now.slope >= 0:
            break
        t = cubic(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t)
        before, now = now, at(t)
    else:
        return start.t if start.value <= now.value else now.t

    # The bracket shrinks; its lower end, of index low, always fulfils Armijo's condition.
    ends, stuck, size = [before, now], False, float(abs(d).max())
    low = 0 if before.value <= now.value else 1
    for _ in range(most - made):
        left, right = sorted(end.t for end in ends)
        if (right - left) * (1 / right if relative else size) < NARROW:
            break
        t, margin = cubic(ends[0], ends[1], left, right), 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (stuck or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            close = False
        stuck = close  # so close to an end twice in a row: then a tenth of the bracket away from it
        now = at(t)
        if too_high(now) or now.value >= ends[low].value:
            ends[1 - low] = now
            low = 0 if ends[0].value <= ends[1].value else 1
        elif now.flat:
            return now.t
        else:
            if now.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = now
    return ends[low].t


def cubic(a: Trial, b: Trial, low: float, high: float) -> float:
    """Where the cubic through two trials, with their slopes, is least, no lower than low and no higher than high.

    The middle of low and high where there is no such cubic. Nocedal & Wright (3.59).
    """
    a, b = sorted((a, b))
    middle = (low + high) / 2
    try:
        d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
        square = d1 * d1 - a.slope * b.slope
        root = math.sqrt(square) if square >= 0 else math.nan
        t = b.t - (b.t - a.t) * ((b.slope + root - d1) / (b.slope - a.slope + 2 * root))
    except ZeroDivisionError:
        return middle
    return middle if math.isnan(t) else min(max(t, low), high)
