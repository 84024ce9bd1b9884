"""What a run may be told, and the catalogue of optimizers and tasks."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optim_core import RULES
from optim_core.around import SCHEDULES, factor
from training.optimizers import OPTIMIZERS, arguments
from training.settings import RunSettings, grid, recipe
from training.task import TASKS, Entry

ROOT = Path(__file__).parents[2]
TORCH = [name for name in OPTIMIZERS if name.startswith("torch.")]


def test_the_settings_and_the_store_are_known_without_torch() -> None:
    code = (
        "import sys, training.settings, training.task, training.optimizers, training.runs, training.runner, "
        "training.report, training.export, views.training.plan, views.training.race; print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


@pytest.mark.parametrize("name", TORCH)
def test_defaults_are_those_of_torch_optim(name: str) -> None:
    own = inspect.signature(getattr(torch.optim, name.removeprefix("torch."))).parameters
    given_ = arguments(name, OPTIMIZERS[name].defaults)
    assert given_
    for key, value in given_.items():
        assert own[key].default == value, key


def test_every_optimizer_of_torch_is_there_but_three() -> None:
    found = {
        name for name, value in vars(torch.optim).items()
        if inspect.isclass(value) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
    }  # fmt: skip
    assert found - {name.removeprefix("torch.") for name in TORCH} == {"LBFGS", "Muon", "SparseAdam"}
    assert {name for name, rule in RULES.items() if rule.network is not None} <= set(OPTIMIZERS)


@pytest.mark.parametrize("task", TASKS)
def test_every_entry_of_every_preset_makes_a_run(task: str) -> None:
    declared = TASKS[task]
    assert declared.presets
    for name, entries in declared.presets.items():
        known = [entry for entry in entries if entry.optimizer in OPTIMIZERS]
        assert known, name
        for entry in known:
            settings = recipe(declared, entry)
            assert RunSettings.from_json(settings.to_json()) == settings
            assert settings.epochs == declared.epochs
            assert {**settings.hyper, **entry.hyper} == settings.hyper


def test_the_tutorials_seven_have_the_tutorials_settings() -> None:
    entries = TASKS["cifar10_resnet18_article"].presets["The tutorial's seven"]
    runs = [recipe(TASKS["cifar10_resnet18_article"], entry) for entry in entries]
    names = [run.optimizer.removeprefix("torch.") for run in runs]
    assert names == ["SGD", "Adam", "Adadelta", "Adagrad", "AdamW", "Adamax", "ASGD"]
    assert (runs[0].hyper["lr"], runs[0].hyper["momentum"]) == (0.01, 0.9)
    assert {(run.batch_size, run.epochs, run.schedule, run.l2, run.seed) for run in runs} == {
        (64, 50, "constant", 0, 0)
    }


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_takes_every_task_s_recipe(optimizer: str) -> None:
    for declared in TASKS.values():
        searching = optimizer in RULES and RULES[optimizer].kind == "closure"
        for found in (recipe(declared, Entry(optimizer)), RunSettings(declared.name, optimizer)):
            assert found.schedule == ("constant" if searching else declared.schedule)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"task": "mnist"}, "task = 'mnist' is not one of: digits"),
        ({"optimizer": "adamm"}, "optimizer = 'adamm' is not one of the"),
        ({"optimizer": "adamm"}, "there are; near it: adam, "),
        ({"hyper": {"lr": -1}}, "lr = -1 is not allowed; it must lie in (0, 1e6]"),
        ({"hyper": {"speed": 1}}, "Adam has no parameter 'speed'"),
        ({"hyper": [1]}, "hyper = '[1]' is not allowed"),
        ({"epochs": 2.5}, "epochs = 2.5 is not a whole number"),
        ({"batch_size": 10**9}, "batch_size = 1e+09 is not allowed"),
        ({"seed": "x"}, "seed = 'x' is not a number"),
        ({"device": "cuda:0; rm -rf /"}, "device = 'cuda:0; rm -rf /' is not allowed"),
        ({"precision": "float16"}, "precision = 'float16' is not one of"),
        ({"precision": "float64", "device": "cuda:0"}, "float64 is not allowed on a GPU"),
        ({"engine": "graph"}, "engine = graph is not allowed on the CPU"),
        ({"optimizer": "adamw", "l2": 0.1}, "l2 = 0.1 is not allowed: AdamW has a weight_decay of its own"),
        ({"patience": 3}, "patience = 3 needs a validation part"),
        ({"synthetic": True}, "synthetic = True is not allowed; Digits always has its data"),
        ({"images": 5000}, "images = 5000 is not allowed"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], sentence: str) -> None:
    given_ = {"task": "digits", "optimizer": "adam", **change}
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        RunSettings.from_json(json.dumps(given_))
    assert sentence in str(caught.value)


@given(
    st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps)
)
def test_no_text_makes_another_error_than_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="setting|settings|task|optimizer"):
        RunSettings.from_json(text)


def test_a_grid_is_the_same_rates_and_seeds_for_every_optimizer() -> None:
    runs = grid(recipe(TASKS["digits"], TASKS["digits"].presets["SGD, Adam and AdaMax"][1]), [0.1, 0.01], [3, 4])
    assert [(run.hyper["lr"], run.seed) for run in runs] == [(0.1, 3), (0.1, 4), (0.01, 3), (0.01, 4)]
    assert len({run.group for run in runs}) == 2


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.1])
def test_schedules(schedule: str, warmup: float) -> None:
    rates = [factor(schedule, warmup, step, 1000) for step in range(1000)]
    assert max(rates) == pytest.approx(1.0, abs=1e-12)
    assert min(rates) > 0
    climb = rates.index(max(rates))
    assert rates[: climb + 1] == sorted(rates[: climb + 1])
    assert rates[climb:] == sorted(rates[climb:], reverse=True)
    if warmup:
        assert rates[49] == pytest.approx(0.5, abs=0.02)  # one cycle climbs along a cosine, from 1 / 25


def test_the_cosine_is_torchs() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=300)
    for step in range(300):
        assert factor("cosine", 0.0, step, 300) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        theirs.step()
