"""The cross in a tray: kinks along both axes and a cross between four equal minima."""

import math

from optim_core import xp

NAME = "Cross-in-tray"
FAMILY = "many minima"
REFERENCE = "S. K. Mishra, MPRA Paper 2718, University Library of Munich 2006; sfu.ca/~ssurjano/crossit.html"
DIFFICULTY = (
    "The tray is nearly flat, so that hollows are shallow and the ridges between them sharp: along the axes there "
    "is a kink."
)
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-6.5, 5.2)
LATEX = r"-10^{-4}\left(\left|\sin x\,\sin y\,\exp\left|100 - \frac{\sqrt{x^2+y^2}}{\pi}\right|\right| + 1\right)^{0.1}"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (-1.3494066171539107, -1.3494066171539107, -2.062611870822738),
    (-1.3494066171539107, 1.3494066171539107, -2.062611870822738),
    (1.3494066171539107, -1.3494066171539107, -2.062611870822738),
    (1.3494066171539107, 1.3494066171539107, -2.062611870822738),
)


def f(x, y):
    height = xp.exp(xp.absolute(100 - xp.sqrt(x * x + y * y) / math.pi))
    return -1e-4 * xp.power(xp.absolute(xp.sin(x) * xp.sin(y)) * height + 1, 0.1)
