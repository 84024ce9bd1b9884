"""What a slider move costs, in headless Chromium on this machine: from the key press to the drawn frame.

``python -m benchmarks.page``. Six optimizers x 500 steps on a 200 x 200 grid, medians over MOVES moves after two that
are not counted; the peer is the same picture by ``st.slider`` and ``st.plotly_chart`` as shipped, in the same run. The
server's part is taken by SESSIONS raw WebSocket clients that all move a slider at once.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from tests.browser.conftest import FLAGS, chromium, free_port, serve

ROOT = Path(__file__).parents[1]
FORMULAS = 8
MOVES, SESSIONS, ROUNDS, DRAWING = 20, 10, 60, (0.04, 0.09)
CARDS = ("gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamax")
QUERY = "surface=ravine&steps=500&resolution=200&" + "&".join(f"card.{n}={rule}" for n, rule in enumerate(CARDS))
ON_MAPS = "surface=ackley&steps=500&stop=step&tolerance=1e-3&map.resolution=256"
MAPS = "document.querySelector('[data-testid=maps]')"
DATA = "document.querySelector('[data-testid=live-plot]').dataset"

# The clock starts at the key press in the browser. Ours stops when the page reports a painted frame (the attribute
# changes in the first task after it); the peer's in the first task after the frame in which the new title stands.
ARM = """([selector, attribute]) => {
  const input = document.querySelector(selector);
  input.focus();
  window.__took = null;
  input.addEventListener('keydown', () => {
    const began = performance.now();
    const stop = () => { window.__took = performance.now() - began; };
    if (attribute) {
      const plot = document.querySelector('[data-testid=live-plot]');
      new MutationObserver((_, observer) => { observer.disconnect(); stop(); })
        .observe(plot, { attributes: true, attributeFilter: [attribute] });
      return;
    }
    const title = () => document.querySelector('.gtitle')?.textContent;
    const before = title();
    const look = () => title() !== before ? setTimeout(stop) : requestAnimationFrame(look);
    requestAnimationFrame(look);
  }, { once: true, capture: true });
}"""


def moves(page: Page, selector: str, attribute: str | None) -> list[float]:
    """Milliseconds of each counted move."""
    taken = []
    for move in range(MOVES + 2):
        page.evaluate(ARM, [selector, attribute])
        page.keyboard.press("ArrowRight" if move % 2 else "ArrowLeft")
        page.wait_for_function("window.__took !== null")
        taken.append(page.evaluate("window.__took"))
        page.wait_for_timeout(250)
    return taken[2:]


def row(label: str, taken: list[float], goal: str = "") -> None:
    """One printed line."""
    ordered = sorted(taken)
    p90 = ordered[int(0.9 * (len(ordered) - 1))]
    print(f"{label:66s} median {statistics.median(taken):7.1f} ms   p90 {p90:7.1f} ms   {goal}", flush=True)


def opened(page: Page, address: str, query: str, drawn: str = "drawn") -> None:
    """The page with its first picture drawn."""
    page.goto(f"{address}/?{query}")
    page.wait_for_function(f"document.querySelector('[data-testid=live-plot]')?.dataset.{drawn} > 0", timeout=60_000)
    page.wait_for_timeout(1500)


def live_pages(page: Page, address: str) -> None:
    """Our rows."""
    opened(page, address, QUERY + "&view.layout=contour")
    hyper = 'input[type=range][data-path="card.1.lr"]'
    row("hyperparameter -> paths, curves, table (contour large)", moves(page, hyper, "data-drawn"), "goal 80")
    parameter = 'input[type=range][data-path="surface.condition"]'
    row("surface parameter -> new contour and all (contour large)", moves(page, parameter, "data-drawn"))
    row("pictures while dragging, gap", dragging(page, hyper), "goal 125 (8 a second)")
    opened(page, address, QUERY + "&view.layout=surface", "drawn3d")
    row("hyperparameter -> 3-D surface (3-D large)", moves(page, hyper, "data-drawn3d"), "goal 320")
    opened(page, address, QUERY, "drawn3d")
    row("hyperparameter -> paths, curves, table (both pictures)", moves(page, hyper, "data-drawn"))


# Milliseconds from the key press to the first maps that are drawn, and to the fine ones.
ARM_MAPS = """([selector]) => {
  const input = document.querySelector(selector), maps = document.querySelector('[data-testid=maps]');
  input.focus();
  window.__took = window.__first = null;
  input.addEventListener('keydown', () => {
    const began = performance.now();
    new MutationObserver((_, observer) => {
      window.__first ??= performance.now() - began;
      if (maps.dataset.coarse === 'true') return;
      observer.disconnect();
      window.__took = performance.now() - began;
    }).observe(maps, { attributes: true, attributeFilter: ['data-drawn'] });
  }, { once: true, capture: true });
}"""


def map_pages(page: Page, address: str) -> None:
    """Our rows for maps: of one optimizer, and of four."""
    four = ("momentum", "rmsprop", "lion")
    for count, goal in ((1, 300), (4, 900)):
        cards = "&".join(f"card.{n}={rule}" for n, rule in enumerate(("adam", *four)[:count]))
        page.goto(f"{address}/maps?{ON_MAPS}&{cards}")
        page.wait_for_function(f"{MAPS}?.dataset.drawn > 0 && {MAPS}.dataset.coarse === 'false'", timeout=60_000)
        page.wait_for_timeout(1500)
        first, fine = [], []
        # What all runs share, and never the same again: every map is made anew at each move.
        selector = 'input[data-path="steps"]:not([type=range])'
        for move in range(MOVES + 2):
            page.locator(selector).fill(str(500 + (move % 2 * 2 - 1) * (move + 1)))
            page.evaluate(ARM_MAPS, [selector])
            page.keyboard.press("Enter")
            page.wait_for_function("window.__took !== null")
            first.append(page.evaluate("window.__first"))
            fine.append(page.evaluate("window.__took"))
            page.wait_for_timeout(250)
        maps = f"{count} map{'s' if count > 1 else ''} of 256 x 256 starts"
        row(f"setting -> {maps}, the first seen", first[2:], "goal 150")
        row(f"setting -> {maps}, fine", fine[2:], f"goal {goal}")


# From the key press that ends the typing to the first picture of that formula, its code compiled in between.
ARM_FORMULA = """([text]) => {
  const plot = document.querySelector('[data-testid=live-plot]');
  window.__took = null;
  document.querySelector('[data-testid=formula]').addEventListener('keydown', () => {
    const began = performance.now();
    new MutationObserver((_, observer) => {
      if (document.querySelector('.rv-plot').ravine.latest.surface.name !== text) return;
      observer.disconnect();
      window.__took = performance.now() - began;
    }).observe(plot, { attributes: true, attributeFilter: ['data-drawn'] });
  }, { once: true, capture: true });
}"""


def formula_pages(page: Page, address: str) -> None:
    """Our rows for a formula: typed, and then moved like any surface."""
    opened(page, address, QUERY.replace("surface=ravine", "surface=formula:x^2%2By^2") + "&view.layout=contour")
    taken, field = [], page.get_by_test_id("formula")
    for number in range(FORMULAS + 1):
        text = f"(x^2 + y - {11 + number})^2 + (x + y^2 - 7)^2 + a sin({number + 2}x)"
        field.fill(text)
        page.evaluate(ARM_FORMULA, [text])
        field.press("Enter")
        page.wait_for_function("window.__took !== null")
        taken.append(page.evaluate("window.__took"))
        page.wait_for_timeout(1500)
    row("formula typed -> its first picture (contour large)", taken[1:], "goal 1500")
    selector = 'input[type=range][data-path="card.1.lr"]'
    row("hyperparameter on a formula -> paths, curves, table", moves(page, selector, "data-drawn"), "goal 80")


def dragging(page: Page, selector: str) -> list[float]:
    """Gaps between drawn pictures while the mouse drags a slider for 60 events."""
    box = page.locator(selector).bounding_box()
    assert box
    page.evaluate(f"""() => {{
      window.__drawn = []; let last = {DATA}.drawn;
      const look = () => {{
        if ({DATA}.drawn !== last) {{ last = {DATA}.drawn; window.__drawn.push(performance.now()); }}
        requestAnimationFrame(look);
      }};
      look();
    }}""")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    for event in range(60):
        page.mouse.move(box["x"] + box["width"] * (0.3 + 0.005 * event), y)
        page.wait_for_timeout(25)
    page.mouse.up()
    times = page.evaluate("window.__drawn")
    return [later - earlier for earlier, later in pairwise(times)]


def peer_page(page: Page, address: str, kind: str) -> None:
    """The peer's row."""
    page.goto(f"{address}/?kind={kind}")
    page.wait_for_selector(".js-plotly-plot .gtitle", timeout=60_000)
    page.wait_for_timeout(2500)
    taken = moves(page, "input[type=range], [role=slider]", None)
    row(f"peer: st.slider and st.plotly_chart as shipped, {kind}", taken)


