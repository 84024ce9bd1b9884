"""What views/shared/packing.py packs is what comes out again."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from views.shared import packing
from views.shared.settings import Settings
from views.trajectories.message import message

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
    back = packing.unpack(packing.pack(message))
    assert back.keys() == message.keys()
    assert all(same(message[name], back[name]) for name in message)


def test_layout_is_aligned_and_little_endian() -> None:
    payload = packing.pack({"a": np.array([1, 2, 3], "u1"), "b": [np.array([1.5], ">f8")]})
    (length,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + length])
    assert (4 + length) % 8 == 0
    assert header == {"a": {"$array": ["u1", 0, 3]}, "b": [{"$array": ["f8", 8, 1]}]}
    assert payload[4 + length :] == bytes([1, 2, 3, 0, 0, 0, 0, 0]) + struct.pack("<d", 1.5)


def test_numbers_that_json_lacks_become_null() -> None:
    back = packing.unpack(packing.pack({"x": [float("nan"), float("inf"), np.float32(0.5), np.int64(3)]}))
    assert back == {"x": [None, None, 0.5, 3]}


def test_nan_survives_in_an_array() -> None:
    (z,) = packing.unpack(packing.pack({"z": np.array([1, np.nan], "f4")})).values()
    assert z[0] == 1
    assert np.isnan(z[1])


def test_views_and_matrices_are_sent_in_row_order() -> None:
    z = np.arange(12, dtype="f4").reshape(3, 4)
    back = packing.unpack(packing.pack({"z": z, "turned": z.T, "half": z[:, ::2]}))
    assert np.array_equal(back["z"], np.arange(12))
    assert np.array_equal(back["turned"], z.T.ravel())
    assert np.array_equal(back["half"], z[:, ::2].ravel())


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match="int64 cannot be sent; allowed: f4, f8, i4, u2, u1"):
        packing.pack({"x": np.array([1], "i8")})


def test_what_the_browser_has_is_left_out_wherever_it_stands() -> None:
    """Arrays alone: what else stands beside them may have changed; a part inside has a name of its own."""
    z, path = np.arange(4, dtype="f4"), np.arange(6, dtype="f8")
    message = {
        "grid": {"content": "a", "z": z},
        "runs": [{"content": "b", "path": path, "herd": {"content": "c", "z": z}}],
    }
    whole, less = packing.pack(message), packing.pack(message, {"a", "c"})
    assert packing.pack(message, {"elsewhere"}) == whole
    assert len(whole) - len(less) >= 2 * z.nbytes - 2 * len('"less":true,')
    back = packing.unpack(less)
    assert back["grid"] == {"content": "a", "less": True}
    assert back["runs"][0].pop("herd") == {"content": "c", "less": True}
    assert np.array_equal(back["runs"][0].pop("path"), path)
    assert back["runs"] == [{"content": "b"}]


def test_names_of_contents_tell_apart_what_differs_in_the_last_bit() -> None:
    assert packing.content_key("run", 0.1, (1,)) == packing.content_key("run", 0.1, (1,))
    different = [
        ("run", 0.1, (1,)),
        ("run", np.nextafter(0.1, 1).item(), (1,)),
        ("run", 0.1, (1.0,)),
        ("herd", 0.1, (1,)),
    ]
    assert len({packing.content_key(*one) for one in different}) == len(different)


def parts(value: Any) -> Iterator[dict]:
    """The parts of a message that name their arrays."""
    if isinstance(value, dict):
        if "content" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from parts(one)


@pytest.mark.parametrize(
    "path", ["card.1.lr", "start", "steps", "surface", "stop", "around.noise", "window.x0", "card.1.on"]
)
def test_one_name_is_one_content(path: str) -> None:
    """Parts of two messages that bear the same name hold the same arrays; one optimizer's slider leaves the others."""
    settings = Settings.from_query({"starts.kind": "ring", "starts.count": "4", "view.step": "3"})
    settings.apply("against", "surface=ackley&card.0=adam,lr=0.1")
    before = packing.unpack(packing.pack(message(settings)))
    values = {"card.1.lr": 0.0123, "start": [0.5, 0.25], "steps": 77, "surface": "rosenbrock", "stop": "step",
              "around.noise": 0.5, "window.x0": -3.0, "card.1.on": False}  # fmt: skip
    settings.apply(path, values[path])
    assert not settings.problems
    after = packing.unpack(packing.pack(message(settings)))
    named = {one["content"]: one for one in parts(before)}
    shared = [(named[one["content"]], one) for one in parts(after) if one["content"] in named]
    for one, other in shared:
        held = {name for name, value in other.items() if isinstance(value, np.ndarray)}
        assert held == {name for name, value in one.items() if isinstance(value, np.ndarray)}
        for name in held:
            np.testing.assert_array_equal(one[name], other[name])
    if path == "card.1.lr":  # the grid, and of all runs with their herds but the one's
        assert len(shared) == len(named) - 2
