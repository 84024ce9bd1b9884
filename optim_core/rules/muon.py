"""Muon, momentum orthogonalized by Newton-Schulz. Jordan et al. 2024, kellerjordan.github.io/posts/muon.

Five steps of the iteration bring the singular values of the momentum near 1, those above a hundredth of its norm to
between 0.68 and 1.14. A column has one: on the plane all steps have the length 0.985 lr, and Muon is normalized
momentum. As in torch 2.13.0 the momentum is an average (its documentation prints the sum; the scale makes no
difference) and lr is multiplied by sqrt(max(1, rows / columns)). torch iterates in bfloat16 for speed, here the
precision is the parameters': to be held against it, torch is given gradients that stay in theirs.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range, switch
from optim_core.rule import Check, Vector

NAME = "Muon"
YEAR = 2024
FAMILY = "matrix"
CHANGE = "Nesterov whose step for each weight matrix is made orthogonal, all its singular values near 1."
LATEX = (
    r"B_t = \mu B_{t-1} + (1-\mu)\,G_t,\quad "
    r"X_0 = \frac{(1-\mu)\,G_t + \mu B_t}{\lVert\cdot\rVert_F},\quad "
    r"X_{k+1} = a X_k + \bigl(b\,X_k X_k^\top + c\,(X_k X_k^\top)^2\bigr) X_k,\quad "
    r"\Theta_t = \Theta_{t-1} - \eta\sqrt{\max(1, m/n)}\,X_5"
)
NETWORK = {"lr": 0.02}
SCOPE = "matrix"
COMPANION = "adamw"
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-4, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.03
    momentum: Annotated[float, Range(0.0, 0.999, r"\mu", valid="[0, 1)")] = 0.95
    nesterov: Annotated[float, switch(r"\mathrm{Nesterov}")] = 1.0


class State(NamedTuple):
    b: Vector


def init(x):
    return State(xp.zeros(x))


def orthogonalized(a):
    """A matrix with its singular values brought near 1 by Newton-Schulz; nearer for those that are not small."""
    a1, a3, a5 = COEFFICIENTS
    wide = a.T if a.shape[0] > a.shape[1] else a
    wide = wide / xp.maximum(xp.sqrt(xp.dot(wide, wide)), 1e-7)
    for _ in range(STEPS):
        square = wide @ wide.T
        wide = a1 * wide + (a3 * square + a5 * square @ square) @ wide
    return wide.T if a.shape[0] > a.shape[1] else wide


def step(x, g, s, h, t, n):
    b = h.momentum * s.b + (1 - h.momentum) * g
    ahead = xp.where(h.nesterov > 0, (1 - h.momentum) * g + h.momentum * b, b)
    return x - h.lr * max(1, x.shape[0] / x.shape[1]) ** 0.5 * orthogonalized(ahead), State(b)


def reference(params, h):
    import torch

    class Kept(torch.Tensor):
        def bfloat16(self):  # type: ignore[override]
            return self.clone()

    class Muon(torch.optim.Muon):
        def step(self, closure=None):
            loss = None if closure is None else closure()
            for p in (p for group in self.param_groups for p in group["params"] if p.grad is not None):
                p.grad = p.grad.as_subclass(Kept)
            super().step()
            return loss

    return Muon(params, lr=h.lr, momentum=h.momentum, nesterov=bool(h.nesterov), weight_decay=0.0)


CHECKS = (
    Check({"lr": 1e-3}),
    Check({"lr": 1e-3, "momentum": 0.5, "nesterov": 0.0}),
    Check({"lr": 0.01}, steps=100, why="With steps of one length it soon bounces across the valley for ever."),
)
