"""Schwefel's function: the second-best minimum lies far from the best one.

The constant 418.9829 is the one that is printed everywhere; with it the least value is 2.5e-5 and not 0, as is printed
beside it. Others leave the constant out and divide by the number of variables; the least value is then -418.983.
"""

from optim_core import xp

NAME = "Schwefel"
FAMILY = "many minima"
REFERENCE = "H.-P. Schwefel, Numerical Optimization of Computer Models, Wiley 1981; sfu.ca/~ssurjano/schwef.html"
DIFFICULTY = "The lowest minimum stands near a corner, and the next ones at the other side of the square."
DOMAIN = ((-500.0, 500.0), (-500.0, 500.0))
START = (-200.0, -350.0)
LATEX = r"837.9658 - x\sin\sqrt{|x|} - y\sin\sqrt{|y|}"
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = ((420.96874635998205, 420.96874635998205, 2.545513253215315e-05),)
LOWER_OUTSIDE = True  # the waves grow with the distance


def f(x, y):
    return 837.9658 - x * xp.sin(xp.sqrt(xp.absolute(x))) - y * xp.sin(xp.sqrt(xp.absolute(y)))
