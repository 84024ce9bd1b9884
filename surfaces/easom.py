"""Easom's function: one hole in a plate.

Usually said to live on [-100, 100]; there the hole is a ten-thousandth of the plate. Some libraries print Ackley's
formula under this name.
"""

import math

from optim_core import xp

NAME = "Easom"
FAMILY = "valleys and plates"
REFERENCE = (
    "E. E. Easom, A Survey of Global Optimization Techniques, M.Eng. thesis, University of Louisville 1990; "
    "sfu.ca/~ssurjano/easom.html"
)
DIFFICULTY = (
    "A few steps from the hole the gradient is too small to move anything, and rules that scale it up follow the "
    "wrong dents."
)
DOMAIN = ((-2.0, 8.0), (-2.0, 8.0))
START = (1.5, 4.7)
LATEX = r"-\cos x\,\cos y\,e^{-(x-\pi)^2 - (y-\pi)^2}"
MINIMA = ((3.141592653589793, 3.141592653589793, -1.0),)


def f(x, y):
    return -xp.cos(x) * xp.cos(y) * xp.exp(-((x - math.pi) ** 2) - (y - math.pi) ** 2)
