"""AdaBelief. Zhuang et al., NeurIPS 2020, arXiv:2010.07468, Algorithm 2 (with bias correction).

Epsilon is added to s in every step, where it accumulates to at most epsilon / (1 - beta2), and once more outside the
root. 1e-16 is the default of the authors' code.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AdaBelief"
YEAR = 2020
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad "
    r"s_t = \beta_2 s_{t-1} + (1-\beta_2)\,(g_t - m_t)^2 + \varepsilon,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t)}{\sqrt{s_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with the squared deviation of the gradient from its average in place of its square."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-16


class State(NamedTuple):
    m: Vector
    s: Vector
    beta1_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta1_t = h.beta1 * s.beta1_t
    beta2_t = h.beta2 * s.beta2_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    spread = h.beta2 * s.s + (1 - h.beta2) * (g - m) * (g - m) + h.eps
    m_hat = m / (1 - beta1_t)
    s_hat = spread / (1 - beta2_t)
    return x - h.lr * m_hat / (xp.sqrt(s_hat) + h.eps), State(m, spread, beta1_t, beta2_t)


def reference(params, h):
    from pytorch_optimizer import AdaBelief

    return AdaBelief(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps)


CHECKS = (
    Check(),
    Check({"lr": 0.01, "eps": 1e-8}),
)
