"""AdaBound. Luo, Xiong, Liu & Sun, ICLR 2019, arXiv:1902.09843, Algorithm 2, as in the authors' code.

Adam's rate of each coordinate, kept between bounds that close in on final_lr: in the end it is momentum in the average
form. The paper divides the bounded rate by sqrt(t) and has neither bias correction nor epsilon; the authors' code and
the libraries do the contrary. pytorch_optimizer 4.1.0 adds another 1e-15 to v under the root.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AdaBound"
YEAR = 2019
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"\eta_t = \min\Bigl(\max\Bigl(\frac{\eta\sqrt{1-\beta_2^t}}{(1-\beta_1^t)\,(\sqrt{v_t} + \varepsilon)},\ "
    r"\eta^* - \frac{\eta^*}{\gamma t + 1}\Bigr),\ \eta^* + \frac{\eta^*}{\gamma t}\Bigr),\quad "
    r"\theta_t = \theta_{t-1} - \eta_t\,m_t"
)
CHANGE = "Adam with each rate kept between bounds that close in on one value: in the end momentum."
NETWORK = {"lr": 0.001, "final_lr": 0.1}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    final_lr: Annotated[float, Range(1e-5, 1.0, r"\eta^*", log=True, valid="(0, 1e6]")] = 0.01
    gamma: Annotated[float, Range(1e-5, 1.0, r"\gamma", log=True, valid="(0, 1e3]")] = 1e-3


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
    lower = h.final_lr * (1 - 1 / (h.gamma * t + 1))
    upper = h.final_lr * (1 + 1 / (h.gamma * t))
    rate = h.lr * xp.sqrt(1 - beta2_t) / (1 - beta1_t) / (xp.sqrt(v) + h.eps)
    return x - xp.minimum(xp.maximum(rate, lower), upper) * m, State(m, v, beta1_t, beta2_t)


def reference(params, h):
    from pytorch_optimizer import AdaBound

    return AdaBound(params, lr=h.lr, final_lr=h.final_lr, betas=(h.beta1, h.beta2), gamma=h.gamma, eps=h.eps)


CHECKS = (
    Check(),
    Check({"lr": 0.01, "final_lr": 1e-3, "gamma": 0.01}),
)
