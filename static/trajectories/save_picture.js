// Saves what is seen: pictures, curves, legend, step, caption and address as one SVG that needs nothing else, or a PNG of it.

import { h, setText, short, svg } from "../shared/dom.js";
import { fontOf, measured, ownFont, paint, place, shortened, write } from "./as_svg.js";

const SECTIONS = ".rv-pictures, .rv-curves, .rv-inside > .rv-caption, .rv-inside-charts, .rv-equation";
const [EDGE, GAP, SAMPLE] = [16, 12, 22];

/** Lines of text no wider than `width`; what has no blanks, as an address, is broken anywhere. */
function wrapped(text, width, font) {
  const lines = [""];
  for (const word of text.match(/\S+\s*/g) ?? []) {
    if (measured(lines.at(-1) + word.trimEnd(), font).width > width && lines.at(-1)) lines.push("");
    for (const letter of measured(word, font).width > width ? word : [word]) {
      if (measured(lines.at(-1) + letter.trimEnd(), font).width > width && lines.at(-1)) lines.push("");
      lines[lines.length - 1] += letter;
    }
  }
  return lines;
}

/** The saved picture of `plot`: {text, width, height}. What is seen is read before this first waits. */
async function compose(plot) {
  const { root, theme, runs, latest } = plot;
  const inner = root.clientWidth;
  const unit = Number.parseFloat(getComputedStyle(plot.caption).fontSize) / 13; // larger on large screens
  const [soft, whole, waiting] = [theme.mix(0.72), svg("g"), []];
  const style = (size, weight = 400) => ({
    "font-family": theme.font,
    "font-size": `${size * unit}px`,
    "font-weight": weight,
  });
  let y = EDGE;
  const add = (height, ...nodes) => {
    whole.append(svg("g", { transform: `translate(${EDGE} ${y})` }, ...nodes));
    y += height + GAP;
  };
  const addText = (text, looks, fill) => {
    const line = Number.parseFloat(looks["font-size"]) * 1.35;
    const lines = wrapped(text, inner, fontOf(looks));
    add(lines.length * line, ...lines.map((part, i) => write(part.trimEnd(), 0, (i + 0.8) * line, looks, fill)));
  };
  const legend = () => {
    const [bold, plain] = [style(13, 600), style(13)];
    const wide = (text, looks) => measured(text, fontOf(looks)).width;
    const loss = (run) => `loss ${short(run.loss[Math.min(plot.transport.shown(), run.loss.length - 1)], 4)}`;
    let [x, row] = [0, 0];
    const parts = [];
    for (const { name, note = "", colour, dash, cap = "butt" } of [
      ...runs.map((run) => ({ ...run, note: loss(run) })),
      ...(latest.references ?? []).map(({ name }) => ({ name, colour: theme.text, dash: "0.1 4.5", cap: "round" })),
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

  addText(
    `${latest.surface.name}, step ${plot.transport.shown()} of ${plot.transport.last}`,
    style(15, 600),
    theme.text,
  );
  for (const section of root.querySelectorAll(SECTIONS)) {
    const origin = section.getBoundingClientRect();
    if (!origin.height) continue;
    const part = svg("g");
    place(section, origin, part, waiting);
    add(origin.height, part);
    if (section === plot.pictures) legend();
  }
  addText(latest.caption ?? "", style(13), soft);
  addText(window.location.href, style(9), soft);

  const [width, height] = [inner + 2 * EDGE, Math.ceil(y - GAP + EDGE)];
  const [rule] = await Promise.all([ownFont(theme.font), ...waiting]);
  const picture = svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}` },
    svg("title", {}, latest.surface.name),
    svg("desc", {}, latest.alt ?? ""),
    svg("style", {}, rule),
    svg("rect", { width, height, fill: paint(theme.background)[0] }),
    whole,
  );
  return { text: new XMLSerializer().serializeToString(picture), width, height };
}

async function rasterised({ text, width, height }) {
  const drawing = new Image();
  drawing.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  await drawing.decode();
  URL.revokeObjectURL(drawing.src);
  const scale = Math.max(2, window.devicePixelRatio);
  const canvas = h("canvas", { width: Math.round(scale * width), height: Math.round(scale * height) });
  canvas.getContext("2d").drawImage(drawing, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve));
}

async function save(plot, kind) {
  const name = plot.latest.surface.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const file = `ravine-${name}-step-${plot.transport.shown()}.${kind}`;
  const picture = await compose(plot);
  const blob = kind === "svg" ? new Blob([picture.text], { type: "image/svg+xml" }) : await rasterised(picture);
  const href = URL.createObjectURL(blob);
  h("a", { href, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

/** A button that opens the choice of PNG and SVG and saves what `plot`, the live plot, shows. */
export function saveMenu(plot) {
  let open = null; // ends the listening for what closes the menu
  const show = (wanted) => {
    open?.abort();
    open = wanted ? new AbortController() : null;
    menu.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    if (!wanted) return;
    const listen = (name, close) => window.addEventListener(name, close, { signal: open.signal, capture: true });
    listen("pointerdown", (event) => !node.contains(event.target) && show(false));
    listen("keydown", (event) => {
      if (event.key !== "Escape") return;
      show(false);
      button.focus();
    });
  };
  const choose = async (kind) => {
    show(false);
    button.focus();
    if (!plot.latest || button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    setText(button, "Saving …");
    try {
      await save(plot, kind);
      setText(button, "Save");
    } catch (error) {
      console.error(error);
      setText(button, "Not saved");
    }
    button.ariaBusy = "false";
  };
  const item = (kind) => h("button", { type: "button", onclick: () => choose(kind) }, kind.toUpperCase());
  const button = h(
    "button",
    {
      type: "button",
      class: "rv-choice rv-reset",
      title: "Save what is seen as a picture",
      "aria-expanded": "false",
      onclick: () => show(menu.hidden),
    },
    "Save",
  );
  const menu = h("div", { class: "rv-save-menu", hidden: true }, item("png"), item("svg"));
  const node = h("div", { class: "rv-save" }, button, menu);
  return node;
}
