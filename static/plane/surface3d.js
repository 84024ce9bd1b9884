// The surface in three dimensions with the paths on it, by Plotly's WebGL. It may be slow: it is drawn after the rest.

import { h, painted } from "../shared/dom.js";
import { drape, onTop } from "./drape.js";
import { FEW_NAMES, minimumWords } from "./levels.js";

/** @import { Bed, Draped, Ground } from "./drape.js" */
/** @import { HeightScale } from "./heights.js" */
/** @import { Herd, Pair, Run, Spot, Surface } from "../shared/messages.js" */
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
const [EYE, CENTER] = [
  { x: -0.78, y: -1.1, z: 1.62 },
  { x: 0, y: 0, z: -0.16 },
];
const COARSE = 100; // points a side of the drawn surface where there is no graphics card; with one, all of them
const MOST_POINTS = 76; // a side, where the surface is drawn as points
const REACH = 1 / 120; // of the window: between points of a path farther apart than this it follows the ground
const HERD_REACH = 1 / 50;
const PLAIN = { hoverinfo: "skip", showlegend: false };

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
 * Where the camera stands at first: in an upright picture farther away, so that nothing is cut off at the sides.
 * @param {number} wide
 */
function camera(wide) {
  const away = Math.max(1, 1 / wide);
  return { eye: { x: EYE.x * away, y: EYE.y * away, z: EYE.z * away }, center: { ...CENTER } };
}

/**
 * Every n-th index below `count`, and the last.
 * @param {number} count
 * @param {number} stride
 */
function every(count, stride) {
  const chosen = [];
  for (let i = 0; i < count - 1; i += stride) chosen.push(i);
  chosen.push(count - 1);
  return chosen;
}

/** How the heights are drawn, by name: each gives one trace from the ground. */
const RELIEFS = {
  /** @param {Ground} ground @param {HeightScale} scale @param {Theme} theme */
  surface: (ground, scale, theme) => ({
    type: "surface",
    ...ground,
    cmin: scale.bottom,
    cmax: scale.top,
    colorscale: theme.scale,
    showscale: false,
    hoverinfo: "skip",
    lighting: { ambient: 0.72, diffuse: 0.5, specular: 0.08, roughness: 0.8, fresnel: 0.1 },
    lightposition: { x: -2000, y: 3000, z: 4000 },
  }),
  /** @param {Ground} ground @param {HeightScale} scale @param {Theme} theme */
  points(ground, scale, theme) {
    /** @type {{x: number[], y: number[], z: number[]}} */
    const { x, y, z } = { x: [], y: [], z: [] };
    ground.z.forEach((row, i) => {
      row.forEach((height, j) => {
        if (!Number.isFinite(height)) return;
        x.push(ground.x[j]);
        y.push(ground.y[i]);
        z.push(height);
      });
    });
    const marker = {
      size: 2.2,
      color: z,
      cmin: scale.bottom,
      cmax: scale.top,
      colorscale: theme.strong,
      line: { width: 0 },
    };
    return { type: "scatter3d", mode: "markers", x, y, z, marker, ...PLAIN };
  },
  /** @param {Ground} ground @param {HeightScale} scale @param {Theme} theme */
  lines: (ground, scale, theme) => ({
    type: "surface",
    ...ground,
    cmin: scale.bottom,
    cmax: scale.top,
    colorscale: theme.strong,
    showscale: false,
    hoverinfo: "skip",
    hidesurface: true,
    contours: {
      z: {
        show: true,
        start: scale.levels[0],
        end: scale.levels.at(-1),
        size: scale.step,
        usecolormap: true,
        width: 2,
      },
    },
  }),
};

/**
 * The minima by name; unlike text in WebGL these stand before the hills.
 * @param {Spot[]} minima
 * @param {Ground} ground
 * @param {HeightScale} scale
 * @param {Theme} theme
 */
