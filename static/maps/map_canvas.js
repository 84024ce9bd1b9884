// One map: its picture, axes, landmarks and the crosshair, on two canvases; and how it answers a hand.

import { h, paintSwatch, pen, setText, short } from "../shared/dom.js";
import { ticks } from "../shared/scales.js";
import { DIVERGED, HATCH, LISTED, OUTCOMES, STRIPE } from "./constants.js";
import { basinPixels, css, planePixels } from "./map_colours.js";

/** @import { ColourScale } from "./map_colours.js" */
/** @import { BasinArrays, BasinMap, MapsMessage, NoMap, PlaneArrays, PlaneMap, Spot, Window } from "../shared/messages.js" */
/** @import { Context, Place, Theme } from "../shared/types.js" */
/** @typedef {{index: number, x: number, y: number}} Cell its index in the arrays, the values in its middle */
/** @typedef {{theme: Theme, steps: number, minima: Spot[], lowest: number[], saddles: Spot[]}} Common */
/** @typedef {Common & {view: Window}} BasinScene */
/** @typedef {Exclude<keyof PlaneArrays, "content">} Shade an array of a plane by its name */
/** @typedef {Common & {view: null, scale: ColourScale | null, colour: Shade}} PlaneScene */
/** @typedef {{kind: "basins", entry: BasinMap, arrays: BasinArrays}} Basins */
/** @typedef {{kind: "plane", entry: PlaneMap, arrays: PlaneArrays}} Plane */
/** @typedef {(Basins & {scene: BasinScene}) | (Plane & {scene: PlaneScene})} Shown */
/**
 * What a map tells of the hand; places are shares of the plot.
 * @typedef {object} Hand
 * @property {(place: Place | null) => void} hover
 * @property {(map: MapCanvas, place: Place) => void} open
 * @property {(view: Window | null, final: boolean) => void} move
 * @property {() => void} whole
 */

const [LEFT, RIGHT, TOP, BOTTOM] = [46, 8, 4, 33];
const DOUBLE = 300; // milliseconds within which a second click makes a double one
const MOVED = 5; // pixels from which on a click is a drag

/** @param {number} value @param {boolean} log */
const forth = (value, log) => (log ? Math.log10(value) : value);
/** @param {number} value @param {boolean} log */
const back = (value, log) => (log ? 10 ** value : value);

/**
 * The hatch of runs that diverged.
 * @param {Context} context
 * @param {number} ratio
 */
export function hatch(context, ratio) {
  const side = 4 * STRIPE;
  const tile = h("canvas", { width: side * ratio, height: side * ratio });
  const inside = pen(tile);
  inside.scale(ratio, ratio);
  inside.fillStyle = css(HATCH[1]);
  inside.fillRect(0, 0, side, side);
  inside.strokeStyle = css(HATCH[0]);
  inside.lineWidth = STRIPE;
  for (const shift of [-side, 0, side]) {
    inside.beginPath();
    inside.moveTo(shift - side, 2 * side);
    inside.lineTo(shift + 2 * side, -side);
    inside.stroke();
  }
  const pattern = /** @type {CanvasPattern} */ (context.createPattern(tile, "repeat")); // null for no pixels only
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}

