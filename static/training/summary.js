// The sentence above the runs: how many train, how long it will take, and what stops them all.

import { plainButton } from "../shared/buttons.js";
import { focus, h, setText } from "../shared/dom.js";
import { duration } from "../shared/scales.js";
import { progressBar } from "./progress.js";
import { question } from "./question.js";

/** @import { BoardRun, BoardSummary, RunAction } from "../shared/messages.js" */

export class Summary {
  /** @param {(action: RunAction) => void} onAction */
  constructor(onAction) {
    this.onAction = onAction;
    /** @type {BoardRun[]} */
    this.runs = [];
    /** @type {BoardRun[]} */
    this.stoppable = [];
    this.asking = false;
    this.state = "";
    this.sentence = h("span", { class: "rv-summary-text" });
    this.remaining = h("span", { class: "rv-summary-left" });
    this.stopAll = h("span", { class: "rv-stop-all" });
    this.overall = progressBar();
    this.overall.node.setAttribute("aria-label", "Progress of all runs");
    this.node = h(
      "div",
      { class: "rv-summary", "data-testid": "summary" },
      this.sentence,
      this.remaining,
      this.stopAll,
      this.overall.node,
    );
  }

  /** @param {BoardSummary} summary @param {BoardRun[]} runs */
  render({ sentence, remaining }, runs) {
    this.runs = runs;
    setText(this.sentence, sentence);
    setText(this.remaining, remaining === null ? "" : `about ${duration(remaining)} left`);
    this.overall.show(runs);
    this.drawStopAll();
  }

  /** While anything is queued or running: "Stop all", which asks before it stops. */
  drawStopAll(ask = this.asking) {
    const going = this.runs.filter((run) => run.may_act && ["queued", "running"].includes(run.status));
    const stoppable = going.filter((run) => run.actions.includes("stop"));
    this.stoppable = stoppable;
    this.asking = ask && stoppable.length > 0;
    const state = JSON.stringify([going.length > 0, stoppable.length, this.asking]);
    if (state === this.state) return;
    this.state = state;
    const held = this.stopAll.contains(document.activeElement);
    const count = stoppable.length;
    /** @param {boolean} sure */
    const answer = (sure) => {
      if (sure) for (const run of this.stoppable) this.onAction({ stop: run.id });
      this.drawStopAll(false);
    };
    const text = `Stop ${count} run${count > 1 ? "s" : ""}?`;
    const button = () =>
      plainButton("Stop all", "Stop every run that is queued or running", () => this.drawStopAll(true), {
        disabled: !count,
      });
    this.stopAll.replaceChildren(...(this.asking ? [question(text, text, answer)] : going.length ? [button()] : []));
    if (held) focus(this.stopAll, "[data-act=no]", "button");
  }
}
