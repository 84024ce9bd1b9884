// What the charts show, in words.

import { short } from "../shared/dom.js";
import { grouping, percent } from "../shared/scales.js";

/** @import { Curve } from "../charts/types.js" */

/**
 * "Adam 97.2 % at step 900": the end of a curve in words.
 * @param {Curve} curve
 * @param {string} kind
 */
export function ending(curve, kind) {
  const at = curve.finite - 1;
  if (at < 0) return `${curve.label} has no value yet`;
  const value = kind === "accuracy" ? percent(curve.line[at]) : short(curve.line[at], 3);
  const where = curve.steps ? ` at step ${grouping(curve.steps[at])}` : "";
  return `${curve.label} ${value}${where}${curve.ended ? ", diverged" : ""}`;
}
