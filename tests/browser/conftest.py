"""The app on a free port, and pages of one headless Chromium."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.patience import MILLISECONDS, SECONDS, until
from training.runner import status
from training.runs import Store

ROOT = Path(__file__).parents[2]
PICTURES = Path(__file__).parent / "pictures"
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
expect.set_options(timeout=MILLISECONDS)


def chromium() -> str | None:
    """Where a Chromium is."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.flaky(reruns=1))  # a busy machine may starve a browser; the report names it
            if not chromium():
                item.add_marker(
                    pytest.mark.skip(reason="no Chromium: install it, for instance apt-get install chromium")
                )


def serve(port: int, log: Path, *options: str, module: str = "streamlit") -> subprocess.Popen:
    """The app's server on a port, its runs stored beside the log; returns once it is healthy."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAVINE_STORE": str(log.with_name("runs.db"))}
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", module, "run", "app.py", "--server.port", str(port), *options],
            cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        healthy(f"http://localhost:{port}", server, log)
    except BaseException:
        server.kill()
        raise
    return server


def healthy(address: str, server: subprocess.Popen, log: Path) -> None:
    """Returns once a server says that it is ready; its log is what an error shows."""

    def ready() -> bool:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=SECONDS) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    until(ready, log.read_text)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    server = serve(port, log)
    yield f"http://localhost:{port}"
    server.terminate()
    server.wait(timeout=SECONDS)
    if runner := status(Store(str(log.with_name("runs.db")))):
        os.kill(runner.pid, signal.SIGTERM)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=FLAGS, timeout=MILLISECONDS)
        make = launched.new_context

        def patient(**options: Any) -> BrowserContext:
            context = make(**options)
            context.set_default_timeout(MILLISECONDS)
            return context

        launched.new_context = patient  # type: ignore[method-assign]
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page 1280 x 900; errors in it, and requests to elsewhere, fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    opened.on(
        "request",
        lambda request: (
            wrong.append(f"request: {request.url}")
            if not request.url.startswith(("http://localhost", "ws://localhost", "data:", "blob:"))
            else None
        ),
    )
    yield opened
    context.close()
    assert not wrong
