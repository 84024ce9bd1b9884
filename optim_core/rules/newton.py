"""Newton's method. Raphson, 1690; Simpson, 1740, for two unknowns and for minima.

Nocedal & Wright, Numerical Optimization, 2006, (2.15) and section 3.3. It solves for a vanishing gradient, and so goes
to saddles and maxima as gladly as to minima. lr = 1 is the method, a smaller one shortens its steps. Where the Hessian
is singular there is no step: the point becomes NaN, which counts as diverged. Where the gradient is zero it rests.
"""

import warnings
from typing import Annotated, NamedTuple

import numpy as np

from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Newton"
YEAR = 1740
FAMILY = "second order"
KIND = "closure"
LATEX = r"\theta_t = \theta_{t-1} - \eta\,H_t^{-1} g_t,\quad H_t = \nabla^2 f(\theta_{t-1})"
CHANGE = "Divides the gradient by the curvature: to where the gradient would vanish, were it linear."
NETWORK = None
NO_NETWORK = "The Hessian has as many rows and columns as there are parameters, and few of its curvatures are positive."


class Hyper(NamedTuple):
    lr: Annotated[float, Range(0.01, 1.0, r"\eta", log=True, valid="(0, 2]")] = 1.0


class State(NamedTuple):
    pass


def init(x):
    return State()


def step(x, f, s, h):
    g = f.gradient(x)
    if not g.any():
        return x, s
    try:
        return x - h.lr * np.linalg.solve(f.hessian(x), g), s
    except np.linalg.LinAlgError:
        return np.full_like(x, np.nan), s


def reference(params, h):
    return None  # no torch.optim.Optimizer is


def expected(f, x, h, n):
    """pytorch-minimize's exact Newton."""
    from optim_core.helpers.differentiable import path

    with warnings.catch_warnings(action="ignore"):  # torch's, for what it compiles as it is loaded
        import torchmin
    options = {"lr": h.lr, "line_search": "none", "handle_npd": "lu", "xtol": -1.0}
    return path(torchmin.minimize, f, x, n, "newton-exact", options, hessian=True)


CHECKS = (
    Check(bound=1e-10, why="the second step, to where the value is 1,411, magnifies rounding"),
    Check({"lr": 0.1}, bound=1e-11, why="the Hessian of Rosenbrock's valley, of condition 2,500, magnifies rounding"),
)
