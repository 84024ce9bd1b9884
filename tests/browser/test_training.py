"""The Training page in Chromium: launch, watch, stop, resume, read the table."""

import re

from playwright.sync_api import Page, expect

from tests.patience import until

from .conftest import PICTURES


def points(page: Page, chart: str = "chart-train_loss") -> int:
    """How many points the chart shows; while Streamlit rebuilds a page, it may stand there twice."""
    count = "nodes => Math.max(0, ...nodes.map(node => Number(node.dataset.points)))"
    return int(page.get_by_test_id(chart).evaluate_all(count))


def row(page: Page, title: str):
    return page.locator("li[data-run]").filter(has_text=title)


def number(page: Page, path: str, value: str) -> None:
    field = page.locator(f'[data-path="{path}"].rv-number')
    field.fill(value)
    field.press("Enter")


def test_three_optimizers_are_launched_stopped_resumed_and_compared(page: Page, address: str) -> None:
    page.goto(f"{address}/training")
    expect(page.get_by_test_id("empty")).to_be_visible()
    number(page, "epochs", "200")
    page.get_by_role("button", name="Launch 3 runs").click()
    expect(page.locator("li[data-run]")).to_have_count(3)
    until(lambda: points(page) > 100, "no points came")
    before = points(page)
    until(lambda: points(page) > before, "the curves do not grow")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / "training.png")

    adam = row(page, "AdaMax")
    adam.locator("[data-act=stop]").click()
    expect(adam).to_contain_text("stopped")
    adam.locator("[data-act=resume]").click()
    expect(adam).to_contain_text(re.compile("running|finished"))

    for title in ("SGD", "Adam", "AdaMax"):
        expect(row(page, title).first).to_contain_text("finished")
    table = page.get_by_test_id("results")
    expect(table.locator("tbody tr")).to_have_count(3)
    for text in table.locator("tbody tr").all_inner_texts():
        assert re.search(r"1 of 1\s+9\d\.\d\d", text), text
    expect(page.get_by_test_id("budget")).to_contain_text("Digits, 200 epochs, batch 64")
    # Every one of 200 x 23 steps of three runs is there, however often one was stopped.
    until(lambda: points(page) == 3 * 4_600, f"{points(page)} points")


def test_the_view_survives_what_arrives_and_the_link_restores_it(page: Page, address: str) -> None:
    page.goto(f"{address}/training")
    page.get_by_test_id("chart-train_loss").first.wait_for()
    page.get_by_test_id("board").get_by_role("button", name="training time").click()
    expect(page).to_have_url(re.compile("view.x=training"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    page.get_by_test_id("chart-train_loss").first.wait_for()
    chosen = page.get_by_test_id("board").get_by_role("button", name="training time")
    expect(chosen).to_have_attribute("aria-pressed", "true")


def test_trajectories_and_training_do_not_disturb_each_other(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_test_id("live-plot").wait_for()
    page.get_by_role("link", name="Training").click()
    page.get_by_test_id("board").wait_for()
    before = page.get_by_text(re.compile(r"3 optimizers; (about|roughly)")).inner_text()
    number(page, "epochs", "7")
    seconds = page.get_by_text(re.compile(r"3 optimizers; (about|roughly)"))
    expect(seconds).not_to_have_text(before)
    page.get_by_role("link", name="Trajectories").click()
    page.get_by_test_id("live-plot").wait_for()
    expect(page.locator('[data-path="steps"].rv-number')).to_have_value("300")
    page.get_by_role("link", name="Training").click()
    expect(page.locator('[data-path="epochs"].rv-number')).to_have_value("7")
