// Curves whose points are all there from the first.

/** @import { Numbers, Theme } from "../shared/types.js" */
/** @typedef {{key: string, colour: string | null, x: Numbers, y: Numbers}} Known without a colour it has the text's */

/**
 * What a chart draws of them.
 * @template {Known} K
 * @param {K[]} curves
 * @param {Theme} theme
 */
export const knownCurves = (curves, theme) =>
  curves.map((curve) => ({
    ...curve,
    group: curve.key,
    colour: curve.colour ?? theme.mix(0.85),
    line: curve.y,
    count: curve.x.length,
    finite: curve.x.length,
    points: curve.x.length,
  }));
