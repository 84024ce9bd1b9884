"""The Tuning page in Chromium: the curves, the table, and the way to Trajectories."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import PICTURES

PLOT = "document.querySelector('.rv-plot').ravine"

FEW = "?rules=gradient_descent,adam&trials=60&evaluations=60&starts=4"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_first_curves(browser, address: str, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}/tuning")
    expect(page.locator(".js-plotly-plot .scatterlayer .trace path.js-line").first).to_be_visible()
    expect(page.get_by_text("Best found:")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"tuning-{width}-{scheme}.png")
    context.close()


def test_a_change_tunes_anew_and_the_best_is_used(page: Page, address: str) -> None:
    page.goto(f"{address}/tuning{FEW}")
    expect(page.get_by_text("60 evaluations a run")).to_be_visible()
    evaluations = page.get_by_label("Evaluations", exact=True)
    evaluations.fill("80")
    evaluations.press("Enter")
    expect(page.get_by_text("80 evaluations a run")).to_be_visible()
    page.wait_for_function("new URL(location).searchParams.get('evaluations') === '80'")
    page.get_by_role("button", name="Use these on Trajectories").click()
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    assert page.evaluate(f"{PLOT}.runs.map((run) => run.name)") == ["Gradient descent", "Adam"]
    assert page.evaluate(f"{PLOT}.runs[1].loss.length") == 81
