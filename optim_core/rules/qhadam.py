"""QHAdam, the quasi-hyperbolic Adam. Ma & Yarats, ICLR 2019, arXiv:1810.06801, section 5.

nu1 = nu2 = 1 is Adam, and nu1 = 0, nu2 = 1 RMSProp, bias-corrected. The authors' code (qhoptim) recommends
beta1 = 0.995, nu1 = 0.7, nu2 = 1. pytorch_optimizer computed
another second moment from 2023 to its 3.11; its 4.1.0 is right, with averaging weights kept in float32.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "QHAdam"
YEAR = 2019
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{(1-\nu_1)\,g_t + \nu_1\,m_t/(1-\beta_1^t)}"
    r"{\sqrt{(1-\nu_2)\,g_t^2 + \nu_2\,v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with both moments mixed with the present gradient, as QHM mixes its one."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.995
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    nu1: Annotated[float, Range(0.0, 1.0, r"\nu_1")] = 0.7
    nu2: Annotated[float, Range(0.0, 1.0, r"\nu_2")] = 1.0
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


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
    up = (1 - h.nu1) * g + h.nu1 * m / (1 - beta1_t)
    down = xp.sqrt((1 - h.nu2) * g * g + h.nu2 * v / (1 - beta2_t)) + h.eps
    return x - h.lr * up / down, State(m, v, beta1_t, beta2_t)


def reference(params, h):
    from pytorch_optimizer import QHAdam

    def in_float64(optimizer, args, kwargs):  # after the first step, when the weights are 1, exactly
        for state in optimizer.state.values():
            state.update((name, value.double()) for name, value in state.items() if name.endswith("weight"))

    optimizer = QHAdam(params, lr=h.lr, betas=(h.beta1, h.beta2), nus=(h.nu1, h.nu2), eps=h.eps)
    optimizer.register_step_post_hook(in_float64)
    return optimizer


CHECKS = (
    Check({"lr": 0.01}),
    Check({"lr": 0.01, "beta1": 0.9, "nu1": 0.3, "nu2": 0.6}),
    Check({"lr": 0.05, "beta1": 0.9, "nu1": 1.0, "nu2": 1.0}, same=("adam", {"lr": 0.05})),
    Check({"lr": 3e-3, "nu1": 0.0}, same=("rmsprop_corrected", {"lr": 3e-3, "alpha": 0.999})),
)
