// What the charts show, in words.

import { short } from "../shared/dom.js";
import { grouping, percent } from "../shared/scales.js";

/** @import { Curve } from "../charts/types.js" */
/** @import { BoardView } from "../shared/messages.js" */

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

/** @param {Curve[]} curves @param {BoardView} view */
export function explanation(curves, view) {
  if (!curves.length) return view.x === "training" || view.x === "wall" ? "No point with a time has arrived yet." : "";
  return [
    ...reading(curves, view),
    "Drag to zoom, wheel to magnify, Shift and drag to move, double click for everything.",
  ].join(" ");
}

/**
 * What the lines and bands are.
 * @param {Curve[]} curves
 * @param {BoardView} view
 */
export function reading(curves, view) {
  const parts = [];
  if (curves.some((curve) => curve.raw)) parts.push(smoothingNote(curves, view));
  if (curves.some((curve) => curve.low)) {
    const linear = "mean ± one standard deviation over the N seeds that have come that far";
    const factor = "geometric mean, times and divided by the factor of one standard deviation of the logarithms";
    const both = curves.some((curve) => curve.low && !curve.factor)
      ? `${linear}; on the logarithmic axis ${factor}`
      : `${factor}, over the N seeds that have come that far`;
    parts.push(`Band: ${curves.some((curve) => curve.low && curve.factor) ? both : linear}.`);
  }
  if (curves.some((curve) => curve.validation)) parts.push("Thin with hollow circles: validation part.");
  if (curves.some((curve) => curve.ended)) parts.push("✕ diverged.");
  return parts;
}

/** @param {Curve[]} curves @param {BoardView} view */
function smoothingNote(curves, view) {
  const weight = `debiased exponential average, weight ${view.smoothing.toFixed(2)}`;
  const smooth = curves.filter((curve) => curve.raw);
  const log = !smooth.some((curve) => curve.factor)
    ? ""
    : smooth.every((curve) => curve.factor)
      ? ", of the logarithms"
      : "; on the logarithmic axis, of the logarithms";
  return `Faint: as recorded, each step; strong: ${weight}${log}.`;
}
