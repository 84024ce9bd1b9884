"""Nelder-Mead, the downhill simplex. Nelder & Mead, The Computer Journal 7, 1965; SciPy's, at 1.17.1.

SciPy follows Lagarias, Reeds, Wright & Wright, SIAM Journal on Optimization 9, 1998. Its switch ``adaptive`` (Gao &
Han, Computational Optimization and Applications 51, 2012) is left out: in two dimensions it changes no coefficient. The
first simplex is the start and a point along each axis, ``size`` times the window's side away, mirrored where that lies
outside. Points outside the window are moved onto its edge, which may flatten the simplex; a start outside widens the
window. The present point is the best vertex. It ends once all vertices lie within ``xatol`` of the best one in each
coordinate, and within ``fatol`` of its value. NaN is worse than anything.

Held against the algorithm written anew from Lagarias et al.; the cut at the window's edge and the ending are SciPy's.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core.helpers.recorded import box, comparable
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Nelder-Mead"
YEAR = 1965
FAMILY = "without gradients"
KIND = "recorded"
LATEX = (
    r"\bar x = \tfrac12 (x_1 + x_2),\quad x_r = \bar x + (\bar x - x_3),\quad "
    r"x_e = \bar x + 2\,(x_r - \bar x),\quad x_c = \bar x \pm \tfrac12 (x_r - \bar x),\quad "
    r"x_i \leftarrow x_1 + \tfrac12 (x_i - x_1)"
)
CHANGE = "Compares values at the corners of a triangle, and moves its worst corner."
NETWORK = None
NO_NETWORK = "A simplex has a corner more than there are parameters, each a copy of the whole network."


class Hyper(NamedTuple):
    size: Annotated[float, Range(0.001, 0.5, "a", log=True, valid="[1e-6, 0.5]")] = 0.05
    xatol: Annotated[float, Range(1e-12, 0.1, r"\varepsilon_x", log=True, valid="[0, 1]")] = 1e-8
    fatol: Annotated[float, Range(1e-12, 0.1, r"\varepsilon_f", log=True, valid="[0, 1]")] = 1e-8


CHECKS = (Check(), Check({"size": 0.5}))


def record(f, x, h, n, done):
    from scipy.optimize import minimize

    low, high = box(f, x)
    minimize(
        lambda point: comparable(f.value(point)),
        x,
        method="Nelder-Mead",
        bounds=list(zip(low, high, strict=True)),
        callback=done,
        options={
            "initial_simplex": x + np.vstack([np.zeros(2), np.diag(h.size * (high - low))]),
            "xatol": h.xatol,
            "fatol": h.fatol,
            "maxiter": n + 1,  # SciPy counts the first simplex as an iteration
        },
    )


def reference(params, h):
    return None  # no torch.optim optimizer goes without gradients


def expected(f, x, h, n):
    """Lagarias et al., section 2, written anew, with their rules for ties."""
    low, high = (np.array(corner) for corner in zip(*f.window, strict=True))
    low, high = np.where(x < low, x, low), np.where(x > high, x, high)

    def at(point):
        point = np.where(point < low, low, np.where(point > high, high, point))
        value = f.value(point)
        return np.inf if np.isnan(value) else value, point

    simplex = [at(x)]
    for axis in (0, 1):
        corner = np.array(x)
        corner[axis] += h.size * (high - low)[axis]
        corner[axis] = min(corner[axis], 2 * high[axis] - corner[axis])
        simplex.append(at(corner))
    simplex.sort(key=lambda vertex: vertex[0])  # stable: of equal vertices the older one stays before
    path = [x]
    for _ in range(n):
        (f1, x1), (f2, x2), (f3, x3) = simplex
        if max(abs(x2 - x1).max(), abs(x3 - x1).max()) <= h.xatol and (f3 == f1 or f3 - f1 <= h.fatol):
            break
        middle = (x1 + x2) / 2
        fr, xr = at(middle + (middle - x3))
        if f1 <= fr < f2:
            simplex[2] = fr, xr
        elif fr < f1:
            fe, xe = at(middle + 2 * (middle - x3))
            simplex[2] = (fe, xe) if fe < fr else (fr, xr)
        else:
            outside = fr < f3
            fc, xc = at(middle + (middle - x3) / 2) if outside else at(middle - (middle - x3) / 2)
            if fc <= fr if outside else fc < f3:
                simplex[2] = fc, xc
            else:
                simplex[1:] = at(x1 + (x2 - x1) / 2), at(x1 + (x3 - x1) / 2)
        simplex.sort(key=lambda vertex: vertex[0])
        path.append(simplex[0][1])
    return np.array(path)