# ---------------------------------------------------------------- the server's part


async def session(address: str, barrier: asyncio.Barrier, dice: random.Random, taken: list[float]) -> None:
    """One browser's worth of messages: opens the page, waits for all the others, then moves a slider ROUNDS times."""
    async with connect(address.replace("http", "ws") + "/_stcore/stream", max_size=2**26) as socket:
        message = BackMsg()
        message.rerun_script.query_string = QUERY
        await socket.send(message.SerializeToString())
        element, fragment = "", ""
        while True:
            answer = ForwardMsg.FromString(bytes(await socket.recv(decode=False)))
            delta = answer.delta.new_element.bidi_component
            if answer.WhichOneof("type") == "delta" and delta.bytes:
                element, fragment = delta.id, answer.delta.fragment_id
            if answer.WhichOneof("type") == "script_finished":
                break
        have: list[str] = []
        await barrier.wait()
        for turn in range(ROUNDS + 2):
            await asyncio.sleep(dice.uniform(*DRAWING))
            change = {
                "seq": int(time.time() * 1000) + turn, "set": {"card.1.lr": 0.005 + 1e-5 * turn}, "actions": [],
                "final": False, "have": have,
            }  # fmt: skip
            message = BackMsg()
            message.rerun_script.query_string = QUERY
            message.rerun_script.fragment_id = fragment
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.json_value = element, json.dumps({"change": change})
            began = time.perf_counter()
            await socket.send(message.SerializeToString())
            while True:
                answer = ForwardMsg.FromString(bytes(await socket.recv(decode=False)))
                payload = answer.delta.new_element.bidi_component.bytes
                if answer.WhichOneof("type") == "delta" and payload:
                    if turn >= 2:
                        taken.append((time.perf_counter() - began) * 1000)
                    header = json.loads(payload[4 : 4 + int.from_bytes(payload[:4], "little")])
                    have = [header["grid"]["content"], *(run["content"] for run in header["runs"])]
                if answer.WhichOneof("type") == "script_finished":
                    break


