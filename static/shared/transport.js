// Playing, stepping and scrubbing through the steps, by hand and by keys, and what each run has reached at the chosen one.

import { h, icon, paintSwatch, setText, short } from "./dom.js";

/** @import { Numbers, Swatch } from "./types.js" */
/** @typedef {Swatch & {name: string, loss: Numbers}} Played a run as the readout shows it */

const SPEEDS = [5, 20, 60, 200, 1000];
/** @type {Record<string, string>} */
const KEYS = { Space: "space", ArrowLeft: "←", ArrowRight: "→" };
const ICONS = {
  start: "M6 5v14M19 5L9 12L19 19Z",
  back: "M16 5L7 12L16 19Z",
  play: "M8 5L19 12L8 19Z",
  pause: "M8 5v14M16 5v14",
  forward: "M8 5L17 12L8 19Z",
  end: "M18 5v14M5 5L15 12L5 19Z",
};

/**
 * Whether an element has a use of its own for the keys that move the step.
 * @param {HTMLElement} node
 */
function isTyping(node) {
  return Boolean(
    node.isContentEditable ||
      node.closest?.(
        'input, select, textarea, [role="slider"], [role="combobox"], [role="listbox"], [role="menu"], [role="radiogroup"], [role="tablist"]',
      ) ||
      document.querySelector('[role="dialog"], dialog[open]'),
  );
}

export class Transport {
  /** @param {(step: number | null, final: boolean | null) => void} onStep step null means the last, wherever it is */
  constructor(onStep) {
    this.onStep = onStep;
    this.last = 0;
    /** @type {number | null} */
    this.step = null;
    this.playing = 0; // the frame that is waited for
    this.held = false;
    /** @type {Played[]} */
    this.runs = [];
    /** @param {keyof typeof ICONS} name @param {string} label @param {string} key @param {() => void} action */
    const button = (name, label, key, action) =>
      h(
        "button",
        {
          type: "button",
          class: "rv-button",
          "aria-label": label,
          title: `${label} (${KEYS[key] ?? key})`,
          "aria-keyshortcuts": key,
          "data-testid": `transport-${name}`,
          onclick: action,
        },
        icon(ICONS[name], 18),
      );
    this.playButton = button("play", "Play", "Space", () => this.toggle());
    /** @type {HTMLInputElement} */
    this.range = h("input", {
      type: "range",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      class: "rv-range",
      "aria-label": "Step shown",
      "data-testid": "transport-range",
      oninput: () => this.choose(Number(this.range.value), false),
      onchange: () => this.choose(Number(this.range.value), true),
    });
    /** @type {HTMLInputElement} */
    this.number = h("input", {
      type: "text",
      inputmode: "numeric",
      class: "rv-step-number",
      "aria-label": "Step number",
      "data-testid": "step-number",
      onchange: () => {
        const typed = Math.round(Number(this.number.value));
        if (this.number.value.trim() !== "" && Number.isFinite(typed)) this.choose(typed, true);
        this.number.value = String(this.shown());
      },
    });
    this.total = h("span", { class: "rv-step-total" });
    this.speed = h(
      "select",
      {
        class: "rv-select rv-speed",
        "aria-label": "Playing speed",
        title: "Playing speed (+ and −)",
        "aria-keyshortcuts": "+ -",
      },
      ...SPEEDS.map((s) => h("option", { value: s, selected: s === 60 }, `${s}/s`)),
    );
    this.node = h(
      "div",
      { class: "rv-transport", role: "group", "aria-label": "Playback" },
      h(
        "div",
        { class: "rv-buttons" },
        button("start", "To the start", "Home", () => this.choose(0, true)),
        button("back", "One step back", "ArrowLeft", () => this.choose(this.shown() - 1, true)),
        this.playButton,
        button("forward", "One step forward", "ArrowRight", () => this.choose(this.shown() + 1, true)),
        button("end", "To the end", "End", () => this.choose(this.last, true)),
      ),
      this.range,
      h("label", { class: "rv-step" }, "step ", this.number, this.total),
      this.speed,
    );
    this.readout = h("ul", { class: "rv-readout", "data-testid": "readout" });
    this.keys = new AbortController();
    const { signal } = this.keys;
    window.addEventListener("keydown", (event) => this.key(event), { signal });
    window.addEventListener("keyup", () => this.rest(), { signal });
  }

