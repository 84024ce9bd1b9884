"""Two basins of unequal depth.

The slope along x is (x + 2)(x - s)(x - 2): minima at -2 and 2 whatever s is, and the saddle between them at s.
"""

from typing import Annotated, NamedTuple

from optim_core.parameters import Range

NAME = "Two basins"
FAMILY = "teaching"
REFERENCE = "The tilted double well, written by the roots of its slope"
DIFFICULTY = (
    "The shallow basin is as good a place to rest as the deep one; only speed or noise carries a run over the saddle."
)
DOMAIN = ((-4.0, 4.0), (-4.0, 4.0))
START = (3.6, 2.5)
LATEX = r"\tfrac14 x^4 - \tfrac{s}{3}x^3 - 2x^2 + 4sx + 2y^2"


class Parameters(NamedTuple):
    s: Annotated[float, Range(-1.8, 1.8, "s", valid="(-2, 2)")] = 1.0


def minima(q):
    return ((-2.0, 0.0, -4 - 16 * q.s / 3), (2.0, 0.0, -4 + 16 * q.s / 3))


def saddles(q):
    return ((q.s, 0.0, q.s * q.s * (2 - q.s * q.s / 12)),)


def f(x, y, q):
    return x**4 / 4 - q.s * x * x * x / 3 - 2 * x * x + 4 * q.s * x + 2 * y * y
