"""What the scripts of ``export_paths`` are put together from: read as text, a definition at a time, never imported.

A line that ends in ``# if: a`` is kept where the flag is set, with ``# if: !a`` where it is not; ``export_paths.flags``
says which are. Names in capitals, and those annotated with Any, stand for what each script defines for itself.
"""

# pyright: reportPossiblyUnboundVariable=false

import csv
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch

START, STEPS, MOST_POINTS, DOMAIN = (0.0, 0.0), 1, 1, ((0.0, 1.0), (0.0, 1.0))
SPACING = TOLERANCE = LOWEST = 1.0
SCHEDULE, WARMUP, GAMMA, EVERY = "constant", 0.0, 0.1, 1 / 3
NOISE, SEED, CLIP_AT, WEIGHT_DECAY = 0.0, 0, 1.0, 0.0
surface: Any = None
factor: Any = None
gradient: Any = None

# ---------------------------------------------------------------- the verbs of surfaces and rules


def library(*values):
    """torch where one of the values is a tensor, NumPy otherwise."""
    return torch if any(torch.is_tensor(value) for value in values) else np


def sqrt(x):
    return library(x).sqrt(x)


def exp(x):
    return library(x).exp(x)


def log(x):
    return library(x).log(x)


def sin(x):
    return library(x).sin(x)


def cos(x):
    return library(x).cos(x)


def tanh(x):
    return library(x).tanh(x)


def atan(x):
    return library(x).arctan(x)


def floor(x):
    return library(x).floor(x)


def power(x, y):
    return library(x, y).pow(x, y)


def absolute(x):
    return abs(x)


def sign(x):
    return library(x).sign(x)


def maximum(a, b):
    return torch.maximum(torch.as_tensor(a), torch.as_tensor(b)) if library(a, b) is torch else np.maximum(a, b)


def minimum(a, b):
    return torch.minimum(torch.as_tensor(a), torch.as_tensor(b)) if library(a, b) is torch else np.minimum(a, b)


def where(condition, a, b):
    """a where the condition holds, b elsewhere."""
    if isinstance(condition, (bool, np.bool_)):
        return a if condition else b
    return library(condition).where(condition, a, b)


def dot(a, b):
    return (a * b).sum()


def mean(x, axis=None):
    return x.mean() if axis is None else x.mean(axis, keepdims=True)


def eye(x, size):
    return library(x).eye(size)


def eigh(a):
    """Eigenvalues, ascending, and eigenvectors, in columns; NaN where the matrix is not finite."""
    return library(a).linalg.eigh(a) if library(a).isfinite(a).all() else (a[0] * np.nan, a * np.nan)


def qr(a):
    return library(a).linalg.qr(a)


def zeros(x):
    return library(x).zeros_like(x)


def scalar(x, value):
    """A number that a rule remembers."""
    return torch.tensor(value) if torch.is_tensor(x) else value


# ---------------------------------------------------------------- gradients


def central(point):
    """The gradient at a point by central differences."""
    x, y = point.ravel()
    slopes = [
        (surface(x + SPACING, y) - surface(x - SPACING, y)) / (2 * SPACING),
        (surface(x, y + SPACING) - surface(x, y - SPACING)) / (2 * SPACING),
    ]
    return torch.stack(slopes).reshape(point.shape)


def forward(point):
    """The gradient at a point by forward differences."""
    x, y = point.ravel()
    here = surface(x, y)
    slopes = [(surface(x + SPACING, y) - here) / SPACING, (surface(x, y + SPACING) - here) / SPACING]
    return torch.stack(slopes).reshape(point.shape)


def as_printed(point):
    """The gradient at a point as a tutorial prints it: the second value alone is divided."""
    x, y = point.ravel()
    slopes = [
        surface(x + SPACING, y) - surface(x - SPACING, y) / (2 * SPACING),
        surface(x, y + SPACING) - surface(x, y - SPACING) / (2 * SPACING),
    ]
    return torch.stack(slopes).reshape(point.shape)


def exact(point):
    """The gradient at a point by automatic differentiation."""
    point = point.detach().requires_grad_()
    return torch.autograd.grad(surface(*point.ravel()), point)[0]


class Oracle:
    """What a rule that chooses its own questions may ask about the surface; points are NumPy arrays (2,)."""

    window, asked = DOMAIN, 0

    def value(self, x):
        self.asked += 1
        return float(surface(*torch.tensor(np.array(x))))

    def values(self, points):
        self.asked += np.size(points) // 2
        x, y = torch.tensor(np.array(points).reshape(-1, 2)).T
        return surface(x, y).numpy()

    def gradient(self, x):
        return gradient(torch.tensor(x)).numpy()

    def hessian(self, x):
        return torch.autograd.functional.hessian(lambda point: surface(*point), torch.tensor(x)).numpy()  # pyright: ignore[reportAttributeAccessIssue]

    def hessian_diagonal(self, x):
        return np.diagonal(self.hessian(x)).copy()


# ---------------------------------------------------------------- rules and runs

Vector = Scalar = Other = Any  # of a state field: a number for each coordinate, one number, of another shape


