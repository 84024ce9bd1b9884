"""Traces: what they remember, how they stop, and the numbers of a well-known tutorial."""

import numpy as np
import pytest

from optim_core import RULES, Outcome, trace, traces
from surfaces import SURFACES
from tests.few_surfaces import FEW

ACKLEY = SURFACES["ackley"]
TUTORIAL = {"hyper": {"lr": 1e-5}, "spacing": 1e-3, "stop": "step", "tolerance": 1e-3}


def test_the_tutorial_reports_139_epochs_with_its_gradient_as_printed() -> None:
    """f(x+h) - f(x-h) / (2h), the pair of parentheses missing; it ends at (-0.01838, -0.01838)."""
    run = trace(RULES["gradient_descent"], ACKLEY, (-2, -2), 10_000, difference="as_printed", **TUTORIAL)
    assert run.steps == 139
    np.testing.assert_allclose(run.path[-1], (-0.01838, -0.01838), atol=5e-6)


def test_the_tutorial_reports_127_epochs_with_momentum() -> None:
    options = {**TUTORIAL, "hyper": {"lr": 1e-5, "momentum": 0.1}}
    run = trace(RULES["momentum"], ACKLEY, (-2, -2), 10_000, difference="as_printed", **options)
    assert run.steps == 127
    np.testing.assert_allclose(run.path[-1], (-0.01710, -0.01710), atol=5e-6)


@pytest.mark.parametrize("name", ["gradient_descent", "momentum"])
def test_with_the_right_gradient_the_tutorial_stops_after_1_epoch(name: str) -> None:
    run = trace(RULES[name], ACKLEY, (-2, -2), 10_000, difference="central", **TUTORIAL)
    assert run.steps == 1
    np.testing.assert_allclose(run.path[-1], (-1.99999, -1.99999), atol=1e-5)


def test_the_tutorial_with_momentum_09_does_not_stop_within_200000_epochs() -> None:
    options = {**TUTORIAL, "hyper": {"lr": 1e-5, "momentum": 0.9}}
    assert trace(RULES["momentum"], ACKLEY, (-2, -2), 200_000, difference="as_printed", **options).steps == 200_000


@pytest.mark.parametrize("name", RULES)
def test_everything_is_remembered(name: str) -> None:
    rule, surface = RULES[name], SURFACES["himmelblau"]
    run = trace(rule, surface, (0.0, -4.0), 50)
    count = run.steps
    assert count == 50 or rule.kind in ("closure", "recorded")  # which may come to rest, or end by themselves
    assert run.path.shape == (count + 1, 2)
    assert run.loss.shape == (count + 1,)
    assert run.gradient.shape == (count, 2)
    np.testing.assert_array_equal(run.path[0], (0.0, -4.0))
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run.loss, surface.value(run.path[:, 0], run.path[:, 1]), rtol=1e-13, atol=1e-12)
    asked = run.path[:-1] if run.look is None else run.look
    gradient = np.array(surface.derivative.value(asked[:, 0], asked[:, 1])).T
    finite = np.abs(asked).max(axis=1) < 100
    np.testing.assert_allclose(run.gradient[finite], gradient[finite], rtol=1e-6, atol=1e-6)
    assert list(run.state) == list(rule.State._fields)
    initial = rule.init(run.path[0].reshape(2, 1) if rule.scope == "matrix" else run.path[0])
    for field, values in run.state.items():
        assert len(values) == count + 1
        np.testing.assert_array_equal(values[0], np.squeeze(getattr(initial, field)))
    assert run.evaluations >= count


@pytest.mark.parametrize(("difference", "spacing", "error"), [("central", 6e-6, 1e-8), ("forward", 1e-7, 1e-4)])
def test_differences_approach_the_exact_gradient(difference: str, spacing: float, error: float) -> None:
    for surface in map(SURFACES.__getitem__, FEW):
        start = (0.6, -1.3)
        exact = trace(RULES["gradient_descent"], surface, start, 1, difference="exact").gradient[0]
        ours = trace(RULES["gradient_descent"], surface, start, 1, difference=difference, spacing=spacing).gradient[0]
        np.testing.assert_allclose(ours, exact, atol=error * (1 + np.abs(exact).max()))


