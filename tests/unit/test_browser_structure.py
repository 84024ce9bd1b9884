"""What the browser's modules import of each other, types included, and how long they are."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
IMPORT = re.compile(r'\b(?:from|import)\s*\(?\s*"(\.{1,2}/[^"]+)\.js"')
BELOW = {"shared": {"shared"}, "charts": {"shared", "charts"}, "plane": {"shared", "plane"}}
LONGEST = 400


def module(path: Path) -> Path:
    """The file that has this name, which may hold types alone."""
    return path if path.is_file() else path.with_name(f"{path.stem}.d.ts")


def imports(file: Path) -> set[Path]:
    return {module((file.parent / f"{name}.js").resolve()) for name in IMPORT.findall(file.read_text())}


MODULES = sorted(
    file
    for kind in ("*.js", "*.d.ts")
    for file in STATIC.glob(f"*/{kind}")
    if not file.parent.name.startswith("v-")  # copies of all
)
GRAPH = {file: imports(file) for file in MODULES}


def test_what_is_imported_is_there() -> None:
    missing = {(file.name, found.name) for file, others in GRAPH.items() for found in others if found not in GRAPH}
    assert not missing
    assert len(GRAPH) > 80
    assert STATIC / "charts" / "line_chart.js" in GRAPH[STATIC / "training" / "board.js"]


def test_there_is_no_circle_between_modules() -> None:
    TopologicalSorter(GRAPH).prepare()  # CycleError names the circle


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(STATIC)))
def test_arrows_between_folders_go_down(file: Path) -> None:
    page = {"shared", "charts", "plane", file.parent.name}
    assert {found.parent.name for found in GRAPH[file]} <= BELOW.get(file.parent.name, page)


def test_no_module_is_long() -> None:
    written = [file for file in MODULES if file.name != "messages.d.ts"]  # that one is generated
    assert not {file.name: n for file in written if (n := len(file.read_text().splitlines())) > LONGEST}
