"""Maps as files: NPZ with all settings, and a plain picture."""

import io
import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from optim_core.options import checked_choice
from optim_core.runs.outcome import Outcome
from optim_core.studies.map_colours import (
    GREY,
    HATCH,
    LEVELS,
    LISTED,
    STRIPE,
    ramp,
    rgb,
    scale,
    shades,
    shares,
    step_levels,
)
from optim_core.studies.maps import Basins, Plane

SHOWN = ("loss", "steps", "outcome", "distance", "share")  # what the picture of a plane may show
MOST_SHADE = 2**16 - 1  # steps: beyond that no start is darker
BAND = 64  # rows painted at a time

Paint = Callable[[slice], np.ndarray]  # the colours of some rows, (rows, nx, 3) bytes


def npz(result: Basins | Plane) -> bytes:
    """All arrays of a map under their names, and ``settings``, a JSON text; ``numpy.load`` reads it as it is."""
    arrays = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "settings"}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays, settings=np.array(json.dumps(result.settings)))
    return file.getvalue()


def png(result: Basins | Plane, shown: str = "loss") -> bytes:
    """A pixel a run, the highest y at the top; the settings are in its text field ``settings``.

    The colours are those of the page. Basins: a hue for each minimum, darker the more steps it took, another for those
    that the surface does not list, grey where none was reached, stripes where the run diverged. A plane: one of SHOWN
    on a scale of decades, dark for little, or a colour for each Outcome. ValueError for another name.
    """
    paint = _basins(result) if isinstance(result, Basins) else _plane(result, shown)
    notes = PngInfo()
    notes.add_text("settings", json.dumps(result.settings))
    file = io.BytesIO()
    Image.fromarray(_painted(result.outcome, paint)[::-1]).save(file, "png", pnginfo=notes)
    return file.getvalue()


def labels(result: Basins) -> np.ndarray:
    """What a start's colour stands for, (ny, nx) uint8: the index of its minimum, else LISTED + Outcome."""
    listed = np.minimum(result.minimum, LISTED - 1)
    return np.where(result.minimum >= 0, listed, LISTED + result.outcome).astype(np.uint8)


def shown_values(result: Plane, name: str) -> np.ndarray:
    """What a plane's colours stand for, (ny, nx) float32: losses above the least one, steps only of runs that arrive.

    A step so short that it ends a run a small rate makes anywhere: with that stop rule only those at a minimum count.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if name == "loss":
            return (result.loss - result.settings["least"]).astype(np.float32)
        if name == "steps" and result.settings["stop"] == "step":
            arrived = np.isin(result.outcome, (Outcome.CONVERGED, Outcome.LOCAL_MINIMUM))
            return np.where(arrived, result.steps, np.float32(np.inf))
        return getattr(result, name).astype(np.float32)


def _basins(result: Basins) -> Paint:
    label, most = labels(result), result.settings["steps"]
    table = np.zeros((256, LEVELS, 3), dtype=np.uint8)
    for one in np.unique(label):
        table[one] = shades(int(one))
    return lambda rows: table[label[rows], step_levels(np.minimum(result.steps[rows], MOST_SHADE), most)]


def _plane(result: Plane, shown: str) -> Paint:
    if checked_choice("shown", shown, SHOWN) == "outcome":
        colours = np.array([rgb(one.colour) for one in Outcome], dtype=np.uint8)
        return lambda rows: colours[result.outcome[rows]]
    values = shown_values(result, shown)
    of = scale(shown, values.ravel(), result.settings["most"].get(shown, np.inf))
    assert of is not None

    def paint(rows: slice) -> np.ndarray:
        colours = ramp(shares(values[rows], of))
        colours[~np.isfinite(values[rows])] = GREY
        return colours

    return paint


def _painted(outcome: np.ndarray, paint: Paint) -> np.ndarray:
    """The picture as bytes, (ny, nx, 3), a band of rows at a time, stripes over the runs that diverged."""
    picture = np.empty((*outcome.shape, 3), dtype=np.uint8)
    for first in range(0, len(outcome), BAND):
        rows = slice(first, min(first + BAND, len(outcome)))
        colours, diverged = paint(rows), outcome[rows] == Outcome.DIVERGED
        row, column = np.indices(diverged.shape)
        dark = (row + first + column) // STRIPE % 2 == 0
        colours[diverged & dark], colours[diverged & ~dark] = HATCH
        picture[rows] = colours
    return picture
