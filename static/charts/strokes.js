// How curves look: lines, the bands around them, circles and crosses on them.

/** @import { Context, Scale, Theme } from "../shared/types.js" */
/** @import { Curve, Part, Plot, Points } from "./types.js" */

const TOLERANCE = 0.35; // pixels that a strong line may pass beside its points
const MANY = 6000; // strokes wider than a device pixel cost 20 times as much: beyond so many, none are

/**
 * Adds the line to the path; returns its corners.
 * @param {Pick<Context, "moveTo" | "lineTo">} context
 * @param {Points} points
 * @param {Scale} yScale
 * @param {boolean} thin leaves out points that lie on the line through their neighbours
 */
export function trace(context, { n, px, y }, yScale, thin) {
  if (!n) return 0;
  const { log, offset, factor, low, high } = yScale;
  // Far outside the picture one place is as good as another.
  const [top, bottom] = [yScale.px(high) - 4000, yScale.px(low) + 4000];
  /** @param {number} k */
  const place = (k) => {
    const value = y[k];
    const py = log ? (value > 0 ? yScale.px(value) : bottom) : offset + value * factor;
    return py < top ? top : py > bottom ? bottom : py;
  };
  let corners = 1;
  let [fromX, fromY] = [px[0], place(0)];
  context.moveTo(fromX, fromY);
  if (!thin) {
    for (let k = 1; k < n; k++) context.lineTo(px[k], place(k));
    return n;
  }
  let [least, most] = [-Infinity, Infinity];
  let [lastX, lastY] = [fromX, fromY];
  for (let k = 1; k < n; k++) {
    const [nextX, nextY] = [px[k], place(k)];
    let run = nextX - fromX;
    if (run < 1e-3) run = 1e-3;
    const slope = (nextY - fromY) / run;
    if (slope < least || slope > most) {
      context.lineTo(lastX, lastY);
      corners++;
      [fromX, fromY] = [lastX, lastY];
      run = Math.max(nextX - fromX, 1e-3);
      [least, most] = [-Infinity, Infinity];
    }
    least = Math.max(least, (nextY - TOLERANCE - fromY) / run);
    most = Math.min(most, (nextY + TOLERANCE - fromY) / run);
    [lastX, lastY] = [nextX, nextY];
  }
  context.lineTo(lastX, lastY);
  return corners + 1;
}

/** @param {Context} context @param {Curve} curve @param {[Points, Points]} band @param {Plot} plot */
export function paintBand(context, curve, [low, high], { yScale }) {
  const [top, bottom] = [yScale.px(yScale.high) - 4000, yScale.px(yScale.low) + 20];
  /** @param {number} value */
  const place = (value) => (yScale.log && !(value > 0) ? bottom : Math.max(top, yScale.px(value)));
  context.globalAlpha = 0.16;
  context.fillStyle = curve.colour;
  context.beginPath();
  for (let k = 0; k < high.n; k++) context.lineTo(high.px[k], place(high.y[k]));
  for (let k = low.n - 1; k >= 0; k--) context.lineTo(low.px[k], place(low.y[k]));
  context.fill();
  context.globalAlpha = 1;
}

/**
 * What strong lines are the averages of, faint; the fainter the more curves there are.
 * @param {Context} context
 * @param {Part[]} parts
 * @param {Plot} plot
 */
