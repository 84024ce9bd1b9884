"""Schedule-free SGD. Defazio et al., NeurIPS 2024, arXiv:2405.15682, section 2.

The path is that of y, where gradients are taken; the average, which is what the method returns, is ``average`` in the
state (x in the paper). Where y was changed between two steps (loaded, clamped), z and the average move along.
Averaged with weights gamma_t^2, as in the paper's Algorithm 1: 1/t where the rate is constant.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Schedule-free SGD"
YEAR = 2024
FAMILY = "averaging"
LATEX = (
    r"z_t = z_{t-1} - \eta_t\,g_t,\quad c_t = \frac{\eta_t^2}{\sum_{i \le t}\eta_i^2},\quad "
    r"x_t = (1-c_t)\,x_{t-1} + c_t\,z_t,\quad y_t = (1-\beta)\,z_t + \beta\,x_t = \theta_t"
)
CHANGE = "Gradient descent with gradients taken near the average of its points, in place of a falling rate."
NETWORK = {"lr": 0.5}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.05
    momentum: Annotated[float, Range(0.0, 0.999, r"\beta", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    z: Vector
    average: Vector
    weights: Scalar


def init(x):
    return State(x, x, xp.scalar(x, 0.0))


def step(x, g, s, h, t, n):
    weights = s.weights + h.lr * h.lr
    c = h.lr * h.lr / xp.maximum(weights, 1e-30)
    moved = x - ((1 - h.momentum) * s.z + h.momentum * s.average)
    down = h.lr * g
    z, average = s.z + moved - down, s.average + moved
    up = c * (z - average)
    return x - (1 - h.momentum) * down + h.momentum * up, State(z, average + up, weights)


def answer(x, s, h):
    return s.average + (x - ((1 - h.momentum) * s.z + h.momentum * s.average))


def reference(params, h):
    from pytorch_optimizer import ScheduleFreeSGD

    return ScheduleFreeSGD(params, lr=h.lr, momentum=h.momentum) if h.momentum > 0 else None


CHECKS = (
    Check({"lr": 5e-4}),
    Check({"lr": 5e-4, "momentum": 0.5}),
    Check({"lr": 5e-4, "momentum": 0.0}, same=("gradient_descent", {"lr": 5e-4})),
)
