"""The Trajectories page in front of people, in Chromium: keys, the trail, hovering, the projector mode, its words."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_trajectories import after, number, point, query
from views.shared.settings import Settings
from views.shared.stories import STORIES

PLOT = "document.querySelector('.rv-plot').ravine"


def presented(page: Page, address: str, query: str = "") -> None:
    """The page with its pictures drawn, however long that takes."""
    page.goto(f"{address}/{query}")
    page.wait_for_function(
        "document.querySelector('.rv-plot')?.ravine.pictures.mapping()"
        " && document.querySelector('[data-testid=overlay] .rv-past[d]')"
    )


def shown(page: Page, step: int) -> None:
    expect(page.get_by_test_id("step-number")).to_have_value(str(step))


def test_keys_move_the_step_wherever_the_focus_is(page: Page, address: str) -> None:
    presented(page, address, "?steps=100&view.step=50")
    shown(page, 50)
    for key, step in {
        "ArrowLeft": 49, "Shift+ArrowLeft": 39, "ArrowRight": 40, "Shift+ArrowRight": 50, "Home": 0, "End": 100,
    }.items():  # fmt: skip
        page.keyboard.press(key)
        shown(page, step)
    page.keyboard.press("Home")
    page.wait_for_function("new URL(location).searchParams.get('view.step') === '0'")
    play = page.get_by_test_id("transport-play")
    page.keyboard.press("Space")
    expect(play).to_have_attribute("aria-label", "Pause")
    page.wait_for_function(f"{PLOT}.transport.shown() > 5")
    page.keyboard.press("Space")
    expect(play).to_have_attribute("aria-label", "Play")
    speed = page.get_by_label("Playing speed")
    before = int(speed.input_value())
    page.keyboard.press("-")
    assert int(speed.input_value()) < before


def test_keys_leave_fields_sliders_and_dialogs_alone(page: Page, address: str) -> None:
    presented(page, address, "?steps=100&view.step=50")
    field = number(page, "card.2.lr")
    field.click()
    for key in ("Home", "ArrowRight", "ArrowLeft", "Space", "p", "End"):
        field.press(key)
    assert "p" in field.input_value()
    shown(page, 50)
    field.press("Escape")
    field.blur()
    page.locator('input[type=range][data-path="card.1.lr"]').press("ArrowRight")
    shown(page, 50)
    page.get_by_role("button", name="About Adam").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.press("p")
    shown(page, 50)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    # On a button of its own, space presses that one.
    page.get_by_test_id("transport-back").press("Space")
    shown(page, 49)
    expect(page.get_by_test_id("transport-play")).to_have_attribute("aria-label", "Play")
    assert page.evaluate(f"{PLOT}.projector.on") is False


def spots(outline: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", outline)]


# Every step of it is long enough to be drawn.
ZIGZAG = "?surface=ravine&start=-4,2&steps=120&card.0=gradient_descent,lr=0.0666"


def test_the_trail_is_the_last_steps(page: Page, address: str) -> None:
    presented(page, address, f"{ZIGZAG}&view.trail=20&view.step=100")
    strong = page.locator("[data-testid=overlay] .rv-past").first
    drawn = spots(strong.get_attribute("d") or "")
    path = page.evaluate(f"[...{PLOT}.runs[0].path]")
    frame = page.get_by_test_id("overlay").bounding_box()
    assert frame
    assert len(drawn) == 21
    for (x, y), step in ((drawn[0], 80), (drawn[-1], 100)):
        there = point(page, path[2 * step], path[2 * step + 1])
        assert (x + frame["x"], y + frame["y"]) == pytest.approx(there, abs=0.2)
    page.keyboard.press("Home")
    assert len(spots(strong.get_attribute("d") or "")) <= 1
    for step in range(1, 4):
        page.keyboard.press("ArrowRight")
        assert len(spots(strong.get_attribute("d") or "")) == step + 1
    page.keyboard.press("End")
    assert len(spots(strong.get_attribute("d") or "")) == 21
    page.evaluate(f"{PLOT}.setView('trail', null)")
    assert len(spots(strong.get_attribute("d") or "")) == 121


@pytest.mark.parametrize("mode", ["", "&view.projector=1"])
def test_hovering_tells_step_point_loss_and_gradient(page: Page, address: str, mode: str) -> None:
    presented(page, address, f"{ZIGZAG}&view.step=7{mode}")
    run = page.evaluate(f"(r => ({{path: [...r.path], loss: [...r.loss], slope: [...r.slope]}}))({PLOT}.runs[0])")
    x, y = run["path"][14], run["path"][15]
    assert run["slope"][7] == pytest.approx((x**2 + (30 * y) ** 2) ** 0.5, rel=1e-4)  # of (x² + 30 y²) / 2
    at = page.evaluate(
        """([x, y]) => {
            const map = document.querySelector('.rv-plot').ravine.pictures.mapping();
            const graph = document.querySelector('[data-testid=contour]');
            const box = graph.getBoundingClientRect(), scale = box.width / graph.offsetWidth;
            return [box.left + scale * (map.ax + map.bx * x), box.top + scale * (map.ay + map.by * y)];
        }""",
        [x, y],
    )
    page.mouse.move(*at)
    tip = page.locator(".rv-contour .rv-tip")
    expect(tip).to_contain_text("step 7 ")
    numbers = {
        name: float(value)
        for name, value in re.findall(r"(loss|\|g\|) (\S+?)(?=\||$|\n)", tip.evaluate("n => n.innerText"))
    }
    assert numbers == {
        "loss": pytest.approx(run["loss"][7], rel=1e-3),
        "|g|": pytest.approx(run["slope"][7], rel=1e-3),
    }


def fits(page: Page) -> bool:
    """Nothing can be scrolled, the mode fills the screen, and all of its parts lie in it."""
    return page.evaluate(
        """() => {
            const scrolls = [document.scrollingElement, document.querySelector('[data-testid=stMain]')]
                .some(node => node.scrollHeight > node.clientHeight || node.scrollWidth > node.clientWidth);
            const inside = ['.rv-plot', '.rv-story', '.rv-contour', '.rv-surface', '.rv-readout', '.rv-transport']
                .map(name => document.querySelector(name).getBoundingClientRect())
                .every(({left, top, right, bottom}) =>
                    left >= -1 && top >= -1 && right <= innerWidth + 1 && bottom <= innerHeight + 1);
            const root = document.querySelector('.rv-plot').getBoundingClientRect();
            const full = Math.abs(root.width - innerWidth) < 2 && Math.abs(root.height - innerHeight) < 2;
            return !scrolls && inside && full;
        }"""
    )


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (3840, 2160)])
def test_the_projector_mode_fills_the_screen(browser, address: str, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    presented(page, address, "?story=edge&view.projector=1")
    expect(page.get_by_test_id("projector-title")).to_have_text(STORIES["edge"].title)
    for hidden in ("stSidebar", "stHeader", "table", "inside"):
        expect(page.get_by_test_id(hidden)).to_be_hidden()
    expect(page.locator(".rv-toolbar")).to_be_hidden()
    page.wait_for_function("document.querySelector('[data-testid=live-plot]').dataset.drawn3d > 0")
    assert fits(page)
    name = page.get_by_test_id("readout").locator("b").first.bounding_box()
    assert name
    assert name["height"] > height / 40
    pictures = page.locator(".rv-contour").bounding_box()
    assert pictures
    assert pictures["height"] > 0.5 * height
    context.close()


def test_the_projector_mode_comes_and_goes(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    presented(page, address, "?story=edge&view.step=3")
    size = page.get_by_test_id("contour").bounding_box()
    after(page, lambda: page.keyboard.press("p"))
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    page.wait_for_function("new URL(location).searchParams.get('view.projector') === '1'")
    page.keyboard.press("ArrowRight")
    shown(page, 4)
    page.keyboard.press("PageDown")
    following = list(STORIES)[list(STORIES).index("edge") + 1]
    expect(page.get_by_test_id("projector-title")).to_have_text(STORIES[following].title)
    page.wait_for_function("(name) => new URL(location).searchParams.get('story') === name", arg=following)
    assert Settings.from_query(query(page)).view.projector
    page.keyboard.press("PageUp")
    expect(page.get_by_test_id("projector-title")).to_have_text(STORIES["edge"].title)
    page.wait_for_function("new URL(location).searchParams.get('story') === 'edge'")
    after(page, lambda: page.keyboard.press("Escape"))
    for there in ("stSidebar", "stHeader"):
        expect(page.get_by_test_id(there)).to_be_visible()
    expect(page.locator(".rv-toolbar")).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_text(STORIES["edge"].text)).to_be_visible()
    assert page.get_by_test_id("contour").bounding_box() == size
    page.wait_for_function("!new URL(location).searchParams.has('view.projector')")


def test_another_page_has_its_side_bar_and_header(page: Page, address: str) -> None:
    presented(page, address)
    after(page, lambda: page.keyboard.press("p"))
    page.wait_for_function("new URL(location).searchParams.has('view.projector')")
    page.evaluate("document.querySelector('a[href$=\"gradients\"]').click()")
    expect(page.get_by_test_id("live-plot")).to_have_count(0)
    expect(page.get_by_test_id("stHeader")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_test_id("stHeader")).to_be_visible()


@pytest.mark.parametrize("mode", ["", "&view.projector=1"])
def test_nothing_breaks_on_a_phone(browser, address: str, mode: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    presented(page, address, f"?story=edge{mode}")
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    pictures = [page.locator(name).bounding_box() for name in (".rv-contour", ".rv-surface")]
    for box in pictures:
        assert box
        assert box["width"] > 330
        assert box["height"] > 180
    if mode:
        page.get_by_role("button", name="Leave (Esc)").tap()
        expect(page.locator(".rv-toolbar")).to_be_visible()
    context.close()


def test_pictures_and_curves_are_told_in_words(page: Page, address: str) -> None:
    presented(page, address, "?surface=ravine&steps=60&card.0=momentum,lr=0.02,momentum=0.8")
    for name in (".rv-contour", ".rv-surface"):
        picture = page.locator(name)
        expect(picture).to_have_attribute("role", "img")
        expect(picture).to_have_attribute(
            "aria-label", "Ravine with one path from (−4, 2). Momentum: reached (0, 0) at step 51."
        )
    loss = page.get_by_test_id("curve-loss").get_by_role("img")
    expect(loss).to_have_attribute(
        "aria-label", re.compile(r"^Loss against the step: Momentum from 68 to \S+ at step 60\.$")
    )
