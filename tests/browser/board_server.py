"""Starts the board's own small app, as a folder of its own: Streamlit serves `static/` beside the script only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.conftest import ROOT, free_port, healthy
from tests.patience import SECONDS
from views.shared.assets import publish


@contextmanager
def board_server(folder: Path) -> Iterator[str]:
    """The address of `board_app.py`, served from copies in an empty folder, once it is healthy."""
    publish(folder / "static")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    shutil.copy(Path(__file__).with_name("board_app.py"), folder)
    port, log = free_port(), folder / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "board_app.py", "--server.port", str(port)],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    address = f"http://localhost:{port}"
    try:
        healthy(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)
