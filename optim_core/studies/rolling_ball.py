"""The ball that momentum imitates: the path of a heavy point that rolls downhill with friction, from SciPy's solver."""

from typing import Any

import numpy as np

from optim_core.runs.outcome import FAR
from optim_core.surface import Surface

ACCURACY = 1e-7  # relative, and in windows
MOST = 5_000  # evaluations of the gradient; a path that needs more ends where they are spent


def rolling_ball(
    surface: Surface, q: Any, start: Any, lr: float, momentum: float, steps: int, each: int = 1
) -> np.ndarray:
    """The solution of x'' = -(1 - momentum) x' - lr grad f(x), at rest at the start (x, y), for t from 0 to steps.

    (k, 2), k <= each * steps + 1: each points for a unit of time, the start first. It ends early where the ball is
    about to be FAR windows away, or its path too hard to compute. With semi-implicit Euler steps of length 1 the
    equation becomes v <- momentum v - lr g, x <- x + v, which is momentum (B. T. Polyak, USSR Comp. Math. 4 (1964)
    1-17; N. Qian, Neural Networks 12 (1999) 145-151). The gradient is exact; Dormand and Prince's method of order 8.
    """
    from scipy.integrate import DOP853

    friction, asked = 1.0 - momentum, 0

    def motion(_: float, z: np.ndarray) -> list[float]:
        nonlocal asked
        asked += 1
        x, y, u, w = (float(value) for value in z)
        g, h = surface.derivative.value(x, y, q)
        if not (np.isfinite(g) and np.isfinite(h)):
            raise OverflowError("there is no gradient")  # the solver would halve a step of NaN for ever
        return [u, w, -friction * u - lr * g, -friction * w - lr * h]

    path = [np.asarray(start, dtype=np.float64)]
    with np.errstate(all="ignore"):
        try:
            solver = DOP853(motion, 0.0, [*path[0], 0.0, 0.0], steps, rtol=ACCURACY, atol=ACCURACY * surface.scale)
            while solver.status == "running" and asked < MOST:
                solver.step()
                if solver.status == "failed" or not np.abs(solver.y[:2]).max() <= FAR * surface.scale:
                    break
                passed = np.arange(len(path), int(each * solver.t) + 1) / each
                if len(passed):
                    path.extend(solver.dense_output()(passed)[:2].T)
        except (OverflowError, ZeroDivisionError):  # Python's floats, far out or where there is no gradient
            pass
    return np.array(path)
