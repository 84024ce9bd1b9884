// What can be done with the runs of a row: buttons, a question before what is final, a field for a new name.

import { focus, focusedIn, h, icon } from "../shared/dom.js";
import { question } from "./question.js";

/** @import { BoardRun, RunAction } from "../shared/messages.js" */
/** @typedef {BoardRun["actions"][number]} Act */

/** @type {Record<Act, string>} */
const ICONS = {
  stop: "M5 5h14v14H5z",
  resume: "M8 5l11 7l-11 7z",
  anew: "M4 12a8 8 0 1 0 3 -6.2M7 2v4h4",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1 -13",
  rename: "M4 20l1 -4L16 5l3 3L8 19z",
};
/** @type {Record<Act, string>} */
const VERBS = { stop: "Stop", resume: "Resume", anew: "Begin anew:", rename: "Rename", delete: "Delete" };
/** @typedef {"delete" | "anew"} Final */
/** @type {Record<Final, string>} */
const ASKED = { delete: "Delete", anew: "Begin anew" }; // what cannot be undone
/** @type {Record<Exclude<Act, "rename">, (id: string) => RunAction>} */
const SAID = {
  stop: (id) => ({ stop: id }),
  resume: (id) => ({ resume: id }),
  anew: (id) => ({ anew: id }),
  delete: (id) => ({ delete: id }),
};
const ACTS = /** @type {Act[]} */ (Object.keys(VERBS));
/** @param {Act | null} name @returns {name is Final} */
const isFinal = (name) => name !== null && name in ASKED;
const PATIENCE = 10_000; // a button that was pressed may be pressed again after so long without an effect

export class RunActs {
  /**
   * @param {HTMLElement} row
   * @param {HTMLElement} name its part in which a new name is typed
   * @param {(action: RunAction) => void} onAction
   */
  constructor(row, name, onAction) {
    this.row = row;
    this.name = name;
    this.named = [...name.childNodes];
    this.onAction = onAction;
    this.node = h("span", { class: "rv-run-acts" });
    /** @type {BoardRun[]} */
    this.members = [];
    this.label = this.state = "";
    this.mayRename = true;
    /** @type {Map<Act, {condition: string, since: number}>} */
    this.pressed = new Map();
    /** @type {Final | "rename" | null} */
    this.asking = null;
    /** @type {Set<string>} */
    this.asked = new Set(); // the runs that were there when it was asked about them
    /** @type {HTMLInputElement | null} */
    this.field = null; // where a new name is typed
  }

  /** @param {BoardRun[]} members @param {string} label @param {boolean} mayRename */
  render(members, label, mayRename) {
    this.members = members;
    this.label = label;
    this.mayRename = mayRename;
    this.draw();
  }

  /**
   * The runs of this row that a button is for.
   * @param {Act} name
   */
  targets(name) {
    const able = this.members.filter((run) => run.may_act && run.actions.includes(name));
    return able.length && name === "rename" ? this.members : able;
  }

  offers() {
    return ACTS.filter((name) => this.targets(name).length && (name !== "rename" || this.mayRename));
  }

  /** Changes where a press has had an effect. */
  condition() {
    return this.members.map(({ id, status, stage }) => `${id} ${status} ${stage}`).join("\n");
  }

  draw() {
    const allowed = this.offers();
    for (const [name, { condition, since }] of this.pressed) {
      if (!allowed.includes(name) || condition !== this.condition() || performance.now() - since > PATIENCE)
        this.pressed.delete(name);
    }
    const counts = allowed.map((name) => this.targets(name).length);
    const state = JSON.stringify([allowed, counts, [...this.pressed.keys()], this.asking, this.label]);
    if (state === this.state) return;
    this.state = state;
    if (this.asking && !allowed.includes(this.asking)) this.asking = null;
    this.row.classList.toggle("rv-asking", isFinal(this.asking));
    const focused = focusedIn(this.node)?.dataset.act;
    if (isFinal(this.asking)) this.node.replaceChildren(this.question(this.asking));
    else this.node.replaceChildren(...allowed.map((name) => this.button(name)));
    if (this.asking !== "rename") {
      if (this.field) this.name.replaceChildren(...this.named);
      this.field = null;
    } else if (!this.field) this.name.replaceChildren((this.field = this.renaming()));
    if (focused) focus(this.node, `[data-act="${focused}"]`, "button");
  }

  /**
   * "SGD", or "SGD, 2 of 3 seeds".
   * @param {Act} name
   */
  whom(name) {
    const count = this.targets(name).length;
    if (this.members.length === 1) return this.label;
    return `${this.label}, ${count < this.members.length ? `${count} of ` : ""}${this.members.length} seeds`;
  }

  /** @param {Act} name */
  button(name) {
    const label = `${VERBS[name]} ${this.whom(name)}`;
    return h(
      "button",
      {
        type: "button",
        class: "rv-icon-button",
        "data-act": name,
        "aria-label": label,
        title: label,
        disabled: this.pressed.has(name),
        onclick: () => (isFinal(name) || name === "rename" ? this.ask(name) : this.press(name)),
      },
      icon(ICONS[name], 15),
    );
  }

  /** @param {Exclude<Act, "rename">} name */
  press(name, runs = this.targets(name)) {
    for (const { id } of runs) this.onAction(SAID[name](id));
    this.pressed.set(name, { condition: this.condition(), since: performance.now() });
    this.ask(null);
  }

  /** @param {Final | "rename" | null} what */
  ask(what) {
    const before = this.asking;
    this.asking = what;
    this.asked = new Set((what ? this.targets(what) : []).map((run) => run.id));
    this.draw();
    if (what === "rename") {
      this.field?.focus();
      this.field?.select();
    } else focus(this.node, what ? "[data-act=no]" : `[data-act="${before}"]`, "button");
  }

  /**
   * Only what was there when it was asked about is deleted or begun anew.
   * @param {Final} name
   */
  question(name) {
    const chosen = () => this.targets(name).filter((run) => this.asked.has(run.id));
    const count = chosen().length;
    const whom =
      this.members.length === 1
        ? ""
        : ` ${count < this.members.length ? `${count} of ` : ""}${this.members.length} runs`;
    return question(`${VERBS[name]} ${this.whom(name)}?`, `${ASKED[name]}${whom}?`, (sure) =>
      sure ? this.press(name, chosen()) : this.ask(null),
    );
  }

  renaming() {
    const [{ title }] = this.members;
    const give = () => {
      const text = input.value.trim();
      if (text && text !== title) for (const run of this.targets("rename")) this.onAction({ rename: [run.id, text] });
      this.ask(null);
    };
    /** @type {HTMLInputElement} */
    const input = h("input", {
      type: "text",
      class: "rv-number rv-rename",
      value: title,
      maxlength: 80,
      "data-act": "name",
      "aria-label": `New name of ${this.label}`,
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault(); // the pencil, which is focused next, would take the key for a press
        if (event.key === "Enter") give();
        else this.ask(null);
      },
    });
    return input;
  }
}
