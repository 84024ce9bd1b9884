"""Rules without gradients: every point is recorded, and it is the library's algorithm that asks for it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from optim_core import RULES, Outcome, trace
from optim_core.engine.oracle import Oracle
from optim_core.helpers.recorded import LARGEST, box, comparable
from optim_core.options import Options
from optim_core.runs.trace import MOST_POINTS
from surfaces import SURFACES, surface_from_formula
from tests.few_surfaces import FEW
from views.shared.words import words

ROOT = Path(__file__).parents[2]
NAMES = [name for name, rule in RULES.items() if rule.kind == "recorded"]
SEEDED = [name for name in NAMES if name != "nelder_mead"]
ACKLEY = SURFACES["ackley"]


class Wild:
    """A surface that need not be one: any function of two arrays, over a window that is no square."""

    window = (-5.0, 5.0), (-2.0, 8.0)

    def __init__(self, function: Callable) -> None:
        self.function, self.points, self.found = function, [], []

    def values(self, points: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            values = self.function(*np.array(points).T) * np.ones(len(points))
        self.points += [point.copy() for point in points]
        self.found.append(values)
        return values

    def value(self, x: np.ndarray) -> float:
        return float(self.values(np.array([x]))[0])


def recorded(name: str, f: Any, start: tuple[float, float], steps: int, **hyper: float) -> np.ndarray:
    """The path of a rule on an oracle or what stands for one, start first."""
    rule, path = RULES[name], [np.array(start)]
    assert rule.record is not None
    rule.record(f, np.array(start), rule.Hyper(**hyper), steps, lambda x: path.append(np.array(x)))
    return np.array(path)


def plain(x: float, y: float) -> float:
    """Ackley's function by the textbook."""
    waves = np.exp((np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 2)
    return float(-20 * np.exp(-0.2 * np.sqrt((x * x + y * y) / 2)) - waves + np.e + 20)


# ---------------------------------------------------------------- held against


@pytest.mark.parametrize("surface", FEW)
@pytest.mark.parametrize("name", NAMES)
def test_the_path_is_that_of_the_algorithm_written_anew(name: str, surface: str) -> None:
    rule, where = RULES[name], SURFACES[surface]
    for check in rule.checks:
        h, q = rule.Hyper(**check.hyper), where.Parameters()
        f, g = (Oracle(where, q, Options(40, "exact")) for _ in range(2))
        path = recorded(name, f, where.start, 40, **check.hyper)
        expected = rule.module.expected(g, np.array(where.start), h, 40)
        assert len(path) == 41
        assert f.evaluations == g.evaluations == len(f.points)
        assert np.abs(path - expected).max() <= check.bound * np.abs(expected).max()
        assert np.abs(np.array(f.points) - g.points).max() <= max(check.bound, 1e-11) * np.abs(g.points).max()


def nelder_mead() -> tuple[Any, int]:
    simplex = [(-2.5, 1.6), (-2.0, 1.6), (-2.5, 2.1)]
    options = {"initial_simplex": simplex, "xatol": 1e-8, "fatol": 1e-8, "maxiter": 31}
    found = optimize.minimize(lambda x: plain(*x), simplex[0], method="Nelder-Mead", options=options)
    return found.x, found.nfev


def simulated_annealing() -> tuple[Any, int]:
    found = optimize.dual_annealing(lambda x: plain(*x), [(-5, 5), (-5, 5)], maxiter=30, initial_temp=10.0, visit=2.0,
                                    rng=3, no_local_search=True, x0=[-2.5, 1.6])  # fmt: skip
    return found.x, found.nfev


def differential_evolution() -> tuple[Any, int]:
    options: dict[str, Any] = {"tol": 0, "mutation": 0.7, "polish": False, "updating": "deferred", "x0": [-2.5, 1.6]}
    window = [(-5, 5), (-5, 5)]
    found = optimize.differential_evolution(lambda x: plain(*x), window, maxiter=30, popsize=10, rng=3, **options)
    return found.x, found.nfev


def cma_es() -> tuple[Any, int]:
    RULES["cma_es"].module._load()
    import cma

    draws = np.random.default_rng(3)
    options = {"bounds": [0, 1], "maxiter": 30, "seed": np.nan, "randn": lambda *shape: draws.standard_normal(shape),
               "maxstd_boundrange": np.inf, "verbose": -9, "verb_log": 0}  # fmt: skip
    _, found = cma.fmin2(lambda u: plain(*(10 * np.array(u) - 5)), [0.25, 0.66], 0.25, options)
    return 10 * found.result.xfavorite - 5, found.result.evaluations - 1  # fmin2 asks for the last mean's value too


def random_search() -> tuple[Any, int]:
    points = np.vstack([(-2.5, 1.6), np.random.default_rng(3).uniform(-5, 5, (300, 2))])
    return min(points, key=lambda x: plain(*x)), 301


@pytest.mark.parametrize("name", NAMES)
def test_a_direct_call_of_the_library_gives_the_same_point_and_count(name: str) -> None:
    x, evaluations = globals()[name]()
    run = trace(RULES[name], ACKLEY, (-2.5, 1.6), 30, hyper={"seed": 3} if name in SEEDED else {})
    assert run.steps == 30
    assert run.evaluations == evaluations
    assert np.abs(run.path[-1] - x).max() < 1e-12


def test_random_search_finds_what_chance_allows() -> None:
    """The lowest of m uniform values exceeds t with probability (1 - t)^m."""
    lowest = []
    for seed in range(1000):
        f = Wild(lambda x, y: (x + 5) / 10)
        recorded("random_search", f, (5.0, 8.0), 4, popsize=5.0, seed=float(seed))
        lowest.append(np.concatenate(f.found).min())
    assert stats.kstest(lowest, stats.beta(1, 20).cdf).pvalue > 0.01


@pytest.mark.parametrize(("name", "share"), [("differential_evolution", 0.95), ("cma_es", 0.9)])
def test_ackleys_lowest_minimum_is_found_from_most_seeds(name: str, share: float) -> None:
    """Of 200 seeds measured: 99.5 % by differential evolution with 2,020 points, 99 % by CMA-ES with 630."""
    ends = [trace(RULES[name], ACKLEY, (-2.5, 1.6), 100, hyper={"seed": seed}).path[-1] for seed in range(40)]
    assert np.mean([np.hypot(*end) < 1e-3 for end in ends]) >= share


# ---------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_recorded_at_its_step(name: str) -> None:
    run = trace(RULES[name], ACKLEY, (-2.5, 1.6), 25)
    assert run.cloud is not None
    assert run.cloud_step is not None
    assert len(run.cloud) == len(run.cloud_step) == run.evaluations
    assert set(run.cloud_step) == set(range(1, 26))
    assert np.isfinite(run.cloud).all()
    if name == "cma_es":
        assert run.evaluations == 25 * 6
        return
    assert np.abs(run.cloud - (-2.5, 1.6)).max(axis=1).min() < 1e-11  # the start is among them
    seen = np.array([plain(*point) for point in run.cloud])
    for step in range(1, 26):  # the present point is the best so far
        assert run.loss[step] == pytest.approx(seen[run.cloud_step <= step].min(), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_the_run(name: str) -> None:
    first, again = (trace(RULES[name], ACKLEY, (-2.5, 1.6), 30) for _ in range(2))
    assert np.array_equal(first.path, again.path)
    assert np.array_equal(first.cloud, again.cloud)  # type: ignore[arg-type]
    if name in SEEDED:
        other = trace(RULES[name], ACKLEY, (-2.5, 1.6), 30, hyper={"seed": 1})
        assert not np.array_equal(first.path, other.path)


@pytest.mark.parametrize("name", NAMES)
def test_one_step_and_a_stop_in_the_middle(name: str) -> None:
    assert trace(RULES[name], ACKLEY, (-2.5, 1.6), 1).steps == 1
    run = trace(RULES[name], SURFACES["himmelblau"], (0.0, 0.0), 500, stop="loss", tolerance=1.0)
    assert 0 < run.steps < 500
    assert run.loss[-1] < 1.0
    assert (run.loss[1:-1] >= 1.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_rule_that_holds_at_the_start_leaves_no_step(name: str) -> None:
    run = trace(RULES[name], SURFACES["himmelblau"], (3.0, 2.001), 50, stop="loss", tolerance=1.0)
    assert run.steps == 0 == trace(RULES["adam"], SURFACES["himmelblau"], (3.0, 2.001), 50, stop="loss").steps
    assert run.cloud is not None
    assert run.cloud.shape == (0, 2)


def test_a_run_ends_once_it_has_asked_for_very_many_points() -> None:
    run = trace(RULES["random_search"], ACKLEY, (-2.5, 1.6), 1000, hyper={"popsize": 10_000})
    assert run.steps == 20
    assert MOST_POINTS <= len(run.cloud) < MOST_POINTS + 10_000  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_some_end_by_themselves(name: str) -> None:
    f = Wild(lambda x, y: (x - 1) ** 2 + 10 * (y - 2) ** 2)
    path = recorded(name, f, (-3.0, 4.0), 400)
    if name in ("random_search", "simulated_annealing"):
        assert len(path) == 401
    else:
        assert len(path) < 401
        assert np.abs(path[-1] - (1, 2)).max() < 1e-6


# ---------------------------------------------------------------- bad places

WILD: dict[str, Callable] = {
    "NaN": lambda x, y: np.nan,
    "infinite": lambda x, y: np.inf,
    "minus infinite": lambda x, y: -np.inf,
    "flat": lambda x, y: 3.0,
    "half NaN": lambda x, y: np.log(x) + y * y,
    "a pole": lambda x, y: 1 / x,
    "all at once": lambda x, y: np.where(x > 0, np.nan, np.where(y > 0, np.inf, x)),
    "beyond the largest float": lambda x, y: 1e308 * (x * x + y * y),
    "without a floor": lambda x, y: -np.exp(1000 * x),
}


@pytest.mark.parametrize("start", [(0.5, 0.5), (-5.0, 8.0), (5.0, 3.0), (-1e9, 30.0)])
@pytest.mark.parametrize("surface", WILD)
@pytest.mark.parametrize("name", NAMES)
def test_wild_values_and_starts_are_outcomes(name: str, surface: str, start: tuple[float, float]) -> None:
    f = Wild(WILD[surface])
    path = recorded(name, f, start, 20)
    assert 2 <= len(path) <= 21
    points, (low, high) = np.vstack([path, f.points]), box(f, np.array(start))
    assert np.isfinite(points).all()
    assert ((points >= low) & (points <= high)).all()


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_worse_than_anything(name: str) -> None:
    f = Wild(lambda x, y: np.where(x < 0, np.nan, 1e9 + x))
    path = recorded(name, f, (-1.0, 0.0), 60, **({"size": 0.45} if name == "nelder_mead" else {}))
    assert path[-1, 0] >= 0
    assert np.isnan(np.concatenate(f.found)).any()  # what was found stays as it was found


def test_comparable_values_are_finite() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1e300, -3.0])
    assert comparable(values).tolist() == [LARGEST, LARGEST, -LARGEST, LARGEST, -3.0]
    assert np.isnan(values[0])
    assert comparable(float("nan")) == LARGEST


def test_annealing_refuses_the_jumps_that_scipy_loses() -> None:
    with pytest.raises(ValueError, match=r"visit = 1.3 is not allowed; it must lie in \[1.7, 2.9\]"):
        trace(RULES["simulated_annealing"], ACKLEY, (0, 0), 10, hyper={"visit": 1.3})


def test_libraries_are_loaded_late_and_stay_silent(tmp_path: Path) -> None:
    """No warning, no print, no file, no use of NumPy's global generator; and nothing loaded before a run."""
    code = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from optim_core import RULES, Outcome, trace
from surfaces import SURFACES, surface_from_formula
assert not {"scipy.optimize", "cma"} & set(sys.modules)
np.random.seed(1); before = np.random.get_state()[1].copy()
import warnings; warnings.simplefilter("error")
for name in sys.argv[2:]:
    trace(RULES[name], SURFACES["ackley"], (-2.5, 1.6), 200)
assert "matplotlib" not in sys.modules
assert (np.random.get_state()[1] == before).all()
"""
    (tmp_path / "cma_signals.in").write_text("{'maxiter': 1}")
    command = [sys.executable, "-c", code, str(ROOT), *NAMES]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (out.returncode, out.stdout, out.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["cma_signals.in"]


def test_an_algorithm_that_ends_by_itself_is_not_still_moving() -> None:
    """A gutter, on which a population gathers at one of many lowest points; none of them is listed."""
    gutter = surface_from_formula("abs(x) + 0*y")
    rule, q = RULES["differential_evolution"], gutter.Parameters()
    run = trace(rule, gutter, gutter.start, 500)
    assert 0 < run.steps < 500
    assert run.outcome == Outcome.ENDED
    assert words(gutter, run, 500, q).startswith("ended by itself at ")
    cut = trace(rule, gutter, gutter.start, run.steps // 2)
    assert cut.outcome == Outcome.STILL_MOVING
    assert words(gutter, cut, run.steps // 2, q).startswith("still searching, at ")
    stopped = trace(rule, gutter, gutter.start, 500, stop="loss", tolerance=1.0)
    assert stopped.outcome == Outcome.STILL_MOVING
    assert words(gutter, stopped, 500, q).startswith("stopped at ")
