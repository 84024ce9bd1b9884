// The Maps page: a grid of maps with locked axes, one legend for all; speaks to the server.

import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { copyAddress, h, painted, pen, setText, short } from "../shared/dom.js";
import { DIVERGED, GREY, HATCH, LISTED, LOCAL_MINIMUM, OUTCOMES, STRIPE } from "./constants.js";
import { cellInWords, hatch, MapCanvas, startInWords } from "./map_canvas.js";
import { commonScale, css, labelColour, OUTCOME_COLOURS, rampColour } from "./map_colours.js";

/** @import { Basins, Plane, Shade } from "./map_canvas.js" */
/** @import { BasinMap, Change, MapsMessage, NoMap, PlaneMap, Sent, Window } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */
/** @typedef {{text: string, colour?: number[] | null, hatch?: boolean, line?: boolean, star?: boolean}} Sign */
/** @typedef {{title: string, ramp: (share: number) => number[] | null, ends: string[]}} Ramp */
/** @typedef {Sign | Ramp} Item of the legend */

const HATCHED = { hatch: true, text: OUTCOMES[DIVERGED].words };
const STRIPES = `repeating-linear-gradient(135deg, ${css(HATCH[0])} 0 ${STRIPE}px, ${css(HATCH[1])} ${STRIPE}px ${2 * STRIPE}px)`;
const GAP = 14;
const NARROW = 560;
const LEAST = 215; // pixels of a map's width
const SIGNS = {
  basins: "★ minimum   ✕ saddle   click: its path   drag: move   wheel: zoom",
  plane: "◯ now   + best   click: take these values",
};
/**
 * A map with its arrays; null where there is no map.
 * @param {NoMap | BasinMap | PlaneMap} entry
 * @returns {Basins | Plane | null}
 */
function known(entry) {
  if ("trouble" in entry) return null;
  if ("edge" in entry) return { kind: "plane", entry, arrays: entry.arrays };
  return { kind: "basins", entry, arrays: entry.arrays };
}

/**
 * How many maps stand side by side.
 * @param {number} count
 * @param {number} width
 */
export function columnsFor(count, width) {
  if (width < NARROW) return 1;
  const wanted = count === 4 ? 2 : Math.min(3, count);
  return Math.max(1, Math.min(wanted, Math.floor((width + GAP) / (LEAST + GAP))));
}

