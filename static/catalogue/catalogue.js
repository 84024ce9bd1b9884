// The catalogue: the timeline, the search, a card for each rule, and the head of the one that is opened.

import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, setText, svg } from "../shared/dom.js";
import { Timeline } from "./timeline.js";

/** @import { Badge, CatalogueList, CatalogueMessage, CatalogueView, Change, Family, Rule, Sent } from "../shared/messages.js" */
/** @typedef {{rule: Rule, node: HTMLElement, link: HTMLAnchorElement}} Card */

const NARROW = 640;
const PAUSE = 300; // a search is written into the address once the typing rests so long
const SIDE = 1000; // of a thumbnail, in its own units
const MARKS = { held: "✓", failed: "✗", stale: "↻", none: "–" };
/** @type {Map<string, CatalogueList>} */
const lists = new Map(); // by their keys, kept while the tab lives
let serial = 0;

/** @param {unknown} a @param {unknown} b */
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
/** @param {Rule["change"]} change */
const plain = (change) => change.map((part) => (typeof part === "string" ? part : part[1])).join("");
/** @param {...string} texts */
const sentences = (...texts) =>
  texts
    .filter(Boolean)
    .map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`)
    .join(" ");
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
    /** @type {Record<string, unknown>} */
    this.heard = {}; // the server's last word on each part of the view
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
    const news = Object.entries(message.view).filter(([name, value]) => {
      if (name in this.heard && same(this.heard[name], value)) return false;
      this.heard[name] = value;
      return !channel.isUnsettled(name) && !this.waiting;
    });
    Object.assign(this.view, Object.fromEntries(news));
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
    const rings = contour.map(([rx, ry]) => svg("ellipse", { cx: SIDE / 2, cy: SIDE / 2, rx, ry }));
    const symbol = svg(
      "symbol",
      { id: "rv-ravine", viewBox: `0 0 ${SIDE} ${SIDE}` },
      svg("g", { class: "rv-rings" }, ...rings),
    );
    this.ground.replaceChildren(svg("svg", { width: 0, height: 0 }, symbol));
    this.timeline.take(rules, this.colours);
    this.timeline.draw(this.root.clientWidth);
    this.families = families.map(({ name }) => {
      const count = rules.filter((rule) => rule.family === name).length;
      const chip = h(
        "button",
        { type: "button", class: "rv-chip", "data-family": name, onclick: () => this.toggle(name) },
        this.dot(name),
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

  /** @param {string} family */
  dot(family) {
    const { colour, hollow } = this.look(family);
    return h("span", {
      class: "rv-family-dot",
      style: `background: ${hollow ? "transparent" : colour}; border-color: ${colour}`,
      "aria-hidden": "true",
    });
  }

  /** @param {Rule} rule @param {string} className */
  thumbnail(rule, className) {
    const { colour } = this.look(rule.family);
    const points = rule.path
      .slice(1)
      .split("L")
      .map((point) => point.split(" "));
    const [[left, top], [x, y]] = [points[0], points[points.length - 1]];
    return svg(
      "svg",
      {
        viewBox: `0 0 ${SIDE} ${SIDE}`,
        class: className,
        role: "img",
        "aria-label": `Path on the ravine: ${rule.words || "not drawn yet"}`,
      },
      svg("use", { href: "#rv-ravine" }),
      rule.cloud ? svg("path", { d: rule.cloud, class: "rv-cloud", stroke: colour }) : null,
      svg("path", { d: `M${SIDE / 2 - 22} ${SIDE / 2}h44M${SIDE / 2} ${SIDE / 2 - 22}v44`, class: "rv-goal" }),
      rule.path ? svg("path", { d: rule.path, class: "rv-way-halo" }) : null,
      rule.path ? svg("path", { d: rule.path, class: "rv-way", stroke: colour }) : null,
      rule.path ? svg("circle", { cx: left, cy: top, r: 26, class: "rv-way-start" }) : null,
      rule.path ? svg("circle", { cx: x, cy: y, r: 30, fill: colour, class: "rv-way-end" }) : null,
      rule.path || !rule.words
        ? null
        : svg("text", { x: SIDE / 2, y: SIDE / 2, class: "rv-no-way", "text-anchor": "middle" }, "no path"),
    );
  }

  /** @param {Badge} badge */
  badge({ kind, word, sentence, against }) {
    return h(
      "span",
      { class: `rv-badge rv-badge-${kind}`, title: `${against.join("\n")}${against.length ? "\n" : ""}${sentence}` },
      h("span", { "aria-hidden": "true" }, `${MARKS[kind]} `),
      kind === "held" ? h("span", { class: "rv-hidden" }, "held against ") : null,
      word,
    );
  }

  /**
   * What stands beside a rule's name when it is opened: against what, how long, how well.
   * @param {Badge} badge
   */
  held({ kind, word, sentence, against }) {
    return [
      ...against.map((text, i) =>
        h(
          "p",
          { class: "rv-against" },
          kind === "held" ? h("span", { class: "rv-tick", "aria-hidden": "true" }, "✓") : null,
          text,
          i < against.length - 1 ? h("span", { class: "rv-hidden" }, ",") : null,
        ),
      ),
      h(
        "p",
        {},
        kind === "held" ? null : h("span", { class: `rv-badge rv-badge-${kind}` }, `${MARKS[kind]} ${word}`),
        kind === "held" ? sentence : ` ${sentence}`,
      ),
    ];
  }

  /** @param {Rule} rule */
  when(rule) {
    return h("p", { class: "rv-when" }, this.dot(rule.family), `${rule.year} · ${rule.family}`);
  }

  /**
   * @param {Rule} rule
   * @returns {Card}
   */
  card(rule) {
    const link = this.link(rule.name, rule.title, { class: "rv-rule-link" });
    const node = h(
      "li",
      {
        class: "rv-rule",
        "data-rule": rule.name,
        onmouseenter: () => this.timeline.relate(rule.name),
        onmouseleave: () => this.timeline.relate(null),
      },
      this.thumbnail(rule, "rv-thumb"),
      h(
        "div",
        { class: "rv-rule-text" },
        h("h4", {}, link),
        this.when(rule),
        h("p", { class: "rv-change" }, plain(rule.change)),
      ),
      h(
        "p",
        { class: "rv-foot" },
        this.badge(rule.badge),
        h("span", { class: "rv-state", title: rule.keeps }, `state: ${rule.state}`),
      ),
    );
    return { rule, node, link };
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

  /**
   * Those of the rules that are found, those first that bear the word in their name.
   * @param {Rule[]} rules
   */
  found(rules) {
    const words = this.view.search.toLowerCase().split(/\s+/).filter(Boolean);
    const families = new Set(this.view.families);
    const chosen = rules.filter(
      (rule) => (!families.size || families.has(rule.family)) && words.every((word) => rule.search.includes(word)),
    );
    /** @param {Rule} rule */
    const rank = ({ title, name }) => {
      const all = words.join(" ");
      return title.toLowerCase() === all || name === all
        ? 0
        : words.every((word) => title.toLowerCase().includes(word))
          ? 1
          : 2;
    };
    return words.length ? chosen.toSorted((a, b) => rank(a) - rank(b)) : chosen;
  }

  show() {
    const { rules } = this;
    if (!rules) return;
    const found = this.found(rules);
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
      this.fill(rule, found);
      if (changed) {
        if (scroller) scroller.scrollTop = 0;
        this.sheet.querySelector("h2")?.focus({ preventScroll: true });
      }
    } else if (changed) {
      if (scroller) scroller.scrollTop = this.left;
      if (before) this.cards.get(before)?.link.focus({ preventScroll: true });
    }
  }

  /** @param {Rule} rule @param {Rule[]} found */
  fill(rule, found) {
    const at = found.findIndex(({ name }) => name === rule.name);
    const [before, after] = at < 0 ? [] : [found[at - 1], found[at + 1]];
    const change = rule.change.map((part) => (typeof part === "string" ? part : this.link(part[0], part[1])));
    /** @param {string[]} names */
    const listed = (names) =>
      names.flatMap((name, i) => [i ? ", " : "", this.link(name, this.byName.get(name)?.title ?? name)]);
    /** @param {string} title @param {...(string | Node)} content */
    const row = (title, ...content) => [h("dt", {}, title), h("dd", {}, ...content)];
    /** @param {string} page @param {string} text */
    const go = (page, text, primary = false) =>
      h("a", { class: `rv-go${primary ? " rv-go-first" : ""}`, href: new URL(page, document.baseURI).href }, text);
    this.sheet.replaceChildren(
      h(
        "nav",
        { class: "rv-sheet-nav", "aria-label": "Other rules" },
        this.link(null, "← All rules", { "data-testid": "back" }),
        h(
          "span",
          {},
          before ? this.link(before.name, `‹ ${before.title}`, { rel: "prev" }) : "",
          after ? this.link(after.name, `${after.title} ›`, { rel: "next" }) : "",
        ),
      ),
      h(
        "div",
        { class: "rv-sheet-head" },
        h(
          "div",
          {},
          h("h2", { tabindex: -1 }, rule.title),
          this.when(rule),
          h("p", { class: "rv-sheet-change" }, ...change),
          h(
            "p",
            { class: "rv-goes" },
            go(`./?card.0=${rule.name}`, "Try it", true),
            rule.trains ? go(`training?task=digits&card.0=${rule.name}`, "Train with it") : null,
          ),
          h(
            "dl",
            { class: "rv-facts" },
            ...row("Held against", ...this.held(rule.badge)),
            ...row("State", rule.keeps),
            ...(rule.notes.length ? row("Notes", rule.notes.join(" ")) : []),
            ...(rule.children.length ? row("Built on it", ...listed(rule.children)) : []),
          ),
        ),
        h("figure", {}, this.thumbnail(rule, "rv-view"), h("figcaption", {}, sentences(rule.words, this.caption))),
      ),
    );
  }

  /** @override */
  destroy() {
    super.destroy();
    clearTimeout(this.waiting);
  }
}

export default mounted((parent) => new Catalogue(parent), "catalogue/catalogue.css");
