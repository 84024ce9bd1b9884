"""Comparisons of one click: several optimizers from one start, or one with several values of a hyperparameter."""

from typing import NamedTuple

import numpy as np

from optim_core import RULES
from optim_core.parameters import Range, checked_integer
from views.shared.settings import Settings, new_card

MOST = 9


class Group(NamedTuple):
    """Optimizers that are looked at together."""

    title: str
    about: str
    rules: tuple[str, ...]


GROUPS = (
    Group(
        "From SGD to Adam",
        "One idea after the other: momentum, a rate for each coordinate, both",
        ("gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "nadam", "adamw"),
    ),
    Group(
        "Adam and its kin",
        "What later papers changed in Adam",
        ("adam", "amsgrad", "adamax", "nadam", "radam", "adabelief", "yogi", "adopt", "adan"),
    ),
    Group(
        "Signs and norms",
        "Rules that keep the gradient’s direction or signs, and not its length",
        ("gradient_descent", "normalized_gradient_descent", "sign_descent", "signum", "rprop", "lion"),
    ),
    Group(
        "With curvature",
        "Second derivatives, and line searches, beside gradient descent",
        ("gradient_descent", "gradient_descent_armijo", "conjugate_gradients", "bfgs", "lbfgs", "newton"),
    ),
    Group(
        "Without gradients",
        "Only the surface’s values are asked for",
        ("nelder_mead", "simulated_annealing", "differential_evolution", "cma_es"),
    ),
)  # fmt: skip


def compare_rules(settings: Settings, rules: tuple[str, ...]) -> None:
    """Replaces the cards by these optimizers with their usual settings."""
    settings.cards = {number: new_card(rule) for number, rule in enumerate(rules[:MOST])}
    _forget(settings)


def compare_values(settings: Settings, number: int, name: str, values: list[float]) -> None:
    """Replaces the cards by copies of one, each with another value of one hyperparameter.

    ValueError names a value that is not allowed; the cards then stay.
    """
    card = settings.cards[number]
    tried = Settings(cards={0: card})
    cards = {}
    for place, value in enumerate(values[:MOST]):
        tried.cards = {0: new_card(card.rule)}
        tried.cards[0].hyper.update(card.hyper)
        tried.apply(f"card.0.{name}", value)
        if tried.problems:
            raise ValueError(next(iter(tried.problems.values())))
        cards[place] = tried.cards[0]
    settings.cards = cards
    _forget(settings)


def spaced(low: float, high: float, count: int, log: bool) -> list[float]:
    """``count`` values from low to high, each of at most three digits, evenly spaced or by one factor.

    ValueError where they cannot be: low not below high, a logarithm of what is not positive, fewer than 2, more than 9.
    """
    checked_integer("values", count, 2, MOST)
    if not low < high:
        raise ValueError(f"from {low:g} to {high:g} is not allowed; the first must be the smaller")
    if log and low <= 0:
        raise ValueError(f"from {low:g} is not allowed with one factor between values; it must be above 0")
    found = np.geomspace(low, high, count) if log else np.linspace(low, high, count)
    return list(dict.fromkeys(float(f"{value:.3g}") for value in found))


def proposed(limits: Range, value: float) -> tuple[float, float]:
    """Between which values a hyperparameter is compared if nobody says otherwise: around the present one."""
    if limits.log:
        return max(float(limits.low), float(f"{value / 10:.3g}")), min(float(limits.high), float(f"{value * 10:.3g}"))
    return float(limits.low), float(limits.high)


def comparable(settings: Settings, number: int) -> list[str]:
    """The hyperparameters of a card that are numbers, its learning rate first."""
    limits = RULES[settings.cards[number].rule].ranges
    return sorted((name for name, found in limits.items() if not found.switch), key=lambda name: name != "lr")


def _forget(settings: Settings) -> None:
    settings.problems = {path: text for path, text in settings.problems.items() if not path.startswith("card")}
    settings.view.inside = None
