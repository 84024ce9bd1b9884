"""A visitor without a browser: opens a page of a server over its WebSocket and sends what it likes."""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests.browser.conftest import free_port, serve
from training.runner import status
from training.runs import Store
from views.shared.packing import unpack

PATIENCE = 60  # seconds for an answer: a busy machine is slow, and that is no failure


class Session:
    """What a browser knows of its page: the components' ids, the last message of the one that speaks, what was said.

    ``errors`` are the texts of error boxes, ``toasts`` those of notices, of the last run; ``query`` is the address
    that the page has, its own changes included.
    """

    def __init__(self, socket: ClientConnection, page: str, query: str) -> None:
        self._socket, self._page, self.query = socket, page, query
        self.speaker = self._hash = ""
        self._fragments: dict[str, str] = {}  # of the components that speak
        self.shown: dict[str, Any] = {}
        self.widgets: dict[str, str] = {}  # every widget's id, and what kind of element it is
        self.errors: list[str] = []
        self.toasts: list[str] = []
        self.seq = 0
        self.run()

    def message(self) -> BackMsg:
        """A request to run the page."""
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = "" if self._hash else self._page
        message.rerun_script.page_script_hash = self._hash
        return message

    def run(self, message: BackMsg | None = None) -> None:
        """Sends a request and reads what it brings about."""
        self.errors, self.toasts = [], []
        self._socket.send((message or self.message()).SerializeToString())
        while True:
            answer = ForwardMsg.FromString(bytes(self._socket.recv(PATIENCE, decode=False)))
            kind = answer.WhichOneof("type")
            if kind == "navigation":
                self._hash = answer.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = answer.page_info_changed.query_string
            elif kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
                self._element(answer)
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def _element(self, answer: ForwardMsg) -> None:
        element = answer.delta.new_element
        kind = str(element.WhichOneof("type"))
        found = getattr(element, kind)
        if kind == "exception":
            self.errors.append(f"{found.type}: {found.message} {' '.join(found.stack_trace)}")
        elif kind == "toast":
            self.toasts.append(found.body)
        elif getattr(found, "id", ""):
            self.widgets[found.id] = kind
        if kind == "bidi_component" and found.bytes:
            self._fragments[found.id] = answer.delta.fragment_id
            if "formula_field" not in found.component_name:
                self.speaker, self.shown = found.id, unpack(found.bytes)

    def state(self, values: Mapping[str, Mapping[str, Any]]) -> BackMsg:
        """A request in which widgets have values: ``{id: {"json_value": "..."}}``; of one alone its fragment runs."""
        message = self.message()
        message.rerun_script.fragment_id = self._fragments.get(next(iter(values)), "") if len(values) == 1 else ""
        for widget, value in values.items():
            one = message.rerun_script.widget_states.widgets.add(id=widget)
            for name, part in value.items():
                if name.endswith("array_value"):
                    getattr(one, name).data.extend(part)
                else:
                    setattr(one, name, part)
        return message

    def send(self, text: str) -> None:
        """The speaking component's state, as it stands."""
        self.run(self.state({self.speaker: {"json_value": text}}))

    def change(self, change: Mapping[str, Any]) -> None:
        """A change as the page's scripts send it, with what they leave to the channel filled in."""
        self.seq += 1
        self.send(json.dumps({"change": {"seq": self.seq, "set": {}, "actions": [], "final": True} | dict(change)}))


@contextmanager
def served(folder: Path, *options: str, module: str = "streamlit") -> Iterator[str]:
    """The address of the app's server, which ends with the block, as does the runner that it may have started."""
    port = free_port()
    server = serve(port, folder / "log", *options, module=module)
    try:
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)
        if (folder / "runs.db").exists() and (runner := status(Store(str(folder / "runs.db")))):
            os.kill(runner.pid, signal.SIGTERM)


@contextmanager
def visitor(address: str, page: str = "", query: str = "") -> Iterator[Session]:
    """A session on a page, until the end of the block."""
    with connect(f"{address.replace('http', 'ws')}/_stcore/stream", max_size=2**28, open_timeout=PATIENCE) as socket:
        yield Session(socket, page, query)
