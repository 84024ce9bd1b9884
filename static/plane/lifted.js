// Paths on the surface in space, as traces for Plotly, kept while their numbers and the ground are the same.

import { drape } from "./drape.js";

/** @import { Bed, Draped, Ground } from "./drape.js" */
/** @import { HeightScale } from "./heights.js" */
/** @import { Herd, Run } from "../shared/messages.js" */
/** @typedef {{scale: HeightScale, step: number, trail: number | null}} Shown */

const REACH = 1 / 120; // of the window: between points of a path farther apart than this it follows the ground
const HERD_REACH = 1 / 50;
const LINES = { type: "scatter3d", mode: "lines", hoverinfo: "skip", showlegend: false };

export class Lifted {
  constructor() {
    /** @type {WeakMap<Float32Array, {ground: Ground, part: string, line: Draped}>} */
    this.kept = new WeakMap();
  }

  /**
   * The path on the ground, or its last steps.
   * @param {Run} run
   * @param {Shown} shown
   * @param {Bed} bed
   */
  runLine(run, { scale, step, trail }, bed) {
    const last = run.loss.length - 1;
    const to = trail ? Math.min(step, last) : last;
    const from = trail ? Math.max(0, to - trail) : 0;
    const line = this.keep(run.path, bed.ground, `${from}|${to}`, () =>
      drape(run.path, from, to, (i) => scale.shown(run.loss[i]), { ...bed, reach: REACH }),
    );
    return { ...LINES, ...line, line: { color: run.colour, width: 5, dash: run.dash ? "dash" : "solid" } };
  }

  /**
   * The paths from many starts, as one thin line with gaps.
   * @param {Herd} herd
   * @param {string} colour
   * @param {Shown} shown
   * @param {Bed} bed
   */
  herdLine({ path, points, every: each }, colour, { step, trail }, bed) {
    const to = trail ? Math.min(Math.floor(step / each), points - 1) : points - 1;
    const from = trail ? Math.max(0, to - Math.ceil(trail / each)) : 0;
    const line = this.keep(path, bed.ground, `${from}|${to}`, () => {
      /** @type {Draped} */
      const all = { x: [], y: [], z: [] };
      for (let at = 0; at < path.length; at += 2 * points) {
        drape(path.subarray(at, at + 2 * points), from, to, () => NaN, { ...bed, reach: HERD_REACH }, all);
      }
      return all;
    });
    return { ...LINES, ...line, line: { color: colour, width: 1.5 } };
  }

  /**
   * What `make` gives, kept for these numbers of a path while the ground and `part` are the same.
   * @param {Float32Array} numbers
   * @param {Ground} ground
   * @param {string} part
   * @param {() => Draped} make
   */
  keep(numbers, ground, part, make) {
    const before = this.kept.get(numbers);
    if (before?.ground === ground && before.part === part) return before.line;
    const line = make();
    this.kept.set(numbers, { ground, part, line });
    return line;
  }
}
