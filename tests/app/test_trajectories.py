"""The Trajectories page through Streamlit's AppTest: what it sends to its components, and how it meets bad input."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from optim_core import RULES
from surfaces import SURFACES
from tests.few_surfaces import FEW
from tests.patience import SECONDS
from views.shared.controls import controls, details
from views.shared.fields import plain
from views.shared.packing import pack, unpack
from views.shared.settings import MAX_CARDS, MAX_STEPS, Settings
from views.trajectories.message import message

APP = str(Path(__file__).parents[2] / "app.py")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def picture(app: AppTest) -> dict:
    """The message of the live plot."""
    assert not app.exception
    payloads = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    assert len(payloads) == 1
    return unpack(payloads[0])


def test_the_first_picture_is_complete() -> None:
    shown = picture(opened())
    assert [run["name"] for run in shown["runs"]] == ["Gradient descent", "Momentum", "Adam"]
    assert shown["surface"]["name"] == "Ravine"
    assert shown["grid"]["z"].size == 200 * 200
    for run in shown["runs"]:
        assert run["path"].size == 2 * run["loss"].size == 2 * run["distance"].size == 2 * 301
        np.testing.assert_array_equal(run["path"][:2], SURFACES["ravine"].start)
    assert len(shown["table"]["rows"]) == 3
    assert "κ = 30" in shown["caption"]
    assert "reached (0, 0)" in shown["alt"]
    assert shown["problems"] == {}


@pytest.mark.parametrize("surface", SURFACES)
def test_every_surface_is_drawn(surface: str) -> None:
    shown, found = picture(opened(surface=surface)), SURFACES[surface]
    assert shown["surface"]["name"] == found.title
    assert np.isfinite(shown["grid"]["z"]).all()
    assert len(shown["surface"]["minima"]) == len(found.minima())
    assert shown["surface"]["f_star"] <= shown["grid"]["z"].min() + 1e-9 * np.ptp(shown["grid"]["z"])
    for run in shown["runs"]:
        np.testing.assert_array_equal(run["path"][:2], np.array(found.start, dtype=np.float32))
    assert shown["problems"] == {}


@pytest.mark.parametrize("surface", FEW)
def test_every_rule_on_a_surface(surface: str) -> None:
    names = list(RULES)
    for first in range(0, len(names), MAX_CARDS):
        rules = names[first : first + MAX_CARDS]
        cards = {f"card__{number}": rule for number, rule in enumerate(rules)}
        shown = picture(opened(surface=surface, **cards))
        names_shown = {"lookahead": "Lookahead (Adam)", "sam": "SAM (Momentum)"}
        assert [run["name"] for run in shown["runs"]] == [names_shown.get(rule, RULES[rule].title) for rule in rules]
        assert len({run["colour"] + run["dash"] for run in shown["runs"]}) == len(rules)
        for run in shown["runs"]:
            assert np.isfinite(run["path"]).all()
            assert np.isfinite(run["loss"]).all()


def test_choosing_another_surface_starts_where_it_says() -> None:
    app = opened()
    app.selectbox(key="trajectories:surface").select("rosenbrock").run()
    shown = picture(app)
    assert shown["surface"]["name"] == "Rosenbrock"
    assert shown["start"] == list(SURFACES["rosenbrock"].start)
    assert app.query_params["surface"] == "rosenbrock"


def test_adding_optimizers_up_to_the_limit() -> None:
    app = opened()
    for _ in range(MAX_CARDS - 3):
        app.selectbox(key="add").select("adamw").run()
    assert len(picture(app)["runs"]) == MAX_CARDS
    app.selectbox(key="add").select("adam").run()
    assert len(picture(app)["runs"]) == MAX_CARDS
    assert any(f"at most {MAX_CARDS}" in markdown.value for markdown in app.markdown)


def test_a_link_shows_the_same_picture() -> None:
    first = opened(surface="rosenbrock", surface__b="50", start="-1,0.5", steps="123", difference="exact", stop="step",
                   tolerance="1e-5", window="-3,3,-2,2", resolution="50", card__4="adam,lr=0.03,beta1=0.8",
                   card__1="momentum,lr=0.001,off", view__layout="contour", view__step="7")  # fmt: skip
    second = opened(**dict(first.query_params))
    a, b = picture(first), picture(second)
    assert a.keys() == b.keys()
    for key in a.keys() - {"stamp", "runs", "grid"}:
        assert a[key] == b[key], key
    assert (a["start"], a["steps"], a["view"]["step"], a["surface"]["window"]) == ([-1, 0.5], 123, 7, [-3, 3, -2, 2])
    assert [run["id"] for run in a["runs"]] == [4]
    for one, other in zip(a["runs"], b["runs"], strict=True):
        np.testing.assert_array_equal(one["path"], other["path"])
    np.testing.assert_array_equal(a["grid"]["z"], b["grid"]["z"])


RUBBISH = {
    "surface": "<script>", "surface.condition": "many", "surface.zzz": "1", "start": "nan,inf", "steps": "10000000",
    "difference": "sideways", "spacing": "-1", "stop": "never ever", "tolerance": "0", "window": "5,1,2",
    "resolution": "1e9", "card.0": "no_such_rule", "card.1": "adam,lr=0,beta1=2,eps=x,gamma=3", "card.x": "adam",
    "view.layout": "spiral", "view.step": "-4", "view.nothing": "1", "__class__": "1",
}  # fmt: skip


def test_a_link_with_rubbish_in_every_field() -> None:
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    for name, value in RUBBISH.items():
        app.query_params[name] = value
    app.run()
    shown = picture(app)
    problems = shown["problems"]
    problems = {**app.session_state["trajectories"].problems, **problems}
    for path in ("surface", "start", "steps", "difference", "spacing", "stop", "tolerance", "window", "resolution",
                 "card.1.lr", "card.1.beta1", "card.1.eps", "link"):  # fmt: skip
        assert problems[path].endswith("."), path
    assert "0 is not allowed; it must lie in (0, 1e6]" in problems["card.1.lr"]
    assert f"[1, {MAX_STEPS}]" in problems["steps"]
    assert [run["name"] for run in shown["runs"]] == ["Adam"]
    said = " ".join(markdown.value for markdown in app.markdown)
    for sentence in ("surface =", "difference =", "stop =", "In the link"):
        assert sentence in said


@pytest.mark.parametrize(
    ("path", "value"),
    [("card.2.lr", 0), ("card.2.lr", -1), ("card.2.lr", 1e300), ("card.2.lr", "abc"), ("start", [float("nan"), 0]),
     ("start.x", "nan"), ("steps", 10_000_000), ("steps", 1.5), ("card.9.lr", 1), ("window.x0", 7), ("nothing", 1),
     ("resolution", 1), ("card.2.bias_correction", 0.3), ("steps", 10**400), ("card.2.on", "false"),
     ("view.log_loss", "banana"), ("start", "12"), ("start", None)],
)  # fmt: skip
def test_a_bad_change_gets_a_sentence_and_changes_nothing(path: str, value: object) -> None:
    state, before = Settings(), Settings()
    state.apply(path, value)
    assert state.problems[path].endswith(".")
    state.problems = {}
    assert state == before


def test_a_good_change_takes_the_sentence_away() -> None:
    state = Settings()
    state.apply("card.2.lr", 0)
    state.apply("card.2.lr", "0.5")
    assert state.problems == {}
    assert state.cards[2].hyper["lr"] == 0.5


@pytest.mark.parametrize("window", ["-1.2345749,2,-1,1", "1000000,1000001,0,1", "-1e9,1e9,-1e9,1e9", "0,1e-5,0,1e-5"])
def test_any_window_can_be_drawn(window: str) -> None:
    shown = picture(opened(window=window))
    assert shown["surface"]["window"] == [float(side) for side in window.split(",")]


def test_a_link_keeps_every_name_with_its_settings() -> None:
    state = Settings()
    state.add("adam")
    state.remove(0)
    state.add("adam", {"lr": 0.9})
    again = Settings.from_query(state.to_query())
    assert list(again.cards) == list(state.cards)
    assert {n: again.title(n) for n in again.cards} == {n: state.title(n) for n in state.cards}


names = st.one_of(st.sampled_from([*RUBBISH, "start.x", "card.2.lr", "card.17", "card"]), st.text(max_size=20))
texts = st.one_of(
    st.text(max_size=60),
    st.floats().map(repr),
    st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4).map(lambda v: ",".join(map(repr, v))),
    st.sampled_from([*RULES, *SURFACES, "adam,lr=1e-3", "momentum,off", "1,2", "1,2,3,4", "exact", "none"]),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(names, texts, max_size=12))
def test_no_link_raises_and_every_state_survives_its_own_link(query: dict[str, str]) -> None:
    state = Settings.from_query(query)
    again = Settings.from_query(state.to_query())
    assert again.problems == {}
    for part in (controls(state), details(state), message(state)):
        assert pack(part)
    state.problems = {}
    assert again == state
    assert [state.title(n) for n in state.cards] == [again.title(n) for n in again.cards]


paths = st.one_of(names, st.sampled_from(list(Settings().values())))
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.floats(), max_size=4)
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(paths, values), max_size=8))
def test_no_change_raises(changes: list) -> None:
    state = Settings()
    for path, value in changes:
        state.apply(path, value)
    assert pack(controls(state))
    assert pack(details(state))
    again = Settings.from_query(state.to_query())
    state.problems = again.problems = {}
    assert again == state


def test_a_window_moved_one_side_at_a_time() -> None:
    state = Settings()
    state.apply("window.x0", 8)
    assert "must be the smaller" in state.problems["window.x0"]
    state.apply("window.x1", 12)
    assert state.problems == {}
    assert state.window == (8, 12, -5, 5)


def test_the_back_button_brings_the_earlier_state_back() -> None:
    app = opened(surface="ackley")
    app.session_state["trajectories:written"] = (app.session_state["trajectories:written"][0], 0.0)  # written long ago
    app.query_params["surface"] = "beale"
    app.run()
    assert picture(app)["surface"]["name"] == "Beale"


# ---------------------------------------------------------------- clouds, look-ahead points, what goes around, inside


def test_a_population_is_sent_as_a_cloud() -> None:
    run = picture(opened(surface="ackley", steps="20", card__0="cma_es,popsize=8"))["runs"][0]
    counts = np.bincount(run["cloud_step"])
    assert run["cloud"].size == 2 * run["cloud_step"].size
    assert counts[0] == 0
    assert (counts[1:] == 8).all()
    inside = np.abs(run["cloud"]).max()
    assert 0 < inside <= 5.0 + 1e-6  # the window's edge


def test_points_looked_at_are_sent() -> None:
    shown = picture(opened(steps="30", card__0="nesterov_lookahead", card__1="sam", card__2="adam"))
    nesterov, sam, adam = shown["runs"]
    assert nesterov["look"].size == 60
    first = nesterov["path"].reshape(-1, 2)[:, :]
    moved = np.diff(first, axis=0)
    # It looks ahead by momentum times the last move.
    np.testing.assert_allclose(nesterov["look"].reshape(-1, 2)[1:] - first[1:-1], 0.9 * moved[:-1], atol=1e-5)
    away = np.hypot(*(sam["look"].reshape(-1, 2) - sam["path"].reshape(-1, 2)[:-1]).T)
    np.testing.assert_allclose(away, 0.05, rtol=1e-3)
    assert "look" not in adam


def test_evaluations_are_everybodys() -> None:
    rows = picture(opened(steps="50", card__0="sam", card__1="adam", card__2="newton", card__3="random_search"))[
        "table"
    ]
    column = next(i for i, head in enumerate(rows["columns"]) if head["label"] == "Evaluations")
    counts = [int(row["cells"][column]) for row in rows["rows"]]
    assert counts[:2] == [100, 50]
    assert counts[2] < 10
    assert counts[3] >= 500


def test_what_goes_around_is_said_and_refused_where_it_cannot() -> None:
    around = {"around__schedule": "cosine", "around__weight_decay": "0.1", "around__noise": "0.5", "around__seed": "3"}
    app = opened(card__0="adamw", card__1="momentum", card__2="newton", **around)
    shown = picture(app)
    assert "Around every optimizer: an L2 penalty of 0.1, learning rate: cosine to 0" in shown["caption"]
    assert "noise of 0.5 on the gradients (seed 3)" in shown["caption"]
    assert "AdamW gets no decay: it has a weight decay of its own." in shown["caption"]
    assert "Newton gets no decay, no schedule, no noise: it chooses its steps itself" in shown["caption"]
    plain = picture(opened(card__0="adamw", card__1="momentum", card__2="newton"))
    same = [np.array_equal(a["path"], b["path"]) for a, b in zip(shown["runs"], plain["runs"], strict=True)]
    assert same == [False, False, True]
    for name, value in around.items():
        assert app.query_params[name.replace("__", ".")] in (value, [value])
    app.selectbox(key="trajectories:around.clip").select("norm").run()
    assert "gradients’ length clipped at 1" in picture(app)["caption"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("around__schedule", "cosin", "schedule = 'cosin' is not one of: constant, step"),
        ("around__noise", "-1", "noise = -1 is not allowed; it must lie in [0, 1e6]"),
        ("around__warmup", "much", "warmup = 'much' is not a number"),
    ],
)
def test_a_wrong_setting_around_gets_a_sentence(name: str, value: str, sentence: str) -> None:
    state = Settings.from_query({name.replace("__", "."): value})
    assert sentence in state.problems[name.replace("__", ".")]
    assert picture(opened(**{name: value}))["runs"]


def test_a_rule_around_another_takes_any_that_fits() -> None:
    shown = picture(opened(card__0="lookahead(momentum),k=3,momentum=0.5", card__1="sam(adam)"))
    assert [run["name"] for run in shown["runs"]] == ["Lookahead (Momentum)", "SAM (Adam)"]
    state = Settings.from_query({"card.0": "lookahead(momentum),k=3,lr=0.02"})
    state.apply("card.0.base", "rmsprop")
    assert state.cards[0].rule == "lookahead(rmsprop)"
    assert state.cards[0].hyper["k"] == 3
    assert state.cards[0].hyper["alpha"] == RULES["rmsprop"].Hyper().alpha
    state.apply("card.0.base", "newton")
    assert "base = 'newton' is not one of: gradient_descent" in state.problems["card.0.base"]
    assert Settings.from_query(state.to_query()).cards == state.cards
    card: Any = controls(state)["cards"][0]
    assert card["base"] == "rmsprop"
    assert ["adam", "Adam"] in card["bases"]
    assert "newton" not in dict(card["bases"])


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("lookahead(newton)", "rule lookahead cannot go around newton: it takes rules that step all parameters"),
        ("sam(sam)", "rule sam cannot go around sam"),
        ("adam(momentum)", "rule adam goes around no other rule"),
        ("lookahead()", "there is no rule 'lookahead()'; near it: lookahead"),
        ("lookahead(adam", "there is no rule 'lookahead(adam'"),
        ("adma", "there is no rule 'adma'; near it: adamax, adan, adam"),
    ],
)
def test_a_rule_that_is_none_gets_a_sentence(rule: str, sentence: str) -> None:
    assert sentence in Settings.from_query({"card.0": rule}).problems["link"]


def test_another_base_takes_the_sentences_of_the_old_one_away() -> None:
    state = Settings.from_query({"card.0": "lookahead(adam),beta1=2"})
    assert "beta1 = 2 is not allowed" in state.problems["card.0.beta1"]
    state.apply("card.0.base", "momentum")
    assert state.problems == {}


def test_a_link_looks_inside_no_card_that_is_not_there() -> None:
    assert Settings.from_query({"card.0": "adam", "view.inside": "7"}).view.inside is None
    assert Settings.from_query({"card.3": "adam", "view.inside": "3"}).view.inside == 3


def test_a_huge_population_is_cut_off_and_it_says_so() -> None:
    shown = picture(opened(surface="rosenbrock", steps="10000", card__0="random_search,popsize=10000"))
    assert "cut off after 200,001 evaluations" in shown["alt"]


def test_inside_the_chosen_optimizer() -> None:
    shown = picture(opened(steps="40", card__0="yellowfin", card__1="aggmo", view__inside="1"))
    assert shown["inside"]["title"] == "AggMo"
    fields = {field["name"]: field for field in shown["inside"]["fields"]}
    assert list(fields) == ["v1", "v2", "v3"]
    assert [part.size for part in fields["v2"]["parts"]] == [41, 41]
    tuned = picture(opened(steps="40", card__0="yellowfin", view__inside="0"))["inside"]
    assert {"mu", "rate"} <= {field["name"] for field in tuned["fields"]}
    assert (len(tuned["fields"]), tuned["more"]) == (12, 17)
    assert picture(opened(card__0="adam", view__inside="7"))["inside"] is None
    assert picture(opened(card__0="newton", view__inside="0"))["inside"]["fields"] == []


def test_the_update_with_its_numbers_at_the_step_shown() -> None:
    query = {"steps": "40", "card__0": "adam", "view__inside": "0"}
    first = picture(opened(**query, view__step="1"))["inside"]
    assert first["step"] == 1
    assert [line[0] for line in first["equation"]] == ["beta1_t", "beta2_t", "m", "v", "m_hat", "v_hat", "xₜ"]
    last = picture(opened(**query))
    assert last["inside"]["step"] == 40
    x, y = last["runs"][0]["path"][-2:]
    assert float(last["inside"]["equation"][-1][3].replace("−", "-")) == pytest.approx(x, rel=1e-3)
    assert float(last["inside"]["equation"][-1][4].replace("−", "-")) == pytest.approx(y, rel=1e-3)
    assert last["inside"]["gradient"].size == 80
    assert picture(opened(**query, view__step="0"))["inside"]["equation"] == []


def test_symbols_are_plain_text() -> None:
    latex = {limits.symbol for rule in RULES.values() for limits in rule.ranges.values()}
    assert not [symbol for symbol in latex if re.search(r"\\|mathrm", plain(symbol))]
    shown = {
        r"\beta_1": "β₁",
        r"\Delta_{\max}": "Δ_{max}",
        r"\hat\beta_2": "β\u0302₂",
        r"\mathrm{Nesterov}": "Nesterov",
    }
    assert {symbol: plain(symbol) for symbol in shown} == shown
