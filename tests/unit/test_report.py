"""Results over seeds, times to targets, sensitivity, the table by epoch: from a store filled by hand."""

import math
import re
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from training import plots, report
from training.__main__ import main
from training.run import DIVERGED, FINISHED, QUEUED, Owner
from training.runs import Store
from training.settings import RunSettings, grid, recipe
from training.task import TASKS, Entry

OWNER = Owner("here", 1, "a")


def filled(
    store: Store, settings: RunSettings, accuracies: list[float], status: str = FINISHED, seconds: float = 2.0
) -> str:
    """A run with a test accuracy for each epoch and so many seconds an epoch."""
    (run,) = store.add([settings])
    assert store.start(run, OWNER, "cpu")
    points = []
    for epoch, accuracy in enumerate(accuracies, start=1):
        step = epoch * settings.steps_per_epoch
        points += [
            ("epoch/test_accuracy", step, accuracy), ("epoch/test_loss", step, 1 - accuracy),
            ("epoch/train_loss", step, 0.5 / epoch), ("epoch/train_accuracy", step, 0.9),
            ("epoch/seconds", step, seconds), ("clock/training", step, seconds * epoch),
        ]  # fmt: skip
    assert store.write_points(run, points, OWNER)
    store.record(run, {"optimizer_milliseconds": 0.5, "peak_memory": 3_000_000})
    assert store.transition(run, "running", status)
    return run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs.db"))


ADAM = replace(recipe(TASKS["digits"], Entry("adam")), epochs=3)


def test_seeds_become_mean_and_deviation(store: Store) -> None:
    finals = [0.91, 0.94, 0.97]
    for seed, final in enumerate(finals):
        filled(store, replace(ADAM, seed=seed), [0.5, 0.99, final])
    (result,) = report.results(store.all(), report.series_of(store, store.all()))
    assert result.final_accuracy.mean == pytest.approx(statistics.mean(finals))
    assert result.final_accuracy.std == pytest.approx(statistics.stdev(finals))
    assert result.final_accuracy.text(100) == "94.00 ± 3.00"
    assert result.best_accuracy.mean == pytest.approx(0.99)
    assert result.epoch_seconds.mean == 2.0


def test_time_to_a_target_counts_who_missed_it(store: Store) -> None:
    filled(store, ADAM, [0.5, 0.92, 0.97])
    filled(store, replace(ADAM, seed=1), [0.96, 0.97, 0.97])
    filled(store, replace(ADAM, seed=2), [0.1, 0.1, 0.2])
    filled(store, replace(ADAM, seed=3), [0.1], status=QUEUED)  # still under way: it has missed nothing
    (result,) = report.results(store.all(), report.series_of(store, store.all()))
    ninety, ninety_five, ninety_eight = result.targets
    assert (ninety.target, ninety.reached, ninety.n) == (0.9, 2, 3)
    assert (ninety.epochs, ninety.seconds) == (1.5, 3.0)
    assert ninety.text() == "1.5 epochs, 3.00 s (2 of 3)"
    assert (ninety_five.epochs, ninety_five.reached) == (2.0, 2)
    assert ninety_eight.text() == "missed"


def test_the_best_stands_first_and_settings_are_apart(store: Store) -> None:
    filled(store, ADAM, [0.5])
    filled(store, replace(ADAM, hyper={**ADAM.hyper, "lr": 0.01}), [0.8])
    found = report.results(store.all(), report.series_of(store, store.all()))
    assert [report.detail(result.settings) for result in found] == ["lr 0.01", "lr 0.001"]
    _, rows = report.table(found)
    assert [row["final"] for row in rows] == ["80.00", "50.00"]


def test_a_diverged_run_counts_as_guessing_in_the_sensitivity(store: Store) -> None:
    for run, accuracy in zip(grid(ADAM, [0.01, 0.1, 1.0], [0, 1]), [0.9, 0.92, 0.8, 0.7, 0.3, 0.3], strict=True):
        filled(store, run, [accuracy], status=DIVERGED if run.hyper["lr"] == 1.0 else FINISHED)
    (curve,) = report.sensitivity(store.all(), report.series_of(store, store.all()))
    assert curve.rates == (0.01, 0.1, 1.0)
    assert curve.mean == pytest.approx((0.91, 0.75, 0.1))
    assert (curve.low[0], curve.high[0], curve.n) == (0.9, 0.92, (2, 2, 2))
    filled(store, replace(ADAM, optimizer="adamax", hyper={}), [0.9])  # one rate makes no curve
    assert len(report.sensitivity(store.all(), report.series_of(store, store.all()))) == 1


def test_the_table_by_epoch(store: Store) -> None:
    run = store.get(filled(store, ADAM, [0.5, 0.75]))
    rows = report.epochs(run, report.series_of(store, [run])[run.id])
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[1] == {
        "epoch": 2, "train_loss": 0.25, "train_accuracy": 0.9, "test_loss": 0.25, "test_accuracy": 0.75, "seconds": 2.0
    }  # fmt: skip


