"""How the heights are looked at: points and lines in space, draped paths, named minima, logarithmic heights."""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

PLOT = "document.querySelector('[data-testid=live-plot]')"
HIMMELBLAU = {(3.0, 2.0), (-2.81, 3.13), (-3.78, -3.28), (3.58, -1.85)}  # Himmelblau 1972; all have the height 0
TRACES = """() => document.querySelector('.rv-plot').ravine.pictures.drawn.surface3d.graph.data.map(t => ({
    type: t.type, mode: t.mode, colour: t.line?.color, width: t.line?.width, hidden: t.hidesurface,
    contours: t.contours, x: [...t.x], y: [...t.y], z: t.type === 'surface' ? t.z.map(row => [...row]) : [...t.z]}))"""


def himmelblau(x: Any, y: Any) -> Any:
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2


def opened(page: Page, address: str, query: str) -> None:
    page.goto(f"{address}/{query}")
    page.wait_for_function(f"{PLOT}?.dataset.drawn > 0 && {PLOT}.ravine.runs.length > 0")


def traces(page: Page, address: str, query: str) -> list[dict[str, Any]]:
    """What is drawn in three dimensions."""
    opened(page, address, f"{query}&view.layout=surface&resolution=60")
    page.wait_for_function(f"{PLOT}.dataset.drawn3d > 0")
    return page.evaluate(TRACES)


