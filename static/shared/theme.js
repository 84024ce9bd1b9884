// Colours of the pictures, from the theme variables that Streamlit gives its components.

import { pen } from "./dom.js";
import { oklch } from "./oklch.js";

/** @import { Theme } from "./types.js" */
/** @typedef {number[]} Colour lightness, chroma and hue */

/** @param {string} text */
function rgb(text) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = pen(canvas, { willReadFrequently: true });
  context.fillStyle = "#ffffff";
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// Even steps of OKLab lightness, little chroma: low ground is nearest to the page, so that paths stand out where they
// end; heights move away from it.
const LIGHT = { from: [0.985, 0.012, 85], to: [0.86, 0.042, 245] };
const DARK = { from: [0.2, 0.012, 270], to: [0.38, 0.04, 220] };
// The same for points and lines, which have the page around them.
const STRONG_LIGHT = { from: [0.84, 0.075, 180], to: [0.38, 0.1, 280] };
const STRONG_DARK = { from: [0.42, 0.1, 285], to: [0.86, 0.08, 175] };

/**
 * @param {{from: Colour, to: Colour}} ends
 * @returns {[number, string][]}
 */
function colourScale({ from, to }) {
  /** @type {[number, string][]} */
  const scale = [];
  /** @param {Colour} colour */
  const cartesian = ([l, c, hue]) => [l, c * Math.cos((hue * Math.PI) / 180), c * Math.sin((hue * Math.PI) / 180)];
  const [start, end] = [cartesian(from), cartesian(to)];
  for (let i = 0; i <= 8; i++) {
    const [l, a, b] = start.map((v, k) => v + ((end[k] - v) * i) / 8);
    scale.push([i / 8, `rgb(${oklch(l, Math.hypot(a, b), (Math.atan2(b, a) * 180) / Math.PI).join(",")})`]);
  }
  return scale;
}

/**
 * The colours of heights, from the lowest to the highest.
 * @param {boolean} dark
 */
export function heightColours(dark) {
  return colourScale(dark ? DARK : LIGHT);
}

/**
 * What the pictures need of the theme; `before` itself where nothing of it has changed.
 * @param {Element} node
 * @param {Theme | null} [before]
 * @returns {Theme}
 */
export function readTheme(node, before) {
  const style = getComputedStyle(node);
  /** @param {string} name @param {string} fallback */
  const read = (name, fallback) => style.getPropertyValue(`--st-${name}`).trim() || fallback;
  const background = read("background-color", "#ffffff");
  const text = read("text-color", "#31333f");
  const font = read("font", "sans-serif");
  const signature = [background, text, font].join("|");
  if (before?.signature === signature) return before;
  const page = rgb(background);
  const ink = rgb(text);
  const dark = 0.2126 * page[0] + 0.7152 * page[1] + 0.0722 * page[2] < 128;
  return {
    signature,
    dark,
    background,
    text,
    font,
    /** The text's colour thinned with the page's; opaque, because Plotly's WebGL knows no other. */
    mix: (share) => `rgb(${ink.map((c, i) => Math.round(c * share + page[i] * (1 - share))).join(",")})`,
    scale: heightColours(dark),
    strong: colourScale(dark ? STRONG_DARK : STRONG_LIGHT),
    line: dark ? "rgba(255,255,255,0.22)" : "rgba(40,60,80,0.30)",
  };
}
