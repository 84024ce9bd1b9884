// Everything that moves above the contour: paths, step markers, minima, saddles and the start, as SVG of its own.

import { h, placeIn, short, svg } from "../shared/dom.js";
import { Herd } from "./herd.js";
import { drawBar, drawLabels, drawNames, placeLabels, placeNames } from "./levels.js";

/** @import { HeightScale } from "./heights.js" */
/** @import { Name } from "./levels.js" */
/** @import { Inside, Reference, Run, Spot, Surface } from "../shared/messages.js" */
/** @import { Heights, Mapping, Numbers, Place } from "../shared/types.js" */
/** @typedef {{x: number[], y: number[], step: number[], jump: number[]}} Thinned */
/** @typedef {{grid: Heights, rows: Float32Array[], scale: HeightScale, fills: string[] | null}} Ground */
/** @typedef {Surface & {labels: boolean}} Landmarks */
/** @typedef {{path: Float32Array, each: number, line: SVGPathElement, dot: SVGCircleElement}} DrawnReference */
/** @typedef {(x: number, y: number, final: boolean) => void} OnStart */
/**
 * How a run is drawn.
 * @typedef {object} Line
 * @property {SVGPathElement} halo
 * @property {SVGPathElement} whole
 * @property {SVGPathElement} past
 * @property {SVGCircleElement} marker
 * @property {SVGPathElement} before
 * @property {SVGPathElement} cloud
 * @property {SVGPathElement} look
 * @property {Thinned | null} points
 * @property {string} d
 * @property {number | null} drawnStep
 */

const NEAREST = 0.7; // pixels: points of a path nearer than this to the last one drawn are left out of the drawing
const MOST_DOTS = 4000; // of the cloud of earlier steps
const REACH = 8; // pixels within which a path answers to the pointer
let serial = 0;

/**
 * The points of a path in pixels, thinned, and cut where it leaves the neighbourhood of the picture.
 * `jump[i]` = 1 where the line does not come from the point before.
 * @param {Numbers} path
 * @param {Mapping} map
 * @returns {Thinned}
 */
export function thin(path, map) {
  const count = path.length >> 1;
  /** @type {Thinned} */
  const { x, y, step, jump } = { x: [], y: [], step: [], jump: [] };
  const [xl, xh] = [map.left - map.width, map.left + 2 * map.width];
  const [yl, yh] = [map.top - map.height, map.top + 2 * map.height];
  /** @param {number} px @param {number} py @param {number} index @param {number} jumped */
  const add = (px, py, index, jumped) => {
    x.push(px);
    y.push(py);
    step.push(index);
    jump.push(jumped);
  };
  let [lastX, lastY] = [0, 0];
  let wasInside = false;
  let [drawnX, drawnY] = [Infinity, Infinity];
  for (let i = 0; i < count; i++) {
    const px = map.ax + map.bx * path[2 * i];
    const py = map.ay + map.by * path[2 * i + 1];
    const inside = px >= xl && px <= xh && py >= yl && py <= yh;
    if (inside && (wasInside || i === 0)) {
      if (i === 0 || i === count - 1 || Math.abs(px - drawnX) + Math.abs(py - drawnY) > NEAREST) {
        add(px, py, i, i === 0 ? 1 : 0);
        [drawnX, drawnY] = [px, py];
      }
    } else if (i > 0) {
      const cut = clip(lastX, lastY, px, py, xl, xh, yl, yh);
      if (cut) {
        if (!wasInside) add(cut[0], cut[1], i, 1);
        else if (lastX !== drawnX || lastY !== drawnY) add(lastX, lastY, i - 1, 0);
        add(cut[2], cut[3], i, 0);
        [drawnX, drawnY] = [cut[2], cut[3]];
      }
    }
    [lastX, lastY] = [px, py];
    wasInside = inside;
  }
  return { x, y, step, jump };
}

/**
 * The part of a segment inside a box (Liang and Barsky), or null.
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 * @param {number} xl
 * @param {number} xh
 * @param {number} yl
 * @param {number} yh
 * @returns {[number, number, number, number] | null}
 */
