// A field of a form: its label, a slider with a number or a switch, and the server's sentence about it.

import * as channel from "./channel.js";
import { h, setText, short } from "./dom.js";

/** @import { Field as FieldSpec, Mark } from "./messages.js" */
/** @import { Announcement } from "./types.js" */
/** @typedef {number | string | boolean} Value what is no number is text as it was typed */

const TICKS = 200; // positions of a slider
let serial = 0;

/**
 * Says what is set: as an event, since controls never speak to the server.
 * @param {Announcement} detail
 */
export function announce(detail) {
  window.dispatchEvent(new CustomEvent("ravine:set", { detail }));
}

/**
 * A symbol with its indices and exponents set low and high: "ε_g", "Δ_{max}", "η^*".
 * @param {string} symbol
 */
function indexed(symbol) {
  return symbol
    .split(/([_^](?:\{[^}]*\}|.))/)
    .map((part) =>
      "_^".includes(part[0] ?? " ") ? h(part[0] === "_" ? "sub" : "sup", {}, part.slice(1).replace(/[{}]/g, "")) : part,
    );
}

export class Field {
  /** @param {FieldSpec} spec */
  constructor(spec) {
    this.path = spec.path;
    this.kind = spec.kind;
    this.spec = spec;
    this.log = this.held = this.byKey = this.typed = this.sent = this.isWrong = false;
    this.written = ""; // the symbol as it stands there
    /** @type {Value} */
    this.value = spec.value;
    const id = `rv-field-${++serial}`;
    this.label = h("span", { class: "rv-label-text" });
    this.symbol = h("span", { class: "rv-symbol" });
    this.caption = h("label", { for: id, class: "rv-label" }, this.label, this.symbol);
    this.problem = h("p", { class: "rv-problem", id: `${id}-problem`, role: "alert", hidden: true });
    const described = { "data-path": spec.path, "aria-describedby": `${id}-problem` };
    /** @type {HTMLInputElement} */
    this.range = h("input", {
      type: "range",
      id,
      class: "rv-range",
      ...described,
      onpointerdown: () => {
        this.held = true;
        this.byKey = false;
      },
      onpointerup: () => (this.held = false),
      onpointercancel: () => (this.held = false),
      onkeydown: () => (this.byKey = true),
      // A key press brings both events at once: the second says it all.
      oninput: () => this.slid(false),
      onchange: () => this.slid(true),
    });
    /** @type {HTMLInputElement} */
    this.number = h("input", {
      type: "text",
      inputmode: spec.kind === "integer" ? "numeric" : "text",
      autocomplete: "off",
      spellcheck: "false",
      class: "rv-number",
      ...described,
      oninput: () => (this.typed = true),
      onchange: () => this.entered(),
      onkeydown: (event) => this.key(event),
      onblur: () => (this.typed = false),
    });
    /** @type {HTMLInputElement | null} */
    this.toggle = null; // in their place
    if (spec.kind === "switch") {
      /** @type {HTMLInputElement} */
      const toggle = h("input", {
        type: "checkbox",
        role: "switch",
        id,
        class: "rv-switch",
        ...described,
        onchange: () => announce({ set: { [this.path]: toggle.checked }, final: true }),
      });
      this.toggle = toggle;
    }
    this.sign = h("i", { class: "rv-mark", hidden: true, "data-mark": spec.path });
    this.node = h(
      "div",
      { class: `rv-field rv-field-${spec.kind}` },
      this.sign,
      this.caption,
      ...(this.toggle ? [this.toggle] : [this.range, this.number]),
      this.problem,
    );
    this.update(spec);
  }

  /** @param {FieldSpec} spec */
  update(spec) {
    this.spec = spec;
    setText(this.label, spec.label);
    const symbol = spec.symbol.toLowerCase() === spec.label.toLowerCase() ? "" : spec.symbol;
    if (this.written !== symbol) this.symbol.replaceChildren(...indexed((this.written = symbol)));
    this.caption.title = spec.title || spec.label;
    if (!this.toggle) {
      this.log = spec.log && spec.low > 0;
      this.number.setAttribute("aria-label", `${spec.label}, number`);
      const [low, high] = this.log ? [Math.log10(spec.low), Math.log10(spec.high)] : [spec.low, spec.high];
      const step = spec.kind === "integer" && !this.log ? 1 : (high - low) / TICKS;
      for (const [name, value] of Object.entries({ min: low, max: high, step })) {
        if (this.range.getAttribute(name) !== String(value)) this.range.setAttribute(name, String(value));
      }
    }
    this.take(spec.value);
  }

