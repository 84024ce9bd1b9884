"""Surfaces from a small grid of heights: the interpolating bicubic spline through them.

Each cell is the bicubic Hermite polynomial of the heights, slopes and twists at its four corners. These are taken from
SciPy's RectBivariateSpline (Dierckx 1993; not-a-knot ends), and the spline is the same function. Beyond the window it
goes on as a straight slope, as it leaves the edge.
"""

import hashlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from scipy.interpolate import RectBivariateSpline
from scipy.spatial import KDTree

from optim_core.engine.machine_code import sources
from optim_core.engine.shared import Shared
from optim_core.parameters import checked_number
from surfaces.core.surface import NoParameters
from surfaces.core.written import WrittenSurface
from surfaces.data.table import MOST_BYTES, read_grid

FEWEST, MOST = 4, 128  # heights along a side
MOST_MINIMA = 100  # that are marked, and told apart at every point of every run
_SOURCE = Path(__file__).read_text(encoding="utf-8")
_NEWTON_STEPS, _SHORTEST = 60, 1e-4
_LEVEL = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class GridSurface(WrittenSurface):
    """A surface through a grid of heights (ny, nx); its second derivatives jump at the window's edge only."""

    heights: np.ndarray
    spline: RectBivariateSpline


def grid_from_bytes(name: str, data: bytes) -> np.ndarray:
    """The heights in an uploaded file, .npy or CSV by its name: (rows, columns) float64. ValueError says what is wrong.

    Nothing is unpickled: an NPY file of objects is refused.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"the file has {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    if not name.lower().endswith(".npy"):
        return read_grid(data, MOST)
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError, MemoryError):
        raise ValueError("the file is no NPY file of numbers; save it with numpy.save and without objects") from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf":
        raise ValueError("the NPY file must hold one array of real numbers")
    return found.astype(np.float64)


def surface_from_grid(
    heights: Any,
    domain: tuple[tuple[float, float], tuple[float, float]] | None = None,
    *,
    title: str = "From a table",
    start: tuple[float, float] | None = None,
    log_heights: bool = False,
) -> GridSurface:
    """The bicubic surface through heights (ny, nx): row 0 is at the least y, column 0 at the least x, evenly spaced.

    domain: left out, a unit from one height to the next, from 0. start: left out, three quarters up from the lowest
    height to the highest. ValueError where the heights are too few, too many or not finite.
    """
    z = np.ascontiguousarray(checked_number("heights", heights, "(-inf, inf)", array=True))
    if z.ndim != 2 or not all(FEWEST <= side <= MOST for side in z.shape):
        raise ValueError(f"the grid has the shape {z.shape}; it needs {FEWEST} to {MOST} rows and as many columns")
    ny, nx = z.shape
    window = domain or ((0.0, nx - 1.0), (0.0, ny - 1.0))
    for axis, (low, high) in zip("xy", window, strict=True):
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(f"the window of {axis} is ({low:g}, {high:g}); it must rise from one number to another")
    (x0, x1), (y0, y1) = window
    xs, ys = np.linspace(x0, x1, nx), np.linspace(y0, y1, ny)
    spline = RectBivariateSpline(xs, ys, z.T, kx=3, ky=3, s=0)
    dx, dy = (x1 - x0) / (nx - 1), (y1 - y0) / (ny - 1)
    nodes = np.stack(
        [spline(xs, ys, dx=i, dy=j) * dx**i * dy**j for i, j in ((0, 0), (1, 0), (0, 1), (1, 1))], axis=-1
    )  # (nx, ny, 4): height, slopes and twist, in units of a cell
    nodes[..., 0] = z.T
    nodes = np.ascontiguousarray(nodes)

    def f(x, y):
        return bicubic(x, y, nodes, x0, dx, y0, dy)[0]

    def gradient(x, y):
        found = bicubic(x, y, nodes, x0, dx, y0, dy)
        return found[1], found[2]

    def hessian(x, y):
        found = bicubic(x, y, nodes, x0, dx, y0, dy)
        return found[3], found[4], found[5]

    if start is None:
        at = np.argmin(np.abs(z - (z.min() + 0.75 * (z.max() - z.min()))))
        row, column = np.unravel_index(at, z.shape)
        start = (float(xs[column]), float(ys[row]))
    digest = hashlib.sha256(nodes.tobytes() + np.array([x0, dx, y0, dy]).tobytes()).hexdigest()
    module = ModuleType("surfaces.table_grid")
    found = minima(z, xs, ys, lambda x, y: bicubic(x, y, nodes, x0, dx, y0, dy))
    module.MINIMA = found[:MOST_MINIMA]  # type: ignore[attr-defined]
    difficulty = "As its heights have it."
    if len(found) > MOST_MINIMA:
        difficulty += f" Of its {len(found):,} minima the {MOST_MINIMA} lowest are marked, and count as minima."
    module.LATEX = r"\sum_{i,j=0}^{3} a_{ij}\,u^i v^j \text{ in each cell}"  # type: ignore[attr-defined]
    return GridSurface(
        name="table_grid", title=title, domain=window, start=start, f=f, Parameters=NoParameters,
        smooth_at_minima=True, log_heights=log_heights, difficulty=difficulty,
        reference=f"A bicubic spline through {ny} × {nx} heights.", paper="", source=f"{_SOURCE}\n# grid {digest}",
        module=module, heights=z, spline=spline, gradient_f=gradient, hessian_f=hessian, shared=GRID,
        numbers=np.concatenate([[x0, dx, y0, dy, nx, ny], nodes.ravel()]),
    )  # fmt: skip


def minima(z: np.ndarray, xs: np.ndarray, ys: np.ndarray, at: Callable[..., Any]) -> np.ndarray:
    """The local minima inside the window, (k, 3): x, y, value, the lowest first.

    Each is found by Newton's method from a height that no neighbour undercuts, from all of them at once: on a plateau
    that are thousands. at(x, y): what ``bicubic`` returns.
    """
    inner = z[1:-1, 1:-1]
    around = [z[1 + i : z.shape[0] - 1 + i, 1 + j : z.shape[1] - 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    rows, columns = np.nonzero(np.all([inner <= other for other in around], axis=0))
    cell = np.array([xs[1] - xs[0], ys[1] - ys[0]])
    begun = point = np.column_stack([xs[columns + 1], ys[rows + 1]])
    share, ended = np.ones(len(point)), [np.empty((0, 3))]  # of Newton's step that is tried
    here = at(*point.T)
    for _ in range(_NEWTON_STEPS):
        value, gx, gy, xx, xy, yy = here
        # In units of a cell; with the curvatures' magnitudes, so that a step leads down where the surface is no bowl.
        curvature, axes = np.linalg.eigh(np.stack([xx, xy, xy, yy], axis=-1).reshape(-1, 2, 2) * np.outer(cell, cell))
        bowl = curvature[:, 0] > _LEVEL * curvature[:, 1]  # along a level valley the lesser one is rounding
        slope = np.einsum("kij,ki->kj", axes, np.column_stack([gx, gy]) * cell)
        with np.errstate(all="ignore"):
            step = np.einsum("kij,kj->ki", axes, np.nan_to_num(slope / np.abs(curvature))) * cell
        there = bowl & np.all(np.abs(step) <= 1e-13 * np.maximum(cell, np.abs(point)), axis=1)
        ended.append(np.column_stack([point, value])[there])
        tried = np.clip(point - share[:, None] * np.clip(step, -cell, cell), begun - cell, begun + cell)
        near = bowl & np.all(np.abs(step) < 1e-3 * cell, axis=1)  # where values differ by rounding, it converges
        new = at(*tried.T)
        taken = near | (new[0] < value)
        share = np.where(taken, 1.0, 0.5 * share)
        point = np.where(taken[:, None], tried, point)
        going = ~there & step.any(axis=1) & (taken | (share > _SHORTEST))
        here = [np.where(taken, after, before)[going] for before, after in zip(here, new, strict=True)]
        begun, point, share = begun[going], point[going], share[going]
    found = np.concatenate(ended)
    found = found[np.argsort(found[:, 2], kind="stable")]
    twice = KDTree(found[:, :2] / cell).query_pairs(1e-6, output_type="ndarray") if len(found) else []
    return np.delete(found, np.unique(np.max(twice, axis=1)) if len(twice) else [], axis=0)


# ---------------------------------------------------------------- the cells


def bicubic(x, y, nodes, x0, dx, y0, dy):
    """Height, slopes by x and y, and second derivatives by x twice, both, and y twice; x and y of one shape.

    nodes (nx, ny, 4): height, slopes and twist at evenly spaced points, in units of a cell.
    """
    if type(x).__module__.startswith("torch") or type(y).__module__.startswith("torch"):
        import torch

        like = x if torch.is_tensor(x) else y
        x, y = (torch.as_tensor(v, dtype=like.dtype, device=like.device) for v in (x, y))
        table: Any = torch.as_tensor(nodes, dtype=like.dtype, device=like.device)
        p, q = (x - x0) / dx, (y - y0) / dy
        u, v = p.clamp(0, nodes.shape[0] - 1), q.clamp(0, nodes.shape[1] - 1)
        i = u.detach().nan_to_num().floor().long().clamp(0, nodes.shape[0] - 2)
        j = v.detach().nan_to_num().floor().long().clamp(0, nodes.shape[1] - 2)
    else:
        x, y, table = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), nodes
        p, q = (x - x0) / dx, (y - y0) / dy
        u, v = np.clip(p, 0, nodes.shape[0] - 1), np.clip(q, 0, nodes.shape[1] - 1)
        i = np.clip(np.nan_to_num(np.floor(u)), 0, nodes.shape[0] - 2).astype(np.int64)
        j = np.clip(np.nan_to_num(np.floor(v)), 0, nodes.shape[1] - 2).astype(np.int64)
    a, b, c, d = table[i, j], table[i + 1, j], table[i, j + 1], table[i + 1, j + 1]
    corners = tuple(corner[..., k] for corner in (a, b, c, d) for k in range(4))
    return _cell(u - i, v - j, p - u, q - v, corners, dx, dy)


def _cell(s, t, over_x, over_y, n, dx, dy):
    """A cell's polynomial at s and t from 0 to 1, and what lies over_x and over_y beyond the window on its slope.

    n: height, slope by s, slope by t, twist, at the corners (0, 0), (1, 0), (0, 1), (1, 1).
    """
    # Hermite's four functions in s, of a height and a slope at 0 and at 1, with first and second derivatives.
    h0, h1 = (1 + 2 * s) * (1 - s) * (1 - s), s * s * (3 - 2 * s)
    k0, k1 = s * (1 - s) * (1 - s), s * s * (s - 1)
    e0, e1, m0, m1 = 6 * s * (s - 1), 6 * s * (1 - s), (1 - s) * (1 - 3 * s), s * (3 * s - 2)
    r0, r1, w0, w1 = 12 * s - 6, 6 - 12 * s, 6 * s - 4, 6 * s - 2
    # On both edges t = 0 and t = 1: the height and the slope by t, each with derivatives by s.
    low = h0 * n[0] + k0 * n[1] + h1 * n[4] + k1 * n[5]
    low_s = e0 * n[0] + m0 * n[1] + e1 * n[4] + m1 * n[5]
    low_ss = r0 * n[0] + w0 * n[1] + r1 * n[4] + w1 * n[5]
    low_t = h0 * n[2] + k0 * n[3] + h1 * n[6] + k1 * n[7]
    low_st = e0 * n[2] + m0 * n[3] + e1 * n[6] + m1 * n[7]
    low_sst = r0 * n[2] + w0 * n[3] + r1 * n[6] + w1 * n[7]
    top = h0 * n[8] + k0 * n[9] + h1 * n[12] + k1 * n[13]
    top_s = e0 * n[8] + m0 * n[9] + e1 * n[12] + m1 * n[13]
    top_ss = r0 * n[8] + w0 * n[9] + r1 * n[12] + w1 * n[13]
    top_t = h0 * n[10] + k0 * n[11] + h1 * n[14] + k1 * n[15]
    top_st = e0 * n[10] + m0 * n[11] + e1 * n[14] + m1 * n[15]
    top_sst = r0 * n[10] + w0 * n[11] + r1 * n[14] + w1 * n[15]
    h0, h1 = (1 + 2 * t) * (1 - t) * (1 - t), t * t * (3 - 2 * t)
    k0, k1 = t * (1 - t) * (1 - t), t * t * (t - 1)
    e0, e1, m0, m1 = 6 * t * (t - 1), 6 * t * (1 - t), (1 - t) * (1 - 3 * t), t * (3 * t - 2)
    r0, r1, w0, w1 = 12 * t - 6, 6 - 12 * t, 6 * t - 4, 6 * t - 2
    f = h0 * low + k0 * low_t + h1 * top + k1 * top_t
    fs = h0 * low_s + k0 * low_st + h1 * top_s + k1 * top_st
    ft = e0 * low + m0 * low_t + e1 * top + m1 * top_t
    fss = h0 * low_ss + k0 * low_sst + h1 * top_ss + k1 * top_sst
    fst = e0 * low_s + m0 * low_st + e1 * top_s + m1 * top_st
    ftt = r0 * low + w0 * low_t + r1 * top + w1 * top_t
    # Beyond the window the edge's slopes go on; what moves along an edge still bends.
    fsst = e0 * low_ss + m0 * low_sst + e1 * top_ss + m1 * top_sst
    fstt = r0 * low_s + w0 * low_st + r1 * top_s + w1 * top_st
    in_x, in_y = 1.0 * (over_x == 0), 1.0 * (over_y == 0)
    value = f + over_x * fs + over_y * ft
    slope_x = fs + in_x * over_y * fst
    slope_y = ft + in_y * over_x * fst
    bend_x = in_x * (fss + over_y * fsst)
    bend_y = in_y * (ftt + over_x * fstt)
    twist = (in_x + in_y - in_x * in_y) * fst
    return value, slope_x / dx, slope_y / dy, bend_x / (dx * dx), twist / (dx * dy), bend_y / (dy * dy)


_compiled_cell = njit(error_model="numpy", fastmath={"contract"})(_cell)


@njit(error_model="numpy", fastmath={"contract"})
def _compiled(x, y, grid):
    """``bicubic`` at a point; grid: x0, dx, y0, dy, nx, ny, and the nodes."""
    x0, dx, y0, dy, nx, ny = grid[0], grid[1], grid[2], grid[3], grid[4], int(grid[5])
    p, q = (x - x0) / dx, (y - y0) / dy
    u, v = min(max(p, 0.0), nx - 1.0), min(max(q, 0.0), ny - 1.0)
    i, j = 0, 0
    if u == u and v == v:
        i, j = min(int(u), int(nx) - 2), min(int(v), ny - 2)
    a = 6 + 4 * (i * ny + j)
    b = a + 4 * ny
    n = (
        grid[a], grid[a + 1], grid[a + 2], grid[a + 3], grid[b], grid[b + 1], grid[b + 2], grid[b + 3],
        grid[a + 4], grid[a + 5], grid[a + 6], grid[a + 7], grid[b + 4], grid[b + 5], grid[b + 6], grid[b + 7],
    )  # fmt: skip
    return _compiled_cell(u - i, v - j, p - u, q - v, n, dx, dy)


def _height(x, y, grid):
    return _compiled(x, y, grid)[0]


def _slopes(x, y, grid):
    found = _compiled(x, y, grid)
    return found[1], found[2]


GRID = Shared("grid", sources(sys.modules[__name__]), _height, _slopes)
