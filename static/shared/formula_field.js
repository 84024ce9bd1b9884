// The field in which a formula is typed, with the window in which its minima are looked for. It speaks for itself, not
// through the channel: what is typed is read while the picture goes on.

import { unpack } from "./bytes.js";
import { mounted } from "./component.js";
import { h, setText } from "./dom.js";

/** @import { FormulaChange, FormulaMessage, Sent } from "./messages.js" */
/** @import { StreamlitComponent } from "./types.js" */

const GLANCE = 150; // milliseconds after which what is typed is read
const REST = 900; // and taken over
const ENDS = ["x from", "x to", "y from", "y to"];

class FormulaField {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {number | null} */
    this.stamp = null;
    this.glance = this.rest = 0;
    /** @type {string | undefined} */
    this.told = undefined; // the state that was told last, and the one that was taken over
    /** @type {string | undefined} */
    this.taken = undefined;
    /** @type {StreamlitComponent["setStateValue"]} */
    this.setStateValue = () => {};
    this.field = h("textarea", {
      class: "rv-formula",
      rows: 2,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      maxlength: 1000,
      "data-testid": "formula",
      "aria-label": "Formula of x and y",
      title: "+ − * / ^, sin, exp, sqrt, abs, min, max, where(x > 0, a, b) …; any other letter becomes a slider",
      oninput: () => this.typed(),
      onblur: () => this.tell(true),
      onkeydown: (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        this.tell(true);
      },
    });
    this.ends = ENDS.map((label) =>
      h("input", {
        type: "text",
        inputmode: "decimal",
        class: "rv-formula-end",
        "aria-label": label,
        title: label,
        "data-testid": `formula ${label}`,
        oninput: () => this.typed(),
        onblur: () => this.tell(true),
        onkeydown: (event) => event.key === "Enter" && this.tell(true),
      }),
    );
    this.said = h("p", { class: "rv-formula-said", role: "status", "data-testid": "formula-said" });
    this.shown = h("pre", { class: "rv-formula-shown", "aria-hidden": "true" });
    const [x0, x1, y0, y1] = this.ends;
    this.node = h(
      "div",
      { class: "rv rv-formula-field" },
      this.field,
      this.shown,
      this.said,
      h(
        "div",
        { class: "rv-formula-window" },
        h("span", {}, "x"),
        x0,
        h("span", {}, "to"),
        x1,
        h("span", {}, "y"),
        y0,
        h("span", {}, "to"),
        y1,
      ),
    );
    parent.append(this.node);
  }

  /** A letter has come: it is read soon, and taken over once the hand rests. */
  typed() {
    clearTimeout(this.glance);
    clearTimeout(this.rest);
    this.glance = window.setTimeout(() => this.tell(false), GLANCE);
    this.rest = window.setTimeout(() => this.tell(true), REST);
  }

  /** What stands in the fields, as one text: to know whether the server has it. */
  state() {
    return JSON.stringify([this.field.value, ...this.ends.map((end) => end.value)]);
  }

  /** @param {boolean} final */
  tell(final) {
    clearTimeout(this.glance);
    if (final) clearTimeout(this.rest);
    const now = this.state();
    if (now === (final ? this.taken : this.told)) return;
    this.told = now;
    if (final) this.taken = now;
    const window = this.ends.map((end) => {
      const text = end.value.trim().replace("−", "-");
      return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
    });
    /** @type {FormulaChange} */
    const change = { seq: Date.now(), set: { text: this.field.value, window }, actions: [], final };
    this.setStateValue("change", change);
  }

  /** @param {StreamlitComponent} component */
  receive(component) {
    this.setStateValue = component.setStateValue;
    /** @type {{message: FormulaMessage & Sent}} */
    const { message } = unpack(component.data);
    const { text, window, error, position, window_error: windowError, stamp } = message;
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    // While somebody types here, the server's word is older than the field's.
    const active = this.node.contains(document.activeElement);
    if (!active || this.taken === undefined) {
      this.field.value = text;
      this.ends.forEach((end, i) => (end.value = String(window[i])));
      this.taken = this.told = this.state();
    }
    setText(this.said, error || windowError);
    this.said.hidden = !(error || windowError);
    const at = error && this.field.value === text && position !== null ? Math.min(position, text.length) : null;
    this.shown.hidden = at === null;
    if (at !== null) {
      const [before, after] = [text.slice(Math.max(0, at - 24), at), text.slice(at + 1, at + 16)];
      this.shown.replaceChildren(before, h("mark", {}, text[at] ?? "␣"), after);
    }
    this.field.toggleAttribute("aria-invalid", Boolean(error));
  }

  /** Where its element has left, what was typed last is still told. */
  destroy() {}
}

export default mounted((parent) => new FormulaField(parent));
