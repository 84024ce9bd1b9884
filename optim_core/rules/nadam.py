"""NAdam, Nesterov momentum in Adam. Dozat 2016, ICLR workshop (OpenReview OM0jvwB8jIp57ZJjtNEZ), Algorithm 2.

With the momentum schedule of the report's experiments, mu_t = beta1 (1 - 0.96^(t psi) / 2), psi = 0.004, as in
torch.optim. m itself is averaged with beta1, as in torch.optim and Keras, and not with mu_t, as in the report.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "NAdam"
YEAR = 2016
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\mu_t = \beta_1\bigl(1 - \tfrac12\,0.96^{t\psi}\bigr),\quad \theta_t = \theta_{t-1} - \eta\,"
    r"\frac{(1-\mu_t)\,g_t/(1-\prod_{i \le t}\mu_i) + \mu_{t+1}\,m_t/(1-\prod_{i \le t+1}\mu_i)}"
    r"{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with Nesterov's look-ahead, and a schedule for its first beta."
NETWORK = {"lr": 0.002}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    momentum_decay: Annotated[float, Range(0.0, 0.1, r"\psi", valid="[0, 1]")] = 4e-3


class State(NamedTuple):
    m: Vector
    v: Vector
    mus_t: Scalar
    decay_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    decay = xp.power(0.96, h.momentum_decay)
    decay_t = decay * s.decay_t
    beta2_t = h.beta2 * s.beta2_t
    mu = h.beta1 * (1 - 0.5 * decay_t)
    mu_next = h.beta1 * (1 - 0.5 * decay_t * decay)
    mus_t = mu * s.mus_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    up = (1 - mu) / (1 - mus_t) * g + mu_next / (1 - mus_t * mu_next) * m
    return x - h.lr * up / (xp.sqrt(v / (1 - beta2_t)) + h.eps), State(m, v, mus_t, decay_t, beta2_t)


def reference(params, h):
    import torch

    betas = (h.beta1, h.beta2)
    return torch.optim.NAdam(params, lr=h.lr, betas=betas, eps=h.eps, momentum_decay=h.momentum_decay)


CHECKS = (
    Check({"lr": 0.01}),
    Check({"lr": 0.01, "momentum_decay": 0.1}),
)
