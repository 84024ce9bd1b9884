"""A saddle with a floor: x^2 - y^2 near the origin, held from below by a quartic in y far out.

Without the quartic the surface falls for ever along y and every rule that leaves the ridge diverges. With it two minima
stand at y = -r and y = r, at depth -r^2 / 4, and the saddle at the origin is unchanged to second order.
"""

from typing import Annotated, NamedTuple

from optim_core.parameters import Range

NAME = "Saddle"
FAMILY = "teaching"
REFERENCE = "The normal form of a saddle (Morse 1925), with the quartic of the double well as its bound"
DIFFICULTY = "On the ridge the gradient points at the saddle, where it vanishes though no minimum is there."
DOMAIN = ((-4.0, 4.0), (-4.0, 4.0))
START = (-3.0, 0.01)
LATEX = r"\tfrac12 x^2 - \tfrac12 y^2 + \frac{y^4}{4r^2}"
SADDLES = ((0.0, 0.0, 0.0),)


class Parameters(NamedTuple):
    r: Annotated[float, Range(1.0, 4.0, "r", valid="[0.1, 1000]")] = 3.0


def minima(q):
    return ((0.0, -q.r, -0.25 * q.r * q.r), (0.0, q.r, -0.25 * q.r * q.r))


def f(x, y, q):
    return 0.5 * (x * x - y * y) + y**4 / (4 * q.r * q.r)
