"""Prodigy, Adam that finds its rate. Mishchenko & Defazio, ICML 2024, arXiv:2306.06101, Algorithm 4.

d estimates the distance from the start to the solution and never falls; lr is a factor on it, 1 in the paper. Without
bias correction and weight decay. Epsilon is multiplied by the new d, as in the authors' code; the paper takes the old
one. pytorch_optimizer 4.1.0 keeps the sums for d in torch's default type.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Prodigy"
YEAR = 2024
FAMILY = "self-tuning"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,d_{t-1}\,g_t,\quad "
    r"v_t = \beta_2 v_{t-1} + (1-\beta_2)\,d_{t-1}^2\,g_t^2,\quad "
    r"r_t = \sqrt{\beta_2}\,r_{t-1} + "
    r"(1-\sqrt{\beta_2})\,\eta d_{t-1}^2\,\langle g_t, \theta_0 - \theta_{t-1}\rangle,\quad "
    r"s_t = \sqrt{\beta_2}\,s_{t-1} + (1-\sqrt{\beta_2})\,\eta d_{t-1}^2\,g_t,\quad "
    r"d_t = \max\Bigl(d_{t-1}, \frac{r_t}{\lVert s_t\rVert_1}\Bigr),\quad "
    r"\theta_t = \theta_{t-1} - \eta d_{t-1}\,\frac{m_t}{\sqrt{v_t} + d_t\varepsilon}"
)
CHANGE = "Adam that finds its own rate, by an estimate of the distance to the solution."
NETWORK = {"lr": 1.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-3, 10.0, r"\eta", log=True, valid="(0, 1e6]")] = 1.0
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    d0: Annotated[float, Range(1e-8, 1.0, "d_0", log=True, valid="[1e-12, 1e6]")] = 1e-6


class State(NamedTuple):
    m: Vector
    v: Vector
    s: Vector
    start: Vector
    r: Scalar
    d: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.zeros(x), x, xp.scalar(x, 0.0), xp.scalar(x, 0.0))


def step(x, g, s, h, t, n):
    beta3 = xp.sqrt(h.beta2)
    d = xp.maximum(s.d, h.d0)
    m = h.beta1 * s.m + (1 - h.beta1) * d * g
    v = h.beta2 * s.v + (1 - h.beta2) * d * d * g * g
    weight = (1 - beta3) * h.lr * d * d
    r = beta3 * s.r + weight * xp.dot(g, s.start - x)
    total = beta3 * s.s + weight * g
    length = xp.dot(xp.sign(total), total)
    d_next = xp.maximum(d, xp.where(length > 0, r / xp.where(length > 0, length, 1.0), 0.0))
    return x - h.lr * d * m / (xp.sqrt(v) + d_next * h.eps), State(m, v, total, s.start, r, d_next)


def reference(params, h):
    from pytorch_optimizer import Prodigy

    return Prodigy(params, lr=h.lr, betas=(h.beta1, h.beta2), d0=h.d0, eps=h.eps)


_WHY = "d is a quotient of sums that begin at nearly zero: rounding grows by 1e4 in 1,000 steps."
CHECKS = (
    Check(steps=50, bound=3e-7, why=_WHY),
    Check({"d0": 1e-3, "beta1": 0.5}, steps=150, bound=3e-11, why=_WHY),
)
