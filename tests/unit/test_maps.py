"""Maps: equal to runs made one by one and to closed forms, whatever the threads and chunks; cancelled, nothing runs."""

import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from optim_core import RULES, Outcome, trace
from optim_core.runs.outcome import nearest_minimum
from optim_core.runs.sweep import Cancelled
from optim_core.studies import map_colours
from optim_core.studies import maps as module
from optim_core.studies.map_files import png
from optim_core.studies.maps import Axis, basins, lowest_minima, plane, spread_starts
from optim_core.studies.stability import RULES as WITH_RATE
from optim_core.studies.stability import edge, eigenvalues, optimum, rate
from ravine.plane import main
from surfaces import SURFACES

ROOT = Path(__file__).parents[2]
WINDOW = ((-4.0, 5.0), (-3.0, 4.5))
BASINS = ("minimum", "steps", "outcome", "end", "loss")
PLANE = ("loss", "distance", "steps", "outcome", "share")


def same(one, other, fields) -> None:
    for field in fields:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adam", {"hyper": {"lr": 0.1}}),
        ("momentum", {"hyper": {"lr": 0.005}, "stop": None}),
        ("gradient_descent", {"hyper": {"lr": 0.03}, "stop": "gradient", "tolerance": 0.1}),  # some diverge
        ("nesterov_lookahead", {"hyper": {"lr": 0.01}, "stop": "loss", "around": {"noise": 1.0, "seed": 3}}),
        ("lookahead(lion)", {"hyper": {"lr": 0.05}, "difference": "exact"}),
    ],
)
def test_every_pixel_of_a_map_is_a_run_made_alone(name: str, options: dict) -> None:
    surface, rule = SURFACES["himmelblau"], RULES[name]
    found = basins(rule, surface, WINDOW, (13, 9), 150, **options)
    assert found.minimum.shape == (9, 13)
    alone = {"stop": "step", "tolerance": 1e-4, **options}
    for j in range(9):
        for i in range(13):
            start = (-4 + (i + 0.5) * 9 / 13, -3 + (j + 0.5) * 7.5 / 9)
            np.testing.assert_allclose((found.x[i], found.y[j]), start, rtol=1e-13)
            run = trace(rule, surface, (found.x[i], found.y[j]), 150, **alone)
            pixel = (found.minimum[j, i], found.steps[j, i], found.outcome[j, i])
            assert pixel == (run.minimum, run.steps, run.outcome)
            with np.errstate(over="ignore"):
                np.testing.assert_array_equal(found.loss[j, i], np.float32(run.loss[-1]))
                np.testing.assert_array_equal(found.end[j, i], run.path[-1].astype(np.float32))
    assert len(np.unique(found.outcome)) > 1 or len(np.unique(found.minimum)) > 1


def test_every_cell_of_a_plane_is_a_run_made_alone() -> None:
    surface, rule, q = SURFACES["rosenbrock"], RULES["adam"], {"a": 1.0, "b": 20.0}
    rates, betas = Axis("lr", 1e-3, 3.0, 7, log=True), Axis("beta1", 0.0, 0.99, 5)
    options = {"surface_parameters": q, "stop": "loss", "tolerance": 0.1}
    found = plane(rule, surface, (-1.2, 1.0), rates, betas, 300, hyper={"beta2": 0.9, "lr": 5.0}, **options)
    np.testing.assert_allclose(found.x, np.geomspace(1e-3, 3.0, 7), rtol=1e-11)
    np.testing.assert_allclose(found.y, np.linspace(0, 0.99, 5), rtol=1e-11)
    ended = 0
    for j, beta1 in enumerate(found.y):
        for i, lr in enumerate(found.x):
            hyper = {"lr": lr, "beta1": beta1, "beta2": 0.9}
            run = trace(rule, surface, (-1.2, 1.0), 300, hyper=hyper, **options)
            assert (found.loss[j, i], found.outcome[j, i]) == (run.loss[-1], run.outcome)
            assert found.distance[j, i] == np.hypot(*(run.path[-1] - (1, 1)))
            assert found.steps[j, i] == (run.steps if run.steps < 300 else np.inf)
            assert found.share[j, i] == (run.minimum == 0)
            ended += run.steps < 300
    assert 0 < ended < 35
    assert found.settings["hyper"] == {"beta2": 0.9, "eps": 1e-8, "bias_correction": 1.0}


