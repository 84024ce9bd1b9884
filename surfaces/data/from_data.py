"""Surfaces from data: the least squares or the logistic loss of two parameters over the rows of a table.

A least squares loss is a quadratic, so that however many rows there are it costs what a built-in surface costs. A
logistic loss reads all rows at every point, MOST_LOGISTIC_ROWS of them at most.
"""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit

from optim_core.engine import elementary
from optim_core.engine.machine_code import sources
from optim_core.engine.shared import Shared
from surfaces.core.derivative import Derivative
from surfaces.core.surface import NoParameters
from surfaces.core.written import WrittenSurface
from surfaces.data.loss import DataLoss, data_loss
from surfaces.data.table import Table, two_classes

MOST_LOGISTIC_ROWS = 2000
_SOURCE = Path(__file__).read_text(encoding="utf-8")


@dataclass(frozen=True, eq=False, kw_only=True)
class DataSurface(WrittenSurface):
    """A surface that is a loss over data."""

    loss: DataLoss
    rows: int = 1  # that are read at every point

    def straight(self, order: int) -> Derivative:
        """As any such surface; of least squares, those above the second vanish."""
        if order > 2 and not self.loss.is_logistic:
            return self.written(f"order{order}", lambda x, y: (0.0 * x, 0.0 * y))
        return super().straight(order)


def surface_from_data(
    columns: Any,
    targets: Any,
    kind: str = "least_squares",
    *,
    title: str = "From data",
    names: tuple[str, str] = ("x", "y"),
    story: str = "",
    domain: tuple[tuple[float, float], tuple[float, float]] | None = None,
    start: tuple[float, float] | None = None,
) -> DataSurface:
    """The loss over columns (n, 2) and targets (n,) as a surface over the two parameters; ``DataLoss`` says which.

    names: of the parameters. domain, start: left out, the window holds the minimum, the origin and what is about as
    high as it, and runs begin at the origin. ValueError where the data are no such data, the rows of a logistic loss
    are more than MOST_LOGISTIC_ROWS, or there is no single minimum.
    """
    loss = data_loss(kind, columns, targets)
    if loss.is_logistic and loss.rows > MOST_LOGISTIC_ROWS:
        raise ValueError(
            f"there are {loss.rows:,} rows; a logistic loss is read at every point, so at most {MOST_LOGISTIC_ROWS:,} "
            "are allowed"
        )
    x0, y0 = map(float, loss.minimum)
    window = domain or _window(loss)
    begin = start or ((0.0, 0.0) if _far((0.0, 0.0), loss.minimum, window) else (window[0][0], window[1][1]))
    value, gradient, hessian = (_logistic if loss.is_logistic else _least_squares)(loss)
    digest = hashlib.sha256(b"\0".join((kind.encode(), loss.columns.tobytes(), loss.targets.tobytes()))).hexdigest()
    module = ModuleType(f"surfaces.data_{kind}")
    module.MINIMA = ((x0, y0, loss.lowest),)  # type: ignore[attr-defined]
    module.LATEX = _LATEX[kind]  # type: ignore[attr-defined]
    reference = f"{'Logistic loss' if loss.is_logistic else 'Least squares'} over {loss.rows:,} rows."
    return DataSurface(
        name=f"data_{kind}_{digest[:8]}", title=title, domain=window, start=begin, f=value, Parameters=NoParameters,
        smooth_at_minima=True, log_heights=True, difficulty=_difficulty(loss), reference=f"{story} {reference}".strip(),
        paper=f"The parameters are {names[0]} and {names[1]}.", source=f"{_SOURCE}\n# data {digest}", module=module,
        loss=loss, rows=loss.rows if loss.is_logistic else 1, gradient_f=gradient, hessian_f=hessian,
        shared=LOGISTIC if loss.is_logistic else LEAST_SQUARES, numbers=_numbers(loss),
    )  # fmt: skip


