"""LAMB. You et al., ICLR 2020, arXiv:1904.00962, Algorithm 2, with phi(z) = z.

Adam's step with its weight decay, brought to the size of the layer's weights. On the plane the point is one layer, and
every step has the length lr |x|: near the origin it hardly moves. Where weights or step vanish the ratio is 1. The
third version of the paper left out the bias correction: the same without epsilon and decay, since a common factor
cancels. pytorch_optimizer 4.1.0 follows that version, bounds |x| by 10 and adds epsilon to the step's length too: it is
the reference where epsilon and decay are 0, with that bound off.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "LAMB"
YEAR = 2020
FAMILY = "layer-wise"
CHANGE = "Adam whose step is scaled to the size of each layer's weights, as in LARS."
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"r_t = \frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon} + \lambda\,\theta_{t-1},\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{\lVert\theta_{t-1}\rVert}{\lVert r_t\rVert}\,r_t"
)
NETWORK = {"lr": 0.01, "weight_decay": 0.01}
SCOPE = "tensor"


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-4, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.03
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-6
    weight_decay: Annotated[float, Range(0.0, 1.0, r"\lambda", valid="[0, 1e3]")] = 0.0


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
    r = m / (1 - beta1_t) / (xp.sqrt(v / (1 - beta2_t)) + h.eps) + h.weight_decay * x
    size, length = xp.sqrt(xp.dot(x, x)), xp.sqrt(xp.dot(r, r))
    ratio = xp.where(size * length > 0, size / length, 1.0)
    return x - h.lr * ratio * r, State(m, v, beta1_t, beta2_t)


def reference(params, h):
    from pytorch_optimizer import Lamb

    if h.eps or h.weight_decay:
        return None
    optimizer = Lamb(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=0.0, adam_debias=True)
    optimizer.clamp = float("inf")
    return optimizer


def expected(f, x, h, n):
    """torch.optim.Adam's step at rate 1 from 0, scaled to the length of x."""
    import numpy as np
    import torch

    adams = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([adams], lr=1.0, betas=(h.beta1, h.beta2), eps=h.eps)
    path = [np.array(x)]
    for _ in range(n):
        x = path[-1]
        adams.data.zero_()
        adams.grad = torch.tensor(f.gradient(x))
        optimizer.step()
        r = h.weight_decay * x - adams.detach().numpy()
        path.append(x - h.lr * np.linalg.norm(x) / np.linalg.norm(r) * r)
    return np.array(path)


CHECKS = (
    Check({"lr": 0.01}),
    Check({"lr": 0.01, "eps": 0.0}),
    Check({"lr": 0.01, "eps": 0.01, "weight_decay": 0.1}),
    Check({"lr": 0.003, "beta1": 0.95, "beta2": 0.99}),
)
