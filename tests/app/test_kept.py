"""A state compared with another on the Trajectories page, through its link."""

from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from optim_core import RULES, trace
from surfaces import SURFACES
from tests.patience import SECONDS
from views.shared.packing import pack, unpack
from views.shared.settings import Settings
from views.shared.state import MAX_LINK
from views.trajectories.message import message

APP = str(Path(__file__).parents[2] / "app.py")
OTHER = "surface=ravine&start=1,2&steps=15&card.4=adam,lr=0.3&card.7=momentum,off"


def opened(query: dict[str, str]) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def picture(app: AppTest) -> dict:
    """The message of the live plot."""
    assert not app.exception
    (payload,) = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    return unpack(payload)


def compared(against: str, name: str = "then", **query: str) -> dict:
    """The picture of a page that is compared with another state."""
    return picture(opened({"steps": "20", "card.0": "adam", **query, "against": against, "against.name": name}))


def test_the_other_state_is_drawn_dotted_with_its_own_start_steps_and_rates() -> None:
    shown = compared(OTHER)
    own, other = shown["runs"]
    assert (own["id"], own["name"], own["dash"]) == (0, "Adam", "")
    assert "kept" not in own
    assert (other["id"], other["name"], other["dash"]) == (104, "Adam (then)", "1 5")
    assert other["kept"] is True
    assert other["elsewhere"] is False
    adam, ravine = RULES["adam"], SURFACES["ravine"]
    wanted = trace(adam, ravine, (1.0, 2.0), 15, hyper=adam.Hyper(lr=0.3)._asdict(), difference="central")
    np.testing.assert_allclose(other["path"].reshape(-1, 2), wanted.path, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other["loss"], wanted.loss)
    assert own["loss"].size == 21
    assert [row["id"] for row in shown["table"]["rows"]] == [0, 104]
    assert [row["cells"][0] for row in shown["table"]["rows"]] == ["Adam", "Adam (then)"]
    assert shown["table"]["rows"][1]["cells"][2] == "15"
    assert f"Adam (then): {shown['table']['rows'][1]['cells'][1]}." in shown["alt"]
    first, _, dotted = shown["caption"].partition("Dotted, “then”: ")
    assert "20 steps" in first
    assert "15 steps" in dotted
    assert "Adam: lr 0.3" in dotted
    assert "another surface" not in dotted
    assert shown["problems"] == {}


def test_the_link_holds_the_comparison() -> None:
    shown = compared(OTHER, name="was & is = “ä”")
    fields = dict(parse_qsl(shown["query"]))
    assert fields["against"] == OTHER
    assert fields["against.name"] == "was & is = “ä”"
    again = picture(opened(fields))
    assert [run["name"] for run in again["runs"]] == ["Adam", "Adam (was & is = “ä”)"]
    assert again["query"] == shown["query"]


@pytest.mark.parametrize("elsewhere", ["surface=beale&card.0=adam", "surface=ravine&surface.condition=7&card.0=adam"])
def test_on_another_surface_it_says_that_no_paths_are_drawn(elsewhere: str) -> None:
    shown = compared(elsewhere)
    assert [run["elsewhere"] for run in shown["runs"] if run.get("kept")] == [True]
    assert "Its paths are not drawn, for they lie on another surface." in shown["caption"]
    assert len(shown["table"]["rows"]) == 2
    assert "Adam (then)" not in shown["alt"]


@pytest.mark.parametrize(
    "rubbish", ["rubbish", "<b>x</b>", "a=b&c=d", "&&==;", "%00%ff", "against=surface=beale", "💥💥"]
)
def test_rubbish_gets_a_sentence_and_is_not_drawn(rubbish: str) -> None:
    shown = compared(rubbish)
    assert [run["id"] for run in shown["runs"]] == [0]
    assert "it must be the fields of a link" in shown["problems"]["against"]
    assert "Dotted" not in shown["caption"]


@pytest.mark.parametrize(
    ("against", "name"), [("surface=ravine\n", "x"), ("surface=ravine&" + "x" * 8_000, "x"), (OTHER, "x" * 61)]
)
def test_what_is_too_long_or_no_line_gets_a_sentence(against: str, name: str) -> None:
    shown = compared(against, name)
    (sentence,) = shown["problems"].values()
    assert "must be one line of at most" in sentence
    assert shown["runs"][0]["id"] == 0


def test_what_is_wrong_in_the_other_state_is_said_in_the_caption() -> None:
    shown = compared("surface=ravine&steps=minus&card.0=adam,lr=-1&card.1=alchemy&surface.depth=3")
    assert [run["id"] for run in shown["runs"]] == [0, 100]
    _, _, told = shown["caption"].partition("Left out of it: ")
    for wrong in ("steps", "lr", "alchemy", "surface.depth"):
        assert wrong in told


def test_a_comparison_within_the_comparison_counts_for_nothing() -> None:
    nested = urlencode(dict(parse_qsl(OTHER)) | {"against": OTHER, "against.name": "older"})
    shown = compared(nested)
    assert [run["id"] for run in shown["runs"]] == [0, 104]
    assert "older" not in shown["caption"]
    assert "Left out" not in shown["caption"]
    deep = compared("surface=ravine&against=" * 300)
    assert [run["id"] for run in deep["runs"] if run["id"] >= 100] == [100, 101, 102]


def test_balls_and_many_starts_of_the_other_state_are_neither_drawn_nor_told() -> None:
    shown = compared("surface=ravine&card.0=momentum&view.ball=1&starts.kind=ring&starts.count=8")
    assert shown["references"] == []
    assert "ball" not in shown["caption"]
    assert "starts" not in shown["caption"]
    assert "herd" not in shown["runs"][1]


def test_a_link_that_is_too_long_is_not_read() -> None:
    app = opened({"against": "surface=ravine&" + "x" * MAX_LINK})
    shown = picture(app)
    assert f"longer than {MAX_LINK} characters" in app.session_state["trajectories"].problems["link"]
    assert [run["id"] for run in shown["runs"]] == [0, 1, 2]


def test_the_comparison_can_be_changed_and_ended() -> None:
    settings = Settings()
    settings.apply("against", OTHER)
    settings.apply("against.name", "then")
    assert [run["id"] for run in unpack(pack(message(settings)))["runs"]] == [0, 1, 2, 104]
    settings.apply("against", "rubbish")
    assert settings.against == OTHER
    assert "against" in settings.problems
    settings.apply("against", None)
    settings.apply("against.name", "")
    assert not {"against", "against.name"} & set(settings.to_query())
    assert settings.problems == {}
