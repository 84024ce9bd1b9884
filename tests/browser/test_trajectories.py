"""The Trajectories page in Chromium: what only a browser can show."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.patience import MILLISECONDS

PLOT = "document.querySelector('.rv-plot').ravine"

PICTURES = Path(__file__).parent / "pictures"
DRAWN = "document.querySelector('[data-testid=live-plot]').dataset"


def drawn(page: Page) -> int:
    return int(page.evaluate(f"{DRAWN}.drawn"))


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/{query}")
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    expect(page.locator("[data-testid=overlay] path").first).to_be_attached()


def slider(page: Page, path: str) -> Locator:
    return page.locator(f'input[type=range][data-path="{path}"]')


def number(page: Page, path: str) -> Locator:
    return page.locator(f'input[data-path="{path}"]:not([type=range])')


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def after(page: Page, act: Callable[[], object]) -> None:
    """Does something and waits for a picture drawn after it."""
    before = drawn(page)
    act()
    page.wait_for_function(f"{DRAWN}.drawn > {before}")


LOOK = 4_000  # milliseconds in which an open list offers an option, before it is opened once more


def choose(page: Page, label: str, option: str) -> None:
    """Chooses from one of Streamlit's boxes as a hand does: types, looks, and types again where the list has closed."""
    for _ in range(int(MILLISECONDS // LOOK)):
        box = page.get_by_role("combobox", name=label, exact=True)
        box.click()
        box.fill(option)
        wanted = page.get_by_role("option", name=option, exact=True)
        try:
            wanted.click(timeout=LOOK)
            return
        except TimeoutError:
            page.keyboard.press("Escape")
    raise AssertionError(f"{label} does not offer {option}")


def runs(page: Page) -> list[dict]:
    """Name, last point and length of each run that is drawn."""
    return page.evaluate(
        f"{PLOT}.runs.map(r => ({{name: r.name, count: r.loss.length, first: [r.path[0], r.path[1]],"
        " last: [r.path.at(-2), r.path.at(-1)]}))"
    )


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the plane lies on the screen."""
    found = page.evaluate(
        """([x, y]) => {
            const graph = document.querySelector('[data-testid=contour]');
            const layout = graph._fullLayout, box = graph.getBoundingClientRect();
            return [box.left + layout.xaxis._offset + layout.xaxis.d2p(x),
                    box.top + layout.yaxis._offset + layout.yaxis.d2p(y)];
        }""",
        [x, y],
    )
    return found[0], found[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_first_picture(browser, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened(page, address)
    assert [run["name"] for run in runs(page)] == ["Gradient descent", "Momentum", "Adam"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.wait_for_function(f"{DRAWN}.drawn3d > 0")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"first-{width}-{scheme}.png")
    page.get_by_test_id("table").scroll_into_view_if_needed()
    page.screenshot(path=PICTURES / f"first-{width}-{scheme}-below.png")
    context.close()


def test_pictures_follow_while_a_slider_is_dragged(page: Page, address: str) -> None:
    """The mouse button stays down all the time: a widget that fires on release would draw nothing."""
    opened(page, address)
    box = slider(page, "card.2.lr").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.66, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = {str(runs(page)[2]["last"])}
    for share in (0.5, 0.4, 0.3, 0.2):
        after(page, lambda share=share: page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2))
        seen.add(str(runs(page)[2]["last"]))
    assert len(seen) == 5
    assert "lr=0.1" in query(page)["card.2"]
    page.mouse.up()
    page.wait_for_function("!new URL(location).searchParams.get('card.2').includes('lr=0.1,')")


def test_only_the_run_that_changed_is_sent(page: Page, address: str) -> None:
    """What stays is the very array that is drawn; after a reload, which forgets all, everything comes again."""
    opened(page, address)
    page.evaluate(f"window.before = {PLOT}.runs.map(run => run.path)")
    after(page, lambda: slider(page, "card.2.lr").press("ArrowRight"))
    assert page.evaluate(f"{PLOT}.runs.map((run, i) => run.path === window.before[i])") == [True, True, False]
    assert page.evaluate(f"{PLOT}.latest.grid.z.length") > 0
    there = runs(page)
    page.reload()
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    assert runs(page) == there


def test_a_click_sets_the_start_exactly_there(page: Page, address: str) -> None:
    opened(page, address)
    after(page, lambda: page.mouse.click(*point(page, 2.345, -3.21)))
    page.wait_for_function(f"Math.abs({PLOT}.latest.start[0] - 2.345) < 0.03")
    x, y = page.evaluate(f"{PLOT}.latest.start")
    one_pixel = 10 / 300
    assert abs(x - 2.345) < one_pixel
    assert abs(y + 3.21) < one_pixel
    assert number(page, "start.x").input_value() != "-4"
    page.wait_for_function("new URL(location).searchParams.get('start').startsWith('2.')")
    for run in runs(page):
        assert run["first"] == pytest.approx([x, y], abs=1e-6)


def test_the_start_can_be_dragged_and_everything_follows(page: Page, address: str) -> None:
    opened(page, address)
    page.mouse.move(*point(page, -4, 2))
    page.mouse.down()
    firsts = []
    for x in (-3.0, -2.0, -1.0, 0.5):
        after(page, lambda x=x: page.mouse.move(*point(page, x, 3.0)))
        firsts.append(runs(page)[0]["first"][0])
    page.mouse.up()
    assert firsts == sorted(firsts)
    page.wait_for_function(f"Math.abs({PLOT}.latest.start[0] - 0.5) < 0.05")
    for run in runs(page):
        assert run["first"] == pytest.approx([0.5, 3.0], abs=0.05)


def test_play_pause_step_back_and_scrub(page: Page, address: str) -> None:
    opened(page, address)
    step = page.get_by_test_id("step-number")
    play = page.get_by_test_id("transport-play")
    page.get_by_test_id("transport-range").fill("40")
    expect(step).to_have_value("40")
    page.keyboard.press("ArrowLeft")
    expect(step).to_have_value("39")
    play.click()
    page.wait_for_function("+document.querySelector('[data-testid=step-number]').value > 60")
    play.click()
    stopped = int(step.input_value())
    assert stopped < 300
    page.wait_for_function(f"new URL(location).searchParams.get('view.step') === '{stopped}'")
    # The step stays put when a slider moves.
    after(page, lambda: slider(page, "card.1.momentum").press("ArrowLeft"))
    expect(step).to_have_value(str(stopped))


def test_zoom_stays_when_a_slider_moves(page: Page, address: str) -> None:
    opened(page, address)
    x, y = point(page, 1, 1)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -400)
    ranges = "JSON.stringify(document.querySelector('[data-testid=contour]')._fullLayout.xaxis.range)"
    whole = page.evaluate(ranges)
    page.wait_for_function(f"{ranges} !== '[-5,5]'")
    page.wait_for_function(
        "new Promise(done => { const g = document.querySelector('[data-testid=contour]'); let last = '';"
        " const look = () => { const now = JSON.stringify(g._fullLayout.xaxis.range);"
        " if (now === last) done(true); else { last = now; setTimeout(look, 150); } }; look(); })"
    )
    zoomed = page.evaluate(ranges)
    assert zoomed != "[-5,5]", whole
    after(page, lambda: slider(page, "card.2.lr").press("ArrowRight"))
    after(page, lambda: slider(page, "surface.condition").press("ArrowRight"))
    assert page.evaluate(ranges) == zoomed


def test_a_copied_link_shows_the_same_picture(page: Page, address: str, browser) -> None:
    opened(page, address)
    after(page, lambda: slider(page, "card.2.lr").press("ArrowLeft"))
    after(page, lambda: page.mouse.click(*point(page, 1.0, 3.0)))
    page.wait_for_function("!new URL(location).searchParams.get('start').startsWith('-4')")
    expected, link = runs(page), page.url
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = context.new_page()
    other.goto(link)
    other.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    assert runs(other) == expected
    context.close()


@pytest.mark.parametrize("text", ["0", "-1", "1e300", "fast"])
def test_a_bad_learning_rate_gets_a_sentence_and_the_rest_keeps_working(page: Page, address: str, text: str) -> None:
    opened(page, address)
    before = runs(page)
    field = number(page, "card.2.lr")
    after(page, lambda: (field.fill(text), field.press("Enter")))
    expect(page.get_by_text("it must lie in (0, 1e6]")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert runs(page) == before
    after(page, lambda: slider(page, "card.1.lr").press("ArrowLeft"))
    assert runs(page)[1] != before[1]
    after(page, lambda: (field.fill("0.05"), field.press("Enter")))
    expect(page.get_by_text("it must lie in (0, 1e6]")).to_have_count(0)


def test_cards_switch_off_duplicate_and_go(page: Page, address: str) -> None:
    opened(page, address)

    def names() -> list[str]:
        return [run["name"] for run in runs(page)]

    after(page, lambda: page.get_by_label("Show Gradient descent").set_checked(False, force=True))
    assert names() == ["Momentum", "Adam"]
    after(page, lambda: page.get_by_role("button", name="Duplicate Adam").click())
    assert names() == ["Momentum", "Adam", "Adam 2"]
    expect(slider(page, "card.3.lr")).to_be_visible()
    after(page, lambda: page.get_by_role("button", name="Remove Momentum").click())
    assert names() == ["Adam", "Adam 2"]
    expect(slider(page, "card.1.lr")).to_have_count(0)


def test_the_question_mark_shows_formula_paper_and_source(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_role("button", name="About Adam").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("arXiv:1412.6980").first).to_be_visible()
    expect(dialog.locator(".katex").first).to_be_visible()
    expect(dialog.get_by_text("def step").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    after(page, lambda: slider(page, "card.2.lr").press("ArrowLeft"))


def test_adding_an_optimizer_and_choosing_a_surface(page: Page, address: str) -> None:
    opened(page, address)
    choose(page, "Add an optimizer", "Nesterov (1983)")
    expect(slider(page, "card.3.momentum")).to_be_visible()
    page.wait_for_function(f"{PLOT}.runs.length === 4")
    choose(page, "Surface", "Rosenbrock · valleys and plates")
    expect(slider(page, "surface.b")).to_be_visible()
    page.wait_for_function(f"{PLOT}.latest.surface.name === 'Rosenbrock'")


def test_the_camera_stays_when_a_slider_moves(page: Page, address: str) -> None:
    opened(page, address, "?view.layout=surface")
    page.wait_for_function(f"{DRAWN}.drawn3d > 0")
    eye = (
        "JSON.stringify(Object.values(document.querySelector('[data-testid=surface3d]')"
        "._fullLayout.scene._scene.getCamera().eye).map(v => v.toFixed(3)))"
    )
    first = page.evaluate(eye)
    box = page.get_by_test_id("surface3d").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 120, box["y"] + box["height"] / 2 + 30, steps=6)
    page.mouse.up()
    page.wait_for_function(f"{eye} !== '{first}'")
    turned = page.evaluate(eye)
    before = int(page.evaluate(f"{DRAWN}.drawn3d"))
    slider(page, "card.2.lr").press("ArrowRight")
    page.wait_for_function(f"{DRAWN}.drawn3d > {before}")
    slider(page, "surface.condition").press("ArrowRight")
    page.wait_for_function(f"{PLOT}.latest.values['surface.condition'] > 30")
    assert page.evaluate(eye) == turned
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(f"{eye} === '{first}'")


def test_arrow_keys_move_few_steps_by_one(page: Page, address: str) -> None:
    opened(page, address, "?steps=2")
    after(page, lambda: slider(page, "steps").press("ArrowRight"))
    assert number(page, "steps").input_value() == "3"


# ---------------------------------------------------------------- clouds, look-ahead points, what goes around, inside


def outlines(page: Page, kind: str) -> list[str]:
    """The outlines drawn of that kind, those that are empty left out."""
    found = page.eval_on_selector_all(f"[data-testid=overlay] .{kind}", "nodes => nodes.map(n => n.getAttribute('d'))")
    return [outline for outline in found if outline]


def test_a_cloud_follows_the_step(page: Page, address: str) -> None:
    opened(page, address, "?surface=ackley&steps=30&card.0=cma_es&card.1=adam&view.step=1")
    (first,) = outlines(page, "rv-cloud")
    assert first.count("M") <= 6
    expect(page.locator(".rv-signs")).to_contain_text("asked in this step")
    assert outlines(page, "rv-cloud-before") == []
    page.get_by_test_id("transport-end").click()
    (last,) = outlines(page, "rv-cloud")
    assert last != first
    assert outlines(page, "rv-cloud-before")[0].count("M") > 50


def test_clouds_and_look_ahead_points_go_with_their_optimizer(page: Page, address: str) -> None:
    """As where the browser's back button gives another optimizer the same number."""
    opened(page, address, "?surface=ackley&steps=30&card.0=cma_es&card.1=sam&view.step=9")
    assert len(outlines(page, "rv-cloud") + outlines(page, "rv-cloud-before") + outlines(page, "rv-look")) == 3
    page.evaluate(
        """() => {
          const plot = document.querySelector('.rv-plot').ravine;
          const others = plot.latest.runs.map(({ cloud, cloud_step, look, ...other }) => other);
          plot.latest = { ...plot.latest, runs: others };
          plot.draw();
        }"""
    )
    assert outlines(page, "rv-cloud") + outlines(page, "rv-cloud-before") + outlines(page, "rv-look") == []


def test_a_look_ahead_point_is_drawn(page: Page, address: str) -> None:
    opened(page, address, "?steps=30&card.0=nesterov_lookahead&card.1=adam&view.step=3")
    assert len(outlines(page, "rv-look")) == 1
    expect(page.locator(".rv-signs")).to_contain_text("look-ahead")


def test_what_goes_around_and_a_base_are_chosen_in_the_page(page: Page, address: str) -> None:
    opened(page, address, "?steps=60&card.0=lookahead&card.1=adamw&around.noise=0.5")
    before = runs(page)
    caption = page.get_by_test_id("caption")
    expect(caption).to_contain_text("Gaussian noise of 0.5 on the gradients (seed 0)")
    after(page, lambda: page.locator('select[data-path="card.0.base"]').select_option("momentum"))
    expect(page.get_by_role("table")).to_contain_text("Lookahead (Momentum)")
    expect(slider(page, "card.0.momentum")).to_be_visible()
    assert query(page)["card.0"].startswith("lookahead(momentum),")
    assert runs(page)[0]["last"] != before[0]["last"]
    after(page, lambda: slider(page, "around.noise").press("ArrowRight"))
    assert runs(page)[1]["last"] != before[1]["last"]


def test_with_noise_comes_its_seed(page: Page, address: str) -> None:
    opened(page, address, "?steps=60&card.0=adam&around.warmup=0.1")
    seed = page.locator('input[type="range"][data-path="around.seed"]')
    expect(seed).to_have_count(0)
    after(page, lambda: slider(page, "around.noise").press("ArrowRight"))
    expect(seed).to_be_visible()
    after(page, lambda: slider(page, "around.noise").press("ArrowLeft"))
    expect(seed).to_have_count(0)


def test_looking_inside(page: Page, address: str) -> None:
    opened(page, address, "?steps=60&card.0=aggmo&card.1=newton")
    inside = page.get_by_test_id("inside")
    inside.scroll_into_view_if_needed()
    expect(inside.locator("svg.rv-curve")).to_have_count(0)
    after(page, lambda: page.get_by_test_id("inside-choice").select_option("0"))
    expect(inside.locator("svg.rv-curve")).to_have_count(3)
    expect(page.get_by_test_id("equation")).to_contain_text("v1ₜ₋₁")
    expect(page).to_have_url(re.compile(r"view\.inside=0"))
    after(page, lambda: page.get_by_test_id("inside-choice").select_option("1"))
    expect(inside).to_contain_text("Newton remembers nothing")
    expect(inside.locator("svg.rv-curve")).to_have_count(0)
