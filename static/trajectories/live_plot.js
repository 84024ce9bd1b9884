// The live plot: unpacks what the server sends, draws it, and speaks to the server for itself and the controls.

import { Curves } from "../charts/curves.js";
import { Contour } from "../plane/contour.js";
import { heightScale } from "../plane/heights.js";
import { Panels } from "../plane/panels.js";
import { Surface3d } from "../plane/surface3d.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { copyAddress, h, paintSwatch, setText } from "../shared/dom.js";
import { Transport } from "../shared/transport.js";
import { Inside } from "./inside.js";
import { Kept } from "./kept.js";
import { Projector } from "./projector.js";
import { saveMenu } from "./save_picture.js";
import { ViewMenu } from "./view_menu.js";

/** @import { HeightScale } from "../plane/heights.js" */
/** @import { Pair, PictureMessage, PictureView, Run, RunTable, Sent } from "../shared/messages.js" */
/** @import { Heights, Numbers, Place, Plotly } from "../shared/types.js" */

const NARROW = 640;
const SIGNS = "◯ start: click or drag   ★ minimum   ✕ saddle";
/** @type {["cloud" | "look", string][]} */
const MORE_SIGNS = [
  ["cloud", "   ● asked in this step"],
  ["look", "   ◇ look-ahead"],
];
/** @type {[PictureView["layout"], string][]} */
const LAYOUTS = [
  ["both", "Both"],
  ["contour", "Contour"],
  ["surface", "Surface"],
  ["panels", "Side by side"],
];
/** @type {Promise<Plotly> | null} */
let plotly = null;

/** @returns {Promise<Plotly>} */
function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = h("script", { src: new URL("../plotly.min.js", import.meta.url).href });
    const fail = () => {
      script.remove();
      plotly = null;
      reject(new Error("plotly.min.js did not load"));
    };
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : fail());
    script.onerror = fail;
    document.head.append(script);
  });
  return plotly;
}

/** @param {Numbers | null | undefined} a @param {Numbers | null | undefined} b */
function sameNumbers(a, b) {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && (a[i] === a[i] || b[i] === b[i])) return false;
  return true;
}

/** @type {(keyof Run & ("path" | "loss" | "distance" | "look" | "slope" | "cloud" | "cloud_step"))[]} */
const DRAWN = ["path", "loss", "distance", "look", "slope", "cloud", "cloud_step"];

/** @param {Run} a @param {Run} b */
function sameRun(a, b) {
  return (
    a.name === b.name &&
    a.colour === b.colour &&
    a.dash === b.dash &&
    DRAWN.every((name) => sameNumbers(a[name], b[name])) &&
    sameNumbers(a.herd?.path, b.herd?.path) &&
    a.elsewhere === b.elsewhere
  );
}

/** @typedef {Curves<Run> & {base?: number, last?: number}} RunCurves with what it was drawn for */

