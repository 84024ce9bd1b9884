"""The optimizers of a page as cards: ``card.2.lr``, ``card.2.on``; in a link ``card.2 = adam,lr=0.1,off``."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from optim_core.parameters import Range, checked_integer, checked_number
from views.shared.fields import parsed
from views.shared.state import Setting, State, checked_switch, no_setting

MAX_CARDS = 18


@dataclass
class Card:
    """One optimizer on a page; its number decides its colour.

    rule: the name of a rule, or where networks are trained of one of torch's optimizers.
    """

    rule: str
    hyper: dict[str, float]
    on: bool = True


@dataclass(frozen=True)
class Cards(Setting):
    """The cards of a state ``WithCards``; where they are as usual and left out of links, so are their usual numbers.

    known: what a card may name, each with a ``title`` and with the ``ranges`` of its hyperparameters.
    """

    known: Mapping[str, Any]
    live: ClassVar[bool] = True

    def checked(self, state: Any, value: Any) -> dict[int, Card]:
        raise no_setting(self.path)

    def change(self, state: Any, part: str, value: Any) -> None:
        number, _, name = part.partition(".")
        if not name or not number.isdecimal() or int(number) not in state.cards:
            raise no_setting(f"{self.path}.{part}" if part else self.path)
        self.change_card(state, int(number), name, value)

    def change_card(self, state: Any, number: int, name: str, value: Any) -> None:
        """Changes one thing about a card; ValueError says what is not allowed."""
        card = state.cards[number]
        known = self.known[card.rule]
        if name == "on":
            card.on = checked_switch("on", value)
        elif name in card.hyper:
            card.hyper[name] = _ranged(name, value, known.ranges[name])
        else:
            raise ValueError(f"{known.title} has no {name[:40]!r}")

    def take(self, state: Any, left: dict[str, str]) -> list[str]:
        none = left.get(self.path) == "none" and bool(left.pop(self.path))
        given = {name: left.pop(name) for name in [*left] if name.startswith(f"{self.path}.")}
        before, state.cards = state.cards, {}
        wrong: list[str] = []
        for name, text in given.items():
            wrong += self._take_card(state, name.removeprefix(f"{self.path}."), text)
        if state.cards or none:
            state.cards = dict(sorted(state.cards.items()))
            state.follow(self.path)
        else:
            state.cards = before
        return wrong

    def _take_card(self, state: Any, number: str, text: str) -> list[str]:
        rule, *parts = text.split(",")
        try:
            slot = checked_integer(self.label, parsed(number), 0, MAX_CARDS - 1)
            if slot in state.cards:
                raise ValueError(f"{self.label} {slot} stands there twice")
            card = state.cards[slot] = state.new_card(rule)
        except ValueError as error:
            return [str(error)]
        wrong = []
        for part in parts:
            name, _, value = part.partition("=")
            if part == "off":
                card.on = False
            elif name in card.hyper:
                state.apply(f"{self.path}.{slot}.{name}", value)
            else:
                wrong.append(f"{self.known[rule].title} has no {name[:40]!r}")
        return wrong

    def values(self, state: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number, card in state.cards.items():
            start = f"{self.path}.{number}."
            found |= {start + name: value for name, value in card.hyper.items()}
            found[f"{start}on"] = card.on
        return found

    def query(self, state: Any) -> dict[str, str]:
        if not state.cards:
            return {self.path: "none"}
        found, number_text = {}, state.number_text
        for number, card in state.cards.items():
            told = card.hyper
            if self.omit:
                usual = state.new_card(card.rule).hyper
                told = {name: value for name, value in told.items() if value != usual[name]}
            parts = [card.rule, *[f"{name}={number_text(value)}" for name, value in told.items()]]
            found[f"{self.path}.{number}"] = ",".join(parts if card.on else [*parts, "off"])
        return found


class WithCards(State, ABC):
    """A state with ``Cards`` under the path ``card``."""

    cards: dict[int, Card]

    @abstractmethod
    def new_card(self, rule: str) -> Card:
        """A card with the hyperparameters with which its optimizer begins; ValueError where there is none."""

    def add(self, rule: str, hyper: Mapping[str, float] | None = None) -> None:
        """A further card, under the lowest free number; a sentence under ``card`` where there is no room."""
        self.problems.pop("card", None)
        if len(self.cards) >= MAX_CARDS:
            self.problems["card"] = f"{len(self.cards)} optimizers are chosen; at most {MAX_CARDS} are allowed."
            return
        number = next(n for n in range(MAX_CARDS) if n not in self.cards)
        card = self.new_card(rule)
        card.hyper |= hyper or {}
        self.cards = dict(sorted({**self.cards, number: card}.items()))
        self.follow("card")

    def duplicate(self, number: int) -> None:
        """A further card of the same rule with the same hyperparameters."""
        if number in self.cards:
            self.add(self.cards[number].rule, self.cards[number].hyper)

    def remove(self, number: int) -> None:
        """Takes a card away."""
        self.cards.pop(number, None)
        self.problems.pop("card", None)
        self.forget(f"card.{number}.")
        self.follow("card")


def _ranged(name: str, value: Any, limits: Range) -> float:
    number = checked_number(name, parsed(value), limits.valid)
    if limits.switch and number not in (0.0, 1.0):
        raise ValueError(f"{name} = {number:g} is not allowed; it must be 0 (off) or 1 (on)")
    return number
