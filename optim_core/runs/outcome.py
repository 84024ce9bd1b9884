"""What became of a run: the thresholds and the tests, in one place."""

from enum import IntEnum
from typing import Any

import numpy as np

from optim_core.engine.blocks import evaluate
from optim_core.surface import Surface

FAR = 1e6  # in windows: beyond that a run has diverged
NEAR = 1e-3  # in windows: within that it has reached a minimum, or stands at a saddle
RETURN = 1e-6  # in last steps: within that it has come back to the anchor
CURVATURE = 1e-4  # in windows: the spacing of the second differences


class Outcome(IntEnum):
    """What became of a run; of several that hold, the first. words: for people; colour: of a map's cells, #rrggbb.

    The browser has the same table: ``python -m scripts.map_constants`` after a change here.
    """

    words: str
    colour: str

    def __new__(cls, number: int, words: str, colour: str) -> "Outcome":
        one = int.__new__(cls, number)
        one._value_, one.words, one.colour = number, words, colour
        return one

    DIVERGED = 0, "diverged", "#3c3c3c"
    LEFT_WINDOW = 1, "left the surface’s window", "#b5483a"
    CONVERGED = 2, "reached a minimum", "#2f7ed8"
    LOCAL_MINIMUM = 3, "in a local minimum", "#7fb2e5"  # one that the surface does not list
    AT_SADDLE = 4, "at a saddle", "#e8871e"
    CYCLING = 5, "cycles", "#8b5fd0"
    AT_REST = 6, "at rest, no minimum", "#c8407b"  # its last step moved it by no more than a bit or two
    STILL_MOVING = 7, "not converged", "#8e8e92"
    ENDED = 8, "ended by itself, no minimum", "#6b8e23"  # another library's algorithm has, at none of these places


def outcomes(
    surface: Surface,
    parameters: Any,
    end: np.ndarray,
    anchor: np.ndarray,
    before: np.ndarray,
    complete: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The Outcome of each run, (runs,) uint8, and the index of the minimum reached, (runs,) int, -1 for none.

    end, anchor, before: (runs, 2), the last point, the point some steps earlier, and the point before the last step.
    complete: (runs,) bool, whether a run made all its steps, so that anchor and before are known.
    """
    result = np.full(len(end), Outcome.STILL_MOVING, dtype=np.uint8)
    with np.errstate(all="ignore"):
        stride = np.abs(end - before).sum(axis=1)
        returned = np.abs(end - anchor).sum(axis=1) <= RETURN * stride
        result[complete & (stride > 0) & returned] = Outcome.CYCLING
        result[complete & (stride <= 2 * np.spacing(np.abs(end)).sum(axis=1))] = Outcome.AT_REST
        minimum, distance = nearest_minimum(surface, parameters, end)
        converged = distance <= NEAR * surface.scale
        left = outside(surface, end)
        diverged = far_away(surface, end)
        inside = np.flatnonzero(~(converged | left | diverged))
        positive, indefinite = stationary(surface, parameters, end[inside])
        result[inside[indefinite]] = Outcome.AT_SADDLE
        positive &= distance[inside] > 2 * NEAR * surface.scale  # nearer, it is the listed one that the step leads to
        result[inside[positive]] = Outcome.LOCAL_MINIMUM
    result[converged] = Outcome.CONVERGED
    result[left] = Outcome.LEFT_WINDOW
    result[diverged] = Outcome.DIVERGED
    minimum[result != Outcome.CONVERGED] = -1
    return result, minimum


def nearest_minimum(surface: Surface, parameters: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For points (k, 2): the index of the nearest known minimum and the distance to it; -1 and inf without any."""
    minimum = np.full(len(points), -1)
    distance = np.full(len(points), np.inf)
    for index, (x, y, _) in enumerate(surface.minima(parameters)):
        to_this = np.hypot(points[:, 0] - x, points[:, 1] - y)
        nearer = to_this < distance
        minimum[nearer] = index
        distance[nearer] = to_this[nearer]
    return minimum, distance


def outside(surface: Surface, points: np.ndarray) -> np.ndarray:
    """Whether each of the points (k, 2) lies outside the surface's window."""
    (x_low, x_high), (y_low, y_high) = surface.domain
    x, y = points[:, 0], points[:, 1]
    return ~((x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high))


def far_away(surface: Surface, points: np.ndarray) -> np.ndarray:
    """Whether each of the points (k, 2) is not finite or more than FAR windows away."""
    return ~(np.abs(points).max(axis=1) <= FAR * surface.scale)


def stationary(surface: Surface, parameters: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each of the points (k, 2) stands at a minimum, and whether it stands at a saddle.

    It does where one Newton step, shorter than NEAR, leads to where the gradient vanishes; the Hessian tells which. A
    bound on the gradient alone would call any gentle slope stationary.
    """
    h = CURVATURE * surface.scale
    shifts = h * np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)])
    around = points[None] + shifts[:, None]
    heights = evaluate(surface, around[..., 0], around[..., 1], parameters)
    # In units of the largest difference, a power of two: products of derivatives neither underflow nor overflow.
    heights = np.ldexp(heights, -np.frexp(np.abs(heights - heights[0]).max(axis=0))[1])
    here, east, west, north, south, ne, se, nw, sw = heights
    gx, gy = (east - west) / (2 * h), (north - south) / (2 * h)
    xx, yy = (east - 2 * here + west) / h**2, (north - 2 * here + south) / h**2
    xy = (ne - se - nw + sw) / (4 * h**2)
    determinant = xx * yy - xy * xy
    step = np.hypot(yy * gx - xy * gy, xx * gy - xy * gx) / np.abs(determinant)
    near = step <= NEAR * surface.scale
    return near & (determinant > 0) & (xx > 0), near & (determinant < 0)


def since(surface: Surface, parameters: Any, path: np.ndarray, outcome: Outcome, minimum: int) -> int | None:
    """The step from which on the outcome holds along a path (steps+1, 2); None where it is no matter of place."""
    with np.errstate(all="ignore"):
        if outcome == Outcome.DIVERGED:
            holds = far_away(surface, path)
            return int(np.argmax(holds))
        if outcome == Outcome.LEFT_WINDOW:
            holds = outside(surface, path)
        elif outcome == Outcome.CONVERGED:
            x, y, _ = surface.minima(parameters)[minimum]
            holds = np.hypot(path[:, 0] - x, path[:, 1] - y) <= NEAR * surface.scale
        else:
            return None
    return int(len(holds) - np.argmin(holds[::-1])) if not holds.all() else 0