def of_runs(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [trace for trace in drawn if trace["type"] == "scatter3d" and trace["mode"] == "lines"]


def heights(relief: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, z = (np.array(relief[name], float) for name in "xyz")
    return (*np.meshgrid(x, y), z) if relief["type"] == "surface" else (x, y, z)


@pytest.mark.parametrize(("relief", "logarithmic"), [("surface", False), ("points", True), ("lines", True)])
def test_each_relief_shows_the_surfaces_heights(page: Page, address: str, relief: str, logarithmic: bool) -> None:
    kind = "log" if logarithmic else "linear"
    drawn, *rest = traces(page, address, f"?surface=himmelblau&view.relief={relief}&view.heights={kind}")
    assert drawn["type"] == ("scatter3d" if relief == "points" else "surface")
    assert drawn["mode"] == ("markers" if relief == "points" else None)
    assert drawn["hidden"] is (True if relief == "lines" else None)
    x, y, z = heights(drawn)
    if relief == "points":
        assert 1000 < len(x) <= 6000
    assert np.ptp(x) == np.ptp(y) == pytest.approx(10)
    f = himmelblau(x, y)
    shown = 10**z if logarithmic else z
    # Under the logarithm stands the height above the lowest one, and a small number.
    assert shown - shown.min() == pytest.approx(f - f.min(), rel=1e-4, abs=1e-3)
    if logarithmic:
        assert 0 < shown.min() - f.min() < 0.02 * np.median(f)
    if relief == "lines":
        levels = page.evaluate(f"(() => {{ const p = {PLOT}.ravine; return p.pictures.scale(p.latest).levels; }})()")
        of_levels = drawn["contours"]["z"]
        count = round((of_levels["end"] - of_levels["start"]) / of_levels["size"]) + 1
        assert of_levels["start"] + of_levels["size"] * np.arange(count) == pytest.approx(levels)
    assert len(of_runs(rest)) == 3


def test_paths_lie_on_the_surface_between_their_steps_too(page: Page, address: str) -> None:
    drawn = traces(page, address, "?surface=himmelblau&view.heights=linear")
    _, _, z = heights(drawn[0])
    rise = 0.01 * np.ptp(z)
    paths = page.evaluate(f"{PLOT}.ravine.runs.map(run => [...run.path])")
    longest = 0.0
    for trace, path in zip(of_runs(drawn), paths, strict=True):
        points = np.array([[np.nan if v is None else v for v in trace[name]] for name in "xyz"], float).T
        lifted = points[:, 2] - himmelblau(points[:, 0], points[:, 1])
        assert np.nanmin(lifted) > 0
        assert np.nanmax(lifted) < 2 * rise
        assert np.nanmax(np.hypot(*np.diff(points[:, :2], axis=0).T)) < 0.1
        steps = np.array(path).reshape(-1, 2)
        longest = max(longest, np.hypot(*np.diff(steps, axis=0).T).max())
        for end in (steps[0], steps[-1]):
            assert np.nanmin(np.hypot(*(points[:, :2] - end).T)) < 1e-6
    assert longest > 1  # a straight line would have run through the hills


def test_a_trail_is_the_last_steps(page: Page, address: str) -> None:
    drawn = traces(page, address, "?view.trail=5&view.step=20&card.0=adam")
    path = page.evaluate(f"[...{PLOT}.ravine.runs[0].path]")
    (line,) = of_runs(drawn)
    assert [line["x"][0], line["y"][0]] == pytest.approx(path[30:32])
    assert [line["x"][-1], line["y"][-1]] == pytest.approx(path[40:42])


def test_many_starts_are_one_thin_line_for_each_optimizer(page: Page, address: str) -> None:
    drawn = traces(page, address, "?card.0=adam&card.1=momentum&starts.kind=ring&starts.count=8&starts.reach=0.1")
    thin = [trace for trace in of_runs(drawn) if trace["width"] < 2]
    thick = [trace for trace in of_runs(drawn) if trace["width"] > 2]
    assert [trace["colour"] for trace in thin] == [trace["colour"] for trace in thick]
    assert len({trace["colour"] for trace in thin}) == 2
    for trace in thin:
        assert 1 + sum(x is None for x in trace["x"]) == 8


def test_a_run_on_another_surface_is_left_out(page: Page, address: str) -> None:
    assert len(of_runs(traces(page, address, "?surface=ackley"))) == 3
    page.evaluate(f"(() => {{ const p = {PLOT}.ravine; p.runs[1].elsewhere = true; p.pictures.request3d(p.transport.shown()); }})()")
    page.wait_for_function(f"({TRACES})().filter(t => t.mode === 'lines').length === 2")


def boxes(page: Page, selector: str) -> list[tuple[str, float, float, float, float]]:
    """Text, left, top, right and bottom of every such element."""
    return page.evaluate(
        f"[...document.querySelectorAll('{selector}')].map(node => {{ const b = node.getBoundingClientRect();"
        " return [node.textContent, b.left, b.top, b.right, b.bottom]; })"
    )


def apart(a: tuple, b: tuple, slack: float = 0.0) -> bool:
    return a[3] <= b[1] + slack or b[3] <= a[1] + slack or a[4] <= b[2] + slack or b[4] <= a[2] + slack


@pytest.mark.parametrize("width", [1280, 390])
def test_minima_are_named_beside_their_stars(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, address, "?surface=himmelblau&view.layout=contour&view.labels=1")
    names = page.get_by_test_id("minima").locator("text")
    expect(names).to_have_count(4)
    named = boxes(page, "[data-testid=minima] text")
    whole = {f"f = 0 at ({x:g}, {y:g})" for x, y in HIMMELBLAU}
    assert {text for text, *_ in named} <= whole | {"f = 0"}
    assert sum(text in whole for text, *_ in named) >= 3
    stars = boxes(page, ".rv-minimum")
    assert len(stars) == 4
    left, top, right, bottom = page.evaluate(
        """(() => {
            const box = document.querySelector('[data-testid=contour]').getBoundingClientRect();
            const { left, top, width, height } = document.querySelector('.rv-plot').ravine.pictures.mapping();
            return [box.left + left, box.top + top, box.left + left + width, box.top + top + height];
        })()"""
    )
    for name in named:
        assert left <= name[1] < name[3] <= right
        assert top <= name[2] < name[4] <= bottom
        nearest = min(
            np.hypot(max(name[1] - x, x - name[3], 0), max(name[2] - y, y - name[4], 0))
            for x, y in (((s[1] + s[3]) / 2, (s[2] + s[4]) / 2) for s in stars)
        )
        assert nearest < 16
    assert all(apart(a, b) for a, b in combinations(named, 2))
    for level in boxes(page, ".rv-level-label"):
        assert all(apart(level, name, 2) for name in named), level
    page.evaluate(f"{PLOT}.ravine.setView('labels', false)")
    expect(names).to_have_count(0)


def test_minima_are_named_in_three_dimensions(page: Page, address: str) -> None:
    traces(page, address, "?surface=himmelblau&view.labels=1")
    named = page.evaluate(
        f"{PLOT}.ravine.pictures.drawn.surface3d.graph.layout.scene.annotations.map(a => [a.text, a.x, a.y, a.z])"
    )
    assert {text for text, *_ in named} == {f"f = 0 at ({x:g}, {y:g})" for x, y in HIMMELBLAU}
    for _, x, y, _ in named:
        assert himmelblau(x, y) == pytest.approx(0, abs=1e-6)


def test_many_minima_get_their_height_alone(page: Page, address: str) -> None:
    opened(page, address, "?view.layout=contour")
    for count in (6, 7, 100):
        placed = page.evaluate(
            """async (count) => {
                const loaded = performance.getEntriesByType('resource').map(e => e.name);
                const { placeNames } = await import(loaded.find(name => name.includes('/levels.js')));
                const side = Math.ceil(Math.sqrt(count)), minima = [];
                for (let i = 0; i < count; i++) minima.push([i % side + 0.5, Math.floor(i / side) + 0.5, i / 10]);
                const map = { ax: 40, bx: 600 / side, ay: 410, by: -400 / side };
                return placeNames(minima, [[0, 0, 1]], { ...map, left: 40, top: 10, width: 600, height: 400 });
            }""",
            count,
        )
        assert len(placed) == min(count, 30)
        words = [name["label"] for name in placed]
        if count == 6:
            assert words[1] == "f = 0.1 at (1.5, 0.5)"
        else:
            assert [float(word) for word in words] == pytest.approx([k / 10 for k in range(len(words))])
        sides = [(name["label"], name["left"], name["top"], name["right"], name["bottom"]) for name in placed]
        assert all(apart(a, b) for a, b in combinations(sides, 2))


def bar(page: Page) -> list[float]:
    """The heights beside the colours."""
    page.locator(".rv-bar-text").nth(4).wait_for(state="attached")
    return [float(text) for text, *_ in boxes(page, ".rv-bar-text")]


def even(values: list[float]) -> bool:
    return max(values) < 1.12 * min(values)


def test_logarithmic_heights_have_geometric_levels(page: Page, address: str) -> None:
    opened(page, address, "?surface=ravine&view.layout=contour&view.heights=linear")
    linear = bar(page)
    page.evaluate(f"{PLOT}.ravine.setView('heights', 'log')")
    page.wait_for_function(f"document.querySelector('.rv-bar-text').textContent !== '{linear[0]:g}'")
    log = bar(page)
    for levels in (linear, log):
        assert len(levels) >= 6
        assert levels == sorted(levels)
    assert even([b - a for a, b in pairwise(linear)])
    assert not even([b / a for a, b in pairwise(linear)])
    assert even([b / a for a, b in pairwise(log[len(log) // 2 :])])  # near the lowest height they stand closer
    assert not even([b - a for a, b in pairwise(log)])


def test_a_surface_without_known_lowest_height_can_be_logarithmic(page: Page, address: str) -> None:
    """Heights below zero: the levels are true heights, all above the lowest one."""
    opened(page, address, "?surface=saddle&view.layout=contour&view.heights=log")
    levels = bar(page)
    lowest = page.evaluate(f"Math.min(...{PLOT}.ravine.latest.grid.z)")
    assert levels == sorted(set(levels))
    assert lowest < levels[0] < 0 < levels[-1]
