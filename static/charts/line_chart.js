// Many curves on one canvas: axes, faint raw lines under strong ones, bands, zoom, and exact values under the pointer.

import { h, paintSwatch, pen, setText, short } from "../shared/dom.js";
import { duration, grouping, percent, scale, ticks } from "../shared/scales.js";
import { grown, lowerBound, nearest } from "./series.js";

/** @import { Context, Numbers, Place, Scale, Swatch, Theme, TickKind } from "../shared/types.js" */

/**
 * A curve: `finite` of its `count` points come before the first that is no number.
 * @typedef {object} Curve
 * @property {string} key
 * @property {string} group
 * @property {string} label
 * @property {string} colour
 * @property {string} [dash]
 * @property {number} count
 * @property {number} finite
 * @property {number} points that it was made of
 * @property {Numbers} x
 * @property {Numbers} line
 * @property {Numbers | null} [raw] what `line` is the average of
 * @property {Numbers | null} [low] a band's foot
 * @property {Numbers | null} [high] and its top
 * @property {Numbers | null} [n] of how many the band is, point by point
 * @property {number} [seeds]
 * @property {Numbers} [steps]
 * @property {number} [each] steps of an epoch
 * @property {boolean} [perEpoch]
 * @property {boolean} [validation]
 * @property {boolean} [ended] it diverged after its last point
 * @property {boolean} [factor] its averages are of logarithms
 * @property {number} [part] tells pieces of one curve apart
 * @property {boolean} [crossed] crosses alone, each for runs that diverged
 */

/** @typedef {{low: number, high: number, log: boolean, kind: TickKind, label: string, full: boolean}} Axis */
/** @typedef {{n: number, px: Float64Array, y: Float64Array}} Points points in pixels across, as they are up */
/** @typedef {{left: number, top: number, width: number, height: number}} Inner */
/** @typedef {"both" | "low" | "high" | "mean" | "factor"} Reduction */

/**
 * What the pixels are, before it is known what the curves span.
 * @typedef {object} Ground
 * @property {Inner} inner
 * @property {number} right
 * @property {number} bottom
 * @property {Scale} xScale
 * @property {number} columns
 * @property {Float64Array} edges
 * @property {number} ratio
 * @property {number} stride
 */

/** @typedef {Ground & {yScale: Scale}} Plot */

/**
 * @template {Curve} C
 * @typedef {object} Scene
 * @property {C[]} curves
 * @property {Axis} x
 * @property {boolean} logY
 * @property {Theme} theme
 * @property {number} width
 * @property {number} height
 */

/**
 * A curve's points `from`..`to`, which are those in the window.
 * @template {Curve} C
 * @typedef {object} Part
 * @property {C} curve
 * @property {number} from
 * @property {number} to
 * @property {Points} line
 * @property {Points | null} raw
 * @property {[Points, Points] | null} band
 */

const MARGIN = { left: 50, right: 12, top: 8, bottom: 34 };
const FLOOR = 1e-12; // a logarithmic axis of losses reaches no lower
const CUT = 4; // of several curves on a linear axis, one that exceeds the median's highest value so often leaves the picture
const TOLERANCE = 0.35; // pixels that a strong line may pass beside its points
const MANY = 6000; // strokes wider than a device pixel cost 20 times as much: beyond so many, none are
const CROWD = 16; // with more curves the faint lines are drawn in columns of two pixels

/** @param {number} value */
const written = (value) => (value < 0 ? "−" : "") + short(Math.abs(value), 6);

/**
 * Points `from`..`to` in pixels. Of many that share a pixel column, `pick` says what is left: "both" the lowest and the
 * highest, "low" or "high" one of them, "mean" their average, "factor" their geometric one; `stride` makes the columns
 * wider. Few points stay as they are.
 * @param {Numbers} x
 * @param {Numbers} y
 * @param {number} from
 * @param {number} to
 * @param {Ground} plot
 * @param {Reduction} pick
 * @param {Points} buffer
 */
