"""Adafactor. Shazeer & Stern, ICML 2018, arXiv:1804.04235, Algorithm 4, in the form of torch.optim.

A matrix of second moments is kept as the averages of its rows and columns alone. Vectors go to ``adafactor_vector``,
the paper's Algorithm 5; a column has one number a row, so that on the plane the two are one. The paper adds eps1 to
every squared gradient; torch bounds from below, by eps1 the average over the rows and by its square the estimate. So
eps1 is torch's, about float64's precision, not the paper's 1e-30. The step is proportional to the size of the
parameters; lr bounds the relative step 1/sqrt(t), which the paper bounds by 0.01. torch 2.13.0 takes a convolution's
kernels one by one for matrices, here it is one matrix (out, rest).
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Other

NAME = "Adafactor"
YEAR = 2018
FAMILY = "matrix"
CHANGE = "Adam without momentum, its second moments a product of rows and columns, its steps relative to the weights."
LATEX = (
    r"\beta_t = 1 - t^{-0.8},\quad R_t = \beta_t R_{t-1} + (1-\beta_t)\,\overline{G_t^2}^{\,\mathrm{rows}},\quad "
    r"C_t = \beta_t C_{t-1} + (1-\beta_t)\,\overline{G_t^2}^{\,\mathrm{columns}},\quad "
    r"U_t = G_t \Big/ \sqrt{\frac{R_t C_t}{\overline{R_t}}},\quad "
    r"\Theta_t = \Theta_{t-1} - \frac{\max(\varepsilon_2, \mathrm{RMS}(\Theta_{t-1}))\min(\eta, t^{-1/2})}"
    r"{\max(1, \mathrm{RMS}(U_t)/d)}\,U_t"
)
NETWORK = {"lr": 0.01}
SCOPE = "matrix"
COMPANION = "adafactor_vector"


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-4, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    beta2_decay: Annotated[float, Range(-1.0, 0.0, r"\hat\beta_2", valid="[-10, 0]")] = -0.8
    eps1: Annotated[float, Range(1e-30, 1e-3, r"\varepsilon_1", log=True, valid="[0, 1]")] = 1e-16
    eps2: Annotated[float, Range(1e-6, 1.0, r"\varepsilon_2", log=True, valid="[0, 1e3]")] = 1e-3
    d: Annotated[float, Range(1.0, 10.0, "d", valid="[1, 1e6]")] = 1.0


class State(NamedTuple):
    row: Other
    column: Other


def init(x):
    return State(0 * xp.mean(x, 1), 0 * xp.mean(x, 0))


def step(x, g, s, h, t, n):
    fresh = xp.power(t, h.beta2_decay)
    row = s.row + fresh * (xp.mean(g * g, 1) - s.row)
    column = s.column + fresh * (xp.mean(g * g, 0) - s.column)
    v = row @ column / xp.maximum(xp.mean(row), h.eps1)
    u = g / xp.sqrt(xp.maximum(v, h.eps1 * h.eps1))
    alpha = xp.maximum(h.eps2, xp.sqrt(xp.mean(x * x))) * xp.minimum(h.lr, 1 / xp.sqrt(t))
    return x - alpha / xp.maximum(1.0, xp.sqrt(xp.mean(u * u)) / h.d) * u, State(row, column)


def reference(params, h):
    import torch

    return torch.optim.Adafactor(params, lr=h.lr, beta2_decay=h.beta2_decay, eps=(h.eps1, h.eps2), d=h.d)


CHECKS = (
    Check({"lr": 0.01}),
    Check({"lr": 0.01, "d": 2.0, "beta2_decay": -1.0}),
    Check({"lr": 0.001, "eps1": 0.01, "eps2": 1.0}),
    Check({"lr": 0.01}, same=("adafactor_vector", {"lr": 0.01})),
)
