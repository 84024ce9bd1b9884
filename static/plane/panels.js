// The contour picture as one panel for all runs, or one for each. Plotly draws a single graph, in the first panel; the
// others show it again under their own paths, so all axes are one.

import { h, paintSwatch, setText, short, svg } from "../shared/dom.js";
import { Overlay } from "./overlay.js";

/** @import { Contour } from "./contour.js" */
/** @import { Landmarked } from "./landmarks.js" */
/** @import { Ground } from "./overlay.js" */
/** @import { OnStart } from "./start.js" */
/** @import { Inside, Reference, Run } from "../shared/messages.js" */
/** @import { Mapping, Place } from "../shared/types.js" */
/**
 * A picture with its heading; all but the first show the first one's graph again.
 * @typedef {object} Panel
 * @property {HTMLElement} head
 * @property {HTMLElement} picture
 * @property {HTMLElement} node
 * @property {SVGElement | null} mirror
 * @property {Overlay} overlay
 */

const GAP = 12;
const [NARROWEST, LOWEST] = [150, 96];
let serial = 0;

/**
 * The runs that share a panel, in order: each with the run that it is compared with.
 * @param {Run[]} runs
 */
function grouped(runs) {
  /** @type {Map<number, Run[]>} */
  const groups = new Map();
  for (const run of runs) {
    const id = run.kept && run.of !== undefined && groups.has(run.of) ? run.of : run.id;
    groups.set(id, [...(groups.get(id) ?? []), run]);
  }
  return [...groups.values()];
}

/**
 * How many panels stand side by side.
 * @param {number} count
 * @param {number} width
 */
function columnsFor(count, width) {
  if (width < 500) return count < 2 || width < 2 * NARROWEST + GAP ? 1 : 2;
  if (count <= 3) return count;
  if (width >= 1300) return count === 4 ? 4 : Math.min(5, Math.ceil(count / 2));
  return count === 4 ? 2 : count <= 9 ? 3 : 4;
}

export class Panels {
  /**
   * @param {HTMLElement} host
   * @param {Contour} contour draws the one graph
   * @param {OnStart} onStart moves the start
   * @param {() => void} onReset asks for the whole window
   */
  constructor(host, contour, onStart, onReset) {
    this.host = host;
    this.contour = contour;
    this.onStart = onStart;
    this.onReset = onReset;
    this.id = ++serial;
    /** @type {Panel[]} */
    this.panels = [];
    /** @type {Run[][]} */
    this.groups = [];
    this.apart = false;
    this.columns = 0;
    /** @type {Map<string, (panel: Panel) => void>} */
    this.said = new Map(); // the last word to every panel, for those that come later
    this.arrange([], false);
  }

  /**
   * One panel for all runs, or one for each.
   * @param {Run[]} runs
   * @param {boolean} apart
   */
  arrange(runs, apart) {
    const groups = apart ? grouped(runs) : [];
    this.apart = groups.length > 0;
    this.host.setAttribute("role", this.apart ? "group" : "img"); // an image's headings are not read out
    const count = Math.max(1, groups.length);
    while (this.panels.length > count) this.panels.pop()?.node.remove();
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
    const again = ["ground", "levels"].map((part) => svg("use", { href: `#rv-${part}-${this.id}` }));
    const mirror = isFirst ? null : svg("svg", { class: "rv-overlay rv-mirror", "aria-hidden": "true" }, ...again);
    picture.append(mirror ?? this.contour.graph);
    picture.addEventListener("mousedown", (event) => this.passOn(event, panel), { passive: false });
    picture.addEventListener("wheel", (event) => this.passOn(event, panel), { passive: false });
    this.host.append(node);
    const overlay = new Overlay(picture, (x, y, final) => this.moveStart(panel, x, y, final), this.onReset);
    if (isFirst) overlay.labels.id = `rv-levels-${this.id}`;
    /** @type {Panel} */
    const panel = { head, picture, node, mirror, overlay };
    this.panels.push(panel);
    for (const word of this.said.values()) word(panel);
  }

  /**
   * Tells every panel, and later those that come later; of each name the last word counts.
   * @param {string} name
   * @param {(panel: Panel) => void} word
   */
  tellAll(name, word) {
    this.said.set(name, word);
    for (const panel of this.panels) word(panel);
  }

  /** @param {Landmarked} surface */
  setSurface(surface) {
    this.tellAll("surface", ({ overlay }) => overlay.setSurface(surface));
  }

  /** @param {Place} point */
  setStart(point) {
    this.tellAll("start", ({ overlay }) => overlay.setStart(point));
  }

  /** @param {Inside | null} inside */
  setInside(inside) {
    this.tellAll("inside", ({ overlay }) => overlay.setInside(inside));
  }

  /** @param {number | null} trail */
  setTrail(trail) {
    this.tellAll("trail", ({ overlay }) => overlay.setTrail(trail));
  }

  /** @param {Mapping} map @param {number} width @param {number} height */
  remap(map, width, height) {
    this.tellAll("map", ({ overlay, mirror, picture }) => {
      if (mirror) {
        picture.style.height = `${height}px`;
        mirror.setAttribute("width", String(width));
        mirror.setAttribute("height", String(height));
      }
      overlay.remap(map, width, height);
    });
  }

  /** @param {number | null} step */
  setStep(step) {
    this.tellAll("step", ({ overlay }) => overlay.setStep(step));
    this.drawHeads(step);
  }

