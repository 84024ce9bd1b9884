// Errors of a gradient against h: a line chart that spans whole decades of what was measured, with marks on it.

import { LineChart } from "../charts/line_chart.js";

/** @import { Spec } from "../charts/line_chart.js" */
/** @import { Curve, Look, Scene } from "../charts/types.js" */
/** @import { ErrorMark } from "../shared/messages.js" */
/** @typedef {Curve & {measured: boolean}} ErrorCurve */
/** @typedef {Scene<ErrorCurve> & {marks: ErrorMark[]}} ErrorScene */

const LUCK = 0.02; // so many of the errors that rounding makes very small by luck may leave the picture below
const ROOM = 0.08; // of the axis lies beneath the errors, where the straight lines run on by themselves

/** @type {Partial<Look<ErrorCurve, ErrorScene>>} */
const LOOK = {
  range(parts) {
    const values = parts
      .filter(({ curve }) => curve.measured)
      .flatMap(({ line }) => [...line.y.subarray(0, line.n)])
      .filter((value) => value > 0 && Number.isFinite(value))
      .sort((a, b) => a - b);
    if (!values.length) return { low: 1e-16, high: 1, cut: 0 };
    const least = Math.log10(values[Math.floor(values.length * LUCK)]);
    const high = Math.max(-299, Math.ceil(least) + 1, Math.ceil(Math.log10(values[values.length - 1])));
    const low = Math.max(-300, Math.floor(least - ROOM * (high - least)));
    return { low: 10 ** low, high: 10 ** high, cut: 0 };
  },

  above(context, plot, { curves, marks, theme }) {
    const { inner, right, bottom, xScale, yScale } = plot;
    context.font = `12px ${theme.font}`;
    /** @type {{at: number, half: number, y: number}[]} */
    const written = [];
    /** @param {string} label @param {number} x @param {number} y @param {string} colour */
    const text = (label, x, y, colour) => {
      const half = context.measureText(label).width / 2 + 2;
      const at = Math.min(right - half, Math.max(inner.left + half, x));
      if (written.some((other) => Math.abs(other.at - at) < other.half + half && Math.abs(other.y - y) < 14)) return;
      written.push({ at, half, y });
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineJoin = "round";
      context.lineWidth = 4;
      context.strokeStyle = theme.background;
      context.strokeText(label, at, y);
      context.fillStyle = colour;
      context.fillText(label, at, y);
    };
    for (const { kind, x, y, label, colour } of marks) {
      const px = xScale.px(x);
      if (px < inner.left - 1 || px > right + 1) continue;
      if (kind === "best") {
        const py = yScale.px(y ?? NaN);
        if (py < inner.top || py > bottom) continue;
        for (const [stroke, width] of /** @type {[string, number][]} */ ([
          [theme.background, 5],
          [theme.text, 2.2],
        ])) {
          context.strokeStyle = stroke;
          context.lineWidth = width;
          context.beginPath();
          context.arc(px, py, 6, 0, 7);
          context.stroke();
        }
        context.fillStyle = colour ?? theme.text;
        context.beginPath();
        context.arc(px, py, 4, 0, 7);
        context.fill();
        text(label, px, py + 18 > bottom ? py - 18 : py + 18, theme.text);
        continue;
      }
      context.strokeStyle = kind === "line" ? theme.text : theme.mix(0.6);
      context.lineWidth = 1.2;
      context.setLineDash(kind === "line" ? [] : [2, 3]);
      context.beginPath();
      context.moveTo(px, inner.top + (kind === "line" ? 16 : 34));
      context.lineTo(px, bottom);
      context.stroke();
      context.setLineDash([]);
      text(label, px, inner.top + (kind === "line" ? 8 : 26), kind === "line" ? theme.text : theme.mix(0.75));
    }
    for (const { key, measured, x, line } of curves) {
      if (measured) continue;
      const last = x.length - 1;
      // Where the line is a few pixels above the foot; the steepest one half way up, since the best h stands at its foot.
      const level = key === "slope 2" ? Math.sqrt(line[last] * yScale.low) : yScale.value(bottom - 12);
      const slope = Math.log(line[last] / line[0]) / Math.log(x[last] / x[0]);
      const px = xScale.px(x[0] * (level / line[0]) ** (1 / slope));
      if (px > inner.left && px < right)
        text(key, px + (key === "slope 1" ? -34 : 34), yScale.px(level), theme.mix(0.8));
    }
  },
};

/**
 * @param {Spec<ErrorCurve>} spec
 * @returns {LineChart<ErrorCurve, ErrorScene>}
 */
export const errorChart = (spec) => new LineChart(spec, LOOK);
