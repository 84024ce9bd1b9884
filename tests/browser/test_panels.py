"""Side by side: a panel for each optimizer, axes locked together; and axes whose units are equally long."""

import re

import pytest
from playwright.sync_api import Page, expect

from optim_core import RULES, trace
from surfaces import SURFACES
from tests.browser.test_trajectories import after, runs, slider

PLOT = "document.querySelector('.rv-plot').ravine"

THREE = ("gradient_descent", "momentum", "adam")
CARDS = "&".join(f"card.{number}={rule}" for number, rule in enumerate(THREE))
PANELS = f"?steps=40&view.layout=panels&{CARDS}"
MAPPING = "document.querySelector('.rv-plot').ravine.pictures.mapping()"

# Of every panel: the mapping that its paths are drawn by, and where its marker, the end of its path, its start and its
# minimum stand, in pixels of the panel.
STATE = """() => [...document.querySelectorAll('[data-testid=panel]')].map((panel, i) => {
  const last = (d) => d.match(/-?[\\d.]+/g).slice(-2).map(Number);
  const numbers = (node) => node?.getAttribute('transform').match(/-?[\\d.]+/g).map(Number);
  return {
    mapping: document.querySelector('.rv-plot').ravine.pictures.drawn.panels.panels[i].overlay.map,
    markers: [...panel.querySelectorAll('.rv-marker')].map(numbers),
    ends: [...panel.querySelectorAll('.rv-past')].map((path) => last(path.getAttribute('d'))),
    start: numbers(panel.querySelector('[data-testid=start-marker]')),
    minimum: numbers(panel.querySelector('.rv-minimum')),
    title: panel.querySelector('.rv-panel-head').innerText,
    size: [panel.querySelector('.rv-panel-picture').clientWidth, panel.querySelector('.rv-panel-picture').clientHeight],
    again: panel.querySelectorAll('use').length,
  };
})"""


def opened(page: Page, address: str, query: str) -> None:
    """The page with its paths drawn, however long Plotly takes to come."""
    page.goto(f"{address}/{query}")
    page.wait_for_function(f"document.querySelector('.rv-past')?.getAttribute('d') && {PLOT}.pictures.mapping()")


def state(page: Page) -> list[dict]:
    return page.evaluate(STATE)


def pixel(mapping: dict, point) -> list[float]:
    return [mapping["ax"] + mapping["bx"] * float(point[0]), mapping["ay"] + mapping["by"] * float(point[1])]


def place(page: Page, panel: int, x: float, y: float) -> tuple[float, float]:
    """Where a point of the plane lies on the screen, in a panel."""
    box = page.locator(".rv-panel-picture").nth(panel).bounding_box()
    assert box
    px, py = pixel(page.evaluate(MAPPING), (x, y))
    return box["x"] + px, box["y"] + py


def still(page: Page, expression: str) -> None:
    """Waits until the value has stayed the same for a while."""
    page.wait_for_function(
        f"new Promise(done => {{ let last; const look = () => {{ const now = JSON.stringify({expression});"
        " if (now === last) done(true); else { last = now; setTimeout(look, 200); } }; look(); })"
    )


def test_a_panel_for_each_optimizer(page: Page, address: str) -> None:
    opened(page, address, PANELS)
    panels = state(page)
    assert len(panels) == 3
    mapping = page.evaluate(MAPPING)
    for panel, rule in zip(panels, THREE, strict=True):
        made = trace(RULES[rule], SURFACES["ravine"], SURFACES["ravine"].start, 40)
        assert len(panel["markers"]) == 1
        assert panel["markers"][0] == pytest.approx(pixel(mapping, made.path[-1]), abs=0.1)
        assert panel["ends"][0] == pytest.approx(pixel(mapping, made.path[-1]), abs=0.1)
        assert panel["title"].startswith(RULES[rule].title)
        assert panel["title"].endswith(f"{made.loss[-1]:.3g}")
        assert panel["size"] == panels[0]["size"]
    assert [panel["again"] for panel in panels] == [0, 2, 2]
    # The step shown, and a slider.
    page.get_by_test_id("transport-range").fill("7")
    page.wait_for_function(f"{PLOT}.transport.shown() === 7")
    for panel, rule in zip(state(page), THREE, strict=True):
        made = trace(RULES[rule], SURFACES["ravine"], SURFACES["ravine"].start, 7)
        assert panel["markers"][0] == pytest.approx(pixel(mapping, made.path[-1]), abs=0.1)
    before = state(page)
    slider(page, "card.1.lr").press("ArrowRight")
    page.wait_for_function(
        "before => JSON.stringify(before) !== JSON.stringify("
        "document.querySelectorAll('.rv-marker')[1].getAttribute('transform').match(/-?[\\d.]+/g).map(Number))",
        arg=before[1]["markers"][0],
    )
    now = state(page)
    assert [old["markers"] == new["markers"] for old, new in zip(before, now, strict=True)] == [True, False, True]


def test_zooming_and_panning_in_one_panel_moves_all(page: Page, address: str) -> None:
    opened(page, address, PANELS)
    first = page.evaluate(MAPPING)
    page.mouse.move(*place(page, 1, 2, 1))
    under = pixel(first, (2, 1))
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"{MAPPING}.bx > {1.05 * first['bx']}")
    still(page, MAPPING)
    zoomed = page.evaluate(MAPPING)
    assert pixel(zoomed, (2, 1)) == pytest.approx(under, abs=1.5)  # what lies under the pointer stays there
    for panel in state(page):
        assert panel["mapping"] == zoomed
        assert panel["minimum"] == pytest.approx(pixel(zoomed, (0, 0)), abs=0.1)
    x, y = place(page, 2, 2, 1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y - 20, steps=4)
    page.wait_for_function(f"Math.abs({MAPPING}.ax - {zoomed['ax'] + 30}) < 1")
    page.mouse.up()
    still(page, MAPPING)
    moved = page.evaluate(MAPPING)
    assert [moved["ax"] - zoomed["ax"], moved["ay"] - zoomed["ay"]] == pytest.approx([30, -20], abs=0.5)
    assert [panel["mapping"] for panel in state(page)] == [moved] * 3
    # The start has not moved, and a double click shows the whole again.
    page.mouse.dblclick(*place(page, 1, 1, 1))
    page.wait_for_function(f"Math.abs({MAPPING}.bx - {first['bx']}) < 1e-6")
    page.wait_for_function(f"JSON.stringify({PLOT}.latest.start) === '[-4,2]'")


