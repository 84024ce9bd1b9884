"""Rprop, resilient backpropagation. Riedmiller & Braun, ICNN 1993, 586-591, without the step back.

After a change of sign the coordinate rests for a step and its gradient is forgotten, as in torch.optim; Igel & Huesken
2003 call this form iRprop-. lr is the first step's size; changed later it does nothing.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Rprop"
YEAR = 1993
FAMILY = "sign"
LATEX = (
    r"\Delta_t = \min(\max(\Delta_{t-1} \cdot \{\eta^+ \text{ if } g_t g_{t-1} > 0,\ \eta^- \text{ if } < 0,\ 1\},\ "
    r"\Delta_{\min}), \Delta_{\max}),\quad \Delta_0 = \eta,\quad g_t \leftarrow 0 \text{ if } g_t g_{t-1} < 0,\quad "
    r"\theta_t = \theta_{t-1} - \Delta_t\,\mathrm{sign}(g_t)"
)
CHANGE = "Gradient descent by signs alone: each coordinate's step grows while its sign stays and shrinks when it turns."
NETWORK = {"lr": 0.001}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    eta_minus: Annotated[float, Range(0.01, 0.99, r"\eta^-", valid="(0, 1)")] = 0.5
    eta_plus: Annotated[float, Range(1.01, 3.0, r"\eta^+", valid="(1, 100]")] = 1.2
    step_min: Annotated[float, Range(1e-9, 1e-2, r"\Delta_{\min}", log=True, valid="(0, 1e3]")] = 1e-6
    step_max: Annotated[float, Range(1e-2, 100.0, r"\Delta_{\max}", log=True, valid="(0, 1e6]")] = 50.0


class State(NamedTuple):
    delta: Vector
    before: Vector


def init(x):
    return State(xp.zeros(x), xp.zeros(x))


def step(x, g, s, h, t, n):
    turn = g * s.before
    delta = s.delta + xp.where(t == 1, h.lr, 0.0)
    delta = xp.where(turn > 0, h.eta_plus * delta, xp.where(turn < 0, h.eta_minus * delta, delta))
    delta = xp.minimum(xp.maximum(delta, h.step_min), h.step_max)
    g = xp.where(turn < 0, 0.0, g)
    return x - xp.sign(g) * delta, State(delta, g)


def reference(params, h):
    import torch

    etas, sizes = (h.eta_minus, h.eta_plus), (h.step_min, h.step_max)
    return torch.optim.Rprop(params, lr=h.lr, etas=etas, step_sizes=sizes)


CHECKS = (
    Check(),
    Check({"eta_minus": 0.7, "eta_plus": 1.1, "step_max": 0.05}),
)
