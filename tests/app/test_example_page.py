"""What a page of one's own costs: the one in ``examples/page``, through Streamlit's AppTest."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from examples.page.condition import Condition, message
from scripts.message_types import declarations
from tests.patience import SECONDS
from views.shared.packing import unpack

FOLDER = Path(__file__).parents[2] / "examples" / "page"


def test_it_takes_three_files_and_150_lines() -> None:
    files = list(FOLDER.rglob("*.py"))
    assert len(files) == 3
    assert sum(len(file.read_text().splitlines()) for file in files) <= 150
    assert "Condition" not in declarations()  # nor a message of its own


@pytest.mark.parametrize("condition", [1.0, 30.0])
def test_it_shows_what_the_closed_form_says(condition: float) -> None:
    app = AppTest.from_file(str(FOLDER / "app.py"), default_timeout=SECONDS)
    app.query_params["condition"], app.query_params["steps"] = str(condition), "25"
    app.run()
    assert not app.exception
    payloads = [element.proto.bytes for element in app.get("bidi_component") if element.proto.bytes]
    (sent,) = [found for found in map(unpack, payloads) if "paths" in found]
    path = sent["paths"][0]["path"].reshape(-1, 2)
    # f = (x^2 + condition y^2) / 2 up to the order of the axes: a step multiplies each coordinate by 1 - lr c.
    rate = 2 / (1 + condition)
    shrinking = {tuple(np.round(1 - rate * np.array(c), 12)) for c in ((1.0, condition), (condition, 1.0))}
    steps = np.arange(26)[:, None]
    assert any(np.allclose(path, path[0] * np.array(one) ** steps, rtol=1e-5, atol=1e-6) for one in shrinking)


def test_its_state_comes_back_from_the_link_and_says_what_is_wrong() -> None:
    state = Condition.from_query({"condition": "50", "steps": "1e9", "start": "1,2", "colour": "red"})
    assert (state.condition, state.steps, state.start) == (50.0, 60, (1.0, 2.0))
    assert set(state.problems) == {"steps", "link"}
    assert Condition.from_query(state.to_query()) == Condition(50.0, 60, (1.0, 2.0))
    assert set(message(state)["problems"]) == {"steps", "link"}


def test_another_file_is_one_entry() -> None:
    """A training export beside Trajectories' own: its button, its name and what it is made of follow."""
    script = """
from views.shared.exports import Export, offer
from views.training.exports import EXPORTS
assert len({export.label for export in EXPORTS.values()}) == len(EXPORTS)
more = {"ravine-{what}.txt": Export("Ids", "One a line", "text/plain", lambda store, ids: "\\\\n".join(ids))}
offer("training", {**EXPORTS, **more}, None, ["a1", "b2"], what="ids")
"""
    app = AppTest.from_string(script, default_timeout=SECONDS).run()
    assert not app.exception
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["CSV", "Parquet", "JSON", "Four plots (HTML)", "Ids"]
