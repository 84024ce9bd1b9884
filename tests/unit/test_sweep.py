"""Sweeps: equal to traces made one by one, whatever the threads, and safe beside each other."""

import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optim_core import RULES, Outcome, sweep, trace
from optim_core.runs.sweep import Cancelled
from surfaces import SURFACES
from tests.patience import SECONDS


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.compiled])
@pytest.mark.parametrize("stop", [None, "step", "gradient", "loss"])
def test_a_sweep_is_the_traces_made_one_by_one(name: str, stop: str | None) -> None:
    surface = SURFACES["himmelblau"]
    rng = np.random.default_rng(1)
    starts = rng.uniform(-5, 5, (100, 2))
    options = {"stop": stop, "tolerance": 0.05}
    grid = sweep(RULES[name], surface, starts, 120, **options)
    for index, start in enumerate(starts):
        run = trace(RULES[name], surface, start, 120, **options)
        np.testing.assert_array_equal(grid.end[index], run.path[-1])
        np.testing.assert_array_equal(grid.loss[index], run.loss[-1])
        assert (grid.steps[index], grid.outcome[index], grid.minimum[index]) == (run.steps, run.outcome, run.minimum)


@pytest.mark.parametrize("stop", ["step", "gradient", "loss"])
def test_a_stop_rule_that_never_fires_changes_no_bit(stop: str) -> None:
    surface = SURFACES["ackley"]
    starts = np.random.default_rng(2).uniform(-5, 5, (5000, 2))
    plain = sweep(RULES["adam"], surface, starts, 200)
    # Ackley's least value is 0, so that a loss below 1e-300 is not met; nor is a step or a gradient that short.
    stopped = sweep(RULES["adam"], surface, starts, 200, stop=stop, tolerance=1e-300)
    np.testing.assert_array_equal(plain.end, stopped.end)
    assert (stopped.steps == 200).all()


def test_results_do_not_depend_on_threads_and_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = np.random.default_rng(3).uniform(-5, 5, (20_000, 2))
    one, many = (sweep(RULES["adam"], SURFACES["ackley"], starts, 50, threads=k) for k in (1, 7))
    monkeypatch.setattr(sys.modules["optim_core.runs.sweep"], "TILE", 3)
    fine = sweep(RULES["adam"], SURFACES["ackley"], starts, 50, threads=2)
    for field in ("end", "loss", "steps", "outcome", "minimum"):
        np.testing.assert_array_equal(getattr(one, field), getattr(many, field))
        np.testing.assert_array_equal(getattr(one, field), getattr(fine, field))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("answer", ["false", "error"])
def test_a_cancelled_sweep_leaves_nothing_running(threads: int, answer: str) -> None:
    starts = np.random.default_rng(3).uniform(-5, 5, (100_000, 2))
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> bool:
        assert threading.current_thread() is threading.main_thread()
        told.append((done, total))
        if answer == "error" and len(told) == 3:
            raise OSError("gone")
        return len(told) < 3

    before = threading.active_count()
    with pytest.raises(Cancelled if answer == "false" else OSError):
        sweep(RULES["adam"], SURFACES["ackley"], starts, 50, threads=threads, progress=progress)
    assert threading.active_count() == before
    assert told == [(2048 * k, 100_000) for k in (1, 2, 3)]


def test_progress_tells_of_all_runs_and_long_runs_are_told_of_more_often() -> None:
    starts = np.random.default_rng(3).uniform(-5, 5, (3000, 2))
    for steps, size in ((500, 2048), (2**13, 128), (2**15, 64)):
        told: list[tuple[int, int]] = []
        made = sweep(
            RULES["gradient_descent"], SURFACES["ravine"], starts, steps, stop="step", tolerance=0.1,
            progress=lambda *now, told=told: told.append(now),
        )  # fmt: skip
        assert told == [(min(done, 3000), 3000) for done in range(size, 3000 + size, size)]
        assert len(made.end) == 3000


def test_hyperparameters_may_differ_from_run_to_run() -> None:
    rates = np.geomspace(1e-4, 0.1, 70)
    grid = sweep(
        RULES["gradient_descent"], SURFACES["ravine"], (0.0, 1.0), 400, hyper={"lr": rates}, difference="exact"
    )
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(grid.end[:, 1], (1 - 30 * rates) ** 400, rtol=1e-9)
    assert ((grid.outcome == Outcome.DIVERGED) == (np.abs(grid.end[:, 1]) > 1e7)).all()


def test_surface_parameters_reach_the_compiled_code() -> None:
    grid = sweep(
        RULES["adam"], SURFACES["rosenbrock"], [(0.5, 0.5)], 3000, surface_parameters={"a": 0.5, "b": 10.0},
        hyper={"lr": 0.01},
    )  # fmt: skip
    np.testing.assert_allclose(grid.end[0], (0.5, 0.25), atol=1e-3)
    assert grid.minimum[0] == 0


@settings(max_examples=60, deadline=None)
@given(
    lr=st.floats(min_value=0, max_value=1e6, exclude_min=True),
    beta1=st.floats(min_value=0, max_value=1, exclude_max=True),
    beta2=st.floats(min_value=0, max_value=1, exclude_max=True),
    eps=st.floats(min_value=0, max_value=1),
    x=st.floats(min_value=-1e9, max_value=1e9),
    surface=st.sampled_from(sorted(SURFACES)),
)
def test_allowed_hyperparameters_never_raise(lr, beta1, beta2, eps, x, surface) -> None:
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    run = trace(RULES["adam"], SURFACES[surface], (x, 1.0), 40, hyper=hyper)
    grid = sweep(RULES["adam"], SURFACES[surface], (x, 1.0), 40, hyper=hyper)
    assert run.outcome == grid.outcome[0]
    np.testing.assert_array_equal(run.path[-1], grid.end[0])
    if not np.isfinite(run.path[-1]).all():
        assert run.outcome == Outcome.DIVERGED


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"starts": [[1.0, 2.0, 3.0]]}, "starts has shape (1, 3)"),
        ({"starts": [[1.0, float("inf")]]}, "starts = inf is not allowed"),
        ({"starts": [[1.0, 2.0]] * 3, "hyper": {"lr": [0.1, 0.2]}}, "do not agree on the number of runs"),
        ({"starts": (0, 0), "hyper": {"lr": [0.1, -0.2]}}, "lr = -0.2 is not allowed"),
        ({"starts": (0, 0), "threads": 0}, "threads = 0 is not allowed"),
        ({"starts": [["1", "2"]]}, "is not a number"),
        ({"starts": (0, 0), "threads": -1}, "threads = -1 is not allowed"),
    ],
)
def test_bad_values_are_named(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        sweep(RULES["adam"], SURFACES["ackley"], arguments.pop("starts"), 10, **arguments)
    assert sentence in str(caught.value)


def test_two_threads_sweeping_at_once() -> None:
    """No crash, right results: each begins with the other, some two hundred times."""
    starts = np.random.default_rng(4).uniform(-4, 4, (8192, 2))
    jobs = [("adam", "ackley"), ("momentum", "himmelblau")]
    expected = [sweep(RULES[rule], SURFACES[surface], starts, 60, threads=1) for rule, surface in jobs]
    wrong, both = [], threading.Barrier(2, timeout=SECONDS)

    def work(index: int) -> None:
        rule, surface = jobs[index]
        for _ in range(200):
            both.wait()
            grid = sweep(RULES[rule], SURFACES[surface], starts, 60)
            if not np.array_equal(grid.end, expected[index].end, equal_nan=True):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
