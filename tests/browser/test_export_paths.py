"""Export from the Trajectories page in Chromium: what the buttons hand over is what the picture shows."""

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_trajectories import after, number, opened, runs

KINDS = {"CSV": "paths.csv", "JSON": "paths.json", "Python script": "paths.py"}


def exported(page: Page, label: str) -> str:
    """The text that a button of the popover hands over."""
    with page.expect_download() as started:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name=label).click()
    assert started.value.suggested_filename == KINDS[label]
    return Path(started.value.path()).read_text(encoding="utf-8")


def test_the_files_hold_what_the_sliders_say_now(page: Page, address: str) -> None:
    opened(page, address, "?steps=40&card.0=momentum,lr=0.02")
    lr = number(page, "card.0.lr")
    after(page, lambda: (lr.fill("0.03"), lr.press("Enter")))
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_test_id("stDownloadButton")).to_have_count(3)

    (shown,) = runs(page)
    rows = list(csv.DictReader(line for line in exported(page, "CSV").splitlines() if not line.startswith("#")))
    assert len(rows) == shown["count"] == 41
    assert [float(rows[-1]["x"]), float(rows[-1]["y"])] == pytest.approx(shown["last"], rel=1e-6)

    whole = json.loads(exported(page, "JSON"))
    assert whole["runs"][0]["hyper"]["lr"] == 0.03
    assert whole["link"].startswith(f"{address}/?surface=ravine&")
    page.goto(whole["link"])
    page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
    assert runs(page) == [shown]

    page.get_by_role("button", name="Export").click()
    script = exported(page, "Python script")
    assert 'hyper = {"lr": 0.03, "momentum": 0.9, "dampening": 0.0}\nruns.append((0, "Momentum",' in script
