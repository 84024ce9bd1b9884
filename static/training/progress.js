// How far runs have come, as a bar.

import { h } from "../shared/dom.js";

/** @import { BoardRun } from "../shared/messages.js" */

const LOST = ["failed", "interrupted", "stopped", "diverged"];

/**
 * How much of the runs is done, as shares of 1: of those that go on or have finished, and of those that ended before.
 * @param {BoardRun[]} runs
 */
export function shares(runs) {
  const sum = { done: 0, lost: 0 };
  for (const run of runs) {
    const share = run.status === "finished" ? 1 : Math.min(1, (run.step || 0) / (run.steps || 1));
    sum[LOST.includes(run.status) ? "lost" : "done"] += share / runs.length;
  }
  return sum;
}

/** A bar of the two shares. */
export function progressBar() {
  const [done, lost] = [h("i"), h("i", { class: "rv-lost" })];
  const node = h(
    "span",
    { class: "rv-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
    done,
    lost,
  );
  let state = "";
  return {
    node,
    /** @param {BoardRun[]} runs */
    show(runs) {
      const share = shares(runs);
      const widths = [share.done, share.lost].map((part) => `${Math.round(part * 1000) / 10}%`);
      if (state === widths.join()) return;
      state = widths.join();
      [done.style.width, lost.style.width] = widths;
      node.setAttribute("aria-valuenow", String(Math.round((share.done + share.lost) * 100)));
    },
  };
}
