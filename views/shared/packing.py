"""Messages as bytes: a header in JSON, and arrays as they lie in memory; what the browser has is left out."""

import json
import math
import struct
from base64 import b64encode
from collections.abc import Mapping, Set
from hashlib import blake2b
from secrets import token_bytes
from typing import Any

import numpy as np

_ALIGNMENT = 8
_PROCESS = token_bytes(16)  # what computes the arrays may be another program after a restart, and the browser the same
_KINDS = {np.dtype(code).newbyteorder("<"): code for code in ("f4", "f8", "i4", "u2", "u1")}


def content_key(*given: Any) -> str:
    """What names the arrays that follow from these values, in 16 characters; by another process they are made anew."""
    return b64encode(blake2b(repr(given).encode(), digest_size=12, key=_PROCESS).digest(), b"-_").decode()


def left_out(content: str) -> Any:
    """Stands for a part of a message of which the browser has the arrays, so that they need not be made."""
    return {"content": content, "less": True}


def pack(message: Mapping[str, Any], have: Set[str] = frozenset()) -> bytes:
    """`message` as u32 length of the header | JSON header, padded | little-endian arrays, each aligned to 8 bytes.

    NumPy arrays (float32, float64, int32, uint16, uint8) may stand anywhere in it. In the header each becomes
    `{"$array": [kind, offset after the header, elements]}`. Outside arrays, numbers that JSON lacks (NaN,
    infinities) become null. Raises TypeError for an array of another kind.

    A part of the message may name its arrays under `content`: of what the browser has, as `have` says, they are left
    out, and the part is marked as `less`.
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
            if value.get("content") in have:
                rest = {name: part for name, part in value.items() if not isinstance(part, np.ndarray)}
                value = {**rest, "less": True}
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
