"""RMSProp divided by the root of the bias-corrected average, as some lectures teach it; after Tieleman & Hinton 2012.

The same as Adam with beta1 = 0. Without the correction (``rmsprop``) the first step is 1 / sqrt(1 - alpha) times as
long: ten times for alpha = 0.99.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "RMSProp (bias-corrected)"
YEAR = 2012
FAMILY = "adaptive"
LATEX = (
    r"v_t = \alpha v_{t-1} + (1-\alpha)\,g_t^2,\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{g_t}{\sqrt{v_t/(1-\alpha^t)} + \varepsilon}"
)
CHANGE = "RMSProp with its average corrected for the start at zero."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    alpha: Annotated[float, Range(0.0, 0.9999, r"\alpha", valid="[0, 1)")] = 0.99
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8


class State(NamedTuple):
    v: Vector
    alpha_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    alpha_t = h.alpha * s.alpha_t
    v = h.alpha * s.v + (1 - h.alpha) * g * g
    v_hat = v / (1 - alpha_t)
    return x - h.lr * g / (xp.sqrt(v_hat) + h.eps), State(v, alpha_t)


def reference(params, h):
    import torch

    return torch.optim.Adam(params, lr=h.lr, betas=(0.0, h.alpha), eps=h.eps)


_WHY = "In the valley its steps stay long, and it bounces across: rounding grows."
CHECKS = (
    Check({"lr": 3e-3}),
    Check({"lr": 3e-4, "alpha": 0.5}, steps=400, why=_WHY),
)
