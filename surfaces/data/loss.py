"""Losses of two parameters over the rows of a table: least squares and logistic, with what is known of them exactly."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optim_core.engine import elementary
from optim_core.engine.machine_code import compiled
from optim_core.parameters import checked_number

KINDS = ("least_squares", "logistic")
FEWEST_ROWS = 3
_LANES = 64
_NEWTON_STEPS = 100


@dataclass(frozen=True, eq=False)
class DataLoss:
    """The mean over n rows of a loss of two parameters w.

    columns (n, 2); targets (n,). least_squares: (columns[i] . w - targets[i])^2 / 2. logistic, for targets 0 and 1:
    log(1 + exp(-s z)) with z = columns[i] . w and s = 2 targets[i] - 1.
    """

    kind: str
    columns: np.ndarray
    targets: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.targets)

    @property
    def is_logistic(self) -> bool:
        """Whether it is logistic; least squares otherwise."""
        return self.kind == "logistic"

    def value(self, points: np.ndarray) -> np.ndarray:
        """The loss at points (..., 2): (...)."""
        flat = np.ascontiguousarray(np.reshape(points, (-1, 2)), dtype=np.float64)
        if self.is_logistic:
            found = np.empty(len(flat))
            _logistic_values(self.columns, self.targets, flat, found)
        else:
            away = flat - self.minimum
            found = self.lowest + 0.5 * np.einsum("ki,ij,kj->k", away, self.hessian(self.minimum), away)
        return found.reshape(np.shape(points)[:-1])

    def row_gradients(self, w: np.ndarray) -> np.ndarray:
        """The gradient of every row's loss at w (2,): (n, 2)."""
        z = self.columns @ np.asarray(w, dtype=np.float64)
        residual = _sigmoid(z) - self.targets if self.is_logistic else z - self.targets
        return residual[:, None] * self.columns

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """The gradient at w (2,): (2,)."""
        return self.row_gradients(w).mean(axis=0)

    def hessian(self, w: np.ndarray) -> np.ndarray:
        """The second derivatives at w (2,): (2, 2)."""
        if not self.is_logistic:
            return self.columns.T @ self.columns / self.rows
        share = _sigmoid(self.columns @ np.asarray(w, dtype=np.float64))
        return self.columns.T @ (self.columns * (share * (1 - share))[:, None]) / self.rows

    @cached_property
    def minimum(self) -> np.ndarray:
        """Where it is least (2,): in closed form, or by Newton's method for logistic losses.

        ValueError where there is no single such place: one column is a multiple of the other, or a line through the
        origin separates the two classes.
        """
        largest, least = np.linalg.eigvalsh(self.columns.T @ self.columns)[::-1]
        if not least > 1e-12 * largest:
            raise ValueError("one column is a multiple of the other (or all zeros), so the loss has no single minimum")
        if not self.is_logistic:
            return np.linalg.lstsq(self.columns, self.targets, rcond=None)[0]
        w = np.zeros(2)
        for _ in range(_NEWTON_STEPS):
            slope, curvature = self.gradient(w), self.hessian(w)
            if np.linalg.eigvalsh(curvature)[0] < 1e-12 * largest / self.rows:
                break
            step = np.linalg.solve(curvature, slope)
            here, shrink = _logistic_value(self, w), 1.0
            while shrink > 1e-6 and _logistic_value(self, w - shrink * step) > here:
                shrink /= 2
            w = w - shrink * step
            if np.abs(step).max() <= 1e-13 * max(1.0, np.abs(w).max()):
                return w
        if np.abs(self.gradient(w)).max() <= 1e-12 * np.abs(self.columns).max() and not self._separated(w):
            return w
        raise ValueError("a line separates the two classes, so the logistic loss falls for ever and has no minimum")

    def _separated(self, w: np.ndarray) -> bool:
        return bool((((2 * self.targets - 1) * (self.columns @ w)) > 0).all())

    @cached_property
    def lowest(self) -> float:
        """The loss at the minimum."""
        if self.is_logistic:
            return _logistic_value(self, self.minimum)
        return float(np.mean((self.columns @ self.minimum - self.targets) ** 2) / 2)


def data_loss(kind: str, columns: np.ndarray, targets: np.ndarray) -> DataLoss:
    """The loss of that kind, one of KINDS, over columns (n, 2) and targets (n,); ValueError says what is wrong."""
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r} is not known; there are: {', '.join(KINDS)}")
    x = np.ascontiguousarray(checked_number("columns", columns, "(-inf, inf)", array=True))
    y = np.ascontiguousarray(checked_number("targets", targets, "(-inf, inf)", array=True))
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != (len(x),):
        raise ValueError(f"columns has shape {x.shape} and targets {y.shape}; they must be (n, 2) and (n,)")
    if len(x) < FEWEST_ROWS:
        raise ValueError(f"there are {len(x)} rows; at least {FEWEST_ROWS} are needed")
    if kind == "logistic" and set(np.unique(y)) != {0.0, 1.0}:
        shown = ", ".join(f"{value:g}" for value in np.unique(y)[:5])
        raise ValueError(f"the targets of a logistic loss must be 0 and 1, both of them; here are {shown}")
    return DataLoss(kind, x, y)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def _logistic_value(loss: DataLoss, w: np.ndarray) -> float:
    return float(np.logaddexp(0.0, (1 - 2 * loss.targets) * (loss.columns @ w)).mean())


@compiled(nogil=True, error_model="numpy")
def _logistic_values(columns, targets, points, found):
    # Blocks of points inside, rows outside: the loop over a block is vectorised.
    x, y, total = np.zeros(_LANES), np.zeros(_LANES), np.zeros(_LANES)
    for first in range(0, len(points), _LANES):
        count = min(_LANES, len(points) - first)
        for k in range(count):
            x[k] = points[first + k, 0]
            y[k] = points[first + k, 1]
        total[:] = 0.0
        for i in range(len(targets)):
            sign = 1.0 - 2.0 * targets[i]
            u, v = sign * columns[i, 0], sign * columns[i, 1]
            for k in range(_LANES):
                z = u * x[k] + v * y[k]
                total[k] += elementary.select(z > 0.0, z, 0.0) + elementary.log(1.0 + elementary.exp(-abs(z)))
        for k in range(count):
            found[first + k] = total[k] / len(targets)
