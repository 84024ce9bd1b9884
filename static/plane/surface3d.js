// The surface in three dimensions with the paths on it, by Plotly's WebGL. It may be slow: it is drawn after the rest.

import { h, painted } from "../shared/dom.js";
import { onTop } from "./drape.js";
import { Lifted } from "./lifted.js";
import { RELIEFS, sampled } from "./relief.js";
import { camera, sceneLayout } from "./scene_layout.js";

/** @import { Ground } from "./drape.js" */
/** @import { HeightScale } from "./heights.js" */
/** @import { Pair, Run, Surface } from "../shared/messages.js" */
/** @import { Heights, Plotly, PlotlyGraph, Theme } from "../shared/types.js" */
/**
 * What is drawn. `start` has its height where there is one; `alone`: it is the only picture; `zoom`: how much larger it
 * is shown than drawn.
 * @typedef {object} Scene
 * @property {Heights} grid
 * @property {Surface} surface
 * @property {number} seq
 * @property {number} width
 * @property {number} height
 * @property {Pair} start
 * @property {number | null} startHeight
 * @property {HeightScale} scale
 * @property {Run[]} runs
 * @property {number} step
 * @property {keyof typeof RELIEFS} relief
 * @property {boolean} labels
 * @property {number | null} trail
 * @property {Theme} theme
 * @property {boolean} alone
 * @property {number} zoom
 */

const SLOW = 40; // milliseconds: a picture that took longer waits until the hand rests, unless it is the only one
const QUIET = 160; // milliseconds without anything new that count as rest
const COARSE = 100; // points a side of the drawn surface where there is no graphics card; with one, all of them
const MOST_POINTS = 76; // a side, where the surface is drawn as points

/** Whether WebGL is computed by the processor, which takes some ten times longer. */
function isSoftware() {
  const gl = document.createElement("canvas").getContext("webgl");
  if (!gl) return true;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}

/**
 * Plotly draws four points for each one on the screen unless told otherwise; what is shown enlarged needs more.
 * @param {boolean} software
 * @param {number} zoom
 */
function config(software, zoom) {
  const ratio = software ? Math.min(2, zoom) : Math.max(2, zoom * window.devicePixelRatio);
  return { displayModeBar: false, displaylogo: false, responsive: false, scrollZoom: true, plotGlPixelRatio: ratio };
}

export class Surface3d {
  /**
   * @param {Plotly} Plotly
   * @param {() => boolean} isBusy whether the hand is moving
   * @param {(scene: Scene) => void} onDrawn called after each picture
   */
  constructor(Plotly, isBusy, onDrawn) {
    this.Plotly = Plotly;
    this.isBusy = isBusy;
    this.onDrawn = onDrawn;
    this.asked = this.timer = 0;
    this.wide = 1;
    this.groundKey = this.reliefKey = "";
    /** @type {Ground} */
    this.ground = { x: [], y: [], z: [] };
    /** @type {object} */
    this.relief = {};
    this.lifted = new Lifted();
    /** @type {PlotlyGraph} */
    this.graph = h("div", { class: "rv-graph", "data-testid": "surface3d" });
    this.cost = 0;
    this.software = isSoftware();
    /** @type {Scene | null} */
    this.wanted = null;
    this.drawing = false;
  }

  /**
   * Asks for a picture of `scene`; the last one asked for is drawn.
   * @param {Scene} scene
   */
  request(scene) {
    this.wanted = scene;
    this.asked = performance.now();
    if (!this.drawing) this.schedule();
  }

  cancel() {
    this.wanted = null;
    clearTimeout(this.timer);
    this.timer = 0;
  }

  async schedule() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.drawing = true;
    try {
      await painted();
      while (this.wanted) {
        const scene = this.wanted;
        if (this.cost > SLOW && !scene.alone) {
          const rest = this.isBusy() ? QUIET : QUIET - (performance.now() - this.asked);
          if (rest > 0 && this.graph._fullLayout) {
            this.timer = window.setTimeout(() => !this.drawing && this.wanted && this.schedule(), rest);
            return;
          }
        }
        this.wanted = null;
        const before = performance.now();
        await this.draw(scene);
        await painted();
        this.cost = performance.now() - before;
        this.onDrawn(scene);
      }
    } finally {
      this.drawing = false;
    }
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { grid, scale, surface, relief, labels, step, start, startHeight, theme, width, height, alone, zoom } = scene;
    const runs = scene.runs.filter((run) => !run.elsewhere);
    this.wide = width / height;
    const rise = (scale.top - scale.bottom) * 0.008;
    const key = [grid.content, surface.log_heights, surface.f_star].join("|");
    if (key !== this.groundKey) {
      this.groundKey = key;
      this.ground = sampled(grid, scale, this.software ? COARSE : grid.x.length);
    }
    const reliefKey = [key, relief, theme.signature].join("|");
    if (reliefKey !== this.reliefKey) {
      this.reliefKey = reliefKey;
      const ground = relief === "points" ? sampled(grid, scale, MOST_POINTS) : this.ground;
      this.relief = RELIEFS[relief](ground, scale, theme);
    }
    const bed = { ground: this.ground, window: surface.window, bottom: scale.bottom, top: scale.top, rise };
    /** @type {object[]} */
    const lines = [];
    for (const { herd, colour } of runs) if (herd) lines.push(this.lifted.herdLine(herd, colour, scene, bed));
    for (const run of runs) lines.push(this.lifted.runLine(run, scene, bed));
    /** @type {{x: number[], y: number[], z: number[], colour: string[]}} */
    const spots = { x: [], y: [], z: [], colour: [] };
    const [x0, x1, y0, y1] = surface.window;
    /** @param {number} x @param {number} y */
    const isIn = (x, y) => x >= x0 && x <= x1 && y >= y0 && y <= y1;
    /** @param {number} x @param {number} y @param {number} z @param {string} colour */
    const mark = (x, y, z, colour) => {
      if (!isIn(x, y) || !Number.isFinite(z)) return;
      spots.x.push(x);
      spots.y.push(y);
      spots.z.push(onTop(this.ground, x, y, z) + 2 * rise);
      spots.colour.push(colour);
    };
    if (startHeight !== null) mark(start[0], start[1], scale.shown(startHeight), theme.text);
    for (const run of runs) {
      const at = Math.min(step, run.loss.length - 1);
      mark(run.path[2 * at], run.path[2 * at + 1], scale.shown(run.loss[at]), run.colour);
    }
    const markers = {
      type: "scatter3d",
      mode: "markers",
      x: spots.x,
      y: spots.y,
      z: spots.z,
      marker: { size: 5, color: spots.colour, line: { color: theme.background, width: 1 } },
      hoverinfo: "skip",
      showlegend: false,
    };
    const minima = labels ? surface.minima.filter(([x, y]) => isIn(x, y)) : [];
    const layout = sceneLayout(
      { surface, scale, rise, ground: this.ground, minima, theme, width, height, alone },
      this.graph._fullLayout?.scene?._scene?.getCamera() ?? null,
    );
    return this.Plotly.react(this.graph, [this.relief, ...lines, markers], layout, config(this.software, zoom));
  }

  resetCamera() {
    if (this.graph._fullLayout) {
      this.Plotly.relayout(this.graph, { "scene.camera": camera(this.wide) });
    }
  }

  destroy() {
    this.cancel();
    if (this.graph._fullLayout) this.Plotly.purge(this.graph);
  }
}
