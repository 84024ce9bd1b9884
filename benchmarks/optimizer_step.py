"""Milliseconds a step: Adam on the 11,173,962 float32 parameters of ResNet-18 for 32x32 images, beside torch.optim.

``python -m benchmarks.optimizer_step [--device cpu|cuda]``. The gradients stand; each row is the median of rounds in
which all take turns, after warm-up and compilation. GB/s counts what Adam cannot do without: it reads a parameter, its
gradient and both moments and writes all but the gradient, 28 bytes. On a GPU a second column is the step replayed from
a CUDA graph, which leaves out what Python needs for it.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from optim_core import RULES, RuleOptimizer

ROUNDS, STEPS, WARM_UP = 40, 5, 5
NUMBERS, BYTES = 11_173_962, 28
BASE = "torch.optim.Adam, fused"


def shapes() -> list[tuple[int, ...]]:
    """The shapes of the network's 62 parameters: stem, eight blocks of two convolutions, the last layer."""
    found: list[tuple[int, ...]] = [(64, 3, 3, 3), (64,), (64,)]
    before = 64
    for width in (64, 128, 256, 512):
        for _ in range(2):
            found += [(width, before, 3, 3), (width,), (width,), (width, width, 3, 3), (width,), (width,)]
            if before != width:
                found += [(width, before, 1, 1), (width,), (width,)]
            before = width
    return [*found, (10, 512), (10,)]


def parameters(device: str) -> list[torch.nn.Parameter]:
    """Parameters with a gradient each, the same ones at every call."""
    generator = torch.Generator().manual_seed(0)
    found = [torch.nn.Parameter(torch.randn(shape, generator=generator).to(device)) for shape in shapes()]
    for parameter in found:
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(device)
    return found


def optimizers(device: str) -> dict[str, Callable[[], object]]:
    """The step of each."""

    def ours(**options: Any) -> Callable[[], object]:
        return RuleOptimizer(parameters(device), RULES["adam"], lr=1e-3, **options).step

    def theirs(**options: Any) -> Callable[[], object]:
        return torch.optim.Adam(parameters(device), lr=1e-3, capturable=device == "cuda", **options).step

    return {
        "RuleOptimizer, eager": ours(),
        "RuleOptimizer, compiled": ours(compiled=True),
        "torch.optim.Adam, foreach": theirs(foreach=True),
        BASE: theirs(fused=True),
    }


def replay(step: Callable[[], object]) -> Callable[[], object]:
    """The step as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def medians(actions: dict[str, Callable[[], object]], device: str) -> dict[str, float]:
    """Seconds of one call of each."""

    def synchronize() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def seconds(action: Callable[[], object], calls: int) -> float:
        synchronize()
        before = time.perf_counter()
        for _ in range(calls):
            action()
        synchronize()
        return (time.perf_counter() - before) / calls

    for action in actions.values():
        seconds(action, WARM_UP)
    rounds = [{name: seconds(action, STEPS) for name, action in actions.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in actions}


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description="Adam's step on ResNet-18's parameters: ours beside torch.optim's.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    device = parser.parse_args().device
    assert sum(torch.Size(shape).numel() for shape in shapes()) == NUMBERS
    steps = optimizers(device)
    found = {"a step": medians(steps, device)}
    if device == "cuda":
        found["replayed from a CUDA graph"] = medians({name: replay(step) for name, step in steps.items()}, device)
    name = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, {os.cpu_count()} processors"
    print(f"Adam, {NUMBERS:,} float32 parameters in {len(shapes())} tensors, median of {ROUNDS} rounds")
    print(f"{device}: {name}, {torch.get_num_threads()} threads; torch {torch.__version__}")
    for kind, times in found.items():
        print(kind)
        for name, seconds in times.items():
            rate = NUMBERS * BYTES / seconds / 1e9
            print(f"  {name:28s} {seconds * 1e3:8.3f} ms {rate:8.1f} GB/s {seconds / times[BASE]:6.2f} x fused")
    print("goal: compiled at 1.20 x fused or less")


if __name__ == "__main__":
    main()
