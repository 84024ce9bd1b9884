"""Every number in every story, held against the runs that its link opens."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from optim_core import Outcome, Trace
from optim_core.studies.rolling_ball import rolling_ball
from optim_core.studies.stability import curvature, edge
from surfaces import SURFACES
from views.shared.controls import edges
from views.shared.settings import Settings
from views.shared.stories import STORIES, Story, neighbours
from views.trajectories.message import caption, message
from views.trajectories.runs import balls, runs


def told(name: str, **changes: object) -> Settings:
    """The state that a story's link opens, with settings changed: ``card__0__lr=0.1``."""
    settings = Settings.from_query({"story": name})
    for path, value in changes.items():
        settings.apply(path.replace("__", "."), value)
    assert settings.problems == {}
    return settings


def traces(name: str, **changes: object) -> list[Trace]:
    return [shown.trace for shown in runs(told(name, **changes)).values()]


def says(story: Story, *parts: str) -> None:
    """The text or the task holds each of the parts, whose numbers a test has computed."""
    whole = f"{story.text} {story.task}".replace("−", "-")
    for part in parts:
        assert part in whole, (story.name, part)


def lengths(run: Trace) -> np.ndarray:
    return np.hypot(*np.diff(run.path, axis=0).T)


def crossings(run: Trace, steps: int) -> int:
    """How often the path changes sides of y = 0 in its first steps."""
    y = run.path[: steps + 1, 1]
    return int((y[1:] * y[:-1] < 0).sum())


def apart(one: Trace, other: Trace) -> float:
    return float(np.abs(one.path - other.path).max())


def reached(run: Trace) -> int:
    """The step from which on a run is at a minimum."""
    assert run.outcome == Outcome.CONVERGED
    assert run.since is not None
    return run.since


# ---------------------------------------------------------------- the claims, one function for each story


def ravine(story: Story) -> None:
    descent, momentum = traces("ravine")
    says(story, f"each of its first {crossings(descent, 30)} steps", f"needs {reached(descent)} steps")
    says(story, f"crosses the floor {crossings(momentum, 30)} times in 30", f"needs {reached(momentum)}.")
    surface = SURFACES["ravine"]
    assert surface.hessian.value(0.0, 0.0, surface.Parameters()) == (1, 0, 30)
    says(story, "curvature is 30, along it 1")
    slower = traces("ravine", card__0__lr=0.03, steps=400)[0]
    assert crossings(slower, 10) == 0
    assert reached(slower) / reached(descent) == pytest.approx(2, abs=0.1)


def edge_(story: Story) -> None:
    settings = told("edge")
    largest = curvature(SURFACES["ravine"], SURFACES["ravine"].Parameters())
    says(story, f"L = {largest:g}", f"2/L = {2 / largest:.4f}")
    assert {mark["value"] for mark in edges(settings).values()} == {2 / largest}
    for shown, rate in zip(runs(settings).values(), (0.07, 0.064, 0.03), strict=True):
        y = shown.trace.path[:, 1]
        factor = 1 - rate * largest
        np.testing.assert_allclose(y, 2 * factor ** np.arange(21), rtol=1e-5, atol=1e-9)
        says(story, f"{rate:g}", f"{factor:.3g}")
    first = traces("edge")[0]
    assert first.outcome == Outcome.LEFT_WINDOW
    says(story, f"at step {first.since}.")
    kept = np.abs(traces("edge", card__0__lr=0.0667)[0].path[:, 1])
    assert np.abs(kept / 2 - 1).max() < 0.03
    before = edges(settings)["card.0.lr"]["value"]
    assert edges(told("edge", surface__condition=60))["card.0.lr"]["value"] == before / 2


def forms(story: Story) -> None:
    momentum, same_rate, average = traces("forms")
    assert apart(momentum, average) < 1e-8
    exact = traces("forms", difference="exact")
    assert apart(exact[0], exact[2]) < 1e-9
    says(story, "0.02 beside 0.002", "less than 1e-8")
    assert lengths(same_rate)[0] == pytest.approx(lengths(momentum)[0] / 10)
    # A swing: the path turns back in x on its way to the minimum.
    assert (np.diff(same_rate.path[:40, 0]) < 0).all()
    assert (np.diff(momentum.path[:40, 0]) > 0.1).any()
    says(story, "0.8", "0.01")
    again = traces("forms", card__0__momentum=0.8, card__10__beta=0.8, card__10__lr=0.01)
    assert apart(again[0], again[2]) < 1e-8