/** @extends {Component<PictureMessage>} */
export class LivePlot extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-plot", "data-testid": "live-plot", "data-drawn": 0, "data-drawn3d": 0 });
    /** @type {Run[]} */
    this.runs = [];
    /** @type {PictureView} */
    this.view = {
      layout: "both",
      heights: "auto",
      aspect: "free",
      relief: "surface",
      labels: false,
      trail: null,
      projector: false,
      log_loss: true,
      log_distance: true,
      step: null,
      inside: null,
    };
    /** @type {Record<string, unknown>} */
    this.heard = {}; // the server's last word on each part of the view
    /** @type {WeakMap<Heights, {log: boolean, f: number | null, scale: HeightScale}>} */
    this.scales = new WeakMap();
    /** @type {{contour: Contour, panels: Panels, surface3d: Surface3d} | null} */
    this.drawn = null; // the pictures, once Plotly is there
    this.fresh = false; // something has been drawn in this frame
    /** @type {Place | null} */
    this.room = null; // for the pictures, where the projector's mode leaves it
    this.mapped = this.columns = "";
    /** @param {PictureView["layout"]} layout */
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
    /** @type {HTMLButtonElement} */
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
    /** @param {"loss" | "distance"} name @param {string} title @returns {RunCurves} */
    const curve = (name, title) =>
      new Curves({
        name,
        title,
        values: (run) => run[name],
        onStep: (step, final) => this.transport.choose(step, final),
        onLog: (log) => this.setView(`log_${name}`, log),
      });
    this.curves = { loss: curve("loss", "Loss"), distance: curve("distance", "Distance to the nearest minimum") };
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
    this.root.append(
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
      h("div", { class: "rv-curves", "data-testid": "curves" }, this.curves.loss.node, this.curves.distance.node),
      h("div", { class: "rv-table-frame" }, this.table),
      this.inside.node,
      this.caption,
      this.kept.node,
    );
    this.begin();
    loadPlotly().then(
      (Plotly) => this.plotlyReady(Plotly),
      () =>
        this.fail(
          "The pictures need plotly.min.js, which the server did not deliver. Reload the page, or ask whoever runs this app.",
        ),
    );
  }

  /** @param {Plotly} Plotly */
  plotlyReady(Plotly) {
    if (this.gone) return;
    this.message.hidden = true;
    const contour = new Contour(Plotly, () => this.remap());
    const panels = new Panels(
      this.contourBox,
      contour,
      (x, y, final) => channel.announce({ set: { start: [x, y] }, final }),
      () => this.latest && contour.reset(this.latest.surface),
    );
    const surface3d = new Surface3d(
      Plotly,
      () => channel.isMoving() || Boolean(this.transport.playing),
      (scene) => {
        this.root.dataset.drawn3d = String(Number(this.root.dataset.drawn3d) + 1);
        this.root.dataset.seq3d = String(scene.seq);
      },
    );
    this.surfaceBox.append(surface3d.graph);
    this.drawn = { contour, panels, surface3d };
    this.redraw();
  }

  /** Where data lie in pixels, once that is known. */
  mapping() {
    return this.drawn?.contour.mapping() ?? null;
  }

  /** @param {string} sentence */
  fail(sentence) {
    setText(this.message, sentence);
    this.message.hidden = false;
    this.message.classList.add("rv-error");
    this.contourBox.hidden = this.surfaceBox.hidden = true;
  }

  /**
   * @override
   * @param {PictureMessage & Sent} message
   */
  take(message) {
    this.takeView(message.view);
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    this.tellControls(message);
    this.drawSoon();
  }

  /**
   * The server's view counts where it says something new and no change of ours is on its way.
   * @param {PictureView} view
   */
  takeView(view) {
    const news = Object.entries(view).filter(([name, value]) => {
      if (name in this.heard && this.heard[name] === value) return false;
      this.heard[name] = value;
      return !channel.isUnsettled(`view.${name}`);
    });
    const { step, ...others } = /** @type {Partial<PictureView>} */ (Object.fromEntries(news));
    if (step !== undefined) this.transport.step = step;
    Object.assign(this.view, others);
  }

  /** @override */
  redraw() {
    this.draw({ all: true });
  }

  /**
   * @template {keyof PictureView} N
   * @param {N} name
   * @param {PictureView[N]} value
   */
  setView(name, value) {
    if (this.view[name] === value) return;
    this.view[name] = value;
    this.viewMenu.show(this.view);
    channel.announce({ set: { [`view.${name}`]: value }, final: true });
    this.draw({ all: name === "layout" });
  }

  /**
   * From the transport and the curves.
   * @param {number | null} step
   * @param {boolean | null} final true when the hand rests there, null while playing
   */
  stepChosen(step, final) {
    if (final) channel.announce({ set: { "view.step": step }, final: true });
    this.drawStep();
    this.request3d();
  }

  /**
   * Now if nothing has been drawn in this frame yet, else in the next.
   * @override
   */
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

  /** @override */
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
    const panels = this.drawn?.panels;
    if (panels) {
      panels.step = this.transport.step;
      panels.setTrail(this.view.trail);
      panels.setSurface({ ...surface, labels: this.view.labels });
      panels.setRuns((run) => stale.has(run));
      panels.setReferences(message.references);
      if (!channel.isUnsettled("start")) panels.setStart(message.start);
    }
    const more = MORE_SIGNS.filter(([part]) => runs.some((run) => run[part]));
    setText(this.signs, SIGNS + more.map(([, sign]) => sign).join(""));
    this.drawCurves(message, changed || all, last);
    this.drawTable(message.table);
    this.inside.draw(
      runs.filter((run) => !run.kept),
      message.inside,
      this.view.inside,
      last,
      this.width,
    );
    panels?.setInside(message.inside?.id === this.view.inside ? message.inside : null);
    setText(this.caption, message.caption);
    this.kept.draw(message);
    for (const box of [this.contourBox, this.surfaceBox]) {
      if (box.getAttribute("aria-label") !== message.alt) box.setAttribute("aria-label", message.alt);
    }
    this.drawStep();
    this.request3d();
    this.notePainted(message.seq);
  }

  drawLayout() {
    const { layout } = this.view;
    this.drawn?.panels.arrange(
      this.runs.filter((run) => !run.elsewhere),
      layout === "panels",
    );
    if (this.root.dataset.layout === layout) return;
    this.root.dataset.layout = layout;
    for (const button of this.layoutButtons)
      button.setAttribute("aria-pressed", String(button.dataset.layout === layout));
  }

  /**
   * Takes over the mode and the room that it leaves the pictures; the text above them and the readout have theirs.
   * @param {PictureMessage} message
   */
  drawProjector({ story, surface }) {
    const on = this.view.projector;
    this.projector.tell(story, surface.name);
    if (this.projector.show(this.root, on)) this.measure();
    this.room = on ? [this.pictures.clientWidth, this.pictures.clientHeight] : null;
  }

  /**
   * Width and height of one picture.
   * @returns {Place}
   */
  pictureSize() {
    const panels = this.view.layout === "panels" && this.drawn?.panels.apart ? this.drawn.panels : null;
    if (this.room) {
      const [width, height] = this.room;
      if (panels) return panels.fit(width, height);
      if (this.view.layout !== "both") return [width, height];
      return this.projector.upright ? [width, (height - 16) >> 1] : [(width - 16) >> 1, height];
    }
    const width = this.width;
    if (panels) return panels.size(width, this.aspect());
    if (this.view.layout !== "both")
      return [width, Math.round(Math.min(Math.max(600, window.innerHeight * 0.55), Math.max(300, width * 0.66)))];
    if (width < NARROW) return [width, Math.round(Math.min(420, Math.max(280, width * 0.85)))];
    const half = Math.floor((width - 16) / 2);
    return [half, Math.round(Math.min(Math.max(480, window.innerHeight * 0.45), Math.max(320, half * 0.92)))];
  }

  /** Height by width of the plane's window where units are equally long, else null. */
  aspect() {
    if (this.view.aspect !== "equal" || !this.latest) return null;
    const [x0, x1, y0, y1] = this.latest.surface.window;
    return (y1 - y0) / (x1 - x0);
  }

  grid() {
    return this.latest?.grid;
  }

  /** @param {Heights} grid @param {PictureMessage} message */
  scale(grid, { surface: { log_heights, f_star } }) {
    const kept = this.scales.get(grid);
    if (kept?.log === log_heights && kept.f === f_star) return kept.scale;
    const scale = heightScale(grid.z, log_heights, f_star);
    this.scales.set(grid, { log: log_heights, f: f_star, scale });
    return scale;
  }

  drawContour() {
    const [grid, message] = [this.grid(), this.latest];
    if (!this.drawn || !grid || !message || this.view.layout === "surface") return;
    const { contour, panels } = this.drawn;
    const [width, height] = this.pictureSize();
    if (width < 50) return;
    const scale = this.scale(grid, message);
    const drawn = contour.draw(grid, scale, message.surface, this.theme, width, height, {
      equal: this.view.aspect === "equal",
      small: panels.apart,
    });
    this.remap();
    if (drawn) panels.setGround({ grid, rows: contour.rows, scale, fills: contour.fills() });
  }

  remap() {
    const map = this.mapping();
    if (!map || !this.drawn) return;
    const [width, height] = this.pictureSize();
    const signature = Object.values(map).concat(width, height).join(" ");
    if (signature === this.mapped) return;
    this.mapped = signature;
    this.drawn.panels.remap(map, width, height);
  }

  request3d() {
    const [grid, message, surface3d] = [this.grid(), this.latest, this.drawn?.surface3d];
    if (!surface3d) return;
    if (!grid || !message || ["contour", "panels"].includes(this.view.layout)) {
      surface3d.cancel();
      return;
    }
    const [width, height] = this.pictureSize();
    if (width < 50) return;
    const { surface, start, seq } = message;
    const first = this.runs.find((run) => !run.kept);
    surface3d.request({
      grid,
      surface,
      seq,
      width,
      height,
      start,
      scale: this.scale(grid, message),
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

  /** @param {PictureMessage} message @param {boolean} changed @param {number} last */
  drawCurves({ surface }, changed, last) {
    const { loss, distance } = this.curves;
    /** @param {RunCurves} curve @param {boolean} log @param {number} base */
    const draw = (curve, log, base) => {
      const resized = this.sizeCurve(curve);
      if (!changed && !resized && log === curve.log && base === curve.base && last === curve.last) return;
      curve.base = base;
      curve.last = last;
      curve.draw(this.runs, last, log, base);
    };
    draw(loss, this.view.log_loss, surface.f_star ?? this.lowest());
    draw(distance, this.view.log_distance, 0);
  }

  /** Where the minimum is not known: zero, or the lowest loss there is if that is below zero. */
  lowest() {
    let low = 0;
    for (const run of this.runs) for (const loss of run.loss) if (loss < low) low = loss;
    return low;
  }

  /** @param {RunCurves} curve */
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
    this.drawn?.panels.setStep(this.transport.step);
    for (const curve of Object.values(this.curves)) curve.setStep(this.transport.shown());
    this.inside.setStep(this.transport.shown());
  }

  /** @param {RunTable} table */
  drawTable({ columns, rows }) {
    const head = JSON.stringify(columns);
    if (head !== this.columns) {
      this.columns = head;
      this.tableHead.replaceChildren(
        ...columns.map((column) =>
          h("th", { scope: "col", title: column.title || null, class: `rv-${column.align}` }, column.label),
        ),
      );
      this.tableBody.replaceChildren();
    }
    this.table.hidden = !columns.length;
    const runs = new Map(this.runs.map((run) => [run.id, run]));
    while (this.tableBody.rows.length > rows.length) this.tableBody.lastChild?.remove();
    rows.forEach((row, i) => {
      let node = this.tableBody.rows[i];
      if (!node) {
        node = h(
          "tr",
          {},
          ...columns.map((column, k) => h(k ? "td" : "th", { scope: k ? null : "row", class: `rv-${column.align}` })),
        );
        node.cells[0].append(h("i", { class: "rv-swatch" }), h("span"));
        this.tableBody.append(node);
      }
      const [first, ...others] = node.cells;
      const [swatch, name] = first.children;
      row.cells.forEach((cell, k) => setText(k ? others[k - 1] : name, cell));
      paintSwatch(/** @type {HTMLElement} */ (swatch), runs.get(row.id));
    });
  }

  resetViews() {
    if (!this.latest) return;
    this.drawn?.contour.reset(this.latest.surface);
    this.drawn?.surface3d.resetCamera();
  }

  /** @override */
  destroy() {
    super.destroy();
    this.kept.destroy();
    this.transport.destroy();
    this.projector.destroy();
    this.drawn?.contour.destroy();
    this.drawn?.surface3d.destroy();
  }
}

/**
 * The height of the grid's nearest point.
 * @param {Heights} grid
 * @param {Pair} place
 */
function heightAt(grid, [x, y]) {
  const [right, top] = [grid.x.length - 1, grid.y.length - 1];
  const column = Math.round(((x - grid.x[0]) / (grid.x[right] - grid.x[0])) * right);
  const row = Math.round(((y - grid.y[0]) / (grid.y[top] - grid.y[0])) * top);
  return grid.z[row * grid.x.length + column] ?? null;
}

export default mounted((parent) => new LivePlot(parent));
