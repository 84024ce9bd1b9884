// A contour with paths above it on two canvases: the ground is painted anew only where heights, theme or size change.

import { h, pen, svg } from "../shared/dom.js";
import { scale, ticks } from "../shared/scales.js";
import { heightScale } from "./heights.js";
import { drawLabels, placeLabels } from "./levels.js";
import { isInside, keptInside, toData, toPixels } from "./mapping.js";

/** @import { HeightScale } from "./heights.js" */
/** @import { Crowd, Spot, Grid, StudyPath, StudySurface } from "../shared/messages.js" */
/** @import { Context, Mapping, Numbers, Theme } from "../shared/types.js" */
/** @typedef {{map: Mapping, theme: Theme}} Ground */

const MARGIN = { left: 54, right: 8, top: 6, bottom: 38 };
const FAR = 1e5; // pixels: far outside the picture one place is as good as another

/** @param {string} css */
const channels = (css) => (css.match(/[\d.]+/g) ?? []).map(Number);

/**
 * The place of a path's last point that comes no later than `step`.
 * @param {number} count
 * @param {Numbers | undefined} steps when its points were; without it there is one a step
 * @param {number} step
 */
function reached(count, steps, step) {
  if (!steps) return Math.min(count - 1, step);
  let at = 0;
  while (at + 1 < steps.length && steps[at + 1] <= step) at++;
  return at;
}

export class Plane {
  /** @param {(x: number, y: number, final: boolean) => void} onStart a hand has put the start there */
  constructor(onStart) {
    this.onStart = onStart;
    this.drawn = "";
    /** @type {Theme | null} */
    this.theme = null;
    /** @type {Mapping | null} */
    this.map = null;
    this.ground = h("canvas", { class: "rv-canvas", "aria-hidden": "true" });
    this.over = h("canvas", { class: "rv-canvas rv-plane-over", "aria-hidden": "true" });
    this.labels = svg("g");
    this.svg = svg("svg", { class: "rv-overlay", "aria-hidden": "true" }, this.labels);
    this.node = h("div", { class: "rv-plane", role: "img", "data-testid": "plane" }, this.ground, this.svg, this.over);
    this.listen();
  }

  listen() {
    const { over } = this;
    /** @param {MouseEvent} event @param {boolean} final */
    const put = (event, final) => {
      const box = over.getBoundingClientRect();
      const { map } = this;
      if (!map) return;
      const [px, py] = keptInside(map, event.clientX - box.left, event.clientY - box.top);
      const [x, y] = toData(map, px, py).map((value) => Number(value.toPrecision(4)));
      this.onStart(x, y, final);
    };
    let held = false;
    over.addEventListener("pointerdown", (event) => {
      if (event.button || !this.map || event.pointerType === "touch") return;
      held = true;
      over.setPointerCapture(event.pointerId);
      put(event, false);
    });
    over.addEventListener("pointermove", (event) => held && put(event, false));
    over.addEventListener("pointerup", (event) => {
      if (held) put(event, true);
      held = false;
    });
    over.addEventListener("pointercancel", () => (held = false));
    // A finger that scrolls the page chooses nothing; one that taps does.
    over.addEventListener(
      "click",
      (event) => /** @type {PointerEvent} */ (event).pointerType === "touch" && put(event, true),
    );
  }

  /**
   * Paints the heights.
   * @param {Grid} grid
   * @param {StudySurface} surface
   * @param {Theme} theme
   * @param {number} width
   * @param {number} height
   */
  draw(grid, surface, theme, width, height) {
    const signature = [grid.content, theme.signature, width, height].join("|");
    this.theme = theme;
    if (signature === this.drawn) return;
    this.drawn = signature;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.ground, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.node.style.height = `${height}px`;
    this.svg.setAttribute("width", String(width));
    this.svg.setAttribute("height", String(height));
    const [x0, x1, y0, y1] = surface.window;
    const inner = {
      left: MARGIN.left,
      top: MARGIN.top,
      width: width - MARGIN.left - MARGIN.right,
      height: height - MARGIN.top - MARGIN.bottom,
    };
    const [bx, by] = [inner.width / (x1 - x0), -inner.height / (y1 - y0)];
    const map = { ...inner, bx, by, ax: inner.left - bx * x0, ay: inner.top - by * y1 };
    this.map = map;
    const ground = { map, theme };
    const heights = heightScale(grid.z, surface.log !== false, surface.lowest);
    const shown = heights.transform(grid.z);
    const context = pen(this.ground);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.ground.width, this.ground.height);
    this.paintHeights(context, ground, shown, grid, heights, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintAxes(context, ground, surface, width, height);
    this.paintMinima(context, ground, surface.minima);
    const columns = grid.x.length;
    const rows = Array.from(grid.y, (_, i) => shown.subarray(i * columns, (i + 1) * columns));
    drawLabels(this.labels, placeLabels(grid, rows, heights, map));
  }

