"""Simulated annealing. Kirkpatrick, Gelatt & Vecchi, Science 220, 1983; Tsallis & Stariolo, Physica A 233, 1996.

The generalised form: SciPy 1.17.1's ``dual_annealing`` without its local searches and without its restarts. An
iteration tries four points, two that change both coordinates and one for each coordinate, by heavy-tailed jumps that
shorten as the temperature falls and re-enter the window at its opposite edge; a worse one is taken with the probability
p. A start outside widens the window. SciPy tells nobody where the walk is: the present point is the best so far, the
walk shows in the cloud. SciPy's own defaults, a temperature of 5230 and visit 2.62, are for longer runs; at 2 the jumps
are Cauchy's. ``visit`` begins at 1.7: SciPy allows it from 1, but below 5/3 it loses the sign of a Gamma function, and
with 1.3, say, all jumps are NaN. NaN is worse than anything.

Held against the chain written anew from Xiang, Gubian, Suomela & Hoeng, The R Journal 5, 2013, with the same generator:
temperatures, jumps and every acceptance. The order in which numbers are drawn is SciPy's, and so is the rule that a
jump beyond 1e8 is replaced by one drawn uniformly up to there.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from optim_core.helpers.recorded import box, comparable
from optim_core.parameters import Range
from optim_core.rule import Check

NAME = "Simulated annealing"
YEAR = 1983
FAMILY = "without gradients"
KIND = "recorded"
LATEX = (
    r"T_t = T_1\,\frac{2^{q_v - 1} - 1}{(1 + t)^{q_v - 1} - 1},\quad x' = x + \Delta x,\quad "
    r"\Delta x \sim g_{q_v}(T_t),\quad "
    r"p = \min\Bigl(1, \bigl[1 - (1 - q_a)\,\tfrac{t}{T_t}\,(f(x') - f(x))\bigr]_+^{1/(1 - q_a)}\Bigr)"
)
CHANGE = "A random walk that takes steps uphill too, ever more rarely as it cools."
NETWORK = None
NO_NETWORK = "A random jump among millions of parameters all but never lowers the loss."


class Hyper(NamedTuple):
    temperature: Annotated[float, Range(0.1, 5e4, "T_1", log=True, valid="(0.01, 5e4]")] = 10.0
    visit: Annotated[float, Range(1.7, 2.9, "q_v", valid="[1.7, 2.9]")] = 2.0
    accept: Annotated[float, Range(-100.0, -5.0, "q_a", valid="(-1e4, -5]")] = -5.0
    seed: Annotated[float, Range(0, 999, "s", valid="[0, 999]")] = 0.0


CHECKS = (
    Check(),
    Check({"temperature": 1.0, "visit": 1.7, "accept": -50.0, "seed": 7.0}),
    Check(
        {"temperature": 5230.0, "visit": 2.62},
        steps=20,
        bound=1e-6,
        why="jumps of up to 1e8 come back into the window by a remainder, which leaves eight digits fewer",
    ),
)


def record(f, x, h, n, done):
    from scipy.optimize import dual_annealing

    count, best, least = 0, x, np.inf

    def value(point):
        nonlocal count, best, least
        found = comparable(f.value(point))
        if found < least:
            best, least = point.copy(), found
        if count and count % 4 == 0:
            done(best)
        count += 1
        return found

    dual_annealing(
        value,
        list(zip(*box(f, x), strict=True)),
        maxiter=n,
        initial_temp=h.temperature,
        restart_temp_ratio=1e-300,
        visit=h.visit,
        accept=h.accept,
        rng=np.random.default_rng(int(h.seed)),
        no_local_search=True,
        x0=x,
    )


def reference(params, h):
    return None  # no torch.optim optimizer goes without gradients


def expected(f, x, h, n):
    """Xiang et al., equations (1) to (4), written anew with Tsallis & Stariolo's sampler."""
    (x0, x1), (y0, y1) = f.window
    low, side = np.array([min(x0, x[0]), min(y0, x[1])]), np.array([max(x1, x[0]), max(y1, x[1])])
    side = side - low
    generator, q, qa = np.random.default_rng(int(h.seed)), h.visit, h.accept

    def value(point):
        found = f.value(point)
        return np.inf if np.isnan(found) else found

    def jumps(temperature, count):
        a, b = generator.normal(size=(count, 2)).T
        p = 1 / (q - 1) - 0.5
        spread = temperature ** (1 / (q - 1)) * math.sqrt(math.pi) * (q - 1) ** (4 - q)
        spread /= 2 ** ((2 - q) / (q - 1)) * (3 - q)
        sigma = (math.pi * (1 - p) / (math.sin(math.pi * (1 - p)) * math.gamma(2 - p) * spread)) ** ((1 - q) / (3 - q))
        return sigma * a / abs(b) ** ((q - 1) / (3 - q))

    here, energy = x, value(x)
    best, least, path = here, energy, [x]
    for t in range(1, n + 1):
        temperature = h.temperature * (2 ** (q - 1) - 1) / ((1 + t) ** (q - 1) - 1)
        for j in range(4):
            jump = np.zeros(2)
            if j < 2:
                jump = jumps(temperature, 2)
                up, down = generator.uniform(size=2)
                jump = np.where(jump > 1e8, 1e8 * up, np.where(jump < -1e8, -1e8 * down, jump))
            else:
                (jump[j - 2],) = jumps(temperature, 1)
                if abs(jump[j - 2]) > 1e8:
                    jump[j - 2] = math.copysign(1e8 * generator.uniform(), jump[j - 2])
            trial = here.copy()
            moved = slice(0, 2) if j < 2 else slice(j - 2, j - 1)
            trial[moved] = (low + (here + jump - low) % side)[moved]
            found = value(trial)
            if found < energy:
                here, energy = trial, found
                if found < least:
                    best, least = trial, found
            else:
                rise = found - energy if found < np.inf else np.inf
                p = max(0.0, 1 - (1 - qa) * rise * t / temperature) ** (1 / (1 - qa))
                if generator.uniform() <= p:
                    here, energy = trial, found
        path.append(best)
    return np.array(path)
