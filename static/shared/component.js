// The life of a component: it is mounted once, fed with messages, told of its width and of the theme, and taken away.

import { known, unpack } from "./bytes.js";
import * as channel from "./channel.js";
import { h, loadStyles, painted } from "./dom.js";
import { readTheme } from "./theme.js";

/** @import { Change, Controls, Sent } from "./messages.js" */
/** @import { Attributes, ControlsNews, StreamlitComponent } from "./types.js" */

/**
 * What a module hands to Streamlit: it makes one instance for an element, feeds it, and takes it away with the element.
 * @template Data
 * @param {(parent: HTMLElement) => {gone?: boolean, receive(component: StreamlitComponent<Data>): void, destroy(): void}} make
 * @param {...string} styles
 */
export function mounted(make, ...styles) {
  /** @type {WeakMap<HTMLElement, ReturnType<typeof make>>} */
  const instances = new WeakMap();
  /** @param {StreamlitComponent<Data>} component */
  return async (component) => {
    await loadStyles(...styles);
    const { parentElement } = component;
    let instance = instances.get(parentElement);
    if (!instance || instance.gone) {
      instance = make(parentElement);
      instances.set(parentElement, instance);
    }
    const shown = instance;
    shown.receive(component);
    return () => {
      // Streamlit also runs the cleanup of a call that a newer one overtook; only an element that has left is unmounted.
      if (!parentElement.isConnected) shown.destroy();
    };
  };
}

/**
 * A component that speaks to the server for its page. One that is made of it fills `root`, then calls `begin`.
 * @template {object} Message what the server sends
 */
export class Component {
  narrow = 0; // pixels of width below which the root is marked as narrow

  /**
   * @param {HTMLElement} parent
   * @param {Attributes} attributes of the root
   */
  constructor(parent, attributes) {
    this.root = h("div", attributes);
    this.root.ravine = this;
    parent.append(this.root);
    // Streamlit fades what waits for its server. Here each slider move would start that, and the browser would
    // rasterise every picture anew for it (25 ms of processor time).
    const frame = /** @type {HTMLElement | null} */ (parent.closest('[data-testid="stElementContainer"]'));
    frame?.style.setProperty("transition", "none", "important");
    frame?.style.setProperty("opacity", "1", "important");
    this.theme = readTheme(this.root);
    this.root.classList.toggle("rv-dark", this.theme.dark);
    this.width = NaN;
    this.gone = false;
    this.frame = 0; // the one in which it will be drawn
    /** @type {(Message & Sent) | null} */
    this.latest = null;
    /** @type {number | null} */
    this.stamp = null;
    /** @type {StreamlitComponent["setStateValue"]} */
    this.setStateValue = () => {};
    this.send = (/** @type {Change} */ change) => this.setStateValue("change", this.said(change));
    this.disconnect = () => {};
    this.resizer = new ResizeObserver(() => this.resize());
  }

  /** The elements are there: it measures itself, and speaks for the page from now on. */
  begin() {
    this.resize();
    this.disconnect = channel.connect(this.send);
    this.resizer.observe(this.root);
  }

  /**
   * What is sent of a change.
   * @param {Change} change
   * @returns {object}
   */
  said(change) {
    return { ...change, have: change.need ? [] : known() };
  }

  /**
   * A payload, or the old one again because the theme has changed.
   * @param {StreamlitComponent} component
   */
  receive(component) {
    this.setStateValue = component.setStateValue;
    /** @type {{message: Message & Sent, whole: boolean}} */
    const { message, whole } = unpack(component.data);
    this.refreshTheme();
    if (message.stamp === this.stamp) return;
    this.stamp = message.stamp;
    channel.acknowledge(message.seq);
    if (whole) this.take(message);
    else channel.announce({ need: true });
  }

  /**
   * A new message.
   * @param {Message & Sent} _message
   */
  take(_message) {}

  /** Draws what was sent last, if anything was. */
  draw() {}

  /** Draws it for another theme. */
  redraw() {
    this.draw();
  }

  /** Draws once in the next frame, however often it is asked for. */
  drawSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  refreshTheme() {
    const theme = readTheme(this.root, this.theme);
    if (theme === this.theme) return;
    this.theme = theme;
    this.root.classList.toggle("rv-dark", theme.dark);
    this.redraw();
  }

  resize() {
    if (this.measure()) this.draw();
  }

  /** Takes over the width that there is; returns whether it has changed. */
  measure() {
    const width = Math.floor(this.root.clientWidth);
    if (width === this.width) return false;
    this.width = width;
    this.root.classList.toggle("rv-narrow", width < this.narrow);
    return true;
  }

  /**
   * Tells the controls what the server has said, but for what has been changed since.
   * @param {ControlsNews & {controls?: Controls}} news
   */
  tellControls({ values, problems, marks, titles, controls }) {
    if (!channel.isSpeaker(this.send)) return;
    const settled = Object.fromEntries(Object.entries(values).filter(([path]) => !channel.isUnsettled(path)));
    window.dispatchEvent(new CustomEvent("ravine:values", { detail: { values: settled, problems, marks, titles } }));
    if (controls) window.dispatchEvent(new CustomEvent("ravine:controls", { detail: controls }));
  }

  /**
   * Says in the root's data which message has been painted, and how often that was.
   * @param {number} seq
   * @param {Record<string, unknown>} [more]
   */
  notePainted(seq, more = {}) {
    painted().then(() => {
      for (const [name, value] of Object.entries({ seq, ...more })) this.root.dataset[name] = String(value);
      this.root.dataset.drawn = String(Number(this.root.dataset.drawn) + 1);
    });
  }

  destroy() {
    this.gone = true;
    cancelAnimationFrame(this.frame);
    this.disconnect();
    this.resizer.disconnect();
    this.root.remove();
  }
}
