"""The store of runs: one SQLite file in WAL mode, two tables, and beside it a log and a checkpoint for each run.

A run goes through ``queued -> running -> finished | stopped | diverged | failed | interrupted``; each change of status
is a compare-and-set, so that of many processes one wins. Who executes a run (host and process) owns its points and its
heartbeat; what others want of it stands in ``want``. Points are numbered in the order in which they were written: who
has read up to a number asks only for what came after it.

The place is ``RAVINE_STORE`` (a path, or ``sqlite:///path``), otherwise a folder of the user's. A local disk is needed:
WAL does not work over a network file system.
"""

import fcntl
import json
import math
import os
import platform
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

SCHEMA = 1  # raised whenever the tables change; kept in the file's user_version

QUEUED, RUNNING, FINISHED = "queued", "running", "finished"
STOPPED, DIVERGED, FAILED, INTERRUPTED = "stopped", "diverged", "failed", "interrupted"
STATUSES = (QUEUED, RUNNING, FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED)
RESUMABLE = (STOPPED, INTERRUPTED, FAILED)
ID = re.compile(r"[0-9a-f]{8}")
STALE = 8.0  # seconds without a heartbeat after which a run counts as interrupted

tables = sa.MetaData()
runs = sa.Table(
    "runs",
    tables,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("grid", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("want", sa.Text, nullable=False, default=""),
    sa.Column("want_since", sa.Float),
    sa.Column("stage", sa.Text, nullable=False, default=""),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("queued", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("heartbeat", sa.Float),
    sa.Column("host", sa.Text, nullable=False, default=""),
    sa.Column("pid", sa.Integer, nullable=False, default=0),
    sa.Column("process", sa.Text, nullable=False, default=""),
    sa.Column("slot", sa.Text, nullable=False, default=""),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("steps", sa.Integer, nullable=False, default=0),
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("record", sa.Text, nullable=False, default="{}"),
    sqlite_autoincrement=True,
)
points = sa.Table(
    "points",
    tables,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number", ondelete="CASCADE"), nullable=False),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("value", sa.Float),  # NULL is NaN: SQLite has none
    sa.UniqueConstraint("run", "series", "step"),
    sqlite_autoincrement=True,
)


class StoreError(ValueError):
    """The store cannot be opened; the text says why."""


class Settings(Protocol):
    """What the store asks of a run's settings; ``training.settings.RunSettings`` has it."""

    @property
    def device(self) -> str: ...
    def to_json(self) -> str: ...


@dataclass(frozen=True)
class Owner:
    """The process that executes a run: host, process id, and when that process began (ids are given again)."""

    host: str
    pid: int
    process: str = ""

    @classmethod
    def here(cls) -> "Owner":
        """This process."""
        return cls(here(), os.getpid(), process_mark(os.getpid()))


@dataclass(frozen=True)
class Run:
    """One row of the store. Times are seconds since 1970, None where it has not come to that."""

    number: int
    id: str
    grid: str
    name: str
    device: str
    settings: str
    status: str
    want: str
    want_since: float | None
    stage: str
    created: float
    queued: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    host: str
    pid: int
    process: str
    slot: str
    step: int
    steps: int
    generation: int
    error: str
    record: Mapping[str, Any]

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """The settings as plain data; ``RunSettings.from_json(run.settings)`` checks them as well."""
        return json.loads(self.settings)

    @property
    def owner(self) -> Owner:
        """Who executes the run, or did so last."""
        return Owner(self.host, self.pid, self.process)

    @property
    def resumable(self) -> bool:
        """Whether ``Store.resume`` takes it."""
        return self.status in RESUMABLE


@dataclass(frozen=True)
class Tail:
    """Points that came after a number.

    last: the number to ask with next. points: (run id, series) -> steps int64 (n,), values float64 (n,), steps rising
    within what one question returns. generations: run id -> how often points of that run were taken back; where it
    has grown, what was read before is stale beyond the step of resumption: read that run anew with after=0.
    """

    last: int
    points: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]
    generations: Mapping[str, int] = field(default_factory=dict)


@cache
def here() -> str:
    """This machine's name; with the space of process ids, where there are several (containers share a host's name)."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return platform.node()
    return f"{platform.node()} {space}"


def process_mark(pid: int) -> str:
    """When a living process began, as a text that tells it from a later one with the same id; "" if there is none.

    A zombie counts as dead. Where there is no /proc, "?" for any process that takes signals.
    """
    if Path("/proc/self/stat").exists():
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        state, *rest = text.rpartition(")")[2].split()
        return "" if state in "ZX" else rest[18]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "?"


def alive(owner: Owner) -> bool | None:
    """Whether the process of a run lives; None where that cannot be seen from here (another host)."""
    if owner.host != here():
        return None
    return owner.pid > 0 and process_mark(owner.pid) == owner.process != ""


def store_path(url: str | None = None) -> Path:
    """The store's file: url, RAVINE_STORE, or ravine/runs.db in the user's data folder. StoreError if it is no file."""
    text = url or os.environ.get("RAVINE_STORE", "")
    if not text:
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        return Path(data).expanduser().absolute() / "ravine" / "runs.db"
    if "://" in text:
        scheme, _, rest = text.partition("://")
        if scheme not in ("sqlite", "sqlite+pysqlite") or not rest.startswith("/") or len(rest) < 2:
            raise StoreError(f"store {text!r}: only SQLite files, sqlite:///path or a plain path")
        text = rest[1:]
    return Path(text).expanduser().absolute()


class Store:
    """The runs and their points. Threads may share one; each process opens its own on the same file.

    StoreError if the file cannot be opened, is no store, or was written by a later version.
    """

    def __init__(self, url: str | None = None) -> None:
        self.path = store_path(url)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"store {self.path}: the folder cannot be made ({error.strerror})") from None
        # A pool lends each connection to one thread at a time.
        self.engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(self.path)),
            connect_args={"timeout": 30.0, "check_same_thread": False},
            poolclass=sa.QueuePool,
            pool_size=5,
            max_overflow=-1,
        )
        event.listen(self.engine, "connect", _prepare_connection)
        event.listen(self.engine, "begin", _begin)
        try:
            self._open()
        except (DatabaseError, OSError) as error:
            self.close()
            reason = getattr(error, "orig", None) or error
            raise StoreError(f"store {self.path}: cannot be opened ({reason})") from None

    def _open(self) -> None:
        if self._version() != SCHEMA:
            with self.beside("lock").open("w") as lock:  # the change to WAL does not wait for others by itself
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._version() == 0:
                    self._create()
        version = self._version()
        if version != SCHEMA:
            self.close()
            raise StoreError(
                f"store {self.path}: written by another version of Ravine (tables {version}, this one knows {SCHEMA}); "
                "name another file in RAVINE_STORE"
            )

    def _version(self) -> int:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql("PRAGMA user_version").scalar_one()

    def _create(self) -> None:
        if (found := sa.inspect(self.engine).get_table_names()) != []:
            self.close()
            raise StoreError(f"store {self.path}: a database of something else (it has a table {found[0]!r})")
        with self.engine.connect() as connection:
            driver = connection.connection.cursor()  # outside a transaction, where the mode can change
            driver.execute("PRAGMA journal_mode = WAL")
            driver.close()
        with self._write() as connection:
            tables.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")

    def close(self) -> None:
        """Close the connections; the store opens new ones if it is used again."""
        self.engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            connection = connection.execution_options(write=True)
            with connection.begin():
                yield connection

    # Files beside the store

    def beside(self, suffix: str) -> Path:
        """A file beside the store that bears its name: runs.db -> runs.<suffix>."""
        return self.path.with_name(f"{self.path.stem}.{suffix}")

    def log(self, run: str) -> Path:
        """The log of a run; may not exist yet, its folder does. ValueError for what is no id."""
        name = f"{_checked(run)}.log"
        folder = self.path.parent / "logs"
        folder.mkdir(exist_ok=True)
        return folder / name

    def checkpoint(self, run: str) -> Path:
        """Where a run keeps its last checkpoint; may not exist yet, nor its folder. ValueError for what is no id."""
        return self.path.parent / "checkpoints" / _checked(run) / "latest.pt"

    def drop_checkpoint(self, run: str) -> None:
        """Delete a run's checkpoint, if there is one. ValueError for what is no id."""
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
        names = list(names) or [""] * len(settings)
        if len(names) != len(settings):
            raise ValueError(f"names: {len(names)} for {len(settings)} runs; one for each, or none")
        now = time.time()
        state: dict[str, Any] = {"status": QUEUED}
        if owner is not None:
            state = {"status": RUNNING, "started": now, "heartbeat": now, "host": owner.host, "pid": owner.pid}
            state["process"] = owner.process
        rows: list[dict[str, Any]] = [
            {"id": secrets.token_hex(4), "grid": grid, "name": name, "device": one.device, "settings": one.to_json()}
            | {"created": now, "queued": now}
            | state
            | ({"slot": one.device} if owner is not None else {})
            for one, name in zip(settings, names, strict=True)
        ]
        if rows:
            grid = grid or rows[0]["id"]
            with self._write() as connection:
                connection.execute(sa.insert(runs), [row | {"grid": grid} for row in rows])
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
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(runs).where(*where).order_by(runs.c.number.desc())).mappings().all()
        return [Run(**{**row, "record": json.loads(row["record"])}) for row in rows]

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
        with self.engine.connect() as connection:  # most of the time there is nothing: do not lock others out for that
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

    def resume(self, run: str, owner: Owner | None = None) -> bool:
        """Put a stopped, interrupted or failed run back into the queue; False if its status is another.

        owner: a process that goes on with it itself, at once.
        """
        where = [runs.c.id == run, runs.c.status.in_(RESUMABLE)]
        fields = {"status": QUEUED, "queued": time.time(), "want": "", "want_since": None}
        fields |= {"ended": None, "error": "", "stage": ""}
        with self._write() as connection:
            changed = connection.execute(sa.update(runs).where(*where).values(**fields)).rowcount == 1
            return changed and (owner is None or _start(connection, runs.c.id == run, owner, ""))

    def rename(self, run: str, name: str) -> None:
        """Give a run a name, at most 200 characters."""
        if len(name) > 200:
            raise ValueError(f"name: {len(name)} characters; at most 200")
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
            self.log(run).unlink(missing_ok=True)

    def lost(self, age: float = STALE, spare: Sequence[str] = ()) -> list[str]:
        """Mark running runs without a heartbeat for `age` seconds as interrupted, but those to spare; their ids."""
        edge = time.time() - age
        ids = [run.id for run in self.all(RUNNING) if (run.heartbeat or 0.0) < edge and run.id not in spare]
        sentence = "its process no longer answers"
        return [run for run in ids if self.interrupt(run, sentence, before=edge)]

    def interrupt(self, run: str, sentence: str, *, owner: Owner | None = None, before: float = math.inf) -> bool:
        """Mark a running run as interrupted, if it is this owner's and its last heartbeat was before that time."""
        silent = runs.c.heartbeat < before if before < math.inf else sa.true()
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
        with self.engine.connect() as connection, connection.begin():
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
            number = connection.execute(sa.select(runs.c.number).where(runs.c.id == run)).scalar_one()
            gone = connection.execute(sa.delete(points).where(points.c.run == number, points.c.step > step)).rowcount
            if gone:
                more = {"generation": runs.c.generation + 1}
                connection.execute(sa.update(runs).where(runs.c.number == number).values(**more))


def _prepare_connection(connection: sqlite3.Connection, _: Any) -> None:
    """WAL is kept in the file; the rest belongs to the connection. Transactions begin where we say so."""
    connection.isolation_level = None
    for pragma in ("busy_timeout = 30000", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer: writers lock from the start.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")


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
    add_step: Callable[[int], None]
    add_value: Callable[[float], None]
    for run, series, step, value in rows:
        if key != (run, series):
            key = (run, series)
            steps, values = found.setdefault((names[run], series), ([], []))
            add_step, add_value = steps.append, values.append
        add_step(step)
        add_value(math.nan if value is None else value)


def _arrays(steps: list[int], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)
