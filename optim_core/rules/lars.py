"""LARS, layer-wise adaptive rate scaling. You, Gitman & Ginsburg 2017, arXiv:1708.03888, Algorithm 1.

Each layer's rate is proportional to the size of its weights over that of its gradient. As printed there the rate stands
in the velocity. Left out: the polynomial decay of the rate, which is a schedule. Where the weights or the gradient
vanish the ratio is 1. On the plane the point is one layer, and steps shrink towards the origin. pytorch_optimizer 4.1.0
scales no rates of vectors: there they are held as columns.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "LARS"
YEAR = 2017
FAMILY = "layer-wise"
CHANGE = "Momentum with a rate for each layer, in proportion to the size of its weights."
LATEX = (
    r"\lambda_t = \rho\,\frac{\lVert\theta_{t-1}\rVert}{\lVert g_t\rVert + \beta\lVert\theta_{t-1}\rVert},\quad "
    r"v_t = \mu v_{t-1} + \eta\,\lambda_t\,(g_t + \beta\,\theta_{t-1}),\quad \theta_t = \theta_{t-1} - v_t"
)
NETWORK = {"lr": 5.0, "weight_decay": 5e-4}
SCOPE = "tensor"


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-2, 100.0, r"\eta", log=True, valid="(0, 1e6]")] = 5.0
    momentum: Annotated[float, Range(0.0, 0.999, r"\mu", valid="[0, 1)")] = 0.9
    trust_coefficient: Annotated[float, Range(1e-4, 0.1, r"\rho", log=True, valid="(0, 1e3]")] = 0.001
    weight_decay: Annotated[float, Range(0.0, 1.0, r"\beta", valid="[0, 1e3]")] = 0.0


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def step(x, g, s, h, t, n):
    size = xp.sqrt(xp.dot(x, x))
    total = xp.sqrt(xp.dot(g, g)) + h.weight_decay * size
    ratio = xp.where(size * total > 0, h.trust_coefficient * size / total, 1.0)
    v = h.momentum * s.v + h.lr * ratio * (g + h.weight_decay * x)
    return x - v, State(v)


def reference(params, h):
    from pytorch_optimizer import LARS

    class Columns(LARS):
        def step(self, closure=None):
            loss = None if closure is None else closure()
            vectors = [p for group in self.param_groups for p in group["params"] if p.dim() == 1]
            _reshape(vectors, (-1, 1))
            super().step()
            _reshape(vectors, (-1,))
            return loss

    return Columns(
        params, lr=h.lr, momentum=h.momentum, weight_decay=h.weight_decay, trust_coefficient=h.trust_coefficient
    )


def _reshape(params, shape):
    for p in params:
        g, p.grad = p.grad, None
        p.data = p.data.view(shape)
        p.grad = None if g is None else g.view(shape)


CHECKS = (
    Check({"lr": 1.0}),
    Check(
        {"lr": 5.0, "weight_decay": 0.1}, bound=5e-11, why="With so high a rate it crosses the valley: rounding grows."
    ),
    Check({"lr": 2.0, "momentum": 0.5, "trust_coefficient": 0.002}),
)
