// The charts as one PNG picture: what they show and how above, then two abreast with their titles, the legend beneath.

import { h, pen } from "../shared/dom.js";
import { saveCanvas, wrapped } from "../shared/picture_file.js";

/** @import { LineChart } from "../charts/line_chart.js" */
/** @import { Theme } from "../shared/types.js" */
/** @import { LegendItem } from "./legend.js" */

const [SCALE, TITLE, GAP, EDGE, LINE] = [2, 24, 20, 16, 20];

/**
 * Draws charts and legend and hands the file to the browser.
 * @param {LineChart[]} charts
 * @param {LegendItem[]} items
 * @param {string[]} titles sentences
 * @param {Theme} theme
 * @param {() => void} done called when the charts are free again
 */
export function savePicture(charts, items, titles, theme, done) {
  const scene = charts[0]?.scene;
  if (!scene) return;
  const { width, height } = scene;
  const across = Math.min(2, charts.length);
  const down = Math.ceil(charts.length / across);
  const inner = across * width + (across - 1) * GAP;
  const shown = items.filter((item) => item.seen);
  const canvas = h("canvas");
  const context = pen(canvas);
  context.font = `12px ${theme.font}`;
  const texts = shown.map((item) => (item.seeds ? `${item.label} (mean ± sd, N = ${item.seeds})` : item.label));
  /** @type {[number, number][]} */
  const places = [];
  let [x, y] = [0, 0];
  texts.forEach((text, i) => {
    const wide = 26 + context.measureText(text).width + 18;
    if (x && x + wide > inner) [x, y] = [0, y + LINE];
    places[i] = [x, y];
    x += wide;
  });
  const lines = titles.flatMap((title) => wrapped(context, title, inner));
  const head = EDGE + (lines.length ? lines.length * LINE + GAP / 2 : 0);
  const foot = head + down * (height + TITLE + GAP);
  canvas.width = SCALE * (inner + 2 * EDGE);
  canvas.height = SCALE * (foot + y + LINE + EDGE);
  context.scale(SCALE, SCALE);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = `12px ${theme.font}`;
  context.fillStyle = theme.mix(0.78);
  lines.forEach((line, i) => context.fillText(line, EDGE, EDGE + i * LINE + 12));
  charts.forEach((chart, i) => {
    const part = h("canvas", { width: SCALE * width, height: SCALE * height });
    const own = pen(part);
    own.scale(SCALE, SCALE);
    if (chart.scene) chart.paint(chart.scene, own, SCALE);
    const [left, top] = [EDGE + (i % across) * (width + GAP), head + Math.floor(i / across) * (height + TITLE + GAP)];
    context.font = `600 13px ${theme.font}`;
    context.fillStyle = theme.text;
    context.fillText(chart.title, left, top + 14);
    context.drawImage(part, left, top + TITLE, width, height);
  });
  context.font = `12px ${theme.font}`;
  context.textBaseline = "middle";
  shown.forEach((item, i) => {
    const [left, top] = [EDGE + places[i][0], foot + places[i][1] + LINE / 2];
    context.strokeStyle = item.colour;
    context.lineWidth = 3;
    context.setLineDash(item.dash ? item.dash.split(" ").map(Number) : []);
    context.beginPath();
    context.moveTo(left, top);
    context.lineTo(left + 20, top);
    context.stroke();
    context.fillStyle = theme.text;
    context.fillText(texts[i], left + 26, top);
  });
  done();
  saveCanvas(canvas, "ravine-curves.png");
}
