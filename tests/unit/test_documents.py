"""What is written for people: the paths in it exist, and its examples run."""

import re
from pathlib import Path

import pytest

from views.shared.state import State

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(ROOT.glob("*.md"))
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|txt|toml|json|md))`")
EXAMPLES = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_are_named_are_there(document: Path) -> None:
    named = set(PATH.findall(document.read_text()))
    shared = [
        ROOT / "optim_core/rules",
        ROOT / "static/shared",
        ROOT / "views/shared",
    ]  # of these the names alone are said
    places = [ROOT, *shared]
    assert [path for path in sorted(named) if not any((place / path).exists() for place in places)] == []


def test_the_example_of_a_page_is_one() -> None:
    (example,) = EXAMPLES.findall((ROOT / "CONTRIBUTING.md").read_text())
    names: dict = {}
    given = (
        "from dataclasses import dataclass, field\nfrom typing import ClassVar\n"
        "from surfaces import SURFACES\nfrom views.shared.state import Choice, Number, State\n"
    )
    exec(given + example, names)
    swing = names["Swing"]
    assert issubclass(swing, State)
    state = swing.from_query({"length": "2", "surface": "ackley"})
    assert (state.to_query(), state.values()) == ({"surface": "ackley", "length": "2.0"}, {"length": 2.0})
    state.apply("length", "0")
    assert state.problems == {"length": "length = 0 is not allowed; it must lie in (0, 10]."}
