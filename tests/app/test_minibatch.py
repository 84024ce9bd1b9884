"""The pages Minibatch and The two momenta through Streamlit's AppTest: what they send, and how they meet bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from surfaces import SURFACES
from surfaces.data.sets import DATA_SETS, data_set
from tests.patience import SECONDS
from views.shared.packing import pack, unpack
from views.study import minibatch, momenta
from views.study.minibatch_state import RATES, Study, controls
from views.study.momenta import Momenta

APP = str(Path(__file__).parents[2] / "app.py")
STATES: dict[str, Any] = {
    "minibatch": (minibatch.message, controls, Study), "momenta": (momenta.message, momenta.controls, Momenta),
}  # fmt: skip


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def picture(app: AppTest) -> dict:
    """The message of the picture."""
    assert not app.exception
    (payload,) = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    return unpack(payload)


def curves(chart: dict) -> dict[str, dict]:
    return {one["key"]: one for one in chart["curves"]}


def section(shown: dict, name: str) -> dict:
    return next(one for one in shown["sections"] if one["name"] == name)


def test_the_first_picture_of_minibatch_is_complete() -> None:
    shown = picture(opened("minibatch"))
    assert [path["key"] for path in shown["paths"]] == ["one", "full", "mean"]
    assert shown["counting"] == {"steps": 170, "of": 34, "batch": 13, "rows": 442, "replaced": False}
    one, full, mean = (path["path"].reshape(-1, 2) for path in shown["paths"])
    assert len(one) == len(full) == 171
    crowd = shown["crowd"]["path"].reshape(64, -1, 2)
    np.testing.assert_allclose(crowd.mean(axis=0), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(crowd[0], one[shown["crowd"]["steps"]])  # the run drawn is the first of the many
    assert [one["name"] for one in shown["sections"]] == ["orders", "sweep", "expectation", "stationary", "change"]
    for chart in [shown["loss"], *(one["chart"] for one in shown["sections"] if one["chart"])]:
        for one in chart["curves"]:
            assert len(one["x"]) == len(one["y"]) > 1, one["key"]
            assert np.isfinite(one["y"]).all()
    assert shown["problems"] == {}


def test_the_measured_points_lie_on_the_exact_curves() -> None:
    """By the picture's own numbers: nearly all bars of two standard errors hold their curve."""
    shown = picture(opened("minibatch", batch="17", seed="4"))
    stationary = curves(section(shown, "stationary")["chart"])
    change = curves(section(shown, "change")["chart"])
    pairs = (("exact", "independent", stationary), ("exact shuffled", "shuffled", stationary),
             ("exact", "frozen", change), ("exact walking", "walking", change))  # fmt: skip
    held = []
    for line, points, chart in pairs:
        exact, found = chart[line], chart[points]
        order = np.argsort(exact["x"])
        at = np.exp(np.interp(np.log(found["x"]), np.log(exact["x"][order]), np.log(exact["y"][order])))
        held += list((found["lower"] <= at * 1.01) & (at * 0.99 <= found["upper"]))
    assert len(held) == 34
    assert np.mean(held) > 0.85
    # lr s^2 / (a (2 - lr a)) with a = 1 and s^2 = 1 / 17
    lr = stationary["exact"]["x"]
    np.testing.assert_allclose(stationary["exact"]["y"], lr / 17 / (2 - lr), rtol=1e-12)


def test_the_mean_gradient_of_whole_epochs_is_the_full_one() -> None:
    shown = picture(opened("minibatch", batch="26"))
    chart = section(shown, "expectation")["chart"]
    assert (curves(chart)["shuffled"]["y"][16::17] < 1e-13).all()
    exact = curves(chart)["exact"]
    np.testing.assert_allclose(exact["y"], exact["y"][0] / np.sqrt(exact["x"]), rtol=1e-12)


def test_in_the_fixed_order_all_runs_are_one() -> None:
    shown = picture(opened("minibatch", order="fixed"))
    crowd = shown["crowd"]["path"].reshape(64, -1, 2)
    assert (crowd == crowd[0]).all()
    assert "all runs are the same one" in shown["caption"][-1]


def test_adagrad_is_ahead_where_a_column_is_rare() -> None:
    texts = section(picture(opened("minibatch", data="rare_column", batch="10", epochs="3")), "sweep")["texts"]
    assert "AdaGrad’s is" in texts[0]
    assert "second in 10 of 500" in texts[1]


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_is_shown(name: str) -> None:
    app = opened("minibatch")
    app.selectbox(key="minibatch:data").select(name).run()
    shown = picture(app)
    assert (shown["values"]["start.x"], shown["values"]["start.y"]) == data_set(name).start
    assert shown["surface"]["axes"] == list(data_set(name).parameters)
    assert app.query_params["data"] == name
    app.selectbox(key="minibatch:rule").select("adagrad").run()
    assert picture(app)["values"]["lr"] == RATES["adagrad"][name]
    app.selectbox(key="minibatch:order").select("independent").run()
    assert picture(app)["counting"]["replaced"]


