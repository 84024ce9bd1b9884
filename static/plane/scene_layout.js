// How Plotly lays out the surface in space: its axes, the camera, the minima by name.

import { onTop } from "./drape.js";
import { FEW_NAMES, minimumWords } from "./levels.js";

/** @import { Ground } from "./drape.js" */
/** @import { HeightScale } from "./heights.js" */
/** @import { Spot, Surface } from "../shared/messages.js" */
/** @import { Theme } from "../shared/types.js" */

const [EYE, CENTER] = [
  { x: -0.78, y: -1.1, z: 1.62 },
  { x: 0, y: 0, z: -0.16 },
];

/**
 * Where the camera stands at first: in an upright picture farther away, so that nothing is cut off at the sides.
 * @param {number} wide
 */
export function camera(wide) {
  const away = Math.max(1, 1 / wide);
  return { eye: { x: EYE.x * away, y: EYE.y * away, z: EYE.z * away }, center: { ...CENTER } };
}

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
 * @param {object} what
 * @param {Surface} what.surface
 * @param {HeightScale} what.scale
 * @param {number} what.rise how far paths lie above it
 * @param {Ground} what.ground
 * @param {Spot[]} what.minima that are named
 * @param {Theme} what.theme
 * @param {number} what.width
 * @param {number} what.height
 * @param {boolean} what.alone it is the only picture
 * @param {object | null} view where the hand has left the camera
 */
export function sceneLayout({ surface, scale, rise, ground, minima, theme, width, height, alone }, view) {
  const [x0, x1, y0, y1] = surface.window;
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
  return {
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
      annotations: minima.length <= FEW_NAMES ? minimaNames(minima, ground, scale, theme) : [],
      // Where the hand left it: Plotly mutates the camera it is given and forgets the second turn.
      camera: view ?? camera(width / height),
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
}
