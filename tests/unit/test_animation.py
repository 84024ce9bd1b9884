"""The animated playback: frames counted, and what they show compared with runs and heights by pixel."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from optim_core.engine.blocks import evaluate
from surfaces import SURFACES
from views.shared.colours import style
from views.shared.settings import Settings, new_card
from views.trajectories.animation import HEADER, LEFT, PLOT, RIGHT, WIDTH, Playback, gif, signature
from views.trajectories.drawing import PLAIN, strokes, wide, wrapped, written
from views.trajectories.heights import few_digits, fills, height_scale, round_ticks
from views.trajectories.message import caption
from views.trajectories.runs import runs


def page(*rules: str, **changes: Any) -> Settings:
    """The page with these rules at their defaults, or its first ones, and other settings by their paths."""
    settings = Settings()
    settings.apply("surface", changes.pop("surface", "ravine"))
    if rules:
        settings.cards = {number: new_card(rule) for number, rule in enumerate(rules)}
    for path, value in changes.items():
        settings.apply(path.replace("__", "."), value)
    assert not settings.problems
    return settings


def opened(data: bytes) -> GifImageFile:
    image = Image.open(io.BytesIO(data))
    assert isinstance(image, GifImageFile)
    return image


def durations(image: GifImageFile) -> list[int]:
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(image.info["duration"])
    return found


def pixel(settings: Settings, point: Any) -> tuple[int, int]:
    """Where a point of the plane lies in a picture with one row of a legend."""
    x0, x1, y0, y1 = settings.drawn_window
    wide, top = WIDTH - LEFT - RIGHT, HEADER + 20 + 6
    x = LEFT + (point[0] - x0) / (x1 - x0) * wide
    y = top + (y1 - point[1]) / (y1 - y0) * PLOT
    return int(np.floor(x)), int(np.floor(y))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


# ---------------------------------------------------------------- the file


def test_few_steps_are_a_frame_each() -> None:
    told: list[tuple[int, int]] = []
    image = opened(gif(page(steps=7), progress=lambda done, of: told.append((done, of))))
    assert image.n_frames == 8
    assert durations(image) == [50] * 7 + [2000]
    assert image.info["loop"] == 0
    assert told == [(k, 8) for k in range(1, 9)]


def test_many_steps_are_spread_evenly() -> None:
    settings = page(steps=300)
    data = gif(settings, dark=True)
    image = opened(data)
    assert image.n_frames == 120
    assert durations(image) == [50] * 119 + [2000]
    assert len(data) < 3_000_000
    steps = Playback(settings).steps
    assert (steps[0], steps[-1], len(steps)) == (0, 300, 120)
    assert set(np.diff(steps)) == {2, 3}


def test_a_stop_rule_ends_the_playback() -> None:
    settings = page("adam", steps=300, stop="gradient", tolerance=1.0)
    made = runs(settings)[0].trace.steps
    assert 10 < made < 119
    assert Playback(settings).steps == list(range(made + 1))


def test_the_file_holds_the_colours_of_the_frames_and_does_not_flicker() -> None:
    settings = page("adam", surface="ackley", steps=20)
    playback = Playback(settings)
    image = opened(gif(settings))
    drawn = list(playback.frames())
    pictures = []
    for number, frame in enumerate(drawn):
        image.seek(number)
        pictures.append(np.asarray(image.convert("RGB")).astype(int))
        away = np.abs(pictures[-1] - np.asarray(frame).astype(int)).max(axis=2)
        assert away.max() < 64
        assert (away > 16).mean() < 0.001
        assert (away == 0).mean() > 0.9
    same = np.all([np.asarray(frame) == np.asarray(drawn[0]) for frame in drawn], axis=(0, 3))
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture[same], pictures[0][same])


def test_without_optimizers_there_is_nothing_to_play() -> None:
    settings = page("adam")
    settings.apply("card.0.on", False)
    for nothing in (settings, page()):
        nothing.cards = nothing.cards if nothing is settings else {}
        with pytest.raises(ValueError, match="no optimizer is switched on"):
            gif(nothing)


# ---------------------------------------------------------------- the paths


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("card", [0, 4])
def test_a_run_is_where_it_was_at_the_frames_step(card: int, dark: bool) -> None:
    settings = page(start=["-4", "3"], steps=60)
    settings.cards = {card: new_card("adam")}
    path = runs(settings)[card].path.reshape(-1, 2)
    colour = rgb(style(card)[0])
    playback = Playback(settings, dark)
    assert playback.steps == list(range(61))
    frames = list(playback.frames())
    assert frames[0].size == (720, playback.height)
    later = pixel(settings, path[20])
    for k in (5, 12, 20, 60):
        assert frames[k].getpixel(pixel(settings, path[k])) == colour
        # The line that leads there, one pixel more or less beside its middle.
        x, y = pixel(settings, (path[k] + path[k - 1]) / 2)
        assert colour in {frames[60].getpixel((x + i, y + j)) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    for k in range(14):
        assert frames[k].getpixel(later) == frames[0].getpixel(later) != colour


def test_a_dashed_path_has_gaps() -> None:
    settings = page(start=["-4", "4"], steps=100)
    shares = []
    for card in (0, 9):
        settings.cards = {card: new_card("adam")}
        (last,) = Playback(settings).frames([100])
        shares.append((np.asarray(last) == rgb(style(card)[0])).all(axis=2).sum())
    assert 0.45 < shares[1] / shares[0] < 0.85


def test_a_path_of_very_many_dashes_is_drawn_without() -> None:
    turns = np.array([(2.0, 100.0), (400.0, 101.0)] * 3000)
    few, many = (
        strokes(turns[:20], np.arange(20), (500, 200), "6 3"),
        strokes(turns, np.arange(6000), (500, 200), "6 3"),
    )
    assert len(few) > 19 * 398 / 9
    assert len(many) == 5999


def test_a_path_that_leaves_the_window_is_cut_at_it() -> None:
    settings = page("gradient_descent", card__0__lr=0.09, steps=200)
    told = runs(settings)[0].words
    assert told.startswith("diverged at step")
    playback = Playback(settings)
    (last,) = playback.frames([playback.last])
    pixels = np.asarray(last)
    left, top, right, bottom = playback.box
    coloured = (pixels == rgb(style(0)[0])).all(axis=2)
    assert coloured[top:bottom, left:right].sum() > 500
    assert coloured[top, left:right].any()
    assert coloured[bottom - 1, left:right].any()
    legend = coloured.copy()
    legend[top:bottom, left:right] = False
    assert legend[:HEADER].sum() == legend[HEADER + 20 :].sum() == 0
    assert playback.runs[0].says(playback.last) != told  # its last finite loss
    assert playback.runs[0].says(playback.last + 1) == told


def test_a_ball_and_many_starts_are_drawn() -> None:
    plain = page("momentum", surface="himmelblau", steps=30)
    ball = page("momentum", surface="himmelblau", steps=30, view__ball=True)
    around = page("momentum", surface="himmelblau", steps=30, starts__kind="ring")
    one, with_ball, many = (Playback(settings) for settings in (plain, ball, around))
    assert [track.name for track in with_ball.references] == ["the ball that Momentum imitates, friction 0.1"]
    assert with_ball.box[1] == one.box[1] + 20
    colour = rgb(style(0)[0])
    count = []
    for playback in (one, many):
        (last,) = playback.frames([30])
        count.append((np.asarray(last.crop(playback.box)) == colour).all(axis=2).sum())
    assert count[1] > count[0] + 8 * 9  # a dot for each start


def test_a_line_across_the_picture_with_both_ends_outside() -> None:
    points = np.array([(-1e7, 50.0), (1e7, 50.0), (1e7, 1e7)])
    found = strokes(points, np.arange(3), (100, 100), "")
    (across,) = found
    assert (across.x0, across.y0, across.x1, across.y1) == pytest.approx((-100, 50, 200, 50))


@pytest.mark.parametrize("dash", ["7 4", "10 3 2 3", "2 4"])
def test_dashes_are_as_long_as_the_pattern_says_however_the_path_bends(dash: str) -> None:
    turns = np.cumsum(np.random.default_rng(1).uniform(-3, 3, (200, 2)), axis=0) + 50
    points = np.clip(turns, 1, 99)
    found = strokes(points, np.arange(200), (100, 100), dash)
    drawn = sum(float(np.hypot(s.x1 - s.x0, s.y1 - s.y0)) for s in found)
    whole = sum(float(np.hypot(s.x1 - s.x0, s.y1 - s.y0)) for s in strokes(points, np.arange(200), (100, 100), ""))
    on = [float(part) for part in dash.split()]
    assert drawn == pytest.approx(whole * sum(on[::2]) / sum(on), abs=max(on))
    assert [s.step for s in found] == sorted(s.step for s in found)


# ---------------------------------------------------------------- the ground


@pytest.mark.parametrize("heights", ["auto", "log", "linear"])
@pytest.mark.parametrize("surface", ["ackley", "rosenbrock"])
def test_bands_are_those_of_the_heights(surface: str, heights: str) -> None:
    settings = page("adam", surface=surface, steps=1, view__heights=heights)
    playback = Playback(settings)
    found = SURFACES[surface]
    log = found.log_heights if heights == "auto" else heights == "log"
    assert playback.scale.logarithmic == log
    levels = playback.scale.levels
    left, top, right, bottom = playback.box
    x0, x1, y0, y1 = settings.drawn_window
    clean = 0
    for px, py in np.random.default_rng(0).integers((left + 3, top + 3), (right - 3, bottom - 3), (400, 2)):
        corners = [(px + i, py + j) for i in (-2, 3) for j in (-2, 3)]
        x = np.array([x0 + (i - left) / (right - left) * (x1 - x0) for i, _ in corners])
        y = np.array([y1 - (j - top) / (bottom - top) * (y1 - y0) for _, j in corners])
        z = evaluate(found, x, y, found.Parameters())
        if log:
            z = np.log10(np.maximum(0, z - playback.scale.base) + playback.scale.floor)
        bands = {int((levels <= height).sum()) for height in z}
        if len(bands) == 1:
            colour = playback.ground.getpixel((int(px) - left, int(py) - top))
            clean += colour == playback.fills[bands.pop()]
        else:
            clean += 1  # near a line
    assert clean >= 396  # a sign may stand on some


def test_a_surface_without_values_somewhere_shows_the_page_there() -> None:
    scale = height_scale(np.array([np.nan, 1.0, np.inf, 3.0]), False, None)
    assert (scale.bottom, scale.top) == (1.0, 3.0)
    assert scale.bands(np.array([0.0, np.inf])).tolist() == [0, len(scale.levels)]
    assert height_scale(np.full(4, 2.0), False, None).levels.tolist() == [2.0]
    assert height_scale(np.full(4, np.nan), True, None).top > 0


def test_levels_and_colours_are_the_browsers() -> None:
    """What static/plane/heights.js and shared/theme.js gave in Chromium for the page's first picture."""
    playback = Playback(page(steps=1))
    assert playback.scale.levels.tolist() == [k / 4 for k in range(-1, 11)]
    labels = ["0.097", "0.53", "1.3", "2.7", "5.2", "9.5", "17", "31", "56", "100", "180", "320"]
    assert list(playback.scale.labels) == labels
    light, dark = fills(13, False), fills(13, True)
    assert [light[k] for k in (0, 1, 6, -1)] == [(254, 250, 241), (248, 247, 241), (220, 231, 239), (187, 213, 235)]
    assert [dark[k] for k in (0, 1, 6, -1)] == [(20, 22, 28), (22, 26, 32), (31, 46, 53), (41, 71, 81)]


