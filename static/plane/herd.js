// Paths from many starts, thin, each with a dot at the step shown: on canvas, since there may be some hundred.

import { h, pen } from "../shared/dom.js";

/** @import { Herd as Paths, Run } from "../shared/messages.js" */
/** @import { Mapping } from "../shared/types.js" */
/** @typedef {{map: Mapping, width: number, height: number}} Frame where data lie in pixels, and the picture's size */

const [THIN, FAINT, DOT] = [1, 0.35, 2.2];

/** @param {HTMLCanvasElement} canvas @param {Frame} frame */
function prepared(canvas, { map, width, height }) {
  /** @type {HTMLElement | null} */
  const plot = canvas.closest(".rv-plot");
  const zoom = Number(plot?.style.getPropertyValue("--rv-zoom")) || 1; // of the projector mode
  const ratio = (window.devicePixelRatio || 1) * zoom;
  const [w, t] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== t) {
    [canvas.width, canvas.height] = [w, t];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  }
  const context = pen(canvas);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, t);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.beginPath();
  context.rect(map.left, map.top, map.width, map.height);
  context.save();
  context.clip();
  return context;
}

export class Herd {
  /** Lies in `host` as `nodes`, above the heights and below the paths. */
  constructor() {
    this.lines = h("canvas", { class: "rv-overlay rv-herd", "data-testid": "herd", "aria-hidden": "true" });
    this.dots = h("canvas", { class: "rv-overlay rv-herd", "aria-hidden": "true" });
    this.nodes = [this.lines, this.dots];
    /** @type {{herd: Paths, colour: string}[]} */
    this.runs = [];
    /** @type {number | null} */
    this.step = null;
    /** @type {Frame | null} */
    this.frame = null;
    this.show();
  }

  show() {
    for (const node of this.nodes) node.hidden = !this.runs.length;
  }

  /**
   * The mapping from data to pixels has changed, or the size.
   * @param {Mapping} map
   * @param {number} width
   * @param {number} height
   */
  remap(map, width, height) {
    this.frame = { map, width, height };
    this.draw();
  }

  /**
   * Of these runs, those with a herd.
   * @param {Run[]} runs
   */
  setRuns(runs) {
    const kept = runs.flatMap(({ herd, colour, elsewhere }) => (herd && !elsewhere ? [{ herd, colour }] : []));
    const same =
      kept.length === this.runs.length &&
      kept.every((run, i) => run.herd === this.runs[i].herd && run.colour === this.runs[i].colour);
    this.runs = kept;
    if (same) return;
    this.show();
    this.draw();
  }

  /** @param {number | null} step */
  setStep(step) {
    if (step === this.step) return;
    this.step = step;
    this.drawDots();
  }

  draw() {
    if (!this.frame || !this.runs.length) return;
    const context = prepared(this.lines, this.frame);
    const { ax, bx, ay, by } = this.frame.map;
    context.lineWidth = THIN;
    context.globalAlpha = FAINT;
    context.lineJoin = "round";
    for (const { herd, colour } of this.runs) {
      const { path, points } = herd;
      context.strokeStyle = colour;
      context.beginPath();
      let pen = false;
      for (let i = 0; i < path.length >> 1; i++) {
        if (i % points === 0) pen = false;
        const [x, y] = [ax + bx * path[2 * i], ay + by * path[2 * i + 1]];
        if (!(Math.abs(x) < 1e5 && Math.abs(y) < 1e5)) pen = false;
        else if (pen) context.lineTo(x, y);
        else {
          context.moveTo(x, y);
          pen = true;
        }
      }
      context.stroke();
    }
    context.restore();
    this.drawDots();
  }

  /** Each run's place at the step shown; one that has ended stays where it was last. */
  drawDots() {
    if (!this.frame || !this.runs.length) return;
    const context = prepared(this.dots, this.frame);
    const { ax, bx, ay, by } = this.frame.map;
    for (const { herd, colour } of this.runs) {
      const { path, points, every } = herd;
      const wanted = this.step === null ? points - 1 : Math.min(points - 1, Math.round(this.step / every));
      context.fillStyle = colour;
      context.beginPath();
      for (let first = 0; 2 * first < path.length; first += points) {
        let at = first + wanted;
        while (at > first && Number.isNaN(path[2 * at])) at--;
        const [x, y] = [ax + bx * path[2 * at], ay + by * path[2 * at + 1]];
        if (!(Math.abs(x) < 1e5 && Math.abs(y) < 1e5)) continue;
        context.moveTo(x + DOT, y);
        context.arc(x, y, DOT, 0, 7);
      }
      context.fill();
    }
    context.restore();
  }
}
