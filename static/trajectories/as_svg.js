// What the page shows, as SVG that needs neither its styles nor its fonts: pictures, curves and texts where they stand.

import { h, pen as penOf, svg } from "../shared/dom.js";

/** @import { Attributes, PlotlyGraph, PlotlyScene } from "../shared/types.js" */
/** @typedef {{x: number, y: number, width: number, height: number}} Frame */
/** @typedef {Record<string, string | number>} Looks styles by their CSS names: an element's computed ones, or made up */

const LEFT_OUT = "button, select, input, .rv-tip";
const XLINK = "http://www.w3.org/1999/xlink";
// What an SVG may say of an element's looks, with the value it has where nothing is said.
const LOOKS = {
  shape: {
    "fill-rule": "nonzero",
    "stroke-width": "1px",
    "stroke-dasharray": "none",
    "stroke-dashoffset": "0px",
    "stroke-linecap": "butt",
    "stroke-linejoin": "miter",
    "stroke-miterlimit": "4",
    "paint-order": "normal",
    "shape-rendering": "auto",
    "vector-effect": "none",
  },
  text: {
    "font-family": "",
    "font-size": "",
    "font-weight": "400",
    "font-style": "normal",
    "text-anchor": "start",
    "dominant-baseline": "auto",
    "letter-spacing": "normal",
  },
};
const STRIPPED = new Set([
  "class",
  "style",
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-opacity",
  "opacity",
  "visibility",
  ...Object.keys(LOOKS.shape),
  ...Object.keys(LOOKS.text),
]);
const TEXTS = new Set(["text", "tspan"]);
const SHAPES = new Set(["path", "line", "rect", "circle", "ellipse", "polyline", "polygon", ...TEXTS]);
/** @type {CanvasRenderingContext2D | null} */
let pen = null; // measures text

/**
 * A computed colour as every viewer knows it, and its opacity.
 * @param {string} value
 * @returns {[string, number]}
 */
export function paint(value) {
  if (!/^(rgb|color\(srgb )/.test(value)) return [value, 1];
  const [r, g, b, alpha = 1] = (value.match(/[\d.]+(e-?\d+)?/g) ?? []).map(Number);
  const full = value.startsWith("color") ? 255 : 1;
  return alpha ? [`rgb(${[r, g, b].map((c) => Math.min(255, Math.round(c * full))).join(",")})`, alpha] : ["none", 1];
}

/**
 * The computed looks of `node` as attributes of `copy`; returns whether there is anything to be seen.
 * @param {Element} node
 * @param {Element} copy
 */
function dress(node, copy) {
  const style = getComputedStyle(node);
  if (style.display === "none") return false;
  for (const { name } of [...copy.attributes]) {
    if (STRIPPED.has(name) || /^(data|aria)-/.test(name)) copy.removeAttribute(name);
  }
  if (style.opacity !== "1") copy.setAttribute("opacity", style.opacity);
  if (!SHAPES.has(node.localName))
    return copy.childElementCount > 0 || node.localName === "image" || node.localName === "use";
  if (style.visibility !== "visible" || (node.localName === "path" && !node.getAttribute("d"))) return false;
  let seen = false;
  for (const name of ["fill", "stroke"]) {
    const [colour, alpha] = paint(style.getPropertyValue(name));
    const opacity = alpha * Number(style.getPropertyValue(`${name}-opacity`));
    seen ||= colour !== "none" && opacity > 0;
    copy.setAttribute(name, colour);
    if (opacity < 1) copy.setAttribute(`${name}-opacity`, opacity.toFixed(3));
  }
  const looks = TEXTS.has(node.localName) ? { ...LOOKS.shape, ...LOOKS.text } : LOOKS.shape;
  for (const [name, usual] of Object.entries(looks)) {
    const value = style.getPropertyValue(name);
    if (value !== usual && !(name.startsWith("stroke") && style.stroke === "none")) copy.setAttribute(name, value);
  }
  return seen;
}

/**
 * A copy of an <svg> of the page in `frame`; its ids, unique in the page, stay: one picture may clip another's lines.
 * @param {Element} node
 * @param {Frame & {overflow: string, opacity: string}} frame
 */
function copySvg(node, frame) {
  const copy = /** @type {Element} */ (node.cloneNode(true));
  const [nodes, copies] = [node, copy].map((root) => [...root.querySelectorAll("*")]);
  // From the leaves up, so that groups that have become empty go too.
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (!nodes[i].closest("defs, clipPath, mask, pattern") && !dress(nodes[i], copies[i])) copies[i].remove();
  }
  for (const part of copy.querySelectorAll("*")) {
    part.removeAttribute("class");
    if (part instanceof SVGUseElement) part.setAttributeNS(XLINK, "xlink:href", part.href.baseVal);
    for (const attribute of part.attributes) {
      if (attribute.value.includes("url("))
        attribute.value = attribute.value.replace(/url\(["']?[^#)]*#([^"')]+)["']?\)/g, "url(#$1)");
    }
  }
  for (const { name } of [...copy.attributes])
    if (!["viewBox", "xmlns"].includes(name) && !name.startsWith("xmlns:")) copy.removeAttribute(name);
  for (const [name, value] of Object.entries(frame)) copy.setAttribute(name, String(value));
  return copy;
}

