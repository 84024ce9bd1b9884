"""Adam. Kingma & Ba, ICLR 2015, arXiv:1412.6980, Algorithm 1.

epsilon stands outside the root, as printed there; without bias correction m and v themselves are used.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Scalar, Vector

NAME = "Adam"
YEAR = 2015
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "RMSProp with momentum and bias correction."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    bias_correction: Annotated[float, switch(r"1-\beta^t")] = 1.0


class State(NamedTuple):
    m: Vector
    v: Vector
    beta1_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta1_t = h.beta1 * s.beta1_t
    beta2_t = h.beta2 * s.beta2_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    m_hat = m / xp.where(h.bias_correction > 0, 1 - beta1_t, 1.0)
    v_hat = v / xp.where(h.bias_correction > 0, 1 - beta2_t, 1.0)
    return x - h.lr * m_hat / (xp.sqrt(v_hat) + h.eps), State(m, v, beta1_t, beta2_t)


def reference(params, h):
    import torch

    if not h.bias_correction:
        return None  # torch.optim has no such switch
    return torch.optim.Adam(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps)


def expected(f, x, h, n):
    """Closed form without bias correction: m and v as weighted sums of all gradients."""
    path, gradients = [x], np.empty((n, 2))
    for t in range(1, n + 1):
        gradients[t - 1] = f.gradient(path[-1])
        g, age = gradients[:t], np.arange(t)[::-1, None]
        m = ((1 - h.beta1) * h.beta1**age * g).sum(axis=0)
        v = ((1 - h.beta2) * h.beta2**age * g * g).sum(axis=0)
        path.append(path[-1] - h.lr * m / (np.sqrt(v) + h.eps))
    return np.array(path)


CHECKS = (
    Check(),
    Check({"lr": 0.01, "beta1": 0.5, "eps": 1e-3}),
    Check({"beta2": 0.9}, steps=100, why="Its steps stay long, and it bounces across the valley: rounding grows."),
    Check({"lr": 0.05, "bias_correction": 0.0}),
)
