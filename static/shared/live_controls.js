// Sliders and cards. They never speak to the server: what is set goes out as window events, the live plot passes it on.

import * as channel from "./channel.js";
import { mounted } from "./component.js";
import { arrange, h, setText, short, svg } from "./dom.js";

/** @import { Card as CardSpec, Controls, Field as FieldSpec, Mark } from "./messages.js" */
/** @import { Announcement, ControlsNews, StreamlitComponent } from "./types.js" */
/** @typedef {number | string | boolean} Value what is no number is text as it was typed */

const TICKS = 200; // positions of a slider
const folded = new Set(); // cards folded by hand, kept while the tab lives
let serial = 0;

/** @param {Announcement} detail */
function announce(detail) {
  window.dispatchEvent(new CustomEvent("ravine:set", { detail }));
}

const ICONS = {
  duplicate: "M9 9h11v11H9zM5 15H4V4h11v1",
  remove: "M6 6L18 18M18 6L6 18",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5",
  fold: "M7 10l5 5l5 -5",
};

/** @param {keyof typeof ICONS} name @param {string} label @param {() => void} action */
function iconButton(name, label, action) {
  return h(
    "button",
    { type: "button", class: `rv-icon-button rv-${name}`, "aria-label": label, title: label, onclick: action },
    svg(
      "svg",
      { viewBox: "0 0 24 24", width: 16, height: 16, "aria-hidden": "true", class: "rv-icon" },
      svg("path", { d: ICONS[name] }),
    ),
  );
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

/** A line of a form: its label, its inputs, and the server's sentence about it. */
class Field {
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

class Card {
  /** @param {CardSpec} spec @param {LiveControls} owner */
  constructor(spec, owner) {
    this.id = spec.id;
    this.isFolded = false;
    this.name = this.bases = "";
    const id = `rv-card-${++serial}`;
    this.line = svg("line", { x1: 0, x2: 22, y1: 6, y2: 6, "stroke-width": 3.5 });
    this.title = h("span", { class: "rv-card-title" });
    this.fold = h(
      "button",
      { type: "button", class: "rv-card-fold", "aria-controls": id, onclick: () => this.setFolded(!this.isFolded) },
      svg(
        "svg",
        { viewBox: "5 5 14 14", width: 10, height: 10, "aria-hidden": "true", class: "rv-icon rv-chevron" },
        svg("path", { d: ICONS.fold }),
      ),
      svg("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true", class: "rv-sample" }, this.line),
      this.title,
    );
    /** @type {HTMLInputElement} */
    this.on = h("input", {
      type: "checkbox",
      role: "switch",
      class: "rv-switch",
      "data-path": `card.${this.id}.on`,
      onchange: () => {
        this.node.classList.toggle("rv-off", !this.on.checked);
        announce({ set: { [`card.${this.id}.on`]: this.on.checked }, final: true });
      },
    });
    this.buttons = {
      help: iconButton("help", "", () => announce({ action: { help: this.id }, final: true })),
      duplicate: iconButton("duplicate", "", () => announce({ action: { duplicate: this.id }, final: true })),
      remove: iconButton("remove", "", () => owner.remove(this)),
    };
    this.problem = h("p", { class: "rv-problem", role: "alert", hidden: true });
    this.body = h("div", { class: "rv-card-body", id });
    /** @type {HTMLSelectElement} */
    this.base = h("select", {
      class: "rv-select",
      "data-path": `card.${this.id}.base`,
      onchange: () => announce({ set: { [`card.${this.id}.base`]: this.base.value }, final: true }),
    });
    this.around = h(
      "label",
      { class: "rv-card-base", hidden: true },
      h("span", { class: "rv-label-text" }, "around"),
      this.base,
    );
    this.node = h(
      "section",
      { class: "rv-card", "data-card": this.id },
      h(
        "div",
        { class: "rv-card-head" },
        this.fold,
        this.buttons.help,
        this.buttons.duplicate,
        this.buttons.remove,
        this.on,
      ),
      this.problem,
      this.around,
      this.body,
    );
    this.setFolded(folded.has(this.id));
  }

  /** @param {boolean} isFolded */
  setFolded(isFolded) {
    this.isFolded = isFolded;
    if (isFolded) folded.add(this.id);
    else folded.delete(this.id);
    this.body.hidden = isFolded;
    this.fold.setAttribute("aria-expanded", String(!isFolded));
  }

  /**
   * The card's name, told apart from others of its rule.
   * @param {string} title
   */
  entitle(title) {
    if (title === this.name) return;
    this.name = title;
    setText(this.title, title);
    this.fold.title = title;
    this.node.setAttribute("aria-label", title);
    this.on.setAttribute("aria-label", `Show ${title}`);
    this.on.title = `Show ${title}`;
    const { help, duplicate, remove } = this.buttons;
    for (const [button, verb] of /** @type {const} */ ([
      [help, "About"],
      [duplicate, "Duplicate"],
      [remove, "Remove"],
    ])) {
      button.setAttribute("aria-label", `${verb} ${title}`);
      button.title = `${verb} ${title}`;
    }
  }

  /** @param {CardSpec} spec */
  update(spec) {
    this.entitle(spec.title);
    this.line.setAttribute("stroke", spec.colour);
    this.line.setAttribute("stroke-dasharray", spec.dash || "none");
    if (!channel.isUnsettled(`card.${this.id}.on`)) this.setOn(spec.on);
    this.around.hidden = !spec.bases;
    if (!spec.bases) return;
    if (JSON.stringify(spec.bases) !== this.bases) {
      this.bases = JSON.stringify(spec.bases);
      this.base.replaceChildren(...spec.bases.map(([value, text]) => h("option", { value }, text)));
    }
    this.base.value = spec.base ?? "";
  }

  /** @param {boolean} on */
  setOn(on) {
    this.on.checked = on;
    this.node.classList.toggle("rv-off", !on);
  }

  /** @param {string | undefined} sentence */
  judge(sentence) {
    this.problem.hidden = !sentence;
    setText(this.problem, sentence ?? "");
  }
}

function groupOfFields() {
  const [legend, body] = [h("legend"), h("div")];
  return { node: h("fieldset", { class: "rv-group" }, legend, body), legend, body };
}

class LiveControls {
  /** @param {HTMLElement} parent */
  constructor(parent) {
    /** @type {Map<string, Field>} */
    this.fields = new Map();
    /** @type {Map<number, Card>} */
    this.cards = new Map();
    /** @type {{node: HTMLElement, legend: HTMLElement, body: HTMLElement}[]} */
    this.groups = [];
    this.removed = new Set();
    this.gone = false;
    this.name = "";
    /** @type {number | null} */
    this.stamp = null;
    this.groupsNode = h("div", { class: "rv-groups" });
    this.cardsNode = h("div", { class: "rv-cards" });
    this.empty = h("p", { class: "rv-empty", hidden: true });
    this.crowded = h("p", { class: "rv-problem", role: "alert", hidden: true });
    this.root = h(
      "div",
      { class: "rv rv-controls", "data-testid": "live-controls" },
      this.groupsNode,
      this.cardsNode,
      this.crowded,
      this.empty,
    );
    this.root.ravine = this;
    parent.append(this.root);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    window.addEventListener("ravine:values", (event) => this.takeValues(event.detail), { signal });
    window.addEventListener(
      "ravine:controls",
      (event) => event.detail.name === this.name && this.render(event.detail),
      { signal },
    );
  }

  /** @param {StreamlitComponent<Controls & {stamp: number}>} component */
  receive({ data: spec }) {
    if (spec.stamp === this.stamp) return; // the same again: only the theme has changed
    this.stamp = spec.stamp;
    this.name = spec.name;
    this.render(spec);
  }

  /** @param {Controls} spec */
  render(spec) {
    const seen = new Set();
    /** @param {FieldSpec} part */
    const field = (part) => {
      seen.add(part.path);
      let kept = this.fields.get(part.path);
      if (kept?.kind === part.kind) kept.update(part);
      else this.fields.set(part.path, (kept = new Field(part)));
      return kept.node;
    };
    this.groups = spec.groups.map((group, i) => {
      const made = this.groups[i] ?? groupOfFields();
      setText(made.legend, group.title ?? "");
      made.legend.hidden = !group.title;
      arrange(made.body, group.fields.map(field));
      return made;
    });
    arrange(
      this.groupsNode,
      this.groups.map(({ node }) => node),
    );
    const specs = spec.cards;
    const ids = new Set(specs.map((card) => card.id));
    for (const id of this.removed) if (!ids.has(id)) this.removed.delete(id);
    const cards = specs
      .filter((card) => !this.removed.has(card.id))
      .map((part) => {
        let card = this.cards.get(part.id);
        if (!card) this.cards.set(part.id, (card = new Card(part, this)));
        card.update(part);
        arrange(card.body, part.fields.map(field));
        return card;
      });
    arrange(
      this.cardsNode,
      cards.map((card) => card.node),
    );
    const shown = new Set(cards.map((card) => card.id));
    for (const id of this.cards.keys()) if (!shown.has(id)) this.cards.delete(id);
    for (const path of this.fields.keys()) if (!seen.has(path)) this.fields.delete(path);
    setText(this.empty, spec.empty);
    this.showEmpty();
    this.mark(spec.marks);
    this.judge(spec.problems);
  }

  showEmpty() {
    this.empty.hidden = this.cardsNode.children.length > 0 || !this.empty.textContent;
  }

  /** @param {Card} card */
  remove(card) {
    const neighbour = card.node.nextElementSibling ?? card.node.previousElementSibling;
    this.removed.add(card.id);
    this.cards.delete(card.id);
    card.node.remove();
    this.showEmpty();
    /** @type {HTMLElement | null | undefined} */ (neighbour?.querySelector(".rv-card-fold"))?.focus();
    announce({ action: { remove: card.id }, final: true });
  }

  /** @param {Record<string, Mark> | undefined} marks */
  mark(marks) {
    if (marks) for (const [path, field] of this.fields) field.mark(marks[path]);
  }

  /** @param {ControlsNews} news */
  takeValues({ values, problems, marks, titles = {} }) {
    if (this.name === "controls") this.mark(marks);
    for (const card of this.cards.values()) if (titles[card.id]) card.entitle(titles[card.id]);
    for (const [path, value] of Object.entries(values)) {
      this.fields.get(path)?.take(value);
      const card = /^card\.(.+)\.on$/.exec(path);
      if (card) for (const c of this.cards.values()) if (String(c.id) === card[1]) c.setOn(Boolean(value));
    }
    this.judge(problems);
  }

  /** @param {Record<string, string>} problems */
  judge(problems) {
    for (const [path, field] of this.fields) {
      // A judgement on what has been changed since is old.
      if (!channel.isUnsettled(path)) field.judge(problems[path]);
    }
    for (const card of this.cards.values()) card.judge(problems[`card.${card.id}`]);
    if (this.name === "controls") {
      this.crowded.hidden = !problems.card;
      setText(this.crowded, problems.card ?? "");
    }
  }

  destroy() {
    this.gone = true;
    this.listeners.abort();
    this.root.remove();
  }
}

export default mounted((parent) => new LiveControls(parent));
