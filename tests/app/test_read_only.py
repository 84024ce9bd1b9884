"""The app from a folder that it cannot write to, as an installation by somebody else is."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT, free_port
from views.shared.assets import PREFIX, publish, version

from .test_admission import PATIENCE, answers

SOURCES = ("app.py", ".streamlit", "pages", "optim_core", "surfaces", "training", "views", "static")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A copy of the app, with what was compiled beside it."""
    place = tmp_path / "app"
    place.mkdir()
    made = shutil.ignore_patterns(f"{PREFIX}*")
    for name in SOURCES:
        source = ROOT / name
        shutil.copytree(source, place / name, ignore=made) if source.is_dir() else shutil.copy2(source, place / name)
    publish(place / "static")
    yield place
    allowed(place, 0o700)


def allowed(place: Path, mode: int) -> None:
    """Lets a folder and all in it be written to, or not."""
    place.chmod(mode)
    for path, folders, files in os.walk(place):
        for name in folders:
            (Path(path) / name).chmod(mode)
        for name in files:
            (Path(path) / name).chmod(mode & 0o666)


@contextmanager
def served(folder: Path, home: Path) -> Iterator[str]:
    """The address of the app, run from the folder by who cannot write there."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    if os.getuid() == 0:  # whom no mode keeps from writing, unless that right is given up
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner", *command]
    caches = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in caches}
    environment |= {"PYTHONPATH": str(folder), "HOME": str(home), "RAVINE_STORE": str(folder.parent / "runs.db")}
    log = folder.parent / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def kinds(address: str, page: str) -> list[str]:
    """The kinds of elements that a page shows, and the texts of its boxes."""
    found = [(one.WhichOneof("type"), one.alert.body) for one in answers(address, page, origin=f"http://{address}")]
    return [f"{kind}: {text}" if text else str(kind) for kind, text in found]


@pytest.mark.skipif(os.getuid() == 0 and shutil.which("setpriv") is None, reason="root writes everywhere")
def test_it_runs_where_it_cannot_write(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    allowed(folder, 0o555)
    with served(folder, tmp_path / "home") as address:
        for page in ("", "maps", "catalogue"):
            found = kinds(address, page)
            assert "bidi_component" in found
            assert not [one for one in found if one.startswith(("exception", "alert"))]


@pytest.mark.skipif(os.getuid() == 0 and shutil.which("setpriv") is None, reason="root writes everywhere")
def test_what_is_missing_there_is_said_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    shutil.rmtree(folder / "static" / version())
    allowed(folder, 0o555)
    with served(folder, tmp_path / "home") as address:
        (told,) = [one for one in kinds(address, "") if one.startswith(("exception", "alert"))]
    assert "python \\-m views\\.warm" in told
    assert "Permission denied" in told
