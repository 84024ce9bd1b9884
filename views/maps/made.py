"""The maps that are made: coarse at once, fine when there is time, kept as long as there is room."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from optim_core.runs.sweep import Cancelled, Progress
from optim_core.studies.maps import Basins, Plane, Window, basins, plane, spread_starts
from surfaces import SURFACES
from views.maps.state import MapState
from views.shared.kept import Kept
from views.shared.settings import Settings

QUICK = 0.07  # seconds that coarse maps may take together
SLICE = 1.0  # seconds after which fine maps that are ready are shown, before the next are made
COARSE = (1, 2, 4, 8, 16, 32)
ENOUGH = 1000  # runs from which on a measured speed counts
GUESS = 1e-8  # seconds a step takes where none has been measured; as much a row where the surface reads rows
PATIENCE = 20.0  # seconds that a map may take while somebody looks on: one that would take more stays coarse
MEMORY = 2**28  # bytes of maps that are kept
SPEEDS = 1000  # the last so many: surfaces are also formulas that somebody has typed


def size(made: Basins | Plane) -> int:
    """Bytes of a map's arrays."""
    return sum(value.nbytes for part in fields(made) if isinstance(value := getattr(made, part.name), np.ndarray))


kept: Kept[Basins | Plane] = Kept(MEMORY)
_speeds: dict[tuple[str, str, str], float] = {}  # rule, surface, kind: seconds a run has taken


def _took(speed: tuple[str, str, str], seconds: float) -> None:
    _speeds.pop(speed, None)
    _speeds[speed] = seconds
    while len(_speeds) > SPEEDS:
        _speeds.pop(next(iter(_speeds)), None)


@dataclass(frozen=True)
class Task:
    """One map to be made: everything that it depends on is in the key."""

    key: tuple
    make: Callable[..., Basins | Plane]
    runs: int
    speed: tuple[str, str, str]
    guess: float

    def seconds(self) -> float:
        """How long all runs are expected to take."""
        return self.runs * _speeds.get(self.speed, self.guess)

    @property
    def finest(self) -> int:
        """How coarse the map stays that would take too long otherwise."""
        return next((every for every in COARSE if self.seconds() / every**2 <= PATIENCE), COARSE[-1])

    def made(self, every: int, progress: Progress | None = None) -> Basins | Plane:
        """The map, every so many columns and rows of it; kept from last time if it is."""
        if (found := kept.get((self.key, every))) is not None:
            return found
        before = time.perf_counter()
        found = self.make(every=every, progress=progress)
        runs = max(1, self.runs // every**2)
        if runs >= ENOUGH or self.speed not in _speeds:
            _took(self.speed, (time.perf_counter() - before) / runs)
        kept.put((self.key, every), found, size(found))
        return found


def task(state: MapState, number: int, resolution: int | None = None) -> Task:
    """The map of a card; ValueError says why there is none."""
    base = state.base
    setup = base.setup(number)
    rule, surface, options = setup.rule, setup.surface, setup.options
    if not rule.compiled:
        raise ValueError(f"{rule.title} makes no map: its steps are interpreted; watch single runs on Trajectories")
    given = {
        "surface_parameters": setup.parameters._asdict(), "difference": options.difference,
        "spacing": options.spacing, "stop": options.stop, "tolerance": options.tolerance, "around": options.around,
    }  # fmt: skip
    side = resolution or state.resolution
    guess = GUESS * options.steps * getattr(surface, "rows", 1)
    if state.kind == "basins":
        shown, hyper = window(base), setup.hyper._asdict()

        def window_of_starts(**more: Any) -> Basins:
            return basins(rule, surface, shown, side, options.steps, hyper=hyper, **given, **more)

        key = ("basins", setup.at(surface.start).key, shown, side)
        return Task(key, window_of_starts, side * side, (rule.name, surface.name, "basins"), guess)

    x, y = (axis._replace(count=side) for axis in state.axes(rule))
    points = starts(state)
    others = {name: value for name, value in setup.hyper._asdict().items() if name not in (x.name, y.name)}

    def values(**more: Any) -> Plane:
        return plane(rule, surface, points, x, y, options.steps, hyper=others, **given, **more)

    varied = setup.hyper._replace(**{x.name: None, y.name: None})
    key = ("plane", replace(setup.at(surface.start), hyper=varied).key, x, y, tuple(points))
    return Task(key, values, side * side * len(points), (rule.name, surface.name, f"plane {len(points)}"), guess)


def starts(state: MapState) -> list[tuple[float, float]]:
    """The starts from which a plane's cells are run."""
    if state.starts == 1:
        return [state.base.start]
    return [(x, y) for x, y in spread_starts(SURFACES[state.base.surface], state.starts).tolist()]


def window(base: Settings) -> Window:
    """The window of starts."""
    x_low, x_high, y_low, y_high = base.drawn_window
    return (x_low, x_high), (y_low, y_high)


def coarseness(tasks: Iterable[Task]) -> int:
    """How coarse maps that are not known yet must be, so that all together are soon made."""
    total = sum(one.seconds() for one in tasks)
    return next((every for every in COARSE if total / every**2 <= QUICK), COARSE[-1])


def made(
    state: MapState, fine: bool, progress: Progress | None = None, limit: float = SLICE
) -> dict[int, tuple[Any, int] | str]:
    """Of each card that is shown its map and how coarse it is, or a sentence why there is none.

    Unless they are to be fine, maps that are not known yet are as coarse as it takes to be quick. Those that are left
    when ``progress`` answers False, or after so many seconds, stay so.
    """
    tasks: dict[int, Task] = {}
    found: dict[int, tuple[Any, int] | str] = {}
    for number in state.shown:
        try:
            tasks[number] = task(state, number)
        except ValueError as error:
            found[number] = f"{error}."
    new = [one for one in tasks.values() if kept.get((one.key, 1)) is None]
    every, began = coarseness(new), time.perf_counter()
    for number, one in tasks.items():
        try:
            if fine or one not in new:
                wanted = 1 if np.isinf(limit) or one not in new else one.finest
                found[number] = one.made(wanted, progress), wanted
                fine = fine and (one not in new or time.perf_counter() - began < limit)
                continue
        except Cancelled:
            fine = False
        coarse = max(every, one.finest)
        found[number] = one.made(coarse), coarse
    return {number: found[number] for number in state.shown}
