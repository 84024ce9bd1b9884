"""The Maps page through Streamlit's AppTest: what it sends to its maps, and how it meets bad input."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import views.maps.made as maps
import views.maps.message as sent
from optim_core import RULES, Outcome, trace
from optim_core.runs.sweep import Cancelled
from optim_core.studies.map_colours import LISTED
from optim_core.studies.maps import Basins, Plane, basins, plane, spread_starts
from surfaces import SURFACES
from tests.patience import SECONDS
from views.maps.controls import arrays_file, controls, details, on_trajectories
from views.maps.large import large_files
from views.maps.made import made, task
from views.maps.state import COLOURS, KINDS, MapState
from views.shared.kept import Kept
from views.shared.packing import pack, unpack
from views.shared.settings import Settings

APP = str(Path(__file__).parents[2] / "app.py")


def message(*state: Any, **how: Any) -> Any:
    """A message of any kind of map."""
    return sent.message(*state, **how)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/maps.py")
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def shown(app: AppTest) -> dict:
    """The message of the maps."""
    assert not app.exception
    (payload,) = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    return unpack(payload)


def state(**query: str) -> MapState:
    return MapState.from_query({name.replace("__", "."): value for name, value in query.items()})


def said(app: AppTest) -> str:
    return " ".join(markdown.value for markdown in app.markdown)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No map of another test, and no measured speeds."""
    monkeypatch.setattr(maps, "kept", Kept(2**26))
    monkeypatch.setattr(maps, "_speeds", {})


def test_the_first_maps_are_those_of_the_core() -> None:
    app = opened(map__resolution="64")
    found = shown(app)
    assert [one["title"] for one in found["maps"]] == ["Gradient descent", "Momentum", "Adam"]
    assert not found["problems"]
    for one, rule in zip(found["maps"], ("gradient_descent", "momentum", "adam"), strict=True):
        every = one["every"]
        direct = basins(RULES[rule], SURFACES["himmelblau"], resolution=64, steps=500, every=every)
        label = np.where(direct.minimum >= 0, direct.minimum, LISTED + direct.outcome)
        assert (one["nx"], one["ny"]) == (len(direct.x), len(direct.y))
        np.testing.assert_array_equal(one["arrays"]["label"], label.ravel())
        np.testing.assert_array_equal(one["arrays"]["shade"], direct.steps.ravel())
        np.testing.assert_array_equal(one["arrays"]["loss"], direct.loss.ravel())
    assert app.query_params["map.kind"] == "basins"
    assert app.query_params["stop"] == "step"


def test_coarse_maps_come_first_and_are_parts_of_the_fine_ones() -> None:
    here = state(map__resolution="64", card__0="adam", card__1="momentum")
    maps._speeds.update({(rule, "himmelblau", "basins"): 4e-4 for rule in ("adam", "momentum")})
    coarse, fine = message(here), message(here, fine=True)
    assert [one["every"] for one in coarse["maps"]] == [8, 8]
    assert coarse["coarse"]
    assert [one["every"] for one in fine["maps"]] == [1, 1]
    assert not fine["coarse"]
    for few, all_ in zip(coarse["maps"], fine["maps"], strict=True):
        middle = all_["arrays"]["label"].reshape(64, 64)[4::8, 4::8]
        np.testing.assert_array_equal(few["arrays"]["label"].reshape(8, 8), middle)
    # What is known is not made again, nor sent to a browser that has it.
    again = message(here, have=frozenset(one["key"] for one in fine["maps"]))
    assert [one["every"] for one in again["maps"]] == [1, 1]
    assert [one["arrays"] for one in again["maps"]] == [{"content": one["key"], "less": True} for one in fine["maps"]]
    here.apply("card.0.lr", 0.05)
    moved = message(here)
    assert moved["maps"][0]["key"] != fine["maps"][0]["key"]
    assert moved["maps"][1]["key"] == fine["maps"][1]["key"]


