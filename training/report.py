"""What came out of runs: one row for each setting over its seeds, rates against results, the epochs of a run."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from optim_core.around import DROPPING, SCHEDULES
from training.optimizers import OPTIMIZERS
from training.run import DIVERGED, FINISHED, Run
from training.runs import Store
from training.settings import RunSettings
from training.task import TASKS

Series = Mapping[str, tuple[np.ndarray, np.ndarray]]
EPOCH_SERIES = ("epoch/train_loss", "epoch/train_accuracy", "epoch/test_loss", "epoch/test_accuracy",
                "epoch/validation_loss", "epoch/validation_accuracy", "epoch/seconds", "clock/training")  # fmt: skip

PARTS = ("train", "test", "validation")


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (of the sample, ddof = 1) over n runs; NaN where there are too few."""

    mean: float
    std: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Over those that are numbers."""
        found = np.array([value for value in values if value is not None and not math.isnan(value)])
        mean = float(found.mean()) if len(found) else math.nan
        return cls(mean, float(found.std(ddof=1)) if len(found) > 1 else math.nan, len(found))

    def text(self, scale: float = 1.0, digits: int = 2) -> str:
        """Such as "91.20 ± 0.31"; a dash where there is nothing."""
        if not self.n:
            return "–"
        mean = f"{self.mean * scale:.{digits}f}"
        return mean if math.isnan(self.std) else f"{mean} ± {self.std * scale:.{digits}f}"


@dataclass(frozen=True)
class Reached:
    """How a target was reached: by so many of n runs, and over those the mean epochs and training seconds."""

    target: float
    reached: int
    n: int
    epochs: float
    seconds: float

    def text(self) -> str:
        """Such as "12 epochs, 31.5 s", "missed", or with a share where some runs missed it."""
        if not self.reached:
            return "missed" if self.n else "–"
        share = "" if self.reached == self.n else f" ({self.reached} of {self.n})"
        return f"{self.epochs:.3g} epoch{'s' * (self.epochs != 1)}, {duration(self.seconds)}{share}"


@dataclass(frozen=True)
class Result:
    """One setting over its seeds."""

    group: str
    runs: tuple[Run, ...]
    settings: RunSettings
    final_accuracy: Spread
    best_accuracy: Spread
    final_loss: Spread
    targets: tuple[Reached, ...]
    epoch_seconds: Spread
    optimizer_milliseconds: Spread
    memory: float
    ended: Mapping[str, int]


def title(settings: RunSettings) -> str:
    """The optimizer's name."""
    return OPTIMIZERS[settings.optimizer].title


def detail(settings: RunSettings) -> str:
    """The rate, and every hyperparameter that is not the optimizer's own default, such as "lr 0.01, momentum 0.9"."""
    default = OPTIMIZERS[settings.optimizer].defaults
    shown = {name: value for name, value in settings.hyper.items() if name == "lr" or value != default[name]}
    parts = [f"{name} {value:g}" for name, value in shown.items()]
    parts += [f"{name} {value:g}" for name in ("l2", "decoupled") if (value := getattr(settings, name))]
    return ", ".join(parts)


def budget(settings: RunSettings) -> str:
    """What a run was given, as every result must say: data, epochs, batches, schedule, precision."""
    task = TASKS[settings.task]
    parts = [
        f"{task.title} on synthetic images (for speed only)" if settings.synthetic else task.title,
        counted(settings.epochs, "epoch"),
        f"batch {settings.batch_size}",
        "rate "
        + SCHEDULES[settings.schedule].lower()
        + (f" × {settings.gamma:g} a {settings.every:.3g} of the run" if settings.schedule in DROPPING else "")
        + (f" with {settings.warmup:.0%} warm-up" if settings.warmup else ""),
        settings.precision,
    ]
    if settings.clip != "none":
        parts.append(f"gradients clipped by {settings.clip} at {settings.clip_at:g}")
    if settings.noise:
        parts.append(f"noise {settings.noise:g} on gradients")
    if settings.images:
        parts.append(f"the first {settings.images:,} training images")
    if settings.validation:
        parts.append(f"{settings.validation:.0%} kept for validation")
    if settings.patience:
        parts.append(f"stops after {settings.patience} epochs without a better validation loss")
    return ", ".join(parts)


