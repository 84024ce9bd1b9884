"""The Tuning page through Streamlit's AppTest: what is tuned, told, counted, linked to and refused."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from optim_core import RULES, trace
from optim_core.studies.tuning import OBJECTIVES, SEARCHES
from surfaces import SURFACES
from tests.patience import SECONDS
from views.shared.settings import Settings
from views.shared.words import percent
from views.tuning.tuning import (
    TuningState,
    as_json,
    claims,
    countable,
    counted,
    figure,
    low_enough,
    on_trajectories,
    rows,
    tuned,
)

APP = str(Path(__file__).parents[2] / "app.py")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS).switch_page("pages/tuning.py")
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def said(app: AppTest) -> str:
    assert not app.exception
    return " ".join(element.value for element in (*app.markdown, *app.caption))


def state(**changes: object) -> TuningState:
    found = TuningState(rules=("gradient_descent", "adam"), trials=30, evaluations=60, starts=3)
    for path, value in changes.items():
        found.apply(path.replace("__", "."), value)
    assert not found.problems
    return found


def test_the_first_page_is_complete() -> None:
    app = opened()
    text = said(app)
    for name in ("Gradient descent", "Momentum", "RMSProp", "Adam"):
        assert name in text
    assert "Best found" in text
    assert "forgives most" in text
    assert TuningState.from_query(dict(app.query_params)) == TuningState()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("search", SEARCHES)
def test_the_table_is_what_was_tuned_and_what_runs_do(objective: str, search: str) -> None:
    here = state(objective=objective, search=search, tolerance=0.5)
    made = tuned(here)
    table = rows(here, made)
    assert [row["Optimizer"] for row in table] == ["Gradient descent", "Adam"]
    for one, row in zip(made.rules, table, strict=True):
        assert row["Best setting"].startswith(f"lr {one.best['lr']:.1g}"[:5])
        found = counted(here, one)
        at = np.linspace(3, 60, 5).astype(int)
        for i, j in zip(at, at[::-1], strict=True):  # counted cells are runs made one by one
            alone = trace(
                RULES[one.rule], SURFACES["himmelblau"], (found.x[j], found.y[i]), one.steps, hyper=one.best,
                stop="loss", tolerance=0.5,
            )  # fmt: skip
            assert found.steps[i, j] == alone.steps
            assert low_enough(here, found)[i, j] == (alone.loss[-1] < 0.5)
        share = row["Reaches the lowest minimum"]
        there = low_enough(here, found)
        assert share == (f"{percent(there.mean())}, {np.median(found.steps[there]):g} steps" if there.any() else "none")


def test_the_picture_holds_the_sensitivity() -> None:
    here = state()
    made = tuned(here)
    drawn: Any = figure(here, made).data
    lines = {curve.name: curve for curve in drawn if curve.name}
    for one in made.rules:
        curve = lines[RULES[one.rule].title]
        np.testing.assert_array_equal(curve.x, one.rates)
        finite = np.isfinite(one.sensitivity)
        np.testing.assert_array_equal(np.asarray(curve.y)[finite], one.sensitivity[finite])
        assert np.isnan(np.asarray(curve.y)[~finite].astype(float)).all()


def test_the_best_settings_are_taken_to_trajectories() -> None:
    here = state(surface="ravine", surface__condition=50.0)
    made = tuned(here)
    there = Settings.from_query(on_trajectories(here, made))
    assert not there.problems
    assert there.surface == "ravine"
    assert there.parameters["condition"] == 50.0
    assert there.steps == 60
    assert list(there.start) == made.settings["starts"][0]
    for card, one in zip(there.cards.values(), made.rules, strict=True):
        assert (card.rule, card.hyper) == (one.rule, one.best)


def test_claims_are_tuned_on_each_surface_for_itself() -> None:
    here = state(surface="ravine", surface__condition=50.0)
    table = claims(here)
    assert [row[0] for row in table] == [SURFACES[name].title for name in countable()]
    alone = state(surface="himmelblau")
    told = [row["Reaches the lowest minimum"] for row in rows(alone, tuned(alone))]
    assert table[countable().index("himmelblau")][1:] == told


def test_the_file_holds_everything() -> None:
    made = tuned(state(objective="loss"))
    file = json.loads(as_json(made))
    assert file["settings"]["starts"] == made.settings["starts"]
    for told, one in zip(file["rules"], made.rules, strict=True):
        finite = [value if np.isfinite(value) else None for value in one.worth.tolist()]
        assert told["worth"] == finite
        assert None in finite or one.rule == "adam"  # gradient descent diverges at the greatest rates
        assert told["best"] == one.best


def test_a_link_is_the_state() -> None:
    here = state(surface="ravine", surface__angle=30.0, objective="steps", tolerance=0.01, seed=3, search="random")
    again = TuningState.from_query(dict(parse_qsl(urlencode(here.to_query()))))
    assert again == here


def test_what_is_not_allowed_gets_a_sentence_and_the_rest_stands() -> None:
    text = said(opened(surface="moon", rules="adam,newton", trials="1e9", seed="-1", nothing="1", starts="7"))
    for part in ("surface", "optimizer", "newton", "trials", "seed", "nothing"):
        assert part in text, part
    assert "7 starts" in text
    assert "Traceback" not in text


def test_distance_without_a_known_minimum_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SURFACES["himmelblau"].module, "MINIMA", ())
    app = opened(surface="himmelblau", objective="distance")
    assert "no minimum" in said(app)
    assert not app.get("plotly_chart")
    assert app.selectbox(key="tuning:objective").select("loss").run().get("plotly_chart")
    assert "Reaches" not in said(app)


def test_every_surface_is_counted_where_it_is_opened() -> None:
    app = opened(rules="gradient_descent,momentum", trials="30", evaluations="50", starts="2")
    assert "tuned anew" not in said(app)
    app.session_state["tuning:everywhere"] = True
    app.run()
    assert "tuned anew" in said(app)
    assert len(app.table) == 2
    assert len(app.table[1].value) == len(countable())


def test_a_link_may_hold_more_than_a_slider_offers() -> None:
    app = opened(
        surface="ravine", rules="adam", trials="30", evaluations="50", starts="2", **{"surface.condition": "1e6"}
    )
    assert not app.exception
    assert app.query_params["surface.condition"] == "1000000.0"
