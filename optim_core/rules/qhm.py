"""Quasi-hyperbolic momentum. Ma & Yarats, ICLR 2019, arXiv:1810.06801, equations 3 and 4.

nu = 1 is ``momentum_average``, nu = momentum is ``nesterov`` at the rate lr (1 - momentum), nu = 0 gradient descent.
The paper's rule of thumb for networks (section 7.1) is nu = 0.7, momentum = 0.999, and a rate ten times that of
``momentum`` with 0.9: 1 for 0.1. On a surface 0.999 forgets too slowly.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "QHM"
YEAR = 2019
FAMILY = "momentum"
LATEX = (
    r"m_t = \beta m_{t-1} + (1-\beta)\,g_t,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\bigl((1-\nu)\,g_t + \nu\,m_t\bigr)"
)
CHANGE = "Momentum (average form) mixed with gradient descent; Nesterov is one such mixture."
NETWORK = {"lr": 1.0, "momentum": 0.999}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    momentum: Annotated[float, Range(0.0, 0.9999, r"\beta", valid="[0, 1)")] = 0.9
    nu: Annotated[float, Range(0.0, 1.0, r"\nu")] = 0.7


class State(NamedTuple):
    m: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    m = h.momentum * s.m + (1 - h.momentum) * g
    return x - h.lr * ((1 - h.nu) * g + h.nu * m), State(m)


def reference(params, h):
    from pytorch_optimizer import QHM

    return QHM(params, lr=h.lr, momentum=h.momentum, nu=h.nu)


CHECKS = (
    Check({"lr": 1e-3}),
    Check({"lr": 1e-3, "momentum": 0.999, "nu": 0.5}),
    Check({"lr": 1e-3, "momentum": 0.9, "nu": 1.0}, same=("momentum_average", {"lr": 1e-3})),
    Check({"lr": 1e-3, "momentum": 0.9, "nu": 0.9}, same=("nesterov", {"lr": 1e-4})),
    Check({"lr": 5e-4, "nu": 0.0}, same=("gradient_descent", {"lr": 5e-4})),
)
