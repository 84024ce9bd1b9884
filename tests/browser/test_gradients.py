"""The Gradients page in Chromium: the picture follows the hand, a click chooses h, what is wrong gets a sentence."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import PICTURES

ERRORS = "document.querySelector('.rv-errors').ravine"

DRAWN = "document.querySelector('[data-testid=gradient-errors]').dataset"
CURVES = "document.querySelector('.rv-errors').ravine.latest.curves"


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/gradients{query}")
    page.wait_for_function("document.querySelector('[data-testid=gradient-errors]')?.dataset.drawn > 0")


def after(page: Page, act: Callable[[], object]) -> None:
    """Does something and waits for the server's answer to be drawn."""
    before = int(page.evaluate(f"{DRAWN}.seq"))
    act()
    page.wait_for_function(f"{DRAWN}.seq > {before}")


def slider(page: Page, path: str) -> Locator:
    return page.locator(f'input[type=range][data-path="{path}"]')


def number(page: Page, path: str) -> Locator:
    return page.locator(f'input[data-path="{path}"]:not([type=range])')


def enter(page: Page, path: str, text: str) -> None:
    after(page, lambda: (number(page, path).fill(text), number(page, path).press("Enter")))


def keys(page: Page) -> list[str]:
    return page.evaluate(f"{CURVES}.map(curve => curve.key)")


def height(page: Page, key: str, h: float) -> float:
    """The error that a curve shows nearest to h."""
    return page.evaluate(
        f"""([key, h]) => {{
            const {{x, y}} = {CURVES}.find(curve => curve.key === key);
            let best = 0;
            for (let i = 0; i < x.length; i++) if (Math.abs(x[i] - h) < Math.abs(x[best] - h)) best = i;
            return y[best];
        }}""",
        [key, h],
    )


def at(page: Page, h: float) -> tuple[float, float]:
    """Where h stands on the screen, in the middle of the chart."""
    box = page.locator("[data-testid=chart-errors] .rv-line-frame").bounding_box()
    assert box
    return box["x"] + page.evaluate(f"{ERRORS}.chart.plot.xScale.px({h})"), box["y"] + box["height"] / 2


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_first_picture(browser, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened(page, address, "?view.printed=1")
    assert keys(page) == ["as_printed", "forward", "central", "slope 1", "slope 2", "slope −1"]
    expect(page.get_by_test_id("table").locator("tbody tr")).to_have_count(4)
    expect(page.get_by_role("cell", name="no stop within 200,000")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"gradients-{width}-{scheme}.png")
    context.close()


def test_the_curves_follow_while_a_slider_is_dragged(page: Page, address: str) -> None:
    """The mouse button stays down all the time: a widget that fires on release would draw nothing."""
    opened(page, address)
    box = slider(page, "point.x").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = {height(page, "forward", 1e-3)}
    for share in (0.4, 0.5, 0.6, 0.8):
        after(page, lambda share=share: page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2))
        seen.add(height(page, "forward", 1e-3))
    assert len(seen) == 5
    assert query(page)["point"] == "-1.2,1.0"
    page.mouse.up()
    page.wait_for_function("!new URL(location).searchParams.get('point').startsWith('-1.2,')")


def test_a_click_in_the_chart_chooses_h(page: Page, address: str) -> None:
    opened(page, address)
    after(page, lambda: page.mouse.click(*at(page, 1e-8)))
    h = page.evaluate(f"{ERRORS}.latest.values.spacing")
    assert 0.9e-8 < h < 1.1e-8
    page.wait_for_function(f"Number(new URL(location).searchParams.get('spacing')) === {h}")
    shown = float(
        page.get_by_test_id("table").locator("tbody tr").nth(2).locator("td").nth(2).inner_text().replace("−", "-")
    )
    assert 1e-7 < shown < 1e-4  # forward differences near their best
    expect(page.get_by_test_id("caption")).to_contain_text("−f/(2h) is −1.2")


def test_a_drag_zooms_a_double_click_shows_everything_again(page: Page, address: str) -> None:
    opened(page, address)
    (x, y), (to, _) = at(page, 1e-10), at(page, 1e-5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to, y + 20, steps=4)
    page.mouse.up()
    low, high = page.evaluate(f"{ERRORS}.zoom")
    assert 0.8e-10 < low < 1.25e-10
    assert 0.8e-5 < high < 1.25e-5
    after(page, lambda: slider(page, "point.y").press("ArrowRight"))
    assert page.evaluate(f"{ERRORS}.zoom") == [low, high]
    page.mouse.dblclick(*at(page, 1e-7))
    page.wait_for_function(f"{ERRORS}.zoom === null")
    after(page, lambda: slider(page, "point.y").press("ArrowRight"))
    assert page.evaluate(f"{ERRORS}.latest.values.spacing") == 1e-3  # a double click chooses no h


def test_the_tutorials_gradient_is_shown_on_demand(page: Page, address: str) -> None:
    opened(page, address)
    assert "as_printed" not in keys(page)
    toggle = page.get_by_role("button", name="As a tutorial prints it")
    after(page, toggle.click)
    assert height(page, "as_printed", 1e-6) > 1e6 > height(page, "forward", 1e-6)
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("new URL(location).searchParams.get('view.printed') === '1'")
    after(page, toggle.click)
    assert "as_printed" not in keys(page)


def test_a_point_without_a_gradient_and_back(page: Page, address: str) -> None:
    opened(page, address, "?surface=ackley&point=0,0")
    expect(page.get_by_test_id("trouble")).to_contain_text("Ackley has no gradient at (0, 0)")
    expect(page.get_by_test_id("chart-errors")).to_be_hidden()
    enter(page, "point.x", "0.5")
    expect(page.get_by_test_id("trouble")).to_be_hidden()
    expect(page.get_by_test_id("chart-errors")).to_be_visible()
    assert keys(page)[:2] == ["forward", "central"]


@pytest.mark.parametrize(("path", "text"), [("spacing", "0"), ("spacing", "tiny"), ("point.x", "1e300")])
def test_a_bad_number_gets_a_sentence_and_the_rest_keeps_working(
    page: Page, address: str, path: str, text: str
) -> None:
    opened(page, address)
    before = height(page, "forward", 1e-3)
    enter(page, path, text)
    expect(page.get_by_text("it must lie in")).to_be_visible()
    expect(number(page, path)).to_have_attribute("aria-invalid", "true")
    assert height(page, "forward", 1e-3) == before
    after(page, lambda: slider(page, "surface.b").press("ArrowRight"))
    assert height(page, "forward", 1e-3) != before


def test_a_copied_link_shows_the_same_picture(page: Page, address: str, browser) -> None:
    opened(page, address)
    after(page, lambda: slider(page, "point.y").press("ArrowRight"))
    page.wait_for_function("!new URL(location).searchParams.get('point').endsWith(',1.0')")
    expected, link = height(page, "central", 1e-2), page.url
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = context.new_page()
    other.goto(link)
    other.wait_for_function("document.querySelector('[data-testid=gradient-errors]')?.dataset.drawn > 0")
    assert height(other, "central", 1e-2) == expected
    context.close()


def test_the_tutorials_runs_can_be_watched_on_trajectories(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_role("link", name="Watch these runs on Trajectories").click()
    table = page.get_by_test_id("live-plot").get_by_test_id("table")
    for row, epochs in enumerate(("139", "127")):
        expect(table.locator("tbody tr").nth(row).locator("td").nth(1)).to_have_text(epochs)
