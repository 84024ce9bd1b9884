"""Maps as files: NPZ with all settings, and a plain picture."""

import io
import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from optim_core.maps import Basins, Plane
from optim_core.options import checked_choice
from optim_core.outcome import Outcome

SHOWN = ("loss", "steps", "outcome", "distance")  # what the picture of a plane may show
HUES = ("#2f7ed8", "#e8871e", "#3aa655", "#c8407b", "#8b5fd0", "#b8a51f", "#1fb3b0", "#b5483a")  # of the minima
GREY = (150, 150, 150)  # not converged
HATCH = (60, 60, 60), (225, 225, 225)  # diverged: stripes of these
STRIPE = 3  # pixels
PALE, PALER = 170, 70  # a minimum that the surface does not list is coloured by its place, between these
BAND = 64  # rows painted at a time
OUTCOMES = ("#3c3c3c", "#b5483a", "#2f7ed8", "#7fb2e5", "#e8871e", "#8b5fd0", "#c8407b", "#969696")  # by Outcome
# Of equal steps in lightness, dark for little: viridis (S. van der Walt & N. Smith, CC0), every 32nd colour.
RAMP = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
DARKEST = 0.4  # of a hue, at the most steps that any run made

Paint = Callable[[slice], np.ndarray]  # the colours of some rows, (rows, nx, 3) from 0 to 255


def npz(result: Basins | Plane) -> bytes:
    """All arrays of a map under their names, and ``settings``, a JSON text; ``numpy.load`` reads it as it is."""
    arrays = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "settings"}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays, settings=np.array(json.dumps(result.settings)))
    return file.getvalue()


def png(result: Basins | Plane, shown: str = "loss") -> bytes:
    """A pixel a run, the highest y at the top; the settings are in its text field ``settings``.

    Basins: a hue for each minimum, darker the more steps it took, a pale colour by its place for one that the surface
    does not list, grey where none was reached, stripes where the run diverged. A plane: one of SHOWN on a scale of
    decades, dark for little, or a colour for each Outcome. ValueError for another name.
    """
    paint = _basins(result) if isinstance(result, Basins) else _plane(result, shown)
    notes = PngInfo()
    notes.add_text("settings", json.dumps(result.settings))
    file = io.BytesIO()
    Image.fromarray(_painted(result.outcome, paint)[::-1]).save(file, "png", pnginfo=notes)
    return file.getvalue()


def _basins(result: Basins) -> Paint:
    hues, made = _rgb(HUES), result.steps[result.minimum >= 0]
    fewest, most = np.log([max(1, made.min(initial=1_000_000)), max(2, made.max(initial=1))])
    (x_low, x_high), (y_low, y_high) = result.settings["window"]

    def paint(rows: slice) -> np.ndarray:
        minimum, outcome, end = result.minimum[rows], result.outcome[rows], result.end[rows].astype(np.float64)
        slow = (np.log(np.maximum(1, result.steps[rows])) - fewest) / max(most - fewest, 1e-9)
        colours = hues[np.maximum(minimum, 0) % len(HUES)] * (1 - (1 - DARKEST) * np.clip(slow, 0, 1))[..., None]
        colours[minimum < 0] = GREY
        other = outcome == Outcome.LOCAL_MINIMUM
        east = np.clip((end[other, 0] - x_low) / (x_high - x_low), 0, 1)
        north = np.clip((end[other, 1] - y_low) / (y_high - y_low), 0, 1)
        colours[other] = PALE + PALER * np.stack([east, (1 - east) * (1 - north), north], axis=-1)
        return colours

    return paint


def _plane(result: Plane, shown: str) -> Paint:
    if checked_choice("shown", shown, SHOWN) == "outcome":
        return lambda rows: _rgb(OUTCOMES)[result.outcome[rows]]
    values = np.array(getattr(result, shown), dtype=np.float64)
    if shown == "loss":
        values -= result.settings["least"]
    known = np.isfinite(values)
    least = values[known & (values > 0)].min(initial=1.0)
    decades = np.log10(np.maximum(values, least), where=known, out=np.zeros_like(values))
    low, high = decades.min(where=known, initial=np.inf), decades.max(where=known, initial=-np.inf)
    high = min(high, 6.0)  # beyond that a run is on its way out
    positions, ramp = np.linspace(0, 1, len(RAMP)), _rgb(RAMP)

    def paint(rows: slice) -> np.ndarray:
        share = np.clip((decades[rows] - low) / (high - low), 0, 1) if high > low else np.zeros_like(decades[rows])
        colours = np.stack([np.interp(share, positions, channel) for channel in ramp.T], axis=-1)
        colours[~known[rows]] = GREY
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
        picture[rows] = np.rint(colours)
    return picture


def _rgb(colours: tuple[str, ...]) -> np.ndarray:
    """Colours as #rrggbb, (k, 3) from 0 to 255."""
    return np.array([[int(one[i : i + 2], 16) for i in (1, 3, 5)] for one in colours], dtype=np.float64)
