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

import fcntl
import json
import math
import os
import platform
import re
import secrets
import shutil
import sqlite3
import stat
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from training.trouble import StoreError, reason

SCHEMA = 1  # raised whenever the tables change; kept in the file's user_version

QUEUED, RUNNING, FINISHED = "queued", "running", "finished"
STOPPED, DIVERGED, FAILED, INTERRUPTED = "stopped", "diverged", "failed", "interrupted"
STATUSES = (QUEUED, RUNNING, FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED)
RESUMABLE = (STOPPED, INTERRUPTED, FAILED)
ID = re.compile(r"[0-9a-f]{8}")
STALE = 8.0  # seconds without a heartbeat after which a run counts as interrupted
LONGEST_NAME = 200
PATIENCE = 30.0  # seconds that a question waits for a lock

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
        """The settings as plain data, none where they are damaged; ``RunSettings.from_json`` checks them as well."""
        try:
            found = json.loads(self.settings)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

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


def given_up(run: Run) -> bool:
    """Whether a running run has no process any more: by the process where it can be seen, else by the clock.

    A heartbeat from the future is as silent as an old one: the clock was set back, and who lives beats by the new one.
    """
    lives = alive(run.owner)
    if lives is not None and (not lives or run.process != "?"):  # "?": where another may have got its number
        return not lives
    return abs(time.time() - (run.heartbeat or 0.0)) > STALE


def as_seen(run: Run) -> Run:
    """The run as it is, whatever the store says: one whose process is gone is not running."""
    if run.status != RUNNING or not given_up(run):
        return run
    return replace(run, status=INTERRUPTED, error=_SILENT)


_SILENT = "its process no longer answers"


def new_id() -> str:
    """An id of a run or a launch: 8 hexadecimal digits that begin as no number, date or formula does."""
    return secrets.choice("abc") + secrets.token_hex(4)[1:]


def checked_name(name: str) -> str:
    """A run's name, without blanks around it; ValueError names what is not allowed in it."""
    name = name.strip(" ")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"name: {len(name)} characters; at most {LONGEST_NAME}")
    if wrong := next(filter(moves, name), None):
        raise ValueError(f"name: U+{ord(wrong):04X} is not allowed; it must be one line of characters that are seen")
    return name


