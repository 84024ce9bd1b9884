// The legend of the charts: an entry for what has a curve of its own; a press hides or shows it.

import { focus, focusedIn, h, swatched } from "../shared/dom.js";
import { grouped } from "./training_curves.js";

/** @import { BoardView } from "../shared/messages.js" */
/** @import { TrainingCurves } from "./training_curves.js" */
/**
 * What has a curve of its own.
 * @typedef {object} LegendItem
 * @property {string} key
 * @property {string[]} ids
 * @property {string} label
 * @property {string} colour
 * @property {string} dash
 * @property {number} [seeds]
 * @property {boolean} seen
 */

/**
 * @param {TrainingCurves} curves
 * @param {BoardView} view
 * @returns {LegendItem[]}
 */
export function legendItems(curves, view) {
  const hidden = new Set(view.hidden);
  return grouped(curves.runs).flatMap(([key, members]) => {
    const [{ colour, dash }] = members;
    if (view.group && members.length > 1) {
      const shown = members.filter((run) => !hidden.has(run.id));
      const ids = members.map((run) => run.id);
      return [
        {
          key,
          ids,
          label: curves.nameOf(`group\n${key}`),
          colour,
          dash,
          seeds: shown.length,
          seen: !hidden.has(key) && shown.length > 0,
        },
      ];
    }
    return members.map((run) => ({
      key: run.id,
      ids: [run.id],
      label: curves.nameOf(run.id),
      colour: run.colour,
      dash: run.dash,
      seen: !hidden.has(key) && !hidden.has(run.id),
    }));
  });
}

export class Legend {
  /**
   * @param {object} hand
   * @param {(ids: string[], key: string, seen: boolean) => void} hand.onShow of runs and their group's or run's key
   * @param {(key: string | null) => void} hand.onKey what is under the pointer
   */
  constructor({ onShow, onKey }) {
    this.onShow = onShow;
    this.onKey = onKey;
    this.state = "";
    this.node = h("ul", { class: "rv-legend", "data-testid": "legend", "aria-label": "Curves" });
  }

  /** @param {LegendItem[]} items */
  render(items) {
    const state = JSON.stringify(items);
    if (state === this.state) return;
    this.state = state;
    const focused = focusedIn(this.node)?.dataset.key;
    this.node.replaceChildren(...items.map((item) => h("li", {}, this.button(item))));
    if (focused) focus(this.node, `[data-key="${CSS.escape(focused)}"]`);
  }

  /** @param {LegendItem} item */
  button(item) {
    return h(
      "button",
      {
        type: "button",
        class: "rv-legend-item",
        "data-key": item.key,
        "aria-pressed": String(item.seen),
        title: item.seen ? "Hide" : "Show",
        onclick: () => this.onShow(item.ids, item.key, !item.seen),
        onpointerenter: () => this.onKey(item.key),
        onpointerleave: () => this.onKey(null),
      },
      swatched(item),
      item.seeds ? `${item.label}, N = ${item.seeds}` : item.label,
    );
  }
}