  /**
   * Bands of heights pixel by pixel, with a line at each level.
   * @param {Context} context
   * @param {Ground} ground
   * @param {Float32Array} shown
   * @param {Grid} grid
   * @param {HeightScale} heights
   * @param {number} ratio
   */
  paintHeights(context, { map, theme }, shown, grid, heights, ratio) {
    const [columns, rows] = [grid.x.length, grid.y.length];
    const [left, top] = [Math.round(map.left * ratio), Math.round(map.top * ratio)];
    const [wide, high] = [Math.round(map.width * ratio), Math.round(map.height * ratio)];
    const values = new Float32Array((wide + 1) * (high + 1));
    for (let i = 0, k = 0; i <= high; i++) {
      const row = Math.min(rows - 1.0001, Math.max(0, (1 - i / high) * (rows - 1)));
      const [r, u] = [Math.floor(row), row % 1];
      for (let j = 0; j <= wide; j++, k++) {
        const column = Math.min(columns - 1.0001, (j / wide) * (columns - 1));
        const [c, w] = [Math.floor(column), column % 1];
        const at = r * columns + c;
        values[k] =
          (shown[at] * (1 - w) + shown[at + 1] * w) * (1 - u) +
          (shown[at + columns] * (1 - w) + shown[at + columns + 1] * w) * u;
      }
    }
    const { levels, step } = heights;
    const knots = theme.scale.map(([, css]) => channels(css));
    const fills = Array.from({ length: levels.length + 1 }, (_, i) => {
      const place = (i / levels.length) * (knots.length - 1);
      const k = Math.min(knots.length - 2, Math.floor(place));
      return knots[k].map((value, c) => value + (knots[k + 1][c] - value) * (place - k));
    });
    const [lr, lg, lb, alpha] = channels(theme.line);
    const image = context.createImageData(wide, high);
    for (let i = 0, k = 0, at = 0; i < high; i++, k++) {
      for (let j = 0; j < wide; j++, k++, at += 4) {
        const value = values[k];
        const place = (value - levels[0]) / step;
        const band = Math.min(levels.length, Math.max(0, Math.floor(place) + 1)) || 0;
        const slope = Math.hypot(values[k + 1] - value, values[k + wide + 1] - value) / step;
        const nearest = Math.min(levels.length - 1, Math.max(0, Math.round(place)));
        const line = slope > 0 ? alpha * Math.max(0, 1 - Math.abs(place - nearest) / slope) : 0;
        const [r, g, b] = fills[band];
        image.data[at] = r + (lr - r) * line;
        image.data[at + 1] = g + (lg - g) * line;
        image.data[at + 2] = b + (lb - b) * line;
        image.data[at + 3] = 255;
      }
    }
    context.putImageData(image, left, top);
  }

  /** @param {Context} context @param {Ground} ground @param {StudySurface} surface @param {number} width @param {number} height */
  paintAxes(context, { map, theme }, { window: [x0, x1, y0, y1], axes }, width, height) {
    const [right, bottom] = [map.left + map.width, map.top + map.height];
    context.font = `11px ${theme.font}`;
    context.fillStyle = theme.mix(0.75);
    context.strokeStyle = theme.mix(0.45);
    context.lineWidth = 1;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    /** @param {number} fromX @param {number} fromY @param {number} toX @param {number} toY */
    const line = (fromX, fromY, toX, toY) => {
      context.beginPath();
      context.moveTo(fromX, fromY);
      context.lineTo(toX, toY);
      context.stroke();
    };
    for (const [value, text] of ticks(
      scale(x0, x1, false, map.left, right),
      Math.max(2, Math.floor(map.width / 62)),
      "number",
    )) {
      const px = Math.round(map.ax + map.bx * value) + 0.5;
      line(px, bottom, px, bottom + 4);
      context.fillText(text, Math.min(px, width - 10), bottom + 15);
    }
    context.fillText(axes[0], map.left + map.width / 2, height - 5);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const [value, text] of ticks(
      scale(y0, y1, false, bottom, map.top),
      Math.max(2, Math.floor(map.height / 40)),
      "number",
    )) {
      const py = Math.round(map.ay + map.by * value) + 0.5;
      line(map.left - 4, py, map.left, py);
      context.fillText(text, map.left - 7, py);
    }
    context.save();
    context.translate(10, map.top + map.height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(axes[1], 0, 0);
    context.restore();
  }

