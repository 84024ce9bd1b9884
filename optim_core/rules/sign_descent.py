"""Sign descent, signSGD. Bernstein et al., ICML 2018, arXiv:1802.04434, Algorithm 1.

The direction of steepest descent where length is measured by the largest coordinate, without that descent's factor
|g|_1; what RMSProp is with alpha = 0 and Adam with both betas 0.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Sign descent"
YEAR = 2018
FAMILY = "sign"
LATEX = r"\theta_t = \theta_{t-1} - \eta\,\mathrm{sign}(g_t)"
CHANGE = "Gradient descent by the sign of each coordinate alone: Rprop with one fixed step."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.02


class State(NamedTuple):
    pass


def init(x):
    return State()


def step(x, g, s, h, t, n):
    return x - h.lr * xp.sign(g), State()


def reference(params, h):
    from pytorch_optimizer import SignSGD

    return SignSGD(params, lr=h.lr, momentum=0.0)


CHECKS = (Check({"lr": 1e-3}, steps=200, why="later, where the sign of a slope turns, rounding decides it"),)
