"""What the live components share: the bytes they are sent, their modules' loader, what they say back."""

import json
import math
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
import streamlit as st
from streamlit.components.v2 import component as register

from views.assets import version
from views.lighter import lighten
from views.received import Change, forgive, refuse, refused
from views.sentences import escaped

forgive()
lighten()

Message = TypeVar("Message", bound=Mapping[str, Any], contravariant=True)
_ALIGNMENT = 8
_KINDS = {np.dtype(code).newbyteorder("<"): code for code in ("f4", "f8", "i4", "u2", "u1")}


def pack(message: Mapping[str, Any]) -> bytes:
    """`message` as u32 length of the header | JSON header, padded | little-endian arrays, each aligned to 8 bytes.

    NumPy arrays (float32, float64, int32, uint16, uint8) may stand anywhere in it. In the header each becomes
    `{"$array": [kind, offset after the header, elements]}`. Outside arrays, numbers that JSON lacks (NaN,
    infinities) become null. Raises TypeError for an array of another kind.
    """
    blocks: list[bytes] = []
    size = 0

    def encode(value: Any) -> Any:
        nonlocal size
        if value is None or type(value) in (str, int, bool):  # most parts of a message
            return value
        if isinstance(value, np.ndarray):
            kind = _KINDS.get(value.dtype.newbyteorder("<"))
            if kind is None:
                raise TypeError(f"an array of {value.dtype} cannot be sent; allowed: {', '.join(_KINDS.values())}")
            raw = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).tobytes()
            reference = [kind, size, int(value.size)]
            blocks.append(raw + bytes(-len(raw) % _ALIGNMENT))
            size += len(blocks[-1])
            return {"$array": reference}
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, (list, tuple)):
            return [encode(part) for part in value]
        if isinstance(value, Mapping):
            return {str(name): encode(part) for name, part in value.items()}
        return value

    header = json.dumps(encode(message), separators=(",", ":"), allow_nan=False).encode()
    header += b" " * (-(len(header) + 4) % _ALIGNMENT)
    return struct.pack("<I", len(header)) + header + b"".join(blocks)


def unpack(payload: bytes) -> dict[str, Any]:
    """The message that `pack` was given, its arrays flat: for tests, which see the payload, not the picture."""
    (length,) = struct.unpack_from("<I", payload)
    kinds = {name: dtype for dtype, name in _KINDS.items()}

    def decode(value: Any) -> Any:
        if isinstance(value, dict):
            if "$array" in value:
                kind, offset, count = value["$array"]
                return np.frombuffer(payload, kinds[kind], count, 4 + length + offset)
            return {name: decode(part) for name, part in value.items()}
        if isinstance(value, list):
            return [decode(part) for part in value]
        return value

    return decode(json.loads(payload[4 : 4 + length]))


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

    What is returned is called with `(message, key, on_change)`: it shows `message`, declared in views/messages.py, and
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
            handled = st.session_state.get(handled_key, 0)
            st.session_state[handled_key] = max(handled, change.seq)
            on_change(replace(change, actions=change.after(handled)))

        sent = {**message, "seq": st.session_state.get(handled_key, 0), "stamp": time.monotonic_ns()}
        mount(key=key, data=pack(sent), on_change_change=changed)
        if sentence := refused():
            st.toast(escaped(sentence))

    return show
