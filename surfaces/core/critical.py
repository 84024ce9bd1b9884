"""The minima and saddles of a smooth function in a window: a sweep over a grid, then Newton on the exact gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np

SIDE = 121  # points of the grid along each axis
MOST = 100  # minima, and saddles, that are kept
_CANDIDATES = 600
_LONELY = 64
_NEWTON, _COMPASS = 40, 90  # steps
_SAME = 1e-5  # of the window: points closer than that are one
_POLE = 1e6
_ANGLES = 2 * np.pi * (np.arange(24) + 0.13) / 24

Function = Callable[[Any, Any], Any]


def critical_points(
    value: Function, gradient: Function, slopes: Function, domain: tuple[tuple[float, float], tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """The minima and the saddles inside the domain, each (k, 3): x, y, value, the lowest first, at most MOST.

    value, gradient and slopes take arrays x, y and return the function, its gradient, and that with the second
    derivatives xx, xy, yy: one, two and five arrays, NaN where there is none. What lies between the grid's points
    (side / SIDE) may be missed. Minima at creases are found by a compass search, which knows them to about 1e-12 of
    the window. Of minima that form a line one is returned.
    """
    (x_low, x_high), (y_low, y_high) = domain
    size = np.array([x_high - x_low, y_high - y_low])
    low = np.array([x_low, y_low])
    x, y = np.meshgrid(np.linspace(x_low, x_high, SIDE), np.linspace(y_low, y_high, SIDE), indexing="ij")
    with np.errstate(all="ignore"):
        z = _full(value(x, y), x)
        candidates = np.concatenate([_minima_of_grid(z), _turns(*(_full(g, x) for g in gradient(x, y)))])
        starts = low + candidates[:, :2] / (SIDE - 1) * size
        found = _distinct(_newton(slopes, starts, low, size), size)
        # Grid minima beside which Newton's method has found none, as where there is a crease.
        lonely = starts[candidates[:, 2] > 0]
        bowls = found[_curvature(slopes, found)[0] > 0]
        beside = np.all(np.abs(lonely[:, None] - bowls) < 1.5 * size / (SIDE - 1), axis=2)
        lonely = lonely[~np.any(beside, axis=1)]
        found = np.concatenate([found, _compass(value, lonely[:_LONELY], size)])
        inside = np.all((found > low) & (found < low + size), axis=1)
        found = _distinct(found[inside], size)
        heights = _full(value(found[:, 0], found[:, 1]), found[:, 0])
        # At a pole rounding leaves something finite, but out of all proportion.
        finite = np.abs(z[np.isfinite(z)])
        sound = np.abs(heights) <= (_POLE * np.quantile(finite, 0.99) if len(finite) else 0.0)
        found, heights = found[sound], heights[sound]
        kinds = _kinds(value, slopes, found, heights, size)
    points = np.column_stack([found, heights])
    order = np.lexsort((points[:, 1], points[:, 0], points[:, 2]))
    points, kinds = points[order], kinds[order]
    minima, saddles = points[kinds == 1], points[kinds == 2]
    if not len(minima):  # a line of them
        minima = points[kinds == 3][:1]
    return minima[:MOST], saddles[:MOST]


def _full(values: Any, like: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, dtype=np.float64), like.shape)


def _minima_of_grid(z: np.ndarray) -> np.ndarray:
    """Grid points (k, 3), row, column, 1, none of whose neighbours is lower, the lowest first."""
    padded = np.pad(np.where(np.isfinite(z), z, np.inf), 1, constant_values=-np.inf)
    lowest = np.isfinite(z)
    n, m = z.shape
    for i in (0, 1, 2):
        for j in (0, 1, 2):
            lowest &= padded[1:-1, 1:-1] <= padded[i : i + n, j : j + m]
    rows, columns = np.nonzero(lowest)
    order = np.argsort(z[rows, columns], kind="stable")[: _CANDIDATES // 2]
    return np.column_stack([rows[order], columns[order], np.ones(len(order))])


def _turns(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
    """Centres (k, 3), row, column, 0, of cells in which both derivatives may vanish."""
    turned = np.ones((gx.shape[0] - 1, gx.shape[1] - 1), dtype=bool)
    for g in (gx, gy):
        corners = np.stack([g[:-1, :-1], g[1:, :-1], g[:-1, 1:], g[1:, 1:]])
        turned &= (corners.min(0) <= 0) & (corners.max(0) >= 0)
    rows, columns = np.nonzero(turned)
    every = max(1, -(-len(rows) // _CANDIDATES))
    return np.column_stack([rows[::every] + 0.5, columns[::every] + 0.5, np.zeros(len(rows[::every]))])


def _newton(slopes: Function, starts: np.ndarray, low: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Where Newton's method on the gradient ends, from those starts from which it converges."""
    points, ended = starts.copy(), []
    step, going = np.zeros_like(points), np.ones(len(points), dtype=bool)
    longest = 2.0 * size / (SIDE - 1)
    for _ in range(_NEWTON):
        if not len(points):
            break
        x, y = points[:, 0], points[:, 1]
        gx, gy, xx, xy, yy = (_full(s, x) for s in slopes(x, y))
        determinant = xx * yy - xy * xy
        step = np.column_stack([(xy * gy - yy * gx) / determinant, (xy * gx - xx * gy) / determinant])
        step[(gx == 0) & (gy == 0)] = 0.0
        step /= np.maximum(1.0, np.abs(step / longest).max(axis=1))[:, None]
        points = points + step
        done = np.all(np.abs(step) <= 1e-14 * (size + np.abs(points)), axis=1)
        ended.append(points[done])
        going = ~done & np.all(np.isfinite(points) & (points > low - 0.1 * size) & (points < low + 1.1 * size), axis=1)
        points = points[going]
    # Those still on their way: where the curvature vanishes too, the step shrinks by a constant factor only.
    if len(points):
        small = np.abs(step[going] / size).max(axis=1) < 1e-7
        ended.append(points[small])
    return np.concatenate([np.empty((0, 2)), *ended])


