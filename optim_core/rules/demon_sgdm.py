"""Demon, decaying momentum, on SGD. Chen, Wolfe, Li & Kyrillidis 2019, arXiv:1910.04952, Algorithm 1.

T is the horizon; where none was given the momentum does not decay and this is ``momentum`` in the form that carries
the rate in its velocity. The paper counts t = 0, 1, ...: the first step has the full momentum. (pytorch_optimizer
4.1.0 has no Demon.)
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.helpers.reference import torch_path
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Demon SGDM"
YEAR = 2019
FAMILY = "momentum"
LATEX = (
    r"\beta_t = \frac{\beta\,(1 - \tau)}{1 - \beta + \beta\,(1 - \tau)},\quad \tau = \frac{t-1}{T},\quad "
    r"v_t = \beta_t v_{t-1} - \eta\,g_t,\quad \theta_t = \theta_{t-1} + v_t"
)
CHANGE = "Momentum with a coefficient that falls to zero over the run."
NETWORK = {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    momentum: Annotated[float, Range(0.0, 0.999, r"\beta", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    left = xp.maximum(1 - (t - 1) / n, 0.0)
    beta = h.momentum * left / (1 - h.momentum + h.momentum * left)
    v = beta * s.v - h.lr * g
    return x + v, State(v)


def reference(params, h):
    return None  # torch.optim needs help, as in expected


def expected(f, x, h, n):
    """torch.optim.SGD, its momentum set anew before each step."""
    import torch

    def before(optimizer, t):  # the paper's condition, beta_t / (1 - beta_t) = (1 - tau) beta / (1 - beta)
        odds = (1 - (t - 1) / n) * h.momentum / (1 - h.momentum)
        optimizer.param_groups[0]["momentum"] = odds / (1 + odds)

    return torch_path(lambda params: torch.optim.SGD(params, lr=h.lr, momentum=h.momentum), f, x, n, before)


CHECKS = (Check({"lr": 1e-4}),)
