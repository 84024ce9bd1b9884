"""Lines and points of a study's charts."""

from typing import Any

import numpy as np

from views.shared.messages import (
    StudyCurve,
)


def curve(
    key: str, label: str, colour: str | None, x: Any, y: Any, dash: str = "", ends: tuple[Any, Any] | None = None,
) -> StudyCurve:  # fmt: skip
    """A line of a chart, or points with bars between ``ends``; only where both x and y are finite."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    fine = np.isfinite(x) & np.isfinite(y)
    line: StudyCurve = {"key": key, "label": label, "colour": colour, "dash": dash, "x": x[fine], "y": y[fine]}
    if ends is not None:
        lower, upper = (np.asarray(end, dtype=np.float64)[fine] for end in ends)
        line["lower"], line["upper"] = lower, upper
    return line


def dots(key: str, label: str, colour: str, x: Any, y: Any, error: Any) -> StudyCurve:
    """Measured points with bars of two standard errors."""
    y, error = np.asarray(y), np.asarray(error)
    return curve(key, label, colour, x, y, ends=(y - 2 * error, y + 2 * error))
