"""RAdam, rectified Adam. Liu et al., ICLR 2020, arXiv:1908.03265, Algorithm 2.

As in torch.optim: epsilon is added to the root of v before its correction, and v is used from rho_t > 5 on; the paper
has no epsilon and says 4. Before that, for 5 steps with beta2 = 0.999, it is momentum at Adam's rate, which on a steep
surface throws it far.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "RAdam"
YEAR = 2020
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\rho_\infty = \tfrac{2}{1-\beta_2} - 1,\quad \rho_t = \rho_\infty - \tfrac{2t\beta_2^t}{1-\beta_2^t},\quad "
    r"r_t = \sqrt{\tfrac{(\rho_t-4)(\rho_t-2)\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\rho_t}},\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t}{1-\beta_1^t}\,"
    r"\begin{cases} r_t\sqrt{1-\beta_2^t}\,/\,(\sqrt{v_t} + \varepsilon) & \rho_t > 5 \\ 1 & \text{else} \end{cases}"
)
CHANGE = "Adam with a rate that is held back while its second moment rests on too few gradients."
NETWORK = {"lr": 0.005}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
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
    m_hat = m / (1 - beta1_t)
    rho_inf = 2 / (1 - h.beta2) - 1
    rho = rho_inf - 2 * t * beta2_t / (1 - beta2_t)
    # Nothing divides by zero, or takes the root of less, where rho <= 5 and r is not used.
    top, some = xp.maximum(rho_inf, 5.0), xp.maximum(rho, 5.0)
    r = xp.sqrt((some - 4) * (some - 2) * top / ((top - 4) * (top - 2) * some))
    scale = xp.where(rho > 5, r * xp.sqrt(1 - beta2_t) / (xp.sqrt(v) + h.eps), 1.0)
    return x - h.lr * m_hat * scale, State(m, v, beta1_t, beta2_t)


def reference(params, h):
    import torch

    return torch.optim.RAdam(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps)


CHECKS = (
    Check({"lr": 1e-3}),
    Check({"lr": 1e-4, "beta2": 0.98}),
    Check({"lr": 1e-4, "beta2": 0.6}),
)
