"""The Gradients page through Streamlit's AppTest: what it sends to its picture, and how it meets bad input."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from surfaces import SURFACES
from tests.patience import SECONDS
from views.gradients.gradients import SPACINGS, Place, controls, message, tutorial, tutorial_link
from views.shared.packing import pack, unpack
from views.shared.settings import Settings

APP = str(Path(__file__).parents[2] / "app.py")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/gradients.py")
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def picture(app: AppTest) -> dict:
    """The message of the picture."""
    assert not app.exception
    (payload,) = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    return unpack(payload)


def said(app: AppTest) -> str:
    return " ".join(markdown.value for markdown in app.markdown)


def cells(shown: dict, row: str) -> list[str]:
    return next(one["cells"] for one in shown["table"]["rows"] if one["cells"][0].startswith(row))


def test_the_first_picture_is_complete() -> None:
    shown = picture(opened())
    curves = {curve["key"]: curve for curve in shown["curves"]}
    assert set(curves) == {"forward", "central", "slope 1", "slope 2", "slope −1"}
    for curve in curves.values():
        np.testing.assert_array_equal(curve["x"], SPACINGS)
    for key, slope in {"slope 1": 1, "slope 2": 2, "slope −1": -1}.items():
        y = curves[key]["y"]
        assert math.log10(y[-1] / y[0]) / 14 == pytest.approx(slope)
    assert {mark["kind"] for mark in shown["marks"]} == {"line", "usual", "best"}
    assert [mark["x"] for mark in shown["marks"] if mark["kind"] == "usual"] == [6e-6]
    # On a quartic the central difference in x is off by f'''/6 h^2 = 4 b x h^2 exactly; in y by nothing.
    assert cells(shown, "Exact")[1:3] == ["−215.6", "−88"]
    assert cells(shown, "Central")[1] == "−215.60048"
    assert shown["problems"] == {}
    assert shown["trouble"] == ""


@pytest.mark.parametrize("name", SURFACES)
def test_every_surface_shows_its_errors(name: str) -> None:
    shown = picture(opened(surface=name, view__printed="1"))
    assert {"forward", "central", "as_printed"} <= {curve["key"] for curve in shown["curves"]}
    for curve in shown["curves"]:
        assert np.isfinite(curve["y"]).all()
        assert len(curve["x"]) == len(curve["y"])
    assert all("nan" not in cell and "inf" not in cell for row in shown["table"]["rows"] for cell in row["cells"])
    straight = name == "absolute_values"  # the only one without a curvature, off its kinks
    assert ("the larger h is, the better" if straight else "Forward differences are best near h") in shown["alt"]


def test_choosing_another_surface_goes_to_its_start() -> None:
    app = opened()
    app.selectbox(key="gradients:surface").select("himmelblau").run()
    shown = picture(app)
    assert (shown["values"]["point.x"], shown["values"]["point.y"]) == SURFACES["himmelblau"].start
    assert app.query_params["surface"] == "himmelblau"


def test_a_quadratic_has_no_truncation_in_central_differences() -> None:
    shown = picture(opened(surface="ravine"))
    assert "slope 2" not in {curve["key"] for curve in shown["curves"]}
    assert cells(shown, "Central")[4] == "the larger the better"
    assert "the third derivatives along the axes vanish here" in shown["alt"]


def test_where_there_is_no_gradient_a_sentence_says_so() -> None:
    shown = picture(opened(surface="ackley", point="0,0"))
    assert "Ackley has no gradient at (0, 0)" in shown["trouble"]
    assert shown["curves"] == shown["marks"] == []
    assert cells(shown, "Exact")[1:3] == ["–", "–"]
    assert cells(shown, "Central")[1:4] == ["0", "0", "–"]


def test_the_parenthesis_with_the_points_own_numbers() -> None:
    shown = picture(opened(surface="ackley", point="-2,-2", spacing="0.001"))
    sentence = shown["sentences"][-1]
    assert "−f/(2h) is −3297" in sentence  # f(-2, -2) = 6.5936
    assert "(−3291, −3291), where the gradient is (−1.341, −1.341)" in sentence
    assert "walks along a diagonal" in sentence


def ackley(x: float, y: float) -> float:
    waves = (math.cos(2 * math.pi * x) + math.cos(2 * math.pi * y)) / 2
    return -20 * math.exp(-0.2 * math.sqrt((x * x + y * y) / 2)) - math.exp(waves) + math.e + 20


@pytest.mark.parametrize(
    ("momentum", "printed", "epochs"), [(0.0, True, 139), (0.1, True, 127), (0.0, False, 1), (0.1, False, 1)]
)
def test_the_tutorials_epochs_by_its_own_loop(momentum: float, printed: bool, epochs: int) -> None:
    """Plain Python, as the tutorial writes it, finds what the page's table says."""
    x, y, u, v, h, count = -2.0, -2.0, 0.0, 0.0, 1e-3, 0
    while True:
        count += 1
        if printed:
            g = ackley(x + h, y) - ackley(x - h, y) / (2 * h), ackley(x, y + h) - ackley(x, y - h) / (2 * h)
        else:
            g = (ackley(x + h, y) - ackley(x - h, y)) / (2 * h), (ackley(x, y + h) - ackley(x, y - h)) / (2 * h)
        u, v = momentum * u + g[0], momentum * v + g[1]
        x, y = x - 1e-5 * u, y - 1e-5 * v
        if abs(1e-5 * u) + abs(1e-5 * v) < h:
            break
    assert count == epochs
    title = f"Momentum, {momentum}" if momentum else "Gradient descent"
    (run,) = [r for r in tutorial() if r.title == title and (r.difference == "as_printed") == printed]
    assert run.steps == epochs
    assert run.end == f"({x:.5f}, {y:.5f})".replace("-", "−")
    assert run.reported == (epochs if printed else None)