function minimaNames(minima, ground, scale, theme) {
  return minima.map(([x, y, f]) => ({
    x,
    y,
    z: onTop(ground, x, y, scale.shown(f)),
    text: minimumWords(x, y, f),
    font: { size: 11, color: theme.text },
    bgcolor: theme.background,
    opacity: 0.85,
    borderpad: 1,
    arrowhead: 6,
    arrowsize: 0.6,
    arrowwidth: 1,
    arrowcolor: theme.text,
    ax: 0,
    ay: -22,
  }));
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
    /** @type {WeakMap<Float32Array, {ground: Ground, part: string, line: Draped}>} */
    this.kept = new WeakMap();
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
      this.ground = this.sampled(grid, scale, this.software ? COARSE : grid.x.length);
    }
    const reliefKey = [key, relief, theme.signature].join("|");
    if (reliefKey !== this.reliefKey) {
      this.reliefKey = reliefKey;
      const ground = relief === "points" ? this.sampled(grid, scale, MOST_POINTS) : this.ground;
      this.relief = RELIEFS[relief](ground, scale, theme);
    }
    const bed = { ground: this.ground, window: surface.window, bottom: scale.bottom, top: scale.top, rise };
    /** @type {object[]} */
    const lines = [];
    for (const { herd, colour } of runs) if (herd) lines.push(this.herdLine(herd, colour, scene, bed));
    for (const run of runs) {
      lines.push({
        type: "scatter3d",
        mode: "lines",
        ...this.lifted(run, scene, bed),
        line: { color: run.colour, width: 5, dash: run.dash ? "dash" : "solid" },
        ...PLAIN,
      });
    }
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
      ...PLAIN,
    };
    const minima = labels ? surface.minima.filter(([x, y]) => isIn(x, y)) : [];
    const axis = {
      showspikes: false,
      showbackground: false,
      gridcolor: theme.mix(0.15),
      zeroline: false,
      color: theme.mix(0.75),
      tickfont: { size: 10 },
      nticks: 5,
    };
    /** @param {string} text */
    const title = (text) => ({ text, font: { size: 11 } });
    const stride = Math.ceil(scale.levels.length / 5);
    const layout = {
      width,
      height,
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.font, color: theme.text },
      uirevision: "camera",
      showlegend: false,
      hovermode: false,
      scene: {
        uirevision: "camera",
        hovermode: false,
        // A finger on one of two stacked pictures scrolls the page; the one large picture it turns.
        dragmode: !alone && matchMedia("(pointer: coarse)").matches ? false : "turntable",
        aspectmode: "manual",
        aspectratio: { x: 1, y: 1, z: 0.55 },
        annotations: minima.length <= FEW_NAMES ? minimaNames(minima, this.ground, scale, theme) : [],
        // Where the hand left it: Plotly mutates the camera it is given and forgets the second turn.
        camera: this.graph._fullLayout?.scene?._scene?.getCamera() ?? camera(this.wide),
        xaxis: { ...axis, title: title("x"), range: [x0, x1] },
        yaxis: { ...axis, title: title("y"), range: [y0, y1] },
        zaxis: {
          ...axis,
          title: title(surface.log_heights ? "f (log)" : "f"),
          range: [scale.bottom, scale.top + rise],
          tickvals: scale.levels.filter((_, i) => i % stride === 0),
          ticktext: scale.labels.filter((_, i) => i % stride === 0),
        },
      },
    };
    return this.Plotly.react(this.graph, [this.relief, ...lines, markers], layout, config(this.software, zoom));
  }

  /**
   * The grid in shown heights, with about `most` points a side, or as many as there are.
   * @param {Heights} grid
   * @param {HeightScale} scale
   * @param {number} most
   * @returns {Ground}
   */
  sampled(grid, scale, most) {
    const [columns, rows] = [grid.x.length, grid.y.length];
    const stride = Math.ceil(Math.max(columns, rows) / most);
    const [across, down] = [every(columns, stride), every(rows, stride)];
    return {
      x: across.map((j) => grid.x[j]),
      y: down.map((i) => grid.y[i]),
      z: down.map((i) => across.map((j) => scale.shown(grid.z[i * columns + j]))),
    };
  }

  /**
   * The path on the ground, or its last steps, kept while the run's numbers and the heights are the same.
   * @param {Run} run
   * @param {Scene} scene
   * @param {Bed} bed
   */
  lifted(run, { scale, step, trail }, bed) {
    const last = run.loss.length - 1;
    const to = trail ? Math.min(step, last) : last;
    const from = trail ? Math.max(0, to - trail) : 0;
    return this.keep(run.path, `${from}|${to}`, () =>
      drape(run.path, from, to, (i) => scale.shown(run.loss[i]), { ...bed, reach: REACH }),
    );
  }

  /**
   * The paths from many starts, as one thin line with gaps.
   * @param {Herd} herd
   * @param {string} colour
   * @param {Scene} scene
   * @param {Bed} bed
   */
  herdLine({ path, points, every: each }, colour, { step, trail }, bed) {
    const to = trail ? Math.min(Math.floor(step / each), points - 1) : points - 1;
    const from = trail ? Math.max(0, to - Math.ceil(trail / each)) : 0;
    const line = this.keep(path, `${from}|${to}`, () => {
      /** @type {Draped} */
      const all = { x: [], y: [], z: [] };
      for (let at = 0; at < path.length; at += 2 * points) {
        drape(path.subarray(at, at + 2 * points), from, to, () => NaN, { ...bed, reach: HERD_REACH }, all);
      }
      return all;
    });
    return { type: "scatter3d", mode: "lines", ...line, line: { color: colour, width: 1.5 }, ...PLAIN };
  }

  /**
   * What `make` gives, kept for these numbers of a path while the ground and `part` are the same.
   * @param {Float32Array} numbers
   * @param {string} part
   * @param {() => Draped} make
   */
  keep(numbers, part, make) {
    const before = this.kept.get(numbers);
    if (before?.ground === this.ground && before.part === part) return before.line;
    const line = make();
    this.kept.set(numbers, { ground: this.ground, part, line });
    return line;
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
