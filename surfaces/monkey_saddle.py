"""The monkey saddle: room for two legs and a tail, held from below by a quartic.

The plain cubic x^3 - 3xy^2 falls for ever; the quartic puts three minima at distance r, at depth -r^3 / 12, and leaves
the saddle unchanged to third order.
"""

import math
from typing import Annotated, NamedTuple

from optim_core.parameters import Range

NAME = "Monkey saddle"
FAMILY = "teaching"
REFERENCE = "D. Hilbert and S. Cohn-Vossen, Anschauliche Geometrie, Springer 1932, for the cubic"
DIFFICULTY = (
    "At the origin gradient and curvature both vanish, so that rules slow down more than at a plain saddle before "
    "they choose a leg."
)
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (4.0, 0.02)
LATEX = r"\tfrac13 x^3 - xy^2 + \frac{(x^2+y^2)^2}{4r}"
SADDLES = ((0.0, 0.0, 0.0),)


class Parameters(NamedTuple):
    r: Annotated[float, Range(1.0, 4.0, "r", valid="[0.1, 1000]")] = 3.0


def minima(q):
    side, depth = 0.5 * math.sqrt(3) * q.r, -(q.r**3) / 12
    return ((-q.r, 0.0, depth), (0.5 * q.r, -side, depth), (0.5 * q.r, side, depth))


def f(x, y, q):
    square = x * x + y * y
    return x * x * x / 3 - x * y * y + square * square / (4 * q.r)
