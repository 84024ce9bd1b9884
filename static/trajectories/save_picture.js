// Saves what is seen: pictures, curves, legend, step, caption and address as one SVG that needs nothing else, or a PNG of it.

import { h, pen, setText, short, svg } from "../shared/dom.js";
import { fileWord, saveBlob } from "../shared/picture_file.js";
import { fontOf, measured, ownFont, paint, place, shortened, write } from "./as_svg.js";

/** @import { Looks } from "./as_svg.js" */
/** @import { PictureMessage, Run } from "../shared/messages.js" */
/** @import { Theme } from "../shared/types.js" */
/**
 * What is seen of a plot.
 * @typedef {object} Seen
 * @property {HTMLElement} root
 * @property {HTMLElement} pictures
 * @property {HTMLElement} caption
 * @property {{shown(): number, last: number}} transport
 * @property {PictureMessage} latest
 * @property {Run[]} runs
 * @property {Theme} theme
 */

const SECTIONS = ".rv-pictures, .rv-curves, .rv-inside > .rv-caption, .rv-inside-charts, .rv-equation";
const [EDGE, GAP, SAMPLE] = [16, 12, 22];

/**
 * Lines of text no wider than `width`; what has no blanks, as an address, is broken anywhere.
 * @param {string} text
 * @param {number} width
 * @param {string} font
 */
function wrapped(text, width, font) {
  /** @type {string[]} */
  const lines = [];
  let line = "";
  /** @param {string} part begins a line of its own where it does not fit */
  const fit = (part) => {
    if (!line || measured(line + part.trimEnd(), font).width <= width) return;
    lines.push(line);
    line = "";
  };
  for (const word of text.match(/\S+\s*/g) ?? []) {
    fit(word);
    for (const letter of measured(word, font).width > width ? word : [word]) {
      fit(letter);
      line += letter;
    }
  }
  return [...lines, line];
}

/**
 * The saved picture. What is seen is read before this first waits.
 * @param {Seen} seen
 */
