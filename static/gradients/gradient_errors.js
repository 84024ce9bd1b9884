// The Gradients page: errors against h on one chart, the table and the sentences beneath; speaks to the server.

import { LineChart } from "../charts/line_chart.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { copyAddress, h, paintSwatch, setText } from "../shared/dom.js";

/** @import { Curve, Part, Scene } from "../charts/line_chart.js" */
/** @import { ErrorMark, ErrorsMessage, ErrorTable, Sent } from "../shared/messages.js" */
/** @import { Context, Place } from "../shared/types.js" */
/** @typedef {Curve & {measured: boolean}} ErrorCurve */
/** @typedef {Scene<ErrorCurve> & {marks: ErrorMark[]}} ErrorScene */

const NARROW = 640;
const [LOWEST, HIGHEST] = [1e-14, 1]; // of h
const LUCK = 0.02; // so many of the errors that rounding makes very small by luck may leave the picture below
const ROOM = 0.08; // of the axis lies beneath the errors, where the straight lines run on by themselves
const DOUBLE = 300; // milliseconds within which a second click makes a double one

/**
 * A chart whose vertical axis spans whole decades of what was measured, with marks on it.
 * @extends {LineChart<ErrorCurve, ErrorScene>}
 */
class ErrorChart extends LineChart {
  /**
   * @override
   * @param {Part<ErrorCurve>[]} parts
   */
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
  }

  /**
   * @override
   * @param {ErrorScene} scene
   * @param {Context} context
   * @param {number} ratio
   */
  paint(scene, context, ratio) {
    const plot = super.paint(scene, context, ratio);
    const { inner, right, bottom, xScale, yScale } = plot;
    const { curves, marks, theme } = scene;
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
    return plot;
  }
}

