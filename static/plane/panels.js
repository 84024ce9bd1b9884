// The contour picture as one panel for all runs, or one for each. Plotly draws a single graph, in the first panel; the
// others show it again under their own paths, so all axes are one.

import { h, paintSwatch, setText, short, svg } from "../shared/dom.js";
import { Overlay } from "./overlay.js";

const GAP = 12;
const [NARROWEST, LOWEST] = [150, 96];
let serial = 0;

/** The runs that share a panel, in order: each with the run that it is compared with. */
function grouped(runs) {
  const groups = new Map();
  for (const run of runs) {
    const id = run.kept && groups.has(run.of) ? run.of : run.id;
    groups.set(id, [...(groups.get(id) ?? []), run]);
  }
  return [...groups.values()];
}

/** How many panels stand side by side. */
function columnsFor(count, width) {
  if (width < 500) return count < 2 || width < 2 * NARROWEST + GAP ? 1 : 2;
  if (count <= 3) return count;
  if (width >= 1300) return count === 4 ? 4 : Math.min(5, Math.ceil(count / 2));
  return count === 4 ? 2 : count <= 9 ? 3 : 4;
}

export class Panels {
  /**
   * `contour` draws the one graph; `onStart(x, y, final)` moves the start, `onReset()` asks for the whole window.
   */
  constructor(host, contour, onStart, onReset) {
    Object.assign(this, { host, contour, onStart, onReset });
    this.id = ++serial;
    this.panels = [];
    this.said = new Map(); // the last word to every overlay, for panels that come later
    this.arrange([], false);
  }

  /** One panel for all runs, or one for each. */
  arrange(runs, apart) {
    const groups = apart ? grouped(runs) : [];
    this.apart = groups.length > 0;
    this.host.setAttribute("role", this.apart ? "group" : "img"); // an image's headings are not read out
    const count = Math.max(1, groups.length);
    while (this.panels.length > count) this.panels.pop().node.remove();
    while (this.panels.length < count) this.add();
    this.groups = this.apart ? groups : [runs];
    if (!this.apart) this.stand(1);
    this.panels.forEach((panel, i) => {
      panel.head.hidden = !this.apart;
      this.entitle(panel, this.groups[i]);
    });
  }

  add() {
    const isFirst = !this.panels.length;
    const head = h("div", { class: "rv-panel-head", hidden: true });
    const picture = h("div", { class: "rv-panel-picture" });
    const node = h("div", { class: "rv-panel", "data-testid": "panel" }, head, picture);
    const panel = { head, picture, node, mirror: null };
    if (isFirst) {
      picture.append(this.contour.graph);
    } else {
      const again = ["ground", "levels"].map((part) => svg("use", { href: `#rv-${part}-${this.id}` }));
      panel.mirror = svg("svg", { class: "rv-overlay rv-mirror", "aria-hidden": "true" }, ...again);
      picture.append(panel.mirror);
    }
    for (const name of ["mousedown", "wheel"]) {
      picture.addEventListener(name, (event) => this.passOn(event, panel), { passive: false });
    }
    this.host.append(node);
    panel.overlay = new Overlay(picture, (x, y, final) => this.moveStart(panel, x, y, final), this.onReset);
    if (isFirst) panel.overlay.labels.id = `rv-levels-${this.id}`;
    this.panels.push(panel);
    for (const [name, values] of this.said) this.tell(panel, name, values);
  }

  tell(panel, name, values) {
    if (panel.mirror && name === "remap") {
      const [, width, height] = values;
      panel.picture.style.height = `${height}px`;
      panel.mirror.setAttribute("width", width);
      panel.mirror.setAttribute("height", height);
    }
    panel.overlay[name](...values);
  }

  tellAll(name, ...values) {
    this.said.set(name, values);
    for (const panel of this.panels) this.tell(panel, name, values);
  }

  setSurface(surface) {
    this.tellAll("setSurface", surface);
  }

  setStart(point) {
    this.tellAll("setStart", point);
  }

  setInside(inside) {
    this.tellAll("setInside", inside);
  }

  setTrail(trail) {
    this.tellAll("setTrail", trail);
  }

  remap(map, width, height) {
    this.tellAll("remap", map, width, height);
  }

  setStep(step) {
    this.tellAll("setStep", step);
    this.drawHeads(step);
  }

  /** The step of what is told next, without drawing. */
  set step(step) {
    for (const panel of this.panels) panel.overlay.step = step;
  }