export function clip(x0, y0, x1, y1, xl, xh, yl, yh) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  let [t0, t1] = [0, 1];
  for (const [p, q] of [
    [-dx, x0 - xl],
    [dx, xh - x0],
    [-dy, y0 - yl],
    [dy, yh - y0],
  ]) {
    if (p === 0) {
      if (q < 0) return null;
    } else if (p < 0) t0 = Math.max(t0, q / p);
    else t1 = Math.min(t1, q / p);
    if (!(t0 <= t1)) return null;
  }
  return [x0 + t0 * dx, y0 + t0 * dy, x0 + t1 * dx, y0 + t1 * dy];
}

/** @param {Spot[]} a @param {Spot[]} b */
function sameSpots(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** @param {number} value */
const tenth = (value) => Math.round(value * 10) / 10;

/** @param {Thinned} points @param {number} from @param {number} to */
function outline(points, from, to) {
  let d = "";
  for (let i = from; i < to; i++) {
    d += `${points.jump[i] || i === from ? "M" : "L"}${tenth(points.x[i])} ${tenth(points.y[i])}`;
  }
  return d;
}

/**
 * A line with a head, where it is long enough to be seen and not endless.
 * @param {number} x
 * @param {number} y
 * @param {number} u
 * @param {number} w
 */
function arrow(x, y, u, w) {
  const length = Math.hypot(u - x, w - y);
  if (!(length > 2 && length < 1e4)) return "";
  const [ax, ay] = [(u - x) / length, (w - y) / length];
  const head = Math.min(7, length / 2);
  /** @param {number} turn */
  const side = (turn) =>
    `M${tenth(u)} ${tenth(w)}L${tenth(u - head * (ax + turn * ay * 0.5))} ${tenth(w - head * (ay - turn * ax * 0.5))}`;
  return `M${tenth(x)} ${tenth(y)}L${tenth(u)} ${tenth(w)}${side(1)}${side(-1)}`;
}

/**
 * How many of the thinned points come no later than `step`.
 * @param {Thinned} points
 * @param {number} step
 */
function countUpTo(points, step) {
  let [low, high] = [0, points.step.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points.step[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Overlay {
  /**
   * @param {HTMLElement} host the positioned element over which the graph lies
   * @param {OnStart} onStart moves the start
   * @param {() => void} onReset asks for the whole window
   */
  constructor(host, onStart, onReset) {
    this.host = host;
    this.onStart = onStart;
    this.onReset = onReset;
    /** @type {Map<number, Line>} */
    this.lines = new Map();
    /** @type {Landmarks | null} */
    this.surface = null;
    /** @type {Ground | null} */
    this.ground = null;
    /** @type {Mapping | null} */
    this.map = null;
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Place | null} */
    this.point = null; // the start
    this.dragging = false;
    /** @type {{when: number, before: Place | null} | null} */
    this.clicked = null; // the last click that has put it elsewhere
    this.hoverFrame = 0;
    /** @type {number | null} */
    this.step = null;
    /** @type {number | null} */
    this.trail = null; // how many steps before the one shown are drawn; null: the whole path
    const id = `rv-clip-${++serial}`;
    this.clipRect = svg("rect");
    this.labels = svg("g");
    this.bar = svg("g");
    this.landmarks = svg("g", { "clip-path": `url(#${id})` });
    this.paths = svg("g", { fill: "none", "stroke-linejoin": "round", "stroke-linecap": "round" });
    this.markers = svg("g");
    this.slope = svg("path", { class: "rv-arrow rv-arrow-slope" });
    this.next = svg("path", { class: "rv-arrow" });
    /** @type {Pick<Inside, "id" | "gradient"> | null} */
    this.inside = null;
    this.curves = svg("g");
    this.names = svg("g", { "data-testid": "minima" });
    /** @type {Name[]} */
    this.named = [];
    /** @type {DrawnReference[]} */
    this.references = [];
    this.start = svg(
      "g",
      { class: "rv-start", "data-testid": "start-marker" },
      svg("circle", { r: 20, class: "rv-start-reach" }),
      svg("circle", { r: 7, class: "rv-start-halo" }),
      svg("circle", { r: 7, class: "rv-start-ring" }),
    );
    // What rests lies in a layer of its own, so that moving paths repaint nothing else.
    this.rest = svg("svg", { class: "rv-overlay", "aria-hidden": "true" }, this.labels, this.bar, this.landmarks);
    this.node = svg(
      "svg",
      { class: "rv-overlay", "data-testid": "overlay", "aria-hidden": "true" },
      svg("clipPath", { id }, this.clipRect),
      svg(
        "g",
        { "clip-path": `url(#${id})` },
        this.paths,
        this.curves,
        this.names,
        this.slope,
        this.next,
        this.markers,
        this.start,
      ),
    );
    this.tip = h("div", { class: "rv-tip", hidden: true });
    this.herd = new Herd();
    host.append(this.rest, ...this.herd.nodes, this.node, this.tip);
    this.listen();
  }

  listen() {
    this.start.addEventListener("pointerdown", (event) => this.grabStart(event));
    this.host.addEventListener("pointerdown", (event) => this.watchClick(event), true);
    this.host.addEventListener("pointermove", (event) => this.hover(event));
    this.host.addEventListener("pointerleave", () => (this.tip.hidden = true));
  }

  /** @param {MouseEvent} event */
  position(event) {
    return placeIn(this.host, event);
  }

  /**
   * @param {Mapping} map
   * @param {number} px
   * @param {number} py
   * @returns {Place}
   */
  toData(map, px, py) {
    return [(px - map.ax) / map.bx, (py - map.ay) / map.by];
  }

  /** @param {number} px @param {number} py */
  isInside(px, py) {
    if (!this.map) return false;
    const { left, top, width, height } = this.map;
    return px >= left && px <= left + width && py >= top && py <= top + height;
  }

  /** @param {PointerEvent} event */
  grabStart(event) {
    const { map, point } = this;
    if (event.button || !map || !point) return;
    event.preventDefault();
    event.stopPropagation();
    this.start.setPointerCapture(event.pointerId);
    this.tip.hidden = true;
    const [x0, y0] = this.position(event);
    const origin = [map.ax + map.bx * point[0] - x0, map.ay + map.by * point[1] - y0];
    let moved = false;
    this.dragging = true;
    /** @param {PointerEvent} e @param {boolean} final */
    const follow = (e, final) => {
      const [px, py] = this.position(e);
      moved ||= Math.hypot(px - x0, py - y0) >= 2;
      if (!moved) return;
      const now = this.map ?? map;
      const x = Math.min(now.left + now.width, Math.max(now.left, px + origin[0]));
      const y = Math.min(now.top + now.height, Math.max(now.top, py + origin[1]));
      this.moveStart(this.toData(now, x, y), final);
    };
    /** @param {PointerEvent} e */
    const move = (e) => follow(e, false);
    /** @param {PointerEvent} e */
    const end = (e) => {
      this.start.removeEventListener("pointermove", move);
      this.start.removeEventListener("pointerup", end);
      this.start.removeEventListener("pointercancel", end);
      this.dragging = false;
      if (moved && e.type === "pointerup") follow(e, true);
      else if (moved) this.moveStart(this.point ?? point, true);
      // The first press of a double click has put the start under the second.
      else this.takeBack();
    };
    this.start.addEventListener("pointermove", move);
    this.start.addEventListener("pointerup", end);
    this.start.addEventListener("pointercancel", end);
  }

  /**
   * A press and release on one spot sets the start there; Plotly has the drags.
   * @param {PointerEvent} event
   */
  watchClick(event) {
    const target = /** @type {Node} */ (event.target);
    if (event.button || !event.isPrimary || !this.map || this.start.contains(target)) return;
    const [x0, y0] = this.position(event);
    if (!this.isInside(x0, y0)) return;
    const controller = new AbortController();
    const { signal } = controller;
    let moved = false;
    // Plotly covers the page while a button is down: only the window sees the rest.
    /** @param {PointerEvent} e */
    const move = (e) => {
      const [px, py] = this.position(e);
      moved ||= Math.hypot(px - x0, py - y0) >= 4;
    };
    /** @param {PointerEvent} e */
    const end = (e) => {
      move(e);
      controller.abort();
      if (moved || e.type !== "pointerup" || e.pointerId !== event.pointerId || !this.map) return;
      if (this.takeBack()) return;
      this.clicked = { when: performance.now(), before: this.point };
      this.moveStart(this.toData(this.map, x0, y0), true);
    };
    window.addEventListener("pointermove", move, { signal, capture: true });
    window.addEventListener("pointerup", end, { signal, capture: true });
    window.addEventListener("pointercancel", end, { signal, capture: true });
  }

  /**
   * The second press of a double click shows the whole window, and the start goes back to where it was before the first.
   * Returns whether this is one.
   */
  takeBack() {
    if (!this.clicked || performance.now() - this.clicked.when >= 350) return false;
    const { before } = this.clicked;
    this.clicked = null;
    if (before) this.moveStart(before, true);
    this.onReset();
    return true;
  }

  /** @param {Place} point @param {boolean} final */
  moveStart(point, final) {
    this.point = point;
    this.placeStart();
    this.onStart(point[0], point[1], final);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    if (this.hoverFrame) cancelAnimationFrame(this.hoverFrame);
    const [px, py] = this.position(event);
    if (event.buttons || !this.map || !this.isInside(px, py)) {
      this.tip.hidden = true;
      return;
    }
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
    if (!this.map || !this.surface) return null;
    const { ax, bx, ay, by } = this.map;
    for (const [kind, spots] of /** @type {const} */ ([
      ["Minimum", this.surface.minima],
      ["Saddle", this.surface.saddles],
    ])) {
      for (const [x, y, f] of spots) {
        if (Math.hypot(ax + bx * x - px, ay + by * y - py) <= REACH) {
          return [kind, `(${short(x, 4)}, ${short(y, 4)})`, `f = ${short(f, 5)}`];
        }
      }
    }
    /** @type {[Run, number] | null} */
    let best = null;
    let least = REACH * REACH;
    for (const run of this.runs) {
      const points = this.lines.get(run.id)?.points;
      if (!points) continue;
      const [from, to] = this.trail === null ? [0, points.x.length] : this.tail(run, points, this.trail);
      for (let i = from; i < to; i++) {
        let [qx, qy] = [points.x[i], points.y[i]];
        let nearer = i;
        if (i > from && !points.jump[i]) {
          const [dx, dy] = [qx - points.x[i - 1], qy - points.y[i - 1]];
          const along =
            dx || dy ? ((px - points.x[i - 1]) * dx + (py - points.y[i - 1]) * dy) / (dx * dx + dy * dy) : 1;
          const t = Math.min(1, Math.max(0, along));
          [qx, qy] = [points.x[i - 1] + t * dx, points.y[i - 1] + t * dy];
          if (t < 0.5) nearer = i - 1;
        }
        const distance = (qx - px) ** 2 + (qy - py) ** 2;
        if (distance < least) {
          least = distance;
          best = [run, points.step[nearer]];
        }
      }
    }
    if (!best) return null;
    const [run, step] = best;
    const at = `(${short(run.path[2 * step], 4)}, ${short(run.path[2 * step + 1], 4)})`;
    const lines = [run.name, `step ${step} ${at}`, `loss ${short(run.loss[step], 4)}`];
    if (run.slope && step < run.slope.length) lines.push(`|g| ${short(run.slope[step], 4)}`);
    return lines;
  }

  /**
   * The mapping has changed: everything is placed anew.
   * @param {Mapping} map
   * @param {number} width
   * @param {number} height
   */
  remap(map, width, height) {
    this.map = map;
    for (const node of [this.rest, this.node]) {
      node.setAttribute("width", String(width));
      node.setAttribute("height", String(height));
    }
    for (const [name, value] of Object.entries({ x: map.left, y: map.top, width: map.width, height: map.height })) {
      this.clipRect.setAttribute(name, String(value));
    }
    this.herd.remap(map, width, height);
    for (const line of this.lines.values()) line.points = null;
    for (const reference of this.references) this.placeReference(reference);
    this.drawLines();
    this.drawGround();
    this.drawLandmarks();
    this.placeStart();
  }

  /**
   * New runs.
   * @param {Run[]} runs
   * @param {(run: Run) => boolean} changed whether a run's numbers differ from those drawn before
   */
  setRuns(runs, changed) {
    this.runs = runs;
    this.herd.setRuns(runs);
    const kept = new Set(runs.map((run) => run.id));
    for (const [id, line] of this.lines) {
      if (kept.has(id)) continue;
      for (const node of [line.halo, line.whole, line.past, line.marker, line.before, line.cloud, line.look])
        node.remove();
      this.lines.delete(id);
    }
    for (const run of runs) {
      let line = this.lines.get(run.id);
      if (!line) {
        line = {
          halo: svg("path", { class: "rv-halo" }),
          whole: svg("path", { class: "rv-whole" }),
          past: svg("path", { class: "rv-past" }),
          marker: svg("circle", { r: 4.5, class: "rv-marker" }),
          before: svg("path", { class: "rv-cloud-before" }),
          cloud: svg("path", { class: "rv-cloud" }),
          look: svg("path", { class: "rv-look" }),
          points: null,
          d: "",
          drawnStep: null,
        };
        this.lines.set(run.id, line);
        this.paths.append(line.before, line.halo, line.whole, line.past, line.cloud, line.look);
        this.markers.append(line.marker);
      }
      for (const part of [line.before, line.cloud, line.look]) part.setAttribute("stroke", run.colour);
      line.whole.setAttribute("stroke", run.colour);
      line.past.setAttribute("stroke", run.colour);
      for (const part of [line.halo, line.past]) {
        // Between dashes the line below is seen.
        part.setAttribute("stroke-dasharray", run.dash || "none");
        part.setAttribute("stroke-linecap", run.dash ? "butt" : "round");
      }
      line.marker.setAttribute("fill", run.colour);
      if (changed(run)) line.points = null;
    }
    this.drawLines();
  }

  /**
   * Curves that no rule has made.
   * @param {Reference[]} references
   */
  setReferences(references) {
    this.curves.replaceChildren();
    this.references = references.map(({ path, each }) => {
      const line = svg("path", { class: "rv-reference", "data-testid": "reference" });
      const dot = svg("circle", { r: 4, class: "rv-reference-dot" });
      this.curves.append(line, dot);
      return { path, each, line, dot };
    });
    for (const reference of this.references) this.placeReference(reference);
  }

  /** @param {DrawnReference} reference */
  placeReference(reference) {
    if (!this.map) return;
    const points = thin(reference.path, this.map);
    reference.line.setAttribute("d", outline(points, 0, points.x.length));
    this.placeReferenceDot(reference, this.map);
  }

  /** @param {DrawnReference} reference @param {Mapping} map */
  placeReferenceDot({ path, each, dot }, map) {
    const last = (path.length >> 1) - 1;
    const at = this.step === null ? last : Math.min(each * this.step, last);
    const [x, y] = [map.ax + map.bx * path[2 * at], map.ay + map.by * path[2 * at + 1]];
    dot.setAttribute("transform", `translate(${tenth(x)} ${tenth(y)})`);
  }

  /** @param {Run} run @param {Line} line @param {Mapping} map */
  thinRun(run, line, map) {
    const points = thin(run.path, map);
    line.points = points;
    line.drawnStep = null;
    line.d = outline(points, 0, points.x.length);
    line.halo.setAttribute("d", line.d);
    return points;
  }

  /** @param {number | null} step */
  setStep(step) {
    this.step = step;
    this.drawLines();
  }

  /**
   * How many steps before the one shown are drawn; null for the whole path.
   * @param {number | null} trail
   */
  setTrail(trail) {
    if (this.trail === trail) return;
    this.trail = trail;
    for (const line of this.lines.values()) {
      line.drawnStep = null;
      line.halo.setAttribute("d", line.d);
    }
    this.drawLines();
  }

  /**
   * Which of the thinned points lie in the trail: the first, and one after the last.
   * @param {Run} run
   * @param {Thinned} points
   * @param {number} trail
   */
  tail(run, points, trail) {
    const last = (run.path.length >> 1) - 1;
    const at = this.step === null ? last : Math.min(this.step, last);
    return [countUpTo(points, at - trail - 1), countUpTo(points, at)];
  }

  /**
   * The outline of the last steps before `at`, both ends exact though the points between are thinned.
   * @param {Run} run
   * @param {Thinned} points
   * @param {number} at
   * @param {number} trail
   * @param {Mapping} map
   */
  tailOutline(run, points, at, trail, map) {
    /** @param {number} step */
    const place = (step) =>
      `${tenth(map.ax + map.bx * run.path[2 * step])} ${tenth(map.ay + map.by * run.path[2 * step + 1])}`;
    const first = Math.max(0, at - trail);
    const [from, to] = [countUpTo(points, first), countUpTo(points, at)];
    const start = points.jump[from] === 1 ? "" : `M${place(first)}`;
    const between = outline(points, from, to);
    const end = to && points.step[to - 1] !== at ? `${start || between ? "L" : "M"}${place(at)}` : "";
    return start + (start ? between.replace("M", "L") : between) + end;
  }

  /**
   * The run that is looked into, with its gradients, or null.
   * @param {Pick<Inside, "id" | "gradient"> | null} inside
   */
  setInside(inside) {
    this.inside = inside;
    this.drawArrows();
  }

  /** At the point shown: where the negative gradient points, and the step that follows. */
  drawArrows() {
    const { inside, map } = this;
    if (!map) return;
    const run = this.runs.find((one) => one.id === inside?.id);
    let [slope, next] = ["", ""];
    if (inside && run) {
      const last = (run.path.length >> 1) - 1;
      const at = this.step === null ? last : Math.min(this.step, last);
      /**
       * @param {number} i
       * @returns {Place}
       */
      const place = (i) => [map.ax + map.bx * run.path[2 * i], map.ay + map.by * run.path[2 * i + 1]];
      const [x, y] = place(at);
      const [gx, gy] = [inside.gradient[2 * at], inside.gradient[2 * at + 1]];
      const steep = Math.hypot(gx, gy);
      if (steep > 0 && Number.isFinite(steep)) {
        const length = Math.min(70, 22 + 12 * Math.log10(1 + steep));
        const [dx, dy] = [-gx * Math.sign(map.bx), -gy * Math.sign(map.by)];
        slope = arrow(x, y, x + (dx / steep) * length, y + (dy / steep) * length);
      }
      if (at < last) next = arrow(x, y, ...place(at + 1));
      this.next.setAttribute("stroke", run.colour);
    }
    this.slope.setAttribute("d", slope);
    this.next.setAttribute("d", next);
  }

  drawLines() {
    const { map, trail } = this;
    if (!map) return;
    this.herd.setStep(this.step);
    for (const reference of this.references) this.placeReferenceDot(reference, map);
    this.drawArrows();
    for (const run of this.runs) {
      const line = this.lines.get(run.id);
      if (!line) continue;
      const points = line.points ?? this.thinRun(run, line, map);
      const last = (run.path.length >> 1) - 1;
      const at = this.step === null ? last : Math.min(this.step, last);
      if (line.drawnStep === at) continue;
      line.drawnStep = at;
      const [x, y] = [map.ax + map.bx * run.path[2 * at], map.ay + map.by * run.path[2 * at + 1]];
      if (trail !== null) {
        const d = this.tailOutline(run, points, at, trail, map);
        for (const part of [line.past, line.halo]) part.setAttribute("d", d);
        line.whole.setAttribute("d", "");
      } else if (at === last) {
        line.past.setAttribute("d", line.d);
        line.whole.setAttribute("d", "");
      } else {
        const upTo = countUpTo(points, at);
        line.past.setAttribute("d", outline(points, 0, upTo) + (upTo ? `L${tenth(x)} ${tenth(y)}` : ""));
        line.whole.setAttribute("d", line.d);
      }
      this.drawCloud(run, line, at, map);
      this.drawLook(run, line, at, [x, y], map);
      const far = !(Math.abs(x) < 1e5 && Math.abs(y) < 1e5);
      line.marker.setAttribute("visibility", far ? "hidden" : "visible");
      if (!far) line.marker.setAttribute("transform", `translate(${tenth(x)} ${tenth(y)})`);
    }
  }

  /**
   * Where a rule without gradients asked: at this step, and faintly before it.
   * @param {Run} run
   * @param {Line} line
   * @param {number} at
   * @param {Mapping} map
   */
  drawCloud({ cloud, cloud_step: steps }, line, at, map) {
    if (!cloud || !steps) {
      for (const part of [line.before, line.cloud]) part.setAttribute("d", ""); // another optimizer had this number
      return;
    }
    /** @param {number} from @param {number} to */
    const dots = (from, to) => {
      let d = "";
      for (let i = from; i < to; i++) {
        const x = map.ax + map.bx * cloud[2 * i];
        const y = map.ay + map.by * cloud[2 * i + 1];
        if (this.isInside(x, y)) d += `M${tenth(x)} ${tenth(y)}h0`;
      }
      return d;
    };
    let to = steps.length;
    while (to > 0 && steps[to - 1] > at) to--;
    let from = to;
    while (from > 0 && steps[from - 1] === at) from--;
    line.before.setAttribute("d", dots(Math.max(0, from - MOST_DOTS), from));
    line.cloud.setAttribute("d", dots(from, to));
  }

  /**
   * Where the next gradient is taken, and the way there.
   * @param {Run} run
   * @param {Line} line
   * @param {number} at
   * @param {Place} place
   * @param {Mapping} map
   */
  drawLook(run, line, at, [x, y], map) {
    if (!run.look) {
      line.look.setAttribute("d", "");
      return;
    }
    const [u, w] = [map.ax + map.bx * run.look[2 * at], map.ay + map.by * run.look[2 * at + 1]];
    const near = [x, y, u, w].every((value) => Math.abs(value) < 1e5);
    line.look.setAttribute("d", near ? `M${tenth(x)} ${tenth(y)}L${tenth(u)} ${tenth(w)}m-4 0l4 -4l4 4l-4 4z` : "");
  }

  /**
   * The heights drawn below; without fills there is no colour bar.
   * @param {Ground} ground
   */
  setGround(ground) {
    this.ground = ground;
    this.drawGround();
  }

  drawGround() {
    if (!this.ground || !this.map) return;
    const { grid, rows, scale, fills } = this.ground;
    drawLabels(this.labels, placeLabels(grid, rows, scale, this.map, this.named));
    if (fills) drawBar(this.bar, scale, fills, this.map);
    else this.bar.replaceChildren();
  }

  /** @param {Landmarks} surface */
  setSurface(surface) {
    const old = this.surface;
    if (
      old &&
      old.labels === surface.labels &&
      sameSpots(old.minima, surface.minima) &&
      sameSpots(old.saddles, surface.saddles)
    )
      return;
    this.surface = surface;
    this.drawLandmarks();
  }

  drawLandmarks() {
    if (!this.surface || !this.map) return;
    const { ax, bx, ay, by } = this.map;
    /** @type {SVGElement[]} */
    const signs = [];
    /** @param {Spot[]} spots @param {string} d @param {string} name */
    const add = (spots, d, name) => {
      for (const [x, y] of spots) {
        const [px, py] = [ax + bx * x, ay + by * y];
        if (!(Math.abs(px) < 1e5 && Math.abs(py) < 1e5)) continue;
        const transform = `translate(${tenth(px)} ${tenth(py)})`;
        signs.push(svg("path", { d, transform, class: "rv-sign-halo" }), svg("path", { d, transform, class: name }));
      }
    };
    add(this.surface.saddles, "M-5 -5L5 5M-5 5L5 -5", "rv-saddle");
    add(
      this.surface.minima,
      "M0 -7L1.7 -2.3L6.7 -2.2L2.7 0.9L4.1 5.7L0 2.9L-4.1 5.7L-2.7 0.9L-6.7 -2.2L-1.7 -2.3Z",
      "rv-minimum",
    );
    this.landmarks.replaceChildren(...signs);
    const named = this.surface.labels ? placeNames(this.surface.minima, this.surface.saddles, this.map) : [];
    if (!named.length && !this.named.length) return;
    this.named = named;
    drawNames(this.names, named);
    this.drawGround(); // the levels' labels keep clear of them
  }

  /**
   * The server's start; a start that is being dragged stays under the hand.
   * @param {Place} point
   */
  setStart(point) {
    if (this.dragging) return;
    this.point = point;
    this.placeStart();
  }

  placeStart() {
    if (!this.map || !this.point) return;
    const { ax, bx, ay, by } = this.map;
    this.start.setAttribute(
      "transform",
      `translate(${tenth(ax + bx * this.point[0])} ${tenth(ay + by * this.point[1])})`,
    );
  }
}
