"""Small pictures of every rule's path on the ravine, as the data of SVG paths."""

import logging
import time
from typing import NamedTuple

import numpy as np

from optim_core import RULES, Rule, trace
from surfaces import SURFACES
from views.shared.settings import Settings
from views.shared.words import words

SIDE = 1000  # of a thumbnail, in its own units
SMALLEST = 4.0  # moves shorter than this are not drawn
BEYOND = 3.0  # a path ends this many windows away from the middle
FIRST = Settings()  # the first picture of Trajectories: its surface, start, steps, differences

_log = logging.getLogger(__name__)


class Thumbnail(NamedTuple):
    """A path on the ravine as the data of an SVG path, the points it evaluated beside it, and what became of it."""

    path: str
    cloud: str
    words: str


drawn: dict[str, Thumbnail] = {}


def thumbnail(rule: Rule) -> Thumbnail:
    """The rule's path with its defaults, as Trajectories shows it first; without one where it cannot be traced."""
    shown, surface = FIRST, SURFACES[FIRST.surface]
    try:
        with np.errstate(all="ignore"):
            run = trace(rule, surface, shown.start, shown.steps, difference=shown.difference, spacing=shown.spacing)
            told = words(surface, run, shown.steps, surface.Parameters())
    except Exception as error:  # one rule that fails must not take the page of all others with it
        _log.warning("The path of %s could not be drawn", rule.name, exc_info=True)
        return Thumbnail("", "", f"its path could not be drawn ({type(error).__name__}: {str(error)[:200]})")
    return Thumbnail(path_data(run.path), "" if run.cloud is None else _dots(run.cloud), told)


def _placed(points: np.ndarray) -> np.ndarray:
    """Points of the plane in the thumbnail's units, y downwards."""
    (x0, x1), (y0, y1) = SURFACES[FIRST.surface].domain
    return (points - (x0, y1)) / (x1 - x0, y0 - y1) * SIDE


def path_data(path: np.ndarray) -> str:
    """A path (n, 2) as the data of an SVG path, without the smallest moves; it ends where it leaves all bounds."""
    points = _placed(path)
    inside = np.isfinite(points).all(axis=1) & (np.abs(points / SIDE - 0.5).max(axis=1) < BEYOND)
    points = points[: len(inside) if inside.all() else max(1, int(np.argmin(inside)))]
    kept = [points[0]]
    for point in points[1:]:
        if np.abs(point - kept[-1]).max() >= SMALLEST:
            kept.append(point)
    if len(points) > 1:
        kept.append(points[-1])
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in kept)


def _dots(cloud: np.ndarray) -> str:
    places = {(round(x), round(y)) for x, y in _placed(cloud) if 0 <= x <= SIDE and 0 <= y <= SIDE}
    return "".join(f"M{x} {y}h0" for x, y in sorted(places)[:: max(1, len(places) // 400)])


def contour() -> list[tuple[float, float]]:
    """Half-axes of the ravine's level lines in the thumbnail's units: ellipses around its middle."""
    surface = SURFACES[FIRST.surface]
    (x0, x1), _ = surface.domain
    condition = surface.Parameters().condition
    unit = SIDE / (x1 - x0)
    return [(unit * (2 * c) ** 0.5, unit * (2 * c / condition) ** 0.5) for c in 0.4 * 3.0 ** np.arange(7)]


def draw(budget: float) -> bool:
    """Draws thumbnails that are not there yet, for so many seconds at most; whether all are there."""
    until = time.monotonic() + budget
    # Compiled rules take milliseconds each; others may have to load a library first.
    for name, rule in sorted(RULES.items(), key=lambda item: not item[1].compiled):
        if name not in drawn:
            if time.monotonic() > until:
                return False
            drawn[name] = thumbnail(rule)
    return True
