"""What the board of training runs costs in headless Chromium on this machine: a tick, a frame of panning and zooming.

``python -m benchmarks.board``. CURVES runs of STEPS recorded steps each, in two charts per step and two per epoch;
medians. "script" is the time of the board's drawing function; "frame" the time from one drawn frame to the next while
the window moves at each, two animation frames (33 ms) at least, the canvas rasterised in software.
"""

import statistics
import tempfile
from importlib.metadata import version
from os import cpu_count
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.board_server import board_server
from tests.browser.conftest import FLAGS, chromium

CURVES, STEPS, TICKS, FRAMES = 35, 20_000, 12, 60

# One window after another, the next as soon as the last was drawn and painted.
MOVE = """async ([kind, frames]) => {
  const board = document.querySelector('.rv-board').ravine, { low, high } = board.full, span = high - low;
  const next = () => new Promise(requestAnimationFrame);
  const script = [], frame = [], draw = board.draw.bind(board);
  let took = 0;
  board.draw = () => { const began = performance.now(); draw(); took = performance.now() - began; };
  board.setZoom(null);
  await next(); await next();
  let last = performance.now();
  for (let i = 0; i < frames + 2; i++) {
    const share = i / frames;
    const width = span * (kind === "pan" ? 0.5 : kind === "zoom" ? 1 / (1 + 20 * share) : 0.9985);
    const from = low + (span - width) * share;
    board.setZoom([from, from + width]);
    await next(); await next();
    const now = performance.now();
    if (i > 1) { script.push(took); frame.push(now - last); }
    last = now;
  }
  delete board.draw;
  board.setZoom(null);
  return { script, frame };
}"""


def row(label: str, taken: list[float], goal: str = "") -> None:
    """One printed line."""
    ordered = sorted(taken)
    p90 = ordered[int(0.9 * (len(ordered) - 1))]
    print(f"{label:58s} median {statistics.median(taken):6.1f} ms   p90 {p90:6.1f} ms   {goal}", flush=True)


def ticks(page: Page) -> tuple[list[float], list[float]]:
    """Script milliseconds of each tick's drawing, and of taking its points in."""
    return page.evaluate(
        """(count) => new Promise((resolve) => {
            const board = document.querySelector('.rv-board').ravine, drawn = [], taken = [];
            const take = board.curves.take.bind(board.curves), draw = board.draw.bind(board);
            board.curves.take = (message) => {
                const began = performance.now(), good = take(message);
                taken.push(performance.now() - began);
                return good;
            };
            board.draw = () => {
                const began = performance.now();
                draw();
                drawn.push(performance.now() - began);
                if (drawn.length < count) return;
                delete board.draw;
                delete board.curves.take;
                resolve([drawn, taken]);
            };
        })""",
        TICKS,
    )


def main() -> None:
    """Prints the rows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        board_server(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        print(f"Chromium {browser.version}, streamlit {version('streamlit')}, {cpu_count()} processors, no GPU")
        print(f"{CURVES} x {STEPS} points")
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/?optimizers={CURVES}&seeds=1&calm=1&start={STEPS}&steps=24000&each=10")
        points = "document.querySelector('[data-testid=chart-train_loss]')?.dataset.points"
        page.wait_for_function(f"+{points} >= {CURVES * STEPS}")
        for weight in (0.9, 0):
            page.evaluate(f"document.querySelector('.rv-board').ravine.setView('smoothing', {weight}, false)")
            page.wait_for_timeout(1000)
            drawn, taken = ticks(page)
            print(f"smoothing {weight}: {page.evaluate(points)} points in a chart")
            row("  tick: points taken in", taken)
            row("  tick: script of one drawing", drawn, "goal 30")
            for kind in ("whole", "pan", "zoom"):
                measured = page.evaluate(MOVE, [kind, FRAMES])
                row(f"  {kind}: script", measured["script"], "goal 30")
                row(f"  {kind}: frame", measured["frame"])
        browser.close()


if __name__ == "__main__":
    main()
