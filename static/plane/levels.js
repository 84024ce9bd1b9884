// Heights written on the contour lines, and the colour bar. Plotly's own took 80 and 20 of 125 ms a picture (200 x 200).

import { short, svg, tenth } from "../shared/dom.js";
import { isInside, toPixels } from "./mapping.js";

/** @import { HeightScale } from "./heights.js" */
/** @import { Spot } from "../shared/messages.js" */
/** @import { Box, Heights, Mapping, Numbers, Place } from "../shared/types.js" */
/** @typedef {{x: number, y: number, angle: number, k: number, label: string}} Label of the level `k` */
/** @typedef {Box & {x: number, y: number, anchor: string, label: string}} Name */

const SCANS = [0.5, 0.2, 0.8, 0.35, 0.65, 0.08, 0.92]; // of the picture: lines along which places are looked for
const APART = 44; // pixels between two labels
const APART_ON_LEVEL = 150;
const LINES_APART = 8; // where lines stand nearer than this, a label would cover its neighbours
const PER_LEVEL = 4;
export const FEW_NAMES = 6; // minima in the picture that are named with their place; more get their height only
const MOST_NAMES = 30;
const NAME_LETTER = 5.7; // pixels: a letter's width at most, on average
const NAME_HIGH = 14;
const SIGN = 8; // half the size of a minimum's star
const SIDES = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, -1],
  [-1, -1],
  [1, 1],
  [-1, 1],
]; // of the star, the best first

/**
 * Shown height at a point of the grid's own units, bilinear; NaN outside and in holes.
 * @param {Numbers[]} rows
 * @param {number} columns
 * @param {number} count
 * @returns {(column: number, row: number) => number}
 */
function sampler(rows, columns, count) {
  return (column, row) => {
    const [i, j] = [Math.floor(row), Math.floor(column)];
    if (i < 0 || j < 0 || i >= count - 1 || j >= columns - 1) return NaN;
    const [u, w] = [column - j, row - i];
    const [below, above] = [rows[i], rows[i + 1]];
    return (below[j] * (1 - u) + below[j + 1] * u) * (1 - w) + (above[j] * (1 - u) + above[j + 1] * u) * w;
  };
}

/**
 * Places for labels in the visible part, clear of the boxes `taken`, in pixels.
 * @param {Pick<Heights, "x" | "y">} grid
 * @param {Numbers[]} rows
 * @param {HeightScale} scale
 * @param {Mapping} map
 * @param {Box[]} [taken]
 */
