"""What a recorded algorithm is given: a box to search, and values that it can compare and subtract."""

from typing import Any

import numpy as np

LARGEST = 1e150  # its square is a float still, and so is a sum of many


def box(f: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners (2,) and (2,) of the window, widened as far as is needed to hold the start x (2,)."""
    low, high = np.array(f.window, dtype=np.float64).T
    return np.minimum(low, x), np.maximum(high, x)


def comparable(values: Any) -> Any:
    """Values for a library that knows no other than finite ones: at most 1e150 in size, NaN being as bad as can be."""
    return np.fmax(np.fmin(values, LARGEST), -LARGEST)
