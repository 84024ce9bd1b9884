// The hand on a map: it points, clicks, drags the window and magnifies it, with the pointer, the wheel or keys.

import { axesOf } from "./map_axes.js";

/** @import { Hand, Handled } from "./types.js" */
/** @import { Window } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

const DOUBLE = 300; // milliseconds within which a second click makes a double one
const MOVED = 5; // pixels from which on a click is a drag
const REST = 250; // milliseconds after which the wheel rests

/** @param {Place} place */
const isInside = ([x, y]) => x >= 0 && x <= 1 && y >= 0 && y <= 1;

export class MapHand {
  /** @param {Handled} map @param {Hand} on */
  constructor(map, on) {
    this.map = map;
    this.on = on;
    /** @type {{place: Place, view: Window | null, at: Place, moved: boolean} | null} */
    this.drag = null;
    this.waiting = this.resting = 0;
    const { frame } = map;
    frame.addEventListener("pointerdown", (event) => this.press(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    frame.addEventListener("pointercancel", () => this.drop());
    frame.addEventListener("pointerup", (event) => this.release(event));
    frame.addEventListener("pointerleave", () => on.hover(null));
    frame.addEventListener("dblclick", () => {
      clearTimeout(this.waiting);
      if (map.shown?.scene.view) on.whole();
    });
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    frame.addEventListener("keydown", (event) => this.key(event));
    frame.addEventListener("blur", () => on.hover(null));
  }

  /**
   * @param {MouseEvent} event
   * @returns {Place}
   */
  where(event) {
    const box = this.map.frame.getBoundingClientRect();
    const { left, top, width, height } = this.map.plot;
    return [(event.clientX - box.left - left) / width, 1 - (event.clientY - box.top - top) / height];
  }

  /** @param {PointerEvent} event */
  press(event) {
    const place = this.where(event);
    const { shown, frame } = this.map;
    if (event.button || !isInside(place) || !shown) return;
    this.drag = { place, view: shown.scene.view, at: [event.clientX, event.clientY], moved: false };
    frame.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { drag } = this;
    const { shown } = this.map;
    const place = this.where(event);
    if (drag && Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) > MOVED) drag.moved = true;
    if (drag?.moved && drag.view && shown) {
      const [w, t] = axesOf(shown).map(({ low, high }) => high - low);
      const [dx, dy] = [(drag.place[0] - place[0]) * w, (drag.place[1] - place[1]) * t];
      const [x0, x1, y0, y1] = drag.view;
      this.on.move([x0 + dx, x1 + dx, y0 + dy, y1 + dy], false);
    }
    this.on.hover(isInside(place) ? place : null);
  }

  drop() {
    if (this.drag?.moved && this.drag.view) this.on.move(null, true);
    this.drag = null;
  }

  /** @param {PointerEvent} event */
  release(event) {
    const isClick = this.drag && !this.drag.moved;
    this.drop();
    const place = this.where(event);
    if (!isClick || !isInside(place)) return;
    clearTimeout(this.waiting);
    // In a map of starts a click leads elsewhere: it waits, since it may become a double one.
    if (event.pointerType === "mouse" && this.map.shown?.scene.view)
      this.waiting = window.setTimeout(() => this.on.open(place), DOUBLE);
    else this.on.open(place);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const place = this.where(event);
    const view = this.map.shown?.scene.view;
    if (!view || !isInside(place)) return;
    event.preventDefault();
    const factor = 1.0015 ** (event.deltaY * (event.deltaMode ? 30 : 1));
    const [x0, x1, y0, y1] = view;
    const [x, y] = [x0 + place[0] * (x1 - x0), y0 + place[1] * (y1 - y0)];
    this.on.move([x + (x0 - x) * factor, x + (x1 - x) * factor, y + (y0 - y) * factor, y + (y1 - y) * factor], false);
    clearTimeout(this.resting);
    this.resting = window.setTimeout(() => this.on.move(null, true), REST);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { shown, place } = this.map;
    /** @type {Record<string, Place>} */
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key in ways && shown) {
      event.preventDefault();
      const stride = (event.shiftKey ? 10 : 1) * Math.max(1 / shown.entry.side, 0.004);
      const [across, up] = place ?? [0.5, 0.5];
      const [dx, dy] = ways[event.key];
      /** @param {number} share */
      const within = (share) => Math.min(0.999, Math.max(0, share));
      this.on.hover([within(across + dx * stride), within(up + dy * stride)]);
    } else if (event.key === "Enter" && place) this.on.open(place);
    else if (event.key === "Escape") this.on.hover(null);
  }
}
