"""What a training task is, and the tasks there are.

A task is a module in ``training/tasks/``; nothing is registered. It declares, without importing torch:

    NAME, DESCRIPTION               shown
    CLASSES, IMAGES                 how many classes; how many training images the set holds
    EPOCHS, BATCH_SIZE              the recipe's own
    SCHEDULE, WARMUP, L2, LABEL_SMOOTHING, PAD, FLIP    left out where the recipe has none
    TARGETS                         test accuracies whose time is reported
    WORK                            multiply-adds of one image forward, for estimates
    DATA                            what the set is called on the page
    SMALLEST_BATCH                  images that a training step needs at least, where one is too few (BatchNorm)
    PRESETS                         title -> list of Entry
    DEFAULTS                        optimizer -> hyperparameters other than the optimizer's own defaults
    load(settings, progress)        the Images; torch is imported inside
    build(settings, progress)   the network, and a dict of facts for the run's record; torch is imported inside

The module's docstring names the source of the recipe.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any, Literal, NamedTuple


class Entry(NamedTuple):
    """One optimizer of a preset."""

    optimizer: str
    hyper: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Task:
    """A data set, a network, a loss and a recipe, as the task's module declares them."""

    name: str
    title: str
    description: str
    source: str
    data: str
    classes: int
    images: int
    epochs: int
    batch_size: int
    work: float
    load: Callable[..., Any]
    build: Callable[..., Any]
    schedule: str = "constant"
    warmup: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.0
    pad: int = 0
    pad_mode: Literal["zero", "reflect"] = "zero"
    flip: bool = False
    synthetic: bool = False
    smallest_batch: int = 1
    targets: tuple[float, ...] = ()
    presets: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


_OPTIONAL = ("SCHEDULE", "WARMUP", "L2", "LABEL_SMOOTHING", "PAD", "PAD_MODE", "FLIP", "SYNTHETIC", "SMALLEST_BATCH",
             "TARGETS", "PRESETS", "DEFAULTS")  # fmt: skip
_WANTED = (
    "NAME",
    "DESCRIPTION",
    "DATA",
    "CLASSES",
    "IMAGES",
    "EPOCHS",
    "BATCH_SIZE",
    "WORK",
    "load",
    "build",
    "__doc__",
)


def task_from_module(module: ModuleType) -> Task:
    """The Task that a module declares; TypeError says what is missing."""
    name = module.__name__.rpartition(".")[2]
    missing = [item for item in _WANTED if getattr(module, item, None) is None]
    if missing:
        raise TypeError(f"task {name}: {', '.join(missing)} missing in {module.__file__}")
    given = {item.lower(): getattr(module, item) for item in (*_WANTED, *_OPTIONAL) if hasattr(module, item)}
    given["title"], given["source"] = given.pop("name"), inspect.cleandoc(given.pop("__doc__"))
    return Task(name=name, **given)


def discover() -> Mapping[str, Task]:
    """All tasks by name, the one for every machine first; a module that is no task raises."""
    package = importlib.import_module("training.tasks")
    modules = [
        importlib.import_module(f"{package.__name__}.{entry.name}") for entry in pkgutil.iter_modules(package.__path__)
    ]
    found = sorted((task_from_module(module) for module in modules), key=lambda task: task.work)
    return MappingProxyType({task.name: task for task in found})


TASKS = discover()
