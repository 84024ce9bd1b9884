// The surface in three dimensions with the paths on it, by Plotly's WebGL. It may be slow: it is drawn after the rest.

const v = new URL(import.meta.url).search;
const { h, painted } = await import(`./dom.js${v}`);

const SLOW = 40; // milliseconds: a picture that took longer waits until the hand rests, unless it is the only one
const QUIET = 160; // milliseconds without anything new that count as rest
const CAMERA = { eye: { x: -0.72, y: -1.02, z: 1.5 }, center: { x: 0, y: 0, z: -0.16 } };
const COARSE = 100; // points a side of the drawn surface where there is no graphics card; with one, all of them
const FINEST = 1 / 500; // of the window: points of a path nearer than this to the last one are left out

/** Whether WebGL is computed by the processor, which takes some ten times longer. */
function isSoftware() {
  const gl = document.createElement("canvas").getContext("webgl");
  if (!gl) return true;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}

/** Every n-th index below `count`, and the last. */
function every(count, stride) {
  const chosen = [];
  for (let i = 0; i < count - 1; i += stride) chosen.push(i);
  chosen.push(count - 1);
  return chosen;
}

/** Height of the surface as drawn, bilinear between its points; NaN outside and in holes. */
function drawnHeight({ x, y, z }, px, py) {
  const column = ((px - x[0]) / (x.at(-1) - x[0])) * (x.length - 1);
  const row = ((py - y[0]) / (y.at(-1) - y[0])) * (y.length - 1);
  const [j, i] = [Math.min(x.length - 2, Math.floor(column)), Math.min(y.length - 2, Math.floor(row))];
  if (!(i >= 0 && j >= 0)) return NaN;
  const [u, w] = [column - j, row - i];
  return (z[i][j] * (1 - u) + z[i][j + 1] * u) * (1 - w) + (z[i + 1][j] * (1 - u) + z[i + 1][j + 1] * u) * w;
}

function onTop(ground, px, py, pz) {
  const drawn = drawnHeight(ground, px, py);
  return drawn > pz ? drawn : pz;
}

/**
 * A path on the surface, thinned, in shown heights, with gaps where it is outside the window. Between its points the
 * surface as drawn may lie above the true one, in a narrow valley; the path then lies on the drawn one.
 */
function lift(run, surface, ground, scale, rise) {
  const [x0, x1, y0, y1] = surface.window;
  const [fx, fy, fz] = [1 / (x1 - x0), 1 / (y1 - y0), 1 / (scale.top - scale.bottom)];
  const [x, y, z] = [[], [], []];
  let [lx, ly, lz] = [Infinity, Infinity, Infinity];
  const count = run.loss.length;
  for (let i = 0; i < count; i++) {
    const [px, py] = [run.path[2 * i], run.path[2 * i + 1]];
    const pz = scale.shown(run.loss[i]);
    if (px < x0 || px > x1 || py < y0 || py > y1 || !Number.isFinite(pz) || pz > scale.top + 1 / fz) {
      if (x.length && x.at(-1) !== null) [x, y, z].forEach((list) => list.push(null));
      lx = Infinity;
      continue;
    }
    const apart = Math.abs(px - lx) * fx + Math.abs(py - ly) * fy + Math.abs(pz - lz) * fz;
    if (apart < FINEST && i < count - 1) continue;
    x.push(px);
    y.push(py);
    z.push(onTop(ground, px, py, pz) + rise);
    [lx, ly, lz] = [px, py, pz];
  }
  return { x, y, z };
}

export class Surface3d {
  /** `isBusy()` says whether the hand is moving; `onDrawn()` is called after each picture. */
  constructor(Plotly, isBusy, onDrawn) {
    Object.assign(this, { Plotly, isBusy, onDrawn });
    this.graph = h("div", { class: "rv-graph", "data-testid": "surface3d" });
    this.cost = 0;
    this.software = isSoftware();
    // Plotly draws four points for each one on the screen unless told otherwise.
    const ratio = this.software ? 1 : 2;
    this.config = { displayModeBar: false, displaylogo: false, responsive: false, scrollZoom: true, plotGlPixelRatio: ratio };
    this.wanted = null;
    this.drawing = false;
  }

