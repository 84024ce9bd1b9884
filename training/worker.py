"""A process that executes runs: it stands between the store and the training loop.

While a run goes on, a thread of its own writes points every quarter of a second and every half second the heartbeat,
which brings back what is wanted of the run. The training thread only fills a buffer.

A store that does not answer (full, locked, gone) is waited for, and the log says so; what was to be written is kept.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from optim_core.command import tell
from training import checkpoints
from training.run import DIVERGED, FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED, Owner
from training.runs import Store
from training.settings import RunSettings
from training.trouble import TROUBLE, Saying, StoreError, reason, said, words

FLUSH = 0.25  # seconds between two writes of points
BEAT = 0.5  # seconds between two heartbeats
LOOK = 0.1  # seconds between two looks into the queue
PATIENCE = 20.0  # seconds that a warm process waits for another run
INSIST = 3600.0  # seconds for which what must be written is tried again
CLEAN_ERRORS = ("ValueError", "DataError")  # what a user can mend: a sentence, and the process is as good as before

T = TypeVar("T")
Train = Callable[[RunSettings, Any, Path, bool], Any]


class Reporter:
    """The observer of one run: the loop speaks to it, it speaks to the store. A context manager.

    stop: set from outside (a signal) to make the run stop. tell(step, steps, stage): also told of progress, at most
    twice a second.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        owner: Owner,
        stop: threading.Event,
        tell: Callable[[int, int, str], None] | None = None,
    ) -> None:
        self.store, self.run, self.owner, self.stop, self.tell = store, run, owner, stop, tell
        self.at: tuple[int, int, str] = (0, 0, "starting")
        self.wanted = False  # by whoever asked through the store
        self.ours = True
        self._buffer: list[tuple[str, int, float]] = []
        self._facts: dict[str, Any] = {}
        self._buffer_lock, self._write_lock = threading.Lock(), threading.Lock()
        self._saying = Saying(f"run {run}, the store")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"reporter of {run}", daemon=True)

    def __enter__(self) -> "Reporter":
        self._thread.start()
        return self

    def __exit__(self, _: object, error: object, __: object) -> None:
        self._over.set()
        self._thread.join()
        if not isinstance(error, TROUBLE):  # else it was insisted in vain already
            insist(self.flush)
            insist(self._beat)
            self._show(*self.at)

    def points(self, step: int, values: Mapping[str, float]) -> None:
        """One step's values of several series; written with the next flush."""
        with self._buffer_lock:
            self._buffer.extend([(series, step, value) for series, value in values.items()])

    def progress(self, step: int, steps: int, stage: str) -> bool:
        """How far the run is. A change of stage writes all points before it returns.

        Where the store does not take them they are kept, and written later: the run goes on. Returns whether it took
        them and the run is still this process's; before "saving", a checkpoint may be written only then, since it
        counts on them and another process may go on from it.
        """
        saving = stage == "saving"
        changed = saving or stage != self.at[2]
        self.at = (step, steps, stage)
        if not changed:
            return True
        try:
            if saving and self.should_stop():  # there will be no other checkpoint
                insist(self.flush)
                insist(self._beat)
            else:
                self.flush()
                if saving:
                    self._beat()
        except TROUBLE as error:
            self._saying.trouble(reason(error))
            return False
        return self.ours

    def record(self, facts: Mapping[str, Any]) -> None:
        """Merge facts into the run's record, with the next flush; `resumed_at` takes back the points after it."""
        if "resumed_at" in facts:
            insist(self.flush)
            insist(lambda: self.store.truncate(self.run, int(facts["resumed_at"])))
        with self._buffer_lock:
            self._facts.update(facts)

    def should_stop(self) -> bool:
        """Whether the run shall write its checkpoint and end."""
        return self.wanted or not self.ours or self.stop.is_set()

    def flush(self) -> None:
        """Write the points and facts that wait. They are kept, and the error raised, where the store takes them not."""
        with self._write_lock:
            with self._buffer_lock:
                waiting, self._buffer = self._buffer, []
                facts, self._facts = self._facts, {}
            try:
                if not self.store.write_points(self.run, waiting, self.owner):
                    self.ours = False
                waiting = []
                if facts and self.ours:
                    self.store.record(self.run, facts)
            except BaseException:
                with self._buffer_lock:
                    self._buffer = waiting + self._buffer
                    self._facts = facts | self._facts
                raise

    def _beat(self) -> None:
        want = self.store.beat(self.run, self.owner, *self.at)
        self.ours = want is not None
        self.wanted = want == "stop"

    def _show(self, *at: Any) -> None:
        with suppress(Exception):  # a terminal that is closed or full is no reason to stop
            if self.tell:
                self.tell(*at)

    def _work(self) -> None:
        next_beat = 0.0
        while not self._over.wait(FLUSH if next_beat else 0):
            try:
                self.flush()
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + BEAT - FLUSH / 2
                    self._beat()
                    self._show(*self.at)
                self._saying.over()
            except Exception as error:  # a full disk, a lock that somebody holds: try again, whatever it is
                next_beat = next_beat or time.monotonic()
                self._saying.trouble(reason(error))
                self._show(*self.at[:2], f"waiting for the store: {reason(error)}")


