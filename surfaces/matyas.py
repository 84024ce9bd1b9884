"""Matyas' function: a shallow quadratic, 25 times as steep across as along its diagonal."""

NAME = "Matyas"
FAMILY = "bowls"
REFERENCE = "arXiv:1308.4008; sfu.ca/~ssurjano/matya.html"
DIFFICULTY = "Along the diagonal the curvature is 0.04: usual rates take thousands of steps."
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-8.0, -4.0)
LATEX = r"0.26\,(x^2 + y^2) - 0.48\,xy"
LOG_HEIGHTS = True
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    return 0.26 * (x * x + y * y) - 0.48 * x * y
