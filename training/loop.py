"""The training loop: one network, one optimizer, one device. It knows no page and no store.

The whole set lies on the device as uint8; crops, flips and normalisation of an epoch are tensor operations; what is
measured stays on the device and is fetched every 0.1 s. Batches, crops and flips of an epoch follow from (seed, epoch)
alone and the first weights from the seed, so they are the same for every optimizer.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from optim_core import RULES
from optim_core.around import factor
from training import checkpoints, optimizers
from training.data.images import Images
from training.graph import StepGraph
from training.placed import Placed, loaded
from training.record import facts, forget_peak, peak_memory, processor
from training.settings import RunSettings
from training.task import TASKS
from training.trouble import reason

FETCH_SECONDS = 0.1
FETCH_STEPS = 10
CHECKPOINT_SECONDS = 30.0
GRAPH_WARM_UP = 3  # eager steps before a CUDA graph is captured, as torch asks for
TIMED_STEPS = 20
STATISTICS_BATCHES = 50  # as schedule-free's authors take
_DTYPES = {"float32": torch.float32, "bfloat16": torch.float32, "float64": torch.float64}


class Observer(Protocol):
    """What a run tells while it goes, and asks."""

    def points(self, step: int, values: Mapping[str, float]) -> None:
        """The values of some series after so many steps."""

    def progress(self, step: int, steps: int, stage: str) -> bool | None:
        """Where the run is and what it is doing; before "saving", False where no checkpoint may be written now."""

    def record(self, facts: Mapping[str, Any]) -> None:
        """Facts that belong to the run's record."""

    def should_stop(self) -> bool:
        """Whether somebody wants it to stop."""
        ...


@dataclass(frozen=True)
class Ending:
    """How a run ended: "finished", "stopped" or "diverged", after how many steps, and a sentence where one helps."""

    status: str
    step: int
    sentence: str = ""


class _Diverged(Exception):
    def __init__(self, step: int, what: str = "the loss") -> None:
        self.step, self.what = step, what


class _Stopped(Exception):
    """Somebody wants the run to stop before its first step."""


def train(settings: RunSettings, observer: Observer, checkpoint: Path, resume: bool = False) -> Ending:
    """Makes a run, or goes on from its checkpoint, until it ends or the observer wants it to stop.

    Raises ValueError or DataError with a sentence where settings, device or data do not allow it;
    torch.cuda.OutOfMemoryError where the device is too small.
    """
    run = Training(settings, observer, checkpoint)
    with run.on_stream():
        return run.go(resume)