def _compass(value: Function, points: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Walks down from each point to the best of eight neighbours, halving the step where none is lower."""
    points = points.copy()
    if not len(points):
        return points
    directions = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j], dtype=np.float64) * size
    here = _full(value(points[:, 0], points[:, 1]), points[:, 0]).copy()
    step = np.full(len(points), 0.5 / (SIDE - 1))
    for _ in range(_COMPASS):
        around = points[:, None, :] + step[:, None, None] * directions
        there = _full(value(around[..., 0], around[..., 1]), around[..., 0])
        there = np.where(np.isfinite(there), there, np.inf)
        best = there.argmin(axis=1)
        rows = np.arange(len(points))
        lower = there[rows, best] < here
        points[lower] = around[rows, best][lower]
        here[lower] = there[rows, best][lower]
        step[~lower] *= 0.5
        if step.max() < 1e-14:
            break
    # In a bent valley it may stand still before the end: on a smooth slope half of a small ring lies lower.
    stands = np.ones(len(points), dtype=bool)
    for radius in (1e-7, 1e-6, 1e-5):
        stands &= ~_ring(value, points, here, size, radius)[1].any(axis=1)
    return points[stands]


def _ring(
    value: Function, points: np.ndarray, heights: np.ndarray, size: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where on a small ring around each point the function is higher and lower than there, beyond rounding."""
    x = points[:, :1] + radius * size[0] * np.cos(_ANGLES)
    y = points[:, 1:] + radius * size[1] * np.sin(_ANGLES)
    rise = _full(value(x, y), x) - heights[:, None]
    rise = np.where(np.isfinite(rise), rise, np.inf)
    finite = np.where(np.isfinite(rise), np.abs(rise), 0.0)
    scale = 1e-13 * (np.abs(heights) + finite.max(axis=1))
    return rise > scale[:, None], rise < -scale[:, None]


def _distinct(points: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The points without those close to an earlier one."""
    return points[~np.tril(_close(points / size, _SAME), -1).any(axis=1)]


def _close(points: np.ndarray, distance: float) -> np.ndarray:
    """Which points (k, 2) lie within a distance along both axes: (k, k)."""
    x, y = points.T
    return (np.abs(x[:, None] - x) < distance) & (np.abs(y[:, None] - y) < distance)


def _curvature(slopes: Function, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest curvature at each point."""
    xx, xy, yy = (_full(s, points[:, 0]) for s in slopes(points[:, 0], points[:, 1])[2:])
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return middle - half, middle + half


def _kinds(value: Function, slopes: Function, points: np.ndarray, heights: np.ndarray, size: np.ndarray) -> np.ndarray:
    """1 for a minimum, 2 for a saddle, 3 for a minimum that is not alone, 0 for anything else, for each point (k,)."""
    least, most = _curvature(slopes, points)
    clear = np.isfinite(least) & (np.minimum(np.abs(least), np.abs(most)) > 1e-7 * np.maximum(np.abs(least), most))
    kinds = np.where(least > 0, 1, np.where(most > 0, 2, 0))
    # Where the curvature does not tell: how the heights on two small rings compare.
    verdicts = []
    for radius in (1e-3, 1e-2):
        up, down = _ring(value, points, heights, size, radius)
        verdict = np.where(up.all(axis=1), 1, np.where(~down.any(axis=1) & up.any(axis=1), 3, 0))
        verdicts.append(np.where(up.any(axis=1) & down.any(axis=1), 2, verdict))
    told = np.where(verdicts[0] == verdicts[1], verdicts[0], np.where((verdicts[0] == 3) & (verdicts[1] == 1), 1, 0))
    # Flat minima of one height in neighbouring cells are a line.
    flat = ~clear & (told == 1)
    level = np.abs(heights[:, None] - heights) <= 1e-10 * (np.abs(heights[:, None]) + np.abs(heights)) + 1e-20
    alike = _close(points / size, 3.0 / (SIDE - 1)) & level & flat[:, None] & flat
    told = np.where(flat & (alike.sum(axis=1) > 1), 3, told)
    return np.where(clear, kinds, told)
