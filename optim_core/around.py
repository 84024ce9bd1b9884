"""What goes around any rule, written once: weight decay, clipping, schedules of the learning rate, gradient noise.

A step is made in this order: the learning rate gets the schedule's factor; the gradient gets noise, is clipped, and the
L2 penalty's part is added, as torch.optim adds it after torch.nn.utils has clipped; x is shrunk where the decay is
decoupled (Loshchilov & Hutter, ICLR 2019, arXiv:1711.05101); the rule makes its update.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np

from optim_core.parameters import Range, checked_integer, checked_number
from optim_core.rule import Rule

SCHEDULES = {
    "constant": "Constant",
    "step": "In steps",
    "exponential": "Exponential",
    "cosine": "Cosine to 0",
    "linear": "Linear to 0",
    "one_cycle": "One cycle",
    "triangle": "Up and down linearly",
    "inverse_sqrt": "Inverse square root",
}
DROPPING = ("step", "exponential")  # the schedules that gamma and every belong to
DECAYS = {"l2": "L2 penalty, in the gradient", "decoupled": "Decoupled, on x itself"}
CLIPS = {"none": "Never", "norm": "By their length", "value": "Entry by entry"}
_WARM = {"triangle": 0.05, "inverse_sqrt": 0.05, "one_cycle": 0.3}  # the warm-up's share where none is given
NORM_EPS = 1e-6  # added to a norm before it divides, as torch.nn.utils.clip_grad_norm_ does
_DIVISORS = (25.0, 1e4)  # of the first and the last rate of one cycle

RANGES = {
    "weight_decay": Range(0.0, 1.0, r"\lambda", valid="[0, 1e3]"),
    "clip_at": Range(1e-2, 100.0, "c", log=True, valid="(0, 1e12]"),
    "warmup": Range(0.0, 0.5, "w", valid="[0, 1)"),
    "gamma": Range(0.01, 0.99, r"\gamma", valid="(0, 1]"),
    "every": Range(0.05, 1.0, "e", valid="(0, 1]"),
    "noise": Range(0.0, 10.0, r"\sigma", valid="[0, 1e6]"),
    "seed": Range(0.0, 999.0, "s", valid="[0, 999]"),
}


@dataclass(frozen=True)
class Around:
    """What goes around a rule; checked on creation, ValueError says what is wrong.

    weight_decay: its factor, 0 for none; decay: ``l2`` adds weight_decay * x to the gradient, ``decoupled`` multiplies
    x by 1 - lr * weight_decay. clip, clip_at: the gradient's length (``norm``) or each entry's size (``value``) is at
    most clip_at. schedule: one of SCHEDULES. warmup: the share of the steps over which the rate first climbs linearly.
    gamma, every: ``step`` multiplies the rate by gamma after each such share of the steps, ``exponential`` does so
    smoothly. noise, seed: the standard deviation of the Gaussian noise added to each entry of the gradient, and its
    seed; on surfaces the same draws for every rule and every run.
    """

    weight_decay: float = 0.0
    decay: str = "l2"
    clip: str = "none"
    clip_at: float = 1.0
    schedule: str = "constant"
    warmup: float = 0.0
    gamma: float = 0.1
    every: float = 1 / 3
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("decay", DECAYS), ("clip", CLIPS), ("schedule", SCHEDULES)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise ValueError(f"{name} = {value!r} is not one of: {', '.join(allowed)}")
        for name, limits in RANGES.items():
            value = getattr(self, name)
            value = (
                checked_integer(name, value, 0, 999) if name == "seed" else checked_number(name, value, limits.valid)
            )
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, given: "Around | Mapping[str, Any] | None") -> "Around":
        """The settings themselves, or made from names and values; ValueError names what there is none of."""
        if isinstance(given, Around):
            return given
        if not isinstance(given, Mapping | None):
            raise ValueError(f"around must be given by name, as in {{'weight_decay': 0.1}}, not as {given!r}")
        known = [field.name for field in fields(cls)]
        for name in given or {}:
            if name not in known:
                raise ValueError(f"nothing around a rule is called {name!r}; there are: {', '.join(known)}")
        return cls(**dict(given or {}))

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate changes."""
        return self.schedule != "constant" or self.warmup > 0

    @property
    def active(self) -> bool:
        """Whether there is anything around the rule at all."""
        return bool(self.weight_decay or self.clip != "none" or self.scheduled or self.noise)

    @property
    def numbers(self) -> np.ndarray:
        """Noise, clipping by value and by norm, L2 and decoupled decay, as ``driver.drive`` takes them: (5,)."""
        return np.array(
            [
                self.noise,
                self.clip_at if self.clip == "value" else math.inf,
                self.clip_at if self.clip == "norm" else math.inf,
                self.weight_decay if self.decay == "l2" else 0.0,
                self.weight_decay if self.decay == "decoupled" else 0.0,
            ]
        )

    def factors(self, steps: int) -> np.ndarray:
        """The learning rate's factor at each of the steps: (steps,), or (0,) where it does not change."""
        return _factors(self.schedule, self.warmup, self.gamma, self.every, steps) if self.active else np.empty(0)

    def draws(self, steps: int) -> np.ndarray:
        """The noise of standard deviation 1 at each of the steps: (steps, 2), or (0, 2) where nothing needs it."""
        return _draws(self.seed if self.noise else None, steps) if self.active else np.empty((0, 2))

    def applied(self, x: Any, g: Any, h: Any, factor: float, draw: np.ndarray) -> tuple[Any, Any, Any]:
        """Gradient, hyperparameters and point as one step's update gets them: (g, h, x), the same as in blocks."""
        noise, by_value, by_norm, l2, decay = self.numbers
        g = np.clip(g + noise * draw, -by_value, by_value)
        g = g * min(1.0, by_norm / (math.sqrt(float(g @ g)) + NORM_EPS)) + l2 * x
        h = h._replace(lr=h.lr * factor) if "lr" in h._fields else h
        return g, h, x * (1.0 - h.lr * decay) if decay else x

    def refused(self, rule: Rule) -> dict[str, str]:
        """What of it cannot go around the rule: {name: why, as the end of a sentence}; empty where all can."""
        if rule.kind in ("closure", "recorded"):
            why = "chooses its steps itself, and nothing goes around it"
            found = {"weight_decay": self.weight_decay, "clip": self.clip != "none", "schedule": self.scheduled,
                     "noise": self.noise}  # fmt: skip
            return {name: why for name, on in found.items() if on}
        found = {}
        if self.weight_decay and "weight_decay" in rule.Hyper._fields:
            found["weight_decay"] = "has a weight decay of its own"
        elif self.weight_decay and self.decay == "decoupled" and "lr" not in rule.Hyper._fields:
            found["weight_decay"] = "has no learning rate, which a decoupled decay needs"
        if self.scheduled and "lr" not in rule.Hyper._fields:
            found["schedule"] = "has no learning rate to schedule"
        return found

    def allowed(self, rule: Rule) -> "Around":
        """What of it can go around the rule."""
        off: dict[str, Any] = {"weight_decay": 0.0, "clip": "none", "schedule": "constant", "noise": 0.0}
        refused = self.refused(rule)
        warm = {"warmup": 0.0} if "schedule" in refused else {}
        return replace(self, **{name: off[name] for name in refused}, **warm) if refused else self

    def checked(self, rule: Rule) -> "Around":
        """Itself; ValueError where something of it cannot go around the rule."""
        for name, why in self.refused(rule).items():
            shown = "warmup" if name == "schedule" and self.schedule == "constant" else name
            raise ValueError(f"{shown} = {getattr(self, shown)} is not allowed: rule {rule.name} {why}")
        return self

    def as_dict(self) -> dict[str, Any]:
        """All settings by name."""
        return dict(vars(self))


