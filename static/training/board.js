// The board of training runs: takes the server's ticks in, draws its parts once a frame, and speaks to the server.

import { LineChart } from "../charts/line_chart.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, setText } from "../shared/dom.js";
import { Heard } from "../shared/heard.js";
import { savePicture } from "./charts_picture.js";
import { Legend, legendItems } from "./legend.js";
import { ending, explanation, reading } from "./reading.js";
import { ResultTable } from "./result_table.js";
import { RunList } from "./run_list.js";
import { Sensitivity } from "./sensitivity.js";
import { Summary } from "./summary.js";
import { AXES, Toolbar } from "./toolbar.js";
import { CHARTS, TrainingCurves } from "./training_curves.js";
import { clamp, extent } from "./zoom.js";

/** @import { Spec } from "../charts/line_chart.js" */
/** @import { BoardMessage, BoardRun, BoardView, RunAction, Sent } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

const NARROW = 640;
const STACKED = 720; // a row of the list of runs is broken into lines below it
const MERGED = 1100; // hyperparameters stand under their optimizer's name below it
const GAP = 16;
const ASK_AGAIN = 3000;
const EMPTY = "No runs yet. Choose optimizers on the left and press Launch.";

/** @extends {Component<BoardMessage>} */
class Board extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-board", "data-testid": "board", "data-drawn": 0 });
    this.curves = new TrainingCurves();
    /** @type {BoardView} */
    this.view = {
      x: "step",
      smoothing: 0.9,
      log_loss: false,
      log_x: false,
      group: true,
      hidden: [],
      per: "step",
    };
    /** @type {Heard<BoardView>} */
    this.heard = new Heard("view.");
    /** @type {Place | null} */
    this.zoom = null;
    /** @type {{low: number, high: number} | null} */
    this.full = null; // from the first to the last point
    /** @type {Set<string> | null} */
    this.before = null; // the runs that were here last
    /** @type {string | null} */
    this.key = null; // the run or group that stands out
    this.asked = 0;
    const onAction = (/** @type {RunAction} */ action) => channel.announce({ action, final: true });
    const onKey = (/** @type {string | null} */ key) => this.highlight(key);
    /** @param {string[]} ids @param {string} key @param {boolean} seen */
    const onShow = (ids, key, seen) => this.show(ids, key, seen);
    this.summary = new Summary(onAction);
    this.list = new RunList({ onAction, onShow, onKey });
    this.empty = h("p", { class: "rv-message", "data-testid": "empty", role: "status" });
    this.toolbar = new Toolbar({
      onView: (name, value, tell) => this.setView(name, value, tell),
      onReset: () => this.setZoom(null),
      onPicture: () => this.save(),
    });
    this.legend = new Legend({ onShow, onKey });
    this.tip = h("div", { class: "rv-tip rv-board-tip", hidden: true });
    /** @type {Pick<Spec, "tip" | "onKey">} */
    const hand = { tip: this.tip, onKey: (curve) => this.highlight(curve?.key ?? null) };
    this.charts = CHARTS.map(
      (spec) =>
        new LineChart({ ...spec, ...hand, onZoom: (zoom) => this.setZoom(zoom), onPoint: (x) => this.point(x) }),
    );
    this.note = h("p", { class: "rv-caption", "data-testid": "note" });
    this.table = new ResultTable({ onKey });
    this.sensitivity = new Sensitivity(hand);
    this.filled = h(
      "div",
      { hidden: true },
      this.summary.node,
      this.list.node,
      this.toolbar.node,
      this.legend.node,
      h("div", { class: "rv-curves", "data-testid": "charts" }, ...this.charts.map((chart) => chart.node)),
      this.note,
      this.table.node,
      this.sensitivity.node,
    );
    this.root.append(this.empty, this.filled, this.tip);
    this.begin();
  }

  // ---------------------------------------------------------------- what the server says

  /**
   * @override
   * @param {BoardMessage & Sent} message
   */
  take(message) {
    this.forgetZoom(message.runs);
    if (this.curves.take(message)) this.asked = 0;
    else if (!this.asked || performance.now() - this.asked > ASK_AGAIN) {
      this.asked = performance.now();
      channel.announce({ need: true });
    }
    const { x } = this.view;
    Object.assign(this.view, this.heard.news(message.view));
    if (this.view.x !== x) this.zoom = null;
    channel.flush();
    this.latest = message;
    this.tellControls({ values: {}, problems: message.problems ?? {} });
    this.drawSoon();
  }

  /**
   * Runs of which none was here before are looked at from their beginning.
   * @param {BoardRun[]} runs
   */
  forgetZoom(runs) {
    if (!runs.length) return;
    const { before } = this;
    if (before && !runs.some(({ id }) => before.has(id))) this.zoom = null;
    this.before = new Set(runs.map(({ id }) => id));
  }

  /** @override */
  redraw() {
    this.drawSoon();
  }

  // ---------------------------------------------------------------- what the hand does

  /**
   * @template {keyof BoardView} N
   * @param {N} name
   * @param {BoardView[N]} value
   */
  setView(name, value, tell = true) {
    if (JSON.stringify(this.view[name]) === JSON.stringify(value)) return;
    this.view[name] = value;
    if (name === "x" || name === "log_x") this.zoom = null;
    if (tell) channel.announce({ set: { [`view.${name}`]: value }, final: true });
    this.drawSoon();
  }

  /**
   * Shows or hides runs.
   * @param {string[]} ids
   * @param {string} key the group's where all of it is meant, else the run's
   * @param {boolean} seen
   */
  show(ids, key, seen) {
    const hidden = new Set(this.view.hidden);
    const owner = this.curves.runs.find((run) => run.id === ids[0])?.group;
    // A hidden group of which one run is to be seen: the others are hidden one by one.
    if (seen && owner !== undefined && owner !== key && hidden.delete(owner)) {
      for (const run of this.curves.runs) if (run.group === owner) hidden.add(run.id);
    }
    if (seen) for (const id of [key, ...ids]) hidden.delete(id);
    else hidden.add(key);
    this.setView("hidden", [...hidden]);
  }

  /** @param {Place | null} zoom */
  setZoom(zoom) {
    this.zoom = zoom && this.full && clamp(zoom, this.full, this.view.log_x);
    this.drawSoon();
  }

  /** @param {number | null} x */
  point(x) {
    for (const chart of this.charts) chart.point(x, this.key);
  }

  /** @param {string | null} key */
  highlight(key) {
    if (this.key === key) return;
    this.key = key;
    const group = this.curves.runs.find((run) => run.id === key)?.group ?? null;
    this.list.highlight(key, group);
    this.table.highlight(key, group);
    for (const chart of [...this.charts, ...this.sensitivity.charts]) chart.point(chart.pointed, key);
  }

  save() {
    const shown = this.charts.filter((chart) => !chart.node.hidden);
    const curves = shown.flatMap((chart) => chart.scene?.curves ?? []);
    const titles = (this.latest?.table.budget ?? []).map((sentence) => `Budget: ${sentence}.`);
    if (curves.length) titles.push(reading(curves, this.view).join(" "));
    savePicture(shown, legendItems(this.curves, this.view), titles, this.theme, () => this.drawSoon());
  }

  /** @override */
  resize() {
    if (!this.measure()) return;
    this.root.classList.toggle("rv-stacked", this.width < STACKED);
    this.root.classList.toggle("rv-merged", this.width < MERGED);
    this.list.foldedBeyond = this.width < NARROW ? 4 : 12;
    this.drawSoon();
  }

  // ---------------------------------------------------------------- drawing

  /** @override */
  draw() {
    const message = this.latest;
    if (!message || this.gone) return;
    const { runs } = this.curves;
    this.empty.hidden = runs.length > 0;
    this.filled.hidden = !runs.length;
    if (!runs.length) setText(this.empty, message.empty || EMPTY);
    else {
      this.summary.render(message.summary, runs);
      this.list.render(this.curves, this.view.hidden);
      this.toolbar.show(this.view, this.zoom !== null);
      this.legend.render(legendItems(this.curves, this.view));
      this.table.render(message.table);
      if (this.width >= 50) {
        const each = this.width < NARROW ? this.width : Math.floor((this.width - GAP) / 2);
        this.drawCharts(each);
        this.sensitivity.render(message.sensitivity, this.theme, each);
      }
    }
    this.notePainted(message.seq, { cursor: this.curves.cursor });
  }

  /** @param {number} width of one */
  drawCharts(width) {
    const { view, zoom } = this;
    const found = CHARTS.map((spec) => this.curves.curves(spec, view));
    const all = found.flat();
    const full = extent(all, view.log_x);
    this.full = full;
    const [low, high] = zoom ?? [full.low, full.high];
    const x = { ...AXES[view.x], low, high, log: view.log_x, full: !zoom };
    this.charts.forEach((chart, i) => {
      const curves = found[i];
      const logY = chart.kind === "loss" && view.log_loss;
      chart.key = this.key;
      chart.draw({ curves, x, logY, theme: this.theme, width, height: 230 });
      const drawn = curves.filter((curve) => !curve.validation);
      chart.describe(
        `${chart.title}: ${drawn.length ? drawn.map((curve) => ending(curve, chart.kind)).join("; ") : "no values yet"}`,
      );
    });
    setText(this.note, explanation(all, view));
  }

  /** @override */
  destroy() {
    super.destroy();
    this.table.destroy();
    this.sensitivity.destroy();
    for (const chart of this.charts) chart.destroy();
  }
}

export default mounted((parent) => new Board(parent), "charts/charts.css", "training/board.css");
