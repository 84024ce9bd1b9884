"""Himmelblau's function: four minima of equal depth."""

NAME = "Himmelblau"
FAMILY = "a few minima"
REFERENCE = "D. M. Himmelblau, Applied Nonlinear Programming, McGraw-Hill 1972; arXiv:1308.4008, function 65"
DIFFICULTY = "Four minima are equally good; which one is reached hangs on the start and on the rule."
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-0.5, -4.0)
LATEX = r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2"
LOG_HEIGHTS = True
# The roots of the two gradient equations, solved to 30 digits and rounded.
MINIMA = (
    (3.0, 2.0, 0.0),
    (-2.80511808695274485, 3.13131251825057297, 0.0),
    (-3.77931025337774689, -3.28318599128616941, 0.0),
    (3.58442834033049174, -1.84812652696440355, 0.0),
)
SADDLES = (
    (0.0866775045553963518, 2.88425470117477611, 67.7191500875261402),
    (3.38515418360702094, 0.0738518798377492877, 13.3119262704055899),
    (-0.127961346730680066, -1.95371498024457643, 178.33723920192746),
    (-3.07302575076438961, -0.0813530442879675116, 104.015162917558106),
)


def f(x, y):
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2
