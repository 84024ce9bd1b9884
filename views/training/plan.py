"""What the Training page is about to launch, as one value: task, optimizers, grid, recipe; checked on every change.

Every setting has a path: ``task``, ``epochs``, ``card.2.lr``, ``card.2.on``. A change that is not allowed leaves the
setting as it was and puts a sentence under its path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import Any, ClassVar

from optim_core.around import CLIPS, DROPPING, SCHEDULES
from optim_core.around import RANGES as AROUND
from optim_core.parameters import Interval, Range
from training.devices import cores
from training.optimizers import OPTIMIZERS
from training.report import duration
from training.settings import (
    DEVICE,
    ENGINES,
    MAX_BATCH,
    MAX_EPOCHS,
    PRECISIONS,
    WEIGHTS,
    RunSettings,
    grid,
    starting_hyper,
)
from training.task import TASKS, Entry, Task
from views.shared.cards import Card, Cards, WithCards
from views.shared.colours import style
from views.shared.fields import field as control
from views.shared.messages import Card as PanelCard
from views.shared.messages import Controls, Field
from views.shared.state import Choice, Number, Setting, Switch, Whole

MAX_RUNS = 500
# Where nothing has been measured yet: multiply-adds a second (of a thread, of a GPU) and seconds a step costs at least.
START = 5  # seconds until a process has loaded PyTorch and a network
GUESS = {"cpu": (4e10, 2e-3), "cuda": (2e13, 5e-4)}

NUMBERS: dict[str, tuple[Range, bool, str]] = {
    "epochs": (Range(1, 200, "", log=True, valid=f"[1, {MAX_EPOCHS}]"), True, "passes over the training images"),
    "batch_size": (Range(8, 4096, "", log=True, valid=f"[1, {MAX_BATCH}]"), True, "images a step"),
    "rates": (Range(1, 9, "", valid="[1, 25]"), True, "learning rates on a logarithmic grid around each card's own"),
    "factor": (Range(1.5, 10, "", log=True, valid="(1, 1000]"), False, "between neighbouring learning rates"),
    "seeds": (Range(1, 10, "", valid="[1, 100]"), True, "runs that differ in weights and order of the data"),
    "seed": (Range(0, 100, "", valid="[0, 2147483647]"), True, "the first seed"),
    "warmup": (Range(0, 0.5, "", valid="[0, 0.9]"), False, "share of the steps over which the rate climbs"),
    "l2": (Range(0, 0.01, "", valid="[0, 1e3]"), False, "for optimizers without a weight decay of their own"),
    "decoupled": (Range(0, 0.1, "", valid="[0, 1e3]"), False, "decoupled weight decay, where there is none of its own"),
    "gamma": (AROUND["gamma"], False, "what the rate is multiplied by"),
    "every": (AROUND["every"], False, "share of the steps after which it is"),
    "clip_at": (AROUND["clip_at"], False, "the most that a gradient's length or entry may be"),
    "noise": (Range(0, 1, "", valid="[0, 1e6]"), False, "standard deviation of Gaussian noise on each gradient entry"),
    "validation": (Range(0, 0.5, "", valid="[0, 0.5]"), False, "share of the training images kept for choosing"),
    "patience": (Range(0, 50, "", valid=f"[0, {MAX_EPOCHS}]"), True, "epochs without a better validation loss; 0: off"),
    "images": (Range(0, 50_000, "", valid="[0, 50000]"), True, "the first so many training images; 0: all"),
}  # fmt: skip
CHOICES = {"schedule": SCHEDULES, "clip": CLIPS, "precision": PRECISIONS, "weights": WEIGHTS, "engine": ENGINES}
LABELS = {
    "batch_size": "batch size", "rates": "learning rates", "factor": "factor between", "seed": "first seed",
    "l2": "L2 penalty", "decoupled": "decoupled decay", "clip_at": "clip at", "noise": "gradient noise",
    "images": "training images",
}  # fmt: skip


class Device(Setting):
    """Where the runs are made: it need not be here."""

    def checked(self, state: Any, value: Any) -> str:
        if not DEVICE.fullmatch(str(value)):
            raise ValueError(f"device = {str(value)[:40]!r} is not allowed; it must be cpu, cuda:0, cuda:1, ...")
        return str(value)


class Synthetic(Switch):
    """Whether the images are made up, where the task has some."""

    def checked(self, state: Any, value: Any) -> bool:
        return super().checked(state, value) and state.declared.synthetic

    def text(self, state: Any, value: bool) -> str:
        return str(value)


def _number(name: str) -> Setting:
    limits, whole, _ = NUMBERS[name]
    low, high, *_ = Interval.parse(limits.valid)
    label = LABELS.get(name, "")
    return Whole(int(low), int(high), label=label, omit=True) if whole else Number(limits.valid, label=label, omit=True)


@dataclass
class Plan(WithCards):
    """The state of the page's sidebar."""

    task: str = "digits"
    preset: str | None = None
    cards: dict[int, Card] = field(default_factory=dict)
    epochs: int = 1
    batch_size: int = 1
    rates: int = 1
    factor: float = 10**0.5
    seeds: int = 1
    seed: int = 0
    schedule: str = "constant"
    warmup: float = 0.0
    l2: float = 0.0
    decoupled: float = 0.0
    gamma: float = 0.1
    every: float = 1 / 3
    clip: str = "none"
    clip_at: float = 1.0
    noise: float = 0.0
    precision: str = "float32"
    engine: str = "auto"
    device: str = "cpu"
    validation: float = 0.0
    patience: int = 0
    images: int = 0
    weights: str = "auto"
    synthetic: bool = False
    missing: tuple[str, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)

    SETTINGS: ClassVar = {
        **{name: _number(name) for name in NUMBERS},
        **{name: Choice(names, omit=True) for name, names in CHOICES.items()},
        "device": Device(omit=True),
        "synthetic": Synthetic(),
        "card": Cards(OPTIMIZERS, field="cards", omit=True),
    }

    @classmethod
    def of(cls, task: str, device: str = "cpu", half: bool = False) -> "Plan":
        """The task's own recipe and first preset; bfloat16 where the device has it and the rate follows a schedule."""
        declared = TASKS[task]
        plan = cls(
            task=task, epochs=declared.epochs, batch_size=declared.batch_size, schedule=declared.schedule,
            warmup=declared.warmup, l2=declared.l2, device=device,
            precision="bfloat16" if half and declared.schedule != "constant" else "float32",
        )  # fmt: skip
        plan.take_preset(next(iter(declared.presets)))
        return plan

    @property
    def declared(self) -> Task:
        """The task."""
        return TASKS[self.task]

    def take_preset(self, name: str) -> None:
        """The preset's cards in place of those there are; optimizers that do not exist yet stand in ``missing``."""
        self.cards, self.missing = {}, ()
        self.forget("card")
        for entry in self.declared.presets[name]:
            if entry.optimizer in OPTIMIZERS:
                self.add(entry.optimizer, entry.hyper)
            else:
                self.missing += (entry.optimizer,)
        self.preset = name

    # ------------------------------------------------------------ changes and links

    def new_card(self, rule: str) -> Card:
        """A card with the hyperparameters with which an optimizer begins on this task."""
        if rule not in OPTIMIZERS:
            raise ValueError(f"{rule[:40]!r} is no optimizer that trains networks")
        return Card(rule, starting_hyper(self.declared, rule))

    def follow(self, path: str) -> None:
        """Other cards are one's own choice."""
        if path == "card":
            self.preset = None

    def usual(self) -> "Plan":
        """The task's own recipe."""
        return _usual(self.task)

    def to_query(self) -> dict[str, str]:
        """The task, and what differs from its own recipe, as fields of a link."""
        return {"task": self.task, **super().to_query()}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Plan":
        """The plan that a link describes, that of the digits where it names no task.

        What is wrong in it keeps its default, with a sentence in ``problems`` under ``link``.
        """
        task = query.get("task", "")
        plan = cls.of(task if task in TASKS else "digits")
        plan.read_among_others(query)
        return plan

    # ------------------------------------------------------------ what follows from it

    def runs(self) -> list[RunSettings]:
        """Every run of the plan, seeds outermost: a first comparison is there early. ValueError says what is wrong."""
        chosen = [card for card in self.cards.values() if card.on]
        if wrong := next((text for path, text in self.problems.items() if path not in ("card", "launch", "link")), ""):
            raise ValueError(f"first mend what is marked: {wrong.rstrip('.')}")
        if not chosen:
            raise ValueError("no optimizer is chosen: add one, or switch one on")
        count = len(chosen) * self.rates * self.seeds
        if count > MAX_RUNS:
            raise ValueError(f"{count} runs are more than the {MAX_RUNS} that one launch may have")
        threads = max(1, cores() // min(3, count))
        found: list[RunSettings] = []
        for seed in range(self.seed, self.seed + self.seeds):
            for card in chosen:
                takes, alone = OPTIMIZERS[card.rule].takes_l2, OPTIMIZERS[card.rule].alone
                base = RunSettings(
                    self.task, card.rule, card.hyper, epochs=self.epochs, batch_size=self.batch_size,
                    schedule="constant" if alone else self.schedule, warmup=0.0 if alone else self.warmup,
                    gamma=self.gamma, every=self.every, clip="none" if alone else self.clip, clip_at=self.clip_at,
                    noise=0.0 if alone else self.noise, precision=self.precision,
                    l2=self.l2 if takes else 0.0, decoupled=self.decoupled if takes else 0.0,
                    device=self.device, threads=threads, engine=self.engine,
                    validation=self.validation, patience=self.patience, images=self.images, weights=self.weights,
                    synthetic=self.synthetic,
                )  # fmt: skip
                if self.rates > 1 and "lr" not in card.hyper:
                    raise ValueError(
                        f"{OPTIMIZERS[card.rule].title} has no learning rate: take one rate, or leave it out"
                    )
                middle = (self.rates - 1) / 2
                rates = [_rounded(card.hyper.get("lr", 1.0) * self.factor ** (i - middle)) for i in range(self.rates)]
                if len(set(rates)) < len(rates):
                    raise ValueError(f"factor between = {self.factor:g} is too small: learning rates become equal")
                found += grid(base, rates if self.rates > 1 else [], [seed])
        if len(set(map(RunSettings.to_json, found))) < len(found):
            raise ValueError("two of the cards are the same: change or remove one")
        return found

    def sentence(self, runs: Sequence[RunSettings]) -> str:
        """The grid in words."""
        chosen = sum(card.on for card in self.cards.values())
        parts = [f"{chosen} optimizer{'s' * (chosen > 1)}"]
        if self.rates > 1:
            parts.append(f"{self.rates} learning rates")
        if self.seeds > 1:
            parts.append(f"{self.seeds} seeds")
        return " × ".join(parts) + (f" = {len(runs)} runs" if len(parts) > 1 else "")


def _rounded(rate: float) -> float:
    return float(f"{rate:.3g}")


@cache
def _usual(task: str) -> Plan:
    return Plan.of(task)


# ---------------------------------------------------------------- how long


def estimate(plan: Plan, runs: Sequence[RunSettings], slots: int, measured: Mapping[tuple, Sequence[float]]) -> str:
    """How long the plan will take, in a sentence that says what the figure rests on.

    slots: how many runs go side by side. measured: seconds a run's image took, by `key`, from earlier runs.
    """
    one = runs[0]
    images = sum(run.epochs * run.training_images for run in runs)
    side_by_side = max(1, min(slots, len(runs)))
    if seen := measured.get(key(one)):
        seconds = images * median(seen) / side_by_side
        said = f"{len(seen)} earlier run{'s' * (len(seen) > 1)} of this kind"
        return f"about {_round(seconds)} by {said}, and {START} s to start"
    kind = one.device.partition(":")[0]
    rate, step = GUESS[kind]
    steps = sum(run.epochs * run.steps_per_epoch for run in runs)
    work = images * 3 * plan.declared.work / (rate * (one.threads if kind == "cpu" else 1))  # backward is twice forward
    return (
        f"roughly {_round((work + steps * step) / side_by_side)}, a guess: no run of this kind has been timed here yet"
    )


def key(settings: RunSettings) -> tuple:
    """Runs that take the same time an image."""
    return settings.task, settings.device, settings.precision, settings.batch_size, settings.threads


def _round(seconds: float) -> str:
    return f"{max(1.0, seconds):.0f} s" if seconds < 99.5 else duration(seconds)


# ---------------------------------------------------------------- the sidebar's fields


def controls(plan: Plan) -> Controls:
    """Cards, epochs and the grid."""
    names = ["epochs", "rates", *(["factor"] if plan.rates > 1 else []), "seeds"]
    cards: list[PanelCard] = []
    for number, card in plan.cards.items():
        colour, dash = style(number)
        optimizer = OPTIMIZERS[card.rule]
        fields = [
            control(f"card.{number}.{name}", name, limits, card.hyper[name])
            for name, limits in optimizer.ranges.items()
        ]
        cards.append(
            {"id": number, "title": optimizer.title, "colour": colour, "dash": dash, "on": card.on, "fields": fields}
        )
    return {
        "name": "controls",
        "groups": [{"title": None, "fields": [number_field(plan, name) for name in names]}],
        "cards": cards,
        "problems": plan.problems,
        "empty": "No optimizers yet. Add one below.",
    }


def details(plan: Plan) -> Controls:
    """The rest of the recipe."""
    names = ["batch_size", "warmup", *(["gamma", "every"] if plan.schedule in DROPPING else []), "l2", "decoupled"]
    names += [*(["clip_at"] if plan.clip != "none" else []), "noise", "seed", "validation", "patience", "images"]
    fields = [number_field(plan, name) for name in names]
    return {
        "name": "details",
        "groups": [{"title": None, "fields": fields}],
        "cards": [],
        "problems": plan.problems,
        "empty": "",
    }


def number_field(plan: Plan, name: str) -> Field:
    """The slider of one number."""
    limits, whole, title = NUMBERS[name]
    return control(name, LABELS.get(name, name), limits, getattr(plan, name), title, whole=whole)


def preset_of(task: Task) -> dict[str, tuple[Entry, ...]]:
    """The task's presets that have at least one optimizer that exists."""
    return {name: entries for name, entries in task.presets.items() if any(e.optimizer in OPTIMIZERS for e in entries)}