export function reduce(x, y, from, to, plot, pick, buffer, stride = 1) {
  const { edges, columns, xScale, inner, ratio } = plot;
  const room = Math.min(to - from, 2 * columns + 4);
  buffer.px = grown(buffer.px, room);
  buffer.y = grown(buffer.y, room);
  let n = 0;
  /** @param {number} px @param {number} value */
  const add = (px, value) => {
    buffer.px[n] = px;
    buffer.y[n++] = value;
  };
  /** @param {number} i */
  const keep = (i) => add(xScale.log ? xScale.px(x[i]) : xScale.offset + x[i] * xScale.factor, y[i]);
  if (to - from <= 2 * columns) {
    for (let i = from; i < to; i++) keep(i);
    buffer.n = n;
    return buffer;
  }
  let i = from;
  while (i < to && x[i] < edges[0]) keep(i++);
  for (let c = 0; c < columns && i < to; c += stride) {
    const end = edges[Math.min(columns, c + stride)];
    if (x[i] >= end) continue;
    const middle = inner.left + (c + stride / 2) / ratio;
    if (pick === "mean") {
      const first = i;
      let sum = 0;
      for (; i < to && x[i] < end; i++) sum += y[i];
      add(middle, sum / (i - first));
      continue;
    }
    if (pick === "factor") {
      let [sum, count] = [0, 0];
      for (; i < to && x[i] < end; i++) {
        if (!(y[i] > 0)) continue;
        sum += Math.log(y[i]);
        count++;
      }
      add(middle, count ? Math.exp(sum / count) : NaN);
      continue;
    }
    let [low, high] = [i, i];
    let [lowest, highest] = [y[i], y[i]];
    for (i++; i < to && x[i] < end; i++) {
      const value = y[i];
      if (value < lowest) [lowest, low] = [value, i];
      else if (value > highest) [highest, high] = [value, i];
    }
    if (pick === "low" || low === high) add(middle, lowest);
    else if (pick === "high") add(middle, highest);
    else {
      keep(Math.min(low, high));
      keep(Math.max(low, high));
    }
  }
  if (i < to) keep(i);
  buffer.n = n;
  return buffer;
}

/**
 * Adds the line to the path; returns its corners.
 * @param {Pick<Context, "moveTo" | "lineTo">} context
 * @param {Points} points
 * @param {Scale} yScale
 * @param {boolean} thin leaves out points that lie on the line through their neighbours
 */
export function trace(context, { n, px, y }, yScale, thin) {
  if (!n) return 0;
  const { log, offset, factor, low, high } = yScale;
  // Far outside the picture one place is as good as another.
  const [top, bottom] = [yScale.px(high) - 4000, yScale.px(low) + 4000];
  /** @param {number} k */
  const place = (k) => {
    const value = y[k];
    const py = log ? (value > 0 ? yScale.px(value) : bottom) : offset + value * factor;
    return py < top ? top : py > bottom ? bottom : py;
  };
  let corners = 1;
  let [fromX, fromY] = [px[0], place(0)];
  context.moveTo(fromX, fromY);
  if (!thin) {
    for (let k = 1; k < n; k++) context.lineTo(px[k], place(k));
    return n;
  }
  let [least, most] = [-Infinity, Infinity];
  let [lastX, lastY] = [fromX, fromY];
  for (let k = 1; k < n; k++) {
    const [nextX, nextY] = [px[k], place(k)];
    let run = nextX - fromX;
    if (run < 1e-3) run = 1e-3;
    const slope = (nextY - fromY) / run;
    if (slope < least || slope > most) {
      context.lineTo(lastX, lastY);
      corners++;
      [fromX, fromY] = [lastX, lastY];
      run = Math.max(nextX - fromX, 1e-3);
      [least, most] = [-Infinity, Infinity];
    }
    least = Math.max(least, (nextY - TOLERANCE - fromY) / run);
    most = Math.min(most, (nextY + TOLERANCE - fromY) / run);
    [lastX, lastY] = [nextX, nextY];
  }
  context.lineTo(lastX, lastY);
  return corners + 1;
}

/** @returns {Points} */
export const fresh = () => ({ n: 0, px: new Float64Array(0), y: new Float64Array(0) });

/**
 * @template {Curve} [C=Curve]
 * @template {Scene<C>} [S=Scene<C>]
 */
export class LineChart {
  /**
   * @param {object} spec
   * @param {string} spec.name
   * @param {string} spec.title
   * @param {"loss" | "accuracy" | "number"} spec.kind
   * @param {HTMLElement} spec.tip shows what is under the pointer; shared by all charts
   * @param {(zoom: Place | null) => void} spec.onZoom in values of the x axis, or null for everything
   * @param {(x: number | null) => void} spec.onPoint null when the pointer leaves
   * @param {(curve: C | null) => void} spec.onKey the curve nearest to the pointer
   */
  constructor({ name, title, kind, tip, onZoom, onPoint, onKey }) {
    this.name = name;
    this.title = title;
    this.kind = kind;
    this.tip = tip;
    this.onZoom = onZoom;
    this.onPoint = onPoint;
    this.onKey = onKey;
    /** @type {Map<string, Points>} */
    this.buffers = new Map();
    /** @type {S | null} */
    this.scene = null; // what was drawn last, on what ground, and its curves there
    /** @type {Plot | null} */
    this.plot = null;
    /** @type {Part<C>[]} */
    this.parts = [];
    /** @type {number | null} */
    this.pointed = null; // where a vertical line stands
    /** @type {string | null} */
    this.key = null; // the run or group that stands out
    /** @type {Place | null} */
    this.dragged = null; // pixels between which a hand drags
    this.explained = "";
    this.unlisten = () => {};
    /** @type {HTMLElement | null} */
    this.legend = null;
    this.heading = h("h4", { class: "rv-chart-title" }, title);
    this.note = h("span", { class: "rv-chart-note" });
    this.canvas = h("canvas", { class: "rv-canvas", "aria-hidden": "true" });
    this.over = h("canvas", { class: "rv-canvas", "aria-hidden": "true" });
    this.frame = h(
      "div",
      { class: "rv-curve-frame rv-line-frame", role: "img", tabindex: "0", "aria-label": title },
      this.canvas,
      this.over,
    );
    this.node = h(
      "section",
      { class: "rv-chart", "data-testid": `chart-${name}`, "data-points": 0, "data-curves": 0 },
      h("div", { class: "rv-chart-head" }, this.heading, this.note),
      this.frame,
    );
    this.listen();
  }

