"""Rastrigin's function: a bowl under a regular wave."""

import math

from optim_core import xp

NAME = "Rastrigin"
FAMILY = "many minima"
REFERENCE = "L. A. Rastrigin, Systems of Extremal Control, Nauka 1974 (in Russian); sfu.ca/~ssurjano/rastr.html"
DIFFICULTY = (
    "The bowl points to the origin from everywhere, and a minimum at every whole number stops whoever follows the "
    "gradient."
)
DOMAIN = ((-5.12, 5.12), (-5.12, 5.12))
START = (-3.6, 2.7)
LATEX = r"20 + x^2 + y^2 - 10\cos 2\pi x - 10\cos 2\pi y"
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    return 20 + x * x + y * y - 10 * (xp.cos(2 * math.pi * x) + xp.cos(2 * math.pi * y))