def moves(character: str) -> bool:
    """Whether a character moves, colours or turns around what stands beside it: controls, line ends, marks of bidi."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _TURNING


_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def store_path(url: str | None = None) -> Path:
    """The store's file: url, RAVINE_STORE, or ravine/runs.db in the user's data folder. StoreError if it is no file."""
    text = url or os.environ.get("RAVINE_STORE", "")
    if "://" in text:
        scheme, _, rest = text.partition("://")
        if scheme not in ("sqlite", "sqlite+pysqlite") or not rest.startswith("/") or len(rest) < 2:
            raise StoreError(f"store {text!r}: only SQLite files, sqlite:///path or a plain path")
        text = rest[1:]
    if not text:
        text = f"{os.environ.get('XDG_DATA_HOME') or '~/.local/share'}/ravine/runs.db"
    try:
        return Path(text).expanduser().resolve()  # two ways to one file are one store
    except (RuntimeError, OSError, ValueError) as error:  # no home; links in a circle; a NUL
        raise StoreError(f"store {text!r}: no such place ({reason(error)}); name a file in RAVINE_STORE") from None


def is_there(path: Path, unsure: bool = False) -> bool:
    """Whether a file is there; `unsure` where that cannot be asked, as in a folder of somebody else."""
    try:
        return path.exists()
    except OSError:
        return unsure


class _Empty(StoreError):
    """There are no tables yet."""


class _Connection(sqlite3.Connection):
    """A connection that is closed with the store that forgets it, which Python warns of from 3.13 on."""

    def __del__(self) -> None:
        self.close()


class Store:
    """The runs and their points. Threads may share one; each process opens its own on the same file.

    looking: nothing is made or changed, so the file and its folder need not be writable. StoreError if the file cannot
    be opened, is no store, or was written by a later version; later, whenever it does not answer.
    """

    def __init__(self, url: str | None = None, *, looking: bool = False) -> None:
        self.path, self.looking = store_path(url), looking
        self._copy: tempfile.TemporaryDirectory | None = None
        # A pool lends each connection to one thread at a time. Who looks opens a new one each time: one that takes the
        # file for immutable would not see what others write.
        pool: dict[str, Any] = (
            {"poolclass": sa.NullPool} if looking else {"poolclass": sa.QueuePool, "pool_size": 5, "max_overflow": -1}
        )
        self.engine = sa.create_engine("sqlite://", creator=self._connect, **pool)
        event.listen(self.engine, "connect", self._note_file)
        event.listen(self.engine, "checkout", self._check_file)
        event.listen(self.engine, "begin", _begin)
        try:
            self.renew()
        except BaseException:
            self.close()
            raise

    def renew(self) -> None:
        """Open it, and make it where there is none (any more). StoreError if that cannot be done."""
        if self.looking:
            self.close()  # with the copy that a folder without write access has asked for
        try:
            try:
                self._open()
            except (_Empty, FileNotFoundError, NotADirectoryError):
                if self.looking:
                    raise StoreError(f"store {self.path}: there is none; the first launch makes it") from None
                self._create()
                self._open()
        except StoreError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StoreError(f"store {self.path}: cannot be opened ({reason(error)})") from error

    def _open(self) -> None:
        with self.engine.connect():
            pass

    def _create(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"store {self.path}: the folder cannot be made ({error.strerror})") from None
        with (
            self.beside("lock").open("w") as lock,  # the change to WAL does not wait for others by itself
            closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as connection,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if connection.execute("PRAGMA user_version").fetchone() != (0,):
                return
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            for table in tables.sorted_tables:
                for made in (sa.schema.CreateTable(table), *map(sa.schema.CreateIndex, table.indexes)):
                    connection.execute(str(made.compile(dialect=sqlite.dialect())))
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections; the store opens new ones if it is used again."""
        self.engine.dispose()
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    # Connections

    def _connect(self) -> sqlite3.Connection:
        """A connection to the file as it is now; it makes none."""
        if not stat.S_ISREG(self.path.stat().st_mode):  # FileNotFoundError says more than SQLite does, too
            raise StoreError(f"store {self.path}: cannot be opened (it is no file)")
        if not self.looking:
            return self._checked_connection(f"{self.path.as_uri()}?mode=rw")
        try:
            return self._checked_connection(f"{self.path.as_uri()}?mode=ro")
        except sqlite3.OperationalError:
            # In a folder that cannot be written SQLite reads a WAL only where its shared memory still lies there.
            waiting = Path(f"{self.path}-wal")
            if not waiting.exists() or not waiting.stat().st_size:
                return self._checked_connection(f"{self.path.as_uri()}?mode=ro&immutable=1")
            if self._copy is None:
                self._copy = tempfile.TemporaryDirectory(prefix="ravine-", ignore_cleanup_errors=True)
                for end in ("", "-wal"):
                    shutil.copyfile(f"{self.path}{end}", f"{self._copy.name}/runs.db{end}")
            return self._checked_connection(f"{(Path(self._copy.name) / 'runs.db').as_uri()}?mode=rw")

    def _checked_connection(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=PATIENCE, check_same_thread=False, isolation_level=None, factory=_Connection
        )
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                if found := connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone():
                    raise StoreError(f"store {self.path}: a database of something else (it has a table {found[0]!r})")
                raise _Empty(f"store {self.path}: is empty")
            if version != SCHEMA:
                raise StoreError(
                    f"store {self.path}: written by another version of Ravine (tables {version}, this one knows "
                    f"{SCHEMA}); name another file in RAVINE_STORE"
                )
            for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):  # WAL is kept in the file
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _note_file(self, _: Any, record: Any) -> None:
        record.info["file"] = self._file()

    def _check_file(self, _: Any, record: Any, __: Any) -> None:
        if record.info["file"] != self._file():
            raise DisconnectionError  # the pool makes another

    def _file(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    @contextmanager
    def _asked(self, write: bool = False) -> Iterator[sa.Connection]:
        """A transaction; whatever goes wrong in it is a StoreError."""
        if write and self.looking:
            raise StoreError(f"store {self.path}: was opened for looking only")
        try:
            with self.engine.connect() as connection:
                connection = connection.execution_options(write=write)
                with connection.begin():
                    yield connection
        except StoreError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            self.engine.dispose()  # what a connection has kept of the file may be no longer so
            if not is_there(self.path, unsure=True):
                raise StoreError(f"the store {self.path} is gone") from error
            raise StoreError(f"the store does not answer: {reason(error)}") from error

    def _write(self) -> AbstractContextManager[sa.Connection]:
        return self._asked(write=True)

    def takes(self) -> None:
        """Write nothing new, but write: StoreError where the store does not take it."""
        with self._write() as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")

    # Files beside the store

    def beside(self, suffix: str) -> Path:
        """A file beside the store that bears its whole name: runs.db -> runs.db.<suffix>."""
        return self.path.with_name(f"{self.path.name}.{suffix}")

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
        return [run.id for run in found if self.interrupt(run.id, _SILENT, owner=run.owner, beat=run.heartbeat)]

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


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer: writers lock from the start.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")


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
