"""The sphere: the sum of squares."""

NAME = "Sphere"
FAMILY = "bowls"
REFERENCE = (
    "K. A. De Jong, An Analysis of the Behavior of a Class of Genetic Adaptive Systems, University of Michigan "
    "1975, function F1; sfu.ca/~ssurjano/spheref.html"
)
DIFFICULTY = "None: the gradient points straight at the minimum, so that only the length of the step can be wrong."
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-4.0, 3.0)
LATEX = r"x^2 + y^2"
MINIMA = ((0.0, 0.0, 0.0),)


def f(x, y):
    return x * x + y * y