def test_stop_by_gradient_makes_no_step_from_where_it_is_short() -> None:
    run = trace(RULES["gradient_descent"], SURFACES["ravine"], (-4, 2), 5000, stop="gradient", tolerance=1e-2)
    lengths = np.hypot(*run.path.T * np.array([[1.0], [30.0]]))  # the gradient at each point, by hand
    assert run.steps < 5000
    assert lengths[-1] < 1e-2
    assert (lengths[:-1] >= 1e-2).all()


def test_stop_by_loss_is_measured_from_the_lowest_minimum() -> None:
    surface = SURFACES["saddle"]
    run = trace(RULES["momentum"], surface, (-3, 0.5), 5000, stop="loss", tolerance=0.1)
    assert run.loss[-1] < -2.25 + 0.1 <= run.loss[-2]
    assert run.steps < 5000


def test_stop_by_step_ends_after_the_first_short_step() -> None:
    run = trace(RULES["momentum"], SURFACES["ravine"], (-4, 2), 5000, stop="step", tolerance=1e-3)
    sizes = np.abs(np.diff(run.path, axis=0)).sum(axis=1)
    assert sizes[-1] < 1e-3
    assert (sizes[:-1] >= 1e-3).all()


def test_a_start_that_satisfies_the_stop_rule_makes_no_step() -> None:
    for stop in ("gradient", "loss"):
        run = trace(RULES["adam"], SURFACES["rosenbrock"], (1, 1), 100, difference="exact", stop=stop)
        assert (run.steps, len(run.path)) == (0, 1)
        assert run.outcome == Outcome.CONVERGED
        assert run.since == 0


@pytest.mark.parametrize(
    ("rule", "hyper", "surface", "start", "outcome"),
    [
        ("gradient_descent", {"lr": 1.0}, "rosenbrock", (-1.2, 1.0), Outcome.DIVERGED),
        ("gradient_descent", {"lr": 2.2 / 30}, "ravine", (0.0, 0.01), Outcome.DIVERGED),
        ("momentum", {"lr": 0.01}, "ravine", (-4.0, 2.0), Outcome.CONVERGED),
        ("adam", {"lr": 0.1}, "ackley", (3.2, 3.2), Outcome.LOCAL_MINIMUM),
        ("gradient_descent", {"lr": 0.1}, "saddle", (-3.0, 0.0), Outcome.AT_SADDLE),
        ("gradient_descent", {"lr": 2.0 / 30}, "ravine", (0.0, 1.0), Outcome.CYCLING),
        ("gradient_descent", {"lr": 1.2892}, "saddle r=1", (0.0, 0.5), Outcome.CYCLING),  # period 8
        ("gradient_descent", {"lr": (2 - 2e-5) / 30}, "ravine", (0.0, 1.0), Outcome.STILL_MOVING),  # contracts slowly
        (
            "gradient_descent",
            {"lr": 0.01},
            "himmelblau",
            (-0.270844590667347613, -0.923038556479981463),
            Outcome.AT_REST,
        ),
        ("gradient_descent", {"lr": 1e-4}, "ravine", (-4.0, 2.0), Outcome.STILL_MOVING),
        ("gradient_descent", {"lr": 1e-4}, "ravine", (-6.0, 0.0), Outcome.LEFT_WINDOW),
    ],
)
def test_outcomes(rule: str, hyper: dict, surface: str, start: tuple, outcome: Outcome) -> None:
    surface, _, r = surface.partition(" r=")
    parameters = {"r": float(r)} if r else {}
    run = trace(
        RULES[rule], SURFACES[surface], start, 1000, hyper=hyper, surface_parameters=parameters, difference="exact"
    )
    assert run.outcome == outcome


def test_a_single_step_is_no_cycle() -> None:
    run = trace(RULES["gradient_descent"], SURFACES["himmelblau"], (-6.66485887, -6.38604182), 1, hyper={"lr": 0.01})
    assert run.outcome == Outcome.STILL_MOVING


def test_since_is_the_step_from_which_the_outcome_holds() -> None:
    surface = SURFACES["ravine"]
    run = trace(RULES["momentum"], surface, (-4, 2), 2000)
    near = np.hypot(*run.path.T) <= 1e-3 * surface.scale
    assert run.since is not None
    assert near[run.since :].all()
    assert not near[run.since - 1]
    diverged = trace(RULES["gradient_descent"], surface, (-4, 2), 500, hyper={"lr": 0.1})
    assert diverged.since is not None
    assert np.abs(diverged.path[diverged.since]).max() > 1e6 * surface.scale
    assert np.abs(diverged.path[diverged.since - 1]).max() <= 1e6 * surface.scale


