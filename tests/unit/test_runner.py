"""Worker and runner as real processes, around a loop that only counts; the real loop once, from the command line."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from tests.patience import SECONDS
from training import devices, runner, worker
from training.run import DIVERGED, FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, STOPPED, Owner, alive
from training.runner import Runner
from training.runs import Store
from training.settings import RunSettings

ROOT = Path(__file__).parents[2]
DEADLINE = SECONDS

# What the run does is told by its seed. A step takes 5 ms.
LOOP = """
import os, time
from types import SimpleNamespace

DEAF, ENDLESS, DIVERGING, TOO_BIG, WRONG, SURPRISE, DYING = range(1, 8)

class OutOfMemoryError(RuntimeError): pass

def train(settings, observer, checkpoint, resume):
    step = int(checkpoint.read_text()) if resume else 0
    if resume:
        observer.record({"resumed_at": step})
    observer.record({"cuda": os.environ.get("CUDA_VISIBLE_DEVICES"), "device": settings.device})
    steps = settings.epochs if settings.seed != ENDLESS else 10**6
    observer.progress(step, steps, "training")
    while step < steps:
        step += 1
        observer.points(step, {"train/loss": 1.0 / step, "rate": 0.1})
        if settings.seed == DIVERGING and step == 7:
            observer.points(step, {"train/loss": float("nan")})
            return SimpleNamespace(status="diverged", step=7, sentence="")
        if settings.seed == TOO_BIG:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")
        if settings.seed == WRONG:
            raise ValueError("batch_size = 7 is not what this task likes")
        if settings.seed == SURPRISE:
            raise KeyError("surprise")
        if settings.seed == DYING and step == 20:
            os._exit(3)
        if step % 50 == 0:
            observer.progress(step, steps, "saving")
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.write_text(str(step))
        observer.progress(step, steps, "training")
        if observer.should_stop() and settings.seed != DEAF:
            observer.progress(step, steps, "saving")
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.write_text(str(step))
            return SimpleNamespace(status="stopped", step=step, sentence="")
        time.sleep(0.005)
    return SimpleNamespace(status="finished", step=step, sentence="")
