"""Drawing with Pillow as the browser draws: the page's colours and font, anti-aliased lines, dashes, signs."""

import math
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit
from PIL import Image, ImageChops, ImageDraw, ImageFont, features

from views.trajectories.heights import Colour

FINE = 4  # lines and letters are drawn so many times finer and reduced
MOST_DASHES = 20_000  # of a line; a longer one is drawn without
NEAREST = 0.7  # pixels: points of a path nearer than this to the last one drawn are left out
FIGURES = ["tnum"] if features.check("raqm") else None  # of equal width: numbers that change do not tremble
DOTTED = "0.1 4.5"  # dashes so short that only their round ends are seen

Point = tuple[float, float]
Shape = Callable[[ImageDraw.ImageDraw, Point, float], None]


class Theme(NamedTuple):
    """The colours of the page that a picture needs; ``level`` with the share of the ground that it covers."""

    page: Colour
    text: Colour
    level: tuple[Colour, float]

    def mix(self, share: float) -> Colour:
        """The text's colour thinned with the page's."""
        r, g, b = (round(ink * share + page * (1 - share)) for ink, page in zip(self.text, self.page, strict=True))
        return r, g, b


def theme_of(dark: bool) -> Theme:
    """The colours of Streamlit's light or dark theme."""
    return DARK if dark else LIGHT


LIGHT = Theme((255, 255, 255), (47, 45, 43), ((40, 60, 80), 0.30))
DARK = Theme((23, 22, 20), (237, 235, 232), ((255, 255, 255), 0.22))


# ---------------------------------------------------------------- text


@cache
def _font(size: int, weight: int = 400) -> ImageFont.FreeTypeFont:
    """The page's own font, which comes with Streamlit; Pillow's where it cannot be read."""
    folder = Path(streamlit.__file__).parent / "static" / "static" / "media"
    for path in sorted(folder.glob("SourceSansVF-Upright*.woff2")):
        try:
            font = ImageFont.truetype(path, size)
            font.set_variation_by_axes([weight])
            return font
        except OSError:
            continue
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


# What stands for signs that a font lacks.
PLAIN = {
    "∇": "grad ", "′": "'", "″": "''", "‴": "'''", "−": "-", "×": "x", "’": "'", "“": '"', "”": '"', "–": "-",
    "…": "...", "·": ".", "±": "+-", "√": "sqrt ", "∂": "d", "∕": "/", "°": " deg", "ₜ": "t", "ᵗ": "^t",
    "²": "^2", "³": "^3",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "Delta", "ε": "eps", "η": "lr", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "ψ": "psi",
    "è": "e", "é": "e", "₋": "-", **{chr(ord("₀") + digit): str(digit) for digit in range(10)},
}  # fmt: skip


@lru_cache(maxsize=1024)
def _lacks(sign: str) -> bool:
    font = _font(40)
    drawn, nothing = (Image.new("L", (80, 80)) for _ in range(2))
    ImageDraw.Draw(drawn).text((10, 10), sign, 255, font)
    ImageDraw.Draw(nothing).text((10, 10), "\uffff", 255, font)
    return drawn.tobytes() == nothing.tobytes()


def written(text: str) -> str:
    """Text in signs that the font has."""
    return "".join(PLAIN.get(sign, "?") if ord(sign) > 126 and _lacks(sign) else sign for sign in text)


def write(
    image: Image.Image, at: Point, text: str, colour: Colour, size: int, anchor: str = "ls", weight: int = 400
) -> None:
    """Writes a line of text; ``anchor`` as Pillow has it, by default the left end of the base line."""
    text, font = written(text), _font(size * FINE, weight)
    left, top, right, bottom = (edge / FINE for edge in font.getbbox(text, anchor=anchor, features=FIGURES))
    low = math.floor(at[0] + left) - 1, math.floor(at[1] + top) - 1
    high = math.ceil(at[0] + right) + 1, math.ceil(at[1] + bottom) + 1
    fine = Image.new("L", ((high[0] - low[0]) * FINE, (high[1] - low[1]) * FINE))
    corner = (at[0] - low[0]) * FINE, (at[1] - low[1]) * FINE
    ImageDraw.Draw(fine).text(corner, text, 255, font, anchor, features=FIGURES)
    image.paste(colour, low, fine.reduce(FINE))


