"""What the pages have in common: a state in the session and in the address, boxes for it, and sentences about it."""

import time
from collections.abc import Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

import streamlit as st

from views.shared.received import Change
from views.shared.sentences import say

LATE = 1.0  # seconds after which an address that was written has reached the browser


class Linked(Protocol):
    """A state that stands in links; ``problems`` are the sentences about it by their paths."""

    @property
    def problems(self) -> Mapping[str, str]:
        """By the paths of the settings that they are about."""
        ...

    def apply(self, path: str, value: Any) -> None:
        """Changes the setting under the path, or says in ``problems`` why not."""

    def to_query(self) -> dict[str, str]:
        """As the fields of a link."""
        ...

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """What a link describes."""
        ...


S = TypeVar("S", bound=Linked)


class Page(Generic[S]):
    """One run of a page's script: its state, kept in the session under the page's name, or read from the address.

    The address counts on the first run, and where it has changed since it was written: the browser's back button. One
    that was written less than ``late`` seconds ago may not have reached the browser yet, where a hand moves; an empty
    one is that of the menu, which leaves the page as it was, unless it ``begins_anew``.
    """

    def __init__(self, name: str, kind: type[S], *, begins_anew: bool = False, late: float = LATE) -> None:
        self.name = name
        address = st.query_params.to_dict()
        written, when = st.session_state.get(f"{name}:written", (None, 0.0))
        said = (address or begins_anew) and address != written
        if name not in st.session_state or (said and time.monotonic() - when >= late):
            st.session_state[name] = kind.from_query(address)
        self.state: S = st.session_state[name]
        self.placed: set[str] = set()  # the paths whose sentences have their place

    def write_link(self) -> None:
        """Puts the whole state into the address."""
        query = self.state.to_query()
        if st.query_params.to_dict() != query:
            st.query_params.from_dict(query)
        st.session_state[f"{self.name}:written"] = (query, time.monotonic())

    def changed(self, change: Change) -> None:
        """Takes over what the browser says: new values, and whether the hand rests."""
        for path, value in change.set.items():
            self.state.apply(path, value)
        # A browser that asks for what it lacks moves nothing.
        st.session_state[f"{self.name}:final"] = change.final or not change.set

    def rests(self) -> bool:
        """Whether no hand moves; asked once a run."""
        return st.session_state.pop(f"{self.name}:final", True)

    def say(self, *paths: str) -> None:
        """The sentences under widgets, where there are any."""
        for path in paths:
            self.placed.add(path)
            if path in self.state.problems:
                say(self.state.problems[path])

    def key(self, path: str, value: Any) -> str:
        """The key of a widget that shows a setting as it is."""
        key = f"{self.name}:{path}"
        st.session_state[key] = value
        return key

    def take(self, path: str) -> None:
        """Takes over what a widget holds."""
        self.state.apply(path, st.session_state[f"{self.name}:{path}"])

    def choice(self, path: str, label: str, names: Mapping[str, str], value: Any, help_text: str | None = None) -> None:
        """A select box for one setting; names: titles by values."""
        st.selectbox(
            label, list(names), format_func=lambda name: names.get(name) or str(name), key=self.key(path, value),
            on_change=self.take, args=(path,), help=help_text,
        )  # fmt: skip
        self.say(path)
