"""Files that are replaced whole or not at all, and stay so when the power goes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """An open file that takes the place of ``path`` when the block ends well; else what was there stays as it was.

    It is made beside ``path`` at once: what cannot be written is known before anything is computed. It is on the disk
    before it has the name. What is no file (/dev/stdout, a pipe) is written as it stands. Raises OSError.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:  # a folder raises here
            yield file
        return
    path = path.resolve()  # of a link, what it leads to is replaced
    part = path.with_name(f"{path.name[:40]}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            settle(file)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    settle_folder(path.parent)


def settle(file: BinaryIO) -> None:
    """What was written is on the disk afterwards."""
    file.flush()
    os.fsync(file.fileno())


def settle_folder(folder: Path) -> None:
    """The names in a folder are on the disk afterwards, where its file system can promise that."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