/** @param {Attributes} frame @param {string} address */
function image(frame, address) {
  const node = svg("image", { ...frame, preserveAspectRatio: "none" });
  node.setAttributeNS(XLINK, "xlink:href", address);
  return node;
}

/**
 * For a canvas; computed styles leave their own shorthand empty where figures are tabular.
 * @param {Looks} looks
 */
export function fontOf(looks) {
  return `${looks["font-weight"]} ${looks["font-size"]} ${looks["font-family"]}`;
}

/**
 * The measures of `text` in `font`.
 * @param {string} text
 * @param {string} font
 */
export function measured(text, font) {
  pen ??= penOf(h("canvas"));
  pen.font = font;
  return pen.measureText(text);
}

/**
 * `text` in these looks, as wide as it is in the page where a viewer has another font.
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {Looks} looks
 * @param {string} fill
 */
export function write(text, x, y, looks, fill, width = measured(text, fontOf(looks)).width) {
  const font = Object.fromEntries(["font-family", "font-size", "font-weight"].map((name) => [name, looks[name]]));
  return svg("text", { x, y, fill, ...font, textLength: width.toFixed(1), lengthAdjust: "spacingAndGlyphs" }, text);
}

/**
 * `text`, cut where it is wider than `width`.
 * @param {string} text
 * @param {string} font
 * @param {number} width
 */
export function shortened(text, font, width) {
  let cut = text;
  while (cut.length > 1 && measured(cut, font).width > width) cut = `${cut.slice(0, -2)}…`;
  return cut;
}

/**
 * The ground of an element: one colour, or a run's sample, dashed as `paintSwatch` writes it.
 * @param {CSSStyleDeclaration} style
 * @param {Frame} frame
 */
function copyGround({ backgroundColor, backgroundImage, borderRadius }, frame) {
  const [fill, opacity] = paint(backgroundColor);
  if (fill !== "none")
    return svg("rect", { ...frame, fill, "fill-opacity": opacity, rx: Number.parseFloat(borderRadius) || 0 });
  if (!backgroundImage.startsWith("repeating-linear-gradient")) return null;
  const stroke = backgroundImage.match(/rgb\([^)]*\)/)?.[0];
  const lengths = [...backgroundImage.matchAll(/([\d.]+)px/g)].map(([, length]) => Number(length));
  const [on, all] = [lengths.find(Boolean) ?? 0, lengths.at(-1) ?? 0];
  const [x, y] = [frame.x, frame.y + frame.height / 2];
  return svg("line", {
    x1: x,
    x2: x + frame.width,
    y1: y,
    y2: y,
    stroke,
    "stroke-width": frame.height,
    "stroke-dasharray": `${on} ${all - on}`,
  });
}

/**
 * A text node of the page, line by line as it is broken there.
 * @param {Text} node
 * @param {DOMRect} origin
 */
