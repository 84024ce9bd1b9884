// The colours of maps: a hue for each minimum, darker the more steps; a ramp for numbers; one colour for each outcome.

import { oklch } from "../shared/oklch.js";
import {
  CHROMA,
  DIVERGED,
  FAST,
  FIRST_HUE,
  GOLDEN,
  GREY,
  LEVELS,
  LISTED,
  LOCAL_MINIMUM,
  OTHER_CHROMA,
  OTHER_HUE,
  OUTCOMES,
  RAMP,
  SAMPLE,
  SLOW,
} from "./constants.js";

/** @import { BasinArrays } from "../shared/messages.js" */
/** @import { Numbers } from "../shared/types.js" */
/** @typedef {number[]} Colour three bytes of sRGB */
/** @typedef {{low: number, high: number, log: boolean}} ColourScale */

/** @param {string} text */
function hex(text) {
  return [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16));
}

const STOPS = RAMP.map(hex);
export const OUTCOME_COLOURS = OUTCOMES.map(({ colour }) => hex(colour));

/** @param {Colour} colour */
export const css = (colour) => `rgb(${colour.join(",")})`;

/**
 * The colour of a label where a share of the steps (0 few, 1 all) was made; null where the hatch shows.
 * @param {number} label
 * @param {number} share
 */
export function labelColour(label, share) {
  const lightness = FAST + (SLOW - FAST) * share;
  if (label < LISTED) return oklch(lightness, CHROMA, FIRST_HUE + GOLDEN * label);
  if (label === LISTED + DIVERGED) return null;
  return label === LISTED + LOCAL_MINIMUM ? oklch(lightness, OTHER_CHROMA, OTHER_HUE) : GREY;
}

/**
 * How dark so many steps are, of at most `most`: 0 to LEVELS - 1, by decades.
 * @param {number} steps
 * @param {number} most
 */
export function stepLevel(steps, most) {
  return Math.round(((LEVELS - 1) * Math.log1p(Math.min(steps, most))) / Math.log1p(most));
}

/**
 * The ramp at a share from 0 to 1.
 * @param {number} share
 */
export function rampColour(share) {
  const at = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(at));
  return STOPS[i].map((channel, k) => Math.round(channel + (STOPS[i + 1][k] - channel) * (at - i)));
}

/** @param {Colour | null} colour */
const word = (colour) => (colour ? ((255 << 24) | (colour[2] << 16) | (colour[1] << 8) | colour[0]) >>> 0 : 0);
/** @type {Map<number, Uint32Array>} */
const shades = new Map(); // label -> a word for each level
const ramp = Uint32Array.from({ length: LEVELS }, (_, i) => word(rampColour(i / (LEVELS - 1))));

/**
 * A picture's pixels for starts, the lowest row last.
 * @param {BasinArrays} arrays
 * @param {number} nx
 * @param {number} ny
 * @param {number} steps
 */
export function basinPixels({ label, shade }, nx, ny, steps) {
  const level = Uint8Array.from({ length: steps + 1 }, (_, made) => stepLevel(made, steps));
  const pixels = new Uint32Array(nx * ny);
  for (let row = 0; row < ny; row++) {
    for (let i = row * nx, to = (ny - 1 - row) * nx; i < (row + 1) * nx; i++, to++) {
      let table = shades.get(label[i]);
      if (!table)
        shades.set(
          label[i],
          (table = Uint32Array.from({ length: LEVELS }, (_, k) => word(labelColour(label[i], k / (LEVELS - 1))))),
        );
      pixels[to] = table[level[Math.min(shade[i], steps)]];
    }
  }
  return pixels;
}

/**
 * So for hyperparameters.
 * @param {Numbers} values
 * @param {Numbers} outcome
 * @param {number} nx
 * @param {number} ny
 * @param {ColourScale | null} scale null where the outcome is shown
 */
export function planePixels(values, outcome, nx, ny, scale) {
  const pixels = new Uint32Array(nx * ny);
  const grey = word(GREY);
  const outcomes = OUTCOME_COLOURS.map((colour, k) => (k === DIVERGED ? 0 : word(colour)));
  for (let row = 0; row < ny; row++) {
    for (let i = row * nx, to = (ny - 1 - row) * nx; i < (row + 1) * nx; i++, to++) {
      if (outcome[i] === DIVERGED) continue;
      pixels[to] = !scale
        ? outcomes[outcome[i]]
        : Number.isFinite(values[i])
          ? ramp[Math.round((LEVELS - 1) * scaleShare(values[i], scale))]
          : grey;
    }
  }
  return pixels;
}

/**
 * Where a value lies on a scale, from 0 to 1.
 * @param {number} value
 * @param {ColourScale} scale
 */
export function scaleShare(value, { low, high, log }) {
  const share = log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
  return Math.min(1, Math.max(0, share));
}

/**
 * One scale for the values of all maps; whole decades where it is logarithmic, ending with that of `most`.
 * @param {string} name
 * @param {Numbers[]} all
 * @returns {ColourScale | null}
 */
export function commonScale(name, all, most = Infinity) {
  if (name === "outcome") return null;
  if (name === "share") return { low: 0, high: 1, log: false };
  const limit = Math.max(Math.min(most, Number.MAX_VALUE), 1e-30);
  const known = [];
  for (const values of all) {
    const stride = name === "steps" ? 1 : Math.max(1, Math.floor(values.length / SAMPLE) | 1);
    for (let i = 0; i < values.length; i += stride) if (values[i] > 0 && values[i] <= limit) known.push(values[i]);
  }
  const ordered = Float64Array.from(known).sort();
  if (!ordered.length) return { low: 0.1, high: 1, log: true };
  /** @param {number} share */
  const at = (share) => ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))];
  if (name === "steps") return { low: at(0), high: Math.max(at(1), at(0) + 1), log: true };
  const low = Math.max(-30, Math.floor(Math.log10(at(0.02))));
  return { low: 10 ** low, high: 10 ** Math.max(low + 1, Math.ceil(Math.log10(at(0.98)) - 1e-9)), log: true };
}
