"""Zakharov's function: a bowl that becomes a steep trough."""

NAME = "Zakharov"
FAMILY = "valleys and plates"
REFERENCE = "arXiv:1308.4008; sfu.ca/~ssurjano/zakharov.html"
DIFFICULTY = (
    "Walls grow with the fourth power while the floor stays quadratic: a rate for the floor diverges on the walls."
)
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-4.0, 3.6)
LATEX = r"x^2 + y^2 + \left(\tfrac{x}{2} + y\right)^2 + \left(\tfrac{x}{2} + y\right)^4"
LOG_HEIGHTS = True
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    u = 0.5 * x + y
    return x * x + y * y + u * u + u**4
