// The Maps page: a grid of maps with locked axes, one legend for all; speaks to the server.

import { unpack } from "../shared/bytes.js";
import * as channel from "../shared/channel.js";
import { copyAddress, h, loadStyles, painted, setText, short } from "../shared/dom.js";
import { readTheme } from "../shared/theme.js";
import { cellInWords, hatch, MapCanvas, startInWords } from "./map_canvas.js";
import {
  commonScale,
  css,
  DIVERGED,
  GREY,
  LISTED,
  LOCAL_MINIMUM,
  labelColour,
  OUTCOMES,
  rampColour,
} from "./map_colours.js";

const KEPT = 36; // maps whose arrays stay in this tab
const GAP = 14;
const NARROW = 560;
const LEAST = 215; // pixels of a map's width
const SIGNS = {
  basins: "★ minimum   ✕ saddle   click: its path   drag: move   wheel: zoom",
  plane: "◯ now   + best   click: take these values",
};
const arrays = new Map(); // key -> arrays, the latest used last
const instances = new WeakMap();

/** How many maps stand side by side. */
export function columnsFor(count, width) {
  if (width < NARROW) return 1;
  const wanted = count === 4 ? 2 : Math.min(3, count);
  return Math.max(1, Math.min(wanted, Math.floor((width + GAP) / (LEAST + GAP))));
}

