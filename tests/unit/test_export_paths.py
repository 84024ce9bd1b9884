"""Paths as files: the script, run by itself in a clean process, against the paths of the page; and the tables."""

import csv
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optim_core import RULES, Outcome
from optim_core.around import NOTHING
from optim_core.runs.outcome import FAR
from surfaces import SURFACES
from tests import rounding
from tests.patience import SECONDS
from views.shared.settings import MAX_CARDS, Settings, new_card
from views.trajectories.export_paths import csv_text, finite_part, json_text, script_text
from views.trajectories.runs import runs


def page(rules: list[str], surface: str = "himmelblau", **changes: Any) -> Settings:
    """The page with these rules at their defaults, and other settings by their paths."""
    settings = Settings()
    settings.apply("surface", surface)
    settings.cards = {number: new_card(rule) for number, rule in enumerate(rules)}
    for path, value in changes.items():
        settings.apply(path.replace("__", "."), value)
    assert not settings.problems
    return settings


def by_script(settings: Settings, folder: Path) -> dict[int, np.ndarray]:
    """The paths that the script writes: in a process without Ravine's modules, every warning an error."""
    text = script_text(settings)
    assert "optim_core" not in text
    assert "streamlit" not in text
    (folder / "paths.py").write_text(text, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-I", "-W", "error", "paths.py"]
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == sum(card.on for card in settings.cards.values())
    found: dict[int, list[tuple[float, float]]] = {}
    with (folder / "paths.csv").open() as file:
        for row in csv.DictReader(file):
            assert int(row["step"]) == len(found.setdefault(int(row["card"]), []))
            found[int(row["card"])].append((float(row["x"]), float(row["y"])))
    return {card: np.array(path) for card, path in found.items()}


def assert_same(settings: Settings, folder: Path) -> None:
    """Step by step up to where a run diverges; where it rests it may do so a step earlier, by a bit."""
    paths = by_script(settings, folder)
    for number, shown in runs(settings).items():
        rule, run = RULES[settings.cards[number].rule], shown.trace
        expected, path = run.path[finite_part(run)], paths[number]
        assert len(expected) > 1, rule.name
        if run.outcome == Outcome.DIVERGED:
            count = int(np.argmax(~(np.abs(expected).max(axis=1) <= FAR * SURFACES[settings.surface].scale)))
            expected, path = expected[:count], path[:count]
        elif rule.kind == "closure" and settings.stop == "none":
            length = max(len(expected), len(path))
            expected, path = (np.vstack([p, np.repeat(p[-1:], length - len(p), axis=0)]) for p in (expected, path))
        assert len(path) == len(expected), rule.name
        options = {
            "hyper": settings.cards[number].hyper, "surface_parameters": settings.parameters,
            "difference": settings.difference, "spacing": settings.spacing, "around": settings.around.allowed(rule),
        }  # fmt: skip
        again = partial(
            rounding.walk,
            rule,
            SURFACES[settings.surface],
            settings.start,
            settings.steps,
            cut=len(path) - 1,
            **options,
        )
        rounding.assert_alike(path, expected, lambda noise, again=again: again(noise=noise), what=rule.name)


GROUPS = [list(RULES)[first : first + MAX_CARDS] for first in range(0, len(RULES), MAX_CARDS)]


@pytest.mark.parametrize("rules", GROUPS, ids=lambda rules: f"{rules[0]}...{rules[-1]}")
def test_the_script_makes_the_paths_of_every_rule(rules: list[str], tmp_path: Path) -> None:
    """Exact gradients and 60 steps."""
    assert_same(page(rules, difference="exact", steps=60), tmp_path)


EACH_KIND = ["momentum", "nesterov_lookahead", "muon", "newton", "nelder_mead", "rprop", "adamw"]
NOISY = {"around__noise": 0.5, "around__seed": 7, "around__clip": "norm", "around__clip_at": 2.0}
CASES: dict[str, dict[str, Any]] = {
    "central, gradient, l2": {
        "surface": "ravine", "surface__angle": 30.0, "stop": "gradient", "tolerance": 0.3, "around__weight_decay": 0.1,
        "around__schedule": "one_cycle", **NOISY,
    },
    "forward, step, decoupled": {
        "surface": "rosenbrock", "difference": "forward", "spacing": 1e-5, "stop": "step", "tolerance": 0.01,
        "around__weight_decay": 0.1, "around__decay": "decoupled", "around__clip": "value", "around__clip_at": 2.0,
        "around__schedule": "step", "around__warmup": 0.1,
    },
    "as printed, loss": {
        "surface": "beale", "difference": "as_printed", "start": [1.5, 0.5], "stop": "loss", "tolerance": 0.3,
        "around__schedule": "cosine",
    },
    "exact, step, around": {
        "surface": "saddle", "difference": "exact", "stop": "step", "tolerance": 0.05,
        "around__schedule": "exponential",
        "rules": ["lookahead(momentum)", "sam(adam)", "sam(momentum)", "lookahead(adamw)"],
    },
    "exact, noise": {
        "surface": "ackley", "difference": "exact", "around__schedule": "inverse_sqrt", **NOISY,
        "rules": ["adam", "momentum", "cma_es", "random_search", "gradient_descent_armijo", "adahessian"],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_script_takes_gradients_stops_and_goes_around_as_the_page(name: str, tmp_path: Path) -> None:
    case = {"rules": EACH_KIND, "steps": 40, **CASES[name]}
    assert_same(page(**case), tmp_path)


def test_a_run_that_stops_at_once_is_a_point(tmp_path: Path) -> None:
    settings = page(["adam", "newton", "random_search"], start=[3.0, 2.0], difference="exact", steps=5, stop="gradient")
    for path in by_script(settings, tmp_path).values():
        np.testing.assert_array_equal(path, [[3.0, 2.0]])


def test_what_goes_around_is_in_the_script_only_where_it_is_on() -> None:
    plain = script_text(page(["momentum"]))
    for word in ("NOISE", "CLIP_AT", "WEIGHT_DECAY", "SCHEDULE", "TOLERANCE", "Oracle", "look(", "# if:", "noqa"):
        assert word not in plain
    assert "WEIGHT_DECAY = 0.25" in script_text(page(["momentum"], around__weight_decay=0.25))


def test_the_script_names_the_optimizer_of_torch_that_is_the_same_rule() -> None:
    text = script_text(page(["adam", "adabelief"]))
    assert "torch.optim has it too if h.bias_correction: torch.optim.Adam(params, lr=h.lr," in text
    assert text.count("torch.optim has it too") == 1  # AdaBelief is not in torch.optim


def test_one_rule_on_two_cards_stands_there_once(tmp_path: Path) -> None:
    settings = page(["adam", "adam", "momentum"], steps=3, card__1__lr=0.5, card__2__on=False)
    text = script_text(settings)
    assert text.count("def adam():") == 1
    assert "def momentum():" not in text
    paths = by_script(settings, tmp_path)
    np.testing.assert_allclose([paths[0][1], paths[1][1]], [[-0.6, -3.9], [-1.0, -3.5]], rtol=0, atol=1e-6)


def test_no_text_from_outside_becomes_code(tmp_path: Path) -> None:
    settings = page(["momentum"], steps=2)
    for address in ('http://host/"""\nraise SystemExit(3)\n"""', "javascript:alert(1)", "http://host/\\"):
        text = script_text(settings, address)
        compile(text, "paths.py", "exec")
        assert "SystemExit" not in text
        assert "alert" not in text
        assert "\n?surface=himmelblau&" in text
    assert "\nhttp://host:8501/trajectories?surface=himmelblau&" in script_text(
        settings, "http://host:8501/trajectories"
    )
    settings.tolerance = math.nan
    with pytest.raises(ValueError, match="nan|NaN"):
        script_text(settings)


# ---------------------------------------------------------------- tables


def read_csv(text: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    lines = text.splitlines()
    comments = [line[2:].partition(": ") for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(StringIO("\n".join(lines[len(comments) :]))))
    return {name: json.loads(value) for name, _, value in comments}, rows


def test_the_tables_hold_every_digit_of_the_paths_and_all_settings() -> None:
    settings = page(["adam", "nelder_mead", "momentum"], "ravine", steps=30, surface__condition=12.0, card__0__lr=0.25)
    settings.apply("card.2.on", 0)
    settings.around = replace(NOTHING, clip="norm", clip_at=2.0)
    told, rows = read_csv(csv_text(settings, "https://ravine.example/"))
    whole = json.loads(json_text(settings, "https://ravine.example/"), parse_constant=pytest.fail)
    assert {int(row["card"]) for row in rows} == {run["card"] for run in whole["runs"]} == {0, 1}
    for run, (number, shown) in zip(whole["runs"], runs(settings).items(), strict=True):
        mine = [row for row in rows if int(row["card"]) == number]
        path, loss = [[float(row["x"]), float(row["y"])] for row in mine], [float(row["loss"]) for row in mine]
        slopes = [[float(row["gradient_x"]), float(row["gradient_y"])] for row in mine[:-1]]
        assert path == run["path"] == shown.trace.path.tolist()
        assert loss == run["loss"] == shown.trace.loss.tolist()
        assert slopes == run["gradient"] == shown.trace.gradient.tolist()
        assert [int(row["step"]) for row in mine] == list(range(31))
        assert mine[-1]["gradient_x"] == ""
        assert told[f"card {number}"] == {name: run[name] for name in told[f"card {number}"]}
        assert run["outcome"] == shown.trace.outcome.name.lower()
    for facts in (told, whole):
        assert facts["surface"] == "ravine"
        assert facts["parameters"] == {"condition": 12.0, "angle": 0.0}
        assert facts["around"]["clip_at"] == 2.0
        assert facts["versions"]["numpy"] == np.__version__
        assert facts["revision"]
        assert facts["link"].startswith("https://ravine.example/?surface=ravine&surface.condition=12&")
    first, second = whole["runs"]
    assert first["hyper"]["lr"] == 0.25
    assert (first["around"]["clip"], second["around"]["clip"]) == ("norm", "none")  # nothing goes around Nelder-Mead


def test_a_link_from_a_table_is_the_same_page() -> None:
    from urllib.parse import parse_qsl

    settings = page(["adam"], card__0__lr=0.123)
    link = json.loads(json_text(settings))["link"]
    assert Settings.from_query(dict(parse_qsl(link[1:]))) == settings


def test_a_diverging_path_ends_with_its_first_point_that_is_not_finite() -> None:
    settings = page(["gradient_descent"], difference="exact", card__0__lr=1.0, steps=50)
    run = json.loads(json_text(settings), parse_constant=pytest.fail)["runs"][0]
    assert run["outcome"] == "diverged"
    assert len(run["path"]) == len(run["loss"]) == len(run["gradient"]) + 1 < 51
    assert all(isinstance(value, float) for point in run["path"][:-1] for value in point)
    assert {"NaN", "Infinity", "-Infinity"} & set(run["path"][-1])
    assert len(read_csv(csv_text(settings))[1]) == len(run["path"])


def test_no_optimizer_is_no_row() -> None:
    settings = page([])
    assert read_csv(csv_text(settings))[1] == []
    assert json.loads(json_text(settings))["runs"] == []
    compile(script_text(settings), "paths.py", "exec")
