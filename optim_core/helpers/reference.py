"""Paths of torch's optimizers on an oracle, which rules are held against."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def torch_path(
    build: Callable[[list["torch.Tensor"]], Any],
    f: Any,
    x: np.ndarray,
    steps: int,
    before: Callable[["torch.optim.Optimizer", int], None] | None = None,
    shape: tuple[int, ...] = (2,),
) -> Any:
    """The path (steps+1, 2) of a torch optimizer, in float64; None where build([parameter]) gives none.

    Each step is given a closure, which takes value and gradient from the oracle f. before(optimizer, t) comes between;
    shape is the parameter's.
    """
    import torch

    point = torch.tensor(x, dtype=torch.float64).reshape(shape).requires_grad_()

    def closure() -> torch.Tensor:
        at = point.detach().numpy().reshape(2).copy()
        point.grad = torch.as_tensor(f.gradient(at), dtype=torch.float64).reshape(point.shape)
        return torch.tensor(f.value(at), dtype=torch.float64)

    path = np.empty((steps + 1, 2))
    path[0] = x
    with double():
        optimizer = build([point])
        if optimizer is None:
            return None
        for t in range(1, steps + 1):
            if before is not None:
                before(optimizer, t)
            optimizer.step(closure)
            path[t] = point.detach().numpy().reshape(2)
    return path


@contextlib.contextmanager
def double() -> Iterator[None]:
    """torch's default type is float64, in which some references keep numbers whatever their parameters are.

    And it computes in one thread: vectors of two numbers leave nothing to a second.
    """
    try:
        import torch
    except ModuleNotFoundError:
        yield
        return
    kind, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_default_dtype(kind)
        torch.set_num_threads(threads)
