"""Comparisons, many starts and another state beneath this one, through Streamlit's AppTest."""

import numpy as np
import pytest

from optim_core import RULES, trace
from optim_core.parameters import Range
from surfaces import SURFACES
from views.shared.settings import Settings, Spread
from views.trajectories.animation import Playback
from views.trajectories.comparisons import GROUPS, MOST, compare_rules, compare_values, proposed, spaced
from views.trajectories.message import caption, message
from views.trajectories.runs import herds

from .test_trajectories import opened, picture


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)
def test_one_click_puts_a_group_side_by_side(group) -> None:
    assert 2 <= len(group.rules) <= MOST
    app = opened()
    app.button(key=f"group:{group.title}").click().run()
    shown = picture(app)
    assert [run["name"] for run in shown["runs"]] == [RULES[rule].title for rule in group.rules]
    assert app.query_params["card.0"].startswith(group.rules[0])


def test_one_click_compares_five_learning_rates() -> None:
    app = opened(card__0="adam,lr=0.1,beta1=0.8")
    app.button(key="compare").click().run()
    shown = picture(app)
    values = [0.01, 0.0316, 0.1, 0.316, 1.0]
    assert [shown["values"][f"card.{k}.lr"] for k in range(5)] == values
    assert [shown["values"][f"card.{k}.beta1"] for k in range(5)] == [0.8] * 5
    assert [run["name"] for run in shown["runs"]] == [f"Adam, lr\u00a0{value:g}" for value in values]
    assert "Adam: lr 0.0316, beta1 0.8" in shown["caption"]


def test_values_that_cannot_be_compared_get_a_sentence() -> None:
    app = opened(card__0="adam")
    app.number_input(key="low:adam:lr").set_value(2.0).run()
    app.button(key="compare").click().run()
    assert len(picture(app)["runs"]) == 1
    assert any("from 2 to 1" in markdown.value for markdown in app.markdown)
    app.number_input(key="low:adam:lr").set_value(-1.0).run()
    app.button(key="compare").click().run()
    assert any("above 0" in markdown.value for markdown in app.markdown)


def test_a_card_that_has_gone_cannot_be_compared() -> None:
    app = opened()
    app.session_state["trajectories"].remove(0)
    app.button(key="compare").click().run()
    assert len(picture(app)["runs"]) == 2
    assert any("no longer there" in markdown.value for markdown in app.markdown)


def test_the_click_takes_what_the_fields_hold_now() -> None:
    app = opened(card__0="adam")
    app.number_input(key="high:adam:lr").set_value(0.5)
    app.number_input(key="compare:count").set_value(3)
    app.button(key="compare").click().run()
    values = picture(app)["values"]
    assert [values[f"card.{k}.lr"] for k in range(3)] == [0.01, 0.0707, 0.5]
    assert "card.3.lr" not in values


def test_spaced_values() -> None:
    assert spaced(0.001, 1.0, 4, log=True) == [0.001, 0.01, 0.1, 1.0]
    assert spaced(0.0, 0.9, 4, log=False) == [0.0, 0.3, 0.6, 0.9]
    for wrong in ((1.0, 1.0, 4, False), (0.0, 1.0, 4, True), (0.1, 1.0, 1, True), (0.1, 1.0, 10, True)):
        with pytest.raises(ValueError, match="allowed|must be"):
            spaced(*wrong)
    assert proposed(Range(1e-4, 2.0, log=True, symbol="x"), 1.0) == (0.1, 2.0)


def test_a_value_outside_its_range_leaves_the_cards() -> None:
    settings = Settings()
    before = dict(settings.cards)
    with pytest.raises(ValueError, match="beta1"):
        compare_values(settings, 2, "beta1", [0.5, 1.5])
    assert settings.cards == before
    compare_rules(settings, tuple(RULES))
    assert len(settings.cards) == MOST


def test_names_tell_what_differs() -> None:
    settings = Settings()
    settings.duplicate(2)
    assert [settings.title(n) for n in (2, 3)] == ["Adam", "Adam 2"]
    settings.apply("card.3.lr", 0.5)
    assert [settings.title(n) for n in (2, 3)] == ["Adam, lr\u00a00.1", "Adam, lr\u00a00.5"]
    settings.duplicate(3)
    assert [settings.title(n) for n in (2, 3, 4)] == ["Adam", "Adam 2", "Adam 3"]


# ---------------------------------------------------------------- many starts


def test_a_ring_of_starts_lies_around_the_start() -> None:
    points = Spread("ring", 8, 0.5).points((1.0, -1.0), (-4.0, 4.0, -2.0, 2.0))
    np.testing.assert_allclose(np.hypot(*((points - [1.0, -1.0]) / [2.0, 1.0]).T), 1.0)
    grid = Spread("grid", 17, 1.0).points((0.0, 0.0), (-1.0, 1.0, -1.0, 1.0))
    assert sorted(set(grid[:, 0].round(9))) == pytest.approx([-1.0, -1 / 3, 1 / 3, 1.0])
    assert len(grid) == 16
    assert not len(Spread().points((0.0, 0.0), (-1.0, 1.0, -1.0, 1.0)))