def counted(number: int, name: str) -> str:
    """Such as "1 epoch", "30 epochs"."""
    return f"{number} {name}" + "s" * (number != 1)


def duration(seconds: float) -> str:
    """Such as "0.84 s", "12.3 s", "4 min 05 s", "2 h 11 min"."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


@lru_cache(maxsize=4096)
def settings_of(text: str) -> RunSettings:
    """The settings that a stored run was given; ValueError where this version does not know them."""
    return RunSettings.from_json(text)


def readable(runs: Iterable[Run]) -> list[Run]:
    """Those whose settings this version knows: tasks and optimizers come and go."""
    found = []
    for run in runs:
        try:
            settings_of(run.settings)
        except ValueError:
            continue
        found.append(run)
    return found


def grouped(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs by everything but their seed, in the order in which they were launched."""
    found: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.number):
        found.setdefault(settings_of(run.settings).group, []).append(run)
    return found


def one_for_each_seed(members: Sequence[Run]) -> list[Run]:
    """The newest run of each seed: the same run made twice says nothing more."""
    return list({settings_of(run.settings).seed: run for run in sorted(members, key=lambda run: run.number)}.values())


def final_accuracy(run: Run, series: Series) -> float | None:
    """The last test accuracy of a run that finished, that of guessing for one that diverged, None for others."""
    values = _values(series, "epoch/test_accuracy")
    if run.status == DIVERGED:
        return 1 / TASKS[settings_of(run.settings).task].classes
    return float(values[-1]) if run.status == FINISHED and len(values) else None


def series_of(store: Store, runs: Sequence[Run]) -> dict[str, Series]:
    """The series by epoch of each run."""
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {run.id: {} for run in runs}
    for (run, name), arrays in store.tail([run.id for run in runs], series=EPOCH_SERIES).points.items():
        found[run][name] = arrays
    return found  # type: ignore[return-value]


def results(runs: Sequence[Run], series: Mapping[str, Series]) -> list[Result]:
    """One Result for each setting; best test accuracy (mean over seeds) first."""
    found = []
    for group, every in grouped(runs).items():
        members = one_for_each_seed(every)
        settings = settings_of(members[0].settings)
        ended = [run for run in members if run.status == FINISHED]
        final = [value for run in members if (value := final_accuracy(run, series[run.id])) is not None]
        loss = [values[-1] for run in ended if len(values := _values(series[run.id], "epoch/test_loss"))]
        found.append(
            Result(
                group=group,
                runs=tuple(members),
                settings=settings,
                final_accuracy=Spread.of(final),
                best_accuracy=Spread.of(best_accuracy(series[run.id]) for run in members),
                final_loss=Spread.of(loss),
                targets=tuple(_reached(target, settings, members, series) for target in TASKS[settings.task].targets),
                epoch_seconds=Spread.of(
                    float(np.median(values))
                    for run in members
                    if len(values := _values(series[run.id], "epoch/seconds"))
                ),
                optimizer_milliseconds=Spread.of(run.record.get("optimizer_milliseconds", math.nan) for run in members),
                memory=max((run.record.get("peak_memory", 0) for run in members), default=0),
                ended={status: sum(run.status == status for run in members) for status in {r.status for r in members}},
            )
        )

    def order(result: Result) -> float:
        mean = result.final_accuracy.mean if result.final_accuracy.n else result.best_accuracy.mean
        return -mean if not math.isnan(mean) else 1.0

    return sorted(found, key=order)


def _values(series: Series, name: str) -> np.ndarray:
    return series.get(name, (np.array([]), np.array([])))[1]


