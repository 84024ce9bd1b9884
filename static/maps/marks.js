// What is drawn on a map: the hatch of runs that diverged, landmarks of a surface, marks of theory.

import { h, pen } from "../shared/dom.js";
import { HATCH, STRIPE } from "./constants.js";
import { css } from "./map_colours.js";

/** @import { MapScales } from "./map_axes.js" */
/** @import { BasinScene } from "./types.js" */
/** @import { PlaneMap } from "../shared/messages.js" */
/** @import { Context } from "../shared/types.js" */

/**
 * The hatch of runs that diverged.
 * @param {Context} context
 * @param {number} ratio
 */
export function hatch(context, ratio) {
  const side = 4 * STRIPE;
  const tile = h("canvas", { width: side * ratio, height: side * ratio });
  const inside = pen(tile);
  inside.scale(ratio, ratio);
  inside.fillStyle = css(HATCH[1]);
  inside.fillRect(0, 0, side, side);
  inside.strokeStyle = css(HATCH[0]);
  inside.lineWidth = STRIPE;
  for (const shift of [-side, 0, side]) {
    inside.beginPath();
    inside.moveTo(shift - side, 2 * side);
    inside.lineTo(shift + 2 * side, -side);
    inside.stroke();
  }
  const pattern = /** @type {CanvasPattern} */ (context.createPattern(tile, "repeat")); // null for no pixels only
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

/** @param {Context} context @param {number} x @param {number} y @param {number} radius */
function star(context, x, y, radius) {
  context.beginPath();
  for (let i = 0; i < 10; i++) {
    const [r, angle] = [i % 2 ? radius * 0.42 : radius, (Math.PI * i) / 5 - Math.PI / 2];
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
}

/**
 * Stars for minima, the lowest ones larger, crosses for saddles.
 * @param {Context} context
 * @param {MapScales} scales
 * @param {BasinScene} scene
 */
export function paintLandmarks(context, { px, py }, { minima, lowest, saddles }) {
  context.lineJoin = "round";
  minima.forEach(([x, y], i) => {
    star(context, px(x), py(y), lowest.includes(i) ? 8 : 5.5);
    context.strokeStyle = "rgba(255,255,255,0.95)";
    context.lineWidth = 3;
    context.stroke();
    context.fillStyle = "#111";
    context.fill();
  });
  for (const [colour, width] of /** @type {const} */ ([
    ["rgba(255,255,255,0.9)", 4],
    ["#111", 1.8],
  ])) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [x, y] of saddles) {
      const [sx, sy] = [px(x), py(y)];
      context.moveTo(sx - 4, sy - 4);
      context.lineTo(sx + 4, sy + 4);
      context.moveTo(sx + 4, sy - 4);
      context.lineTo(sx - 4, sy + 4);
    }
    context.stroke();
  }
}

/**
 * Where theory puts the edge and the best rate, what was best here, and the values as they are now.
 * @param {Context} context
 * @param {MapScales} scales
 * @param {PlaneMap} entry
 */
export function paintTheory(context, { px, py }, { edge, optimum, best, present }) {
  /** @param {number} width @param {() => void} draw */
  const twice = (width, draw) => {
    for (const [colour, extra] of /** @type {[string, number][]} */ ([
      ["rgba(0,0,0,0.75)", 2.4],
      ["#fff", 0],
    ])) {
      context.strokeStyle = colour;
      context.lineWidth = width + extra;
      draw();
    }
  };
  if (edge.length) {
    twice(1.8, () => {
      context.beginPath();
      for (const [x, y] of edge) context.lineTo(px(x), py(y));
      context.stroke();
    });
  }
  if (optimum) {
    star(context, px(optimum[0]), py(optimum[1]), 8);
    context.strokeStyle = "rgba(0,0,0,0.8)";
    context.lineWidth = 3;
    context.stroke();
    context.fillStyle = "#fff";
    context.fill();
  }
  if (best) {
    const [x, y] = [px(best[0]), py(best[1])];
    twice(2, () => {
      context.beginPath();
      context.moveTo(x - 6, y);
      context.lineTo(x + 6, y);
      context.moveTo(x, y - 6);
      context.lineTo(x, y + 6);
      context.stroke();
    });
  }
  const [x, y] = [px(present[0]), py(present[1])];
  twice(2.2, () => {
    context.beginPath();
    context.arc(x, y, 6.5, 0, 7);
    context.stroke();
  });
}
