// How the pictures are looked at: heights, axes, the third dimension, labels, the trail; and the projector mode.

import { h } from "../shared/dom.js";

/** @import { PictureView } from "../shared/messages.js" */
/** @typedef {<N extends keyof PictureView>(name: N, value: PictureView[N]) => void} OnView */
/** @typedef {"heights" | "aspect" | "relief" | "trail"} Choice */

/** @type {[Choice, string, [string, string][]][]} */
const CHOICES = [
  [
    "heights",
    "Heights",
    [
      ["auto", "as the surface asks"],
      ["linear", "linear"],
      ["log", "logarithmic"],
    ],
  ],
  [
    "aspect",
    "Axes",
    [
      ["free", "fill the picture"],
      ["equal", "equal units"],
    ],
  ],
  [
    "relief",
    "In 3-D",
    [
      ["surface", "surface"],
      ["points", "points"],
      ["lines", "contours"],
    ],
  ],
  [
    "trail",
    "Path",
    [
      ["", "whole"],
      ["5", "last 5 steps"],
      ["20", "last 20 steps"],
      ["50", "last 50 steps"],
      ["200", "last 200 steps"],
    ],
  ],
];
let serial = 0;

export class ViewMenu {
  /** @param {OnView} onView is told what is chosen */
  constructor(onView) {
    const id = `rv-view-menu-${++serial}`;
    /** @type {Map<Choice, HTMLSelectElement>} */
    this.selects = new Map();
    const rows = CHOICES.map(([name, label, options]) => {
      const chosen = () => {
        if (name === "trail") onView(name, Number(select.value) || null);
        else onView(name, /** @type {PictureView[typeof name]} */ (select.value));
      };
      /** @type {HTMLSelectElement} */
      const select = h(
        "select",
        { class: "rv-select", "data-view": name, onchange: chosen },
        ...options.map(([value, text]) => h("option", { value }, text)),
      );
      this.selects.set(name, select);
      return h("label", { class: "rv-menu-row" }, h("span", {}, label), select);
    });
    /** @type {HTMLInputElement} */
    this.labels = h("input", {
      type: "checkbox",
      role: "switch",
      class: "rv-switch",
      "data-view": "labels",
      onchange: () => onView("labels", this.labels.checked),
    });
    const projector = h(
      "button",
      {
        type: "button",
        class: "rv-choice rv-alone",
        title: "Large and without controls (P; Escape leaves it)",
        onclick: () => {
          this.panel.hidePopover();
          onView("projector", true);
        },
      },
      "Projector",
    );
    /** @type {HTMLDivElement} */
    this.panel = h(
      "div",
      { class: "rv rv-menu", id, popover: "auto", "data-testid": "view-menu", ontoggle: () => this.place() },
      ...rows,
      h("label", { class: "rv-menu-row" }, h("span", {}, "Label minima"), this.labels),
      projector,
    );
    this.button = h(
      "button",
      { type: "button", class: "rv-choice rv-alone", popovertarget: id, title: "How the pictures are looked at" },
      "View",
    );
    this.node = h("div", { class: "rv-menu-holder" }, this.button, this.panel);
  }

  /** Beneath the button, inside the screen. */
  place() {
    const box = this.button.getBoundingClientRect();
    const left = Math.max(
      8,
      Math.min(box.right - this.panel.offsetWidth, window.innerWidth - this.panel.offsetWidth - 8),
    );
    Object.assign(this.panel.style, { left: `${left}px`, top: `${box.bottom + 4}px` });
  }

  /**
   * Shows the present choices.
   * @param {PictureView} view
   */
  show(view) {
    for (const [name, select] of this.selects) {
      const value = String(view[name] ?? "");
      if (name === "trail" && value && ![...select.options].some((option) => option.value === value)) {
        select.append(h("option", { value }, `last ${value} steps`));
      }
      if (select.value !== value) select.value = value;
    }
    this.labels.checked = view.labels;
  }
}
