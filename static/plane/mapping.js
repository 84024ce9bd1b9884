// Between a picture's data and its pixels.

/** @import { Mapping, Numbers, Place } from "../shared/types.js" */

/**
 * @param {Mapping} map
 * @param {number} x
 * @param {number} y
 * @returns {Place}
 */
export const toPixels = ({ ax, bx, ay, by }, x, y) => [ax + bx * x, ay + by * y];

/**
 * @param {Mapping} map
 * @param {number} px
 * @param {number} py
 * @returns {Place}
 */
export const toData = ({ ax, bx, ay, by }, px, py) => [(px - ax) / bx, (py - ay) / by];

/**
 * The i-th point of a path (x0, y0, x1, y1, …).
 * @param {Mapping} map
 * @param {Numbers} path
 * @param {number} i
 */
export const pointOf = (map, path, i) => toPixels(map, path[2 * i], path[2 * i + 1]);

/** @param {Mapping} map @param {number} px @param {number} py */
export const isInside = ({ left, top, width, height }, px, py) =>
  px >= left && px <= left + width && py >= top && py <= top + height;

/**
 * The nearest pixel that lies inside.
 * @param {Mapping} map
 * @param {number} px
 * @param {number} py
 * @returns {Place}
 */
export const keptInside = ({ left, top, width, height }, px, py) => [
  Math.min(left + width, Math.max(left, px)),
  Math.min(top + height, Math.max(top, py)),
];

/**
 * Whether pixels are numbers that a picture can take.
 * @param {Place} place
 */
export const isDrawable = ([px, py]) => Math.abs(px) < 1e5 && Math.abs(py) < 1e5;
