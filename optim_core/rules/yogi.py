"""Yogi. Zaheer, Reddi, Sachan, Kale & Kumar, NeurIPS 2018, "Adaptive methods for nonconvex optimization", Algorithm 2.

v moves by at most (1 - beta2) g^2 in a step, whatever v is. Without bias correction it is the paper's; with it that of
the libraries. m and v start at zero: pytorch_optimizer 4.1.0 by default starts both, m too, at 1e-6.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.helpers.reference import torch_path
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Scalar, Vector

NAME = "Yogi"
YEAR = 2018
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad "
    r"v_t = v_{t-1} - (1-\beta_2)\,\mathrm{sign}(v_{t-1} - g_t^2)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with a second moment that moves by a bounded amount, so that rates do not jump up."
NETWORK = {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-1, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-3
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
    v = s.v - (1 - h.beta2) * xp.sign(s.v - g * g) * g * g
    m_hat = m / xp.where(h.bias_correction > 0, 1 - beta1_t, 1.0)
    v_hat = v / xp.where(h.bias_correction > 0, 1 - beta2_t, 1.0)
    return x - h.lr * m_hat / (xp.sqrt(v_hat) + h.eps), State(m, v, beta1_t, beta2_t)


def reference(params, h):
    from pytorch_optimizer import Yogi

    if not h.bias_correction:
        return None
    return Yogi(params, lr=h.lr, betas=(h.beta1, h.beta2), initial_accumulator=0.0, eps=h.eps)


def expected(f, x, h, n):
    """pytorch_optimizer.Yogi, whose rate and epsilon undo its bias correction before each step."""
    from pytorch_optimizer import Yogi

    def build(params):
        return Yogi(params, lr=h.lr, betas=(h.beta1, h.beta2), initial_accumulator=0.0, eps=h.eps)

    def before(optimizer, t):
        root = (1 - h.beta2**t) ** 0.5
        optimizer.param_groups[0].update(lr=h.lr * (1 - h.beta1**t) / root, eps=h.eps / root)

    return torch_path(build, f, x, n, before)


CHECKS = (
    Check(),
    Check({"lr": 0.01, "beta2": 0.9}),
    Check({"lr": 0.01, "bias_correction": 0.0}),
)
