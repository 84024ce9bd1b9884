// The card of an optimizer: its head with what can be done with it, what it goes around, and room for its fields.

import * as channel from "./channel.js";
import { h, icon, setText, svg } from "./dom.js";
import { announce } from "./field.js";

/** @import { Card as CardSpec } from "./messages.js" */

const folded = new Set(); // cards folded by hand, kept while the tab lives
let serial = 0;

const ICONS = {
  duplicate: "M9 9h11v11H9zM5 15H4V4h11v1",
  remove: "M6 6L18 18M18 6L6 18",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5",
  fold: "M7 10l5 5l5 -5",
};

/** @param {keyof typeof ICONS} name @param {() => void} action */
const iconButton = (name, action) =>
  h("button", { type: "button", class: `rv-icon-button rv-${name}`, onclick: action }, icon(ICONS[name], 16));

export class Card {
  /** @param {CardSpec} spec @param {(card: Card) => void} onRemove */
  constructor(spec, onRemove) {
    this.id = spec.id;
    this.isFolded = false;
    this.name = this.bases = "";
    const id = `rv-card-${++serial}`;
    this.line = svg("line", { x1: 0, x2: 22, y1: 6, y2: 6, "stroke-width": 3.5 });
    this.title = h("span", { class: "rv-card-title" });
    this.fold = h(
      "button",
      { type: "button", class: "rv-card-fold", "aria-controls": id, onclick: () => this.setFolded(!this.isFolded) },
      svg(
        "svg",
        { viewBox: "5 5 14 14", width: 10, height: 10, "aria-hidden": "true", class: "rv-icon rv-chevron" },
        svg("path", { d: ICONS.fold }),
      ),
      svg("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true", class: "rv-sample" }, this.line),
      this.title,
    );
    /** @type {HTMLInputElement} */
    this.on = h("input", {
      type: "checkbox",
      role: "switch",
      class: "rv-switch",
      "data-path": `card.${this.id}.on`,
      onchange: () => {
        this.node.classList.toggle("rv-off", !this.on.checked);
        announce({ set: { [`card.${this.id}.on`]: this.on.checked }, final: true });
      },
    });
    this.buttons = {
      help: iconButton("help", () => announce({ action: { help: this.id }, final: true })),
      duplicate: iconButton("duplicate", () => announce({ action: { duplicate: this.id }, final: true })),
      remove: iconButton("remove", () => onRemove(this)),
    };
    this.problem = h("p", { class: "rv-problem", role: "alert", hidden: true });
    this.body = h("div", { class: "rv-card-body", id });
    /** @type {HTMLSelectElement} */
    this.base = h("select", {
      class: "rv-select",
      "data-path": `card.${this.id}.base`,
      onchange: () => announce({ set: { [`card.${this.id}.base`]: this.base.value }, final: true }),
    });
    this.around = h(
      "label",
      { class: "rv-card-base", hidden: true },
      h("span", { class: "rv-label-text" }, "around"),
      this.base,
    );
    this.node = h(
      "section",
      { class: "rv-card", "data-card": this.id },
      h(
        "div",
        { class: "rv-card-head" },
        this.fold,
        this.buttons.help,
        this.buttons.duplicate,
        this.buttons.remove,
        this.on,
      ),
      this.problem,
      this.around,
      this.body,
    );
    this.setFolded(folded.has(this.id));
  }

  /** @param {boolean} isFolded */
  setFolded(isFolded) {
    this.isFolded = isFolded;
    if (isFolded) folded.add(this.id);
    else folded.delete(this.id);
    this.body.hidden = isFolded;
    this.fold.setAttribute("aria-expanded", String(!isFolded));
  }

  /**
   * The card's name, told apart from others of its rule.
   * @param {string} title
   */
  entitle(title) {
    if (title === this.name) return;
    this.name = title;
    setText(this.title, title);
    this.fold.title = title;
    this.node.setAttribute("aria-label", title);
    this.on.setAttribute("aria-label", `Show ${title}`);
    this.on.title = `Show ${title}`;
    const { help, duplicate, remove } = this.buttons;
    for (const [button, verb] of /** @type {const} */ ([
      [help, "About"],
      [duplicate, "Duplicate"],
      [remove, "Remove"],
    ])) {
      button.setAttribute("aria-label", `${verb} ${title}`);
      button.title = `${verb} ${title}`;
    }
  }

  /** @param {CardSpec} spec */
  update(spec) {
    this.entitle(spec.title);
    this.line.setAttribute("stroke", spec.colour);
    this.line.setAttribute("stroke-dasharray", spec.dash || "none");
    if (!channel.isUnsettled(`card.${this.id}.on`)) this.setOn(spec.on);
    this.around.hidden = !spec.bases;
    if (!spec.bases) return;
    if (JSON.stringify(spec.bases) !== this.bases) {
      this.bases = JSON.stringify(spec.bases);
      this.base.replaceChildren(...spec.bases.map(([value, text]) => h("option", { value }, text)));
    }
    this.base.value = spec.base ?? "";
  }

  /** @param {boolean} on */
  setOn(on) {
    this.on.checked = on;
    this.node.classList.toggle("rv-off", !on);
  }

  /** @param {string | undefined} sentence */
  judge(sentence) {
    this.problem.hidden = !sentence;
    setText(this.problem, sentence ?? "");
  }
}
