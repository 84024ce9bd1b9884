"""The command lines: over all kinds of stores and outputs each ends in a result, or in one sentence and not in 0."""

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet

from optim_core.__main__ import main as core
from optim_core.files import replacing
from training import database, export, runner, runs, worker
from training.__main__ import main
from training.database import store_path
from training.run import ID, INTERRUPTED, QUEUED, RUNNING, STOPPED, Owner, new_id
from training.runs import Store
from training.settings import RunSettings
from training.trouble import StoreError

ROOT = Path(__file__).parents[2]
LIMIT = 240.0
SETTINGS = RunSettings("digits", "adam")
RUN = "a0123456"


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one stopped run; nothing waits long, no runner is started."""
    monkeypatch.setattr(database, "PATIENCE", 0.05)
    monkeypatch.setattr(worker, "INSIST", 0.0)
    monkeypatch.setattr(worker, "BEAT", 0.01)
    monkeypatch.setattr(worker, "stop_on_signal", threading.Event)
    monkeypatch.setattr(runner, "ensure", lambda *_: None)
    path = tmp_path / "runs.db"
    monkeypatch.setenv("RAVINE_STORE", str(path))
    with closing(Store()) as store, monkeypatch.context() as patched:
        patched.setattr(runs, "new_id", lambda: RUN)
        (run,) = store.add([SETTINGS], names=["the one"])
        store.write_points(run, [("train/loss", step, 1 / step) for step in range(1, 9)])
        store.request_stop(run)
    return path


COMMANDS = [
    ["list"], ["show", RUN], ["export"], ["export", "--format", "json", RUN], ["report", RUN], ["devices"],
    ["stop", RUN], ["rename", RUN, "another"], ["delete", RUN], ["run", RUN], ["resume", RUN, "--detach"],
    ["resume", RUN, "--detach", "--anew"], ["launch", "--task", "digits", "--optimizer", "adam", "--detach"],
    ["--help"], ["launch", "--help"], [], ["dance"],
]  # fmt: skip
LOOKING = ("list", "show", "export", "report")


def damaged(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("DROP TABLE points; DROP TABLE runs")


STORES: dict[str, Callable[[Path], object]] = {
    "good": lambda path: None,
    "missing": lambda path: path.unlink(),
    "damaged": damaged,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:6000]),
    "empty": lambda path: path.write_bytes(b""),
    "a text": lambda path: path.write_text("no database\n" * 500),
    "a folder": a_folder,
    "without tables": without_tables,
    "without a folder": lambda path: os.environ.update(RAVINE_STORE=f"{path}/runs.db"),
    "a device": lambda path: os.environ.update(RAVINE_STORE="/dev/full"),
    "another kind": lambda path: os.environ.update(RAVINE_STORE="postgresql://somewhere/runs"),
    "a home of nobody": lambda path: os.environ.update(RAVINE_STORE="~nobody-of-that-name/runs.db"),
}


def run_in(out: TextIO, words: list[str], command: Callable[[list[str]], int] = main) -> tuple[int, str]:
    """The exit status, and what went to the standard error."""
    said = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", said)
        try:
            status = command(words)
        except SystemExit as ended:
            status = ended.code
    assert isinstance(status, int)
    return status, said.buffer.getvalue().decode()  # type: ignore[attr-defined]


def memory() -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)


def one_sentence(said: str, program: str = "python -m training") -> bool:
    return said.startswith(program) and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_over_each_kind_of_store(good: Path, kind: str, words: list[str]) -> None:
    STORES[kind](good)
    before = good.read_bytes() if good.is_file() else b""
    out = memory()
    status, said = run_in(out, words)
    assert status in (0, 2)
    assert (status == 0 and not said) or one_sentence(said) or (words[0] == "run" and "Traceback" not in said)
    needs_none = not words or words[0] in ("devices", "dance") or "--help" in words
    if kind != "good" and not needs_none and words[0] != "launch":
        assert status == 2
    if words and words[0] in LOOKING:
        assert (good.read_bytes() if good.is_file() else b"") == before
        assert (status == 0) == (kind == "good")


class Closed:
    """A pipe whose reader has gone."""

    def __enter__(self) -> TextIO:
        read, write = os.pipe()
        os.close(read)
        self.file = os.fdopen(write, "w", buffering=1)
        return self.file

    def __exit__(self, *_: object) -> None:
        self.file.close()


CORE = [
    ["verify", "gradient_descent", "--no-write"], ["verify", "gradient_descent", "--no-write", "--json"],
    ["verify", "gradient_descent", "--file", "checks.json"],
    ["sweep", "momentum", "ravine", "--resolution", "4", "--steps", "3", "--out", "map.NPZ"], ["--help"],
]  # fmt: skip


@pytest.mark.parametrize("words", [*COMMANDS[:-2], *CORE], ids=" ".join)
def test_an_output_that_is_full_is_a_sentence_and_one_that_is_closed_is_the_end(
    good: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good.parent)
    command = core if words in CORE else main
    prints = words[0] not in ("stop", "rename", "delete", "resume")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        status, said = run_in(full, words, command)
    if prints and words[0] != "run":
        assert status == 2
        assert said.count("\n") == 1
        assert said.endswith(": the output cannot be written: No space left on device\n")
    with Closed() as pipe:
        status, said = run_in(pipe, words, command)
    assert "Traceback" not in said
    assert status == 0 or one_sentence(said)


def process(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}  # type: ignore[dict-item]
    environment.pop("PYTHONUNBUFFERED", None)
    line = [sys.executable, "-m", *words]
    return subprocess.run(line, cwd=ROOT, env=environment, text=True, timeout=LIMIT, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]


def test_processes_end_without_a_traceback_when_their_output_cannot_be_written(good: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = process("training", "list", stdout=full)
    assert done.returncode == 2
    assert done.stderr == "python -m training list: the output cannot be written: No space left on device\n"
    with Closed() as pipe:
        done = process("training", "show", RUN, stdout=pipe)
    assert (done.returncode, done.stderr) == (0, "")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = process("optim_core", "--help", stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_user_without_a_home_is_told_so(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, pwd, sys\n"
        "for name in ('HOME', 'RAVINE_STORE', 'XDG_DATA_HOME'): os.environ.pop(name, None)\n"
        "def nobody(_): raise KeyError('uid')\n"
        "pwd.getpwuid = pwd.getpwnam = nobody\n"
        "from training.__main__ import main\n"
        "sys.exit(main(['list']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 2
    assert "home directory" in done.stderr
    assert "name a file in RAVINE_STORE" in done.stderr
    assert one_sentence(done.stderr)


@pytest.mark.parametrize("text", ["a\0b", "x" * 5000, "loop"])
def test_a_place_that_there_cannot_be(tmp_path: Path, text: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StoreError):
        Store(str(tmp_path / text))
    with pytest.raises(StoreError):
        Store(str(tmp_path / text), looking=True)


def test_the_keyboard_ends_a_command_with_a_sentence(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "all", pressed)
    assert run_in(memory(), ["list"]) == (130, "python -m training list: ended from the keyboard\n")
    monkeypatch.setattr("optim_core.verification.verify.verify", pressed)
    words = ["verify", "gradient_descent", "--no-write"]
    assert run_in(memory(), words, core) == (130, "python -m optim_core: ended from the keyboard\n")


@pytest.mark.parametrize("error", [RuntimeError("no\nhome"), OSError(5, "Input/output error", "a/file"), MemoryError()])
def test_what_the_system_refuses_is_a_sentence(good: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Store, "all", refuse)
    monkeypatch.setattr("optim_core.verification.verify.verify", refuse)
    for words, command in ((["list"], main), (["verify", "adam", "--no-write"], core)):
        status, said = run_in(memory(), words, command)
        assert status == 2
        assert said.count("\n") == 1
        assert re.search("no home|a/file: Input/output error|not enough memory", said)


# ---------------------------------------------------------------- names, ids, cells


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_list_does_not_stop_at_a_name_that_the_terminal_cannot_show(good: Path, encoding: str) -> None:
    with closing(Store()) as store:
        store.rename(RUN, "Näme 走 🏔")
    out = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    for words in (["list"], ["show", RUN]):
        assert run_in(out, words) == (0, "")
    shown = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert "\\u8d70 \\U0001f3d4" in shown
    assert ("Näme" in shown) == (encoding != "ascii")


BAD = {
    "5,000 characters": ("x" * 5000, "name: 5000 characters; at most 200"),
    "a line": ("a\nb", "name: U\\+000A is not allowed"),
    "a tab": ("a\tb", "name: U\\+0009 is not allowed"),
    "an escape": ("\x1b[31mred", "name: U\\+001B is not allowed"),
    "a C1 control": ("a\x9b31m", "name: U\\+009B is not allowed"),
    "a delete": ("a\x7f", "name: U\\+007F is not allowed"),
    "turned around": ("a\u202eb", "name: U\\+202E is not allowed"),
    "isolated": ("a\u2067b", "name: U\\+2067 is not allowed"),
    "a line of Unicode": ("a\u2028b", "name: U\\+2028 is not allowed"),
    "half a pair": ("a\udc80", "name: U\\+DC80 is not allowed"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_name_is_checked_in_one_place(good: Path, kind: str) -> None:
    name, sentence = BAD[kind]
    with closing(Store()) as store:
        for give in (lambda: store.rename(RUN, name), lambda: store.add([SETTINGS], names=[name])):
            with pytest.raises(ValueError, match=sentence):
                give()
        launch = ["launch", "--task", "digits", "--optimizer", "adam", f"--name={name}"]
        for words in (["rename", RUN, name], launch, [*launch, "--detach"]):
            status, said = run_in(memory(), words)
            assert status == 2
            assert one_sentence(said)
            assert re.search(sentence, said)
        assert [run.name for run in store.all()] == ["the one"]


@pytest.mark.parametrize("name", ["Näme 'quoted'; --", "走る", "👩‍🔬 and 🏔", "=1+1", "x" * 200, "عربي"])
def test_a_name_may_be_in_any_language(good: Path, name: str) -> None:
    with closing(Store()) as store:
        store.rename(RUN, f" {name} ")
        assert store.get(RUN).name == name


def test_a_name_from_before_does_not_move_the_cursor(good: Path) -> None:
    with closing(Store()) as store, store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET name = ?", ("\x1b[2J\u202egone\n",))
    for words in (["list"], ["show", RUN]):
        out = memory()
        assert run_in(out, words) == (0, "")
        shown = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
        assert "\\x1b[2J\\u202egone" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_no_id_is_a_number_for_who_reads_a_table() -> None:
    ids = [new_id() for _ in range(5000)]
    assert all(ID.fullmatch(one) for one in ids)
    assert len(set(ids)) == 5000
    for some in ids:
        with pytest.raises(ValueError, match="could not convert"):
            float(some)
    table = csv.read_csv(io.BytesIO("\n".join(["run", *ids]).encode()))
    assert table.column("run").type == pa.string()
    assert not any(one.startswith(("dec", "feb")) for one in ids), "nor a month"


def test_ids_from_before_are_taken(good: Path) -> None:
    with closing(Store()) as store:
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE runs SET id = '7e123456'")
        assert store.get("7e123456").status == STOPPED
        assert store.resume("7e123456")
        store.log("7e123456")
        store.checkpoint("7e123456")


@given(st.text())
def test_a_cell_is_no_formula_and_can_be_read_back(text: str) -> None:
    cell = export.formula_free(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert export.unformula(cell) == text


@pytest.mark.parametrize("name", ["=1+1", "+49 30", "-2", "@SUM(A1)", "'quoted", '=HYPERLINK("x","y")', "＝1"])
def test_names_are_no_formulas_and_numbers_stay_numbers(good: Path, name: str) -> None:
    with closing(Store()) as store:
        store.rename(RUN, name)
        store.write_points(RUN, [("train/loss", 1, -0.5)])
        table = csv.read_csv(io.BytesIO(export.csv(store, [RUN])))
        assert set(table.column("name").to_pylist()) == {f"'{name}"}
        assert table.column("value").type == pa.float64()
        assert table.column("value")[0].as_py() == -0.5
        assert set(parquet.read_table(io.BytesIO(export.parquet(store, [RUN]))).column("name").to_pylist()) == {name}


@pytest.mark.parametrize("ending", ["csv", "CSV", "parquet", "PARQUET", "Parquet", "json", "JSON"])
def test_a_file_holds_what_its_ending_says_in_capitals_or_not(good: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"points.{ending}"
    assert run_in(memory(), ["export", "-o", str(path)]) == (0, "")
    with closing(Store(looking=True)) as store:
        assert path.read_bytes() == export.KINDS[ending.lower()](store, [RUN])
    assert [one.name for one in tmp_path.glob("*.part")] == []


@pytest.mark.parametrize("name", ["points.xlsx", "points.csv.gz", "points.txt", "points.db"])
def test_an_ending_that_is_not_known_is_refused(good: Path, tmp_path: Path, name: str) -> None:
    status, said = run_in(memory(), ["export", "-o", str(tmp_path / name)])
    assert status == 2
    assert said.endswith("is not allowed: it must end in .csv, .parquet, .json, or --format says what it holds\n")
    assert not (tmp_path / name).exists()
    assert run_in(memory(), ["export", "--format", "csv", "-o", str(tmp_path / name)]) == (0, "")


def test_what_stood_in_a_file_stays_where_the_new_one_cannot_be_written(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, page = tmp_path / "points.csv", tmp_path / "plots.html"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for one in (path, page):
        one.write_text("of yesterday")
    monkeypatch.setattr(os, "fsync", full)
    for words in (["export", "-o", str(path)], ["report", RUN, "--html", str(page)]):
        status, said = run_in(memory(), words)
        assert (status, one_sentence(said)) == (2, True)
        assert said.endswith("cannot be written: No space left on device\n")
    assert path.read_text() == page.read_text() == "of yesterday"
    assert not list(tmp_path.glob("*.part"))


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order, sync, give = [], os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        order.append("folder" if os.path.samestat(os.fstat(descriptor), tmp_path.stat()) else "file")
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        order.append("name")
        return give(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replaced)
    with replacing(tmp_path / "a.csv") as file:
        file.write(b"whole")
    assert order == ["file", "name", "folder"]
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    with replacing(tmp_path / "link.csv") as file:
        file.write(b"again")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "a.csv").read_bytes() == b"again"


# ---------------------------------------------------------------- the core's command


def test_a_map_s_file_is_opened_before_the_map_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr("optim_core.studies.maps.basins", lambda *_, **__: made.append(1))
    (tmp_path / "a.npz").mkdir()
    for out in (str(tmp_path / "a.npz"), f"/proc/{'x' * 10}.npz", f"{tmp_path}/{'y' * 300}.png"):
        status, said = run_in(memory(), ["sweep", "momentum", "ravine", "--out", out], core)
        assert status == 2
        assert re.fullmatch(r"python -m optim_core: out = .* cannot be written: .*\n", said), said
    assert made == []


def test_a_map_that_could_not_be_made_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    out = tmp_path / "a.NPZ"
    out.write_bytes(b"of yesterday")
    line = ["sweep", "momentum", "ravine", "--out", str(out), "--steps", "3", "--resolution", "4"]
    assert run_in(memory(), [*line, "--set", "lr=-1"], core)[0] == 2
    assert out.read_bytes() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [out]
    assert run_in(memory(), line, core)[0] == 0
    assert out.read_bytes()[:2] == b"PK"


def test_what_was_verified_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("optim_core.verification.verify.verify", lambda *_: verified.append(1) or [])
        text = tmp_path / "text"
        for content in ("no JSON", "[]", '{"rules": []}', '{"rules": {}, "versions": 3}'):
            text.write_text(content)
            status, said = run_in(memory(), ["verify", "gradient_descent", "--file", str(text)], core)
            assert status == 2
            assert said.endswith("holds something else than checks; name another\n")
        for place in (str(tmp_path), "/nowhere/at/all", "/proc/new"):
            status, said = run_in(memory(), ["verify", "gradient_descent", "--file", place], core)
            assert status == 2
            assert re.search("cannot be (read|written): ", said)
    assert verified == [], "nothing is computed for a file that cannot be written"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    out = memory()
    words = ["verify", "gradient_descent", "--json", "--file", str(tmp_path / "new.json")]
    status, said = run_in(out, words, core)
    assert status == 2
    assert said.endswith("cannot be written: No space left on device\n")
    assert '"gradient_descent": {"source"' in out.buffer.getvalue().decode()  # type: ignore[attr-defined]


# ---------------------------------------------------------------- looking


def test_a_run_whose_process_is_gone_is_not_shown_as_running_and_nothing_is_written(good: Path) -> None:
    with closing(Store()) as store:
        store.transition(RUN, STOPPED, QUEUED)
        store.start(RUN, Owner(Owner.here().host, os.getpid(), "an earlier one"), "cpu")
        for words in (["list"], ["show", RUN]):
            out = memory()
            assert run_in(out, words) == (0, "")
            assert INTERRUPTED in out.buffer.getvalue().decode()  # type: ignore[attr-defined]
        assert store.get(RUN).status == RUNNING
        assert run_in(memory(), ["delete", RUN]) == (0, "")
        assert store.all() == []


def test_beginning_anew_drops_the_checkpoints(good: Path) -> None:
    with closing(Store()) as store:
        store.checkpoint(RUN).parent.mkdir(parents=True)
        store.checkpoint(RUN).write_text("weights")
        assert run_in(memory(), ["resume", RUN, "--detach", "--anew"]) == (0, "")
        assert store.get(RUN).status == QUEUED
        assert not store.checkpoint(RUN).parent.exists()
        assert run_in(memory(), ["resume", RUN, "--detach", "--anew"])[0] == 2


def test_the_usual_place_is_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RAVINE_STORE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store_path() == tmp_path / ".local" / "share" / "ravine" / "runs.db"


def test_a_run_in_the_foreground_ends_from_the_keyboard_with_its_checkpoint(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAVINE_STORE": str(tmp_path / "runs.db")}
    line = [sys.executable, "-m", "training", "launch", "--task", "digits", "--optimizer", "adam", "--epochs", "9000"]
    launched = subprocess.Popen(
        line, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert launched.stderr is not None
    said = ""
    while "training" not in said:
        said = launched.stderr.readline()
        assert said, "it ended before it began"
    launched.send_signal(signal.SIGINT)
    _, said = launched.communicate(timeout=LIMIT)
    assert launched.returncode == 0
    assert "Traceback" not in said
    with closing(Store(str(tmp_path / "runs.db"), looking=True)) as store:
        (run,) = store.all()
        assert (run.status, run.error) == (STOPPED, "")
        assert store.checkpoint(run.id).is_file()
