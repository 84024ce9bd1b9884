"""Adan. Xie, Zhou, Li, Lin & Yan, IEEE TPAMI 2024, arXiv:2208.06677, Algorithm 1, without its proximal weight decay.

The paper's betas are one minus these, which are those of the authors' code, as is the bias correction. There is no
difference of gradients at the first step. optax 0.2.8 keeps these betas and the paper's factor 1 - beta2 before the
differences, 0.08 where it should be 0.92: no reference.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Adan"
YEAR = 2024
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad d_t = \beta_2 d_{t-1} + (1-\beta_2)\,(g_t - g_{t-1}),\quad "
    r"v_t = \beta_3 v_{t-1} + (1-\beta_3)\,\bigl(g_t + \beta_2\,(g_t - g_{t-1})\bigr)^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,"
    r"\frac{m_t/(1-\beta_1^t) + \beta_2\,d_t/(1-\beta_2^t)}{\sqrt{v_t/(1-\beta_3^t)} + \varepsilon}"
)
CHANGE = "Adam with Nesterov's look-ahead, by an average of the gradient's differences."
NETWORK = {"lr": 0.002}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.98
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.92
    beta3: Annotated[float, Range(0.0, 0.9999, r"\beta_3", valid="[0, 1)")] = 0.99
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    m: Vector
    d: Vector
    v: Vector
    before: Vector
    beta1_t: Scalar
    beta2_t: Scalar
    beta3_t: Scalar


def init(x):
    return State(
        xp.zeros(x), xp.zeros(x), xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0), xp.scalar(x, 1.0)
    )


def step(x, g, s, h, t, n):
    beta1_t = h.beta1 * s.beta1_t
    beta2_t = h.beta2 * s.beta2_t
    beta3_t = h.beta3 * s.beta3_t
    change = xp.where(t == 1, 0.0, 1.0) * (g - s.before)
    look = g + h.beta2 * change
    m = h.beta1 * s.m + (1 - h.beta1) * g
    d = h.beta2 * s.d + (1 - h.beta2) * change
    v = h.beta3 * s.v + (1 - h.beta3) * look * look
    up = m / (1 - beta1_t) + h.beta2 * d / (1 - beta2_t)
    down = xp.sqrt(v / (1 - beta3_t)) + h.eps
    return x - h.lr * up / down, State(m, d, v, g, beta1_t, beta2_t, beta3_t)


def reference(params, h):
    from pytorch_optimizer import Adan

    return Adan(params, lr=h.lr, betas=(h.beta1, h.beta2, h.beta3), eps=h.eps)


CHECKS = (
    Check({"lr": 0.01}),
    Check({"lr": 0.01, "beta1": 0.9, "beta2": 0.5, "beta3": 0.999}),
    Check({"lr": 0.05, "beta1": 0.9, "beta2": 0.0, "beta3": 0.999}, same=("adam", {"lr": 0.05})),
)
