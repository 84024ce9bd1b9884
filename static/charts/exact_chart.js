// Measured points with error bars beside exact curves: a line chart whose curves may be points or bars, with a mark.

import { LineChart } from "./line_chart.js";
import { paintLine } from "./strokes.js";

/** @import { Spec } from "./line_chart.js" */
/** @import { Curve, Look, Scene } from "./types.js" */
/** @import { Numbers } from "../shared/types.js" */
/** @typedef {Curve & {bars?: boolean, lower?: Numbers, upper?: Numbers}} ExactCurve */
/** @typedef {Scene<ExactCurve> & {mark: number | null, floor?: number}} ExactScene */
/** @typedef {LineChart<ExactCurve, ExactScene>} ExactChart */

/** @type {Look<ExactCurve, ExactScene>} */
const LOOK = {
  /** All of what is drawn in the window of x; error bars too where the axis can show them. */
  range(parts, log, { floor = 1e-300 }) {
    let [low, high] = [Infinity, -Infinity];
    /** @param {number} value */
    const take = (value) => {
      if (!Number.isFinite(value) || (log && value < floor)) return;
      if (value < low) low = value;
      if (value > high) high = value;
    };
    for (const { curve, from, to } of parts) {
      for (let i = from; i < to; i++) {
        take(curve.line[i]);
        if (!curve.upper || !curve.lower) continue;
        take(curve.upper[i]);
        if (!log || curve.lower[i] > curve.line[i] / 10) take(curve.lower[i]);
      }
      if (curve.bars) take(0);
    }
    if (!(low <= high)) [low, high] = log ? [0.1, 1] : [0, 1];
    /** @type {(value: number) => number} */
    const forth = log ? Math.log10 : (value) => value;
    const [least, most] = [forth(low), forth(high)];
    const room = (most - least || Math.abs(most) || 1) * 0.05;
    const bounds = [least - (low === 0 ? 0 : room), most + room];
    return { low: log ? 10 ** bounds[0] : bounds[0], high: log ? 10 ** bounds[1] : bounds[1], cut: 0 };
  },

  line(context, part, plot, corners, width) {
    const { curve, from, to } = part;
    const { lower, upper } = curve;
    if (!curve.bars && !(lower && upper)) {
      paintLine(context, part, plot, corners, width);
      return;
    }
    const { xScale, yScale } = plot;
    context.strokeStyle = context.fillStyle = curve.colour;
    if (curve.bars) {
      const each = to - from > 1 ? Math.abs(xScale.px(curve.x[from + 1]) - xScale.px(curve.x[from])) : 20;
      const wide = Math.max(0.6, each * 0.8);
      context.globalAlpha = 0.75;
      for (let i = from; i < to; i++) {
        const y = yScale.px(curve.line[i]);
        context.fillRect(xScale.px(curve.x[i]) - wide / 2, y, wide, yScale.px(0) - y);
      }
      context.globalAlpha = 1;
      return;
    }
    if (!lower || !upper) return;
    context.lineWidth = 1.4;
    for (let i = from; i < to; i++) {
      const [x, y] = [xScale.px(curve.x[i]), yScale.px(curve.line[i])];
      if (!Number.isFinite(y)) continue;
      const [low, high] = [lower[i], upper[i]].map((value) =>
        yScale.log && !(value > 0) ? plot.bottom : yScale.px(value),
      );
      context.beginPath();
      context.moveTo(x, low);
      context.lineTo(x, high);
      context.stroke();
      context.beginPath();
      context.arc(x, y, 3.6, 0, 7);
      context.fill();
    }
  },

  /** The mark, which moves without the curves. */
  over(context, { inner, right, bottom, xScale }, { mark, theme }) {
    if (mark === null) return;
    const px = xScale.px(mark);
    if (!(px >= inner.left && px <= right)) return;
    context.strokeStyle = theme.mix(0.6);
    context.lineWidth = 1.2;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(px, inner.top);
    context.lineTo(px, bottom);
    context.stroke();
    context.setLineDash([]);
  },
};

/**
 * @param {Spec<ExactCurve>} spec
 * @returns {ExactChart}
 */
export const exactChart = (spec) => new LineChart(spec, LOOK);

/** @param {ExactChart} chart @param {number | null} mark */
export function setMark(chart, mark) {
  if (!chart.scene || chart.scene.mark === mark) return;
  chart.scene.mark = mark;
  chart.drawOver();
}