def test_the_command_line_says_the_budget_and_every_epoch(store: Store) -> None:
    run = filled(store, ADAM, [0.5, 0.75])
    text = report.text(store, [run])
    assert "Budget: Digits, 3 epochs, batch 64, rate constant, float32" in text
    assert "75.00" in text
    assert text.splitlines()[-1].split() == ["2", "0.2500", "0.9000", "0.2500", "0.7500", "2.0000"]
    assert report.text(store, []) == "no runs"


def test_a_result_on_synthetic_images_says_so() -> None:
    settings = recipe(TASKS["cifar10_fast"], Entry("adam"), synthetic=True)
    assert report.budget(settings).startswith("CIFAR-10, fast on synthetic images (for speed only)")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.004, "0.00 s"), (9.99, "9.99 s"), (9.996, "10.0 s"), (99.94, "99.9 s"), (99.96, "1 min 40 s"),
     (3599.7, "1 h 00 min"), (7260, "2 h 01 min"), (math.nan, "–"), (math.inf, "–")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_the_four_plots_show_means_over_seeds(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [filled(store, ADAM, [0.5, 0.7]), filled(store, replace(ADAM, seed=1), [0.7, 0.9, 0.95])]
    runs = [store.get(run) for run in ids]
    series = report.series_of(store, runs)
    epochs, values = plots.curve(runs, series, "epoch/test_accuracy")
    assert epochs.tolist() == [1.0, 2.0]
    assert values == pytest.approx([0.6, 0.8])
    assert len(plots.curve(runs, series, "epoch/validation_loss")[0]) == 0
    page = plots.html(runs, series, [("#123456", "7 4")])
    assert "Adam, lr 0.001 (mean of 2)" in page
    assert "#123456" in page
    assert not re.search(r"<(script|link)[^>]*(src|href)=", page)  # nothing is fetched
    monkeypatch.setenv("RAVINE_STORE", str(store.path))
    assert main(["report", *ids, "--html", str(tmp_path / "plots.html")]) == 0
    assert "Test accuracy" in (tmp_path / "plots.html").read_text()


def test_the_same_seed_twice_is_one_run(store: Store) -> None:
    filled(store, ADAM, [0.8])
    filled(store, ADAM, [0.9])
    filled(store, replace(ADAM, seed=1), [0.7])
    (result,) = report.results(store.all(), report.series_of(store, store.all()))
    assert (result.final_accuracy.mean, result.final_accuracy.n) == (pytest.approx(0.8), 2)


def test_a_diverged_seed_does_not_make_the_others_look_better(store: Store) -> None:
    filled(store, ADAM, [0.99])
    filled(store, replace(ADAM, seed=1), [0.5], status=DIVERGED)
    steady = replace(ADAM, hyper={**ADAM.hyper, "lr": 0.01})
    for seed in (0, 1):
        filled(store, replace(steady, seed=seed), [0.9])
    found = report.results(store.all(), report.series_of(store, store.all()))
    assert [report.detail(result.settings) for result in found] == ["lr 0.01", "lr 0.001"]
    assert found[1].final_accuracy.mean == pytest.approx((0.99 + 0.1) / 2)


def test_validation_chooses_the_epoch_where_there_is_one(store: Store) -> None:
    run = filled(store, ADAM, [0.7, 0.8, 0.9])
    steps = [epoch * ADAM.steps_per_epoch for epoch in (1, 2, 3)]
    store.write_points(
        run, [("epoch/validation_loss", s, v) for s, v in zip(steps, (0.5, 0.3, 0.4), strict=True)], OWNER
    )
    (result,) = report.results(store.all(), report.series_of(store, store.all()))
    assert result.best_accuracy.mean == 0.8


def test_settings_that_differ_in_more_than_the_rate_make_two_curves(store: Store) -> None:
    for epochs in (1, 2):
        for rate in (0.1, 0.01):
            filled(store, replace(ADAM, epochs=epochs, hyper={**ADAM.hyper, "lr": rate}), [0.5 + 0.1 * epochs])
    found = report.sensitivity(store.all(), report.series_of(store, store.all()))
    assert [curve.mean for curve in found] == [pytest.approx((0.6, 0.6)), pytest.approx((0.7, 0.7))]


def test_settings_of_another_version_are_passed_over(store: Store) -> None:
    known = filled(store, ADAM, [0.5])
    (other,) = store.add([replace(ADAM)])
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            'UPDATE runs SET settings = \'{"task": "gone", "optimizer": "adam"}\' WHERE id = ?', (other,)
        )
    assert [run.id for run in report.readable(store.all())] == [known]
    assert "Adam" in report.text(store, [known, other])
