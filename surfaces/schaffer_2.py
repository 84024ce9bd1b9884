"""Schaffer's second function: hyperbolic ripples around the origin.

Usually said to live on [-100, 100], where no grid shows its ripples. Some copies print the square of the denominator
inside it, 1 + 0.001 (x^2 + y^2)^2.
"""

from optim_core import xp

NAME = "Schaffer 2"
FAMILY = "many minima"
REFERENCE = (
    "After J. D. Schaffer et al., Proceedings of the 3rd ICGA (1989) 51-60; S. K. Mishra, MPRA Paper 2718 (2006); "
    "sfu.ca/~ssurjano/schaffer2.html"
)
DIFFICULTY = (
    "Ripples get finer with the distance, and along both diagonals lies a furrow that is hardly deeper at the origin."
)
DOMAIN = ((-4.0, 4.0), (-4.0, 4.0))
START = (-2.9, 1.6)
LATEX = r"\frac12 + \frac{\sin^2(x^2 - y^2) - \frac12}{(1 + 0.001(x^2+y^2))^2}"
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    return 0.5 + (xp.sin(x * x - y * y) ** 2 - 0.5) / (1 + 0.001 * (x * x + y * y)) ** 2
