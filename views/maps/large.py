"""One map of up to 4096 pixels a side, made with an estimate of the time left and written as files."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from optim_core.runs.sweep import Cancelled, Progress
from optim_core.studies.map_files import SHOWN, npz, png
from optim_core.studies.maps import Basins
from views.maps.made import Task
from views.shared.kept import Kept

SIDES = (512, 1024, 2048, 4096)
SIDES_FOR_ALL = SIDES[:2]  # where others reach the page: the larger take all processors for minutes
MEMORY = 2**29  # bytes of files that are kept
OFTEN = 0.25  # seconds between two words on how far it is


@dataclass(frozen=True)
class Files:
    """A large map as a picture and as arrays, and a sentence about how it was made."""

    png: bytes
    npz: bytes
    told: str


kept: Kept[Files] = Kept(MEMORY)


def large_files(task: Task, colour: str, tell: Callable[[float, str], object], go_on: Progress) -> Files:
    """Makes a map and its files; ``tell(share, text)`` says how far it is. Cancelled where ``go_on`` answers False."""
    began, last = time.perf_counter(), 0.0

    def progress(done: int, total: int) -> bool | None:
        nonlocal last
        now = time.perf_counter() - began
        if now - last > OFTEN:
            last = now
            tell(done / total, f"{done:,} of {total:,} runs, about {lasting(now * (total - done) / done)} left")
        return go_on(done, total)

    made = task.make(every=1, progress=progress)
    computed = time.perf_counter() - began
    tell(1.0, "Writing the files …")
    told = f"{task.runs:,} runs in {lasting(computed)}."
    shown = "loss" if isinstance(made, Basins) or colour not in SHOWN else colour
    drawn = png(made, shown)
    if go_on(task.runs, task.runs) is False:
        raise Cancelled("cancelled while the files were written")
    return Files(drawn, npz(made), told)


def large_file(of: Hashable, kind: str) -> bytes:
    """The ``png`` or the ``npz`` of a map that has been made; LookupError where it is not kept any more."""
    if (found := kept.get(of)) is None:
        raise LookupError("others have made so many large maps since that this one is gone: make it again")
    return getattr(found, kind)


def lasting(seconds: float) -> str:
    """A time for people."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