  // ---------------------------------------------------------------- drawing

  /** @param {S} scene */
  draw(scene) {
    this.scene = scene;
    const { width, height, curves } = scene;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.over]) {
      if (canvas.width === Math.round(width * ratio) && canvas.height === Math.round(height * ratio)) continue;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      this.frame.style.height = `${height}px`;
    }
    const context = pen(this.canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paint(scene, context, ratio);
    const points = String(curves.reduce((sum, curve) => sum + curve.points, 0));
    if (this.node.dataset.points !== points) this.node.dataset.points = points;
    this.node.dataset.curves = String(curves.length);
    this.drawOver();
  }

  /** @param {string} text */
  describe(text) {
    if (this.frame.getAttribute("aria-label") !== text) this.frame.setAttribute("aria-label", text);
  }

  /**
   * A legend of its own beneath the chart: of these curves, and of the cross.
   * @param {(Swatch & {label: string})[]} items
   */
  explain(items, cross = "") {
    const state = JSON.stringify([items.map(({ label, colour, dash }) => [label, colour, dash]), cross]);
    if (state === this.explained) return;
    this.explained = state;
    /** @param {Swatch & {label: string}} item */
    const entry = (item) => {
      const swatch = h("i", { class: "rv-swatch" });
      paintSwatch(swatch, item);
      return h("li", { class: "rv-legend-entry" }, swatch, item.label);
    };
    this.legend?.remove();
    this.legend = h(
      "ul",
      { class: "rv-legend", "aria-label": `Curves of ${this.title}` },
      ...items.map(entry),
      cross ? h("li", { class: "rv-legend-entry" }, `✕ ${cross}`) : null,
    );
    this.node.append(this.legend);
  }

  /** @param {S} scene @param {Context} context @param {number} ratio */
  paint(scene, context, ratio) {
    const { curves, x, logY, theme, width, height } = scene;
    const inner = {
      left: MARGIN.left,
      top: MARGIN.top,
      width: Math.max(10, width - MARGIN.left - MARGIN.right),
      height: Math.max(10, height - MARGIN.top - MARGIN.bottom),
    };
    const [right, bottom] = [inner.left + inner.width, inner.top + inner.height];
    const xScale = scale(x.low, x.high, x.log, inner.left, right);
    const columns = Math.round(inner.width * ratio);
    const edges = Float64Array.from({ length: columns + 1 }, (_, c) => xScale.value(inner.left + c / ratio));
    const ground = { inner, right, bottom, xScale, columns, edges, ratio, stride: curves.length > CROWD ? 2 : 1 };
    const parts = curves.map((curve) => this.reduced(curve, ground));
    const { low, high, cut } = this.range(parts, logY, scene);
    const plot = { ...ground, yScale: scale(low, high, logY, bottom, inner.top) };
    this.plot = plot;
    setText(this.note, cut ? `${cut} ${cut > 1 ? "curves leave" : "curve leaves"} the picture above` : "");
    context.clearRect(0, 0, width, height);
    this.paintAxes(context, plot, x, scene);
    context.save();
    context.beginPath();
    const spare = x.full ? 4 : 0; // for the marks of the last points
    context.rect(inner.left, inner.top - 2, inner.width + spare, inner.height + 3);
    context.clip();
    context.lineJoin = "bevel";
    for (const { curve, band } of parts) if (band) this.paintBand(context, curve, band, plot);
    context.globalAlpha = Math.min(0.32, Math.max(0.1, 4 / curves.length));
    for (const { curve, raw } of parts) {
      if (!raw) continue;
      context.lineWidth = raw.n > inner.width / 2 ? 1 / ratio : 1;
      context.strokeStyle = curve.colour;
      context.beginPath();
      trace(context, raw, plot.yScale, false);
      context.stroke();
    }
    context.globalAlpha = 1;
    const corners = parts.reduce((sum, { line }) => sum + line.n, 0);
    for (const part of parts) this.paintLine(context, part, plot, corners);
    for (const part of parts) this.paintEnd(context, part, plot, theme);
    context.restore();
    this.parts = parts;
    return plot;
  }

  /** @param {string} name */
  buffer(name) {
    let found = this.buffers.get(name);
    if (!found) this.buffers.set(name, (found = fresh()));
    return found;
  }

  /**
   * @param {C} curve
   * @param {Ground} plot
   * @returns {Part<C>}
   */
  reduced(curve, plot) {
    const { x, finite } = curve;
    const { low, high, log } = plot.xScale;
    const first = log ? lowerBound(x, finite, Number.MIN_VALUE) : 0;
    // One point more on either side: lines run on to the picture's edge.
    const from = Math.max(first, lowerBound(x, finite, low) - 1);
    const to = Math.min(finite, lowerBound(x, finite, high) + 2);
    const key = `${curve.key}\n${curve.validation ? "v" : ""}${curve.part ?? ""}`;
    /** @param {string} name @param {Numbers} y @param {Reduction} pick @param {number} [stride] */
    const reduced = (name, y, pick, stride) =>
      reduce(x, y, from, to, plot, pick, this.buffer(`${key}\n${name}`), stride);
    const average = curve.factor ? "factor" : "mean";
    const { line, raw, low: foot, high: top } = curve;
    return {
      curve,
      from,
      to,
      line: reduced("line", line, raw ? average : "both"),
      raw: raw ? reduced("raw", raw, "both", plot.stride) : null,
      band:
        foot && top
          ? [reduced("low", foot, raw ? average : "low"), reduced("high", top, raw ? average : "high")]
          : null,
    };
  }

  /**
   * From the lowest to the highest value in the window; raw lines may stand out by half of what the strong ones span.
   * @param {Part<C>[]} parts
   * @param {boolean} log
   * @param {S} _scene
   */
  range(parts, log, _scene) {
    /** @param {Points} points */
    const bounds = ({ n, y }) => {
      let [low, high] = [Infinity, -Infinity];
      for (let k = 0; k < n; k++) {
        const value = y[k];
        if ((log && value < FLOOR) || !Number.isFinite(value)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      return [low, high];
    };
    let [low, high, cut] = [Infinity, -Infinity, 0];
    /** @type {number[]} */
    const tops = [];
    for (const { line, band } of parts) {
      const [below, above] = bounds(line);
      if (below > above) continue;
      low = Math.min(low, below, band ? bounds(band[0])[0] : Infinity);
      tops.push(Math.max(above, band ? bounds(band[1])[1] : -Infinity));
    }
    tops.sort((a, b) => a - b);
    if (tops.length) {
      const limit = this.kind === "loss" && !log ? CUT * tops[(tops.length - 1) >> 1] : Infinity;
      high = tops.findLast((top) => top <= limit || limit <= 0) ?? tops[tops.length - 1];
      cut = tops.filter((top) => top > high).length;
    }
    if (!(low <= high)) [low, high] = log ? [0.1, 1] : [0, 1];
    else {
      /** @type {(value: number) => number} */
      const forth = log ? Math.log10 : (value) => value;
      const reach = (forth(high) - forth(low)) / 2;
      let [least, most] = [forth(low), forth(high)];
      for (const { raw } of parts) {
        if (!raw) continue;
        const [below, above] = bounds(raw);
        if (below > above) continue;
        least = Math.min(least, Math.max(forth(below), forth(low) - reach));
        most = Math.max(most, Math.min(forth(above), forth(high) + reach));
      }
      const room = (most - least || Math.abs(most) || 1) * 0.04;
      [low, high] = [least - room, most + room];
      if (log) [low, high] = [10 ** low, 10 ** high];
      if (this.kind === "accuracy") [low, high] = [Math.max(low, 0), Math.min(high, 1)];
      if (this.kind === "accuracy" && low >= high) [low, high] = [Math.max(0, low - 0.05), Math.min(1, low + 0.05)];
    }
    return { low, high, cut };
  }

  /** @param {Context} context @param {Plot} plot @param {Axis} x @param {S} scene */
  paintAxes(context, { inner, right, bottom, xScale, yScale }, x, { theme, width }) {
    const fraction = this.kind === "accuracy";
    /** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
    const line = (x1, y1, x2, y2) => {
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      context.stroke();
    };
    context.font = `11px ${theme.font}`;
    context.lineWidth = 1;
    context.fillStyle = theme.mix(0.72);
    context.strokeStyle = theme.mix(0.13);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const [value, text] of ticks(
      yScale,
      Math.max(2, Math.floor(inner.height / 34)),
      fraction ? "fraction" : "number",
    )) {
      const y = Math.round(yScale.px(value)) + 0.5;
      line(inner.left, y, right, y);
      context.fillText(text, inner.left - 6, y + 0.5);
    }
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.strokeStyle = theme.mix(0.45);
    let free = -Infinity;
    for (const [value, text] of ticks(xScale, Math.max(2, Math.floor(inner.width / 62)), x.kind)) {
      const at = Math.round(xScale.px(value)) + 0.5;
      line(at, bottom, at, bottom + 4);
      const half = context.measureText(text).width / 2;
      if (at - half < free) continue;
      context.fillText(text, Math.min(at, width - half - 1), bottom + 16);
      free = at + half + 8;
    }
    line(inner.left, Math.round(bottom) + 0.5, right, Math.round(bottom) + 0.5);
    context.fillText(x.label, inner.left + inner.width / 2, bottom + 31);
  }

  /** @param {Context} context @param {C} curve @param {[Points, Points]} band @param {Plot} plot */
  paintBand(context, curve, [low, high], { yScale }) {
    const [top, bottom] = [yScale.px(yScale.high) - 4000, yScale.px(yScale.low) + 20];
    /** @param {number} value */
    const place = (value) => (yScale.log && !(value > 0) ? bottom : Math.max(top, yScale.px(value)));
    context.globalAlpha = 0.16;
    context.fillStyle = curve.colour;
    context.beginPath();
    for (let k = 0; k < high.n; k++) context.lineTo(high.px[k], place(high.y[k]));
    for (let k = low.n - 1; k >= 0; k--) context.lineTo(low.px[k], place(low.y[k]));
    context.fill();
    context.globalAlpha = 1;
  }

  /** @param {Context} context @param {Part<C>} part @param {Plot} plot @param {number} corners */
  paintLine(context, { curve, line, from, to }, { yScale, inner, ratio }, corners, width = 0) {
    if (curve.crossed) return;
    context.strokeStyle = context.fillStyle = curve.colour;
    context.lineWidth = width || (curve.validation ? 1 : corners > MANY && !curve.raw ? 1 / ratio : 1.8);
    context.globalAlpha = curve.validation ? 0.6 : 1;
    context.setLineDash(curve.dash && !curve.validation ? curve.dash.split(" ").map(Number) : []);
    context.beginPath();
    trace(context, line, yScale, true);
    context.stroke();
    context.setLineDash([]);
    if (curve.validation) this.paintCircles(context, line, yScale);
    context.globalAlpha = 1;
    const few = to - from <= Math.min(60, inner.width / 9);
    if (curve.validation || !(to - from === 1 || (curve.perEpoch && few))) return;
    context.beginPath();
    for (let k = 0; k < line.n; k++) {
      const y = yScale.px(line.y[k]);
      context.moveTo(line.px[k] + 2.3, y);
      context.arc(line.px[k], y, 2.3, 0, 7);
    }
    context.fill();
  }

  /**
   * Hollow circles on a line, not nearer to each other than they can be told apart.
   * @param {Context} context
   * @param {Points} line
   * @param {Scale} yScale
   */
  paintCircles(context, line, yScale) {
    context.lineWidth = 1;
    context.beginPath();
    let free = -Infinity;
    for (let k = 0; k < line.n; k++) {
      const y = yScale.px(line.y[k]);
      if (line.px[k] < free || !Number.isFinite(y)) continue;
      context.moveTo(line.px[k] + 2.4, y);
      context.arc(line.px[k], y, 2.4, 0, 7);
      free = line.px[k] + 14;
    }
    context.stroke();
  }

  /**
   * A small cross where a run diverged, and at every point that stands for runs that did.
   * @param {Context} context
   * @param {Part<C>} part
   * @param {Plot} plot
   * @param {Theme} theme
   */
  paintEnd(context, { curve, to }, plot, theme) {
    const { xScale, yScale, inner, right } = plot;
    for (let i = 0; curve.crossed && i < curve.count; i++)
      this.paintCross(context, xScale.px(curve.x[i]), yScale.px(curve.line[i]), curve.colour, theme);
    if (!curve.ended || curve.validation || to !== curve.finite || !curve.finite) return;
    const x = xScale.px(curve.x[curve.finite - 1]);
    const y = Math.max(inner.top + 3, yScale.px(curve.line[curve.finite - 1]));
    if (x >= inner.left - 1 && x <= right + 1 && Number.isFinite(y))
      this.paintCross(context, x, y, curve.colour, theme);
  }

  /** @param {Context} context @param {number} x @param {number} y @param {string} colour @param {Theme} theme */
  paintCross(context, x, y, colour, theme) {
    for (const [stroke, width] of /** @type {[string, number][]} */ ([
      [theme.background, 4.6],
      [colour, 2.2],
    ])) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - 4, y - 4);
      context.lineTo(x + 4, y + 4);
      context.moveTo(x - 4, y + 4);
      context.lineTo(x + 4, y - 4);
      context.stroke();
    }
  }

  // ---------------------------------------------------------------- what follows the pointer

  /**
   * A vertical line at x, with a dot on each curve; null takes it away.
   * @param {number | null} x
   * @param {string | null} key the run or group that stands out
   */
  point(x, key) {
    if (this.pointed === x && this.key === key) return;
    [this.pointed, this.key] = [x, key];
    this.drawOver();
  }

  drawOver() {
    const { plot, scene } = this;
    if (!plot || !scene) return;
    const { width, height, theme } = scene;
    const context = pen(this.over);
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { inner, right, bottom } = plot;
    context.save();
    context.beginPath();
    const spare = scene.x.full ? 4 : 0;
    context.rect(inner.left - spare, inner.top - 4, inner.width + 2 * spare, inner.height + 8);
    context.clip();
    context.lineJoin = "bevel";
    for (const part of this.parts) {
      if (this.key && (part.curve.key === this.key || part.curve.group === this.key))
        this.paintLine(context, part, plot, 0, part.curve.validation ? 2 : 3.2);
    }
    if (this.dragged) {
      const [from, to] = this.dragged.map((x) => Math.min(right, Math.max(inner.left, x)));
      context.fillStyle = theme.mix(0.5);
      context.globalAlpha = 0.18;
      context.fillRect(Math.min(from, to), inner.top, Math.abs(to - from), inner.height);
      context.globalAlpha = 1;
    } else if (this.pointed !== null) {
      const x = Math.round(plot.xScale.px(this.pointed)) + 0.5;
      if (x >= inner.left && x <= right + 1) {
        context.strokeStyle = theme.mix(0.55);
        context.lineWidth = 1;
        context.setLineDash([3, 3]);
        context.beginPath();
        context.moveTo(x, inner.top);
        context.lineTo(x, bottom);
        context.stroke();
        context.setLineDash([]);
        for (const { curve, at } of this.values(this.pointed, plot, scene))
          this.paintDot(context, curve, at, plot, theme);
      }
    }
    context.restore();
  }

  /** @param {Context} context @param {C} curve @param {number} at @param {Plot} plot @param {Theme} theme */
  paintDot(context, curve, at, { xScale, yScale }, theme) {
    const [x, y] = [xScale.px(curve.x[at]), yScale.px(curve.line[at])];
    if (!Number.isFinite(y)) return;
    context.beginPath();
    context.arc(x, y, 3, 0, 7);
    context.fillStyle = curve.colour;
    context.fill();
    context.strokeStyle = theme.background;
    context.lineWidth = 1.2;
    context.stroke();
  }

  /**
   * Each curve's recorded point nearest to x. A curve that begins after x, or ended before it, has none.
   * @param {number} x
   * @param {Plot} plot
   * @param {S} scene
   */
  values(x, plot, scene) {
    const { px, low, high } = plot.xScale;
    /** @type {Map<string, {curve: C, at: number}>} */
    const pieces = new Map(); // of the pieces of one curve the nearest counts
    const found = scene.curves.flatMap((curve) => {
      const { finite } = curve;
      const at = nearest(curve.x, finite, x);
      if (at < 0 || curve.x[at] < low || curve.x[at] > high) return [];
      if (at > 0 && at < finite - 1) return [{ curve, at }];
      const neighbour = curve.x[at ? at - 1 : Math.min(1, finite - 1)];
      const reach = Math.max(24, Math.abs(px(neighbour) - px(curve.x[at])) || 0);
      return Math.abs(px(x) - px(curve.x[at])) <= reach ? [{ curve, at }] : [];
    });
    /** @param {{curve: C, at: number}} point */
    const away = ({ curve, at }) => Math.abs(px(x) - px(curve.x[at]));
    for (const one of found) {
      const before = pieces.get(one.curve.key);
      if (one.curve.part !== undefined && !(before && away(before) <= away(one))) pieces.set(one.curve.key, one);
    }
    return found.filter((one) => one.curve.part === undefined || pieces.get(one.curve.key) === one);
  }

  /** @param {number} value */
  format(value) {
    return this.kind === "accuracy" ? `${Number((value * 100).toPrecision(6))} %` : written(value);
  }

  /**
   * Fills the shared tip with every curve's exact value near x; returns the curve nearest to the pointer.
   * @param {number} x
   * @param {number} py
   * @param {Plot} plot
   * @param {S} scene
   * @returns {C | null}
   */
  readout(x, py, plot, scene) {
    const { yScale, inner, bottom } = plot;
    const found = this.values(x, plot, scene).map(({ curve, at }) => ({
      curve,
      at,
      value: (curve.raw ?? curve.line)[at],
      away: Math.abs(yScale.px(curve.line[at]) - py),
    }));
    /** @type {(typeof found)[number] | null} */
    let close = null;
    for (const one of found) if (one.away < (close?.away ?? Infinity)) close = one;
    this.tip.hidden = !close;
    if (!close) return null;
    const nearest = close;
    const near = py >= inner.top && py <= bottom && nearest.away < 24 ? nearest.curve : null;
    const sign = this.kind === "accuracy" ? -1 : 1;
    found.sort((a, b) => sign * (a.value - b.value));
    /** @param {C} curve @param {number} i */
    const at = (curve, i) =>
      curve.steps ? `step ${grouping(curve.steps[i])}` : `${scene.x.label} ${written(curve.x[i])}`;
    const { steps, each, x: places } = nearest.curve;
    const head = [at(nearest.curve, nearest.at)];
    if (steps) {
      if (each) head.push(`epoch ${Number((steps[nearest.at] / each).toFixed(2))}`);
      if (scene.x.kind === "seconds") head.push(duration(places[nearest.at]));
    }
    const smooth = found.some(({ curve }) => curve.raw);
    const rows = found.map(({ curve, at: i, value }) => {
      const swatch = h("i", { class: "rv-dot" });
      swatch.style.background = curve.colour;
      const aside = [];
      const several = (curve.n?.[i] ?? 0) > 1;
      if (curve.raw) aside.push(`smoothed ${this.format(Number(curve.line[i].toPrecision(4)))}`);
      if (curve.high && several && curve.factor)
        aside.push(`× ÷ ${written(Number((curve.high[i] / curve.line[i]).toPrecision(3)))}`);
      else if (curve.high && several)
        aside.push(
          `± ${written(Number(((curve.high[i] - curve.line[i]) * (this.kind === "accuracy" ? 100 : 1)).toPrecision(2)))}`,
        );
      if (curve.n || curve.seeds) aside.push(`N = ${curve.n?.[i] ?? curve.seeds}`);
      if (curve.steps && curve.steps[i] !== steps?.[nearest.at]) aside.push(at(curve, i));
      return h(
        "span",
        { class: `rv-tip-row${curve === near ? " rv-near" : ""}` },
        h("span", { class: "rv-tip-name" }, swatch, curve.validation ? `${curve.label}, validation` : curve.label),
        h("span", { class: "rv-tip-value" }, curve.crossed ? "diverged" : this.format(value)),
        h("span", { class: "rv-tip-aside" }, aside.join(", ")),
      );
    });
    this.tip.classList.toggle("rv-tip-many", rows.length > 12);
    this.tip.classList.toggle("rv-tip-smooth", smooth);
    this.tip.replaceChildren(h("strong", {}, head.join(" · ")), h("div", { class: "rv-tip-rows" }, ...rows));
    return near;
  }

  /** @param {number} clientX @param {number} clientY */
  placeTip(clientX, clientY) {
    const host = this.tip.offsetParent?.getBoundingClientRect();
    if (!host || this.tip.hidden) return;
    const { offsetWidth: w, offsetHeight: tall } = this.tip;
    const left = clientX - host.left;
    const x = left + 16 + w > host.width ? left - 16 - w : left + 16;
    const high = Math.max(
      8 - host.top,
      Math.min(clientY - host.top - tall / 2, window.innerHeight - host.top - tall - 8),
    );
    this.tip.style.transform = `translate(${Math.round(Math.max(0, Math.min(x, host.width - w)))}px, ${Math.round(high)}px)`;
  }

  // ---------------------------------------------------------------- the hand

  listen() {
    const { frame } = this;
    /** @param {MouseEvent} event */
    const inside = (event) => {
      const box = frame.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    let armed = false; // the wheel zooms once the pointer has moved here; a page that is being scrolled scrolls on
    /** @type {{px: number, low: number, high: number, scale: Scale} | null} */
    let pan = null;
    const disarm = () => (armed = false);
    window.addEventListener("scroll", disarm, { capture: true, passive: true });
    this.unlisten = () => window.removeEventListener("scroll", disarm, { capture: true });
    /** @param {PointerEvent} event */
    const hover = (event) => {
      const { plot, scene } = this;
      if (!plot || !scene) return;
      const [px, py] = inside(event);
      const x = plot.xScale.value(Math.min(plot.right, Math.max(plot.inner.left, px)));
      const near = this.readout(x, py, plot, scene);
      this.placeTip(event.clientX, event.clientY);
      this.onPoint(x);
      this.onKey(near);
    };
    const leave = () => {
      this.tip.hidden = true;
      this.onPoint(null);
      this.onKey(null);
    };
    frame.addEventListener("pointerdown", (event) => {
      // What a finger has asked for stays until it touches something else.
      if (event.pointerType === "touch") frame.focus({ preventScroll: true });
      if (event.button || event.pointerType === "touch" || !this.plot) return hover(event);
      frame.setPointerCapture(event.pointerId);
      const [px] = inside(event);
      if (event.shiftKey) pan = { px, low: this.plot.xScale.low, high: this.plot.xScale.high, scale: this.plot.xScale };
      else this.dragged = [px, px];
    });
    frame.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && (event.movementX || event.movementY)) armed = true;
      const [px] = inside(event);
      if (pan) {
        const from = pan;
        /** @param {number} edge */
        const back = (edge) => from.scale.value(from.scale.px(edge) - (px - from.px));
        this.onZoom([back(from.low), back(from.high)]);
      } else if (this.dragged) {
        this.dragged[1] = px;
        this.tip.hidden = true;
        this.drawOver();
      } else hover(event);
    });
    frame.addEventListener("pointerup", () => {
      const { dragged: box, plot } = this;
      pan = this.dragged = null;
      if (!box || !plot) return;
      const { inner, right, xScale } = plot;
      const [low, high] = box.map((x) => Math.min(right, Math.max(inner.left, x))).sort((a, b) => a - b);
      if (high - low > 5) this.onZoom([xScale.value(low), xScale.value(high)]);
      else this.drawOver();
    });
    frame.addEventListener("pointercancel", () => (pan = this.dragged = null));
    frame.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && leave());
    frame.addEventListener("dblclick", () => this.onZoom(null));
    frame.addEventListener(
      "wheel",
      (event) => {
        if (!this.plot || !(armed || event.ctrlKey || document.activeElement === frame)) return;
        const sideways = event.shiftKey
          ? event.deltaX || event.deltaY
          : Math.abs(event.deltaX) > Math.abs(event.deltaY)
            ? event.deltaX
            : 0;
        const [px] = inside(event);
        const done = sideways ? this.shift(sideways) : this.magnify(Math.exp(event.deltaY * 0.002), px);
        if (done) event.preventDefault();
      },
      { passive: false },
    );
    frame.addEventListener("keydown", (event) => this.keyed(event));
    frame.addEventListener("blur", leave);
  }

  /**
   * Makes the window so many times as wide about a pixel; false where it shows everything already.
   * @param {number} factor
   * @param {number} px
   */
  magnify(factor, px) {
    if (!this.plot || (factor > 1 && this.scene?.x.full)) return false;
    const { xScale, inner, right } = this.plot;
    const at = Math.min(right, Math.max(inner.left, px));
    this.onZoom([xScale.value(at - (at - inner.left) * factor), xScale.value(at + (right - at) * factor)]);
    return true;
  }

  /** @param {number} pixels */
  shift(pixels) {
    if (!this.plot || this.scene?.x.full) return false;
    const { xScale, inner, right } = this.plot;
    this.onZoom([xScale.value(inner.left + pixels), xScale.value(right + pixels)]);
    return true;
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (!this.plot) return;
    const { inner, right, xScale } = this.plot;
    const px = xScale.px(this.pointed ?? xScale.value((inner.left + right) / 2));
    /** @type {Record<string, () => unknown>} */
    const acts = {
      ArrowLeft: () => this.pointAt(px - inner.width / 100),
      ArrowRight: () => this.pointAt(px + inner.width / 100),
      "+": () => this.magnify(0.7, px),
      "-": () => this.magnify(1 / 0.7, px),
      0: () => this.onZoom(null),
      Escape: () => this.onZoom(null),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** @param {number} px */
  pointAt(px) {
    const { plot, scene } = this;
    if (!plot || !scene) return;
    const { inner, right, xScale } = plot;
    const at = Math.min(right, Math.max(inner.left, px));
    const x = xScale.value(at);
    this.readout(x, -1, plot, scene);
    const box = this.frame.getBoundingClientRect();
    this.placeTip(box.left + at, box.top + box.height / 2);
    this.onPoint(x);
  }

  destroy() {
    this.unlisten();
  }
}

/**
 * "Adam 97.2 % at step 900": the end of a curve in words.
 * @param {Curve} curve
 * @param {string} kind
 */
export function ending(curve, kind) {
  const at = curve.finite - 1;
  if (at < 0) return `${curve.label} has no value yet`;
  const value = kind === "accuracy" ? percent(curve.line[at]) : short(curve.line[at], 3);
  const where = curve.steps ? ` at step ${grouping(curve.steps[at])}` : "";
  return `${curve.label} ${value}${where}${curve.ended ? ", diverged" : ""}`;
}
