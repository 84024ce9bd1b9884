"""Fair tuning: what each setting is worth, held against traces; equal budgets; the same on any number of threads."""

import json
import threading

import numpy as np
import pytest

from optim_core import RULES, Outcome, trace
from optim_core.runs.sweep import Cancelled
from optim_core.studies import tuning as module
from optim_core.studies.maps import spread_starts
from optim_core.studies.stability import edge, optimum
from optim_core.studies.tuning import FLOOR, GOOD, OBJECTIVES, Tuned, tune
from surfaces import SURFACES

STARTS = spread_starts(SURFACES["himmelblau"], 5, seed=2)


def worth_alone(name: str, objective: str, hyper: dict[str, float], evaluations: int) -> float:
    """The median over the starts, from traces made one by one."""
    surface, each = SURFACES["himmelblau"], []
    asked = 2 if name == "sam" else 1
    for start in STARTS:
        options = {"stop": "loss", "tolerance": 1.0} if objective == "steps" else {}
        with np.errstate(all="ignore"):
            run = trace(RULES[name], surface, start, evaluations // asked, hyper=hyper, **options)
            if run.outcome == Outcome.DIVERGED or not np.isfinite(run.loss).all():
                each.append(np.inf)
            elif objective == "loss":
                each.append(max(run.loss[-1], FLOOR))
            elif objective == "distance":
                away = np.hypot(*(run.path[-1] - surface.minima()[:, :2]).T).min()
                each.append(max(away, FLOOR * 10))
            elif objective == "steps":
                each.append(run.evaluations if run.loss[-1] < 1.0 else np.inf)
            else:
                each.append(10 ** np.mean([np.log10(max(f, FLOOR)) for f in run.loss[1:]]))
    return float(np.median(each))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("search", ["grid", "random"])
def test_each_setting_is_worth_what_traces_say(objective: str, search: str) -> None:
    rules = [RULES[name] for name in ("momentum", "adam", "sam")]
    found = tune(
        rules, SURFACES["himmelblau"], STARTS, objective=objective, search=search, trials=12, evaluations=60,
        names=("lr", "momentum", "beta1"), spans={"lr": (1e-4, 1.0)}, hyper={"adam": {"beta2": 0.9}}, tolerance=1.0,
        seed=7,
    )  # fmt: skip
    assert [one.rule for one in found.rules] == ["momentum", "adam", "sam"]
    failed = 0
    for one in found.rules:
        others = {"adam": {"beta2": 0.9}}.get(one.rule, {})
        assert len(one.worth) == 12
        for index in range(12):
            hyper = {**others, **{name: float(values[index]) for name, values in one.tried.items()}}
            expected = worth_alone(one.rule, objective, hyper, 60)
            assert one.worth[index] == pytest.approx(expected, rel=1e-9), (one.rule, hyper)
            failed += np.isinf(expected)
        at = int(np.argmin(one.worth))
        assert one.value == one.worth[at] < np.inf
        assert {name: one.best[name] for name in one.tried} == {name: v[at] for name, v in one.tried.items()}
        assert set(one.best) == set(RULES[one.rule].Hyper._fields)
    assert failed > 0
    assert found.rules[1].best["beta2"] == 0.9


def test_all_rules_have_one_budget() -> None:
    rules = [RULES[name] for name in ("gradient_descent", "sam", "nesterov_lookahead")]
    found = tune(rules, SURFACES["himmelblau"], STARTS, trials=40, evaluations=51, search="random").rules
    assert [one.steps for one in found] == [51, 25, 51]  # SAM asks for two gradients a step
    for one in found:
        assert 40 * 5 * 50 <= one.evaluations <= 40 * 5 * 51
        np.testing.assert_array_equal(one.tried["lr"], found[0].tried["lr"])


def test_gradient_descent_is_tuned_to_its_optimum_and_its_band_ends_at_the_edge() -> None:
    q = {"condition": 10.0, "angle": 0.0}
    found = tune(
        [RULES["gradient_descent"], RULES["momentum"]], SURFACES["ravine"], [(4.0, 4.0)], trials=400, evaluations=60,
        surface_parameters=q, difference="exact", objective="distance", names=("lr", "momentum"),
        spans={"lr": (1e-3, 1.0)},
    ).rules  # fmt: skip
    plain, heavy = found
    best = optimum("gradient_descent", 1.0, 10.0)["lr"]
    assert plain.best["lr"] == pytest.approx(best, rel=0.03)
    assert heavy.value < plain.value
    assert plain.band is not None
    # Way n of the two is left after 60 steps: the good band is where that is at most twice the best.
    rates = np.geomspace(1e-3, 1.0, 20_001)
    left = 4 * np.hypot((1 - rates) ** 60, (1 - 10 * rates) ** 60)
    good = rates[left <= GOOD * left.min()]
    assert good[-1] < edge("gradient_descent", {}, 10.0)
    np.testing.assert_allclose(plain.band, (good[0], good[-1]), rtol=0.03)
    assert plain.decades == pytest.approx(np.log10(good[-1] / good[0]), abs=0.02)


@pytest.mark.parametrize("search", ["grid", "random"])
def test_the_sensitivity_is_the_best_over_all_else(search: str) -> None:
    (one,) = tune([RULES["adam"]], SURFACES["himmelblau"], STARTS, trials=90, evaluations=80, search=search).rules
    assert set(one.tried) == {"lr", "beta1", "beta2", "eps"}
    if search == "grid":
        assert len(one.worth) == 11 * 2**3  # the fifth root of 90 is 2.46
        np.testing.assert_allclose(one.rates, np.geomspace(1e-5, 1.0, 11), rtol=1e-11)
        for rate, value in zip(one.rates, one.sensitivity, strict=True):
            assert value == one.worth[one.tried["lr"] == rate].min()
        assert one.tried["beta1"].max() < 0.999
    else:
        assert len(one.worth) == 90
        edges = np.geomspace(1e-5, 1.0, 12)  # 90 trials, at least 8 to a bin on average
        for low, high, value in zip(edges[:-1], edges[1:], one.sensitivity, strict=True):
            inside = (one.tried["lr"] >= low) & (one.tried["lr"] < high)
            assert value == one.worth[inside].min() if inside.any() else np.isnan(value)
    assert np.nanmin(one.sensitivity) == one.value
    assert one.band is not None
    assert one.band[0] <= one.best["lr"] <= one.band[1]


@pytest.mark.parametrize(
    ("sensitivity", "band"),
    [
        ([9, 1, 2, 1.5, 9], (1, 4)),
        ([1, 9, 1.5, 1.5, 9], (0, 1)),  # what lies apart does not count
        ([9, np.nan, 1, 1.9, 1.2], (2, 5)),
        ([1, 1, 1, 1, 1], (0, 5)),
        ([np.inf, np.inf, 3, np.nan, 6], (2, 3)),
        ([np.inf, np.nan, np.inf, np.nan, np.inf], None),
    ],
)
def test_the_band(sensitivity: list[float], band: tuple[int, int] | None) -> None:
    edges = np.array([1.0, 2, 4, 8, 16, 32])
    expected = None if band is None else (edges[band[0]], edges[band[1]])
    assert module._band(edges, np.array(sensitivity)) == expected


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_threads_and_chunks_change_no_bit(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, made = [RULES["adam"], RULES["rprop"]], []
    for threads, chunk in ((1, 2**18), (4, 50)):
        monkeypatch.setattr(module, "CHUNK", chunk)
        made.append(
            tune(
                rules, SURFACES["ackley"], spread_starts(SURFACES["ackley"], 7), objective=objective, trials=60,
                evaluations=50, search="random", seed=11, threads=threads,
            )
        )  # fmt: skip
    for one, other in zip(made[0].rules, made[1].rules, strict=True):
        assert one.best == other.best
        assert one.band == other.band
        np.testing.assert_array_equal(one.worth, other.worth)
        np.testing.assert_array_equal(one.sensitivity, other.sensitivity)
    assert made[0].settings == made[1].settings


def test_a_seed_makes_the_settings_and_another_makes_others() -> None:
    def tried(seed: int) -> Tuned:
        return tune(
            [RULES["adam"]], SURFACES["ackley"], (1, 1), trials=20, evaluations=2, search="random", seed=seed
        ).rules[0]

    first, again, other = tried(1), tried(1), tried(2)
    for name, values in first.tried.items():
        np.testing.assert_array_equal(values, again.tried[name])
        assert not np.array_equal(values, other.tried[name])
        assert all(value == float(f"{value:.12g}") for value in values)
        limits = RULES["adam"].ranges[name]
        assert (limits.low <= values.min()) & (values.max() <= limits.high)


@pytest.mark.parametrize("objective", ["loss", "area"])
def test_cancelled_it_leaves_nothing_running(objective: str) -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> bool:
        told.append((done, total))
        return done < 3000

    before = threading.active_count()
    with pytest.raises(Cancelled, match="cancelled after"):
        tune(
            [RULES["adam"], RULES["momentum"]], SURFACES["ackley"], spread_starts(SURFACES["ackley"], 50), trials=100,
            evaluations=20, objective=objective, search="random", threads=2, progress=progress,
        )  # fmt: skip
    assert threading.active_count() == before
    assert told[-1][0] < 10_000
    assert {total for _, total in told} == {10_000}


def test_a_rule_that_comes_to_nothing_and_one_without_a_rate() -> None:
    lost, other = tune(
        [RULES["gradient_descent"], RULES["adam"]], SURFACES["rosenbrock"], (-3.0, 3.0), trials=6, evaluations=50,
        spans={"lr": (1.0, 100.0)}, names=("lr", "beta1"),
    ).rules  # fmt: skip
    assert lost.value == np.inf
    assert lost.band is None
    assert lost.decades == 0
    assert np.isfinite(other.value)
    (no_rate,) = tune(
        [RULES["adam"]], SURFACES["ackley"], (1, 1), trials=9, evaluations=20, names=("beta1", "eps")
    ).rules
    assert len(no_rate.worth) == 9
    assert len(no_rate.rates) == 0
    assert no_rate.band is None


def test_settings_are_ready_for_json() -> None:
    found = tune([RULES["adam"]], SURFACES["ravine"], (1, 2), trials=2, evaluations=4, around={"noise": 0.5})
    read = json.loads(json.dumps(found.settings))
    assert (read["rules"], read["starts"], read["around"]["noise"]) == (["adam"], [[1.0, 2.0]], 0.5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rules": []}, "rules is empty"),
        ({"rules": [RULES["newton"]]}, "rule = newton is not tuned here: it is interpreted step by step"),
        ({"objective": "luck"}, "objective = 'luck' is not one of: loss, distance, steps, area"),
        ({"search": "bayes"}, "search = 'bayes' is not one of: grid, random"),
        ({"trials": 0}, "trials = 0 is not allowed"),
        ({"evaluations": 1}, "evaluations = 1 is not allowed"),
        ({"evaluations": 30_000, "objective": "area"}, "evaluations = 30000 is not allowed with area"),
        ({"names": ["rate"]}, "names = 'rate' is not one of: beta1, beta2"),
        ({"names": ["bias_correction"]}, "has nothing to tune of adam; it has: lr, beta1, beta2, eps"),
        ({"spans": {"lr": (0.0, 1.0)}}, "span of lr = 0 is not allowed"),
        ({"spans": {"lr": (1.0, 0.5)}}, "the span of lr from 1 to 0.5 is not allowed"),
        ({"hyper": {"lion": {}}}, "hyper = 'lion' is not one of: adam"),
        ({"tolerance": -1.0}, "tolerance = -1 is not allowed"),
        ({"seed": -1}, "seed = -1 is not allowed"),
        ({"starts": [1.0, 2.0, 3.0]}, "starts has shape (3,)"),
        ({"threads": 0}, "threads = 0 is not allowed"),
    ],
)
def test_bad_values_are_named(arguments: dict, sentence: str) -> None:
    given = {"rules": [RULES["adam"]], "surface": SURFACES["ackley"], "starts": (1.0, 1.0), "trials": 2, **arguments}
    with pytest.raises(ValueError, match=".") as caught:
        tune(**given)
    assert sentence in str(caught.value)
