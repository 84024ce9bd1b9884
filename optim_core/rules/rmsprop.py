"""RMSProp. Tieleman & Hinton, Coursera lecture 6e, 2012, in the form of torch.optim.RMSprop.

epsilon stands outside the root and nothing is corrected for the start at zero; Keras puts epsilon inside.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "RMSProp"
YEAR = 2012
FAMILY = "adaptive"
LATEX = (
    r"v_t = \alpha v_{t-1} + (1-\alpha)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{v_t} + \varepsilon}"
)
CHANGE = "Rprop for mini-batches: AdaGrad with a moving average of squared gradients in place of their sum."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    alpha: Annotated[float, Range(0.0, 0.9999, r"\alpha", valid="[0, 1)")] = 0.99
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    v = h.alpha * s.v + (1 - h.alpha) * g * g
    return x - h.lr * g / (xp.sqrt(v) + h.eps), State(v)


def reference(params, h):
    import torch

    return torch.optim.RMSprop(params, lr=h.lr, alpha=h.alpha, eps=h.eps)


_WHY = "In the valley its steps stay long, and it bounces across: rounding grows."
CHECKS = (
    Check({"lr": 3e-3}),
    Check({"lr": 1e-3, "alpha": 0.5}, steps=150, why=_WHY),
    Check({"lr": 1e-3, "alpha": 0.0, "eps": 0.0}, same=("sign_descent", {"lr": 1e-3})),
)
