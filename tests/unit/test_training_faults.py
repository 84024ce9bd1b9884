"""Training under faults: each is injected, and the points are those of an undisturbed run to the last bit."""

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from training import checkpoints, database, loop, runner, worker
from training.checkpoints import Damaged
from training.data import cifar10
from training.data.images import DataError
from training.run import FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Owner, alive, as_seen, process_mark
from training.runner import Runner
from training.runs import Store
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry
from training.trouble import StoreError

ROOT = Path(__file__).parents[2]
LIMIT = 120.0  # seconds: one generous limit for whatever is waited for
SETTINGS = recipe(TASKS["digits"], Entry("adam"), epochs=2, images=640, batch_size=16)
STEPS = 80


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("RAVINE_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setattr(worker, "BEAT", 0.02)
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint every ten steps."""
    monkeypatch.setattr(loop, "FETCH_SECONDS", 0.0)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)


def until(condition: Callable[[], object], tick: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "this did not come about in time"
        tick()
        time.sleep(0.02)


def points_of(store: Store, run: str) -> dict[str, tuple[list[int], list[float]]]:
    """What does not depend on the clock."""
    return {
        name: (steps.tolist(), values.tolist())
        for name, (steps, values) in store.series(run).items()
        if not name.startswith("clock/") and name != "epoch/seconds" and name != "rate"
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[int], list[float]]]:
    quiet = Store(str(tmp_path_factory.mktemp("undisturbed") / "runs.db"))
    (run,) = quiet.add([SETTINGS])
    assert worker.execute(quiet, run) == (FINISHED, True)
    found = points_of(quiet, run)
    assert found["train/loss"][0] == list(range(1, STEPS + 1))
    quiet.close()
    return found


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ---------------------------------------------------------------- the store

FAULTS = {
    "locked": lambda: sqlite3.OperationalError("database is locked"),
    "full": lambda: sqlite3.OperationalError("database or disk is full"),
    "malformed": lambda: sqlite3.DatabaseError("database disk image is malformed"),
    "sqlalchemy": lambda: OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error")),
    "ENOSPC": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "EIO": lambda: OSError(errno.EIO, "Input/output error"),
    "EROFS": lambda: OSError(errno.EROFS, "Read-only file system"),
}


class Faults:
    """The store raises at its n-th statement, for each n of the plan."""

    def __init__(self, store: Store, make: Callable[[], Exception], plan: set[int]) -> None:
        self.make, self.plan, self.asked, self.raised = make, plan, 0, 0
        self.lock = threading.Lock()
        event.listen(store.engine, "before_cursor_execute", self.maybe)

    def maybe(self, *_: Any) -> None:
        with self.lock:
            self.asked += 1
            if self.asked not in self.plan:
                return
            self.raised += 1
        raise self.make()


@pytest.mark.parametrize("kind", FAULTS)
def test_whatever_the_store_raises_is_one_kind_of_error_with_a_sentence(store: Store, kind: str) -> None:
    (run,) = store.add([SETTINGS])
    Faults(store, FAULTS[kind], set(range(1, 10_000)))
    fault = FAULTS[kind]()
    why = getattr(fault, "strerror", None) or str(getattr(fault, "orig", None) or fault)
    asked: list[Callable[[], object]] = [
        store.all, store.queue, store.takes, store.lost, lambda: store.get(run), lambda: store.series(run),
        lambda: store.add([SETTINGS]),
        lambda: store.rename(run, "a"), lambda: store.request_stop(run), lambda: store.delete([run]),
        lambda: store.resume(run), lambda: store.write_points(run, [("a", 1, 1.0)]),
        lambda: store.record(run, {"a": 1}), lambda: store.beat(run, Owner.here(), 1, 1, ""),
        lambda: store.truncate(run, 0), lambda: store.claim(Owner.here(), "cpu", ["cpu"]),
        lambda: store.start(run, Owner.here(), "cpu"),
    ]  # fmt: skip
    for question in asked:
        with pytest.raises(StoreError) as caught:
            question()
        assert str(caught.value) == f"the store does not answer: {why}"


@pytest.mark.parametrize("kind", FAULTS)
def test_a_store_that_raises_now_and_then_costs_no_point(
    store: Store, kind: str, undisturbed: dict, often: None
) -> None:
    (run,) = store.add([SETTINGS])
    faults = Faults(store, FAULTS[kind], {1, 3, 4, 5, 8, *range(10, 400, 3)})
    assert worker.execute(store, run, errors=lambda _: None) == (FINISHED, True)
    assert faults.raised > 5
    faults.plan = set()
    row = store.get(run)
    assert (row.status, row.error, row.step) == (FINISHED, "", STEPS)
    assert points_of(store, run) == undisturbed
    assert {"versions", "device", "training_seconds"} <= set(row.record)


def test_nothing_can_be_said_either(
    store: Store, undisturbed: dict, monkeypatch: pytest.MonkeyPatch, often: None
) -> None:
    """The store's disk is full, and so is the log's, and the terminal is closed: handlers raise nothing themselves."""
    (run,) = store.add([SETTINGS])

    def broken_terminal(*_: Any) -> None:
        raise BrokenPipeError

    class Unspeakable(sqlite3.OperationalError):
        def __str__(self) -> str:
            raise RuntimeError("an error whose text is an error")

    with Path("/dev/full").open("w", buffering=1) as nowhere, monkeypatch.context() as closed:
        closed.setattr(sys, "stderr", nowhere)
        closed.setattr(sys, "stdout", nowhere)
        faults = Faults(store, Unspeakable, set(range(2, 300, 4)))
        assert worker.execute(store, run, tell=broken_terminal, errors=full) == (FINISHED, True)
        with closed.context() as gone:
            gone.setattr(sys, "stderr", None)
            worker.note("nothing")
            worker.writer(Path("/nowhere/at/all"))("nothing")
            worker.redirect(Path("/nowhere/at/all"))
    assert faults.raised > 3
    faults.plan = set()
    assert points_of(store, run) == undisturbed


def test_a_failure_is_stored_where_its_log_cannot_be_written(store: Store) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def train(*_: object) -> None:
        raise Odd

    (run,) = store.add([SETTINGS])
    store.beside("logs").write_text("no folder")
    assert worker.execute(store, run, train, errors=full) == (FAILED, False)
    assert store.get(run).error.startswith("Odd: without a text (the log says where:")


def test_no_checkpoint_counts_on_points_that_the_store_has_not(store: Store, tmp_path: Path) -> None:
    (run,) = store.add([SETTINGS])
    store.start(run, Owner.here(), "cpu")
    reporter = worker.Reporter(store, run, Owner.here(), threading.Event())
    reporter.points(1, {"train/loss": 1.0})
    faults = Faults(store, FAULTS["full"], set(range(1, 1000)))
    assert reporter.progress(1, 2, "saving") is False
    training = loop.Training(SETTINGS, reporter, tmp_path / "latest.pt")
    training.save()
    assert not (tmp_path / "latest.pt").exists()
    faults.plan = set()
    reporter.progress(1, 2, "training")
    assert reporter.progress(1, 2, "saving") is True
    store.interrupt(run, "given up", owner=Owner.here())
    store.resume(run, Owner("elsewhere", 1))
    reporter.progress(1, 2, "training")
    assert reporter.progress(1, 2, "saving") is False, "another process goes on with it: its checkpoint stays"


def test_a_record_that_is_no_json_is_said(store: Store) -> None:
    (run,) = store.add([SETTINGS])
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET record = '{', settings = '[1'")
    with pytest.raises(StoreError, match="is damaged"):
        store.get(run)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET record = '{}'")
    assert store.get(run).options == {}


SMALL_DISK = """
import os, sys, threading
from pathlib import Path
from training import worker
from training.runs import Store
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry

folder, other, text = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = RunSettings.from_json(text)
quiet = Store(other)
(run,) = quiet.add([settings])
assert worker.execute(quiet, run) == ("finished", True)
store = Store(str(folder / "runs.db"))
(disturbed,) = store.add([settings])
filler = folder / "filler"
said = open(folder / "said", "w")           # on the full disk, too
os.dup2(said.fileno(), 2)
with filler.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError as error:
        assert error.errno == 28, error

def empty(reporter=None):
    filler.unlink()

trouble = worker.Saying.trouble
count = [0]
def seen(self, why):                        # the disk is emptied once both the thread and who insists have met it
    count[0] += 1
    if count[0] == 6:
        empty()
    trouble(self, why)
worker.Saying.trouble = seen
worker.BEAT = 0.02
assert worker.execute(store, disturbed, errors=worker.writer(store.log(disturbed))) == ("finished", True)
assert count[0] >= 6, "the disk was never full"
for name, (steps, values) in quiet.series(run).items():
    if name.startswith("clock/") or name in ("epoch/seconds", "rate"):
        continue
    again = store.series(disturbed)[name]
    assert again[0].tolist() == steps.tolist(), name
    assert again[1].tolist() == values.tolist(), name
print("the same")
"""


def in_a_namespace(mount: str, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in mounts of its own; skips the test where there can be none."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare")
    words = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    if subprocess.run([*words, mount], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    line = [*words, f'{mount} && exec "$0" "$@"', *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=2 * LIMIT)


def test_a_disk_that_is_full_for_a_while_costs_no_point(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    done = in_a_namespace(
        f"mount -t tmpfs -o size=1m none {disk}",
        *(sys.executable, "-c", SMALL_DISK, str(disk), str(tmp_path / "quiet.db"), SETTINGS.to_json()),
    )
    assert (done.returncode, done.stdout) == (0, "the same\n"), done.stderr


LOOKING = """
import contextlib, io, os, sys
from pathlib import Path
from training import __main__ as command
folder, run = Path(sys.argv[1]), sys.argv[2]
os.environ["RAVINE_STORE"] = str(folder / "runs.db")
try:
    (folder / "x").write_text("")
    sys.exit("it can be written")
except OSError:
    pass
for words in (["list"], ["show", run], ["export"], ["export", "--format", "json"], ["report", run]):
    assert command.main(words) == 0, words
    print("--")
new = ["launch", "--task", "digits", "--optimizer", "adam"]
for words in (["rename", run, "a"], ["delete", run], ["stop", run], new):
    assert command.main(words) == 2, words
"""


@pytest.mark.parametrize("left", ["closed", "killed", "no shared memory"])
def test_looking_needs_no_writing(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "kept"
    code = (
        "import os, sys; from training.runs import Store; from training.settings import RunSettings\n"
        "s = Store(sys.argv[1]); (run,) = s.add([RunSettings('digits', 'adam')], names=['the one'])\n"
        "s.write_points(run, [('train/loss', k, k / 7) for k in range(50)]); s.request_stop(run); print(run)\n"
        "sys.stdout.flush(); s.close() if sys.argv[2] == 'closed' else os._exit(0)\n"
    )
    words = [sys.executable, "-c", code, str(folder / "runs.db"), left]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    if left == "no shared memory":
        (folder / "runs.db-shm").unlink()
    assert (folder / "runs.db-wal").exists() == (left != "closed")
    done = in_a_namespace(
        f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}",
        *(sys.executable, "-c", LOOKING, str(folder), run),
    )
    assert done.returncode == 0, done.stderr
    listed, shown, csv, as_json, report, _ = done.stdout.split("--\n")
    assert "the one" in listed
    assert "stopped" in shown
    assert csv.count("train/loss") == 50
    assert str(6 / 7) in as_json
    assert "Adam" in report
    assert len(done.stderr.splitlines()) == 4
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- a file that goes


def remove(store: Store, *ends: str) -> None:
    for end in ("", *ends):
        Path(f"{store.path}{end}").unlink(missing_ok=True)


@pytest.mark.parametrize("ends", [(), ("-wal", "-shm")])
def test_a_store_that_is_deleted_or_replaced_is_noticed_at_once(
    store: Store, tmp_path: Path, ends: tuple[str, ...]
) -> None:
    store.add([SETTINGS])
    looking = Store(looking=True)
    assert len(looking.all()) == 1
    remove(store, *ends)
    for one in (store, looking):
        with pytest.raises(StoreError, match="is gone"):
            one.all()
    with pytest.raises(StoreError, match="is gone"):
        store.add([SETTINGS])
    assert not store.path.exists(), "only who opens a store makes one"
    store.renew()
    assert store.all() == looking.all() == []
    (run,) = store.add([SETTINGS])
    assert [one.id for one in looking.all()] == [run]
    other = Store(str(tmp_path / "other.db"))
    (theirs,) = other.add([SETTINGS])
    other.close()
    for one in (looking, store):  # a WAL that waits belongs to the file that it was written for
        one.close()
    other.path.replace(store.path)
    assert [one.id for one in store.all()] == [one.id for one in looking.all()] == [theirs]
    looking.close()
    text = tmp_path / "text"
    text.write_text("no database " * 100)
    text.replace(store.path)
    with pytest.raises(StoreError, match="file is not a database"):
        store.all()
    shutil.rmtree(tmp_path)
    with pytest.raises(StoreError, match="is gone"):
        store.all()
    store.renew()
    assert store.all() == []


def test_a_run_whose_store_is_gone_for_a_while_goes_on(
    store: Store, undisturbed: dict, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = store.add([SETTINGS])
    away = store.path.with_name("away.db")
    moved: list[str] = []
    trouble = worker.Saying.trouble

    def move(step: int, _: int, stage: str) -> None:
        if step >= 20 and not moved:
            for end in ("-wal", "-shm", ""):
                Path(f"{store.path}{end}").replace(f"{away}{end}")
            moved.append("away")

    def heard(saying: worker.Saying, why: str) -> None:
        """It comes back once it is missed: while the run goes on, or at its end."""
        if moved == ["away"]:
            moved.append(why)
            for end in ("-wal", "-shm", ""):
                Path(f"{away}{end}").replace(f"{store.path}{end}")
        trouble(saying, why)

    monkeypatch.setattr(worker.Saying, "trouble", heard)
    assert worker.execute(store, run, tell=move, errors=lambda _: None)[0] == FINISHED
    assert moved[0] == "away"
    assert "is gone" in moved[1] or "No such file" in moved[1]
    assert points_of(store, run) == undisturbed


LONELY = """
import sys
from training.runner import Runner
from training.runs import Store
Runner(Store(), command=(sys.executable, sys.argv[1])).serve()
"""
QUICK = """
import sys
from types import SimpleNamespace
from training.runs import Store
from training.worker import serve
def train(settings, observer, checkpoint, resume):
    observer.points(1, {"train/loss": 1.0})
    return SimpleNamespace(status="finished", step=1, sentence="")
sys.exit(serve(Store(), sys.argv[1], "--more" in sys.argv, train, patience=0.0))
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_new_runs_start_after_the_store_was_deleted_under_a_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (tmp_path / "runner.py").write_text(LONELY)
    (tmp_path / "worker.py").write_text(QUICK)
    monkeypatch.setenv("RAVINE_STORE", str(tmp_path / "kept" / "runs.db"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(runner, "COMMAND", (sys.executable, str(tmp_path / "runner.py"), str(tmp_path / "worker.py")))
    command = [sys.executable, str(tmp_path / "runner.py"), str(tmp_path / "worker.py")]
    store, started = Store(), []

    def ensure() -> None:  # what the page does at each look
        if not started or (started[-1].poll() is not None and runner.acquire(store) is not None):
            started.append(subprocess.Popen(command))

    ensure()
    try:
        (run,) = store.add([SETTINGS])
        until(lambda: store.get(run).status == FINISHED)
        shutil.rmtree(store.path.parent) if what == "folder" else remove(store, "-wal", "-shm")
        store.renew()
        (again,) = store.add([SETTINGS])
        until(lambda: store.get(again).status == FINISHED, ensure)
    finally:
        for one in started:
            one.terminate()
            one.wait(LIMIT)
        store.close()


# ---------------------------------------------------------------- checkpoints


class Tale:
    """Keeps the points; stops the run when it has been asked so often, which is once a step and a few times before."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at, self.series, self.facts, self.asked = stop_at, {}, {}, 0

    def points(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.series.setdefault(name, {})[step] = value

    def progress(self, *_: object) -> bool:
        return True

    def record(self, facts: dict[str, Any]) -> None:
        self.facts.update(facts)

    def should_stop(self) -> bool:
        self.asked += 1
        return bool(self.stop_at) and self.asked >= self.stop_at


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte": lambda whole: whole[:1],
    "half a head": lambda whole: whole[:30],
    "a head": lambda whole: whole[:60],
    "half": lambda whole: whole[: len(whole) // 2],
    "all but one byte": lambda whole: whole[:-1],
    "longer": lambda whole: whole + b"\0",
    "a bit of the mark": lambda whole: flipped(whole, 3),
    "a bit of the length": lambda whole: flipped(whole, 22),
    "a bit of the checksum": lambda whole: flipped(whole, 40),
    "a bit of a weight": lambda whole: flipped(whole, len(whole) // 2),
    "the last bit": lambda whole: flipped(whole, len(whole) - 1),
    "zeros": lambda whole: bytes(len(whole)),
    "a text": lambda _: b"no checkpoint",
}


def flipped(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Where a run stopped after some 35 steps, with two checkpoints, and its points until then."""
    folder = tmp_path_factory.mktemp("halfway")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "FETCH_SECONDS", 0.0)
        patched.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
        tale = Tale(stop_at=38)
        assert loop.train(SETTINGS, tale, folder / "latest.pt").status == "stopped"  # type: ignore[arg-type]
    assert sorted(path.name for path in folder.iterdir()) == ["before.pt", "latest.pt"]
    return folder, tale.series


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_checkpoint_is_recognised_and_the_one_before_taken(
    tmp_path: Path, halfway: tuple[Path, dict], undisturbed: dict, how: str
) -> None:
    shutil.copytree(halfway[0], folder := tmp_path / "run")
    latest = folder / "latest.pt"
    reached = [checkpoints.read(path, lambda file: torch.load(file, weights_only=True))["step"]
               for path in checkpoints.kept(latest)]  # fmt: skip
    assert reached[0] > reached[1] > 0
    latest.write_bytes(DAMAGE[how](latest.read_bytes()))
    with pytest.raises(Damaged):
        checkpoints.read(latest, lambda file: torch.load(file, weights_only=True))
    tale = Tale()
    assert loop.train(SETTINGS, tale, latest, resume=True).status == "finished"  # type: ignore[arg-type]
    assert tale.facts["resumed_at"] == reached[1]
    assert tale.facts["checkpoint"].startswith("was damaged (latest.pt: it")
    assert tale.facts["checkpoint"].endswith(f"): it went on from the one before, at step {reached[1]}")
    for name, (steps, values) in undisturbed.items():
        before = {step: value for step, value in halfway[1].get(name, {}).items() if step <= reached[1]}
        assert {**before, **tale.series[name]} == dict(zip(steps, values, strict=True)), name


def test_of_a_crash_between_two_names_the_one_before_is_left(
    tmp_path: Path, halfway: tuple[Path, dict], undisturbed: dict
) -> None:
    shutil.copytree(halfway[0], folder := tmp_path / "run")
    (folder / "latest.pt").unlink()
    (folder / "latest.pt.1.part").write_bytes(b"half")
    tale = Tale()
    loop.train(SETTINGS, tale, folder / "latest.pt", resume=True)  # type: ignore[arg-type]
    assert tale.facts["checkpoint"] == "", "a failure that an earlier process told of is over"
    steps, values = undisturbed["train/loss"]
    assert {**halfway[1]["train/loss"], **tale.series["train/loss"]} == dict(zip(steps, values, strict=True))


def test_where_no_checkpoint_can_be_used_the_run_can_be_begun_anew(
    store: Store, undisturbed: dict, halfway: tuple[Path, dict]
) -> None:
    (run,) = store.add([SETTINGS])
    shutil.copytree(halfway[0], store.checkpoint(run).parent)
    for path in checkpoints.kept(store.checkpoint(run)):
        path.write_bytes(b"")
    assert worker.execute(store, run, errors=lambda _: None) == (FAILED, True)
    assert store.get(run).error == (
        "no checkpoint can be used (latest.pt: it is empty; before.pt: it is empty): begin it anew, as the page or "
        "resume --anew does"
    )
    assert store.resume(run)
    assert worker.execute(store, run, errors=lambda _: None)[0] == FAILED, "resuming alone does not help"
    store.record(run, {"resumed_at": 20, "checkpoint": "could not be written"})
    assert store.resume(run, anew=True)
    assert worker.execute(store, run) == (FINISHED, True)
    assert points_of(store, run) == undisturbed
    record = store.get(run).record
    assert (record["resumed_at"], record["checkpoint"]) == (0, ""), "what was said of the attempt before goes with it"
    assert not store.resume(run, anew=True), "what has finished is not begun anew"


def test_checkpoints_from_before_there_were_checksums_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "latest.pt"
    torch.save({"step": 3}, path)
    assert checkpoints.read(path, lambda file: torch.load(file, weights_only=True)) == {"step": 3}
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Damaged, match="it is no checkpoint, or a part of one"):
        checkpoints.read(path, lambda file: torch.load(file, weights_only=True))


def test_memory_that_runs_out_is_no_damage(tmp_path: Path) -> None:
    def load(_: object) -> None:
        raise MemoryError

    torch.save({}, tmp_path / "old.pt")
    checkpoints.write(tmp_path / "new.pt", lambda file: torch.save({}, file))
    for name in ("old.pt", "new.pt"):
        with pytest.raises(MemoryError):
            checkpoints.read(tmp_path / name, load)


def test_nothing_from_a_checkpoint_is_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "latest.pt"
    checkpoints.write(path, lambda file: torch.save({"settings": Harm()}, file))
    with pytest.raises(Exception, match="Weights only load failed"):
        loop.train(SETTINGS, Tale(), path, resume=True)  # type: ignore[arg-type]
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("obstacle", ["a file for a folder", "a folder for a file"])
def test_a_checkpoint_that_cannot_be_made_does_not_end_the_run(
    tmp_path: Path, undisturbed: dict, often: None, obstacle: str
) -> None:
    checkpoint = tmp_path / "run" / "latest.pt"
    if obstacle == "a file for a folder":
        (tmp_path / "run").write_text("")
    else:
        checkpoint.mkdir(parents=True)
    tale = Tale()
    assert loop.train(SETTINGS, tale, checkpoint).status == "finished"  # type: ignore[arg-type]
    assert tale.facts["checkpoint"].startswith("could not be written: ")
    assert list(tale.series["train/loss"].values()) == undisturbed["train/loss"][1]
    stopped = loop.train(SETTINGS, Tale(stop_at=10), checkpoint)  # type: ignore[arg-type]
    assert (stopped.status, stopped.sentence[:40]) == ("stopped", "its last checkpoint could not be written")


def test_a_checkpoint_that_could_be_written_again_is_not_called_missing(
    tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, save = [], torch.save

    def at_first_full(*words: Any) -> None:
        saved.append(1)
        full() if len(saved) < 3 else save(*words)

    monkeypatch.setattr(torch, "save", at_first_full)
    tale = Tale(stop_at=40)
    loop.train(SETTINGS, tale, tmp_path / "latest.pt")  # type: ignore[arg-type]
    assert tale.facts["checkpoint"] == ""
    assert len(checkpoints.kept(tmp_path / "latest.pt")) == 2


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, order = tmp_path / "latest.pt", []
    checkpoints.write(path, lambda file: file.write(b"the first"))
    sync, give = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        order.append("folder" if os.path.samestat(os.fstat(descriptor), tmp_path.stat()) else "file")
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        order.append(target.name)
        return give(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replaced)
    checkpoints.write(path, lambda file: file.write(b"the second"))
    order = [one for i, one in enumerate(order) if i == 0 or order[i - 1] != one]
    assert order in (["file", "before.pt", "latest.pt", "folder"], ["file", "before.pt", "file", "latest.pt", "folder"])
    assert [checkpoints.read(one, lambda file: file.read()) for one in checkpoints.kept(path)] == [
        b"the second", b"the first"
    ]  # fmt: skip
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.write(path, lambda file: file.write(b"the third"))
    assert [checkpoints.read(one, lambda file: file.read()) for one in checkpoints.kept(path)] == [
        b"the second", b"the first"
    ]  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 2


# ---------------------------------------------------------------- clocks and processes


@pytest.fixture
def child() -> Iterator[subprocess.Popen]:
    """A process that lives and says nothing."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def owned(process: subprocess.Popen) -> Owner:
    return replace(Owner.here(), pid=process.pid, process=process_mark(process.pid))


class Clock:
    """The runner's own watch, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=lambda: self.now, time=time.time))

    def pass_seconds(self, one: Runner, seconds: float) -> None:
        """In steps of two seconds, with a tick after each."""
        for _ in range(round(seconds / 2)):
            self.now += 2.0
            try:
                one.tick()
            except StoreError:
                continue


@pytest.mark.parametrize("jump", [-86_400.0, -60.0, 60.0, 86_400.0])
def test_a_clock_that_is_set_ends_no_healthy_run_and_hides_no_dead_one(
    store: Store, child: subprocess.Popen, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    dead = Owner(Owner.here().host, child.pid, "an earlier one")
    healthy, gone, elsewhere = store.add([SETTINGS] * 3)
    store.start(healthy, owned(child), "cpu")
    store.start(gone, dead, "cpu")
    store.start(elsewhere, Owner("elsewhere", 1), "cpu")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert [as_seen(store.get(run)).status for run in (healthy, gone, elsewhere)] == [RUNNING, INTERRUPTED, INTERRUPTED]
    clock, one = Clock(monkeypatch), Runner(store)
    one.devices = [{"device": "cpu", "slots": 0}]
    clock.pass_seconds(one, 2)
    assert [store.get(run).status for run in (healthy, gone, elsewhere)] == [RUNNING, INTERRUPTED, RUNNING]
    clock.pass_seconds(one, 12)
    assert [store.get(run).status for run in (healthy, gone, elsewhere)] == [RUNNING, INTERRUPTED, INTERRUPTED]
    assert child.poll() is None
    store.request_stop(healthy)
    clock.pass_seconds(one, 10)
    assert child.poll() is None, "it is given the time to stop that the runner's own watch shows"
    assert store.lost() == []


def test_who_is_asked_for_nothing_while_the_store_takes_nothing_is_not_taken_for_hung(
    tmp_path: Path, child: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    store = Store(str(tmp_path / "runs.db"))
    (run,) = store.add([SETTINGS])
    store.start(run, owned(child), "cpu")
    clock, one = Clock(monkeypatch), Runner(store)
    one.devices = [{"device": "cpu", "slots": 0}]
    holder = sqlite3.connect(store.path, isolation_level=None)
    for statement in ("locked", "full"):
        clock.pass_seconds(one, 40)
        if statement == "locked":
            holder.execute("BEGIN IMMEDIATE")
            clock.pass_seconds(one, 300)
            holder.execute("ROLLBACK")
        else:
            faults = Faults(store, FAULTS["full"], set())
            faults.maybe = lambda *_: None  # type: ignore[method-assign]

            def refuse(_: Any, __: Any, sql: str, *___: Any) -> None:
                if not sql.startswith(("SELECT", "BEGIN")):
                    raise FAULTS["full"]()

            event.listen(store.engine, "before_cursor_execute", refuse)
            clock.pass_seconds(one, 300)
            event.remove(store.engine, "before_cursor_execute", refuse)
        clock.pass_seconds(one, 40)
        assert child.poll() is None, statement
        assert store.get(run).status == RUNNING
        store.beat(run, owned(child), 1, 2, "training")
    clock.pass_seconds(one, 70)
    assert store.get(run).status == INTERRUPTED, "silent for a minute in which the store took writes"
    assert child.wait(LIMIT) == -signal.SIGKILL
    holder.close()
    store.close()


def test_who_was_told_to_stop_and_waits_for_the_store_is_not_killed(
    tmp_path: Path, child: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    store = Store(str(tmp_path / "runs.db"))
    (run,) = store.add([SETTINGS])
    store.start(run, owned(child), "cpu")
    clock, one = Clock(monkeypatch), Runner(store)
    one.devices = [{"device": "cpu", "slots": 0}]
    sent: list[signal.Signals] = []
    monkeypatch.setattr(one, "signal", lambda _, number: sent.append(number))
    store.request_stop(run)
    clock.pass_seconds(one, 20)
    assert sent == [signal.SIGTERM]
    with closing(sqlite3.connect(store.path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        clock.pass_seconds(one, 100)
    clock.pass_seconds(one, 8)
    assert sent == [signal.SIGTERM]
    clock.pass_seconds(one, 10)
    assert sent == [signal.SIGTERM, signal.SIGKILL]
    store.close()


def test_the_queue_keeps_its_order_where_the_clock_is_set_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = store.add([SETTINGS] * 3)
    store.request_stop(first)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600.0)
    (fourth,) = store.add([SETTINGS])
    assert store.resume(first)
    assert [run.id for run in store.queue()] == [second, third, fourth, first]


def test_a_tick_that_fails_is_no_watch(store: Store, child: subprocess.Popen, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = store.add([SETTINGS])
    store.start(run, owned(child), "cpu")
    clock, one = Clock(monkeypatch), Runner(store)
    one.devices = [{"device": "cpu", "slots": 0}]
    clock.pass_seconds(one, 2)
    faults = Faults(store, FAULTS["EIO"], set(range(1, 10_000)))
    clock.pass_seconds(one, 300)
    faults.plan = set()
    clock.pass_seconds(one, 20)
    assert child.poll() is None
    assert store.get(run).status == RUNNING


SLOW = """
import sys, time
from types import SimpleNamespace
from training.runs import Store
from training.worker import serve
def train(settings, observer, checkpoint, resume):
    step = 0
    while not observer.should_stop() and step < 400:
        step += 1
        observer.points(step, {"train/loss": 1.0 / step})
        observer.progress(step, 400, "training")
        time.sleep(0.005)
    return SimpleNamespace(status="finished", step=step, sentence="")
sys.exit(serve(Store(), sys.argv[1], "--more" in sys.argv, train, patience=0.0))
"""


def test_a_process_that_is_stopped_for_a_while_goes_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "worker.py").write_text(SLOW)
    one = Runner(store, command=(sys.executable, str(tmp_path / "worker.py")))
    one.devices = [{"device": "cpu", "slots": 1}]
    (run,) = store.add([SETTINGS])
    until(lambda: store.get(run).step > 10, one.tick)
    pid = store.get(run).pid
    os.kill(pid, signal.SIGSTOP)
    clock = Clock(monkeypatch)
    clock.pass_seconds(one, 50)
    assert store.get(run).status == RUNNING
    assert as_seen(store.get(run)).status == RUNNING
    os.kill(pid, signal.SIGCONT)
    monkeypatch.setattr(runner, "time", time)
    until(lambda: store.get(run).status == FINISHED and not one.workers, one.tick)
    assert store.series(run)["train/loss"][0].tolist() == list(range(1, 401))
    assert store.get(run).generation == 0


def test_a_process_that_is_stopped_for_good_is_ended(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "worker.py").write_text(SLOW)
    one = Runner(store, command=(sys.executable, str(tmp_path / "worker.py")))
    one.devices = [{"device": "cpu", "slots": 1}]
    (run,) = store.add([SETTINGS])
    until(lambda: store.get(run).step > 10, one.tick)
    owner = store.get(run).owner
    os.kill(owner.pid, signal.SIGSTOP)
    clock = Clock(monkeypatch)
    clock.pass_seconds(one, 100)
    monkeypatch.setattr(runner, "time", time)
    until(lambda: not alive(owner) and not one.workers, one.tick)
    assert store.get(run).status == INTERRUPTED
    assert store.get(run).error.startswith("its process was ended: it had not answered for 60 seconds")
    assert store.get(run).resumable


# ---------------------------------------------------------------- files beside the store


def test_two_stores_in_a_folder_share_nothing(tmp_path: Path) -> None:
    first, second = Store(str(tmp_path / "runs.db")), Store(str(tmp_path / "runs.sqlite"))
    for suffix in ("lock", "runner.lock", "runner.json", "runner.log", "logs", "checkpoints"):
        assert first.beside(suffix) != second.beside(suffix)
    locks = [runner.acquire(store) for store in (first, second)]
    assert None not in locks
    for lock in locks:
        os.close(lock)  # type: ignore[arg-type]
    (run,) = first.add([SETTINGS])
    assert first.log(run) != second.log(run)
    assert first.checkpoint(run) != second.checkpoint(run)
    for store in (first, second):
        store.close()
    link = tmp_path / "link.db"
    link.symlink_to(first.path)
    assert Store(str(link)).path == first.path, "two ways to one store are one"


def test_files_of_a_run_from_before_are_found(store: Store) -> None:
    (run,) = store.add([SETTINGS])
    old = store.path.with_name("checkpoints") / run / "latest.pt"
    old.parent.mkdir(parents=True)
    old.write_text("weights")
    log = store.path.with_name("logs") / f"{run}.log"
    log.parent.mkdir()
    log.write_text("log")
    assert (store.checkpoint(run), store.log(run)) == (old, log)
    store.request_stop(run)
    store.delete([run])
    assert not old.parent.exists()
    assert not log.exists()


def test_a_log_that_cannot_be_made_keeps_no_run_from_starting(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "worker.py").write_text(QUICK)
    store.beside("logs").write_text("no folder")
    one = Runner(store, command=(sys.executable, str(tmp_path / "worker.py")))
    one.devices = [{"device": "cpu", "slots": 1}]
    (run,) = store.add([SETTINGS])
    until(lambda: store.get(run).status == FINISHED, one.tick)
    until(lambda: not one.workers, one.tick)
    assert store.all(QUEUED, STOPPED) == []


def test_a_report_that_cannot_be_written_is_no_end(store: Store) -> None:
    one = Runner(store)
    one.devices = [{"device": "cpu", "slots": 1}]
    store.beside("runner.json").mkdir()
    one.tick()
    assert runner.status(store) is None
    store.beside("runner.lock").mkdir()
    with pytest.raises(StoreError, match="no runner can be started beside"):
        runner.ensure(store)


# ---------------------------------------------------------------- the last batch


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_that_is_too_small_for_the_network_is_refused_before_the_launch(task: str) -> None:
    declared = TASKS[task]
    settings = recipe(declared, Entry("momentum"), synthetic=declared.synthetic, weights="scratch", images=40)
    network, _ = declared.build(settings, lambda *_: None)
    network.train()
    loaded = declared.load(settings, lambda *_: None).train_images
    network(loaded[: declared.smallest_batch].float())
    if declared.smallest_batch == 1:
        replace(settings, batch_size=1)
        replace(settings, batch_size=39)
        return
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        network(loaded[:1].float())
    for batch, said in ((39, "the last batch would have 1, .*; near it: 38 or 40"), (1, "a batch would have 1, .*2")):
        with pytest.raises(ValueError, match=f"batch_size = {batch} is not allowed with 40 training images: {said}"):
            replace(settings, batch_size=batch)
    with pytest.raises(ValueError, match="take more images"):
        replace(settings, images=1, batch_size=1)
    with pytest.raises(ValueError, match="with 33 training images"):
        replace(settings, images=40, validation=0.175, batch_size=16)


def test_a_data_folder_of_nobody_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVINE_DATA", "~nobody-of-that-name/data")
    assert not cifar10.available()
    with pytest.raises(DataError, match="RAVINE_DATA = '~nobody-of-that-name/data' is no folder"):
        cifar10.load()


def test_settings_survive_their_text() -> None:
    assert RunSettings.from_json(SETTINGS.to_json()) == SETTINGS
