"""The browser's types are those that views/shared/messages.py declares, and what is sent is what is declared."""

from dataclasses import fields
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import pytest

from scripts import message_types
from views.catalogue import catalogue
from views.gradients import gradients
from views.maps import message as maps
from views.maps.state import MapState
from views.shared import controls, messages, received
from views.shared.packing import pack, unpack
from views.shared.settings import Settings
from views.study import minibatch, momenta
from views.study.minibatch_state import Study
from views.trajectories import message as picture


def test_the_browsers_types_are_written_anew_after_a_change() -> None:
    assert message_types.FILE.read_text() == message_types.declarations(), "run python -m scripts.message_types"


@pytest.mark.parametrize("hint", [set, complex, np.ndarray])
def test_what_no_message_may_hold_is_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match="has no type in a message"):
        message_types.typed(hint)


def test_a_type_of_each_kind() -> None:
    wanted = {
        messages.F4: "Float32Array",
        messages.Window: "[number, number, number, number]",
        float | None: "number | null",
        int | float: "number",
        dict[str, list[str | None]]: "Record<string, Array<string | null>>",
        NotRequired[list[messages.Run]]: "Array<Run>",
    }
    for hint, text in wanted.items():
        assert message_types.typed(hint) == text


def wrong(value: Any, hint: Any, at: str) -> list[str]:
    """Where an unpacked message differs from its declaration: keys not declared, missing, or of another kind."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return wrong(value, parts[0], at)
    if is_typeddict(hint):
        if not isinstance(value, dict):
            return [f"{at} is no object"]
        keys = set(value)
        found = [f"{at}.{key} is not declared" for key in keys - hint.__optional_keys__ - hint.__required_keys__]
        found += [f"{at}.{key} is missing" for key in hint.__required_keys__ - keys]
        hints = get_type_hints(hint, include_extras=True)
        return found + [text for key in keys & hints.keys() for text in wrong(value[key], hints[key], f"{at}.{key}")]
    if getattr(hint, "__metadata__", None):
        told = hint.__metadata__[0]
        if told in ARRAYS:
            return [] if getattr(value, "dtype", None) == ARRAYS[told] else [f"{at} is no {told}"]
        if isinstance(told, int):
            return [] if len(value) == told else [f"{at} has {len(value)} elements, not {told}"]
        return []
    if origin is list:
        return [text for i, one in enumerate(value) for text in wrong(one, parts[0], f"{at}[{i}]")]
    if parts and origin not in (dict, tuple) and type(None) in parts and value is None:
        return []
    if parts and origin is not dict and any(is_typeddict(part) for part in parts):
        return min((wrong(value, part, at) for part in parts if is_typeddict(part)), key=len)
    return []


ARRAYS = {"Float32Array": "f4", "Float64Array": "f8", "Int32Array": "i4", "Uint16Array": "u2", "Uint8Array": "u1"}


def test_what_the_browser_may_say_is_what_is_read() -> None:
    kinds: list[Any] = [messages.Change, messages.SaidChange, messages.CatalogueChange]
    declared = set().union(*(kind.__annotations__ for kind in kinds))
    assert declared == {one.name for one in fields(received.Change)}


def test_a_runs_line_offers_what_there_is_an_action_for() -> None:
    assert set().union(*(one.__annotations__ for one in get_args(messages.RunAction))) == set(get_args(messages.Act))


def settings(**query: str) -> Settings:
    return Settings.from_query({name.replace("__", "."): text for name, text in query.items()})


MESSAGES = {
    "picture": lambda: (picture.message(settings()), messages.PictureMessage),
    "picture, all of it": lambda: (
        picture.message(
            settings(
                surface="ravine", card__0="momentum", card__1="nelder_mead", card__2="nesterov_lookahead",
                view__inside="0", view__ball="1", starts__kind="ring", starts__count="3", story="ravine",
                against="surface=ravine&card.0=adam",
            )
        ),
        messages.PictureMessage,
    ),
    "maps of starts": lambda: (maps.message(MapState.from_query({"map.resolution": "16"})), messages.MapsMessage),
    "maps of values": lambda: (
        maps.message(
            MapState.from_query(
                {"map.kind": "plane", "map.resolution": "16", "surface": "ravine", "card.0": "momentum",
                 "card.1": "nelder_mead"}
            )
        ),
        messages.MapsMessage,
    ),
    "gradients": lambda: (gradients.message(gradients.Place()), messages.ErrorsMessage),
    "minibatch": lambda: (minibatch.message(Study()), messages.StudyMessage),
    "momenta": lambda: (momenta.message(momenta.Momenta()), messages.StudyMessage),
    "catalogue": lambda: (catalogue.message(catalogue.View(), budget=0.0), messages.CatalogueList),
    "controls": lambda: (controls.controls(settings(card__0="lookahead")), messages.Controls),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_sent_is_what_is_declared(name: str) -> None:
    message, declared = MESSAGES[name]()
    assert not wrong(unpack(pack(message)), declared, name)


def test_the_comparison_sees_every_kind_of_difference() -> None:
    sent: Any = unpack(pack(picture.message(settings())))
    run = sent["runs"][0]
    run["losses"] = run.pop("loss")
    run["path"] = run["path"].astype("f8")
    sent["start"] = [0.0]
    assert sorted(wrong(sent, messages.PictureMessage, "m")) == [
        "m.runs[0].loss is missing",
        "m.runs[0].losses is not declared",
        "m.runs[0].path is no Float32Array",
        "m.start has 1 elements, not 2",
    ]