/** @extends {Component<ErrorsMessage>} */
class GradientErrors extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-board rv-errors", "data-testid": "gradient-errors", "data-drawn": 0 });
    /** @type {boolean | null} */
    this.heard = null; // the server's last word on it
    this.printed = false;
    /** @type {Place | null} */
    this.zoom = null;
    /** @type {string | null} */
    this.near = null; // the curve under the pointer
    this.columns = "";
    /** @param {string} text @param {string} title @param {() => void} onclick */
    const button = (text, title, onclick) => h("button", { type: "button", class: "rv-choice", title, onclick }, text);
    this.toggle = button("As a tutorial prints it", "The error of f(x+h) − f(x−h)/(2h) too", () =>
      this.setPrinted(!this.printed),
    );
    this.reset = button("Reset zoom", "All h again (double click in the chart)", () => this.setZoom(null));
    /** @type {HTMLButtonElement} */
    this.link = button("Copy link", "The address of this very picture", () => copyAddress(this.link));
    this.tip = h("div", { class: "rv-tip rv-board-tip", hidden: true });
    /** @type {ErrorChart} */
    this.chart = new ErrorChart({
      name: "errors",
      title: "Error of the gradient",
      kind: "number",
      tip: this.tip,
      onZoom: (zoom) => this.setZoom(zoom),
      onPoint: (x) => this.chart.point(x, this.near),
      onKey: (curve) => {
        this.near = curve?.key ?? null;
        this.chart.point(this.chart.pointed, this.near);
      },
    });
    this.listen(this.chart.frame);
    this.trouble = h("p", { class: "rv-message", "data-testid": "trouble", role: "status", hidden: true });
    this.tableHead = h("tr");
    this.tableBody = h("tbody");
    this.table = h(
      "table",
      { class: "rv-table", "data-testid": "table" },
      h("thead", {}, this.tableHead),
      this.tableBody,
    );
    this.caption = h("div", { "data-testid": "caption", "aria-live": "polite" });
    this.root.append(
      h(
        "div",
        { class: "rv-toolbar rv-board-toolbar" },
        h("div", { class: "rv-toggles" }, this.toggle),
        h("span", { class: "rv-signs" }, "◉ best h   click: choose h   drag: zoom"),
        h("div", { class: "rv-actions" }, this.link, this.reset),
      ),
      this.chart.node,
      this.trouble,
      this.tip,
      h("div", { class: "rv-table-frame" }, this.table),
      this.caption,
    );
    this.begin();
  }

  /**
   * A click chooses h; a drag zooms, as in every chart. In a zoomed chart a click waits: it may become a double click.
   * @param {HTMLElement} frame
   */
  listen(frame) {
    /** @type {Place | null} */
    let from = null;
    let waiting = 0;
    frame.addEventListener("dblclick", () => clearTimeout(waiting));
    frame.addEventListener("pointerdown", (event) => (from = event.button ? null : [event.clientX, event.clientY]));
    frame.addEventListener("click", (event) => {
      const { plot } = this.chart;
      if (!from || !plot || Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 5 || event.detail > 1)
        return;
      const px = event.clientX - frame.getBoundingClientRect().left;
      if (px < plot.inner.left - 4 || px > plot.right + 4) return;
      const spacing = Number(Math.min(HIGHEST, Math.max(LOWEST, plot.xScale.value(px))).toPrecision(3));
      clearTimeout(waiting);
      waiting = window.setTimeout(() => channel.announce({ set: { spacing }, final: true }), this.zoom ? DOUBLE : 0);
    });
  }

  /**
   * @override
   * @param {ErrorsMessage & Sent} message
   */
  take(message) {
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    if (message.view.printed !== this.heard && !channel.isUnsettled("view.printed"))
      this.printed = message.view.printed;
    this.heard = message.view.printed;
    this.tellControls({ values: message.values, problems: message.problems });
    this.draw();
  }

  /** @param {boolean} on */
  setPrinted(on) {
    this.printed = on;
    this.toggle.setAttribute("aria-pressed", String(on));
    channel.announce({ set: { "view.printed": on }, final: true });
  }

  /**
   * A window of h, or null for all of it.
   * @param {Place | null} zoom
   */
  setZoom(zoom) {
    if (zoom) {
      const [low, high] = zoom.map((value) => Math.min(HIGHEST, Math.max(LOWEST, value)));
      zoom = high / low < 1.5 ? this.zoom : low <= LOWEST * 1.001 && high >= HIGHEST * 0.999 ? null : [low, high];
    }
    this.zoom = zoom;
    this.draw();
  }

  /** @override */
  draw() {
    const message = this.latest;
    if (!message || this.gone || !this.width) return;
    const { trouble, seq } = message;
    this.trouble.hidden = !trouble;
    this.chart.node.hidden = Boolean(trouble);
    setText(this.trouble, trouble);
    this.toggle.setAttribute("aria-pressed", String(this.printed));
    this.reset.disabled = !this.zoom;
    if (!trouble) this.drawChart(message);
    this.drawTable(message.table);
    this.drawSentences(message.sentences);
    this.notePainted(seq);
  }

  /** @param {ErrorsMessage} message */
  drawChart({ curves, marks, alt }) {
    const [low, high] = this.zoom ?? [LOWEST, HIGHEST];
    const shown = curves.map((curve) => ({
      ...curve,
      measured: curve.colour !== null,
      colour: curve.colour ?? this.theme.mix(0.85),
    }));
    this.chart.draw({
      curves: shown.map(({ x, y, ...curve }) => ({
        ...curve,
        group: curve.key,
        x,
        line: y,
        count: x.length,
        finite: x.length,
        points: x.length,
      })),
      marks,
      x: { low, high, log: true, kind: "number", label: "h", full: !this.zoom },
      logY: true,
      theme: this.theme,
      width: this.width,
      height: this.width < NARROW ? 320 : 440,
    });
    this.chart.describe(alt);
    this.chart.explain(shown);
  }

  /** @param {ErrorTable} table */
  drawTable({ columns, rows }) {
    const head = JSON.stringify(columns);
    /** @param {number} k */
    const align = (k) => `rv-${k ? "right" : "left"}`;
    if (head !== this.columns) {
      this.columns = head;
      this.tableHead.replaceChildren(
        ...columns.map(({ label, title }, k) =>
          h("th", { scope: "col", title: title || null, class: align(k) }, label),
        ),
      );
      this.tableBody.replaceChildren();
    }
    rows.forEach((row, i) => {
      let node = this.tableBody.rows[i];
      if (!node) {
        node = h("tr", {}, ...columns.map((_, k) => h(k ? "td" : "th", { scope: k ? null : "row", class: align(k) })));
        node.cells[0].append(h("i", { class: "rv-swatch" }), h("span"));
        this.tableBody.append(node);
      }
      const [first, ...others] = node.cells;
      const [swatch, name] = first.children;
      node.title = row.title;
      paintSwatch(/** @type {HTMLElement} */ (swatch), row);
      row.cells.forEach((cell, k) => setText(k ? others[k - 1] : name, cell));
    });
  }

  /** @param {string[]} sentences */
  drawSentences(sentences) {
    while (this.caption.children.length > sentences.length) this.caption.lastChild?.remove();
    sentences.forEach((sentence, i) => {
      if (!this.caption.children[i]) this.caption.append(h("p", { class: "rv-caption" }));
      setText(this.caption.children[i], sentence);
    });
  }

  /** @override */
  destroy() {
    super.destroy();
    this.chart.destroy();
  }
}

export default mounted((parent) => new GradientErrors(parent), "charts/charts.css");
