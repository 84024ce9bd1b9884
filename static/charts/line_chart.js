// Many curves on one canvas, made of parts: axes, reduced points, strokes, a readout and a hand.

import { h, pen, setText, swatched } from "../shared/dom.js";
import { scale } from "../shared/scales.js";
import { groundOf, paintAxes, rangeOf, within } from "./axes.js";
import { Hand } from "./hand.js";
import { fillTip, placeTip, pointsAt } from "./readout.js";
import { Reducer } from "./reduce.js";
import { paintBand, paintDot, paintEnd, paintLine, paintRaw } from "./strokes.js";

/** @import { Context, Place, Swatch } from "../shared/types.js" */
/** @import { Curve, Kind, Look, Part, Plot, Scene } from "./types.js" */

/**
 * @template {Curve} [C=Curve]
 * @typedef {object} Spec of a chart
 * @property {string} name
 * @property {string} title
 * @property {Kind} kind
 * @property {HTMLElement} tip shows what is under the pointer; shared by all charts
 * @property {(zoom: Place | null) => void} onZoom in values of the x axis, or null for everything
 * @property {(x: number | null) => void} onPoint null when the pointer leaves
 * @property {(curve: C | null) => void} onKey the curve nearest to the pointer
 */

/**
 * @template {Curve} [C=Curve]
 * @template {Scene<C>} [S=Scene<C>]
 */
export class LineChart {
  /**
   * @param {Spec<C>} spec
   * @param {Partial<Look<C, S>>} [look] what it does its own way
   */
  constructor({ name, title, kind, tip, onZoom, onPoint, onKey }, look = {}) {
    this.name = name;
    this.title = title;
    this.kind = kind;
    this.tip = tip;
    this.onZoom = onZoom;
    this.onPoint = onPoint;
    this.onKey = onKey;
    /** @type {Look<C, S>} */
    this.look = { range: rangeOf, line: paintLine, ...look };
    this.reducer = new Reducer();
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
    this.explained = "";
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
    this.hand = new Hand(this);
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

  /** @param {S} scene @param {Context} context @param {number} ratio */
  paint(scene, context, ratio) {
    const { curves, x, logY, theme, width, height } = scene;
    const ground = groundOf(scene, ratio);
    const { inner, bottom } = ground;
    const parts = curves.map((curve) => this.reducer.reduced(curve, ground));
    const { low, high, cut } = this.look.range(parts, logY, scene, this.kind);
    const plot = { ...ground, yScale: scale(low, high, logY, bottom, inner.top) };
    this.plot = plot;
    this.parts = parts;
    setText(this.note, cut ? `${cut} ${cut > 1 ? "curves leave" : "curve leaves"} the picture above` : "");
    context.clearRect(0, 0, width, height);
    paintAxes(context, plot, scene, this.kind);
    context.save();
    context.beginPath();
    const spare = x.full ? 4 : 0; // for the marks of the last points
    context.rect(inner.left, inner.top - 2, inner.width + spare, inner.height + 3);
    context.clip();
    context.lineJoin = "bevel";
    for (const { curve, band } of parts) if (band) paintBand(context, curve, band, plot);
    paintRaw(context, parts, plot);
    const corners = parts.reduce((sum, { line }) => sum + line.n, 0);
    for (const part of parts) this.look.line(context, part, plot, corners);
    for (const part of parts) paintEnd(context, part, plot, theme);
    context.restore();
    this.look.above?.(context, plot, scene);
  }

  /** What follows the pointer. */
  drawOver() {
    const { plot, scene } = this;
    if (!plot || !scene) return;
    const { width, height, theme } = scene;
    const context = pen(this.over);
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { inner } = plot;
    context.save();
    context.beginPath();
    const spare = scene.x.full ? 4 : 0;
    context.rect(inner.left - spare, inner.top - 4, inner.width + 2 * spare, inner.height + 8);
    context.clip();
    context.lineJoin = "bevel";
    for (const part of this.parts) {
      if (this.key && (part.curve.key === this.key || part.curve.group === this.key))
        this.look.line(context, part, plot, 0, part.curve.validation ? 2 : 3.2);
    }
    if (this.hand.dragged) {
      const [from, to] = this.hand.dragged.map((px) => within(plot, px));
      context.fillStyle = theme.mix(0.5);
      context.globalAlpha = 0.18;
      context.fillRect(Math.min(from, to), inner.top, Math.abs(to - from), inner.height);
      context.globalAlpha = 1;
    } else if (this.pointed !== null) this.paintPointed(context, this.pointed, plot, scene);
    context.restore();
    this.look.over?.(context, plot, scene);
  }

  /**
   * A vertical line at x, with a dot on each curve.
   * @param {Context} context
   * @param {number} x
   * @param {Plot} plot
   * @param {S} scene
   */
  paintPointed(context, x, plot, { curves, theme }) {
    const px = Math.round(plot.xScale.px(x)) + 0.5;
    if (px < plot.inner.left || px > plot.right + 1) return;
    context.strokeStyle = theme.mix(0.55);
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(px, plot.inner.top);
    context.lineTo(px, plot.bottom);
    context.stroke();
    context.setLineDash([]);
    for (const { curve, at } of pointsAt(x, plot, curves)) paintDot(context, curve, at, plot, theme);
  }

  // ---------------------------------------------------------------- words

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
    this.legend?.remove();
    this.legend = h(
      "ul",
      { class: "rv-legend", "aria-label": `Curves of ${this.title}` },
      ...items.map((item) => h("li", { class: "rv-legend-entry" }, swatched(item), item.label)),
      cross ? h("li", { class: "rv-legend-entry" }, `✕ ${cross}`) : null,
    );
    this.node.append(this.legend);
  }

  // ---------------------------------------------------------------- what is pointed at

  /**
   * Points at x; null at nothing.
   * @param {number | null} x
   * @param {string | null} key the run or group that stands out
   */
  point(x, key) {
    if (this.pointed === x && this.key === key) return;
    [this.pointed, this.key] = [x, key];
    this.drawOver();
  }

  /** @param {number} px @param {number} py @param {MouseEvent} event */
  hover(px, py, event) {
    if (this.plot && this.scene) this.onKey(this.read(px, py, event.clientX, event.clientY));
  }

  /** @param {number} px */
  pointAt(px) {
    const { left, top, height } = this.frame.getBoundingClientRect();
    if (this.plot) this.read(px, -1, left + within(this.plot, px), top + height / 2);
  }

  /**
   * Shows the values there; returns the curve that is near.
   * @param {number} px
   * @param {number} py
   * @param {number} clientX
   * @param {number} clientY
   */
  read(px, py, clientX, clientY) {
    const { plot, scene } = this;
    if (!plot || !scene) return null;
    const x = plot.xScale.value(within(plot, px));
    const near = fillTip(this.tip, x, py, plot, scene, this.kind);
    placeTip(this.tip, clientX, clientY);
    this.onPoint(x);
    return near;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  leave() {
    this.hideTip();
    this.onPoint(null);
    this.onKey(null);
  }

  destroy() {
    this.hand.destroy();
  }
}
