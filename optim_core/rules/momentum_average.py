"""Momentum (Polyak 1964) as a moving average of gradients, the form of many lectures and of Adam's first moment.

m <- beta m + (1 - beta) g: the same path as ``momentum`` with lr_average = lr / (1 - mu). On a quadratic with largest
curvature L it converges for lr < 2 (1 + beta) / ((1 - beta) L).
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Momentum (average form)"
YEAR = 1964
FAMILY = "momentum"
LATEX = r"m_t = \beta m_{t-1} + (1-\beta)\,g_t,\quad \theta_t = \theta_{t-1} - \eta\,m_t"
CHANGE = "Momentum with gradients averaged instead of summed: the same path at another rate."
NETWORK = {"lr": 0.1}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta: Annotated[float, Range(0.0, 0.999, r"\beta", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    m: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    m = h.beta * s.m + (1 - h.beta) * g
    return x - h.lr * m, State(m)


def reference(params, h):
    import torch

    # Not dampening=beta: that does not act on the first step.
    return torch.optim.SGD(params, lr=h.lr * (1 - h.beta), momentum=h.beta)


CHECKS = (Check({"lr": 1e-3}), Check({"lr": 1e-3}, same=("momentum", {"lr": 1e-4})))
