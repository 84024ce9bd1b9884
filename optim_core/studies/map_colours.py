"""The colours of maps: a hue for each minimum, darker the more steps; a ramp for numbers; one colour for each outcome.

The page paints the same in ``static/maps/map_colours.js``; a test holds the two together, pixel by pixel. Its numbers
are those below: ``python -m scripts.map_constants`` after a change here.
"""

from typing import Any, NamedTuple

import numpy as np

from optim_core.runs.outcome import Outcome

LISTED = 200  # labels below are indices of minima, the others LISTED + Outcome
LEVELS = 256
FIRST_HUE = 255  # a blue
GOLDEN = 137.50776  # degrees
FAST, SLOW = 0.84, 0.4  # lightness
CHROMA = 0.125
OTHER_CHROMA, OTHER_HUE = 0.035, 85  # of minima that the surface does not list
SAMPLE = 4000  # of a map's values, of which a scale is made
STRIPE = 3  # pixels of the hatch
# viridis by S. van der Walt and N. Smith (CC0), every 32nd colour: even steps of lightness, dark for little.
RAMP = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")


class Scale(NamedTuple):
    """Which values get the ends of the ramp, and whether it goes by decades."""

    low: float
    high: float
    log: bool = True


def rgb(colour: str) -> tuple[int, ...]:
    """A colour as #rrggbb in three bytes."""
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


GREY = rgb(Outcome.STILL_MOVING.colour)  # in maps of starts of whatever is no minimum; in others of what is no number
HATCH = rgb(Outcome.DIVERGED.colour), (225, 225, 225)  # diverged: stripes of these


def oklch(lightness: Any, chroma: float, hue: float) -> np.ndarray:
    """OKLCH as bytes of sRGB, (..., 3) (B. Ottosson, A perceptual color space for image processing, 2020)."""
    a, b = chroma * np.cos(hue * np.pi / 180), chroma * np.sin(hue * np.pi / 180)
    at = np.asarray(lightness, dtype=np.float64)
    l, m, s = (  # noqa: E741
        (at + 0.3963377774 * a + 0.2158037573 * b) ** 3,
        (at - 0.1055613458 * a - 0.0638541728 * b) ** 3,
        (at - 0.0894841775 * a - 1.291485548 * b) ** 3,
    )
    linear = np.stack(
        [
            4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
            -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
            -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
        ],
        axis=-1,
    )
    c = np.clip(linear, 0, 1)
    return _bytes(255 * np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055))


def shades(label: int) -> np.ndarray:
    """The colours of a label from few steps to all of them, (LEVELS, 3)."""
    lightness = FAST + (SLOW - FAST) * np.arange(LEVELS) / (LEVELS - 1)
    if label < LISTED:
        return oklch(lightness, CHROMA, FIRST_HUE + GOLDEN * label)
    if label == LISTED + Outcome.LOCAL_MINIMUM:
        return oklch(lightness, OTHER_CHROMA, OTHER_HUE)
    return np.tile(np.array(GREY, dtype=np.uint8), (LEVELS, 1))


def step_levels(steps: np.ndarray, most: int) -> np.ndarray:
    """How dark so many steps are, of at most ``most``: 0 to LEVELS - 1, by decades."""
    return _round((LEVELS - 1) * np.log1p(np.minimum(steps, most)) / np.log1p(most))


def ramp(shares: np.ndarray) -> np.ndarray:
    """The ramp at shares from 0 to 1, in LEVELS steps: (..., 3)."""
    stops = np.array([rgb(colour) for colour in RAMP], dtype=np.float64)
    at = np.arange(LEVELS) / (LEVELS - 1) * (len(stops) - 1)
    first = np.minimum(len(stops) - 2, np.floor(at).astype(int))
    table = _bytes(stops[first] + (stops[first + 1] - stops[first]) * (at - first)[:, None])
    return table[_round((LEVELS - 1) * shares)]


def scale(name: str, values: np.ndarray, most: float = np.inf) -> Scale | None:
    """The scale of a plane's values (n,); whole decades where it is logarithmic, ending with that of ``most``.

    None for outcomes, which have colours of their own.
    """
    if name == "outcome":
        return None
    if name == "share":
        return Scale(0.0, 1.0, False)
    limit = max(min(most, np.finfo(np.float64).max), 1e-30)
    sample = values[:: 1 if name == "steps" else max(1, len(values) // SAMPLE | 1)]
    with np.errstate(invalid="ignore"):
        known = np.sort(sample[(sample > 0) & (sample <= limit)].astype(np.float64))
    if not len(known):
        return Scale(0.1, 1.0)
    if name == "steps":
        return Scale(known[0], max(known[-1], known[0] + 1))
    low, high = (known[min(len(known) - 1, int(share * len(known)))] for share in (0.02, 0.98))
    first = max(-30, int(np.floor(np.log10(low))))
    return Scale(10.0**first, 10.0 ** max(first + 1, int(np.ceil(np.log10(high) - 1e-9))))


def shares(values: np.ndarray, of: Scale) -> np.ndarray:
    """Where values lie on a scale, from 0 to 1; what is no number counts as 0."""
    known = np.where(np.isfinite(values), values, of.low).astype(np.float64)
    if of.log:
        found = np.log(np.maximum(known, of.low) / of.low) / np.log(of.high / of.low)
    else:
        found = (known - of.low) / (of.high - of.low)
    return np.clip(found, 0, 1)


def _round(values: np.ndarray) -> np.ndarray:
    return np.floor(values + 0.5).astype(np.int64)  # as JavaScript rounds


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.floor(values + 0.5).astype(np.uint8)
