"""RMSProp centred by the mean gradient, with momentum. Graves 2013, arXiv:1308.0850, equations 38 to 45.

In the form of torch.optim.RMSprop: epsilon outside the root (Graves: inside), the rate outside the velocity. Rounding
can bring the variance below zero; it counts as zero then, where torch.optim gives NaN. Not centred and without
momentum it is ``rmsprop``.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Vector

NAME = "RMSProp (centred, momentum)"
YEAR = 2013
FAMILY = "adaptive"
LATEX = (
    r"v_t = \alpha v_{t-1} + (1-\alpha)\,g_t^2,\quad m_t = \alpha m_{t-1} + (1-\alpha)\,g_t,\quad "
    r"b_t = \mu b_{t-1} + \frac{g_t}{\sqrt{v_t - m_t^2} + \varepsilon},\quad \theta_t = \theta_{t-1} - \eta\,b_t"
)
CHANGE = "RMSProp with the gradient's variance in place of its mean square, and momentum."
NETWORK = {"lr": 0.0001, "momentum": 0.9}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.001
    alpha: Annotated[float, Range(0.0, 0.9999, r"\alpha", valid="[0, 1)")] = 0.95
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    momentum: Annotated[float, Range(0.0, 0.999, r"\mu", valid="[0, 1)")] = 0.9
    centered: Annotated[float, switch("m")] = 1.0


class State(NamedTuple):
    v: Vector
    m: Vector
    b: Vector


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.zeros(x))


def step(x, g, s, h, t, n):
    v = h.alpha * s.v + (1 - h.alpha) * g * g
    m = h.alpha * s.m + (1 - h.alpha) * g
    variance = xp.maximum(v - xp.where(h.centered > 0, 1.0, 0.0) * m * m, 0.0)
    b = h.momentum * s.b + g / (xp.sqrt(variance) + h.eps)
    return x - h.lr * b, State(v, m, b)


def reference(params, h):
    import torch

    return torch.optim.RMSprop(
        params, lr=h.lr, alpha=h.alpha, eps=h.eps, momentum=h.momentum, centered=bool(h.centered)
    )


_WHY = "The variance is a difference of nearly equal numbers while the gradient hardly changes."
CHECKS = (
    Check({"lr": 3e-5}, bound=5e-10, why=_WHY),
    Check({"lr": 3e-5, "momentum": 0.0}, bound=5e-10, why=_WHY),
    Check({"lr": 3e-5, "centered": 0.0, "eps": 1e-3}, steps=700, why="Then it bounces across the valley."),
    Check({"lr": 3e-3, "alpha": 0.99, "momentum": 0.0, "centered": 0.0}, same=("rmsprop", {"lr": 3e-3})),
)
