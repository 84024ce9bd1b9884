"""The board of training runs in Chromium, with made-up runs that grow."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.board_server import board_server

PICTURES = Path(__file__).parent / "pictures"
DRAWN = "document.querySelector('[data-testid=board]').dataset"
BOARD = "document.querySelector('.rv-board')?.ravine"


@pytest.fixture(scope="module")
def board_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with board_server(tmp_path_factory.mktemp("board")) as address:
        yield address


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/?{query}")
    page.wait_for_function(f"{BOARD} && {DRAWN}.drawn > 0 && {BOARD}.curves.cursor > 0")


def chart(page: Page, name: str) -> Locator:
    return page.get_by_test_id(f"chart-{name}")


def points(page: Page, name: str) -> int:
    return int(chart(page, name).get_attribute("data-points") or 0)


def drawn_after(page: Page, ticks: int = 1) -> None:
    """Waits for as many pictures more, which the server's ticks bring."""
    before = int(page.evaluate(f"{DRAWN}.drawn"))
    page.wait_for_function(f"{DRAWN}.drawn >= {before + ticks}")


def frame(page: Page, name: str) -> dict:
    where = chart(page, name).locator(".rv-line-frame")
    where.scroll_into_view_if_needed()
    box = where.bounding_box()
    assert box
    return dict(box)


def window(page: Page, name: str) -> list[float]:
    """The part of the horizontal axis that a chart shows."""
    return page.evaluate(
        f"name => {{ const {{ low, high }} = {BOARD}.charts.find(c => c.name === name).plot.xScale;"
        " return [low, high] }",
        name,
    )


def row(page: Page, run: str) -> Locator:
    return page.locator(f'li[data-run="{run}"]')


def curve(page: Page, name: str, key: str) -> dict:
    """Steps, values and the drawn line of one curve."""
    return page.evaluate(
        """([name, key]) => {
            const found = document.querySelector('.rv-board').ravine.charts.find(c => c.name === name).scene.curves
                .find(c => c.key === key && !c.validation);
            const list = (values) => values && Array.from(values.subarray(0, found.count));
            return {steps: list(found.steps), x: list(found.x), raw: list(found.raw), line: list(found.line),
                    low: list(found.low), high: list(found.high), n: list(found.n)};
        }""",
        [name, key],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_first_picture(browser: Browser, board_address: str, width: int, scheme: Literal["light", "dark"]) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1500}, color_scheme=scheme)
    page = context.new_page()
    opened(page, board_address, "sensitivity=1")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        expect(chart(page, name)).to_be_visible()
        assert points(page, name) > 0
    expect(chart(page, "sensitivity_0")).to_be_visible()
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"board-{width}-{scheme}.png")
    context.close()


def test_without_runs_it_says_what_to_do(page: Page, board_address: str) -> None:
    page.goto(f"{board_address}/?optimizers=0")
    expect(page.get_by_test_id("empty")).to_have_text("No runs yet. Choose optimizers on the left and press Launch.")
    expect(page.get_by_test_id("charts")).to_be_hidden()


