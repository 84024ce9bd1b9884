"""Bohachevsky's first function: a bowl with small dents.

Usually said to live on [-100, 100], where it looks like a bowl alone.
"""

import math

from optim_core import xp

NAME = "Bohachevsky 1"
FAMILY = "bowls"
REFERENCE = (
    "I. O. Bohachevsky, M. E. Johnson and M. L. Stein, Technometrics 28 (1986) 209-217; arXiv:1308.4008, function 17"
)
DIFFICULTY = "From afar a plain bowl; within two units of the minimum its dents stop a run that is not fast."
DOMAIN = ((-2.0, 2.0), (-2.0, 2.0))
START = (-1.7, 1.4)
LATEX = r"x^2 + 2y^2 - 0.3\cos 3\pi x - 0.4\cos 4\pi y + 0.7"
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    return x * x + 2 * y * y - 0.3 * xp.cos(3 * math.pi * x) - 0.4 * xp.cos(4 * math.pi * y) + 0.7
