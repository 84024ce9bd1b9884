// A map's axes: where its values lie in pixels, which cell lies where, and how the axes are painted.

import { ticks } from "../shared/scales.js";

/** @import { Cell, Plot, Shown } from "./types.js" */
/** @import { Context, Place, Theme } from "../shared/types.js" */
/** @typedef {{low: number, high: number, log: boolean}} Seen along an axis */
/** @typedef {{x: Seen, y: Seen, px: (value: number) => number, py: (value: number) => number}} MapScales */

/** @param {number} value @param {boolean} log */
const forth = (value, log) => (log ? Math.log10(value) : value);
/** @param {number} value @param {boolean} log */
const back = (value, log) => (log ? 10 ** value : value);

/**
 * What is seen along both axes, those of a plane being its own.
 * @param {Shown} shown
 * @returns {[Seen, Seen]}
 */
export function axesOf({ entry: { x, y }, scene }) {
  const [x0, x1, y0, y1] = scene.view ?? [x.low, x.high, y.low, y.high];
  return [
    { low: x0, high: x1, log: x.log },
    { low: y0, high: y1, log: y.log },
  ];
}

/**
 * @param {Shown} shown
 * @param {Plot} plot
 * @returns {MapScales}
 */
export function scalesOf(shown, { left, top, width, height }) {
  const [x, y] = axesOf(shown);
  /** @param {Seen} seen @param {number} value */
  const share = ({ low, high, log }, value) =>
    (forth(value, log) - forth(low, log)) / (forth(high, log) - forth(low, log));
  return { x, y, px: (value) => left + share(x, value) * width, py: (value) => top + height * (1 - share(y, value)) };
}

/**
 * Where cells end along an axis: the last of a coarse map may reach beyond the window.
 * @param {Seen} axis
 * @param {number} count of them
 * @param {{every: number, side: number}} entry
 */
export function coverEnd({ low, high, log }, count, { every, side }) {
  const [from, to] = [forth(low, log), forth(high, log)];
  return back(from + ((to - from) * count * every) / side, log);
}

/**
 * The cell at a place; null outside the map.
 * @param {Shown} shown
 * @param {Place} place as shares of the plot
 * @returns {Cell | null}
 */
export function cellAt(shown, place) {
  const { entry } = shown;
  const axes = axesOf(shown);
  const found = [entry.x, entry.y].map((axis, k) => {
    const seen = axes[k];
    const [from, to] = [forth(seen.low, seen.log), forth(seen.high, seen.log)];
    const [low, high] = [forth(axis.low, axis.log), forth(axis.high, axis.log)];
    const at = (from + place[k] * (to - from) - low) / (high - low); // share of the map
    if (!(at >= 0 && at < 1)) return null;
    const cell = Math.floor((at * entry.side) / entry.every);
    const pixel = Math.min(cell * entry.every + (entry.every >> 1), entry.side - 1);
    return [cell, back(low + ((pixel + 0.5) / entry.side) * (high - low), axis.log)];
  });
  if (!found[0] || !found[1]) return null;
  const [[column, x], [row, y]] = found;
  return { index: row * entry.nx + column, x: Number(x.toPrecision(8)), y: Number(y.toPrecision(8)) };
}

/**
 * @param {Context} context
 * @param {Plot} plot
 * @param {MapScales} scales
 * @param {[string, string]} names of the axes
 * @param {Theme} theme
 * @param {number} width of the picture
 * @param {number} height
 */
export function paintAxes(context, plot, { x, y, px, py }, names, theme, width, height) {
  context.strokeStyle = theme.mix(0.45);
  context.lineWidth = 1;
  context.strokeRect(plot.left - 0.5, plot.top - 0.5, plot.width + 1, plot.height + 1);
  context.fillStyle = theme.mix(0.75);
  context.font = `11px ${theme.font}`;
  context.textBaseline = "top";
  context.textAlign = "center";
  const bottom = plot.top + plot.height;
  let free = -Infinity;
  for (const [value, text] of ticks(x, Math.max(2, Math.floor(plot.width / 62)), "number")) {
    const left = px(value);
    const half = context.measureText(text).width / 2;
    context.fillRect(Math.round(left), bottom, 1, 4);
    const at = Math.min(width - half, left);
    if (at - half < free) continue;
    context.fillText(text, at, bottom + 6);
    free = at + half + 4;
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, text] of ticks(y, Math.max(2, Math.floor(plot.height / 46)), "number")) {
    const at = py(value);
    const level = Math.min(bottom - 4, Math.max(plot.top + 5, at));
    context.fillRect(plot.left - 4, Math.round(at), 4, 1);
    context.fillText(text, plot.left - 6, level);
  }
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(names[0], plot.left + plot.width / 2, height - 1);
  context.save();
  context.translate(10, plot.top + plot.height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(names[1], 0, 0);
  context.restore();
}
