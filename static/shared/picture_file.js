// Pictures as files: text in lines on a canvas, and what hands a file to the browser.

import { h } from "./dom.js";

/** @import { Context } from "./types.js" */

/**
 * The text in lines that are no wider than `width` as `context` writes it.
 * @param {Context} context
 * @param {string} text
 * @param {number} width
 */
export function wrapped(context, text, width) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(/\s+/)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/**
 * The name of a surface as part of a file's.
 * @param {string} name
 */
export const fileWord = (name) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");

/** @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const href = URL.createObjectURL(blob);
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

/** @param {HTMLCanvasElement} canvas @param {string} name */
export function saveCanvas(canvas, name) {
  canvas.toBlob((blob) => {
    if (blob) saveBlob(blob, name); // none where it is too large for a canvas
  });
}
