"""A well, a flat ring around it, and a wall further out."""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range

NAME = "Plateau"
FAMILY = "teaching"
REFERENCE = "A Gaussian well and a wall of the eighth power of the distance, for teaching"
DIFFICULTY = (
    "The wall gives speed, the ring nearly no slope: who keeps speed or divides by the slope crosses it, the "
    "others stand still."
)
DOMAIN = ((-8.0, 8.0), (-8.0, 8.0))
START = (-7.0, 2.5)
LATEX = r"1 - e^{-r^2/2w^2} + \left(\frac{r}{8}\right)^8,\quad r^2 = x^2 + y^2"
LOG_HEIGHTS = True
MINIMA = ((0.0, 0.0, 0.0),)


class Parameters(NamedTuple):
    w: Annotated[float, Range(0.5, 3.0, "w", valid="[0.1, 10]")] = 1.0


def f(x, y, q):
    square = x * x + y * y
    return 1 - xp.exp(-square / (2 * q.w * q.w)) + (square / 64) ** 4
