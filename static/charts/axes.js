// A chart's axes: where they lie in pixels, what they span, how they are painted.

import { scale, ticks } from "../shared/scales.js";

/** @import { Context } from "../shared/types.js" */
/** @import { Ground, Kind, Part, Plot, Points, Range, Scene } from "./types.js" */

const MARGIN = { left: 50, right: 12, top: 8, bottom: 34 };
const FLOOR = 1e-12; // a logarithmic axis of losses reaches no lower
const CUT = 4; // of several curves on a linear axis, one that exceeds the median's highest value so often leaves the picture
const CROWD = 16; // with more curves the faint lines are drawn in columns of two pixels

/**
 * The horizontal axis in pixels.
 * @param {Scene} scene
 * @param {number} ratio
 * @returns {Ground}
 */
export function groundOf({ curves, x, width, height }, ratio) {
  const inner = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: Math.max(10, width - MARGIN.left - MARGIN.right),
    height: Math.max(10, height - MARGIN.top - MARGIN.bottom),
  };
  const [right, bottom] = [inner.left + inner.width, inner.top + inner.height];
  const xScale = scale(x.low, x.high, x.log, inner.left, right);
  const columns = Math.round(inner.width * ratio);
  const edges = Float64Array.from({ length: columns + 1 }, (_, c) => xScale.value(inner.left + c / ratio));
  return { inner, right, bottom, xScale, columns, edges, ratio, stride: curves.length > CROWD ? 2 : 1 };
}

/**
 * A pixel across, or the nearest that lies in the plot.
 * @param {Ground} ground
 * @param {number} px
 */
export const within = ({ inner, right }, px) => Math.min(right, Math.max(inner.left, px));

/**
 * From the lowest to the highest value in the window; raw lines may stand out by half of what the strong ones span.
 * @param {Part[]} parts
 * @param {boolean} log
 * @param {Scene} _scene
 * @param {Kind} kind
 * @returns {Range}
 */
export function rangeOf(parts, log, _scene, kind) {
  /** @param {Points} points */
  const bounds = ({ n, y }) => {
    let [low, high] = [Infinity, -Infinity];
    for (let k = 0; k < n; k++) {
      const value = y[k];
      if ((log && value < FLOOR) || !Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [low, high];
  };
  let [low, high, cut] = [Infinity, -Infinity, 0];
  /** @type {number[]} */
  const tops = [];
  for (const { line, band } of parts) {
    const [below, above] = bounds(line);
    if (below > above) continue;
    low = Math.min(low, below, band ? bounds(band[0])[0] : Infinity);
    tops.push(Math.max(above, band ? bounds(band[1])[1] : -Infinity));
  }
  tops.sort((a, b) => a - b);
  if (tops.length) {
    const limit = kind === "loss" && !log ? CUT * tops[(tops.length - 1) >> 1] : Infinity;
    high = tops.findLast((top) => top <= limit || limit <= 0) ?? tops[tops.length - 1];
    cut = tops.filter((top) => top > high).length;
  }
  if (!(low <= high)) return { low: log ? 0.1 : 0, high: 1, cut };
  /** @type {(value: number) => number} */
  const forth = log ? Math.log10 : (value) => value;
  const reach = (forth(high) - forth(low)) / 2;
  let [least, most] = [forth(low), forth(high)];
  for (const { raw } of parts) {
    if (!raw) continue;
    const [below, above] = bounds(raw);
    if (below > above) continue;
    least = Math.min(least, Math.max(forth(below), forth(low) - reach));
    most = Math.max(most, Math.min(forth(above), forth(high) + reach));
  }
  const room = (most - least || Math.abs(most) || 1) * 0.04;
  [low, high] = [least - room, most + room];
  if (log) [low, high] = [10 ** low, 10 ** high];
  if (kind === "accuracy") [low, high] = [Math.max(low, 0), Math.min(high, 1)];
  if (kind === "accuracy" && low >= high) [low, high] = [Math.max(0, low - 0.05), Math.min(1, low + 0.05)];
  return { low, high, cut };
}

/** @param {Context} context @param {Plot} plot @param {Scene} scene @param {Kind} kind */
export function paintAxes(context, { inner, right, bottom, xScale, yScale }, { x, theme, width }, kind) {
  /** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
  const line = (x1, y1, x2, y2) => {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  };
  context.font = `11px ${theme.font}`;
  context.lineWidth = 1;
  context.fillStyle = theme.mix(0.72);
  context.strokeStyle = theme.mix(0.13);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, text] of ticks(
    yScale,
    Math.max(2, Math.floor(inner.height / 34)),
    kind === "accuracy" ? "fraction" : "number",
  )) {
    const y = Math.round(yScale.px(value)) + 0.5;
    line(inner.left, y, right, y);
    context.fillText(text, inner.left - 6, y + 0.5);
  }
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.strokeStyle = theme.mix(0.45);
  let free = -Infinity;
  for (const [value, text] of ticks(xScale, Math.max(2, Math.floor(inner.width / 62)), x.kind)) {
    const at = Math.round(xScale.px(value)) + 0.5;
    line(at, bottom, at, bottom + 4);
    const half = context.measureText(text).width / 2;
    if (at - half < free) continue;
    context.fillText(text, Math.min(at, width - half - 1), bottom + 16);
    free = at + half + 8;
  }
  line(inner.left, Math.round(bottom) + 0.5, right, Math.round(bottom) + 0.5);
  context.fillText(x.label, inner.left + inner.width / 2, bottom + 31);
}
