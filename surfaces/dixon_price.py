"""Dixon and Price's function in two variables: a bent valley with two equal minima.

One minimum is printed as a rule, that of positive y; in two variables its mirror image is as low.
"""

NAME = "Dixon-Price"
FAMILY = "valleys and plates"
REFERENCE = (
    "L. C. W. Dixon and R. C. Price, Journal of Optimization Theory and Applications 60 (1989) 261-275; "
    "sfu.ca/~ssurjano/dixonpr.html"
)
DIFFICULTY = (
    "Both arms of a bent valley lead to a minimum; between them stands a saddle at which runs along the axis rest."
)
DOMAIN = ((-10.0, 10.0), (-10.0, 10.0))
START = (-8.0, 0.01)
LATEX = r"(x - 1)^2 + 2\,(2y^2 - x)^2"
LOG_HEIGHTS = True
MINIMA = (
    (1.0, -0.7071067811865476, 0.0),
    (1.0, 0.7071067811865476, 0.0),
)
SADDLES = ((0.3333333333333333, 0.0, 0.6666666666666666),)


def f(x, y):
    return (x - 1) ** 2 + 2 * (2 * y * y - x) ** 2
