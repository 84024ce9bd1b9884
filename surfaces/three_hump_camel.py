"""The camel with three humps: a low valley through the origin and one on either side."""

NAME = "Three-hump camel"
FAMILY = "a few minima"
REFERENCE = "F. H. Branin, IBM Journal of Research and Development 16 (1972) 504-522; sfu.ca/~ssurjano/camel3.html"
DIFFICULTY = "From the sides a run comes to rest in a valley that is little higher than the middle one."
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-3.0, 2.5)
LATEX = r"2x^2 - 1.05x^4 + \tfrac16 x^6 + xy + y^2"
LOG_HEIGHTS = True
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (0.0, 0.0, 0.0),
    (-1.747552345830289, 0.8737761729151445, 0.2986384422368594),
    (1.747552345830289, -0.8737761729151445, 0.2986384422368594),
)
SADDLES = (
    (-1.07054229182366, 0.53527114591183, 0.8773615577631402),
    (1.07054229182366, -0.53527114591183, 0.8773615577631402),
)


def f(x, y):
    return 2 * x * x - 1.05 * x**4 + x**6 / 6 + x * y + y * y