  /** @param {Context} context @param {Ground} ground @param {Spot[]} minima */
  paintMinima(context, { map, theme }, minima) {
    for (const [x, y] of minima) {
      const [px, py] = toPixels(map, x, y);
      if (!isInside(map, px, py)) continue;
      for (const [stroke, width] of /** @type {[string, number][]} */ ([
        [theme.background, 5],
        [theme.text, 2],
      ])) {
        context.strokeStyle = stroke;
        context.lineWidth = width;
        context.beginPath();
        for (const [dx, dy] of [
          [6, 0],
          [0, 6],
          [4.2, 4.2],
          [4.2, -4.2],
        ]) {
          context.moveTo(px - dx, py - dy);
          context.lineTo(px + dx, py + dy);
        }
        context.stroke();
      }
    }
  }

  /**
   * Draws what moves, up to `step`, and the ring of the start.
   * @param {{crowd: Crowd | null, paths: StudyPath[], start: [number, number]}} moving
   * @param {number} step
   */
  drawPaths({ crowd, paths, start }, step) {
    const { map, theme } = this;
    if (!map || !theme) return;
    const context = pen(this.over);
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.over.width, this.over.height);
    context.save();
    context.beginPath();
    context.rect(map.left, map.top, map.width, map.height);
    context.clip();
    context.lineJoin = "round";
    /** @param {number} x */
    const px = (x) => Math.min(FAR, Math.max(-FAR, map.ax + map.bx * x));
    /** @param {number} y */
    const py = (y) => Math.min(FAR, Math.max(-FAR, map.ay + map.by * y));
    /** @param {Numbers} path @param {number} from @param {number} to */
    const trace = (path, from, to) => {
      let pen = false;
      for (let i = from; i <= to; i++) {
        const [x, y] = [path[2 * i], path[2 * i + 1]];
        if (!Number.isFinite(x) || !Number.isFinite(y)) break;
        if (pen) context.lineTo(px(x), py(y));
        else context.moveTo(px(x), py(y));
        pen = true;
      }
    };
    if (crowd && crowd.runs > 1) {
      const count = crowd.steps.length;
      const at = reached(count, crowd.steps, step);
      context.strokeStyle = context.fillStyle = crowd.colour;
      context.lineWidth = 1;
      context.globalAlpha = Math.min(0.35, Math.max(0.08, 6 / crowd.runs));
      for (let run = 0; run < crowd.runs; run++) {
        context.beginPath(); // one path each: where they cross, they grow darker
        trace(crowd.path, run * count, run * count + at);
        context.stroke();
      }
      context.globalAlpha = 0.7;
      context.beginPath();
      for (let run = 0; run < crowd.runs; run++) {
        const i = run * count + at;
        const [x, y] = [px(crowd.path[2 * i]), py(crowd.path[2 * i + 1])];
        if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
        context.moveTo(x + 2, y);
        context.arc(x, y, 2, 0, 7);
      }
      context.fill();
      context.globalAlpha = 1;
    }
    for (const isHalo of [true, false]) {
      for (const { path, colour, dash, steps, width = 2.2 } of paths) {
        context.strokeStyle = isHalo ? theme.background : colour;
        context.lineWidth = isHalo ? width + 2.2 : width;
        context.globalAlpha = isHalo ? 0.7 : 1;
        context.setLineDash(dash && !isHalo ? dash.split(" ").map(Number) : []);
        context.beginPath();
        trace(path, 0, reached(path.length / 2, steps, step));
        context.stroke();
      }
    }
    context.setLineDash([]);
    for (const { path, colour, steps } of paths) {
      const at = reached(path.length / 2, steps, step);
      const [x, y] = [px(path[2 * at]), py(path[2 * at + 1])];
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      context.beginPath();
      context.arc(x, y, 4.5, 0, 7);
      context.fillStyle = colour;
      context.fill();
      context.strokeStyle = theme.background;
      context.lineWidth = 1.6;
      context.stroke();
    }
    for (const [stroke, width] of /** @type {[string, number][]} */ ([
      [theme.background, 6],
      [theme.text, 2.4],
    ])) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.beginPath();
      context.arc(px(start[0]), py(start[1]), 7, 0, 7);
      context.stroke();
    }
    context.restore();
  }
}