def ball(story: Story) -> None:
    settings = told("ball")
    momentum = runs(settings)[1].trace
    path = balls(settings)[1]["path"].reshape(-1, 2)[::4]
    away = np.hypot(*(momentum.path - path).T)
    assert 0.5 < away.max() < 0.6
    assert np.hypot(*(path[-1] - (3.584428, -1.848127))) < 0.1
    assert momentum.outcome == Outcome.CONVERGED
    nearest = np.hypot(*(SURFACES["himmelblau"].minima()[:, :2]).T).argmin()
    assert momentum.minimum != nearest
    says(story, f"1 - μ = {1 - settings.cards[1].hyper['momentum']:.2g}", "within 0.6")
    coarse = told("ball", card__1__lr=0.02)
    path = balls(coarse)[1]["path"].reshape(-1, 2)[::4]
    says(story, "rate to 0.02", "3.5 apart")
    assert np.hypot(*(runs(coarse)[1].trace.path - path).T).max() == pytest.approx(3.5, abs=0.1)


def shrinking(story: Story) -> None:
    adagrad, rmsprop = traces("shrinking")
    minimum = SURFACES["himmelblau"].minima()[2, :2]
    left, other = (np.hypot(*(run.path - minimum).T) for run in (adagrad, rmsprop))
    says(story, f"after 40 steps it has {left[40]:.2f} of {left[0]:.2f} left", "after 300 it still creeps")
    assert adagrad.outcome == Outcome.STILL_MOVING
    assert (np.diff(adagrad.state["s"], axis=0) > 0).all()
    near = other <= 0.01
    arrived = int(np.argmax(near))
    assert near[arrived : arrived + 40].all()
    thrown_out = arrived + int(np.argmin(near[arrived:]))
    says(story, f"at the minimum after {arrived};", f"at step {thrown_out} it is thrown out")
    v = rmsprop.state["v"]
    assert (v[80] < 0.02 * v[arrived]).all()
    faster = traces("shrinking", card__0__lr=0.5)[0]
    says(story, f"at step {reached(faster)}")


def sign(story: Story) -> None:
    forgetful, remembering, by_sign = traces("sign")
    assert apart(forgetful, by_sign) == 0
    np.testing.assert_allclose(np.abs(np.diff(by_sign.path, axis=0)), 0.1, rtol=1e-9)
    assert forgetful.outcome == by_sign.outcome == Outcome.CYCLING
    assert np.ptp(np.abs(np.diff(remembering.path, axis=0))[:20]) > 0.05
    says(story, "±0.1", "α = 0.9")
    moved = traces("sign", card__0__alpha=0.3)[0]
    assert np.ptp(np.abs(np.diff(moved.path, axis=0))[:20]) > 0.01


def bias(story: Story) -> None:
    corrected, raw = traces("bias")
    ratio = lengths(raw) / lengths(corrected)
    says(story, f"{ratio[0]:.2f} times as long", f"the fifth {ratio[4]:.1f} times")
    assert ratio[0] == pytest.approx(0.1 / np.sqrt(0.001), rel=1e-6)
    assert np.abs(np.diff(corrected.path, axis=0))[:10].max() <= 0.1
    says(story, "no step in the first ten is longer than 0.1")
    assert raw.path[:, 0].max() > 1.5
    assert corrected.path[:, 0].max() < 0.2
    switched = traces("bias", card__1__bias_correction=1)
    assert apart(*switched) == 0
    short = traces("bias", card__1__beta2=0.9)[1]
    says(story, "β₂ to 0.9", "a third")
    assert lengths(short)[0] / lengths(corrected)[0] == pytest.approx(1 / 3, abs=0.02)


def decay(story: Story) -> None:
    penalised, decayed, plain = traces("decay")
    assert apart(penalised, plain) < 1e-9
    assert apart(decayed, plain) > 0.3
    # Each step of AdamW without its gradient's part is x (1 - lr decay): shrinking at every step.
    assert (decayed.path[1] != plain.path[1]).all()
    np.testing.assert_allclose(decayed.path[1] - plain.path[1], -0.1 * decayed.path[0], rtol=1e-9)
    says(story, "penalty of 1", "decay of 1")
    turned = traces("decay", surface__angle=45)
    assert apart(turned[0], turned[2]) > 0.1


def printed(story: Story) -> None:
    descent, momentum = traces("printed")
    says(story, f"needs {descent.steps} epochs and momentum {momentum.steps}.")
    value = descent.loss[0]
    says(story, "-3,300")
    assert -value / 2e-3 == pytest.approx(-3300, abs=5)
    np.testing.assert_allclose(descent.gradient[0], -value / 2e-3, rtol=5e-3)
    for run in (descent, momentum):
        np.testing.assert_array_equal(run.path[:, 0], run.path[:, 1])
        assert 0 < run.loss[-1] < 0.1
        assert run.loss.max() > run.loss[0]  # over a dent's edge: uphill, too


