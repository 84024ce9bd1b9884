"""Goldstein and Price's polynomial: four minima, whose values go from 3 to 840."""

NAME = "Goldstein-Price"
FAMILY = "a few minima"
REFERENCE = (
    "A. A. Goldstein and J. F. Price, Mathematics of Computation 25 (1971) 569-574; sfu.ca/~ssurjano/goldpr.html"
)
DIFFICULTY = "Heights go over six decades: a rate for the floor diverges on the walls."
DOMAIN = ((-2.0, 2.0), (-2.0, 2.0))
START = (-1.4, 0.6)
LATEX = (
    r"\left(1 + (x+y+1)^2(19 - 14x + 3x^2 - 14y + 6xy + 3y^2)\right)\left(30 + (2x-3y)^2(18 - 32x + 12x^2 + 48y - "
    r"36xy + 27y^2)\right)"
)
LOG_HEIGHTS = True
MINIMA = (
    (0.0, -1.0, 3.0),
    (-0.6, -0.4, 30.0),
    (1.8, 0.2, 84.0),
    (1.2, 0.8, 840.0),
)
SADDLES = (
    (-0.4, -0.6, 35.0),
    (1.2, -0.2, 99.0),
    (1.4, 0.6, 980.0),
    (0.6, 0.4, 990.0),
)


def f(x, y):
    u = x + y + 1
    w = 2 * x - 3 * y
    first = 1 + u * u * (19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y)
    return first * (30 + w * w * (18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y))
