// The board of training runs: takes the server's ticks in, draws once a frame, and speaks to the server.

import { LineChart } from "../charts/line_chart.js";
import { exactly } from "../charts/readout.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { copyAddress, focus, focusedIn, h, paintSwatch, setText } from "../shared/dom.js";
import { duration } from "../shared/scales.js";
import { savePicture } from "./charts_picture.js";
import { ending } from "./reading.js";
import { ResultTable } from "./result_table.js";
import { progressBar, question, RunList } from "./run_list.js";
import { CHARTS, grouped, TrainingCurves } from "./training_curves.js";

/** @import { Curve } from "../charts/types.js" */
/** @import { BoardMessage, BoardRun, BoardSummary, BoardView, RateChart, RateCurve, Sent } from "../shared/messages.js" */
/** @import { Place, TickKind } from "../shared/types.js" */
/**
 * What has a curve of its own.
 * @typedef {object} LegendItem
 * @property {string} key
 * @property {string[]} ids
 * @property {string} label
 * @property {string} colour
 * @property {string} dash
 * @property {number} [seeds]
 * @property {boolean} seen
 */

const NARROW = 640;
const STACKED = 720; // a row of the list of runs is broken into lines below it
const MERGED = 1100; // hyperparameters stand under their optimizer's name below it
const GAP = 16;
const ASK_AGAIN = 3000;
const EMPTY = "No runs yet. Choose optimizers on the left and press Launch.";
/** @type {Record<BoardView["x"], {button: string, label: string, kind: TickKind}>} */
const AXES = {
  step: { button: "step", label: "step", kind: "count" },
  epoch: { button: "epoch", label: "epoch", kind: "number" },
  training: { button: "training time", label: "training time", kind: "seconds" },
  wall: { button: "wall clock", label: "time since the start", kind: "seconds" },
};

/** @param {unknown} a @param {unknown} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * A row of buttons of which one is pressed.
 * @template {string} V
 * @param {string} label
 * @param {[V, string][]} options
 * @param {(value: V) => void} choose
 */
function choices(label, options, choose) {
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", class: "rv-choice", "data-value": value, onclick: () => choose(value) }, text),
  );
  return {
    node: h("div", { class: "rv-choices", role: "group", "aria-label": label }, ...buttons),
    /** @param {V} value */
    show: (value) =>
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === value))),
  };
}

/** @param {string} text @param {string} title @param {(on: boolean) => void} turn */
function toggle(text, title, turn) {
  /** @type {HTMLButtonElement} */
  const node = h(
    "button",
    { type: "button", class: "rv-choice", title, onclick: () => turn(node.getAttribute("aria-pressed") !== "true") },
    text,
  );
  return { node, show: (/** @type {boolean} */ on) => node.setAttribute("aria-pressed", String(on)) };
}

/** @extends {Component<BoardMessage>} */
class Board extends Component {
  /** @override */
  narrow = NARROW;

