"""Schedule-free AdamW. Defazio et al., NeurIPS 2024, arXiv:2405.15682, Algorithm 1, as in its later code.

The path is that of y, where gradients are taken and decay acts; the average, which is what the method returns, is
``average`` in the state (x in the paper). Where y was changed between two steps (loaded, clamped), z and the average
move along. The paper puts sqrt(1 - beta2^t) into the rate, so that it also weighs the average; the later code corrects
v instead. pytorch_optimizer 4.1.0 adds another 1e-15 to v under the root.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "Schedule-free AdamW"
YEAR = 2024
FAMILY = "averaging"
LATEX = (
    r"v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad "
    r"z_t = z_{t-1} - \eta_t\Bigl(\frac{g_t}{\sqrt{v_t/(1-\beta_2^t)} + \varepsilon} + \lambda\,y_{t-1}\Bigr),\quad "
    r"c_t = \frac{\eta_t^2}{\sum_{i \le t}\eta_i^2},\quad "
    r"x_t = (1-c_t)\,x_{t-1} + c_t\,z_t,\quad y_t = (1-\beta_1)\,z_t + \beta_1\,x_t = \theta_t"
)
CHANGE = "AdamW with an average of its points in place of a falling rate, as in Schedule-free SGD."
NETWORK = {"lr": 0.0025}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    weight_decay: Annotated[float, Range(0.0, 0.1, r"\lambda", valid="[0, 1e3]")] = 0.0


class State(NamedTuple):
    z: Vector
    average: Vector
    v: Vector
    weights: Scalar
    beta2_t: Scalar


def init(x):
    return State(x, x, xp.zeros(x), xp.scalar(x, 0.0), xp.scalar(x, 1.0))


def step(x, g, s, h, t, n):
    beta2_t = h.beta2 * s.beta2_t
    weights = s.weights + h.lr * h.lr
    c = h.lr * h.lr / xp.maximum(weights, 1e-30)
    v = h.beta2 * s.v + (1 - h.beta2) * g * g
    move = g / (xp.sqrt(v / (1 - beta2_t)) + h.eps) + h.weight_decay * x
    moved = x - ((1 - h.beta1) * s.z + h.beta1 * s.average)
    down = h.lr * move
    z, average = s.z + moved - down, s.average + moved
    up = c * (z - average)
    return x - (1 - h.beta1) * down + h.beta1 * up, State(z, average + up, v, weights, beta2_t)


def answer(x, s, h):
    return s.average + (x - ((1 - h.beta1) * s.z + h.beta1 * s.average))


def reference(params, h):
    from pytorch_optimizer import ScheduleFreeAdamW

    if not h.beta1:
        return None
    return ScheduleFreeAdamW(params, lr=h.lr, betas=(h.beta1, h.beta2), eps=h.eps, weight_decay=h.weight_decay)


CHECKS = (
    Check({"lr": 0.03}),
    Check({"lr": 0.03, "weight_decay": 0.1}),
    Check({"lr": 3e-3, "beta1": 0.0}, same=("rmsprop_corrected", {"lr": 3e-3, "alpha": 0.999})),
)
