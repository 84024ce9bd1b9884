"""Branin's function: three minima of equal depth.

The minima are at x = -pi, pi, 3 pi exactly; arXiv:1308.4008 lists another point for one of them.
"""

import math

from optim_core import xp

NAME = "Branin"
FAMILY = "a few minima"
REFERENCE = "F. H. Branin, IBM Journal of Research and Development 16 (1972) 504-522; arXiv:1308.4008, function 22"
DIFFICULTY = "Three minima are equally good and lie along a bent valley; which one is reached hangs on the start."
DOMAIN = ((-5.0, 10.0), (0.0, 15.0))
START = (2.0, 13.0)
LATEX = r"\left(y - \frac{5.1}{4\pi^2}x^2 + \frac{5}{\pi}x - 6\right)^2 + 10\left(1 - \frac{1}{8\pi}\right)\cos x + 10"
LOG_HEIGHTS = True
# 10 / (8 pi) at each minimum: there the square and 1 + cos x vanish.
MINIMA = (
    (-3.141592653589793, 12.275, 0.39788735772973816),
    (3.141592653589793, 2.275, 0.39788735772973816),
    (9.42477796076938, 2.475, 0.39788735772973816),
)
SADDLES = (
    (0.0, 6.0, 19.602112642270264),
    (6.283185307179586, 1.1, 19.602112642270264),
)


def f(x, y):
    across = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return across * across + 10 * (1 - 1 / (8 * math.pi)) * xp.cos(x) + 10