class Rule(NamedTuple):
    """An optimizer: what it remembers at first, its step, and where it looks for the gradient, if not at x."""

    init: Any
    step: Any
    look: Any = None
    shape: tuple = (2,)


def around(outer, inner):
    """The rule in which the inner one steps, and the outer one has the last word."""

    def init(x):
        return inner.init(x), outer.init(x)

    def step(x, g, s, h, t, n):
        y, inside = inner.step(x, g, s[0], h, t, n)
        x, outside = outer.step(x, y, s[1], h, t, n)
        return x, (inside, outside)

    def look(x, s, h, t, n):
        return outer.look(x, s[1], h, t, n)

    return Rule(init, step, look if outer.look else None)


def follow(rule, hyper):
    """The path of a rule that steps by gradients, (steps + 1, 2)."""
    h = SimpleNamespace(**hyper)
    x = torch.tensor(START).reshape(rule.shape)
    s, path = rule.init(x), [x]
    noise = torch.tensor(np.random.Generator(np.random.PCG64(SEED)).standard_normal((STEPS, 2)))  # if: noise
    for t in range(1, STEPS + 1):
        if not surface(*x.ravel()) >= LOWEST + TOLERANCE:  # if: loss
            break  # if: loss
        if "lr" in hyper:  # if: schedule
            h.lr = hyper["lr"] * factor(SCHEDULE, WARMUP, t - 1, STEPS, GAMMA, EVERY)  # if: schedule
        g = gradient(x)  # if: !look
        g = gradient(x if rule.look is None else rule.look(x, s, h, float(t), float(STEPS)))  # if: look
        if not g.norm() >= TOLERANCE:  # if: gradient
            break  # if: gradient
        before = x  # if: step
        g = g + NOISE * noise[t - 1].reshape(g.shape)  # if: noise
        g = g.clamp(-CLIP_AT, CLIP_AT)  # if: clip_value
        g = g * (CLIP_AT / (g.norm() + 1e-6)).clamp(max=1.0)  # if: clip_norm
        if "weight_decay" not in hyper:  # if: l2
            g = g + WEIGHT_DECAY * x  # if: l2
        if "lr" in hyper and "weight_decay" not in hyper:  # if: decoupled
            x = x * (1 - h.lr * WEIGHT_DECAY)  # if: decoupled
        x, s = rule.step(x, g, s, h, float(t), float(STEPS))
        path.append(x)
        if not x.isfinite().all():
            break
        if abs(x - before).sum() < TOLERANCE:  # if: step
            break  # if: step
    return torch.stack(path).reshape(-1, 2).numpy()


def ask(rule, hyper):
    """The path of a rule that asks about the surface where it likes, (steps + 1, 2)."""
    h, f, x = SimpleNamespace(**hyper), Oracle(), np.array(START)
    s, path = rule.init(x), [x]
    while len(path) <= STEPS and np.isfinite(x).all():
        if not f.value(x) >= LOWEST + TOLERANCE:  # if: loss
            break  # if: loss
        if not np.hypot(*f.gradient(x)) >= TOLERANCE:  # if: gradient
            break  # if: gradient
        before, remembered = x, s
        x, s = rule.step(x, f, s, h)
        path.append(x)
        if np.array_equal(x, before) and all(map(np.array_equal, s, remembered)):  # at rest, and for ever
            break
        if abs(x - before).sum() < TOLERANCE:  # if: step
            break  # if: step
    return np.array(path)


class Ended(Exception):
    """A search has made all its steps, or is there."""


def search(record, hyper):
    """The path of another library's search, (steps + 1, 2): where it stands after each of its iterations."""
    f, path = Oracle(), [np.array(START)]

    def done(x):
        path.append(np.array(x, dtype=np.float64).reshape(2))
        if len(path) > STEPS or f.asked >= MOST_POINTS:
            raise Ended
        if abs(path[-1] - path[-2]).sum() < TOLERANCE:  # if: step
            raise Ended  # if: step
        if not surface(*x) >= LOWEST + TOLERANCE:  # if: loss
            raise Ended  # if: loss
        if not np.hypot(*f.gradient(x)) >= TOLERANCE:  # if: gradient
            raise Ended  # if: gradient

    with suppress(Ended):
        if not surface(*START) >= LOWEST + TOLERANCE:  # if: loss
            raise Ended  # if: loss
        if not np.hypot(*f.gradient(path[0])) >= TOLERANCE:  # if: gradient
            raise Ended  # if: gradient
        record(f, path[0].copy(), SimpleNamespace(**hyper), STEPS, done)
    return np.array(path)


def write(runs):
    """Prints where each path ends, and writes all paths to paths.csv."""
    with Path("paths.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["card", "optimizer", "step", "x", "y", "loss"])
        for card, title, path in runs:
            losses = surface(*torch.tensor(path).T).tolist()
            for step, ((x, y), loss) in enumerate(zip(path.tolist(), losses, strict=True)):
                rows.writerow([card, title, step, x, y, loss])
            print(f"{title}: ({x:.6g}, {y:.6g}) after {step} steps, loss {loss:.6g}")