BAD = [
    ({"start": (float("nan"), 0)}, "start x = nan is not allowed"),
    ({"start": (1, 2, 3)}, "is not a point"),
    ({"start": ("a", 0)}, "start x = 'a' is not a number"),
    ({"steps": 10_000_000}, "steps = 1e+07 is not allowed; it must lie in [1, 1000000]"),
    ({"steps": 0}, "steps = 0"),
    ({"steps": 2.5}, "steps = 2.5 is not a whole number"),
    ({"hyper": {"lr": 0}}, "lr = 0 is not allowed; it must lie in (0, 1e6]"),
    ({"hyper": {"lr": -1}}, "lr = -1 is not allowed"),
    ({"hyper": {"lr": 1e300}}, "lr = 1e+300 is not allowed"),
    ({"hyper": {"lr": 10**400}}, "is not a number; it must lie in (0, 1e6]"),
    ({"hyper": {"lr": None}}, "lr = None is not a number"),
    ({"hyper": {"lr": True}}, "lr = True is not a number"),
    ({"hyper": {"lr": np.array(1j)}}, "lr = array(0.+1.j) is not a number"),
    ({"hyper": [0.1]}, "must be given by name"),
    ({"steps": np.timedelta64(3)}, "is not a number"),
    ({"difference": np.array(["central", "x"])}, "is not one of"),
    ({"hyper": {"lr": "fast"}}, "lr = 'fast' is not a number"),
    ({"hyper": {"beta1": 1.0}}, "beta1 = 1 is not allowed; it must lie in [0, 1)"),
    ({"hyper": {"bias_correction": 0.5}}, "bias_correction = 0.5 is not allowed; it must be 0 (off) or 1 (on)"),
    ({"hyper": {"gamma": 1}}, "rule adam has no parameter 'gamma'; it has: lr, beta1, beta2, eps, bias_correction"),
    ({"surface_parameters": {"c": 1}}, "surface rosenbrock has no parameter 'c'; it has: a, b"),
    ({"difference": "backward"}, "difference = 'backward' is not one of: central, forward, exact, as_printed"),
    ({"stop": "soon"}, "stop = 'soon' is not one of: none, step, gradient, loss"),
    ({"spacing": 0}, "spacing = 0 is not allowed"),
    ({"tolerance": -1}, "tolerance = -1 is not allowed"),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_values_are_named(wrong: dict, sentence: str) -> None:
    arguments = {"start": (-1.2, 1.0), "steps": 10, **wrong}
    with pytest.raises(ValueError, match=".") as caught:
        trace(RULES["adam"], SURFACES["rosenbrock"], arguments.pop("start"), arguments.pop("steps"), **arguments)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["adam", "nesterov_lookahead", "newton"])
@pytest.mark.parametrize("stop", ["none", "step", "loss"])
def test_many_starts_at_once_are_the_runs_one_by_one(name: str, stop: str) -> None:
    starts = np.random.default_rng(7).uniform(-4, 4, (5, 2))
    options = {"surface_parameters": {"condition": 12.0}, "stop": stop, "tolerance": 1e-2}
    found = traces(RULES[name], SURFACES["ravine"], starts, 150, **options)
    for start, path, outcome, minimum in zip(starts, found.path, found.outcome, found.minimum, strict=True):
        alone = trace(RULES[name], SURFACES["ravine"], start, 150, **options)
        np.testing.assert_array_equal(path[: len(alone.path)], alone.path)
        assert np.isnan(path[len(alone.path) :]).all()
        assert (outcome, minimum) == (alone.outcome, alone.minimum)


@pytest.mark.parametrize("starts", [(0.0, 0.0), np.zeros((65, 2)), np.zeros((0, 2)), [[0.0, float("nan")]]])
def test_starts_that_cannot_be_are_named(starts) -> None:
    with pytest.raises(ValueError, match="starts"):
        traces(RULES["adam"], SURFACES["ravine"], starts, 10)