def test_fine_maps_give_way() -> None:
    """Where progress answers False nothing is lost: the maps stay coarse and the next message can be made."""
    here = state(map__resolution="64", card__0="adam", card__1="momentum")
    asked = []

    def no(done: int, total: int) -> bool:
        asked.append((done, total))
        return False

    maps._speeds.update({(rule, "himmelblau", "basins"): 4e-4 for rule in ("adam", "momentum")})
    found = message(here, fine=True, progress=no)
    assert [one["every"] for one in found["maps"]] == [8, 8]
    assert found["coarse"]
    assert len(asked) == 1  # given up at the first word, the second map not begun
    assert asked[0][1] == 64 * 64


def test_slow_maps_become_fine_one_after_the_other() -> None:
    here = state(map__resolution="64", card__0="adam", card__1="momentum")
    maps._speeds.update({(rule, "himmelblau", "basins"): 4e-4 for rule in ("adam", "momentum")})
    for number, expected in ((0, [1, 8]), (1, [1, 1])):
        found = made(here, fine=True, limit=0.0)
        assert [found[0][1], found[1][1]] == expected, number


def test_maps_that_take_too_long_stay_coarse_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    here = state(map__resolution="64", card__0="adam")
    monkeypatch.setattr(maps, "PATIENCE", 0.0)
    found = message(here, fine=True)
    assert [one["every"] for one in found["maps"]] == [maps.COARSE[-1]]
    assert not found["coarse"]  # nothing finer is to be asked for
    assert "One pixel in 32 × 32 only" in found["caption"]
    monkeypatch.setattr(maps, "PATIENCE", 1e9)
    found = message(here, fine=True)
    assert [one["every"] for one in found["maps"]] == [1]
    assert "pixel in" not in found["caption"]


def test_a_plane_is_that_of_the_core_with_its_edge_and_optimum() -> None:
    here = state(
        map__kind="plane", surface="ravine", map__resolution="64", map__x__name="lr", map__y__name="momentum",
        card__0="momentum,lr=0.05,momentum=0.8", stop="none", steps="100",
    )  # fmt: skip
    (found,) = message(here, fine=True)["maps"]
    direct = plane(
        RULES["momentum"], SURFACES["ravine"], SURFACES["ravine"].start, ("lr", 1e-5, 1.0, 64, True),
        ("momentum", 0.0, 0.999, 64), 100,
    )  # fmt: skip
    np.testing.assert_array_equal(found["arrays"]["loss"], direct.loss.astype(np.float32).ravel())
    np.testing.assert_array_equal(found["arrays"]["outcome"], direct.outcome.ravel())
    np.testing.assert_array_equal(found["arrays"]["steps"], direct.steps.ravel())
    assert found["present"] == [0.05, 0.8]
    assert found["paths"] == ["card.0.lr", "card.0.momentum"]
    # B. T. Polyak 1964: settles for lr < 2 (1 + mu) / L; best at lr = (2 / (sqrt L + sqrt l))^2; L = 30, l = 1.
    assert all(lr == pytest.approx(2 * (1 + mu) / 30) for lr, mu in found["edge"])
    assert found["optimum"][0] == pytest.approx((2 / (np.sqrt(30) + 1)) ** 2)
    assert found["optimum"][1] == pytest.approx(((np.sqrt(30) - 1) / (np.sqrt(30) + 1)) ** 2)
    row, column = np.unravel_index(np.argmin(direct.loss), direct.loss.shape)
    assert found["best"] == [direct.x[column], direct.y[row]]
    # Cells well beyond the edge never end nearer than they began, cells within it do.
    beyond = direct.x[None] > 1.2 * 2 * (1 + direct.y[:, None]) / 30
    within = (
        (direct.x[None] < 0.8 * 2 * (1 + direct.y[:, None]) / 30) & (direct.x[None] > 0.01) & (direct.y[:, None] < 0.8)
    )
    start = SURFACES["ravine"].value(*SURFACES["ravine"].start)
    assert (direct.loss[beyond] > start).all()
    assert (direct.loss[within] < start).all()


