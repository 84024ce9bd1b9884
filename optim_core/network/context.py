"""What surrounds a call of an optimizer's step, kept away from the update, and given back to the caller's closure."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch


class Context:
    """The caller's autocast and inference mode; made where a step begins.

    ``apart`` keeps them, and matrix products of less than float32's precision, from what runs inside; ``of_caller``
    brings them back for a closure, which runs as it would beside torch.optim, with gradients on.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.cast = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
        self.kind = torch.get_autocast_dtype(device) if self.cast else None
        self.cached = torch.is_autocast_cache_enabled()
        self.inference = torch.is_inference_mode_enabled()

    @contextmanager
    def apart(self, products: bool = False) -> Iterator[None]:
        """products: whether there are products of matrices."""
        with ExitStack() as stack:
            if self.inference:
                stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.no_grad())
            if self.cast:
                stack.enter_context(torch.autocast(self.device, enabled=False))
            if products:
                stack.enter_context(_whole_products())
            yield
        if self.cast:
            torch.clear_autocast_cache()  # of the weights in 16 bits, which have moved

    def of_caller(self, closure: Any) -> Any:
        """The closure's answer."""
        with ExitStack() as stack:
            if self.inference:
                stack.enter_context(torch.inference_mode(True))
            stack.enter_context(torch.enable_grad())
            if self.cast:
                torch.clear_autocast_cache()
                stack.enter_context(torch.autocast(self.device, dtype=self.kind, cache_enabled=self.cached))
            return closure()


@contextmanager
def _whole_products() -> Iterator[None]:
    """Products of float32 matrices in float32, whatever the caller allows for its network."""
    backends = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]  # type: ignore[attr-defined]
    before = [one.fp32_precision for one in backends]
    if all(value in ("none", "ieee") for value in before):
        yield
        return
    try:
        for one in backends:
            one.fp32_precision = "ieee"
        yield
    finally:
        for one, value in zip(backends, before, strict=True):
            one.fp32_precision = value