def insist(action: Callable[[], T]) -> T:
    """Do it, again for an hour where the store does not take it (a lock, a full disk); then that error."""
    until, saying = time.monotonic() + INSIST, Saying("the store")
    while True:
        try:
            done = action()
        except TROUBLE as error:
            saying.trouble(reason(error))
            if time.monotonic() > until:
                raise
            time.sleep(BEAT)
        else:
            saying.over()
            return done


def execute(
    store: Store,
    run: str,
    train: Train | None = None,
    *,
    owner: Owner | None = None,
    slot: str = "",
    stop: threading.Event | None = None,
    tell: Callable[[int, int, str], None] | None = None,
    errors: Callable[[str], object] = tell,
) -> tuple[str, bool]:
    """Execute a queued run, or one that is this process's already, to its end.

    train: the loop, `training.loop.train` if None. errors: takes the traceback of a failure. Returns the status at the
    end, "lost" if another has the run or the store does not take it, and whether the process is fit for another run
    (not after an error that may have left the device in disorder). ValueError if the run is not to be executed.
    """
    owner, stop = owner or Owner.here(), stop or threading.Event()
    fit = True
    try:
        before = insist(lambda: store.get(run))
        ours = before.status == RUNNING and before.owner == owner
        if not ours and not insist(lambda: store.start(run, owner, slot or before.device)):
            raise ValueError(f"run {run!r} is {store.get(run).status}; only a queued run can be executed")
        with Reporter(store, run, owner, stop, tell) as reporter:
            try:
                settings = RunSettings.from_json(before.settings)
                if settings.device != "cpu":  # a process sees its own GPU alone, resumed or not
                    settings = replace(settings, device="cuda:0")
                if train is None:
                    from training.loop import train
                checkpoint = store.checkpoint(run)
                if not (resume := bool(checkpoints.kept(checkpoint))):
                    # of an attempt that was interrupted before its first checkpoint
                    insist(lambda: store.truncate(run, -1))
                    of_before = {"resumed_at": 0, "checkpoint": ""}
                    if stale := {name: of_before[name] for name in of_before if before.record.get(name)}:
                        reporter.record(stale)
                ending = train(settings, reporter, checkpoint, resume)
                status, sentence = ending.status, ending.sentence
                if status == DIVERGED and not sentence:
                    sentence = f"diverged at step {ending.step}"
                reporter.at = (ending.step, max(reporter.at[1], ending.step if status == FINISHED else 0), "")
            except StoreError:
                raise
            except KeyboardInterrupt:
                status, sentence, fit = INTERRUPTED, "ended from the keyboard", False
            except Exception as error:
                with suppress(Exception):
                    errors(said(error))
                status, sentence = FAILED, failure(error, store.log(run))
                reporter.at = (reporter.at[0], reporter.at[1], "")
                fit = any(kind.__name__ in CLEAN_ERRORS for kind in type(error).__mro__)
        fields = {"ended": time.time(), "error": sentence, "want": "", "want_since": None, "stage": ""}
        if not insist(lambda: store.transition(run, RUNNING, status, owner=owner, **fields)):
            return "lost", fit
    except TROUBLE as error:  # insisted in vain: whoever looks finds a run without a process
        said_why = f"the store did not take how the run ended ({reason(error)}); it will count as interrupted"
        with suppress(Exception):
            errors(f"run {run}: {said_why}\n")
        return "lost", False
    if status in (FINISHED, DIVERGED):
        store.drop_checkpoint(run)
    return status, fit


