"""Runs as files that other programs read, and the command line around them."""

import io
import json
import math
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tests.patience import SECONDS
from training import __main__ as command
from training import devices, export
from training.optimizers import OPTIMIZERS
from training.run import QUEUED, RUNNING, STOPPED, Owner
from training.runs import Store
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry

ROOT = Path(__file__).parents[2]
VALUES = [0.1, 1 / 3, math.nan, math.inf, -math.inf, 5e-324]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("RAVINE_STORE", str(tmp_path / "runs.db"))
    store = Store()
    yield store
    store.close()


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Two runs with points, one of them with a name that needs quotes, and one without points."""
    settings = [RunSettings("digits", "adam", {"lr": 0.01}), RunSettings("digits", "torch.SGD", seed=3)]
    ids = store.add([*settings, settings[0]])
    with store.engine.begin() as connection:  # a name from before names were checked
        connection.exec_driver_sql("UPDATE runs SET name = ? WHERE id = ?", ('say "hello", twice\nor so', ids[0]))
    store.write_points(ids[0], [("train/loss", k, value) for k, value in enumerate(VALUES)])
    store.write_points(ids[1], [("rate", 1, 0.5), ("train/loss", 2, 2.5), ("train/loss", 1, 1.5)])
    store.record(ids[1], {"versions": {"torch": "2"}, "odd": math.nan})
    return ids


def rows(table: pa.Table) -> list[dict]:
    return table.select(list(export.COLUMNS)).to_pylist()


EXPECTED = [("rate", 1, 0.5), ("train/loss", 1, 1.5), ("train/loss", 2, 2.5)]


def check(table: pa.Table, ids: list[str]) -> None:
    assert table.column_names == list(export.COLUMNS)
    found = rows(table)
    assert [row["run"] for row in found] == [ids[0]] * 6 + [ids[1]] * 3
    assert {row["name"] for row in found} == {'say "hello", twice\nor so', ""}
    assert [row["step"] for row in found[:6]] == list(range(6))
    np.testing.assert_array_equal([row["value"] for row in found[:6]], VALUES)
    assert [(row["series"], row["step"], row["value"]) for row in found[6:]] == EXPECTED
    assert found[8]["task"] == "digits"
    assert found[8]["optimizer"] == "torch.SGD"
    assert found[8]["seed"] == 3
    assert (found[0]["lr"], found[0]["epochs"], found[0]["batch_size"]) == (0.01, 100, 64)
    assert json.loads(found[0]["hyper"])["beta2"] == 0.999


def test_csv_keeps_every_digit(store: Store, ids: list[str]) -> None:
    data = export.csv(store, ids)
    options = csv.ConvertOptions(null_values=[], column_types={"value": pa.float64()})
    parsing = csv.ParseOptions(newlines_in_values=True)
    check(csv.read_csv(io.BytesIO(data), convert_options=options, parse_options=parsing), ids)


def test_parquet(store: Store, ids: list[str]) -> None:
    check(parquet.read_table(io.BytesIO(export.parquet(store, ids))), ids)


def test_json_holds_settings_record_and_series(store: Store, ids: list[str]) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    first, second, third = json.loads(export.as_json(store, ids), parse_constant=refuse)["runs"]
    series = first["series"]["train/loss"]
    assert series["step"] == list(range(6))
    assert series["value"][2:5] == ["NaN", "Infinity", "-Infinity"]
    np.testing.assert_array_equal([float(value) for value in series["value"]], VALUES)
    assert RunSettings.from_json(json.dumps(second["settings"])) == RunSettings("digits", "torch.SGD", seed=3)
    assert second["record"] == {"versions": {"torch": "2"}, "odd": "NaN"}
    assert third["series"] == {}
    assert (third["id"], third["status"]) == (ids[2], QUEUED)


@pytest.mark.parametrize("kind", export.KINDS)
def test_no_runs_and_unknown_ones(store: Store, kind: str) -> None:
    assert export.KINDS[kind](store, [])
    with pytest.raises(ValueError, match="there is no such run"):
        export.KINDS[kind](store, ["nothing"])


# The command that makes a run again


def parsed(line: str) -> RunSettings:
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "training"]
    (settings,) = command.settings_of(command.parser().parse_args(words[3:]))
    return settings


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_command_makes_the_same_settings_for_each_optimizer(optimizer: str) -> None:
    for task in TASKS.values():
        usual = recipe(task, Entry(optimizer))
        odd = {**usual.hyper, "lr": usual.hyper["lr"] * (1 - 2**-40)}
        alone = OPTIMIZERS[optimizer].alone
        other = "constant" if task.schedule != "constant" or alone else "cosine"
        for settings in (
            usual,
            RunSettings(task.name, optimizer),
            replace(usual, warmup=0.0, l2=0.0, schedule=other),
            replace(usual, hyper=odd, seed=2**31 - 1, epochs=7, batch_size=3, warmup=0.0 if alone else 1 / 3),
        ):
            assert parsed(export.reproduce(settings)) == settings


@pytest.mark.parametrize("task", TASKS)
def test_the_command_line_begins_with_the_task_s_recipe(task: str) -> None:
    for optimizer in OPTIMIZERS:
        entry = Entry(optimizer, {"lr": 0.125})
        line = f"python -m training launch --task {task} --optimizer {optimizer} --hyper lr=0.125"
        assert parsed(line) == recipe(TASKS[task], entry)
        assert parsed(f"{line} --l2 0 --warmup 0") == recipe(TASKS[task], entry, l2=0.0, warmup=0.0)


def test_the_command_leaves_out_what_the_recipe_has() -> None:
    usual = recipe(TASKS["cifar10_fast"], Entry("momentum"))
    assert usual.warmup
    assert usual.l2
    assert "--warmup" not in export.reproduce(usual)
    assert "--l2" not in export.reproduce(usual)
    assert "--warmup 0.0" in export.reproduce(replace(usual, warmup=0.0))
    assert "--l2 0.0" in export.reproduce(replace(usual, l2=0.0))


def test_the_command_holds_every_setting() -> None:
    settings = RunSettings(
        "cifar10_fast", "gradient_descent", {"lr": 1e-7}, seed=5, epochs=3, batch_size=17, schedule="cosine",
        warmup=0.1, l2=5e-4, precision="bfloat16", device="cuda:2", threads=3, engine="eager", validation=0.2,
        patience=4, images=1000, weights="scratch", synthetic=True,
    )  # fmt: skip
    assert parsed(export.reproduce(settings)) == settings


# The command line


def run_command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = command.main(words)
    out, error = capsys.readouterr()
    return code, out, error


def test_a_run_from_the_command_line(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["launch", "--task", "digits", "--optimizer", "adam", "--epochs", "1", "--images", "200", "--name", "short"]
    line = [sys.executable, "-W", "error", "-m", "training", *words]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    (run,) = store.all()
    assert (run.status, run.step, run.name) == ("finished", run.steps, "short")
    assert f"{run.id} finished" in done.stderr
    assert "Adam" in done.stdout
    assert len(store.series(run.id)["train/loss"][0]) == run.steps
    assert {"versions", "device", "precision", "peak_memory", "training_seconds"} <= set(run.record)

    code, out, _ = run_command(capsys, "list")
    assert code == 0
    assert out.splitlines()[1].split()[:3] == [run.id, "finished", f"{run.step}/{run.steps}"]
    code, out, _ = run_command(capsys, "show", run.id)
    assert code == 0
    assert parsed(out.rpartition("again")[2].strip()) == RunSettings.from_json(run.settings)
    for kind in export.KINDS:
        path = tmp_path / f"points.{kind}"
        assert run_command(capsys, "export", "-o", str(path)) == (0, "", "")
        assert path.read_bytes() == export.KINDS[kind](store, [run.id])
    assert run_command(capsys, "rename", run.id, "another") == (0, "", "")
    assert store.get(run.id).name == "another"
    assert run_command(capsys, "report", run.id)[0] == 0
    assert run_command(capsys, "delete", run.id) == (0, "", "")
    assert store.all() == []


def test_stop_resume_and_delete_say_why_not(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = store.add([RunSettings("digits", "adam")])
    assert run_command(capsys, "stop", run) == (0, "", "")
    assert store.get(run).status == STOPPED
    code, _, error = run_command(capsys, "stop", run)
    assert (code, error) == (
        2, f"python -m training stop: run '{run}' is stopped; only queued and running ones can be stopped\n"
    )  # fmt: skip
    store.transition(run, STOPPED, QUEUED)
    assert run_command(capsys, "resume", run)[0] == 2
    store.start(run, Owner.here(), "cpu")
    code, _, error = run_command(capsys, "delete", run)
    assert (code, error) == (2, f"python -m training delete: run '{run}' is running; stop it before deleting it\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "nothing"], "run 'nothing': there is no such run"),
        (["run", "nothing"], "run 'nothing': there is no such run"),
        (["launch", "--task", "digits"], "--optimizer is missing"),
        (["launch", "--task", "digits", "--optimizer", "adam", "--hyper", "lr"], "--hyper 'lr' is not allowed"),
        (["launch", "--task", "digits", "--optimizer", "adam", "--hyper", "lr=-1"], "lr"),
        (["launch", "--task", "chess", "--optimizer", "adam"], "task = 'chess'"),
        (["launch", "--task", "digits", "--optimizer", "guess"], "optimizer = 'guess'"),
        (["launch", "--settings", "{"], "are not JSON"),
        (["launch", "--settings", "[1]"], "must be a JSON object"),
        (["launch", "--settings", "{}", "--seed", "1"], "--seed cannot stand beside it"),
        (["export", "-o", "/nowhere/at/all.csv"], "/nowhere/at/all.csv cannot be written: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    store: Store, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    code, out, error = run_command(capsys, *words)
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1
    assert store.all() == []


@pytest.mark.parametrize(
    "words",
    [["list"], ["show", "0123abcd"], ["delete", "0123abcd"], ["export"], ["report", "0123abcd"],
     ["launch", "--task", "digits", "--optimizer", "adam"]],
)  # fmt: skip
def test_a_store_that_does_not_answer_is_one_sentence(
    store: Store, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE points")
        connection.exec_driver_sql("DROP TABLE runs")
    code, out, error = run_command(capsys, *words)
    assert (code, out) == (2, "")
    assert error == f"python -m training {words[0]}: the store does not answer: no such table: runs\n"


def test_what_has_died_is_not_shown_as_running(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("list", "show"):
        (run,) = store.add([RunSettings("digits", "adam")], owner=Owner("elsewhere", 1))
        store.transition(run, RUNNING, RUNNING, heartbeat=0.0)
        code, out, _ = run_command(capsys, words, *([run] if words == "show" else []))
        assert code == 0
        assert "interrupted" in out
        assert "running" not in out


class Gone:
    """Settings with a task or an optimizer that there was once."""

    device = "cpu"

    def __init__(self, **changed: str) -> None:
        self.changed = changed

    def to_json(self) -> str:
        return json.dumps(json.loads(RunSettings("digits", "adam").to_json()) | self.changed)


def test_runs_whose_settings_no_longer_check_can_be_looked_at_exported_and_deleted(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = store.add([Gone(task="chess"), Gone(optimizer="guess"), Gone(of_old="1")])
    for run in ids:
        store.write_points(run, [("rate", 1, 0.5)])
    code, out, _ = run_command(capsys, "list")
    assert code == 0
    assert "chess" in out
    assert "guess" in out
    for run, sentence in zip(ids, ("task = 'chess'", "optimizer = 'guess'", "no setting 'of_old'"), strict=True):
        code, out, error = run_command(capsys, "show", run)
        assert (code, error) == (0, "")
        assert "0.5 at step 1" in out
        assert "not with this version: " in out
        assert sentence in out
    for kind in export.KINDS:
        data = export.KINDS[kind](store, ids)
        assert data
        assert (kind == "parquet") or data.count(b"rate") == 3
    assert run_command(capsys, "delete", *ids) == (0, "", "")
    assert store.all() == []


@pytest.mark.parametrize("words", [["launch", "--seed", "x"], ["dance"], [], ["export", "--format", "xls"]])
def test_what_cannot_be_read_is_one_sentence(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_settings_as_json_may_be_several() -> None:
    wanted = [RunSettings("digits", "adam", seed=seed) for seed in (1, 2)]
    text = json.dumps([json.loads(one.to_json()) for one in wanted])
    assert command.settings_of(command.parser().parse_args(["launch", "--settings", text])) == wanted


# Devices

SMI = """0, GPU-5a1e, NVIDIA H200, 143771, 143000, 9.0
1, GPU-77aa, Tesla T4, 15360, 15000, 7.5
2, GPU-99bb, NVIDIA GB10, [N/A], [N/A], 12.1
"""


def test_gpus_are_read_from_the_driver_s_answer() -> None:
    assert devices.parse("") == []
    first, second, third = devices.parse(SMI)
    assert first == {
        "device": "cuda:0", "selector": "GPU-5a1e", "name": "NVIDIA H200", "memory_total": 143771 * 2**20,
        "memory_free": 143000 * 2**20, "bfloat16": True,
    }  # fmt: skip
    assert (second["device"], second["bfloat16"]) == ("cuda:1", False)
    assert (third["memory_total"], third["bfloat16"]) == (None, True)


@pytest.mark.parametrize(
    ("visible", "selectors"),
    [("", []), ("1,0", ["GPU-77aa", "GPU-5a1e"]), ("GPU-99", ["GPU-99bb"]), ("2,9,0", ["GPU-99bb"]), ("-1", []),
     ("MIG-1234", ["MIG-1234"])],
)  # fmt: skip
def test_numbers_follow_cuda_visible_devices(visible: str, selectors: list[str]) -> None:
    found = devices.parse(SMI, visible)
    assert [gpu["selector"] for gpu in found] == selectors
    assert [gpu["device"] for gpu in found] == [f"cuda:{k}" for k in range(len(selectors))]


def fake_driver(folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "nvidia-smi").chmod(0o755)


def test_the_devices_of_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    (processor,) = devices.devices()
    assert processor["device"] == "cpu"
    assert 1 <= processor["cores"] <= (os.cpu_count() or 1)
    with pytest.raises(devices.DeviceError, match="device = cuda:0 is not there; this machine has: cpu"):
        devices.narrow("cuda:0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'good'}:/usr/bin:/bin")
    fake_driver(tmp_path / "good", f"cat <<'END'\n{SMI}END")
    assert [one["device"] for one in devices.devices()] == ["cpu", "cuda:0", "cuda:1", "cuda:2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")
    devices.narrow("cuda:1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-77aa"
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    assert [one["device"] for one in devices.devices()] == ["cpu"], "torch could not use it"
    monkeypatch.setenv("PATH", f"{tmp_path / 'bad'}:/usr/bin:/bin")
    fake_driver(tmp_path / "bad", "echo the driver is not loaded; exit 9")
    with pytest.raises(devices.DeviceError, match="nvidia-smi: the driver is not loaded"):
        devices.gpus()


def test_a_driver_whose_answer_makes_no_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'odd'}:/usr/bin:/bin")
    fake_driver(tmp_path / "odd", "echo a warning")
    with pytest.raises(devices.DeviceError, match="nvidia-smi does not answer as expected: 'a warning'"):
        devices.gpus()


def test_the_cpu_is_listed_where_the_driver_does_not_answer(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bad'}:/usr/bin:/bin")
    fake_driver(tmp_path / "bad", "echo the driver is not loaded; exit 9")
    code, out, error = run_command(capsys, "devices")
    assert code == 2
    assert out.startswith("cpu ")
    assert error == "python -m training devices: nvidia-smi: the driver is not loaded\n"


def test_a_launch_in_the_foreground_has_one_gpu(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'good'}:/usr/bin:/bin")
    fake_driver(tmp_path / "good", f"cat <<'END'\n{SMI}END")
    seen = []

    def execute(store: Store, run: str, _: Owner) -> int:
        seen.append((store.get(run).device, os.environ["CUDA_VISIBLE_DEVICES"]))
        return 0

    monkeypatch.setattr(command, "execute_here", execute)

    def launch(*names: str) -> tuple[int, str, str]:
        wanted = [json.loads(RunSettings("digits", "adam", device=name).to_json()) for name in names]
        return run_command(capsys, "launch", "--settings", json.dumps(wanted))

    code, _, error = launch("cuda:1", "cpu", "cuda:0")
    assert (code, seen, store.all()) == (2, [], [])
    assert error == (
        "python -m training launch: the runs are for cuda:0, cuda:1; one process sees one GPU: launch them with "
        "--detach\n"
    )
    assert launch("cpu", "cuda:1", "cuda:1") == (0, "", "")
    assert seen == [(name, "GPU-77aa") for name in ("cpu", "cuda:1", "cuda:1")]


def test_whether_torch_has_cuda_is_read_without_importing_it() -> None:
    code = "import sys; from training.devices import torch_has_cuda as f; a = f(); b = 'torch' in sys.modules; "
    code += "import torch; print(a == (torch.version.cuda is not None), b)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