class Maps {
  constructor(parent) {
    this.maps = new Map();
    this.place = null;
    this.view = null; // the window that is seen, before the server has followed
    this.moved = null; // the window that the hand has chosen and not yet left
    this.build(parent);
    this.send = (change) => {
      this.setStateValue("change", { ...change, have: change.need ? [] : [...arrays.keys()] });
      // Nothing waits for fine maps: the next change of a slider goes at once, and the server gives them up.
      const isRefining =
        !Object.keys(change.set).length && change.actions.length && change.actions.every((one) => one.refine);
      if (isRefining) queueMicrotask(() => channel.acknowledge(change.seq));
    };
    this.disconnect = channel.connect(this.send);
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.root);
    window.__ravine_maps = this;
  }

  build(parent) {
    const button = (text, title, onclick) =>
      h("button", { type: "button", class: "rv-choice rv-alone", title, onclick }, text);
    this.watch = button("Watch on Trajectories", "These optimizers there", () =>
      channel.announce({ action: { open: null }, final: true }),
    );
    this.link = button("Copy link", "The address of these very maps", () => copyAddress(this.link));
    this.save = button("Save PNG", "The maps as they are seen", () => this.savePicture());
    this.reset = button("Reset", "The whole window (double click in a map)", () => this.whole());
    this.signs = h("span", { class: "rv-signs" });
    this.grid = h("div", { class: "rv-maps-grid" });
    this.empty = h("p", { class: "rv-message", role: "status", hidden: true });
    this.legend = h("div", { class: "rv-maps-legend", "data-testid": "legend" });
    this.caption = h("p", { class: "rv-caption", "data-testid": "caption", "aria-live": "polite" });
    this.root = h(
      "div",
      { class: "rv rv-maps", "data-testid": "maps", "data-drawn": 0 },
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
    parent.append(this.root);
    // Streamlit fades what waits for its server; here each slider move would start that.
    const frame = parent.closest('[data-testid="stElementContainer"]');
    frame?.style.setProperty("transition", "none", "important");
    frame?.style.setProperty("opacity", "1", "important");
    this.resize();
  }

  receive(component) {
    this.setStateValue = component.setStateValue;
    const message = unpack(component.data);
    this.refreshTheme();
    if (message.stamp === this.stamp) return;
    this.stamp = message.stamp;
    channel.acknowledge(message.seq);
    if (!this.keep(message.maps)) {
      channel.announce({ need: true });
      return;
    }
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    if (!channel.isUnsettled("window")) this.view = null;
    if (channel.isSpeaker(this.send)) this.tellControls(message);
    this.draw();
    painted().then(() => this.refine(message));
  }

  /** Takes in the arrays that came; false where one is missing. */
  keep(maps) {
    for (const { key, trouble, arrays: sent } of maps) {
      if (trouble) continue;
      const found = sent ?? arrays.get(key);
      if (!found) return false;
      arrays.delete(key);
      arrays.set(key, found);
    }
    while (arrays.size > KEPT) arrays.delete(arrays.keys().next().value);
    return true;
  }

  /** Asks for fine maps where coarse ones are seen and nothing newer is on its way. */
  refine(message) {
    if (message.coarse && message === this.latest && !this.gone && !channel.isMoving())
      channel.announce({ action: { refine: true } });
  }

  tellControls({ values, problems, marks, titles, controls }) {
    const settled = Object.fromEntries(Object.entries(values).filter(([path]) => !channel.isUnsettled(path)));
    window.dispatchEvent(new CustomEvent("ravine:values", { detail: { values: settled, problems, marks, titles } }));
    if (controls) window.dispatchEvent(new CustomEvent("ravine:controls", { detail: controls }));
  }

  refreshTheme() {
    const theme = readTheme(this.root, this.theme);
    if (theme === this.theme) return;
    this.theme = theme;
    this.root.classList.toggle("rv-dark", theme.dark);
    if (this.latest) this.draw();
  }

  // ---------------------------------------------------------------- what is seen

  draw() {
    const message = this.latest;
    if (!message || this.gone || !this.width || !this.theme) return;
    const { kind, maps, colour } = message;
    setText(this.signs, SIGNS[kind]);
    this.reset.hidden = kind !== "basins";
    this.watch.hidden = !maps.length;
    setText(this.empty, message.empty);
    this.empty.hidden = !message.empty;
    const shown = maps.filter((one) => !one.trouble);
    const scale = kind === "plane" ? this.scaleFor(shown, colour.name, message.most[colour.name]) : null;
    const least = Math.min(...message.minima.map(([, , value]) => value));
    this.scene = {
      kind,
      scale,
      theme: this.theme,
      steps: message.steps,
      colour: colour.name,
      minima: message.minima,
      saddles: message.saddles,
      lowest: message.minima.flatMap(([, , value], i) =>
        value <= least + 1e-9 * Math.max(1, Math.abs(least)) ? [i] : [],
      ),
      view: kind === "basins" ? (this.view ?? message.window) : null,
    };
    const ids = new Set(maps.map(({ id }) => id));
    for (const [id, map] of this.maps) {
      if (ids.has(id)) continue;
      map.node.remove();
      this.maps.delete(id);
    }
    const columns = columnsFor(maps.length, this.width);
    this.grid.style.setProperty("--rv-columns", columns);
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
      map.draw(entry, arrays.get(entry.key), this.scene, width, height);
    });
    this.drawLegend(message, shown);
    setText(this.caption, message.caption);
    this.hover(this.place);
    const { seq, coarse } = message;
    painted().then(() => {
      this.root.dataset.seq = seq;
      this.root.dataset.coarse = coarse;
      this.root.dataset.drawn = Number(this.root.dataset.drawn) + 1;
    });
  }

  scaleFor(shown, name, most) {
    const key = [name, most, ...shown.map((one) => one.key)].join();
    if (this.scaled?.key !== key)
      this.scaled = {
        key,
        scale: commonScale(
          name,
          shown.map((one) => arrays.get(one.key)[name] ?? []),
          most,
        ),
      };
    return this.scaled.scale;
  }

  /** What stands in the legend: {colour | hatch | ramp, text}. */
  legendItems(message, shown) {
    if (message.kind === "plane") {
      const { scale } = this.scene;
      const outcomes = this.present(shown, (one) => arrays.get(one.key).outcome);
      const hatched = outcomes.has(DIVERGED) ? [{ hatch: true, text: "diverged" }] : [];
      if (!scale)
        return [
          ...[...outcomes]
            .filter((one) => one !== DIVERGED)
            .sort()
            .map((one) => ({ colour: OUTCOMES[one], text: message.outcomes[one] })),
          ...hatched,
        ];
      const text = (value) => (message.colour.name === "share" ? `${short(value * 100)} %` : short(value));
      const beyond = shown.some((one) =>
        arrays.get(one.key)[message.colour.name].some((value) => value > scale.high * 1.001 && value < Infinity),
      );
      const middle = scale.log ? Math.sqrt(scale.low * scale.high) : (scale.low + scale.high) / 2;
      const above = message.colour.name === "loss" && message.least !== 0 ? `, above ${short(message.least)}` : "";
      const unknown = shown.some((one) =>
        arrays
          .get(one.key)
          [message.colour.name].some(
            (value, i) => !Number.isFinite(value) && arrays.get(one.key).outcome[i] !== DIVERGED,
          ),
      );
      const edges = shown.some((one) => one.edge.length) ? [{ line: true, text: "beyond it no run settles" }] : [];
      const best = shown.some((one) => one.optimum) ? [{ star: true, text: "best rate, in closed form" }] : [];
      return [
        {
          title: message.colour.title + above,
          ramp: (share) => rampColour(share),
          ends: [scale.low, middle, scale.high].map((value, i) => (beyond && i === 2 ? "≥ " : "") + text(value)),
        },
        ...(unknown ? [{ colour: GREY, text: message.colour.name === "steps" ? message.unknown : "not known" }] : []),
        ...hatched,
        ...edges,
        ...best,
      ];
    }
    const labels = this.present(shown, (one) => arrays.get(one.key).label);
    const listed = [...labels].filter((label) => label < LISTED).sort((a, b) => a - b);
    const rest = [...labels].some((label) => label > LISTED && label !== LISTED + LOCAL_MINIMUM);
    const shaded = listed[0] ?? (labels.has(LISTED + LOCAL_MINIMUM) ? LISTED + LOCAL_MINIMUM : null);
    return [
      ...listed.map((label) => ({ colour: labelColour(label, 0.5), text: message.places[label] })),
      ...(labels.has(LISTED + LOCAL_MINIMUM)
        ? [{ colour: labelColour(LISTED + LOCAL_MINIMUM, 0.4), text: "a local minimum" }]
        : []),
      ...(rest ? [{ colour: GREY, text: "not converged" }] : []),
      ...(labels.has(LISTED + DIVERGED) ? [{ hatch: true, text: "diverged" }] : []),
      ...(shaded === null
        ? []
        : [{ title: "", ramp: (share) => labelColour(shaded, share), ends: ["few steps", "", "many"] }]),
    ];
  }

  present(shown, values) {
    const found = new Set();
    for (const one of shown) {
      let last = -1;
      for (const value of values(one)) if (value !== last) found.add((last = value));
    }
    return found;
  }

  drawLegend(message, shown) {
    this.items = shown.length ? this.legendItems(message, shown) : [];
    const key = JSON.stringify([this.theme.signature, this.items]) + shown.map((one) => one.key)[0];
    if (key === this.legendKey) return;
    this.legendKey = key;
    this.legend.replaceChildren(
      ...this.items.map((item) => {
        if (item.ramp) {
          const stops = Array.from({ length: 9 }, (_, i) => css(item.ramp(i / 8))).join(",");
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
          class: item.hatch ? "rv-legend-sign rv-legend-hatch" : item.line ? "rv-legend-line" : "rv-legend-sign",
        });
        if (item.colour) sign.style.background = css(item.colour);
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

  /** The same place in all maps, each with its own answer. */
  hover(place) {
    this.place = place;
    const message = this.latest;
    const starts = message.values["map.starts"];
    for (const map of this.maps.values()) {
      const { entry } = map;
      map.cross(place);
      const cell = map.cell(place);
      if (entry.trouble) map.say("");
      else if (!cell) map.say(entry.sentence);
      else if (message.kind === "basins") map.say(startInWords(map.arrays, cell, message));
      else map.say(cellInWords(map.arrays, cell, { ...message, starts }, [entry.x.name, entry.y.name]));
    }
  }

  /** A click: a start's path on Trajectories, or a cell's values into the card. */
  open(map, place) {
    const cell = map.cell(place);
    if (!cell) return;
    if (this.latest.kind === "basins") channel.announce({ action: { open: [cell.x, cell.y] }, final: true });
    else channel.announce({ set: { [map.entry.paths[0]]: cell.x, [map.entry.paths[1]]: cell.y }, final: true });
  }

  /** Another window for all maps; null where the hand rests at the one that is seen. */
  move(view, final) {
    if (view) {
      const [w, t] = [view[1] - view[0], view[3] - view[2]];
      const reach = Math.max(...view.map(Math.abs));
      if (!(Math.min(w, t) > 1e-6 * reach) || reach > 1e5) return;
      this.view = view.map((value) => Number(value.toPrecision(9)));
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

  resize() {
    const width = Math.floor(this.root.clientWidth);
    if (width === this.width) return;
    this.width = width;
    this.root.classList.toggle("rv-narrow", width < NARROW);
    this.draw();
  }

  // ---------------------------------------------------------------- a picture of it all

  /** Titles, maps, sentences, legend, caption and address as one canvas. */
  compose() {
    const { maps, surface, caption } = this.latest;
    const theme = this.theme;
    const edge = 16;
    const boxes = maps.map(({ id }) => ({
      map: this.maps.get(id),
      box: this.maps.get(id).node.getBoundingClientRect(),
    }));
    const origin = this.grid.getBoundingClientRect();
    const measure = h("canvas").getContext("2d");
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
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, this.width + 2 * edge, height);
    const write = (text, x, y, font, colour) => {
      context.font = font;
      context.fillStyle = colour;
      context.textBaseline = "middle";
      context.fillText(text, x, y);
    };
    write(surface, edge, edge + 8, `600 15px ${theme.font}`, theme.text);
    for (const { map, box } of boxes) {
      const [x, y] = [edge + box.left - origin.left, top + box.top - origin.top];
      context.fillStyle = map.entry.colour;
      context.fillRect(x, y + 9, 14, 4);
      context.save();
      context.beginPath();
      context.rect(x, y, box.width, box.height);
      context.clip();
      write(map.entry.title, x + 21, y + 11, `600 13px ${theme.font}`, theme.text);
      if (!map.entry.trouble) {
        context.imageSmoothingEnabled = false;
        const at = map.frame.getBoundingClientRect();
        context.drawImage(map.canvas, x, y + at.top - box.top, map.width, map.height);
      }
      const under = map.said.getBoundingClientRect();
      wrap(map.entry.trouble ?? map.entry.sentence, small, box.width - 4).forEach((line, i) => {
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
        if (part.tagName !== "I") write(part.textContent, x, y + at.height / 2, texts, theme.text);
        else {
          if (item.ramp) {
            context.fillStyle = context.createLinearGradient(x, 0, x + at.width, 0);
            for (let k = 0; k <= 8; k++) context.fillStyle.addColorStop(k / 8, css(item.ramp(k / 8)));
          } else context.fillStyle = item.hatch ? hatch(context, ratio) : item.line ? theme.text : css(item.colour);
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
    if (!this.latest?.maps.length) return;
    this.compose().toBlob((blob) => {
      const href = URL.createObjectURL(blob);
      h("a", {
        href,
        download: `ravine-${this.latest.kind}-${this.latest.surface.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.png`,
      }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000);
    });
  }

  destroy() {
    this.gone = true;
    this.disconnect();
    this.resizer.disconnect();
    this.root.remove();
    if (window.__ravine_maps === this) delete window.__ravine_maps;
  }
}

export default async function (component) {
  await loadStyles("maps/maps.css");
  const { parentElement } = component;
  let instance = instances.get(parentElement);
  if (!instance || instance.gone) {
    instance = new Maps(parentElement);
    instances.set(parentElement, instance);
  }
  instance.receive(component);
  return () => {
    // Streamlit also runs the cleanup of a call that a newer one overtook; only an element that has left is unmounted.
    if (!parentElement.isConnected) instance.destroy();
  };
}