@pytest.mark.parametrize("rule", ["adam,lr=0.1", "nesterov_lookahead,lr=0.001", "nelder_mead"])
def test_the_paths_of_many_starts_are_those_made_one_by_one(rule: str) -> None:
    settings = Settings.from_query({"surface": "himmelblau", "card.0": rule, "steps": "700", "starts.kind": "ring",
                                    "starts.count": "7", "starts.reach": "0.8", "stop": "step"})  # fmt: skip
    herd = herds(settings)[0]
    surface = SURFACES["himmelblau"]
    starts = settings.spread.points(settings.start, settings.drawn_window)
    assert herd.every == 3
    assert len(herd.path) == (2 if rule == "nelder_mead" else 7)
    picked = starts[[0, 3]] if len(herd.path) == 2 else starts
    for path, start in zip(herd.path, picked, strict=True):
        name, card = settings.cards[0].rule, settings.cards[0].hyper
        alone = trace(RULES[name], surface, start, 700, hyper=card, stop="step", tolerance=settings.tolerance).path
        near = np.abs(alone).max(axis=1) < 1e6
        assert near.any()
        wanted = [min(3 * k, len(alone) - 1) for k in range(len(path))]  # one that has stopped stays there
        kept = np.array([k for k in range(len(path)) if near[wanted[k]]])
        np.testing.assert_array_equal(path[kept], alone[np.array(wanted)[kept]].astype(np.float32))


def test_many_starts_through_the_page() -> None:
    app = opened(starts__kind="grid", starts__count="9", starts__reach="0.5", card__0="momentum,lr=0.01")
    shown = picture(app)
    assert shown["runs"][0]["herd"]["path"].size == 9 * 301 * 2
    assert shown["table"]["rows"][0]["cells"][-1] == "9 of 9"
    assert "9 starts on a grid" in shown["caption"]
    assert app.query_params["starts.kind"] == "grid"
    app.selectbox(key="trajectories:starts.kind").select("one").run()
    assert "herd" not in picture(app)["runs"][0]
    assert app.query_params["starts.kind"] == "one"  # the number is there again when the ring is
    app.selectbox(key="trajectories:starts.kind").select("ring").run()
    assert picture(app)["runs"][0]["herd"]["path"].size == 9 * 301 * 2


def test_the_playback_lasts_as_long_as_the_longest_of_many_starts() -> None:
    settings = Settings.from_query({"surface": "himmelblau", "card.0": "momentum,lr=0.002", "start": "3,2",
                                    "stop": "loss", "tolerance": "0.0001",
                                    "starts.kind": "ring", "starts.count": "5"})  # fmt: skip
    (run,) = message(settings)["runs"]
    starts = settings.spread.points(settings.start, settings.drawn_window)
    hyper = settings.cards[0].hyper
    made = [
        trace(RULES["momentum"], SURFACES["himmelblau"], start, settings.steps, hyper=hyper, stop="loss",
              tolerance=settings.tolerance) for start in starts
    ]  # fmt: skip
    longest = max(len(one.path) - 1 for one in made)
    assert len(run["loss"]) == 1  # it starts at a minimum
    assert 1 < longest < settings.steps
    assert run.get("herd", {}).get("last") == Playback(settings).last == longest


def test_starts_that_are_not_allowed_get_a_sentence() -> None:
    settings = Settings.from_query({"starts.kind": "spiral", "starts.count": "65", "starts.reach": "0"})
    assert set(settings.problems) == {"starts.kind", "starts.count", "starts.reach"}
    assert settings.spread == Spread()
    assert "thin" not in caption(settings).lower()


def test_starts_beyond_all_limits_are_held_inside() -> None:
    shown = picture(opened(start="1e6,0", window="-1e9,1e9,-1,1", starts__kind="ring", starts__reach="2"))
    assert shown["runs"][0]["herd"]["points"]


def test_two_starts_on_a_grid_are_four() -> None:
    assert len(Spread("grid", 2, 0.5).points((0.0, 0.0), (-1.0, 1.0, -1.0, 1.0))) == 4


def test_an_interpreted_rule_runs_from_few_of_the_starts_and_the_caption_says_so() -> None:
    settings = Settings.from_query({"card.0": "newton", "card.1": "adam", "steps": "500", "starts.kind": "ring"})
    found = herds(settings)
    assert [len(found[k].path) for k in (0, 1)] == [4, 16]
    assert "16 starts on a ring around it (from 4 of them: Newton)." in caption(settings)


def test_a_comparison_that_is_refused_keeps_the_name_of_the_old_one() -> None:
    settings = Settings()
    settings.apply("against", "surface=ravine&card.0=adam")
    settings.apply("against.name", "A")
    settings.apply("against", "nothing")
    settings.apply("against.name", "B")
    assert (settings.against, settings.against_name) == ("surface=ravine&card.0=adam", "A")


def test_heights_are_as_the_surface_asks_unless_chosen() -> None:
    for chosen, ravine, ackley in (("auto", True, False), ("log", True, True), ("linear", False, False)):
        for name, expected in (("ravine", ravine), ("ackley", ackley)):
            settings = Settings.from_query({"surface": name, "view.heights": chosen})
            assert message(settings)["surface"]["log_heights"] is expected
