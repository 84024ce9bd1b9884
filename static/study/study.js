// A contour with paths, a chart of their losses, playback, and sections of computed comparisons; speaks to the server.

import { ExactChart } from "../charts/exact_chart.js";
import { Plane } from "../plane/plane.js";
import { unpack } from "../shared/bytes.js";
import * as channel from "../shared/channel.js";
import { copyAddress, h, loadStyles, painted, paintSwatch, setText } from "../shared/dom.js";
import { readTheme } from "../shared/theme.js";
import { Transport } from "../shared/transport.js";

const NARROW = 640;
const GAP = 16;
const instances = new WeakMap();

/** Makes the children of `parent` paragraphs with these texts. */
function tell(parent, texts) {
  while (parent.children.length > texts.length) parent.lastChild.remove();
  texts.forEach((text, i) => {
    if (!parent.children[i]) parent.append(h("p", { class: "rv-caption" }));
    setText(parent.children[i], text);
  });
}

class Study {
  constructor(parent) {
    this.step = null; // null: the last
    this.charts = new Map();
    this.sections = new Map();
    this.zooms = new Map();
    this.build(parent);
    this.send = (change) => this.setStateValue("change", change);
    this.disconnect = channel.connect(this.send);
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.root);
    window.__ravine_study = this;
  }

  build(parent) {
    this.plane = new Plane((x, y, final) => channel.announce({ set: { "start.x": x, "start.y": y }, final }));
    this.transport = new Transport((step) => this.setStep(step));
    this.counted = h("p", { class: "rv-counted", "data-testid": "counted", "aria-live": "polite" });
    this.legend = h("ul", { class: "rv-legend", "data-testid": "legend" });
    this.link = h(
      "button",
      {
        type: "button",
        class: "rv-choice",
        title: "The address of this very picture",
        onclick: () => copyAddress(this.link),
      },
      "Copy link",
    );
    this.tip = h("div", { class: "rv-tip rv-board-tip", hidden: true });
    this.caption = h("div", { "data-testid": "caption" });
    this.first = h("div", { class: "rv-study-first" }, h("div", {}, this.plane.node));
    this.parts = h("div", { class: "rv-study-sections" });
    this.root = h(
      "div",
      { class: "rv rv-board rv-study", "data-testid": "study", "data-drawn": 0 },
      h("div", { class: "rv-toolbar rv-board-toolbar" }, this.legend, h("div", { class: "rv-actions" }, this.link)),
      this.first,
      this.transport.node,
      this.counted,
      this.transport.readout,
      this.caption,
      this.parts,
      this.tip,
    );
    parent.append(this.root);
    // Streamlit fades what waits for its server; here each slider move would start that.
    const frame = parent.closest('[data-testid="stElementContainer"]');
    frame?.style.setProperty("transition", "none", "important");
    frame?.style.setProperty("opacity", "1", "important");
    this.resize();
  }

  receive(component) {
    this.setStateValue = component.setStateValue;
    const message = unpack(component.data);
    this.refreshTheme();
    if (message.stamp === this.stamp) return;
    this.stamp = message.stamp;
    channel.acknowledge(message.seq);
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    if (channel.isSpeaker(this.send)) {
      const settled = Object.fromEntries(Object.entries(message.values).filter(([path]) => !channel.isUnsettled(path)));
      window.dispatchEvent(
        new CustomEvent("ravine:values", { detail: { values: settled, problems: message.problems } }),
      );
    }
    const { steps } = message.counting;
    this.transport.setRuns(
      message.paths
        .filter((one) => one.loss)
        .map((one) => ({ ...one, name: one.label, colour: one.colour ?? this.theme.text })),
      steps,
    );
    this.step = this.transport.step;
    this.draw();
  }

  refreshTheme() {
    const theme = readTheme(this.root, this.theme);
    if (theme === this.theme) return;
    this.theme = theme;
    this.root.classList.toggle("rv-dark", theme.dark);
    if (this.latest) this.draw();
  }

  shown() {
    const { steps } = this.latest.counting;
    return Math.min(steps, this.step ?? steps);
  }

  setStep(step) {
    this.step = step;
    if (this.latest) this.drawStep();
  }

  draw() {
    const message = this.latest;
    if (!message || this.gone || !this.width || !this.theme) return;
    const { grid, surface, loss, sections, caption, seq } = message;
    const narrow = this.width < NARROW;
    const side = narrow ? this.width : Math.floor((this.width - GAP) * 0.54);
    const high = Math.round(Math.min(460, Math.max(260, side * 0.8)));
    this.plane.draw(grid, surface, this.theme, side, high);
    this.plane.node.setAttribute("aria-label", caption.join(" "));
    this.drawChart(loss, this.first, narrow ? this.width : this.width - GAP - side, narrow ? 260 : high - 60);
    this.drawLegend(message.paths);
    tell(this.caption, caption);
    const half = narrow ? this.width : Math.floor((this.width - 2 * GAP) / 2);
    for (const section of sections) this.drawSection(section, half);
    this.drawStep();
    painted().then(() => {
      this.root.dataset.seq = seq;
      this.root.dataset.drawn = Number(this.root.dataset.drawn) + 1;
    });
  }

  drawStep() {
    const { crowd, paths, values, counting } = this.latest;
    const step = this.shown();
    this.plane.drawPaths({ crowd, paths, start: [values["start.x"], values["start.y"]] }, step);
    this.charts.get("loss")?.point(step, null);
    setText(this.counted, this.count(step, counting));
  }

  /** Which step of which epoch that is. */
  count(step, { steps, of, rows, batch }) {
    if (!of) return `step ${step} of ${steps}`;
    if (!step) return `step 0 of ${steps}: the start; an epoch is ${of} ${of > 1 ? "batches" : "batch"}`;
    const within = ((step - 1) % of) + 1;
    const left = this.latest.counting.replaced || within < of ? batch : rows - (of - 1) * batch;
    return `step ${step} = epoch ${Math.ceil(step / of)}, batch ${within} of ${of} (${left} ${left > 1 ? "rows" : "row"})`;
  }

  drawLegend(paths) {
    const state = JSON.stringify([paths.map(({ label, colour, dash }) => [label, colour, dash]), this.theme.signature]);
    if (state === this.explained) return;
    this.explained = state;
    this.legend.replaceChildren(
      ...paths.map((path) => {
        const swatch = h("i", { class: "rv-swatch" });
        paintSwatch(swatch, { ...path, colour: path.colour ?? this.theme.text });
        return h("li", { class: "rv-legend-entry" }, swatch, path.label);
      }),
      h("li", { class: "rv-legend-entry" }, "◎ start: click or drag"),
    );
  }

  /** `spec.of` says what a chart was computed of, where it has been said: the same is not drawn again, but its mark moves. */
  drawChart(spec, parent, width, height) {
    let chart = this.charts.get(spec.name);
    if (!chart) {
      chart = new ExactChart({
        name: spec.name,
        title: spec.title,
        kind: "number",
        tip: this.tip,
        onZoom: (zoom) => {
          this.zooms.set(spec.name, zoom);
          this.draw();
        },
        onPoint: (x) =>
          x === null && spec.name === "loss" ? chart.point(this.shown(), null) : chart.point(x, chart.lit),
        onKey: (curve) => {
          chart.lit = curve?.key ?? null;
          if (chart.pointed !== null) chart.point(chart.pointed, chart.lit);
        },
      });
      this.charts.set(spec.name, chart);
      parent.append(chart.node);
    }
    const signature = [spec.of, this.theme.signature, width, height, this.zooms.get(spec.name)].join("|");
    if (spec.of && signature === chart.drawn) {
      chart.setMark(spec.mark);
      return;
    }
    chart.drawn = signature;
    const shown = spec.curves.map((curve) => ({ ...curve, colour: curve.colour ?? this.theme.mix(0.85) }));
    let [low, high] = [Infinity, -Infinity];
    for (const { x } of shown) {
      for (const value of x.length ? [x[0], x.at(-1)] : []) {
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
      curves: shown.map(({ x, y, ...curve }) => ({
        ...curve,
        group: curve.key,
        x,
        line: y,
        count: x.length,
        finite: x.length,
        points: x.length,
      })),
      mark: spec.mark,
      floor: spec.floor,
      x: { low: from, high: to, log: spec.log_x, kind: spec.log_x ? "number" : "count", label: spec.x, full: whole },
      logY: spec.log_y,
      theme: this.theme,
      width,
      height,
    });
    chart.describe(`${spec.title} against ${spec.x}: ${spec.curves.map((curve) => curve.label).join("; ")}`);
    chart.explain(shown);
  }

  drawSection(section, width) {
    let part = this.sections.get(section.name);
    if (!part) {
      part = {
        head: h("h3", { class: "rv-study-title" }),
        texts: h("div"),
        table: h("div", { class: "rv-table-frame", hidden: true }),
      };
      part.node = h(
        "section",
        { class: "rv-study-section", "data-testid": `section-${section.name}` },
        part.head,
        part.table,
        part.texts,
      );
      part.node.style.minWidth = "0";
      this.sections.set(section.name, part);
      this.parts.append(part.node);
    }
    setText(part.head, section.title);
    if (section.chart) this.drawChart(section.chart, part.node, width, 280);
    if (section.table) this.drawTable(part.table, section.table);
    tell(part.texts, section.texts);
    if (part.node.lastChild !== part.texts) part.node.append(part.texts);
  }

  drawTable(frame, { columns, rows }) {
    const state = JSON.stringify([columns, rows]);
    frame.hidden = false;
    if (frame.dataset.state === state) return;
    frame.dataset.state = state;
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

  resize() {
    const width = Math.floor(this.root.clientWidth);
    if (width === this.width) return;
    this.width = width;
    this.root.classList.toggle("rv-narrow", width < NARROW);
    this.draw();
  }

  destroy() {
    this.gone = true;
    this.disconnect();
    this.resizer.disconnect();
    this.transport.destroy();
    for (const chart of this.charts.values()) chart.destroy();
    this.root.remove();
    if (window.__ravine_study === this) delete window.__ravine_study;
  }
}

export default async function (component) {
  await loadStyles("charts/charts.css", "study/study.css");
  const { parentElement } = component;
  let instance = instances.get(parentElement);
  if (!instance || instance.gone) {
    instance = new Study(parentElement);
    instances.set(parentElement, instance);
  }
  instance.receive(component);
  return () => {
    // Streamlit also runs the cleanup of a call that a newer one overtook; only an element that has left is unmounted.
    if (!parentElement.isConnected) instance.destroy();
  };
}