def wide(text: str, size: int, weight: int = 400) -> float:
    """How many pixels a line of text takes."""
    return _font(size * FINE, weight).getlength(written(text), features=FIGURES) / FINE


def wrapped(text: str, size: int, width: float) -> list[str]:
    """Text in lines that are not wider."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and wide(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


# ---------------------------------------------------------------- lines that grow


class Stroke(NamedTuple):
    """A straight piece of a line and the step to which it leads; ``joined`` where it goes on from the one before."""

    step: int
    x0: float
    y0: float
    x1: float
    y1: float
    joined: bool


def strokes(points: np.ndarray, steps: np.ndarray, size: tuple[int, int], dash: str) -> list[Stroke]:
    """A path (n, 2) in pixels, with the step of each point, as strokes: thinned, dashed as SVG has it.

    It is cut where it leaves the neighbourhood of a picture of this size.
    """
    flat = points.tolist()
    kept = [0]
    for i, (x, y) in enumerate(flat):
        if abs(x - flat[kept[-1]][0]) + abs(y - flat[kept[-1]][1]) > NEAREST:
            kept.append(i)
    if kept[-1] != len(flat) - 1:
        kept.append(len(flat) - 1)
    there, start, end = _cut(points[kept[:-1]], points[kept[1:]], size)
    lengths = [float(part) for part in dash.split()]
    if lengths and np.hypot(*(end - start).T).sum() > MOST_DASHES * sum(lengths):
        lengths = []  # so long a line fills what it crosses; its dashes cannot be told apart
    found: list[Stroke] = []
    phase = 0.0
    for i, (x0, y0), (x1, y1) in zip(there.tolist(), start.tolist(), end.tolist(), strict=True):
        step = int(steps[kept[i + 1]])
        if not lengths:
            found.append(Stroke(step, x0, y0, x1, y1, True))
            continue
        length = float(np.hypot(x1 - x0, y1 - y0))
        at = 0.0
        while at < length:
            part, left = _dash_part(lengths, phase)
            till = min(length, at + left)
            if part % 2 == 0:
                ends = (x0 + (x1 - x0) * t / length for t in (at, till))
                (a, b), (c, d) = ((x, y0 + (y1 - y0) * t / length) for x, t in zip(ends, (at, till), strict=True))
                found.append(Stroke(step, a, b, c, d, at == 0 and left < lengths[part]))
            phase += till - at
            at = till if till > at else length
    return found


def _dash_part(lengths: list[float], phase: float) -> tuple[int, float]:
    """Which part of a pattern a line is in, after so many pixels, and how much of the part is left."""
    phase %= sum(lengths)
    for part, length in enumerate(lengths):
        if phase < length - 1e-9:
            return part, length - phase
        phase -= length
    return 0, lengths[0]


def _cut(start: np.ndarray, end: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The segments that cross the picture's neighbourhood, by number, and their ends there (Liang and Barsky)."""
    t0, t1 = np.zeros(len(start)), np.ones(len(start))
    move = end - start
    with np.errstate(all="ignore"):
        for axis, length in enumerate(size):
            for sign, bound in ((-1.0, length), (1.0, 2.0 * length)):  # from one picture before to one behind
                p, q = sign * move[:, axis], bound - sign * start[:, axis]
                t0 = np.where(p < 0, np.maximum(t0, q / p), t0)
                t1 = np.where(p > 0, np.minimum(t1, q / p), t1)
                t1 = np.where((p == 0) & (q < 0), -1.0, t1)
    (there,) = np.nonzero(t0 <= t1)
    move, start = move[there], start[there]
    return there, start + move * t0[there, None], start + move * t1[there, None]


