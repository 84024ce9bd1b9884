// The board of training runs: takes the server's ticks in, draws once a frame, and speaks to the server.

import { ending, LineChart } from "../charts/line_chart.js";
import { unpack } from "../shared/bytes.js";
import * as channel from "../shared/channel.js";
import { copyAddress, h, loadStyles, painted, paintSwatch, setText } from "../shared/dom.js";
import { duration } from "../shared/scales.js";
import { readTheme } from "../shared/theme.js";
import { savePicture } from "./charts_picture.js";
import { ResultTable } from "./result_table.js";
import { progressBar, question, RunList } from "./run_list.js";
import { CHARTS, grouped, TrainingCurves } from "./training_curves.js";

const NARROW = 640;
const STACKED = 720; // a row of the list of runs is broken into lines below it
const MERGED = 1100; // hyperparameters stand under their optimizer's name below it
const GAP = 16;
const ASK_AGAIN = 3000;
const EMPTY = "No runs yet. Choose optimizers on the left and press Launch.";
const AXES = {
  step: { button: "step", label: "step", kind: "count" },
  epoch: { button: "epoch", label: "epoch", kind: "number" },
  training: { button: "training time", label: "training time", kind: "seconds" },
  wall: { button: "wall clock", label: "time since the start", kind: "seconds" },
};
const instances = new WeakMap();

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** A row of buttons of which one is pressed: `[[value, text], ...]`. */
function choices(label, options, choose) {
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", class: "rv-choice", "data-value": value, onclick: () => choose(value) }, text),
  );
  return {
    node: h("div", { class: "rv-choices", role: "group", "aria-label": label }, ...buttons),
    show: (value) =>
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === value))),
  };
}

function toggle(text, title, turn) {
  const node = h(
    "button",
    { type: "button", class: "rv-choice", title, onclick: () => turn(node.getAttribute("aria-pressed") !== "true") },
    text,
  );
  return { node, show: (on) => node.setAttribute("aria-pressed", String(Boolean(on))) };
}

