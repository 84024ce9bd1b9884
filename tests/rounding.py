"""How far two right implementations of one computation may part: what a tolerance follows from.

They round differently, in each operation by up to a unit in the last place. So the computation is repeated with such
errors put in at random (Monte Carlo arithmetic: D. S. Parker, UCLA CSD-970002, 1997): every number that is new after a
step, and every value and derivative of the surface, is multiplied by 1 + u eps, u uniform in [-8, 8], some
ten operations' worth. What comes of it is the problem's own condition, on whatever processor: a stable path stays
within some eps, a line search between nearly equal values or a bounce across a valley blows it up. A path that parts by
more than LARGEST for rounding alone can be held against nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from optim_core.around import Around
from optim_core.engine.oracle import Oracle
from optim_core.options import Options
from optim_core.parameters import settings
from optim_core.rule import Rule

EPS = float(np.finfo(np.float64).eps)
RUNS = 2
MARGIN = 3.0  # a few random runs do not find the largest error, but one that is rarely passed by as much
LARGEST = 1e-6
SMALL = 1e-12  # what 1,000 steps add up to where nothing magnifies: a few units in the last place in each


class Noise:
    """Multiplies numbers by 1 + u unit, u uniform in [-8, 8]; whole ones, which are counts, flags or nothing, stay.

    A square matrix that is decomposed gets errors as large as its largest entry's: what LAPACK's backward error is.
    """

    def __init__(self, seed: int, unit: float = EPS) -> None:
        self._rng, self.seed, self.unit = np.random.default_rng(seed), seed, unit

    def _square(self, array: np.ndarray) -> bool:
        return array.ndim == 2 and array.shape[0] == array.shape[1] > 1

    def __call__(self, value: Any, whole: bool = False) -> Any:
        array = np.asarray(value, dtype=np.float64)
        if not self.unit:
            return array
        size = np.abs(array).max() if self._square(array) else np.abs(array)
        with np.errstate(invalid="ignore"):
            noisy = array + size * 8 * self.unit * self._rng.uniform(-1, 1, array.shape)
            return np.where((array == np.round(array)) & (not whole), array, noisy)


def shaken(optimizer: Any, noise: Noise) -> Any:
    """A torch optimizer whose gradients, and whose parameters and state after each step, get errors of rounding."""
    import torch

    def shake(tensor: Any) -> None:
        if torch.is_tensor(tensor) and tensor.dtype == torch.float64 and noise.unit:
            tensor.copy_(torch.from_numpy(noise(tensor.detach().numpy())))

    def before(*_: Any) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                shake(parameter.grad)

    def after(*_: Any) -> None:
        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    shake(parameter)
                    for value in optimizer.state[parameter].values():
                        shake(value)

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(after)
    return optimizer


def assert_alike(found: Any, expected: Any, again: Callable[[Noise], Any], what: str = "") -> None:
    """The largest difference is within SMALL of the largest number, or within what rounding makes of it.

    again(noise) computes what is expected once more, with noise where it rounds; it is asked only where it is needed.
    """
    found, expected = (np.asarray(numbers, dtype=np.float64) for numbers in (found, expected))
    assert found.shape == expected.shape, what
    difference = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not difference <= SMALL:
        allowed = MARGIN * spread(again)
        assert difference <= allowed <= LARGEST, (what, difference, allowed)


class _NoisyOracle(Oracle):
    """An oracle whose answers are rounded once more; asked the same again, it answers the same, as a function does."""

    noise: Noise
    answers: dict[tuple[str, bytes], Any]
    spacing = 0.0  # of the differences; 0 where gradients are exact

    def _noisy(self, what: str, x: Any, answer: Any) -> Any:
        return self.answers.setdefault((what, np.asarray(x).tobytes()), self.noise(answer))

    def value(self, x: Any) -> float:
        return float(self._noisy("value", x, super().value(x)))

    def values(self, points: Any) -> np.ndarray:
        return np.array([self.value(x) for x in np.asarray(points).reshape(-1, 2)])

    def gradient(self, x: Any) -> np.ndarray:
        slope = super().gradient(x)
        if self.spacing:  # rounding in two values, and in where they are taken
            value, steep = self.look(x)
            size = (abs(value) + np.abs(x) * np.abs(steep)) / self.spacing
            slope = slope + (self.noise(size, whole=True) - size)
        return self._noisy("gradient", x, slope)

    def hessian(self, x: Any) -> np.ndarray:
        return self._noisy("hessian", x, super().hessian(x))


def spread(compute: Callable[[Noise], Any]) -> float:
    """How far errors of rounding part the results of a computation, as a share of their largest number.

    Infinite where they end in no number at all.
    """
    with np.errstate(all="ignore"):
        exact = np.asarray(compute(Noise(0, 0.0)), dtype=np.float64)
        parted = max(np.abs(np.asarray(compute(Noise(seed))) - exact).max() for seed in range(RUNS))
        share = float(parted / np.abs(exact).max())
    return share if np.isfinite(share) else np.inf


def path_spread(rule: Rule, surface: Any, start: Any, steps: int, **options: Any) -> float:
    """``spread`` of a rule's path on a surface; options as for ``trace``, but for stop rules."""
    return spread(lambda noise: walk(rule, surface, start, steps, noise=noise, **options))


