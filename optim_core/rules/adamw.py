"""AdamW, Adam with decoupled weight decay. Loshchilov & Hutter, ICLR 2019, arXiv:1711.05101, Algorithm 2.

The decay is multiplied by the learning rate, as in torch.optim; the paper multiplies it by the schedule's factor alone.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AdamW"
YEAR = 2019
FAMILY = "adaptive"
LATEX = (
    r"\theta_t = (1 - \eta\lambda)\,\theta_{t-1} - "
    r"\eta\,\frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon},\quad "
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2"
)
CHANGE = "Adam with weight decay taken off the parameters themselves, not added to the gradient."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    weight_decay: Annotated[float, Range(1e-4, 1.0, r"\lambda", log=True, valid="[0, 1e3]")] = 0.01


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
    m_hat = m / (1 - beta1_t)
    v_hat = v / (1 - beta2_t)
    decayed = x - h.lr * h.weight_decay * x
    return decayed - h.lr * m_hat / (xp.sqrt(v_hat) + h.eps), State(m, v, beta1_t, beta2_t)


def reference(params, h):
    import torch

    return torch.optim.AdamW(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps, weight_decay=h.weight_decay)


CHECKS = (
    Check(),
    Check({"weight_decay": 0.5}),
)
