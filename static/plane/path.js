// A path in pixels: thinned, cut where it leaves the picture's neighbourhood, written as an outline.

import { tenth } from "../shared/dom.js";

/** @import { Mapping, Numbers } from "../shared/types.js" */
/** @typedef {{x: number[], y: number[], step: number[], jump: number[]}} Thinned */

const NEAREST = 0.7; // pixels: points of a path nearer than this to the last one drawn are left out of the drawing

/**
 * The points of a path in pixels, thinned, and cut where it leaves the neighbourhood of the picture.
 * `jump[i]` = 1 where the line does not come from the point before.
 * @param {Numbers} path
 * @param {Mapping} map
 * @returns {Thinned}
 */
export function thin(path, map) {
  const count = path.length >> 1;
  /** @type {Thinned} */
  const { x, y, step, jump } = { x: [], y: [], step: [], jump: [] };
  const [xl, xh] = [map.left - map.width, map.left + 2 * map.width];
  const [yl, yh] = [map.top - map.height, map.top + 2 * map.height];
  /** @param {number} px @param {number} py @param {number} index @param {number} jumped */
  const add = (px, py, index, jumped) => {
    x.push(px);
    y.push(py);
    step.push(index);
    jump.push(jumped);
  };
  let [lastX, lastY] = [0, 0];
  let wasInside = false;
  let [drawnX, drawnY] = [Infinity, Infinity];
  for (let i = 0; i < count; i++) {
    const px = map.ax + map.bx * path[2 * i];
    const py = map.ay + map.by * path[2 * i + 1];
    const inside = px >= xl && px <= xh && py >= yl && py <= yh;
    if (inside && (wasInside || i === 0)) {
      if (i === 0 || i === count - 1 || Math.abs(px - drawnX) + Math.abs(py - drawnY) > NEAREST) {
        add(px, py, i, i === 0 ? 1 : 0);
        [drawnX, drawnY] = [px, py];
      }
    } else if (i > 0) {
      const cut = clip(lastX, lastY, px, py, xl, xh, yl, yh);
      if (cut) {
        if (!wasInside) add(cut[0], cut[1], i, 1);
        else if (lastX !== drawnX || lastY !== drawnY) add(lastX, lastY, i - 1, 0);
        add(cut[2], cut[3], i, 0);
        [drawnX, drawnY] = [cut[2], cut[3]];
      }
    }
    [lastX, lastY] = [px, py];
    wasInside = inside;
  }
  return { x, y, step, jump };
}

/**
 * The part of a segment inside a box (Liang and Barsky), or null.
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 * @param {number} xl
 * @param {number} xh
 * @param {number} yl
 * @param {number} yh
 * @returns {[number, number, number, number] | null}
 */
export function clip(x0, y0, x1, y1, xl, xh, yl, yh) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  let [t0, t1] = [0, 1];
  for (const [p, q] of [
    [-dx, x0 - xl],
    [dx, xh - x0],
    [-dy, y0 - yl],
    [dy, yh - y0],
  ]) {
    if (p === 0) {
      if (q < 0) return null;
    } else if (p < 0) t0 = Math.max(t0, q / p);
    else t1 = Math.min(t1, q / p);
    if (!(t0 <= t1)) return null;
  }
  return [x0 + t0 * dx, y0 + t0 * dy, x0 + t1 * dx, y0 + t1 * dy];
}

/** @param {Thinned} points @param {number} from @param {number} to */
export function outline(points, from, to) {
  let d = "";
  for (let i = from; i < to; i++) {
    d += `${points.jump[i] || i === from ? "M" : "L"}${tenth(points.x[i])} ${tenth(points.y[i])}`;
  }
  return d;
}

/**
 * How many of the thinned points come no later than `step`.
 * @param {Thinned} points
 * @param {number} step
 */
export function countUpTo(points, step) {
  let [low, high] = [0, points.step.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points.step[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The step of a path that is shown where `step` is, null being its last.
 * @param {Numbers} path
 * @param {number | null} step
 */
export function shownStep(path, step) {
  const last = (path.length >> 1) - 1;
  return step === null ? last : Math.min(step, last);
}
