"""An oracle as a function that torch differentiates, for libraries that want one."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch


def differentiable(f: Any, hessian: bool = False) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function of a float64 vector whose value and gradient in torch are the oracle's; the Hessian too, where wanted.

    At each point it is the oracle's Taylor polynomial there.
    """

    def function(x: torch.Tensor) -> torch.Tensor:
        at = x.detach().numpy().copy()
        step = x - x.detach()
        result = f.value(at) + torch.as_tensor(f.gradient(at)).dot(step)
        return result + step.dot(torch.as_tensor(f.hessian(at)) @ step) / 2 if hessian else result

    return function


def path(
    minimize: Callable, f: Any, x: np.ndarray, n: int, method: str, options: Mapping[str, Any], hessian: bool = False
) -> np.ndarray:
    """The path (n+1, 2) of pytorch-minimize's ``minimize`` on an oracle; where it ends early its last point stays."""
    points = [x]
    minimize(
        differentiable(f, hessian), torch.tensor(x, dtype=torch.float64), method, max_iter=n, options=dict(options),
        callback=lambda point: points.append(point.detach().numpy().copy()),
    )  # fmt: skip
    return np.array(points + points[-1:] * (n + 1 - len(points)))
