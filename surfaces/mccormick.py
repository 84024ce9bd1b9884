"""McCormick's function: a wavy slope along a valley.

The lowest minimum is that of the window: along x = y the surface falls without bound. The window's
upper end in y is printed as 3 and as 4.
"""

from optim_core import xp

NAME = "McCormick"
FAMILY = "a few minima"
REFERENCE = (
    "F. A. Lootsma (ed.), Numerical Methods for Non-Linear Optimization, Academic Press 1972; "
    "sfu.ca/~ssurjano/mccorm.html"
)
DIFFICULTY = "The valley goes down in waves, so that a run stops in the first wave that it meets."
DOMAIN = ((-1.5, 4.0), (-3.0, 4.0))
START = (3.2, 3.5)
LATEX = r"\sin(x+y) + (x-y)^2 - 1.5x + 2.5y + 1"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (-0.5471975511965977, -1.5471975511965979, -1.9132229549810364),
    (2.5943951023931957, 1.5943951023931955, 1.2283696986087569),
)
SADDLES = ((1.5471975511965979, 0.5471975511965977, 1.9132229549810364),)
LOWER_OUTSIDE = True  # the slope goes on


def f(x, y):
    return xp.sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1