def test_the_page_shows_the_tutorials_runs_and_links_to_them() -> None:
    app = opened()
    text = said(app)
    assert "| Gradient descent | as printed | 139 | 139 | (−0.01838, −0.01838) |" in text
    assert "| Momentum, 0.9 | as printed | no stop within 200,000 | – |" in text
    linked = Settings.from_query(tutorial_link())
    assert linked.problems == {}
    assert (linked.surface, linked.start, linked.difference, linked.stop) == ("ackley", (-2, -2), "as_printed", "step")
    assert [card.hyper["lr"] for card in linked.cards.values()] == [1e-5, 1e-5]


def test_a_link_shows_the_same_picture() -> None:
    first = opened(surface="rosenbrock", surface__b="50", point="-1,0.5", spacing="1e-9", view__printed="1")
    second = opened(**{name.replace(".", "__"): value for name, value in dict(first.query_params).items()})
    a, b = picture(first), picture(second)
    assert (
        a["values"] == b["values"] == {"surface.a": 1, "surface.b": 50, "point.x": -1, "point.y": 0.5, "spacing": 1e-9}
    )
    assert a["table"] == b["table"]
    assert a["view"] == b["view"] == {"printed": True}


RUBBISH = {
    "surface": "<script>", "surface.b": "many", "surface.zzz": "1", "point": "nan,inf", "spacing": "2",
    "view.printed": "perhaps", "steps": "3", "__class__": "1",
}  # fmt: skip


def test_a_link_with_rubbish_in_every_field() -> None:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/gradients.py")
    for name, value in RUBBISH.items():
        app.query_params[name] = value
    app.run()
    shown = picture(app)
    problems = {**app.session_state["gradients"].problems, **shown["problems"]}
    for path in ("surface", "surface.b", "point.x", "spacing", "view.printed", "link"):
        assert problems[path].endswith("."), path
    assert "it must lie in [1e-14, 1.0]" in problems["spacing"]
    assert shown["curves"]
    for sentence in ("surface =", "printed =", "In the link"):
        assert sentence in said(app)


@pytest.mark.parametrize(
    ("path", "value"),
    [("spacing", 0), ("spacing", 1e-15), ("spacing", "small"), ("point.x", float("nan")), ("point.y", 1e7),
     ("point", "1"), ("point", [1, 2, 3]), ("surface", "zzz"), ("surface.zzz", 1), ("nothing", 1), ("surface.b", 0),
     ("view.printed", "banana"), ("spacing", None), ("point", None)],
)  # fmt: skip
def test_a_bad_change_gets_a_sentence_and_changes_nothing(path: str, value: object) -> None:
    state, before = Place(), Place()
    state.apply(path, value)
    assert state.problems[path].endswith(".")
    state.problems = {}
    assert state == before


def test_the_back_button_brings_the_earlier_point_back() -> None:
    app = opened(point="1,1")
    app.session_state["gradients:written"] = (app.session_state["gradients:written"][0], 0.0)  # written long ago
    app.query_params["point"] = "0.5,2"
    app.run()
    assert picture(app)["values"]["point.y"] == 2


def test_the_state_stays_while_other_pages_are_visited() -> None:
    app = opened(surface="beale", point="1,1")
    app.switch_page("pages/trajectories.py").run()
    app.query_params.clear()
    app.session_state["gradients:written"] = (app.session_state["gradients:written"][0], 0.0)
    app.switch_page("pages/gradients.py").run()
    assert picture(app)["values"]["point.x"] == 1
    assert app.query_params["surface"] == "beale"


names = st.one_of(st.sampled_from([*RUBBISH, "point.x", "surface.a"]), st.text(max_size=20))
texts = st.one_of(
    st.text(max_size=40),
    st.floats().map(repr),
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(lambda p: f"{p[0]!r},{p[1]!r}"),
    st.sampled_from([*SURFACES, "0", "1", "0,0"]),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(names, texts, max_size=8))
def test_no_link_raises_and_every_state_survives_its_own_link(query: dict[str, str]) -> None:
    state = Place.from_query(query)
    again = Place.from_query(state.to_query())
    assert again.problems == {}
    assert pack(controls(state))
    assert pack(message(state))
    state.problems = {}
    assert again == state


coordinates = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1.0, 5e-324, 1e-160, -1e6]))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(SURFACES)), coordinates, coordinates, st.floats(1e-14, 1.0))
def test_no_point_raises(surface: str, x: float, y: float, spacing: float) -> None:
    state = Place()
    for path, value in {"surface": surface, "point": [x, y], "spacing": spacing, "view.printed": True}.items():
        state.apply(path, value)
    shown = message(state)
    assert pack(shown)
    assert bool(shown["curves"]) != bool(shown["trouble"])
    for curve in shown["curves"]:
        assert np.isfinite(curve["y"]).all()