async function compose({ root, pictures, caption, transport, latest, runs, theme }) {
  const inner = root.clientWidth;
  const unit = Number.parseFloat(getComputedStyle(caption).fontSize) / 13; // larger on large screens
  const [soft, whole] = [theme.mix(0.72), svg("g")];
  /** @type {Promise<unknown>[]} */
  const waiting = [];
  /** @param {number} size */
  const style = (size, weight = 400) => ({
    "font-family": theme.font,
    "font-size": `${size * unit}px`,
    "font-weight": weight,
  });
  let y = EDGE;
  /** @param {number} height @param {...Element} nodes */
  const add = (height, ...nodes) => {
    whole.append(svg("g", { transform: `translate(${EDGE} ${y})` }, ...nodes));
    y += height + GAP;
  };
  /** @param {string} text @param {Looks} looks @param {string} fill */
  const addText = (text, looks, fill) => {
    const line = Number.parseFloat(String(looks["font-size"])) * 1.35;
    const lines = wrapped(text, inner, fontOf(looks));
    add(lines.length * line, ...lines.map((part, i) => write(part.trimEnd(), 0, (i + 0.8) * line, looks, fill)));
  };
  const legend = () => {
    const [bold, plain] = [style(13, 600), style(13)];
    /** @param {string} text @param {Looks} looks */
    const wide = (text, looks) => measured(text, fontOf(looks)).width;
    /** @param {Run} run */
    const loss = (run) => `loss ${short(run.loss[Math.min(transport.shown(), run.loss.length - 1)], 4)}`;
    let [x, row] = [0, 0];
    const parts = [];
    const dotted = { colour: theme.text, dash: "0.1 4.5", cap: "round", note: "" };
    for (const { name, note, colour, dash, cap } of [
      ...runs.map((run) => ({ name: run.name, colour: run.colour, dash: run.dash, cap: "butt", note: loss(run) })),
      ...latest.references.map(({ name }) => ({ ...dotted, name })),
    ]) {
      const label = shortened(name, fontOf(bold), inner - SAMPLE - wide(note, plain) - 12);
      const between = SAMPLE + 6 + wide(label, bold) + 6;
      if (x && x + between + wide(note, plain) > inner) [x, row] = [0, row + 1];
      const y = (row + 0.5) * 20 * unit;
      parts.push(
        svg("line", {
          x1: x,
          x2: x + SAMPLE,
          y1: y,
          y2: y,
          stroke: colour,
          "stroke-width": 2.2,
          "stroke-dasharray": dash || "none",
          "stroke-linecap": cap,
        }),
        write(label, x + SAMPLE + 6, y + 4.5 * unit, bold, theme.text),
      );
      if (note) parts.push(write(note, x + between, y + 4.5 * unit, plain, soft));
      x += between + wide(note, plain) + 18;
    }
    add((row + 1) * 20 * unit, ...parts);
  };

  addText(`${latest.surface.name}, step ${transport.shown()} of ${transport.last}`, style(15, 600), theme.text);
  for (const section of root.querySelectorAll(SECTIONS)) {
    const origin = section.getBoundingClientRect();
    if (!origin.height) continue;
    const part = svg("g");
    place(section, origin, part, waiting);
    add(origin.height, part);
    if (section === pictures) legend();
  }
  addText(latest.caption, style(13), soft);
  addText(window.location.href, style(9), soft);

  const [width, height] = [inner + 2 * EDGE, Math.ceil(y - GAP + EDGE)];
  const [rule] = await Promise.all([ownFont(theme.font), ...waiting]);
  const picture = svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}` },
    svg("title", {}, latest.surface.name),
    svg("desc", {}, latest.alt),
    svg("style", {}, rule),
    svg("rect", { width, height, fill: paint(theme.background)[0] }),
    whole,
  );
  return { text: new XMLSerializer().serializeToString(picture), width, height };
}

/**
 * @param {{text: string, width: number, height: number}} picture
 * @returns {Promise<Blob>}
 */
async function rasterised({ text, width, height }) {
  const drawing = new Image();
  drawing.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await drawing.decode();
  URL.revokeObjectURL(drawing.src);
  const scale = Math.max(2, window.devicePixelRatio);
  const canvas = h("canvas", { width: Math.round(scale * width), height: Math.round(scale * height) });
  pen(canvas).drawImage(drawing, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for a canvas")))),
  );
}

/** @param {Seen} seen @param {"png" | "svg"} kind */
async function save(seen, kind) {
  const file = `ravine-${fileWord(seen.latest.surface.name)}-step-${seen.transport.shown()}.${kind}`;
  const picture = await compose(seen);
  saveBlob(kind === "svg" ? new Blob([picture.text], { type: "image/svg+xml" }) : await rasterised(picture), file);
}

/**
 * A button that opens the choice of PNG and SVG and saves what is seen.
 * @param {() => Seen | null} look
 */
export function saveMenu(look) {
  /** @type {AbortController | null} */
  let open = null; // ends the listening for what closes the menu
  /** @param {boolean} wanted */
  const show = (wanted) => {
    open?.abort();
    open = wanted ? new AbortController() : null;
    menu.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    if (!open) return;
    const whole = { signal: open.signal, capture: true };
    const outside = (/** @type {Event} */ event) => !node.contains(/** @type {Node} */ (event.target)) && show(false);
    window.addEventListener("pointerdown", outside, whole);
    window.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape") return;
        show(false);
        button.focus();
      },
      whole,
    );
  };
  /** @param {"png" | "svg"} kind */
  const choose = async (kind) => {
    show(false);
    button.focus();
    const seen = look();
    if (!seen || button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    setText(button, "Saving …");
    try {
      await save(seen, kind);
      setText(button, "Save");
    } catch (error) {
      console.error(error);
      setText(button, "Not saved");
    }
    button.ariaBusy = "false";
  };
  /** @param {"png" | "svg"} kind */
  const item = (kind) => h("button", { type: "button", onclick: () => choose(kind) }, kind.toUpperCase());
  /** @type {HTMLButtonElement} */
  const button = h(
    "button",
    {
      type: "button",
      class: "rv-choice rv-reset",
      title: "Save what is seen as a picture",
      "aria-expanded": "false",
      onclick: () => show(Boolean(menu.hidden)),
    },
    "Save",
  );
  /** @type {HTMLDivElement} */
  const menu = h("div", { class: "rv-save-menu", hidden: true }, item("png"), item("svg"));
  const node = h("div", { class: "rv-save" }, button, menu);
  return node;
}