def _reached(target: float, settings: RunSettings, members: Sequence[Run], series: Mapping[str, Series]) -> Reached:
    """Only runs that ended or got there count: one that is still on its way has not missed anything."""
    epochs, seconds, counted = [], [], 0
    for run in members:
        steps, accuracy = series[run.id].get("epoch/test_accuracy", (np.array([]), np.array([])))
        there = np.flatnonzero(accuracy >= target)
        counted += bool(len(there)) or run.status in (FINISHED, DIVERGED)
        if len(there):
            step = steps[there[0]]
            epochs.append(step / settings.steps_per_epoch)
            clock_steps, clock = series[run.id].get("clock/training", (np.array([]), np.array([])))
            seconds.append(float(np.interp(step, clock_steps, clock)) if len(clock) else math.nan)
    means = [float(np.mean(values)) if values else math.nan for values in (epochs, seconds)]
    return Reached(target, len(epochs), counted, *means)


def best_accuracy(series: Series) -> float:
    """Test accuracy at the epoch with the lowest validation loss; without validation the highest; NaN before one."""
    steps, accuracy = series.get("epoch/test_accuracy", (np.array([]), np.array([])))
    if not len(accuracy):
        return math.nan
    at, validation = series.get("epoch/validation_loss", (np.array([]), np.array([])))
    if len(validation) and (chosen := accuracy[steps == at[np.nanargmin(validation)]]).size:
        return float(chosen[0])
    return float(np.nanmax(accuracy))


@dataclass(frozen=True)
class Sensitivity:
    """Test accuracy against the learning rate for one setting: mean, lowest and highest of the seeds at each rate."""

    settings: RunSettings
    rates: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]
    diverged: tuple[bool, ...]


def sensitivity(runs: Sequence[Run], series: Mapping[str, Series]) -> list[Sensitivity]:
    """A curve for settings that differ in rate and seed alone, where there are two rates or more.

    A diverged run counts with the accuracy of guessing.
    """
    found: dict[str, dict[float, list[float]]] = {}
    first: dict[str, RunSettings] = {}
    lost: set[tuple[str, float]] = set()
    for members in grouped(runs).values():
        settings = settings_of(members[0].settings)
        seeds = one_for_each_seed(members)
        values = [final_accuracy(run, series[run.id]) for run in seeds]
        if values := [value for value in values if value is not None]:
            key = replace(settings, hyper={**settings.hyper, "lr": 1.0}).group
            found.setdefault(key, {})[settings.hyper["lr"]] = values  # type: ignore[assignment]
            if all(run.status == DIVERGED for run in seeds):
                lost.add((key, settings.hyper["lr"]))
            first.setdefault(key, settings)
    curves = []
    for key, by_rate in found.items():
        if len(by_rate) > 1:
            rates = sorted(by_rate)
            at = [by_rate[rate] for rate in rates]
            curves.append(
                Sensitivity(
                    first[key], tuple(rates), tuple(float(np.mean(v)) for v in at), tuple(min(v) for v in at),
                    tuple(max(v) for v in at), tuple(len(v) for v in at), tuple((key, rate) in lost for rate in rates),
                )
            )  # fmt: skip
    return curves


def epochs(run: Run, series: Series) -> list[dict[str, float]]:
    """The tutorial's table: for each epoch train and test loss and accuracy, and seconds."""
    steps = series.get("epoch/train_loss", (np.array([], int), np.array([])))[0]
    per_epoch = settings_of(run.settings).steps_per_epoch
    rows = []
    for step in steps:
        row: dict[str, float] = {"epoch": round(float(step) / per_epoch)}
        for name in EPOCH_SERIES[:-1]:
            at, values = series.get(name, (np.array([]), np.array([])))
            if len(found := values[at == step]):
                row[name.removeprefix("epoch/")] = float(found[-1])
        rows.append(row)
    return rows


