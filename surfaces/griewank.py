"""Griewank's function: a very wide bowl under a product of cosines.

Usually drawn on [-600, 600], where the waves are too fine to be seen and only the bowl is left.
"""

import math

from optim_core import xp

NAME = "Griewank"
FAMILY = "many minima"
REFERENCE = (
    "A. O. Griewank, Journal of Optimization Theory and Applications 34 (1981) 11-39; sfu.ca/~ssurjano/griewank.html"
)
DIFFICULTY = "Near the origin the bowl is so shallow beside the waves that every dent looks as good as the next."
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-7.5, 6.0)
LATEX = r"1 + \frac{x^2 + y^2}{4000} - \cos x\,\cos\frac{y}{\sqrt 2}"
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    return 1 + (x * x + y * y) / 4000 - xp.cos(x) * xp.cos(y * math.sqrt(0.5))
