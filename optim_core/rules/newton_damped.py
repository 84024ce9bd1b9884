"""Damped Newton: a Hessian made positive definite, and backtracking. Nocedal & Wright, Numerical Optimization, 2006.

Algorithm 3.2, line search Newton with modification: the Hessian plus the first tau I that has a Cholesky factor
(Algorithm 3.3; the multiple of the identity is Levenberg's, Quarterly of Applied Mathematics 2 (1944) 164-168), then
the first of the steps lr, rho lr, rho^2 lr, ... that fulfils Armijo's condition (Algorithm 3.1). So the value never
rises, and it leaves the neighbourhood of saddles; at a saddle itself, where the gradient is zero, it rests. It rests
too where none of max_ls steps lowers the value enough. Where the Hessian is no number the point becomes NaN.

Where it is held against others the Hessian is positive definite all along the path; that the first tau is found where
it is not, is a test of its own.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core.helpers.line_search import backtracking
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Damped Newton"
YEAR = 1944
FAMILY = "second order"
KIND = "closure"
LATEX = (
    r"\theta_t = \theta_{t-1} - \alpha_t\,(H_t + \tau_t I)^{-1} g_t,\quad H_t + \tau_t I \succ 0,\quad "
    r"f(\theta_t) \le f(\theta_{t-1}) + c_1\,g_t^\top(\theta_t - \theta_{t-1})"
)
CHANGE = "Newton with the Hessian made positive definite and the step cut until it descends."
NETWORK = None
NO_NETWORK = "It factorizes a matrix of as many rows and columns as there are parameters, several times a step."


class Hyper(NamedTuple):
    lr: Annotated[float, Range(0.01, 1.0, r"\alpha_0", log=True, valid="(0, 1e6]")] = 1.0
    beta: Annotated[float, Range(1e-6, 10.0, r"\beta", log=True, valid="(0, 1e6]")] = 1e-3
    c1: Annotated[float, Range(1e-6, 0.4, "c_1", log=True, valid="(0, 1)")] = 1e-4
    rho: Annotated[float, Range(0.1, 0.9, r"\rho", valid="(0, 1)")] = 0.5
    max_ls: Annotated[float, Range(1.0, 100.0, r"n_{\alpha}", valid="[1, 1000]")] = 50.0


class State(NamedTuple):
    pass


def init(x):
    return State()


def step(x, f, s, h):
    g = f.gradient(x)
    if not g.any():
        return x, s
    factor = cholesky(f.hessian(x), h.beta)
    d = -np.linalg.solve(factor.T, np.linalg.solve(factor, g))
    return x + backtracking(f, x, d, h.lr, f.value(x), float(g @ d), h.c1, h.rho, int(h.max_ls)) * d, s


def cholesky(hessian, beta):
    """The factor L, L L^T = hessian + tau I, of Nocedal & Wright's Algorithm 3.3; NaN where no tau gives one."""
    least = hessian.diagonal().min()
    tau = 0.0 if least > 0 else beta - least
    while np.isfinite(tau):
        try:
            return np.linalg.cholesky(hessian + tau * np.eye(len(hessian)))
        except np.linalg.LinAlgError:
            tau = max(2 * tau, beta)
    return np.full_like(hessian, np.nan)


def reference(params, h):
    return None  # no torch.optim.Optimizer is


def expected(f, x, h, n):
    """The algorithm in eigenvectors, all step lengths tried at once."""
    path = [x]
    for _ in range(n):
        g = f.gradient(x)
        curvatures, vectors = np.linalg.eigh(f.hessian(x))
        least = f.hessian_diagonal(x).min()
        shifts = [0.0] if least > 0 else [h.beta - least]
        while curvatures[0] + shifts[-1] <= 0:
            shifts.append(max(2 * shifts[-1], h.beta))
        d = -vectors @ (vectors.T @ g / (curvatures + shifts[-1]))
        lengths = h.lr * h.rho ** np.arange(int(h.max_ls))
        good = f.values(x + lengths[:, None] * d) <= f.values(x[None]) + h.c1 * lengths * (g @ d)
        x = x + lengths[good.argmax()] * d if good.any() else x
        path.append(x)
    return np.array(path)


WHY = "near the minimum the Hessian of Rosenbrock's valley, of condition 2,500, magnifies rounding"
CHECKS = (
    Check(bound=1e-9, why=WHY),
    Check({"beta": 1.0, "rho": 0.8, "c1": 0.1}, bound=1e-9, why=WHY),
    Check({"lr": 0.1}, same=("newton", {"lr": 0.1}), bound=1e-11, why=WHY),  # whose steps are short enough
)
