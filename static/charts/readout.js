// Exact values under the pointer, in a box that all charts of a page share.

import { h, short } from "../shared/dom.js";
import { duration, grouping } from "../shared/scales.js";
import { nearest } from "./series.js";

/** @import { Curve, Kind, Plot, Recorded, Scene } from "./types.js" */

/** @param {number} value */
const written = (value) => (value < 0 ? "−" : "") + short(Math.abs(value), 6);

/** @param {number} value @param {Kind} kind */
export const exactly = (value, kind) =>
  kind === "accuracy" ? `${Number((value * 100).toPrecision(6))} %` : written(value);

/**
 * Each curve's recorded point nearest to x. A curve that begins after x, or ended before it, has none.
 * @template {Curve} C
 * @param {number} x
 * @param {Plot} plot
 * @param {C[]} curves
 * @returns {Recorded<C>[]}
 */
export function pointsAt(x, plot, curves) {
  const { px, low, high } = plot.xScale;
  /** @type {Map<string, Recorded<C>>} */
  const pieces = new Map(); // of the pieces of one curve the nearest counts
  const found = curves.flatMap((curve) => {
    const { finite } = curve;
    const at = nearest(curve.x, finite, x);
    if (at < 0 || curve.x[at] < low || curve.x[at] > high) return [];
    if (at > 0 && at < finite - 1) return [{ curve, at }];
    const neighbour = curve.x[at ? at - 1 : Math.min(1, finite - 1)];
    const reach = Math.max(24, Math.abs(px(neighbour) - px(curve.x[at])) || 0);
    return Math.abs(px(x) - px(curve.x[at])) <= reach ? [{ curve, at }] : [];
  });
  /** @param {Recorded} point */
  const away = ({ curve, at }) => Math.abs(px(x) - px(curve.x[at]));
  for (const one of found) {
    const before = pieces.get(one.curve.key);
    if (one.curve.part !== undefined && !(before && away(before) <= away(one))) pieces.set(one.curve.key, one);
  }
  return found.filter((one) => one.curve.part === undefined || pieces.get(one.curve.key) === one);
}

/**
 * Fills the tip with every curve's exact value near x; returns the curve nearest to the pointer.
 * @template {Curve} C
 * @param {HTMLElement} tip
 * @param {number} x
 * @param {number} py
 * @param {Plot} plot
 * @param {Scene<C>} scene
 * @param {Kind} kind
 * @returns {C | null}
 */
export function fillTip(tip, x, py, plot, scene, kind) {
  const { yScale, inner, bottom } = plot;
  const found = pointsAt(x, plot, scene.curves).map(({ curve, at }) => ({
    curve,
    at,
    value: (curve.raw ?? curve.line)[at],
    away: Math.abs(yScale.px(curve.line[at]) - py),
  }));
  /** @type {(typeof found)[number] | null} */
  let close = null;
  for (const one of found) if (one.away < (close?.away ?? Infinity)) close = one;
  tip.hidden = !close;
  if (!close) return null;
  const nearest = close;
  const near = py >= inner.top && py <= bottom && nearest.away < 24 ? nearest.curve : null;
  const sign = kind === "accuracy" ? -1 : 1;
  found.sort((a, b) => sign * (a.value - b.value));
  /** @param {Curve} curve @param {number} i */
  const at = (curve, i) =>
    curve.steps ? `step ${grouping(curve.steps[i])}` : `${scene.x.label} ${written(curve.x[i])}`;
  const { steps, each, x: places } = nearest.curve;
  const head = [at(nearest.curve, nearest.at)];
  if (steps) {
    if (each) head.push(`epoch ${Number((steps[nearest.at] / each).toFixed(2))}`);
    if (scene.x.kind === "seconds") head.push(duration(places[nearest.at]));
  }
  const rows = found.map(({ curve, at: i, value }) => {
    const swatch = h("i", { class: "rv-dot" });
    swatch.style.background = curve.colour;
    const aside = spread(curve, i, kind);
    if (curve.steps && curve.steps[i] !== steps?.[nearest.at]) aside.push(at(curve, i));
    return h(
      "span",
      { class: `rv-tip-row${curve === near ? " rv-near" : ""}` },
      h("span", { class: "rv-tip-name" }, swatch, curve.validation ? `${curve.label}, validation` : curve.label),
      h("span", { class: "rv-tip-value" }, curve.crossed ? "diverged" : exactly(value, kind)),
      h("span", { class: "rv-tip-aside" }, aside.join(", ")),
    );
  });
  tip.classList.toggle("rv-tip-many", rows.length > 12);
  tip.classList.toggle(
    "rv-tip-smooth",
    found.some(({ curve }) => curve.raw),
  );
  tip.replaceChildren(h("strong", {}, head.join(" · ")), h("div", { class: "rv-tip-rows" }, ...rows));
  return near;
}

/**
 * What is said beside a value: the average there, the band, and of how many they are.
 * @param {Curve} curve
 * @param {number} i
 * @param {Kind} kind
 */
function spread({ raw, line, high, n, seeds, factor }, i, kind) {
  const said = [];
  const several = (n?.[i] ?? 0) > 1;
  if (raw) said.push(`smoothed ${exactly(Number(line[i].toPrecision(4)), kind)}`);
  if (high && several && factor) said.push(`× ÷ ${written(Number((high[i] / line[i]).toPrecision(3)))}`);
  else if (high && several)
    said.push(`± ${written(Number(((high[i] - line[i]) * (kind === "accuracy" ? 100 : 1)).toPrecision(2)))}`);
  if (n || seeds) said.push(`N = ${n?.[i] ?? seeds}`);
  return said;
}

/** @param {HTMLElement} tip @param {number} clientX @param {number} clientY */
export function placeTip(tip, clientX, clientY) {
  const host = tip.offsetParent?.getBoundingClientRect();
  if (!host || tip.hidden) return;
  const { offsetWidth: w, offsetHeight: tall } = tip;
  const left = clientX - host.left;
  const x = left + 16 + w > host.width ? left - 16 - w : left + 16;
  const high = Math.max(
    8 - host.top,
    Math.min(clientY - host.top - tall / 2, window.innerHeight - host.top - tall - 8),
  );
  tip.style.transform = `translate(${Math.round(Math.max(0, Math.min(x, host.width - w)))}px, ${Math.round(high)}px)`;
}