  /** Asks for a picture of `scene`; the last one asked for is drawn. */
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
            this.timer = setTimeout(() => !this.drawing && this.wanted && this.schedule(), rest);
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

  draw({ grid, scale, surface, runs, step, start, startHeight, theme, width, height, alone }) {
    const rise = (scale.top - scale.bottom) * 0.008;
    const key = [grid.key, surface.log_heights, surface.f_star, theme.signature].join("|");
    if (key !== this.surfaceKey) {
      this.surfaceKey = key;
      const [columns, rows] = [grid.x.length, grid.y.length];
      const stride = this.software ? Math.ceil(Math.max(columns, rows) / COARSE) : 1;
      const [across, down] = [every(columns, stride), every(rows, stride)];
      this.ground = {
        type: "surface",
        x: across.map((j) => grid.x[j]),
        y: down.map((i) => grid.y[i]),
        z: down.map((i) => across.map((j) => scale.shown(grid.z[i * columns + j]))),
        cmin: scale.bottom,
        cmax: scale.top,
        colorscale: theme.scale,
        showscale: false,
        hoverinfo: "skip",
        lighting: { ambient: 0.72, diffuse: 0.5, specular: 0.08, roughness: 0.8, fresnel: 0.1 },
        lightposition: { x: -2000, y: 3000, z: 4000 },
      };
    }
    const lines = runs.map((run) => ({
      type: "scatter3d",
      mode: "lines",
      ...this.lifted(run, surface, scale, rise),
      line: { color: run.colour, width: 5, dash: run.dash ? "dash" : "solid" },
      hoverinfo: "skip",
      showlegend: false,
    }));
    const spots = { x: [], y: [], z: [], colour: [] };
    const [x0, x1, y0, y1] = surface.window;
    const mark = (x, y, z, colour) => {
      if (!(x >= x0 && x <= x1 && y >= y0 && y <= y1) || !Number.isFinite(z)) return;
      spots.x.push(x);
      spots.y.push(y);
      spots.z.push(onTop(this.ground, x, y, z) + rise);
      spots.colour.push(colour);
    };
    if (start && startHeight !== null) mark(start[0], start[1], scale.shown(startHeight), theme.text);
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
    const axis = {
      showspikes: false,
      showbackground: false,
      gridcolor: theme.mix(0.15),
      zeroline: false,
      color: theme.mix(0.75),
      tickfont: { size: 10 },
      title: { text: "" },
      nticks: 5,
    };
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
        // Where the hand left it: Plotly mutates the camera it is given and forgets the second turn.
        camera: this.graph._fullLayout?.scene?._scene?.getCamera() ?? structuredClone(CAMERA),
        xaxis: { ...axis, range: [x0, x1] },
        yaxis: { ...axis, range: [y0, y1] },
        zaxis: {
          ...axis,
          range: [scale.bottom, scale.top + rise],
          tickvals: scale.levels.filter((_, i) => i % stride === 0),
          ticktext: scale.labels.filter((_, i) => i % stride === 0),
        },
      },
    };
    return this.Plotly.react(this.graph, [this.ground, ...lines, markers], layout, this.config);
  }

  /** The lifted path, kept while the run's numbers and the heights are the same. */
  lifted(run, surface, scale, rise) {
    this.kept ??= new WeakMap();
    const before = this.kept.get(run.path);
    if (before?.ground === this.ground) return before.line;
    const line = lift(run, surface, this.ground, scale, rise);
    this.kept.set(run.path, { ground: this.ground, line });
    return line;
  }

  resetCamera() {
    if (this.graph._fullLayout) {
      this.Plotly.relayout(this.graph, { "scene.camera": structuredClone(CAMERA) });
    }
  }

  destroy() {
    this.cancel();
    if (this.graph._fullLayout) this.Plotly.purge(this.graph);
  }
}