/** @param {Context} context @param {number} x @param {number} y @param {number} radius */
function star(context, x, y, radius) {
  context.beginPath();
  for (let i = 0; i < 10; i++) {
    const [r, angle] = [i % 2 ? radius * 0.42 : radius, (Math.PI * i) / 5 - Math.PI / 2];
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
}

export class MapCanvas {
  /** @param {Hand} on */
  constructor(on) {
    this.on = on;
    /** @type {Shown | null} */
    this.shown = null;
    this.rastered = ""; // what the raster is of
    /** @type {Place | null} */
    this.place = null;
    this.ratio = 1;
    this.width = this.height = 0;
    this.plot = { left: LEFT, top: TOP, width: 0, height: 0 };
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
    this.listen();
  }

  // ---------------------------------------------------------------- what is seen

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

  /**
   * What is seen along both axes, those of a plane being its own.
   * @param {Shown} shown
   */
  axes({ entry: { x, y }, scene }) {
    const [x0, x1, y0, y1] = scene.view ?? [x.low, x.high, y.low, y.high];
    return [
      { low: x0, high: x1, log: x.log },
      { low: y0, high: y1, log: y.log },
    ];
  }

  /** @param {Shown} shown @param {number} value */
  px(shown, value) {
    const [{ low, high, log }] = this.axes(shown);
    return (
      this.plot.left + ((forth(value, log) - forth(low, log)) / (forth(high, log) - forth(low, log))) * this.plot.width
    );
  }

  /** @param {Shown} shown @param {number} value */
  py(shown, value) {
    const [, { low, high, log }] = this.axes(shown);
    return (
      this.plot.top +
      this.plot.height * (1 - (forth(value, log) - forth(low, log)) / (forth(high, log) - forth(low, log)))
    );
  }

  /** @param {Shown} shown */
  paint(shown) {
    const { ratio, plot } = this;
    const { entry } = shown;
    const { theme } = shown.scene;
    const context = pen(this.canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.width, plot.height);
    context.clip();
    context.fillStyle = theme.mix(0.06);
    context.fillRect(plot.left, plot.top, plot.width, plot.height);
    const { x, y, nx, ny, every, side } = entry;
    /** @param {typeof x} axis @param {number} count */
    const cover = (axis, count) => {
      const [low, high] = [forth(axis.low, axis.log), forth(axis.high, axis.log)];
      return [axis.low, back(low + ((high - low) * count * every) / side, axis.log)];
    };
    // The last column and row of a coarse map may reach beyond the window.
    const [[x0, x1], [y0, y1]] = [cover(x, nx), cover(y, ny)];
    const [left, right] = [this.px(shown, x0), this.px(shown, x1)];
    const [top, bottom] = [this.py(shown, y1), this.py(shown, y0)];
    context.save();
    context.beginPath();
    const ceiling = this.py(shown, y.high);
    context.rect(left, ceiling, this.px(shown, x.high) - left, bottom - ceiling);
    context.clip();
    context.fillStyle = hatch(context, ratio);
    context.fillRect(left, top, right - left, bottom - top);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.raster, left, top, right - left, bottom - top);
    context.restore();
    if (shown.kind === "plane") this.paintTheory(context, shown, shown.entry);
    else this.paintLandmarks(context, shown);
    context.restore();
    this.paintAxes(context, shown);
    this.cross(this.place);
  }

  /** @param {Context} context @param {Shown} shown */
  paintLandmarks(context, shown) {
    const { minima, lowest, saddles } = shown.scene;
    context.lineJoin = "round";
    minima.forEach(([x, y], i) => {
      star(context, this.px(shown, x), this.py(shown, y), lowest.includes(i) ? 8 : 5.5);
      context.strokeStyle = "rgba(255,255,255,0.95)";
      context.lineWidth = 3;
      context.stroke();
      context.fillStyle = "#111";
      context.fill();
    });
    for (const [colour, width] of /** @type {const} */ ([
      ["rgba(255,255,255,0.9)", 4],
      ["#111", 1.8],
    ])) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      for (const [x, y] of saddles) {
        const [px, py] = [this.px(shown, x), this.py(shown, y)];
        context.moveTo(px - 4, py - 4);
        context.lineTo(px + 4, py + 4);
        context.moveTo(px + 4, py - 4);
        context.lineTo(px - 4, py + 4);
      }
      context.stroke();
    }
  }

  /** @param {Context} context @param {Shown} shown @param {PlaneMap} entry */
  paintTheory(context, shown, { edge, optimum, best, present }) {
    /** @param {() => void} draw @param {string} inner @param {number} width */
    const twice = (draw, inner, width) => {
      for (const [colour, extra] of /** @type {[string, number][]} */ ([
        ["rgba(0,0,0,0.75)", 2.4],
        [inner, 0],
      ])) {
        context.strokeStyle = colour;
        context.lineWidth = width + extra;
        draw();
      }
    };
    if (edge.length) {
      twice(
        () => {
          context.beginPath();
          for (const [x, y] of edge) context.lineTo(this.px(shown, x), this.py(shown, y));
          context.stroke();
        },
        "#fff",
        1.8,
      );
    }
    if (optimum) {
      star(context, this.px(shown, optimum[0]), this.py(shown, optimum[1]), 8);
      context.strokeStyle = "rgba(0,0,0,0.8)";
      context.lineWidth = 3;
      context.stroke();
      context.fillStyle = "#fff";
      context.fill();
    }
    if (best) {
      const [px, py] = [this.px(shown, best[0]), this.py(shown, best[1])];
      twice(
        () => {
          context.beginPath();
          context.moveTo(px - 6, py);
          context.lineTo(px + 6, py);
          context.moveTo(px, py - 6);
          context.lineTo(px, py + 6);
          context.stroke();
        },
        "#fff",
        2,
      );
    }
    const [px, py] = [this.px(shown, present[0]), this.py(shown, present[1])];
    twice(
      () => {
        context.beginPath();
        context.arc(px, py, 6.5, 0, 7);
        context.stroke();
      },
      "#fff",
      2.2,
    );
  }

  /** @param {Context} context @param {Shown} shown */
  paintAxes(context, shown) {
    const { plot } = this;
    const { entry } = shown;
    const { theme } = shown.scene;
    const [x, y] = this.axes(shown);
    context.strokeStyle = theme.mix(0.45);
    context.lineWidth = 1;
    context.strokeRect(plot.left - 0.5, plot.top - 0.5, plot.width + 1, plot.height + 1);
    context.fillStyle = theme.mix(0.75);
    context.font = `11px ${theme.font}`;
    context.textBaseline = "top";
    context.textAlign = "center";
    const bottom = plot.top + plot.height;
    let free = -Infinity;
    for (const [value, text] of ticks(x, Math.max(2, Math.floor(plot.width / 62)), "number")) {
      const px = this.px(shown, value);
      const half = context.measureText(text).width / 2;
      context.fillRect(Math.round(px), bottom, 1, 4);
      const at = Math.min(this.width - half, px);
      if (at - half < free) continue;
      context.fillText(text, at, bottom + 6);
      free = at + half + 4;
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const [value, text] of ticks(y, Math.max(2, Math.floor(plot.height / 46)), "number")) {
      const at = this.py(shown, value);
      const py = Math.min(bottom - 4, Math.max(plot.top + 5, at));
      context.fillRect(plot.left - 4, Math.round(at), 4, 1);
      context.fillText(text, plot.left - 6, py);
    }
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(entry.x.name, plot.left + plot.width / 2, this.height - 1);
    context.save();
    context.translate(10, plot.top + plot.height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(entry.y.name, 0, 0);
    context.restore();
  }

  // ---------------------------------------------------------------- what is pointed at

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
    if (!place || !this.shown) return null;
    const { entry } = this.shown;
    const axes = this.axes(this.shown);
    const found = [entry.x, entry.y].map((axis, k) => {
      const seen = axes[k];
      const [from, to] = [forth(seen.low, seen.log), forth(seen.high, seen.log)];
      const [low, high] = [forth(axis.low, axis.log), forth(axis.high, axis.log)];
      const at = (from + place[k] * (to - from) - low) / (high - low); // share of the map
      if (!(at >= 0 && at < 1)) return null;
      const pixel = Math.min(
        Math.floor((at * entry.side) / entry.every) * entry.every + (entry.every >> 1),
        entry.side - 1,
      );
      return [
        Math.floor((at * entry.side) / entry.every),
        back(low + ((pixel + 0.5) / entry.side) * (high - low), axis.log),
      ];
    });
    if (!found[0] || !found[1]) return null;
    const [[column, x], [row, y]] = found;
    return { index: row * entry.nx + column, x: Number(x.toPrecision(8)), y: Number(y.toPrecision(8)) };
  }

  /**
   * What stands beneath the map.
   * @param {string} text
   */
  say(text) {
    setText(this.said, text);
  }

  // ---------------------------------------------------------------- the hand

  listen() {
    const { frame } = this;
    /**
     * @param {MouseEvent} event
     * @returns {Place}
     */
    const where = (event) => {
      const box = frame.getBoundingClientRect();
      const { left, top, width, height } = this.plot;
      return [(event.clientX - box.left - left) / width, 1 - (event.clientY - box.top - top) / height];
    };
    /** @param {Place} place */
    const isInside = ([x, y]) => x >= 0 && x <= 1 && y >= 0 && y <= 1;
    /** @type {{place: Place, view: Window | null, at: Place, moved: boolean} | null} */
    let drag = null;
    let waiting = 0;
    let resting = 0;
    frame.addEventListener("pointerdown", (event) => {
      const place = where(event);
      if (event.button || !isInside(place) || !this.shown) return;
      drag = { place, view: this.shown.scene.view, at: [event.clientX, event.clientY], moved: false };
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener("pointermove", (event) => {
      const place = where(event);
      if (drag && Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) > MOVED) drag.moved = true;
      if (drag?.moved && drag.view && this.shown) {
        const [w, t] = this.axes(this.shown).map(({ low, high }) => high - low);
        const [dx, dy] = [(drag.place[0] - place[0]) * w, (drag.place[1] - place[1]) * t];
        const [x0, x1, y0, y1] = drag.view;
        this.on.move([x0 + dx, x1 + dx, y0 + dy, y1 + dy], false);
      }
      this.on.hover(isInside(place) ? place : null);
    });
    const drop = () => {
      if (drag?.moved && drag.view) this.on.move(null, true);
      drag = null;
    };
    frame.addEventListener("pointercancel", drop);
    frame.addEventListener("pointerup", (event) => {
      const isClick = drag && !drag.moved;
      drop();
      const place = where(event);
      if (!isClick || !isInside(place)) return;
      clearTimeout(waiting);
      // In a map of starts a click leads elsewhere: it waits, since it may become a double one.
      if (event.pointerType === "mouse" && this.shown?.scene.view)
        waiting = window.setTimeout(() => this.on.open(this, place), DOUBLE);
      else this.on.open(this, place);
    });
    frame.addEventListener("pointerleave", () => this.on.hover(null));
    frame.addEventListener("dblclick", () => {
      clearTimeout(waiting);
      if (this.shown?.scene.view) this.on.whole();
    });
    frame.addEventListener(
      "wheel",
      (event) => {
        const place = where(event);
        const view = this.shown?.scene.view;
        if (!view || !isInside(place)) return;
        event.preventDefault();
        const factor = 1.0015 ** (event.deltaY * (event.deltaMode ? 30 : 1));
        const [x0, x1, y0, y1] = view;
        const [x, y] = [x0 + place[0] * (x1 - x0), y0 + place[1] * (y1 - y0)];
        this.on.move(
          [x + (x0 - x) * factor, x + (x1 - x) * factor, y + (y0 - y) * factor, y + (y1 - y) * factor],
          false,
        );
        clearTimeout(resting);
        resting = window.setTimeout(() => this.on.move(null, true), 250);
      },
      { passive: false },
    );
    frame.addEventListener("keydown", (event) => {
      /** @type {Record<string, Place>} */
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (event.key in ways && this.shown) {
        event.preventDefault();
        const stride = (event.shiftKey ? 10 : 1) * Math.max(1 / this.shown.entry.side, 0.004);
        const [across, up] = this.place ?? [0.5, 0.5];
        const [dx, dy] = ways[event.key];
        /** @param {number} share */
        const within = (share) => Math.min(0.999, Math.max(0, share));
        this.on.hover([within(across + dx * stride), within(up + dy * stride)]);
      } else if (event.key === "Enter" && this.place) this.on.open(this, this.place);
      else if (event.key === "Escape") this.on.hover(null);
    });
    frame.addEventListener("blur", () => this.on.hover(null));
  }
}