export function placeLabels(grid, rows, scale, map, taken = []) {
  const [columns, count] = [grid.x.length, grid.y.length];
  const dx = (grid.x[columns - 1] - grid.x[0]) / (columns - 1);
  const dy = (grid.y[count - 1] - grid.y[0]) / (count - 1);
  const at = sampler(rows, columns, count);
  /** @param {number} px @param {number} py */
  const height = (px, py) => at(((px - map.ax) / map.bx - grid.x[0]) / dx, ((py - map.ay) / map.by - grid.y[0]) / dy);
  /** @type {Label[]} */
  const placed = [];
  const first = scale.levels[0];
  /** @param {number} px @param {number} py @param {number} k */
  const tryPlace = (px, py, k) => {
    if (placed.filter((p) => p.k === k).length >= PER_LEVEL) return;
    for (const p of placed) {
      if (Math.hypot(p.x - px, p.y - py) < (p.k === k ? APART_ON_LEVEL : APART)) return;
    }
    const gx = (height(px + 1.5, py) - height(px - 1.5, py)) / 3;
    const gy = (height(px, py + 1.5) - height(px, py - 1.5)) / 3;
    const slope = Math.hypot(gx, gy);
    if (!(slope > 0) || scale.step / slope < LINES_APART) return;
    const reach = 3 + 3.2 * scale.labels[k].length;
    const [tx, ty] = [-gy / slope, gx / slope];
    const [wide, high] = [Math.abs(tx) * reach + 4, Math.abs(ty) * reach + 5];
    if (taken.some((box) => meet(box, { left: px - wide, right: px + wide, top: py - high, bottom: py + high })))
      return;
    for (const side of [-reach, reach]) {
      const [qx, qy] = [px + tx * side, py + ty * side];
      const inside =
        qx > map.left + 3 && qx < map.left + map.width - 3 && qy > map.top + 4 && qy < map.top + map.height - 4;
      // The line has to run straight under the label.
      if (!inside || !(Math.abs(height(qx, qy) - scale.levels[k]) < 4 * slope)) return;
    }
    let angle = (Math.atan2(ty, tx) * 180) / Math.PI;
    if (angle > 90) angle -= 180;
    if (angle <= -90) angle += 180;
    placed.push({ x: px, y: py, angle, k, label: scale.labels[k] });
  };
  /** @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
  const scan = (x0, y0, x1, y1) => {
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 3);
    let before = NaN;
    for (let i = 0; i <= steps; i++) {
      const [px, py] = [x0 + ((x1 - x0) * i) / steps, y0 + ((y1 - y0) * i) / steps];
      const now = height(px, py);
      if (before === before && now === now && before !== now) {
        const [low, high] = before < now ? [before, now] : [now, before];
        const k = Math.max(0, Math.ceil((low - first) / scale.step));
        if (k < scale.levels.length && scale.levels[k] <= high && scale.levels[k] > low) {
          const back = (now - scale.levels[k]) / (now - before) / steps;
          tryPlace(px - (x1 - x0) * back, py - (y1 - y0) * back, k);
        }
      }
      before = now;
    }
  };
  for (const f of SCANS) {
    scan(map.left + f * map.width, map.top, map.left + f * map.width, map.top + map.height);
    scan(map.left, map.top + f * map.height, map.left + map.width, map.top + f * map.height);
  }
  return placed;
}

/** @param {Box} a @param {Box} b */
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Places for the minima's names in the visible part, the lowest first, in pixels. None lies on another or on a sign.
 * @param {Spot[]} minima
 * @param {Spot[]} saddles
 * @param {Mapping} map
 */
export function placeNames(minima, saddles, map) {
  const [right, bottom] = [map.left + map.width, map.top + map.height];
  /** @param {Spot} spot */
  const at = ([x, y]) => toPixels(map, x, y);
  const seen = minima.filter((spot) => isInside(map, ...at(spot))).sort((a, b) => a[2] - b[2]);
  const signs = [...seen, ...saddles].map((spot) => {
    const [px, py] = at(spot);
    return { left: px - SIGN, right: px + SIGN, top: py - SIGN, bottom: py + SIGN };
  });
  /** @type {Name[]} */
  const placed = [];
  /** @param {Place} spot @param {string} label */
  const place = ([px, py], label) => {
    const wide = label.length * NAME_LETTER;
    for (const [across, down] of SIDES) {
      const left = px + across * (SIGN + 2) - (wide * (1 - across)) / 2;
      const middle = py + down * (across ? 0.75 : 1) * (SIGN + NAME_HIGH / 2);
      const box = { left, right: left + wide, top: middle - NAME_HIGH / 2, bottom: middle + NAME_HIGH / 2 };
      const fits = box.left > map.left + 1 && box.right < right - 1 && box.top > map.top + 1 && box.bottom < bottom - 1;
      if (!fits || placed.some((other) => meet(other, box)) || signs.some((sign) => meet(sign, box))) continue;
      const anchor = ["end", "middle", "start"][across + 1];
      placed.push({ ...box, x: left + (wide * (1 - across)) / 2, y: middle, anchor, label });
      return true;
    }
    return false;
  };
  const few = seen.length <= FEW_NAMES;
  for (const [x, y, f] of seen.slice(0, MOST_NAMES)) {
    if (!few || !place(toPixels(map, x, y), minimumWords(x, y, f)))
      place(toPixels(map, x, y), `${few ? "f = " : ""}${heightWord(f)}`);
  }
  return placed;
}

/**
 * Text elements for the minima's names.
 * @param {SVGElement} group
 * @param {Name[]} places
 */
export function drawNames(group, places) {
  group.replaceChildren(
    ...places.map(({ x, y, anchor, label }) =>
      svg("text", { x: tenth(x), y: tenth(y), dy: "0.34em", "text-anchor": anchor, class: "rv-name" }, label),
    ),
  );
}

/**
 * What is written beside a minimum.
 * @param {number} x
 * @param {number} y
 * @param {number} f
 */
export function minimumWords(x, y, f) {
  return `f = ${heightWord(f)} at (${short(tidy(x), 3)}, ${short(tidy(y), 3)})`;
}

/** @param {number} f */
const heightWord = (f) => short(tidy(f), 4);

/**
 * Without what rounding has left of a zero.
 * @param {number} value
 */
const tidy = (value) => (Math.abs(value) < 1e-9 ? 0 : value);

/**
 * Text elements for the labels.
 * @param {SVGElement} group
 * @param {Label[]} places
 */
export function drawLabels(group, places) {
  group.replaceChildren(
    ...places.map(({ x, y, angle, label }) =>
      svg(
        "text",
        {
          transform: `translate(${tenth(x)} ${tenth(y)}) rotate(${tenth(angle)})`,
          dy: "0.34em",
          class: "rv-level-label",
        },
        label,
      ),
    ),
  );
}

/**
 * The colour bar at the right of the plot area.
 * @param {SVGElement} group
 * @param {HeightScale} scale
 * @param {string[]} fills from the lowest band to the highest
 * @param {Mapping} map
 */
export function drawBar(group, scale, fills, map) {
  const left = map.left + map.width + 8;
  /** @param {number} value */
  const y = (value) => map.top + map.height * (1 - (value - scale.bottom) / (scale.top - scale.bottom));
  const edges = [scale.bottom, ...scale.levels, scale.top];
  /** @type {SVGElement[]} */
  const nodes = fills.slice(0, edges.length - 1).map((fill, i) => {
    const [low, high] = [y(edges[i]), y(edges[i + 1])];
    return svg("rect", { x: left, y: tenth(high), width: 9, height: Math.max(0, tenth(low - high) + 0.3), fill });
  });
  let last = Infinity;
  scale.levels.forEach((level, k) => {
    if (last - y(level) < 13) return;
    last = y(level);
    nodes.push(svg("text", { x: left + 13, y: tenth(last), dy: "0.34em", class: "rv-bar-text" }, scale.labels[k]));
  });
  group.replaceChildren(...nodes);
}