def mended(story: Story) -> None:
    descent, momentum, faster = traces("mended")[0], traces("mended")[2], traces("mended")[1]
    assert descent.steps == momentum.steps == 1
    says(story, "after 1 epoch", f"({descent.path[-1, 0]:.5f}, {descent.path[-1, 1]:.5f})")
    assert np.abs(descent.path[1] - descent.path[0]).sum() < 1e-3
    assert faster.outcome == Outcome.LOCAL_MINIMUM
    says(story, f"near ({faster.path[-1, 0]:.3f}, {faster.path[-1, 1]:.3f})")
    wrong = traces("mended", difference="as_printed")
    says(story, f"numbers {wrong[0].steps} and {wrong[2].steps} come back")


def ridge(story: Story) -> None:
    for run in traces("ridge"):
        assert run.outcome == Outcome.AT_SADDLE
        assert (run.path[:, 1] == 0).all()
    minima = SURFACES["saddle"].minima(SURFACES["saddle"].Parameters())
    assert minima[:, :2].tolist() == [[0, -3], [0, 3]]
    assert (minima[:, 2] < 0).all()
    says(story, "(0, 3) and (0, -3)", "noise of 0.001")
    for changes in ({"start": [-3, 0.001]}, {"around__noise": 0.001}):
        assert {run.outcome for run in traces("ridge", **changes)} == {Outcome.CONVERGED}


def beside(story: Story) -> None:
    descent, momentum, adam, newton = traces("beside")
    assert {run.minimum for run in (descent, momentum, adam)} == {1}
    says(story, f"(0, 3) at step {reached(adam)}", f"there at step {reached(momentum)}")
    says(story, f"needs {reached(descent)}.")
    assert np.hypot(*descent.path.T).min() < 0.01
    assert newton.outcome == Outcome.AT_SADDLE
    near, far = traces("beside", start=[-3, 0.01]), traces("beside", start=[-3, 1e-9], steps=400)
    assert abs(reached(near[2]) - reached(far[2])) <= 1
    assert reached(near[0]) < reached(descent) < reached(far[0])


def dents(story: Story) -> None:
    descent, momentum, adam, cma = traces("dents")
    assert descent.outcome == adam.outcome == Outcome.LOCAL_MINIMUM
    assert apart(descent, adam) > 0.01
    for run in (descent, adam):
        says(story, f"({run.path[-1, 0]:.3f}, {run.path[-1, 1]:.4f})")
    assert np.hypot(*momentum.path[100:].T).max() < 0.3
    says(story, f"at step {reached(cma)}.")
    assert cma.cloud is not None
    assert np.ptp(cma.cloud[cma.cloud_step == 1], axis=0).min() > 1  # a dent is 1 wide
    caught = traces("dents", start=[-3.6, 2.7])[1]
    assert caught.outcome == Outcome.LOCAL_MINIMUM
    escaped = traces("dents", card__2__lr=0.3)[2]
    assert np.hypot(*escaped.path[-1]) < 0.1


