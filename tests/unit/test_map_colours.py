"""Maps have one set of colours: what Python writes as PNG and what the page paints are the same pixels.

``static/maps/map_colours.js`` runs in the Node.js that comes with Playwright. And no sentence about a map, however odd,
holds a number that is none.
"""

import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright._impl._driver import compute_driver_executable

from optim_core import RULES, Outcome
from optim_core.studies import map_colours
from optim_core.studies.map_files import SHOWN, png
from optim_core.studies.maps import Axis, Basins, basins, plane, spread_starts
from ravine.plane import _of_basins, main
from scripts import map_constants
from surfaces import SURFACES, surface_from_formula
from views.maps.message import basin_arrays, message, most, plane_arrays
from views.maps.state import COLOURS, MapState
from views.maps.words import unfinished

ROOT = Path(__file__).parents[2]
SCRIPT = """
import { readFileSync } from "node:fs";
const c = await import(process.argv[1]);
const given = JSON.parse(readFileSync(0, "utf-8"));
const number = (value) => (value === null ? Infinity : value);
const answer = {
  shades: [0, 1, 7, 199, 203, 207].map((label) => Array.from({ length: 256 }, (_, k) => c.labelColour(label, k / 255))),
  outcomes: c.OUTCOME_COLOURS,
  maps: given.map(({ kind, nx, ny, steps, label, shade, values, outcome, name, most }) => {
    if (kind === "basins") return Array.from(c.basinPixels({ label, shade }, nx, ny, steps));
    const scale = c.commonScale(name, [Float32Array.from(values, number)], most === null ? undefined : most);
    return Array.from(c.planePixels(Float32Array.from(values, number), outcome, nx, ny, scale));
  }),
};
console.log(JSON.stringify(answer));
"""