def surface_from_table(
    table: Table, features: Sequence[str], target: str, kind: str = "least_squares", *, standardise: bool = True,
    title: str = "From data",
) -> DataSurface:  # fmt: skip
    """The loss over columns of a table: of one feature, slope and intercept; of two, a weight for each.

    standardise: features get mean 0 and variance 1. The target of a logistic loss may hold any two different texts.
    ValueError says what is wrong with the table or the choice.
    """
    if not 1 <= len(features) <= 2 or len({*features, target}) != len(features) + 1:
        raise ValueError("choose one or two different feature columns and another column for the target")
    columns = [table.numbers(name) for name in features]
    if standardise:
        for name, values in zip(features, columns, strict=True):
            if values.std() == 0:
                raise ValueError(f"column {name[:40]!r} is {values[0]:g} in every row; it cannot be standardised")
        columns = [(values - values.mean()) / values.std() for values in columns]
    story = f"{target} from {' and '.join(features)}{', standardised' if standardise else ''}."
    if kind == "logistic":
        targets, classes = two_classes(table.texts(target), target)
        story += f" 1 is {classes[1]!r}, 0 is {classes[0]!r}."
    else:
        targets = table.numbers(target)
    names = ("slope", "intercept") if len(features) == 1 else (f"weight of {features[0]}", f"weight of {features[1]}")
    columns = columns if len(columns) == 2 else [columns[0], np.ones(len(targets))]
    return surface_from_data(np.column_stack(columns), targets, kind, title=title, names=names, story=story)


_LATEX = {
    "least_squares": r"\frac{1}{2n}\sum_i \left(x\,a_i + y\,b_i - t_i\right)^2",
    "logistic": r"\frac{1}{n}\sum_i \log\left(1 + e^{-s_i (x\,a_i + y\,b_i)}\right)",
}


def _window(loss: DataLoss) -> tuple[tuple[float, float], tuple[float, float]]:
    """Holds the minimum, the origin, and the ellipse of the quadratic at the minimum through the origin's height."""
    height = float(loss.value(np.zeros(2))) - loss.lowest
    reach = np.sqrt(2 * max(height, 1e-12) * np.diag(np.linalg.inv(loss.hessian(loss.minimum))))
    reach = np.maximum(reach, 1e-3 * np.maximum(1.0, np.abs(loss.minimum)))
    low, high = np.minimum(loss.minimum - reach, 0.0), np.maximum(loss.minimum + reach, 0.0)
    room = 0.1 * (high - low)
    (x0, y0), (x1, y1) = low - room, high + room
    return (float(x0), float(x1)), (float(y0), float(y1))


def _far(point: tuple[float, float], minimum: np.ndarray, window: Any) -> bool:
    sides = [high - low for low, high in window]
    return bool(max(abs(p - m) / side for p, m, side in zip(point, minimum, sides, strict=True)) > 0.05)


def _difficulty(loss: DataLoss) -> str:
    least, largest = np.linalg.eigvalsh(loss.hessian(loss.minimum))
    return f"A real loss, whose curvatures at the minimum are {largest:.3g} and {least:.3g}."


# ---------------------------------------------------------------- least squares: a quadratic


def _least_squares(loss: DataLoss) -> tuple[Any, Any, Any]:
    n = _numbers(loss).tolist()

    def f(x, y):
        return _quadratic(x, y, n)

    def gradient(x, y):
        return _quadratic_slope(x, y, n)

    def hessian(x, y):
        nothing = 0.0 * (x + y)
        return n[3] + nothing, n[4] + nothing, n[5] + nothing

    return f, gradient, hessian


# ---------------------------------------------------------------- logistic: a sum over rows


