"""AdaDelta. Zeiler 2012, arXiv:1212.5701, Algorithm 1, with the learning rate that torch.optim adds (1 in the paper).

epsilon stands inside both roots, as printed.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "AdaDelta"
YEAR = 2012
FAMILY = "adaptive"
LATEX = (
    r"v_t = \rho v_{t-1} + (1-\rho)\,g_t^2,\quad "
    r"\Delta_t = \frac{\sqrt{u_{t-1} + \varepsilon}}{\sqrt{v_t + \varepsilon}}\,g_t,\quad "
    r"u_t = \rho u_{t-1} + (1-\rho)\,\Delta_t^2,\quad \theta_t = \theta_{t-1} - \eta\,\Delta_t"
)
CHANGE = "AdaGrad with a sum that fades, and the size of its own past steps in place of a rate."
NETWORK = {"lr": 1.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-3, 100.0, r"\eta", log=True, valid="(0, 1e6]")] = 1.0
    rho: Annotated[float, Range(0.0, 0.999, r"\rho", valid="[0, 1)")] = 0.9
    eps: Annotated[float, Range(1e-12, 1e-1, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-6


class State(NamedTuple):
    v: Vector
    u: Vector


def init(x):
    return State(xp.zeros(x), xp.zeros(x))


def step(x, g, s, h, t, n):
    v = h.rho * s.v + (1 - h.rho) * g * g
    delta = xp.sqrt(s.u + h.eps) / xp.sqrt(v + h.eps) * g
    u = h.rho * s.u + (1 - h.rho) * delta * delta
    return x - h.lr * delta, State(v, u)


def reference(params, h):
    import torch

    return torch.optim.Adadelta(params, lr=h.lr, rho=h.rho, eps=h.eps)


CHECKS = (
    Check({"lr": 0.1}),
    Check({"lr": 0.01, "rho": 0.5}),
)
