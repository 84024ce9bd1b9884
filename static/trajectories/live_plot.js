// The live plot: unpacks what the server sends, draws it, and speaks to the server for itself and the controls.

import { Curves } from "../charts/curves.js";
import { Contour } from "../plane/contour.js";
import { heightScale } from "../plane/heights.js";
import { Panels } from "../plane/panels.js";
import { Surface3d } from "../plane/surface3d.js";
import { unpack } from "../shared/bytes.js";
import * as channel from "../shared/channel.js";
import { copyAddress, h, loadStyles, painted, paintSwatch, setText } from "../shared/dom.js";
import { readTheme } from "../shared/theme.js";
import { Transport } from "../shared/transport.js";
import { Inside } from "./inside.js";
import { Kept } from "./kept.js";
import { Projector } from "./projector.js";
import { saveMenu } from "./save_picture.js";
import { ViewMenu } from "./view_menu.js";

const KEPT_GRIDS = 24;
const NARROW = 640;
const SIGNS = "◯ start: click or drag   ★ minimum   ✕ saddle";
const MORE_SIGNS = { cloud: "   ● asked in this step", look: "   ◇ look-ahead" };
const LAYOUTS = [
  ["both", "Both"],
  ["contour", "Contour"],
  ["surface", "Surface"],
  ["panels", "Side by side"],
];
const grids = new Map(); // key -> {key, x, y, z}, shared by all plots of this tab, the latest used last
const instances = new WeakMap();
let plotly = null;

function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = h("script", { src: new URL("../plotly.min.js", import.meta.url).href });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      script.remove();
      plotly = null;
      reject(new Error("plotly.min.js did not load"));
    };
    document.head.append(script);
  });
  return plotly;
}

function sameNumbers(a, b) {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && (a[i] === a[i] || b[i] === b[i])) return false;
  return true;
}

function sameRun(a, b) {
  return (
    a.name === b.name &&
    a.colour === b.colour &&
    a.dash === b.dash &&
    ["path", "loss", "distance", "look", "slope", "cloud", "cloud_step"].every((name) =>
      sameNumbers(a[name], b[name]),
    ) &&
    sameNumbers(a.herd?.path, b.herd?.path) &&
    a.elsewhere === b.elsewhere
  );
}

