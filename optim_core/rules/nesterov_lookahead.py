"""Nesterov's momentum by look-ahead. Nesterov 1983, Soviet Math. Doklady 27; Sutskever et al., ICML 2013, (3) and (4).

The gradient is taken where the velocity alone would lead. The points where it is taken are the path of ``nesterov``,
torch.optim's form: with torch's buffer b and its point y, v = -lr b and x = y - mu v.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Vector

NAME = "Nesterov by look-ahead"
YEAR = 1983
FAMILY = "momentum"
CHANGE = "Momentum whose gradient is taken ahead, where the velocity leads."
LATEX = r"v_t = \mu v_{t-1} - \eta\,\nabla f(\theta_{t-1} + \mu v_{t-1}),\quad \theta_t = \theta_{t-1} + v_t"
NETWORK = {"lr": 0.01}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.01
    momentum: Annotated[float, Range(0.0, 0.999, r"\mu", valid="[0, 1)")] = 0.9


class State(NamedTuple):
    v: Vector


def init(x):
    return State(xp.zeros(x))


def look(x, s, h, t, n):
    return x + h.momentum * s.v


def step(x, g, s, h, t, n):
    v = h.momentum * s.v - h.lr * g
    return x + v, State(v)


def reference(params, h):
    return None  # its path is torch's only after a change of variable


def expected(f, x, h, n):
    """torch.optim.SGD with nesterov, moved from its points y and buffer b to x = y + lr mu b."""
    import numpy as np
    import torch

    y = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([y], lr=h.lr, momentum=h.momentum, nesterov=h.momentum > 0)
    path = [np.array(x)]
    for _ in range(n):
        y.grad = torch.tensor(f.gradient(y.detach().numpy()))
        optimizer.step()
        b = optimizer.state[y].get("momentum_buffer")
        path.append((y.detach() + (0.0 if b is None else h.lr * h.momentum * b)).numpy().copy())
    return np.array(path)


CHECKS = (
    Check({"lr": 1e-4}),
    Check({"lr": 1e-4, "momentum": 0.99}),
    Check({"lr": 5e-4, "momentum": 0.0}, same=("gradient_descent", {"lr": 5e-4})),
)