/**
 * What became of a start, in words.
 * @param {BasinArrays} arrays
 * @param {Cell} cell
 * @param {MapsMessage} message
 */
export function startInWords({ label, shade, loss }, { index, x, y }, { places, steps }) {
  const [found, made] = [label[index], shade[index]];
  const diverged = found === LISTED + DIVERGED;
  const what =
    found < LISTED
      ? `reaches ${places[found]} in ${made} steps`
      : `${OUTCOMES[found - LISTED].words}${diverged || made >= steps ? "" : ` after ${made} steps`}`;
  return `(${short(x)}, ${short(y)}): ${what}${diverged ? "" : `; loss ${short(loss[index])}`}`;
}

/**
 * What a cell of a plane holds, in words.
 * @param {PlaneArrays} arrays
 * @param {Cell} cell
 * @param {MapsMessage} message
 * @param {[string, string]} names
 */
export function cellInWords(arrays, { index, x, y }, { least, values }, names) {
  const { loss, steps, distance, share, outcome } = arrays;
  const parts = [OUTCOMES[outcome[index]].words];
  if (outcome[index] !== DIVERGED) {
    parts.push(`loss ${short(loss[index] + least)}`);
    if (Number.isFinite(steps[index])) parts.push(`stops after ${steps[index]} steps`);
    if (Number.isFinite(distance[index])) parts.push(`distance ${short(distance[index])}`);
  }
  if (Number(values["map.starts"]) > 1)
    parts.push(`${short(share[index] * 100)} % of the starts reach a lowest minimum`);
  return `${names[0]} ${short(x, 4)}, ${names[1]} ${short(y, 4)}: ${parts.join("; ")}`;
}
