"""Rosenbrock's banana valley."""

from typing import Annotated, NamedTuple

from optim_core.parameters import Range

NAME = "Rosenbrock"
FAMILY = "valleys and plates"
REFERENCE = "H. H. Rosenbrock, The Computer Journal 3 (1960) 175-184; arXiv:1308.4008, function 105"
DIFFICULTY = "The valley is found at once; its floor is nearly flat and curved, so that following it takes long."
DOMAIN = ((-2.0, 2.0), (-1.0, 3.0))
START = (-1.2, 1.0)
LATEX = r"(a - x)^2 + b\,(y - x^2)^2"
LOG_HEIGHTS = True


class Parameters(NamedTuple):
    a: Annotated[float, Range(-1.4, 1.4, "a", valid="[-100, 100]")] = 1.0
    b: Annotated[float, Range(1.0, 1000.0, "b", log=True, valid="(0, 1e6]")] = 100.0


def minima(q):
    return ((q.a, q.a * q.a, 0.0),)


def f(x, y, q):
    return (q.a - x) ** 2 + q.b * (y - x * x) ** 2
