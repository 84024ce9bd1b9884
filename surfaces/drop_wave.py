"""The drop wave: rings on the water, higher the further out."""

from optim_core import xp

NAME = "Drop-wave"
FAMILY = "many minima"
REFERENCE = "M. Molga and C. Smutnicki, Test Functions for Optimization Needs, 2005; sfu.ca/~ssurjano/drop.html"
DIFFICULTY = "Ring after ring has to be crossed, and along a ring there is no slope at all."
DOMAIN = ((-5.12, 5.12), (-5.12, 5.12))
START = (-1.7, 1.1)
LATEX = r"-\frac{1 + \cos 12\sqrt{x^2+y^2}}{2 + \frac12 (x^2+y^2)}"
MINIMA = ((0.0, 0.0, -1.0),)
SMOOTH_AT_MINIMA = False  # it is smooth there, but the formula of its gradient is 0 / 0


def f(x, y):
    square = x * x + y * y
    return -(1 + xp.cos(12 * xp.sqrt(square))) / (2 + 0.5 * square)
