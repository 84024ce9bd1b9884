"""Losses over data and surfaces from a table, through the page: drawn, linked, refused in a sentence."""

import gc
import io
from typing import Any

import numpy as np
import pytest
from numba.core import event
from scipy.interpolate import RectBivariateSpline

from optim_core.options import DIFFERENCES
from surfaces import SURFACES
from surfaces.data.sets import DATA_SETS
from surfaces.named import REMEMBERED
from views.gradients.gradients import Place
from views.gradients.gradients import message as errors
from views.maps.state import MapState
from views.shared.settings import Settings
from views.trajectories.export_paths import EXPORTS, csv_text
from views.trajectories.message import message
from views.warm import warm_first_picture, warm_shared

from .test_formula import opened, said

X, Y = np.meshgrid(np.linspace(0.0, 7.0, 8), np.linspace(0.0, 5.0, 6))
HEIGHTS = (X - 3) ** 2 + 2 * (Y - 2) ** 2


def csv(rows: np.ndarray) -> bytes:
    return "\n".join(",".join(map(repr, row)) for row in rows.tolist()).encode()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_loss_over_data_is_a_surface_like_others(name: str) -> None:
    settings = Settings.from_query(
        {"surface": f"data:{name}", "card.0": "momentum", "difference": "exact", "steps": "20"}
    )
    assert not settings.problems
    assert Settings.from_query(settings.to_query()) == settings
    (run,) = message(settings)["runs"]
    assert np.isfinite(run["loss"]).all()
    assert run["loss"][-1] < run["loss"][0]
    assert EXPORTS["paths.py"].missing(settings, "")
    assert not EXPORTS["paths.csv"].missing(settings, "")
    assert len(csv_text(settings).splitlines()) > 20
    state = MapState.from_query({"surface": f"data:{name}"})
    assert not state.problems
    place = Place()
    place.apply("surface", f"data:{name}")
    assert not place.problems
    assert errors(place)["curves"]


@pytest.mark.parametrize(("file", "data"), [("bowl.csv", csv(HEIGHTS)), ("bowl.npy", npy(HEIGHTS))])
def test_heights_become_a_surface(file: str, data: bytes) -> None:
    app = opened()
    app.selectbox(key="trajectories:surface").select("table").run()
    app.file_uploader(key="trajectories:surface:file").set_value((file, data, "text/csv")).run()
    app.button(key="trajectories:surface:draw").click().run()
    assert not app.exception
    name = app.query_params["surface"]
    name = name if isinstance(name, str) else name[0]
    assert name.startswith("upload:")
    surface = SURFACES[name]
    spline = RectBivariateSpline(X[0], Y[:, 0], HEIGHTS.T, s=0)
    x, y = np.array([0.3, 3.4, 6.6]), np.array([4.7, 2.2, 0.1])
    np.testing.assert_allclose(surface.value(x, y), spline(x, y, grid=False), rtol=1e-12)
    settings = Settings.from_query({"surface": name, "card.0": "gradient_descent,lr=0.1", "difference": "exact"})
    assert not settings.problems
    (run,) = message(settings)["runs"]
    np.testing.assert_allclose(run["path"].reshape(-1, 2)[-1], [3.0, 2.0], atol=1e-6)


def test_rows_become_a_loss() -> None:
    draw = np.random.default_rng(3)
    size, age = draw.normal(size=(2, 40))
    rows = ["size,age,price"] + [f"{a},{b},{2 * a - b}" for a, b in zip(size.tolist(), age.tolist(), strict=True)]
    app = opened()
    app.selectbox(key="trajectories:surface").select("table").run()
    app.file_uploader(key="trajectories:surface:file").set_value(
        ("flats.csv", "\n".join(rows).encode(), "text/csv")
    ).run()
    app.selectbox(key="trajectories:surface:kind").select("least_squares").run()
    app.selectbox(key="trajectories:surface:second").select("age").run()
    app.button(key="trajectories:surface:draw").click().run()
    assert not app.exception
    name = app.query_params["surface"]
    ((x, y, lowest),) = SURFACES[name if isinstance(name, str) else name[0]].minima()
    deviations = np.array([size.std(), age.std()])  # features are standardised
    np.testing.assert_allclose([x, y], [2, -1] * deviations, atol=0.3)
    assert lowest < 0.1


@pytest.mark.parametrize(
    ("file", "data", "part"),
    [
        ("bowl.csv", b"1,2\n3,x\n", "x"),
        ("bowl.npy", b"\x93NUMPY nothing", "NPY"),
        ("bowl.npy", npy(np.array([[{}]], dtype=object)), "object"),
        ("bowl.csv", b"1,2\n3,4\n", "needs"),
        ("bowl.csv", b"", "empty"),
    ],
)
def test_a_table_that_is_none_gets_a_sentence(file: str, data: bytes, part: str) -> None:
    app = opened()
    app.selectbox(key="trajectories:surface").select("table").run()
    app.file_uploader(key="trajectories:surface:file").set_value((file, data, "text/csv")).run()
    assert not app.exception
    assert part in said(app)
    assert app.query_params["surface"] in ("ravine", ["ravine"])


def test_a_table_that_is_gone_gets_a_sentence() -> None:
    assert "upload it again" in said(opened(surface="upload:0123456789ab"))


def test_the_last_tables_are_remembered_and_those_in_use() -> None:
    from surfaces.data.from_table import surface_from_grid

    names = [SURFACES.remember(surface_from_grid(HEIGHTS * 2.0)), SURFACES.remember(surface_from_grid(HEIGHTS * 3.0))]
    used = SURFACES[names[0]]
    for shift in range(REMEMBERED):
        SURFACES.remember(surface_from_grid(HEIGHTS + shift))
    gc.collect()
    assert SURFACES[names[0]] is used
    with pytest.raises(ValueError, match="upload it again"):
        SURFACES[names[1]]


def test_tables_compile_nothing() -> None:
    from surfaces.data.from_data import surface_from_data
    from surfaces.data.from_table import surface_from_grid

    rng = np.random.default_rng(4)

    def drawn(k: int) -> None:
        columns, targets = rng.normal(size=(20 + k, 2)), np.arange(20 + k) % 2
        for made in (surface_from_grid(rng.normal(size=(4 + k, 5 + k))), surface_from_data(columns, targets),
                     surface_from_data(columns, targets, "logistic")):  # fmt: skip
            for difference in DIFFERENCES:
                settings = Settings.from_query({"surface": SURFACES.remember(made), "difference": difference})
                assert not settings.problems
                assert message(settings)["runs"]

    warm_first_picture()
    warm_shared()
    with event.install_recorder("numba:run_pass") as passes:
        for k in range(30):
            drawn(k)
    assert not passes.buffer


def test_an_uploaded_table_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from surfaces.data import from_table

    made = []

    def counted(*given: Any, **named: Any) -> Any:
        made.append(given)
        return surface_from_grid(*given, **named)

    surface_from_grid = from_table.surface_from_grid
    monkeypatch.setattr(from_table, "surface_from_grid", counted)
    app = opened()
    app.selectbox(key="trajectories:surface").select("table").run()
    app.file_uploader(key="trajectories:surface:file").set_value(("bowl.csv", csv(HEIGHTS), "text/csv")).run()
    app.button(key="trajectories:surface:draw").click().run()
    app.run()
    assert not app.exception
    assert len(made) == 1
    app.file_uploader(key="trajectories:surface:file").set_value(("other.csv", csv(HEIGHTS + 1), "text/csv")).run()
    assert len(made) == 2
