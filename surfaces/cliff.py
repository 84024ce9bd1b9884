"""A gentle slope that ends at a cliff: the asymmetric loss LINEX along x."""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range

NAME = "Cliff"
FAMILY = "teaching"
REFERENCE = (
    "The loss of H. R. Varian, in Studies in Bayesian Econometrics and Statistics, North-Holland 1975, with a "
    "parabola along y"
)
DIFFICULTY = (
    "On the plain the slope is 5; a step too far past the minimum it grows e-fold every 1/k and throws the run "
    "far back."
)
DOMAIN = ((-6.0, 1.0), (-4.0, 4.0))
START = (-4.5, 2.5)
LATEX = r"\frac{5}{k}\left(e^{kx} - kx - 1\right) + \tfrac14 y^2"
LOG_HEIGHTS = True
MINIMA = ((0.0, 0.0, 0.0),)


class Parameters(NamedTuple):
    k: Annotated[float, Range(1.0, 10.0, "k", valid="[0.1, 30]")] = 8.0


def f(x, y, q):
    return 5 * (xp.exp(q.k * x) - q.k * x - 1) / q.k + 0.25 * y * y
