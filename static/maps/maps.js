// The Maps page: a grid of maps with locked axes, one legend for all; speaks to the server.

import { linkButton, plainButton } from "../shared/buttons.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, painted, setText } from "../shared/dom.js";
import { Legend } from "./legend.js";
import { MapCanvas } from "./map_canvas.js";
import { commonScale } from "./map_colours.js";
import { savePicture } from "./maps_picture.js";
import { cellInWords, startInWords } from "./words.js";

/** @import { ColourScale } from "./map_colours.js" */
/** @import { Basins, Plane, Shade } from "./types.js" */
/** @import { BasinMap, Change, MapsMessage, NoMap, PlaneMap, Sent, Window } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

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
    /** @type {{key: string, scale: ColourScale | null} | null} */
    this.scaled = null;
    const alone = { class: "rv-choice rv-alone" };
    this.watch = plainButton(
      "Watch on Trajectories",
      "These optimizers there",
      () => channel.announce({ action: { open: null }, final: true }),
      alone,
    );
    const save = plainButton("Save PNG", "The maps as they are seen", () => this.save(), alone);
    this.reset = plainButton("Reset", "The whole window (double click in a map)", () => this.whole(), alone);
    this.signs = h("span", { class: "rv-signs" });
    this.grid = h("div", { class: "rv-maps-grid" });
    this.empty = h("p", { class: "rv-message", role: "status", hidden: true });
    this.legend = new Legend();
    this.caption = h("p", { class: "rv-caption", "data-testid": "caption", "aria-live": "polite" });
    this.root.append(
      h(
        "div",
        { class: "rv-toolbar" },
        this.signs,
        h(
          "div",
          { class: "rv-actions" },
          this.watch,
          linkButton("The address of these very maps", alone),
          save,
          this.reset,
        ),
      ),
      this.empty,
      this.grid,
      this.legend.node,
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
      const map = this.maps.get(entry.id) ?? this.newMap(entry.id);
      if (this.grid.children[i] !== map.node) this.grid.insertBefore(map.node, this.grid.children[i] ?? null);
      map.head(entry, height);
      const one = known(entry);
      if (one?.kind === "basins") map.draw({ ...one, scene: basins }, width, height);
      else if (one) map.draw({ ...one, scene: plane }, width, height);
    });
    this.legend.render(message, shown, scale, this.theme);
    setText(this.caption, message.caption);
    this.hover(this.place);
    const { seq, coarse } = message;
    this.notePainted(seq, { coarse });
  }

  /** @param {number} id */
  newMap(id) {
    /** @type {MapCanvas} */
    const map = new MapCanvas({
      hover: (place) => this.hover(place),
      open: (place) => this.open(map, place),
      move: (view, final) => this.move(view, final),
      whole: () => this.whole(),
    });
    this.maps.set(id, map);
    return map;
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

  save() {
    const { latest, maps, grid, legend, theme, width } = this;
    if (latest?.maps.length) savePicture({ message: latest, maps, grid, legend, theme, width });
  }
}

export default mounted((parent) => new Maps(parent), "maps/maps.css");
