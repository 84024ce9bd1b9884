"""All stories in Chromium, one after the other, forwards and backwards."""

from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Page, expect

from tests.browser.test_trajectories import number, opened
from views.shared.settings import Settings
from views.shared.stories import STORIES

PLOT = "document.querySelector('.rv-plot').ravine"


def drawn_names(page: Page) -> list[str]:
    return page.evaluate(f"{PLOT}.runs.map(run => run.name)")


def arrived(page: Page, name: str) -> None:
    """The story's text, its paths and its own address are there, and no error."""
    settings = Settings.from_query({"story": name})
    page.wait_for_function("(name) => new URL(location).searchParams.get('story') === name", arg=name)
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text(STORIES[name].text)).to_be_visible()
    page.wait_for_function(
        "(names) => JSON.stringify(document.querySelector('.rv-plot')?.ravine.runs.map(run => run.name)) === names",
        arg=page.evaluate("JSON.stringify", [settings.title(number) for number in settings.cards]),
    )
    expect(page.get_by_test_id("overlay").locator(".rv-past")).to_have_count(len(settings.cards))
    assert all(
        page.get_by_test_id("overlay")
        .locator(".rv-past")
        .evaluate_all("all => all.map(path => path.getAttribute('d'))")
    )
    axes = "const {xaxis, yaxis} = document.querySelector('[data-testid=contour]')._fullLayout"
    window = page.evaluate(f"(() => {{ {axes}; return [...xaxis.range, ...yaxis.range]; }})()")
    assert window == list(settings.drawn_window)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.locator(".rv-message.rv-error")).to_have_count(0)
    query = {key: values[0] for key, values in parse_qs(urlparse(page.url).query).items()}
    assert Settings.from_query(query) == settings


def test_all_stories_forwards_and_some_backwards(page: Page, address: str) -> None:
    names = list(STORIES)
    opened(page, address, f"?story={names[0]}")
    for place, name in enumerate(names):
        if place:
            page.get_by_role("button", name="Next ›").click()
        arrived(page, name)
        expect(page.get_by_test_id("reference")).to_have_count(1 if name == "ball" else 0)
        if name == "ball":
            assert page.get_by_test_id("reference").get_attribute("d")
    expect(page.get_by_role("button", name="Next ›")).to_be_disabled()
    for name in names[-2:-4:-1]:
        page.get_by_role("button", name="‹ Back").click()
        arrived(page, name)


NEAR = """([x, y, pixels]) => {
    const graph = document.querySelector("[data-testid=contour]");
    const layout = graph._fullLayout, frame = graph.getBoundingClientRect();
    const dot = document.querySelector(".rv-reference-dot").getBoundingClientRect();
    const across = frame.left + layout.xaxis._offset + layout.xaxis.d2p(x) - (dot.left + dot.right) / 2;
    const down = frame.top + layout.yaxis._offset + layout.yaxis.d2p(y) - (dot.top + dot.bottom) / 2;
    return Math.hypot(across, down) <= pixels;
}"""


def test_the_ball_rolls_with_the_step(page: Page, address: str) -> None:
    opened(page, address, "?story=ball&view.step=0")
    page.wait_for_function(NEAR, arg=[0, 0, 1.5])
    page.get_by_role("button", name="To the end").click()
    page.wait_for_function(NEAR, arg=[3.584, -1.848, 3])
    page.get_by_role("button", name="As told").click()
    page.wait_for_function(f"{PLOT}.transport.step === null")


def test_the_edge_stands_on_the_slider_and_moves(page: Page, address: str) -> None:
    opened(page, address, "?story=edge")
    mark = page.locator('[data-mark="card.0.lr"]')
    expect(mark).to_be_visible()
    # The slider's positions are decades from 1e-5 to 1, and its thumb is 16 pixels wide.
    place = """(rate) => {
        const mark = document.querySelector('[data-mark="card.0.lr"]').getBoundingClientRect();
        const slider = document.querySelector('input[type=range][data-path="card.0.lr"]').getBoundingClientRect();
        const share = (Math.log10(rate) + 5) / 5;
        return Math.abs(slider.left + 8 + share * (slider.width - 16) - (mark.left + mark.right) / 2) < 1;
    }"""
    page.wait_for_function(place, arg=2 / 30)
    number(page, "surface.condition").fill("300")
    page.keyboard.press("Enter")
    page.wait_for_function(place, arg=2 / 300)
    number(page, "surface.condition").fill("1")
    page.keyboard.press("Enter")
    expect(mark).to_be_hidden()  # 2 lies beyond the slider's end