def failure(error: Exception, log: Path) -> str:
    """What went wrong, as a sentence; the traceback is in the log. Never raises."""
    text, name = words(error), type(error).__name__
    if "OutOfMemory" in name or "out of memory" in text.lower() or "CUBLAS_STATUS_ALLOC_FAILED" in text:
        return "out of GPU memory: choose a smaller batch size, or fewer runs at once on this GPU"
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return "out of memory: choose a smaller batch size, or fewer runs at once"
    if any(kind.__name__ in CLEAN_ERRORS for kind in type(error).__mro__):
        return text
    return f"{name}: {text[:300] or 'without a text'} (the log says where: {log})"


def serve(store: Store, run: str, more: bool = False, train: Train | None = None, patience: float = PATIENCE) -> int:
    """Be a worker process: execute a run and, with `more`, further ones of the same device while there are any.

    Returns the exit code. SIGTERM and SIGINT stop the run with a checkpoint and then the process. With `more` the
    output goes to the log of the run that is executed.
    """
    owner, stop = Owner.here(), stop_on_signal()
    wanted = insist(lambda: store.get(run))
    slot = wanted.device
    next_run: str | None = run
    grid = wanted.grid
    code = 0
    while next_run is not None:
        errors: Callable[[str], object] = tell
        if more:
            redirect(store.log(next_run))
        else:
            errors = writer(store.log(next_run))
        note(f"run {next_run}, process {owner.pid}")
        fit = True
        try:
            status, fit = execute(store, next_run, train, owner=owner, slot=slot, stop=stop, errors=errors)
            note(status)
            if not more:
                code = 0 if status in (FINISHED, STOPPED) else 2
                error = insist(lambda: store.get(run)).error
                tell(error) if error else print(status)
        except ValueError as error:  # somebody else has it
            tell(f"python -m training run: {error}")
            if not more:
                return 2
            patience = min(patience, 1.0)
        next_run = await_run(store, owner, slot, grid, stop, patience) if more and fit else None
        with suppress(*TROUBLE):
            grid = store.get(next_run).grid if next_run else grid
    return code


def await_run(
    store: Store, owner: Owner, slot: str, grid: str, stop: threading.Event, patience: float = PATIENCE
) -> str | None:
    """Claim the next run for the slot, waiting for one; None after that many seconds, or once told to stop."""
    until = time.monotonic() + patience
    while not stop.is_set():
        with suppress(*TROUBLE):  # a lock held too long: try again
            if (run := store.claim(owner, slot, [slot], grid)) is not None:
                return run
        if time.monotonic() > until:
            break
        stop.wait(LOOK)
    return None


def stop_on_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set; a second SIGINT ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if number == signal.SIGINT and stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def redirect(path: Path) -> None:
    """Send what this process prints from now on, C libraries included, to the end of a file, where there can be one."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):
            stream.flush()
    with suppress(OSError):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.close(file)


def note(text: str) -> None:
    """A line with the time, on the standard output; where that cannot be written, nothing."""
    with suppress(OSError):
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)


def writer(path: Path) -> Callable[[str], None]:
    """A function that appends text to a file, where it can."""

    def write(text: str) -> None:
        with suppress(OSError), path.open("a") as file:
            file.write(text)

    return write
