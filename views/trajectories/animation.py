"""The playback as a picture that moves: its frames, drawn with Pillow as the browser draws them, and a GIF of them."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image, ImageDraw

from optim_core import Outcome
from optim_core.engine.blocks import evaluate
from surfaces import SURFACES
from views.shared.fields import short
from views.shared.messages import Herd, Reference, Run
from views.shared.settings import Settings
from views.trajectories.drawing import (
    DOTTED,
    Point,
    Stroke,
    Theme,
    add_strokes,
    disc,
    minimum,
    saddle,
    start,
    strokes,
    theme_of,
    wide,
    wrapped,
    write,
)  # fmt: skip
from views.trajectories.heights import Colour, HeightScale, fills, height_scale, round_ticks
from views.trajectories.message import message

MOST_FRAMES = 120
FRAME, LAST = 50, 2000  # milliseconds that a frame is shown, and the last
WIDTH = 720  # pixels, as all lengths here
LEFT, RIGHT, PLOT = 46, 54, 450  # beside the plot, and its height
HEADER, ROW, AXIS, LINE = 38, 20, 28, 15  # above the legend, of its rows, below the plot, of the caption's lines
PATH, BALL, HERD, HALO, LEVEL = 2.2, 1.8, 1.0, 4.2, 0.7  # widths of lines
HALO_SHARE, HERD_SHARE = 0.75, 0.35  # of what lies below that they cover
COMMON = 20  # pixels: a colour that more have counts no more for the palette
MUST_LIE_WITHIN = 1e5  # of the picture, what is marked


# ---------------------------------------------------------------- what moves


@dataclass
class Track:
    """Lines of one colour that grow: each with its points (n, 2) in pixels of the plot, and the step of each point.

    ``loss`` holds a run's loss at each step, ``diverged`` what is said of it after the last where it has diverged.
    """

    name: str
    colour: Colour
    dash: str
    lines: list[tuple[np.ndarray, np.ndarray]]
    loss: np.ndarray | None = None
    diverged: str = ""

    def places(self, step: int) -> Iterator[Point]:
        """Where its lines have come to at a step; where they ended, after that."""
        for points, steps in self.lines:
            x, y = points[np.searchsorted(steps, step, side="right") - 1].tolist()
            if max(abs(x), abs(y)) < MUST_LIE_WITHIN:
                yield x, y

    def says(self, step: int) -> str:
        """The loss at a step, and whether the run had ended before it."""
        if self.loss is None:
            return ""
        end = len(self.loss) - 1
        if step > end and self.diverged:
            return self.diverged
        loss = f"loss {short(float(self.loss[min(step, end)]))}"
        return f"{loss}, ended at step {end}" if step > end else loss


class Growing:
    """How much of each pixel the lines of a track cover at a step, with a halo where there is one."""

    def __init__(self, track: Track, size: tuple[int, int], width: float, share: float = 1.0, halo: bool = False):
        found = [stroke for points, steps in track.lines for stroke in strokes(points, steps, size, track.dash)]
        self.strokes: list[Stroke] = sorted(found, key=lambda stroke: stroke.step)
        self.track, self.drawn = track, 0
        self.widths = {"halo": (HALO, round(255 * HALO_SHARE))} if halo else {}
        self.widths["line"] = (width, round(255 * share))
        self.masks = {name: Image.new("L", size) for name in self.widths}

    def grow(self, step: int) -> None:
        """Draws all that leads to the step and has not been drawn."""
        upto = self.drawn
        while upto < len(self.strokes) and self.strokes[upto].step <= step:
            upto += 1
        new, self.drawn = self.strokes[self.drawn : upto], upto
        for name, mask in self.masks.items():
            add_strokes(mask, new, *self.widths[name], self.track.dash)

    def put(self, image: Image.Image, theme: Theme) -> None:
        """Draws the lines on a picture of the plot."""
        for name, mask in self.masks.items():
            if box := mask.getbbox():
                image.paste(theme.page if name == "halo" else self.track.colour, box, mask.crop(box))


# ---------------------------------------------------------------- the ground


def _ground(
    settings: Settings, scale: HeightScale, colours: list[Colour], theme: Theme, size: tuple[int, int]
) -> Image.Image:
    """The bands of heights and the lines between them; the page's colour where the surface has no value."""
    finer = 2
    width, height = size[0] * finer, size[1] * finer
    x0, x1, y0, y1 = settings.drawn_window
    x = x0 + (np.arange(width) + 0.5) / width * (x1 - x0)
    y = y1 - (np.arange(height) + 0.5) / height * (y1 - y0)
    surface = SURFACES[settings.surface]
    z = evaluate(surface, *np.meshgrid(x, y), surface.Parameters(**settings.parameters))
    picture = np.array([*colours, theme.page], dtype=np.float32)[np.where(np.isnan(z), len(colours), scale.bands(z))]
    with np.errstate(all="ignore"):
        shown = scale.shown(z)
        down, right = np.gradient(shown)
        number = np.clip(np.round((shown - scale.levels[0]) / scale.step), 0, len(scale.levels) - 1)
        away = np.abs(shown - scale.levels[0] - number * scale.step) / np.hypot(down, right)
        colour, share = theme.level
        cover = np.nan_to_num(np.clip((LEVEL * finer + 1) / 2 - away, 0, 1)) * share
    picture += (np.array(colour, dtype=np.float32) - picture) * cover[..., None].astype(np.float32)
    return Image.fromarray(np.round(picture).astype(np.uint8)).reduce(finer)


