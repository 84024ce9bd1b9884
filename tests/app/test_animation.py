"""The GIF of the playback on the Trajectories page, through Streamlit's AppTest: the button, then the file."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from streamlit.testing.v1 import AppTest

import views.trajectories.animation
from tests.patience import SECONDS

APP = str(Path(__file__).parents[2] / "app.py")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name.replace("__", ".")] = value
    return app.run()


def offers(app: AppTest) -> tuple[bool, list[str]]:
    """Whether the button stands there, and what files it has given way to."""
    assert not app.exception
    button = any(button.key == "export:gif" for button in app.button)
    labels = [str(getattr(each, "label", "")) for each in app.get("download_button")]
    return button, [label for label in labels if label.endswith(".gif")]


def test_the_button_gives_way_to_the_file_until_a_setting_changes() -> None:
    app = opened(steps="5", card__0="adam")
    assert offers(app) == (True, [])
    app.button(key="export:gif").click().run()
    assert offers(app) == (False, ["Save ravine-ravine.gif"])
    image = Image.open(io.BytesIO(app.session_state["gif"][1]))
    assert isinstance(image, GifImageFile)
    assert image.n_frames == 6
    app.run()
    assert offers(app) == (False, ["Save ravine-ravine.gif"])
    app.selectbox(key="trajectories:surface").select("ackley").run()
    assert offers(app) == (True, [])
    assert "gif" not in app.session_state
    app.button(key="export:gif").click().run()
    assert offers(app) == (False, ["Save ravine-ackley.gif"])


def test_a_playback_that_cannot_be_drawn_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(steps="5")

    def fail(*_: Any) -> None:
        raise ValueError("there is nothing to play")

    monkeypatch.setattr(views.trajectories.animation.Playback, "__init__", fail)
    app.button(key="export:gif").click().run()
    assert offers(app) == (False, [])
    assert any("there is nothing to play" in markdown.value for markdown in app.markdown)
    assert "gif" not in app.session_state
    monkeypatch.undo()
    app.run()
    assert offers(app) == (True, [])


def test_without_optimizers_the_button_is_off() -> None:
    app = opened(card="none")
    assert app.button(key="export:gif").disabled
