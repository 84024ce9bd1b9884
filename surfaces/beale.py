"""Beale's function: steep walls in the corners around a flat middle."""

NAME = "Beale"
FAMILY = "valleys and plates"
REFERENCE = "E. M. L. Beale, Technical Report 25, Princeton University 1958; arXiv:1308.4008, function 10"
DIFFICULTY = (
    "Gradients at the corners are ten thousand times those in the middle, where a flat plain leads to the minimum."
)
DOMAIN = ((-4.5, 4.5), (-4.5, 4.5))
START = (1.0, 1.5)
LATEX = r"(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2"
LOG_HEIGHTS = True
MINIMA = ((3.0, 0.5, 0.0),)
# The second by the roots of the two gradient equations, solved to 30 digits and rounded.
SADDLES = ((0.0, 1.0, 14.203125), (0.100537937324158359, -2.64451358502312497, 9.86451228475556017))


def f(x, y):
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y * y) ** 2 + (2.625 - x + x * y * y * y) ** 2
