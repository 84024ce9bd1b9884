"""A page with the board alone and made-up runs that grow by a tick, for the browser tests and the benchmark.

The address says what is shown: `optimizers` x `seeds` runs of `steps` steps, `start` of them done at first, `each` more
at a tick. `calm=1` lets none diverge; `gap=1` leaves points out of every fifth message, as a message lost on its way
does; `act=0` closes the actions; `sensitivity=1` adds that chart. `spike=1` gives the second optimizer one loss of
1e21; `close=1` lets training accuracies lie between 97 and 99.6 %; `late=1` lets each seed begin later than the one
before, the last one queued; `wide=1` is a table as wide as that of real runs; `launches=1` adds buttons for another
launch and for a reload of the same; `empty=...` is the sentence without runs.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from views.shared.colours import style
from views.shared.components import board
from views.shared.received import Change

NAMES = (
    "SGD",
    "Adam",
    "Adamax",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Momentum",
    "Nesterov",
    "Lion",
    "QHM",
    "ASGD",
)
SERIES = ("train/loss", "train/accuracy", "clock/training", "clock/wall")
PER_EPOCH = 100
DIVERGING = -1 if "calm" in st.query_params else 4


def number(name: str, default: int) -> int:
    """A number of the address."""
    return int(st.query_params.get(name, default))


@lru_cache(maxsize=64)
def noise_of(optimizer: int, seed: int) -> np.ndarray:
    """The same for a run each time."""
    return np.random.default_rng([optimizer, seed]).standard_normal(30_000)


def values(optimizer: int, seed: int, steps: np.ndarray) -> dict[str, np.ndarray]:
    """What a run of an optimizer records at these steps; the fifth optimizer diverges at step 350."""
    noise = noise_of(optimizer, seed)[steps]
    loss = 0.15 * (1 + 0.35 * optimizer) + 2.2 * np.exp(-steps / (60 + 45 * optimizer)) + 0.02 * seed
    loss = loss * np.exp(0.25 * noise)
    if optimizer == DIVERGING:
        loss = np.where(steps > 320, loss * np.exp((steps - 320) / 6), loss)
        loss = np.where(steps >= 350, np.nan, loss)
    accuracy = np.round(np.clip(np.exp(-0.45 * loss), 0, 1) * 64) / 64
    if "close" in st.query_params:
        accuracy = 0.97 + 0.026 * accuracy
    if "spike" in st.query_params and optimizer == 1:
        loss = np.where(steps == 20, 1e21 if seed else 1e18, loss)
    return {
        "train/loss": loss,
        "train/accuracy": accuracy,
        "clock/training": steps * 0.021 * (1 + 0.1 * optimizer),
        "clock/wall": steps * 0.025 + 3 * seed,
    }


def epoch_values(optimizer: int, seed: int, step: int) -> dict[str, float]:
    """What a run records at the end of an epoch."""
    wobble = float(np.random.default_rng([optimizer, seed, step]).normal(0, 0.01))
    loss = 0.2 * (1 + 0.35 * optimizer) + 1.9 * math.exp(-step / (80 + 45 * optimizer)) + wobble
    return {
        "epoch/train_loss": 0.9 * loss, "epoch/train_accuracy": math.exp(-0.40 * loss),
        "epoch/test_loss": loss, "epoch/test_accuracy": math.exp(-0.45 * loss),
        "epoch/validation_loss": 1.06 * loss, "epoch/validation_accuracy": math.exp(-0.5 * loss),
    }  # fmt: skip


class MadeUp:
    """Runs and their points, each with its place in the order of writing."""

    def __init__(self, launch: str = "") -> None:
        self.steps = number("steps", 600)
        self.runs: dict[str, dict[str, Any]] = {}
        self.points: list[tuple[int, str, str, np.ndarray, np.ndarray]] = []
        self.cursor = 0
        self.ticks = 0
        for optimizer in range(number("optimizers", 6)):
            colour, dash = style(optimizer)
            for seed in range(number("seeds", 1)):
                identity = f"{launch}o{optimizer}s{seed}"
                title = NAMES[optimizer % len(NAMES)]
                rate = 10 ** -(1 + optimizer % 3)
                self.runs[identity] = {
                    "id": identity, "title": title, "detail": f"lr {rate:g}", "seed": seed,
                    "group": f"{launch}o{optimizer}",
                    "colour": colour, "dash": dash, "status": "running", "stage": "training", "step": 0,
                    "steps": self.steps, "steps_per_epoch": PER_EPOCH, "remaining": None, "sentence": "",
                    "generation": 0, "truncated": 0, "tone": "note", "optimizer": optimizer,
                }  # fmt: skip
        if "seeds" not in st.query_params and "o5s0" in self.runs:
            self.runs["o3s0"] |= {"status": "queued"}
            self.runs["o5s0"] |= {"status": "failed", "tone": "error",
                                  "sentence": "The GPU's memory is full: choose a smaller batch."}  # fmt: skip
        for run in self.runs.values():
            behind = run["seed"] if "late" in st.query_params else 0
            if behind and behind == number("seeds", 1) - 1:
                run["status"] = "queued"
            if run["status"] == "running":
                self.train(run, number("start", 240) - 100 * behind)

    def write(self, run: str, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        """Appends points."""
        self.cursor += 1
        self.points.append((self.cursor, run, name, steps.astype(np.int32), values.astype(np.float64)))

    def train(self, run: dict[str, Any], count: int) -> None:
        """Goes on by so many steps."""
        first, last = run["step"] + 1, min(self.steps, run["step"] + count)
        steps = np.arange(first, last + 1)
        if run["optimizer"] == DIVERGING and last > 350:
            steps = steps[steps <= 350]
        if len(steps):
            for name, series in values(run["optimizer"], run["seed"], steps).items():
                self.write(run["id"], name, steps, series)
            for step in steps[steps % PER_EPOCH == 0]:
                for name, value in epoch_values(run["optimizer"], run["seed"], int(step)).items():
                    self.write(run["id"], name, np.array([step]), np.array([value]))
            run["step"] = int(steps[-1])
        run["remaining"] = (self.steps - run["step"]) * 0.021
        if run["optimizer"] == DIVERGING and run["step"] >= 350:
            run |= {"status": "diverged", "sentence": "diverged at step 350: the loss is not finite", "tone": "error"}
        elif run["step"] >= self.steps:
            run["status"] = "finished"

    def tick(self) -> None:
        """Half a second later."""
        self.ticks += 1
        for run in self.runs.values():
            if run["status"] == "running":
                self.train(run, number("each", 5))

    def act(self, action: dict[str, Any]) -> None:
        """What was pressed. A resumed run goes on from the epoch before, one begun anew from the first step."""
        match action:
            case {"stop": identity}:
                self.runs[identity]["status"] = "stopped"
            case {"resume": identity} | {"anew": identity}:
                run = self.runs[identity]
                truncated = 0 if "anew" in action else run["step"] // PER_EPOCH * PER_EPOCH
                run |= {"status": "running", "step": truncated, "truncated": truncated}
                run["generation"] += 1
                for place, (at, one, name, steps, series) in enumerate(self.points):
                    if one == identity:  # as the store, which takes back what came later
                        kept = steps <= truncated
                        self.points[place] = (at, one, name, steps[kept], series[kept])
            case {"delete": identity}:
                del self.runs[identity]
            case {"rename": [identity, text]}:
                self.runs[identity]["title"] = text

    def message(self, base: int) -> dict[str, Any]:
        """Runs, and the points after `base`."""
        actions = {"running": ["stop"], "queued": ["stop"], "stopped": ["resume", "anew", "rename", "delete"]}
        shown = [
            {
                **{name: value for name, value in run.items() if name != "optimizer"},
                "actions": actions.get(run["status"], ["rename", "delete"]),
                "may_act": bool(number("act", 1)),
            }
            for run in self.runs.values()
        ]
        done = sum(run["step"] for run in self.runs.values())
        going = [run for run in self.runs.values() if run["status"] == "running"]
        return {
            "base": base,
            "cursor": self.cursor,
            "summary": {
                "sentence": f"{len(going)} of {len(shown)} runs are training",
                "done": done,
                "total": self.steps * len(shown),
                "remaining": max((run["remaining"] for run in going), default=None),
            },
            "runs": shown,
            "series": [
                {"run": run, "name": name, "steps": steps, "values": series}
                for at, run, name, steps, series in self.points
                if at > base and run in self.runs
            ],
            "table": self.table(),
            "sensitivity": self.sensitivity() if "sensitivity" in st.query_params else [],
            "empty": st.query_params.get("empty", ""),
        }

    def table(self) -> dict[str, Any]:
        """A row for each optimizer."""
        columns = [
            {"key": "optimizer", "label": "Optimizer", "align": "left"},
            {"key": "test", "label": "Test accuracy", "align": "right"},
            {"key": "time", "label": "Time to 90 %", "align": "right", "title": "Training seconds"},
            {"key": "epoch", "label": "An epoch", "align": "right"},
        ]
        if "wide" in st.query_params:
            columns[1:1] = [
                {"key": "detail", "label": "Hyperparameters", "align": "left"},
                {"key": "seeds", "label": "Runs", "align": "right", "title": "Finished, of all seeds"},
            ]
            columns += [
                {"key": "best", "label": "Best epoch's, %", "align": "right", "title": "The highest, with hindsight"},
                {"key": "loss", "label": "Test loss", "align": "right"},
                {"key": "late", "label": "Time to 97%", "align": "right"},
                {"key": "step", "label": "Optimizer, ms per step", "align": "right", "title": "Its own time"},
                {"key": "memory", "label": "Memory, MB", "align": "right"},
            ]
        rows = []
        for run in {run["group"]: run for run in self.runs.values()}.values():
            k = run["optimizer"]
            rows.append(
                {
                    "group": run["group"], "colour": run["colour"], "dash": run["dash"],
                    "cells": {
                        "optimizer": run["title"] if "wide" in st.query_params else f"{run['title']}, {run['detail']}",
                        "detail": f"{run['detail']}, momentum 0.9, batch 512",
                        "seeds": "2 of 3 (1 diverged)" if k == DIVERGING else "3 of 3",
                        "best": f"{92 - 1.1 * k:.2f} ± 0.{k % 10}1",
                        "loss": f"0.{21 + 3 * k} ± 0.01",
                        "late": "0 of 3",
                        "step": f"{0.31 + k / 20:.2f} ± 0.01",
                        "memory": f"{1210 + 90 * k:,}",
                        "test": f"{91.5 - 1.1 * k:.1f} % ± 0.{k % 10}",
                        "time": "missed" if k % 3 == 2 else f"{k} min {7 * k % 60 + 4} s" if k else "4 s",
                        "epoch": f"{2.1 + k / 10:.1f} s",
                    },
                }
            )  # fmt: skip
        return {"columns": columns, "rows": rows, "budget": ["6 epochs for each"]}

    def sensitivity(self) -> list[dict[str, Any]]:
        """Best accuracies over learning rates."""
        x = 10.0 ** np.arange(-4, 1)
        series = []
        for k in range(3):
            y = 0.95 - 0.06 * (np.log10(x) + 1 + k) ** 2
            y[-1] = np.nan if k == 0 else 0.1 if k == 1 else y[-1]
            colour, dash = style(k)
            series.append(
                {
                    "label": NAMES[k],
                    "colour": colour,
                    "dash": dash,
                    "x": x.tolist(),
                    "y": y.tolist(),
                    "low": (y - 0.02).tolist(),
                    "high": (y + 0.02).tolist(),
                    "n": 3,
                    "diverged": [False, False, False, False, k == 1],
                }
            )
        return [{"title": "Best test accuracy over learning rates", "unit": "fraction", "series": series}]


st.set_page_config(layout="wide")
state = st.session_state
if "made_up" not in state:
    state.made_up = MadeUp()
state.setdefault("view", {"x": "step", "smoothing": 0.9, "log_loss": False, "log_x": False, "group": True,
                          "hidden": [], "per": "step"})  # fmt: skip
state.setdefault("sent", [])
state.setdefault("heard", [])


def changed(change: Change) -> None:
    """What the browser says."""
    for path, value in change.set.items():
        state.view[path.removeprefix("view.")] = value
    for action in change.actions:
        state.heard.append(action)
        state.made_up.act(action)
    state.need = change.need


@st.fragment(run_every=0.5)
def ticking() -> None:
    """One message; each overlaps the four before."""
    made_up: MadeUp = state.made_up
    made_up.tick()
    reset = state.pop("need", False) or not state.sent
    base = 0 if reset else state.sent[-4:][0]
    if number("gap", 0) and made_up.ticks % 5 == 0 and not reset:
        base = made_up.cursor - 1  # what came before is lost
    state.sent.append(made_up.cursor)
    shown: Any = {**made_up.message(base), "reset": reset, "view": state.view}
    board(shown, key="board", on_change=changed)


def relaunched() -> None:
    """Runs of which none was there before."""
    state.made_up = MadeUp("again")
    state.sent = []


ticking()
if number("launches", 0):
    st.button("Relaunch", on_click=relaunched)
    st.button("Reload", on_click=lambda: state.update(need=True))
