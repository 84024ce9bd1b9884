"""The Dockerfile, which no test builds: that what it copies is there, and that what the app imports is copied."""

import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in text.splitlines() if line.strip()]


def copied() -> set[str]:
    found: set[str] = set()
    for kind, rest in instructions():
        if kind == "COPY":
            *sources, _ = [part for part in shlex.split(rest) if not part.startswith("--")]
            found |= set(sources)
    return found


def environment() -> dict[str, str]:
    return dict(part.split("=", 1) for kind, rest in instructions() if kind == "ENV" for part in shlex.split(rest))


def place(kind: str, part: str) -> int:
    """Where the instruction with that in it stands."""
    (found,) = [k for k, (name, rest) in enumerate(instructions()) if name == kind and part in rest]
    return found


def test_what_it_copies_is_there_and_what_the_app_imports_is_copied() -> None:
    for source in copied():
        assert (ROOT / source).exists(), source
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    packages = {name.split("/")[0] for name in tracked.split() if "/" in name}
    text = "\n".join((ROOT / name).read_text() for name in tracked.split() if name.split("/")[0] in copied() & packages)
    imported = {name for name in re.findall(r"^\s*(?:from|import) (\w+)", text, flags=re.MULTILINE) if name in packages}
    assert {"views", "training", "optim_core", "surfaces"} <= imported
    assert imported <= copied()
    assert {"app.py", "pages", "static", ".streamlit", "requirements.txt"} <= copied()


def test_what_can_be_made_at_build_is_made_by_the_user_who_runs_it() -> None:
    warm = place("RUN", "views.warm")
    assert place("USER", "ravine") < warm
    assert place("ENV", "NUMBA_CACHE_DIR") < warm
    assert all(k < warm for k, (kind, _) in enumerate(instructions()) if kind == "COPY")
    warming = (ROOT / "views" / "warm.py").read_text().partition('if __name__ == "__main__":')[2]
    assert "publish()" in warming
    assert "-m views.warm" in (ROOT / "Makefile").read_text()


def test_it_is_published_on_the_address_that_is_printed() -> None:
    found = environment()
    assert found["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    assert found["STREAMLIT_BROWSER_SERVER_ADDRESS"] == "localhost"
    assert "RAVINE_ALLOW_LAUNCH" not in found


def test_the_index_of_torchs_builds_is_the_builders_choice() -> None:
    """No index is named here; pip reads the argument from its environment, where it must stand before pip runs."""
    assert place("ARG", "PIP_EXTRA_INDEX_URL") < place("RUN", "pip install")
    assert "://" not in (ROOT / "Dockerfile").read_text().replace("http://127.0.0.1", "")
