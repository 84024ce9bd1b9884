// Sliders and cards. They never speak to the server: what is set goes out as window events, the live plot passes it on.

import { Card } from "./card.js";
import * as channel from "./channel.js";
import { mounted } from "./component.js";
import { arrange, h, setText } from "./dom.js";
import { announce, Field } from "./field.js";

/** @import { Controls, Field as FieldSpec, Mark } from "./messages.js" */
/** @import { ControlsNews, StreamlitComponent } from "./types.js" */

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
        if (!card) this.cards.set(part.id, (card = new Card(part, (gone) => this.remove(gone))));
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
