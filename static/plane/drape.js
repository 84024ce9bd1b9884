// Paths laid on the surface as it is drawn: over every hill and through every valley that lies on their way.

import { clip } from "./path.js";

/** @import { Window } from "../shared/messages.js" */
/** @import { Numbers } from "../shared/types.js" */
/** @typedef {{x: number[], y: number[], z: number[][]}} Ground shown heights z[row][column] over even steps */
/** @typedef {{x: (number | null)[], y: (number | null)[], z: (number | null)[]}} Draped a line, null where it is broken */
/**
 * What a path is laid on.
 * @typedef {object} Bed
 * @property {Ground} ground
 * @property {Window} window
 * @property {number} bottom
 * @property {number} top
 * @property {number} rise
 */

const FINEST = 1 / 500; // of the window: points of a path nearer than this to the last one are left out
const MOST = 6000; // points of one line; where a path has more, its steps are straight from there on

/**
 * Height of `ground` as drawn; NaN outside and in holes. Between its points it is drawn as triangles or, where it is
 * coarse, as the bilinear surface: the upper of the two.
 * @param {Ground} ground
 * @param {number} px
 * @param {number} py
 */
export function drawnHeight({ x, y, z }, px, py) {
  const column = ((px - x[0]) / (x[x.length - 1] - x[0])) * (x.length - 1);
  const row = ((py - y[0]) / (y[y.length - 1] - y[0])) * (y.length - 1);
  const [j, i] = [Math.min(x.length - 2, Math.floor(column)), Math.min(y.length - 2, Math.floor(row))];
  if (!(i >= 0 && j >= 0)) return NaN;
  const [u, w] = [column - j, row - i];
  const [a, b, c, d] = [z[i][j], z[i][j + 1], z[i + 1][j], z[i + 1][j + 1]];
  const bilinear = (a * (1 - u) + b * u) * (1 - w) + (c * (1 - u) + d * u) * w;
  const triangle = u + w < 1 ? a + (b - a) * u + (c - a) * w : d + (c - d) * (1 - u) + (b - d) * (1 - w);
  return triangle > bilinear ? triangle : bilinear;
}

/**
 * A shown height, or the ground as drawn where that lies higher, as it may in a narrow valley.
 * @param {Ground} ground
 * @param {number} px
 * @param {number} py
 * @param {number} pz
 */
export function onTop(ground, px, py, pz) {
  const drawn = drawnHeight(ground, px, py);
  return drawn > pz ? drawn : pz;
}

/**
 * The points `from` to `to` of `path` (x0, y0, x1, y1, …) as a line on `ground`: {x, y, z} in shown heights, null where
 * it is broken, outside the window and in holes. `heights(i)` is a point's shown height; NaN leaves it to the ground.
 * Between points that lie more than `reach` of the window apart the line follows the ground. `into` is a line to go on
 * with.
 * @param {Numbers} path
 * @param {number} from
 * @param {number} to
 * @param {(i: number) => number} heights
 * @param {Bed & {reach: number}} bed
 * @param {Draped | null} [into]
 */
export function drape(
  path,
  from,
  to,
  heights,
  { ground, window: [x0, x1, y0, y1], bottom, top, rise, reach },
  into = null,
) {
  /** @type {Draped} */
  const line = into ?? { x: [], y: [], z: [] };
  const highest = top + (top - bottom);
  const [fx, fy, fz] = [1 / (x1 - x0), 1 / (y1 - y0), 1 / (top - bottom)];
  const cut = () => {
    if (!line.x.length || line.x.at(-1) === null) return;
    for (const part of [line.x, line.y, line.z]) part.push(null);
  };
  /** @param {number} px @param {number} py @param {number} pz */
  const put = (px, py, pz) => {
    if (!(pz <= highest)) return cut();
    line.x.push(px);
    line.y.push(py);
    line.z.push(pz + rise);
  };
  /** @param {number} ax @param {number} ay @param {number} bx @param {number} by */
  const between = (ax, ay, bx, by) => {
    const apart = Math.hypot((bx - ax) * fx, (by - ay) * fy);
    const steps = line.x.length < MOST ? Math.ceil(apart / reach) : 1;
    for (let k = 1; k < steps; k++) {
      const [px, py] = [ax + ((bx - ax) * k) / steps, ay + ((by - ay) * k) / steps];
      put(px, py, drawnHeight(ground, px, py));
    }
  };
  cut();
  let [lx, ly, lz] = [NaN, NaN, NaN];
  let wasInside = false;
  for (let i = from; i <= to; i++) {
    const [px, py] = [path[2 * i], path[2 * i + 1]];
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      cut();
      [lx, ly, lz, wasInside] = [NaN, NaN, NaN, false];
      continue;
    }
    const inside = px >= x0 && px <= x1 && py >= y0 && py <= y1;
    const pz = heights(i);
    const apart = Math.abs(px - lx) * fx + Math.abs(py - ly) * fy + (pz === pz ? Math.abs(pz - lz) * fz : 0);
    if (wasInside && inside && i < to && apart < FINEST) continue;
    const part = lx === lx ? clip(lx, ly, px, py, x0, x1, y0, y1) : null;
    if (part) {
      if (!wasInside) put(part[0], part[1], drawnHeight(ground, part[0], part[1]));
      between(...part);
      if (!inside) put(part[2], part[3], drawnHeight(ground, part[2], part[3]));
    }
    if (inside) put(px, py, pz === pz ? onTop(ground, px, py, pz) : drawnHeight(ground, px, py));
    else cut();
    [lx, ly, lz, wasInside] = [px, py, pz, inside];
  }
  return line;
}
