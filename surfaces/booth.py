"""Booth's function: a quadratic whose axes stand at 45 degrees."""

NAME = "Booth"
FAMILY = "bowls"
REFERENCE = "arXiv:1308.4008; sfu.ca/~ssurjano/booth.html"
DIFFICULTY = (
    "Nine times as steep across as along, and neither direction is a coordinate: rules that scale each coordinate "
    "gain nothing."
)
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-8.0, 6.0)
LATEX = r"(x + 2y - 7)^2 + (2x + y - 5)^2"
LOG_HEIGHTS = True
MINIMA = ((1.0, 3.0, 0.0),)


def f(x, y):
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2