export function paintRaw(context, parts, { inner, ratio, yScale }) {
  context.globalAlpha = Math.min(0.32, Math.max(0.1, 4 / parts.length));
  for (const { curve, raw } of parts) {
    if (!raw) continue;
    context.lineWidth = raw.n > inner.width / 2 ? 1 / ratio : 1;
    context.strokeStyle = curve.colour;
    context.beginPath();
    trace(context, raw, yScale, false);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/**
 * A curve's line; as many `corners` as are drawn with it say how wide it may be where `width` does not.
 * @param {Context} context
 * @param {Part} part
 * @param {Plot} plot
 * @param {number} corners
 */
export function paintLine(context, { curve, line, from, to }, { yScale, inner, ratio }, corners, width = 0) {
  if (curve.crossed) return;
  context.strokeStyle = context.fillStyle = curve.colour;
  context.lineWidth = width || (curve.validation ? 1 : corners > MANY && !curve.raw ? 1 / ratio : 1.8);
  context.globalAlpha = curve.validation ? 0.6 : 1;
  context.setLineDash(curve.dash && !curve.validation ? curve.dash.split(" ").map(Number) : []);
  context.beginPath();
  trace(context, line, yScale, true);
  context.stroke();
  context.setLineDash([]);
  if (curve.validation) paintCircles(context, line, yScale);
  context.globalAlpha = 1;
  const few = to - from <= Math.min(60, inner.width / 9);
  if (curve.validation || !(to - from === 1 || (curve.perEpoch && few))) return;
  context.beginPath();
  for (let k = 0; k < line.n; k++) {
    const y = yScale.px(line.y[k]);
    context.moveTo(line.px[k] + 2.3, y);
    context.arc(line.px[k], y, 2.3, 0, 7);
  }
  context.fill();
}

/**
 * Hollow circles on a line, not nearer to each other than they can be told apart.
 * @param {Context} context
 * @param {Points} line
 * @param {Scale} yScale
 */
function paintCircles(context, line, yScale) {
  context.lineWidth = 1;
  context.beginPath();
  let free = -Infinity;
  for (let k = 0; k < line.n; k++) {
    const y = yScale.px(line.y[k]);
    if (line.px[k] < free || !Number.isFinite(y)) continue;
    context.moveTo(line.px[k] + 2.4, y);
    context.arc(line.px[k], y, 2.4, 0, 7);
    free = line.px[k] + 14;
  }
  context.stroke();
}

/**
 * A small cross where a run diverged, and at every point that stands for runs that did.
 * @param {Context} context
 * @param {Part} part
 * @param {Plot} plot
 * @param {Theme} theme
 */
export function paintEnd(context, { curve, to }, { xScale, yScale, inner, right }, theme) {
  for (let i = 0; curve.crossed && i < curve.count; i++)
    paintCross(context, xScale.px(curve.x[i]), yScale.px(curve.line[i]), curve.colour, theme);
  if (!curve.ended || curve.validation || to !== curve.finite || !curve.finite) return;
  const x = xScale.px(curve.x[curve.finite - 1]);
  const y = Math.max(inner.top + 3, yScale.px(curve.line[curve.finite - 1]));
  if (x >= inner.left - 1 && x <= right + 1 && Number.isFinite(y)) paintCross(context, x, y, curve.colour, theme);
}

/** @param {Context} context @param {number} x @param {number} y @param {string} colour @param {Theme} theme */
function paintCross(context, x, y, colour, theme) {
  for (const [stroke, width] of /** @type {[string, number][]} */ ([
    [theme.background, 4.6],
    [colour, 2.2],
  ])) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x - 4, y - 4);
    context.lineTo(x + 4, y + 4);
    context.moveTo(x - 4, y + 4);
    context.lineTo(x + 4, y - 4);
    context.stroke();
  }
}

/**
 * A dot on a recorded point.
 * @param {Context} context
 * @param {Curve} curve
 * @param {number} at
 * @param {Plot} plot
 * @param {Theme} theme
 */
export function paintDot(context, curve, at, { xScale, yScale }, theme) {
  const [x, y] = [xScale.px(curve.x[at]), yScale.px(curve.line[at])];
  if (!Number.isFinite(y)) return;
  context.beginPath();
  context.arc(x, y, 3, 0, 7);
  context.fillStyle = curve.colour;
  context.fill();
  context.strokeStyle = theme.background;
  context.lineWidth = 1.2;
  context.stroke();
}
