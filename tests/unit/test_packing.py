"""What views/component.py packs is what comes out again."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from views import component

arrays = st.builds(
    lambda kind, values: np.array(values, dtype=kind),
    st.sampled_from(["f4", "f8", "i4", "u1"]),
    st.lists(st.integers(0, 255), max_size=20),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
messages = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "$array"),
    st.recursive(scalars | arrays, lambda part: st.lists(part, max_size=4), max_leaves=8),
    max_size=6,
)


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one.ravel(), other)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return one == other and type(one) is type(other)


@given(messages)
def test_message_comes_back(message: dict[str, object]) -> None:
    back = component.unpack(component.pack(message))
    assert back.keys() == message.keys()
    assert all(same(message[name], back[name]) for name in message)


def test_layout_is_aligned_and_little_endian() -> None:
    payload = component.pack({"a": np.array([1, 2, 3], "u1"), "b": [np.array([1.5], ">f8")]})
    (length,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + length])
    assert (4 + length) % 8 == 0
    assert header == {"a": {"$array": ["u1", 0, 3]}, "b": [{"$array": ["f8", 8, 1]}]}
    assert payload[4 + length :] == bytes([1, 2, 3, 0, 0, 0, 0, 0]) + struct.pack("<d", 1.5)


def test_numbers_that_json_lacks_become_null() -> None:
    back = component.unpack(component.pack({"x": [float("nan"), float("inf"), np.float32(0.5), np.int64(3)]}))
    assert back == {"x": [None, None, 0.5, 3]}


def test_nan_survives_in_an_array() -> None:
    (z,) = component.unpack(component.pack({"z": np.array([1, np.nan], "f4")})).values()
    assert z[0] == 1
    assert np.isnan(z[1])


def test_views_and_matrices_are_sent_in_row_order() -> None:
    z = np.arange(12, dtype="f4").reshape(3, 4)
    back = component.unpack(component.pack({"z": z, "turned": z.T, "half": z[:, ::2]}))
    assert np.array_equal(back["z"], np.arange(12))
    assert np.array_equal(back["turned"], z.T.ravel())
    assert np.array_equal(back["half"], z[:, ::2].ravel())


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match="int64 cannot be sent; allowed: f4, f8, i4, u2, u1"):
        component.pack({"x": np.array([1], "i8")})
