"""Adafactor for vectors. Shazeer & Stern, ICML 2018, arXiv:1804.04235, Algorithm 5, in the form of torch.optim.

What Adafactor does with biases: there are no columns to save, so every second moment is kept. The paper adds eps1 to
every squared gradient; torch bounds their average from below by eps1 squared. The step is proportional to the size of
the parameters, and lr bounds the relative step 1/sqrt(t), which the paper bounds by 0.01.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Adafactor for vectors"
YEAR = 2018
FAMILY = "adaptive"
CHANGE = "Adam without momentum, its second beta rising towards 1, its steps relative to the weights and bounded."
LATEX = (
    r"\beta_t = 1 - t^{-0.8},\quad v_t = \beta_t v_{t-1} + (1-\beta_t)\,g_t^2,\quad "
    r"u_t = \frac{g_t}{\sqrt{v_t}},\quad "
    r"\theta_t = \theta_{t-1} - \frac{\max(\varepsilon_2, \mathrm{RMS}(\theta_{t-1}))\min(\eta, t^{-1/2})}"
    r"{\max(1, \mathrm{RMS}(u_t)/d)}\,u_t"
)
NETWORK = {"lr": 0.01}
SCOPE = "tensor"


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-4, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    beta2_decay: Annotated[float, Range(-1.0, 0.0, r"\hat\beta_2", valid="[-10, 0]")] = -0.8
    eps1: Annotated[float, Range(1e-30, 1e-3, r"\varepsilon_1", log=True, valid="[0, 1]")] = 1e-16
    eps2: Annotated[float, Range(1e-6, 1.0, r"\varepsilon_2", log=True, valid="[0, 1e3]")] = 1e-3
    d: Annotated[float, Range(1.0, 10.0, "d", valid="[1, 1e6]")] = 1.0


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    v = s.v + xp.power(t, h.beta2_decay) * (g * g - s.v)
    u = g / xp.sqrt(xp.maximum(v, h.eps1 * h.eps1))
    alpha = xp.maximum(h.eps2, xp.sqrt(xp.mean(x * x))) * xp.minimum(h.lr, 1 / xp.sqrt(t))
    return x - alpha / xp.maximum(1.0, xp.sqrt(xp.mean(u * u)) / h.d) * u, State(v)


def reference(params, h):
    import torch

    if any(p.dim() > 1 for p in params):
        return None  # torch.optim.Adafactor takes these for matrices
    return torch.optim.Adafactor(params, lr=h.lr, beta2_decay=h.beta2_decay, eps=(h.eps1, h.eps2), d=h.d)


CHECKS = (
    Check({"lr": 0.01}),
    Check({"lr": 0.01, "d": 2.0, "beta2_decay": -1.0}),
    Check({"lr": 0.001, "eps1": 0.01, "eps2": 1.0}),
)