  setRuns(_runs, changed) {
    this.panels.forEach(({ overlay }, i) => overlay.setRuns(this.groups[i], changed));
  }

  /** Each beside the run that it belongs to. */
  setReferences(references) {
    this.panels.forEach(({ overlay }, i) => {
      const ids = this.groups[i].map((run) => run.id);
      overlay.setReferences(this.apart ? references.filter(({ id }) => ids.includes(id)) : references);
    });
  }

  /** What Plotly has drawn, written on in the first panel, and through it in all. */
  setGround(ground) {
    this.contour.graph.querySelector(".cartesianlayer").id = `rv-ground-${this.id}`;
    this.panels[0].overlay.setGround(this.apart ? { ...ground, fills: null } : ground);
  }

  entitle({ head }, runs) {
    if (!this.apart) return;
    while (head.children.length > runs.length) head.lastChild.remove();
    runs.forEach((run, k) => {
      if (!head.children[k])
        head.append(
          h(
            "span",
            { class: "rv-panel-run" },
            h("i", { class: "rv-swatch" }),
            h("b"),
            h("span", {}, h("span", { class: "rv-panel-word" }, "loss "), h("span")),
          ),
        );
      const [swatch, name] = head.children[k].children;
      paintSwatch(swatch, run);
      setText(name, run.name);
      head.children[k].title = run.name;
    });
  }

  drawHeads(step) {
    if (!this.apart) return;
    this.panels.forEach(({ head }, i) => {
      this.groups[i].forEach(({ loss }, k) => {
        setText(head.children[k].lastChild.lastChild, short(loss[Math.min(step ?? Infinity, loss.length - 1)], 3));
      });
    });
  }

  moveStart(from, x, y, final) {
    for (const panel of this.panels) if (panel !== from) panel.overlay.setStart([x, y]);
    this.onStart(x, y, final);
  }

  /** A drag or a turn of the wheel goes to the one graph there is, which moves all panels. */
  passOn(event, { picture, overlay }) {
    const { graph } = this.contour;
    const ground = graph.querySelector(".nsewdrag");
    if (!ground || graph.contains(event.target) || !overlay.map || !overlay.isInside(...overlay.position(event)))
      return;
    if (event.type === "mousedown" && overlay.start.contains(event.target)) return;
    const { button, buttons, ctrlKey, shiftKey, altKey, metaKey, deltaX, deltaY, deltaMode } = event;
    let { clientX, clientY } = event;
    if (event.type === "wheel") {
      // The wheel zooms about the pointer; a drag counts from where it began.
      const [here, there] = [picture, this.panels[0].picture].map((node) => node.getBoundingClientRect());
      clientX += there.left - here.left;
      clientY += there.top - here.top;
    }
    const again = new event.constructor(event.type, {
      bubbles: true,
      cancelable: true,
      clientX,
      clientY,
      button,
      buttons,
      ctrlKey,
      shiftKey,
      altKey,
      metaKey,
      deltaX,
      deltaY,
      deltaMode,
    });
    if (!ground.dispatchEvent(again)) event.preventDefault();
  }

  /** So many panels side by side. */
  stand(columns) {
    if (columns === this.columns) return;
    this.columns = columns;
    this.host.style.setProperty("--rv-columns", columns);
  }

  /** Width and height of one panel's picture, all of them as large as the room allows. */
  fit(width, height) {
    const count = this.panels.length;
    const heads = Math.max(...this.groups.map((group) => group.length)) * 20 + 2;
    let best = [0, 0, 0];
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const each = Math.floor((width - GAP * (columns - 1)) / columns);
      const tall = Math.floor((height - GAP * (rows - 1)) / rows) - heads;
      const used = Math.min(each, 1.6 * tall) * Math.min(tall, 1.3 * each);
      if (tall > 0 && used > best[0]) best = [used, each, tall, columns];
    }
    this.stand(best[3] ?? 1);
    return best[0] ? [best[1], best[2]] : [width, LOWEST];
  }

  /** Width and height of one panel's picture where `width` is there for all; `aspect` is the plane's, null if free. */
  size(width, aspect) {
    const columns = columnsFor(this.panels.length, width);
    this.stand(columns);
    const each = Math.floor((width - GAP * (columns - 1)) / columns);
    const tallest = columns === 1 ? Math.min(600, each) : each * 1.2;
    const wanted = aspect === null ? each * (columns === 1 ? 0.66 : 0.82) : this.contour.heightFor(each, aspect);
    return [each, Math.round(Math.min(tallest, Math.max(LOWEST, wanted)))];
  }
}
