"""AdaMax. Kingma & Ba, ICLR 2015, arXiv:1412.6980, Algorithm 2.

The paper has no epsilon and divides by zero where the first gradients vanish; as in torch.optim it is added to |g|.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AdaMax"
YEAR = 2015
FAMILY = "adaptive"
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad u_t = \max(\beta_2 u_{t-1}, |g_t| + \varepsilon),\quad "
    r"\theta_t = \theta_{t-1} - \frac{\eta}{1-\beta_1^t}\,\frac{m_t}{u_t}"
)
CHANGE = "Adam with the largest gradient of the recent past in place of the root mean square."
NETWORK = {"lr": 0.002}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    m: Vector
    u: Vector
    beta1_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta1_t = h.beta1 * s.beta1_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    u = xp.maximum(h.beta2 * s.u, xp.absolute(g) + h.eps)
    return x - h.lr / (1 - beta1_t) * m / u, State(m, u, beta1_t)


def reference(params, h):
    import torch

    return torch.optim.Adamax(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps)


CHECKS = (
    Check(),
    Check({"lr": 1e-3, "beta2": 0.9, "eps": 1e-2}),
)