  shown() {
    return Math.min(this.last, this.step ?? this.last);
  }

  /** @param {number} step @param {boolean} final */
  choose(step, final) {
    if (final || this.playing) this.stop(false);
    const clamped = Math.min(this.last, Math.max(0, step));
    this.step = clamped >= this.last ? null : clamped;
    this.show();
    this.onStep(this.step, final);
  }

  /**
   * A key anywhere on the page; a key that is held moves the step and is final when it comes up.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const node = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (node !== this.range && isTyping(node)) return;
    const pressed = node.closest?.("button, a, summary, [role='button']");
    const jump = event.shiftKey ? 10 : 1;
    /** @type {Record<string, () => number>} */
    const moves = {
      ArrowLeft: () => this.shown() - jump,
      ArrowRight: () => this.shown() + jump,
      Home: () => 0,
      End: () => this.last,
    };
    if (event.key in moves) {
      this.choose(moves[event.key](), !event.repeat);
      this.held = event.repeat;
    } else if (event.key === " " && !event.shiftKey && (!pressed || pressed === this.playButton)) {
      if (!event.repeat) this.toggle();
    } else if (event.key === "+" || event.key === "-") {
      this.speed.selectedIndex = Math.min(
        SPEEDS.length - 1,
        Math.max(0, this.speed.selectedIndex + (event.key === "+" ? 1 : -1)),
      );
    } else return;
    event.preventDefault();
  }

  rest() {
    if (!this.held) return;
    this.held = false;
    this.onStep(this.step, true);
  }

  toggle() {
    if (this.playing) {
      this.stop(true);
      return;
    }
    if (!this.last) return;
    let from = this.shown() >= this.last ? 0 : this.shown();
    let before = performance.now();
    /** @param {number} now */
    const tick = (now) => {
      from += (Math.max(0, now - before) / 1000) * Number(this.speed.value);
      before = now;
      if (from >= this.last) {
        this.stop(false);
        this.choose(this.last, true);
        return;
      }
      this.step = Math.floor(from);
      this.show();
      this.onStep(this.step, null);
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    this.face("pause", "Pause");
  }

  /** @param {boolean} announce */
  stop(announce) {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.face("play", "Play");
    if (announce) this.onStep(this.step, true);
  }

  /** @param {keyof typeof ICONS} name @param {string} label */
  face(name, label) {
    this.playButton.replaceChildren(icon(ICONS[name], 18));
    this.playButton.setAttribute("aria-label", label);
    this.playButton.title = `${label} (space)`;
  }

  destroy() {
    this.stop(false);
    this.keys.abort();
  }

  /**
   * New runs: the step chosen stays, the end is shown where they are shorter; at the end it stays at the end.
   * @param {Played[]} runs
   * @param {number} last
   */
  setRuns(runs, last) {
    this.runs = runs;
    this.last = last;
    if (Number(this.range.max) !== last) this.range.max = String(last);
    setText(this.total, ` / ${last}`);
    this.range.disabled = !last;
    const items = [...this.readout.children];
    runs.forEach((run, i) => {
      const item = items[i] ?? h("li", {}, h("i", { class: "rv-swatch" }), h("b"), h("span"));
      if (!items[i]) this.readout.append(item);
      paintSwatch(/** @type {HTMLElement} */ (item.firstChild), run);
      setText(item.children[1], run.name);
    });
    for (const item of items.slice(runs.length)) item.remove();
    this.show();
  }

  show() {
    const step = this.shown();
    if (Number(this.range.value) !== step) this.range.value = String(step);
    this.range.setAttribute("aria-valuetext", `step ${step} of ${this.last}`);
    if (document.activeElement !== this.number) this.number.value = String(step);
    this.runs.forEach((run, i) => {
      const end = run.loss.length - 1;
      const at = Math.min(step, end);
      const ended = end < step ? ` (ended at ${end})` : "";
      setText(this.readout.children[i].children[2], `loss ${short(run.loss[at], 4)}${ended}`);
    });
  }
}
