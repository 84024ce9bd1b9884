"""Levy's function, the two-dimensional one that libraries call number 13.

The one of any number of dimensions (w = 1 + (x - 1) / 4) is another function with the same minimum.
"""

import math

from optim_core import xp

NAME = "Levy 13"
FAMILY = "many minima"
REFERENCE = (
    "A. V. Levy and A. Montalvo, SIAM Journal on Scientific and Statistical Computing 6 (1985) 15-29; "
    "sfu.ca/~ssurjano/levy13.html"
)
DIFFICULTY = "Ripples run across a parabolic valley, three to the unit along x and two along y."
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-4.3, 5.2)
LATEX = r"\sin^2 3\pi x + (x-1)^2(1 + \sin^2 3\pi y) + (y-1)^2(1 + \sin^2 2\pi y)"
LOG_HEIGHTS = True
MINIMA = ((1.0, 1.0, 0.0),)


def f(x, y):
    across, along, own = xp.sin(3 * math.pi * x), xp.sin(3 * math.pi * y), xp.sin(2 * math.pi * y)
    return across**2 + (x - 1) ** 2 * (1 + along**2) + (y - 1) ** 2 * (1 + own**2)