CLAIMS: dict[str, Callable[[Story], None]] = {
    "ravine": ravine, "edge": edge_, "forms": forms, "ball": ball, "shrinking": shrinking, "sign": sign, "bias": bias,
    "decay": decay, "printed": printed, "mended": mended, "ridge": ridge, "beside": beside, "dents": dents,
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_what_a_story_says_is_so(name: str) -> None:
    CLAIMS[name](STORIES[name])


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_story_is_a_link(story: Story) -> None:
    opened = Settings.from_query({"story": story.name})
    assert opened.problems == {}
    assert opened.story == story.name
    whole = Settings.from_query(opened.to_query())
    assert whole == opened
    by_hand = Settings.from_query(story.query)
    assert by_hand.story is None
    by_hand.story = story.name
    assert by_hand == opened
    # Every field of its link arrives: nothing is written in a form that the page would write otherwise.
    written = opened.to_query()
    for name in story.query:
        assert name in written
    assert 2 <= story.text.count(". ") + 1 <= 4
    assert message(opened)["alt"]


def test_a_link_changes_a_story() -> None:
    changed = Settings.from_query({"story": "ravine", "steps": "50", "card.0": "adam"})
    assert (changed.steps, changed.cards[0].rule, changed.cards[1].rule) == (50, "adam", "momentum")
    # A whole link is not mixed with the story: what it leaves out is at its default.
    whole = Settings.from_query({"story": "ball", "surface": "himmelblau", "card.1": "momentum"})
    assert (whole.story, whole.view.ball, whole.steps) == ("ball", False, Settings().steps)


def test_an_unknown_story_gets_a_sentence() -> None:
    settings = Settings.from_query({"story": "ravin"})
    assert "story = 'ravin' is not one of: ravine, edge" in settings.problems["story"]
    settings.problems = {}
    assert settings == Settings()


def test_another_surface_leaves_the_story() -> None:
    settings = told("ravine", steps=50)
    assert settings.story == "ravine"
    settings.apply("surface", "beale")
    assert settings.story is None


def test_neighbours() -> None:
    names = list(STORIES)
    before = [neighbours(name)[0] for name in names]
    after = [neighbours(name)[1] for name in names]
    assert [story and story.name for story in before] == [None, *names[:-1]]
    assert [story and story.name for story in after] == [*names[1:], None]


# ---------------------------------------------------------------- the ball and the edge


@pytest.mark.parametrize("friction", [0.05, 0.1])
def test_the_ball_is_the_damped_oscillator(friction: float) -> None:
    """On a quadratic each coordinate has a closed form: exp(-ct/2) (cos wt + c/2w sin wt), w^2 = lr k - c^2/4."""
    surface = SURFACES["ravine"]
    path = rolling_ball(surface, surface.Parameters(30.0, 0.0), (-4, 2), 0.01, 1 - friction, 100)
    t = np.arange(101)
    for axis, (start, k) in enumerate(((-4, 1), (2, 30))):
        w = np.sqrt(0.01 * k - friction**2 / 4)
        expected = start * np.exp(-friction * t / 2) * (np.cos(w * t) + friction / (2 * w) * np.sin(w * t))
        np.testing.assert_allclose(path[:, axis], expected, atol=2e-5)


def test_the_ball_as_another_solver_finds_it() -> None:
    surface = SURFACES["himmelblau"]

    def motion(_: float, z: np.ndarray) -> list[float]:
        x, y, u, w = z
        a, b = x * x + y - 11, x + y * y - 7
        return [u, w, -0.05 * u - 0.003 * (4 * x * a + 2 * b), -0.05 * w - 0.003 * (2 * a + 4 * y * b)]

    t = np.arange(0, 60.25, 0.25)
    other = solve_ivp(motion, (0, 60), [0, 0, 0, 0], "LSODA", t, rtol=1e-10, atol=1e-10).y[:2].T
    path = rolling_ball(surface, surface.Parameters(), (0, 0), 0.003, 0.95, 60, 4)
    assert path.shape == other.shape
    np.testing.assert_allclose(path, other, atol=1e-3)


@pytest.mark.parametrize("lr", [1e-5, 1.0, 1e6])
@pytest.mark.parametrize("name", SURFACES)
def test_a_ball_never_raises(name: str, lr: float) -> None:
    surface = SURFACES[name]
    for start in (surface.start, (0.0, 0.0), (1e6, -1e6)):
        path = rolling_ball(surface, surface.Parameters(), start, lr, 0.9, 50)
        assert 1 <= len(path) <= 51
        assert np.isfinite(path).all()
        np.testing.assert_array_equal(path[0], start)


def test_balls_are_named_and_only_momentum_has_one() -> None:
    settings = told("ball")
    settings.add("adam")
    settings.add("momentum_average", {"lr": 0.06, "beta": 0.95})
    found = balls(settings)
    assert len(found) == 2
    one, other = found.values()
    np.testing.assert_allclose(one["path"], other["path"], atol=1e-4)
    assert "Dotted: the ball that Momentum imitates, friction 0.05" in caption(settings)
    assert len(message(settings)["references"]) == 2
    settings.apply("view.ball", 0)
    assert message(settings)["references"] == []
    assert "Dotted" not in caption(settings)


@pytest.mark.parametrize(
    ("rule", "hyper"),
    [("gradient_descent", {}), ("momentum", {"momentum": 0.9}), ("momentum", {"momentum": 0.5, "dampening": 0.3}),
     ("momentum_average", {"beta": 0.8})],
)  # fmt: skip
def test_below_the_edge_a_rule_settles_and_above_it_does_not(rule: str, hyper: dict[str, float]) -> None:
    from optim_core import RULES, trace

    surface = SURFACES["ravine"]
    largest = curvature(surface, surface.Parameters())
    at = edge(rule, hyper, largest)
    below, above = (
        trace(RULES[rule], surface, (-4, 2), 2000, hyper={**hyper, "lr": at * factor}, difference="exact")
        for factor in (0.99, 1.01)
    )
    assert abs(below.path[-1, 1]) < 1e-3
    assert not abs(above.path[-1, 1]) < 1e3


def test_the_edge_where_there_is_none() -> None:
    assert np.isnan(curvature(SURFACES["ackley"], None))
    assert edges(Settings.from_query({"surface": "ackley"})) == {}
    least = np.inf
    for x, y, _ in SURFACES["himmelblau"].minima():
        a, b, c = 12 * x * x + 4 * y - 42, 4 * (x + y), 4 * x + 12 * y * y - 26
        least = min(least, (a + c) / 2 + np.hypot((a - c) / 2, b))
    assert curvature(SURFACES["himmelblau"], None) == pytest.approx(least, rel=1e-12)
    with pytest.raises(ValueError, match="no edge is known for the rule 'adam'"):
        edge("adam", {}, 1.0)
