"""Nonlinear conjugate gradients. Fletcher & Reeves, The Computer Journal 7 (1964) 149-154; Polak & Ribière, 1969.

Nocedal & Wright, Numerical Optimization, 2006, Algorithm 5.4, with beta after Polak and Ribière, never negative (PR+,
(5.45) there), or, by the switch, after Fletcher and Reeves. The step is found by a search for the strong Wolfe
conditions. It tries first what would repeat the last decrease, 2.02 (f_t - f_{t-1}) / (g d), page 59 there, at most lr;
for the first step f + |g|/2 stands for the value before. A direction that does not descend is replaced by -g. It rests
where no coordinate of g exceeds tolerance_grad.

The search goes on where the next direction would descend by less than |g|^2 / 100, as in SciPy 1.17.1 and
pytorch-minimize 0.1.0. Both have c2 = 0.4 and no other beta; Nocedal & Wright recommend 0.1.
"""

import warnings
from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.line_search import strong_wolfe
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Scalar, Vector

NAME = "Conjugate gradients"
YEAR = 1964
FAMILY = "first order"
KIND = "closure"
LATEX = (
    r"d_t = -g_t + \beta_t\,d_{t-1},\quad \theta_{t+1} = \theta_t + \alpha_t\,d_t,\quad "
    r"\beta_t^{\mathrm{PR+}} = \max\Bigl(0, \frac{g_t^\top(g_t - g_{t-1})}{\lVert g_{t-1}\rVert^2}\Bigr),\quad "
    r"\beta_t^{\mathrm{FR}} = \frac{\lVert g_t\rVert^2}{\lVert g_{t-1}\rVert^2}"
)
CHANGE = "Gradient descent whose directions keep what the last ones have gained: on a quadratic, n of them suffice."
NETWORK = {"lr": 1.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(0.01, 10.0, r"\alpha_0", log=True, valid="(0, 1e6]")] = 1.0
    c1: Annotated[float, Range(1e-6, 0.4, "c_1", log=True, valid="(0, 1)")] = 1e-4
    c2: Annotated[float, Range(1e-6, 0.49, "c_2", log=True, valid="(0, 1)")] = 0.1
    max_ls: Annotated[float, Range(1.0, 50.0, r"n_{\alpha}", valid="[1, 1000]")] = 25.0
    tolerance_grad: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon_g", log=True, valid="[0, 1e6]")] = 1e-7
    fletcher_reeves: Annotated[float, switch(r"\beta^{\mathrm{FR}}")] = 0.0


class State(NamedTuple):
    d: Vector
    g: Vector  # zero before the first step
    value: Scalar  # before the last step


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 0.0))


def step(x, f, s, h):
    value, g = float(f.value(x)), f.gradient(x)
    if at_rest(g, h):
        return x, s
    square = float(xp.dot(g, g))
    d, before = -g, value + square**0.5 / 2
    if s.g.any():
        d, before = conjugate(g, s.g, s.d, h), float(s.value)
    if not float(xp.dot(g, d)) < 0:
        d = -g
    slope = float(xp.dot(g, d))
    guess = 2.02 * (value - before) / slope
    t = min(guess, float(h.lr)) if guess > 0 else float(h.lr)

    def descends(gradient):
        ahead = conjugate(gradient, g, d, h)
        return at_rest(gradient, h) or bool(xp.dot(gradient, ahead) <= -0.01 * xp.dot(gradient, gradient))

    t = strong_wolfe(f, x, d, t, value, slope, h.c1, h.c2, int(h.max_ls), descends)
    return x + t * d, State(d if t else xp.zeros(x), g, xp.scalar(x, value))


def at_rest(g, h):
    return float(abs(g).max()) <= h.tolerance_grad or float(xp.dot(g, g)) == 0


def conjugate(g, before, d, h):
    """The direction at the gradient g that follows the direction d, taken at the gradient before."""
    gain = xp.dot(g, g) if h.fletcher_reeves else xp.maximum(xp.dot(g, g - before), 0.0)
    return gain / xp.dot(before, before) * d - g


def reference(params, h):
    return None  # no torch.optim.Optimizer is


def expected(f, x, h, n):
    """pytorch-minimize's conjugate gradients."""
    from optim_core.differentiable import path

    with warnings.catch_warnings(action="ignore"):  # torch's, for what it compiles as it is loaded
        import torchmin
    return path(torchmin.minimize, f, x, n, "cg", {"gtol": h.tolerance_grad})


CHECKS = (Check({"c2": 0.4}),)  # that of pytorch-minimize
