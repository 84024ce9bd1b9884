"""A bowl whose values bear a ripple that looks like noise.

A surface is a function, so that the noise is the same at every visit: four waves of high frequencies that fit nowhere.
All of them are lowest at the origin, which stays the lowest minimum whatever the amplitude.
"""

from typing import Annotated, NamedTuple

from optim_core import xp
from optim_core.parameters import Range

NAME = "Noisy bowl"
FAMILY = "teaching"
REFERENCE = (
    "A quadratic with a deterministic ripple in the manner of J. J. Moré and S. M. Wild, SIAM Journal on "
    "Optimization 20 (2009) 172-191"
)
DIFFICULTY = (
    "Heights hardly change and gradients do: their ripple is the amplitude times the frequency, which short "
    "differences see and long ones average out."
)
DOMAIN = ((-4.0, 4.0), (-4.0, 4.0))
START = (-3.3, 2.6)
LATEX = r"\tfrac12 (x^2+y^2) + a\sum_{j=1}^{4}\left(1 - \cos(k_j\cdot(x, y))\right)"
MINIMA = ((0.0, 0.0, 0.0),)


class Parameters(NamedTuple):
    a: Annotated[float, Range(0.0, 0.5, "a", valid="[0, 100]")] = 0.05


def f(x, y, q):
    waves = (
        xp.cos(13.1 * x + 7.3 * y)
        + xp.cos(17.9 * y - 5.7 * x)
        + xp.cos(19.3 * x - 11.9 * y)
        + xp.cos(8.3 * x + 23.7 * y)
    )
    return 0.5 * (x * x + y * y) + q.a * (4 - waves)
