"""The store of runs: one SQLite file in WAL mode, two tables, and beside it a log and checkpoints for each run.

A run goes through ``queued -> running -> finished | stopped | diverged | failed | interrupted``; each change of status
is a compare-and-set, so that of many processes one wins. Who executes a run (host and process) owns its points and its
heartbeat; what others want of it stands in ``want``. Points are numbered in the order in which they were written: who
has read up to a number asks only for what came after it.

Whatever goes wrong with the file is a ``StoreError``. One that is deleted or replaced meanwhile is noticed at the next
question, and never written to again.

The place is ``RAVINE_STORE`` (a path, or ``sqlite:///path``), otherwise a folder of the user's. A local disk is needed:
WAL does not work over a network file system.
"""

import json
import math
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa

from training.database import Database
from training.run import (
    ID,
    INTERRUPTED,
    QUEUED,
    RESUMABLE,
    RUNNING,
    SILENT,
    STOPPED,
    Owner,
    Run,
    Tail,
    checked_name,
    given_up,
    new_id,
)
from training.tables import points, runs
from training.trouble import StoreError


class Settings(Protocol):
    """What the store asks of a run's settings; ``training.settings.RunSettings`` has it."""

    @property
    def device(self) -> str: ...
    def to_json(self) -> str: ...


class Store(Database):
    """The runs and their points; ``Database`` says what goes wrong with the file."""

    # Files beside the store

    def log(self, run: str) -> Path:
        """The log of a run; may not exist yet. ValueError for what is no id."""
        name = f"{_checked(run)}.log"
        if (old := self.path.with_name("logs") / name).exists():  # stores of a folder once shared one
            return old
        if not self.looking:
            with suppress(OSError):
                self.beside("logs").mkdir(exist_ok=True)
        return self.beside("logs") / name

    def checkpoint(self, run: str) -> Path:
        """Where a run keeps its last checkpoint; may not exist yet, nor its folder. ValueError for what is no id."""
        old = self.path.with_name("checkpoints") / _checked(run)  # stores of a folder once shared one
        return (old if old.is_dir() else self.beside("checkpoints") / run) / "latest.pt"

    def drop_checkpoint(self, run: str) -> None:
        """Delete a run's checkpoints, if there are any. ValueError for what is no id."""
        shutil.rmtree(self.checkpoint(run).parent, ignore_errors=True)

    # Runs

    def add(
        self,
        settings: Iterable[Settings],
        *,
        grid: str = "",
        names: Sequence[str] = (),
        owner: Owner | None = None,
    ) -> list[str]:
        """Put runs into the queue, in this order, and return their ids.

        grid: what they share, a fresh one if empty. names: one for each, or none. owner: a process that executes them
        itself; they are then running from the start and nobody else takes them.
        """
        settings = list(settings)
        names = [checked_name(name) for name in names] or [""] * len(settings)
        if len(names) != len(settings):
            raise ValueError(f"names: {len(names)} for {len(settings)} runs; one for each, or none")
        now = time.time()
        state: dict[str, Any] = {"status": QUEUED}
        if owner is not None:
            state = {"status": RUNNING, "started": now, "heartbeat": now, "host": owner.host, "pid": owner.pid}
            state["process"] = owner.process
        rows: list[dict[str, Any]] = [
            {"id": new_id(), "grid": grid, "name": name, "device": one.device, "settings": one.to_json()}
            | {"created": now}
            | state
            | ({"slot": one.device} if owner is not None else {})
            for one, name in zip(settings, names, strict=True)
        ]
        if rows:
            grid = grid or rows[0]["id"]
            with self._write() as connection:
                more = {"grid": grid, "queued": _behind(connection, now)}
                connection.execute(sa.insert(runs), [row | more for row in rows])
        return [row["id"] for row in rows]

    def get(self, run: str) -> Run:
        """One run. ValueError if there is none of that id."""
        found = self._select(runs.c.id == run)
        if not found:
            raise ValueError(f"run {run!r}: there is no such run in {self.path}")
        return found[0]

    def all(self, *statuses: str) -> list[Run]:
        """All runs, or those of these statuses, the newest first."""
        return self._select(runs.c.status.in_(statuses)) if statuses else self._select()

    def queue(self) -> list[Run]:
        """The runs that wait, in the order in which they will be taken."""
        return sorted(self._select(runs.c.status == QUEUED), key=lambda run: (run.queued, run.number))

    def _select(self, *where: sa.ColumnElement[bool]) -> list[Run]:
        with self._asked() as connection:
            rows = connection.execute(sa.select(runs).where(*where).order_by(runs.c.number.desc())).mappings().all()
        try:
            return [Run(**{**row, "record": json.loads(row["record"])}) for row in rows]
        except (ValueError, RecursionError) as error:
            raise StoreError(f"store {self.path}: is damaged (the record of a run is not JSON)") from error

    def transition(
        self, run: str, before: str | Sequence[str], after: str, *, owner: Owner | None = None, **fields: Any
    ) -> bool:
        """Change status and other fields if the status is one of `before` and the run this owner's; whether it was."""
        before = (before,) if isinstance(before, str) else tuple(before)
        where = [runs.c.id == run, runs.c.status.in_(before), *_owned(owner)]
        with self._write() as connection:
            changed = connection.execute(sa.update(runs).where(*where).values(status=after, **fields))
        return changed.rowcount == 1

    def start(self, run: str, owner: Owner, slot: str) -> bool:
        """Take a queued run for execution; False if it no longer waits."""
        with self._write() as connection:
            return _start(connection, runs.c.id == run, owner, slot)

    def claim(self, owner: Owner, slot: str, devices: Sequence[str], grid: str = "") -> str | None:
        """Take the next queued run for one of the devices, one of the grid before all others; None if nothing waits."""
        order = [(runs.c.grid == grid).desc(), runs.c.queued, runs.c.number]
        waiting = (
            sa.select(runs.c.id).where(runs.c.status == QUEUED, runs.c.device.in_(devices)).order_by(*order).limit(1)
        )
        with self._asked() as connection:  # most of the time there is nothing: do not lock others out for that
            if connection.execute(waiting).first() is None:
                return None
        with self._write() as connection:
            run = connection.execute(waiting).scalar_one_or_none()
            return run if run is not None and _start(connection, runs.c.id == run, owner, slot) else None

    def beat(self, run: str, owner: Owner, step: int, steps: int, stage: str) -> str | None:
        """The owner lives and is that far. Returns what is wanted of it ("" or "stop"), None if the run is not its own.

        A run that was given up as interrupted while its process only slept is running again.
        """
        where = [runs.c.id == run, runs.c.status.in_((RUNNING, INTERRUPTED)), *_owned(owner)]
        now = {"status": RUNNING, "heartbeat": time.time(), "step": step, "steps": steps, "stage": stage}
        now |= {"ended": None, "error": ""}
        with self._write() as connection:
            if connection.execute(sa.update(runs).where(*where).values(**now)).rowcount != 1:
                return None
            return connection.execute(sa.select(runs.c.want).where(runs.c.id == run)).scalar_one()

    def record(self, run: str, facts: Mapping[str, Any]) -> None:
        """Merge facts (plain data) into the run's record."""
        with self._write() as connection:
            text = connection.execute(sa.select(runs.c.record).where(runs.c.id == run)).scalar_one_or_none()
            if text is not None:
                merged = json.dumps(json.loads(text) | dict(facts))
                connection.execute(sa.update(runs).where(runs.c.id == run).values(record=merged))

    def request_stop(self, run: str) -> bool:
        """Ask a running run to stop, take a queued one out of the queue; False if it does neither."""
        now = time.time()
        if self.transition(run, QUEUED, STOPPED, ended=now, stage=""):
            return True
        return self.transition(run, RUNNING, RUNNING, want="stop", want_since=now) if not self.get(run).want else True

    def resume(self, run: str, owner: Owner | None = None, *, anew: bool = False) -> bool:
        """Put a stopped, interrupted or failed run back into the queue; False if its status is another.

        owner: a process that goes on with it itself, at once. anew: from the beginning, without its checkpoints.
        """
        where = [runs.c.id == run, runs.c.status.in_(RESUMABLE)]
        fields = {"status": QUEUED, "want": "", "want_since": None, "ended": None, "error": "", "stage": ""}
        with self._write() as connection:
            fields["queued"] = _behind(connection, time.time())
            changed = connection.execute(sa.update(runs).where(*where).values(**fields)).rowcount == 1
            if changed and anew:  # before anybody sees that it waits
                self.drop_checkpoint(run)
                if self.checkpoint(run).parent.exists():
                    raise StoreError(f"run {run!r}: its checkpoints cannot be deleted")
            return changed and (owner is None or _start(connection, runs.c.id == run, owner, ""))

    def rename(self, run: str, name: str) -> None:
        """Give a run a name. ValueError for one that `checked_name` does not allow."""
        name = checked_name(name)
        with self._write() as connection:
            connection.execute(sa.update(runs).where(runs.c.id == run).values(name=name))

    def delete(self, ids: Sequence[str]) -> None:
        """Delete runs with points, logs and checkpoints; ids of which there is no run are passed over.

        ValueError, and none is deleted, if one of them is running.
        """
        found: list[str] = []
        with self._write() as connection:
            for part in _parts(ids):
                chosen = sa.select(runs.c.id, runs.c.status).where(runs.c.id.in_(part))
                for run, status in connection.execute(chosen).all():
                    if status == RUNNING:
                        raise ValueError(f"run {run!r} is running; stop it before deleting it")
                    found.append(run)
            for part in _parts(found):
                connection.execute(sa.delete(runs).where(runs.c.id.in_(part)))
        for run in filter(ID.fullmatch, found):  # a row that somebody else has written may bear any name
            self.drop_checkpoint(run)
            with suppress(OSError):
                self.log(run).unlink(missing_ok=True)

    def lost(self, age: float | None = None, spare: Sequence[str] = ()) -> list[str]:
        """Mark running runs that are `given_up` as interrupted, but those to spare; their ids.

        age: those instead that have had no heartbeat for so many seconds, whatever has become of their process.
        """
        found = [run for run in self.all(RUNNING) if run.id not in spare]
        if age is None:
            found = [run for run in found if given_up(run)]
        else:
            found = [run for run in found if abs(time.time() - (run.heartbeat or 0.0)) > age]
        return [run.id for run in found if self.interrupt(run.id, SILENT, owner=run.owner, beat=run.heartbeat)]

    def interrupt(self, run: str, sentence: str, *, owner: Owner | None = None, beat: float | None = None) -> bool:
        """Mark a running run as interrupted, if it is this owner's and its last heartbeat was that one."""
        silent = runs.c.heartbeat == beat if beat is not None else sa.true()
        with self._write() as connection:
            where = [runs.c.id == run, runs.c.status == RUNNING, silent, *_owned(owner)]
            fields = {"status": INTERRUPTED, "ended": time.time(), "error": sentence, "want": "", "want_since": None}
            return connection.execute(sa.update(runs).where(*where).values(**fields)).rowcount == 1

    # Points

    def write_points(self, run: str, values: Sequence[tuple[str, int, float]], owner: Owner | None = None) -> bool:
        """Write (series, step, value) in one transaction; a later value of the same step replaces the earlier one.

        Infinities are kept, NaN as NULL. False, and nothing is written, if the run is gone or is no longer the owner's.
        """
        if not values:
            return True
        with self._write() as connection:
            number = connection.execute(sa.select(runs.c.number).where(runs.c.id == run, *_owned(owner))).scalar()
            if number is None:
                return False
            # REPLACE gives the row a fresh number, so that readers of the tail see it.
            insert = "INSERT OR REPLACE INTO points (run, series, step, value) VALUES (?, ?, ?, ?)"
            connection.exec_driver_sql(insert, [(number, series, int(step), float(v)) for series, step, v in values])
        return True

    def tail(self, ids: Sequence[str], after: int = 0, series: Sequence[str] = ()) -> Tail:
        """The points of these runs that were written after a number, of all series or of these, 0 for all of them."""
        found: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
        generations: dict[str, int] = {}
        with self._asked() as connection:
            last = connection.exec_driver_sql("SELECT max(seq) FROM points").scalar() or 0
            chosen = sa.select(runs.c.number, runs.c.id, runs.c.generation)
            names = {}
            for part in _parts(ids):
                for number, run, generation in connection.execute(chosen.where(runs.c.id.in_(part))):
                    names[number], generations[run] = run, generation
            if names and last > after:
                marks = ", ".join("?" * len(series))
                only = f" AND series IN ({marks})" if series else ""
                cursor: Any = connection.connection.cursor()  # a plain cursor: rows by the million
                if after > 0:
                    # "+run" keeps SQLite on the order of seq: the new points are few, the old ones many.
                    numbers = ", ".join(str(number) for number in names)
                    where = f"seq > ? AND +run IN ({numbers}){only}"
                    cursor.execute(
                        f"SELECT run, series, step, value FROM points WHERE {where} ORDER BY seq", (after, *series)
                    )
                    _collect(cursor, names, found)
                else:
                    for number in names:
                        where = f"run = ?{only} ORDER BY series, step"
                        cursor.execute(f"SELECT run, series, step, value FROM points WHERE {where}", (number, *series))
                        _collect(cursor, names, found)
                cursor.close()
        return Tail(max(last, after), {key: _arrays(*columns) for key, columns in found.items()}, generations)

    def series(self, run: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """All series of a run: name -> steps int64 (n,), values float64 (n,)."""
        return {name: arrays for (_, name), arrays in self.tail([run]).points.items()}

    def truncate(self, run: str, step: int) -> None:
        """Delete the points beyond a step; the generation counts up if there were any, so that readers know."""
        with self._write() as connection:
            number = connection.execute(sa.select(runs.c.number).where(runs.c.id == run)).scalar()
            gone = connection.execute(sa.delete(points).where(points.c.run == number, points.c.step > step)).rowcount
            if gone:
                more = {"generation": runs.c.generation + 1}
                connection.execute(sa.update(runs).where(runs.c.number == number).values(**more))


def _behind(connection: sa.Connection, now: float) -> float:
    """A place behind all that wait, wherever the clock was set meanwhile."""
    last = connection.execute(sa.select(sa.func.max(runs.c.queued)).where(runs.c.status == QUEUED)).scalar()
    return now if last is None else max(now, math.nextafter(last, math.inf))


def _owned(owner: Owner | None) -> list[sa.ColumnElement[bool]]:
    if owner is None:
        return []
    return [runs.c.host == owner.host, runs.c.pid == owner.pid, runs.c.process == owner.process]


def _start(connection: sa.Connection, which: sa.ColumnElement[bool], owner: Owner, slot: str) -> bool:
    now = time.time()
    fields = {"status": RUNNING, "host": owner.host, "pid": owner.pid, "process": owner.process}
    fields["slot"] = slot or runs.c.device
    fields |= {"heartbeat": now, "ended": None, "error": "", "stage": "starting", "want": "", "want_since": None}
    fields["started"] = sa.func.coalesce(runs.c.started, now)
    return connection.execute(sa.update(runs).where(which, runs.c.status == QUEUED).values(**fields)).rowcount == 1


def _checked(run: str) -> str:
    """An id before it becomes part of a path."""
    if not ID.fullmatch(run):
        raise ValueError(f"run {run[:40]!r} is no id of a run; it must be 8 digits or letters from a to f")
    return run


def _parts(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """SQLite limits the parameters of a statement."""
    return (ids[i : i + size] for i in range(0, len(ids), size))


def _collect(
    rows: Iterable[tuple[int, str, int, float | None]],
    names: Mapping[int, str],
    found: dict[tuple[str, str], tuple[list[int], list[float]]],
) -> None:
    key: tuple[int, str] | None = None
    steps: list[int] = []
    values: list[float] = []
    for run, series, step, value in rows:
        if key != (run, series):
            key = (run, series)
            steps, values = found.setdefault((names[run], series), ([], []))
        steps.append(step)
        values.append(math.nan if value is None else value)


def _arrays(steps: list[int], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)
