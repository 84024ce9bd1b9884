// The maps as one picture: titles, maps, sentences, legend, caption and address.

import { h, pen } from "../shared/dom.js";
import { fileWord, saveCanvas, wrapped } from "../shared/picture_file.js";
import { GREY } from "./constants.js";
import { css } from "./map_colours.js";
import { hatch } from "./marks.js";

/** @import { Legend } from "./legend.js" */
/** @import { MapCanvas } from "./map_canvas.js" */
/** @import { MapsMessage } from "../shared/messages.js" */
/** @import { Theme } from "../shared/types.js" */
/**
 * What is seen of the page.
 * @typedef {object} Seen
 * @property {MapsMessage} message
 * @property {Map<number, MapCanvas>} maps
 * @property {HTMLElement} grid in which they stand
 * @property {Legend} legend
 * @property {Theme} theme
 * @property {number} width
 */

/** @param {Seen} seen */
function compose({ message, maps, grid, legend, theme, width }) {
  const edge = 16;
  const boxes = message.maps.flatMap((entry) => {
    const map = maps.get(entry.id);
    return map ? [{ entry, map, box: map.node.getBoundingClientRect() }] : [];
  });
  const origin = grid.getBoundingClientRect();
  const measure = pen(h("canvas"));
  /** @param {string} text @param {string} font */
  const wrap = (text, font, most = width) => {
    measure.font = font;
    return wrapped(measure, text, most);
  };
  const small = `12px ${theme.font}`;
  const lines = wrap(message.caption, small);
  const tiny = `9px ${theme.font}`;
  // The link breaks between its fields.
  const link = wrap(window.location.href.replaceAll("&", "& "), tiny).map((line) => line.replaceAll("& ", "&"));
  const top = edge + 26;
  const legendTop = top + origin.height + 8;
  const height = legendTop + legend.node.offsetHeight + 16 + 16 * lines.length + 12 * link.length + 10 + edge;
  const ratio = Math.max(2, window.devicePixelRatio || 1);
  const canvas = h("canvas", {
    width: Math.round((width + 2 * edge) * ratio),
    height: Math.round(height * ratio),
  });
  const context = pen(canvas);
  context.scale(ratio, ratio);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width + 2 * edge, height);
  /** @param {string} text @param {number} x @param {number} y @param {string} font @param {string} colour */
  const write = (text, x, y, font, colour) => {
    context.font = font;
    context.fillStyle = colour;
    context.textBaseline = "middle";
    context.fillText(text, x, y);
  };
  write(message.surface, edge, edge + 8, `600 15px ${theme.font}`, theme.text);
  for (const { entry, map, box } of boxes) {
    const [x, y] = [edge + box.left - origin.left, top + box.top - origin.top];
    context.fillStyle = entry.colour;
    context.fillRect(x, y + 9, 14, 4);
    context.save();
    context.beginPath();
    context.rect(x, y, box.width, box.height);
    context.clip();
    write(entry.title, x + 21, y + 11, `600 13px ${theme.font}`, theme.text);
    if (map.shown) {
      context.imageSmoothingEnabled = false;
      const at = map.frame.getBoundingClientRect();
      context.drawImage(map.canvas, x, y + at.top - box.top, map.width, map.height);
    }
    const under = map.said.getBoundingClientRect();
    wrap("trouble" in entry ? entry.trouble : entry.sentence, small, box.width - 4).forEach((line, i) => {
      write(line, x, y + under.top - box.top + 9 + 16 * i, small, theme.mix(0.8));
    });
    context.restore();
  }
  const place = legend.node.getBoundingClientRect();
  const texts = `13px ${theme.font}`;
  [...legend.node.children].forEach((node, i) => {
    const item = legend.items[i];
    for (const part of node.children) {
      const at = part.getBoundingClientRect();
      const [x, y] = [edge + at.left - place.left, legendTop + at.top - place.top];
      if (part.tagName !== "I") write(part.textContent ?? "", x, y + at.height / 2, texts, theme.text);
      else {
        if ("ramp" in item) {
          const gradient = context.createLinearGradient(x, 0, x + at.width, 0);
          for (let k = 0; k <= 8; k++) gradient.addColorStop(k / 8, css(item.ramp(k / 8) ?? GREY));
          context.fillStyle = gradient;
        } else context.fillStyle = item.hatch ? hatch(context, ratio) : item.colour ? css(item.colour) : theme.text;
        context.fillRect(x, y, at.width, at.height);
      }
    }
  });
  let y = legendTop + legend.node.offsetHeight + 16;
  for (const line of lines) write(line, edge, (y += 16) - 8, small, theme.mix(0.75));
  for (const line of link) write(line, edge, (y += 12) + 2, tiny, theme.mix(0.6));
  return canvas;
}

/** @param {Seen} seen */
export function savePicture(seen) {
  saveCanvas(compose(seen), `ravine-${seen.message.kind}-${fileWord(seen.message.surface)}.png`);
}