def test_over_several_starts_a_plane_holds_the_medians() -> None:
    surface, rule = SURFACES["himmelblau"], RULES["momentum"]
    starts = spread_starts(surface, 4, seed=5)
    axes = Axis("lr", 1e-3, 0.1, 4, log=True), Axis("momentum", 0.0, 0.9, 3)
    found = plane(rule, surface, starts, *axes, 120, stop="gradient", tolerance=0.01)
    single = [plane(rule, surface, start, *axes, 120, stop="gradient", tolerance=0.01) for start in starts]
    for field in ("loss", "distance", "steps"):
        each = np.array([np.nan_to_num(getattr(one, field), nan=np.inf, posinf=np.inf) for one in single])
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(getattr(found, field), np.median(each, axis=0), rtol=1e-6, err_msg=field)
    np.testing.assert_allclose(found.share, np.mean([one.share for one in single], axis=0))
    for cell in np.ndindex(3, 4):
        kinds = [int(one.outcome[cell]) for one in single]
        assert found.outcome[cell] == max(sorted(set(kinds)), key=kinds.count)
    assert np.isinf(found.loss).any() or np.isinf(found.steps).any()
    assert (found.share == 1).any()


def test_threads_and_chunks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    surface, starts = SURFACES["ackley"], spread_starts(SURFACES["ackley"], 3)
    axes = Axis("lr", 1e-3, 1.0, 40, log=True), Axis("beta1", 0.0, 0.95, 37)
    made = []
    for threads, chunk, tile in ((1, 2**18, 32), (5, 1000, 3), (2, 64, 1)):
        monkeypatch.setattr(module, "CHUNK", chunk)
        monkeypatch.setattr(sys.modules["optim_core.runs.sweep"], "TILE", tile)
        made.append(
            (
                basins(RULES["adam"], surface, None, (71, 66), 80, hyper={"lr": 0.1}, threads=threads),
                plane(RULES["adam"], surface, starts, *axes, 60, stop="step", threads=threads),
            )
        )
    for other in made[1:]:
        same(made[0][0], other[0], BASINS)
        same(made[0][1], other[1], PLANE)


