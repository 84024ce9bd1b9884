"""|x| + |y|: a pyramid that stands on its tip.

arXiv:1308.4008 prints it with a leading minus sign, as function 122 (Schwefel 2.20); then it has no minimum.
"""

from optim_core import xp

NAME = "Absolute values"
FAMILY = "teaching"
REFERENCE = (
    "H.-P. Schwefel, Numerical Optimization of Computer Models, Wiley 1981, problem 2.20; arXiv:1308.4008, function 122"
)
DIFFICULTY = (
    "The slope does not shrink near the minimum: with a constant rate a run steps to and fro across it for ever."
)
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-3.3, 1.7)
LATEX = r"|x| + |y|"
MINIMA = ((0.0, 0.0, 0.0),)
SMOOTH_AT_MINIMA = False  # a kink


def f(x, y):
    return xp.absolute(x) + xp.absolute(y)
