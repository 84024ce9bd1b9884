// Heights of a surface as the pictures show them: as they are, or the logarithm above the lowest point.

import { short } from "../shared/dom.js";

/** @import { Numbers } from "../shared/types.js" */
/** @typedef {(value: number) => number} Real */
/** @typedef {ReturnType<typeof heightScale>} HeightScale */

/**
 * The levels and the transformed grid of one surface. `shown(height)` is what is drawn, `levels` are evenly spaced
 * in it, `labels` are the true heights at the levels.
 * @param {Numbers} z
 * @param {boolean} logarithmic
 * @param {number | null} fStar the lowest known height
 */
export function heightScale(z, logarithmic, fStar) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < z.length; i++) {
    const v = z[i];
    if (v < low) low = v;
    if (v > high && v !== Infinity) high = v;
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = [0, 1];
  const base = logarithmic ? Math.min(low, fStar ?? low) : 0;
  const floor = logarithmic ? chooseFloor(z, base) : 0;
  /** @type {Real} */
  const shown = logarithmic ? (height) => Math.log10(Math.max(0, height - base) + floor) : (height) => height;
  /** @type {Real} */
  const truth = logarithmic ? (value) => 10 ** value - floor + base : (value) => value;
  const [bottom, top] = [shown(low), shown(high)];
  const step = roundStep((top - bottom) / 13, logarithmic);
  /** @type {number[]} */
  const levels = [];
  for (let i = Math.floor(bottom / step) + 1; i * step < top && levels.length < 40; i++) levels.push(i * step);
  if (!levels.length) levels.push((bottom + top) / 2);
  const digits = labelDigits(levels.map(truth));
  return {
    bottom,
    top: top > bottom ? top : bottom + 1,
    step,
    levels,
    labels: levels.map((level) => short(truth(level), digits)),
    shown,
    /** @param {Numbers} values */
    transform(values) {
      const out = new Float32Array(values.length);
      for (let i = 0; i < values.length; i++) out[i] = shown(values[i]);
      return out;
    },
  };
}

/**
 * What is added before the logarithm, so that the lowest ground does not take most of the colours: a thousandth of the
 * median height above the base, or a tenth of the height below which a twentieth of the ground lies.
 * @param {Numbers} z
 * @param {number} base
 */
function chooseFloor(z, base) {
  const sample = [];
  const stride = Math.max(1, Math.floor(z.length / 2000));
  for (let i = 0; i < z.length; i += stride) {
    const above = z[i] - base;
    if (above > 0 && Number.isFinite(above)) sample.push(above);
  }
  if (!sample.length) return 1e-3;
  sample.sort((a, b) => a - b);
  return Math.max(sample[sample.length >> 1] * 1e-3, sample[Math.floor(sample.length / 20)] * 0.1, 1e-300);
}

/** @param {number} raw @param {boolean} logarithmic */
function roundStep(raw, logarithmic) {
  if (!(raw > 0)) return 1;
  if (logarithmic && raw < 1) return [1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 1].find((s) => s >= raw) ?? 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 2.5, 5].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
}

/**
 * Two digits where they tell neighbouring levels apart, more where they do not.
 * @param {number[]} heights
 */
function labelDigits(heights) {
  for (let digits = 2; digits < 6; digits++) {
    if (new Set(heights.map((v) => short(v, digits))).size === heights.length) return digits;
  }
  return 6;
}
