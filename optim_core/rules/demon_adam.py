"""Demon on Adam, undamped. Chen, Wolfe, Li & Kyrillidis 2019, arXiv:1910.04952, Algorithm 2.

As published m sums gradients instead of averaging them, and so is not corrected; v is Adam's. Steps are up to
1 / (1 - beta1) times as long as Adam's: rates of about a tenth. T is the horizon; without one beta1 stays. The damped
form is ``demon_adam_damped``.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Demon Adam"
YEAR = 2019
FAMILY = "adaptive"
LATEX = (
    r"\beta_t = \frac{\beta_1\,(1 - \tau)}{1 - \beta_1 + \beta_1\,(1 - \tau)},\quad \tau = \frac{t-1}{T},\quad "
    r"m_t = \beta_t m_{t-1} + g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with a first beta that falls to zero over the run, and gradients summed instead of averaged."
NETWORK = {"lr": 0.0001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    m: Vector
    v: Vector
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    left = xp.maximum(1 - (t - 1) / n, 0.0)
    beta = h.beta1 * left / (1 - h.beta1 + h.beta1 * left)
    beta2_t = h.beta2 * s.beta2_t
    m = beta * s.m + g
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    v_hat = v / (1 - beta2_t)
    return x - h.lr * m / (xp.sqrt(v_hat) + h.eps), State(m, v, beta2_t)


def reference(params, h):
    return None  # no library has it


def expected(f, x, h, n):
    """Closed form: m as a sum of all gradients so far, weighted by products of betas."""
    odds = (1 - np.arange(n) / n) * h.beta1 / (1 - h.beta1)  # the paper's condition, for beta_t / (1 - beta_t)
    betas = odds / (1 + odds)
    path, gradients, weights = [x], np.empty((n, 2)), np.empty(0)
    for t in range(1, n + 1):
        gradients[t - 1] = f.gradient(path[-1])
        g = gradients[:t]
        weights = np.append(weights * betas[t - 1], 1.0)
        v_hat = np.average(g * g, axis=0, weights=h.beta2 ** np.arange(t)[::-1])
        path.append(path[-1] - h.lr * (weights @ g) / (np.sqrt(v_hat) + h.eps))
    return np.array(path)


CHECKS = (Check({"lr": 1e-3}),)