_RUNS = "Runs that finished, of how many; a seed that ran more than once counts once"
_FINAL = "After the last epoch, mean ± standard deviation over seeds; a run that diverged counts as guessing"
_BEST = (
    "At the epoch with the lowest validation loss; without a validation part the highest of all epochs, which is "
    "optimistic, since the test set itself chose it"
)
_EPOCH = "Training alone, without evaluation; the median epoch"
_STEP = "The optimizer's own step, timed alone after the run"


def table(found: Sequence[Result]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Columns (key, label, align) and rows of text, as the page and the command line show them."""
    targets = sorted({reached.target for result in found for reached in result.targets})
    columns = [
        {"key": "optimizer", "label": "Optimizer", "align": "left"},
        {"key": "detail", "label": "Hyperparameters", "align": "left"},
        {"key": "seeds", "label": "Runs", "align": "right", "title": _RUNS},
        {"key": "final", "label": "Test accuracy, %", "align": "right", "title": _FINAL},
        {"key": "best", "label": "Best epoch's, %", "align": "right", "title": _BEST},
        {"key": "loss", "label": "Test loss", "align": "right"},
        *({"key": f"target{t:g}", "label": f"Time to {t:.0%}", "align": "right"} for t in targets),
        {"key": "epoch", "label": "Seconds per epoch", "align": "right", "title": _EPOCH},
        {"key": "step", "label": "Optimizer, ms per step", "align": "right", "title": _STEP},
        {"key": "memory", "label": "Memory, MB", "align": "right"},
    ]
    rows = []
    for result in found:
        done = result.ended.get(FINISHED, 0)
        others = ", ".join(f"{n} {status}" for status, n in sorted(result.ended.items()) if status != FINISHED)
        row = {
            "optimizer": title(result.settings),
            "detail": detail(result.settings),
            "seeds": f"{done} of {len(result.runs)}" + (f" ({others})" if others else ""),
            "final": result.final_accuracy.text(100),
            "best": result.best_accuracy.text(100),
            "loss": result.final_loss.text(digits=4),
            "epoch": result.epoch_seconds.text(digits=3),
            "step": result.optimizer_milliseconds.text(digits=3),
            "memory": f"{result.memory / 1e6:,.0f}" if result.memory else "–",
        }
        row |= {f"target{r.target:g}": r.text() for r in result.targets}
        rows.append(row)
    return columns, rows


def text(store: Store, ids: Sequence[str]) -> str:
    """The results, and the table by epoch of each run, for the command line."""
    runs = readable(store.get(run) for run in ids)
    if not runs:
        return "no runs"
    series = series_of(store, runs)
    found = results(runs, series)
    columns, rows = table(found)
    lines = [f"Budget: {each}" for each in dict.fromkeys(budget(result.settings) for result in found)]
    lines += ["", *_aligned(columns, rows)]
    for run in sorted(runs, key=lambda run: run.number):
        settings = settings_of(run.settings)
        by_epoch = epochs(run, series[run.id])
        if not by_epoch:
            continue
        names = list(by_epoch[0])
        shown: list[dict[str, str]] = [
            {name: f"{value:.0f}" if name == "epoch" else f"{value:.4f}" for name, value in row.items()}
            for row in by_epoch
        ]
        heads = [{"key": name, "label": name.replace("_", " "), "align": "right"} for name in names]
        lines += ["", f"{run.id}  {title(settings)}, {detail(settings)}, seed {settings.seed}: {run.status}"]
        lines += _aligned(heads, shown)
    return "\n".join(lines)


def _aligned(columns: Sequence[Mapping[str, str]], rows: Sequence[Mapping[str, str]]) -> list[str]:
    lines: list[list[str]] = [[column["label"] for column in columns]]
    lines += [[row.get(column["key"], "–") for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    sides: list[Any] = [str.ljust if column["align"] == "left" else str.rjust for column in columns]

    def aligned(line: list[str]) -> str:
        return "  ".join(side(cell, width) for cell, width, side in zip(line, widths, sides, strict=True)).rstrip()

    return [aligned(line) for line in lines]