def test_curves_grow_tick_by_tick_and_nothing_is_missing(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=7")
    before = points(page, "train_loss")
    drawn_after(page, 6)
    assert points(page, "train_loss") > before
    steps = curve(page, "train_loss", "o0s0")["steps"]
    assert steps == list(range(1, len(steps) + 1))


def test_points_of_lost_messages_are_asked_for(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=7&gap=1&steps=900")
    page.wait_for_function(f"{BOARD}.asked > 0")  # a gap was seen ...
    page.wait_for_function(f"{BOARD}.asked === 0")  # ... and filled
    steps = curve(page, "train_loss", "o0s0")["steps"]
    assert steps == list(range(1, len(steps) + 1))


def test_smoothing_is_the_debiased_average(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    found = curve(page, "train_loss", "o1s0")
    expected, state = [], 0.0
    for k, value in enumerate(found["raw"], 1):
        state = 0.9 * state + 0.1 * value
        expected.append(state / (1 - 0.9**k))
    assert found["line"] == pytest.approx(expected, rel=1e-12)
    assert found["line"][0] == pytest.approx(found["raw"][0])
    page.get_by_role("slider", name="Smoothing").fill("0")
    page.wait_for_function(f"{BOARD}.charts[0].scene.curves[0].raw === null")
    assert curve(page, "train_loss", "o1s0")["line"] == found["raw"]


def test_seeds_are_grouped_with_mean_band_and_number(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=2&seeds=3&each=0")
    expect(page.get_by_test_id("legend")).to_contain_text("SGD, N = 3")
    found = curve(page, "test_loss", "o0")
    page.get_by_role("button", name="group seeds").click()
    expect(page.get_by_test_id("legend")).to_contain_text("SGD, seed 2")
    seeds = [curve(page, "test_loss", f"o0s{seed}")["line"] for seed in range(3)]
    assert found["n"] == [3] * len(found["line"])
    for at, mean in enumerate(found["line"]):
        values = [seed[at] for seed in seeds]
        middle = sum(values) / 3
        deviation = (sum((value - middle) ** 2 for value in values) / 2) ** 0.5
        assert mean == pytest.approx(middle)
        assert found["high"][at] - mean == pytest.approx(deviation)
        assert mean - found["low"][at] == pytest.approx(deviation)


def test_zoom_and_hidden_runs_survive_updates(page: Page, board_address: str) -> None:
    opened(page, board_address)
    box = frame(page, "train_loss")
    page.mouse.move(box["x"] + 150, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 80, steps=4)
    page.mouse.up()
    page.wait_for_function(f"{BOARD}.zoom !== null")
    drawn_after(page)
    zoomed = window(page, "train_loss")
    assert window(page, "test_accuracy") == zoomed
    row(page, "o0s0").get_by_label("Show SGD").uncheck()
    expect(chart(page, "train_loss")).to_have_attribute("data-curves", "3")
    before = int(page.evaluate(f"{BOARD}.curves.cursor"))
    page.wait_for_function(f"{BOARD}.curves.cursor > {before} + 20")
    drawn_after(page)
    assert window(page, "train_loss") == zoomed
    expect(chart(page, "train_loss")).to_have_attribute("data-curves", "3")
    expect(row(page, "o0s0").get_by_label("Show SGD")).not_to_be_checked()
    box = frame(page, "train_loss")
    page.mouse.dblclick(box["x"] + 200, box["y"] + 60)
    page.wait_for_function(f"{BOARD}.zoom === null")


def test_the_wheel_magnifies_where_the_pointer_is(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    low, high = window(page, "train_loss")
    box = frame(page, "train_loss")
    page.mouse.move(box["x"] + 200, box["y"] + 60)
    page.mouse.move(box["x"] + 210, box["y"] + 60)
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"{BOARD}.zoom !== null")
    drawn_after(page)
    now = window(page, "train_loss")
    assert low < now[0] < now[1] < high
    share = (210 - 50) / (box["width"] - 62)
    at = low + share * (high - low)
    assert now[0] + share * (now[1] - now[0]) == pytest.approx(at, rel=0.01)


def test_under_the_pointer_stand_the_recorded_values(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    box = frame(page, "train_loss")
    page.mouse.move(box["x"] + 250, box["y"] + 100)
    tip = page.locator(".rv-board-tip")
    expect(tip).to_be_visible()
    match = re.search(r"step (\d+)", tip.inner_text())
    assert match
    step = int(match[1])
    raw = curve(page, "train_loss", "o0s0")["raw"]
    shown = tip.locator(".rv-tip-row", has_text="SGD").locator(".rv-tip-value").inner_text()
    assert float(shown) == pytest.approx(raw[step - 1], rel=1e-5)
    names = tip.locator(".rv-tip-value").all_inner_texts()
    assert [float(value) for value in names] == sorted(float(value) for value in names)


def test_the_axis_in_epochs_and_in_seconds(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    page.get_by_role("button", name="epoch", exact=True).click()
    drawn_after(page)
    found = curve(page, "train_loss", "o0s0")
    assert found["x"] == pytest.approx([step / 100 for step in found["steps"]])
    page.get_by_role("button", name="training time").click()
    drawn_after(page)
    found = curve(page, "test_loss", "o1s0")
    assert found["x"] == pytest.approx([step * 0.021 * 1.1 for step in found["steps"]])
    page.get_by_role("button", name="log x").click()
    page.get_by_role("button", name="log loss").click()
    drawn_after(page)
    assert window(page, "train_loss")[0] > 0
    page.get_by_role("button", name="per epoch").click()
    drawn_after(page)
    assert curve(page, "train_loss", "o0s0")["steps"] == [100, 200]


def test_a_diverged_run_says_so_and_the_others_stay_readable(page: Page, board_address: str) -> None:
    opened(page, board_address, "start=400")
    expect(row(page, "o4s0").locator(".rv-pill")).to_have_text("diverged at step 350")
    expect(chart(page, "train_loss")).to_contain_text("1 curve leaves the picture above")
    high = page.evaluate(f"{BOARD}.charts[0].plot.yScale.high")
    assert high < 20
    label = chart(page, "train_loss").get_by_role("img").get_attribute("aria-label") or ""
    assert re.search(r"RMSprop \S+ at step 349, diverged", label)
    expect(row(page, "o5s0")).to_contain_text("The GPU's memory is full: choose a smaller batch.")


def test_stop_resume_and_delete_with_a_question(page: Page, board_address: str) -> None:
    opened(page, board_address)
    first = row(page, "o0s0")
    first.get_by_role("button", name="Stop SGD").click()
    expect(first.locator(".rv-pill")).to_have_text("stopped")
    before = curve(page, "train_loss", "o0s0")["steps"][-1]
    first.get_by_role("button", name="Resume SGD").click()
    expect(first.locator(".rv-pill")).to_have_text("running")
    # The run goes on from its last epoch: what came after it is recorded anew, each step once.
    page.wait_for_function(f"{BOARD}.curves.get('o0s0', 'train/loss').count > {before}")
    steps = curve(page, "train_loss", "o0s0")["steps"]
    assert steps == list(range(1, len(steps) + 1))
    failed = row(page, "o5s0")
    failed.get_by_role("button", name="Delete Adagrad").click()
    failed.get_by_role("button", name="no", exact=True).click()
    expect(failed).to_be_visible()
    failed.get_by_role("button", name="Delete Adagrad").click()
    failed.get_by_role("button", name="yes", exact=True).click()
    expect(failed).to_have_count(0)


def test_a_run_is_begun_anew_after_a_question(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=1")
    first = row(page, "o0s0")
    first.get_by_role("button", name="Stop SGD").click()
    expect(first.locator(".rv-pill")).to_have_text("stopped")
    acts, line = first.locator(".rv-run-acts").bounding_box(), first.bounding_box()
    assert acts
    assert line
    assert acts["x"] + acts["width"] <= line["x"] + line["width"], "four buttons fit"
    first.get_by_role("button", name="Begin anew: SGD").click()
    expect(first).to_contain_text("Begin anew?")
    first.get_by_role("button", name="no", exact=True).click()
    expect(first.locator(".rv-pill")).to_have_text("stopped")
    first.get_by_role("button", name="Begin anew: SGD").click()
    first.get_by_role("button", name="yes", exact=True).click()
    expect(first.locator(".rv-pill")).to_have_text("running")
    series = f"{BOARD}.curves.get('o0s0', 'train/loss')"
    page.wait_for_function(f"{BOARD}.curves.generations.get('o0s0')?.generation > 0 && ({series}?.count ?? 0) > 0")
    assert page.evaluate(f"{BOARD}.curves.generations.get('o0s0').truncated") == 0
    steps = page.evaluate(f"Array.from({series}.steps.subarray(0, {series}.count))")
    assert steps == list(range(1, len(steps) + 1))


def test_a_run_is_renamed_in_its_row(page: Page, board_address: str) -> None:
    opened(page, board_address)
    failed = row(page, "o5s0")
    failed.get_by_role("button", name="Rename Adagrad").click()
    failed.get_by_label("New name of Adagrad").fill("Too large <b>")
    page.keyboard.press("Enter")
    expect(failed.locator(".rv-run-title")).to_have_text("Too large <b>")


def test_no_buttons_where_acting_is_closed(page: Page, board_address: str) -> None:
    opened(page, board_address, "act=0")
    expect(page.get_by_test_id("runs").get_by_role("button")).to_have_count(0)


def test_many_runs_fold_into_groups_and_unfold(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=12&seeds=5&start=120&each=0")
    runs = page.get_by_test_id("runs")
    expect(runs.locator("li")).to_have_count(12)
    box = runs.bounding_box()
    assert box
    assert box["height"] < 300
    runs.get_by_role("button", name="Unfold the seeds of Adam, lr 0.01").or_(
        runs.get_by_role("button", name="Unfold the seeds of Adam", exact=True)
    ).first.click()
    expect(runs.locator("li")).to_have_count(17)
    # A whole group hidden, then one of its seeds shown alone.
    page.locator('li[data-group="o1"]').get_by_role("checkbox").uncheck()
    expect(chart(page, "train_loss")).to_have_attribute("data-curves", "11")
    row(page, "o1s2").get_by_role("checkbox").check()
    expect(page.get_by_test_id("legend")).to_contain_text("Adam, N = 1")


def test_the_table_sorts_by_a_click(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    table = page.get_by_test_id("results")
    names = table.locator("tbody th")
    first = names.all_inner_texts()
    head = table.get_by_role("button", name="Time to 90 %")
    head.click()
    expect(table.locator("th[aria-sort=descending]")).to_have_count(1)
    texts = table.locator("tbody td:nth-child(3)").all_inner_texts()
    assert texts == ["4 min 32 s", "3 min 25 s", "1 min 11 s", "4 s", "missed", "missed"]
    head.click()
    texts = table.locator("tbody td:nth-child(3)").all_inner_texts()
    assert texts == ["4 s", "1 min 11 s", "3 min 25 s", "4 min 32 s", "missed", "missed"]
    head.click()
    assert names.all_inner_texts() == first
    table.locator("tbody tr").nth(1).hover()
    page.wait_for_function(f"{BOARD}.charts[0].key === 'o1'")


def test_the_charts_are_saved_as_a_picture(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    PICTURES.mkdir(exist_ok=True)
    kept = PICTURES / "board-charts.png"
    download.value.save_as(kept)
    assert kept.read_bytes().startswith(b"\x89PNG")
    assert kept.stat().st_size > 20_000


def test_the_keyboard_reads_and_zooms_a_chart(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    chart(page, "train_loss").get_by_role("img").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".rv-board-tip")).to_be_visible()
    page.keyboard.press("+")
    page.wait_for_function(f"{BOARD}.zoom !== null")
    page.keyboard.press("Escape")
    page.wait_for_function(f"{BOARD}.zoom === null")


def statuses_once_stopped(page: Page, count: int) -> list[str]:
    """The statuses of all runs, once so many have been stopped."""
    page.wait_for_function(f"{BOARD}.curves.runs.filter(run => run.status === 'stopped').length >= {count}")
    return page.evaluate(f"{BOARD}.curves.runs.map(run => run.status)")


def test_a_group_is_stopped_resumed_renamed_and_deleted_at_once(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=2&seeds=3&each=0")
    group = page.locator('li[data-group="o0"]')
    group.get_by_role("button", name="Stop SGD, 3 seeds").click()
    expect(group.locator(".rv-pill")).to_have_text("stopped")
    assert statuses_once_stopped(page, 3) == ["stopped"] * 3 + ["running"] * 3
    group.get_by_role("button", name="Rename SGD, 3 seeds").click()
    field = group.get_by_label("New name of SGD")
    field_box, title_box = field.bounding_box(), page.locator('li[data-group="o1"] .rv-run-title').bounding_box()
    assert field_box
    assert title_box
    assert field_box["x"] == pytest.approx(title_box["x"], abs=1)
    field.fill("Plain")
    field.press("Enter")
    expect(group.locator(".rv-run-title")).to_have_text("Plain")
    page.wait_for_function(f"{BOARD}.curves.runs.map(run => run.title).join() === 'Plain,Plain,Plain,Adam,Adam,Adam'")
    expect(group.get_by_role("button", name="Rename Plain")).to_be_enabled()
    expect(row(page, "o0s0").get_by_role("button", name="Rename")).to_have_count(0)
    group.get_by_role("button", name="Delete Plain, 3 seeds").click()
    expect(group).to_contain_text("Delete 3 runs?")
    group.get_by_role("button", name="no", exact=True).click()
    group.get_by_role("button", name="Resume Plain, 3 seeds").click()
    expect(group.locator(".rv-pill")).to_have_text("running")
    group.get_by_role("button", name="Stop Plain, 3 seeds").click()
    group.get_by_role("button", name="Delete Plain, 3 seeds").click()
    group.get_by_role("button", name="yes", exact=True).click()
    expect(group).to_have_count(0)
    expect(page.locator('li[data-group="o1"]')).to_be_visible()


def test_all_are_stopped_after_a_question(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=3&seeds=3&each=0&late=1&start=300")
    summary = page.get_by_test_id("summary")
    summary.get_by_role("button", name="Stop all").click()
    summary.get_by_role("button", name="no", exact=True).click()
    summary.get_by_role("button", name="Stop all").click()
    expect(summary).to_contain_text("Stop 9 runs?")
    summary.get_by_role("button", name="yes", exact=True).click()
    assert statuses_once_stopped(page, 9) == ["stopped"] * 9
    expect(summary.get_by_role("button")).to_have_count(0)


def test_closed_actions_leave_groups_and_summary_without_buttons(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=2&seeds=3&act=0")
    expect(page.locator(".rv-run-acts button")).to_have_count(0)
    expect(page.get_by_test_id("summary").get_by_role("button")).to_have_count(0)


def test_on_a_logarithmic_axis_logarithms_are_averaged(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=2&seeds=2&each=0&spike=1")
    page.get_by_role("button", name="group seeds").click()
    page.get_by_role("button", name="log loss").click()
    page.wait_for_function(f"{BOARD}.charts[0].scene.logY && {BOARD}.charts[0].scene.curves.length === 4")
    seeds = [curve(page, "train_loss", f"o1s{seed}") for seed in range(2)]
    for found in seeds:
        expected, state = [], 0.0
        for k, value in enumerate(found["raw"], 1):
            state = 0.9 * state + 0.1 * math.log(value)
            expected.append(math.exp(state / (1 - 0.9**k)))
        assert found["line"] == pytest.approx(expected, rel=1e-9)
        assert max(found["raw"]) >= 1e18
        assert found["line"][99] < 10  # a spike is forgotten
    expect(page.get_by_test_id("note")).to_contain_text("weight 0.90; on the logarithmic axis, of the logarithms")
    page.get_by_role("button", name="group seeds").click()
    page.wait_for_function(f"{BOARD}.charts[0].scene.curves.length === 2")
    together = curve(page, "train_loss", "o1")
    for at in (0, 19, 60):
        logs = [math.log(found["line"][at]) for found in seeds]
        middle, apart = sum(logs) / 2, abs(logs[0] - logs[1]) / math.sqrt(2)
        assert math.log(together["line"][at]) == pytest.approx(middle)
        assert math.log(together["high"][at]) == pytest.approx(middle + apart)
        assert math.log(together["low"][at]) == pytest.approx(middle - apart)
    assert min(together["low"]) > 0
    expect(page.get_by_test_id("note")).to_contain_text("geometric mean")
    # Accuracies stand on a linear axis still.
    accuracy = curve(page, "test_accuracy", "o1")
    assert accuracy["high"][0] - accuracy["line"][0] == pytest.approx(accuracy["line"][0] - accuracy["low"][0])


def test_a_new_launch_is_seen_whole_and_a_reload_keeps_the_zoom(page: Page, board_address: str) -> None:
    opened(page, board_address, "launches=1&each=0")
    chart(page, "train_loss").get_by_role("img").focus()
    page.keyboard.press("+")
    page.wait_for_function(f"{BOARD}.zoom !== null")
    drawn_after(page)
    zoomed = window(page, "train_loss")
    page.evaluate(
        """() => {
            const { curves } = document.querySelector('.rv-board').ravine, { take } = curves;
            window.resets = 0;
            curves.take = (message) => {
                window.resets += Boolean(message.reset);
                return take.call(curves, message);
            };
        }"""
    )
    page.get_by_role("button", name="Reload").click()
    page.wait_for_function("window.resets > 0")
    drawn_after(page)
    assert window(page, "train_loss") == zoomed
    page.get_by_role("button", name="Relaunch").click()
    page.wait_for_function(f"{BOARD}.curves.runs[0].id === 'againo0s0' && {BOARD}.zoom === null")
    drawn_after(page)
    assert window(page, "train_loss")[0] < zoomed[0]


def test_a_wide_table_shows_that_it_goes_on_and_keeps_its_names(page: Page, board_address: str) -> None:
    opened(page, board_address, "wide=1&each=0")
    table, box = page.get_by_test_id("results"), page.locator(".rv-table-box")
    expect(table.locator("tbody td[data-column=detail]").first).to_be_visible()
    expect(box).not_to_have_class(re.compile("rv-more-right"))
    page.set_viewport_size({"width": 960, "height": 900})
    expect(table.locator("tbody td[data-column=detail]").first).to_be_hidden()
    expect(table.locator("tbody th").first).to_contain_text("lr 0.1, momentum 0.9, batch 512")
    expect(box).not_to_have_class(re.compile("rv-more-right"))
    page.set_viewport_size({"width": 390, "height": 900})
    expect(box).to_have_class(re.compile("rv-more-right"))
    cell = table.locator("tbody tr").first.locator("td[data-column=test]").bounding_box()
    assert cell
    assert cell["x"] + cell["width"] < 390
    before = table.locator("tbody th").first.bounding_box()
    page.locator(".rv-table-frame").evaluate("frame => frame.scrollLeft = frame.scrollWidth")
    expect(box).to_have_class(re.compile("rv-more-left"))
    expect(box).not_to_have_class(re.compile("rv-more-right"))
    after = table.locator("tbody th").first.bounding_box()
    assert before
    assert after
    assert after["x"] == pytest.approx(before["x"], abs=1)


def test_a_column_is_explained_to_the_keyboard_too(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    tip = page.locator(".rv-head-tip")
    expect(tip).to_be_hidden()
    head = page.get_by_role("button", name="Time to 90 %")
    head.focus()
    expect(tip).to_have_text("Training seconds")
    expect(head).to_have_accessible_description("Training seconds")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    head.hover()
    expect(tip).to_be_visible()


def test_a_sentence_has_its_tone_and_repeats_nothing(page: Page, board_address: str) -> None:
    opened(page, board_address, "start=400&each=0")
    sentence = row(page, "o4s0").locator(".rv-run-sentence")
    expect(sentence).to_have_text("the loss is not finite")
    expect(sentence).to_have_class(re.compile("rv-alarm"))
    expect(row(page, "o5s0").locator(".rv-run-sentence")).to_have_class(re.compile("rv-alarm"))  # by its status
    quiet = page.evaluate(
        """() => {
            const board = document.querySelector('.rv-board').ravine, { runs } = board.curves;
            runs[0].sentence = "engine: eager";
            runs[4].sentence = "diverged at step 350";
            board.draw();
            const sentence = run => document.querySelector(`li[data-run=${run}] .rv-run-sentence`);
            const [first, diverged] = ["o0s0", "o4s0"].map(sentence);
            return [first.textContent, first.classList.contains("rv-alarm"), diverged.hidden];
        }"""
    )
    assert quiet == ["engine: eager", False, True]


def test_rates_at_which_all_diverged_are_crosses_beside_the_line(page: Page, board_address: str) -> None:
    opened(page, board_address, "sensitivity=1&each=0")
    box = chart(page, "sensitivity_0")
    expect(box.get_by_role("list")).to_contain_text("SGD")
    expect(box.get_by_role("list")).to_contain_text("✕ diverged")
    drawn = page.evaluate(
        f"{BOARD}.sensitivity.charts[0].scene.curves.filter(c => c.key === 'Adam').map(c => [Boolean(c.crossed), [...c.x]])"
    )
    assert drawn == [[False, pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])], [True, [1]]]
    where = frame(page, "sensitivity_0")
    page.mouse.move(where["x"] + where["width"] - 14, where["y"] + 60)
    expect(page.locator(".rv-board-tip .rv-tip-row", has_text="Adam").first).to_be_visible()
    texts = page.locator(".rv-board-tip .rv-tip-row").all_inner_texts()
    assert [("diverged" in text) for text in texts if re.match(r"\s*Adam\b", text)] == [True]


def test_without_runs_the_servers_own_sentence_counts(page: Page, board_address: str) -> None:
    page.goto(f"{board_address}/?optimizers=0&empty=No+launch+is+chosen.")
    expect(page.get_by_test_id("empty")).to_have_text("No launch is chosen.")


def test_rows_keep_their_columns_and_bars_tell_what_is_lost(page: Page, board_address: str) -> None:
    opened(page, board_address, "optimizers=5&seeds=3&late=1&start=600&each=0")
    left = page.locator(".rv-run-left").evaluate_all("list => list.map(node => node.getBoundingClientRect().left)")
    assert max(left) - min(left) < 1
    group = page.locator('li[data-group="o0"]')
    expect(group.locator(".rv-run-left")).to_have_text(re.compile(r"left \+ 1 queued$"))
    expect(group.locator(".rv-run-result")).to_contain_text("(1 of 3 finished)")
    expected = page.evaluate(f"{BOARD}.curves.latest('o0s0', 'epoch/test_accuracy')")
    expect(group.locator(".rv-run-result")).to_contain_text(f"{expected * 100:.1f} %")
    bar = page.locator('li[data-group="o4"] .rv-bar i')
    assert bar.evaluate_all("parts => parts.map(part => part.style.width)") == ["0%", "38.9%"]
    group.get_by_role("button", name="Stop SGD, 2 of 3 seeds").click()
    page.wait_for_function(f"{BOARD}.curves.runs.find(run => run.id === 'o0s1').status === 'stopped'")
    group.get_by_role("button", name="Unfold").click()
    expect(row(page, "o0s1").locator(".rv-run-left")).to_have_text("at 500 of 600 steps")


def test_every_axis_has_three_ticks(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0&close=1&calm=1")
    script = """async () => {
        const { ticks, scale } = await import(performance.getEntriesByType("resource")
            .find(entry => /scales\\.js/.test(entry.name)).name);
        const texts = (low, high, log, kind, count) => ticks(scale(low, high, log, 0, 100), count, kind).map(t => t[1]);
        return {
            close: texts(0.9712, 0.9938, false, "fraction", 2), log: texts(0.3, 2.2, true, "number", 2),
            wide: texts(0.01, 1e21, true, "number", 5), narrow: texts(1.02, 1.09, true, "number", 2),
            count: texts(0, 250, false, "count", 2), seconds: texts(0, 14, false, "seconds", 2),
        };
    }"""
    found = page.evaluate(script)
    assert found["close"] == ["97.5 %", "98 %", "98.5 %", "99 %"]
    assert all(len(texts) >= 3 and len(set(texts)) == len(texts) for texts in found.values())
    assert len(found["wide"]) <= 8


def test_validation_is_thin_and_not_dashed(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    page.evaluate(
        """() => {
            const chart = document.querySelector('.rv-board').ravine.charts[3];
            const context = chart.canvas.getContext("2d");
            const seen = (window.seen = []), dash = context.setLineDash;
            context.setLineDash = (list) => {
                seen.push([list.length, context.globalAlpha, context.lineWidth]);
                dash.call(context, list);
            };
            document.querySelector('.rv-board').ravine.draw();
            context.setLineDash = dash;
        }"""
    )
    assert [0, pytest.approx(0.6), pytest.approx(1)] in page.evaluate("window.seen")
    assert [0, 1, pytest.approx(1.8)] in page.evaluate("window.seen.map(([n, a, w]) => [n, a, Number(w.toFixed(3))])")
    expect(page.get_by_test_id("note")).to_contain_text("Thin with hollow circles: validation part.")


def test_the_picture_says_how_it_was_smoothed(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    page.evaluate(
        "() => { window.written = []; const fill = CanvasRenderingContext2D.prototype.fillText;"
        " CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {"
        " window.written.push(text); return fill.call(this, text, ...at) } }"
    )
    with page.expect_download():
        page.get_by_role("button", name="PNG").click()
    written = " ".join(page.evaluate("window.written"))
    assert "debiased exponential average, weight 0.90" in written
    assert "Budget: 6 epochs for each." in written


def test_the_sliders_are_announced_by_name(page: Page, board_address: str) -> None:
    opened(page, board_address, "each=0")
    toolbar = page.get_by_role("toolbar", name="Charts")
    for slider in toolbar.get_by_role("slider").all():
        expect(slider).to_have_accessible_name(re.compile("Smoothing"))
        expect(slider).to_have_attribute("aria-valuetext", "0.90")
    assert toolbar.get_by_role("slider").count() == 1