def walk(
    rule: Rule, surface: Any, start: Any, steps: int, *, noise: Noise, hyper: Any = None,
    surface_parameters: Any = None, difference: str = "central", spacing: float = 6e-6, around: Any = None,
    cut: int | None = None,
) -> np.ndarray:  # fmt: skip
    """The path of ``trace``, (steps+1, 2) or its first cut steps, by the rule's text in NumPy, with noise put in."""
    options = Options(steps, difference, spacing, None, 1e-3, Around.of(around).checked(rule))
    h = settings(rule.Hyper, hyper, owner=f"rule {rule.name}")
    q = settings(surface.Parameters, surface_parameters, owner=f"surface {surface.name}")
    f = _NoisyOracle(surface, q, options, memory=rule.kind == "closure")
    f.noise, f.answers, f.spacing = noise, {}, 0.0 if difference == "exact" else spacing
    shape, point = (2, 1) if rule.scope == "matrix" else (2,), np.array(start, dtype=np.float64)
    path, count = [point], steps if cut is None else cut
    if rule.kind == "recorded":
        assert rule.record is not None
        (x_side, y_side), point = noise(f.window, whole=True), noise(point, whole=True)
        f.window = tuple(x_side), tuple(y_side)

        def done(x: Any) -> None:
            path.append(np.array(x, dtype=np.float64).reshape(2))
            if len(path) > count:
                raise StopIteration

        with suppress(StopIteration):
            rule.record(f, point.copy(), h, steps, done)
    else:
        x, s = point.reshape(shape), rule.init(point.reshape(shape))
        factors, draws = options.around.factors(steps), options.around.draws(steps)
        for t in range(1, count + 1):
            if rule.kind == "closure":
                y, after = rule.step(x, f, s, h)
                if np.array_equal(y, x) and all(map(np.array_equal, s, after)):
                    break
                y = x if np.array_equal(y, x) else y
            else:
                at, now, n = (float(t), h, float(steps))
                if options.around.scheduled and "lr" in h._fields:
                    now = h._replace(lr=h.lr * factors[t - 1])
                where = x
                if rule.look is not None:
                    given = (f.gradient(x),) if rule.looks_with_gradient else ()
                    where = rule.look(x, *given, s, now, at, n)
                slope, kept = f.gradient(np.reshape(where, 2)), x
                if options.around.active:
                    slope, now, kept = options.around.applied(x.reshape(2), slope, h, factors[t - 1], draws[t - 1])
                y, after = rule.step(np.reshape(kept, shape), slope.reshape(shape), s, now, at, n)
            x = noise(y) if y is not x else x
            s = rule.State(*(b if np.array_equal(a, b) else noise(b) for a, b in zip(s, after, strict=True)))
            path.append(x.reshape(2).copy())
    return np.array(path + path[-1:] * (count + 1 - len(path)))
