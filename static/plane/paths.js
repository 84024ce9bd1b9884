// The runs' paths: a line with a halo for each, up to the step shown or its last steps alone, and a marker there.

import { short, svg, tenth } from "../shared/dom.js";
import { cloudAt, lookAt } from "./asked.js";
import { isDrawable, pointOf } from "./mapping.js";
import { countUpTo, outline, shownStep, thin } from "./path.js";

/** @import { Thinned } from "./path.js" */
/** @import { Run } from "../shared/messages.js" */
/** @import { Mapping } from "../shared/types.js" */
/**
 * How a run is drawn: `points` and their outline `d`, up to `drawnStep`.
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

/** @returns {Line} */
const newLine = () => ({
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
});

export class Paths {
  constructor() {
    this.node = svg("g", { fill: "none", "stroke-linejoin": "round", "stroke-linecap": "round" });
    this.markers = svg("g");
    /** @type {Map<number, Line>} */
    this.lines = new Map();
    /** @type {Run[]} */
    this.runs = [];
    /** @type {number | null} */
    this.trail = null; // how many steps before the one shown are drawn; null: the whole path
  }

  /**
   * New runs.
   * @param {Run[]} runs
   * @param {(run: Run) => boolean} changed whether a run's numbers differ from those drawn before
   */
  setRuns(runs, changed) {
    this.runs = runs;
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
        this.lines.set(run.id, (line = newLine()));
        this.node.append(line.before, line.halo, line.whole, line.past, line.cloud, line.look);
        this.markers.append(line.marker);
      }
      for (const part of [line.before, line.cloud, line.look, line.whole, line.past])
        part.setAttribute("stroke", run.colour);
      for (const part of [line.halo, line.past]) {
        // Between dashes the line below is seen.
        part.setAttribute("stroke-dasharray", run.dash || "none");
        part.setAttribute("stroke-linecap", run.dash ? "butt" : "round");
      }
      line.marker.setAttribute("fill", run.colour);
      if (changed(run)) line.points = null;
    }
  }

  /** @param {number | null} trail */
  setTrail(trail) {
    this.trail = trail;
    for (const line of this.lines.values()) {
      line.drawnStep = null;
      line.halo.setAttribute("d", line.d);
    }
  }

  /** All pixels are others now. */
  forget() {
    for (const line of this.lines.values()) line.points = null;
  }

  /** @param {Mapping} map @param {number | null} step */
  draw(map, step) {
    for (const run of this.runs) {
      const line = this.lines.get(run.id);
      if (!line) continue;
      const points = line.points ?? this.thinRun(run, line, map);
      const at = shownStep(run.path, step);
      if (line.drawnStep === at) continue;
      line.drawnStep = at;
      const place = pointOf(map, run.path, at);
      const [x, y] = place.map(tenth);
      if (this.trail !== null) {
        const d = this.tailOutline(run, points, at, this.trail, map);
        for (const part of [line.past, line.halo]) part.setAttribute("d", d);
        line.whole.setAttribute("d", "");
      } else if (at === shownStep(run.path, null)) {
        line.past.setAttribute("d", line.d);
        line.whole.setAttribute("d", "");
      } else {
        const upTo = countUpTo(points, at);
        line.past.setAttribute("d", outline(points, 0, upTo) + (upTo ? `L${x} ${y}` : ""));
        line.whole.setAttribute("d", line.d);
      }
      const { before, now } = cloudAt(run, at, map);
      line.before.setAttribute("d", before);
      line.cloud.setAttribute("d", now);
      line.look.setAttribute("d", lookAt(run, at, map));
      line.marker.setAttribute("visibility", isDrawable(place) ? "visible" : "hidden");
      if (isDrawable(place)) line.marker.setAttribute("transform", `translate(${x} ${y})`);
    }
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
    const place = (step) => pointOf(map, run.path, step).map(tenth).join(" ");
    const first = Math.max(0, at - trail);
    const [from, to] = [countUpTo(points, first), countUpTo(points, at)];
    const start = points.jump[from] === 1 ? "" : `M${place(first)}`;
    const between = outline(points, from, to);
    const end = to && points.step[to - 1] !== at ? `${start || between ? "L" : "M"}${place(at)}` : "";
    return start + (start ? between.replace("M", "L") : between) + end;
  }

  /**
   * The run, and its step, of which what is drawn lies nearest to a pixel; null where none is within `reach`.
   * @param {number} px
   * @param {number} py
   * @param {number | null} step
   * @param {number} reach
   */
  nearest(px, py, step, reach) {
    /** @type {{run: Run, step: number} | null} */
    let best = null;
    let least = reach * reach;
    for (const run of this.runs) {
      const points = this.lines.get(run.id)?.points;
      if (!points) continue;
      const at = shownStep(run.path, step);
      const [from, to] =
        this.trail === null ? [0, points.x.length] : [countUpTo(points, at - this.trail - 1), countUpTo(points, at)];
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
        if (distance >= least) continue;
        least = distance;
        best = { run, step: points.step[nearer] };
      }
    }
    return best;
  }

  /**
   * What a run is and holds near a pixel, in lines of text; null where there is none.
   * @param {number} px
   * @param {number} py
   * @param {number | null} shown
   * @param {number} reach
   */
  describe(px, py, shown, reach) {
    const found = this.nearest(px, py, shown, reach);
    if (!found) return null;
    const { run, step } = found;
    const at = `(${short(run.path[2 * step], 4)}, ${short(run.path[2 * step + 1], 4)})`;
    const lines = [run.name, `step ${step} ${at}`, `loss ${short(run.loss[step], 4)}`];
    if (run.slope && step < run.slope.length) lines.push(`|g| ${short(run.slope[step], 4)}`);
    return lines;
  }
}
