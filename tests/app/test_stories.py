"""Stories on the Trajectories page, through Streamlit's AppTest: the box, back and next, links."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.patience import SECONDS
from views.shared.packing import unpack
from views.shared.settings import Settings
from views.shared.stories import STORIES

APP = str(Path(__file__).parents[2] / "app.py")
NAMES = list(STORIES)


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


def address(app: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in app.query_params.items()}


def shows(app: AppTest, name: str) -> None:
    """The page is in the story's state and says its text; its address opens the same."""
    wanted = Settings.from_query({"story": name})
    assert app.session_state["trajectories"] == wanted
    assert Settings.from_query(address(app)) == wanted
    assert app.selectbox(key="story").value == name
    said = " ".join(markdown.value for markdown in app.markdown)
    assert STORIES[name].text in said
    assert STORIES[name].task in said
    assert [run["id"] for run in picture(app)["runs"]] == list(wanted.cards)


def test_without_a_story_there_is_only_the_box() -> None:
    app = opened({})
    picture(app)
    assert app.selectbox(key="story").value is None
    assert app.selectbox(key="story").options == [story.title for story in STORIES.values()]
    assert not [button for button in app.button if (button.key or "").startswith("story:")]
    assert "story" not in app.query_params


def test_the_box_opens_a_story_and_lets_it_go() -> None:
    app = opened({"surface": "beale", "steps": "7"})
    app.selectbox(key="story").select("decay").run()
    shows(app, "decay")
    app.selectbox(key="story").select("ball").run()
    shows(app, "ball")
    assert picture(app)["references"][0]["each"] == 4
    app.selectbox(key="story").select(None).run()
    assert "story" not in app.query_params
    assert app.query_params["surface"] in ("himmelblau", ["himmelblau"])
    assert picture(app)["references"]


def test_forwards_and_backwards_through_all() -> None:
    app = opened({"story": NAMES[0]})
    shows(app, NAMES[0])
    assert app.button(key="story:before").disabled
    for name in NAMES[1:]:
        app.button(key="story:after").click().run()
        shows(app, name)
    assert app.button(key="story:after").disabled
    for name in NAMES[-2::-1]:
        app.button(key="story:before").click().run()
        shows(app, name)


def test_a_story_that_was_changed_is_told_again() -> None:
    app = opened({"story": "ridge", "start": "-3,0.5"})
    assert picture(app)["start"] == [-3, 0.5]
    app.selectbox(key="trajectories:difference").select("central").run()
    assert app.selectbox(key="story").value == "ridge"
    assert Settings.from_query(address(app)).start == (-3, 0.5)
    app.button(key="story:again").click().run()
    shows(app, "ridge")
    app.selectbox(key="trajectories:surface").select("beale").run()
    assert app.selectbox(key="story").value is None


@pytest.mark.parametrize("name", ["", "nothing", "ravine,edge"])
def test_an_unknown_story_gets_a_sentence(name: str) -> None:
    app = opened({"story": name})
    said = " ".join(markdown.value for markdown in app.markdown)
    assert "is not one of: ravine, edge, forms" in said.replace("\\", "")
    assert [run["name"] for run in picture(app)["runs"]] == ["Gradient descent", "Momentum", "Adam"]


def test_the_ball_is_switched_on_by_hand() -> None:
    app = opened({})
    assert picture(app)["references"] == []
    app.toggle(key="trajectories:view.ball").set_value(True).run()
    assert "the ball that Momentum imitates" in picture(app)["caption"]
    assert address(app)["view.ball"] == "1"