  // ---------------------------------------------------------------- elements

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
    /** @type {Record<string, unknown>} */
    this.heard = {}; // the server's last word on each part of the view
    /** @type {Place | null} */
    this.zoom = null;
    /** @type {{low: number, high: number} | null} */
    this.full = null; // from the first to the last point
    /** @type {Set<string> | null} */
    this.before = null; // the runs that were here last
    /** @type {string | null} */
    this.key = null; // the run or group that stands out
    this.asked = this.frame = this.took = 0;
    /** @type {LineChart[]} */
    this.sensitivity = [];
    /** @type {BoardRun[]} */
    this.stoppable = [];
    this.askingStop = false;
    this.stopState = this.legendState = "";
    this.sentence = h("span", { class: "rv-summary-text" });
    this.remaining = h("span", { class: "rv-summary-left" });
    this.stopAll = h("span", { class: "rv-stop-all" });
    this.overall = progressBar();
    this.overall.node.setAttribute("aria-label", "Progress of all runs");
    this.summary = h(
      "div",
      { class: "rv-summary", "data-testid": "summary" },
      this.sentence,
      this.remaining,
      this.stopAll,
      this.overall.node,
    );
    this.list = new RunList({
      onAction: (action) => channel.announce({ action, final: true }),
      onShow: (ids, key, seen) => this.show(ids, key, seen),
      onKey: (key) => this.highlight(key),
    });
    this.empty = h("p", { class: "rv-message", "data-testid": "empty", role: "status" });
    this.axis = choices(
      "Horizontal axis",
      /** @type {BoardView["x"][]} */ (Object.keys(AXES)).map((value) => [value, AXES[value].button]),
      (value) => this.setView("x", value),
    );
    this.per = choices(
      "Training curves",
      [
        ["step", "per step"],
        ["epoch", "per epoch"],
      ],
      (value) => this.setView("per", value),
    );
    /** @type {HTMLInputElement} */
    this.smoothing = h("input", {
      type: "range",
      class: "rv-range",
      min: 0,
      max: 0.99,
      step: 0.01,
      "data-path": "view.smoothing",
      "aria-label": "Smoothing",
      oninput: () => this.setView("smoothing", Number(this.smoothing.value), false),
      onchange: () => channel.announce({ set: { "view.smoothing": this.view.smoothing }, final: true }),
    });
    this.weight = h("output", { class: "rv-weight" });
    this.logLoss = toggle("log loss", "Losses on a logarithmic axis", (on) => this.setView("log_loss", on));
    this.logX = toggle("log x", "The horizontal axis logarithmic", (on) => this.setView("log_x", on));
    const grouping = "One curve for all seeds of the same settings: their mean, and a band of one standard deviation";
    this.group = toggle("group seeds", grouping, (on) => this.setView("group", on));
    /** @param {string} text @param {string} title @param {() => void} onclick */
    const button = (text, title, onclick) => h("button", { type: "button", class: "rv-choice", title, onclick }, text);
    this.reset = button("Reset zoom", "Show every step again (double click in a chart)", () => this.setZoom(null));
    /** @type {HTMLButtonElement} */
    this.link = button("Copy link", "The address of this very view", () => copyAddress(this.link));
    this.picture = button("PNG", "The charts as a PNG picture", () => this.save());
    this.toolbar = h(
      "div",
      { class: "rv-toolbar rv-board-toolbar", role: "toolbar", "aria-label": "Charts" },
      this.axis.node,
      this.per.node,
      h(
        "label",
        {
          class: "rv-smoothing",
          title: "Debiased exponential average of the curves per step; 0 shows them as they are",
        },
        h("span", {}, "smoothing"),
        this.smoothing,
        this.weight,
      ),
      h("div", { class: "rv-toggles" }, this.logLoss.node, this.logX.node, this.group.node),
      h("div", { class: "rv-actions" }, this.reset, this.link, this.picture),
    );
    this.legend = h("ul", { class: "rv-legend", "data-testid": "legend", "aria-label": "Curves" });
    this.tip = h("div", { class: "rv-tip rv-board-tip", hidden: true });
    this.charts = CHARTS.map((spec) => new LineChart({ ...spec, ...this.hand() }));
    this.grid = h("div", { class: "rv-curves", "data-testid": "charts" }, ...this.charts.map((chart) => chart.node));
    this.note = h("p", { class: "rv-caption", "data-testid": "note" });
    this.table = new ResultTable({ onKey: (key) => this.highlight(key) });
    this.sensitivityBox = h("div", { class: "rv-curves rv-sensitivity", hidden: true });
    this.filled = h(
      "div",
      { hidden: true },
      this.summary,
      this.list.node,
      this.toolbar,
      this.legend,
      this.grid,
      this.note,
      this.table.node,
      this.sensitivityBox,
    );
    this.root.append(this.empty, this.filled, this.tip);
    this.begin();
  }

  hand() {
    return {
      tip: this.tip,
      onZoom: (/** @type {Place | null} */ zoom) => this.setZoom(zoom),
      onPoint: (/** @type {number | null} */ x) => this.point(x),
      onKey: (/** @type {Curve | null} */ curve) => this.highlight(curve?.key ?? null),
    };
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
    this.takeView(message.view);
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

  /**
   * The server's view counts where it says something new and no change of ours is on its way.
   * @param {BoardView} view
   */
  takeView(view) {
    const news = Object.entries(view).filter(([name, value]) => {
      if (name in this.heard && same(this.heard[name], value)) return false;
      this.heard[name] = value;
      return !channel.isUnsettled(`view.${name}`);
    });
    const { x } = this.view;
    Object.assign(this.view, Object.fromEntries(news));
    if (this.view.x !== x) this.zoom = null;
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
    if (same(this.view[name], value)) return;
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
    this.zoom = zoom && this.clamp(zoom);
    this.drawSoon();
  }

  /**
   * A window within what there is; null where it would show everything.
   * @param {Place} window
   * @returns {Place | null}
   */
  clamp([low, high]) {
    const { full } = this;
    if (!full) return null;
    /** @type {(value: number) => number} */
    const forth = this.view.log_x ? (value) => Math.log10(Math.max(value, full.low)) : (value) => value;
    /** @type {(value: number) => number} */
    const back = this.view.log_x ? (value) => 10 ** value : (value) => value;
    const [first, last] = [forth(full.low), forth(full.high)];
    let [from, to] = [forth(low), forth(high)];
    const width = Math.max(to - from, (last - first) / 1e6);
    if (!(width < (last - first) * 0.999)) return null;
    from = Math.min(Math.max(from, first), last - width);
    to = from + width;
    return [back(from), back(to)];
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
    for (const chart of [...this.charts, ...this.sensitivity]) chart.point(chart.pointed, key);
  }

  save() {
    const shown = this.charts.filter((chart) => !chart.node.hidden);
    const curves = shown.flatMap((chart) => chart.scene?.curves ?? []);
    const titles = (this.latest?.table.budget ?? []).map((sentence) => `Budget: ${sentence}.`);
    if (curves.length) titles.push(this.reading(curves).join(" "));
    savePicture(shown, this.legendItems(), titles, this.theme, () => this.drawSoon());
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

  drawSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** @override */
  draw() {
    const message = this.latest;
    if (!message || this.gone) return;
    const began = performance.now();
    const { runs } = this.curves;
    const isEmpty = !runs.length;
    this.empty.hidden = !isEmpty;
    this.filled.hidden = isEmpty;
    if (isEmpty) setText(this.empty, message.empty || EMPTY);
    else {
      this.drawSummary(message.summary);
      this.list.render(this.curves, this.view.hidden);
      this.drawToolbar();
      this.drawLegend();
      this.drawCharts();
      this.table.render(message.table);
      this.drawSensitivity(message.sensitivity);
    }
    this.took = performance.now() - began;
    this.notePainted(message.seq, { cursor: this.curves.cursor });
  }

  /** @param {BoardSummary} summary */
  drawSummary({ sentence, remaining }) {
    setText(this.sentence, sentence);
    setText(this.remaining, remaining === null ? "" : `about ${duration(remaining)} left`);
    this.overall.show(this.curves.runs);
    this.drawStopAll();
  }

  /** While anything is queued or running: "Stop all", which asks before it stops. */
  drawStopAll(ask = this.askingStop) {
    const going = this.curves.runs.filter((run) => run.may_act && ["queued", "running"].includes(run.status));
    const stoppable = going.filter((run) => run.actions.includes("stop"));
    this.stoppable = stoppable;
    this.askingStop = ask && stoppable.length > 0;
    const state = JSON.stringify([going.length > 0, stoppable.length, this.askingStop]);
    if (state === this.stopState) return;
    this.stopState = state;
    const held = this.stopAll.contains(document.activeElement);
    const count = stoppable.length;
    /** @param {boolean} sure */
    const answer = (sure) => {
      if (sure) for (const run of this.stoppable) channel.announce({ action: { stop: run.id }, final: true });
      this.drawStopAll(false);
    };
    const text = `Stop ${count} run${count > 1 ? "s" : ""}?`;
    const button = () =>
      h(
        "button",
        {
          type: "button",
          class: "rv-choice",
          disabled: !count,
          title: "Stop every run that is queued or running",
          onclick: () => this.drawStopAll(true),
        },
        "Stop all",
      );
    this.stopAll.replaceChildren(
      ...(this.askingStop ? [question(text, text, answer)] : going.length ? [button()] : []),
    );
    if (held) focus(this.stopAll, "[data-act=no]", "button");
  }

  drawToolbar() {
    const { view } = this;
    this.axis.show(view.x);
    this.per.show(view.per);
    this.logLoss.show(view.log_loss);
    this.logX.show(view.log_x);
    this.group.show(view.group);
    if (Number(this.smoothing.value) !== view.smoothing) this.smoothing.value = String(view.smoothing);
    this.smoothing.disabled = view.per === "epoch";
    setText(this.weight, view.smoothing.toFixed(2));
    this.smoothing.setAttribute("aria-valuetext", view.smoothing.toFixed(2));
    this.reset.disabled = !this.zoom;
  }

  /**
   * What has a curve of its own.
   * @returns {LegendItem[]}
   */
  legendItems() {
    const hidden = new Set(this.view.hidden);
    const { curves, view } = this;
    return grouped(curves.runs).flatMap(([key, members]) => {
      const [{ colour, dash }] = members;
      if (view.group && members.length > 1) {
        const shown = members.filter((run) => !hidden.has(run.id));
        const ids = members.map((run) => run.id);
        return [
          {
            key,
            ids,
            label: curves.nameOf(`group\n${key}`),
            colour,
            dash,
            seeds: shown.length,
            seen: !hidden.has(key) && shown.length > 0,
          },
        ];
      }
      return members.map((run) => ({
        key: run.id,
        ids: [run.id],
        label: curves.nameOf(run.id),
        colour: run.colour,
        dash: run.dash,
        seen: !hidden.has(key) && !hidden.has(run.id),
      }));
    });
  }

  drawLegend() {
    const items = this.legendItems();
    const state = JSON.stringify(items);
    if (state === this.legendState) return;
    this.legendState = state;
    const focused = focusedIn(this.legend)?.dataset.key;
    this.legend.replaceChildren(
      ...items.map((item) => {
        const swatch = h("i", { class: "rv-swatch" });
        paintSwatch(swatch, item);
        const text = item.seeds ? `${item.label}, N = ${item.seeds}` : item.label;
        return h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: "rv-legend-item",
              "data-key": item.key,
              "aria-pressed": String(item.seen),
              title: item.seen ? "Hide" : "Show",
              onclick: () => this.show(item.ids, item.key, !item.seen),
              onpointerenter: () => this.highlight(item.key),
              onpointerleave: () => this.highlight(null),
            },
            swatch,
            text,
          ),
        );
      }),
    );
    if (focused) focus(this.legend, `[data-key="${CSS.escape(focused)}"]`);
  }

  drawCharts() {
    if (this.width < 50) return;
    const { view } = this;
    const each = this.width < NARROW ? this.width : Math.floor((this.width - GAP) / 2);
    const found = CHARTS.map((spec) => this.curves.curves(spec, view));
    const all = found.flat();
    const full = this.extent(all);
    this.full = full;
    const [low, high] = this.zoom ?? [full.low, full.high];
    const x = { ...AXES[view.x], low, high, log: view.log_x, full: !this.zoom };
    this.charts.forEach((chart, i) => {
      const curves = found[i];
      chart.key = this.key;
      chart.draw({
        curves,
        x,
        logY: chart.kind === "loss" && view.log_loss,
        theme: this.theme,
        width: each,
        height: 230,
      });
      const drawn = curves.filter((curve) => !curve.validation);
      chart.describe(
        `${chart.title}: ${drawn.length ? drawn.map((curve) => ending(curve, chart.kind)).join("; ") : "no values yet"}`,
      );
    });
    setText(this.note, this.explanation(all));
  }

  /**
   * From the first to the last point of all curves.
   * @param {Curve[]} curves
   */
  extent(curves) {
    const log = this.view.log_x;
    let [low, high] = [Infinity, -Infinity];
    for (const { x, finite } of curves) {
      if (!finite) continue;
      high = Math.max(high, x[finite - 1]);
      if (!log) low = Math.min(low, x[0]);
      else
        for (let i = 0; i < finite; i++) {
          if (!(x[i] > 0)) continue;
          low = Math.min(low, x[i]);
          break;
        }
    }
    if (!log && high > 0 && low < high * 0.2) low = Math.min(low, 0);
    if (!(low < high))
      [low, high] =
        Number.isFinite(low) && low > 0 ? (log ? [low / 2, low * 2] : [0, low * 2]) : log ? [1, 10] : [0, 1];
    return { low, high };
  }

  /** @param {Curve[]} curves */
  explanation(curves) {
    const { view } = this;
    if (!curves.length)
      return view.x === "training" || view.x === "wall" ? "No point with a time has arrived yet." : "";
    return [
      ...this.reading(curves),
      "Drag to zoom, wheel to magnify, Shift and drag to move, double click for everything.",
    ].join(" ");
  }

  /**
   * What the lines and bands are.
   * @param {Curve[]} curves
   */
  reading(curves) {
    const parts = [];
    if (curves.some((curve) => curve.raw)) parts.push(this.smoothingNote(curves));
    if (curves.some((curve) => curve.low)) {
      const linear = "mean ± one standard deviation over the N seeds that have come that far";
      const factor = "geometric mean, times and divided by the factor of one standard deviation of the logarithms";
      const both = curves.some((curve) => curve.low && !curve.factor)
        ? `${linear}; on the logarithmic axis ${factor}`
        : `${factor}, over the N seeds that have come that far`;
      parts.push(`Band: ${curves.some((curve) => curve.low && curve.factor) ? both : linear}.`);
    }
    if (curves.some((curve) => curve.validation)) parts.push("Thin with hollow circles: validation part.");
    if (curves.some((curve) => curve.ended)) parts.push("✕ diverged.");
    return parts;
  }

  /** @param {Curve[]} curves */
  smoothingNote(curves) {
    const weight = `debiased exponential average, weight ${this.view.smoothing.toFixed(2)}`;
    const smooth = curves.filter((curve) => curve.raw);
    const log = !smooth.some((curve) => curve.factor)
      ? ""
      : smooth.every((curve) => curve.factor)
        ? ", of the logarithms"
        : "; on the logarithmic axis, of the logarithms";
    return `Faint: as recorded, each step; strong: ${weight}${log}.`;
  }

  /** @param {RateChart[]} specs */
  drawSensitivity(specs) {
    this.sensitivityBox.hidden = !specs.length;
    while (this.sensitivity.length > specs.length) {
      const chart = this.sensitivity.pop();
      chart?.destroy();
      chart?.node.remove();
    }
    if (!specs.length || this.width < 50) return;
    const width = this.width < NARROW ? this.width : Math.floor((this.width - GAP) / 2);
    specs.forEach((spec, i) => {
      const kind = spec.unit === "fraction" ? "accuracy" : spec.unit === "loss" ? "loss" : "number";
      let chart = this.sensitivity[i];
      if (!chart) {
        const onPoint = (/** @type {number | null} */ x) => this.sensitivity[i].point(x, this.key);
        const hand = { ...this.hand(), onZoom: () => {}, onPoint };
        chart = new LineChart({ name: `sensitivity_${i}`, title: spec.title, kind, ...hand });
        this.sensitivity[i] = chart;
        this.sensitivityBox.append(chart.node);
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
        theme: this.theme,
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

  /** @override */
  destroy() {
    super.destroy();
    this.table.destroy();
    cancelAnimationFrame(this.frame);
    for (const chart of [...this.charts, ...this.sensitivity]) chart.destroy();
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

export default mounted((parent) => new Board(parent), "charts/charts.css", "training/board.css");
