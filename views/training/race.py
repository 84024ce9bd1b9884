"""From stored runs to what the board shows: progress, new points, results. Reads the store, changes nothing in it."""

import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from training import report
from training.run import FAILED, FINISHED, INTERRUPTED, QUEUED, RUNNING, STALE, Run, as_seen
from training.runs import Store
from training.settings import RunSettings
from training.task import TASKS
from views.shared.colours import COLOURS, DASHES, style
from views.shared.messages import Act, BoardMessage, BoardRun, BoardSummary, BoardTable, BoardView, RateChart, RateCurve
from views.shared.state import Choice, Number, Setting, State, Switch
from views.training.plan import key

AXES = ("step", "epoch", "training", "wall")
OVERLAP = 4  # messages whose points are sent again, since the browser may miss one that is overtaken


class Hidden(Setting):
    """The runs that are not drawn."""

    def checked(self, state: Any, value: Any) -> list[str]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list):
            raise ValueError("hidden must be a list of runs")
        return [str(part)[:80] for part in parts[:500] if part]


@dataclass
class View(State):
    """How the curves are looked at; part of the page's link."""

    x: str = "epoch"
    per: str = "step"
    smoothing: float = 0.8
    log_loss: bool = True
    log_x: bool = False
    group: bool = True
    hidden: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    SETTINGS: ClassVar = {
        "view.x": Choice(AXES, omit=True),
        "view.per": Choice(("step", "epoch"), omit=True),
        "view.smoothing": Number("[0, 0.999]", omit=True),
        "view.log_loss": Switch(),
        "view.log_x": Switch(),
        "view.group": Switch(),
        "view.hidden": Hidden(omit=True),
    }

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The view that a link describes; what is wrong in it keeps its default, with a sentence under ``link``."""
        view = cls()
        view.read_among_others(query)
        return view

    def as_message(self) -> BoardView:
        """As the board takes it."""
        return {
            "x": self.x, "per": self.per, "smoothing": self.smoothing, "log_loss": self.log_loss, "log_x": self.log_x,
            "group": self.group, "hidden": self.hidden,
        }  # fmt: skip


@dataclass
class Race:
    """What one session sees of the store: which runs, and how far the browser has their points."""

    grids: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    view: View = field(default_factory=View)
    cursors: deque[int] = field(default_factory=lambda: deque(maxlen=OVERLAP))
    fresh: bool = True  # the browser has nothing yet
    walls: dict[str, float] = field(default_factory=dict)
    _results: tuple[Any, Any] = (None, None)

    def show(self, runs: Sequence[Run]) -> None:
        """The runs of the chosen launches; others than before are sent whole."""
        ids = tuple(run.id for run in runs if run.grid in self.grids)
        if ids != self.ids:
            self.ids, self.fresh = ids, True

    def message(self, store: Store, *, may_act: bool, slots: int) -> BoardMessage:
        """What the board is sent now: everything the first time, afterwards what is new."""
        known = {run.id: run for run in report.readable(map(as_seen, store.all()))}
        runs = sorted((known[run] for run in self.ids if run in known), key=lambda run: run.number)
        ids = [run.id for run in runs]
        fresh, self.fresh = self.fresh, False
        if fresh:
            self.cursors.clear()
            self.walls.clear()
        base = 0 if fresh or not self.cursors else self.cursors[0]
        tail = store.tail(ids, after=base)
        self.cursors.append(tail.last)
        for (run, name), (_, values) in tail.points.items():
            if name == "clock/wall":
                self.walls[run] = float(values[-1])
        colours = colours_of(runs)
        table, sensitivity = self._tables(store, runs, colours, tail.last if any_epoch(tail.points) or fresh else None)
        return {
            "empty": "" if not known else "No launch is chosen. Choose one above, or press Launch.",
            "base": base,
            "cursor": tail.last,
            "reset": fresh,
            "view": self.view.as_message(),
            "summary": self.summary(runs, slots),
            "runs": [self.entry(run, colours, may_act) for run in runs],
            "series": [
                {"run": run, "name": name, "steps": steps.astype("int32"), "values": values}
                for (run, name), (steps, values) in tail.points.items()
            ],
            "table": table,
            "sensitivity": sensitivity,
        }

    def entry(self, run: Run, colours: Mapping[str, tuple[str, str]], may_act: bool) -> BoardRun:
        """One line of the list of runs."""
        settings = report.settings_of(run.settings)
        colour, dash = colours[settings.group]
        if run.status in (QUEUED, RUNNING):
            actions: list[Act] = [] if run.want else ["stop"]
        elif run.resumable:
            actions = ["resume", "anew", "rename", "delete"] if run.started else ["resume", "rename", "delete"]
        else:
            actions = ["rename", "delete"]
        stage = "stopping" if run.want and run.status == RUNNING else run.stage
        return {
            "id": run.id,
            "title": run.name or report.title(settings),
            "detail": report.detail(settings),
            "seed": settings.seed,
            "group": settings.group,
            "colour": colour,
            "dash": dash,
            "status": run.status,
            "stage": stage if run.status == RUNNING else "",
            "step": run.step,
            "steps": run.steps or settings.epochs * settings.steps_per_epoch,
            "steps_per_epoch": settings.steps_per_epoch,
            "remaining": self.remaining(run),
            "sentence": run.error or _note(run),
            "tone": "error" if run.error and run.status in (FAILED, INTERRUPTED) else "note",
            "generation": run.generation,
            "truncated": run.record.get("resumed_at", 0),
            "actions": actions,
            "may_act": may_act,
        }

    def remaining(self, run: Run) -> float | None:
        """Seconds until the run ends at its present pace; None where that cannot be said."""
        if run.status != RUNNING or not run.step or not run.steps or run.id not in self.walls:
            return None
        return self.walls[run.id] / run.step * (run.steps - run.step)

    def summary(self, runs: Sequence[Run], slots: int) -> BoardSummary:
        """How many are in which state, and how long all of them still take."""
        active = [run for run in runs if run.status in (QUEUED, RUNNING)]
        counts = {status: sum(run.status == status for run in runs) for status in dict.fromkeys(r.status for r in runs)}
        sentence = ", ".join(f"{count} {status}" for status, count in counts.items())
        known = [left for run in active if (left := self.remaining(run)) is not None]
        whole = [self.walls[run.id] / run.step * run.steps for run in runs if run.step and run.id in self.walls]
        waiting = sum(run.status == QUEUED for run in active)
        remaining = None
        if active and known and (whole or not waiting):
            total = sum(known) + waiting * (sum(whole) / len(whole) if whole else 0.0)
            remaining = max(total / max(1, min(slots, len(active))), max(known))
        return {"sentence": sentence, "remaining": remaining}

    def _tables(
        self, store: Store, runs: Sequence[Run], colours: Mapping[str, tuple[str, str]], last: int | None
    ) -> tuple[BoardTable, list[RateChart]]:
        key = (tuple((run.id, run.status, run.generation) for run in runs), last or (self._results[0] or (None, 0))[1])
        if key == self._results[0]:
            return self._results[1]
        series = report.series_of(store, runs)
        found = report.results(runs, series)
        columns, rows = report.table(found)
        table: BoardTable = {
            "columns": [
                {"key": one["key"], "label": one["label"], "align": one["align"], "title": one.get("title", "")}
                for one in columns
            ],
            "rows": [
                {
                    "group": result.group,
                    "colour": colours[result.group][0],
                    "dash": colours[result.group][1],
                    "cells": row,
                }
                for result, row in zip(found, rows, strict=True)
            ],
            "budget": _budgets([result.settings for result in found]),
        }
        made = table, sensitivity_charts(runs, series, colours)
        self._results = key, made
        return made


def _budgets(settings: Sequence[RunSettings]) -> list[str]:
    """What the runs were given; with the optimizers' names before it where that is not the same for all."""
    names: dict[str, list[str]] = {}
    for each in settings:
        names.setdefault(report.budget(each), []).append(report.title(each))
    if len(names) == 1:
        return list(names)
    return [f"{', '.join(dict.fromkeys(titles))}: {budget}" for budget, titles in names.items()]