  /** The value at the slider's position, in few digits; the ends are met exactly. */
  read() {
    const { low, high, kind } = this.spec;
    const position = Number(this.range.value);
    const [from, to] = [Number(this.range.min), Number(this.range.max)];
    if (position <= from + (to - from) * 1e-9) return low;
    if (position >= to - (to - from) * 1e-9) return high;
    const value = this.log ? Number((10 ** position).toPrecision(3)) : Number(position.toPrecision(4));
    return kind === "integer" ? Math.round(value) : value;
  }

  /** @param {Value} value */
  show(value) {
    if (typeof value !== "number") return String(value ?? "");
    return this.kind === "integer" ? String(value) : short(value, 6);
  }

  /** @param {boolean} final */
  slid(final) {
    if (!final && this.byKey) return;
    let value = this.read();
    if (final && this.kind === "integer" && value === this.value) {
      // A step of a logarithmic slider may be less than 1.
      const moved = Math.sign(Number(this.range.value) - (this.log ? Math.log10(value) : value));
      value = Math.min(this.spec.high, Math.max(this.spec.low, value + moved));
      this.place(value);
    }
    this.value = value;
    this.typed = false;
    this.number.value = this.show(value);
    this.describe(value);
    announce({ set: { [this.path]: value }, final });
  }

  entered() {
    const text = this.number.value.trim();
    const number = Number(text);
    const value = text !== "" && Number.isFinite(number) ? number : this.number.value;
    this.typed = false;
    this.sent = true; // the text stays as typed until the server has judged it
    if (typeof value === "number") this.place(value);
    announce({ set: { [this.path]: value }, final: true });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape") {
      this.number.value = this.show(this.value);
      this.typed = false;
      if (this.isWrong) announce({ set: { [this.path]: this.value }, final: true });
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      if (event.key === "ArrowUp") this.range.stepUp();
      else this.range.stepDown();
      this.slid(true);
    }
  }

  /** @param {number} value */
  place(value) {
    const position = this.log ? Math.log10(Math.max(value, Number.MIN_VALUE)) : value;
    if (Number.isFinite(position)) this.range.value = String(position);
    this.describe(value);
  }

  /** @param {Value} value */
  describe(value) {
    this.range.setAttribute("aria-valuetext", this.show(value));
  }

  /**
   * A mark on the slider, or none.
   * @param {Mark | undefined} mark
   */
  mark(mark) {
    const { low, high } = this.spec;
    const share =
      !mark || this.toggle
        ? -1
        : this.log
          ? Math.log(mark.value / low) / Math.log(high / low)
          : (mark.value - low) / (high - low);
    this.sign.hidden = !(share >= 0 && share <= 1);
    if (!this.sign.hidden) this.sign.style.setProperty("--rv-share", String(share));
    this.caption.title = [this.spec.title || this.spec.label, ...(mark ? [mark.title] : [])].join("; ");
  }

  /**
   * The server's value; what somebody is dragging or typing is left alone.
   * @param {number | boolean} value
   */
  take(value) {
    if (channel.isUnsettled(this.path)) return;
    this.value = value;
    if (this.toggle) {
      this.toggle.checked = Boolean(value);
      return;
    }
    if (!this.held) this.place(Number(value));
    if (!this.typed && !this.held && !this.isWrong && !this.sent) this.number.value = this.show(value);
  }

  /** @param {string | undefined} sentence */
  judge(sentence) {
    const wrong = Boolean(sentence);
    this.problem.hidden = !wrong;
    setText(this.problem, sentence ?? "");
    const input = this.toggle ?? this.number;
    if (wrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    const cured = (this.isWrong || this.sent) && !wrong;
    this.isWrong = wrong;
    this.sent = false;
    if (cured && !this.toggle && !this.typed && !this.held) this.number.value = this.show(this.value);
  }
}
