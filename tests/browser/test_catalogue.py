"""The Catalogue page in Chromium: search, families, timeline, one rule, the way back."""

from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from optim_core import RULES

from .conftest import PICTURES

PLOT = "document.querySelector('.rv-plot').ravine"

COMPLETE = "document.querySelector('[data-testid=catalogue]')?.dataset.complete === 'true'"


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/catalogue{query}")
    page.wait_for_function(COMPLETE)


def cards(page: Page) -> Locator:
    return page.locator("li[data-rule]")


def names(page: Page) -> list[str]:
    return cards(page).evaluate_all("nodes => nodes.map(node => node.dataset.rule)")


def query(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def heading(page: Page, text: str) -> Locator:
    return page.get_by_test_id("sheet").get_by_role("heading", name=text, exact=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_catalogue(browser: Browser, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    opened(page, address)
    expect(cards(page)).to_have_count(len(RULES))
    expect(page.get_by_test_id("timeline").get_by_role("link")).to_have_count(len(RULES))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"catalogue-{width}-{scheme}.png")
    cards(page).get_by_role("link", name="Adam", exact=True).click()
    expect(page.locator(".katex").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=PICTURES / f"catalogue-adam-{width}-{scheme}.png")
    context.close()


def test_search_and_families_act_at_once_and_stand_in_the_address(page: Page, address: str) -> None:
    opened(page, address)
    search = page.get_by_role("searchbox", name="Search the rules")
    search.fill("adam")
    assert names(page)[0] == "adam"  # the very name first, then names that have it, then mentions
    titled = {name for name, rule in RULES.items() if "adam" in rule.title.lower()}
    assert set(names(page)[: len(titled)]) == titled
    family = page.get_by_role("button", name="sign", exact=False).and_(page.locator("[data-family=sign]"))
    family.click()
    expect(family).to_have_attribute("aria-pressed", "true")
    assert {RULES[name].family for name in names(page)} <= {"sign"}
    search.fill("riedmiller")
    assert names(page) == ["rprop"]
    expect(page.get_by_test_id("count")).to_contain_text(f"1 of {len(RULES)} rules")
    page.wait_for_function("new URL(location).searchParams.get('search') === 'riedmiller'")
    assert query(page) == {"search": "riedmiller", "families": "sign"}
    assert page.locator(".rv-dot-link.rv-faded").count() == len(RULES) - 1

    page.reload()
    page.wait_for_function(COMPLETE)
    expect(search).to_have_value("riedmiller")
    assert names(page) == ["rprop"]
    search.fill("nothing is called so")
    expect(page.get_by_test_id("none")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(cards(page)).to_have_count(len(RULES))
    page.wait_for_function("!new URL(location).search")


def test_a_rule_is_opened_and_left(page: Page, address: str) -> None:
    opened(page, address)
    cards(page).get_by_role("link", name="AdaGrad", exact=True).click()
    expect(heading(page, "AdaGrad")).to_be_focused()
    expect(page.locator("code").filter(has_text="class Hyper(NamedTuple)")).to_be_visible()
    expect(cards(page).first).to_be_hidden()
    page.wait_for_function("new URL(location).searchParams.get('rule') === 'adagrad'")

    page.get_by_test_id("sheet").get_by_role("link", name="Gradient descent", exact=True).click()  # its parent
    expect(heading(page, "Gradient descent")).to_be_visible()
    page.wait_for_function("new URL(location).searchParams.get('rule') === 'gradient_descent'")
    expect(page.locator("code").filter(has_text="Comptes rendus")).to_be_visible()

    page.go_back()
    expect(heading(page, "AdaGrad")).to_be_visible()
    page.get_by_test_id("back").click()
    expect(cards(page).get_by_role("link", name="AdaGrad", exact=True)).to_be_focused()
    expect(page.locator(".katex")).to_have_count(0)
    page.wait_for_function("!new URL(location).search")


def test_a_link_opens_a_rule(page: Page, address: str) -> None:
    opened(page, address, "?rule=lion&families=sign")
    expect(heading(page, "Lion")).to_be_visible()
    page.get_by_test_id("back").click()
    assert {RULES[name].family for name in names(page)} == {"sign"}


def test_the_timeline_by_hand_and_by_keys(page: Page, address: str) -> None:
    opened(page, address)
    timeline = page.get_by_test_id("timeline")
    dot = timeline.locator("[data-rule=rmsprop]")
    dot.hover()
    expect(timeline.locator(".rv-tip")).to_contain_text("AdaGrad with a moving average")
    assert timeline.locator(".rv-arc-parent").count() == 2  # Rprop, AdaGrad
    order = list(RULES)
    first = timeline.locator(f"[data-rule={order[0]}]")
    first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(timeline.locator(f"[data-rule={order[-2]}]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading(page, RULES[order[-2]].title)).to_be_visible()
    dot.click()
    expect(heading(page, "RMSProp")).to_be_visible()


def test_try_it_and_train_with_it(page: Page, address: str) -> None:
    opened(page, address, "?rule=nadam")
    page.get_by_test_id("sheet").get_by_role("link", name="Try it").click()
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    assert page.evaluate(f"{PLOT}.runs.map(run => run.name)") == ["NAdam"]

    opened(page, address, "?rule=nadam")
    page.get_by_test_id("sheet").get_by_role("link", name="Train with it").click()
    expect(page.locator(".rv-card-title")).to_have_text(["NAdam"])
    expect(page.get_by_role("button", name="Launch 1 run")).to_be_visible()


def test_a_rule_for_surfaces_alone_says_why(page: Page, address: str) -> None:
    name, rule = next((name, rule) for name, rule in RULES.items() if rule.network is None)
    opened(page, address, f"?rule={name}")
    sheet = page.get_by_test_id("sheet")
    expect(sheet).to_contain_text(rule.no_network[1:])
    expect(sheet.get_by_role("link", name="Train with it")).to_have_count(0)
