"""The runner: one process for each store that owns the slots of the devices.

Four times a second it looks into the store: it starts workers for queued runs while slots are free, marks runs whose
process has died as interrupted, and ends runs that were asked to stop and do not. It executes nothing itself; when it
ends, the runs go on, and the next runner finds them.

Of a process it believes first whether it is there, then how long it has been silent by the runner's own watch: a
heartbeat is a mark that changes, not a time, so that no clock that is set ends a run. A store that takes no writes
takes no heartbeats: the watch then begins again.

`status` and `ensure` are for the app.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import checkpoints
from training.devices import DeviceError, absent, cpu, devices
from training.run import FAILED, QUEUED, RUNNING, STALE, Run, alive, here
from training.runs import Store
from training.trouble import Saying, StoreError, reason

ROOT = Path(__file__).resolve().parent.parent
TICK = 0.25
WRITE = 1.0  # seconds between two reports
FRESH = 5.0  # seconds for which a report is believed
LOOK = 5.0  # seconds between two looks at the devices
HUNG = 60.0  # seconds without a heartbeat after which a living process is given up, or without a run, sent away
ASK, TERMINATE = 15.0, 10.0  # seconds after a request to stop until SIGTERM, and from there until SIGKILL
IDLE = 300.0  # seconds without work until a runner ends that the app has started


class RunnerError(ValueError):
    """Another runner has the store."""


@dataclass(frozen=True)
class RunnerStatus:
    """What a living runner reports.

    devices: as `training.devices.devices`, each with its number of slots. notes: sentences about what does not work.
    """

    pid: int
    host: str
    heartbeat: float
    devices: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)


def status(store: Store) -> RunnerStatus | None:
    """The report of the store's runner, None if none is alive."""
    try:
        report = RunnerStatus(**json.loads(store.beside("runner.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return report if abs(time.time() - report.heartbeat) < FRESH else None


def ensure(store: Store, idle: float = IDLE) -> None:
    """Start a runner if none is alive, as a process of its own; it ends after so many seconds without work.

    Of any number of callers one starts it: the lock is taken here and handed over to it. StoreError if none can be.
    """
    _children[:] = [child for child in _children if child.poll() is None]  # else they stay zombies of this process
    try:
        lock = acquire(store)
        if lock is None:
            return
        try:
            command = [*COMMAND, "runner", "--idle", str(idle), "--lock", str(lock)]
            _children.append(_started(command, environment(store), store.beside("runner.log"), (lock,)))
        finally:
            os.close(lock)
    except OSError as error:
        raise StoreError(f"no runner can be started beside {store.path}: {reason(error)}") from error


def _started(
    command: Sequence[str], environment: dict[str, str], log: Path, pass_fds: Sequence[int] = ()
) -> subprocess.Popen:
    """A process with a session of its own that prints to the end of a log, where there can be one."""
    try:
        out = log.open("ab")
    except OSError:
        out = Path(os.devnull).open("ab")  # noqa: SIM115
    with out:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            pass_fds=pass_fds,
        )  # fmt: skip


_children: list[subprocess.Popen] = []
COMMAND = (sys.executable, "-P", "-m", "training")  # -P: of the folders, only those in `environment`


def environment(store: Store, **more: str) -> dict[str, str]:
    """The environment of a process of ours."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "RAVINE_STORE": str(store.path), "PYTHONUNBUFFERED": "1", **more}


def acquire(store: Store) -> int | None:
    """The runner's lock, as an open file descriptor; None if another process has it. OSError if there can be none."""
    lock = os.open(store.beside("runner.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


@dataclass
class Worker:
    """A process that the runner has started."""

    process: subprocess.Popen
    device: str
    run: str  # with which it was started
    idle_since: float = field(default_factory=time.monotonic)


class Runner:
    """See the module. command: what starts a worker, a run's id and --more behind it. idle: seconds, None to stay."""

    def __init__(self, store: Store, *, idle: float | None = None, command: Sequence[str] = (*COMMAND, "run")) -> None:
        self.store, self.idle, self.command = store, idle, tuple(command)
        self.workers: list[Worker] = []
        self.devices: list[dict[str, Any]] | None = None  # not known yet
        self.notes: list[str] = []
        self.silence: tuple[float, str] | None = None  # since when the driver has not answered, and what it says
        self.stop = threading.Event()
        self._heard: dict[tuple[str, int], tuple[float | None, float]] = {}  # (run, pid) -> heartbeat, since when it is
        self._asked: dict[tuple[str, int], float] = {}  # (run, pid) -> since when it is asked to stop
        self._terminated: dict[tuple[str, int], float] = {}  # (run, pid) -> when SIGTERM was sent
        self._written = self._tried = -WRITE
        self._ticked = time.monotonic()
        self._saying = Saying("the runner")

    def serve(self, lock: int | None = None) -> None:
        """Work until SIGTERM, or until there has been nothing to do for `idle` seconds.

        lock: the lock's descriptor, if the caller has it already. RunnerError if another runner has it.
        """
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())
        signal.signal(signal.SIGINT, lambda *_: self.stop.set())
        if lock is None and (lock := acquire(self.store)) is None:
            raise RunnerError(f"a runner is at work already for {self.store.path}")
        os.set_inheritable(lock, False)  # or a worker would keep it
        self.look()
        threading.Thread(target=self._look_again, name="devices", daemon=True).start()
        busy = time.monotonic()
        while not self.stop.wait(TICK):
            try:
                if not _is_at(lock, self.store.beside("runner.lock")):  # another may have begun meanwhile
                    os.close(lock)
                    lock = -1
                    if (lock := self._acquired()) < 0:
                        return
                if self.tick():
                    busy = time.monotonic()
                self._saying.over()
                if self.idle is None or time.monotonic() - busy <= self.idle:
                    continue
                # A run that was added meanwhile saw the lock taken: look once more without it.
                self._withdraw()
                os.close(lock)
                lock = -1
                if not self.store.queue() or (lock := self._acquired()) < 0:
                    return
                busy = time.monotonic()
            except Exception as error:  # a lock held too long, a full disk, whatever: try again
                self._saying.trouble(reason(error))
                if lock < 0:
                    return
                busy = time.monotonic()
        self._withdraw()

    def _acquired(self) -> int:
        """The lock, which no worker may keep; -1 if another runner has it."""
        lock = acquire(self.store)
        if lock is None:
            return -1
        os.set_inheritable(lock, False)
        return lock

    def _withdraw(self) -> None:
        with suppress(OSError):
            self.store.beside("runner.json").unlink(missing_ok=True)

    def tick(self) -> bool:
        """One look at everything; whether there is anything to do."""
        now = time.monotonic()
        if now - self._ticked > STALE / 2:  # this process slept, and perhaps the others too
            self._heard.clear()
        self._ticked = now
        try:
            self.reap()
            self.give_up()
            self.escalate()
            self.start()
        except StoreError:  # who waits for the store is neither silent nor deaf
            self._heard.clear()
            self._terminated = dict.fromkeys(self._terminated, time.monotonic())
            raise
        if time.monotonic() - self._written >= WRITE:
            self.report()
        return bool(self.workers or self.store.all(QUEUED, RUNNING))

    # Devices

    def look(self) -> None:
        """Ask for the devices. Where the driver does not answer, the GPUs known so far stay, and always the CPU."""
        notes: list[str] = []
        slots = {
            "cpu": _slots("RAVINE_CPU_RUNS", 3, notes),
            "cuda": _slots("RAVINE_RUNS_PER_GPU", 1, notes),
        }
        try:
            found = devices()
            self.silence = None
        except DeviceError as error:
            found = [cpu(), *(one for one in self.devices or [] if one["device"] != "cpu")]
            self.silence = (self.silence[0] if self.silence else time.monotonic(), str(error))
            notes.append(str(error))
        self.devices = [one | {"slots": slots[one["device"].partition(":")[0]]} for one in found]
        self.notes = notes

    def _look_again(self) -> None:
        saying = Saying("the devices")
        while not self.stop.wait(LOOK):  # nvidia-smi can take seconds: not between two ticks
            try:
                self.look()
                saying.over()
            except Exception as error:
                saying.trouble(reason(error))

    def report(self) -> None:
        """Replace the report for the app, once the devices are known."""
        if self.devices is None:
            return
        path = self.store.beside("runner.json")
        part = path.with_suffix(".part")
        report = RunnerStatus(os.getpid(), here(), time.time(), self.devices, self.notes)
        self._written = time.monotonic()
        with suppress(OSError):  # the app then says that it has heard nothing
            part.write_text(json.dumps(vars(report)))
            part.replace(path)

    # Runs

    def reap(self) -> None:
        """Workers that have ended: what they were executing is interrupted, what they never began has failed."""
        running = self.store.all(RUNNING)
        for worker in list(self.workers):
            code = worker.process.poll()
            if code is None:
                continue
            self.workers.remove(worker)
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            for run in running:
                if run.host == here() and run.pid == worker.process.pid:
                    self.interrupt(run, f"its process {how}")
            for run in self.store.queue() if code else []:
                if run.id == worker.run and run.pid != worker.process.pid:
                    sentence = f"its process {how} before it began (the log says why: {self.store.log(run.id)})"
                    self.store.transition(run.id, QUEUED, FAILED, ended=time.time(), error=sentence)

    def give_up(self) -> None:
        """Runs whose process is dead or silent."""
        ours = {worker.process.pid for worker in self.workers}  # if one is dead, the next `reap` says how it ended
        running = self.store.all(RUNNING)
        silent = {run.id: self._silent(run) for run in running}
        self._heard = {key: seen for key, seen in self._heard.items() if key in {(run.id, run.pid) for run in running}}
        if max(silent.values(), default=0.0) > STALE / 2 and time.monotonic() - self._tried >= WRITE:
            self._tried = time.monotonic()
            self.store.takes()
        for run in running:
            lives = alive(run.owner)
            if lives is False and run.pid not in ours:
                self.interrupt(run, "its process has ended without a word")
            elif lives and silent[run.id] > HUNG:
                self.signal(run, signal.SIGKILL)
                self.interrupt(run, f"its process was ended: it had not answered for {HUNG:.0f} seconds")
            elif lives is None and silent[run.id] > STALE:
                self.interrupt(run, "its process no longer answers")

    def _silent(self, run: Run) -> float:
        """Seconds for which a run's heartbeat has been the same while this runner watched."""
        key, now = (run.id, run.pid), time.monotonic()
        beat, since = self._heard.get(key, (None, now))
        if beat != run.heartbeat:
            since = now
        self._heard[key] = run.heartbeat, since
        return now - since

    def escalate(self) -> None:
        """Runs that were asked to stop: SIGTERM, then SIGKILL."""
        now = time.monotonic()
        asked = {(run.id, run.pid): run for run in self.store.all(RUNNING) if run.want == "stop"}
        self._asked = {key: self._asked.get(key, now) for key in asked}
        self._terminated = {key: since for key, since in self._terminated.items() if key in asked}
        for key, run in asked.items():
            if key not in self._terminated:
                if now - self._asked[key] > ASK:
                    self._terminated[key] = now
                    self.signal(run, signal.SIGTERM)
            elif now - self._terminated[key] > TERMINATE:
                self.store.takes()
                self.signal(run, signal.SIGKILL)
                self.interrupt(run, "it did not stop when asked and was ended")

    def interrupt(self, run: Run, sentence: str) -> None:
        """Mark as interrupted what this process executed."""
        kept = "from its last checkpoint" if checkpoints.kept(self.store.checkpoint(run.id)) else "from the beginning"
        self.store.interrupt(run.id, f"{sentence}; resumed, it goes on {kept}", owner=run.owner)

    def signal(self, run: Run, number: signal.Signals) -> None:
        """Send a signal to the process that executes a run, if it still is that process."""
        now = self.store.all(RUNNING)
        if alive(run.owner) and any(one.id == run.id and one.owner == run.owner for one in now):
            with suppress(ProcessLookupError):
                os.kill(run.pid, number)

    # Slots

    def start(self) -> None:
        """Start workers for queued runs where slots are free and no warm process waits for work."""
        if self.devices is None:
            return
        queue, running = self.store.queue(), self.store.all(RUNNING)
        busy = {run.pid for run in running if run.host == here()}
        ours = {worker.process.pid for worker in self.workers}
        queued = {run.id for run in queue}
        begun = {worker.run for worker in self.workers if worker.run in queued and worker.process.pid not in busy}
        now = time.monotonic()
        for worker in self.workers:
            if worker.process.pid in busy:
                worker.idle_since = now
            elif now - worker.idle_since > HUNG:
                worker.process.kill()
        for device in self.devices:
            name = device["device"]
            here_now = [worker for worker in self.workers if worker.device == name]
            idle = [w for w in here_now if w.process.pid not in busy and w.run not in begun]
            others = [run for run in running if run.slot == name and run.host == here() and run.pid not in ours]
            waiting = [run for run in queue if run.device == name and run.id not in begun]
            free = device["slots"] - len(here_now) - len(others)
            for run in waiting[: max(0, min(free, len(waiting) - len(idle)))]:
                self.launch(run, device)
        known = {device["device"] for device in self.devices}
        silence = self.silence
        if silence is not None and now - silence[0] < HUNG:  # the others may be there all the same
            return
        for run in queue:
            if run.device not in known:
                sentence = absent(run.device, self.devices) + (f"; {silence[1]}" if silence else "")
                self.store.transition(run.id, QUEUED, FAILED, ended=time.time(), error=sentence)

    def launch(self, run: Run, device: dict[str, Any]) -> None:
        """Start a worker; of the GPUs it sees its own alone."""
        visible = {"CUDA_VISIBLE_DEVICES": device.get("selector", "")}
        command = [*self.command, run.id, "--more"]
        process = _started(command, environment(self.store, **visible), self.store.log(run.id))
        self.workers.append(Worker(process, device["device"], run.id))


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still has this name: its folder may have been deleted, and made again."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _slots(variable: str, default: int, notes: list[str]) -> int:
    text = os.environ.get(variable, "")
    if text and not (text.isdigit() and 1 <= int(text) <= 64):
        notes.append(f"{variable} = {text!r} is not allowed; it must be a whole number from 1 to 64")
        text = ""
    return int(text or default)
