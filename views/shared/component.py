"""What the live components share: their modules' loader, and what they say back."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import streamlit as st
from streamlit.components.v2 import component as register

from views.shared.assets import version
from views.shared.lighter import lighten
from views.shared.packing import pack
from views.shared.received import Change, forgive, refuse, refused
from views.shared.sentences import escaped

forgive()
lighten()

Message = TypeVar("Message", bound=Mapping[str, Any], contravariant=True)


def held(key: str) -> frozenset[str]:
    """The contents that the browser has, as the component of that key said last: their arrays need not be made."""
    return st.session_state.get(f"{key}:have", frozenset())


def component(name: str) -> Callable[..., Any]:
    """Registers the component whose module is `static/<name>.js`; what is returned mounts it.

    Streamlit sends a component's own script with every message, so this one holds a loader only.
    """
    address = f"app/static/{version()}/{name}.js"
    loader = f"""
export default async (component) =>
  (await import(new URL("{address}", document.baseURI).href)).default(component);
"""
    return register(f"ravine_{name.replace('/', '_')}", js=loader, isolate_styles=False)


class Speaker(Protocol[Message]):
    """A component that shows a message and says what has changed."""

    def __call__(self, message: Message, key: str, on_change: Callable[[Change], object]) -> None:
        """Shows ``message``; ``on_change`` is called with what the browser says."""


def speaking(name: str, message: type[Message]) -> Speaker[Message]:  # noqa: ARG001
    """Registers the component whose module is `static/<name>.js` and that speaks to the server for a whole page.

    What is returned is called with `(message, key, on_change)`: it shows `message`, declared in `messages.py`, and
    calls `on_change(change)`, with a `received.Change`, before the next run of the fragment that it stands in. An
    action reaches `on_change` once, however often the browser had to send it. `seq` and `stamp` are filled in here: the
    last change that was handed to `on_change`, and which message it is. What is no change is left out, and a notice
    says so.
    """
    mount = component(name)

    def show(message: Mapping[str, Any], key: str, on_change: Callable[[Change], object]) -> None:
        handled_key = f"{key}:handled"

        def changed() -> None:
            sent = st.session_state[key].get("change")
            if sent is None:
                return
            try:
                change = Change.read(sent)
            except ValueError as error:
                refuse(error)
                return
            st.session_state[f"{key}:have"] = change.have
            handled = st.session_state.get(handled_key, 0)
            st.session_state[handled_key] = max(handled, change.seq)
            on_change(replace(change, actions=change.after(handled)))

        sent = {**message, "seq": st.session_state.get(handled_key, 0), "stamp": time.monotonic_ns()}
        mount(key=key, data=pack(sent, held(key)), on_change_change=changed)
        if sentence := refused():
            st.toast(escaped(sentence))

    return show
