// The pictures of the plane, once Plotly is there: a contour, as one panel or several, and the surface in space.

import { Contour } from "../plane/contour.js";
import { heightScale } from "../plane/heights.js";
import { Panels } from "../plane/panels.js";
import { Surface3d } from "../plane/surface3d.js";
import * as channel from "../shared/channel.js";
import { h, setText } from "../shared/dom.js";
import { loadPlotly } from "./plotly.js";
import { pictureSize } from "./sizes.js";

/** @import { Room } from "./sizes.js" */
/** @import { HeightScale } from "../plane/heights.js" */
/** @import { Pair, PictureMessage, PictureView, Run, Sent } from "../shared/messages.js" */
/** @import { Heights, Plotly, Theme } from "../shared/types.js" */
/**
 * What they show: `zoom` is how much larger they are shown than drawn.
 * @typedef {object} Shown
 * @property {PictureMessage & Sent} message
 * @property {PictureView} view
 * @property {Run[]} runs
 * @property {Theme} theme
 * @property {Room} room
 * @property {number} zoom
 */

const MISSING =
  "The pictures need plotly.min.js, which the server did not deliver. Reload the page, or ask whoever runs this app.";

export class Pictures {
  /**
   * @param {object} hand
   * @param {() => boolean} hand.isBusy whether the hand is moving
   * @param {(scene: {seq: number}) => void} hand.onDrawn called after each picture in space
   * @param {() => void} hand.onReady called once they can be drawn
   */
  constructor({ isBusy, onDrawn, onReady }) {
    this.isBusy = isBusy;
    this.onDrawn = onDrawn;
    this.onReady = onReady;
    this.gone = false;
    /** @type {Shown | null} */
    this.shown = null;
    /** @type {{contour: Contour, panels: Panels, surface3d: Surface3d} | null} */
    this.drawn = null;
    /** @type {WeakMap<Heights, {log: boolean, f: number | null, scale: HeightScale}>} */
    this.scales = new WeakMap();
    this.mapped = "";
    this.contourBox = h("div", { class: "rv-picture rv-contour", role: "img" });
    this.surfaceBox = h("div", { class: "rv-picture rv-surface", role: "img" });
    this.message = h("p", { class: "rv-message", role: "status" }, "Loading the pictures …");
    this.node = h("div", { class: "rv-pictures" }, this.contourBox, this.surfaceBox, this.message);
    loadPlotly().then(
      (Plotly) => this.begin(Plotly),
      () => this.fail(MISSING),
    );
  }

  /** @param {Plotly} Plotly */
  begin(Plotly) {
    if (this.gone) return;
    this.message.hidden = true;
    const contour = new Contour(Plotly, () => this.remap());
    const panels = new Panels(
      this.contourBox,
      contour,
      (x, y, final) => channel.announce({ set: { start: [x, y] }, final }),
      () => this.shown && contour.reset(this.shown.message.surface),
    );
    const surface3d = new Surface3d(Plotly, this.isBusy, this.onDrawn);
    this.surfaceBox.append(surface3d.graph);
    this.drawn = { contour, panels, surface3d };
    this.onReady();
  }

  /** @param {string} sentence */
  fail(sentence) {
    setText(this.message, sentence);
    this.message.hidden = false;
    this.message.classList.add("rv-error");
    this.contourBox.hidden = this.surfaceBox.hidden = true;
  }

  /** Where data lie in pixels, once that is known. */
  mapping() {
    return this.drawn?.contour.mapping() ?? null;
  }

  /** @param {Shown} shown */
  size({ message, view, room }) {
    const panels = view.layout === "panels" && this.drawn?.panels.apart ? this.drawn.panels : null;
    return pictureSize(message, view, room, panels);
  }

  /**
   * The heights of a message as pictures show them.
   * @param {PictureMessage} message
   */
  scale({ grid, surface: { log_heights, f_star } }) {
    const kept = this.scales.get(grid);
    if (kept?.log === log_heights && kept.f === f_star) return kept.scale;
    const scale = heightScale(grid.z, log_heights, f_star);
    this.scales.set(grid, { log: log_heights, f: f_star, scale });
    return scale;
  }

  /**
   * As many panels as the layout has, before it is known how much room there is.
   * @param {Run[]} runs
   * @param {PictureView["layout"]} layout
   */
  arrange(runs, layout) {
    this.drawn?.panels.arrange(
      runs.filter((run) => !run.elsewhere),
      layout === "panels",
    );
  }

  /**
   * @param {Shown} shown
   * @param {number | null} step
   * @param {(run: Run) => boolean} changed whether a run's numbers differ from those drawn before
   */
  draw(shown, step, changed) {
    this.shown = shown;
    const { message, view } = shown;
    for (const box of [this.contourBox, this.surfaceBox]) {
      if (box.getAttribute("aria-label") !== message.alt) box.setAttribute("aria-label", message.alt);
    }
    this.drawContour(shown);
    const panels = this.drawn?.panels;
    if (!panels) return;
    panels.step = step;
    panels.setTrail(view.trail);
    panels.setSurface({ ...message.surface, labels: view.labels });
    panels.setRuns(changed);
    panels.setReferences(message.references);
    if (!channel.isUnsettled("start")) panels.setStart(message.start);
    panels.setInside(message.inside?.id === view.inside ? message.inside : null);
  }

  /** @param {Shown} shown */
  drawContour(shown) {
    const { message, view, theme } = shown;
    if (!this.drawn || !message.grid || view.layout === "surface") return;
    const { contour, panels } = this.drawn;
    const [width, height] = this.size(shown);
    if (width < 50) return;
    const { grid, surface } = message;
    const scale = this.scale(message);
    const drawn = contour.draw(grid, scale, surface, theme, width, height, {
      equal: view.aspect === "equal",
      small: panels.apart,
    });
    this.remap();
    if (drawn) panels.setGround({ grid, rows: contour.rows, scale, fills: contour.fills() });
  }

  remap() {
    const map = this.mapping();
    if (!map || !this.drawn || !this.shown) return;
    const [width, height] = this.size(this.shown);
    const signature = Object.values(map).concat(width, height).join(" ");
    if (signature === this.mapped) return;
    this.mapped = signature;
    this.drawn.panels.remap(map, width, height);
  }

  /** @param {number | null} step */
  setStep(step) {
    this.drawn?.panels.setStep(step);
  }

  /**
   * Asks for the picture in space.
   * @param {number} step
   */
  request3d(step) {
    const surface3d = this.drawn?.surface3d;
    if (!surface3d || !this.shown) return;
    const { message, view, runs, theme, zoom } = this.shown;
    const { grid, surface, start, seq } = message;
    if (!grid || ["contour", "panels"].includes(view.layout)) {
      surface3d.cancel();
      return;
    }
    const [width, height] = this.size(this.shown);
    if (width < 50) return;
    const first = runs.find((run) => !run.kept);
    surface3d.request({
      grid,
      surface,
      seq,
      width,
      height,
      start,
      scale: this.scale(message),
      runs,
      step,
      relief: view.relief,
      labels: view.labels,
      trail: view.trail,
      startHeight: first ? first.loss[0] : heightAt(grid, start),
      theme,
      alone: view.layout === "surface",
      zoom,
    });
  }

  /** Zoom and camera as at first. */
  reset() {
    if (!this.drawn || !this.shown) return;
    this.drawn.contour.reset(this.shown.message.surface);
    this.drawn.surface3d.resetCamera();
  }

  destroy() {
    this.gone = true;
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
