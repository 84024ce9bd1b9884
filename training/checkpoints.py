"""A run's checkpoints: the last one and the one before it, each with its length and checksum.

A file is MAGIC, the length of what follows the head (u64, little-endian), its BLAKE2b-256, and then what was saved. One
without that head is from before there was one; whatever cannot be loaded of it counts as damaged.
"""

import hashlib
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from optim_core.files import replacing, settle
from training.trouble import reason

MAGIC = b"Ravine checkpoint 1\n"
_HEAD = struct.Struct(f"<{len(MAGIC)}sQ32s")
_CHUNK = 2**20


class Damaged(ValueError):
    """A checkpoint that cannot be used; the text says why."""


def before(path: Path) -> Path:
    """The checkpoint before the last one."""
    return path.with_name(f"before{path.suffix}")


def kept(path: Path) -> list[Path]:
    """The checkpoints that there are, the last one first. path: where the last one is."""
    return [one for one in (path, before(path)) if one.is_file()]


def write(path: Path, save: Callable[[Any], object]) -> None:
    """What `save` writes becomes the last checkpoint, the last one the one before.

    Both are whole at every moment: each has its name only when it is on the disk. OSError where that cannot be done,
    or whatever `save` raises; the checkpoints are then as they were.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for part in path.parent.glob("*.part"):  # of a process that was killed
        with suppress(OSError):
            part.unlink()
    with replacing(path) as file:
        file.write(bytes(_HEAD.size))
        hashed = _Hashed(file)
        save(hashed)
        file.seek(0)
        file.write(_HEAD.pack(MAGIC, hashed.length, hashed.digest.digest()))
        settle(file)
        if path.is_file():
            path.replace(before(path))


def read(path: Path, load: Callable[[BinaryIO], Any]) -> Any:
    """What `load` reads from the checkpoint; Damaged where it is not what was written."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
            if head[: len(MAGIC)] != MAGIC:
                file.seek(0)
                try:
                    return load(file)
                except Exception as error:
                    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
                        raise
                    raise Damaged("it is empty" if not head else "it is no checkpoint, or a part of one") from error
            if len(head) < _HEAD.size:
                raise Damaged("it is cut short")
            _, length, digest = _HEAD.unpack(head)
            hashed, found = hashlib.blake2b(digest_size=32), 0
            while chunk := file.read(_CHUNK):
                hashed.update(chunk)
                found += len(chunk)
            if found != length:
                raise Damaged("it is cut short" if found < length else "it is longer than it was")
            if hashed.digest() != digest:
                raise Damaged("its checksum is another")
            file.seek(_HEAD.size)
            return load(file)
    except OSError as error:
        raise Damaged(f"it cannot be read: {reason(error)}") from error


def newest(path: Path, load: Callable[[BinaryIO], Any]) -> tuple[Any, list[tuple[Path, str]]]:
    """What the last checkpoint that is whole holds, None without any, and of the damaged ones after it why they are so.

    ValueError where there are checkpoints and none is whole.
    """
    wrong: list[tuple[Path, str]] = []
    for one in kept(path):
        try:
            return read(one, load), wrong
        except Damaged as error:
            wrong.append((one, f"{one.name}: {error}"))
    if not wrong:
        return None, []
    reasons = "; ".join(why for _, why in wrong)
    raise ValueError(f"no checkpoint can be used ({reasons}): begin it anew, as the page or resume --anew does")


def set_aside(damaged: Path) -> None:
    """Renames a damaged checkpoint, so that it does not take the place of the one that is whole."""
    with suppress(OSError):
        damaged.replace(damaged.with_name("damaged.pt"))


class _Hashed:
    """A file to write to in order, of which length and checksum are known afterwards."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.length, self.digest = file, 0, hashlib.blake2b(digest_size=32)

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.length += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()
