"""Kept pictures on the Trajectories page: keep, compare, show, delete, and what the browser holds of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

PLOT = "document.querySelector('.rv-plot').ravine"

PICTURES = Path(__file__).parent / "pictures"
DRAWN = "document.querySelector('[data-testid=live-plot]').dataset"
PATHS = "document.querySelectorAll('[data-testid=overlay] .rv-past[d^=M]').length"
KEY = "ravine.kept.1"
QUERY = "?steps=40&card.0=adam,lr=0.2&view.layout=contour"


def opened(page: Page, address: str, query: str = QUERY) -> None:
    page.goto(f"{address}/{query}")
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")


def after(page: Page, act: Callable[[], object]) -> None:
    """Does something and waits for a picture drawn after it."""
    before = int(page.evaluate(f"{DRAWN}.drawn"))
    act()
    page.wait_for_function(f"{DRAWN}.drawn > {before}")


def keep(page: Page, name: str = "") -> None:
    field = page.get_by_test_id("kept").get_by_label("Name", exact=True)
    field.fill(name)
    field.press("Enter")


def names(page: Page) -> list[str]:
    return page.locator(".rv-kept-row b").all_text_contents()


def button(page: Page, label: str, name: str) -> Locator:
    return page.get_by_test_id("kept").get_by_role("button", name=f"{label} {name}", exact=True)


def number(page: Page, path: str) -> Locator:
    return page.locator(f'input[data-path="{path}"]:not([type=range])')


def enter(page: Page, path: str, value: str) -> None:
    """Types a number into the side bar, and waits until the server has it."""
    number(page, path).fill(value)
    number(page, path).press("Enter")
    page.wait_for_function(f"{PLOT}.latest.values['{path}'] === {value}")


def fields(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def test_two_states_are_kept_compared_and_still_there_after_a_reload(page: Page, address: str) -> None:
    opened(page, address)
    kept = page.get_by_test_id("kept")
    expect(kept).to_contain_text("Keep this picture under a name")
    keep(page, "fast")
    expect(kept).to_contain_text("Ravine · Adam · 40 steps")
    enter(page, "card.0.lr", "0.01")
    keep(page, "slow")
    assert names(page) == ["slow", "fast"]
    button(page, "Compare", "fast").click()
    page.wait_for_function(f"{PLOT}.runs.length === 2")
    runs = page.evaluate(f"{PLOT}.runs.map(({{id, name, dash}}) => [id, name, dash])")
    assert runs == [[0, "Adam", ""], [100, "Adam (fast)", "1 5"]]
    drawn = page.eval_on_selector_all(
        "[data-testid=overlay] .rv-past",
        "all => all.map(n => [n.getAttribute('d') !== '', n.getAttribute('stroke-dasharray')])",
    )
    assert [seen for seen, _ in drawn] == [True, True]
    assert drawn[0][1] != drawn[1][1] == "1 5"
    expect(page.get_by_test_id("table")).to_contain_text("Adam (fast)")
    expect(page.get_by_test_id("caption")).to_contain_text("Dotted, “fast”")
    expect(button(page, "Compare", "fast")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("new URL(location).searchParams.get('against.name') === 'fast'")
    assert "lr=0.2" in parse_qs(fields(page)["against"])["card.0"][0]

    page.reload()
    page.wait_for_function("document.querySelector('.rv-plot')?.ravine.runs.length === 2")
    assert names(page) == ["slow", "fast"]
    expect(button(page, "Compare", "fast")).to_have_attribute("aria-pressed", "true")
    button(page, "Compare", "fast").click()
    page.wait_for_function(f"{PLOT}.runs.length === 1")
    page.wait_for_function("!new URL(location).searchParams.has('against')")
    expect(button(page, "Compare", "fast")).to_have_attribute("aria-pressed", "false")


def test_on_another_surface_only_curves_and_table_are_shown(page: Page, address: str) -> None:
    opened(page, address)
    keep(page, "here")
    after(page, button(page, "Compare", "here").click)
    page.wait_for_function(f"{PATHS} === 2")
    enter(page, "surface.condition", "9")
    page.wait_for_function(f"{PATHS} === 1")
    expect(page.get_by_test_id("caption")).to_contain_text("they lie on another surface")
    assert page.locator("[data-testid=curve-loss] .rv-curve-line").count() == 2
    expect(page.get_by_test_id("table").locator("tbody tr")).to_have_count(2)
    enter(page, "surface.condition", "30")
    page.wait_for_function(f"{PATHS} === 2")
    expect(page.get_by_test_id("inside-choice").locator("option")).to_have_text(["nothing", "Adam"])


def test_show_restores_the_side_bar_too_and_back_goes_back(page: Page, address: str) -> None:
    opened(page, address)
    keep(page, "first")
    enter(page, "card.0.lr", "0.01")
    enter(page, "steps", "25")
    page.wait_for_function("new URL(location).searchParams.get('steps') === '25'")
    button(page, "Show", "first").click()
    expect(number(page, "card.0.lr")).to_have_value("0.2")
    expect(number(page, "steps")).to_have_value("40")
    page.wait_for_function(f"{PLOT}.runs[0].loss.length === 41")
    page.wait_for_function("new URL(location).searchParams.get('steps') === '40'")
    # The page takes an address that is younger than a second for one that it has just written itself.
    page.evaluate("new Promise((done) => setTimeout(done, 1200))")
    page.go_back()
    expect(number(page, "steps")).to_have_value("25")
    page.wait_for_function(f"{PLOT}.runs[0].loss.length === 26")


def test_show_keeps_a_comparison_unless_it_is_with_the_state_itself(page: Page, address: str) -> None:
    opened(page, address)
    keep(page, "a")
    enter(page, "steps", "25")
    keep(page, "b")
    button(page, "Compare", "a").click()
    page.wait_for_function(f"{PLOT}.runs.length === 2")
    enter(page, "steps", "10")
    button(page, "Show", "b").click()
    page.wait_for_function(f"JSON.stringify({PLOT}.runs.map(r => r.loss.length)) === '[26,41]'")
    button(page, "Show", "a").click()
    page.wait_for_function(f"JSON.stringify({PLOT}.runs.map(r => r.loss.length)) === '[41]'")


def test_delete_and_undo(page: Page, address: str) -> None:
    opened(page, address)
    for name in ("one", "two", "three"):
        keep(page, name)
    button(page, "Delete", "two").click()
    assert names(page) == ["three", "one"]
    expect(page.get_by_test_id("kept")).to_contain_text("Deleted.")
    page.get_by_test_id("kept").get_by_role("button", name="Undo").press("Enter")
    assert names(page) == ["three", "two", "one"]
    expect(page.get_by_test_id("kept").get_by_role("button", name="Undo")).to_have_count(0)
    button(page, "Delete", "three").click()
    page.reload()
    expect(page.locator(".rv-kept-row b")).to_have_text(["two", "one"])


def test_names_are_text_are_made_and_replace(page: Page, address: str) -> None:
    opened(page, address)
    keep(page, "<b id=bold>x</b><img src=x onerror=alert(1)>")
    assert names(page) == ["<b id=bold>x</b><img src=x onerror=alert(1)>"]
    assert page.locator("#bold, .rv-kept img").count() == 0
    keep(page)
    keep(page)  # the same state once more
    assert names(page)[0] == "Ravine: Adam"
    assert len(names(page)) == 2
    enter(page, "steps", "25")
    keep(page)  # another state: nothing is lost
    assert names(page)[:2] == ["Ravine: Adam (2)", "Ravine: Adam"]
    keep(page, "Ravine: Adam")
    expect(page.get_by_test_id("kept")).to_contain_text("Replaced “Ravine: Adam”.")
    expect(page.locator(".rv-kept-row").first).to_contain_text("25 steps")
    page.get_by_test_id("kept").get_by_role("button", name="Undo").click()
    row = page.locator(".rv-kept-row", has=page.locator("b", has_text="Ravine: Adam").first)
    expect(row.last).to_contain_text("40 steps")


def test_what_is_stored_is_read_with_care_and_has_an_end(page: Page, address: str) -> None:
    items = "Array.from({length: 60}, (_, i) => ({name: `n${i}`, query: 'surface=beale', about: '', when: i}))"
    broken = "[null, 3, [[]], {name: 4}, {name: 'no query', about: '', when: 0}]"
    page.add_init_script(f"localStorage.setItem('{KEY}', JSON.stringify([...{broken}, ...{items}]))")
    opened(page, address)
    kept = page.get_by_test_id("kept")
    assert names(page) == [f"n{i}" for i in range(59, 9, -1)]
    keep(page, "more")
    expect(kept).to_contain_text("50 pictures are kept")
    assert len(names(page)) == 50
    keep(page, "n20")
    expect(kept).to_contain_text("Replaced “n20”.")
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }")
    keep(page, "n30")
    expect(kept).to_contain_text("lets the page keep nothing, or has no room left")
    assert names(page)[0] == "n20"
    read = page.evaluate(
        """async () => {
          const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
          const { parseKept } = await import(loaded.find((name) => name.includes("/kept.js")));
          return ["no JSON", "7", "null", "{}", '"text"', ""].map((text) => parseKept(text).length);
        }"""
    )
    assert read == [0] * 6


def test_another_tab_follows_and_a_stranger_can_be_left(page: Page, address: str) -> None:
    opened(page, address, f"{QUERY}&against=surface%3Dravine%26steps%3D7&against.name=theirs")
    kept = page.get_by_test_id("kept")
    expect(kept).to_contain_text("Compared with “theirs”, which is not in this list.")
    other = page.context.new_page()
    opened(other, address)
    keep(other, "from the other tab")
    expect(other.locator(".rv-kept-row b")).to_have_text(["from the other tab"])
    expect(page.locator(".rv-kept-row b")).to_have_text(["from the other tab"])
    other.close()
    kept.get_by_role("button", name="Stop comparing").click()
    page.wait_for_function(f"{PLOT}.runs.length === 1")
    expect(kept.get_by_role("button", name="Stop comparing")).to_have_count(0)


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=str)
def screen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, str]]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    yield context.new_page(), f"kept-{width}-{scheme}"
    context.close()


def test_it_fits_every_screen(screen: tuple[Page, str], address: str) -> None:
    page, name = screen
    opened(page, address, "?steps=60&view.layout=contour")
    keep(page, "A name that is as long as a name can be, all sixty letters!!")
    keep(page, "short")
    button(page, "Compare", "short").click()
    page.wait_for_function(f"{PLOT}.runs.length === 6")
    page.get_by_test_id("kept").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box, row = page.get_by_test_id("kept").bounding_box(), page.locator(".rv-kept-acts").first.bounding_box()
    assert box
    assert row
    assert row["x"] + row["width"] <= box["x"] + box["width"] + 1
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