class Training:
    """One run: network, optimizer, data on the device, and where it stands."""

    def __init__(self, settings: RunSettings, observer: Observer, checkpoint: Path) -> None:
        self.settings, self.observer, self.checkpoint = settings, observer, checkpoint
        self.task = TASKS[settings.task]
        self.device = _device(settings)
        self.cuda = self.device.type == "cuda"
        self.dtype = _DTYPES[settings.precision]
        self.stream = torch.cuda.Stream(self.device) if self.cuda else None
        self.began = time.monotonic()
        self.epoch = self.batch = self.step = 0
        self.made = 0  # eager steps of this process
        self.mark, self.outside = 0.0, 0.0  # when training seconds were counted last; seconds since then that do not
        self.graph: StepGraph | None = None
        self.seconds = self.epoch_seconds = self.wall = 0.0
        self.best, self.since_best = math.inf, 0
        self.flushed = self.flushed_at = self.evaluation_seconds = 0.0
        self.saved_at = time.monotonic()
        self.unsaved = ""  # why the last checkpoint could not be written
        self.steps = settings.epochs * settings.steps_per_epoch

    def on_stream(self) -> Any:
        """A CUDA graph is captured on a stream of its own; everything of a run happens there."""
        return torch.cuda.stream(self.stream) if self.stream else nullcontext()

    # ------------------------------------------------------------ before the first step

    def prepare(self, resume: bool = False) -> None:
        """Data and network on the device, and the optimizer."""
        settings = self.settings
        if self.cuda:
            torch.cuda.reset_peak_memory_stats(self.device)
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        else:
            forget_peak()
            torch.set_num_threads(settings.threads)
        self.say("loading data")
        images = self.images()
        self.say("building the network")
        torch.manual_seed(settings.seed)
        self.network, built = self.task.build(settings, self.downloading)
        self.network = self.network.to(self.device, self.dtype, memory_format=torch.channels_last)
        self.data = Placed(images, settings, self.device, self.dtype)
        self.forward: Callable = torch.compile(self.network) if settings.engine == "compiled" else self.network
        self.optimizer = optimizers.build(
            settings.optimizer, self.network.parameters(), settings.hyper, horizon=self.steps, l2=settings.l2,
            decoupled=settings.decoupled, cuda=self.cuda, compiled=settings.engine == "compiled",
        )  # fmt: skip
        self.rule = RULES.get(settings.optimizer)
        self.parameters = [p for p in self.network.parameters() if p.requires_grad]
        per_epoch = settings.steps_per_epoch
        self.losses = torch.zeros(per_epoch, dtype=torch.float64, device=self.device)
        self.correct = torch.zeros(per_epoch, dtype=torch.float64, device=self.device)
        self.position = torch.zeros(1, dtype=torch.int64, device=self.device)
        needs_closure = self.rule is not None and self.rule.needs_closure
        self.graphing = self.cuda and settings.engine != "eager" and not needs_closure and not settings.noise
        compiled = "compiled" if settings.engine == "compiled" else ""
        self.engine = " in ".join(filter(None, [compiled, "a CUDA graph" if self.graphing else ""])) or "eager"
        self.observer.record(
            {
                **facts(),
                **({} if resume and checkpoints.kept(self.checkpoint) else built),
                "device": torch.cuda.get_device_name(self.device) if self.cuda else processor(),
                "threads": None if self.cuda else settings.threads,
                "precision": settings.precision,
                "engine": self.engine,
                "data": images.name,
                "training_images": self.data.count,
                "parameters": sum(p.numel() for p in self.network.parameters()),
                "steps_per_epoch": per_epoch,
                **({"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()} if self.cuda else {}),
            }
        )

    def images(self) -> Images:
        """The task's data, as many of them as the settings say."""
        return loaded(self.settings, self.downloading)

    def warm_up(self) -> None:
        """A step with each size of batch, so that first-time costs stay outside the clock; nothing of it remains."""
        self.say("warming up")
        prepare = getattr(self.optimizer, "prepare", None)
        if prepare:
            prepare()
        network = {name: value.clone() for name, value in self.network.state_dict().items()}
        remembered = copy.deepcopy(self.optimizer.state_dict())
        kept = {p: dict(state) for p, state in self.optimizer.state.items()}
        size, count = self.settings.batch_size, self.data.count
        images, labels = next(iter(self.data.batches(0, 0)))
        with torch.random.fork_rng(devices=[self.device] if self.cuda else []):
            for part in dict.fromkeys([min(size, count), (count - 1) % size + 1]):
                self.position.zero_()
                self.eager_step(images[:part], labels[:part])
        self.network.load_state_dict(network)
        self.optimizer.zero_grad(set_to_none=True)
        if not prepare:  # torch.optim makes the state of most optimizers at their first step
            self.optimizer.state.clear()
            self.optimizer.state.update(kept)
        self.optimizer.load_state_dict(remembered)
        self.synchronize()

    # ------------------------------------------------------------ the run

    def go(self, resume: bool) -> Ending:
        """The whole run."""
        patience, sentence = self.settings.patience, ""
        try:
            self.prepare(resume)
            self.warm_up()
            if resume:
                self.load()
                self.observer.record({"resumed_at": self.step})
            self.began = time.monotonic() - self.wall
            while self.epoch < self.settings.epochs:
                if patience and self.since_best >= patience:
                    sentence = f"stopped early: no better validation loss in {patience} epochs"
                    break
                if not self.train_epoch():
                    self.save()
                    return Ending("stopped", self.step, self.unsaved and f"its last checkpoint {self.unsaved}")
                self.end_epoch()
        except _Stopped:
            return Ending("stopped", self.step)
        except _Diverged as diverged:
            self.observer.record({"training_seconds": self.seconds, "peak_memory": self.peak_memory()})
            return Ending("diverged", diverged.step, f"diverged at step {diverged.step}: {diverged.what} is not finite")
        finally:
            self.graph = None  # it holds its memory, and this object
        self.finish()
        return Ending("finished", self.step, sentence)

    def train_epoch(self) -> bool:
        """Trains until the epoch's end; False where the observer wants the run to stop before."""
        if self.observer.should_stop():
            return False
        self.network.train()
        first, per_epoch = self.batch, self.settings.steps_per_epoch
        self.position.fill_(first)
        self.flushed, self.flushed_at = first, time.perf_counter()
        self.synchronize()
        self.mark = time.perf_counter()
        for images, labels in self.data.batches(self.epoch, first):
            self.set_rate()
            self.one_step(images, labels)
            self.batch += 1
            self.step += 1
            now = time.perf_counter()
            if now - self.flushed_at >= FETCH_SECONDS and self.batch - self.flushed >= FETCH_STEPS:
                self.flush()
                if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                    self.save()
                    self.mark = time.perf_counter()
            if self.batch < per_epoch and self.observer.should_stop():
                break
        self.synchronize()
        self.flush()
        return self.batch == per_epoch

    def count_time(self) -> None:
        """Adds the time since the last call to the training seconds, but for what does not count."""
        now = time.perf_counter()
        spent, self.mark, self.outside = now - self.mark - self.outside, now, 0.0
        self.seconds += spent
        self.epoch_seconds += spent

    def set_rate(self) -> None:
        """The learning rate of the coming step, for every group; nothing where the optimizer has none."""
        settings = self.settings
        self.rate = settings.hyper.get("lr", math.nan)
        if math.isnan(self.rate):
            return
        self.rate *= factor(settings.schedule, settings.warmup, self.step, self.steps, settings.gamma, settings.every)
        for group in self.optimizer.param_groups:
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(self.rate)
            else:
                group["lr"] = self.rate

    def one_step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Gradient and step of one batch, through the CUDA graph where there is one for its size."""
        full = len(labels) == self.settings.batch_size
        if self.graphing and self.graph is None and full and self.made >= GRAPH_WARM_UP:
            self.capture(images, labels)
        if self.graph is not None and full:
            self.graph(images, labels)
            return
        self.eager_step(images, labels)
        self.made += 1

    def eager_step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Gradient and step of one batch; an optimizer that asks for itself gets a closure."""
        if self.rule is None or not self.rule.needs_closure:
            self.optimizer.zero_grad(set_to_none=True)
            self.gradient(images, labels)
            self.optimizer.step()
            return
        asked, last = 0, 2 if self.rule.looks_with_gradient else 1

        def closure() -> torch.Tensor:
            nonlocal asked
            asked += 1
            self.optimizer.zero_grad(set_to_none=True)
            return self.gradient(images, labels, counted=asked == 1, outside=asked == last)

        self.optimizer.step(closure)  # type: ignore[arg-type]

    def gradient(
        self, images: torch.Tensor, labels: torch.Tensor, *, counted: bool = True, outside: bool = True
    ) -> torch.Tensor:
        """Loss and gradient of a batch; loss and hits go into the epoch's buffers where it is counted.

        outside: whether the gradient gets what goes around the optimizer, noise and clipping.
        """
        with self.autocast():
            logits = self.forward(images)
        loss = self.loss(logits, labels)
        if self.rule is not None and self.rule.curvature:
            slopes = torch.autograd.grad(loss, self.parameters, create_graph=True)
            for parameter, slope in zip(self.parameters, slopes, strict=True):
                parameter.grad = slope
        else:
            loss.backward()
        with torch.no_grad():
            if outside:
                self.around()
            if counted:
                self.losses.index_copy_(0, self.position, loss.detach().double().reshape(1))
                self.correct.index_copy_(0, self.position, (logits.argmax(1) == labels).double().mean().reshape(1))
                self.position.add_(1)
        return loss.detach()

    def around(self) -> None:
        """Noise and clipping, in this order; the noise follows from the seed and the step."""
        settings = self.settings
        if settings.noise:
            seed = (settings.seed * 1_000_003 + self.step) % 2**63
            generator = torch.Generator(self.device).manual_seed(seed)
            for parameter in self.parameters:
                if parameter.grad is not None:
                    draw = torch.empty_like(parameter.grad).normal_(generator=generator)
                    parameter.grad.add_(draw, alpha=settings.noise)
        if settings.clip == "norm":
            torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip_at)
        elif settings.clip == "value":
            torch.nn.utils.clip_grad_value_(self.parameters, settings.clip_at)

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean cross entropy with the recipe's label smoothing, in float32 at least."""
        logits = logits.float() if logits.dtype == torch.bfloat16 else logits
        return cross_entropy(logits, labels, label_smoothing=self.task.label_smoothing)

    def autocast(self) -> Any:
        """bfloat16 where it was chosen; without autocast's cache, which a CUDA graph must not hold."""
        if self.settings.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16, cache_enabled=False)

    def capture(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Makes the CUDA graph, outside the clock; where that fails the run stays eager and its record says why."""
        self.synchronize()
        began = time.perf_counter()
        try:
            whole = optimizers.OPTIMIZERS[self.settings.optimizer].in_graph
            self.graph = StepGraph(
                self.gradient, self.optimizer, self.parameters, whole, self.stream, images, labels
            )  # fmt: skip
        except RuntimeError as error:
            self.graphing = False
            engine = "compiled" if self.settings.engine == "compiled" else "eager"
            self.observer.record({"engine": f"{engine} (no CUDA graph: {str(error).splitlines()[0][:200]})"})
        self.outside += time.perf_counter() - began

    # ------------------------------------------------------------ what is measured

    def flush(self) -> None:
        """Fetches what was measured since the last time and tells the observer; raises where a loss is not finite."""
        first, last = int(self.flushed), self.batch
        fetched = torch.stack([self.losses[first:last], self.correct[first:last]]).tolist()
        self.count_time()
        if last > first:
            losses, correct = fetched
            step = self.step - (last - first)
            for loss, accuracy in zip(losses, correct, strict=True):
                step += 1
                self.observer.points(step, {"train/loss": loss, "train/accuracy": accuracy})
                if not math.isfinite(loss):
                    raise _Diverged(step)
            self.observer.points(self.step, {**self.clocks(), "rate": self.rate})
        self.flushed, self.flushed_at = last, time.perf_counter()
        self.observer.progress(self.step, self.steps, "training")

    def clocks(self) -> dict[str, float]:
        """Both clocks, in seconds."""
        return {"clock/training": self.seconds, "clock/wall": time.monotonic() - self.began}

    def end_epoch(self) -> None:
        """Means of the epoch, evaluation, the checkpoint."""
        sizes = torch.full((self.batch,), float(self.settings.batch_size), dtype=torch.float64)
        sizes[-1] = self.data.count - self.settings.batch_size * (self.batch - 1)
        weights = sizes / sizes.sum()
        values = {
            "epoch/train_loss": float(self.losses.cpu() @ weights),
            "epoch/train_accuracy": float(self.correct.cpu() @ weights),
            "epoch/seconds": self.epoch_seconds,
        }
        if self.evaluation_seconds > 1.0:
            self.observer.progress(self.step, self.steps, "evaluating")
        began = time.perf_counter()
        with self.answering():
            for part, (images, labels) in self.data.parts.items():
                values[f"epoch/{part}_loss"], values[f"epoch/{part}_accuracy"] = self.evaluate(images, labels)
        self.evaluation_seconds = time.perf_counter() - began
        self.observer.points(self.step, {**values, **self.clocks()})
        if not math.isfinite(values["epoch/test_loss"]):
            raise _Diverged(self.step, "the test loss")
        self.epoch += 1
        self.batch, self.epoch_seconds = 0, 0.0
        if self.settings.validation:
            better = values["epoch/validation_loss"] < self.best
            self.best = min(self.best, values["epoch/validation_loss"])
            self.since_best = 0 if better else self.since_best + 1
        if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS / 3 and self.epoch < self.settings.epochs:
            self.save()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """The weights that the optimizer returns, where it trains others, with batch statistics that are theirs."""
        if getattr(getattr(self.optimizer, "rule", None), "answer", None) is None:
            yield
            return
        kept = {name: value.clone() for name, value in self.network.named_buffers()}
        self.optimizer.eval()  # type: ignore[attr-defined]
        try:
            if kept:
                batches = islice(self.data.batches(self.epoch, 0), STATISTICS_BATCHES)
                with self.autocast(), torch.random.fork_rng(devices=[self.device] if self.cuda else []):
                    update_bn((images for images, _ in batches), self.network)
            yield
        finally:
            self.optimizer.train()  # type: ignore[attr-defined]
            for name, value in self.network.named_buffers():
                value.copy_(kept[name])

    @torch.no_grad()
    def evaluate(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
        """Mean loss (without label smoothing) and accuracy over all images."""
        self.network.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        size = 2_000 if self.cuda else 500
        for start in range(0, len(labels), size):
            batch = self.data.normalised(images[start : start + size])
            with self.autocast():
                logits = self.network(batch)
            logits = logits.float() if logits.dtype == torch.bfloat16 else logits
            target = labels[start : start + size]
            total[0] += cross_entropy(logits, target, reduction="sum")
            total[1] += (logits.argmax(1) == target).sum()
        self.network.train()
        loss, accuracy = (total / len(labels)).tolist()
        return loss, accuracy

    def finish(self) -> None:
        """The run's last facts."""
        self.observer.record(
            {
                "training_seconds": self.seconds,
                "wall_seconds": time.monotonic() - self.began,
                "peak_memory": self.peak_memory(),
                "optimizer_milliseconds": self.optimizer_milliseconds(),
            }
        )

    def peak_memory(self) -> int:
        """The device's on a GPU, the process's otherwise, in bytes."""
        return torch.cuda.max_memory_allocated(self.device) if self.cuda else peak_memory()

    def optimizer_milliseconds(self) -> float:
        """The optimizer's step with what it asks for itself, a median; the run is over, its weights may move."""
        self.graph = None
        self.optimizer.zero_grad(set_to_none=True)
        images, labels = next(iter(self.data.batches(0, 0)))
        self.position.zero_()
        self.gradient(images, labels)
        searching = self.rule is not None and self.rule.needs_closure
        times = []
        for _ in range(TIMED_STEPS):
            self.position.zero_()
            self.synchronize()
            began = time.perf_counter()
            if searching:
                self.eager_step(images, labels)
            else:
                self.optimizer.step()
            self.synchronize()
            times.append(time.perf_counter() - began)
        return 1e3 * sorted(times)[len(times) // 2]

    def synchronize(self) -> None:
        """Waits until the device has done what it was told."""
        if self.cuda:
            torch.cuda.synchronize(self.device)

    def say(self, stage: str) -> None:
        """What is going on before the first step; a run that shall stop goes no further."""
        self.observer.progress(self.step, self.steps, stage)
        if self.observer.should_stop():
            raise _Stopped

    def downloading(self, done: int, total: int) -> None:
        """Told by a download."""
        self.say(f"downloading, {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    # ------------------------------------------------------------ checkpoints

    def save(self) -> None:
        """Writes everything that the rest of the run depends on, in one piece or not at all."""
        self.saved_at = time.monotonic()
        # Whoever listens writes down every point before the checkpoint that counts on them.
        if self.observer.progress(self.step, self.steps, "saving") is False:
            return
        self.wall = time.monotonic() - self.began
        state = {
            "settings": self.settings.to_json(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
            "correct": self.correct,
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if self.cuda else None,
            **{name: getattr(self, name) for name in _STANDING},
        }
        failed, self.unsaved = self.unsaved, ""
        try:
            checkpoints.write(self.checkpoint, lambda file: torch.save(state, file))
        except (OSError, RuntimeError) as error:  # torch turns some errors of the disk into the other kind
            why = reason(error) if isinstance(error, OSError) else "the disk is full, or cannot be written to"
            self.unsaved = f"could not be written: {why}"
        if self.unsaved != failed:
            self.observer.record({"checkpoint": self.unsaved})
        self.saved_at = time.monotonic()

    def load_optimizer(self, saved: dict[str, Any]) -> None:
        """As saved, also where torch would give a state of another type the parameters' one."""
        self.optimizer.load_state_dict(saved)
        if self.settings.optimizer.startswith("torch."):
            for number, parameter in enumerate(self.network.parameters()):
                for name, value in saved["state"].get(number, {}).items():
                    if torch.is_tensor(value):
                        self.optimizer.state[parameter][name] = value.clone()

    def load(self) -> None:
        """Goes back to the last checkpoint that is whole; ValueError where none is, or it belongs to other settings."""
        state, damaged = checkpoints.newest(self.checkpoint, self.loaded)
        if state is None:
            return  # interrupted before its first checkpoint: it begins again
        saved = replace(RunSettings.from_json(state["settings"]), threads=self.settings.threads)
        if saved != self.settings:
            others = sorted(key for key, value in asdict(self.settings).items() if asdict(saved)[key] != value)
            raise ValueError(f"the checkpoint was written with other settings; these differ: {', '.join(others)}")
        self.network.load_state_dict(state["network"])
        self.load_optimizer(state["optimizer"])
        self.losses.copy_(state["losses"])
        self.correct.copy_(state["correct"])
        torch.set_rng_state(state["random"].cpu())
        if self.cuda:
            torch.cuda.set_rng_state(state["random_cuda"].cpu(), self.device)
        for name in _STANDING:
            setattr(self, name, state[name])
        self.observer.record({"checkpoint": ""})  # what an earlier process said of its own
        for path, why in damaged:
            checkpoints.set_aside(path)
            said = f"was damaged ({why}): it went on from the one before, at step {self.step:,}"
            self.observer.record({"checkpoint": said})

    def loaded(self, file: BinaryIO) -> dict[str, Any]:
        """What a checkpoint holds: tensors and plain data, never code."""
        return torch.load(file, map_location=self.device, weights_only=True)


_STANDING = ("epoch", "batch", "step", "seconds", "epoch_seconds", "wall", "best", "since_best")


def _device(settings: RunSettings) -> torch.device:
    """The device of the settings; inside a worker that sees one GPU alone, that one."""
    if settings.device == "cpu":
        return torch.device("cpu")
    index = int(settings.device.partition(":")[2])
    count = torch.cuda.device_count()
    if not count:
        raise ValueError(f"device = {settings.device} is not available: this PyTorch finds no GPU")
    if index >= count:
        raise ValueError(f"device = {settings.device} is not available: there are {count} GPUs, from cuda:0 on")
    return torch.device("cuda", index)
