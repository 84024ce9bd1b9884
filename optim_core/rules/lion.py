"""Lion. Chen et al., NeurIPS 2023, arXiv:2302.06675, Algorithm 2, without its weight decay.

Every coordinate moves by lr in every step. The step looks at an average with beta1 and remembers one with beta2.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Lion"
YEAR = 2023
FAMILY = "sign"
LATEX = (
    r"\theta_t = \theta_{t-1} - \eta\,\mathrm{sign}\bigl(\beta_1 m_{t-1} + (1-\beta_1)\,g_t\bigr),\quad "
    r"m_t = \beta_2 m_{t-1} + (1-\beta_2)\,g_t"
)
CHANGE = "Signum with two betas: the step looks at a fresher average than the one that is kept."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.03
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.99


class State(NamedTuple):
    m: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    c = h.beta1 * s.m + (1 - h.beta1) * g
    m = h.beta2 * s.m + (1 - h.beta2) * g
    return x - h.lr * xp.sign(c), State(m)


def reference(params, h):
    from pytorch_optimizer import Lion

    return Lion(params, lr=h.lr, betas=(h.beta1, h.beta2))


CHECKS = (
    Check({"lr": 1e-3}),
    Check({"lr": 1e-3, "beta1": 0.5, "beta2": 0.9}),
    Check({"lr": 1e-3, "beta1": 0.9, "beta2": 0.9}, same=("signum", {"lr": 1e-3, "momentum": 0.9})),
)
