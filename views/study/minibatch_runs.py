"""The runs that the Minibatch page draws, and the loss beneath them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from optim_core import RULES
from optim_core.studies.minibatch import (
    walk,
)
from surfaces.data.sets import data_set

KEPT = 100  # steps at which every run is kept
RESOLUTION = (141, 121)


@lru_cache(maxsize=8)
def heights(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The loss over its window: x, y, and z row by row, float32."""
    found = data_set(name)
    x, y = (np.linspace(low, high, n) for (low, high), n in zip(found.domain, RESOLUTION, strict=True))
    z = found.loss.value(np.stack(np.meshgrid(x, y), axis=-1))
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32).ravel()


@dataclass(frozen=True)
class Drawn:
    """The runs of one setting: full and one (steps+1, 2), crowd (runs, kept, 2), its mean (kept, 2), kept (kept,).

    full_loss, one_loss (steps+1,), mean_loss (kept,): above the minimum. ends (runs,): the same at the last step.
    """

    full: np.ndarray
    one: np.ndarray
    crowd: np.ndarray
    mean: np.ndarray
    kept: np.ndarray
    full_loss: np.ndarray
    one_loss: np.ndarray
    mean_loss: np.ndarray
    ends: np.ndarray


@lru_cache(maxsize=32)
def runs(
    data: str, rule: str, order: str, batch: int, lr: float, steps: int, count: int, seed: int, start: tuple
) -> Drawn:
    """Full-batch, one, and many runs."""
    loss = data_set(data).loss
    how: dict[str, Any] = {"hyper": {"lr": lr}}

    def above(points: np.ndarray) -> np.ndarray:
        return np.maximum(loss.value(points) - loss.lowest, 0.0)  # at the minimum rounding may leave it below

    kept = np.unique(np.linspace(0, steps, min(steps, KEPT) + 1).round().astype(np.int64))
    with np.errstate(all="ignore"):
        full = walk(loss, RULES[rule], start, steps, batch=loss.rows, order="fixed", **how)[0]
        one = walk(loss, RULES[rule], start, steps, batch=batch, order=order, seed=seed, **how)[0]
        crowd = walk(loss, RULES[rule], start, steps, batch=batch, order=order, seed=seed, runs=count, keep=kept, **how)
        high = above(crowd)
        return Drawn(
            full, one, crowd, crowd.mean(axis=0), kept, above(full), above(one), high.mean(axis=0), high[:, -1],
        )  # fmt: skip