def test_ticks_are_round() -> None:
    assert round_ticks(-5, 5, 7) == [-4, -2, 0, 2, 4]
    assert round_ticks(-0.3, 0.9, 7) == [-0.2, 0, 0.2, 0.4, 0.6, 0.8]
    assert [few_digits(value, 2) for value in (0.0, 2163.0, 1.54e-8, -0.5)] == ["0", "2200", "1.5e−8", "−0.5"]


# ---------------------------------------------------------------- text


def test_text_has_only_signs_that_the_font_has() -> None:
    text = "".join(PLAIN) + "Ravine (κ = 30): 1e−6 ∇f ☃"
    shown = written(text)
    assert written(shown) == shown
    assert "grad f" in shown
    assert shown.endswith("?")


def test_captions_are_wrapped_without_losing_words() -> None:
    told = caption(page(*["adam", "momentum", "nadam", "lion"] * 2))
    lines = wrapped(told, 12, 600)
    assert " ".join(lines) == told
    assert max(wide(line, 12) for line in lines) <= 600


def test_the_signature_changes_with_what_is_drawn_only() -> None:
    settings = page()
    first = signature(settings, False)
    assert signature(settings, True) != first
    for path, value in (("view.step", 12), ("view.layout", "contour"), ("view.log_loss", False), ("story", "ball")):
        settings.apply(path, value)
        assert signature(settings, False) == first
    for path, value in (("card.0.lr", 0.02), ("view.ball", True), ("view.heights", "linear"), ("steps", 12)):
        settings.apply(path, value)
        assert signature(settings, False) != first
        first = signature(settings, False)
