"""AdaGrad. Duchi, Hazan & Singer, JMLR 12 (2011) 2121-2159, the diagonal update.

epsilon stands outside the root, as in torch.optim; Keras puts it inside.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "AdaGrad"
YEAR = 2011
FAMILY = "adaptive"
LATEX = r"s_t = s_{t-1} + g_t^2,\quad \theta_t = \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{s_t} + \varepsilon}"
CHANGE = "Gradient descent with a rate for each coordinate, divided by the root of its summed squared gradients."
NETWORK = {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 10.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.5
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-10


class State(NamedTuple):
    s: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    total = s.s + g * g
    return x - h.lr * g / (xp.sqrt(total) + h.eps), State(total)


def reference(params, h):
    import torch

    return torch.optim.Adagrad(params, lr=h.lr, eps=h.eps)


CHECKS = (
    Check(),
    Check({"lr": 0.1, "eps": 1e-2}),
)
