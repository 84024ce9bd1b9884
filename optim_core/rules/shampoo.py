"""Shampoo. Gupta, Koren & Singer, ICML 2018, arXiv:1802.09568, Algorithm 1.

AdaGrad whose sums are matrices, one for the rows and one for the columns: with both, their inverse fourth roots. They
are found anew at the first steps and then every interval steps, in the paper at each. A side longer than 1024 is left
as it is (its root costs the cube of its length; Distributed Shampoo draws the same line), and the root of the other is
then the square root, the paper's -1/(2k) for k = 1. On the plane the columns' matrix is one number, the sum of the
squared lengths of gradients. pytorch_optimizer 4.1.0 does not move before the first multiple of its interval; to be
held against it, it is given every step before that.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Other

NAME = "Shampoo"
YEAR = 2018
FAMILY = "matrix"
CHANGE = "AdaGrad with matrices for the rows and columns of each weight matrix in place of a rate for each entry."
LATEX = (
    r"L_t = L_{t-1} + G_t G_t^\top,\quad R_t = R_{t-1} + G_t^\top G_t,\quad "
    r"\Theta_t = \Theta_{t-1} - \eta\,L_t^{-1/4}\,G_t\,R_t^{-1/4},\quad L_0 = \varepsilon I,\quad R_0 = \varepsilon I"
)
NETWORK = {"lr": 0.1, "interval": 10.0}
SCOPE = "matrix"
COMPANION = "adagrad"
LARGEST = 1024


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-3, 10.0, r"\eta", log=True, valid="(0, 1e6]")] = 1.0
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="(0, 1e6]")] = 1e-6
    interval: Annotated[float, Range(1.0, 100.0, "f", log=True, valid="[1, 1e9]")] = 1.0


class State(NamedTuple):
    left: Other
    right: Other
    left_root: Other
    right_root: Other


def init(x):
    rows, columns = (xp.eye(x, size if size <= LARGEST else 0) for size in x.shape)
    return State(0 * rows, 0 * columns, rows, columns)


def root(sums, h, order):
    """(eps I + sums) to the power -1 / order, by eigenvalues (n, n); an empty matrix as it is."""
    if not len(sums):
        return sums
    values, vectors = xp.eigh(sums)
    return vectors * xp.power(xp.maximum(values, 0.0) + h.eps, -1 / order) @ vectors.T


def step(x, g, s, h, t, n):
    left = s.left + g @ g.T if len(s.left) else s.left
    right = s.right + g.T @ g if len(s.right) else s.right
    left_root, right_root = s.left_root, s.right_root
    if t <= h.interval or t % h.interval < 1:
        order = 4 if len(left) and len(right) else 2
        left_root, right_root = root(left, h, order), root(right, h, order)
    y = left_root @ g if len(left) else g
    y = y @ right_root if len(right) else y
    return x - h.lr * y, State(left, right, left_root, right_root)


def reference(params, h):
    from pytorch_optimizer import Shampoo

    interval = int(h.interval)
    if interval != h.interval:
        return None

    class AtOnce(Shampoo):
        def step(self, closure=None):
            early = self.param_groups[0].get("step", 0) < interval
            self.preconditioning_compute_steps = 1 if early else interval
            return super().step(closure)

    return AtOnce(params, lr=h.lr, matrix_eps=h.eps)


_WHY = "The smaller eigenvalue of the sums is known to 1e-16 of the larger, a million times its size on the ravine."
CHECKS = (
    Check({"lr": 0.05}, bound=3e-8, why=_WHY),
    Check({"lr": 0.05, "eps": 0.01, "interval": 7.0}, bound=3e-8, why=_WHY),
)
