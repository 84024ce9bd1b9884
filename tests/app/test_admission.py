"""Behind a real proxy, with forged headers, and directly: what the server answers over its WebSocket, and at start."""

import os
import re
import signal
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser.conftest import free_port, serve
from training.runner import status
from training.runs import Store

PATIENCE = 120  # seconds for an answer: a busy machine is slow, and that is no failure
Head = Callable[[dict[str, str]], dict[str, str]]


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """The port of the app's server, on localhost as it is configured; the runner that it starts ends with the block."""
    port = free_port()
    server = serve(port, folder / "log")
    try:
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)
        if (folder / "runs.db").exists() and (standing := status(Store(str(folder / "runs.db")))):
            os.kill(standing.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAVINE_ALLOW_LAUNCH", raising=False)
        with served(tmp_path_factory.mktemp("server")) as found:
            yield found


@contextmanager
def proxy(port: int, rewritten: Head) -> Iterator[int]:
    """The port of a reverse proxy in front of the server, which rewrites the headers of what is asked."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                head += self.request.recv(4096)
            head, _, rest = head.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            given = rewritten(dict(line.split(": ", 1) for line in lines))
            asked = "\r\n".join([first, *(f"{name}: {value}" for name, value in given.items()), "", ""])
            with socket.create_connection(("127.0.0.1", port)) as server:
                server.sendall(asked.encode("latin-1") + rest)
                back = threading.Thread(target=passed_on, args=(server, self.request), daemon=True)
                back.start()
                passed_on(self.request, server)
                back.join()

    def passed_on(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # the other side has gone
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


def answers(address: str, page: str = "training", **options: Any) -> Iterator[Any]:
    """What a browser is sent that opens a page there, element by element."""
    with connect(f"ws://{address}/_stcore/stream", max_size=2**28, open_timeout=PATIENCE, **options) as session:
        message = BackMsg()
        message.rerun_script.page_name = page
        session.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(bytes(session.recv(PATIENCE, decode=False)))
            kind = answer.WhichOneof("type")
            if kind == "delta":
                yield answer.delta.new_element
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return


def launching(port: int, **options: Any) -> bool:
    """Whether a browser at that port that opens Training may launch; where not, a sentence says so."""
    found = list(answers(f"127.0.0.1:{port}", **options))
    (button,) = [one.button for one in found if one.button.label.startswith("Launch")][-1:]
    assert any("RAVINE_ALLOW_LAUNCH=1" in one.markdown.body for one in found) is button.disabled
    return not button.disabled


def test_directly_it_is_open(port: int) -> None:
    assert launching(port, origin=f"http://127.0.0.1:{port}")


def test_without_a_browsers_origin_it_is_closed(port: int) -> None:
    assert not launching(port)


# What well-known proxies do to a request for https://ravine.example unless told otherwise, or as their manuals advise.
PROXIES: dict[str, Head] = {
    "adds X-Forwarded-For": lambda given: given | {"X-Forwarded-For": "192.0.2.7"},
    "adds Via": lambda given: given | {"Via": "1.1 ravine.example"},
    "adds Forwarded": lambda given: given | {"Forwarded": "for=192.0.2.7"},
    "adds X-Real-IP": lambda given: given | {"X-Real-IP": "192.0.2.7"},
    "is a tunnel": lambda given: given | {"CF-Connecting-IP": "192.0.2.7", "CDN-Loop": "a"},
    "takes the origin away": lambda given: {name: value for name, value in given.items() if name != "Origin"},
}


@pytest.mark.parametrize("kind", PROXIES)
def test_behind_a_proxy_it_is_closed(port: int, kind: str) -> None:
    def rewritten(given: dict[str, str]) -> dict[str, str]:
        here = {"Host": f"127.0.0.1:{port}", "Origin": f"http://127.0.0.1:{port}"}
        return PROXIES[kind](given | here)

    with proxy(port, rewritten) as front:
        assert not launching(front, origin="https://ravine.example")


def test_the_proxy_itself_closes_nothing(port: int) -> None:
    """So that it is the headers that the tests above see."""
    with proxy(port, lambda given: given) as front:
        assert launching(front, origin=f"http://127.0.0.1:{front}")


@pytest.mark.parametrize("host", ["ravine.example", "localhost.ravine.example", "localhost@ravine.example"])
def test_a_name_that_leads_here_for_a_moment_is_shown_a_sentence_alone(port: int, host: str) -> None:
    """A page of another site is then of one origin with this server: it may connect, and sees nothing."""
    with proxy(port, lambda given: given | {"Host": host, "Origin": f"http://{host}"}) as front:
        found = list(answers(f"127.0.0.1:{front}"))
    (shown,) = [one for one in found if one.WhichOneof("type")]
    assert "RAVINE\\_HOSTS" in shown.alert.body
    assert host.partition(".")[0] in shown.alert.body


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}"])
def test_a_page_of_another_site_is_not_even_answered(port: int, host: str) -> None:
    with proxy(port, lambda given: given | {"Host": host.format(port)}) as front:
        with pytest.raises(InvalidStatus) as refused:
            launching(front, origin="http://ravine.example")
        assert refused.value.response.status_code == 403


def test_the_same_server_opens_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVINE_ALLOW_LAUNCH", "1")
    with served(tmp_path) as port:
        assert launching(port)


def test_published_the_addresses_that_are_printed_show_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every address, as in a container: those printed, another one, and a name that was listed; closed all."""
    monkeypatch.delenv("RAVINE_ALLOW_LAUNCH", raising=False)
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    monkeypatch.setenv("RAVINE_HOSTS", "lab.example, other.example")
    with served(tmp_path) as port:
        printed = re.findall(r"http://(\S+)", re.sub(r"\x1b\[[0-9;]*m", "", (tmp_path / "log").read_text()))
        assert f"localhost:{port}" in printed
        hosts = {*printed, f"192.0.2.5:{port}", "[2001:db8::5]", "lab.example", f"other.example:{port}"}
        for host in hosts:
            with proxy(port, lambda given, host=host: given | {"Host": host, "Origin": f"http://{host}"}) as front:
                assert not launching(front)
