"""Momentum, the heavy ball. Polyak, USSR Comp. Math. 4 (1964) 1-17, in the form of torch.optim.SGD.

Three forms circulate. This one, v <- mu v + g, x <- x - lr v, keeps the rate out of the velocity; for a constant rate
it makes the same steps as v <- mu v + lr g, x <- x - v; the average form is the rule ``momentum_average``. On a
quadratic with largest curvature L it converges for lr < 2 (1 + mu) / L. dampening takes its share from every gradient
but the first, as in torch.optim; without momentum torch 2.13.0 leaves it out, and here it stays.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Momentum"
YEAR = 1964
FAMILY = "momentum"
CHANGE = "Gradient descent with a velocity, which remembers past gradients."
LATEX = r"v_1 = g_1,\quad v_t = \mu v_{t-1} + (1-\tau)\,g_t,\quad \theta_t = \theta_{t-1} - \eta\,v_t"
NETWORK = {"lr": 0.01}
NETWORK_NAME = "SGD with momentum"


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    momentum: Annotated[float, Range(0.0, 0.999, r"\mu", valid="[0, 1)")] = 0.9
    dampening: Annotated[float, Range(0.0, 0.99, r"\tau", valid="[0, 1]")] = 0.0


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    v = h.momentum * s.v + xp.where(t == 1, 1.0, 1 - h.dampening) * g
    return x - h.lr * v, State(v)


def reference(params, h):
    import torch

    if h.dampening and not h.momentum:
        return None
    return torch.optim.SGD(params, lr=h.lr, momentum=h.momentum, dampening=h.dampening)


CHECKS = (
    Check({"lr": 1e-4}),
    Check({"lr": 1e-4, "momentum": 0.0}),
    Check({"lr": 1e-3, "dampening": 0.9}),
    Check({"lr": 5e-4, "momentum": 0.0}, same=("gradient_descent", {"lr": 5e-4})),
)
