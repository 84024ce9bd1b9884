// A contour with paths, a chart of their losses, playback, and sections of computed comparisons; speaks to the server.

import { exactChart, setMark } from "../charts/exact_chart.js";
import { knownCurves } from "../charts/known_curves.js";
import { Plane } from "../plane/plane.js";
import { linkButton } from "../shared/buttons.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, paragraphs, setText, swatched } from "../shared/dom.js";
import { Transport } from "../shared/transport.js";

/** @import { Sent, StudyChart, StudyMessage, StudyPath, StudySection, StudyTable } from "../shared/messages.js" */
/** @import { ExactChart } from "../charts/exact_chart.js" */
/** @import { Place } from "../shared/types.js" */
/** @typedef {{chart: ExactChart, lit: string | null, drawn: string}} Shown a chart, what stands out in it, what it is of */
/** @typedef {{node: HTMLElement, head: HTMLElement, texts: HTMLElement, table: HTMLElement}} SectionNode */

const NARROW = 640;
const GAP = 16;

/** @extends {Component<StudyMessage>} */
class Study extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-board rv-study", "data-testid": "study", "data-drawn": 0 });
    /** @type {number | null} */
    this.step = null; // null: the last
    /** @type {Map<string, Shown>} */
    this.charts = new Map();
    /** @type {Map<string, SectionNode>} */
    this.sections = new Map();
    /** @type {Map<string, Place | null>} */
    this.zooms = new Map();
    this.explained = "";
    this.plane = new Plane((x, y, final) => channel.announce({ set: { "start.x": x, "start.y": y }, final }));
    this.transport = new Transport((step) => this.setStep(step));
    this.counted = h("p", { class: "rv-counted", "data-testid": "counted", "aria-live": "polite" });
    this.legend = h("ul", { class: "rv-legend", "data-testid": "legend" });
    this.tip = h("div", { class: "rv-tip rv-board-tip", hidden: true });
    this.caption = h("div", { "data-testid": "caption" });
    this.first = h("div", { class: "rv-study-first" }, h("div", {}, this.plane.node));
    this.parts = h("div", { class: "rv-study-sections" });
    this.root.append(
      h(
        "div",
        { class: "rv-toolbar rv-board-toolbar" },
        this.legend,
        h("div", { class: "rv-actions" }, linkButton("The address of this very picture")),
      ),
      this.first,
      this.transport.node,
      this.counted,
      this.transport.readout,
      this.caption,
      this.parts,
      this.tip,
    );
    this.begin();
  }

  /**
   * @override
   * @param {StudyMessage & Sent} message
   */
  take(message) {
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    this.tellControls(message);
    const { steps } = message.counting;
    this.transport.setRuns(
      message.paths.flatMap(({ label, colour, dash, loss }) => (loss ? [{ name: label, colour, dash, loss }] : [])),
      steps,
    );
    this.step = this.transport.step;
    this.draw();
  }

  /** @param {StudyMessage} message */
  shown({ counting: { steps } }) {
    return Math.min(steps, this.step ?? steps);
  }

  /** @param {number | null} step */
  setStep(step) {
    this.step = step;
    if (this.latest) this.drawStep(this.latest);
  }

  /** @override */
  draw() {
    const message = this.latest;
    if (!message || this.gone || !this.width) return;
    const { grid, surface, loss, sections, caption, seq } = message;
    const narrow = this.width < NARROW;
    const side = narrow ? this.width : Math.floor((this.width - GAP) * 0.54);
    const high = Math.round(Math.min(460, Math.max(260, side * 0.8)));
    this.plane.draw(grid, surface, this.theme, side, high);
    this.plane.node.setAttribute("aria-label", caption.join(" "));
    this.drawChart(loss, this.first, narrow ? this.width : this.width - GAP - side, narrow ? 260 : high - 60);
    this.drawLegend(message.paths);
    paragraphs(this.caption, caption);
    const half = narrow ? this.width : Math.floor((this.width - 2 * GAP) / 2);
    for (const section of sections) this.drawSection(section, half);
    this.drawStep(message);
    this.notePainted(seq);
  }

  /** @param {StudyMessage} message */
  drawStep(message) {
    const { crowd, paths, values } = message;
    const step = this.shown(message);
    this.plane.drawPaths({ crowd, paths, start: [values["start.x"], values["start.y"]] }, step);
    this.charts.get("loss")?.chart.point(step, null);
    setText(this.counted, this.count(step, message));
  }

  /**
   * Which step of which epoch that is.
   * @param {number} step
   * @param {StudyMessage} message
   */
  count(step, { counting: { steps, of, rows = 0, batch = 0, replaced } }) {
    if (!of) return `step ${step} of ${steps}`;
    if (!step) return `step 0 of ${steps}: the start; an epoch is ${of} ${of > 1 ? "batches" : "batch"}`;
    const within = ((step - 1) % of) + 1;
    const left = replaced || within < of ? batch : rows - (of - 1) * batch;
    return `step ${step} = epoch ${Math.ceil(step / of)}, batch ${within} of ${of} (${left} ${left > 1 ? "rows" : "row"})`;
  }

  /** @param {StudyPath[]} paths */
  drawLegend(paths) {
    const state = JSON.stringify([paths.map(({ label, colour, dash }) => [label, colour, dash]), this.theme.signature]);
    if (state === this.explained) return;
    this.explained = state;
    this.legend.replaceChildren(
      ...paths.map((path) => h("li", { class: "rv-legend-entry" }, swatched(path), path.label)),
      h("li", { class: "rv-legend-entry" }, "◎ start: click or drag"),
    );
  }

  /** @param {StudyChart} spec @param {HTMLElement} parent */
  newChart(spec, parent) {
    /** @type {ExactChart} */
    const chart = exactChart({
      name: spec.name,
      title: spec.title,
      kind: "number",
      tip: this.tip,
      onZoom: (zoom) => {
        this.zooms.set(spec.name, zoom);
        this.draw();
      },
      onPoint: (x) =>
        x === null && spec.name === "loss" && this.latest
          ? chart.point(this.shown(this.latest), null)
          : chart.point(x, shown.lit),
      onKey: (curve) => {
        shown.lit = curve?.key ?? null;
        if (chart.pointed !== null) chart.point(chart.pointed, shown.lit);
      },
    });
    /** @type {Shown} */
    const shown = { chart, lit: null, drawn: "" };
    this.charts.set(spec.name, shown);
    parent.append(chart.node);
    return shown;
  }

  /**
   * `spec.of` says what a chart was computed of, where it has been said: the same is not drawn again, but its mark moves.
   * @param {StudyChart} spec
   * @param {HTMLElement} parent
   * @param {number} width
   * @param {number} height
   */
  drawChart(spec, parent, width, height) {
    const shown = this.charts.get(spec.name) ?? this.newChart(spec, parent);
    const { chart } = shown;
    const signature = [spec.of, this.theme.signature, width, height, this.zooms.get(spec.name)].join("|");
    if (spec.of && signature === shown.drawn) {
      setMark(chart, spec.mark);
      return;
    }
    shown.drawn = signature;
    const curves = knownCurves(spec.curves, this.theme);
    let [low, high] = [Infinity, -Infinity];
    for (const { x } of curves) {
      for (const value of x.length ? [x[0], x[x.length - 1]] : []) {
        if (value < low && !(spec.log_x && value <= 0)) low = value;
        if (value > high) high = value;
      }
    }
    if (!(low < high)) [low, high] = spec.log_x ? [0.1, 1] : [0, 1];
    const zoom = this.zooms.get(spec.name);
    const window_ = zoom ? [Math.max(low, zoom[0]), Math.min(high, zoom[1])] : [low, high];
    const whole = !zoom || !(window_[0] < window_[1]) || (window_[0] <= low && window_[1] >= high);
    if (whole) this.zooms.delete(spec.name);
    const [from, to] = whole ? [low, high] : window_;
    chart.draw({
      curves,
      mark: spec.mark,
      floor: spec.floor,
      x: { low: from, high: to, log: spec.log_x, kind: spec.log_x ? "number" : "count", label: spec.x, full: whole },
      logY: spec.log_y,
      theme: this.theme,
      width,
      height,
    });
    chart.describe(`${spec.title} against ${spec.x}: ${spec.curves.map((curve) => curve.label).join("; ")}`);
    chart.explain(curves);
  }

  /** @param {StudySection} section */
  newSection(section) {
    const head = h("h3", { class: "rv-study-title" });
    const texts = h("div");
    const table = h("div", { class: "rv-table-frame", hidden: true });
    const named = { class: "rv-study-section", "data-testid": `section-${section.name}` };
    const node = h("section", named, head, table, texts);
    node.style.minWidth = "0";
    const made = { node, head, texts, table };
    this.sections.set(section.name, made);
    this.parts.append(node);
    return made;
  }

  /** @param {StudySection} section @param {number} width */
  drawSection(section, width) {
    const part = this.sections.get(section.name) ?? this.newSection(section);
    setText(part.head, section.title);
    if (section.chart) this.drawChart(section.chart, part.node, width, 280);
    if (section.table) this.drawTable(part.table, section.table);
    paragraphs(part.texts, section.texts);
    if (part.node.lastChild !== part.texts) part.node.append(part.texts);
  }

  /** @param {HTMLElement} frame @param {StudyTable} table */
  drawTable(frame, { columns, rows }) {
    const state = JSON.stringify([columns, rows]);
    frame.hidden = false;
    if (frame.dataset.state === state) return;
    frame.dataset.state = state;
    /** @param {number} k */
    const align = (k) => `rv-${k ? "right" : "left"}`;
    frame.replaceChildren(
      h(
        "table",
        { class: "rv-table" },
        h("thead", {}, h("tr", {}, ...columns.map((text, k) => h("th", { scope: "col", class: align(k) }, text)))),
        h(
          "tbody",
          {},
          ...rows.map((row) =>
            h(
              "tr",
              {},
              ...row.map((cell, k) => h(k ? "td" : "th", { scope: k ? null : "row", class: align(k) }, cell)),
            ),
          ),
        ),
      ),
    );
  }

  /** @override */
  destroy() {
    super.destroy();
    this.transport.destroy();
    for (const { chart } of this.charts.values()) chart.destroy();
  }
}

export default mounted((parent) => new Study(parent), "charts/charts.css", "study/study.css");