class LivePlot {
  constructor(parent) {
    this.runs = [];
    this.view = { layout: "both", log_loss: true, log_distance: true };
    this.heard = {}; // the server's last word on each part of the view
    this.scales = new WeakMap();
    this.build(parent);
    this.send = (change) => {
      this.setStateValue("change", { ...change, have: change.need ? [] : [...grids.keys()] });
    };
    this.disconnect = channel.connect(this.send);
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.root);
    loadPlotly().then(
      (Plotly) => this.plotlyReady(Plotly),
      () =>
        this.fail(
          "The pictures need plotly.min.js, which the server did not deliver. Reload the page, or ask whoever runs this app.",
        ),
    );
    window.__ravine = { mapping: () => this.contour?.mapping(), plot: this, grids };
  }

  build(parent) {
    const chooseLayout = (layout) => this.setView("layout", layout);
    this.layoutButtons = LAYOUTS.map(([layout, label]) =>
      h(
        "button",
        { type: "button", class: "rv-choice", "data-layout": layout, onclick: () => chooseLayout(layout) },
        label,
      ),
    );
    this.resetButton = h(
      "button",
      {
        type: "button",
        class: "rv-choice rv-reset",
        title: "Zoom and camera as at first",
        onclick: () => this.resetViews(),
      },
      "Reset",
    );
    this.linkButton = h(
      "button",
      {
        type: "button",
        class: "rv-choice rv-reset",
        title: "The address of this very picture",
        onclick: () => copyAddress(this.linkButton),
      },
      "Copy link",
    );
    this.viewMenu = new ViewMenu((name, value) => this.setView(name, value));
    this.projector = new Projector({
      onSwitch: (on) => this.setView("projector", on),
      onTell: (story) => channel.announce({ action: { story }, final: true }),
      onResize: () => this.draw(),
    });
    this.signs = h("span", { class: "rv-signs" }, SIGNS);
    this.contourBox = h("div", { class: "rv-picture rv-contour", role: "img" });
    this.surfaceBox = h("div", { class: "rv-picture rv-surface", role: "img" });
    this.message = h("p", { class: "rv-message", role: "status" }, "Loading the pictures …");
    this.pictures = h("div", { class: "rv-pictures" }, this.contourBox, this.surfaceBox, this.message);
    this.transport = new Transport((step, final) => this.stepChosen(step, final));
    const curve = (name, title, field) =>
      new Curves({
        name,
        title,
        field,
        onStep: (step, final) => this.transport.choose(step, final),
        onLog: (log) => this.setView(`log_${name}`, log),
      });
    this.curves = [curve("loss", "Loss", "loss"), curve("distance", "Distance to the nearest minimum", "distance")];
    this.inside = new Inside({
      onStep: (step, final) => this.transport.choose(step, final),
      onChoice: (id) => this.setView("inside", id),
    });
    this.tableHead = h("tr");
    this.tableBody = h("tbody");
    this.table = h(
      "table",
      { class: "rv-table", "data-testid": "table" },
      h("thead", {}, this.tableHead),
      this.tableBody,
    );
    this.caption = h("p", { class: "rv-caption", "data-testid": "caption", "aria-live": "polite" });
    this.kept = new Kept();
    this.root = h(
      "div",
      { class: "rv rv-plot", "data-testid": "live-plot", "data-drawn": 0, "data-drawn3d": 0 },
      this.projector.head,
      this.projector.bar,
      h(
        "div",
        { class: "rv-toolbar" },
        h("div", { class: "rv-choices", role: "group", "aria-label": "Pictures" }, ...this.layoutButtons),
        this.signs,
        h("div", { class: "rv-actions" }, this.viewMenu.node, this.linkButton, saveMenu(this), this.resetButton),
      ),
      this.pictures,
      this.transport.node,
      this.transport.readout,
      h("div", { class: "rv-curves", "data-testid": "curves" }, ...this.curves.map((c) => c.node)),
      h("div", { class: "rv-table-frame" }, this.table),
      this.inside.node,
      this.caption,
      this.kept.node,
    );
    parent.append(this.root);
    // Streamlit fades what waits for its server. Here each slider move would start that, and the browser would
    // rasterise every picture anew for it (25 ms of processor time).
    const frame = parent.closest('[data-testid="stElementContainer"]');
    frame?.style.setProperty("transition", "none", "important");
    frame?.style.setProperty("opacity", "1", "important");
    this.resize();
  }

  plotlyReady(Plotly) {
    if (this.gone) return;
    this.message.hidden = true;
    this.contour = new Contour(Plotly, () => this.remap());
    this.overlay = new Panels(
      this.contourBox,
      this.contour,
      (x, y, final) => channel.announce({ set: { start: [x, y] }, final }),
      () => this.contour.reset(this.latest.surface),
    );
    this.surface3d = new Surface3d(
      Plotly,
      () => channel.isMoving() || Boolean(this.transport.playing),
      (scene) => {
        this.root.dataset.drawn3d = Number(this.root.dataset.drawn3d) + 1;
        this.root.dataset.seq3d = scene.seq;
      },
    );
    this.surfaceBox.append(this.surface3d.graph);
    if (this.latest) this.draw({ all: true });
  }

  fail(sentence) {
    setText(this.message, sentence);
    this.message.hidden = false;
    this.message.classList.add("rv-error");
    this.contourBox.hidden = this.surfaceBox.hidden = true;
  }

  /** A payload, or the old one again because the theme has changed. */
  receive(component) {
    this.setStateValue = component.setStateValue;
    const message = unpack(component.data);
    this.refreshTheme();
    if (message.stamp === this.stamp) return;
    this.stamp = message.stamp;
    channel.acknowledge(message.seq);
    if (!this.keepGrid(message.grid)) {
      channel.announce({ need: true });
      return;
    }
    this.takeView(message.view ?? {});
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    message.runs ??= this.latest?.runs ?? [];
    this.latest = message;
    if (channel.isSpeaker(this.send)) this.tellControls(message);
    this.drawSoon();
  }

  keepGrid(grid) {
    if (!grid) return true;
    const kept = grid.z ? grid : grids.get(grid.key);
    if (!kept) return false;
    grids.delete(grid.key);
    grids.set(grid.key, kept);
    if (grids.size > KEPT_GRIDS) grids.delete(grids.keys().next().value);
    return true;
  }

  /** The server's view counts where it says something new and no change of ours is on its way. */
  takeView(view) {
    for (const [name, value] of Object.entries(view)) {
      if (name in this.heard && this.heard[name] === value) continue;
      this.heard[name] = value;
      if (channel.isUnsettled(`view.${name}`)) continue;
      if (name === "step") this.transport.step = value;
      else this.view[name] = value;
    }
  }

  tellControls({ values = {}, problems = {}, marks, titles, controls }) {
    const settled = Object.fromEntries(Object.entries(values).filter(([path]) => !channel.isUnsettled(path)));
    window.dispatchEvent(new CustomEvent("ravine:values", { detail: { values: settled, problems, marks, titles } }));
    if (controls) window.dispatchEvent(new CustomEvent("ravine:controls", { detail: controls }));
  }

  refreshTheme() {
    const theme = readTheme(this.root, this.theme);
    if (theme === this.theme) return;
    this.theme = theme;
    this.root.classList.toggle("rv-dark", theme.dark);
    if (this.latest) this.draw({ all: true });
  }

  setView(name, value) {
    if (this.view[name] === value) return;
    this.view[name] = value;
    this.viewMenu.show(this.view);
    channel.announce({ set: { [`view.${name}`]: value }, final: true });
    this.draw({ all: name === "layout" });
  }

  /** From the transport and the curves; `final` true when the hand rests there, null while playing. */
  stepChosen(step, final) {
    if (final) channel.announce({ set: { "view.step": step }, final: true });
    this.drawStep();
    this.request3d();
  }

  /** Now if nothing has been drawn in this frame yet, else in the next. */
  drawSoon() {
    if (this.frame) return;
    if (document.hidden || !this.fresh) {
      this.fresh = true;
      this.draw();
      requestAnimationFrame(() => (this.fresh = false));
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw({ all = false } = {}) {
    const message = this.latest;
    if (!message || this.gone) return;
    const { surface } = message;
    const before = new Map(this.runs.map((run) => [run.id, run]));
    const runs = message.runs.map((run) => {
      const old = before.get(run.id);
      return old && sameRun(old, run) ? old : run;
    });
    const changed = runs.length !== this.runs.length || runs.some((run, i) => run !== this.runs[i]);
    const stale = new Set(runs.filter((run) => before.get(run.id) !== run));
    this.runs = runs;
    const last = runs.length
      ? Math.max(...runs.flatMap((run) => [run.loss.length - 1, run.herd?.last ?? 0]))
      : message.steps;
    this.transport.setRuns(runs, last);
    this.drawLayout();
    this.drawProjector(message);
    this.viewMenu.show(this.view);
    this.drawContour();
    if (this.overlay) {
      this.overlay.step = this.transport.step;
      this.overlay.setTrail(this.view.trail ?? null);
      this.overlay.setSurface({ ...surface, labels: this.view.labels });
      this.overlay.setRuns(
        runs.filter((run) => !run.elsewhere),
        (run) => stale.has(run),
      );
      this.overlay.setReferences(message.references ?? []);
      if (!channel.isUnsettled("start")) this.overlay.setStart(message.start);
    }
    const more = Object.keys(MORE_SIGNS).filter((part) => runs.some((run) => run[part]));
    setText(this.signs, SIGNS + more.map((part) => MORE_SIGNS[part]).join(""));
    this.drawCurves(changed || all, last);
    this.drawTable(message.table);
    this.inside.draw(
      runs.filter((run) => !run.kept),
      message.inside,
      this.view.inside ?? null,
      last,
      this.width,
    );
    this.overlay?.setInside(message.inside?.id === this.view.inside ? message.inside : null);
    setText(this.caption, message.caption ?? "");
    this.kept.draw(message);
    for (const box of [this.contourBox, this.surfaceBox]) {
      if (box.getAttribute("aria-label") !== message.alt) box.setAttribute("aria-label", message.alt ?? "");
    }
    this.drawStep();
    this.request3d();
    const { seq } = message;
    painted().then(() => {
      this.root.dataset.seq = seq;
      this.root.dataset.drawn = Number(this.root.dataset.drawn) + 1;
    });
  }

  drawLayout() {
    const { layout } = this.view;
    this.overlay?.arrange(
      this.runs.filter((run) => !run.elsewhere),
      layout === "panels",
    );
    if (this.root.dataset.layout === layout) return;
    this.root.dataset.layout = layout;
    for (const button of this.layoutButtons)
      button.setAttribute("aria-pressed", String(button.dataset.layout === layout));
  }

  /** Takes over the mode and the room that it leaves the pictures; the text above them and the readout have theirs. */
  drawProjector({ story, surface }) {
    const on = Boolean(this.view.projector);
    this.projector.tell(story ?? null, surface.name);
    if (this.projector.show(this.root, on)) this.measure();
    this.room = on ? [this.pictures.clientWidth, this.pictures.clientHeight] : null;
  }

  /** Width and height of one picture. */
  pictureSize() {
    if (this.room) {
      const [width, height] = this.room;
      if (this.view.layout === "panels" && this.overlay?.apart) return this.overlay.fit(width, height);
      if (this.view.layout !== "both") return [width, height];
      return this.projector.upright ? [width, (height - 16) >> 1] : [(width - 16) >> 1, height];
    }
    const width = this.width;
    if (this.view.layout === "panels" && this.overlay?.apart) return this.overlay.size(width, this.aspect());
    if (this.view.layout !== "both")
      return [width, Math.round(Math.min(Math.max(600, window.innerHeight * 0.55), Math.max(300, width * 0.66)))];
    if (width < NARROW) return [width, Math.round(Math.min(420, Math.max(280, width * 0.85)))];
    const half = Math.floor((width - 16) / 2);
    return [half, Math.round(Math.min(Math.max(480, window.innerHeight * 0.45), Math.max(320, half * 0.92)))];
  }

  /** Height by width of the plane's window where units are equally long, else null. */
  aspect() {
    if (this.view.aspect !== "equal") return null;
    const [x0, x1, y0, y1] = this.latest.surface.window;
    return (y1 - y0) / (x1 - x0);
  }

  grid() {
    return this.latest?.grid ? grids.get(this.latest.grid.key) : null;
  }

  scale(grid) {
    const { log_heights, f_star } = this.latest.surface;
    const kept = this.scales.get(grid);
    if (kept?.log === log_heights && kept.f === f_star) return kept.scale;
    const scale = heightScale(grid.z, log_heights, f_star);
    this.scales.set(grid, { log: log_heights, f: f_star, scale });
    return scale;
  }

  drawContour() {
    const grid = this.grid();
    if (!this.contour || !grid || this.view.layout === "surface") return;
    const [width, height] = this.pictureSize();
    if (width < 50) return;
    const scale = this.scale(grid);
    const drawn = this.contour.draw(grid, scale, this.latest.surface, this.theme, width, height, {
      equal: this.view.aspect === "equal",
      small: this.overlay.apart,
    });
    this.remap();
    if (drawn) this.overlay.setGround({ grid, rows: this.contour.rows, scale, fills: this.contour.fills() });
  }

  remap() {
    const map = this.contour?.mapping();
    if (!map || !this.overlay) return;
    const [width, height] = this.pictureSize();
    const signature = Object.values(map).concat(width, height).join(" ");
    if (signature === this.mapped) return;
    this.mapped = signature;
    this.overlay.remap(map, width, height);
  }

  request3d() {
    const grid = this.grid();
    if (!this.surface3d) return;
    if (!grid || ["contour", "panels"].includes(this.view.layout)) {
      this.surface3d.cancel();
      return;
    }
    const [width, height] = this.pictureSize();
    if (width < 50) return;
    const { surface, start, seq } = this.latest;
    const first = this.runs.find((run) => !run.kept);
    this.surface3d.request({
      grid,
      surface,
      seq,
      width,
      height,
      start,
      scale: this.scale(grid),
      runs: this.runs,
      step: this.transport.shown(),
      relief: this.view.relief,
      labels: this.view.labels,
      trail: this.view.trail,
      startHeight: first ? first.loss[0] : heightAt(grid, start),
      theme: this.theme,
      alone: this.view.layout === "surface",
      zoom: this.projector.scale,
    });
  }

  drawCurves(changed, last) {
    const { surface } = this.latest;
    this.curves.forEach((curve) => {
      const log = this.view[`log_${curve.name}`];
      const base = curve.name === "loss" ? (surface.f_star ?? this.lowest()) : 0;
      const resized = this.sizeCurve(curve);
      if (changed || resized || log !== curve.log || base !== curve.base || last !== curve.last) {
        Object.assign(curve, { base, last });
        curve.draw(this.runs, last, log, base);
      }
    });
  }

  /** Where the minimum is not known: zero, or the lowest loss there is if that is below zero. */
  lowest() {
    let low = 0;
    for (const run of this.runs) for (const loss of run.loss) if (loss < low) low = loss;
    return low;
  }

  sizeCurve(curve) {
    if (this.room) {
      const { clientWidth, clientHeight } = curve.frame;
      return clientWidth > 0 && curve.resize(clientWidth, clientHeight);
    }
    const width = this.width;
    const each = width < NARROW ? width : Math.floor((width - 16) / 2);
    return curve.resize(each, 210);
  }

  drawStep() {
    this.transport.show();
    this.overlay?.setStep(this.transport.step);
    for (const curve of this.curves) curve.setStep(this.transport.shown());
    this.inside.setStep(this.transport.shown());
  }

  drawTable(table) {
    const columns = table?.columns ?? [];
    const head = JSON.stringify(columns);
    if (head !== this.columns) {
      this.columns = head;
      this.tableHead.replaceChildren(
        ...columns.map((column) =>
          h("th", { scope: "col", title: column.title || null, class: `rv-${column.align ?? "left"}` }, column.label),
        ),
      );
      this.tableBody.replaceChildren();
    }
    this.table.hidden = !columns.length;
    const runs = new Map(this.runs.map((run) => [run.id, run]));
    const rows = table?.rows ?? [];
    while (this.tableBody.rows.length > rows.length) this.tableBody.lastChild.remove();
    rows.forEach((row, i) => {
      let node = this.tableBody.rows[i];
      if (!node) {
        node = h(
          "tr",
          {},
          ...columns.map((column, k) =>
            h(k ? "td" : "th", { scope: k ? null : "row", class: `rv-${column.align ?? "left"}` }),
          ),
        );
        node.firstChild?.append(h("i", { class: "rv-swatch" }), h("span"));
        this.tableBody.append(node);
      }
      row.cells.forEach((cell, k) => setText(k ? node.children[k] : node.children[0].lastChild, cell));
      const swatch = node.firstChild?.firstChild;
      if (swatch) paintSwatch(swatch, runs.get(row.id));
    });
  }

  resize() {
    if (this.measure() && this.latest) this.draw();
  }

  /** Takes over the width that there is; returns whether it has changed. */
  measure() {
    const width = Math.floor(this.root.clientWidth);
    if (width === this.width) return false;
    this.width = width;
    this.root.classList.toggle("rv-narrow", width < NARROW);
    return true;
  }

  resetViews() {
    if (!this.latest) return;
    this.contour?.reset(this.latest.surface);
    this.surface3d?.resetCamera();
  }

  destroy() {
    this.gone = true;
    this.disconnect();
    this.resizer.disconnect();
    this.kept.destroy();
    this.transport.destroy();
    this.projector.destroy();
    cancelAnimationFrame(this.frame);
    this.contour?.destroy();
    this.surface3d?.destroy();
    this.root.remove();
    if (window.__ravine?.plot === this) delete window.__ravine;
  }
}

/** The height of the grid's nearest point. */
function heightAt(grid, [x, y]) {
  const column = Math.round(((x - grid.x[0]) / (grid.x.at(-1) - grid.x[0])) * (grid.x.length - 1));
  const row = Math.round(((y - grid.y[0]) / (grid.y.at(-1) - grid.y[0])) * (grid.y.length - 1));
  return grid.z[row * grid.x.length + column] ?? null;
}

export default async function (component) {
  await loadStyles();
  const { parentElement } = component;
  let instance = instances.get(parentElement);
  if (!instance || instance.gone) {
    instance = new LivePlot(parentElement);
    instances.set(parentElement, instance);
  }
  instance.receive(component);
  return () => {
    // Streamlit also runs the cleanup of a call that a newer one overtook; only an element that has left is unmounted.
    if (!parentElement.isConnected) instance.destroy();
  };
}
