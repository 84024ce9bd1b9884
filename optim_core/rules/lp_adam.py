"""Adam with the L^p norm of past gradients. Kingma & Ba, ICLR 2015, arXiv:1412.6980, section 7.1, for a finite p.

The second coefficient is beta2^p, as there: p = 2 is Adam with beta2^2. Correction and epsilon are Adam's. As p grows
it becomes AdaMax, but |g|^p overflows or vanishes on the way, which is why the paper takes the limit.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Adam with an L^p norm"
YEAR = 2015
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2^p v_{t-1} + (1-\beta_2^p)\,|g_t|^p,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t)}{(v_t/(1-\beta_2^{pt}))^{1/p} + \varepsilon}"
)
CHANGE = "Adam with the p-th power of gradients in place of the square."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    p: Annotated[float, Range(1.0, 20.0, "p", valid="[1, 100]")] = 4.0


class State(NamedTuple):
    m: Vector
    v: Vector
    beta1_t: Scalar
    beta2_pt: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta2_p = xp.power(h.beta2, h.p)
    beta1_t = h.beta1 * s.beta1_t
    beta2_pt = beta2_p * s.beta2_pt
    m = h.beta1 * s.m + (1 - h.beta1) * g
    v = beta2_p * s.v + (1 - beta2_p) * xp.power(xp.absolute(g), h.p)
    m_hat = m / (1 - beta1_t)
    v_hat = v / (1 - beta2_pt)
    return x - h.lr * m_hat / (xp.power(v_hat, 1 / h.p) + h.eps), State(m, v, beta1_t, beta2_pt)


def reference(params, h):
    import torch

    if h.p != 2:
        return None
    return torch.optim.Adam(params, lr=h.lr, betas=(h.beta1, h.beta2**2), eps=h.eps)


def expected(f, x, h, n):
    """Closed form: mean and power mean of all gradients so far, weighted."""
    path, gradients = [x], np.empty((n, 2))
    for t in range(1, n + 1):
        gradients[t - 1] = f.gradient(path[-1])
        g, age = gradients[:t], np.arange(t)[::-1]
        mean = np.average(g, axis=0, weights=h.beta1**age)
        norm = np.average(np.abs(g) ** h.p, axis=0, weights=h.beta2 ** (h.p * age)) ** (1 / h.p)
        path.append(path[-1] - h.lr * mean / (norm + h.eps))
    return np.array(path)


CHECKS = (
    Check({"lr": 0.05}),
    Check({"lr": 0.05, "p": 2.0}),
    Check(
        {"lr": 0.01, "p": 1.0}, bound=1e-11, why="Its denominator forgets slowly; crossing the valley, rounding grows."
    ),
    Check({"lr": 0.05, "p": 20.0}),
)
