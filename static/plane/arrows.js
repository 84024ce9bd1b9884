// Two arrows at the point shown of the run that is looked into: down the gradient, and the step that follows.

import { svg, tenth } from "../shared/dom.js";
import { pointOf } from "./mapping.js";
import { shownStep } from "./path.js";

/** @import { Inside, Run } from "../shared/messages.js" */
/** @import { Mapping } from "../shared/types.js" */

/**
 * A line with a head, where it is long enough to be seen and not endless.
 * @param {number} x
 * @param {number} y
 * @param {number} u
 * @param {number} w
 */
function arrow(x, y, u, w) {
  const length = Math.hypot(u - x, w - y);
  if (!(length > 2 && length < 1e4)) return "";
  const [ax, ay] = [(u - x) / length, (w - y) / length];
  const head = Math.min(7, length / 2);
  /** @param {number} turn */
  const side = (turn) =>
    `M${tenth(u)} ${tenth(w)}L${tenth(u - head * (ax + turn * ay * 0.5))} ${tenth(w - head * (ay - turn * ax * 0.5))}`;
  return `M${tenth(x)} ${tenth(y)}L${tenth(u)} ${tenth(w)}${side(1)}${side(-1)}`;
}

export class Arrows {
  constructor() {
    this.slope = svg("path", { class: "rv-arrow rv-arrow-slope" });
    this.next = svg("path", { class: "rv-arrow" });
    /** @type {Pick<Inside, "id" | "gradient"> | null} */
    this.inside = null; // the run that is looked into, with its gradients
  }

  /** @param {Mapping} map @param {Run[]} runs @param {number | null} step */
  draw(map, runs, step) {
    const { inside } = this;
    const run = runs.find((one) => one.id === inside?.id);
    let [slope, next] = ["", ""];
    if (inside && run) {
      const at = shownStep(run.path, step);
      const [x, y] = pointOf(map, run.path, at);
      const [gx, gy] = [inside.gradient[2 * at], inside.gradient[2 * at + 1]];
      const steep = Math.hypot(gx, gy);
      if (steep > 0 && Number.isFinite(steep)) {
        const length = Math.min(70, 22 + 12 * Math.log10(1 + steep));
        const [dx, dy] = [-gx * Math.sign(map.bx), -gy * Math.sign(map.by)];
        slope = arrow(x, y, x + (dx / steep) * length, y + (dy / steep) * length);
      }
      if (at < shownStep(run.path, null)) next = arrow(x, y, ...pointOf(map, run.path, at + 1));
      this.next.setAttribute("stroke", run.colour);
    }
    this.slope.setAttribute("d", slope);
    this.next.setAttribute("d", next);
  }
}
