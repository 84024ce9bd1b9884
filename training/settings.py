"""What a training run is told: checked data, never code; written to the store and to the command line as JSON."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from optim_core import RULES
from optim_core.around import CLIPS, RANGES, SCHEDULES, Around
from optim_core.options import checked_choice
from optim_core.parameters import checked_integer, checked_number
from optim_core.parameters import settings as checked_hyper
from training.optimizers import OPTIMIZERS
from training.task import TASKS, Entry, Task

PRECISIONS = {"float32": "float32", "bfloat16": "bfloat16 (autocast)", "float64": "float64"}
ENGINES = {"auto": "Automatic", "eager": "Eager", "graph": "CUDA graph", "compiled": "torch.compile"}
WEIGHTS = {"auto": "ImageNet's where they can be had", "imagenet": "ImageNet's", "scratch": "From scratch"}
DEVICE = re.compile(r"cpu|cuda:\d{1,2}")
MAX_EPOCHS = 10_000
MAX_BATCH = 50_000


@dataclass(frozen=True)
class RunSettings:
    """One run, completely; ValueError names what is wrong in it.

    hyper: the optimizer's hyperparameters, all of them. schedule, warmup, gamma, every, clip, clip_at, noise: what goes
    around every optimizer (``optim_core.around.Around``). l2, decoupled: factors of an L2 penalty, a decoupled decay.
    validation: share of the training images kept for choosing. patience: epochs without a better validation loss
    until the run stops, 0 for never. images: the first so many training images, 0 for all (a fifth as many of the
    test set). threads: on the CPU. weights: where the task's network can start from ImageNet's.
    """

    task: str
    optimizer: str
    hyper: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    epochs: int = 0
    batch_size: int = 0
    schedule: str = ""
    warmup: float = 0.0
    gamma: float = 0.1
    every: float = 1 / 3
    l2: float = 0.0
    decoupled: float = 0.0
    clip: str = "none"
    clip_at: float = 1.0
    noise: float = 0.0
    precision: str = "float32"
    device: str = "cpu"
    threads: int = 1
    engine: str = "auto"
    validation: float = 0.0
    patience: int = 0
    images: int = 0
    weights: str = "auto"
    synthetic: bool = False

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        task = TASKS[checked_choice("task", self.task, tuple(TASKS))]
        optimizer = OPTIMIZERS[checked_choice("optimizer", self.optimizer, tuple(OPTIMIZERS))]
        if not isinstance(self.hyper, Mapping):
            raise ValueError(f"hyper = {str(self.hyper)[:60]!r} is not allowed; it must be names and numbers")
        start = starting_hyper(task, self.optimizer)
        put("hyper", checked_hyper(optimizer.Hyper, {**start, **self.hyper}, owner=optimizer.title)._asdict())
        if self.hyper.get("nesterov") and not self.hyper["momentum"]:
            raise ValueError("nesterov = 1 needs a momentum: momentum must lie in (0, 1)")
        put("seed", checked_integer("seed", self.seed, 0, 2**31 - 1))
        put("epochs", checked_integer("epochs", self.epochs or task.epochs, 1, MAX_EPOCHS))
        put("batch_size", checked_integer("batch_size", self.batch_size or task.batch_size, 1, MAX_BATCH))
        usual = "constant" if optimizer.alone else task.schedule
        put("schedule", checked_choice("schedule", self.schedule or usual, tuple(SCHEDULES)))
        put("warmup", checked_number("warmup", self.warmup, "[0, 0.9]"))
        checked_choice("clip", self.clip, tuple(CLIPS))
        for name in ("gamma", "every", "clip_at", "noise"):
            put(name, checked_number(name, getattr(self, name), RANGES[name].valid))
        for name in ("l2", "decoupled"):
            put(name, checked_number(name, getattr(self, name), RANGES["weight_decay"].valid))
            if (value := getattr(self, name)) and optimizer.own_decay:
                raise ValueError(f"{name} = {value:g} is not allowed: {optimizer.title} has a weight_decay of its own")
            if value and not optimizer.takes_l2:
                raise ValueError(f"{name} = {value:g} is not allowed: {optimizer.title} takes no decay; it must be 0")
        if self.l2 and self.decoupled:
            raise ValueError(f"l2 = {self.l2:g} and decoupled = {self.decoupled:g}: one of them must be 0")
        if self.optimizer in RULES:
            for name, why in self.around.refused(RULES[self.optimizer]).items():
                raise ValueError(f"{name} is not allowed here: {optimizer.title} {why}")
        checked_choice("precision", self.precision, tuple(PRECISIONS))
        checked_choice("engine", self.engine, tuple(ENGINES))
        checked_choice("weights", self.weights, tuple(WEIGHTS))
        if not isinstance(self.device, str) or not DEVICE.fullmatch(self.device):
            raise ValueError(f"device = {str(self.device)[:40]!r} is not allowed; it must be cpu, cuda:0, cuda:1, ...")
        if self.precision == "float64" and self.device != "cpu":
            raise ValueError("precision = float64 is not allowed on a GPU; it must be float32 or bfloat16")
        if self.engine in ("graph",) and self.device == "cpu":
            raise ValueError("engine = graph is not allowed on the CPU; it must be auto, eager or compiled")
        put("threads", checked_integer("threads", self.threads, 1, 256))
        put("validation", checked_number("validation", self.validation, "[0, 0.5]"))
        put("patience", checked_integer("patience", self.patience, 0, MAX_EPOCHS))
        if self.patience and not self.validation:
            raise ValueError(f"patience = {self.patience} needs a validation part: validation must lie in (0, 0.5]")
        put("images", checked_integer("images", self.images, 0, task.images))
        held = round((self.images or task.images) * self.validation)
        if self.validation and not 0 < held < (self.images or task.images):
            raise ValueError(
                f"validation = {self.validation:g} leaves {held} images for validation; take a larger part"
            )
        last = (self.training_images - 1) % self.batch_size + 1
        if last < task.smallest_batch:
            whole = self.batch_size < task.smallest_batch
            raise ValueError(
                f"batch_size = {self.batch_size} is not allowed with {self.training_images:,} training images: "
                f"{'a batch' if whole else 'the last batch'} would have {last}, and batch normalisation in "
                f"{task.title} needs {task.smallest_batch}; {self._batches(task.smallest_batch)}"
            )
        if not isinstance(self.synthetic, bool):
            raise ValueError(f"synthetic = {self.synthetic!r} is not allowed; it must be true or false")
        if self.synthetic and not task.synthetic:
            raise ValueError(f"synthetic = True is not allowed; {task.title} always has its data at hand")

    @property
    def around(self) -> Around:
        """What goes around the optimizer."""
        decay, factor = ("decoupled", self.decoupled) if self.decoupled else ("l2", self.l2)
        return Around(
            factor, decay, self.clip, self.clip_at, self.schedule, self.warmup, self.gamma, self.every, self.noise
        )

    @property
    def training_images(self) -> int:
        """How many images an epoch trains on."""
        images = self.images or TASKS[self.task].images
        return images - round(images * self.validation)

    def _batches(self, smallest: int) -> str:
        """The nearest batch sizes that leave no batch with fewer images than that."""
        count = self.training_images
        fits = [n for n in range(smallest, self.batch_size + 10) if (count - 1) % n + 1 >= smallest]
        near = sorted(sorted(fits, key=lambda n: abs(n - self.batch_size))[:2])
        return f"near it: {' or '.join(map(str, near))}" if near else "take more images"

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch; the last batch may be smaller."""
        return -(-self.training_images // self.batch_size)

    @cached_property
    def group(self) -> str:
        """A short name that is the same for runs that differ in the seed alone."""
        text = json.dumps({**asdict(self), "seed": None}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """As text, keys in order."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "RunSettings":
        """What `to_json` wrote; ValueError where it is something else."""
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"the settings {text[:60]!r} are not JSON") from None
        if not isinstance(given, dict):
            raise ValueError("the settings of a run must be a JSON object")
        known = {entry.name for entry in fields(cls)}
        if unknown := set(given) - known:
            raise ValueError(f"a run has no setting {min(unknown)[:40]!r}; it has: {', '.join(sorted(known))}")
        if missing := {"task", "optimizer"} - set(given):
            raise ValueError(f"a run needs the setting {min(missing)!r}")
        return cls(**given)


def starting_hyper(task: Task, optimizer: str) -> dict[str, float]:
    """The hyperparameters with which an optimizer begins on a task; its own weight decay is then the task's penalty."""
    known = OPTIMIZERS[optimizer]
    penalty = {"weight_decay": task.l2} if known.coupled_decay and task.l2 else {}
    return {**known.defaults, **penalty, **task.defaults.get(optimizer, {})}


def recipe(task: Task, entry: Entry, **others: Any) -> RunSettings:
    """The task's recipe with one optimizer; without what cannot go around it, such as an L2 penalty beside its own."""
    optimizer = OPTIMIZERS[entry.optimizer]
    usual = {} if optimizer.alone else {"schedule": task.schedule, "warmup": task.warmup}
    given = {**usual, "l2": task.l2 if optimizer.takes_l2 else 0.0, **others}
    return RunSettings(task.name, entry.optimizer, entry.hyper, **given)


def grid(base: RunSettings, rates: list[float], seeds: list[int]) -> list[RunSettings]:
    """The base with every learning rate and every seed, seeds innermost."""
    return [
        replace(base, hyper={**base.hyper, **changed}, seed=seed)
        for changed in ([{"lr": rate} for rate in rates] or [{}])
        for seed in seeds
    ]
