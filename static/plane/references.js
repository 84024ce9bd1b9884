// Curves that no rule has made, each with a dot at the step shown.

import { svg, tenth } from "../shared/dom.js";
import { pointOf } from "./mapping.js";
import { outline, shownStep, thin } from "./path.js";

/** @import { Reference } from "../shared/messages.js" */
/** @import { Mapping } from "../shared/types.js" */
/** @typedef {{path: Float32Array, each: number, line: SVGPathElement, dot: SVGCircleElement}} Drawn */

export class References {
  constructor() {
    this.node = svg("g");
    /** @type {Drawn[]} */
    this.drawn = [];
  }

  /** @param {Reference[]} references */
  set(references) {
    this.drawn = references.map(({ path, each }) => {
      const line = svg("path", { class: "rv-reference", "data-testid": "reference" });
      const dot = svg("circle", { r: 4, class: "rv-reference-dot" });
      return { path, each, line, dot };
    });
    this.node.replaceChildren(...this.drawn.flatMap(({ line, dot }) => [line, dot]));
  }

  /** @param {Mapping} map @param {number | null} step */
  draw(map, step) {
    for (const { path, line } of this.drawn) {
      const points = thin(path, map);
      line.setAttribute("d", outline(points, 0, points.x.length));
    }
    this.drawDots(map, step);
  }

  /** @param {Mapping} map @param {number | null} step */
  drawDots(map, step) {
    for (const { path, each, dot } of this.drawn) {
      const [x, y] = pointOf(map, path, shownStep(path, step === null ? null : each * step));
      dot.setAttribute("transform", `translate(${tenth(x)} ${tenth(y)})`);
    }
  }
}
