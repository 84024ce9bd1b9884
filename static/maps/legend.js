// The legend of the maps: what their colours and signs mean.

import { h, short } from "../shared/dom.js";
import { DIVERGED, GREY, HATCH, LISTED, LOCAL_MINIMUM, OUTCOMES, STRIPE } from "./constants.js";
import { css, labelColour, OUTCOME_COLOURS, rampColour } from "./map_colours.js";

/** @import { ColourScale } from "./map_colours.js" */
/** @import { Basins, Plane } from "./types.js" */
/** @import { MapsMessage } from "../shared/messages.js" */
/** @import { Theme } from "../shared/types.js" */
/** @typedef {{text: string, colour?: number[] | null, hatch?: boolean, line?: boolean, star?: boolean}} Sign */
/** @typedef {{title: string, ramp: (share: number) => number[] | null, ends: string[]}} Ramp */
/** @typedef {Sign | Ramp} Item */

const HATCHED = { hatch: true, text: OUTCOMES[DIVERGED].words };
const [DARK, LIGHT] = HATCH.map(css);
const STRIPES = `repeating-linear-gradient(135deg, ${DARK} 0 ${STRIPE}px, ${LIGHT} ${STRIPE}px ${2 * STRIPE}px)`;

/**
 * The numbers that occur in any of them.
 * @param {Uint8Array[]} all
 */
function present(all) {
  /** @type {Set<number>} */
  const found = new Set();
  for (const values of all) {
    let last = -1;
    for (const value of values) if (value !== last) found.add((last = value));
  }
  return found;
}

/**
 * Of maps of hyperparameters.
 * @param {MapsMessage} message
 * @param {Plane[]} planes
 * @param {ColourScale | null} scale
 * @returns {Item[]}
 */
function planeItems(message, planes, scale) {
  const outcomes = present(planes.map(({ arrays: { outcome } }) => outcome));
  const hatched = outcomes.has(DIVERGED) ? [HATCHED] : [];
  if (!scale)
    return [
      ...[...outcomes]
        .filter((one) => one !== DIVERGED)
        .sort()
        .map((one) => ({ colour: OUTCOME_COLOURS[one], text: OUTCOMES[one].words })),
      ...hatched,
    ];
  /** @param {number} value */
  const text = (value) => (message.colour.name === "share" ? `${short(value * 100)} %` : short(value));
  const { name } = message.colour;
  const beyond = planes.some((one) => one.arrays[name].some((value) => value > scale.high * 1.001 && value < Infinity));
  const middle = scale.log ? Math.sqrt(scale.low * scale.high) : (scale.low + scale.high) / 2;
  const above = message.colour.name === "loss" && message.least !== 0 ? `, above ${short(message.least)}` : "";
  const unknown = planes.some((one) =>
    one.arrays[name].some((value, i) => !Number.isFinite(value) && one.arrays.outcome[i] !== DIVERGED),
  );
  const edges = planes.some((one) => one.entry.edge.length) ? [{ line: true, text: "beyond it no run settles" }] : [];
  const best = planes.some((one) => one.entry.optimum) ? [{ star: true, text: "best rate, in closed form" }] : [];
  return [
    {
      title: message.colour.title + above,
      ramp: rampColour,
      ends: [scale.low, middle, scale.high].map((value, i) => (beyond && i === 2 ? "≥ " : "") + text(value)),
    },
    ...(unknown ? [{ colour: GREY, text: message.colour.name === "steps" ? message.unknown : "not known" }] : []),
    ...hatched,
    ...edges,
    ...best,
  ];
}

/**
 * Of maps of starts.
 * @param {MapsMessage} message
 * @param {Basins[]} basins
 * @returns {Item[]}
 */
function basinItems(message, basins) {
  const labels = present(basins.map(({ arrays: { label } }) => label));
  const listed = [...labels].filter((label) => label < LISTED).sort((a, b) => a - b);
  const rest = [...labels].some((label) => label > LISTED && label !== LISTED + LOCAL_MINIMUM);
  const shaded = listed[0] ?? (labels.has(LISTED + LOCAL_MINIMUM) ? LISTED + LOCAL_MINIMUM : null);
  return [
    ...listed.map((label) => ({ colour: labelColour(label, 0.5), text: message.places[label] })),
    ...(labels.has(LISTED + LOCAL_MINIMUM)
      ? [{ colour: labelColour(LISTED + LOCAL_MINIMUM, 0.4), text: "a local minimum" }]
      : []),
    ...(rest ? [{ colour: GREY, text: "not converged" }] : []),
    ...(labels.has(LISTED + DIVERGED) ? [HATCHED] : []),
    ...(shaded === null
      ? []
      : [
          {
            title: "",
            ramp: (/** @type {number} */ share) => labelColour(shaded, share),
            ends: ["few steps", "", "many"],
          },
        ]),
  ];
}

/** @param {Sign} sign */
function signNode({ text, colour, hatch, line, star }) {
  const node = star
    ? h("span", { class: "rv-legend-star" }, "★")
    : h("i", { class: line ? "rv-legend-line" : "rv-legend-sign" });
  if (hatch) node.style.background = STRIPES;
  else if (colour) node.style.background = css(colour);
  return h("span", { class: "rv-legend-item" }, node, h("span", {}, text));
}

/** @param {Ramp} ramp */
function rampNode({ title, ramp, ends }) {
  const stops = Array.from({ length: 9 }, (_, i) => css(ramp(i / 8) ?? GREY)).join(",");
  return h(
    "span",
    { class: "rv-legend-item" },
    title ? h("span", {}, `${title}: `) : null,
    h("span", {}, ends[0]),
    h("i", { class: "rv-legend-ramp", style: `background:linear-gradient(to right,${stops})`, title: ends[1] }),
    h("span", {}, ends[2]),
  );
}

export class Legend {
  constructor() {
    this.node = h("div", { class: "rv-maps-legend", "data-testid": "legend" });
    this.key = "";
    /** @type {Item[]} */
    this.items = [];
  }

  /** @param {MapsMessage} message @param {(Basins | Plane)[]} shown @param {ColourScale | null} scale @param {Theme} theme */
  render(message, shown, scale, theme) {
    const planes = shown.filter((one) => one.kind === "plane");
    const basins = shown.filter((one) => one.kind === "basins");
    this.items = !shown.length
      ? []
      : message.kind === "plane"
        ? planeItems(message, planes, scale)
        : basinItems(message, basins);
    const key = JSON.stringify([theme.signature, this.items]) + shown.map(({ entry }) => entry.key)[0];
    if (key === this.key) return;
    this.key = key;
    this.node.replaceChildren(...this.items.map((item) => ("ramp" in item ? rampNode(item) : signNode(item))));
  }
}
