"""AdaHessian. Yao, Gholami, Shen, Mustafa, Keutzer & Mahoney, AAAI 2021, arXiv:2006.00719, Algorithm 1.

On surfaces D is the exact diagonal of the Hessian; on networks Hutchinson's estimate z * (H z) with one vector z of
random signs. The paper also averages D over blocks of parameters (9 in a convolution's kernel), to smooth the estimate:
left out, since x is a flat vector here. pytorch_optimizer 4.1.0 has no such averages either, and takes a D that is
given to it; the authors' code has them. epsilon stands outside the root, as in both; the paper's formula has none. Its
default is that of pytorch_optimizer; the authors' code has 1e-4.

Where the curvature passes through zero D is small, and the step long.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "AdaHessian"
YEAR = 2021
FAMILY = "second order"
KIND = "closure"
CURVATURE = True
LATEX = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,D_t^2,\quad "
    r"D_t = \operatorname{diag}(H_t),\quad "
    r"\theta_t = \theta_{t-1} - \eta\,\frac{m_t/(1-\beta_1^t)}{\bigl(v_t/(1-\beta_2^t)\bigr)^{k/2} + \varepsilon}"
)
CHANGE = "Adam with the diagonal of the Hessian in place of the gradient under the root."
NETWORK = {"lr": 0.15, "eps": 1e-4}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-4, 1.0, r"\eta", log=True, valid="(0, 1e6]")] = 0.1
    beta1: Annotated[float, Range(0.0, 0.999, r"\beta_1", valid="[0, 1)")] = 0.9
    beta2: Annotated[float, Range(0.0, 0.9999, r"\beta_2", valid="[0, 1)")] = 0.999
    eps: Annotated[float, Range(1e-16, 1e-2, r"\varepsilon", log=True, valid="(0, 1]")] = 1e-16
    hessian_power: Annotated[float, Range(0.1, 1.0, "k", valid="(0, 1]")] = 1.0


class State(NamedTuple):
    m: Vector
    v: Vector
    beta1_t: Scalar
    beta2_t: Scalar


def init(x):
    return State(xp.zeros(x), xp.zeros(x), xp.scalar(x, 1.0), xp.scalar(x, 1.0))


def step(x, f, s, h):
    hessian = f.hessian_diagonal(x)  # before the gradient: on a network that one comes with it
    g = f.gradient(x)
    beta1_t = h.beta1 * s.beta1_t
    beta2_t = h.beta2 * s.beta2_t
    m = h.beta1 * s.m + (1 - h.beta1) * g
    v = h.beta2 * s.v + (1 - h.beta2) * hessian * hessian
    m_hat = m / (1 - beta1_t)
    v_hat = v / (1 - beta2_t)
    return x - h.lr * m_hat / (xp.power(v_hat, h.hessian_power / 2) + h.eps), State(m, v, beta1_t, beta2_t)


def reference(params, h):
    return None  # pytorch_optimizer's wants to be given D at each step: see expected


def expected(f, x, h, n):
    """pytorch_optimizer.AdaHessian, given the exact diagonal."""
    import torch
    from pytorch_optimizer import AdaHessian

    point, path = torch.tensor(x, dtype=torch.float64, requires_grad=True), [x]
    optimizer = AdaHessian([point], h.lr, (h.beta1, h.beta2), hessian_power=h.hessian_power, eps=h.eps)
    for _ in range(n):
        point.grad = torch.tensor(f.gradient(path[-1]))
        optimizer.step(hessian=[torch.tensor(f.hessian_diagonal(path[-1]))])
        path.append(point.detach().numpy().copy())
    return np.array(path)


CHECKS = (
    Check(),
    Check({"lr": 0.05, "beta1": 0.5, "beta2": 0.9, "eps": 1e-4}),
    Check({"hessian_power": 0.5, "lr": 0.01}),
)