/** @extends {Component<MapsMessage>} */
class Maps extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-maps", "data-testid": "maps", "data-drawn": 0 });
    /** @type {Map<number, MapCanvas>} */
    this.maps = new Map();
    /** @type {Place | null} */
    this.place = null;
    /** @type {Window | null} */
    this.view = null; // the window that is seen, before the server has followed
    /** @type {Window | null} */
    this.moved = null; // the window that the hand has chosen and not yet left
    this.frame = 0;
    /** @type {{key: string, scale: ReturnType<typeof commonScale>} | null} */
    this.scaled = null;
    this.legendKey = "";
    /** @type {Item[]} */
    this.items = [];
    /** @param {string} text @param {string} title @param {() => void} onclick */
    const button = (text, title, onclick) =>
      h("button", { type: "button", class: "rv-choice rv-alone", title, onclick }, text);
    this.watch = button("Watch on Trajectories", "These optimizers there", () =>
      channel.announce({ action: { open: null }, final: true }),
    );
    /** @type {HTMLButtonElement} */
    this.link = button("Copy link", "The address of these very maps", () => copyAddress(this.link));
    this.save = button("Save PNG", "The maps as they are seen", () => this.savePicture());
    this.reset = button("Reset", "The whole window (double click in a map)", () => this.whole());
    this.signs = h("span", { class: "rv-signs" });
    this.grid = h("div", { class: "rv-maps-grid" });
    this.empty = h("p", { class: "rv-message", role: "status", hidden: true });
    this.legend = h("div", { class: "rv-maps-legend", "data-testid": "legend" });
    this.caption = h("p", { class: "rv-caption", "data-testid": "caption", "aria-live": "polite" });
    this.root.append(
      h(
        "div",
        { class: "rv-toolbar" },
        this.signs,
        h("div", { class: "rv-actions" }, this.watch, this.link, this.save, this.reset),
      ),
      this.empty,
      this.grid,
      this.legend,
      this.caption,
    );
    this.begin();
  }

  /**
   * @override
   * @param {Change} change
   */
  said(change) {
    // Nothing waits for fine maps: the next change of a slider goes at once, and the server gives them up.
    const isRefining =
      !Object.keys(change.set).length && change.actions.length && change.actions.every((one) => "refine" in one);
    if (isRefining) queueMicrotask(() => channel.acknowledge(change.seq));
    return super.said(change);
  }

  /**
   * @override
   * @param {MapsMessage & Sent} message
   */
  take(message) {
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    if (!channel.isUnsettled("window")) this.view = null;
    this.tellControls(message);
    this.draw();
    painted().then(() => this.refine(message));
  }

  /**
   * Asks for fine maps where coarse ones are seen and nothing newer is on its way.
   * @param {MapsMessage} message
   */
  refine(message) {
    if (message.coarse && message === this.latest && !this.gone && !channel.isMoving())
      channel.announce({ action: { refine: true } });
  }

  // ---------------------------------------------------------------- what is seen

  /** @override */
  draw() {
    const message = this.latest;
    if (!message || this.gone || !this.width) return;
    const { kind, maps, colour } = message;
    setText(this.signs, SIGNS[kind]);
    this.reset.hidden = kind !== "basins";
    this.watch.hidden = !maps.length;
    setText(this.empty, message.empty);
    this.empty.hidden = !message.empty;
    const shown = maps.flatMap((entry) => known(entry) ?? []);
    const scale = kind === "plane" ? this.scaleFor(shown, colour.name, message.most[colour.name] ?? Infinity) : null;
    const least = Math.min(...message.minima.map(([, , value]) => value));
    const common = {
      theme: this.theme,
      steps: message.steps,
      minima: message.minima,
      saddles: message.saddles,
      lowest: message.minima.flatMap(([, , value], i) =>
        value <= least + 1e-9 * Math.max(1, Math.abs(least)) ? [i] : [],
      ),
    };
    const basins = { ...common, view: this.view ?? message.window };
    const plane = { ...common, view: null, scale, colour: colour.name };
    const ids = new Set(maps.map(({ id }) => id));
    for (const [id, map] of this.maps) {
      if (ids.has(id)) continue;
      map.node.remove();
      this.maps.delete(id);
    }
    const columns = columnsFor(maps.length, this.width);
    this.grid.style.setProperty("--rv-columns", String(columns));
    const width = Math.floor((this.width - GAP * (columns - 1)) / columns);
    const height = Math.round(columns > 1 || this.width < NARROW ? width * 0.88 : Math.min(width * 0.66, 620));
    maps.forEach((entry, i) => {
      let map = this.maps.get(entry.id);
      if (!map) {
        map = new MapCanvas({
          hover: (place) => this.hover(place),
          open: (from, place) => this.open(from, place),
          move: (view, final) => this.move(view, final),
          whole: () => this.whole(),
        });
        this.maps.set(entry.id, map);
      }
      if (this.grid.children[i] !== map.node) this.grid.insertBefore(map.node, this.grid.children[i] ?? null);
      map.head(entry, height);
      const one = known(entry);
      if (one?.kind === "basins") map.draw({ ...one, scene: basins }, width, height);
      else if (one) map.draw({ ...one, scene: plane }, width, height);
    });
    this.drawLegend(message, shown, scale);
    setText(this.caption, message.caption);
    this.hover(this.place);
    const { seq, coarse } = message;
    this.notePainted(seq, { coarse });
  }

  /** @param {(Basins | Plane)[]} shown @param {Shade} name @param {number} most */
  scaleFor(shown, name, most) {
    const key = [name, most, ...shown.map(({ entry }) => entry.key)].join();
    if (this.scaled?.key === key) return this.scaled.scale;
    const all = shown.flatMap((one) => (one.kind === "plane" ? [one.arrays[name]] : []));
    const scale = commonScale(name, all, most);
    this.scaled = { key, scale };
    return scale;
  }

  /**
   * What stands in the legend.
   * @param {MapsMessage} message
   * @param {(Basins | Plane)[]} shown
   * @param {ReturnType<typeof commonScale>} scale
   * @returns {Item[]}
   */
  legendItems(message, shown, scale) {
    if (message.kind === "plane") {
      const planes = shown.filter((one) => one.kind === "plane");
      const outcomes = this.present(planes.map(({ arrays: { outcome } }) => outcome));
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
      const beyond = planes.some((one) =>
        one.arrays[name].some((value) => value > scale.high * 1.001 && value < Infinity),
      );
      const middle = scale.log ? Math.sqrt(scale.low * scale.high) : (scale.low + scale.high) / 2;
      const above = message.colour.name === "loss" && message.least !== 0 ? `, above ${short(message.least)}` : "";
      const unknown = planes.some((one) =>
        one.arrays[name].some((value, i) => !Number.isFinite(value) && one.arrays.outcome[i] !== DIVERGED),
      );
      const edges = planes.some((one) => one.entry.edge.length)
        ? [{ line: true, text: "beyond it no run settles" }]
        : [];
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
    const labels = this.present(shown.filter((one) => one.kind === "basins").map(({ arrays: { label } }) => label));
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

  /**
   * The numbers that occur in any of them.
   * @param {Uint8Array[]} all
   */
  present(all) {
    /** @type {Set<number>} */
    const found = new Set();
    for (const values of all) {
      let last = -1;
      for (const value of values) if (value !== last) found.add((last = value));
    }
    return found;
  }

  /** @param {MapsMessage} message @param {(Basins | Plane)[]} shown @param {ReturnType<typeof commonScale>} scale */
  drawLegend(message, shown, scale) {
    this.items = shown.length ? this.legendItems(message, shown, scale) : [];
    const key = JSON.stringify([this.theme.signature, this.items]) + shown.map(({ entry }) => entry.key)[0];
    if (key === this.legendKey) return;
    this.legendKey = key;
    this.legend.replaceChildren(
      ...this.items.map((item) => {
        if ("ramp" in item) {
          const stops = Array.from({ length: 9 }, (_, i) => css(item.ramp(i / 8) ?? GREY)).join(",");
          return h(
            "span",
            { class: "rv-legend-item" },
            ...(item.title ? [h("span", {}, `${item.title}: `)] : []),
            h("span", {}, item.ends[0]),
            h("i", {
              class: "rv-legend-ramp",
              style: `background:linear-gradient(to right,${stops})`,
              title: item.ends[1],
            }),
            h("span", {}, item.ends[2]),
          );
        }
        const sign = h("i", {
          class: item.line ? "rv-legend-line" : "rv-legend-sign",
        });
        if (item.colour) sign.style.background = css(item.colour);
        if (item.hatch) sign.style.background = STRIPES;
        if (item.star)
          return h(
            "span",
            { class: "rv-legend-item" },
            h("span", { class: "rv-legend-star" }, "★"),
            h("span", {}, item.text),
          );
        return h("span", { class: "rv-legend-item" }, sign, h("span", {}, item.text));
      }),
    );
  }

  // ---------------------------------------------------------------- the hand

  /**
   * The same place in all maps, each with its own answer.
   * @param {Place | null} place
   */
  hover(place) {
    this.place = place;
    const message = this.latest;
    if (!message) return;
    for (const map of this.maps.values()) {
      map.cross(place);
      const cell = map.cell(place);
      if (!map.shown) continue;
      const { entry } = map.shown;
      if (!cell) map.say(entry.sentence);
      else if (map.shown.kind === "basins") map.say(startInWords(map.shown.arrays, cell, message));
      else map.say(cellInWords(map.shown.arrays, cell, message, [entry.x.name, entry.y.name]));
    }
  }

  /**
   * A click: a start's path on Trajectories, or a cell's values into the card.
   * @param {MapCanvas} map
   * @param {Place} place
   */
  open(map, place) {
    const cell = map.cell(place);
    if (!cell || !map.shown) return;
    if (map.shown.kind === "plane") {
      const [across, up] = map.shown.entry.paths;
      channel.announce({ set: { [across]: cell.x, [up]: cell.y }, final: true });
    } else channel.announce({ action: { open: [cell.x, cell.y] }, final: true });
  }

  /**
   * Another window for all maps; null where the hand rests at the one that is seen.
   * @param {Window | null} view
   * @param {boolean} final
   */
  move(view, final) {
    if (view) {
      const [w, t] = [view[1] - view[0], view[3] - view[2]];
      const reach = Math.max(...view.map(Math.abs));
      if (!(Math.min(w, t) > 1e-6 * reach) || reach > 1e5) return;
      this.view = /** @type {Window} */ (view.map((value) => Number(value.toPrecision(9))));
    }
    if (view) this.moved = this.view;
    if (!this.moved) return;
    channel.announce({ set: { window: this.moved }, final });
    if (final) this.moved = null;
    if (view) this.drawSoon();
  }

  whole() {
    this.view = this.moved = null;
    channel.announce({ set: { window: null }, final: true });
  }

  drawSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  // ---------------------------------------------------------------- a picture of it all

  /**
   * Titles, maps, sentences, legend, caption and address as one canvas.
   * @param {MapsMessage} message
   */
  compose({ maps, surface, caption }) {
    const theme = this.theme;
    const edge = 16;
    const boxes = maps.flatMap((entry) => {
      const map = this.maps.get(entry.id);
      return map ? [{ entry, map, box: map.node.getBoundingClientRect() }] : [];
    });
    const origin = this.grid.getBoundingClientRect();
    const measure = pen(h("canvas"));
    /** @param {string} text @param {string} font */
    const wrap = (text, font, width = this.width) => {
      measure.font = font;
      const lines = [""];
      for (const word of text.split(/\s+/)) {
        const more = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
        if (lines.at(-1) && measure.measureText(more).width > width) lines.push(word);
        else lines[lines.length - 1] = more;
      }
      return lines;
    };
    const small = `12px ${theme.font}`;
    const lines = wrap(caption, small);
    const tiny = `9px ${theme.font}`;
    // The link breaks between its fields.
    const link = wrap(window.location.href.replaceAll("&", "& "), tiny).map((line) => line.replaceAll("& ", "&"));
    const top = edge + 26;
    const legendTop = top + origin.height + 8;
    const height = legendTop + this.legend.offsetHeight + 16 + 16 * lines.length + 12 * link.length + 10 + edge;
    const ratio = Math.max(2, window.devicePixelRatio || 1);
    const canvas = h("canvas", {
      width: Math.round((this.width + 2 * edge) * ratio),
      height: Math.round(height * ratio),
    });
    const context = pen(canvas);
    context.scale(ratio, ratio);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, this.width + 2 * edge, height);
    /** @param {string} text @param {number} x @param {number} y @param {string} font @param {string} colour */
    const write = (text, x, y, font, colour) => {
      context.font = font;
      context.fillStyle = colour;
      context.textBaseline = "middle";
      context.fillText(text, x, y);
    };
    write(surface, edge, edge + 8, `600 15px ${theme.font}`, theme.text);
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
    const legend = this.legend.getBoundingClientRect();
    const texts = `13px ${theme.font}`;
    [...this.legend.children].forEach((node, i) => {
      const item = this.items[i];
      for (const part of node.children) {
        const at = part.getBoundingClientRect();
        const [x, y] = [edge + at.left - legend.left, legendTop + at.top - legend.top];
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
    let y = legendTop + this.legend.offsetHeight + 16;
    for (const line of lines) write(line, edge, (y += 16) - 8, small, theme.mix(0.75));
    for (const line of link) write(line, edge, (y += 12) + 2, tiny, theme.mix(0.6));
    return canvas;
  }

  savePicture() {
    const { latest } = this;
    if (!latest?.maps.length) return;
    this.compose(latest).toBlob((blob) => {
      if (!blob) return; // too large for a canvas
      const href = URL.createObjectURL(blob);
      h("a", {
        href,
        download: `ravine-${latest.kind}-${latest.surface.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.png`,
      }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000);
    });
  }
}

export default mounted((parent) => new Maps(parent), "maps/maps.css");
