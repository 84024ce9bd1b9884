// The Gradients page: errors against h on one chart, the table and the sentences beneath; speaks to the server.

import { knownCurves } from "../charts/known_curves.js";
import { linkButton, plainButton, toggle } from "../shared/buttons.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, paragraphs, setText } from "../shared/dom.js";
import { Heard } from "../shared/heard.js";
import { RunTable } from "../shared/run_table.js";
import { errorChart } from "./error_chart.js";

/** @import { ErrorsMessage, ErrorView, Sent } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

const NARROW = 640;
const [LOWEST, HIGHEST] = [1e-14, 1]; // of h
const DOUBLE = 300; // milliseconds within which a second click makes a double one

/** @extends {Component<ErrorsMessage>} */
class GradientErrors extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-board rv-errors", "data-testid": "gradient-errors", "data-drawn": 0 });
    /** @type {Heard<ErrorView>} */
    this.heard = new Heard("view.");
    this.view = { printed: false };
    /** @type {Place | null} */
    this.zoom = null;
    /** @type {string | null} */
    this.near = null; // the curve under the pointer
    this.toggle = toggle("As a tutorial prints it", "The error of f(x+h) − f(x−h)/(2h) too", (on) =>
      this.setPrinted(on),
    );
    this.reset = plainButton("Reset zoom", "All h again (double click in the chart)", () => this.setZoom(null));
    this.tip = h("div", { class: "rv-tip rv-board-tip", hidden: true });
    /** @type {ReturnType<typeof errorChart>} */
    this.chart = errorChart({
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
    this.table = new RunTable();
    this.caption = h("div", { "data-testid": "caption", "aria-live": "polite" });
    this.root.append(
      h(
        "div",
        { class: "rv-toolbar rv-board-toolbar" },
        h("div", { class: "rv-toggles" }, this.toggle.node),
        h("span", { class: "rv-signs" }, "◉ best h   click: choose h   drag: zoom"),
        h("div", { class: "rv-actions" }, linkButton("The address of this very picture"), this.reset),
      ),
      this.chart.node,
      this.trouble,
      this.tip,
      this.table.node,
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
    Object.assign(this.view, this.heard.news(message.view));
    this.tellControls({ values: message.values, problems: message.problems });
    this.draw();
  }

  /** @param {boolean} on */
  setPrinted(on) {
    this.view.printed = on;
    this.toggle.show(on);
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
    this.toggle.show(this.view.printed);
    this.reset.disabled = !this.zoom;
    if (!trouble) this.drawChart(message);
    const { columns, rows } = message.table;
    this.table.render(
      columns.map((column, k) => ({ ...column, align: k ? "right" : "left" })),
      rows,
    );
    paragraphs(this.caption, message.sentences);
    this.notePainted(seq);
  }

  /** @param {ErrorsMessage} message */
  drawChart({ curves, marks, alt }) {
    const [low, high] = this.zoom ?? [LOWEST, HIGHEST];
    const shown = knownCurves(
      curves.map((curve) => ({ ...curve, measured: curve.colour !== null })),
      this.theme,
    );
    this.chart.draw({
      curves: shown,
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

  /** @override */
  destroy() {
    super.destroy();
    this.chart.destroy();
  }
}

export default mounted((parent) => new GradientErrors(parent), "charts/charts.css");
