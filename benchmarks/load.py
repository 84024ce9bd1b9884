"""How many people one server holds: sessions over WebSockets that each move a slider of Trajectories twice a second.

``python -m benchmarks.load [sessions ...]``. A row is SECONDS long, on a server of its own; the peer, in the same run,
is Streamlit's full collection after every run of a script, as it comes (``--runner.postScriptGC=true``). A move
whose answer has not come by the time of the next holds that up, as in the browser: then fewer are answered than asked.
Server and clients share this machine's processors: the last column is the clients' part. The processor time that the
server takes for a move depends least on what else the machine does.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from tests.browser.conftest import free_port, serve

SESSIONS, SECONDS, EVERY = (10, 50, 100), 20.0, 0.5
PATH, LOW, HIGH = "card.1.lr", 1e-3, 3e-2
TICK = os.sysconf("SC_CLK_TCK")


class Visitor:
    """One session: it has opened the page, and moves the slider to a new place whenever it is told to."""

    def __init__(self, socket: ClientConnection, dice: random.Random) -> None:
        self._socket, self._dice = socket, dice
        self._message, self._seq = BackMsg(), int(time.time() * 1000)
        self._have: list[str] = []

    async def open(self) -> None:
        """The page as it is first."""
        self._message.rerun_script.query_string = ""
        await self._socket.send(self._message.SerializeToString())
        while (answer := await self._answer()).WhichOneof("type") != "script_finished":
            shown = answer.delta.new_element.bidi_component
            if answer.WhichOneof("type") == "delta" and shown.bytes:
                header = json.loads(shown.bytes[4 : 4 + int.from_bytes(shown.bytes[:4], "little")])
                self._have = [header["grid"]["content"], *(run["content"] for run in header["runs"])]
                self._message.rerun_script.fragment_id = answer.delta.fragment_id
                self._message.rerun_script.widget_states.widgets.add(id=shown.id)
            elif answer.WhichOneof("type") == "navigation":
                self._message.rerun_script.page_script_hash = answer.navigation.page_script_hash

    async def move(self) -> float:
        """Seconds from sending a move to the picture that shows it."""
        self._seq += 1
        value = self._dice.uniform(LOW, HIGH)
        change = {"seq": self._seq, "set": {PATH: value}, "actions": [], "final": False, "have": self._have}
        self._message.rerun_script.widget_states.widgets[0].json_value = json.dumps({"change": change})
        began = time.perf_counter()
        await self._socket.send(self._message.SerializeToString())
        expected = f'"seq":{self._seq}'.encode()
        taken = 0.0
        while True:
            answer = bytes(await self._socket.recv(decode=False))
            if not taken and expected in answer:
                taken = time.perf_counter() - began
            # Large messages are pictures: not to parse them keeps the client's part small.
            if len(answer) < 1000 and ForwardMsg.FromString(answer).WhichOneof("type") == "script_finished":
                return taken

    async def _answer(self) -> ForwardMsg:
        return ForwardMsg.FromString(bytes(await self._socket.recv(decode=False)))


async def session(
    address: str, seconds: float, ready: asyncio.Barrier, dice: random.Random, taken: list[float]
) -> None:
    """Opens the page, waits for all the others, then moves until the time is over."""
    await asyncio.sleep(dice.uniform(0, 0.1 * ready.parties))
    url = f"{address.replace('http', 'ws')}/_stcore/stream"
    async with connect(url, max_size=2**26, open_timeout=120, ping_interval=None) as socket:
        visitor = Visitor(socket, dice)
        await visitor.open()
        await ready.wait()
        until = time.perf_counter() + seconds
        due = time.perf_counter() + dice.uniform(0, EVERY)
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            waited = await visitor.move()
            if time.perf_counter() < until:
                taken.append(waited)
            due = max(due + EVERY, time.perf_counter())
        await ready.wait()


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> float:
    """Megabytes of a process that lie in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measured(address: str, pid: int, count: int, seconds: float = SECONDS) -> str:
    """One row: what so many sessions get, and what it costs."""
    taken: list[float] = []
    ready, dice = asyncio.Barrier(count + 1), random.Random(count)
    async with asyncio.TaskGroup() as visitors:  # one that fails ends the row, instead of being waited for
        for _ in range(count):
            visitors.create_task(session(address, seconds, ready, random.Random(dice.random()), taken))
        await ready.wait()
        began, server, clients = time.perf_counter(), processor_seconds(pid), time.process_time()
        await ready.wait()
        lasted = time.perf_counter() - began
        server, clients = processor_seconds(pid) - server, time.process_time() - clients
    if not taken:
        return f"   none of {count / EVERY:5.0f} moves/s was answered within {seconds:g} s"
    taken.sort()
    p50, p95 = (taken[int(share * (len(taken) - 1))] for share in (0.5, 0.95))
    asked = count / EVERY
    return (
        f"{len(taken) / seconds:6.1f} of {asked:5.0f} moves/s   p50 {p50:6.3f} s   p95 {p95:6.3f} s   "
        f"server {1000 * server / len(taken):5.1f} ms of processor a move, {resident(pid):5.0f} MB   "
        f"clients {100 * clients / lasted:3.0f} % of one processor"
    )


def row(count: int, full: bool) -> None:
    """Prints one row from a server of its own."""
    switch = "collection after every run (peer)" if full else "as Ravine is configured"
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = serve(port, Path(folder) / "log", *(["--runner.postScriptGC", "true"] if full else []))
        try:
            asyncio.run(measured(f"http://localhost:{port}", server.pid, 1, 2.0))  # what the first visitor waits for
            print(f"{count:4d} sessions, {switch:34s} ", end="", flush=True)
            print(asyncio.run(measured(f"http://localhost:{port}", server.pid, count)), flush=True)
        finally:
            server.terminate()
            server.wait()


def main() -> None:
    """Prints the rows."""
    print(f"{os.cpu_count()} processors shared by server and clients, a move every {EVERY:g} s, {SECONDS:g} s a row")
    for count in [int(text) for text in sys.argv[1:]] or SESSIONS:
        for full in (True, False):
            row(count, full)


if __name__ == "__main__":
    main()
