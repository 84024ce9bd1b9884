"""AggMo, aggregated momentum. Lucas, Sun, Zemel & Grosse, ICLR 2019, arXiv:1804.00325, section 3, with K = 3.

Three equal betas are ``momentum``. pytorch_optimizer 4.1.0 keeps its velocities by the value of beta and adds the
gradient twice or thrice to one of them where two are equal: no reference there.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "AggMo"
YEAR = 2019
FAMILY = "momentum"
LATEX = (
    r"v_t^{(i)} = \beta_i\,v_{t-1}^{(i)} + g_t,\quad "
    r"\theta_t = \theta_{t-1} - \frac{\eta}{3}\,\bigl(v_t^{(1)} + v_t^{(2)} + v_t^{(3)}\bigr)"
)
CHANGE = "Momentum with several velocities, of short and long memory, averaged."
NETWORK = {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.0
    beta2: Annotated[float, Range(0.0, 0.999, r"\beta_2", valid="[0, 1)")] = 0.9
    beta3: Annotated[float, Range(0.0, 0.999, r"\beta_3", valid="[0, 1)")] = 0.99


class State(NamedTuple):
    v1: Vector
    v2: Vector
    v3: Vector


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.zeros(x))


def step(x, g, s, h, t, n):
    v1 = h.beta1 * s.v1 + g
    v2 = h.beta2 * s.v2 + g
    v3 = h.beta3 * s.v3 + g
    return x - h.lr / 3 * (v1 + v2 + v3), State(v1, v2, v3)


def reference(params, h):
    from pytorch_optimizer import AggMo

    betas = (h.beta1, h.beta2, h.beta3)
    return AggMo(params, lr=h.lr, betas=betas) if len(set(betas)) == 3 else None


CHECKS = (
    Check({"lr": 1e-4}),
    Check({"lr": 3e-5, "beta1": 0.5, "beta3": 0.999}),
    Check({"lr": 1e-4, "beta1": 0.9, "beta2": 0.9, "beta3": 0.9}, same=("momentum", {"lr": 1e-4})),
)
