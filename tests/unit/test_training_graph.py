"""The CUDA graph's part of the training loop, on the CPU: a graph is emulated by recording and repeating operations.

As in a real graph, what a replay reads and writes are the very buffers of the capture, capturing changes nothing, and
what Python did at capture is not done again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from optim_core import RULES
from optim_core.network import flat
from training.loop import GRAPH_WARM_UP, Training
from training.optimizers import OPTIMIZERS
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry

from .test_training_loop import Watcher


@pytest.fixture(autouse=True)
def as_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device's steps are made operation by operation; the processor's tape is no part of a graph."""
    monkeypatch.setattr(flat.Flat, "_tape", lambda *_: None)


class Recording(TorchDispatchMode):
    """Keeps every operation with its results, and what the written buffers held before."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple, dict, Any]] = []
        self.before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for declared, value in zip(func._schema.arguments, args, strict=False):
            written = declared.alias_info is not None and declared.alias_info.is_write
            if written or (declared.name in ("running_mean", "running_var") and value is not None):
                for tensor in value if isinstance(value, (list, tuple)) else [value]:
                    whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
                    self.before.setdefault(whole.data_ptr(), (whole, whole.clone()))
        results = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, results))
        return results


class EmulatedGraph:
    """Stands for torch.cuda.CUDAGraph."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.replays = 0

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        for func, args, kwargs, results in self.recording.calls:
            again = func(*args, **kwargs)
            fresh = [one.alias_info is None for one in func._schema.returns]
            pairs = zip(fresh, _listed(results), _listed(again), strict=False)
            for is_fresh, kept, new in pairs:
                if is_fresh and isinstance(kept, torch.Tensor):
                    kept.copy_(new)


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (list, tuple)) else [results]


@contextmanager
def emulated_capture(graph: EmulatedGraph, stream: Any = None) -> Iterator[None]:
    """Stands for torch.cuda.graph."""
    with graph.recording:
        yield
    with torch.no_grad():
        for whole, before in graph.recording.before.values():
            whole.copy_(before)


def losses(settings: RunSettings, tmp_path: Path, graphs: list[EmulatedGraph] | None) -> dict[str, dict[int, float]]:
    watcher = Watcher()
    run = Training(settings, watcher, tmp_path / "latest.pt")
    if graphs is not None:
        prepare = run.prepare

        def prepared(resume: bool = False) -> None:
            prepare(resume)
            run.graphing = True

        run.prepare = prepared  # type: ignore[method-assign]
    assert run.go(resume=False).status == "finished"
    return {name: watcher.series[name] for name in ("train/loss", "train/accuracy", "epoch/test_loss", "rate")}


STEPPING = [name for name in RULES if name in OPTIMIZERS and not OPTIMIZERS[name].needs_closure]


@pytest.mark.parametrize("name", [*STEPPING, "torch.Adagrad", "torch.Adafactor"])
def test_a_run_in_a_graph_is_the_eager_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[EmulatedGraph] = []

    def made() -> EmulatedGraph:
        graphs.append(EmulatedGraph())
        return graphs[-1]

    monkeypatch.setattr(torch.cuda, "CUDAGraph", made)
    monkeypatch.setattr(torch.cuda, "graph", emulated_capture)
    own_decay = OPTIMIZERS[name].own_decay
    settings = recipe(
        TASKS["digits"], Entry(name), epochs=2, images=300, schedule="cosine", warmup=0.1, l2=0.0 if own_decay else 1e-3
    )  # a last batch of 44 images, a rate that changes at every step
    eager = losses(settings, tmp_path, None)
    assert not graphs
    graphed = losses(settings, tmp_path, graphs)
    assert graphed == eager  # to the last bit
    assert [graph.replays for graph in graphs] == [2 * 4 - GRAPH_WARM_UP]


def test_batch_norm_in_a_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[EmulatedGraph] = []
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graphs.append(EmulatedGraph()) or graphs[-1])
    monkeypatch.setattr(torch.cuda, "graph", emulated_capture)
    settings = recipe(
        TASKS["cifar10_fast"], Entry("momentum"), epochs=2, images=40, batch_size=8, synthetic=True, threads=2
    )
    assert losses(settings, tmp_path, graphs) == losses(settings, tmp_path, None)


@pytest.mark.parametrize("name", [name for name in STEPPING if OPTIMIZERS[name].in_graph])
def test_a_step_asks_the_device_for_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the "meta" device every question about a value raises, as a synchronisation in a captured step would."""
    run = Training(recipe(TASKS["digits"], Entry(name), images=200), Watcher(), tmp_path / "latest.pt")
    run.device = torch.device("meta")
    run.prepare()
    for images, labels in run.data.batches(0, 0):
        run.set_rate()
        run.one_step(images, labels)
    with pytest.raises((RuntimeError, NotImplementedError)):
        run.losses.tolist()