def test_the_start_is_one_for_all_panels(page: Page, address: str) -> None:
    opened(page, address, PANELS)
    page.mouse.move(*place(page, 1, -4, 2))
    page.mouse.down()
    page.mouse.move(*place(page, 1, -2, 3), steps=5)
    starts = [panel["start"] for panel in state(page)]
    assert starts[0] == starts[1] == starts[2]
    page.mouse.up()
    page.wait_for_function(f"Math.abs({PLOT}.latest.start[0] + 2) < 0.1")
    page.wait_for_function("new URL(location).searchParams.get('start')?.match(/^-(2|1\\.9)/)")
    for run in runs(page):
        assert run["first"] == pytest.approx([-2, 3], abs=0.1)
    after(page, lambda: page.mouse.click(*place(page, 2, 3, -3)))
    page.wait_for_function(f"Math.abs({PLOT}.latest.start[0] - 3) < 0.1")
    starts = [panel["start"] for panel in state(page)]
    assert starts[0] == starts[1] == starts[2]


def test_panels_come_and_go(page: Page, address: str) -> None:
    opened(page, address, f"?steps=40&view.layout=contour&{CARDS}")
    assert len(state(page)) == 1
    after(page, lambda: page.get_by_role("button", name="Side by side").click())
    assert len(state(page)) == 3
    expect(page).to_have_url(re.compile(r"view\.layout=panels"))
    after(page, lambda: page.get_by_role("switch", name="Show Momentum").click())
    page.wait_for_function("document.querySelectorAll('[data-testid=panel]').length === 2")
    assert [panel["title"].split("\n")[0] for panel in state(page)] == ["Gradient descent", "Adam"]
    after(page, lambda: slider(page, "card.2.lr").press("ArrowLeft"))
    after(page, lambda: page.get_by_role("button", name="Contour", exact=True).click())
    (panel,) = state(page)
    assert panel["again"] == 0
    ends = [pixel(panel["mapping"], run["last"]) for run in runs(page)]
    for found, expected in zip(panel["ends"], ends, strict=True):
        assert found == pytest.approx(expected, abs=0.1)


def test_a_run_compared_with_shares_the_panel(page: Page, address: str) -> None:
    opened(
        page,
        address,
        PANELS
        + "&against=surface%3Dravine%26steps%3D40%26card.0%3Dgradient_descent%252Clr%253D0.02&against.name=faster",
    )
    panels = state(page)
    assert [len(panel["markers"]) for panel in panels] == [2, 1, 1]
    made = trace(RULES["gradient_descent"], SURFACES["ravine"], SURFACES["ravine"].start, 40, hyper={"lr": 0.02})
    assert panels[0]["markers"][1] == pytest.approx(pixel(panels[0]["mapping"], made.path[-1]), abs=0.1)


@pytest.mark.parametrize("layout", ["contour", "panels"])
def test_units_of_equal_length(page: Page, address: str, layout: str) -> None:
    opened(page, address, f"?steps=40&view.layout={layout}&view.aspect=equal&surface=beale&window=-4,4,-1,3&{CARDS}")
    mapping = page.evaluate(MAPPING)
    assert mapping["bx"] == pytest.approx(-mapping["by"], rel=1e-6)
    assert mapping["width"] == pytest.approx(2 * mapping["height"], abs=0.01)
    before = state(page)
    for panel in before:
        assert panel["mapping"] == mapping
    after(page, lambda: slider(page, "card.2.lr").press("ArrowLeft"))
    assert state(page)[-1]["ends"][-1] != before[-1]["ends"][-1]
    # Zoomed, there on the start, the units stay equal; the start goes where it is clicked.
    page.mouse.move(*place(page, len(before) - 1, 1, 1))
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"{MAPPING}.bx > {1.05 * mapping['bx']}")
    still(page, MAPPING)
    zoomed = page.evaluate(MAPPING)
    assert zoomed["bx"] == pytest.approx(-zoomed["by"], rel=1e-6)
    after(page, lambda: page.mouse.click(*place(page, 0, 0.5, 0.75)))
    page.wait_for_function(f"Math.abs({PLOT}.latest.start[0] - 0.5) < 0.05")
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(f"Math.abs({MAPPING}.bx - {mapping['bx']}) < 1e-6")
    # And back to axes that fill the picture.
    after(page, lambda: page.evaluate(f"{PLOT}.setView('aspect', 'free')"))
    free = page.evaluate(MAPPING)
    assert free["height"] > 1.2 * mapping["height"]
    expect(page).not_to_have_url(re.compile("aspect"))


def test_on_a_narrow_screen(browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    opened(page, address, PANELS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    buttons = page.locator(".rv-plot .rv-toolbar button:visible")
    boxes = [button.bounding_box() for button in buttons.all()]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    left, right, below = [panel.bounding_box() for panel in page.get_by_test_id("panel").all()]
    assert left
    assert right
    assert below
    assert left["y"] == right["y"] < below["y"]
    assert left["width"] == right["width"] == below["width"] > 150
    context.close()