"""
WORKER = """
import sys
from loop import train
from training.runs import Store
from training.worker import serve
sys.exit(serve(Store(), sys.argv[1], "--more" in sys.argv, train, patience=2.0))
"""
RUNNER = """
import sys
from training.runner import Runner
from training.runs import Store
Runner(Store(), command=(sys.executable, sys.argv[1])).serve()
"""
DEAF, ENDLESS, DIVERGING, TOO_BIG, WRONG, SURPRISE, DYING = range(1, 8)


def settings(seed: int = 0, steps: int = 40, device: str = "cpu") -> RunSettings:
    return RunSettings("digits", "adam", seed=seed, epochs=steps, device=device)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("RAVINE_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(tmp_path))))
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "fake_worker.py").write_text(WORKER)
    (tmp_path / "fake_runner.py").write_text(RUNNER)
    store = Store()
    yield store
    for run in store.all():  # whatever a test leaves behind
        if run.pid != os.getpid() and alive(run.owner):
            os.kill(run.pid, signal.SIGKILL)
    store.close()


@pytest.fixture
def runner_here(store: Store, tmp_path: Path) -> Iterator[Runner]:
    """A runner whose ticks the test makes itself."""
    one = Runner(store, command=(sys.executable, str(tmp_path / "fake_worker.py")))
    one.devices = [{"device": "cpu", "name": "a processor", "slots": 2}]
    yield one
    for child in one.workers:
        child.process.kill()
        child.process.wait()


def until(condition: Callable[[], object], tick: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "this did not come about in time"
        tick()
        time.sleep(0.02)


def status_of(store: Store, run: str, *statuses: str) -> Callable[[], bool]:
    return lambda: store.get(run).status in statuses


def started(store: Store, run: str) -> Callable[[], bool]:
    """It runs, and its points arrive."""
    return lambda: store.get(run).status == RUNNING and "train/loss" in store.series(run)


def lock_is_free(store: Store) -> bool:
    if (lock := runner.acquire(store)) is not None:
        os.close(lock)
    return lock is not None


def steps_of(store: Store, run: str) -> list[int]:
    return store.series(run)["train/loss"][0].tolist()


# The worker


def execute(store: Store, run: str, **options) -> tuple[str, bool]:
    spec = importlib.util.spec_from_file_location("loop", store.path.with_name("loop.py"))
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(loop := importlib.util.module_from_spec(spec))
    return worker.execute(store, run, loop.train, errors=lambda _: None, **options)


def test_a_run_is_executed_to_its_end(store: Store) -> None:
    (run,) = store.add([settings()])
    told: list[tuple[int, int, str]] = []
    assert execute(store, run, tell=lambda *at: told.append(at)) == (FINISHED, True)
    row = store.get(run)
    assert (row.status, row.step, row.steps, row.stage, row.error) == (FINISHED, 40, 40, "", "")
    assert row.record["device"] == "cpu"
    assert row.started is not None
    assert row.ended is not None
    assert row.ended >= row.started
    assert steps_of(store, run) == list(range(1, 41))
    assert not store.checkpoint(run).parent.exists(), "a finished run needs no checkpoint"
    assert told[-1] == (40, 40, "")
    with pytest.raises(ValueError, match=f"run '{run}' is finished; only a queued run can be executed"):
        execute(store, run)


@pytest.mark.parametrize(
    ("seed", "status", "sentence", "fit"),
    [
        (DIVERGING, DIVERGED, "diverged at step 7", True),
        (TOO_BIG, FAILED, "out of GPU memory: choose a smaller batch size", False),
        (WRONG, FAILED, "batch_size = 7 is not what this task likes", True),
        (SURPRISE, FAILED, "KeyError: 'surprise' (the log says where: ", False),
    ],
)
def test_how_a_run_can_fail(store: Store, seed: int, status: str, sentence: str, fit: bool) -> None:
    (run,) = store.add([settings(seed)])
    assert execute(store, run) == (status, fit)
    assert store.get(run).status == status
    assert store.get(run).error.startswith(sentence)
    assert "Traceback" not in store.get(run).error


class Unknown:
    """Settings of a later version."""

    device = "cpu"

    def to_json(self) -> str:
        return '{"task": "nothing", "optimizer": "adam"}'


def test_settings_that_are_wrong_fail_with_their_sentence(store: Store) -> None:
    (run,) = store.add([Unknown()])
    assert execute(store, run) == (FAILED, True)
    assert store.get(run).error.startswith("task = 'nothing'")


def test_a_gpu_is_always_the_first_that_the_process_sees(store: Store) -> None:
    (run,) = store.add([settings(device="cuda:3")])
    execute(store, run)
    assert store.get(run).record["device"] == "cuda:0"
    assert store.get(run).slot == "cuda:3"


def test_a_resumed_run_has_the_settings_of_the_first_time(store: Store) -> None:
    (run,) = store.add([settings(device="cuda:3")])
    seen: list[RunSettings] = []

    def train(settings: RunSettings, *_: object) -> SimpleNamespace:
        seen.append(settings)
        return SimpleNamespace(status=STOPPED, step=1, sentence="")

    worker.execute(store, run, train)
    assert store.resume(run, Owner.here()), "from the command line"
    worker.execute(store, run, train)
    assert store.resume(run), "through the queue"
    worker.execute(store, run, train, slot="cuda:3")
    assert seen == [settings(device="cuda:0")] * 3


def test_stop_and_resume_leave_every_step_once(store: Store) -> None:
    (run,) = store.add([settings(ENDLESS)])
    stop = threading.Event()
    thread = threading.Thread(target=execute, args=(store, run), kwargs={"stop": stop})
    thread.start()
    until(started(store, run))
    assert store.request_stop(run)
    thread.join(DEADLINE)
    row = store.get(run)
    assert (row.status, row.want, row.error) == (STOPPED, "", "")
    assert steps_of(store, run) == list(range(1, row.step + 1))
    assert store.resume(run)
    thread = threading.Thread(target=execute, args=(store, run), kwargs={"stop": stop})
    thread.start()
    until(lambda: store.get(run).step > row.step)
    stop.set()
    thread.join(DEADLINE)
    again = store.get(run)
    assert again.status == STOPPED
    assert again.generation == 0
    assert again.record["resumed_at"] == row.step
    assert steps_of(store, run) == list(range(1, again.step + 1))


def test_points_beyond_the_checkpoint_are_taken_back(store: Store) -> None:
    (run,) = store.add([settings(steps=60)])
    store.write_points(run, [("train/loss", k, 9.0) for k in range(1, 90)])
    store.checkpoint(run).parent.mkdir(parents=True)
    store.checkpoint(run).write_text("50")
    assert execute(store, run) == (FINISHED, True)
    assert store.get(run).generation == 1
    values = store.series(run)["train/loss"][1].tolist()
    assert values == [9.0] * 50 + [1.0 / k for k in range(51, 61)]


def test_a_run_without_checkpoint_begins_anew(store: Store) -> None:
    (run,) = store.add([settings(steps=5)])
    store.write_points(run, [("train/loss", k, 9.0) for k in range(1, 30)])
    execute(store, run)
    assert steps_of(store, run) == [1, 2, 3, 4, 5]
    assert store.get(run).generation == 1


def test_who_lost_the_run_ends_quietly(store: Store) -> None:
    (run,) = store.add([settings(ENDLESS)])
    ended: list[tuple[str, bool]] = []
    thread = threading.Thread(target=lambda: ended.append(execute(store, run)))
    thread.start()
    until(started(store, run))
    store.interrupt(run, "given up")
    store.resume(run, Owner("elsewhere", 1))
    thread.join(DEADLINE)
    assert ended == [("lost", True)]
    assert store.get(run).owner == Owner("elsewhere", 1)


def test_points_wait_while_the_store_does_not_take_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = store.add([settings()])
    owner = Owner.here()
    store.start(run, owner, "cpu")
    reporter = worker.Reporter(store, run, owner, threading.Event())
    reporter.points(1, {"train/loss": 1.0})

    def full(*_: object) -> bool:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(store, "write_points", full)
        with pytest.raises(OSError, match="no space"):
            reporter.flush()
    reporter.points(2, {"train/loss": 0.5})
    reporter.flush()
    assert steps_of(store, run) == [1, 2]


def broken(action: Callable[..., object], times: float) -> Callable[..., object]:
    """The action, which the store refuses so many times."""
    left = times

    def flaky(*words: object, **options: object) -> object:
        nonlocal left
        if not (action.__name__ == "write_points" and not words[1]):
            left -= 1
            if left >= 0:
                raise OperationalError("INSERT", {}, Exception("database is locked"))
        return action(*words, **options)

    return flaky


@pytest.mark.parametrize("refused", ["write_points", "beat", "record", "truncate", "transition"])
def test_a_moment_s_trouble_with_the_store_costs_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    monkeypatch.setattr(worker, "BEAT", 0.05)
    (run,) = store.add([settings()])
    monkeypatch.setattr(store, refused, broken(getattr(store, refused), 2))
    assert execute(store, run) == (FINISHED, True)
    assert (store.get(run).status, store.get(run).error) == (FINISHED, "")
    assert steps_of(store, run) == list(range(1, 41))


def test_a_change_of_stage_does_not_fail_where_the_store_does_not_take_the_points(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = store.add([settings()])
    store.start(run, Owner.here(), "cpu")
    reporter = worker.Reporter(store, run, Owner.here(), threading.Event())
    monkeypatch.setattr(store, "write_points", broken(store.write_points, 1))
    reporter.points(1, {"train/loss": 1.0})
    reporter.progress(1, 2, "saving")
    assert store.series(run) == {}
    reporter.progress(1, 2, "training")
    assert steps_of(store, run) == [1]


@pytest.mark.parametrize("refused", ["write_points", "transition"])
def test_a_store_that_stays_away_is_said_in_the_log(
    store: Store, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    monkeypatch.setattr(worker, "INSIST", 0.2)
    monkeypatch.setattr(worker, "BEAT", 0.05)
    (run,) = store.add([settings(steps=1)])
    monkeypatch.setattr(store, refused, broken(getattr(store, refused), float("inf")))
    log: list[str] = []

    def train(_: RunSettings, observer: worker.Reporter, *__: object) -> SimpleNamespace:
        observer.points(1, {"train/loss": 1.0})
        return SimpleNamespace(status=FINISHED, step=1, sentence="")

    assert worker.execute(store, run, train, errors=log.append) == ("lost", False)
    (line,) = log
    assert line == (
        f"run {run}: the store did not take how the run ended (database is locked); it will count as interrupted\n"
    )
    assert store.lost(age=-1.0) == [run]


def test_sigterm_stops_with_a_checkpoint(store: Store, tmp_path: Path) -> None:
    (run,) = store.add([settings(ENDLESS)])
    child = subprocess.Popen([sys.executable, tmp_path / "fake_worker.py", run, "--more"])
    until(started(store, run))
    child.terminate()
    assert child.wait(DEADLINE) == 0
    row = store.get(run)
    assert row.status == STOPPED
    assert store.checkpoint(run).read_text() == str(row.step)
    assert steps_of(store, run) == list(range(1, row.step + 1))
    assert "stopped" in store.log(run).read_text()


def test_a_warm_process_takes_its_grid_first_and_leaves_what_it_may_have_harmed(store: Store, tmp_path: Path) -> None:
    (first,) = store.add([settings(steps=5)], grid="g")
    (other,) = store.add([settings(TOO_BIG)], grid="h")
    (second,) = store.add([settings(WRONG)], grid="g")
    (last,) = store.add([settings()], grid="h")
    done = subprocess.run([sys.executable, tmp_path / "fake_worker.py", first, "--more"], timeout=DEADLINE, check=True)
    assert done.returncode == 0
    rows = {run: store.get(run) for run in (first, second, other, last)}
    assert [row.status for row in rows.values()] == [FINISHED, FAILED, FAILED, QUEUED]
    assert rows[first].pid == rows[second].pid == rows[other].pid
    assert (rows[second].started or 0) < (rows[other].started or 0)
    assert "Traceback" in store.log(other).read_text()
    assert "Traceback" not in store.log(first).read_text()


# The runner


def test_two_runs_at_once_then_the_others_in_the_same_processes(store: Store, runner_here: Runner) -> None:
    ids = store.add([settings(steps=60) for _ in range(5)])
    most = 0

    def tick() -> None:
        nonlocal most
        runner_here.tick()
        most = max(most, len(store.all(RUNNING)))

    until(lambda: all(run.status == FINISHED for run in store.all()), tick)
    assert most == 2
    assert len({store.get(run).pid for run in ids}) == 2
    begun = [store.get(run).started or 0 for run in ids]
    assert max(begun[:2]) < min(begun[2:])
    assert all(store.get(run).record["cuda"] == "" for run in ids), "on the CPU no GPU is visible"


def test_a_queued_run_can_be_taken_out(store: Store, runner_here: Runner) -> None:
    runner_here.devices = [{"device": "cpu", "slots": 1}]
    first, second, third = store.add([settings(ENDLESS), settings(), settings()])
    until(started(store, first), runner_here.tick)
    assert store.request_stop(second)
    assert store.get(second).status == STOPPED
    store.request_stop(first)
    until(status_of(store, third, FINISHED), runner_here.tick)
    assert store.get(second).started is None
    assert store.get(first).status == STOPPED


def test_a_killed_run_is_interrupted_and_goes_on_where_its_checkpoint_was(store: Store, runner_here: Runner) -> None:
    (run,) = store.add([settings(ENDLESS)])
    until(lambda: store.checkpoint(run).is_file() and started(store, run)(), runner_here.tick)
    os.kill(store.get(run).pid, signal.SIGKILL)
    until(status_of(store, run, INTERRUPTED), runner_here.tick)
    assert store.get(run).error == "its process was ended by signal 9; resumed, it goes on from its last checkpoint"
    reached = int(store.checkpoint(run).read_text())
    assert steps_of(store, run)[:reached] == list(range(1, reached + 1)), "no point before a checkpoint is missing"
    assert store.resume(run)
    until(lambda: store.get(run).status == RUNNING and store.get(run).step > reached + 60, runner_here.tick)
    store.request_stop(run)
    until(status_of(store, run, STOPPED), runner_here.tick)
    assert store.get(run).record["resumed_at"] == reached
    assert steps_of(store, run) == list(range(1, store.get(run).step + 1))


def test_a_process_that_dies_by_itself(store: Store, runner_here: Runner, tmp_path: Path) -> None:
    dying, good = store.add([settings(DYING), settings()])
    until(lambda: not store.all(QUEUED, RUNNING), runner_here.tick)
    assert store.get(dying).status == INTERRUPTED
    assert store.get(dying).error == "its process ended with exit code 3; resumed, it goes on from the beginning"
    assert store.get(good).status == FINISHED
    (tmp_path / "fake_worker.py").write_text("raise SystemExit('no such thing')")
    until(lambda: not runner_here.workers, runner_here.tick)
    (never,) = store.add([settings()])
    until(status_of(store, never, FAILED), runner_here.tick)
    assert store.get(never).error.startswith("its process ended with exit code 1 before it began")
    assert "no such thing" in store.log(never).read_text()


def test_out_of_memory_lets_the_next_run_start_in_a_fresh_process(store: Store, runner_here: Runner) -> None:
    runner_here.devices = [{"device": "cpu", "slots": 1}]
    big, small = store.add([settings(TOO_BIG), settings()])
    until(status_of(store, small, FINISHED), runner_here.tick)
    assert store.get(big).error.startswith("out of GPU memory")
    assert store.get(big).pid != store.get(small).pid


def test_stop_asks_then_terminates_then_kills(
    store: Store, runner_here: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "ASK", 0.2)
    monkeypatch.setattr(runner, "TERMINATE", 0.2)
    sent: list[signal.Signals] = []
    send = runner_here.signal
    monkeypatch.setattr(runner_here, "signal", lambda run, number: (sent.append(number), send(run, number)))
    (run,) = store.add([settings(DEAF, steps=10_000)])
    until(started(store, run), runner_here.tick)
    store.request_stop(run)
    until(status_of(store, run, INTERRUPTED), runner_here.tick)
    assert sent == [signal.SIGTERM, signal.SIGKILL]
    assert store.get(run).error.startswith("it did not stop when asked and was ended")
    until(lambda: not runner_here.workers, runner_here.tick)
    assert store.get(run).resumable


def test_only_the_process_itself_is_signalled(store: Store, runner_here: Runner) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (run,) = store.add([settings()], owner=Owner(Owner.here().host, child.pid, "an earlier one"))
    runner_here.signal(store.get(run), signal.SIGKILL)
    runner_here.tick()
    assert child.poll() is None
    assert store.get(run).status == INTERRUPTED
    assert store.get(run).error.startswith("its process has ended without a word")
    child.communicate(b"\n", timeout=DEADLINE)


def test_silence_on_another_machine_is_believed_after_a_while(
    store: Store, runner_here: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = store.add([settings()], owner=Owner("elsewhere", 1))
    runner_here.give_up()
    assert store.get(run).status == RUNNING
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 9)
    runner_here.tick()
    assert store.get(run).status == RUNNING, "the runner itself has just slept for nine seconds"
    monkeypatch.setattr(time, "monotonic", lambda: now + 9 + 9)
    runner_here.give_up()
    assert store.get(run).status == INTERRUPTED


def test_a_device_that_is_not_there(store: Store, runner_here: Runner) -> None:
    (run,) = store.add([settings(device="cuda:7")])
    runner_here.devices = None
    runner_here.tick()
    assert store.get(run).status == QUEUED, "nobody has looked yet"
    runner_here.devices = [{"device": "cpu", "slots": 1}]
    runner_here.tick()
    assert store.get(run).status == FAILED
    assert store.get(run).error.startswith("device = cuda:7 is not there; this machine has: cpu")


def unanswered() -> list[dict]:
    raise devices.DeviceError("nvidia-smi does not answer (timed out)")


def test_a_driver_that_does_not_answer_leaves_the_cpu(
    store: Store, runner_here: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "devices", unanswered)
    runner_here.devices = None
    runner_here.look()
    on_gpu, run = store.add([settings(device="cuda:0"), settings()])
    until(status_of(store, run, FINISHED), runner_here.tick)
    assert (report := runner.status(store)) is not None
    assert [one["device"] for one in report.devices] == ["cpu"]
    assert report.devices[0]["slots"] == 3
    assert report.notes == ["nvidia-smi does not answer (timed out)"]
    assert store.get(on_gpu).status == QUEUED, "its GPU may be there all the same"
    monkeypatch.setattr(runner, "HUNG", 0.0)
    runner_here.tick()
    assert store.get(on_gpu).status == FAILED
    assert store.get(on_gpu).error.startswith("device = cuda:0 is not there; this machine has: cpu")
    assert store.get(on_gpu).error.endswith("; nvidia-smi does not answer (timed out)")


def test_gpus_that_were_known_stay_and_the_sentence_goes_with_the_next_answer(
    runner_here: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> list[dict]:
        return [devices.cpu(), {"device": "cuda:0", "selector": "GPU-aaaa"}]

    for asked in (answer, unanswered, answer):
        monkeypatch.setattr(runner, "devices", asked)
        runner_here.look()
        assert [one["device"] for one in runner_here.devices or []] == ["cpu", "cuda:0"]
        assert bool(runner_here.notes) == (asked is unanswered)


def test_there_is_no_report_before_the_devices_are_known(store: Store, runner_here: Runner) -> None:
    runner_here.devices = None
    runner_here.report()
    assert runner.status(store) is None


def test_each_gpu_is_a_slot_of_its_own(store: Store, runner_here: Runner) -> None:
    gpus = {"cuda:0": "GPU-aaaa", "cuda:1": "GPU-bbbb"}
    runner_here.devices = [{"device": name, "slots": 1, "selector": gpu} for name, gpu in gpus.items()]
    ids = store.add([settings(ENDLESS, device=f"cuda:{k % 2}") for k in range(4)])
    until(lambda: len(store.all(RUNNING)) == 2 and all(started(store, run)() for run in ids[:2]), runner_here.tick)
    assert [store.get(run).record["cuda"] for run in ids[:2]] == [*gpus.values()]
    assert [store.get(run).record["device"] for run in ids[:2]] == ["cuda:0", "cuda:0"]
    assert [run.id for run in store.queue()] == ids[2:]


def test_a_killed_runner_leaves_the_runs_and_the_next_one_finds_them(store: Store, tmp_path: Path) -> None:
    command = [sys.executable, tmp_path / "fake_runner.py", tmp_path / "fake_worker.py"]
    run, orphan = store.add([settings(ENDLESS), settings(ENDLESS)])
    first = subprocess.Popen(command)
    until(lambda: started(store, run)() and started(store, orphan)())
    assert (report := runner.status(store)) is not None
    assert report.pid == first.pid
    assert report.devices[0]["device"] == "cpu"
    assert report.devices[0]["slots"] == 3
    second = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert second.returncode == 1
    assert "a runner is at work already" in second.stderr
    first.kill()
    first.wait()
    far = store.get(run).step
    until(lambda: store.get(run).step > far + 20)
    second = subprocess.Popen(command)
    until(lambda: (report := runner.status(store)) is not None and report.pid == second.pid)
    os.kill(store.get(orphan).pid, signal.SIGKILL)
    until(status_of(store, orphan, INTERRUPTED))
    store.request_stop(run)
    until(status_of(store, run, STOPPED))
    second.terminate()
    assert second.wait(DEADLINE) == 0
    assert runner.status(store) is None


def test_of_many_who_ask_for_a_runner_one_is_started_and_it_ends_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runner.status(store) is None
    elsewhere = Owner("elsewhere", 1)
    (busy,) = store.add([settings()], owner=elsewhere)  # keeps the runner until all have asked
    script = "from training import runner, runs; s = runs.Store(); runner.ensure(s, idle=1.0); s.close()"
    askers = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) for _ in range(4)]
    until(
        lambda: all(asker.poll() is not None for asker in askers) and runner.status(store) is not None,
        lambda: store.beat(busy, elsewhere, 1, 2, "training"),
    )
    assert [asker.wait() for asker in askers] == [0] * 4
    runner.ensure(store)
    assert runner._children == [], "there was one already"
    store.transition(busy, RUNNING, FINISHED)
    until(lambda: lock_is_free(store))
    assert not store.beside("runner.json").exists()
    assert store.beside("runner.log").read_text() == "", "nobody stood at a closed door"