def _note(run: Run) -> str:
    """What a reader of a run's curves must know: that it began elsewhere than asked, or that its disk is full."""
    notes, record = [], run.record
    if run.status == RUNNING and abs(time.time() - (run.heartbeat or 0.0)) > STALE:
        notes.append("its process lives, but the store takes nothing from it: full, or locked by another program?")
    if str(record.get("weights", "")).startswith("from scratch, since"):
        notes.append(f"weights {record['weights']}")
    if record.get("checkpoint"):
        notes.append(f"the checkpoint {record['checkpoint']}")
    if "(no CUDA graph" in str(record.get("engine", "")):
        notes.append(f"engine: {record['engine']}")
    return "; ".join(notes)


def any_epoch(points: Mapping[tuple[str, str], Any]) -> bool:
    """Whether the results may have changed."""
    return any(name.startswith("epoch/") for _, name in points)


def colours_of(runs: Sequence[Run]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each group of runs: a colour for an optimizer, a dash for each of its settings.

    Beside rules, torch's optimizers begin with a dash: two lines that lie on each other are both seen. Where that needs
    more colours or dashes than there are, each group has the next of all pairs.
    """
    groups = {
        group: report.settings_of(members[0].settings).optimizer for group, members in report.grouped(runs).items()
    }
    optimizers = list(dict.fromkeys(groups.values()))
    mixed = len({one.startswith("torch.") for one in optimizers}) == 2
    made: Counter[str] = Counter()
    found: dict[str, tuple[int, int]] = {}
    for group, one in groups.items():
        found[group] = optimizers.index(one), made[one] + (mixed and one.startswith("torch."))
        made[one] += 1
    if all(colour < len(COLOURS) and dash < len(DASHES) for colour, dash in found.values()):
        return {group: (COLOURS[colour], DASHES[dash]) for group, (colour, dash) in found.items()}
    return {group: style(i) for i, group in enumerate(groups)}


def sensitivity_charts(
    runs: Sequence[Run], series: Mapping[str, report.Series], colours: Mapping[str, tuple[str, str]]
) -> list[RateChart]:
    """Test accuracy against the learning rate, a chart for each task, in the colours of the curves."""
    found: dict[str, list[RateCurve]] = {}
    for curve in report.sensitivity(runs, series):
        colour, dash = colours[curve.settings.group]
        found.setdefault(curve.settings.task, []).append(
            {
                "label": report.title(curve.settings), "colour": colour, "dash": dash,
                "x": list(curve.rates), "y": list(curve.mean), "low": list(curve.low), "high": list(curve.high),
                "diverged": list(curve.diverged),
                "n": max(curve.n),
            }
        )  # fmt: skip
    return [
        {"title": f"{TASKS[task].title}: test accuracy at the end", "unit": "fraction", "series": lines}
        for task, lines in found.items()
    ]


def launches(runs: Sequence[Run]) -> dict[str, str]:
    """Launches, the newest first, by their grid: when, what, and no two alike."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.grid, []).append(run)
    titles = {grid: launch_title(members) for grid, members in found.items()}
    seen = Counter(titles.values())
    return {grid: title if seen[title] == 1 else f"{title} ({grid})" for grid, title in titles.items()}


def launch_title(members: Sequence[Run]) -> str:
    """Such as "Digits: SGD, Adam, AdaMax · 30 epochs, 3 seeds · 21 Nov 14:05"."""
    ordered = sorted(members, key=lambda run: run.number)
    when = time.strftime("%d %b %H:%M", time.localtime(ordered[0].created)).lstrip("0")
    settings = [report.settings_of(run.settings) for run in report.readable(ordered)]
    if not settings:
        return f"Settings that this version does not know · {when}"
    titles = list(dict.fromkeys(report.title(one) for one in settings))
    rates = max(Counter((one.optimizer, one.seed) for one in settings).values())
    seeds = len({one.seed for one in settings})
    parts = [report.counted(settings[0].epochs, "epoch")]
    parts += [f"{rates} rates"] * (rates > 1) + [f"{seeds} seeds"] * (seeds > 1)
    shown = ", ".join(titles[:4]) + (f" and {len(titles) - 4} more" if len(titles) > 4 else "")
    synthetic = " (synthetic)" if settings[0].synthetic else ""
    return f"{TASKS[settings[0].task].title}{synthetic}: {shown} · {', '.join(parts)} · {when}"


def measured(runs: Sequence[Run]) -> dict[tuple, list[float]]:
    """Wall seconds for an image of earlier finished runs, evaluation included, by what decides it."""
    found: dict[tuple, list[float]] = {}
    for run in report.readable(runs):
        seconds = run.record.get("wall_seconds")
        if run.status == FINISHED and seconds and math.isfinite(seconds) and run.step:
            settings = report.settings_of(run.settings)
            epochs = run.step / settings.steps_per_epoch
            found.setdefault(key(settings), []).append(seconds / (epochs * settings.training_images))
    return found
