// The heights in space, as a surface, as points or as lines: each gives one trace for Plotly.

/** @import { Ground } from "./drape.js" */
/** @import { HeightScale } from "./heights.js" */
/** @import { Heights, Theme } from "../shared/types.js" */

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

/**
 * The grid in shown heights, with about `most` points a side, or as many as there are.
 * @param {Heights} grid
 * @param {HeightScale} scale
 * @param {number} most
 * @returns {Ground}
 */
export function sampled(grid, scale, most) {
  const [columns, rows] = [grid.x.length, grid.y.length];
  const stride = Math.ceil(Math.max(columns, rows) / most);
  const [across, down] = [every(columns, stride), every(rows, stride)];
  return {
    x: across.map((j) => grid.x[j]),
    y: down.map((i) => grid.y[i]),
    z: down.map((i) => across.map((j) => scale.shown(grid.z[i * columns + j]))),
  };
}

/** How the heights are drawn, by name: each gives one trace from the ground. */
export const RELIEFS = {
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
    return { type: "scatter3d", mode: "markers", x, y, z, marker, hoverinfo: "skip", showlegend: false };
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
