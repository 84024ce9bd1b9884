"""Lookahead, k steps forward and one back. Zhang, Lucas, Hinton & Ba, NeurIPS 2019, arXiv:1907.08610, Algorithm 1.

Any rule makes k steps; then the slow weights go a part of the way to where it came, and it starts from there again with
what it remembers (one of the paper's three ways). slow_lr is the paper's alpha; 1 is the inner rule itself.
Where k is no whole number the next one holds. The state holds how far the weights have gone from the slow ones, which
are what the method returns: weights that are loaded or clamped in between take both along.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

KIND = "around"
BASE = "adam"
NAME = "Lookahead"
YEAR = 2019
FAMILY = "averaging"
CHANGE = "Any rule, pulled back every k steps towards where it was."
LATEX = (
    r"\theta_t = \mathrm{rule}(\theta_{t-1}, g_t);\quad \text{if } k \mid t:\quad "
    r"\phi_t = \phi_{t-k} + \alpha\,(\theta_t - \phi_{t-k}),\quad \theta_t \leftarrow \phi_t"
)
NETWORK = {}


class Hyper(NamedTuple):
    k: Annotated[float, Range(1.0, 50.0, "k", log=True, valid="[1, 1e6]")] = 5.0
    slow_lr: Annotated[float, Range(0.05, 1.0, r"\alpha", valid="(0, 1]")] = 0.5


class State(NamedTuple):
    gone: Vector
    count: Scalar


def init(x):
    return State(xp.zeros(x), xp.scalar(x, 0.0))


def after(x, y, s, h, t, n):
    count = s.count + 1
    back = count >= h.k
    gone = s.gone + (y - x)
    x = y - xp.where(back, (1 - h.slow_lr) * gone, 0.0)
    return x, State(xp.where(back, xp.zeros(gone), gone), xp.where(back, 0.0, count))


def answer(x, s, h):
    return x - s.gone


def reference(params, h, base):
    from pytorch_optimizer import Lookahead

    inner = base(params)
    if inner is None or h.slow_lr == 1:
        return inner
    return Lookahead(inner, k=h.k, alpha=h.slow_lr)


CHECKS = (
    Check(),
    Check({"slow_lr": 0.8, "k": 10.0}),
    Check({"lr": 1e-3, "slow_lr": 0.2}, base="momentum"),
    Check({"lr": 1e-3, "k": 1.0}, base="momentum"),
    Check({"slow_lr": 1.0}, same=("adam", {})),
)
