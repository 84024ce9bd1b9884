"""The training loop against a plain one, its checkpoints, its endings; the tasks on a few images."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from optim_core.around import factor
from training.data import augment, digits
from training.loop import Ending, Training, train
from training.models.small import SmallNetwork
from training.optimizers import OPTIMIZERS
from training.settings import RunSettings, recipe
from training.task import TASKS, Entry


@pytest.fixture
def double() -> Iterator[None]:
    """torch.optim.NAdam keeps a product in torch's default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Watcher:
    """Keeps what a run tells; wants it to stop after a step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at, self.step = stop_at, 0
        self.series: dict[str, dict[int, float]] = {}
        self.facts: dict[str, Any] = {}
        self.stages: list[str] = []
        self.asked = 0

    def points(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.series.setdefault(name, {})[step] = value

    def progress(self, step: int, steps: int, stage: str) -> None:
        self.stages.append(stage)

    def record(self, facts: Mapping[str, Any]) -> None:
        self.facts.update(facts)

    def should_stop(self) -> bool:
        self.asked += 1
        return self.stop_at is not None and self.asked >= self.stop_at

    def values(self, name: str) -> list[float]:
        return list(self.series[name].values())


def ran(
    settings: RunSettings, tmp_path: Path, stop_at: int | None = None, resume: bool = False
) -> tuple[Ending, Watcher]:
    watcher = Watcher(stop_at)
    return train(settings, watcher, tmp_path / "latest.pt", resume), watcher


def of(optimizer: str, **others: Any) -> RunSettings:
    hyper = others.pop("hyper", {})
    return recipe(TASKS["digits"], Entry(optimizer, hyper), **{"epochs": 2, **others})


def plain_loop(settings: RunSettings) -> tuple[list[float], list[float]]:
    """The same run as a tutorial writes it: a batch at a time, torch.optim, nothing kept on a device."""
    images = digits.load()
    torch.manual_seed(settings.seed)
    network = SmallNetwork().double()
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0, momentum=0.9)
    losses, accuracies = [], []

    def scaled(chosen: torch.Tensor) -> torch.Tensor:
        mean, std = (torch.tensor(part, dtype=torch.float64) for part in (images.mean, images.std))
        return (chosen.double() / 255 - mean) / std

    for epoch in range(settings.epochs):
        order = augment.order(len(images.train_labels), settings.seed, epoch)
        for rows in order.split(settings.batch_size):
            rate = settings.hyper["lr"] * factor(settings.schedule, 0.0, len(losses), settings.epochs * 23)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                network(scaled(images.train_images[rows])), images.train_labels[rows]
            )
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            right = network(scaled(images.test_images)).argmax(1) == images.test_labels
        accuracies.append(right.double().mean().item())
    return losses, accuracies


def test_it_is_what_a_plain_loop_does(tmp_path: Path) -> None:
    settings = of("momentum", precision="float64", schedule="cosine", seed=3)
    ending, watcher = ran(settings, tmp_path)
    losses, accuracies = plain_loop(settings)
    assert ending == Ending("finished", 46)
    assert watcher.values("train/loss") == pytest.approx(losses, rel=1e-10)
    assert watcher.values("epoch/test_accuracy") == pytest.approx(accuracies, abs=1e-12)
    # The last of the 23 batches of an epoch has 29 images; the epoch's mean is over images.
    weights = [64 / 1437] * 22 + [29 / 1437]
    for epoch, mean in enumerate(watcher.values("epoch/train_loss")):
        assert mean == pytest.approx(sum(w * x for w, x in zip(weights, losses[epoch * 23 :], strict=False)), rel=1e-10)


def test_the_same_seed_gives_the_same_run_and_another_one_another(tmp_path: Path) -> None:
    _, first = ran(of("adam"), tmp_path)
    _, again = ran(of("adam"), tmp_path)
    _, other = ran(of("adam", seed=1), tmp_path)
    for name in ("train/loss", "train/accuracy", "epoch/test_loss", "epoch/test_accuracy"):
        assert first.series[name] == again.series[name]  # on the CPU to the last bit
    assert first.values("train/loss") != other.values("train/loss")


def test_weights_and_batches_are_the_same_for_every_optimizer(tmp_path: Path) -> None:
    at_first = set()
    for name in OPTIMIZERS:
        ending, watcher = ran(of(name, epochs=1, images=128), tmp_path)
        assert ending.status == "finished", name
        at_first.add(watcher.values("train/loss")[0])
    assert len(at_first) == 1


@pytest.mark.parametrize("task", [name for name in TASKS if name != "digits"])
def test_every_task_trains_two_epochs_on_a_few_images(task: str, tmp_path: Path) -> None:
    settings = recipe(
        TASKS[task], Entry("momentum"), epochs=2, images=30, batch_size=16, synthetic=True, threads=2, validation=0.2
    )
    ending, watcher = ran(settings, tmp_path)
    assert ending == Ending("finished", 4)
    assert len(watcher.values("epoch/test_accuracy")) == len(watcher.values("epoch/validation_loss")) == 2
    assert "synthetic" in watcher.facts["data"]
    assert watcher.facts["training_images"] == 24
    counts = {"cifar10_resnet18_article": 11_689_512 + 10_010, "cifar10_resnet18": 11_173_962}
    assert watcher.facts["parameters"] == counts.get(task, watcher.facts["parameters"])
    if task.endswith("article"):
        assert watcher.facts["weights"] == "from scratch"
    assert watcher.facts["optimizer_milliseconds"] > 0


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "torch.Adamax"])
@pytest.mark.parametrize("stop_at", [10, 25, 26, 43])
def test_a_resumed_run_is_the_uninterrupted_one(optimizer: str, stop_at: int, tmp_path: Path) -> None:
    settings = of(optimizer, schedule="cosine", validation=0.1)
    _, whole = ran(settings, tmp_path / "whole")
    ending, first = ran(settings, tmp_path / "parts", stop_at=stop_at)
    assert ending.status == "stopped"
    assert 0 < ending.step < 42
    ending, second = ran(settings, tmp_path / "parts", resume=True)
    assert ending.status == "finished"
    assert second.facts["resumed_at"] == max(first.series["train/loss"])
    for name in ("train/loss", "train/accuracy", "epoch/train_loss", "epoch/test_loss", "epoch/validation_loss"):
        joined = {**first.series.get(name, {}), **second.series[name]}
        assert joined == whole.series[name]


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    ran(of("adam"), tmp_path, stop_at=5)
    with pytest.raises(ValueError, match="written with other settings; these differ: seed"):
        ran(of("adam", seed=1), tmp_path, resume=True)


def test_a_run_without_a_checkpoint_begins_again(tmp_path: Path) -> None:
    ending, watcher = ran(of("adam"), tmp_path, resume=True)
    assert ending == Ending("finished", 46)
    assert watcher.facts["resumed_at"] == 0


def test_a_disk_that_is_full_does_not_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    ending, watcher = ran(of("adam"), tmp_path, stop_at=5)
    assert ending.status == "stopped"
    assert watcher.facts["checkpoint"] == "could not be written: No space left on device"
    assert not list(tmp_path.glob("*"))


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(tmp_path: Path) -> None:
    ending, watcher = ran(of("gradient_descent", hyper={"lr": 1e6}), tmp_path)
    assert ending.status == "diverged"
    assert ending.sentence == f"diverged at step {ending.step}: the loss is not finite"
    losses = watcher.series["train/loss"]
    assert max(losses) == ending.step
    assert [step for step, loss in losses.items() if not torch.isfinite(torch.tensor(loss))] == [ending.step]


def test_it_stops_early_where_the_validation_loss_gets_no_better(tmp_path: Path) -> None:
    settings = of("adam", hyper={"lr": 0.3}, epochs=60, validation=0.2, patience=2)
    ending, watcher = ran(settings, tmp_path)
    losses = watcher.values("epoch/validation_loss")
    assert ending.status == "finished"
    assert "stopped early" in ending.sentence
    assert len(losses) < 60
    assert min(losses[-2:]) >= min(losses)
    assert losses.index(min(losses)) == len(losses) - 3


def test_the_validation_part_is_the_same_for_every_seed_and_is_not_trained_on(tmp_path: Path) -> None:
    _, one = ran(of("gradient_descent", hyper={"lr": 1e-12}, epochs=1, validation=0.25, images=400), tmp_path)
    assert one.facts["training_images"] == 300


def test_without_a_gpu_a_sentence_says_so(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ValueError, match="device = cuda:0 is not available: this PyTorch finds no GPU"):
        ran(replace(of("adam"), device="cuda:0"), tmp_path)


def test_one_step_an_epoch_and_a_stop_between_epochs(tmp_path: Path) -> None:
    settings = of("adam", batch_size=2_000, epochs=5)
    ending, watcher = ran(settings, tmp_path)
    assert ending == Ending("finished", 5)
    assert len(watcher.values("train/loss")) == 5
    ending, _ = ran(settings, tmp_path, stop_at=6)
    assert ending.status == "stopped"
    assert 0 < ending.step < 5


def test_a_stop_is_heard_before_the_first_step(tmp_path: Path) -> None:
    ending, watcher = ran(of("adam"), tmp_path, stop_at=1)
    assert ending == Ending("stopped", 0)
    assert watcher.series == {}


def test_a_patience_that_ran_out_before_a_kill_still_ends_the_run(tmp_path: Path) -> None:
    settings = of("adam", hyper={"lr": 0.3}, epochs=60, validation=0.2, patience=2)
    whole, _ = ran(settings, tmp_path / "whole")
    watcher = Watcher()
    run = Training(settings, watcher, tmp_path / "killed" / "latest.pt")
    end_epoch = run.end_epoch

    def killed() -> None:
        end_epoch()
        run.save()
        if run.since_best >= 2:
            raise KeyboardInterrupt

    run.end_epoch = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run.go(resume=False)
    again, _ = ran(settings, tmp_path / "killed", resume=True)
    assert again == whole


@pytest.mark.parametrize("optimizer", ["torch.NAdam", "torch.Adagrad", "torch.ASGD"])
def test_in_float64_too_a_resumed_run_is_the_uninterrupted_one(optimizer: str, tmp_path: Path) -> None:
    settings = of(optimizer, precision="float64")
    _, whole = ran(settings, tmp_path / "whole")
    _, first = ran(settings, tmp_path / "parts", stop_at=20)
    _, second = ran(settings, tmp_path / "parts", resume=True)
    assert {**first.series["train/loss"], **second.series["train/loss"]} == whole.series["train/loss"]


def test_a_file_that_may_not_grow_does_not_end_a_run(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from tests.unit.test_training_loop import of, ran\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "ending, watcher = ran(of('adam'), Path(sys.argv[1]), stop_at=5)\n"
        "assert ending.status == 'stopped', ending\n"
        "assert 'could not be written' in watcher.facts['checkpoint']\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("*"))


def test_the_peak_of_memory_is_this_runs_own() -> None:
    # In a process of its own: here the allocator may hand out memory that is already resident.
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the system cannot forget a peak")
    code = (
        "import torch; from training import record\n"
        "record.forget_peak()\n"
        "before = record.peak_memory()\n"
        "big = torch.ones(64 * 2**20 // 4)\n"
        "assert record.peak_memory() >= before + 60 * 2**20\n"
        "del big\n"
        "record.forget_peak()\n"
        "assert record.peak_memory() < before + 30 * 2**20\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
