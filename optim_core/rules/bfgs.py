"""BFGS. Broyden, Fletcher, Goldfarb and Shanno, 1970; Nocedal & Wright, Numerical Optimization, 2006, Algorithm 6.1.

H, the guess of the inverse Hessian, is the identity times y s / y y before its first update, (6.20) there. The step is
found by a search for the strong Wolfe conditions, which tries lr first, at the first step lr / |g|_1. H is not updated
where y s <= 1e-10 |y| |s|. It rests where no coordinate of g exceeds tolerance_grad times the largest of the first
gradient, or where the slope along d is above -tolerance_change |g| |d|. So the unit in which f is measured changes
nothing. With the switch ``relative`` off these bounds stand alone, as in pytorch-minimize and in torch's L-BFGS, and
the first step tried is no longer than lr.

SciPy 1.17.1's BFGS begins with the identity as it is and has another line search: it takes other steps.
"""

import warnings
from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.helpers.line_search import strong_wolfe
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Other, Scalar, Vector

NAME = "BFGS"
YEAR = 1970
FAMILY = "second order"
KIND = "closure"
LATEX = (
    r"\theta_{t+1} = \theta_t - \alpha_t H_t\,g_t,\quad s = \theta_{t+1} - \theta_t,\quad y = g_{t+1} - g_t,\quad "
    r"\rho = \frac{1}{y^\top s},\quad H_{t+1} = (I - \rho\,s y^\top)\,H_t\,(I - \rho\,y s^\top) + \rho\,s s^\top"
)
CHANGE = "Newton without second derivatives: it learns the inverse Hessian from how the gradient changes."
NETWORK = None
NO_NETWORK = "It keeps a matrix of as many rows and columns as there are parameters; L-BFGS is its form for networks."


class Hyper(NamedTuple):
    lr: Annotated[float, Range(0.01, 10.0, r"\alpha_0", log=True, valid="(0, 1e6]")] = 1.0
    c1: Annotated[float, Range(1e-6, 0.4, "c_1", log=True, valid="(0, 1)")] = 1e-4
    c2: Annotated[float, Range(0.01, 0.99, "c_2", valid="(0, 1)")] = 0.9
    max_ls: Annotated[float, Range(1.0, 50.0, r"n_{\alpha}", valid="[1, 1000]")] = 25.0
    tolerance_grad: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon_g", log=True, valid="[0, 1e6]")] = 1e-10
    tolerance_change: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon_d", log=True, valid="[0, 1e6]")] = 1e-9
    relative: Annotated[float, switch(r"\varepsilon^{\mathrm{rel}}")] = 1.0


class State(NamedTuple):
    g: Vector  # the gradient before the last step, zero before the first
    step: Vector  # the last step
    inverse: Other  # H, (2, 2)
    updated: Scalar  # whether H has been
    first: Scalar  # the largest coordinate of the first gradient


def init(x):
    return State(xp.zeros(x), xp.zeros(x), np.eye(len(x)), 0.0, 0.0)


def step(x, f, s, h):
    value, g = f.value(x), f.gradient(x)
    first = s.first or float(abs(g).max())
    if abs(g).max() <= h.tolerance_grad * (first if h.relative else 1.0):
        return x, s
    inverse, updated, t = s.inverse, s.updated, h.lr
    if s.g.any():
        y = g - s.g
        curvature = float(y @ s.step)
        square = float(y @ y)  # 0 where it underflows
        if square and curvature > 1e-10 * (np.linalg.norm(y) * np.linalg.norm(s.step) if h.relative else 1.0):
            if not updated:
                inverse = inverse * (curvature / square)
            inverse, updated = update(inverse, s.step, y, 1 / curvature), 1.0
    else:
        short = 1.0 / float(abs(g).sum())
        t = (short if h.relative else min(1.0, short)) * t
    d = -inverse @ g
    slope = float(g @ d)
    if slope > -h.tolerance_change * (np.linalg.norm(g) * np.linalg.norm(d) if h.relative else 1.0):
        return x, State(g, xp.zeros(x), inverse, updated, first)
    move = strong_wolfe(f, x, d, t, value, slope, h.c1, h.c2, int(h.max_ls), relative=bool(h.relative)) * d
    return x + move, State(g, move, inverse, updated, first)


def update(inverse, s, y, rho):
    """H after a step s that changed the gradient by y; Nocedal & Wright (6.17)."""
    v = np.eye(len(s)) - rho * np.outer(y, s)
    return v.T @ inverse @ v + rho * np.outer(s, s)


def reference(params, h):
    return None  # no torch.optim.Optimizer is


def expected(f, x, h, n):
    """pytorch-minimize's BFGS, whose bounds are absolute.

    In the form that guesses the Hessian, not its inverse, and solves with the Cholesky factor.
    """
    from optim_core.helpers.differentiable import path

    with warnings.catch_warnings(action="ignore"):  # torch's, for what it compiles as it is loaded
        import torchmin
    options = {
        "lr": h.lr, "inv_hess": False, "gtol": h.tolerance_grad, "xtol": -1.0, "gtd_tol": h.tolerance_change,
    }  # fmt: skip
    return path(torchmin.minimize, f, x, n, "bfgs", options)


WHY = "the search interpolates between nearly equal values: along the valley rounding grows threefold a step"
CHECKS = (
    Check({"relative": 0.0, "tolerance_grad": 1e-7}, bound=5e-7, why=WHY),
    Check({"relative": 0.0, "tolerance_grad": 1e-7, "lr": 0.1}, bound=1e-8, why=WHY),
)