async def sessions(address: str, count: int) -> list[float]:
    """Milliseconds from the WebSocket's send to the payload's arrival, of all moves of all sessions."""
    taken: list[float] = []
    barrier, dice = asyncio.Barrier(count), random.Random(0)
    await asyncio.gather(*(session(address, barrier, dice, taken) for _ in range(count)))
    return taken


@contextmanager
def plotly_chart_server(log: Path):
    """The peer's server, with Streamlit's settings as shipped."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "benchmarks" / "plotly_chart_app.py")]
    with log.open("w") as out:
        server = subprocess.Popen(
            [*command, "--server.port", str(port)], cwd=log.parent, env=environment, stdout=out, stderr=out
        )
    time.sleep(4)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()


def main() -> None:
    """Prints the rows."""
    print(
        f"streamlit {version('streamlit')}, {os.cpu_count()} processors shared by server and browser, WebGL in software"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        port = free_port()
        began = time.perf_counter()
        server = serve(port, Path(folder) / "log")
        address = f"http://localhost:{port}"
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_function("document.querySelector('[data-testid=live-plot]')?.dataset.drawn > 0")
        print(f"server start to first picture: {time.perf_counter() - began:.1f} s (goal 5)")
        live_pages(page, address)
        map_pages(page, address)
        formula_pages(page, address)
        page.close()
        for count in (1, SESSIONS):
            # In a thread of its own: Playwright keeps an event loop running in this one.
            with ThreadPoolExecutor(1) as pool:
                taken = pool.submit(asyncio.run, sessions(address, count)).result()
            row(f"server's part, {count} sessions moving a slider at once", taken, "goal 20" if count > 1 else "")
        server.terminate()
        server.wait()
        with plotly_chart_server(Path(folder) / "peer") as peer:
            for kind in ("contour", "surface"):
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                peer_page(page, peer, kind)
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
