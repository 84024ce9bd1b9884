"""Normalized gradient descent. Hazan, Levy & Shalev-Shwartz, NIPS 2015, arXiv:1507.02030, Algorithm 1.

Every step has the length lr; the norm is that of the whole gradient. Flat regions and saddles do not slow it down; it
needs a falling rate to settle. Where the gradient is zero it stays.
"""

from types import SimpleNamespace
from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.helpers.reference import torch_path
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Normalized gradient descent"
YEAR = 2015
FAMILY = "first order"
LATEX = r"\theta_t = \theta_{t-1} - \eta\,\frac{g_t}{\lVert g_t \rVert}"
CHANGE = "Gradient descent with steps of one length, however steep the place."
NETWORK = {"lr": 0.05}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.03


class State(NamedTuple):
    pass


def init(x):
    return State()


def step(x, g, s, h, t, n):
    norm = xp.sqrt(xp.dot(g, g))
    return x - h.lr / xp.where(norm > 0, norm, 1.0) * g, State()


def reference(params, h):
    return None  # torch.optim needs help, as in expected


def expected(f, x, h, n):
    """torch.optim.SGD on gradients from torch.nn.functional.normalize."""
    import torch

    def normalized(at):
        return torch.nn.functional.normalize(torch.tensor(f.gradient(at)), dim=0)

    units = SimpleNamespace(value=f.value, gradient=normalized)
    return torch_path(lambda params: torch.optim.SGD(params, lr=h.lr), units, x, n)


CHECKS = (Check({"lr": 1e-3}),)
