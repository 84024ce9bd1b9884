"""The camel with six humps: six minima in three pairs of equal depth."""

NAME = "Six-hump camel"
FAMILY = "a few minima"
REFERENCE = (
    "L. C. W. Dixon and G. P. Szegő (eds.), Towards Global Optimisation 2, North-Holland 1978; "
    "sfu.ca/~ssurjano/camel6.html"
)
DIFFICULTY = "Two of six minima are the lowest; from the sides of the window the others come first."
DOMAIN = ((-3.0, 3.0), (-2.0, 2.0))
START = (-2.4, 1.5)
LATEX = r"\left(4 - 2.1x^2 + \tfrac13 x^4\right)x^2 + xy + (4y^2 - 4)\,y^2"
LOG_HEIGHTS = True
# The roots of the two gradient equations, solved to 40 digits and rounded.
MINIMA = (
    (-0.08984201310031806, 0.7126564030207396, -1.0316284534898774),
    (0.08984201310031806, -0.7126564030207396, -1.0316284534898774),
    (-1.703606714969981, 0.7960835686726251, -0.2154638243837184),
    (1.703606714969981, -0.7960835686726251, -0.2154638243837184),
    (-1.6071047529201974, -0.5686514548841314, 2.1042503103112575),
    (1.6071047529201974, 0.5686514548841314, 2.1042503103112575),
)
SADDLES = (
    (0.0, 0.0, 0.0),
    (-1.1092053368047863, 0.7682680925095399, 0.543718600978185),
    (1.1092053368047863, -0.7682680925095399, 0.543718600978185),
    (-1.6380679841897787, -0.22867406904439408, 2.2293571975307143),
    (1.6380679841897787, 0.22867406904439408, 2.2293571975307143),
    (-1.2960702671671092, -0.6050843880386585, 2.2294708180298595),
    (1.2960702671671092, 0.6050843880386585, 2.2294708180298595),
)


def f(x, y):
    return (4 - 2.1 * x * x + x**4 / 3) * x * x + x * y + (4 * y * y - 4) * y * y
