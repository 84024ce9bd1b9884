// The contour plot: Plotly draws heights and axes, redrawn only when the grid, the theme or the size changes.

import { h } from "../shared/dom.js";

/** @import { HeightScale } from "./heights.js" */
/** @import { Surface } from "../shared/messages.js" */
/** @import { Heights, Mapping, Plotly, PlotlyGraph, Theme } from "../shared/types.js" */

const MARGIN = { l: 38, r: 48, t: 8, b: 26, pad: 0 };
const PANEL = { l: 30, r: 8, t: 6, b: 20, pad: 0 }; // without a colour bar
const CONFIG = { displayModeBar: false, displaylogo: false, scrollZoom: true, doubleClick: "reset", responsive: false };

export class Contour {
  /**
   * @param {Plotly} Plotly
   * @param {() => void} onView called whenever the mapping from data to pixels may have changed
   */
  constructor(Plotly, onView) {
    this.Plotly = Plotly;
    this.onView = onView;
    this.listening = false;
    /** @type {Float32Array[]} */
    this.rows = [];
    this.shownKey = "";
    /** @type {HeightScale | null} */
    this.shownScale = null;
    /** @type {PlotlyGraph} */
    this.graph = h("div", { class: "rv-graph", "data-testid": "contour" });
    this.drawn = "";
  }

  /**
   * Draws `grid`; returns false if nothing changed. `equal`: a unit of x is as long as one of y; `small`: one panel of
   * several.
   * @param {Heights} grid
   * @param {HeightScale} scale
   * @param {Surface} surface
   * @param {Theme} theme
   * @param {number} width
   * @param {number} height
   */
  draw(grid, scale, surface, theme, width, height, { equal = false, small = false } = {}) {
    const signature = [
      grid.content,
      surface.log_heights,
      surface.f_star,
      theme.signature,
      width,
      height,
      equal,
      small,
    ].join("|");
    if (signature === this.drawn) return false;
    this.drawn = signature;
    const [columns, rows] = [grid.x.length, grid.y.length];
    if (this.shownKey !== grid.content || this.shownScale !== scale) {
      const shown = surface.log_heights ? scale.transform(grid.z) : grid.z;
      this.rows = Array.from({ length: rows }, (_, i) => shown.subarray(i * columns, (i + 1) * columns));
      [this.shownKey, this.shownScale] = [grid.content, scale];
    }
    const [x0, x1, y0, y1] = surface.window;
    const axis = {
      showgrid: false,
      zeroline: false,
      ticks: "outside",
      ticklen: 3,
      tickcolor: theme.mix(0.35),
      tickfont: { size: 10, color: theme.mix(0.75) },
      nticks: small ? Math.max(3, Math.round(width / 50)) : 7,
      automargin: false,
    };
    const trace = {
      type: "contour",
      x: grid.x,
      y: grid.y,
      z: this.rows,
      zmin: scale.bottom,
      zmax: scale.top,
      zauto: false,
      autocontour: false,
      colorscale: theme.scale,
      hoverinfo: "skip",
      contours: {
        coloring: "fill",
        start: scale.levels[0],
        end: scale.levels.at(-1),
        size: scale.step,
        showlabels: false,
      },
      line: { width: 0.7, color: theme.line, smoothing: 0 },
      showscale: false,
    };
    const layout = {
      width,
      height,
      margin: small ? PANEL : MARGIN,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.font, color: theme.text },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "pan", // a finger scrolls the page
      hovermode: false,
      showlegend: false,
      uirevision: `${surface.name}|${surface.window}|${equal}`,
      xaxis: { ...axis, range: [x0, x1], ...(equal && { constrain: "domain" }) },
      yaxis: { ...axis, range: [y0, y1], ...(equal && { constrain: "domain", scaleanchor: "x", scaleratio: 1 }) },
    };
    this.Plotly.react(this.graph, [trace], layout, CONFIG);
    if (!this.listening) {
      this.listening = true;
      for (const name of ["plotly_relayouting", "plotly_relayout", "plotly_afterplot"]) {
        this.graph.on?.(name, () => this.onView());
      }
    }
    return true;
  }

  /**
   * Pixels of the graph for data; null before Plotly has laid it out.
   * @returns {Mapping | null}
   */
  mapping() {
    const { xaxis, yaxis } = this.graph._fullLayout ?? {};
    if (!xaxis?._length || !yaxis) return null;
    const bx = xaxis._length / (xaxis.range[1] - xaxis.range[0]);
    const by = yaxis._length / (yaxis.range[0] - yaxis.range[1]);
    return {
      ax: xaxis._offset - bx * xaxis.range[0],
      bx,
      ay: yaxis._offset - by * yaxis.range[1],
      by,
      left: xaxis._offset,
      top: yaxis._offset,
      width: xaxis._length,
      height: yaxis._length,
    };
  }

  /**
   * The height of a panel so wide in which a plane with `aspect` = height / width fills the plot area.
   * @param {number} width
   * @param {number} aspect
   */
  heightFor(width, aspect) {
    return (width - PANEL.l - PANEL.r) * aspect + PANEL.t + PANEL.b;
  }

  /** The fills of the bands as drawn, from the lowest to the highest. */
  fills() {
    /** @type {NodeListOf<SVGPathElement>} */
    const paths = this.graph.querySelectorAll(".contourbg path, .contourfill path");
    return [...paths].map((path) => path.style.fill);
  }

  /** @param {Surface} surface */
  reset(surface) {
    const [x0, x1, y0, y1] = surface.window;
    if (this.graph._fullLayout) this.Plotly.relayout(this.graph, { "xaxis.range": [x0, x1], "yaxis.range": [y0, y1] });
  }

  destroy() {
    if (this.graph._fullLayout) this.Plotly.purge(this.graph);
  }
}
