// Charts of a result against the learning rate.

import { LineChart } from "../charts/line_chart.js";
import { exactly } from "../charts/readout.js";
import { h, setText } from "../shared/dom.js";

/** @import { Spec } from "../charts/line_chart.js" */
/** @import { Curve } from "../charts/types.js" */
/** @import { RateChart, RateCurve } from "../shared/messages.js" */
/** @import { Theme } from "../shared/types.js" */

export class Sensitivity {
  /** @param {Pick<Spec, "tip" | "onKey">} hand */
  constructor(hand) {
    this.hand = hand;
    /** @type {LineChart[]} */
    this.charts = [];
    this.node = h("div", { class: "rv-curves rv-sensitivity", hidden: true });
  }

  /**
   * @param {RateChart[]} specs
   * @param {Theme} theme
   * @param {number} width of one
   */
  render(specs, theme, width) {
    this.node.hidden = !specs.length;
    while (this.charts.length > specs.length) {
      const chart = this.charts.pop();
      chart?.destroy();
      chart?.node.remove();
    }
    specs.forEach((spec, i) => {
      const kind = spec.unit === "fraction" ? "accuracy" : spec.unit === "loss" ? "loss" : "number";
      let chart = this.charts[i];
      if (!chart) {
        const onPoint = (/** @type {number | null} */ x) => this.charts[i].point(x, this.charts[i].key);
        chart = new LineChart({
          ...this.hand,
          name: `sensitivity_${i}`,
          title: spec.title,
          kind,
          onZoom: () => {},
          onPoint,
        });
        this.charts[i] = chart;
        this.node.append(chart.node);
      }
      chart.kind = kind;
      setText(chart.heading, spec.title);
      const curves = spec.series.flatMap((one) => rates(one));
      const every = curves.flatMap(({ x }) => Array.from(x));
      const x = every.length
        ? { low: Math.min(...every) / 1.3, high: Math.max(...every) * 1.3 }
        : { low: 1e-4, high: 1 };
      chart.draw({
        curves,
        x: { ...x, log: true, kind: "number", label: "learning rate", full: true },
        logY: false,
        theme,
        width,
        height: 230,
      });
      chart.explain(spec.series, curves.some((curve) => curve.crossed || curve.ended) ? "diverged" : "");
      /** @param {RateCurve} line */
      const best = ({ label, x, y, diverged }) => {
        const known = y.flatMap((value, i) => (value === null || diverged[i] ? [] : [{ value, rate: x[i] }]));
        if (!known.length) return `${label} has no value`;
        const top = known.reduce((a, b) => ((kind === "loss" ? b.value < a.value : b.value > a.value) ? b : a));
        return `${label} best ${exactly(top.value, kind)} at learning rate ${top.rate}`;
      };
      chart.describe(`${spec.title}: ${spec.series.map(best).join("; ")}`);
    });
  }

  destroy() {
    for (const chart of this.charts) chart.destroy();
  }
}

/**
 * Curves over learning rates: pieces of a line between the rates at which every seed diverged, and crosses at those. A
 * rate without a value leaves the line out; where the last rates have none, it ends with a cross.
 * @param {RateCurve} line
 * @returns {Curve[]}
 */
function rates({ label, colour, dash, x, y, low, high, n, diverged }) {
  const there = x.map((_, i) => i).filter((i) => y[i] !== null);
  const lost = there.filter((i) => diverged[i]);
  /** @type {number[][]} */
  const pieces = [];
  there.forEach((i, k) => {
    if (diverged[i]) return;
    if (k && !diverged[there[k - 1]]) pieces[pieces.length - 1].push(i);
    else pieces.push([i]);
  });
  /** @param {number[]} chosen @param {number} part @param {Pick<Curve, "crossed" | "ended">} rest */
  const made = (chosen, part, rest) => {
    /** @param {(number | null)[]} list */
    const pick = (list) => Float64Array.from(chosen, (i) => list[i] ?? y[i] ?? NaN);
    return {
      key: label,
      group: label,
      label,
      colour,
      dash,
      part,
      perEpoch: true,
      ...rest,
      count: chosen.length,
      finite: chosen.length,
      points: chosen.length,
      x: pick(x),
      line: pick(y),
      low: rest.crossed ? null : pick(low),
      high: rest.crossed ? null : pick(high),
      n: chosen.map(() => n),
    };
  };
  const last = there[there.length - 1] ?? x.length;
  const curves = pieces.map((piece, part) => made(piece, part, { ended: last < x.length - 1 && piece.includes(last) }));
  return lost.length ? [...curves, made(lost, curves.length, { crossed: true })] : curves;
}
