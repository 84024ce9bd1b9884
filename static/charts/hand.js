// The hand in a chart: it points, drags a window, moves and magnifies it, with the pointer, the wheel or keys.

import { within } from "./axes.js";

/** @import { Place, Scale } from "../shared/types.js" */
/** @import { Handled } from "./types.js" */

export class Hand {
  /** @param {Handled} chart */
  constructor(chart) {
    this.chart = chart;
    /** @type {Place | null} */
    this.dragged = null; // pixels between which it drags
    /** @type {{px: number, scale: Scale} | null} */
    this.pan = null; // where it took hold of the window, and what that was
    this.armed = false; // the wheel zooms once the pointer has moved here; a page that is being scrolled scrolls on
    this.scrolls = new AbortController();
    const { frame } = chart;
    window.addEventListener("scroll", () => (this.armed = false), {
      capture: true,
      passive: true,
      signal: this.scrolls.signal,
    });
    frame.addEventListener("pointerdown", (event) => this.press(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    frame.addEventListener("pointerup", () => this.release());
    frame.addEventListener("pointercancel", () => (this.pan = this.dragged = null));
    frame.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && chart.leave());
    frame.addEventListener("dblclick", () => chart.onZoom(null));
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    frame.addEventListener("keydown", (event) => this.key(event));
    frame.addEventListener("blur", () => chart.leave());
  }

  /** @param {MouseEvent} event */
  inside(event) {
    const box = this.chart.frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {MouseEvent} event */
  hover(event) {
    const [px, py] = this.inside(event);
    this.chart.hover(px, py, event);
  }

  /** @param {PointerEvent} event */
  press(event) {
    const { frame, plot } = this.chart;
    // What a finger has asked for stays until it touches something else.
    if (event.pointerType === "touch") frame.focus({ preventScroll: true });
    if (event.button || event.pointerType === "touch" || !plot) return this.hover(event);
    frame.setPointerCapture(event.pointerId);
    const [px] = this.inside(event);
    if (event.shiftKey) this.pan = { px, scale: plot.xScale };
    else this.dragged = [px, px];
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { chart, pan } = this;
    if (event.pointerType === "mouse" && (event.movementX || event.movementY)) this.armed = true;
    const [px] = this.inside(event);
    if (pan) {
      /** @param {number} edge */
      const back = (edge) => pan.scale.value(pan.scale.px(edge) - (px - pan.px));
      chart.onZoom([back(pan.scale.low), back(pan.scale.high)]);
    } else if (this.dragged) {
      this.dragged[1] = px;
      chart.hideTip();
      chart.drawOver();
    } else this.hover(event);
  }

  release() {
    const { dragged: box } = this;
    const { plot } = this.chart;
    this.pan = this.dragged = null;
    if (!box || !plot) return;
    const [low, high] = box.map((px) => within(plot, px)).sort((a, b) => a - b);
    if (high - low > 5) this.chart.onZoom([plot.xScale.value(low), plot.xScale.value(high)]);
    else this.chart.drawOver();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { frame, plot } = this.chart;
    if (!plot || !(this.armed || event.ctrlKey || document.activeElement === frame)) return;
    const sideways = event.shiftKey
      ? event.deltaX || event.deltaY
      : Math.abs(event.deltaX) > Math.abs(event.deltaY)
        ? event.deltaX
        : 0;
    const [px] = this.inside(event);
    const done = sideways ? this.shift(sideways) : this.magnify(Math.exp(event.deltaY * 0.002), px);
    if (done) event.preventDefault();
  }

  /**
   * Makes the window so many times as wide about a pixel; false where it shows everything already.
   * @param {number} factor
   * @param {number} px
   */
  magnify(factor, px) {
    const { plot, scene, onZoom } = this.chart;
    if (!plot || (factor > 1 && scene?.x.full)) return false;
    const { xScale, inner, right } = plot;
    const at = within(plot, px);
    onZoom([xScale.value(at - (at - inner.left) * factor), xScale.value(at + (right - at) * factor)]);
    return true;
  }

  /** @param {number} pixels */
  shift(pixels) {
    const { plot, scene, onZoom } = this.chart;
    if (!plot || scene?.x.full) return false;
    onZoom([plot.xScale.value(plot.inner.left + pixels), plot.xScale.value(plot.right + pixels)]);
    return true;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { chart } = this;
    const { plot, pointed, onZoom } = chart;
    if (!plot) return;
    const { inner, right, xScale } = plot;
    const px = xScale.px(pointed ?? xScale.value((inner.left + right) / 2));
    /** @type {Record<string, () => unknown>} */
    const acts = {
      ArrowLeft: () => chart.pointAt(px - inner.width / 100),
      ArrowRight: () => chart.pointAt(px + inner.width / 100),
      "+": () => this.magnify(0.7, px),
      "-": () => this.magnify(1 / 0.7, px),
      0: () => onZoom(null),
      Escape: () => onZoom(null),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  destroy() {
    this.scrolls.abort();
  }
}
