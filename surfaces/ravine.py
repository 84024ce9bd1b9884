"""A long valley: a quadratic of given condition number, its floor turned by an angle."""

import math
from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range

NAME = "Ravine"
FAMILY = "teaching"
REFERENCE = "The quadratic of B. T. Polyak, USSR Computational Mathematics 4 (1964) 1-17, in two variables"
DIFFICULTY = "Steep across and flat along: a rate that is safe across the valley hardly moves along it."
DOMAIN = ((-5.0, 5.0), (-5.0, 5.0))
START = (-4.0, 2.0)
LATEX = r"\tfrac12\,(u^2 + \kappa\,w^2),\quad u = x\cos\varphi + y\sin\varphi,\quad w = y\cos\varphi - x\sin\varphi"
LOG_HEIGHTS = True
MINIMA = ((0.0, 0.0, 0.0),)


class Parameters(NamedTuple):
    condition: Annotated[float, Range(1.0, 1000.0, r"\kappa", log=True, valid="[1, 1e8]")] = 30.0
    angle: Annotated[float, Range(-90.0, 90.0, r"\varphi", valid="[-360, 360]")] = 0.0  # degrees


def f(x, y, q):
    c, s = xp.cos(q.angle * (math.pi / 180)), xp.sin(q.angle * (math.pi / 180))
    u, w = x * c + y * s, y * c - x * s
    return 0.5 * (u * u + q.condition * w * w)
