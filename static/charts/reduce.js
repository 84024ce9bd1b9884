// Of many points those that a picture can show: a few in each column of pixels.

import { grown, lowerBound } from "./series.js";

/** @import { Numbers } from "../shared/types.js" */
/** @import { Curve, Ground, Part, Points, Reduction } from "./types.js" */

/** @returns {Points} */
export const fresh = () => ({ n: 0, px: new Float64Array(0), y: new Float64Array(0) });

/**
 * Points `from`..`to` in pixels. Of many that share a pixel column, `pick` says what is left: "both" the lowest and the
 * highest, "low" or "high" one of them, "mean" their average, "factor" their geometric one; `stride` makes the columns
 * wider. Few points stay as they are.
 * @param {Numbers} x
 * @param {Numbers} y
 * @param {number} from
 * @param {number} to
 * @param {Ground} plot
 * @param {Reduction} pick
 * @param {Points} buffer
 */
export function reduce(x, y, from, to, plot, pick, buffer, stride = 1) {
  const { edges, columns, xScale, inner, ratio } = plot;
  const room = Math.min(to - from, 2 * columns + 4);
  buffer.px = grown(buffer.px, room);
  buffer.y = grown(buffer.y, room);
  let n = 0;
  /** @param {number} px @param {number} value */
  const add = (px, value) => {
    buffer.px[n] = px;
    buffer.y[n++] = value;
  };
  /** @param {number} i */
  const keep = (i) => add(xScale.log ? xScale.px(x[i]) : xScale.offset + x[i] * xScale.factor, y[i]);
  if (to - from <= 2 * columns) {
    for (let i = from; i < to; i++) keep(i);
    buffer.n = n;
    return buffer;
  }
  let i = from;
  while (i < to && x[i] < edges[0]) keep(i++);
  for (let c = 0; c < columns && i < to; c += stride) {
    const end = edges[Math.min(columns, c + stride)];
    if (x[i] >= end) continue;
    const middle = inner.left + (c + stride / 2) / ratio;
    if (pick === "mean") {
      const first = i;
      let sum = 0;
      for (; i < to && x[i] < end; i++) sum += y[i];
      add(middle, sum / (i - first));
      continue;
    }
    if (pick === "factor") {
      let [sum, count] = [0, 0];
      for (; i < to && x[i] < end; i++) {
        if (!(y[i] > 0)) continue;
        sum += Math.log(y[i]);
        count++;
      }
      add(middle, count ? Math.exp(sum / count) : NaN);
      continue;
    }
    let [low, high] = [i, i];
    let [lowest, highest] = [y[i], y[i]];
    for (i++; i < to && x[i] < end; i++) {
      const value = y[i];
      if (value < lowest) [lowest, low] = [value, i];
      else if (value > highest) [highest, high] = [value, i];
    }
    if (pick === "low" || low === high) add(middle, lowest);
    else if (pick === "high") add(middle, highest);
    else {
      keep(Math.min(low, high));
      keep(Math.max(low, high));
    }
  }
  if (i < to) keep(i);
  buffer.n = n;
  return buffer;
}

/**
 * The points of curves in the window, in buffers that are kept: no picture is made of new arrays.
 */
export class Reducer {
  constructor() {
    /** @type {Map<string, Points>} */
    this.buffers = new Map();
  }

  /** @param {string} name */
  buffer(name) {
    let found = this.buffers.get(name);
    if (!found) this.buffers.set(name, (found = fresh()));
    return found;
  }

  /**
   * @template {Curve} C
   * @param {C} curve
   * @param {Ground} ground
   * @returns {Part<C>}
   */
  reduced(curve, ground) {
    const { x, finite } = curve;
    const { low, high, log } = ground.xScale;
    const first = log ? lowerBound(x, finite, Number.MIN_VALUE) : 0;
    // One point more on either side: lines run on to the picture's edge.
    const from = Math.max(first, lowerBound(x, finite, low) - 1);
    const to = Math.min(finite, lowerBound(x, finite, high) + 2);
    const key = `${curve.key}\n${curve.validation ? "v" : ""}${curve.part ?? ""}`;
    /** @param {string} name @param {Numbers} y @param {Reduction} pick @param {number} [stride] */
    const reduced = (name, y, pick, stride) =>
      reduce(x, y, from, to, ground, pick, this.buffer(`${key}\n${name}`), stride);
    const average = curve.factor ? "factor" : "mean";
    const { line, raw, low: foot, high: top } = curve;
    return {
      curve,
      from,
      to,
      line: reduced("line", line, raw ? average : "both"),
      raw: raw ? reduced("raw", raw, "both", ground.stride) : null,
      band:
        foot && top
          ? [reduced("low", foot, raw ? average : "low"), reduced("high", top, raw ? average : "high")]
          : null,
    };
  }
}
