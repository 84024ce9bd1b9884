"""Nonlinear conjugate gradients. Fletcher & Reeves, The Computer Journal 7 (1964) 149-154; Polak & Ribière, 1969.

Nocedal & Wright, Numerical Optimization, 2006, Algorithm 5.4, with beta after Polak and Ribière, never negative (PR+,
(5.45) there), or, by the switch, after Fletcher and Reeves. The step is found by a search for the strong Wolfe
conditions. It tries first what would repeat the last decrease, 2.02 (f_t - f_{t-1}) / (g d), page 59 there, times lr;
for the first step f + |g|/2 stands for the value before. A direction that does not descend is replaced by -g. It rests
where no coordinate of g exceeds tolerance_grad times the largest of the first gradient. So the unit in which f is
measured changes nothing; with the switch ``relative`` off tolerance_grad stands alone, and the step tried first is at
most lr, as in both libraries below.

The search goes on where the next direction would descend by less than |g|^2 / 100, as in SciPy 1.17.1 and
pytorch-minimize 0.1.0. Both have c2 = 0.4 and no other beta; Nocedal & Wright recommend 0.1. After Fletcher and Reeves
no direction is replaced while c2 < 1/2 (Lemma 5.6 there): d_t is -|g_t|^2 times the sum of g_i / |g_i|^2 up to t.
"""

import warnings
from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.helpers.line_search import strong_wolfe
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
    tolerance_grad: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon_g", log=True, valid="[0, 1e6]")] = 1e-10
    fletcher_reeves: Annotated[float, switch(r"\beta^{\mathrm{FR}}")] = 0.0
    relative: Annotated[float, switch(r"\varepsilon^{\mathrm{rel}}")] = 1.0


class State(NamedTuple):
    d: Vector
    g: Vector  # zero before the first step
    value: Scalar  # before the last step
    first: Scalar  # the largest coordinate of the first gradient


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 0.0), xp.scalar(x, 0.0))


def step(x, f, s, h):
    value, g = float(f.value(x)), f.gradient(x)
    first = float(s.first) or float(abs(g).max())
    least = h.tolerance_grad * (first if h.relative else 1.0)
    if at_rest(g, least):
        return x, s
    square = float(xp.dot(g, g))
    d, before = -g, value + square**0.5 / 2
    if s.g.any():
        d, before = conjugate(g, s.g, s.d, h), float(s.value)
    if not float(xp.dot(g, d)) < 0:
        d = -g
    slope = float(xp.dot(g, d))
    guess = 2.02 * (value - before) / slope
    if h.relative:
        t = float(h.lr) * (guess if guess > 0 else square**-0.5)
    else:
        t = min(guess, float(h.lr)) if guess > 0 else float(h.lr)

    def descends(gradient):
        ahead = conjugate(gradient, g, d, h)
        return at_rest(gradient, least) or bool(xp.dot(gradient, ahead) <= -0.01 * xp.dot(gradient, gradient))

    t = strong_wolfe(f, x, d, t, value, slope, h.c1, h.c2, int(h.max_ls), descends, relative=bool(h.relative))
    return x + t * d, State(d if t else xp.zeros(x), g, xp.scalar(x, value), xp.scalar(x, first))


def at_rest(g, least):
    return float(abs(g).max()) <= least or float(xp.dot(g, g)) == 0


def conjugate(g, before, d, h):
    """The direction at the gradient g that follows the direction d, taken at the gradient before."""
    gain = xp.dot(g, g) if h.fletcher_reeves else xp.maximum(xp.dot(g, g - before), 0.0)
    return gain / xp.dot(before, before) * d - g


def reference(params, h):
    return None  # no torch.optim.Optimizer is


def expected(f, x, h, n):
    """pytorch-minimize's conjugate gradients; for Fletcher and Reeves its search, along sums of all gradients."""
    import torch

    from optim_core.helpers.differentiable import path

    with warnings.catch_warnings(action="ignore"):  # torch's, for what it compiles as it is loaded
        import torchmin
        from torchmin.line_search import strong_wolfe as search
    if not h.fletcher_reeves:
        return path(torchmin.minimize, f, x, n, "cg", {"gtol": h.tolerance_grad})

    def at(point, t=0.0, d=0.0):
        there = (point + t * d).numpy()
        return f.value(there), torch.tensor(f.gradient(there))

    point, total, points = torch.tensor(x, dtype=torch.float64), 0.0, [x]
    value, g = at(point)
    before = value + float(g.norm()) / 2
    for _ in range(n):
        if g.abs().max() <= h.tolerance_grad:
            break
        total = total + g / (g @ g)
        d = -(g @ g) * total
        t = min(2.02 * (value - before) / float(g @ d), h.lr)
        before = value
        value, g, t, _ = search(at, point, t, d, value, g, g @ d, c1=h.c1, c2=h.c2, max_ls=int(h.max_ls))
        value, point = float(value), point + t * d
        points.append(point.numpy().copy())
    return points


WHY = "the search interpolates between nearly equal values: along the valley rounding grows"
CHECKS = (
    Check({"relative": 0.0, "tolerance_grad": 1e-7, "c2": 0.4}, bound=1e-8, why=WHY),  # that of pytorch-minimize
    Check({"relative": 0.0, "tolerance_grad": 1e-7, "fletcher_reeves": 1.0}, bound=1e-6, why=WHY),
    Check(
        {"relative": 0.0, "tolerance_grad": 1e-7, "fletcher_reeves": 1.0, "c1": 0.01, "c2": 0.3}, bound=1e-6, why=WHY
    ),
)
