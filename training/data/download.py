"""One file from the network: mirrors in order, its SHA-256, and nothing half-written left behind."""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from training.data.images import DataError

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) while a file comes; what it raises ends the download."""

CHUNK = 1 << 18
TIMEOUT = 20  # seconds without a byte
WRONG = "sent a file that is not the published one (size or SHA-256)"


@dataclass(frozen=True)
class Source:
    """A published file: what it holds, its name, SHA-256 and size in bytes, and where it may be had.

    more_mirrors: the environment variable in which the user may name further addresses (http or https, separated by
    spaces), tried before the others. Whatever answers, the SHA-256 decides.
    """

    what: str
    file: str
    sha256: str
    size: int
    mirrors: tuple[str, ...]
    more_mirrors: str


def place(folder: str | Path | None = None) -> Path:
    """The data folder: `folder`, else the environment's RAVINE_DATA, else the user's cache. DataError if none is."""
    given = folder or os.environ.get("RAVINE_DATA")
    if given:
        try:
            return Path(given).expanduser()
        except RuntimeError as error:  # no home
            raise DataError(f"RAVINE_DATA = {str(given)!r} is no folder ({error}); name another.") from None
    import pooch

    return Path(pooch.os_cache("ravine"))


def verify(path: Path, source: Source) -> None:
    """Raises DataError unless `path` has the size and the SHA-256 of `source`."""
    size = path.stat().st_size
    if size != source.size:
        kind = "cut short" if size < source.size else "too long"
        raise DataError(
            f"{path} is {kind}: it has {size:,} of {source.size:,} bytes. Delete it, and it is downloaded again."
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != source.sha256:
        raise DataError(
            f"{path} is not the published file: its SHA-256 is {digest} instead of {source.sha256}. Delete it, and it "
            "is downloaded again."
        )


def fetch(source: Source, folder: str | Path | None = None, progress: Progress | None = None) -> Path:
    """The file's path in `place(folder)`, downloaded if it is not there, its SHA-256 checked either way.

    Each mirror is tried in order, and once more when it broke off midway. Of processes that ask at once, one downloads
    and the others wait for it. Raises DataError, with every mirror's reason, when the file cannot be had; then nothing
    of it is left in the folder.
    """
    folder = place(folder)
    target = folder / source.file
    report = progress or (lambda _done, _total: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, waiting=lambda: report(0, source.size)) as alone:
            if alone:  # then a part that is there belongs to a process that was killed
                for left in folder.glob(f".{source.file}.*.part"):
                    left.unlink()
            if target.is_file():
                verify(target, source)
                return target
            part = folder / f".{source.file}.{os.getpid()}.part"
            try:
                _download(source, part, report, folder)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk is full: {source.what} needs {source.size / 1e6:,.0f} MB in {folder}. Free some space, or "
                "name another folder in RAVINE_DATA."
            ) from error
        raise DataError(
            f"{source.what} could not be written to {folder} ({error.strerror or error}). Name a folder that can be "
            "written in RAVINE_DATA."
        ) from error
    return target


class _Reporting:
    """A file as pooch's downloader needs it, that reports each chunk and refuses more than there should be."""

    def __init__(self, file: BinaryIO, size: int, report: Progress) -> None:
        self.file = file
        self.size = size
        self.report = report
        self.done = 0
        self.flush = file.flush

    def write(self, chunk: bytes) -> None:
        self.done += len(chunk)
        if self.done > self.size:
            raise DataError(WRONG)
        self.file.write(chunk)
        self.report(self.done, self.size)


def _download(source: Source, part: Path, report: Progress, folder: Path) -> None:
    """Writes `part` from the first mirror that gives the right file. Raises DataError, or OSError of the disk."""
    from pooch import HTTPDownloader
    from requests.exceptions import RequestException

    reasons = []
    for url in (*os.environ.get(source.more_mirrors, "").split(), *source.mirrors):
        for again in (False, True):
            with part.open("wb") as file:
                output = _Reporting(file, source.size, report)
                try:
                    HTTPDownloader(chunk_size=CHUNK, timeout=TIMEOUT)(url, output, None)
                    verify(part, source)
                    return
                except RequestException as error:
                    reason = _reason(error, output.done)
                except DataError:
                    reason = WRONG
            if again or not 0 < output.done < source.size:
                reasons.append(f"{urlsplit(url).hostname}: {reason}")
                break
    raise DataError(
        f"{source.what} could not be downloaded ({'; '.join(reasons)}). Connect to the network and try again, or put "
        f"{source.file} into {folder}, or name a folder that has it in RAVINE_DATA."
    )


def _reason(error: Exception, done: int) -> str:
    from requests.exceptions import HTTPError, Timeout

    if isinstance(error, HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if done:
        return f"broke off after {done / 1e6:,.1f} MB"
    return "no answer in time" if isinstance(error, Timeout) else "no connection"


@contextmanager
def _alone(folder: Path, waiting: Callable[[], None]) -> Iterator[bool]:
    """Holds the folder's lock, calling `waiting` until it has it. Yields False where there are no such locks.

    The system drops the lock when its process ends, however it ends, and no file is needed for it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        locked = None
        while locked is None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked = True
            except BlockingIOError:
                waiting()
                time.sleep(0.2)
            except OSError:  # some network file systems
                locked = False
        yield locked
    finally:
        os.close(handle)
