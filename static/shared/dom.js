// Small helpers for building elements: text goes in as text nodes only, never as markup.

/** @import { Attributes, Child, Swatch } from "./types.js" */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {Element} E
 * @param {E} node
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * An HTML element; attributes that start with "on" are listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function h(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/**
 * An SVG element, in the same way.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function svg(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * A number of pixels as an SVG says it.
 * @param {number} value
 */
export const tenth = (value) => Math.round(value * 10) / 10;

/**
 * A sign of lines, drawn in a square of 24.
 * @param {string} d
 * @param {number} size
 */
export const icon = (d, size) =>
  svg(
    "svg",
    { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "rv-icon" },
    svg("path", { d }),
  );

/**
 * What draws on a canvas; every browser that shows this page has it.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function pen(canvas, settings) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings));
}

/**
 * Where an event happened, in the pixels of the node itself, however large it is shown.
 * @param {HTMLElement} node
 * @param {MouseEvent} event
 */
export function placeIn(node, event) {
  const box = node.getBoundingClientRect();
  const ratio = box.width / node.offsetWidth;
  const scale = ratio > 1.01 || ratio < 0.99 ? ratio || 1 : 1; // offsetWidth is rounded
  return [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale];
}

/**
 * A sample of a run's line: its colour, its dash.
 * @param {HTMLElement} node
 * @param {Swatch} [line]
 */
export function paintSwatch(node, { colour, dash } = {}) {
  const [on, off] = (dash || "").split(" ").map(Number);
  node.style.background = !colour
    ? "transparent"
    : off
      ? `repeating-linear-gradient(90deg, ${colour} 0 ${on / 1.5}px, transparent ${on / 1.5}px ${(on + off) / 1.5}px)`
      : colour;
}

/**
 * A sample of this line, as legends have it.
 * @param {Swatch} line
 */
export function swatched(line) {
  const node = h("i", { class: "rv-swatch" });
  paintSwatch(node, line);
  return node;
}

/**
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Makes the children of `parent` these nodes in this order, moving only what is out of place.
 * @param {Element} parent
 * @param {Element[]} nodes
 */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
}

/**
 * Makes the children of `parent` paragraphs with these texts.
 * @param {HTMLElement} parent
 * @param {string[]} texts
 */
export function paragraphs(parent, texts) {
  while (parent.children.length > texts.length) parent.lastChild?.remove();
  texts.forEach((text, i) => {
    if (!parent.children[i]) parent.append(h("p", { class: "rv-caption" }));
    setText(parent.children[i], text);
  });
}

/**
 * The element inside `parent` that has the focus, or null.
 * @param {Element} parent
 */
export function focusedIn(parent) {
  const active = document.activeElement;
  return active instanceof HTMLElement && parent.contains(active) ? active : null;
}

/**
 * Gives the focus to the first of these that is there inside `parent`; returns it.
 * @param {Element} parent
 * @param {...string} selectors
 */
export function focus(parent, ...selectors) {
  const found = selectors.map((selector) => parent.querySelector(selector)).find((node) => node !== null);
  if (!(found instanceof HTMLElement)) return null;
  found.focus();
  return found;
}

/** Resolves after the browser has painted what is in the document now. */
export function painted() {
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const done = () => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
          channel.port1.close();
          resolve();
        };
        channel.port2.postMessage(0);
      };
      // A hidden tab is given no animation frames.
      if (document.hidden) setTimeout(done);
      else requestAnimationFrame(done);
    })
  );
}

/**
 * A number in few characters: 0.001, 20, 1.5e-8, 2e3 (powers from 1e4 and below 1e-3 on).
 * @param {number | null | undefined} value
 */
export function short(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e4 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${Number(mantissa)}e${Number(exponent)}`;
  }
  return String(Number(value.toPrecision(digits)));
}

/**
 * The lines of a linear axis: round values from low to high, about `count` of them.
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function roundTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0) || !Number.isFinite(raw)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
    if (ticks.length > 50) break;
  }
  return ticks;
}

/**
 * The lines of a logarithmic axis from 10**low to 10**high.
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function powerTicks(low, high, count) {
  const stride = Math.max(1, Math.ceil((high - low) / count));
  const ticks = [];
  for (let p = Math.ceil(low / stride) * stride; p <= high + 1e-9; p += stride) ticks.push(10 ** p);
  if (ticks.length >= 2) return ticks;
  const fine = [];
  for (let p = Math.floor(low); p <= Math.ceil(high); p++) {
    for (const m of [1, 2, 5]) {
      const value = m * 10 ** p;
      if (Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9) fine.push(value);
    }
  }
  return fine.length > 2 ? fine : roundTicks(10 ** low, 10 ** high, count);
}

/** @type {Map<string, Promise<unknown>>} */
const styles = new Map(); // path -> when it holds

/**
 * Adds ravine.css and these style sheets to the page, each once; resolves when they hold.
 * @param {...string} names paths as in this folder's parent
 */
export function loadStyles(...names) {
  return Promise.all(
    ["shared/ravine.css", ...names].map((name) => {
      if (!styles.has(name)) {
        const href = new URL(`../${name}`, import.meta.url).href;
        const loaded = new Promise((resolve) =>
          document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve })),
        );
        styles.set(name, loaded);
      }
      return styles.get(name);
    }),
  );
}
