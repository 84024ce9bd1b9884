"""What browsers send, read with care: a message of another shape than ours is left out, with a sentence.

The page's own scripts send nothing else; whoever writes messages by hand meets this.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state import Serialized, Value, WStates
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from views.shared.messages import Action

LARGEST = 2**53  # numbers in a browser are whole up to this one
PATHS, ACTIONS, PARTS = 1000, 100, 500  # settings, buttons, values of a list, in one message
NAME, TEXT = 100, 20_000  # characters of a path and of a value; our longest is the state that one compares with
HAVE = 200_000  # characters of the keys that a browser says it has

UPLOADS, ALL_UPLOADS = 16 * 2**20, 256 * 2**20  # bytes of one session's files, and of all together

_REFUSED = "message:refused"
# A field of numbers is declared to hold the second kind, and sends whole ones as the first.
_WHOLE, _ANY = "int_value", "double_value"

Plain = None | bool | int | float | str


@dataclass(frozen=True)
class Change:
    """What a browser says of its page: new values under their paths, buttons, whether the hand rests.

    actions: of the kinds that views/shared/messages.py declares; whoever matches one looks at what stands in it.
    have: the keys of the arrays that the browser has. need: it asks for everything anew.
    """

    seq: int
    set: dict[str, Any]
    actions: list[Action]
    final: bool
    have: frozenset[str] = field(default_factory=frozenset)
    need: bool = False

    @classmethod
    def read(cls, value: object) -> "Change":
        """The change that the value is; ValueError says what of it is none."""
        found = _mapping("the change", value, PATHS)
        have = found.get("have", [])
        have = [have] if isinstance(have, str) else have
        if not isinstance(have, list) or not all(isinstance(key, str) for key in have) or sum(map(len, have)) > HAVE:
            raise ValueError(f"have must be a list of keys, of {HAVE:,} characters at most")
        actions = found.get("actions", [])
        if not isinstance(actions, list) or len(actions) > ACTIONS:
            raise ValueError(f"actions must be a list of at most {ACTIONS}")
        return cls(
            _sequence("seq", found.get("seq")),
            {path: _value(path, part) for path, part in _mapping("set", found.get("set"), PATHS).items()},
            [_action(one) for one in actions],
            _switch("final", found.get("final", False)),
            frozenset(have),
            _switch("need", found.get("need", False)),
        )

    def after(self, handled: int) -> list[Action]:
        """The actions that were pressed after the change of this number, without their own numbers."""
        pressed: list[Any] = self.actions
        later: list[Any] = [
            {name: part for name, part in one.items() if name != "seq"} for one in pressed if one["seq"] > handled
        ]
        return later


def _mapping(name: str, value: object, most: int) -> dict[str, Any]:
    if not isinstance(value, Mapping) or len(value) > most or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{name} must be names with values, {most} at most")
    return {_text(key, NAME): part for key, part in value.items()}


def _action(value: object) -> Any:
    found = {name: _value(name, part) for name, part in _mapping("an action", value, PARTS).items()}
    return {**found, "seq": _sequence("seq", found.get("seq"))}


def _sequence(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError(f"{name} must be a whole number from 0 to {LARGEST}")
    return value


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _value(name: str, value: object) -> Any:
    """A number, a text, true, false or null, or a list of them."""
    if isinstance(value, list) and len(value) <= PARTS:
        return [_plain(name, part) for part in value]
    return _plain(name, value)


def _plain(name: str, value: object) -> Plain:
    match value:
        case None | bool():
            return value
        case int() if abs(value) > LARGEST:
            return float(value) if value.bit_length() < 1024 else math.inf if value > 0 else -math.inf
        case int() | float():
            return value
        case str():
            return _text(value, TEXT)
    raise ValueError(f"{name} must be a number, a text, or a list of at most {PARTS} of them")


def _text(value: str, longest: int) -> str:
    if len(value) > longest:
        raise ValueError(f"a text of {len(value):,} characters is too long; at most {longest:,} are allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("a text in it has half a character") from None
    return value


# ---------------------------------------------------------------- what was left out


def refuse(reason: object) -> None:
    """Notes that a message of this session is left out, to be said by the next run."""
    st.session_state[_REFUSED] = f"A message of this page was left out: {str(reason)[:300]}."


def refused() -> str:
    """The sentence about what was left out since this was asked for the last time, if anything was."""
    return st.session_state.pop(_REFUSED, "")


def forgive() -> None:
    """From now on a widget whose state no widget can read has its first value, and uploads have a total.

    Streamlit reads states, the JSON of components among them, without expecting them to be wrong. One that is wrong
    stays in the session, and is read again by each run, which ends with it. Files it keeps as long as a session lasts.
    """
    states: Any = WStates
    uploads: Any = MemoryUploadedFileManager
    states.__getitem__, uploads.add_file = _forgiving, _add_file


_read, _keep = WStates.__getitem__, MemoryUploadedFileManager.add_file


def _forgiving(states: WStates, widget: str) -> Any:
    state, known = states.states.get(widget), states.widget_metadata.get(widget)
    if known is None or not isinstance(state, Serialized):
        return _read(states, widget)
    try:
        kind = state.value.WhichOneof("value")
        if kind not in (None, known.value_type) and (kind, known.value_type) != (_WHOLE, _ANY):
            raise TypeError(f"{kind} for {known.value_type}")
        return _read(states, widget)
    except Exception as error:  # whatever a widget's own reader raises, recursion among it
        first = known.deserializer(None)
        states.states[widget] = Value(first)
        if get_script_run_ctx(suppress_warning=True) is not None:
            refuse(f"a widget cannot read the value that it has in it ({type(error).__name__})")
        return first


def _add_file(files: MemoryUploadedFileManager, session_id: str, file: UploadedFileRec) -> None:
    """Keeps an uploaded file; where a session, or all together, have too much, the oldest of the largest session go."""
    _keep(files, session_id, file)
    while over := _over(files, session_id):
        oldest = next(iter(files.file_storage[over]))
        files.remove_file(over, oldest)


def _over(files: MemoryUploadedFileManager, session_id: str) -> str:
    """The session whose oldest file has to go; nothing where all may stay."""
    sizes = {name: sum(len(one.data) for one in list(held.values())) for name, held in list(files.file_storage.items())}
    if sizes.get(session_id, 0) > UPLOADS:
        return session_id
    return max(sizes, key=sizes.__getitem__) if sum(sizes.values()) > ALL_UPLOADS else ""
