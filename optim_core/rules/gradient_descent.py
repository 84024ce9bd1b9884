"""Gradient descent. Cauchy, Comptes rendus 25 (1847) 536-538.

On a quadratic with largest curvature L it converges for lr < 2/L.
"""

from typing import Annotated, NamedTuple

from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Gradient descent"
YEAR = 1847
FAMILY = "first order"
LATEX = r"\theta_t = \theta_{t-1} - \eta\,g_t"
CHANGE = "The first: a step against the gradient, in proportion to its length."
NETWORK = {"lr": 0.05}
NETWORK_NAME = "SGD"


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01


class State(NamedTuple):
    pass


def init(x):
    return State()


def step(x, g, s, h, t, n):
    return x - h.lr * g, State()


def reference(params, h):
    import torch

    return torch.optim.SGD(params, lr=h.lr)


CHECKS = (Check({"lr": 5e-4}),)
