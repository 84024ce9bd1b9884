"""Differential evolution, best/1/bin. Storn & Price, Journal of Global Optimization 11, 1997.

SciPy 1.17.1's, a whole generation at a time and without its final polish. The first population is a Latin hypercube
over the window with the start as its first member (a start outside widens the window; one on the edge is moved inside
by 1e-12 of the side). ``popsize`` counts members per coordinate, as in SciPy: 10 are a population of 20. Coordinates
that leave the window are drawn anew. A trial that is not worse takes the place of its parent. The present point is the
best member. It ends where all members have the same value. NaN is worse than anything.

Held against the algorithm written anew with the same generator: mutation, crossover, selection. The order in which
numbers are drawn, and in which members stand, is SciPy's.
"""

from typing import Annotated, NamedTuple

import numpy as np

from optim_core.helpers.recorded import box, comparable
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Differential evolution"
YEAR = 1997
FAMILY = "without gradients"
KIND = "recorded"
LATEX = (
    r"v_i = x_{\text{best}} + F\,(x_{r_1} - x_{r_2}),\quad "
    r"u_{ij} = \begin{cases} v_{ij} & \text{with probability } CR \text{ or if } j = j_i \\ x_{ij} & \text{otherwise}"
    r"\end{cases},\quad x_i \leftarrow u_i \text{ if } f(u_i) \le f(x_i)"
)
CHANGE = "A population whose own differences are its steps, long at first and short once it gathers."
NETWORK = None
NO_NETWORK = "A population of networks of which only the better half is ever used costs more than their gradients."


class Hyper(NamedTuple):
    popsize: Annotated[float, Range(3, 50, "P/2", valid="[3, 1000]")] = 10.0
    mutation: Annotated[float, Range(0.0, 1.9, "F", valid="[0, 2)")] = 0.7
    recombination: Annotated[float, Range(0.0, 1.0, "CR", valid="[0, 1]")] = 0.7
    seed: Annotated[float, Range(0, 999, "s", valid="[0, 999]")] = 0.0


_WHY = "rounding decides between members of equal value once they have gathered"
CHECKS = (Check(steps=100, why=_WHY), Check({"popsize": 20.0, "recombination": 0.3, "seed": 7.0}, steps=100, why=_WHY))


def record(f, x, h, n, done):
    from scipy.optimize import differential_evolution

    low, high = box(f, x)
    hair = 1e-12 * (high - low)
    differential_evolution(
        lambda points: comparable(f.values(points.T)),
        list(zip(low, high, strict=True)),
        strategy="best1bin",
        maxiter=n,
        popsize=int(h.popsize),
        tol=0.0,
        mutation=h.mutation,
        recombination=h.recombination,
        rng=np.random.default_rng(int(h.seed)),
        callback=lambda intermediate_result: done(intermediate_result.x),
        polish=False,
        updating="deferred",
        x0=np.clip(x, low + hair, high - hair),
        vectorized=True,
    )


def reference(params, h):
    return None  # no torch.optim optimizer goes without gradients


def expected(f, x, h, n):
    """Storn & Price's DE/best/1/bin, written anew member by member and without an ending."""
    (x0, x1), (y0, y1) = f.window
    low, high = np.array([min(x0, x[0]), min(y0, x[1])]), np.array([max(x1, x[0]), max(y1, x[1])])
    generator, size = np.random.default_rng(int(h.seed)), max(5, 2 * int(h.popsize))

    def costs(points):
        values = np.array([f.value(point) for point in points])
        return np.where(np.isnan(values), np.inf, values)

    def best_first():
        k = np.argmin(cost)
        members[[0, k]], cost[[0, k]] = members[[k, 0]], cost[[k, 0]]

    strata = (np.arange(size)[:, None] + generator.random((size, 2))) / size
    strata = np.column_stack([strata[generator.permutation(size), axis] for axis in (0, 1)])
    members = low + (high - low) * strata
    members[0] = x
    cost, order, path = costs(members), np.arange(size), [x]
    best_first()
    for _ in range(n):
        trials = members.copy()
        for i in range(size):
            generator.shuffle(order)
            r1, r2 = order[order != i][:2]
            trials[i] = members[0] + h.mutation * (members[r1] - members[r2])
        kept = generator.integers(2, size=size)[:, None] != np.arange(2)
        kept &= generator.random((size, 2)) >= h.recombination
        trials = np.where(kept, members, trials)
        outside = (trials < low) | (trials > high)
        drawn = np.zeros((size, 2))
        drawn[outside] = generator.random(outside.sum())
        trials = np.where(outside, low + (high - low) * drawn, trials)
        found = costs(trials)
        better = found <= cost
        members[better], cost[better] = trials[better], found[better]
        best_first()
        path.append(members[0].copy())
    return np.array(path)