def test_an_edge_is_drawn_for_quadratics_alone_and_where_nothing_goes_around() -> None:
    asked = {"map__kind": "plane", "map__resolution": "64", "card__0": "momentum"}
    assert message(state(surface="ravine", **asked))["maps"][0]["edge"]
    assert not message(state(surface="himmelblau", **asked))["maps"][0]["edge"]
    assert not message(state(surface="ravine", around__weight_decay="0.1", **asked))["maps"][0]["edge"]


def test_medians_over_starts() -> None:
    asked = {"map.kind": "plane", "map.resolution": "64", "map.starts": "3", "map.colour": "share", "stop": "step"}
    here = MapState.from_query({**asked, "card.0": "adam"})
    (found,) = message(here, fine=True)["maps"]
    x, y = here.axes(RULES["adam"])
    direct = plane(
        RULES["adam"], SURFACES["himmelblau"], spread_starts(SURFACES["himmelblau"], 3), x, y, 500, stop="step",
        tolerance=1e-4,
    )  # fmt: skip
    np.testing.assert_array_equal(found["arrays"]["share"], direct.share.ravel())
    np.testing.assert_array_equal(found["arrays"]["loss"], direct.loss.astype(np.float32).ravel())
    assert found["sentence"].startswith("Best: 100 % of the starts reach a lowest minimum")
    assert "medians over 3 starts" in message(here)["caption"]


def test_a_short_step_far_from_a_minimum_is_no_arrival() -> None:
    """With a rate of 1e-5 the first step of gradient descent is shorter than 0.1, and the run ends where it began."""
    asked = {"map__kind": "plane", "map__resolution": "64", "map__colour": "steps", "surface": "ravine"}
    here = state(card__0="momentum", stop="step", tolerance="0.1", **asked)
    (found,) = message(here, fine=True)["maps"]
    steps, outcome = found["arrays"]["steps"], found["arrays"]["outcome"]
    made = task(here, 0).made(1)
    assert isinstance(made, Plane)
    assert made.steps[0, 0] == 1
    assert np.isinf(steps[0])
    assert np.isfinite(steps[outcome == Outcome.CONVERGED]).any()
    assert not np.isfinite(steps[outcome == Outcome.STILL_MOVING]).any()
    assert found["best"][0] > 1e-3


def test_the_other_kind_brings_its_usual_stop_rule_unless_another_was_chosen() -> None:
    here = MapState()
    assert here.base.stop == "step"
    here.apply("map.kind", "plane")
    assert here.base.stop == "none"
    here.apply("map.colour", "steps")
    assert here.base.stop == "loss"
    here.apply("map.kind", "basins")
    assert here.base.stop == "step"
    here.apply("stop", "gradient")
    here.apply("map.kind", "plane")
    assert here.base.stop == "gradient"
    assert state(map__kind="plane").base.stop == "none"
    assert state(map__kind="plane", stop="step").base.stop == "step"


def test_rules_without_maps_get_a_sentence() -> None:
    found = shown(opened(map__resolution="64", card__0="lbfgs", card__1="adam"))
    first, second = found["maps"]
    assert first["trouble"].startswith("L-BFGS makes no map")
    assert "trouble" not in second
    planes = message(state(map__kind="plane", map__resolution="64", card__0="gradient_descent"))
    assert planes["maps"][0]["trouble"] == "A plane needs two hyperparameters; Gradient descent has only lr."


def test_each_rule_has_the_chosen_hyperparameters_where_it_has_them() -> None:
    here = state(map__kind="plane", map__x__name="lr", map__y__name="beta2", map__y__low="0.5", map__resolution="64")
    for number, rule in enumerate(("adam", "momentum", "rmsprop")):
        here.base.add(rule)
        x, y = here.axes(RULES[rule])
        assert x.name == "lr", number
        assert y.name == {"adam": "beta2", "momentum": "momentum", "rmsprop": "alpha"}[rule]
        assert (y.low == 0.5) == (rule == "adam")


def test_without_optimizers_the_page_says_what_to_do() -> None:
    found = shown(opened(card="none"))
    assert found["maps"] == []
    assert "add one in the side bar" in found["empty"]


