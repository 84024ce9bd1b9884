"""Nesterov's accelerated gradient. Nesterov, Soviet Math. Doklady 27 (1983) 372-376, in the form of torch.optim.SGD.

The gradient is taken at the point itself and the look-ahead is folded into the step (Sutskever et al. 2013, section 2,
under a change of variable: x here is their look-ahead point).
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Nesterov"
YEAR = 1983
FAMILY = "momentum"
LATEX = r"v_t = \mu v_{t-1} + g_t,\quad \theta_t = \theta_{t-1} - \eta\,(g_t + \mu v_t)"
CHANGE = "Momentum with the gradient taken ahead, where the velocity is about to lead."
NETWORK = {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    momentum: Annotated[float, Range(0.0, 0.999, r"\mu", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    v = h.momentum * s.v + g
    return x - h.lr * (g + h.momentum * v), State(v)


def reference(params, h):
    import torch

    return torch.optim.SGD(params, lr=h.lr, momentum=h.momentum, nesterov=h.momentum > 0)


CHECKS = (
    Check({"lr": 1e-4}),
    Check({"lr": 1e-4, "momentum": 0.99}),
)
