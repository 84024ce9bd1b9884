// A surface's minima and saddles, and on demand the minima's names.

import { short, svg, tenth } from "../shared/dom.js";
import { drawNames, placeNames } from "./levels.js";
import { isDrawable, toPixels } from "./mapping.js";

/** @import { Name } from "./levels.js" */
/** @import { Spot, Surface } from "../shared/messages.js" */
/** @import { Mapping } from "../shared/types.js" */
/** @typedef {Surface & {labels: boolean}} Landmarked */

const STAR = "M0 -7L1.7 -2.3L6.7 -2.2L2.7 0.9L4.1 5.7L0 2.9L-4.1 5.7L-2.7 0.9L-6.7 -2.2L-1.7 -2.3Z";
const CROSS = "M-5 -5L5 5M-5 5L5 -5";

export class Landmarks {
  /** @param {string} clip the picture's clip path */
  constructor(clip) {
    this.signs = svg("g", { "clip-path": clip });
    this.names = svg("g", { "data-testid": "minima" });
    /** @type {Landmarked | null} */
    this.surface = null;
    /** @type {Name[]} */
    this.named = [];
  }

  /**
   * Returns whether that is another one.
   * @param {Landmarked} surface
   */
  set(surface) {
    /** @param {Landmarked | null} one */
    const signature = (one) => JSON.stringify([one?.labels, one?.minima, one?.saddles]);
    if (signature(this.surface) === signature(surface)) return false;
    this.surface = surface;
    return true;
  }

  /**
   * Returns whether there are names to keep clear of, or were.
   * @param {Mapping} map
   */
  draw(map) {
    if (!this.surface) return false;
    const { minima, saddles, labels } = this.surface;
    /** @param {Spot[]} spots @param {string} d @param {string} name */
    const signs = (spots, d, name) =>
      spots.flatMap(([x, y]) => {
        const place = toPixels(map, x, y);
        if (!isDrawable(place)) return [];
        const transform = `translate(${place.map(tenth).join(" ")})`;
        return [svg("path", { d, transform, class: "rv-sign-halo" }), svg("path", { d, transform, class: name })];
      });
    this.signs.replaceChildren(...signs(saddles, CROSS, "rv-saddle"), ...signs(minima, STAR, "rv-minimum"));
    const named = labels ? placeNames(minima, saddles, map) : [];
    if (!named.length && !this.named.length) return false;
    this.named = named;
    drawNames(this.names, named);
    return true;
  }

  /**
   * What lies there, in lines of text; null where nothing does.
   * @param {Mapping} map
   * @param {number} px
   * @param {number} py
   * @param {number} reach
   */
  describe(map, px, py, reach) {
    for (const [kind, spots] of /** @type {const} */ ([
      ["Minimum", this.surface?.minima ?? []],
      ["Saddle", this.surface?.saddles ?? []],
    ])) {
      for (const [x, y, f] of spots) {
        const [sx, sy] = toPixels(map, x, y);
        if (Math.hypot(sx - px, sy - py) <= reach)
          return [kind, `(${short(x, 4)}, ${short(y, 4)})`, `f = ${short(f, 5)}`];
      }
    }
    return null;
  }
}