def test_runs_that_diverge_are_said_to() -> None:
    shown = picture(opened("minibatch", lr="500"))
    assert "the learning rate 500 is too large here" in shown["caption"][-1]
    assert section(shown, "orders")["table"]["rows"][0][1] == "diverged"


def test_the_first_picture_of_the_two_momenta() -> None:
    shown = picture(opened("momenta"))
    traditional, average, same = (path["path"].reshape(-1, 2) for path in shown["paths"])
    np.testing.assert_allclose(traditional, average, rtol=1e-6, atol=1e-6)
    assert np.abs(traditional - same).max() > 0.1
    assert "the largest distance of the two paths is 1.1e−15" in shown["caption"][1]
    bars = curves(section(shown, "weights")["chart"])
    np.testing.assert_allclose(bars["weights"]["y"], 0.1 * 0.9 ** np.arange(60), rtol=1e-12)
    assert bars["corrected"]["y"].sum() == pytest.approx(1, rel=1e-12)
    bias = curves(section(shown, "bias")["chart"])
    np.testing.assert_allclose(bias["plain"]["y"], bias["corrected"]["y"] * bias["expected"]["y"], rtol=1e-12)
    assert bias["corrected"]["y"][0] == pytest.approx(bias["series"]["y"][0])


@pytest.mark.parametrize("name", SURFACES)
def test_the_two_momenta_on_every_surface(name: str) -> None:
    app = opened("momenta")
    app.selectbox(key="momenta:surface").select(name).run()
    shown = picture(app)
    assert (shown["values"]["start.x"], shown["values"]["start.y"]) == SURFACES[name].start
    state = app.session_state["momenta"]
    # Where a path bounces, the last bits grow at every step: there only its beginning is the same.
    steps = 5 if name in ("bukin_6", "levy_13") else state.steps
    assert momenta.forms(name, state.lr, state.mu, steps, state.start).share < 1e-12


@pytest.mark.parametrize("page", STATES)
def test_a_link_shows_the_same_picture(page: str) -> None:
    fields = {
        "minibatch": {"data": "breast_cancer", "rule": "adagrad", "batch": "50", "start": "1,-1", "seed": "7"},
        "momenta": {"surface": "himmelblau", "mu": "0.5", "steps": "30", "start": "1,-1", "beta": "0.99"},
    }
    first = opened(page, **fields[page])
    second = opened(page, **dict(first.query_params))
    a, b = picture(first), picture(second)
    assert a["values"] == b["values"]
    assert a["values"]["start.x"] == 1
    for one, other in zip(a["paths"], b["paths"], strict=True):
        np.testing.assert_array_equal(one["path"], other["path"])


RUBBISH = {
    "minibatch": {"data": "<script>", "rule": "zzz", "order": "1", "batch": "2.5", "lr": "nan", "epochs": "0",
                  "runs": "1e9", "seed": "-1", "start": "nan,inf", "a": "0", "zzz": "1", "problems": "1"},
    "momenta": {"surface": "<script>", "lr": "0", "mu": "1", "steps": "0", "start": "1", "beta": "-1", "length": "many",
                "seed": "1.5", "zzz": "1", "problems": "1"},
}  # fmt: skip


@pytest.mark.parametrize("page", STATES)
def test_a_link_with_rubbish_in_every_field(page: str) -> None:
    app = opened(page, **RUBBISH[page])
    shown, state = picture(app), app.session_state[page]
    assert shown["paths"]
    for name in RUBBISH[page]:
        assert state.problems["link" if name in ("zzz", "problems") else name].endswith("."), name
    said = " ".join(markdown.value for markdown in app.markdown)
    assert "In the link" in said


@pytest.mark.parametrize("page", STATES)
def test_the_back_button_brings_the_earlier_start_back(page: str) -> None:
    app = opened(page, start="1,1")
    app.session_state[f"{page}:written"] = (app.session_state[f"{page}:written"][0], 0.0)  # written long ago
    app.query_params["start"] = "0.5,1.5"
    app.run()
    assert picture(app)["values"]["start.y"] == 1.5


texts = st.one_of(
    st.text(max_size=20),
    st.floats().map(repr),
    st.integers(-2, 600).map(str),
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(lambda p: f"{p[0]!r},{p[1]!r}"),
    st.sampled_from([*DATA_SETS, *SURFACES, "adagrad", "fixed", "independent", "1000", "1e-3", "0,0", "0.99"]),
)


@pytest.mark.parametrize("page", STATES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_link_raises_and_every_state_survives_its_own_link(page: str, data: st.DataObject) -> None:
    message, fields, kind = STATES[page]
    query = data.draw(st.dictionaries(st.sampled_from(list(RUBBISH[page])), texts, max_size=6))
    state = kind.from_query(query)
    again = kind.from_query(state.to_query())
    assert again.problems == {}
    assert pack(fields(state))
    assert pack(message(state))
    state.problems = {}
    assert again == state
