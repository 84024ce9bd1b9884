"""Few runs, everything remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optim_core import blocks
from optim_core.options import COORDINATE, Options
from optim_core.outcome import Outcome, outcomes, since
from optim_core.parameters import checked_number, settings
from optim_core.rule import Rule


@dataclass(frozen=True)
class Trace:
    """One run of a rule on a surface, from step 0, the start, to the last.

    path (steps+1, 2); loss (steps+1,), the surface's value there; gradient (steps, 2), what the rule was given at each
    step; state {name: (steps+1, 2) or (steps+1,)}, its state variables, initial ones first; outcome, and the step
    since when it holds (None where it is no matter of place); minimum, the index of the minimum reached, -1 for none.
    """

    path: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray
    state: dict[str, np.ndarray]
    outcome: Outcome
    since: int | None
    minimum: int

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.gradient)


def trace(
    rule: Rule,
    surface: Any,
    start: Any,
    steps: int,
    *,
    hyper: Mapping[str, float] | None = None,
    surface_parameters: Mapping[str, float] | None = None,
    difference: str = "central",
    spacing: float = 6e-6,
    stop: str | None = None,
    tolerance: float = 1e-3,
) -> Trace:
    """The run of a rule from start (x, y); ``Options`` says what the options mean.

    hyper, surface_parameters: by name, defaults for the rest. ValueError names what is wrong and what is allowed.
    """
    options = Options(steps, difference, spacing, stop, tolerance)
    h = settings(rule.Hyper, hyper, owner=f"rule {rule.name}")
    q = settings(surface.Parameters, surface_parameters, owner=f"surface {surface.name}")
    point = checked_point("start", start)

    n, slots = options.steps, sum(rule.state_slots.values())
    p = np.empty((1, 2, blocks.LANES))
    p[0] = point[:, None]
    path, loss = np.empty((n + 1, 2, 1)), np.empty((n + 1, 1))
    gradient, state = np.empty((n, 2, 1)), np.empty((n + 1, slots, 1))
    made, anchor, before = np.empty((1, blocks.LANES)), np.full_like(p, np.nan), np.full_like(p, np.nan)
    driver = blocks.Driver(rule, surface, options, surface.lowest(q))
    driver(p, columns(h, 1), columns(q, 1), made, anchor, before, (path, loss, gradient, state))

    k = int(made[0, 0])
    result, minimum = outcomes(surface, q, p[:, :, 0], anchor[:, :, 0], before[:, :, 0], np.array([k == n]))
    outcome, reached = Outcome(int(result[0])), int(minimum[0])
    path = path[: k + 1, :, 0]
    fields, row = {}, 0
    for name, width in rule.state_slots.items():
        fields[name] = state[: k + 1, row : row + 2, 0] if width == 2 else state[: k + 1, row, 0]
        row += width
    when = since(surface, q, path, outcome, reached)
    return Trace(path, loss[: k + 1, 0], gradient[:k, :, 0], fields, outcome, when, reached)


def checked_point(name: str, value: Any) -> np.ndarray:
    """value as a point (2,); ValueError where it is none or lies beyond all bounds."""
    try:
        x, y = value
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {value!r} is not a point (x, y)") from None
    return np.array([checked_number(f"{name} {axis}", v, COORDINATE) for axis, v in (("x", x), ("y", y))])


def columns(values: Any, runs: int) -> np.ndarray:
    """Named numbers, each one or one per run, as rows of blocks: (blocks, max(1, names), LANES)."""
    count = -(-runs // blocks.LANES)
    padded = np.zeros((count, max(1, len(values)), blocks.LANES))
    for row, value in enumerate(values):
        if np.ndim(value) == 0:
            padded[:, row] = value
        else:
            lanes = np.empty(count * blocks.LANES)
            lanes[:runs] = value
            lanes[runs:] = lanes[runs - 1]
            padded[:, row] = lanes.reshape(count, blocks.LANES)
    return padded
