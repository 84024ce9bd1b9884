"""AMSGrad. Reddi, Kale & Kumar, ICLR 2018, arXiv:1904.09237, Algorithm 2, with Adam's bias correction and epsilon.

The paper has neither. As in torch.optim the maximum is taken of v itself and then corrected by the present factor, so
that in the first steps the divisor can still fall; optax 0.2.8 takes the maximum of the corrected v.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AMSGrad"
YEAR = 2018
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\hat v_t = \max(\hat v_{t-1}, v_t),\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t)}{\sqrt{\hat v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with the largest second moment so far, so that no coordinate's rate grows again later on."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    m: Vector
    v: Vector
    v_max: Vector
    beta1_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta1_t = h.beta1 * s.beta1_t
    beta2_t = h.beta2 * s.beta2_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    v_max = xp.maximum(s.v_max, v)
    m_hat = m / (1 - beta1_t)
    v_hat = v_max / (1 - beta2_t)
    return x - h.lr * m_hat / (xp.sqrt(v_hat) + h.eps), State(m, v, v_max, beta1_t, beta2_t)


def reference(params, h):
    import torch

    return torch.optim.Adam(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps, amsgrad=True)


CHECKS = (
    Check(),
    Check({"lr": 0.01, "beta2": 0.9}),
)
