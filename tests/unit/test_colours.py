"""Run colours can be told apart with every kind of colour vision, and stand out on both themes."""

from itertools import combinations

import numpy as np
import pytest

from views.shared.colours import COLOURS, DASHES, style

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
LEAST_DIFFERENCE = (
    0.12  # in OKLab, where black and white are 1 apart; the Okabe-Ito colours reach 0.076 in the worst case
)
LEAST_CONTRAST = 2.15  # WCAG ratio; lines also have a halo in the colour of the page
BACKGROUNDS = ("#ffffff", "#21201d", "#0e1117")  # the pages of the light and the dark theme, and a darker one


def linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return to_lab @ np.cbrt(to_cones @ rgb)


def luminance(colour: str) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_differ(vision: str) -> None:
    seen = {c: oklab(np.clip(VISION[vision] @ linear(c), 0, 1)) for c in COLOURS}
    for one, other in combinations(COLOURS, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= LEAST_DIFFERENCE, (one, other)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_colours_stand_out(colour: str, background: str) -> None:
    assert contrast(colour, background) >= LEAST_CONTRAST


def test_oklab_of_white_and_black() -> None:
    assert oklab(linear("#ffffff")) == pytest.approx([1, 0, 0], abs=1e-4)
    assert oklab(linear("#000000")) == pytest.approx([0, 0, 0], abs=1e-12)


def test_styles_differ_until_all_dashes_are_used() -> None:
    styles = [style(i) for i in range(len(COLOURS) * len(DASHES))]
    assert len(set(styles)) == len(styles) == 36
    assert styles[0] == (COLOURS[0], "")
    assert style(9) == (COLOURS[0], DASHES[1])
    assert style(36) == style(0)
