"""Demon on Adam, damped: m an average as in Adam. A variant of Chen et al. 2019, arXiv:1910.04952, Algorithm 2.

It circulates as DemonRanger (J. Ray Chowdhury 2020), whose form of m this is, without the other parts. That code
corrects m by 1 - beta_t^t, with the present beta_t, and takes tau = t / T; here it is 1 - beta_1 beta_2 ... beta_t,
which is what the weights in m add up to, and tau is the paper's. T is the horizon; without one this is Adam.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.helpers.reference import torch_path
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Demon Adam (damped)"
YEAR = 2020
FAMILY = "adaptive"
LATEX = (
    r"\beta_t = \frac{\beta_1\,(1 - \tau)}{1 - \beta_1 + \beta_1\,(1 - \tau)},\quad \tau = \frac{t-1}{T},\quad "
    r"m_t = \beta_t m_{t-1} + (1-\beta_t)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\prod_{i \le t}\beta_i)}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Demon Adam with gradients averaged, as in Adam."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    m: Vector
    v: Vector
    betas_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    left = xp.maximum(1 - (t - 1) / n, 0.0)
    beta = h.beta1 * left / (1 - h.beta1 + h.beta1 * left)
    betas_t = beta * s.betas_t
    beta2_t = h.beta2 * s.beta2_t
    m = beta * s.m + (1 - beta) * g
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    m_hat = m / (1 - betas_t)
    v_hat = v / (1 - beta2_t)
    return x - h.lr * m_hat / (xp.sqrt(v_hat) + h.eps), State(m, v, betas_t, beta2_t)


def reference(params, h):
    return None  # torch.optim needs help, as in expected


def expected(f, x, h, n):
    """torch.optim.Adam, its beta1 and rate set anew before each step."""
    import torch

    odds = (1 - np.arange(n) / n) * h.beta1 / (1 - h.beta1)  # the paper's condition, for beta_t / (1 - beta_t)
    betas = odds / (1 + odds)
    products = np.cumprod(betas)

    def before(optimizer, t):  # torch corrects m by 1 - beta_t^t, which the rate takes back
        beta = float(betas[t - 1])
        rate = h.lr * (1 - beta**t) / float(1 - products[t - 1])
        optimizer.param_groups[0].update(betas=(beta, h.beta2), lr=rate)

    def build(params):
        return torch.optim.Adam(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps)

    return torch_path(build, f, x, n, before)


CHECKS = (Check({"lr": 0.01}),)
