"""YellowFin, which tunes rate and momentum by itself. Zhang & Mitliagkas, MLSys 2019, arXiv:1706.03471, Algorithms 1-4.

The paper's algorithm: a window of 20 steps, averages corrected for their start at zero, h_min and h_max averaged as
logarithms, a slow start over 10 windows. The authors' code differs: it averages h_max as it is, adds 1e-6 in several
places, tunes from the second step on, and clips; in early versions it averages rate and momentum once more and starts
at full rate. Here |g|^2 and C count as at least 1e-30, p as between 1e-30 and 1e30. lr is a factor on the tuned rate.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from optim_core import xp
from optim_core.parameters import Range
from optim_core.rule import Check, Scalar, Vector

NAME = "YellowFin"
YEAR = 2019
FAMILY = "self-tuning"
LATEX = (
    r"h_{\max} = \exp\overline{\log\max_{20}\lVert g\rVert^2},\quad "
    r"h_{\min} = \exp\overline{\log\min_{20}\lVert g\rVert^2},"
    r"\quad C = \overline{\lVert g\rVert^2} - \lVert\overline{g}\rVert^2,\quad "
    r"D = \overline{\overline{\lVert g\rVert}\,/\,\overline{\lVert g\rVert^2}},\quad "
    r"\frac{(1-r)^3}{r} = p = \frac{D^2 h_{\min}^2}{2C},\quad \kappa = \frac{h_{\max}}{h_{\min}},\quad "
    r"\sqrt{\mu_t} = \max\Bigl(r, \frac{\sqrt{\kappa} - 1}{\sqrt{\kappa} + 1}\Bigr),\quad "
    r"\eta_t = \frac{(1-\sqrt{\mu_t})^2}{h_{\min}}\min\Bigl(1, \frac{t}{200}\Bigr),\quad "
    r"v_t = \mu_t v_{t-1} - \eta\,\eta_t\,g_t,\quad \theta_t = \theta_{t-1} + v_t"
)
CHANGE = "Momentum that sets its own rate and coefficient, from measured curvature, noise and distance."
NETWORK = {"lr": 1.0}


class Hyper(NamedTuple):
    lr: Annotated[float, Range(1e-3, 10.0, r"\eta", log=True, valid="(0, 1e6]")] = 1.0
    beta: Annotated[float, Range(0.0, 0.9999, r"\beta", valid="[0, 1)")] = 0.999


class State(NamedTuple):
    v: Vector
    g_mean: Vector
    h_mean: Scalar
    norm_mean: Scalar
    d_mean: Scalar
    log_high: Scalar
    log_low: Scalar
    beta_t: Scalar
    mu: Scalar
    rate: Scalar
    w1: Scalar
    w2: Scalar
    w3: Scalar
    w4: Scalar
    w5: Scalar
    w6: Scalar
    w7: Scalar
    w8: Scalar
    w9: Scalar
    w10: Scalar
    w11: Scalar
    w12: Scalar
    w13: Scalar
    w14: Scalar
    w15: Scalar
    w16: Scalar
    w17: Scalar
    w18: Scalar
    w19: Scalar


def init(x):
    o = xp.scalar(x, 0.0)
    return State(
        xp.zeros(x),
        xp.zeros(x),
        o,
        o,
        o,
        o,
        o,
        xp.scalar(x, 1.0),
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
        o,
    )


def step(x, g, s, h, t, n):
    now = xp.maximum(xp.dot(g, g), 1e-30)
    fill = xp.where(t == 1, now, 0.0)  # until the window is full its first number stands for the missing ones
    w1, w2, w3, w4, w5 = s.w1 + fill, s.w2 + fill, s.w3 + fill, s.w4 + fill, s.w5 + fill
    w6, w7, w8, w9, w10 = s.w6 + fill, s.w7 + fill, s.w8 + fill, s.w9 + fill, s.w10 + fill
    w11, w12, w13, w14, w15 = s.w11 + fill, s.w12 + fill, s.w13 + fill, s.w14 + fill, s.w15 + fill
    w16, w17, w18, w19 = s.w16 + fill, s.w17 + fill, s.w18 + fill, s.w19 + fill
    most, least = xp.maximum, xp.minimum  # in pairs: a loop over the window would keep the blocks from being vectorised
    high = most(
        most(
            most(most(most(now, w1), most(w2, w3)), most(most(w4, w5), most(w6, w7))),
            most(most(most(w8, w9), most(w10, w11)), most(most(w12, w13), most(w14, w15))),
        ),
        most(most(w16, w17), most(w18, w19)),
    )
    low = least(
        least(
            least(least(least(now, w1), least(w2, w3)), least(least(w4, w5), least(w6, w7))),
            least(least(least(w8, w9), least(w10, w11)), least(least(w12, w13), least(w14, w15))),
        ),
        least(least(w16, w17), least(w18, w19)),
    )
    beta_t = h.beta * s.beta_t
    total = 1 - beta_t  # of the weights in an average

    log_high = h.beta * s.log_high + (1 - h.beta) * xp.log(high)
    log_low = h.beta * s.log_low + (1 - h.beta) * xp.log(low)
    h_max, h_min = xp.exp(log_high / total), xp.exp(log_low / total)

    g_mean = h.beta * s.g_mean + (1 - h.beta) * g
    h_mean = h.beta * s.h_mean + (1 - h.beta) * now
    c = xp.maximum(h_mean / total - xp.dot(g_mean, g_mean) / (total * total), 1e-30)

    norm_mean = h.beta * s.norm_mean + (1 - h.beta) * xp.sqrt(now)
    d_mean = h.beta * s.d_mean + (1 - h.beta) * norm_mean / h_mean
    d = d_mean / total

    p = xp.minimum(xp.maximum(d * d * h_min * h_min / (2 * c), 1e-30), 1e30)
    # Cardano's root 1 - r = a - b with a b = p/3 and a^3 - b^3 = p, written without the difference.
    a = xp.power(p * (0.5 + xp.sqrt(0.25 + p / 27)), 1 / 3)
    b = p / (3 * a)
    r = 1 - p / (a * a + p / 3 + b * b)
    root_k = xp.sqrt(h_max / h_min)
    root_mu = xp.maximum(r, (root_k - 1) / (root_k + 1))
    mu = root_mu * root_mu
    rate = (1 - root_mu) * (1 - root_mu) / h_min * xp.minimum(t / 200, 1.0)
    v = mu * s.v - h.lr * rate * g
    statistics = (h_mean, norm_mean, d_mean, log_high, log_low, beta_t, mu, rate)
    return x + v, State(
        v, g_mean, *statistics, now, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15, w16, w17, w18
    )


def reference(params, h):
    return None  # no library has it


def expected(f, x, h, n):
    """Own text of Algorithms 1 to 4, with numpy.roots for the cubic."""
    path, window, v = [x], [], np.zeros(2)
    average = dict.fromkeys(("high", "low", "g", "h", "norm", "distance"), 0.0)

    def averaged(name, value, t):
        average[name] = h.beta * average[name] + (1 - h.beta) * value
        return average[name] / (1 - h.beta**t)

    for t in range(1, n + 1):
        g = f.gradient(path[-1])
        window = [*window, float(g @ g)][-20:]
        h_max = math.exp(averaged("high", math.log(max(window)), t))
        h_min = math.exp(averaged("low", math.log(min(window)), t))
        g_mean, h_mean = averaged("g", g, t), averaged("h", window[-1], t)
        variance = max(h_mean - g_mean @ g_mean, 1e-30)
        distance = averaged("distance", averaged("norm", math.sqrt(window[-1]), t) / h_mean, t)
        p = min(distance**2 * h_min**2 / (2 * variance), 1e30)
        roots = np.roots([-1.0, 3.0, -3.0 - float(p), 1.0])
        root = next(z.real for z in roots if abs(z.imag) < 1e-6 and -1e-6 < z.real < 1)
        root += ((1 - root) ** 3 - p * root) / (3 * (1 - root) ** 2 + p)  # a Newton step: a small root has few digits
        ratio = (math.sqrt(h_max / h_min) - 1) / (math.sqrt(h_max / h_min) + 1)
        mu = max(root, ratio) ** 2
        v = mu * v - h.lr * (1 - math.sqrt(mu)) ** 2 / h_min * min(1, t / 200) * g
        path.append(path[-1] + v)
    return np.array(path)


_WHY = "Rounding grows: by 1e4 in 700 steps on Rosenbrock."
CHECKS = (
    Check(bound=1e-11, why=_WHY),
    Check({"beta": 0.99}, steps=300, why=_WHY),
)
