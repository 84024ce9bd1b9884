// A row of the list of runs: of one, or of a group of seeds. It shows how far they are, and hides their curves.

import { h, icon, paintSwatch, setText } from "../shared/dom.js";
import { progressBar } from "./progress.js";
import { RunActs } from "./run_acts.js";

/** @import { Saying } from "./run_words.js" */
/** @import { BoardRun, RunAction } from "../shared/messages.js" */
/**
 * @typedef {object} Hand
 * @property {(action: RunAction) => void} onAction
 * @property {(ids: string[], key: string, seen: boolean) => void} onShow of runs and their group's or run's key
 * @property {(key: string | null) => void} onKey what is under the pointer
 * @property {(key: string, open: boolean) => void} onFold of a group
 */

export class RunRow {
  /** @param {string} key the run's or the group's @param {boolean} isGroup @param {Hand} hand */
  constructor(key, isGroup, { onAction, onShow, onKey, onFold }) {
    this.key = key;
    /** @type {BoardRun[]} */
    this.members = [];
    this.label = this.paint = "";
    this.open = false;
    /** @type {HTMLInputElement} */
    this.eye = h("input", {
      type: "checkbox",
      class: "rv-eye",
      onchange: () =>
        onShow(
          this.members.map((run) => run.id),
          key,
          this.eye.checked,
        ),
    });
    this.fold = isGroup
      ? h(
          "button",
          { type: "button", class: "rv-icon-button rv-fold", onclick: () => onFold(key, !this.open) },
          icon("M7 10l5 5l5 -5", 12),
        )
      : null;
    this.swatch = h("i", { class: "rv-swatch" });
    this.title = h("span", { class: "rv-run-title" });
    this.detail = h("span", { class: "rv-run-detail" });
    this.name = h("span", { class: "rv-run-name" }, this.title, this.detail);
    this.pill = h("span", { class: "rv-pill" });
    this.bar = progressBar();
    this.left = h("span", { class: "rv-run-left" });
    this.value = h("span");
    this.resultOf = h("small");
    this.note = h("p", { class: "rv-run-sentence", hidden: true });
    this.node = h(
      "li",
      {
        class: isGroup ? "rv-run rv-group-row" : "rv-run",
        "data-group": isGroup ? key : null,
        "data-run": isGroup ? null : key,
        "data-testid": isGroup ? null : `run-${key}`,
        onpointerenter: () => onKey(key),
        onpointerleave: () => onKey(null),
      },
      this.eye,
      h("span", { class: "rv-lead" }, this.fold, this.swatch),
      this.name,
      this.pill,
      this.bar.node,
      this.left,
      h("span", { class: "rv-run-result" }, this.value, this.resultOf),
    );
    this.acts = new RunActs(this.node, this.name, onAction);
    this.node.append(this.acts.node, this.note);
  }

  /**
   * @param {Saying} saying
   * @param {object} whose
   * @param {BoardRun[]} whose.members
   * @param {string} whose.label
   * @param {boolean} whose.seen
   * @param {boolean} [whose.inside] a group
   */
  say(saying, { members, label, seen, inside = false }) {
    const { title, detail, pill, status, remaining, result, resultOf = "", note = "" } = saying;
    const [{ colour, dash, tone }] = members;
    this.members = members;
    this.label = label;
    this.node.classList.toggle("rv-inside", inside);
    setText(this.title, title);
    setText(this.detail, detail);
    this.name.title = `${title} ${detail}`.trim();
    setText(this.pill, pill);
    this.node.dataset.status = status;
    this.bar.show(members);
    this.bar.node.setAttribute("aria-label", `Progress of ${label}`);
    setText(this.left, remaining);
    setText(this.value, result);
    setText(this.resultOf, resultOf);
    const paint = `${colour} ${dash}`;
    if (this.paint !== paint) paintSwatch(this.swatch, { colour, dash });
    this.paint = paint;
    this.eye.checked = seen;
    this.eye.setAttribute("aria-label", `Show ${label}`);
    this.eye.title = `Show ${label}`;
    this.node.classList.toggle("rv-unseen", !seen);
    this.note.hidden = !note;
    this.note.classList.toggle("rv-alarm", tone === "error");
    setText(this.note, note);
    this.acts.render(members, label, !inside); // a seed of a group bears the group's name
  }

  /**
   * Says whether the seeds are seen.
   * @param {boolean} open
   */
  unfold(open) {
    this.open = open;
    this.fold?.setAttribute("aria-expanded", String(open));
    this.fold?.setAttribute("aria-label", `${open ? "Fold" : "Unfold"} the seeds of ${this.label}`);
  }
}
