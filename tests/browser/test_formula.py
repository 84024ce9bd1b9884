"""Typing a formula in Chromium: the preview follows, the picture follows, errors point at their letter."""

from playwright.sync_api import Page, expect

PLOT = "document.querySelector('.rv-plot').ravine"

DRAWN = "document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0"
TYPED = "?surface=formula:x^2%2By^2&card.0=gradient_descent,lr=0.1&start=1,1"


def test_a_formula_is_typed_and_run(page: Page, address: str) -> None:
    page.goto(f"{address}/{TYPED}")
    page.wait_for_function(DRAWN)
    field = page.get_by_test_id("formula")
    expect(field).to_have_value("x^2+y^2")
    field.fill("x^2 + b y^2")
    page.wait_for_function(f"{PLOT}.latest.values['surface.b'] === 1")
    expect(
        page.locator('input[type=number][data-path="surface.b"], input[data-path="surface.b"]').first
    ).to_be_visible()
    page.wait_for_function("new URL(location).searchParams.get('surface') === 'formula:x^2 + b y^2'")
    expect(page.locator(".katex").first).to_be_visible()
    page.get_by_test_id("formula x from").fill("-2")
    page.wait_for_function("new URL(location).searchParams.get('surface') === 'formula[-2,5,-5,5]:x^2 + b y^2'")


def test_an_error_points_at_its_letter_and_the_picture_stays(page: Page, address: str) -> None:
    page.goto(f"{address}/{TYPED}")
    page.wait_for_function(DRAWN)
    field = page.get_by_test_id("formula")
    field.fill("x^2 + * y")
    expect(page.get_by_test_id("formula-said")).to_contain_text("*")
    expect(page.locator(".rv-formula-shown mark")).to_have_text("*")
    expect(field).to_have_value("x^2 + * y")
    assert page.evaluate(f"{PLOT}.runs.length") == 1
    assert "formula:x^2%2By^2" in page.url.replace("%3A", ":").replace("%5E", "^")
    field.fill("x^4 + y^4")
    page.wait_for_function("new URL(location).searchParams.get('surface') === 'formula:x^4 + y^4'")
    expect(page.get_by_test_id("formula-said")).to_be_hidden()


def test_the_box_leads_to_a_formula_and_back(page: Page, address: str) -> None:
    page.goto(f"{address}/?surface=ackley")
    page.wait_for_function(DRAWN)
    box = page.get_by_role("combobox", name="Surface")
    box.click()
    box.press_sequentially("Your own")
    page.get_by_role("option", name="Your own formula").click()
    expect(page.get_by_test_id("formula")).to_be_visible()
    page.wait_for_function(f"'surface.a' in {PLOT}.latest.values")
