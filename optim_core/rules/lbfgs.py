"""L-BFGS, BFGS from its last few steps alone. Nocedal, Mathematics of Computation 35 (1980) 773-782.

Algorithms 7.4, the two loops, and 7.5 of Nocedal & Wright, Numerical Optimization, 2006, as torch.optim.LBFGS has them
(torch 2.13, line_search_fn="strong_wolfe"); a step here is an iteration there. The first direction is -g with a trial
step of lr / |g|_1; later lr is tried first. A pair of steps with curvature y s <= 1e-10 |y| |s| is not kept. It rests
where no coordinate of g exceeds tolerance_grad times the largest of the first gradient, or where the slope along d is
above -tolerance_change |g| |d|. So the unit in which f is measured changes nothing.

torch's bounds have units: the trial step is no longer than lr, y s <= 1e-10, tolerance_grad and -tolerance_change
stand alone, and 1e-10 times a function is never minimized. The switch ``relative`` turned off gives them.

Value and gradient at x are asked again at each step, since on a network the next one sees other data. There the memory
holds 2 history_size numbers for each parameter.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.helpers.line_search import strong_wolfe
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Other, Scalar, Vector

NAME = "L-BFGS"
YEAR = 1980
FAMILY = "second order"
KIND = "closure"
LATEX = (
    r"d_t = -H_t\,g_t,\quad \theta_{t+1} = \theta_t + \alpha_t\,d_t,\quad "
    r"H_t = V_{t-1}^\top\cdots V_{t-m}^\top\Bigl(\tfrac{s_{t-1}^\top y_{t-1}}{y_{t-1}^\top y_{t-1}}\,I\Bigr)"
    r"V_{t-m}\cdots V_{t-1} + \cdots + \rho_{t-1}\,s_{t-1}s_{t-1}^\top,\quad V_k = I - \rho_k\,y_k s_k^\top,\quad "
    r"\rho_k = \frac{1}{y_k^\top s_k}"
)
CHANGE = "BFGS that keeps its last steps in place of a matrix, so that it fits on a network."
NETWORK = {"lr": 1.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(0.01, 10.0, r"\alpha_0", log=True, valid="(0, 1e6]")] = 1.0
    history_size: Annotated[float, Range(1.0, 20.0, "m", valid="[1, 1000]")] = 10.0
    c1: Annotated[float, Range(1e-6, 0.4, "c_1", log=True, valid="(0, 1)")] = 1e-4
    c2: Annotated[float, Range(0.01, 0.99, "c_2", valid="(0, 1)")] = 0.9
    max_ls: Annotated[float, Range(1.0, 50.0, r"n_{\alpha}", valid="[1, 1000]")] = 25.0
    tolerance_grad: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon_g", log=True, valid="[0, 1e6]")] = 1e-10
    tolerance_change: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon_d", log=True, valid="[0, 1e6]")] = 1e-9
    relative: Annotated[float, switch(r"\varepsilon^{\mathrm{rel}}")] = 1.0


class State(NamedTuple):
    g: Vector  # the gradient before the last step
    step: Vector  # the last step
    steps: Other  # up to m vectors, s in the paper, the oldest first
    differences: Other  # those of the gradients, y
    scale: Scalar  # of the first guess of the inverse Hessian; 0 before the first step
    first: Scalar  # the largest coordinate of the first gradient


def init(x):
    return State(xp.zeros(x), xp.zeros(x), (), (), xp.scalar(x, 0.0), xp.scalar(x, 0.0))


def step(x, f, s, h):
    value, g = float(f.value(x)), f.gradient(x)
    first = float(s.first) or float(abs(g).max())
    if float(abs(g).max()) <= h.tolerance_grad * (first if h.relative else 1.0):
        return x, s
    steps, differences, scale, t = s.steps, s.differences, float(s.scale), float(h.lr)
    if scale == 0:
        short = 1.0 / float(abs(g).sum())
        d, scale, t = -g, 1.0, (short if h.relative else min(1.0, short)) * t
    else:
        y = g - s.g
        curvature = float(xp.dot(y, s.step))
        square = float(xp.dot(y, y))  # 0 where it underflows
        if square and curvature > 1e-10 * (length(y) * length(s.step) if h.relative else 1.0):
            m = int(h.history_size)
            steps, differences = (*steps, s.step)[-m:], (*differences, y)[-m:]
            scale = curvature / square
        d = direction(g, steps, differences, scale)
    slope = float(xp.dot(g, d))
    kept = steps, differences, xp.scalar(x, scale), xp.scalar(x, first)
    if slope > -h.tolerance_change * (length(g) * length(d) if h.relative else 1.0):
        return x, State(g, xp.zeros(x), *kept)
    move = strong_wolfe(f, x, d, t, value, slope, h.c1, h.c2, int(h.max_ls), relative=bool(h.relative)) * d
    return x + move, State(g, move, *kept)


def length(v):
    return float(xp.dot(v, v)) ** 0.5


def direction(g, steps, differences, scale):
    """-H g by the two loops over the steps s and the differences y, H being scale I before the first of them."""
    pairs = [(s, y, 1.0 / xp.dot(y, s)) for s, y in zip(steps, differences, strict=True)]
    q, shares = -g, []
    for s, y, rho in reversed(pairs):
        shares.append(rho * xp.dot(s, q))
        q = q - shares[-1] * y
    d = scale * q
    for (s, y, rho), share in zip(pairs, reversed(shares), strict=True):
        d = d + (share - rho * xp.dot(y, d)) * s
    return d


def reference(params, h):
    import torch

    if (h.c1, h.c2) != (1e-4, 0.9):
        return None  # which torch.optim does not let one choose
    grad, change = (0.0, 0.0) if h.relative else (h.tolerance_grad, h.tolerance_change)
    return torch.optim.LBFGS(
        params, lr=h.lr, max_iter=1, max_eval=1 + int(h.max_ls), tolerance_grad=grad, tolerance_change=change,
        history_size=int(h.history_size), line_search_fn="strong_wolfe",
    )  # fmt: skip


WHY = "the search interpolates between nearly equal values: along the valley rounding grows threefold a step"
CHECKS = (
    Check({"relative": 0.0, "tolerance_grad": 1e-7}, bound=5e-9, why=WHY),
    Check({"relative": 0.0, "tolerance_grad": 1e-7, "lr": 0.1, "max_ls": 5.0}, bound=1e-7, why=WHY),
    Check({"relative": 0.0, "tolerance_grad": 1e-7, "history_size": 1.0}, steps=20, bound=5e-7, why=WHY),
)