def test_no_more_than_nine_maps() -> None:
    here = MapState()
    for _ in range(8):
        here.base.add("adam")
    assert len(message(here)["maps"]) == 9
    assert "9 maps at most: 2 more optimizers are left out." in message(here)["caption"]


def test_the_counts_are_those_of_the_map() -> None:
    here = state(map__resolution="64", surface="ackley", card__0="adam")
    (found,) = message(here, fine=True)["maps"]
    label, steps = found["arrays"]["label"], found["arrays"]["shade"]
    share, median = (label == 0).mean(), np.median(steps[label == 0])
    assert found["sentence"].startswith(f"{100 * share:.3g} % of the starts reach (0, 0); median {median:g} steps.")
    local = (label == LISTED + Outcome.LOCAL_MINIMUM).mean()
    assert f"{100 * local:.3g} % in a local minimum" in found["sentence"]


def test_a_start_is_carried_to_trajectories() -> None:
    """The run that Trajectories makes of it is the run of the map's pixel."""
    here = state(map__resolution="64", card__0="momentum", card__1="adam")
    found = task(here, 0).made(1)
    assert isinstance(found, Basins)
    row, column = 40, 13
    query = on_trajectories(here, [found.x[column], found.y[row]])
    linked = Settings.from_query(query)
    assert linked.problems == {}
    assert [card.rule for card in linked.cards.values()] == ["momentum", "adam"]
    run = trace(
        RULES["momentum"], SURFACES["himmelblau"], linked.start, linked.steps, hyper=linked.cards[0].hyper,
        stop=linked.stop, tolerance=linked.tolerance,
    )  # fmt: skip
    assert run.minimum == found.minimum[row, column]
    assert run.steps == found.steps[row, column]


def test_a_click_opens_trajectories() -> None:
    app = opened(map__resolution="64", card__0="adam")
    app.session_state["maps:open"] = on_trajectories(app.session_state["maps"], [1.5, -2.25])
    app.run()
    assert not app.exception
    assert app.session_state["trajectories"].start == (1.5, -2.25)
    assert app.session_state["trajectories"].surface == "himmelblau"
    assert [card.rule for card in app.session_state["trajectories"].cards.values()] == ["adam"]


def test_choosing_the_other_kind_and_its_axes() -> None:
    app = opened(map__resolution="64", card__0="adam")
    app.selectbox(key="maps:map.kind").select("plane").run()
    assert shown(app)["maps"][0]["x"]["name"] == "lr η"
    app.selectbox(key="maps:map.y.name").select("beta2").run()
    assert shown(app)["maps"][0]["y"]["name"] == "beta2 β₂"
    app.selectbox(key="maps:map.x.log").select("0").run()
    assert shown(app)["maps"][0]["x"]["log"] is False
    app.selectbox(key="maps:map.colour").select("steps").run()
    assert shown(app)["colour"]["name"] == "steps"
    assert app.query_params["map.y.name"] == "beta2"
    assert app.query_params["map.x.log"] == "0"


def test_a_large_map_and_its_files() -> None:
    wanted = task(state(card__0="adam", card__1="gradient_descent", steps="50"), 1, 512)
    heard: list[tuple[float, str]] = []
    files = large_files(wanted, "loss", lambda share, text: heard.append((share, text)), lambda *_: True)
    assert files.png.startswith(b"\x89PNG")
    with np.load(io.BytesIO(files.npz)) as arrays:
        assert arrays["minimum"].shape == (512, 512)
        direct = basins(RULES["gradient_descent"], SURFACES["himmelblau"], resolution=512, steps=50)
        np.testing.assert_array_equal(arrays["minimum"], direct.minimum)
    assert heard[-1] == (1.0, "Writing the files …")
    with pytest.raises(Cancelled):
        large_files(wanted, "loss", lambda *_: None, lambda *_: False)


def test_a_large_map_on_the_page() -> None:
    app = opened(map__resolution="64", card__0="gradient_descent", steps="20")
    app.button(key="maps:large make").click().run()
    assert not app.exception
    assert {"maps:large png", "maps:large npz"} <= {button.key for button in app.get("download_button")}
    assert any("262,144 runs in" in caption.value for caption in app.caption)


