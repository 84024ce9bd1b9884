"""The file of a store: where it lies, how it is made and opened, and what is said where it does not answer."""

import fcntl
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from training.tables import SCHEMA, tables
from training.trouble import StoreError, reason

PATIENCE = 30.0  # seconds that a question waits for a lock


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


class Database:
    """One SQLite file in WAL mode. Threads may share one; each process opens its own on the same file.

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

    def beside(self, suffix: str) -> Path:
        """A file beside the store that bears its whole name: runs.db -> runs.db.<suffix>."""
        return self.path.with_name(f"{self.path.name}.{suffix}")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later cannot wait for another writer: writers lock from the start.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")
