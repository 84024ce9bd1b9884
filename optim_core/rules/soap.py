"""SOAP, Adam in Shampoo's eigenbasis. Vyas et al., ICLR 2025, arXiv:2409.11321, Algorithms 3 and 4.

The first step only finds the basis, as in the authors' code, whose bias correction is used too; every interval steps it
is brought nearer to the eigenvectors by one power iteration and a QR decomposition. A side longer than 1024 is not
turned, since a decomposition costs the cube of it (the authors' code has an option for this, 10,000 where not given).
On the plane the basis is of the two coordinates: the rule is Adam on turned axes. pytorch_optimizer 4.1.0 makes the QR
decomposition in float32; to be held against it, it is given matrices that stay in float64.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Other, Scalar, Vector

NAME = "SOAP"
YEAR = 2025
FAMILY = "matrix"
CHANGE = "Adam on the axes that Shampoo's matrices find."
LATEX = (
    r"M_t = \beta_1 M_{t-1} + (1-\beta_1)\,G_t,\quad "
    r"V_t = \beta_2 V_{t-1} + (1-\beta_2)\,(Q_L^\top G_t Q_R)^2,\quad "
    r"\Theta_t = \Theta_{t-1} - \eta\,Q_L\,\frac{Q_L^\top \hat M_t Q_R}{\sqrt{\hat V_t} + \varepsilon}\,Q_R^\top,\quad "
    r"L_t = \beta_2 L_{t-1} + (1-\beta_2)\,G_t G_t^\top,\quad R_t = \beta_2 R_{t-1} + (1-\beta_2)\,G_t^\top G_t,\quad "
    r"Q_L, Q_R = \text{eigenvectors of } L_t, R_t"
)
NETWORK = {"lr": 0.003}
SCOPE = "matrix"
COMPANION = "adamw"
LARGEST = 1024


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-5, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.95
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.95
    eps: Annotated[float, Range(1e-12, 1e-2, r"\varepsilon", log=True, valid="[0, 1]")] = 1e-8
    interval: Annotated[float, Range(1.0, 100.0, "f", log=True, valid="[1, 1e9]")] = 10.0


class State(NamedTuple):
    m: Vector
    v: Vector
    left: Other
    right: Other
    left_basis: Other
    right_basis: Other
    beta1_t: Scalar
    beta2_t: Scalar


def init(x):
    rows, columns = (xp.eye(x, size if size <= LARGEST else 0) for size in x.shape)
    return State(xp.zeros(x), xp.zeros(x), 0 * rows, 0 * columns, rows, columns, xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def turned(a, left, right):
    """left^T a right; an empty matrix turns nothing."""
    a = left.T @ a if len(left) else a
    return a @ right if len(right) else a


def eigenvectors(a):
    """Of a symmetric matrix, in columns, those of the largest eigenvalues first."""
    values, vectors = xp.eigh(a)
    return vectors[:, (-values).argsort()]


def nearer(a, basis):
    """A basis after a power iteration with a, and the order in which it now has the former one's columns."""
    moved = a @ basis
    order = (-(basis * moved).sum(0)).argsort()
    return xp.qr(moved[:, order])[0], order


def step(x, g, s, h, t, n):
    left = h.beta2 * s.left + (1 - h.beta2) * (g @ g.T) if len(s.left) else s.left
    right = h.beta2 * s.right + (1 - h.beta2) * (g.T @ g) if len(s.right) else s.right
    left_basis, right_basis = s.left_basis, s.right_basis
    if t == 1:
        left_basis = eigenvectors(left) if len(left) else left
        right_basis = eigenvectors(right) if len(right) else right
        return x, s._replace(left=left, right=right, left_basis=left_basis, right_basis=right_basis)

    beta1_t, beta2_t = h.beta1 * s.beta1_t, h.beta2 * s.beta2_t
    turned_g = turned(g, left_basis, right_basis)
    m = h.beta1 * s.m + (1 - h.beta1) * g
    v = h.beta2 * s.v + (1 - h.beta2) * turned_g * turned_g
    y = turned(m, left_basis, right_basis) / (xp.sqrt(v) + h.eps)
    rate = h.lr * xp.sqrt(1 - beta2_t) / (1 - beta1_t)
    x = x - rate * turned(y, left_basis.T, right_basis.T)
    if (t - 1) % h.interval < 1:
        if len(left):
            left_basis, order = nearer(left, left_basis)
            v = v[order]
        if len(right):
            right_basis, order = nearer(right, right_basis)
            v = v[:, order]
    return x, State(m, v, left, right, left_basis, right_basis, beta1_t, beta2_t)


def reference(params, h):
    import torch
    from pytorch_optimizer import SOAP

    class Kept(torch.Tensor):
        def to(self, dtype):  # type: ignore[override]
            return self if dtype is torch.float32 else super().to(dtype)

    class Soap(SOAP):
        def init_pre_conditioner(self, grad, state, **options):  # type: ignore[override]
            super().init_pre_conditioner(grad, state, **options)
            state["GG"] = [matrix.as_subclass(Kept) for matrix in state["GG"]]

    betas, interval = (h.beta1, h.beta2), int(h.interval)
    if interval != h.interval:
        return None
    return Soap(params, lr=h.lr, betas=betas, eps=h.eps, weight_decay=0.0, precondition_frequency=interval)


_WHY = "A condition of 1e6 on the ravine: the smaller eigenvector's share of a gradient is known to fewer digits."
CHECKS = (
    Check(
        {"lr": 0.001},
        steps=200,
        bound=1e-6,
        why="The first gradient has no part across its own direction: what eps divides there is a rounding error.",
    ),
    Check({"lr": 0.01, "eps": 1.0}, bound=5e-11, why=_WHY),
    Check({"lr": 0.01, "eps": 1.0, "interval": 50.0, "beta1": 0.9, "beta2": 0.99}, bound=5e-11, why=_WHY),
)
