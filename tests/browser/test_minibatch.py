"""The pages Minibatch and The two momenta in Chromium: the pictures follow the hand, steps are counted in epochs."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import PICTURES

STUDY = "document.querySelector('.rv-study').ravine"

DRAWN = "document.querySelector('[data-testid=study]').dataset"
LATEST = "document.querySelector('.rv-study').ravine.latest"


def opened(page: Page, address: str, name: str = "minibatch", query: str = "") -> None:
    page.goto(f"{address}/{name}{query}")
    page.wait_for_function("document.querySelector('[data-testid=study]')?.dataset.drawn > 0")


def after(page: Page, act: Callable[[], object]) -> None:
    """Does something and waits for the server's answer to be drawn."""
    before = int(page.evaluate(f"{DRAWN}.seq"))
    act()
    page.wait_for_function(f"{DRAWN}.seq > {before}")


def slider(page: Page, path: str) -> Locator:
    return page.locator(f'input[type=range][data-path="{path}"]')


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def painted(page: Page, selector: str) -> int:
    """A number for what a canvas shows."""
    return page.evaluate(
        """(selector) => {
            const canvas = document.querySelector(selector);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let sum = 0;
            for (let i = 0; i < data.length; i++) sum = (sum * 31 + data[i]) % 1000000007;
            return sum;
        }""",
        selector,
    )


def paths(page: Page) -> int:
    return painted(page, ".rv-plane-over")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["minibatch", "momenta"])
def test_first_picture(browser, address: str, name: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened(page, address, name)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    charts = 5 if name == "minibatch" else 4
    assert page.locator("[data-testid=study] .rv-line-frame").count() == charts
    ground = painted(page, ".rv-plane canvas")
    assert ground != painted(page, ".rv-plane-over") != 0
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png")
    context.close()


def test_the_paths_follow_while_a_slider_is_dragged(page: Page, address: str) -> None:
    """The mouse button stays down all the time: a widget that fires on release would draw nothing."""
    opened(page, address)
    box = slider(page, "lr").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = {paths(page)}
    for share in (0.55, 0.6, 0.65):
        after(page, lambda share=share: page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2))
        seen.add(paths(page))
    assert len(seen) == 4
    assert query(page)["lr"] == "0.1"
    page.mouse.up()
    page.wait_for_function("new URL(location).searchParams.get('lr') !== '0.1'")


def test_every_slider_moves_the_picture(page: Page, address: str) -> None:
    opened(page, address)
    for path in ("batch", "epochs", "runs", "seed", "start.x"):
        before = paths(page)
        after(page, lambda path=path: slider(page, path).press("ArrowRight"))
        assert paths(page) != before, path


def test_steps_are_counted_in_epochs_and_batches(page: Page, address: str) -> None:
    opened(page, address, query="?batch=56&epochs=5")
    counted = page.get_by_test_id("counted")
    expect(counted).to_have_text("step 40 = epoch 5, batch 8 of 8 (50 rows)")
    whole = paths(page)
    page.get_by_test_id("step-number").fill("37")
    page.get_by_test_id("step-number").press("Enter")
    expect(counted).to_have_text("step 37 = epoch 5, batch 5 of 8 (56 rows)")
    assert paths(page) != whole
    page.get_by_test_id("transport-start").click()
    expect(counted).to_have_text("step 0 of 40: the start; an epoch is 8 batches")
    page.get_by_test_id("transport-play").click()
    expect(counted).to_contain_text("epoch 5, batch 8 of 8")
    assert paths(page) == whole


def test_a_press_in_the_contour_puts_the_start_there(page: Page, address: str) -> None:
    opened(page, address)
    box = page.get_by_test_id("plane").bounding_box()
    assert box
    x, y = page.evaluate(f"(({{map}}) => [map.ax + map.bx * 0.5, map.ay + map.by * 0.25])({STUDY}.plane)")
    after(page, lambda: page.mouse.click(box["x"] + x, box["y"] + y))
    page.wait_for_function("new URL(location).searchParams.get('start')?.startsWith('0.')")
    found = [float(value) for value in query(page)["start"].split(",")]
    assert found == pytest.approx([0.5, 0.25], abs=0.02)


def test_another_data_set_draws_another_ground(page: Page, address: str) -> None:
    opened(page, address)
    before, content = painted(page, ".rv-plane canvas"), page.evaluate(f"{LATEST}.grid.content")
    page.get_by_test_id("stSelectbox").filter(has_text="Data").locator("input").click()
    page.get_by_role("option", name="Breast cancer").click()
    page.wait_for_function("before => " + LATEST + ".grid.content !== before", arg=content)
    assert painted(page, ".rv-plane canvas") != before
    expect(page.get_by_test_id("caption")).to_contain_text("569 tumours")
    expect(page.get_by_test_id("section-orders").locator("tbody tr")).to_have_count(4)


def test_a_bad_number_gets_a_sentence_and_the_rest_keeps_working(page: Page, address: str) -> None:
    opened(page, address)
    number = page.locator('input[data-path="batch"]:not([type=range])')
    after(page, lambda: (number.fill("1000"), number.press("Enter")))
    expect(page.get_by_text("it must lie in [1, 442]")).to_be_visible()
    before = paths(page)
    after(page, lambda: slider(page, "lr").press("ArrowRight"))
    assert paths(page) != before


def test_the_two_momenta_lie_on_each_other(page: Page, address: str) -> None:
    opened(page, address, "momenta")
    before = paths(page)
    after(page, lambda: slider(page, "mu").press("ArrowLeft"))
    assert paths(page) != before
    away = page.evaluate(
        f"""(() => {{
            const [first, second, third] = {LATEST}.paths.map((one) => one.path);
            const most = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));
            return [most(first, second), most(first, third)];
        }})()"""
    )
    assert away[0] < 1e-6 < 0.1 < away[1]
    expect(page.get_by_test_id("caption")).to_contain_text("the rounding of numbers with 16 digits")
    bars = painted(page, "[data-testid=chart-weights] canvas")
    after(page, lambda: slider(page, "beta").press("ArrowLeft"))
    assert painted(page, "[data-testid=chart-weights] canvas") != bars
