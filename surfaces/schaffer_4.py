"""Schaffer's fourth function: four equal minima on the axes, in the first of many furrows.

The absolute value that is printed around x^2 - y^2 changes nothing, since cos(sin) is even. Libraries disagree on the
rest: 0 is given as the least value though it is 0.2926, and one or two minima are listed of
the four.
"""

from optim_core import xp

NAME = "Schaffer 4"
FAMILY = "many minima"
REFERENCE = (
    "After J. D. Schaffer et al., Proceedings of the 3rd ICGA (1989) 51-60; S. K. Mishra, MPRA Paper 2718 (2006); "
    "sfu.ca/~ssurjano/schaffer4.html"
)
DIFFICULTY = (
    "Hyperbolic furrows lie side by side, nearly equally deep, and along each of them there is next to no slope."
)
DOMAIN = ((-4.0, 4.0), (-4.0, 4.0))
START = (-2.3, 2.6)
LATEX = r"\frac12 + \frac{\cos^2(\sin(x^2 - y^2)) - \frac12}{(1 + 0.001(x^2+y^2))^2}"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (-1.2531318314637332, 0.0, 0.29257863203598056),
    (0.0, -1.2531318314637332, 0.29257863203598056),
    (0.0, 1.2531318314637332, 0.29257863203598056),
    (1.2531318314637332, 0.0, 0.29257863203598056),
)


def f(x, y):
    return 0.5 + (xp.cos(xp.sin(x * x - y * y)) ** 2 - 0.5) / (1 + 0.001 * (x * x + y * y)) ** 2
