// How far the horizontal axis reaches, and which windows of it may be seen.

/** @import { Curve } from "../charts/types.js" */
/** @import { Place } from "../shared/types.js" */

/**
 * From the first to the last point of all curves.
 * @param {Curve[]} curves
 * @param {boolean} log
 */
export function extent(curves, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const { x, finite } of curves) {
    if (!finite) continue;
    high = Math.max(high, x[finite - 1]);
    if (!log) low = Math.min(low, x[0]);
    else
      for (let i = 0; i < finite; i++) {
        if (!(x[i] > 0)) continue;
        low = Math.min(low, x[i]);
        break;
      }
  }
  if (!log && high > 0 && low < high * 0.2) low = Math.min(low, 0);
  if (!(low < high))
    [low, high] = Number.isFinite(low) && low > 0 ? (log ? [low / 2, low * 2] : [0, low * 2]) : log ? [1, 10] : [0, 1];
  return { low, high };
}

/**
 * A window within what there is; null where it would show everything.
 * @param {Place} window
 * @param {{low: number, high: number}} full
 * @param {boolean} log
 * @returns {Place | null}
 */
export function clamp([low, high], full, log) {
  /** @type {(value: number) => number} */
  const forth = log ? (value) => Math.log10(Math.max(value, full.low)) : (value) => value;
  /** @type {(value: number) => number} */
  const back = log ? (value) => 10 ** value : (value) => value;
  const [first, last] = [forth(full.low), forth(full.high)];
  let [from, to] = [forth(low), forth(high)];
  const width = Math.max(to - from, (last - first) / 1e6);
  if (!(width < (last - first) * 0.999)) return null;
  from = Math.min(Math.max(from, first), last - width);
  to = from + width;
  return [back(from), back(to)];
}
