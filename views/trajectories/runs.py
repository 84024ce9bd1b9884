"""What the Trajectories page computes, kept by set-up: runs, herds, rolling balls, and the surface's heights."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from optim_core import RULES, Outcome, Trace
from optim_core.engine.blocks import evaluate
from optim_core.runs.outcome import FAR, nearest_minimum
from optim_core.runs.setup import Setup
from optim_core.runs.trace import traced, traced_from
from optim_core.studies.rolling_ball import rolling_ball
from surfaces import SURFACES
from views.shared.fields import short
from views.shared.messages import Herd as DrawnHerd
from views.shared.messages import Reference
from views.shared.packing import content_key
from views.shared.settings import Settings
from views.shared.words import words

HERD_POINTS = 300  # of a path from one of many starts
BALL_POINTS = 4  # of a rolling ball's path, for each step


@dataclass(frozen=True)
class Shown:
    """A run and what is shown of it: path, loss and distance before it diverges, its outcome and its row of numbers.

    content: what names its arrays.
    """

    content: str
    trace: Trace
    path: np.ndarray
    loss: np.ndarray
    distance: np.ndarray | None
    words: str
    numbers: tuple[str, ...]


@lru_cache(maxsize=64)
def _run(setup: Setup) -> Shown:
    surface, run = setup.surface, traced(setup)
    with np.errstate(all="ignore"):
        drawable = (np.abs(run.path).max(axis=1) <= FAR * surface.scale) & np.isfinite(run.loss)
        count = len(drawable) if drawable.all() else max(1, int(np.argmin(drawable)))
        length = float(np.hypot(*np.diff(run.path, axis=0).T).sum())
        distances = nearest_minimum(surface, setup.parameters, run.path)[1]
    known = bool(np.isfinite(distances[0]))
    told, made = (run.loss[-1], distances[-1] if known else np.nan, length), run.steps
    if run.outcome == Outcome.DIVERGED:
        told, made = (np.nan, np.nan, np.nan), run.since or run.steps
    final, away, far = (short(value) if np.isfinite(value) else "–" for value in told)
    return Shown(
        content_key("run", setup.key),
        run,
        run.path[:count].astype(np.float32).ravel(),
        run.loss[:count].astype(np.float64),
        distances[:count].astype(np.float32) if known else None,
        words(surface, run, setup.options.steps, setup.parameters),
        (str(made), final, away, str(run.evaluations), far),
    )


def runs(settings: Settings) -> dict[int, Shown]:
    """The run of every card that is on."""
    return {number: _run(settings.setup(number)) for number, card in settings.cards.items() if card.on}


@dataclass(frozen=True)
class Herd:
    """Runs from many starts: paths (runs, points, 2) float32, every so many steps and the last; how many arrive.

    ``last`` is the number of steps of the longest, ``content`` what names the paths.
    """

    content: str
    path: np.ndarray
    every: int
    last: int
    arrived: int

    def as_message(self) -> DrawnHerd:
        """As the browser draws it."""
        points = self.path.shape[1]
        return {
            "content": self.content, "path": self.path.ravel(), "points": points, "every": self.every,
            "last": self.last,
        }  # fmt: skip


@lru_cache(maxsize=128)
def _herd(setup: Setup, starts: tuple[tuple[float, float], ...]) -> Herd:
    made, steps = traced_from(setup, starts), setup.options.steps
    every = -(-steps // HERD_POINTS)
    ends = np.isfinite(made.path).all(axis=2).sum(axis=1, keepdims=True) - 1  # one that has stopped stays there
    shown = np.minimum(np.arange(-(-steps // every) + 1) * every, ends)
    path = np.take_along_axis(made.path, shown[:, :, None], axis=1)
    path[np.abs(path).max(axis=2) > FAR * setup.surface.scale] = np.nan
    content = content_key("herd", setup.key, starts)
    arrived = int((made.outcome == Outcome.CONVERGED).sum())
    return Herd(content, path.astype(np.float32), every, int(ends.max()), arrived)


def herds(settings: Settings) -> dict[int, Herd]:
    """The runs of every card that is on from the starts around the start; nothing where there is only the one."""
    points = settings.spread.points(settings.start, settings.drawn_window)
    found = {}
    for number, card in settings.cards.items() if len(points) else ():
        if card.on:
            count = len(points) if RULES[card.rule].compiled else min(len(points), few(settings.steps))
            starts = points[np.arange(count) * len(points) // count]
            found[number] = _herd(settings.setup(number), tuple(map(tuple, starts.tolist())))
    return found


def few(steps: int) -> int:
    """From how many of the starts a rule runs that is interpreted step by step, so that a slider does not wait."""
    return max(1, 2000 // steps)


@lru_cache(maxsize=64)
def _ball(surface: str, parameters: tuple, start: tuple, lr: float, momentum: float, steps: int) -> np.ndarray:
    found = SURFACES[surface]
    path = rolling_ball(found, found.Parameters(*parameters), start, lr, momentum, steps, BALL_POINTS)
    return path.astype(np.float32).ravel()


def balls(settings: Settings) -> dict[int, Reference]:
    """The rolling ball of every card with momentum that is on, where balls are shown."""
    found: dict[int, Reference] = {}
    for number, card in settings.cards.items() if settings.view.ball else ():
        if not card.on or card.rule not in ("momentum", "momentum_average"):
            continue
        mu, lr = card.hyper.get("momentum", card.hyper.get("beta", 0.0)), card.hyper["lr"]
        lr *= 1 - card.hyper["dampening"] if card.rule == "momentum" else 1 - mu
        parameters = tuple(settings.parameters.values())
        path = _ball(settings.surface, parameters, settings.start, lr, mu, settings.steps)
        name = f"the ball that {settings.title(number)} imitates, friction {short(1 - mu)}"
        found[number] = {"id": number, "name": name, "path": path, "each": BALL_POINTS}
    return found


@lru_cache(maxsize=64)
def heights(surface: str, parameters: tuple, window: tuple, resolution: int) -> tuple[np.ndarray, ...]:
    """x (n,), y (n,) and the surface there (n * n,), row by row from the lowest y, float32; window: x0, x1, y0, y1."""
    x = np.linspace(window[0], window[1], resolution)
    y = np.linspace(window[2], window[3], resolution)
    found = SURFACES[surface]
    columns, rows = np.meshgrid(x, y)
    z = evaluate(found, columns, rows, found.Parameters(*parameters))
    with np.errstate(over="ignore"):
        return tuple(values.astype(np.float32) for values in (x, y, z.ravel()))
