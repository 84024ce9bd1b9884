"""One training step as a CUDA graph."""

from collections.abc import Callable, Sequence
from typing import Any

import torch


class StepGraph:
    """A step that is captured once and replayed; the optimizer's own step is part of it (``whole``), or follows it.

    gradient: leaves the gradients of a batch in the parameters. RuntimeError where something cannot be captured.
    """

    def __init__(
        self,
        gradient: Callable[[torch.Tensor, torch.Tensor], Any],
        optimizer: torch.optim.Optimizer,
        parameters: Sequence[torch.nn.Parameter],
        whole: bool,
        stream: Any,
        images: torch.Tensor,
        labels: torch.Tensor,
    ) -> None:
        self.optimizer, self.whole, self.parameters = optimizer, whole, parameters
        self.images, self.labels = images.clone(memory_format=torch.channels_last), labels.clone()
        self.refresh: Callable[[], None] = getattr(optimizer, "refresh", lambda: None)
        self.refresh()
        optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            gradient(self.images, self.labels)
            if whole:
                optimizer.step()
        self.gradients = [p.grad for p in self.parameters]

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images.copy_(images)
        self.labels.copy_(labels)
        if self.whole:
            self.refresh()
            self.graph.replay()
            return
        self.graph.replay()
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        self.optimizer.step()
