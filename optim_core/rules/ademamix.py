"""AdEMAMix. Pagliardini, Ablin & Grangier, ICLR 2025, arXiv:2409.03137, Algorithm 1, without weight decay.

alpha and beta3 are constant: the paper's schedulers for them, which it marks as optional, are left out. The slow
average starts at zero and is not corrected.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AdEMAMix"
YEAR = 2025
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad M_t = \beta_3 M_{t-1} + (1-\beta_3)\,g_t,\quad "
    r"v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t) + \alpha M_t}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon}"
)
CHANGE = "Adam with a second, much slower average of gradients added to the first."
NETWORK = {"lr": 0.001, "beta3": 0.9999, "alpha": 5.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    beta3: Annotated[float, Range(0.0, 0.9999, r"\beta_3", valid="[0, 1)")] = 0.99
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    alpha: Annotated[float, Range(0.0, 10.0, r"\alpha", valid="[0, 1e3]")] = 2.0


class State(NamedTuple):
    m: Vector
    slow: Vector
    v: Vector
    beta1_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta1_t = h.beta1 * s.beta1_t
    beta2_t = h.beta2 * s.beta2_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    slow = h.beta3 * s.slow + (1 - h.beta3) * g
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    m_hat = m / (1 - beta1_t)
    v_hat = v / (1 - beta2_t)
    return x - h.lr * (m_hat + h.alpha * slow) / (xp.sqrt(v_hat) + h.eps), State(m, slow, v, beta1_t, beta2_t)


def reference(params, h):
    from pytorch_optimizer import AdEMAMix

    return AdEMAMix(params, lr=h.lr, betas=(h.beta1, h.beta2, h.beta3), alpha=h.alpha, eps=h.eps)


CHECKS = (
    Check({"lr": 0.05}),
    Check({"lr": 1e-3, "beta3": 0.9999, "alpha": 5.0}),
    Check({"lr": 0.05, "alpha": 0.0}, same=("adam", {"lr": 0.05})),
)
