// The catalogue: the timeline, the search, a card for each rule, and the head of the one that is opened.

import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, setText } from "../shared/dom.js";
import { Heard } from "../shared/heard.js";
import { familyDot, ruleCard } from "./rule_card.js";
import { search } from "./search.js";
import { sheet } from "./sheet.js";
import { ground } from "./thumbnail.js";
import { Timeline } from "./timeline.js";

/** @import { CatalogueList, CatalogueMessage, CatalogueView, Change, Family, Rule, Sent } from "../shared/messages.js" */
/** @typedef {{node: HTMLElement, link: HTMLAnchorElement}} Card */

const NARROW = 640;
const PAUSE = 300; // a search is written into the address once the typing rests so long
/** @type {Map<string, CatalogueList>} */
const lists = new Map(); // by their keys, kept while the tab lives
let serial = 0;

/** @param {number} count @param {string} noun */
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** @extends {Component<CatalogueMessage | CatalogueList>} */
class Catalogue extends Component {
  // ---------------------------------------------------------------- elements

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-catalogue", "data-testid": "catalogue" });
    /** @type {CatalogueView} */
    this.view = { search: "", families: [], rule: null };
    /** @type {Heard<CatalogueView>} */
    this.heard = new Heard("");
    this.key = ""; // of the list that is here, its rules and what is made of them
    /** @type {Rule[] | null} */
    this.rules = null;
    this.caption = "";
    /** @type {Map<string | null, Rule>} */
    this.byName = new Map();
    /** @type {Map<string, Family>} */
    this.colours = new Map();
    /** @type {{name: string, chip: HTMLElement}[]} */
    this.families = [];
    /** @type {Map<string | null, Card>} */
    this.cards = new Map();
    this.waiting = 0; // for the typing to rest
    /** @type {string | null | undefined} */
    this.opened = undefined; // the rule; undefined where nothing has been shown yet
    this.order = this.shelved = this.sheetSeen = "";
    this.left = 0; // how far the list was scrolled when it was left
    this.timeline = new Timeline({
      open: (event, name) => this.follow(event, name),
      address: (name) => this.address(name),
    });
    const id = `rv-search-${++serial}`;
    /** @type {HTMLInputElement} */
    this.search = h("input", {
      type: "search",
      id,
      class: "rv-search",
      placeholder: "Search rules, papers, parameters",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: 100,
      "aria-label": "Search the rules",
      oninput: () => this.typed(),
    });
    this.chips = h("div", { class: "rv-chips", role: "group", "aria-label": "Families" });
    this.count = h("p", { class: "rv-count", role: "status", "data-testid": "count" });
    this.ground = h("div", { class: "rv-ground", "aria-hidden": "true" });
    this.shelf = h("ul", { class: "rv-shelf", "data-testid": "shelf" });
    this.none = h("p", { class: "rv-message", "data-testid": "none", hidden: true });
    this.list = h(
      "section",
      { "aria-label": "Rules" },
      h("div", { class: "rv-filter" }, this.search, this.chips),
      this.count,
      this.shelf,
      this.none,
    );
    this.sheet = h("article", { class: "rv-sheet", "data-testid": "sheet", hidden: true });
    this.root.append(this.ground, this.timeline.node, this.list, this.sheet);
    this.begin();
  }

  /**
   * @override
   * @param {Change} change
   */
  said(change) {
    return { ...change, have: this.key };
  }

  /** @override */
  resize() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.root.classList.toggle("rv-narrow", width < NARROW);
    this.timeline.draw(width);
  }

  /**
   * Where a view is found: the address of this page with other fields.
   * @param {string | null} rule
   */
  address(rule) {
    const { search, families } = this.view;
    const fields = { search, families: families.join(","), rule: rule ?? "" };
    const query = new URLSearchParams(Object.entries(fields).filter(([, text]) => text));
    return `?${query}`;
  }

  /** @param {string | null} name @param {string} text */
  link(name, text, attributes = {}) {
    /** @param {MouseEvent} event */
    const onclick = (event) => this.follow(event, name);
    return h("a", { ...attributes, href: this.address(name), onclick }, text);
  }

  // ---------------------------------------------------------------- what the server says

  /**
   * @override
   * @param {(CatalogueMessage | CatalogueList) & Sent} message
   */
  take(message) {
    if ("rules" in message) lists.set(message.key, message);
    const list = lists.get(message.key);
    if (list && this.key !== message.key) this.fillShelf(list);
    const news = this.heard.news(message.view);
    if (!this.waiting) Object.assign(this.view, news);
    channel.flush();
    this.show();
    // Either the list has to be sent, or there are thumbnails still to come.
    if (!list || !message.complete) channel.announce({ need: true });
    this.root.dataset.complete = String(Boolean(list && message.complete));
  }

  /** @param {CatalogueList} list */
  fillShelf({ key, rules, families, contour, caption }) {
    this.key = key;
    this.rules = rules;
    this.caption = caption;
    this.byName = new Map(rules.map((rule) => [rule.name, rule]));
    this.colours = new Map(families.map((family) => [family.name, family]));
    this.ground.replaceChildren(ground(contour));
    this.timeline.take(rules, this.colours);
    this.timeline.draw(this.root.clientWidth);
    this.families = families.map(({ name }) => {
      const count = rules.filter((rule) => rule.family === name).length;
      const chip = h(
        "button",
        { type: "button", class: "rv-chip", "data-family": name, onclick: () => this.toggle(name) },
        familyDot(this.look(name)),
        name,
        h("span", { class: "rv-chip-count" }, String(count)),
      );
      return { name, chip };
    });
    this.chips.replaceChildren(...this.families.map(({ chip }) => chip));
    this.cards = new Map(rules.map((rule) => [rule.name, this.card(rule)]));
    this.opened = undefined;
  }

  /** @param {string} family */
  look(family) {
    return this.colours.get(family) ?? { colour: "none", hollow: false };
  }

  /**
   * @param {Rule} rule
   * @returns {Card}
   */
  card(rule) {
    const link = this.link(rule.name, rule.title, { class: "rv-rule-link" });
    const node = ruleCard(rule, this.look(rule.family), link, (name) => this.timeline.relate(name));
    return { node, link };
  }

  // ---------------------------------------------------------------- what is asked for

  /**
   * @template {keyof CatalogueView} N
   * @param {N} path
   * @param {CatalogueView[N]} value
   */
  set(path, value) {
    this.view[path] = value;
    this.show();
    channel.announce({ set: { [path]: value }, final: true });
  }

  typed() {
    this.view.search = this.search.value;
    clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => {
      this.waiting = 0;
      this.set("search", this.view.search.trim());
    }, PAUSE);
    this.show();
  }

  /** @param {string} family */
  toggle(family) {
    const chosen = new Set(this.view.families);
    if (!chosen.delete(family)) chosen.add(family);
    this.set(
      "families",
      this.families.map(({ name }) => name).filter((name) => chosen.has(name)),
    );
  }

  /**
   * A link to a rule, or with null to all of them; other clicks than plain ones are the browser's.
   * @param {MouseEvent} event
   * @param {string | null} name
   */
  follow(event, name) {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.set("rule", name);
  }

  // ---------------------------------------------------------------- what is shown

  show() {
    const { rules } = this;
    if (!rules) return;
    const found = search(rules, this.view);
    const seen = new Set(found.map(({ name }) => name));
    if (document.activeElement !== this.search) this.search.value = this.view.search;
    for (const { name, chip } of this.families)
      chip.setAttribute("aria-pressed", String(this.view.families.includes(name)));
    const order = found.map(({ name }) => name).join();
    if (order !== this.order || this.shelved !== this.key) {
      this.order = order;
      this.shelved = this.key;
      this.shelf.replaceChildren(...found.flatMap(({ name }) => this.cards.get(name)?.node ?? []));
    }
    for (const [name, { link }] of this.cards) link.setAttribute("href", this.address(name));
    const held = found.filter(({ badge }) => badge.kind === "held").length;
    setText(
      this.count,
      `${found.length === rules.length ? counted(found.length, "rule") : `${found.length} of ${counted(rules.length, "rule")}`}, ${held} held against an independent reference · paths: ${this.caption}`,
    );
    this.none.hidden = found.length > 0;
    if (!found.length) {
      const clear = h(
        "button",
        { type: "button", class: "rv-choice rv-reset", onclick: () => this.clear() },
        "Show all",
      );
      this.none.replaceChildren(
        `No rule has ${this.view.search ? `“${this.view.search}”` : "this"}${this.view.families.length ? " among these families" : ""}. `,
        clear,
      );
    }
    const rule = this.byName.get(this.view.rule) ?? null;
    this.timeline.show(rule ? new Set([...seen, rule.name]) : seen, rule?.name ?? null);
    this.list.hidden = Boolean(rule);
    this.sheet.hidden = !rule;
    const name = rule?.name ?? null;
    if (name !== this.opened || (rule && this.sheetSeen !== order)) this.turn(rule, found, order);
  }

  clear() {
    this.search.value = "";
    this.view.search = "";
    this.set("families", []);
    this.set("search", "");
  }

  /**
   * Opens a rule, or goes back to the list, to where it was left.
   * @param {Rule | null} rule
   * @param {Rule[]} found
   * @param {string} order
   */
  turn(rule, found, order) {
    const scroller = this.root.closest('[data-testid="stMain"]');
    const before = this.opened;
    const changed = before !== undefined && before !== (rule?.name ?? null);
    this.opened = rule?.name ?? null;
    this.sheetSeen = order;
    if (rule) {
      if (changed && !before && scroller) this.left = scroller.scrollTop;
      const among = { found, byName: this.byName, caption: this.caption };
      this.sheet.replaceChildren(
        ...sheet(rule, this.look(rule.family), among, (name, text, attributes) => this.link(name, text, attributes)),
      );
      if (changed) {
        if (scroller) scroller.scrollTop = 0;
        this.sheet.querySelector("h2")?.focus({ preventScroll: true });
      }
    } else if (changed) {
      if (scroller) scroller.scrollTop = this.left;
      if (before) this.cards.get(before)?.link.focus({ preventScroll: true });
    }
  }

  /** @override */
  destroy() {
    super.destroy();
    clearTimeout(this.waiting);
  }
}

export default mounted((parent) => new Catalogue(parent), "catalogue/catalogue.css");
