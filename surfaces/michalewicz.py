"""Michalewicz's function with m = 10: two crossing furrows in a plate.

Beyond the window there are deeper places.
"""

import math

from optim_core import xp

NAME = "Michalewicz"
FAMILY = "valleys and plates"
REFERENCE = (
    "Z. Michalewicz, Genetic Algorithms + Data Structures = Evolution Programs, Springer 1992; "
    "sfu.ca/~ssurjano/michal.html"
)
DIFFICULTY = "Outside the furrows the plate is flat, and a furrow tells nothing of where it crosses the other one."
DOMAIN = ((0.0, 3.141592653589793), (0.0, 3.141592653589793))
START = (1.3, 1.9)
LATEX = r"-\sin x\,\sin^{20}\frac{x^2}{\pi} - \sin y\,\sin^{20}\frac{2y^2}{\pi}"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (2.2029055201726093, 1.5707963267948966, -1.8013034100985525),
    (2.2029055201726093, 2.7115714838430143, -1.2140595156208165),
)
LOWER_OUTSIDE = True  # in further furrows


def f(x, y):
    return -xp.sin(x) * xp.sin(x * x / math.pi) ** 20 - xp.sin(y) * xp.sin(2 * y * y / math.pi) ** 20