def test_where_others_reach_the_page_the_largest_maps_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAVINE_ALLOW_LAUNCH", raising=False)
    app = opened(map__resolution="64", card__0="adam", steps="20")
    assert app.selectbox(key="maps:large side").options == ["512", "1024"]
    assert any("more than 1024 pixels a side is closed here" in caption.value for caption in app.caption)
    monkeypatch.setenv("RAVINE_ALLOW_LAUNCH", "1")
    app = opened(map__resolution="64", card__0="adam", steps="20")
    assert app.selectbox(key="maps:large side").options[-1] == "4096"


def test_the_arrays_of_all_maps_in_one_file() -> None:
    here = state(map__resolution="64", card__0="adam", card__1="lbfgs", card__2="lookahead(momentum)")
    with zipfile.ZipFile(io.BytesIO(arrays_file(here))) as archive:
        names = archive.namelist()
        assert names == ["ravine-basins-himmelblau-0-adam.npz", "ravine-basins-himmelblau-2-lookahead-momentum.npz"]
        with np.load(io.BytesIO(archive.read(names[0]))) as arrays:
            direct = basins(RULES["adam"], SURFACES["himmelblau"], resolution=64, steps=500)
            np.testing.assert_array_equal(arrays["steps"], direct.steps)


RUBBISH = {
    "map.kind": "<script>", "map.resolution": "1e9", "map.colour": "pink", "map.starts": "0", "map.x.name": "zzz",
    "map.y.low": "nan", "map.x.log": "2", "map.zzz": "1", "surface": "zzz", "steps": "-1", "window": "1,2",
    "zzz": "1", "card.0": "adam,lr=-1,beta9=3",
}  # fmt: skip


def test_a_link_with_rubbish_in_every_field() -> None:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/maps.py")
    for name, value in RUBBISH.items():
        app.query_params[name] = value
    app.run()
    assert shown(app)["maps"]
    problems = app.session_state["maps"].problems
    for path in (*RUBBISH.keys() - {"map.zzz", "zzz", "card.0"}, "link", "link.map", "card.0.lr"):
        assert problems[path].endswith("."), path
    for sentence in ("kind =", "colour =", "In the link", "surface ="):
        assert sentence in said(app).replace("\\", ""), sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [("map.kind", "x"), ("map.resolution", 63), ("map.resolution", 513), ("map.resolution", "many"), ("map.starts", 65),
     ("map.starts", 1.5), ("map.colour", None), ("map.x.name", "zzz"), ("map.x.low", "abc"), ("map.x.low", -1.0),
     ("map.x.high", float("nan")), ("map.x.log", "perhaps"), ("map.nothing", 1), ("map", 1), ("map.x", 1)],
)  # fmt: skip
def test_a_bad_change_gets_a_sentence_and_changes_nothing(path: str, value: object) -> None:
    here, before = MapState(), MapState()
    here.apply(path, value)
    assert here.problems[path].endswith(".")
    here.problems.clear()
    assert here == before


def test_ends_that_cross_are_refused() -> None:
    here = MapState()
    here.apply("map.x.low", 0.1)
    here.apply("map.x.high", 0.01)
    assert "from 0.1 to 0.01 is not allowed" in here.problems["map.x.high"]
    assert here.x.high is None


names = st.one_of(st.sampled_from([*RUBBISH, "map.x.high", "map.y.name", "map.y.log", "stop"]), st.text(max_size=20))
texts = st.one_of(
    st.text(max_size=40),
    st.floats().map(repr),
    st.sampled_from([*SURFACES, *KINDS, *COLOURS, "lr", "momentum", "beta2", "own", "0", "1", "64"]),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, texts, max_size=8))
def test_no_link_raises_and_every_state_survives_its_own_link(query: dict[str, str]) -> None:
    here = MapState.from_query(query)
    again = MapState.from_query(here.to_query())
    assert again.problems == {}
    assert pack(controls(here))
    assert pack(details(here))
    here.problems.clear()
    assert again == here
