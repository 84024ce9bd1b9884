"""What a session had is given back after it has ended, and a server of many sessions keeps what one of few keeps."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit import config

from tests.socket_session import served, visitor

PATIENCE = 120  # seconds: a busy machine is slow, and that is no failure
SESSIONS = 12


def counts(file: Path, until: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """The numbers of objects that are there, once they are as they should be; the last ones where they never are."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = json.loads(file.read_text()) if file.exists() else {}
        if until(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_the_collection_after_every_run_is_off() -> None:
    assert config.get_option("runner.postScriptGC") is False


def test_the_state_of_a_session_that_has_ended_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a move of anybody that would set off Python's own collection."""
    file = tmp_path / "counts"
    monkeypatch.setenv("RAVINE_COUNTS", str(file))
    with served(tmp_path, "--server.disconnectedSessionTTL", "1", module="tests.counting_server") as address:
        with visitor(address):
            pass
        before = json.loads(file.read_text())
        for _ in range(SESSIONS):
            with visitor(address) as one, visitor(address, "maps") as other:
                for steps in (20, 30):
                    one.change({"set": {"steps": steps}})
                    other.change({"set": {"steps": steps}})
                one.run()
        # Streamlit's loop holds the session that it has looked at last.
        found = counts(
            file,
            lambda found: (
                found["AppSession made"] > 2 * SESSIONS
                and found["AppSession"] <= 1
                and found["Settings"] <= before["Settings"] + 1
            ),
        )
        assert found["AppSession made"] == 2 * SESSIONS + 1
        assert found["AppSession"] <= 1
        assert found["Settings"] <= before["Settings"] + 1