@pytest.mark.parametrize("every", [4, 8])
def test_a_coarse_map_is_the_fine_one_at_its_pixels(every: int) -> None:
    surface = SURFACES["himmelblau"]
    fine = basins(RULES["adam"], surface, WINDOW, (50, 33), 100, hyper={"lr": 0.2})
    coarse = basins(RULES["adam"], surface, WINDOW, (50, 33), 100, hyper={"lr": 0.2}, every=every)
    columns = [min(i + every // 2, 49) for i in range(0, 50, every)]
    rows = [min(j + every // 2, 32) for j in range(0, 33, every)]
    np.testing.assert_array_equal((coarse.x, coarse.y)[0], fine.x[columns])
    for field in BASINS:
        np.testing.assert_array_equal(getattr(coarse, field), getattr(fine, field)[np.ix_(rows, columns)])
    axes = Axis("lr", 1e-3, 1.0, 50, log=True), Axis("beta1", 0.0, 0.95, 33)
    all_cells = plane(RULES["adam"], surface, (1.0, -1.0), *axes, 100)
    some = plane(RULES["adam"], surface, (1.0, -1.0), *axes, 100, every=every)
    for field in PLANE:
        np.testing.assert_array_equal(getattr(some, field), getattr(all_cells, field)[np.ix_(rows, columns)])


def test_what_is_counted_under_a_map() -> None:
    found = basins(RULES["gradient_descent"], SURFACES["ackley"], ((-3, 3), (-3, 3)), 40, 400, hyper={"lr": 0.004})
    reached = found.outcome == Outcome.CONVERGED  # Ackley lists one minimum, the lowest
    assert 0 < found.share == reached.mean() < 1
    assert found.median_steps == np.median(found.steps[reached])
    assert list(lowest_minima(SURFACES["himmelblau"])) == [0, 1, 2, 3]
    nowhere = basins(RULES["gradient_descent"], SURFACES["ackley"], ((3, 4), (3, 4)), 4, 5)
    assert nowhere.share == 0
    assert np.isnan(nowhere.median_steps)


def test_unlisted_minima_have_a_colour_of_their_own() -> None:
    """As on the page, whatever their place."""
    result = basins(RULES["gradient_descent"], SURFACES["ackley"], ((1.7, 3.3), (-0.3, 0.3)), (32, 12), 300)
    with Image.open(io.BytesIO(png(result))) as image:
        pixels = np.asarray(image)[::-1]
    assert (result.outcome == Outcome.LOCAL_MINIMUM).all()  # at about (2, 0) and (3, 0)
    known = map_colours.shades(map_colours.LISTED + Outcome.LOCAL_MINIMUM)
    assert {tuple(one) for one in pixels.reshape(-1, 3)} <= {tuple(one) for one in known}


# ---------------------------------------------------------------- closed forms


def iterated(lr: np.ndarray, mu: np.ndarray, curvature: float, steps: int) -> np.ndarray:
    """x after so many steps from 1 of the heavy ball on a parabola, by its recurrence in float64."""
    before, x = np.ones_like(lr), np.ones_like(lr)
    for _ in range(steps):
        before, x = x, (1 + mu - lr * curvature) * x - mu * before
    return x


@pytest.mark.parametrize("name", ["momentum", "momentum_average"])
def test_a_plane_on_a_quadratic_is_the_recurrence_and_contracts_at_the_closed_rate(name: str) -> None:
    surface, q = SURFACES["ravine"], {"condition": 30.0, "angle": 0.0}
    second = "momentum" if name == "momentum" else "beta"
    axes = Axis("lr", 1e-3, 0.1 if name == "momentum" else 0.5, 40, log=True), Axis(second, 0.0, 0.8, 20)
    options = {"surface_parameters": q, "difference": "exact"}
    made = {n: plane(RULES[name], surface, (1.0, 1.0), *axes, n, **options) for n in (100, 150, *range(292, 301))}
    x, y = np.meshgrid(made[150].x, made[150].y)
    lr = x if name == "momentum" else x * (1 - y)
    distance = np.hypot(iterated(lr, y, 1.0, 150), iterated(lr, y, 30.0, 150))
    np.testing.assert_allclose(made[150].distance, distance, rtol=1e-8, atol=1e-300)
    closed = rate(name, {"lr": x, second: y}, eigenvalues(surface, surface.Parameters(**q)))
    # The distance swings, so its crest over nine steps is taken; a constant of e leaves 1/300 of the rate.
    crest = np.max([made[n].distance for n in range(292, 301)], axis=0) ** (1 / 296)
    kept = closed < 2  # beyond that the middle of the nine is no middle any more, and in the end no number
    assert kept.mean() > 0.8
    np.testing.assert_allclose(crest[kept], closed[kept], rtol=0.02)
    assert ((closed < 1) == (made[300].distance < made[100].distance)).mean() > 0.99
    # No cell is better than the theoretical optimum, and the best stands beside it.
    best = optimum(name, 1.0, 30.0)
    j, i = np.unravel_index(np.argmin(crest), crest.shape)
    assert rate(name, best, [1.0, 30.0]) <= closed.min()
    assert abs(np.log(made[300].x[i] / best["lr"])) < 0.25
    assert abs(made[300].y[j] - best[second]) < 0.1


def spectral_radius(lr: float, mu: float, curvatures: list[float]) -> float:
    """Of the heavy ball's matrices, by LAPACK."""
    pairs = [[[1 + mu - lr * c, -mu], [1, 0]] for c in curvatures]
    return float(max(np.abs(np.linalg.eigvals(pair)).max() for pair in pairs))


def test_the_closed_rate_is_the_spectral_radius() -> None:
    rng = np.random.default_rng(6)
    for lr, mu, tau, *curvatures in rng.uniform((0, 0, 0, -1, 0.1), (1, 1, 1, 3, 30), (200, 5)):
        assert rate("momentum", {"lr": lr, "momentum": mu, "dampening": tau}, curvatures) == pytest.approx(
            spectral_radius(lr * (1 - tau), mu, curvatures), rel=1e-7
        )
        assert rate("momentum_average", {"lr": lr, "beta": mu}, curvatures) == pytest.approx(
            spectral_radius(lr * (1 - mu), mu, curvatures), rel=1e-7
        )
        assert rate("gradient_descent", {"lr": lr}, curvatures) == pytest.approx(
            max(abs(1 - lr * c) for c in curvatures), rel=1e-12
        )


@pytest.mark.parametrize("name", WITH_RATE)
def test_edge_rate_and_optimum_agree(name: str) -> None:
    hyper = {"momentum": {"momentum": 0.7, "dampening": 0.2}, "momentum_average": {"beta": 0.7}}.get(name, {})
    at = edge(name, hyper, 30.0)
    assert rate(name, {**hyper, "lr": at * 0.999}, [1.0, 30.0]) < 1 < rate(name, {**hyper, "lr": at * 1.001}, [1, 30])
    best = optimum(name, 1.0, 30.0)
    reached = rate(name, best, [1.0, 30.0])
    root = np.sqrt(30.0)
    assert reached == pytest.approx(29 / 31 if name == "gradient_descent" else (root - 1) / (root + 1), rel=1e-6)
    for field in best.keys() - {"dampening"}:
        for factor in (0.97, 1.03):
            assert rate(name, {**best, field: best[field] * factor}, [1.0, 30.0]) > reached


def test_what_is_a_quadratic() -> None:
    ravine = SURFACES["ravine"]
    found = eigenvalues(ravine, ravine.Parameters(condition=40.0, angle=33.0))
    assert found is not None
    np.testing.assert_allclose(found, (1, 40), rtol=1e-9)
    for name in ("ackley", "rosenbrock", "himmelblau", "beale", "saddle"):
        assert eigenvalues(SURFACES[name], SURFACES[name].Parameters()) is None
    with pytest.raises(ValueError, match="no rate is known for the rule 'adam'"):
        rate("adam", {"lr": 1.0}, [1.0])
    with pytest.raises(ValueError, match="no optimum is known for the rule 'adam'"):
        optimum("adam", 1.0, 2.0)
    with pytest.raises(ValueError, match="curvatures from 0 to 2 are not allowed"):
        optimum("momentum", 0.0, 2.0)


# ---------------------------------------------------------------- progress, cancelling, memory


@pytest.mark.parametrize("kind", ["basins", "plane"])
def test_a_cancelled_map_leaves_nothing_running(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2**13)
    told: list[tuple[int, int, bool]] = []

    def progress(done: int, total: int) -> bool:
        told.append((done, total, threading.current_thread() is threading.main_thread()))
        return done < total / 2

    rule, surface = RULES["adam"], SURFACES["ackley"]
    axes = Axis("lr", 1e-3, 1.0, 128, log=True), Axis("beta1", 0.0, 0.95, 128)
    make: Any = basins if kind == "basins" else plane
    arguments: Any = (None, 256) if kind == "basins" else (spread_starts(surface, 4), *axes)
    before = threading.active_count()
    with pytest.raises(Cancelled, match="cancelled after"):
        make(rule, surface, *arguments, 60, threads=2, progress=progress)
    assert threading.active_count() == before
    counts = [done for done, _, _ in told]
    assert counts == sorted(set(counts))
    assert counts[-1] < 0.7 * 65536
    assert {(total, here) for _, total, here in told} == {(65536, True)}


def test_progress_comes_to_its_end_and_changes_nothing() -> None:
    told: list[tuple[int, int]] = []
    plain = basins(RULES["adam"], SURFACES["ackley"], None, (100, 97), 30)
    watched = basins(RULES["adam"], SURFACES["ackley"], None, (100, 97), 30, progress=lambda *now: told.append(now))
    same(plain, watched, BASINS)
    assert told[-1] == (9700, 9700)
    assert len(told) > 1


MEMORY = """
import resource, sys
from optim_core import RULES
from optim_core.studies.maps import basins
from surfaces import SURFACES
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
basins(RULES["adam"], SURFACES["ackley"], None, 512, 3)
before = peak()
found = basins(RULES["adam"], SURFACES["ackley"], None, 1536, 3)
arrays = sum(a.nbytes for a in (found.minimum, found.steps, found.outcome, found.end, found.loss))
print(arrays // 1024, peak() - before)
"""


def test_a_large_map_takes_no_more_memory_than_its_arrays() -> None:
    """512 x 512 is one chunk; what nine of them need beyond it is what the result holds."""
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    arrays, more = map(int, run.stdout.split())
    assert arrays == 19 * 1536 * 1536 // 1024
    assert more < 1.5 * arrays


# ---------------------------------------------------------------- bad values


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"window": ((1.0, 1.0), (0.0, 1.0))}, "window x from 1 to 1 is not allowed; low must be less than high"),
        ({"window": (0.0, 1.0)}, "window = (0.0, 1.0) is not ((x low, x high), (y low, y high))"),
        ({"window": ((0.0, float("nan")), (0.0, 1.0))}, "window x = nan is not allowed"),
        ({"resolution": 5000}, "resolution = 5000 is not allowed; it must lie in [1, 4096]"),
        ({"resolution": (3, 4, 5)}, "resolution = (3, 4, 5) is not a number of pixels"),
        ({"every": 0}, "every = 0 is not allowed"),
        ({"hyper": {"lr": -1.0}}, "lr = -1 is not allowed"),
        ({"steps": 0}, "steps = 0 is not allowed"),
        ({"rule": RULES["lbfgs"]}, "rule = lbfgs is not allowed: it makes no maps"),
        ({"rule": RULES["adamw"], "around": {"weight_decay": 0.1}}, "has a weight decay of its own"),
    ],
)
def test_bad_values_of_a_map_are_named(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        basins(**{"rule": RULES["adam"], "surface": SURFACES["ackley"], "resolution": 4, "steps": 3, **arguments})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"axis_x": ("rate", 0.1, 1.0)}, "axis_x = 'rate' is no hyperparameter of momentum; it has: lr, momentum"),
        ({"axis_x": ("lr", 0.0, 1.0)}, "axis_x lr = 0 is not allowed; it must lie in (0, 1e6]"),
        ({"axis_x": ("lr", 1.0, 0.1)}, "axis_x lr from 1 to 0.1 is not allowed"),
        ({"axis_x": ("momentum", 0.0, 0.9, 5, True)}, "axis_x momentum from 0 by decades is not allowed"),
        ({"axis_x": ("lr", 0.1, 1.0, 0)}, "axis_x count = 0 is not allowed"),
        ({"axis_x": 3}, "axis_x = 3 is not (name, low, high, count, log)"),
        ({"axis_x": ("momentum", 0.0, 0.9, 5)}, "axis_y = 'momentum' is not allowed: it is on the other axis already"),
        ({"starts": [[0.0, 1.0, 2.0]]}, "starts has shape (1, 3)"),
        ({"starts": np.zeros((0, 2))}, "starts has shape (0, 2)"),
        ({"axis_x": ("lr", 0.1, 1.0, 4096), "axis_y": ("momentum", 0.1, 0.9, 4096), "starts": np.zeros((9, 2))},
         "runs = "),
    ],
)  # fmt: skip
def test_bad_values_of_a_plane_are_named(arguments: dict, sentence: str) -> None:
    given = {"starts": (0.0, 1.0), "axis_x": ("lr", 0.1, 1.0, 3), "axis_y": ("momentum", 0.0, 0.9, 3), **arguments}
    with pytest.raises(ValueError, match=".") as caught:
        plane(RULES["momentum"], SURFACES["ackley"], steps=3, **given)
    assert sentence in str(caught.value)


