// The start: a ring that is dragged; a click puts it elsewhere, and a double click takes that back.

import { placeIn, svg, tenth } from "../shared/dom.js";
import { isInside, keptInside, toData, toPixels } from "./mapping.js";

/** @import { Mapping, Place } from "../shared/types.js" */
/** @typedef {(x: number, y: number, final: boolean) => void} OnStart */

const DOUBLE = 350; // milliseconds within which a second click makes a double one

export class Start {
  /**
   * @param {HTMLElement} host the positioned element over which it lies
   * @param {object} hand
   * @param {OnStart} hand.onStart it was moved
   * @param {() => void} hand.onReset the whole window is asked for
   * @param {() => void} hand.onGrab it was taken hold of
   */
  constructor(host, { onStart, onReset, onGrab }) {
    this.host = host;
    this.onStart = onStart;
    this.onReset = onReset;
    this.onGrab = onGrab;
    /** @type {Mapping | null} */
    this.map = null;
    /** @type {Place | null} */
    this.point = null;
    this.dragging = false;
    /** @type {{when: number, before: Place | null} | null} */
    this.clicked = null; // the last click that has put it elsewhere
    this.node = svg(
      "g",
      { class: "rv-start", "data-testid": "start-marker" },
      svg("circle", { r: 20, class: "rv-start-reach" }),
      svg("circle", { r: 7, class: "rv-start-halo" }),
      svg("circle", { r: 7, class: "rv-start-ring" }),
    );
    this.node.addEventListener("pointerdown", (event) => this.grab(event));
    host.addEventListener("pointerdown", (event) => this.watchClick(event), true);
  }

  /**
   * The server's start; one that is being dragged stays under the hand.
   * @param {Place} point
   */
  set(point) {
    if (this.dragging) return;
    this.point = point;
    this.draw();
  }

  draw() {
    if (!this.map || !this.point) return;
    this.node.setAttribute(
      "transform",
      `translate(${toPixels(this.map, ...this.point)
        .map(tenth)
        .join(" ")})`,
    );
  }

  /** @param {Place} point @param {boolean} final */
  move(point, final) {
    this.point = point;
    this.draw();
    this.onStart(point[0], point[1], final);
  }

  /** @param {PointerEvent} event */
  grab(event) {
    const { map, point, node, host } = this;
    if (event.button || !map || !point) return;
    event.preventDefault();
    event.stopPropagation();
    node.setPointerCapture(event.pointerId);
    this.onGrab();
    const [x0, y0] = placeIn(host, event);
    const [sx, sy] = toPixels(map, ...point);
    const origin = [sx - x0, sy - y0];
    let moved = false;
    this.dragging = true;
    /** @param {PointerEvent} e @param {boolean} final */
    const follow = (e, final) => {
      const [px, py] = placeIn(host, e);
      moved ||= Math.hypot(px - x0, py - y0) >= 2;
      if (!moved) return;
      const now = this.map ?? map;
      this.move(toData(now, ...keptInside(now, px + origin[0], py + origin[1])), final);
    };
    const controller = new AbortController();
    const { signal } = controller;
    /** @param {PointerEvent} e */
    const end = (e) => {
      controller.abort();
      this.dragging = false;
      if (moved && e.type === "pointerup") follow(e, true);
      else if (moved) this.move(this.point ?? point, true);
      // The first press of a double click has put the start under the second.
      else this.takeBack();
    };
    node.addEventListener("pointermove", (e) => follow(e, false), { signal });
    node.addEventListener("pointerup", end, { signal });
    node.addEventListener("pointercancel", end, { signal });
  }

  /**
   * A press and release on one spot sets the start there; Plotly has the drags.
   * @param {PointerEvent} event
   */
  watchClick(event) {
    const { host } = this;
    const target = /** @type {Node} */ (event.target);
    if (event.button || !event.isPrimary || !this.map || this.node.contains(target)) return;
    const [x0, y0] = placeIn(host, event);
    if (!isInside(this.map, x0, y0)) return;
    const controller = new AbortController();
    const { signal } = controller;
    let moved = false;
    // Plotly covers the page while a button is down: only the window sees the rest.
    /** @param {PointerEvent} e */
    const move = (e) => {
      const [px, py] = placeIn(host, e);
      moved ||= Math.hypot(px - x0, py - y0) >= 4;
    };
    /** @param {PointerEvent} e */
    const end = (e) => {
      move(e);
      controller.abort();
      if (moved || e.type !== "pointerup" || e.pointerId !== event.pointerId || !this.map) return;
      if (this.takeBack()) return;
      this.clicked = { when: performance.now(), before: this.point };
      this.move(toData(this.map, x0, y0), true);
    };
    window.addEventListener("pointermove", move, { signal, capture: true });
    window.addEventListener("pointerup", end, { signal, capture: true });
    window.addEventListener("pointercancel", end, { signal, capture: true });
  }

  /**
   * The second press of a double click shows the whole window, and the start goes back to where it was before the first.
   * Returns whether this is one.
   */
  takeBack() {
    if (!this.clicked || performance.now() - this.clicked.when >= DOUBLE) return false;
    const { before } = this.clicked;
    this.clicked = null;
    if (before) this.move(before, true);
    this.onReset();
    return true;
  }
}
