"""The store: statuses as compare-and-set, points and their tail, many processes at once."""

import math
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.patience import SECONDS
from training.database import store_path
from training.run import DIVERGED, FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Owner, alive, process_mark
from training.runs import Store
from training.tables import SCHEMA
from training.trouble import StoreError

ROOT = Path(__file__).parents[2]
ME = Owner("elsewhere", 1, "1")
OTHER = replace(ME, pid=2)


@dataclass(frozen=True)
class Plain:
    """Settings, as far as the store cares."""

    device: str = "cpu"

    def to_json(self) -> str:
        return f'{{"device": "{self.device}"}}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(str(tmp_path / "runs.db"))
    yield store
    store.close()


def add(store: Store, count: int = 1, **options) -> list[str]:
    return store.add([Plain()] * count, **options)


def test_where_the_store_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAVINE_STORE", f"sqlite:///{tmp_path}/a.db")
    assert store_path() == tmp_path / "a.db"
    monkeypatch.setenv("RAVINE_STORE", f"{tmp_path}/b.db")
    assert store_path() == tmp_path / "b.db"
    monkeypatch.delenv("RAVINE_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store_path() == tmp_path / "ravine" / "runs.db"
    for url in ("postgresql://somewhere/runs", "sqlite://", "sqlite:///"):
        with pytest.raises(StoreError, match="only SQLite files"):
            store_path(url)


def test_what_is_no_store_is_refused_with_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database " * 100)
    with pytest.raises(StoreError, match=r"text\.db: cannot be opened \(file is not a database\)"):
        Store(str(text))
    with pytest.raises(StoreError, match="the folder cannot be made"):
        Store(str(text / "runs.db"))
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(str(tmp_path))
    for name, statement, sentence in (
        ("other.db", "CREATE TABLE songs (title)", "a database of something else"),
        ("later.db", f"PRAGMA user_version = {SCHEMA + 1}", f"tables {SCHEMA + 1}, this one knows {SCHEMA}"),
    ):
        connection = sqlite3.connect(tmp_path / name)
        connection.execute(statement)
        connection.commit()
        connection.close()
        with pytest.raises(StoreError, match=sentence):
            Store(str(tmp_path / name))


def test_a_store_opened_again_holds_what_was_written(store: Store) -> None:
    (run,) = add(store, names=["first"])
    store.write_points(run, [("train/loss", 1, 0.5)])
    again = Store(str(store.path))
    assert again.get(run) == store.get(run)
    assert again.get(run).name == "first"
    assert again.get(run).options == {"device": "cpu"}
    assert again.series(run)["train/loss"][1].tolist() == [0.5]
    with again.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    again.close()


def test_the_newest_run_comes_first_and_the_oldest_is_taken_first(store: Store) -> None:
    first, second = add(store), add(store, 2)
    assert [run.id for run in store.all()] == [*reversed(second), *first]
    assert [run.id for run in store.queue()] == [*first, *second]
    assert store.get(second[0]).grid == store.get(second[1]).grid != store.get(first[0]).grid
    with pytest.raises(ValueError, match="there is no such run"):
        store.get("nothing")
    with pytest.raises(ValueError, match="names: 1 for 2 runs"):
        add(store, 2, names=["one"])
    assert store.add([]) == []


def test_claims_keep_to_the_order_the_device_and_first_of_all_the_grid(store: Store) -> None:
    a, b, c = add(store, 3, grid="g")
    (elsewhere,) = store.add([Plain("cuda:0")], grid="g")
    (late,) = add(store, grid="h")
    assert store.claim(ME, "cpu", ["cpu"], "h") == late
    assert store.request_stop(b)
    assert store.get(b).status == STOPPED, "a queued run is taken out of the queue"
    assert store.claim(ME, "cpu", ["cpu"], "h") == a
    assert store.claim(ME, "cpu", ["cpu"]) == c
    assert store.claim(ME, "cpu", ["cpu"]) is None
    assert store.claim(ME, "cuda:0", ["cuda:0"]) == elsewhere
    run = store.get(a)
    assert (run.status, run.owner, run.slot) == (RUNNING, ME, "cpu")
    assert run.started is not None


def test_a_resumed_run_waits_behind_those_that_wait(store: Store) -> None:
    a, b = add(store, 2)
    store.request_stop(a)
    assert store.resume(a)
    assert not store.resume(a)
    assert [run.id for run in store.queue()] == [b, a]


def test_a_status_changes_only_from_what_it_is(store: Store) -> None:
    (run,) = add(store)
    assert not store.transition(run, RUNNING, FINISHED)
    assert store.start(run, ME, "cpu")
    assert not store.start(run, OTHER, "cpu")
    assert not store.transition(run, RUNNING, FINISHED, owner=OTHER)
    assert store.transition(run, RUNNING, FINISHED, owner=ME, error="")
    for status in (FINISHED, DIVERGED):
        assert not store.resume(run), status
        assert not store.request_stop(run)
        store.transition(run, status, DIVERGED)
    for status in (STOPPED, FAILED, INTERRUPTED):
        store.transition(run, (DIVERGED, RUNNING), status, error="a sentence")
        assert store.resume(run, ME), status
        assert (store.get(run).status, store.get(run).error, store.get(run).ended) == (RUNNING, "", None)


def test_heartbeat_brings_what_is_wanted_and_tells_a_stranger(store: Store) -> None:
    (run,) = add(store)
    store.start(run, ME, "cpu")
    assert store.beat(run, ME, 3, 10, "training") == ""
    assert (store.get(run).step, store.get(run).steps, store.get(run).stage) == (3, 10, "training")
    assert store.beat(run, OTHER, 9, 10, "training") is None
    assert store.request_stop(run)
    since = store.get(run).want_since
    assert store.request_stop(run)
    assert store.get(run).want_since == since, "asking twice does not put off the escalation"
    assert store.beat(run, ME, 4, 10, "training") == "stop"


def test_a_silent_run_is_interrupted_and_comes_back_if_it_only_slept(store: Store) -> None:
    run, spared = add(store, 2)
    for one in (run, spared):
        store.start(one, ME, "cpu")
    assert store.lost() == []
    assert store.lost(age=-1.0, spare=[spared]) == [run]
    assert (store.get(run).status, store.get(spared).status) == (INTERRUPTED, RUNNING)
    assert store.get(run).resumable
    assert store.beat(run, ME, 1, 2, "training") == ""
    assert (store.get(run).status, store.get(run).error) == (RUNNING, "")
    store.lost(age=-1.0)
    store.resume(run, OTHER)
    assert store.beat(run, ME, 1, 2, "training") is None, "another process goes on with it"
    assert not store.write_points(run, [("train/loss", 1, 1.0)], ME)
    assert store.series(run) == {}
    assert not store.interrupt(run, "gone", owner=ME)
    assert store.interrupt(run, "gone", owner=OTHER)


def test_the_record_grows(store: Store) -> None:
    (run,) = add(store)
    store.record(run, {"device": "a", "versions": {"torch": "2"}})
    store.record(run, {"device": "b", "peak_memory": 3})
    assert store.get(run).record == {"device": "b", "versions": {"torch": "2"}, "peak_memory": 3}


def test_the_tail_holds_what_was_written_since(store: Store) -> None:
    a, b = add(store, 2)
    store.write_points(a, [("train/loss", k, 1.0 / k) for k in range(1, 4)])
    first = store.tail([a, b])
    assert {key: (s.tolist(), v.tolist()) for key, (s, v) in first.points.items()} == {
        (a, "train/loss"): ([1, 2, 3], [1.0, 1 / 2, 1 / 3])
    }
    assert (first.points[a, "train/loss"][0].dtype, first.points[a, "train/loss"][1].dtype) == (np.int64, np.float64)
    store.write_points(b, [("rate", 1, 0.1), ("train/loss", 1, 5.0)])
    store.write_points(a, [("train/loss", 2, -1.0), ("train/loss", 4, 0.25)])
    second = store.tail([a, b], first.last)
    assert {key: (s.tolist(), v.tolist()) for key, (s, v) in second.points.items()} == {
        (b, "rate"): ([1], [0.1]), (b, "train/loss"): ([1], [5.0]), (a, "train/loss"): ([2, 4], [-1.0, 0.25])
    }  # fmt: skip
    assert set(store.tail([a, b], first.last, ["rate"]).points) == {(b, "rate")}
    assert set(store.tail([a, b], 0, ["rate"]).points) == {(b, "rate")}
    assert set(store.tail([b], first.last).points) == {(b, "rate"), (b, "train/loss")}
    assert store.series(a)["train/loss"][1].tolist() == [1.0, -1.0, 1 / 3, 0.25], "rewritten, in order"
    assert store.tail([a, b], second.last).points == {}
    assert store.tail([]).points == {}


def test_points_that_are_not_numbers_come_back_as_they_were(store: Store) -> None:
    (run,) = add(store)
    given = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1]
    store.write_points(run, [("train/loss", k, value) for k, value in enumerate(given)])
    np.testing.assert_array_equal(store.series(run)["train/loss"][1], given)
    assert store.write_points(run, [])