NOTHING = Around()


def factor(schedule: str, warmup: float, step: int, steps: int, gamma: float = 0.1, every: float = 1 / 3) -> float:
    """The learning rate's factor for step 0, 1, ..., steps - 1; ``Around`` says what the others mean.

    The last step of a warm-up has the factor 1. Cosine: Loshchilov & Hutter, ICLR 2017, arXiv:1608.03983, eq. 5,
    without restarts. One cycle: Smith & Topin, arXiv:1708.07120, as in torch.optim.lr_scheduler.OneCycleLR, by cosines.
    """
    warmup = warmup or _WARM.get(schedule, 0.0)
    if schedule == "one_cycle":
        return _one_cycle(warmup, step, steps)
    climb = round(warmup * steps)
    if step < climb:
        return (step + 1) / climb
    if schedule == "constant":
        return 1.0
    if schedule == "inverse_sqrt":
        return math.sqrt(max(climb, 1) / (step + 1))
    done = (step - climb) / max(1, steps - climb)
    drops = min(done / every, 1e300)
    if schedule == "step":
        return gamma ** math.floor(drops + 1e-9)
    if schedule == "exponential":
        return gamma**drops
    return 0.5 * (1 + math.cos(math.pi * done)) if schedule == "cosine" else 1 - done


def _one_cycle(warmup: float, step: int, steps: int) -> float:
    first, last = 1 / _DIVISORS[0], 1 / _DIVISORS[0] / _DIVISORS[1]
    top, end = max(1e-9, warmup * steps - 1), max(1, steps - 1)
    if step <= top and top < end:
        start, stop, share = first, 1.0, step / top
    else:
        start, stop, share = 1.0, last, min(1.0, (step - top) / max(1e-9, end - top)) if top < end else 0.0
    return stop + (start - stop) / 2 * (1 + math.cos(math.pi * share))


@lru_cache(maxsize=32)
def _factors(schedule: str, warmup: float, gamma: float, every: float, steps: int) -> np.ndarray:
    return np.array([factor(schedule, warmup, step, steps, gamma, every) for step in range(steps)])


@lru_cache(maxsize=8)
def _draws(seed: int | None, steps: int) -> np.ndarray:
    return (
        np.zeros((steps, 2)) if seed is None else np.random.Generator(np.random.PCG64(seed)).standard_normal((steps, 2))
    )
