"""Ackley's function in two variables: a funnel full of dents."""

import math

from optim_core import xp

NAME = "Ackley"
FAMILY = "many minima"
REFERENCE = "D. H. Ackley, A Connectionist Machine for Genetic Hillclimbing, Kluwer 1987; arXiv:1308.4008, function 1"
DIFFICULTY = "A local minimum waits near every point with whole coordinates, and only one of them is the lowest."
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-2.5, 1.6)
LATEX = r"-20\,e^{-0.2\sqrt{(x^2+y^2)/2}} - e^{(\cos 2\pi x + \cos 2\pi y)/2} + e + 20"
MINIMA = ((0.0, 0.0, 0.0),)
SMOOTH_AT_MINIMA = False  # a cone: the gradient's length tends to 2 sqrt(2) at the origin


def f(x, y):
    radius = xp.sqrt(0.5 * (x * x + y * y))
    waves = 0.5 * (xp.cos(2 * math.pi * x) + xp.cos(2 * math.pi * y))
    return -20 * xp.exp(-0.2 * radius) - xp.exp(waves) + math.e + 20
