"""The pictures that follow the hand: contour, 3-D surface, curves, table, playback; drawn in the browser."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from views.component import component, pack

_mount = component("live_plot")


def live_plot(message: Mapping[str, Any], key: str, on_change: Callable[[dict[str, Any]], None]) -> None:
    """Shows `message`; calls `on_change(change)` before the next run of the fragment that it stands in.

    `change` is `{seq, set: {path: value}, actions: [{...}], final, have: [grid keys], need?}`. An action
    reaches `on_change` once, however often the browser had to send it. `message["seq"]` is filled in here:
    the last change that was handed to `on_change`.
    """
    handled_key = f"{key}:handled"

    def changed() -> None:
        change = dict(st.session_state[key]["change"])
        handled = st.session_state.get(handled_key, 0)
        actions = [dict(action) for action in change.get("actions", ()) if action.get("seq", 0) > handled]
        for action in actions:
            action.pop("seq", None)
        st.session_state[handled_key] = max(handled, change["seq"])
        on_change({**change, "actions": actions})

    sent = {**message, "seq": st.session_state.get(handled_key, 0), "stamp": time.monotonic_ns()}
    _mount(key=key, data=pack(sent), on_change_change=changed)
