// Buttons of toolbars: a plain one, one that stays pressed, a row of which one is pressed, and a link to what is seen.

import { h, setText } from "./dom.js";

/** @import { Attributes } from "./types.js" */

/**
 * @param {string} text
 * @param {string | null} title
 * @param {(event: MouseEvent) => void} onclick
 * @param {Attributes} [attributes]
 */
export const plainButton = (text, title, onclick, attributes = {}) =>
  h("button", { type: "button", class: "rv-choice", title, onclick, ...attributes }, text);

/** @param {string} text @param {string} title @param {(on: boolean) => void} turn */
export function toggle(text, title, turn) {
  const node = plainButton(text, title, () => turn(node.getAttribute("aria-pressed") !== "true"));
  return { node, show: (/** @type {boolean} */ on) => node.setAttribute("aria-pressed", String(on)) };
}

/**
 * A row of buttons of which one is pressed.
 * @template {string} V
 * @param {string} label
 * @param {[V, string][]} options
 * @param {(value: V) => void} choose
 */
export function choices(label, options, choose) {
  const buttons = options.map(([value, text]) => plainButton(text, null, () => choose(value), { "data-value": value }));
  return {
    node: h("div", { class: "rv-choices", role: "group", "aria-label": label }, ...buttons),
    /** @param {V} value */
    show: (value) =>
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.value === value))),
  };
}

/**
 * Copies the address of this very view, and says for a while whether that went.
 * @param {string} title
 * @param {Attributes} [attributes]
 */
export function linkButton(title, attributes = {}) {
  const label = "Copy link";
  let timer = 0;
  const copy = async () => {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(window.location.href);
    } catch {
      said = "Copy the address bar"; // the clipboard is closed to pages that are not served securely
    }
    setText(node, said);
    clearTimeout(timer);
    timer = window.setTimeout(() => setText(node, label), 2000);
  };
  const node = plainButton(label, title, copy, attributes);
  return node;
}
