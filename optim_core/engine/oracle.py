"""What a rule may ask a surface: values, gradients and second derivatives; the questions are counted."""

import ctypes
from typing import Any

import numpy as np

from optim_core.engine.blocks import evaluate, gradient_block, value_block
from optim_core.engine.lanes import LANES
from optim_core.options import Options
from optim_core.surface import Surface

MEMORY = 64  # the last questions, asked again by a line search and by the step after it
_POINTER = ctypes.POINTER(ctypes.c_double)


class Oracle:
    """A surface at chosen parameters, asked point by point; by the same compiled functions as in blocks.

    evaluations: how often something was asked, a value, a gradient or a Hessian each counting one; with ``memory``,
    asking the same again soon after costs nothing. points: where values were asked, in order, without ``memory``.
    window: ((x0, x1), (y0, y1)), the surface's. Points are float64 arrays (2,).
    """

    def __init__(self, surface: Surface, parameters: Any, options: Options, *, memory: bool = False) -> None:
        self.evaluations = 0
        self._memory, self._known = memory, dict[tuple[str, bytes], None]()
        self.points: list[np.ndarray] = []
        self.window = surface.domain
        self._surface, self._parameters = surface, parameters
        self._kernels = value_block(surface), gradient_block(surface, options.difference)
        self._value, self._gradient = (kernel.ctypes for kernel in self._kernels)
        self._p, self._g, self._v = np.zeros((2, LANES)), np.empty((2, LANES)), np.empty(LANES)
        self._q = np.repeat(np.array(tuple(parameters) or (0.0,), dtype=np.float64)[:, None], LANES, axis=1)
        kept = (self._p, self._g, self._v, self._q, surface.numbers)
        self._at = tuple(part.ctypes.data_as(_POINTER) for part in kept)
        self._spacing = options.spacing

    def look(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient at x, not counted."""
        p, g, v, q, data = self._at
        self._p[0, 0], self._p[1, 0] = x
        self._value(p, v, q, data)
        self._gradient(p, g, q, data, self._spacing)
        return float(self._v[0]), self._g[:, 0].copy()

    def _count(self, what: str, x: np.ndarray) -> None:
        """Counts a question, unless it is one of the last that were asked."""
        if self._memory:
            key = (what, np.asarray(x).tobytes())
            if key in self._known:
                return
            self._known[key] = None
            if len(self._known) > MEMORY:
                del self._known[next(iter(self._known))]
        self.evaluations += 1

    def value(self, x: np.ndarray) -> float:
        """The surface at x."""
        self._count("value", x)
        if not self._memory:
            self.points.append(np.array(x, dtype=np.float64))
        p, _, v, q, data = self._at
        self._p[0, 0], self._p[1, 0] = x
        self._value(p, v, q, data)
        return float(self._v[0])

    def values(self, points: np.ndarray) -> np.ndarray:
        """The surface at points (m, 2): (m,)."""
        points = np.array(points, dtype=np.float64).reshape(-1, 2)
        self.evaluations += len(points)
        self.points.extend(points)
        return evaluate(self._surface, points[:, 0], points[:, 1], self._parameters)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """The gradient at x by the run's differences: (2,)."""
        self._count("gradient", x)
        p, g, _, q, data = self._at
        self._p[0, 0], self._p[1, 0] = x
        self._gradient(p, g, q, data, self._spacing)
        return self._g[:, 0].copy()

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """The exact second derivatives at x: (2, 2); NaN where there are none."""
        self._count("hessian", x)
        with np.errstate(all="ignore"):
            xx, xy, yy = self._surface.hessian.value(np.float64(x[0]), np.float64(x[1]), self._parameters)
        return np.array([[xx, xy], [xy, yy]], dtype=np.float64)

    def hessian_diagonal(self, x: np.ndarray) -> np.ndarray:
        """The diagonal of the exact Hessian at x: (2,)."""
        return np.diagonal(self.hessian(x)).copy()