class Board {
  constructor(parent) {
    this.curves = new TrainingCurves();
    this.view = {
      x: "step",
      smoothing: 0.9,
      log_loss: false,
      log_x: false,
      group: true,
      charts: "loss+accuracy",
      hidden: [],
      per: "step",
    };
    this.heard = {}; // the server's last word on each part of the view
    this.zoom = null;
    this.asked = 0;
    this.sensitivity = [];
    this.build(parent);
    this.send = (change) => this.setStateValue("change", change);
    this.disconnect = channel.connect(this.send);
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.root);
    window.__ravine_board = this;
  }

  // ---------------------------------------------------------------- elements

  build(parent) {
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
      Object.entries(AXES).map(([value, { button }]) => [value, button]),
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
    const button = (text, title, onclick) => h("button", { type: "button", class: "rv-choice", title, onclick }, text);
    this.reset = button("Reset zoom", "Show every step again (double click in a chart)", () => this.setZoom(null));
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
    this.charts = CHARTS.map((chart) => Object.assign(new LineChart({ ...chart, ...this.hand() }), { spec: chart }));
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
    this.root = h(
      "div",
      { class: "rv rv-board", "data-testid": "board", "data-drawn": 0 },
      this.empty,
      this.filled,
      this.tip,
    );
    parent.append(this.root);
    // Streamlit fades what waits for its server; a board that ticks would flicker.
    const frame = parent.closest('[data-testid="stElementContainer"]');
    frame?.style.setProperty("transition", "none", "important");
    frame?.style.setProperty("opacity", "1", "important");
    this.resize();
  }

  hand() {
    return {
      tip: this.tip,
      onZoom: (zoom) => this.setZoom(zoom),
      onPoint: (x) => this.point(x),
      onKey: (curve) => this.highlight(curve?.key ?? null),
    };
  }

  // ---------------------------------------------------------------- what the server says

  /** A payload, or the old one again because the theme has changed. */
  receive(component) {
    this.setStateValue = component.setStateValue;
    const message = unpack(component.data);
    this.refreshTheme();
    if (message.stamp === this.stamp) return;
    this.stamp = message.stamp;
    channel.acknowledge(message.seq);
    this.forgetZoom(message.runs ?? []);
    if (this.curves.take(message)) this.asked = 0;
    else if (!this.asked || performance.now() - this.asked > ASK_AGAIN) {
      this.asked = performance.now();
      channel.announce({ need: true });
    }
    this.takeView(message.view ?? {});
    channel.flush();
    this.latest = message;
    if (channel.isSpeaker(this.send)) this.tellControls(message);
    this.drawSoon();
  }

  /** Runs of which none was here before are looked at from their beginning. */
  forgetZoom(runs) {
    if (!runs.length) return;
    if (this.before && !runs.some(({ id }) => this.before.has(id))) this.zoom = null;
    this.before = new Set(runs.map(({ id }) => id));
  }

  /** The server's view counts where it says something new and no change of ours is on its way. */
  takeView(view) {
    for (const [name, value] of Object.entries(view)) {
      if (name in this.heard && same(this.heard[name], value)) continue;
      this.heard[name] = value;
      if (channel.isUnsettled(`view.${name}`) || same(this.view[name], value)) continue;
      this.view[name] = value;
      if (name === "x") this.zoom = null;
    }
  }

  tellControls({ values = {}, problems = {}, controls }) {
    const settled = Object.fromEntries(Object.entries(values).filter(([path]) => !channel.isUnsettled(path)));
    window.dispatchEvent(new CustomEvent("ravine:values", { detail: { values: settled, problems } }));
    if (controls) window.dispatchEvent(new CustomEvent("ravine:controls", { detail: controls }));
  }

  refreshTheme() {
    const theme = readTheme(this.root, this.theme);
    if (theme === this.theme) return;
    this.theme = theme;
    this.root.classList.toggle("rv-dark", theme.dark);
    this.drawSoon();
  }

  // ---------------------------------------------------------------- what the hand does

  setView(name, value, tell = true) {
    if (same(this.view[name], value)) return;
    this.view[name] = value;
    if (name === "x" || name === "log_x") this.zoom = null;
    if (tell) channel.announce({ set: { [`view.${name}`]: value }, final: true });
    this.drawSoon();
  }

  /** Shows or hides runs. `key` is the group's where all of it is meant, else the run's. */
  show(ids, key, seen) {
    const hidden = new Set(this.view.hidden);
    const owner = this.curves.runs.find((run) => run.id === ids[0])?.group;
    // A hidden group of which one run is to be seen: the others are hidden one by one.
    if (seen && owner !== key && hidden.delete(owner)) {
      for (const run of this.curves.runs) if (run.group === owner) hidden.add(run.id);
    }
    if (seen) for (const id of [key, ...ids]) hidden.delete(id);
    else hidden.add(key);
    this.setView("hidden", [...hidden]);
  }

  setZoom(zoom) {
    this.zoom = zoom && this.clamp(zoom);
    this.drawSoon();
  }

  /** A window within what there is; null where it would show everything. */
  clamp([low, high]) {
    const { full } = this;
    if (!full) return null;
    const forth = this.view.log_x ? (value) => Math.log10(Math.max(value, full.low)) : (value) => value;
    const back = this.view.log_x ? (value) => 10 ** value : (value) => value;
    const [first, last] = [forth(full.low), forth(full.high)];
    let [from, to] = [forth(low), forth(high)];
    const width = Math.max(to - from, (last - first) / 1e6);
    if (!(width < (last - first) * 0.999)) return null;
    from = Math.min(Math.max(from, first), last - width);
    to = from + width;
    return [back(from), back(to)];
  }

  point(x) {
    for (const chart of this.charts) chart.point(x, this.key ?? null);
  }

  highlight(key) {
    if (this.key === key) return;
    this.key = key;
    const group = this.curves.runs.find((run) => run.id === key)?.group ?? null;
    this.list.highlight(key, group);
    this.table.highlight(key, group);
    for (const chart of [...this.charts, ...this.sensitivity]) chart.point(chart.pointed ?? null, key);
  }

  save() {
    const shown = this.charts.filter((chart) => !chart.node.hidden);
    const curves = shown.flatMap((chart) => chart.scene.curves);
    const titles = (this.latest.table?.budget ?? []).map((sentence) => `Budget: ${sentence}.`);
    if (curves.length) titles.push(this.reading(curves).join(" "));
    savePicture(shown, this.legendItems(), titles, this.theme, () => this.drawSoon());
  }

  resize() {
    const width = Math.floor(this.root.clientWidth);
    if (width === this.width) return;
    this.width = width;
    this.root.classList.toggle("rv-narrow", width < NARROW);
    this.root.classList.toggle("rv-stacked", width < STACKED);
    this.root.classList.toggle("rv-merged", width < MERGED);
    this.list.foldedBeyond = width < NARROW ? 4 : 12;
    this.drawSoon();
  }

  // ---------------------------------------------------------------- drawing

  drawSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

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
      this.table.render(message.table ?? {});
      this.drawSensitivity(message.sensitivity ?? []);
    }
    this.took = performance.now() - began;
    painted().then(() => {
      this.root.dataset.seq = message.seq;
      this.root.dataset.cursor = this.curves.cursor;
      this.root.dataset.drawn = Number(this.root.dataset.drawn) + 1;
    });
  }

  drawSummary(summary) {
    this.summary.hidden = !summary;
    if (!summary) return;
    setText(this.sentence, summary.sentence ?? "");
    setText(
      this.remaining,
      Number.isFinite(summary.remaining) && summary.remaining !== null
        ? `about ${duration(summary.remaining)} left`
        : "",
    );
    this.overall.show(this.curves.runs);
    this.drawStopAll();
  }

  /** While anything is queued or running: "Stop all", which asks before it stops. */
  drawStopAll(ask = this.askingStop) {
    const going = this.curves.runs.filter((run) => run.may_act && ["queued", "running"].includes(run.status));
    const stoppable = going.filter((run) => (run.actions ?? []).includes("stop"));
    this.stoppable = stoppable;
    this.askingStop = Boolean(ask && stoppable.length);
    const state = JSON.stringify([going.length > 0, stoppable.length, this.askingStop]);
    if (state === this.stopState) return;
    this.stopState = state;
    const held = this.stopAll.contains(document.activeElement);
    const count = stoppable.length;
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
    if (held) (this.stopAll.querySelector("[data-act=no]") ?? this.stopAll.querySelector("button"))?.focus();
  }

  drawToolbar() {
    const { view } = this;
    this.axis.show(view.x);
    this.per.show(view.per);
    this.logLoss.show(view.log_loss);
    this.logX.show(view.log_x);
    this.group.show(view.group);
    if (Number(this.smoothing.value) !== view.smoothing) this.smoothing.value = view.smoothing;
    this.smoothing.disabled = view.per === "epoch";
    setText(this.weight, view.smoothing.toFixed(2));
    this.smoothing.setAttribute("aria-valuetext", view.smoothing.toFixed(2));
    this.reset.disabled = !this.zoom;
  }

  /** What has a curve of its own: `{key, ids, label, colour, dash, seeds, seen}`. */
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
            label: curves.names.get(`group\n${key}`),
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
        label: curves.names.get(run.id),
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
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.key : null;
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
    if (focused) this.legend.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  drawCharts() {
    if (this.width < 50 || !this.theme) return;
    const { view } = this;
    const each = this.width < NARROW ? this.width : Math.floor((this.width - GAP) / 2);
    const shown = this.charts.filter((chart) => {
      chart.node.hidden = !view.charts.includes(chart.kind);
      return !chart.node.hidden;
    });
    const found = shown.map((chart) => this.curves.curves(chart.spec, view));
    const all = found.flat();
    this.full = this.extent(all);
    const [low, high] = this.zoom ?? [this.full.low, this.full.high];
    const x = { ...AXES[view.x], low, high, log: view.log_x, full: !this.zoom };
    shown.forEach((chart, i) => {
      const curves = found[i];
      chart.key = this.key ?? null;
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

  /** From the first to the last point of all curves. */
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

  explanation(curves) {
    const { view } = this;
    if (!curves.length)
      return view.x === "training" || view.x === "wall" ? "No point with a time has arrived yet." : "";
    return [
      ...this.reading(curves),
      "Drag to zoom, wheel to magnify, Shift and drag to move, double click for everything.",
    ].join(" ");
  }

  /** What the lines and bands are. */
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

  drawSensitivity(specs) {
    this.sensitivityBox.hidden = !specs.length;
    while (this.sensitivity.length > specs.length) {
      const chart = this.sensitivity.pop();
      chart.destroy();
      chart.node.remove();
    }
    if (!specs.length || this.width < 50) return;
    const width = this.width < NARROW ? this.width : Math.floor((this.width - GAP) / 2);
    specs.forEach((spec, i) => {
      const kind = spec.unit === "fraction" ? "accuracy" : spec.unit === "loss" ? "loss" : "number";
      const hand = { ...this.hand(), onZoom: () => {}, onPoint: (x) => this.sensitivity[i].point(x, this.key ?? null) };
      if (!this.sensitivity[i]) {
        this.sensitivity[i] = new LineChart({ name: `sensitivity_${i}`, title: spec.title, kind, ...hand });
        this.sensitivityBox.append(this.sensitivity[i].node);
      }
      const chart = this.sensitivity[i];
      chart.kind = kind;
      setText(chart.heading, spec.title);
      const curves = spec.series.flatMap((one) => rates(one));
      const every = curves.flatMap((curve) => [...curve.x]);
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
      const best = ({ label, x, y, diverged }) => {
        const known = [...x].map((_, i) => i).filter((i) => Number.isFinite(y[i]) && !diverged?.[i]);
        if (!known.length) return `${label} has no value`;
        const top = known.reduce((a, b) => ((kind === "loss" ? y[b] < y[a] : y[b] > y[a]) ? b : a));
        return `${label} best ${chart.format(y[top])} at learning rate ${x[top]}`;
      };
      chart.describe(`${spec.title}: ${spec.series.map(best).join("; ")}`);
    });
  }

  destroy() {
    this.gone = true;
    this.disconnect();
    this.resizer.disconnect();
    this.table.destroy();
    cancelAnimationFrame(this.frame);
    for (const chart of [...this.charts, ...this.sensitivity]) chart.destroy();
    this.root.remove();
    if (window.__ravine_board === this) delete window.__ravine_board;
  }
}

/**
 * Curves over learning rates: pieces of a line between the rates at which every seed diverged, and crosses at those. A
 * rate without a value leaves the line out; where the last rates have none, it ends with a cross.
 */
function rates({ label, key, colour, dash, x, y, low, high, n, diverged }) {
  const there = [...x].map((_, i) => i).filter((i) => Number.isFinite(y[i]));
  const lost = there.filter((i) => diverged?.[i]);
  const pieces = [];
  there.forEach((i, k) => {
    if (diverged?.[i]) return;
    if (k && !diverged?.[there[k - 1]]) pieces.at(-1).push(i);
    else pieces.push([i]);
  });
  const made = (chosen, part, rest) => {
    const pick = (list) => (list ? Float64Array.from(chosen, (i) => list[i] ?? y[i]) : null);
    return {
      key: key ?? label,
      group: key ?? label,
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
      low: low && high && !rest.crossed ? pick(low) : null,
      high: low && high && !rest.crossed ? pick(high) : null,
      n: n === undefined || n === null ? null : chosen.map((i) => (typeof n === "number" ? n : n[i])),
    };
  };
  const ended = there.length > 0 && there.at(-1) < x.length - 1;
  const curves = pieces.map((piece, part) => made(piece, part, { ended: ended && piece.includes(there.at(-1)) }));
  return lost.length ? [...curves, made(lost, curves.length, { crossed: true })] : curves;
}

export default async function (component) {
  await loadStyles("charts/charts.css", "training/board.css");
  const { parentElement } = component;
  let instance = instances.get(parentElement);
  if (!instance || instance.gone) {
    instance = new Board(parentElement);
    instances.set(parentElement, instance);
  }
  instance.receive(component);
  return () => {
    // Streamlit also runs the cleanup of a call that a newer one overtook; only an element that has left is unmounted.
    if (!parentElement.isConnected) instance.destroy();
  };
}