def test_taking_back_points_counts_a_generation(store: Store) -> None:
    a, b = add(store, 2)
    for run in (a, b):
        store.write_points(run, [(name, k, 0.0) for k in range(5) for name in ("train/loss", "rate")])
    last = store.tail([a]).last
    store.truncate(a, 4)
    assert store.get(a).generation == 0, "nothing was taken back"
    store.truncate(a, 2)
    assert all(steps.tolist() == [0, 1, 2] for steps, _ in store.series(a).values())
    assert len(store.series(b)["rate"][0]) == 5
    assert store.tail([a, b], last).generations == {a: 1, b: 0}
    store.write_points(a, [("rate", 3, 1.0)])
    assert store.tail([a], last).points[a, "rate"][0].tolist() == [3], "numbers are never given twice"


def test_deleting_takes_points_log_and_checkpoint_but_no_running_run(store: Store) -> None:
    a, b = add(store, 2)
    store.write_points(a, [("rate", 1, 1.0)])
    store.log(a).write_text("log")
    store.checkpoint(a).parent.mkdir(parents=True)
    store.checkpoint(a).write_text("weights")
    store.start(b, ME, "cpu")
    with pytest.raises(ValueError, match=f"run '{b}' is running; stop it before deleting it"):
        store.delete([a, b])
    assert len(store.all()) == 2
    store.delete([a])
    assert [run.id for run in store.all()] == [b]
    assert not store.log(a).exists()
    assert not store.checkpoint(a).parent.exists()
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM points").scalar() == 0
    assert not store.write_points(a, [("rate", 2, 1.0)]), "a deleted run takes no points"


