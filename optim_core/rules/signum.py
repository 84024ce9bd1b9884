"""Signum, the sign of momentum. Bernstein et al., ICML 2018, arXiv:1802.04434, Algorithm 2.

Every coordinate moves by lr in every step: near a minimum it goes to and fro as long as the rate does not fall.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Signum"
YEAR = 2018
FAMILY = "sign"
LATEX = r"m_t = \beta m_{t-1} + (1-\beta)\,g_t,\quad \theta_t = \theta_{t-1} - \eta\,\mathrm{sign}(m_t)"
CHANGE = "Sign descent by the sign of momentum in place of the gradient's."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.02
    momentum: Annotated[float, Range(0.0, 0.999, r"\beta", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    m: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    m = h.momentum * s.m + (1 - h.momentum) * g
    return x - h.lr * xp.sign(m), State(m)


def reference(params, h):
    from pytorch_optimizer import SignSGD

    return SignSGD(params, lr=h.lr, momentum=h.momentum)


CHECKS = (
    Check({"lr": 1e-3}),
    Check({"lr": 1e-3, "momentum": 0.99}),
    Check({"lr": 1e-3, "momentum": 0.0}, same=("sign_descent", {"lr": 1e-3})),
)
