"""Gradient descent with Armijo backtracking. Armijo, Pacific Journal of Mathematics 16 (1966) 1-3.

Nocedal & Wright, Numerical Optimization, 2006, Algorithm 3.1 along -g: the first of the steps lr, rho lr, rho^2 lr, ...
that lowers the value by c1 times what the slope promises. Every step begins at lr again. It rests where none of max_ls
steps does. On a network the condition is that of the present batch, as in Vaswani et al., NeurIPS 2019,
arXiv:1905.09997, without their resetting of the rate.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.helpers.line_search import backtracking
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Gradient descent, Armijo"
YEAR = 1966
FAMILY = "first order"
KIND = "closure"
LATEX = (
    r"\theta_t = \theta_{t-1} - \alpha_t\,g_t,\quad \alpha_t = \max\{\eta\,\rho^k :\ "
    r"f(\theta_{t-1} - \eta\rho^k g_t) \le f(\theta_{t-1}) - c_1\,\eta\rho^k\,\lVert g_t\rVert^2\}"
)
CHANGE = "Gradient descent that cuts each step until the value falls enough."
NETWORK = {"lr": 1.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-3, 10.0, r"\eta", log=True, valid="(0, 1e6]")] = 1.0
    rho: Annotated[float, Range(0.1, 0.9, r"\rho", valid="(0, 1)")] = 0.5
    c1: Annotated[float, Range(1e-6, 0.9, "c_1", log=True, valid="(0, 1)")] = 1e-4
    max_ls: Annotated[float, Range(1.0, 100.0, r"n_{\alpha}", valid="[1, 1000]")] = 50.0


class State(NamedTuple):
    pass


def init(x):
    return State()


def step(x, f, s, h):
    value, g = float(f.value(x)), f.gradient(x)
    if not g.any():
        return x, s
    return x - backtracking(f, x, -g, float(h.lr), value, -float(xp.dot(g, g)), h.c1, h.rho, int(h.max_ls)) * g, s


def reference(params, h):
    return None  # no torch.optim.Optimizer is


def expected(f, x, h, n):
    """The longest of all step lengths that fulfil Armijo's condition."""
    path = [x]
    for _ in range(n):
        g = f.gradient(x)
        lengths = h.lr * h.rho ** np.arange(int(h.max_ls))
        good = f.values(x - np.outer(lengths, g)) <= f.values(x[None]) - h.c1 * lengths * (g @ g)
        x = x - lengths[good].max() * g if good.any() else x
        path.append(x)
    return np.array(path)


CHECKS = (
    Check(bound=1e-10, why="Beside the valley's floor the first steps are long, and magnify rounding."),
    Check({"lr": 0.1, "rho": 0.8, "c1": 0.3}),
    Check({"lr": 5e-4}, same=("gradient_descent", {"lr": 5e-4})),  # where every first step does
)
