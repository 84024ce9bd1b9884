"""ADOPT. Taniguchi et al., NeurIPS 2024, arXiv:2411.02853, clipped as in the paper's later version.

The gradient is divided by the second moment of those before it, and only then averaged. The first gradient starts v
and moves nothing; steps are counted after it, so that the first move clips at 1. pytorch_optimizer 4.1.0 counts it too
and clips the first move at 2^(1/4) by default; the reference is told otherwise. The paper's
beta2 for networks is 0.9999; on a surface that forgets too slowly.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "ADOPT"
YEAR = 2024
FAMILY = "adaptive"
LATEX = (
    r"c_t = (t-1)^{1/4},\quad "
    r"m_t = \beta_1 m_{t-1} + "
    r"(1-\beta_1)\,\mathrm{clip}\Bigl(\frac{g_t}{\max(\sqrt{v_{t-1}}, \varepsilon)}, -c_t, c_t\Bigr),\quad "
    r"\theta_t = \theta_{t-1} - \eta\,m_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad v_1 = g_1^2"
)
CHANGE = "Adam with each gradient divided by the second moment of those before it, and averaged only then."
NETWORK = {"lr": 0.001, "beta2": 0.9999}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="(0, 1]")] = 1e-6


class State(NamedTuple):
    m: Vector
    v: Vector


def init(x):
    return State(xp.zeros(x), xp.zeros(x))


def step(x, g, s, h, t, n):
    clip = xp.sqrt(xp.sqrt(t - 1))  # 0 at the first step: m and x stay
    scaled = g / xp.maximum(xp.sqrt(s.v), h.eps)
    m = h.beta1 * s.m + (1 - h.beta1) * xp.maximum(xp.minimum(scaled, clip), -clip)
    v = xp.where(t == 1, g * g, h.beta2 * s.v + (1 - h.beta2) * g * g)
    return x - h.lr * m, State(m, v)


def reference(params, h):
    from pytorch_optimizer import ADOPT

    betas = (h.beta1, h.beta2)
    return ADOPT(params, lr=h.lr, betas=betas, eps=h.eps, clip_lambda=lambda step: (step - 1) ** 0.25)


CHECKS = (
    Check({"lr": 0.05}),
    Check({"lr": 0.05, "beta2": 0.9999, "eps": 1e-2}),
)
