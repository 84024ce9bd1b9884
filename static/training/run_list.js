// The runs, a row each, and a row for each group of seeds, which fold up beneath it.

import { arrange, h } from "../shared/dom.js";
import { RunRow } from "./run_row.js";
import { groupSaying, runSaying } from "./run_words.js";
import { grouped } from "./training_curves.js";

/** @import { Hand } from "./run_row.js" */
/** @import { TrainingCurves } from "./training_curves.js" */
/** @import { BoardRun } from "../shared/messages.js" */

export class RunList {
  /** @param {Omit<Hand, "onFold">} hand */
  constructor(hand) {
    /** @type {Hand} */
    this.hand = { ...hand, onFold: (key, open) => this.turn(key, open) };
    /** @type {Map<string, RunRow>} */
    this.groups = new Map();
    /** @type {Map<string, RunRow>} */
    this.singles = new Map();
    /** @type {Map<string, boolean>} */
    this.turned = new Map(); // folds set by hand
    this.draw = () => {}; // the same again
    this.foldedBeyond = 12; // runs
    this.node = h("ul", { class: "rv-runs", "data-testid": "runs", "aria-label": "Runs" });
  }

  /** @param {string} key @param {boolean} open */
  turn(key, open) {
    this.turned.set(key, open);
    this.draw();
  }

  /**
   * @param {TrainingCurves} curves that know the runs, their names and their latest accuracies
   * @param {string[]} hidden
   */
  render(curves, hidden) {
    this.draw = () => this.render(curves, hidden);
    const away = new Set(hidden);
    /** @param {BoardRun} run */
    const latest = (run) => curves.latest(run.id, "epoch/test_accuracy");
    /** @type {Set<RunRow>} */
    const rows = new Set();
    for (const [key, members] of grouped(curves.runs)) {
      const several = members.length > 1;
      const open = !several || (this.turned.get(key) ?? curves.runs.length <= this.foldedBeyond);
      if (several) {
        const row = this.groups.get(key) ?? new RunRow(key, true, this.hand);
        this.groups.set(key, row);
        row.say(groupSaying(members, members.map(latest)), {
          members,
          label: curves.nameOf(`group\n${key}`),
          seen: !away.has(key) && members.some((run) => !away.has(run.id)),
        });
        row.unfold(open);
        rows.add(row);
      }
      if (!open) continue;
      for (const run of members) {
        const row = this.singles.get(run.id) ?? new RunRow(run.id, false, this.hand);
        this.singles.set(run.id, row);
        row.say(runSaying(run, latest(run), several), {
          members: [run],
          label: curves.nameOf(run.id),
          seen: !away.has(run.id) && !away.has(key),
          inside: several,
        });
        rows.add(row);
      }
    }
    for (const known of [this.groups, this.singles])
      for (const [key, row] of known) if (!rows.has(row)) known.delete(key);
    this.node.classList.toggle("rv-has-groups", this.groups.size > 0);
    arrange(
      this.node,
      [...rows].map((row) => row.node),
    );
  }

  /** @param {string | null} key @param {string | null} group */
  highlight(key, group) {
    for (const row of [...this.groups.values(), ...this.singles.values()])
      row.node.classList.toggle("rv-lit", Boolean(key) && (row.key === key || row.key === group));
  }
}
