"""A run as the store has it: where it stands, whose it is, and whether its process lives."""

import json
import os
import platform
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

QUEUED, RUNNING, FINISHED = "queued", "running", "finished"
STOPPED, DIVERGED, FAILED, INTERRUPTED = "stopped", "diverged", "failed", "interrupted"
STATUSES = (QUEUED, RUNNING, FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED)
RESUMABLE = (STOPPED, INTERRUPTED, FAILED)
ID = re.compile(r"[0-9a-f]{8}")
STALE = 8.0  # seconds without a heartbeat after which a run counts as interrupted
LONGEST_NAME = 200


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
    return replace(run, status=INTERRUPTED, error=SILENT)


SILENT = "its process no longer answers"


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