# ---------------------------------------------------------------- the frames


class Playback:
    """The frames of a playback, of what the page's picture shows.

    ``steps`` holds the step of each frame, ``box`` the plot's left, top, right and bottom in pixels. ValueError where
    no optimizer is on.
    """

    def __init__(self, settings: Settings, dark: bool = False):
        if not any(card.on for card in settings.cards.values()):
            raise ValueError("there is nothing to play: no optimizer is switched on")
        self.settings, self.theme = settings, theme_of(dark)
        self.shown = message(settings)
        here = [run for run in self.shown["runs"] if not run.get("elsewhere")]
        self.last = max(max(len(run["loss"]) - 1, run["herd"]["last"] if "herd" in run else 0) for run in here)
        count = min(self.last + 1, MOST_FRAMES)
        self.steps = [round(k * self.last / max(1, count - 1)) for k in range(count)]
        self.size = WIDTH - LEFT - RIGHT, PLOT
        self.runs = [self._run(run) for run in here]
        self.herds = [self._herd(run, run["herd"]) for run in here if "herd" in run]
        self.references = [self._reference(curve) for curve in self.shown["references"]]
        self.caption = wrapped(self.shown["caption"], 12, WIDTH - LEFT - 16)
        self.cells = self._legend()
        top = self.cells[-1][1] + ROW + 6
        self.box = (LEFT, top, LEFT + self.size[0], top + PLOT)
        self.height = self.box[3] + AXIS + LINE * len(self.caption) + 10
        heights = np.asarray(self.shown["grid"].get("z"))
        surface = self.shown["surface"]
        self.scale = height_scale(heights, surface["log_heights"], surface["f_star"])
        self.fills = fills(len(self.scale.levels) + 1, dark)
        self.ground, self.still = self._ground(), self._still()

    def place(self, points: Any) -> np.ndarray:
        """Points (..., 2) of the plane in pixels of the plot, from its upper left corner."""
        x0, x1, y0, y1 = self.settings.drawn_window
        return (np.asarray(points, dtype=np.float64) - (x0, y1)) / (x1 - x0, y0 - y1) * self.size

    def _run(self, run: Run) -> Track:
        points = self.place(run["path"].reshape(-1, 2))
        told = next(row["cells"][1] for row in self.shown["table"]["rows"] if row["id"] == run["id"])
        diverged = told if told.startswith((Outcome.DIVERGED.words, "no gradient")) else ""
        return Track(run["name"], _colour(run), run["dash"], [(points, np.arange(len(points)))], run["loss"], diverged)

    def _herd(self, run: Run, herd: Herd) -> Track:
        paths = herd["path"].reshape(-1, herd["points"], 2)
        steps = np.minimum(np.arange(paths.shape[1]) * herd["every"], self.settings.steps)
        there = (path[np.isfinite(path).all(axis=1)] for path in paths)  # a path that diverges ends in NaN
        lines = [(self.place(path), steps[: len(path)]) for path in there if len(path)]
        return Track(run["name"], _colour(run), "", lines)

    def _reference(self, curve: Reference) -> Track:
        points = self.place(curve["path"].reshape(-1, 2))
        steps = -(-np.arange(len(points)) // curve["each"])
        return Track(curve["name"], self.theme.text, DOTTED, [(points, steps)])

    def _legend(self) -> list[tuple[int, int]]:
        """Where the legend's entries stand: runs side by side, curves that are none on lines of their own."""
        room = WIDTH - LEFT - 12
        widest = max(
            37 + wide(run.name, 13, 600) + max(wide(run.says(step), 13) for step in self.steps) for run in self.runs
        )
        columns = max(1, min(len(self.runs), int(room / (widest + 14))))
        cells = [(LEFT + i % columns * (room // columns), HEADER + i // columns * ROW) for i in range(len(self.runs))]
        below = cells[-1][1] + ROW
        return cells + [(LEFT, below + i * ROW) for i in range(len(self.references))]

    # ------------------------------------------------------------ what rests

    def _ground(self) -> Image.Image:
        """The plot without what moves."""
        ground = _ground(self.settings, self.scale, self.fills, self.theme, self.size)
        surface = self.shown["surface"]
        for spots, sign in ((surface["saddles"], saddle), (surface["minima"], minimum)):
            for spot in spots:
                x, y = self.place(spot[:2]).tolist()
                sign(ground, (x, y), self.theme)
        return ground

    def _still(self) -> Image.Image:
        """The whole picture without the plot and without numbers that change."""
        theme, surface = self.theme, self.shown["surface"]
        image = Image.new("RGB", (WIDTH, self.height), theme.page)
        write(image, (LEFT, 26), surface["name"], theme.text, 20, weight=600)
        x = LEFT + wide(surface["name"], 20, 600) + 28
        signs = (
            (start, "start", True),
            (minimum, "minimum", surface["minima"]),
            (saddle, "saddle", surface["saddles"]),
        )
        for sign, name, there in signs:
            if there:
                sign(image, (x, 20.5), theme)
                write(image, (x + 13, 25), name, theme.mix(0.72), 13)
                x += 13 + wide(name, 13) + 22
        for track, (x, y) in zip((*self.runs, *self.references), self.cells, strict=True):
            swatch = Image.new("L", (26, ROW))
            sample = strokes(np.array([(2.0, 10.0), (24.0, 10.0)]), np.arange(2), swatch.size, track.dash)
            add_strokes(swatch, sample, 2.6 if track.loss is not None else BALL, 255, track.dash)
            image.paste(track.colour, (x, y), swatch)
            write(image, (x + 30, y + 14.5), track.name, theme.text, 13, weight=600 if track.loss is not None else 400)
        self._axes(image)
        self._bar(image)
        for i, line in enumerate(self.caption):
            write(image, (LEFT, self.box[3] + AXIS + 12 + i * LINE), line, theme.mix(0.72), 12)
        return image

    def _axes(self, image: Image.Image) -> None:
        draw = ImageDraw.Draw(image)
        left, top, _, bottom = self.box
        x0, x1, y0, y1 = self.settings.drawn_window
        line, text = self.theme.mix(0.35), self.theme.mix(0.75)
        for value in round_ticks(x0, x1, 7):
            x = left + float(self.place((value, y0))[0])
            draw.line((x, bottom, x, bottom + 3), line)
            write(image, (x, bottom + 16), short(value), text, 12, "ms")
        for value in round_ticks(y0, y1, 7):
            y = top + float(self.place((x0, value))[1])
            draw.line((left - 4, y, left - 1, y), line)
            write(image, (left - 7, y), short(value), text, 12, "rm")

    def _bar(self, image: Image.Image) -> None:
        """The colours of the bands and the heights between them."""
        draw = ImageDraw.Draw(image)
        _, top, right, bottom = self.box
        scale = self.scale

        def y(value: float) -> float:
            return top + (bottom - top) * (1 - (value - scale.bottom) / (scale.top - scale.bottom))

        edges = [scale.bottom, *scale.levels.tolist(), scale.top]
        for colour, low, high in zip(self.fills, edges[:-1], edges[1:], strict=True):
            upper, lower = round(y(high)), round(y(low)) - 1
            if lower >= upper:
                draw.rectangle((right + 8, upper, right + 16, lower), colour)
        last = float("inf")
        for level, label in zip(scale.levels.tolist(), scale.labels, strict=True):
            if last - y(level) >= 13:
                last = y(level)
                write(image, (right + 21, last), label, self.theme.mix(0.72), 12, "lm")

    # ------------------------------------------------------------ what moves

    def frames(self, steps: Iterable[int] | None = None) -> Iterator[Image.Image]:
        """The pictures (RGB) of all ``steps``, or of others that ascend."""
        herds = [Growing(track, self.size, HERD, HERD_SHARE) for track in self.herds]
        own = [Growing(track, self.size, PATH, halo=True) for track in self.runs]
        others = [Growing(track, self.size, BALL) for track in self.references]
        x, y = self.place(self.settings.start).tolist()
        for step in self.steps if steps is None else steps:
            plot = self.ground.copy()
            for growing in (*herds, *own, *others):
                growing.grow(step)
                growing.put(plot, self.theme)
            for track in self.herds:
                for place in track.places(step):
                    disc(plot, place, 2.2, track.colour)
            for track in self.references:
                for place in track.places(step):
                    disc(plot, place, 4.8, track.colour)
                    disc(plot, place, 3.3, self.theme.page)
            for track in self.runs:
                for place in track.places(step):
                    disc(plot, place, 5.3, self.theme.page)
                    disc(plot, place, 3.7, track.colour)
            start(plot, (x, y), self.theme)
            yield self._framed(plot, step)

    def _framed(self, plot: Image.Image, step: int) -> Image.Image:
        """The whole picture around the plot, with the numbers of the step."""
        image = self.still.copy()
        image.paste(plot, self.box[:2])
        write(image, (self.box[2], 26), f"step {step} of {self.last}", self.theme.text, 16, "rs")
        for track, (x, y) in zip(self.runs, self.cells, strict=False):
            write(image, (x + 37 + wide(track.name, 13, 600), y + 14.5), track.says(step), self.theme.mix(0.72), 13)
        return image


def _colour(run: Run) -> Colour:
    r, g, b = bytes.fromhex(run["colour"].removeprefix("#"))
    return r, g, b


# ---------------------------------------------------------------- the file


class Palette:
    """At most 255 colours for all frames, and for every colour the nearest of them.

    Those given come first, as they are; the others stand for those of a picture (median cut).
    """

    def __init__(self, given: Iterable[Colour], picture: Image.Image):
        first = np.array(list(dict.fromkeys(given)), dtype=np.int32)
        codes, counts = np.unique(_code(np.asarray(picture)), return_counts=True)
        new = ~np.isin(codes, _code(first))
        # The ground's colours do not take the place of those of thin lines.
        others = _colours(np.repeat(codes[new], np.minimum(counts[new], COMMON))).astype(np.uint8)
        room = 255 - len(first)
        found = np.empty((0, 3), dtype=np.int32)
        if len(others):
            cut = Image.fromarray(others[None]).quantize(room, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            found = np.array(cut.getpalette() or [], dtype=np.int32).reshape(-1, 3)[:room]
        self.colours = np.concatenate([first, found])
        self.nearest = np.full(1 << 24, 255, dtype=np.uint8)

    def apply(self, image: Image.Image) -> Image.Image:
        """The picture (RGB) in these colours, without dithering."""
        codes = _code(np.asarray(image))
        found = self.nearest[codes]
        if (found == 255).any():
            for new in np.array_split(unknown := np.unique(codes[found == 255]), len(unknown) // 4096 + 1):
                self.nearest[new] = ((_colours(new)[:, None] - self.colours) ** 2).sum(axis=2).argmin(axis=1)
            found = self.nearest[codes]
        paletted = Image.fromarray(found, "P")
        paletted.putpalette(self.colours.astype(np.uint8).tobytes())
        return paletted


def _code(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(pixels.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def _colours(codes: np.ndarray) -> np.ndarray:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1)


def signature(settings: Settings, dark: bool) -> str:
    """What a playback depends on, as a text: two that differ may look different."""
    seen = {"view.ball", "view.heights"}
    query = settings.to_query().items()
    kept = {name: text for name, text in query if name in seen or not name.startswith(("view.", "story"))}
    return urlencode(kept | {"dark": dark})


def gif(settings: Settings, dark: bool = False, progress: Callable[[int, int], object] | None = None) -> bytes:
    """The playback as a GIF that repeats itself; ``progress`` is told how many frames are drawn, and of how many.

    ValueError where no optimizer is on.
    """
    playback = Playback(settings, dark)
    count = len(playback.steps)
    theme = playback.theme
    given = [theme.page, theme.text, *playback.fills, *(run.colour for run in playback.runs)]
    palette = Palette(given, next(playback.frames(playback.steps[-1:])))

    def pictures() -> Iterator[Image.Image]:
        for number, frame in enumerate(playback.frames(), 1):
            if progress:
                progress(number, count)
            yield palette.apply(frame)

    drawn = pictures()
    file = io.BytesIO()
    durations = [FRAME] * (count - 1) + [LAST]
    next(drawn).save(file, "GIF", save_all=True, append_images=drawn, duration=durations, loop=0, optimize=True)
    return file.getvalue()
