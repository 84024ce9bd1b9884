// What lies above a contour, as SVG of its own, made of parts: labels, landmarks, paths, references, arrows, the start.

import { h, placeIn, svg } from "../shared/dom.js";
import { Arrows } from "./arrows.js";
import { Herd } from "./herd.js";
import { Landmarks } from "./landmarks.js";
import { drawBar, drawLabels, placeLabels } from "./levels.js";
import { isInside } from "./mapping.js";
import { Paths } from "./paths.js";
import { References } from "./references.js";
import { Start } from "./start.js";

/** @import { HeightScale } from "./heights.js" */
/** @import { Landmarked } from "./landmarks.js" */
/** @import { OnStart } from "./start.js" */
/** @import { Inside, Reference, Run } from "../shared/messages.js" */
/** @import { Heights, Mapping, Place } from "../shared/types.js" */
/** @typedef {{grid: Heights, rows: Float32Array[], scale: HeightScale, fills: string[] | null}} Ground */

const REACH = 8; // pixels within which a path or a sign answers to the pointer
let serial = 0;

export class Overlay {
  /**
   * @param {HTMLElement} host the positioned element over which the graph lies
   * @param {OnStart} onStart moves the start
   * @param {() => void} onReset asks for the whole window
   */
  constructor(host, onStart, onReset) {
    this.host = host;
    /** @type {Ground | null} */
    this.ground = null;
    /** @type {Mapping | null} */
    this.map = null;
    this.hoverFrame = 0;
    /** @type {number | null} */
    this.step = null;
    const id = `rv-clip-${++serial}`;
    const clip = `url(#${id})`;
    this.clipRect = svg("rect");
    this.labels = svg("g");
    this.bar = svg("g");
    this.herd = new Herd();
    this.landmarks = new Landmarks(clip);
    this.paths = new Paths();
    this.references = new References();
    this.arrows = new Arrows();
    this.tip = h("div", { class: "rv-tip", hidden: true });
    this.start = new Start(host, { onStart, onReset, onGrab: () => (this.tip.hidden = true) });
    // What rests lies in a layer of its own, so that moving paths repaint nothing else.
    this.rest = svg("svg", { class: "rv-overlay", "aria-hidden": "true" }, this.labels, this.bar, this.landmarks.signs);
    this.node = svg(
      "svg",
      { class: "rv-overlay", "data-testid": "overlay", "aria-hidden": "true" },
      svg("clipPath", { id }, this.clipRect),
      svg(
        "g",
        { "clip-path": clip },
        this.paths.node,
        this.references.node,
        this.landmarks.names,
        this.arrows.slope,
        this.arrows.next,
        this.paths.markers,
        this.start.node,
      ),
    );
    host.append(this.rest, ...this.herd.nodes, this.node, this.tip);
    host.addEventListener("pointermove", (event) => this.hover(event));
    host.addEventListener("pointerleave", () => (this.tip.hidden = true));
  }

  /**
   * Whether something happened in the picture.
   * @param {MouseEvent} event
   */
  isInside(event) {
    const [px, py] = placeIn(this.host, event);
    return this.map !== null && isInside(this.map, px, py);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    if (this.hoverFrame) cancelAnimationFrame(this.hoverFrame);
    if (event.buttons || !this.isInside(event)) {
      this.tip.hidden = true;
      return;
    }
    const [px, py] = placeIn(this.host, event);
    this.hoverFrame = requestAnimationFrame(() => {
      this.hoverFrame = 0;
      const lines = this.describe(px, py);
      this.tip.hidden = !lines;
      if (!lines) return;
      this.tip.replaceChildren(...lines.map((line, i) => h(i ? "span" : "strong", {}, line)));
      const { offsetWidth: w, offsetHeight: t } = this.tip;
      const x = px + 14 + w > this.host.clientWidth ? px - 14 - w : px + 14;
      const y = Math.max(2, py - t - 10 < 0 ? py + 14 : py - t - 10);
      this.tip.style.transform = `translate(${Math.max(2, x)}px, ${y}px)`;
    });
  }

  /**
   * What lies under the pointer: lines of text, or null.
   * @param {number} px
   * @param {number} py
   */
  describe(px, py) {
    if (!this.map) return null;
    return this.landmarks.describe(this.map, px, py, REACH) ?? this.paths.describe(px, py, this.step, REACH);
  }

  /**
   * The mapping has changed: everything is placed anew.
   * @param {Mapping} map
   * @param {number} width
   * @param {number} height
   */
  remap(map, width, height) {
    this.map = this.start.map = map;
    for (const node of [this.rest, this.node]) {
      node.setAttribute("width", String(width));
      node.setAttribute("height", String(height));
    }
    for (const [name, value] of Object.entries({ x: map.left, y: map.top, width: map.width, height: map.height })) {
      this.clipRect.setAttribute(name, String(value));
    }
    this.herd.remap(map, width, height);
    this.paths.forget();
    this.references.draw(map, this.step);
    this.drawStep();
    this.landmarks.draw(map);
    this.drawGround();
    this.start.draw();
  }

  /**
   * New runs.
   * @param {Run[]} runs
   * @param {(run: Run) => boolean} changed whether a run's numbers differ from those drawn before
   */
  setRuns(runs, changed) {
    this.herd.setRuns(runs);
    this.paths.setRuns(runs, changed);
    this.drawStep();
  }

  /**
   * Curves that no rule has made.
   * @param {Reference[]} references
   */
  setReferences(references) {
    this.references.set(references);
    if (this.map) this.references.draw(this.map, this.step);
  }

  /** @param {number | null} step */
  setStep(step) {
    this.step = step;
    this.drawStep();
  }

  /**
   * How many steps before the one shown are drawn; null for the whole path.
   * @param {number | null} trail
   */
  setTrail(trail) {
    if (this.paths.trail === trail) return;
    this.paths.setTrail(trail);
    this.drawStep();
  }

  /**
   * The run that is looked into, with its gradients, or null.
   * @param {Pick<Inside, "id" | "gradient"> | null} inside
   */
  setInside(inside) {
    this.arrows.inside = inside;
    if (this.map) this.arrows.draw(this.map, this.paths.runs, this.step);
  }

  /** What depends on the step. */
  drawStep() {
    const { map, step } = this;
    if (!map) return;
    this.herd.setStep(step);
    this.references.drawDots(map, step);
    this.arrows.draw(map, this.paths.runs, step);
    this.paths.draw(map, step);
  }

  /**
   * The heights drawn below; without fills there is no colour bar.
   * @param {Ground} ground
   */
  setGround(ground) {
    this.ground = ground;
    this.drawGround();
  }

  /** The levels' labels, which keep clear of the minima's names, and the colour bar. */
  drawGround() {
    if (!this.ground || !this.map) return;
    const { grid, rows, scale, fills } = this.ground;
    drawLabels(this.labels, placeLabels(grid, rows, scale, this.map, this.landmarks.named));
    if (fills) drawBar(this.bar, scale, fills, this.map);
    else this.bar.replaceChildren();
  }

  /** @param {Landmarked} surface */
  setSurface(surface) {
    if (this.landmarks.set(surface) && this.map && this.landmarks.draw(this.map)) this.drawGround();
  }

  /** @param {Place} point */
  setStart(point) {
    this.start.set(point);
  }
}