def test_settings_are_ready_for_json() -> None:
    found = basins(RULES["adam"], SURFACES["ravine"], None, (3, 2), 4, surface_parameters={"condition": 7})
    read = json.loads(json.dumps(found.settings))
    assert (read["rule"], read["surface"], read["resolution"]) == ("adam", "ravine", [3, 2])
    assert read["surface_parameters"] == {"condition": 7.0, "angle": 0.0}
    assert read["window"] == [[-5.0, 5.0], [-5.0, 5.0]]
    over = plane(RULES["adam"], SURFACES["ravine"], (1, 2), ("lr", 0.1, 1.0, 3), ("beta1", 0.0, 0.9, 3), 4)
    assert json.loads(json.dumps(over.settings))["axis_x"] == ["lr", 0.1, 1.0, 3, False]
    points = spread_starts(SURFACES["ravine"], 50, seed=1)
    np.testing.assert_array_equal(points, spread_starts(SURFACES["ravine"], 50, seed=1))
    assert np.abs(points).max() <= 5
    assert np.isinf(nearest_minimum(SURFACES["ravine"], None, np.full((1, 2), np.inf))[1]).all()


# ---------------------------------------------------------------- files and the command line


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "optim_core", "sweep", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_writes_an_npz_that_holds_the_map_and_its_settings(tmp_path: Path) -> None:
    file = tmp_path / "map.npz"
    done = command(
        "adam", "himmelblau", "--window", "-4", "5", "-3", "4.5", "--resolution", "40", "30", "--steps", "200", "--set",
        "lr=0.2", "beta1=0.8", "--stop", "gradient", "--tolerance", "0.01", "--out", str(file),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    hyper = {"lr": 0.2, "beta1": 0.8}
    found = basins(
        RULES["adam"], SURFACES["himmelblau"], WINDOW, (40, 30), 200, hyper=hyper, stop="gradient", tolerance=0.01
    )
    with np.load(file, allow_pickle=False) as read:
        for field in ("x", "y", *BASINS):
            np.testing.assert_array_equal(read[field], getattr(found, field))
            assert read[field].dtype == getattr(found, field).dtype
        assert json.loads(str(read["settings"])) == found.settings
    assert f"40 x 30, {found.share:.1%} of all starts reach the lowest minimum" in done.stdout


def test_a_main_without_a_process_writes_planes_too(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file, axes = tmp_path / "plane.npz", ["lr:1e-4:1:20:log", "momentum:0:0.99:10"]
    given = ["sweep", "momentum", "ravine", "--shape", "condition=20", "--steps", "50"]
    given += ["--around", "noise=0.1", "seed=4"]
    assert main([*given, "--plane", *axes, "--starts", "3", "--seed", "5", "--out", str(file)]) == 0
    found = plane(
        RULES["momentum"], SURFACES["ravine"], spread_starts(SURFACES["ravine"], 3, 5), ("lr", 1e-4, 1.0, 20, True),
        ("momentum", 0.0, 0.99, 10), 50, surface_parameters={"condition": 20.0}, around={"noise": 0.1, "seed": 4},
    )  # fmt: skip
    with np.load(file, allow_pickle=False) as read:
        for field in PLANE:
            np.testing.assert_array_equal(read[field], getattr(found, field))
        assert json.loads(str(read["settings"])) == found.settings
    assert "20 x 10, least loss" in capsys.readouterr().out
    for shown in ("loss", "steps", "outcome", "distance"):
        picture = tmp_path / f"{shown}.png"
        assert main([*given, "--plane", *axes, "--show", shown, "--out", str(picture)]) == 0
        with Image.open(picture) as image:
            assert image.size == (20, 10)
            assert len({image.getpixel((x, y)) for x in range(20) for y in range(10)}) > 1


def test_a_picture_of_basins_has_hues_grey_and_stripes(tmp_path: Path) -> None:
    result = basins(
        RULES["gradient_descent"], SURFACES["himmelblau"], ((-9, 9), (-9, 9)), (60, 50), 40, hyper={"lr": 0.01}
    )
    kinds = result.outcome
    assert {Outcome.DIVERGED, Outcome.CONVERGED, Outcome.STILL_MOVING} <= set(kinds.ravel())
    with Image.open(io.BytesIO(png(result))) as image:
        pixels = np.asarray(image)[::-1].astype(int)  # rows from the lowest y
        assert json.loads(image.text["settings"]) == result.settings  # type: ignore[attr-defined]
    assert pixels.shape == (50, 60, 3)
    grey = (pixels == map_colours.GREY).all(axis=2)
    none = (result.minimum < 0) & (kinds != Outcome.DIVERGED) & (kinds != Outcome.LOCAL_MINIMUM)
    np.testing.assert_array_equal(grey, none)
    assert {tuple(one) for one in pixels[kinds == Outcome.DIVERGED]} == {(60, 60, 60), (225, 225, 225)}
    dominant = [np.median(pixels[result.minimum == k], axis=0) for k in range(4)]
    assert min(np.abs(a - b).max() for i, a in enumerate(dominant) for b in dominant[:i]) > 40
    # Of two starts that reach the same minimum, the one that needs more steps is darker.
    one = result.minimum == 0
    steps, brightness = result.steps[one], pixels[one].sum(axis=1)
    assert brightness[steps.argmin()] > brightness[steps.argmax()]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["adm", "ackley"], "there is no rule 'adm'; near it: adam"),
        (["adam", "akley"], "surface = 'akley' is not known; near it are: ackley"),
        (["lbfgs", "ackley"], "rule = lbfgs is not allowed: it makes no maps"),
        (["adam", "ackley", "--set", "lr"], "set = 'lr' is not NAME=VALUE, as in lr=0.1"),
        (["adam", "ackley", "--set", "lr=fast"], "lr = 'fast' is not a number"),
        (["adam", "ackley", "--set", "lr=-1"], "lr = -1 is not allowed; it must lie in (0, 1e6]"),
        (["adam", "ackley", "--stop", "soon"], "stop = 'soon' is not one of: none, step, gradient, loss"),
        (["adam", "ackley", "--resolution", "1", "2", "3"], "resolution = [1, 2, 3] is not a number of pixels"),
        (["adam", "ackley", "--plane", "lr:1:2", "beta1:0:0.9:3"], "plane = 'lr:1:2' is not NAME:LOW:HIGH:COUNT"),
        (["adam", "ackley", "--plane", "lr:1:2:3:ln", "eps:0:1:3"], "plane = 'lr:1:2:3:ln' is not NAME:LOW:HIGH:COUNT"),
        (["adam", "ackley", "--plane", "lr:1:2:3", "lr:1:2:3"], "axis_y = 'lr' is not allowed"),
        (["adam", "ackley", "--plane", "lr:1:2:3", "eps:0:1:3", "--resolution", "9"], "resolution is not allowed with"),
        (["adam", "ackley", "--starts", "3"], "starts is not allowed without plane"),
        (["adam", "ackley", "--show", "beauty"], "show = 'beauty' is not one of: loss, steps, outcome, distance"),
        (["adam", "ackley", "--out", "map.gif"], "out = 'map.gif' is not allowed; it must end in .npz or .png"),
        (["adam", "ackley", "--out", "nowhere/map.png"], "there is no folder 'nowhere'"),
    ],
)
def test_what_is_wrong_with_a_command_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = arguments if "--out" in arguments else [*arguments, "--out", str(tmp_path / "map.png")]
    assert main(["sweep", *given]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
