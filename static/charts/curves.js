// One value of every run against the step: lines, axes, the chosen step and a readout, as SVG of its own.

import { choices } from "../shared/buttons.js";
import { h, placeIn, powerTicks, roundTicks, setText, short, svg, tenth } from "../shared/dom.js";

/** @import { Numbers } from "../shared/types.js" */
/** @typedef {{left: number, top: number, width: number, height: number}} Inner */
/** @typedef {{id: number, name: string, colour: string, dash?: string}} Curved */
/** @typedef {(value: number) => number} Real */

const MARGIN = { left: 50, right: 12, top: 8, bottom: 32 };
const DEEPEST = 1e-20; // a logarithmic axis reaches no lower; lines below it leave the picture

/**
 * Path of `values` against their index: of many points that share a pixel column, the first, lowest, highest, last.
 * @param {Numbers} values
 * @param {Real} px
 * @param {Real} py
 * @param {number} width
 */
function line(values, px, py, width) {
  const count = values.length;
  let d = "";
  let pen = false;
  /** @param {number} i */
  const add = (i) => {
    const y = py(values[i]);
    if (!Number.isFinite(y)) {
      pen = false;
      return;
    }
    d += `${pen ? "L" : "M"}${tenth(px(i))} ${tenth(y)}`;
    pen = true;
  };
  const bucket = count / Math.max(1, width);
  if (bucket <= 3) {
    for (let i = 0; i < count; i++) add(i);
    return d;
  }
  for (let b = 0; b * bucket < count; b++) {
    const from = Math.floor(b * bucket);
    const to = Math.min(count, Math.floor((b + 1) * bucket));
    let [low, high] = [from, from];
    for (let i = from + 1; i < to; i++) {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
    let last = -1;
    for (const i of [from, Math.min(low, high), Math.max(low, high), to - 1]) {
      if (i > last) add(i);
      last = Math.max(last, i);
    }
  }
  return d;
}

/** @template {Curved} Run */
export class Curves {
  /**
   * `values` gives those of a run, if it has any; `onStep(step, final)` chooses a step, `onLog(log)` switches the axis.
   * @param {object} spec
   * @param {string} spec.name
   * @param {string} spec.title
   * @param {(run: Run) => Numbers | null} spec.values
   * @param {(step: number, final: boolean) => void} spec.onStep
   * @param {(log: boolean) => void} spec.onLog
   */
  constructor({ name, title, values, onStep, onLog }) {
    this.name = name;
    this.title = title;
    this.values = values;
    this.onStep = onStep;
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Map<number, {path: SVGPathElement, dot: SVGCircleElement}>} */
    this.lines = new Map();
    this.log = true;
    this.held = false;
    this.steps = 1;
    this.width = this.height = 0;
    /** @type {{area: Inner, px: Real, py: Real} | null} */
    this.plot = null; // where values lie, once there is room
    this.marks = "";
    this.heading = h("h4", { class: "rv-chart-title" }, title);
    this.axis = choices(
      `${title}: axis`,
      [
        ["linear", "linear"],
        ["log", "log"],
      ],
      (value) => onLog(value === "log"),
    );
    this.grid = svg("g", { class: "rv-grid" });
    this.texts = svg("g", { class: "rv-axis-text" });
    this.paths = svg("g", { fill: "none", "stroke-linejoin": "round" });
    this.cursor = svg("line", { class: "rv-cursor" });
    this.dots = svg("g");
    this.clipRect = svg("rect");
    const id = `rv-curve-clip-${name}-${Math.random().toString(36).slice(2)}`;
    this.picture = svg(
      "svg",
      { class: "rv-curve", role: "img" },
      svg("clipPath", { id }, this.clipRect),
      this.grid,
      this.texts,
      svg("g", { "clip-path": `url(#${id})` }, this.paths, this.cursor, this.dots),
    );
    this.tip = h("div", { class: "rv-tip", hidden: true });
    this.frame = h("div", { class: "rv-curve-frame" }, this.picture, this.tip);
    this.node = h(
      "section",
      { class: "rv-chart", "data-testid": `curve-${name}`, "aria-label": title },
      h("div", { class: "rv-chart-head" }, this.heading, this.axis.node),
      this.frame,
    );
    this.listen();
  }

  listen() {
    /** @param {PointerEvent} event @param {Inner} area */
    const stepAt = (event, area) => {
      const x = placeIn(this.frame, event)[0] - MARGIN.left;
      return Math.min(this.steps, Math.max(0, Math.round((x / area.width) * this.steps)));
    };
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.button || !this.plot) return;
      this.frame.setPointerCapture(event.pointerId);
      this.held = true;
      this.onStep(stepAt(event, this.plot.area), false);
    });
    this.frame.addEventListener("pointermove", (event) => {
      if (!this.plot) return;
      const step = stepAt(event, this.plot.area);
      if (this.held) this.onStep(step, false);
      this.readout(step, event);
    });
    /** @param {PointerEvent} event */
    const drop = (event) => {
      if (this.held && this.plot) this.onStep(stepAt(event, this.plot.area), true);
      this.held = false;
    };
    this.frame.addEventListener("pointerup", drop);
    this.frame.addEventListener("pointercancel", drop);
    this.frame.addEventListener("pointerleave", () => (this.tip.hidden = true));
  }

  /** @param {number} step @param {PointerEvent} event */
  readout(step, event) {
    const rows = this.runs
      .map((run) => ({ run, values: this.values(run) ?? [] }))
      .filter(({ values }) => step < values.length)
      .map(({ run, values }) => ({ run, value: values[step] }))
      .sort((a, b) => a.value - b.value);
    this.tip.hidden = !rows.length;
    if (!rows.length) return;
    this.tip.replaceChildren(
      h("strong", {}, `step ${step}`),
      ...rows.map(({ run, value }) => {
        const swatch = h("i", { class: "rv-dot" });
        swatch.style.background = run.colour;
        return h("span", {}, swatch, `${run.name} ${short(value, 4)}`);
      }),
    );
    const [px, py] = placeIn(this.frame, event);
    const w = this.tip.offsetWidth;
    const x = px + 14 + w > this.frame.offsetWidth ? px - 14 - w : px + 14;
    this.tip.style.transform = `translate(${Math.max(0, x)}px, ${Math.max(0, py - this.tip.offsetHeight - 8)}px)`;
  }

  /** @param {number} width @param {number} height */
  resize(width, height) {
    if (this.width === width && this.height === height) return false;
    [this.width, this.height] = [width, height];
    return true;
  }

  /**
   * New runs over `steps` steps.
   * @param {Run[]} runs
   * @param {number} steps
   * @param {boolean} log
   * @param {number} base what a logarithmic axis measures from
   */
  draw(runs, steps, log, base) {
    this.runs = runs;
    this.steps = Math.max(1, steps);
    this.log = log;
    const offset = log ? base : 0;
    setText(this.heading, offset ? `${this.title} above the lowest` : this.title);
    this.axis.show(log ? "log" : "linear");
    if (!this.width) return;
    const inner = {
      left: MARGIN.left,
      top: MARGIN.top,
      width: Math.max(10, this.width - MARGIN.left - MARGIN.right),
      height: Math.max(10, this.height - MARGIN.top - MARGIN.bottom),
    };
    this.picture.setAttribute("width", String(this.width));
    this.picture.setAttribute("height", String(this.height));
    for (const [name, value] of Object.entries({
      x: inner.left,
      y: inner.top - 2,
      width: inner.width + 6,
      height: inner.height + 4,
    })) {
      this.clipRect.setAttribute(name, String(value));
    }
    const { low, high, ticks } = this.range(runs, log, offset, inner.height);
    const scale = inner.height / (high - low);
    const bottom = inner.top + inner.height;
    /** @type {Real} */
    const px = (step) => inner.left + (step / this.steps) * inner.width;
    /** @type {Real} */
    const py = log
      ? (value) => {
          const above = value - offset;
          // Zero and below lie at the foot of a logarithmic axis; what is not a number leaves a gap.
          return above > 0 ? bottom - (Math.log10(above) - low) * scale : above <= 0 ? bottom + 3 : NaN;
        }
      : (value) => bottom - (value - low) * scale;
    this.plot = { area: inner, px, py };
    this.picture.setAttribute("aria-label", this.sentence(offset));
    this.drawAxes(ticks, log ? (t) => bottom - (Math.log10(t) - low) * scale : py, px, inner);
    const kept = new Set();
    for (const run of runs) {
      const values = this.values(run);
      if (!values) continue;
      kept.add(run.id);
      let parts = this.lines.get(run.id);
      if (!parts) {
        parts = { path: svg("path", { class: "rv-curve-line" }), dot: svg("circle", { r: 3.2, class: "rv-marker" }) };
        this.lines.set(run.id, parts);
        this.paths.append(parts.path);
        this.dots.append(parts.dot);
      }
      parts.path.setAttribute("stroke", run.colour);
      parts.path.setAttribute("stroke-dasharray", run.dash || "none");
      parts.path.setAttribute("d", line(values, px, py, inner.width));
      parts.dot.setAttribute("fill", run.colour);
    }
    for (const [id, parts] of this.lines) {
      if (kept.has(id)) continue;
      parts.path.remove();
      parts.dot.remove();
      this.lines.delete(id);
    }
  }

  /**
   * What the picture shows, for those who do not see it.
   * @param {number} offset
   */
  sentence(offset) {
    const above = offset ? ` above ${short(offset)}` : "";
    const told = this.runs
      .map((run) => ({ run, values: this.values(run) ?? [] }))
      .filter(({ values }) => values.length)
      .map(({ run, values }) => {
        const last = values.length - 1;
        return `${run.name} from ${short(values[0] - offset)} to ${short(values[last] - offset)} at step ${last}`;
      });
    return `${this.title}${above} against the step: ${told.join("; ") || "nothing drawn"}.`;
  }

  /** @param {Run[]} runs @param {boolean} log @param {number} offset @param {number} height */
  range(runs, log, offset, height) {
    let [low, high] = [Infinity, -Infinity];
    for (const run of runs) {
      const values = this.values(run) ?? [];
      for (let i = 0; i < values.length; i++) {
        const value = values[i] - offset;
        if (!Number.isFinite(value) || (log && value <= DEEPEST)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) [low, high] = log ? [0.1, 1] : [0, 1];
    const count = Math.max(2, Math.floor(height / 32));
    if (log) {
      [low, high] = [Math.log10(low), Math.log10(high)];
      const room = Math.max(0.05, (high - low) * 0.04);
      [low, high] = [low - room, high + room];
      return { low, high, ticks: powerTicks(low, high, count) };
    }
    const room = (high - low || Math.abs(high) || 1) * 0.04;
    [low, high] = [low - room, high + room];
    return { low, high, ticks: roundTicks(low, high, count) };
  }

  /** @param {number[]} yTicks @param {Real} py @param {Real} px @param {Inner} inner */
  drawAxes(yTicks, py, px, inner) {
    const xTicks = roundTicks(0, this.steps, Math.max(2, Math.floor(inner.width / 50))).filter(Number.isInteger);
    const marks = [...xTicks, "|", ...yTicks, this.steps, inner.width, inner.height, py(yTicks[0])].join(" ");
    if (marks === this.marks) return;
    this.marks = marks;
    const lines = [];
    const texts = [];
    const bottom = inner.top + inner.height;
    for (const t of yTicks) {
      const y = tenth(py(t));
      lines.push(svg("line", { x1: inner.left, x2: inner.left + inner.width, y1: y, y2: y }));
      texts.push(svg("text", { x: inner.left - 6, y: y + 3.5, "text-anchor": "end" }, short(t)));
    }
    for (const t of xTicks) {
      const x = tenth(px(t));
      lines.push(svg("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
      texts.push(svg("text", { x, y: bottom + 15, "text-anchor": "middle" }, String(t)));
    }
    lines.push(svg("line", { x1: inner.left, x2: inner.left + inner.width, y1: bottom, y2: bottom, class: "rv-axis" }));
    texts.push(svg("text", { x: inner.left + inner.width / 2, y: bottom + 29, "text-anchor": "middle" }, "step"));
    this.grid.replaceChildren(...lines);
    this.texts.replaceChildren(...texts);
  }

  /** @param {number} step */
  setStep(step) {
    if (!this.plot) return;
    const { area, px, py } = this.plot;
    const x = tenth(px(step));
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: area.top, y2: area.top + area.height })) {
      this.cursor.setAttribute(name, String(value));
    }
    for (const run of this.runs) {
      const values = this.values(run);
      const dot = this.lines.get(run.id)?.dot;
      if (!values || !dot) continue;
      const at = Math.min(step, values.length - 1);
      const [cx, cy] = [px(at), py(values[at])];
      dot.setAttribute("visibility", Number.isFinite(cy) ? "visible" : "hidden");
      if (Number.isFinite(cy)) dot.setAttribute("transform", `translate(${tenth(cx)} ${tenth(cy)})`);
    }
  }
}