def add_strokes(mask: Image.Image, new: list[Stroke], width: float, ink: int, dash: str) -> None:
    """Draws strokes into a mask, with round ends unless they are dashes; where strokes meet, the stronger counts."""
    rounded = dash in ("", DOTTED)
    ends = np.array([(s.x0, s.y0, s.x1, s.y1) for s in new]).reshape(-1, 2)
    margin = width / 2 + 1
    if not len(ends):
        return
    low = np.clip(np.floor(ends.min(axis=0) - margin), 0, mask.size).astype(int)
    high = np.clip(np.ceil(ends.max(axis=0) + margin), 0, mask.size).astype(int)
    if (high <= low).any():
        return
    box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    fine = Image.new("L", ((box[2] - box[0]) * FINE, (box[3] - box[1]) * FINE))
    draw = ImageDraw.Draw(fine)
    radius = width * FINE / 2
    for stroke in new:
        a, b = (stroke.x0 - box[0]) * FINE, (stroke.y0 - box[1]) * FINE
        c, d = (stroke.x1 - box[0]) * FINE, (stroke.y1 - box[1]) * FINE
        draw.line((a, b, c, d), ink, round(2 * radius))
        if rounded or stroke.joined:
            draw.ellipse((a - radius, b - radius, a + radius, b + radius), ink)
        if rounded:
            draw.ellipse((c - radius, d - radius, c + radius, d + radius), ink)
    mask.paste(ImageChops.lighter(mask.crop(box), fine.reduce(FINE)), box)


# ---------------------------------------------------------------- signs


def _stamp(image: Image.Image, at: Point, reach: int, colour: Colour, shape: Shape) -> None:
    """Draws a shape of one colour around a point; ``shape`` gets where its middle is and how long a pixel is."""
    x, y = at
    if not (-reach < x < image.width + reach and -reach < y < image.height + reach):
        return
    left, top, scale = int(np.floor(x)) - reach, int(np.floor(y)) - reach, 8
    side = (2 * reach + 1) * scale
    fine = Image.new("L", (side, side))
    shape(ImageDraw.Draw(fine), ((x - left) * scale, (y - top) * scale), scale)
    image.paste(colour, (left, top), fine.reduce(scale))


def disc(image: Image.Image, at: Point, radius: float, colour: Colour) -> None:
    """A filled circle around a point."""

    def shape(draw: ImageDraw.ImageDraw, middle: Point, scale: float) -> None:
        draw.circle(middle, radius * scale, 255)

    _stamp(image, at, int(radius) + 2, colour, shape)


def _ring(image: Image.Image, at: Point, radius: float, width: float, colour: Colour) -> None:
    def shape(draw: ImageDraw.ImageDraw, middle: Point, scale: float) -> None:
        draw.circle(middle, (radius + width / 2) * scale, 255)
        draw.circle(middle, (radius - width / 2) * scale, 0)

    _stamp(image, at, int(radius + width) + 2, colour, shape)


_STAR = (
    (0, -7), (1.7, -2.3), (6.7, -2.2), (2.7, 0.9), (4.1, 5.7), (0, 2.9), (-4.1, 5.7), (-2.7, 0.9), (-6.7, -2.2),
    (-1.7, -2.3), (0, -7),
)  # fmt: skip
_CROSS = (((-5, -5), (5, 5)), ((-5, 5), (5, -5)))


def _lines(
    image: Image.Image,
    at: Point,
    lines: Iterable[tuple[Point, ...]],
    width: float,
    colour: Colour,
    filled: bool = False,
) -> None:
    def shape(draw: ImageDraw.ImageDraw, middle: Point, scale: float) -> None:
        for line in lines:
            placed = [(middle[0] + x * scale, middle[1] + y * scale) for x, y in line]
            if filled:
                draw.polygon(placed, 255)
            if width:
                draw.line(placed, 255, round(width * scale))
                for corner in placed:
                    draw.circle(corner, width * scale / 2, 255)

    _stamp(image, at, 11, colour, shape)


def minimum(image: Image.Image, at: Point, theme: Theme) -> None:
    """A star."""
    _lines(image, at, [_STAR], 4.5, theme.page, filled=True)
    _lines(image, at, [_STAR], 0, theme.text, filled=True)


def saddle(image: Image.Image, at: Point, theme: Theme) -> None:
    """A cross."""
    _lines(image, at, _CROSS, 4.5, theme.page)
    _lines(image, at, _CROSS, 1.8, theme.text)


def start(image: Image.Image, at: Point, theme: Theme) -> None:
    """A ring."""
    _ring(image, at, 7, 6, theme.page)
    _ring(image, at, 7, 2.4, theme.text)
