"""Averaged SGD. Polyak & Juditsky, SIAM J. Control Optim. 30 (1992) 838-855, in the form of torch.optim.ASGD.

The rate falls as (1 + lambda lr t)^-alpha and lambda also shrinks x. The path is that of x, where gradients are taken;
the average, from step t0 on, is ``average`` in the state, and no step depends on it.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "ASGD"
YEAR = 1992
FAMILY = "averaging"
LATEX = (
    r"\eta_t = \eta\,(1 + \lambda\eta\,(t-1))^{-\alpha},\quad "
    r"\theta_t = (1 - \lambda\eta_t)\,\theta_{t-1} - \eta_t\,g_t,\quad "
    r"\bar\theta_t = \bar\theta_{t-1} + \frac{\theta_t - \bar\theta_{t-1}}{\max(1,\,t - 1 - t_0)}"
)
CHANGE = "Gradient descent at a falling rate, with the average of its points as the result."
NETWORK = {"lr": 0.05, "t0": 1000.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    lambd: Annotated[float, Range(1e-6, 0.1, r"\lambda", log=True, valid="[0, 1]")] = 1e-4
    alpha: Annotated[float, Range(0.0, 1.0, r"\alpha", valid="[0, 10]")] = 0.75
    t0: Annotated[float, Range(1.0, 1e7, "t_0", log=True, valid="[0, 1e12]")] = 100.0


class State(NamedTuple):
    average: Vector


def init(x):
    return State(x)


def step(x, g, s, h, t, n):
    eta = h.lr * xp.exp(-h.alpha * xp.log(1 + h.lambd * h.lr * (t - 1)))
    x = x - h.lambd * eta * x - eta * g
    average = s.average + (x - s.average) / xp.maximum(t - 1 - h.t0, 1.0)
    return x, State(average)


def answer(x, s, h):
    return s.average


def reference(params, h):
    import torch

    return torch.optim.ASGD(params, lr=h.lr, lambd=h.lambd, alpha=h.alpha, t0=h.t0)


CHECKS = (
    Check({"lr": 5e-4}),
    Check({"lr": 5e-4, "lambd": 0.1, "alpha": 0.5}),
)