def node(script: str, *arguments: str, given: str = "") -> str:
    """What a script writes that is given a text."""
    command = [compute_driver_executable()[0], "--input-type=module", "--no-warnings", "-e", script, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def page(maps: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page's module makes of maps: pixels (ny, nx) as words, 0 where the hatch shows; and its constants."""
    return json.loads(node(SCRIPT, (ROOT / "static" / "maps" / "map_colours.js").as_uri(), given=json.dumps(maps)))


def pixels(words: list[int], nx: int, ny: int) -> np.ndarray:
    """Words of the page as (ny, nx, 4) bytes: red, green, blue, opaque."""
    return np.array(words, dtype="<u4").view(np.uint8).reshape(ny, nx, 4)


def picture(result: Any, shown: str = "loss") -> np.ndarray:
    with Image.open(io.BytesIO(png(result, shown))) as image:
        return np.asarray(image)


def plain(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values.ravel()]


def compare(drawn: np.ndarray, shown: np.ndarray, outcome: np.ndarray) -> None:
    """Equal pixels, but for runs that diverged: stripes in the file, the hatch behind the picture on the page."""
    diverged = outcome[::-1] == Outcome.DIVERGED
    assert np.array_equal(shown[..., 3] == 0, diverged)
    np.testing.assert_array_equal(drawn[~diverged], shown[~diverged][:, :3])
    assert {tuple(one) for one in drawn[diverged]} <= set(map_colours.HATCH)


def test_the_pages_constants_are_written_anew_after_a_change() -> None:
    assert map_constants.FILE.read_text(encoding="utf-8") == map_constants.text(), "run python -m scripts.map_constants"


def test_constants_are_written_as_javascript_reads_them() -> None:
    given = {"a": 1, "b": 'x “y” \\ "', "c": [1.5, -2e-9], "d": [[1, 2], [3]], "e": [{"f": "g", "h": 0}], "i": True}
    lines = ";".join(f"const {name} = {map_constants.literal(value)}" for name, value in given.items())
    done = node(f"{lines}; console.log(JSON.stringify({{ {', '.join(given)} }}))")
    assert json.loads(done) == given


def test_shades_are_those_of_the_page() -> None:
    found = page([])
    assert found["outcomes"] == [list(bytes.fromhex(one.colour[1:])) for one in Outcome]
    assert len({one.words for one in Outcome}) == len({one.colour for one in Outcome}) == len(Outcome)
    labels = (0, 1, 7, 199, map_colours.LISTED + Outcome.LOCAL_MINIMUM, map_colours.LISTED + Outcome.STILL_MOVING)
    for label, shades in zip(labels, found["shades"], strict=True):
        np.testing.assert_array_equal(map_colours.shades(label), shades)


def test_a_map_of_starts_has_the_colours_of_the_page() -> None:
    made = [
        basins(RULES["gradient_descent"], SURFACES["himmelblau"], ((-9, 9), (-9, 9)), (60, 50), 40, hyper={"lr": 0.01}),
        basins(RULES["adam"], SURFACES["ackley"], None, (41, 37), 700, hyper={"lr": 0.02}),
        basins(RULES["gradient_descent"], SURFACES["saddle"], None, 24, 60, hyper={"lr": 0.05}),
    ]
    assert len({int(one) for result in made for one in result.outcome.ravel()}) >= 4
    maps = []
    for result in made:
        arrays = basin_arrays(result, "")
        maps.append({"kind": "basins", "nx": len(result.x), "ny": len(result.y), "steps": result.settings["steps"],
                     "label": arrays["label"].tolist(), "shade": arrays["shade"].tolist()})  # fmt: skip
    for result, words in zip(made, page(maps)["maps"], strict=True):
        compare(picture(result), pixels(words, len(result.x), len(result.y)), result.outcome)


@pytest.mark.parametrize("stop", [None, "step", "loss"])
def test_a_plane_has_the_colours_of_the_page(stop: str | None) -> None:
    axes = Axis("lr", 1e-4, 0.2, 90, log=True), Axis("momentum", 0.0, 0.99, 70)
    starts = spread_starts(SURFACES["himmelblau"], 3)
    result = plane(RULES["momentum"], SURFACES["himmelblau"], starts, *axes, 300, stop=stop, tolerance=1e-3)
    assert {Outcome.DIVERGED, Outcome.CONVERGED} <= set(result.outcome.ravel())
    arrays = plane_arrays(result, "")
    known = result.settings["most"]
    maps = [
        {"kind": "plane", "nx": 90, "ny": 70, "name": name, "values": plain(arrays[name]),
         "outcome": arrays["outcome"].tolist(), "most": known.get(name)}
        for name in SHOWN
    ]  # fmt: skip
    assert set(SHOWN) == set(COLOURS)
    for name, words in zip(SHOWN, page(maps)["maps"], strict=True):
        compare(picture(result, name), pixels(words, 90, 70), result.outcome)


def test_a_files_scale_ends_where_the_pages_does() -> None:
    state = MapState.from_query({"map.kind": "plane", "surface": "rosenbrock", "map.starts": "1", "card.1": "momentum"})
    found = plane(
        RULES["momentum"], SURFACES["rosenbrock"], state.base.start, ("lr", 1e-4, 0.1, 8), ("momentum", 0.0, 0.9, 8), 10
    )
    assert found.settings["most"] == most(state)


# ---------------------------------------------------------------- words

NO_NUMBER = re.compile(r"\b(nan|inf|infinity|none|undefined)\b(?! of the starts)", re.IGNORECASE)
ODD = {
    "all diverge": ["gradient_descent", "rosenbrock", "--set", "lr=1"],
    "none arrives": ["gradient_descent", "ackley", "--window", "3", "4", "3", "4", "--steps", "1"],
    "one run": ["adam", "ackley", "--resolution", "1", "--steps", "1"],
    "all arrive": ["adam", "sphere", "--steps", "500"],
    "none by far": ["adam", "monkey_saddle", "--steps", "5"],
    "no minimum in reach": ["momentum", "saddle", "--window", "0", "1e-9", "0", "1e-9"],
}
PLANES = ["--plane", "lr:1e-3:1:3:log", "momentum:0:0.9:3"]
ODD |= {
    "a plane that diverges": ["momentum", "rosenbrock", "--plane", "lr:10:20:3", "momentum:0:0.9:3", "--steps", "500"],
    "a plane of one cell": ["momentum", "ackley", "--plane", "lr:1e-3:1:1", "momentum:0:0.9:1", "--steps", "1"],
    "a plane on a monkey saddle": ["momentum", "monkey_saddle", *PLANES],
    "a plane that arrives": ["momentum", "sphere", *PLANES, "--starts", "3"],
}


@pytest.mark.parametrize("name", ODD)
def test_the_command_says_no_number_that_is_none(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [*ODD[name], *([] if "--resolution" in ODD[name] or "--plane" in ODD[name] else ["--resolution", "5"])]
    assert main(["sweep", *given, "--out", str(tmp_path / "map.png")]) == 0
    said = capsys.readouterr().out.removeprefix(str(tmp_path))
    assert said.strip()
    assert not NO_NUMBER.search(said), said


def strings(value: Any) -> list[str]:
    """All texts in a message."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, one in value.items() if name not in ("query", "key") for text in strings(one)]
    return [text for one in value for text in strings(one)] if isinstance(value, (list, tuple)) else []


PAGES = [
    {"card.1": "gradient_descent,lr=1.0", "surface": "rosenbrock"},
    {"card.1": "gradient_descent,lr=1e-6", "surface": "ackley", "steps": "1"},
    {"card.1": "adam", "surface": "monkey_saddle", "steps": "5"},
    {"card.1": "adam", "surface": "sphere"},
    {"card.1": "adam", "surface": "formula[1,2,-1,1]:ln(x)+y^2", "steps": "20"},
    {"card.1": "adam", "surface": "formula:x+y", "steps": "20"},
    {"card.1": "adam", "surface": "formula:x+y", "steps": "20", "map.kind": "plane", "map.colour": "distance"},
    {"card.1": "momentum", "surface": "rosenbrock", "map.kind": "plane", "map.x.low": "10.0", "map.x.high": "20.0"},
    {"card.1": "momentum", "surface": "monkey_saddle", "map.kind": "plane", "map.starts": "3"},
    *(
        {"card.1": "adam", "surface": "ackley", "map.kind": "plane", "map.colour": name, "steps": "1"}
        for name in COLOURS
    ),
]


@pytest.mark.parametrize("query", PAGES)
def test_the_page_says_no_number_that_is_none(query: dict[str, str]) -> None:
    state = MapState.from_query({"map.resolution": "64", **query})
    made = message(state)
    assert not made["problems"]
    for text in strings(made):
        assert not NO_NUMBER.search(text), text
    assert unfinished(made["maps"], made["coarse"]) is not None
    maps: list[Any] = made["maps"]
    for one in maps:
        if isinstance(one.get("arrays"), dict) and state.kind == "basins":
            assert np.isfinite(one["arrays"]["shade"]).all()


def test_basins_without_a_known_minimum_have_no_share() -> None:
    found: Basins = basins(RULES["adam"], surface_from_formula("x + y"), None, 4, 5)
    assert np.isnan(found.share)
    assert np.isnan(found.median_steps)
    assert _of_basins(found) == "no minimum of this surface is known"