function copyText(node, origin) {
  const parent = node.parentElement;
  if (!parent) return [];
  const style = getComputedStyle(parent);
  const looks = Object.fromEntries(
    ["font-family", "font-size", "font-weight"].map((name) => [name, style.getPropertyValue(name)]),
  );
  const [fill] = paint(style.color);
  const range = document.createRange();
  /** @type {{text: string, left: number, right: number, top: number}[]} */
  const lines = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const { left, right, top, width } = range.getBoundingClientRect();
    const line = lines.at(-1);
    if (!width) continue;
    if (line && Math.abs(line.top - top) < 3) Object.assign(line, { text: `${line.text} ${word}`, right });
    else lines.push({ text: word, left, right, top });
  }
  const font = fontOf(looks);
  const room = style.textOverflow === "ellipsis" ? parent.clientWidth + 1 : Infinity;
  return lines.map(({ text, left, right, top }) => {
    const y = top - origin.top + measured(text, font).fontBoundingBoxAscent;
    const width = right - left;
    if (width <= room) return write(text, left - origin.left, y, looks, fill, width);
    return write(shortened(text, font, room), left - origin.left, y, looks, fill);
  });
}

/**
 * Puts everything seen in `node` into `into` where it stands.
 * @param {Node} node
 * @param {DOMRect} origin
 * @param {Element} into
 * @param {Promise<unknown>[]} waiting pictures that take time are added to it
 */
export function place(node, origin, into, waiting) {
  if (node instanceof Text) into.append(...copyText(node, origin));
  if (!(node instanceof Element) || node.matches(LEFT_OUT)) return;
  const style = getComputedStyle(node);
  if (style.display === "none" || style.visibility !== "visible") return;
  const { left, top, width, height } = node.getBoundingClientRect();
  const frame = { x: left - origin.left, y: top - origin.top, width, height };
  const graph = /** @type {PlotlyGraph} */ (node);
  const scenes = scenesOf(graph);
  if (scenes && window.Plotly) {
    /** @type {Record<string, unknown>} */
    const layout = { ...graph.layout };
    for (const [id, scene] of scenes)
      layout[id] = { .../** @type {object} */ (layout[id]), camera: scene._scene?.getCamera() };
    const shown = image(frame, "");
    const figure = { data: graph.data, layout, config: { plotGlPixelRatio: 2 } };
    const drawn = window.Plotly.toImage(figure, { format: "png", width, height, scale: 2 });
    waiting.push(drawn.then((address) => shown.setAttributeNS(XLINK, "xlink:href", address)));
    into.append(shown);
  } else if (node instanceof HTMLCanvasElement)
    into.append(image({ ...frame, opacity: style.opacity }, node.toDataURL()));
  else if (node.localName === "svg")
    into.append(copySvg(node, { ...frame, overflow: style.overflow, opacity: style.opacity }));
  else {
    const ground = copyGround(style, frame);
    if (ground) into.append(ground);
    for (const child of node.childNodes) place(child, origin, into, waiting);
  }
}

/**
 * The scenes of one of Plotly's graphs that are drawn in three dimensions, by their ids; null where there are none.
 * @param {PlotlyGraph} graph
 */
function scenesOf(graph) {
  const full = graph._fullLayout;
  const scenes = (full?._subplots?.gl3d ?? []).map((id) => /** @type {[string, PlotlyScene]} */ ([id, full?.[id]]));
  return scenes.length && scenes.every(([, scene]) => scene._scene?.glplot) ? scenes : null;
}

/**
 * The page's font as a rule that carries it along, upright; "" where the font is the viewer's own.
 * @param {string} font
 */
export async function ownFont(font) {
  /** @param {string} families */
  const first = (families) => families.split(",")[0].replaceAll(/["']/g, "").trim();
  for (const sheet of document.styleSheets) {
    if (sheet.href && new URL(sheet.href).origin !== window.location.origin) continue; // its rules are closed to us
    for (const { style } of [...sheet.cssRules].filter((rule) => rule instanceof CSSFontFaceRule)) {
      const source = style.getPropertyValue("src").match(/url\("?([^")]+)"?\)/)?.[1];
      if (!source || style.fontStyle === "italic" || first(style.fontFamily) !== first(font)) continue;
      const answer = await fetch(new URL(source, sheet.href ?? document.baseURI));
      if (!answer.ok) continue;
      const reader = new FileReader();
      reader.readAsDataURL(await answer.blob());
      await new Promise((resolve) => (reader.onloadend = resolve));
      return `@font-face{font-family:"${first(font)}";font-weight:${style.fontWeight || "normal"};src:url(${reader.result})}`;
    }
  }
  return "";
}