  /**
   * The step of what is told next, without drawing.
   * @param {number | null} step
   */
  set step(step) {
    for (const panel of this.panels) panel.overlay.step = step;
  }

  /** @param {(run: Run) => boolean} changed */
  setRuns(changed) {
    this.panels.forEach(({ overlay }, i) => overlay.setRuns(this.groups[i], changed));
  }

  /**
   * Each beside the run that it belongs to.
   * @param {Reference[]} references
   */
  setReferences(references) {
    this.panels.forEach(({ overlay }, i) => {
      const ids = this.groups[i].map((run) => run.id);
      overlay.setReferences(this.apart ? references.filter(({ id }) => ids.includes(id)) : references);
    });
  }

  /**
   * What Plotly has drawn, written on in the first panel, and through it in all.
   * @param {Ground} ground
   */
  setGround(ground) {
    const drawn = this.contour.graph.querySelector(".cartesianlayer");
    if (drawn) drawn.id = `rv-ground-${this.id}`;
    this.panels[0].overlay.setGround(this.apart ? { ...ground, fills: null } : ground);
  }

  /** @param {Panel} panel @param {Run[]} runs */
  entitle({ head }, runs) {
    if (!this.apart) return;
    while (head.children.length > runs.length) head.lastChild?.remove();
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
      const whole = /** @type {HTMLElement} */ (head.children[k]);
      const [swatch, name] = whole.children;
      paintSwatch(/** @type {HTMLElement} */ (swatch), run);
      setText(name, run.name);
      whole.title = run.name;
    });
  }

  /** @param {number | null} step */
  drawHeads(step) {
    if (!this.apart) return;
    this.panels.forEach(({ head }, i) => {
      this.groups[i].forEach(({ loss }, k) => {
        const value = head.children[k].lastElementChild?.lastElementChild;
        if (value) setText(value, short(loss[Math.min(step ?? Infinity, loss.length - 1)], 3));
      });
    });
  }

  /** @param {Panel} from @param {number} x @param {number} y @param {boolean} final */
  moveStart(from, x, y, final) {
    for (const panel of this.panels) if (panel !== from) panel.overlay.setStart([x, y]);
    this.onStart(x, y, final);
  }

  /**
   * A drag or a turn of the wheel goes to the one graph there is, which moves all panels.
   * @param {MouseEvent | WheelEvent} event
   * @param {Panel} panel
   */
  passOn(event, { picture, overlay }) {
    const { graph } = this.contour;
    const ground = graph.querySelector(".nsewdrag");
    const target = /** @type {Node} */ (event.target);
    if (!ground || graph.contains(target) || !overlay.isInside(event)) return;
    if (event.type === "mousedown" && overlay.start.node.contains(target)) return;
    const { button, buttons, ctrlKey, shiftKey, altKey, metaKey } = event;
    let { clientX, clientY } = event;
    const turned = event instanceof WheelEvent ? event : null;
    if (turned) {
      // The wheel zooms about the pointer; a drag counts from where it began.
      const [here, there] = [picture, this.panels[0].picture].map((node) => node.getBoundingClientRect());
      clientX += there.left - here.left;
      clientY += there.top - here.top;
    }
    const where = { bubbles: true, cancelable: true, clientX, clientY };
    const told = { ...where, button, buttons, ctrlKey, shiftKey, altKey, metaKey };
    const again = turned
      ? new WheelEvent("wheel", { ...told, deltaX: turned.deltaX, deltaY: turned.deltaY, deltaMode: turned.deltaMode })
      : new MouseEvent(event.type, told);
    if (!ground.dispatchEvent(again)) event.preventDefault();
  }

  /**
   * So many panels side by side.
   * @param {number} columns
   */
  stand(columns) {
    if (columns === this.columns) return;
    this.columns = columns;
    this.host.style.setProperty("--rv-columns", String(columns));
  }

  /**
   * Width and height of one panel's picture, all of them as large as the room allows.
   * @param {number} width
   * @param {number} height
   * @returns {Place}
   */
  fit(width, height) {
    const count = this.panels.length;
    const heads = Math.max(...this.groups.map((group) => group.length)) * 20 + 2;
    let best = { used: 0, each: 0, tall: 0, columns: 1 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const each = Math.floor((width - GAP * (columns - 1)) / columns);
      const tall = Math.floor((height - GAP * (rows - 1)) / rows) - heads;
      const used = Math.min(each, 1.6 * tall) * Math.min(tall, 1.3 * each);
      if (tall > 0 && used > best.used) best = { used, each, tall, columns };
    }
    this.stand(best.columns);
    return best.used ? [best.each, best.tall] : [width, LOWEST];
  }

  /**
   * Width and height of one panel's picture.
   * @param {number} width that is there for all
   * @param {number | null} aspect the plane's, null if free
   * @returns {Place}
   */
  size(width, aspect) {
    const columns = columnsFor(this.panels.length, width);
    this.stand(columns);
    const each = Math.floor((width - GAP * (columns - 1)) / columns);
    const tallest = columns === 1 ? Math.min(600, each) : each * 1.2;
    const wanted = aspect === null ? each * (columns === 1 ? 0.66 : 0.82) : this.contour.heightFor(each, aspect);
    return [each, Math.round(Math.min(tallest, Math.max(LOWEST, wanted)))];
  }
}
