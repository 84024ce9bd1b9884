"""Random search. Brooks, Operations Research 6, 1958; for hyperparameters Bergstra & Bengio, JMLR 13, 2012.

Points spread uniformly over the window, and the best one kept: what every other algorithm must beat. An iteration
draws ``popsize`` points; the present point is the best so far, the start included. A start outside the window widens
it. NaN is worse than anything.

Held against the same draws of the PCG64 generator made all at once and looked up by a running minimum. That the best of
m points lies where a uniform distribution says it must is a test of its own.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core.helpers.recorded import box, comparable
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Random search"
YEAR = 1958
FAMILY = "without gradients"
KIND = "recorded"
LATEX = r"x_i \sim \mathcal{U}(\text{window}),\quad \theta_t = \arg\min_{x_1, \dots, x_{tP}} f(x_i)"
CHANGE = "Learns nothing from what it has seen: the baseline for all others."
NETWORK = None
NO_NETWORK = "Points drawn at random never come near a good one among millions of parameters."


class Hyper(NamedTuple):
    popsize: Annotated[float, Range(1, 100, "P", valid="[1, 10000]")] = 10.0
    seed: Annotated[float, Range(0, 999, "s", valid="[0, 999]")] = 0.0


CHECKS = (Check(bound=0.0), Check({"popsize": 1.0, "seed": 7.0}, bound=0.0))


def record(f, x, h, n, done):
    low, high = box(f, x)
    generator = np.random.default_rng(int(h.seed))
    best, least = x, comparable(f.value(x))
    for _ in range(n):
        points = generator.uniform(low, high, (int(h.popsize), 2))
        values = comparable(f.values(points))
        k = np.argmin(values)
        if values[k] < least:
            best, least = points[k], values[k]
        done(best)


def reference(params, h):
    return None  # no torch.optim optimizer goes without gradients


def expected(f, x, h, n):
    """All draws made at once, and the first of the lowest up to each iteration."""
    (x0, x1), (y0, y1) = f.window
    sides = (min(x0, x[0]), max(x1, x[0])), (min(y0, x[1]), max(y1, x[1]))
    draws = np.random.Generator(np.random.PCG64(int(h.seed))).random((n * int(h.popsize), 2))
    points = np.vstack([x, np.column_stack([a + (b - a) * u for (a, b), u in zip(sides, draws.T, strict=True)])])
    values = np.array([f.value(point) for point in points])
    values[np.isnan(values)] = np.inf
    rows = [np.argmin(values[: 1 + t * int(h.popsize)]) for t in range(n + 1)]
    return points[rows]
