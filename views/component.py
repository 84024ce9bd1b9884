"""What the two live components share: the bytes they are sent, their modules' loader, Plotly's own script."""

import hashlib
import importlib.util
import json
import math
import os
import shutil
import struct
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component as register

from views.lighter import lighten
from views.received import Change, forgive, refuse, refused
from views.sentences import escaped

forgive()
lighten()

STATIC = Path(__file__).resolve().parent.parent / "static"
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


@cache
def version() -> str:
    """A fingerprint of the browser's modules and style sheet, part of their address: versions never mix."""
    digest = hashlib.sha256()
    for file in sorted((*STATIC.glob("*.js"), *STATIC.glob("*.css"))):
        if file.name != "plotly.min.js":
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def component(name: str) -> Callable[..., Any]:
    """Registers the component whose module is `static/<name>.js`; what is returned mounts it.

    Streamlit sends a component's own script with every message, so this one holds a loader only.
    """
    address = f"app/static/{name}.js?v={version()}"
    loader = f"""
export default async (component) =>
  (await import(new URL("{address}", document.baseURI).href)).default(component);
"""
    return register(f"ravine_{name}", js=loader, isolate_styles=False)


def speaking(name: str) -> Callable[..., None]:
    """Registers the component whose module is `static/<name>.js` and that speaks to the server for a whole page.

    What is returned is called with `(message, key, on_change)`: it shows `message` and calls `on_change(change)`,
    with a `received.Change`, before the next run of the fragment that it stands in. An action reaches `on_change` once,
    however often the browser had to send it. `message["seq"]` is filled in here: the last change that was handed to
    `on_change`. What is no change is left out, and a notice says so.
    """
    mount = component(name)

    def show(message: Mapping[str, Any], key: str, on_change: Callable[[Change], None]) -> None:
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


def ensure_plotly(folder: Path = STATIC) -> Path:
    """Copies plotly.min.js from the plotly package to `folder` where it is missing or of another size.

    The package is found, not imported: importing it takes a second and 100,000 objects. FileNotFoundError says what is
    missing, and why it cannot be made.
    """
    package = importlib.util.find_spec("plotly")
    if package is None or package.origin is None:
        raise FileNotFoundError("the plotly package is not installed; the pictures need its plotly.min.js")
    source = Path(package.origin).parent / "package_data" / "plotly.min.js"
    target = folder / "plotly.min.js"
    if target.is_file() and target.stat().st_size == source.stat().st_size:
        return target
    try:
        _copied(source, target)
    except OSError as error:
        raise FileNotFoundError(
            f"{target} is missing or of another version, and cannot be written ({error.strerror or error}); "
            "`python -m views.warm` makes it, run by who may write there"
        ) from None
    return target


def _copied(source: Path, target: Path) -> None:
    """Copies a file aside and puts it in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".plotly", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as copy, source.open("rb") as original:
            shutil.copyfileobj(original, copy)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
