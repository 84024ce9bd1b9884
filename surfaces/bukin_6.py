"""Bukin's sixth function: a knife's edge along a parabola."""

from optim_core import xp

NAME = "Bukin 6"
FAMILY = "valleys and plates"
REFERENCE = "A. D. Bukin, Preprint 1997-79, Budker Institute of Nuclear Physics 1997; sfu.ca/~ssurjano/bukin6.html"
DIFFICULTY = (
    "On the floor of the valley the gradient across it is infinite, so that no rate is small enough to follow it."
)
DOMAIN = ((-15.0, -5.0), (-3.0, 3.0))
START = (-6.5, 2.0)
LATEX = r"100\sqrt{\left|y - 0.01x^2\right|} + 0.01\left|x + 10\right|"
MINIMA = ((-10.0, 1.0, 0.0),)
SMOOTH_AT_MINIMA = False  # a kink, whose walls are infinitely steep


def f(x, y):
    return 100 * xp.sqrt(xp.absolute(y - 0.01 * x * x)) + 0.01 * xp.absolute(x + 10)
