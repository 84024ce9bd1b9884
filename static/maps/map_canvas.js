// One map, made of parts: pixels, marks and axes on a canvas, a crosshair on another, the hand, words beneath.

import { h, paintSwatch, pen, setText } from "../shared/dom.js";
import { cellAt, coverEnd, paintAxes, scalesOf } from "./map_axes.js";
import { basinPixels, planePixels } from "./map_colours.js";
import { MapHand } from "./map_hand.js";
import { hatch, paintLandmarks, paintTheory } from "./marks.js";

/** @import { MapScales } from "./map_axes.js" */
/** @import { Cell, Hand, Shown } from "./types.js" */
/** @import { BasinMap, NoMap, PlaneMap } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

const [LEFT, RIGHT, TOP, BOTTOM] = [46, 8, 4, 33];

export class MapCanvas {
  /** @param {Hand} on */
  constructor(on) {
    /** @type {Shown | null} */
    this.shown = null;
    this.rastered = ""; // what the raster is of
    /** @type {Place | null} */
    this.place = null;
    this.ratio = 1;
    this.width = this.height = 0;
    this.plot = { left: LEFT, top: TOP, width: 0, height: 0 };
    /** @type {MapScales | null} */
    this.scales = null; // where values lay when it was painted last
    this.swatch = h("i", { class: "rv-swatch" });
    this.title = h("b");
    this.canvas = h("canvas", { class: "rv-map-canvas", role: "img", "data-testid": "map-canvas" });
    this.over = h("canvas", { class: "rv-map-over", "aria-hidden": "true" });
    this.frame = h("div", { class: "rv-map-frame", tabindex: 0 }, this.canvas, this.over);
    this.trouble = h("p", { class: "rv-map-trouble", hidden: true });
    this.said = h("p", { class: "rv-map-said", "data-testid": "map-said" });
    this.node = h(
      "section",
      { class: "rv-map", "data-testid": "map" },
      h("div", { class: "rv-map-head" }, this.swatch, this.title),
      this.frame,
      this.trouble,
      this.said,
    );
    this.raster = h("canvas");
    this.hand = new MapHand(this, on);
  }

  /**
   * Whose map it is, and why there is none where there is none.
   * @param {NoMap | BasinMap | PlaneMap} entry
   * @param {number} height
   */
  head(entry, height) {
    const trouble = "trouble" in entry ? entry.trouble : "";
    setText(this.title, entry.title);
    this.title.title = entry.title;
    paintSwatch(this.swatch, entry);
    this.frame.hidden = Boolean(trouble);
    this.trouble.hidden = !trouble;
    setText(this.trouble, trouble);
    this.trouble.style.height = `${height}px`;
    if (!trouble) return;
    this.shown = null;
    this.node.dataset.every = "";
    setText(this.said, "");
  }

  /** @param {Shown} shown @param {number} width @param {number} height */
  draw(shown, width, height) {
    this.shown = shown;
    const { entry } = shown;
    this.size(width, height);
    this.rasterise(shown);
    this.paint(shown);
    this.node.dataset.every = String(entry.every);
    const alt = `${entry.title}. ${entry.alt}`;
    if (this.canvas.getAttribute("aria-label") !== alt) this.canvas.setAttribute("aria-label", alt);
  }

  /** @param {number} width @param {number} height */
  size(width, height) {
    this.ratio = window.devicePixelRatio || 1;
    [this.width, this.height] = [width, height];
    for (const canvas of [this.canvas, this.over]) {
      const [w, t] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
      if (canvas.width !== w || canvas.height !== t) Object.assign(canvas, { width: w, height: t });
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.plot = { left: LEFT, top: TOP, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
  }

  /** @param {Shown} shown */
  rasterise(shown) {
    const { key, nx, ny } = shown.entry;
    const how = shown.kind === "plane" ? [shown.scene.scale, shown.scene.colour] : [shown.scene.steps];
    const rastered = JSON.stringify([key, ...how]);
    if (rastered === this.rastered) return;
    this.rastered = rastered;
    const pixels =
      shown.kind === "basins"
        ? basinPixels(shown.arrays, nx, ny, shown.scene.steps)
        : planePixels(shown.arrays[shown.scene.colour], shown.arrays.outcome, nx, ny, shown.scene.scale);
    Object.assign(this.raster, { width: nx, height: ny });
    pen(this.raster).putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), nx, ny), 0, 0);
  }

  /** @param {Shown} shown */
  paint(shown) {
    const { ratio, plot } = this;
    const { entry } = shown;
    const { theme } = shown.scene;
    const scales = scalesOf(shown, plot);
    this.scales = scales;
    const { px, py } = scales;
    const context = pen(this.canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.width, plot.height);
    context.clip();
    context.fillStyle = theme.mix(0.06);
    context.fillRect(plot.left, plot.top, plot.width, plot.height);
    const { x, y, nx, ny } = entry;
    const [left, right] = [px(x.low), px(coverEnd(x, nx, entry))];
    const [top, bottom] = [py(coverEnd(y, ny, entry)), py(y.low)];
    context.save();
    context.beginPath();
    const ceiling = py(y.high);
    context.rect(left, ceiling, px(x.high) - left, bottom - ceiling);
    context.clip();
    context.fillStyle = hatch(context, ratio);
    context.fillRect(left, top, right - left, bottom - top);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.raster, left, top, right - left, bottom - top);
    context.restore();
    if (shown.kind === "plane") paintTheory(context, scales, shown.entry);
    else paintLandmarks(context, scales, shown.scene);
    context.restore();
    paintAxes(context, plot, scales, [x.name, y.name], theme, this.width, this.height);
    this.cross(this.place);
  }

  /**
   * A crosshair at a place, given as shares of the plot, or none.
   * @param {Place | null} place
   */
  cross(place) {
    this.place = place;
    if (!this.shown) return;
    const { plot, ratio } = this;
    const context = pen(this.over);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    if (!place) return;
    const [x, y] = [plot.left + place[0] * plot.width, plot.top + (1 - place[1]) * plot.height];
    for (const [colour, width] of /** @type {const} */ ([
      ["rgba(255,255,255,0.8)", 2.6],
      ["rgba(0,0,0,0.85)", 1],
    ])) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(plot.left, y);
      context.lineTo(plot.left + plot.width, y);
      context.moveTo(x, plot.top);
      context.lineTo(x, plot.top + plot.height);
      context.stroke();
    }
  }

  /**
   * The cell at a place; null outside the map.
   * @param {Place | null} place
   * @returns {Cell | null}
   */
  cell(place) {
    return place && this.shown && cellAt(this.shown, place);
  }

  /**
   * What stands beneath the map.
   * @param {string} text
   */
  say(text) {
    setText(this.said, text);
  }
}
