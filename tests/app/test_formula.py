"""A formula that is typed, on every page: what it draws, its sliders, its links, and what is said of a wrong one."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import event
from streamlit.testing.v1 import AppTest

from optim_core import RULES, trace
from surfaces import SURFACES
from surfaces.formula.surface import KEPT
from surfaces.named import formula_of, is_formula, name_of
from tests.patience import SECONDS
from views.maps.state import MapState
from views.shared.controls import controls
from views.shared.packing import unpack
from views.shared.settings import Settings
from views.shared.surface_choice import FIRST
from views.trajectories.export_paths import script_text, unwritten
from views.trajectories.message import message
from views.tuning.tuning import TuningState

APP = str(Path(__file__).parents[2] / "app.py")
HIMMELBLAU = "formula:(x^2 + y - 11)^2 + (x + y^2 - 7)^2"


def opened(page: str = "", **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    if page:
        app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    app.run()
    assert not app.exception
    return app


def payloads(app: AppTest) -> list[dict[str, Any]]:
    return [unpack(element.proto.bytes) for element in app.get("bidi_component") if element.proto.bytes]


def field(app: AppTest) -> dict[str, Any]:
    (found,) = [one for one in payloads(app) if "window_error" in one]
    return found


def said(app: AppTest) -> str:
    return " ".join(one.value for one in (*app.markdown, *app.caption))


def test_a_formula_gives_the_paths_of_the_surface_that_it_writes() -> None:
    drawn = {}
    for surface in (HIMMELBLAU, "himmelblau"):
        settings = Settings.from_query({"surface": surface, "start": "1,1", "card.0": "adam", "difference": "exact"})
        assert not settings.problems
        drawn[surface] = message(settings)
    ours, theirs = (drawn[name]["runs"][0] for name in (HIMMELBLAU, "himmelblau"))
    np.testing.assert_allclose(ours["path"], theirs["path"], rtol=0, atol=1e-6)
    minima = np.array(sorted(drawn[HIMMELBLAU]["surface"]["minima"]))
    np.testing.assert_allclose(minima, sorted(drawn["himmelblau"]["surface"]["minima"]), atol=1e-9)
    saddles = np.array(sorted(drawn[HIMMELBLAU]["surface"]["saddles"]))
    np.testing.assert_allclose(saddles, sorted(drawn["himmelblau"]["surface"]["saddles"]), atol=1e-9)


@pytest.mark.parametrize("page", ["", "maps", "gradients", "tuning"])
def test_the_box_offers_a_formula_on_every_page(page: str) -> None:
    app = opened(page)
    box = next(one for one in app.selectbox if one.label == "Surface")
    assert "Your own formula" in box.options
    box.select("formula").run()
    assert not app.exception
    assert app.query_params["surface"] == name_of(FIRST)
    assert field(app)["text"] == FIRST
    assert f"$f = {SURFACES[name_of(FIRST)].latex}$" in said(app)


def test_letters_become_sliders() -> None:
    settings = Settings.from_query({"surface": "formula:a x^2 + b y^2", "surface.b": "4"})
    fields = {one["path"]: one for group in controls(settings)["groups"] for one in group["fields"]}
    assert fields["surface.a"]["value"] == 1.0
    assert fields["surface.b"]["value"] == 4.0
    settings.apply("surface.a", 3)
    run = trace(
        RULES["gradient_descent"], SURFACES[settings.surface], (1.0, 1.0), 1, hyper={"lr": 0.1},
        surface_parameters=settings.parameters, difference="exact",
    )  # fmt: skip
    np.testing.assert_allclose(run.path[1], [1 - 0.1 * 6, 1 - 0.1 * 8], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("formula:x^2 +", "expected"),
        ("formula:__class__", "_' is not understood"),
        ("formula:(lambda: 1)()", "':' is not understood"),
        ("formula:9**9**9**9", ""),
        ("formula:" + "(" * 10_000, ""),
        ("formula[1,2]:x^2", "x from, x to, y from, y to"),
        ("formula[2,1,0,1]:x^2", "first must be lower"),
        ("formula[nan,1,0,1]:x^2", "domain"),
        ("formula:", ""),
    ],
)
def test_a_wrong_formula_gets_a_sentence_and_the_page_stands(name: str, part: str) -> None:
    for state in (Settings(), MapState(), TuningState()):
        before = (state.base if isinstance(state, MapState) else state).surface
        state.apply("surface", name)
        assert part in state.problems["surface"]
        assert len(state.problems["surface"]) < 400
        assert (state.base if isinstance(state, MapState) else state).surface == before
    with pytest.raises(ValueError, match="."):
        SURFACES.checked(name)


def test_a_wrong_formula_in_a_link_gets_a_sentence() -> None:
    app = opened(surface="formula:x^2 + sn(y)")
    assert "sn" in said(app)


def test_the_exported_script_runs_the_formula(tmp_path: Path) -> None:
    formula = "formula:(x^2 + y - 11)^2 + a sin(3x) + atan(y) + where(x > 0, x^2, |x|^3) + floor(x)"
    settings = Settings.from_query({"surface": formula, "surface.a": "2", "card.0": "adam,lr=0.05", "steps": "30"})
    assert not settings.problems
    assert not unwritten(settings)
    (tmp_path / "paths.py").write_text(script_text(settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "paths.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    (run,) = message(settings)["runs"]
    x, y = run["path"].reshape(-1, 2)[-1]
    assert f"({x:.5f}, {y:.5f}) after 30 steps" in done.stdout


def test_a_hundred_people_with_a_formula_each_move_on_and_compile_nothing() -> None:
    """Each in a session of their own, in turn, more of them than formulas are remembered."""
    states = [Settings.from_query({"surface": f"formula:x^2 + {k}.5y^2 + a", "card.0": "adam"}) for k in range(100)]
    message(states[0])
    with event.install_recorder("numba:run_pass") as passes:
        for steps in (20, 30):
            for state in states:
                state.apply("steps", steps)
                state.apply("surface.a", steps / 10)
                (run,) = message(state)["runs"]
                assert not state.problems
                assert len(run["loss"]) == steps + 1
    assert not passes.buffer


def test_what_a_session_shows_stays_whatever_others_draw() -> None:
    app = opened(surface="formula:x^2 + 77y^2")
    shown = weakref.ref(SURFACES["formula:x^2 + 77y^2"])
    for k in range(2 * KEPT):
        SURFACES.checked(f"formula:x + {k}.25y")
    gc.collect()
    assert shown() is not None
    assert SURFACES["formula:x^2 + 77y^2"] is shown()
    assert not app.run().exception


def test_a_name_holds_the_window() -> None:
    name = name_of("x^2 + y^2", (-2.0, 3.0, -1.0, 1.5))
    assert formula_of(name) == ("x^2 + y^2", (-2.0, 3.0, -1.0, 1.5))
    assert SURFACES[name].domain == ((-2.0, 3.0), (-1.0, 1.5))
    assert is_formula(name)
    assert name not in list(SURFACES)
    settings = Settings.from_query({"surface": name})
    assert Settings.from_query(settings.to_query()) == settings
    assert settings.drawn_window == (-2.0, 3.0, -1.0, 1.5)
    for state in (MapState.from_query({"surface": name}), TuningState.from_query({"surface": name})):
        assert not state.problems
        assert type(state).from_query(state.to_query()) == state


def test_runs_begin_where_the_formula_has_a_value() -> None:
    settings = Settings.from_query(
        {"surface": "formula:log(x + 2)^2 + y^2 + sqrt(y + 3)", "card.0": "gradient_descent"}
    )
    x, y = settings.start
    assert x > -2 + 0.25
    assert y > -3 + 0.25
    (run,) = message(settings)["runs"]
    assert np.isfinite(run["loss"]).all()
    assert len(run["loss"]) == 301
    assert Settings.from_query({"surface": "formula:sqrt(x - 9)"}).start == (-3.0, -2.0)  # it has none anywhere


def test_what_is_doubtful_is_said() -> None:
    assert "may have creases" in said(opened(surface="formula:|x| + abs(y)".replace("|x|", "abs(x)")))
    assert "no value in" in said(opened(surface="formula:log(x) + y^2"))
