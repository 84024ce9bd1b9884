"""Heights of a surface as pictures show them, their levels and colours: what plane/heights.js and shared/theme.js do.

Heights are shown as they are, or as the logarithm above the lowest point.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context

import numpy as np

MOST_LEVELS = 40

# Lightness, chroma and hue (degrees) in OKLCh of the lowest and of the highest ground.
LIGHT = ((0.985, 0.012, 85.0), (0.86, 0.042, 245.0))
DARK = ((0.2, 0.012, 270.0), (0.38, 0.04, 220.0))
_KNOTS = 9

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class HeightScale:
    """The levels of a grid of heights, evenly spaced in what is shown, and the true heights there as texts."""

    bottom: float
    top: float
    step: float
    levels: np.ndarray
    labels: tuple[str, ...]
    logarithmic: bool
    base: float
    floor: float

    def shown(self, heights: np.ndarray) -> np.ndarray:
        """What is drawn for heights, of any shape; NaN stays NaN."""
        if not self.logarithmic:
            return np.asarray(heights, dtype=np.float64)
        with np.errstate(all="ignore"):
            return np.log10(np.maximum(0.0, heights - self.base) + self.floor)

    def bands(self, heights: np.ndarray) -> np.ndarray:
        """Which band heights lie in, from 0 below the first level to ``len(levels)`` above the last."""
        return np.searchsorted(self.levels, self.shown(heights), side="right")


def height_scale(heights: np.ndarray, logarithmic: bool, lowest: float | None) -> HeightScale:
    """The scale of a grid of heights; where it is logarithmic, above the surface's lowest minimum if that is known."""
    z = np.asarray(heights, dtype=np.float64).ravel()
    low = float(np.min(z, initial=math.inf, where=~np.isnan(z)))
    high = float(np.max(z, initial=-math.inf, where=~np.isnan(z) & (z != math.inf)))
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    base = min(low, low if lowest is None else lowest) if logarithmic else 0.0
    floor = _floor(z, base) if logarithmic else 0.0
    scale = HeightScale(0.0, 1.0, 1.0, np.array([0.5]), (), logarithmic, base, floor)
    bottom, top = (float(value) for value in scale.shown(np.array([low, high])))
    step = _round_step((top - bottom) / 13, logarithmic)
    first = math.floor(bottom / step) + 1
    levels = [i * step for i in range(first, first + MOST_LEVELS) if i * step < top] or [(bottom + top) / 2]
    true = [10**level - floor + base for level in levels] if logarithmic else levels
    labels = next((texts for digits in range(2, 6) if len(set(texts := _texts(true, digits))) == len(true)), None)
    top = top if top > bottom else bottom + 1
    return HeightScale(bottom, top, step, np.array(levels), labels or _texts(true, 6), logarithmic, base, floor)


def _floor(z: np.ndarray, base: float) -> float:
    """What is added before the logarithm, so that the lowest ground does not take most of the colours."""
    above = z[:: max(1, len(z) // 2000)] - base
    above = np.sort(above[(above > 0) & np.isfinite(above)])
    if not len(above):
        return 1e-3
    return max(float(above[len(above) // 2]) * 1e-3, float(above[len(above) // 20]) * 0.1, 1e-300)


def _round_step(raw: float, logarithmic: bool) -> float:
    if not raw > 0:
        return 1.0
    if logarithmic and raw < 1:
        return next(step for step in (1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 1.0) if step >= raw)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999) * power


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values from low to high, about ``most`` of them."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999) * power
    ticks = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [float(f"{i * step:.12g}") for i in ticks]


def _texts(values: list[float], digits: int) -> tuple[str, ...]:
    return tuple(few_digits(value, digits) for value in values)


def few_digits(value: float, digits: int) -> str:
    """A number with at most so many digits: 2200, 0.13, 1.5e−8; a half goes up, as in the browser."""
    rounded = f"{float(Context(digits, ROUND_HALF_UP).create_decimal(value)):.{digits - 1}e}"
    if value and not 1e-3 <= abs(value) < 1e4:
        mantissa, exponent = rounded.split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")
    return f"{float(rounded):.10g}".replace("-", "−")


# ---------------------------------------------------------------- colours


def fills(count: int, dark: bool) -> list[Colour]:
    """The colours of so many bands, from the lowest to the highest: even steps of OKLab."""
    lowest, highest = (np.array(_cartesian(*end)) for end in (DARK if dark else LIGHT))
    knots = np.array([_srgb(lowest + (highest - lowest) * t) for t in np.linspace(0, 1, _KNOTS)], dtype=float)
    at = np.linspace(0, _KNOTS - 1, count) if count > 1 else np.array([(_KNOTS - 1) / 2])
    channels = [np.interp(at, np.arange(_KNOTS), channel) for channel in knots.T]
    return [(round(float(r)), round(float(g)), round(float(b))) for r, g, b in zip(*channels, strict=True)]


def _cartesian(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    angle = math.radians(hue)
    return lightness, chroma * math.cos(angle), chroma * math.sin(angle)


def _srgb(lab: np.ndarray) -> list[int]:
    """A colour of OKLab in sRGB, 0 to 255 (Ottosson, A perceptual color space for image processing, 2020)."""
    to_cones = ((1, 0.3963377774, 0.2158037573), (1, -0.1055613458, -0.0638541728), (1, -0.0894841775, -1.291485548))
    to_linear = (
        (4.0767416621, -3.3077115913, 0.2309699292),
        (-1.2684380046, 2.6097574011, -0.3413193965),
        (-0.0041960863, -0.7034186147, 1.707614701),
    )
    linear = np.clip(np.array(to_linear) @ (np.array(to_cones) @ lab) ** 3, 0, 1)
    return [round(255 * float(12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055)) for c in linear]
