"""Hölder's table: four equal minima at the feet of the legs.

The minima are those of the window: further out the surface falls without bound.
"""

import math

from optim_core import xp

NAME = "Hölder table"
FAMILY = "many minima"
REFERENCE = "S. K. Mishra, MPRA Paper 2718, University Library of Munich 2006; sfu.ca/~ssurjano/holder.html"
DIFFICULTY = "Hollows get deeper towards the corners, so that a run from the middle rests in a poor one."
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-3.0, 4.5)
LATEX = r"-\left|\sin x\,\cos y\,\exp\left|1 - \frac{\sqrt{x^2+y^2}}{\pi}\right|\right|"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (-8.055023475736563, -9.664590019241272, -19.208502567886736),
    (-8.055023475736563, 9.664590019241272, -19.208502567886736),
    (8.055023475736563, -9.664590019241272, -19.208502567886736),
    (8.055023475736563, 9.664590019241272, -19.208502567886736),
)
LOWER_OUTSIDE = True  # exp of the distance wins


def f(x, y):
    height = xp.exp(xp.absolute(1 - xp.sqrt(x * x + y * y) / math.pi))
    return -xp.absolute(xp.sin(x) * xp.cos(y)) * height
