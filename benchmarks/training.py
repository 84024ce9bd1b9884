"""Seconds an epoch: the tutorial's loop, a plain loop with the data on the device, and Ravine's, on one device.

    python -m benchmarks.training [--device cuda:0] [--images 50000] [--write]

Every row trains the same network with the same batches' size on synthetic images of CIFAR-10's shape; only the time of
training steps counts, evaluation and warm-up do not. On the CPU fewer images are used, since the ratio is the question.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from training.data import synthetic
from training.data.images import Images, limited
from training.loop import Training
from training.record import processor
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry

RESULTS = Path(__file__).parent / "results"
GOALS = {
    "cifar10_resnet18_article": "goal on a GPU: 10 times the tutorial's loop",
    "cifar10_resnet18": "goal on an H200-class GPU: 60,000 images/s",
    "cifar10_fast": "goal on an H200-class GPU: 0.3 s an epoch",
}


class Silent:
    """An observer that keeps the seconds of each epoch."""

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.facts: dict[str, Any] = {}

    def points(self, step: int, values: Mapping[str, float]) -> None:
        if "epoch/seconds" in values:
            self.epochs.append(values["epoch/seconds"])

    def progress(self, step: int, steps: int, stage: str) -> None:
        pass

    def record(self, facts: Mapping[str, Any]) -> None:
        self.facts.update(facts)

    def should_stop(self) -> bool:
        return False


class PerImage(Dataset):
    """A transform at a time for an image at a time, as torchvision's: crop with padding, flip, to float, normalise."""

    def __init__(self, images: Images) -> None:
        self.images = images.train_images.permute(0, 2, 3, 1).numpy()
        self.labels = images.train_labels.numpy()
        self.mean = torch.tensor(images.mean).view(3, 1, 1)
        self.std = torch.tensor(images.std).view(3, 1, 1)
        self.random = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        padded = np.pad(self.images[index], ((4, 4), (4, 4), (0, 0)))
        y, x = self.random.integers(0, 9, 2)
        image = padded[y : y + 32, x : x + 32]
        if self.random.random() < 0.5:
            image = image[:, ::-1]
        tensor = torch.from_numpy(image.copy()).permute(2, 0, 1).float().div(255)
        return (tensor - self.mean) / self.std, int(self.labels[index])


def tutorial_loop(settings: RunSettings, images: Images, device: torch.device) -> list[float]:
    """Seconds of two epochs as tutorials print them: a DataLoader with two workers, eager, a fetch at each step."""
    network = _network(settings).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    loader = DataLoader(PerImage(images), batch_size=settings.batch_size, shuffle=True, num_workers=2)
    seconds = []
    for _ in range(2):
        _wait(device)
        began = time.perf_counter()
        total = correct = 0.0
        for batch, target in loader:
            batch, target = batch.to(device), target.to(device)
            optimizer.zero_grad()
            logits = network(batch)
            loss = cross_entropy(logits, target)
            loss.backward()
            optimizer.step()
            total += loss.item()
            correct += (logits.argmax(1) == target).sum().item()
        _wait(device)
        seconds.append(time.perf_counter() - began)
    return seconds


def plain_loop(settings: RunSettings, images: Images, device: torch.device) -> list[float]:
    """Seconds of two epochs of a plain eager loop with the data on the device, batches cropped and flipped there."""
    network = _network(settings).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    padded = torch.nn.functional.pad(images.train_images.to(device), (4, 4, 4, 4))
    labels = images.train_labels.to(device)
    mean = torch.tensor(images.mean, device=device).view(3, 1, 1)
    std = torch.tensor(images.std, device=device).view(3, 1, 1)
    seconds = []
    for _ in range(2):
        _wait(device)
        began = time.perf_counter()
        for rows in torch.randperm(len(labels), device=device).split(settings.batch_size):
            y, x = torch.randint(0, 9, (2,)).tolist()
            batch = padded[rows, :, y : y + 32, x : x + 32].float().div(255).sub(mean).div(std)
            if torch.rand(()) < 0.5:
                batch = batch.flip(-1)
            optimizer.zero_grad()
            cross_entropy(network(batch), labels[rows]).backward()
            optimizer.step()
        _wait(device)
        seconds.append(time.perf_counter() - began)
    return seconds


def ours(settings: RunSettings, images: Images, epochs: int) -> tuple[list[float], str]:
    """Seconds of the epochs of Ravine's loop, and the engine that it used."""
    watcher = Silent()
    with tempfile.TemporaryDirectory() as folder:
        training = Training(replace(settings, epochs=epochs), watcher, Path(folder) / "checkpoint.pt")
        training.images = lambda: images  # type: ignore[method-assign]
        with training.on_stream():
            training.go(resume=False)
    return watcher.epochs, str(watcher.facts["engine"])


def _network(settings: RunSettings) -> torch.nn.Module:
    torch.manual_seed(0)
    return TASKS[settings.task].build(replace(settings, synthetic=True), lambda *_: None)[0]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Prints the rows; with --write also into benchmarks/results/."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--tasks", nargs="*", default=list(GOALS))
    parser.add_argument("--compiled", action="store_true", help="also Ravine's loop with torch.compile")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    cuda = given.device != "cpu"
    device = torch.device(given.device)
    threads = torch.get_num_threads()
    name = torch.cuda.get_device_name(device) if cuda else f"{processor()}, {threads} threads"
    lines = [f"{name}, torch {torch.__version__}, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%d')}"]

    def say(line: str = "") -> None:
        lines.append(line)
        print(line, flush=True)

    print(lines[0])
    for task in given.tasks:
        count = given.images or (50_000 if cuda else {"cifar10_resnet18_article": 2_048}.get(task, 512))
        images = limited(synthetic.load(), count, 512)
        settings = recipe(
            TASKS[task], Entry("torch.SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.0}),
            device=given.device, synthetic=True, images=count, threads=threads,
        )  # fmt: skip
        if not cuda:
            settings = replace(settings, batch_size=64)
        say(f"\n{TASKS[task].title}: {count:,} images, batch {settings.batch_size}; {GOALS[task]}")
        rows: list[tuple[str, Callable[[], tuple[list[float], str]]]] = [
            ("the tutorial's loop, float32", lambda s=settings, i=images: (tutorial_loop(s, i, device), "eager")),
            ("plain, data on the device, float32", lambda s=settings, i=images: (plain_loop(s, i, device), "eager")),
            ("Ravine, float32", lambda s=settings, i=images: ours(s, i, 4 if cuda else 2)),
        ]
        if cuda:
            half = replace(settings, precision="bfloat16")
            rows.append(("Ravine, bfloat16", lambda s=half, i=images: ours(s, i, 4)))
            adam = replace(half, optimizer="adam", hyper={"lr": 1e-3})
            rows.append(("Ravine, bfloat16, its own Adam", lambda s=adam, i=images: ours(s, i, 4)))
        if given.compiled:
            compiled = replace(settings, precision="bfloat16" if cuda else "float32", engine="compiled")
            rows.append(("Ravine, compiled", lambda s=compiled, i=images: ours(s, i, 4 if cuda else 2)))
        first = 0.0
        for label, run in rows:
            seconds, engine = run()
            best = min(seconds)
            first = first or best
            say(f"  {label:36} {best:9.3f} s an epoch {count / best:12,.0f} images/s {first / best:7.2f} x   {engine}")
    if given.write:
        RESULTS.mkdir(exist_ok=True)
        kind = (torch.cuda.get_device_name(device) if cuda else "cpu").lower().replace(" ", "-")
        (RESULTS / f"training-{kind}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
