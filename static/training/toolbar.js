// The toolbar above the charts: what stands along their axis, how they are smoothed and grouped.

import { choices, linkButton, plainButton, toggle } from "../shared/buttons.js";
import * as channel from "../shared/channel.js";
import { h, setText } from "../shared/dom.js";

/** @import { BoardView } from "../shared/messages.js" */
/** @import { TickKind } from "../shared/types.js" */
/** @typedef {<N extends keyof BoardView>(name: N, value: BoardView[N], tell?: boolean) => void} OnView */

/** @type {Record<BoardView["x"], {button: string, label: string, kind: TickKind}>} */
export const AXES = {
  step: { button: "step", label: "step", kind: "count" },
  epoch: { button: "epoch", label: "epoch", kind: "number" },
  training: { button: "training time", label: "training time", kind: "seconds" },
  wall: { button: "wall clock", label: "time since the start", kind: "seconds" },
};

export class Toolbar {
  /**
   * @param {object} hand
   * @param {OnView} hand.onView a part of the view is chosen; what is still under the hand is not told to the server
   * @param {() => void} hand.onReset everything is to be seen again
   * @param {() => void} hand.onPicture the charts are to be saved
   */
  constructor({ onView, onReset, onPicture }) {
    this.axis = choices(
      "Horizontal axis",
      /** @type {BoardView["x"][]} */ (Object.keys(AXES)).map((value) => [value, AXES[value].button]),
      (value) => onView("x", value),
    );
    this.per = choices(
      "Training curves",
      [
        ["step", "per step"],
        ["epoch", "per epoch"],
      ],
      (value) => onView("per", value),
    );
    /** @type {HTMLInputElement} */
    this.smoothing = h("input", {
      type: "range",
      class: "rv-range",
      min: 0,
      max: 0.99,
      step: 0.01,
      "data-path": "view.smoothing",
      "aria-label": "Smoothing",
      oninput: () => onView("smoothing", Number(this.smoothing.value), false),
      onchange: () => channel.announce({ set: { "view.smoothing": Number(this.smoothing.value) }, final: true }),
    });
    this.weight = h("output", { class: "rv-weight" });
    this.logLoss = toggle("log loss", "Losses on a logarithmic axis", (on) => onView("log_loss", on));
    this.logX = toggle("log x", "The horizontal axis logarithmic", (on) => onView("log_x", on));
    const grouping = "One curve for all seeds of the same settings: their mean, and a band of one standard deviation";
    this.group = toggle("group seeds", grouping, (on) => onView("group", on));
    this.reset = plainButton("Reset zoom", "Show every step again (double click in a chart)", onReset);
    this.node = h(
      "div",
      { class: "rv-toolbar rv-board-toolbar", role: "toolbar", "aria-label": "Charts" },
      this.axis.node,
      this.per.node,
      h(
        "label",
        {
          class: "rv-smoothing",
          title: "Debiased exponential average of the curves per step; 0 shows them as they are",
        },
        h("span", {}, "smoothing"),
        this.smoothing,
        this.weight,
      ),
      h("div", { class: "rv-toggles" }, this.logLoss.node, this.logX.node, this.group.node),
      h(
        "div",
        { class: "rv-actions" },
        this.reset,
        linkButton("The address of this very view"),
        plainButton("PNG", "The charts as a PNG picture", onPicture),
      ),
    );
  }

  /** @param {BoardView} view @param {boolean} zoomed */
  show(view, zoomed) {
    this.axis.show(view.x);
    this.per.show(view.per);
    this.logLoss.show(view.log_loss);
    this.logX.show(view.log_x);
    this.group.show(view.group);
    if (Number(this.smoothing.value) !== view.smoothing) this.smoothing.value = String(view.smoothing);
    this.smoothing.disabled = view.per === "epoch";
    setText(this.weight, view.smoothing.toFixed(2));
    this.smoothing.setAttribute("aria-valuetext", view.smoothing.toFixed(2));
    this.reset.disabled = !zoomed;
  }
}