@pytest.mark.parametrize("form", ["absolute", "upwards", "one up", "nothing", "longer", "line"])
def test_only_an_id_becomes_a_path(store: Store, tmp_path: Path, form: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept")
    (tmp_path / "elsewhere.log").write_text("kept")
    (kept,) = add(store)
    store.checkpoint(kept).parent.mkdir(parents=True)
    store.checkpoint(kept).write_text("weights")
    forms = {"absolute": str(elsewhere), "upwards": "../elsewhere", "one up": "..", "nothing": ""}
    forms |= {"longer": f"{kept}/", "line": f"{kept}\n"}
    store.delete([forms[form]])
    for path in (store.log, store.checkpoint, store.drop_checkpoint):
        with pytest.raises(ValueError, match="is no id of a run; it must be 8 digits or letters from a to f"):
            path(forms[form])
    assert (elsewhere / "precious").exists()
    assert (tmp_path / "elsewhere.log").exists()
    assert store.checkpoint(kept).exists()
    assert [run.id for run in store.all()] == [kept]


def test_deleting_touches_only_the_files_of_runs_that_there_are(store: Store) -> None:
    store.log("0123abcd").write_text("of another store in this folder")
    store.delete(["0123abcd"])
    assert store.log("0123abcd").exists()


def test_a_row_with_a_name_for_an_id_is_deleted_without_files(store: Store, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (run,) = add(store)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET id = ? WHERE id = ?", (str(tmp_path / "elsewhere"), run))
    store.delete([str(tmp_path / "elsewhere")])
    assert store.all() == []
    assert (tmp_path / "elsewhere").exists()


def test_names(store: Store) -> None:
    (run,) = add(store)
    store.rename(run, "Näme 'quoted'; --")
    assert store.get(run).name == "Näme 'quoted'; --"
    with pytest.raises(ValueError, match="name: 201 characters"):
        store.rename(run, "x" * 201)


def test_a_process_is_known_by_when_it_began() -> None:
    me = Owner.here()
    assert alive(me) is True
    assert alive(replace(me, process="0")) is False
    assert alive(ME) is None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    owner = replace(me, pid=child.pid, process=process_mark(child.pid))
    assert alive(owner) is True
    child.kill()
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie until somebody asks for its end
    assert alive(owner) is False
    child.wait()
    assert alive(owner) is False


_MANY = """
import sys
from training.runs import Owner, Store
sys.stdin.readline()                      # all at once
store = Store(sys.argv[1])
mine = []
for k in range(20):
    class Settings:
        device = "cpu"
        def to_json(self): return "{}"
    (run,) = store.add([Settings()])
    store.write_points(run, [("rate", step, 0.5) for step in range(50)])
while (run := store.claim(Owner.here(), "cpu", ["cpu"])) is not None:
    mine.append(run)
print(*mine)
store.close()
"""


def test_six_processes_open_a_fresh_store_at_once_and_each_run_is_claimed_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "runs.db"
    command = [sys.executable, "-W", "error", "-c", _MANY, str(path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=SECONDS)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    claimed = [run for answer in answers for run in answer]
    store = Store(str(path))
    assert sorted(claimed) == sorted(run.id for run in store.all())
    assert len(claimed) == 120
    assert sum(len(steps) for steps, _ in store.tail(claimed).points.values()) == 6_000
    assert all(store.get(run).status == RUNNING for run in claimed)
    store.close()


def test_threads_share_a_store(store: Store) -> None:
    ids = add(store, 40)
    claimed: list[str] = []

    def work() -> None:
        while (run := store.claim(ME, "cpu", ["cpu"])) is not None:
            claimed.append(run)
            store.write_points(run, [("rate", 1, 1.0)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(ids)
    assert not store.all(QUEUED)


@pytest.mark.parametrize("module", ["runs", "runner", "worker", "export", "devices", "__main__"])
def test_nothing_here_imports_torch(module: str) -> None:
    code = f"import sys, training.{module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