def _logistic(loss: DataLoss) -> tuple[Any, Any, Any]:
    sign = 1 - 2 * loss.targets
    a, b = np.ascontiguousarray(sign * loss.columns[:, 0]), np.ascontiguousarray(sign * loss.columns[:, 1])

    def f(x, y):
        return softplus_mean(x, y, a, b)

    def gradient(x, y):
        return softplus_slope(x, y, a, b)

    def hessian(x, y):
        return softplus_bend(x, y, a, b)

    return f, gradient, hessian


def _rows(x: Any, y: Any, a: np.ndarray, b: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """The library, z of every row in the last axis, and the rows' columns, as arrays or tensors."""
    if type(x).__module__.startswith("torch") or type(y).__module__.startswith("torch"):
        import torch

        like = x if torch.is_tensor(x) else y
        x, y, a, b = (torch.as_tensor(v, dtype=like.dtype, device=like.device) for v in (x, y, a, b))  # type: ignore[assignment]
        library: Any = torch
    else:
        x, y, library = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), np
    return library, x[..., None] * a + y[..., None] * b, a, b


def softplus_mean(x, y, a, b):
    """The mean over rows of log(1 + exp(z)), z = x a + y b; x and y are numbers, arrays or tensors of one shape."""
    library, z, *_ = _rows(x, y, a, b)
    return library.logaddexp(z, library.zeros_like(z)).mean(-1)


def softplus_slope(x, y, a, b):
    """Its derivatives by x and by y."""
    library, z, a, b = _rows(x, y, a, b)
    share = 0.5 * (1 + library.tanh(0.5 * z))
    return (share * a).mean(-1), (share * b).mean(-1)


def softplus_bend(x, y, a, b):
    """Its second derivatives: by x twice, by both, by y twice."""
    library, z, a, b = _rows(x, y, a, b)
    share = 0.5 * (1 + library.tanh(0.5 * z))
    weight = share * (1 - share)
    return (weight * a * a).mean(-1), (weight * a * b).mean(-1), (weight * b * b).mean(-1)


# ---------------------------------------------------------------- compiled


def _numbers(loss: DataLoss) -> np.ndarray:
    """What the compiled functions read: the quadratic, or how many rows there are, and their columns."""
    if not loss.is_logistic:
        (a, b), (_, c) = loss.hessian(loss.minimum).tolist()
        return np.array([*loss.minimum, loss.lowest, a, b, c])
    rows = (1 - 2 * loss.targets)[:, None] * loss.columns
    return np.concatenate([[loss.rows], rows[:, 0], rows[:, 1]])


def _quadratic(x, y, n):
    u, v = x - n[0], y - n[1]
    return n[2] + (0.5 * n[3] * u * u + n[4] * u * v + 0.5 * n[5] * v * v)


def _quadratic_slope(x, y, n):
    u, v = x - n[0], y - n[1]
    return n[3] * u + n[4] * v, n[4] * u + n[5] * v


# Sums may be taken in any order, so that the loop over rows is vectorised.
_SUMS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}


@njit(**_SUMS)
def _mean(x, y, n):
    total, rows = 0.0, int(n[0])
    for i in range(1, rows + 1):
        z = x * n[i] + y * n[rows + i]
        total += elementary.select(z > 0.0, z, 0.0) + elementary.log(1.0 + elementary.exp(-abs(z)))
    return total / rows


@njit(**_SUMS)
def _slope(x, y, n):
    first, second, rows = 0.0, 0.0, int(n[0])
    for i in range(1, rows + 1):
        share = 1.0 / (1.0 + elementary.exp(-(x * n[i] + y * n[rows + i])))
        first += share * n[i]
        second += share * n[rows + i]
    return first / rows, second / rows


def _logistic_value(x, y, n):
    return _mean(x, y, n)


def _logistic_slope(x, y, n):
    return _slope(x, y, n)


_MADE_FROM = sources(sys.modules[__name__])
LEAST_SQUARES = Shared("least_squares", _MADE_FROM, _quadratic, _quadratic_slope)
LOGISTIC = Shared("logistic", _MADE_FROM, _logistic_value, _logistic_slope)
