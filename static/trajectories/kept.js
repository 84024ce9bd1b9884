// Pictures kept under a name, in this browser alone: to come back to, or to lie dotted beneath another one.

import { announce } from "../shared/channel.js";
import { h, setText } from "../shared/dom.js";

/** @import { PictureMessage } from "../shared/messages.js" */
/** @typedef {{name: string, query: string, about: string, when: number}} Item a picture as it is stored */
/** @typedef {{node: HTMLElement, item: Item, compare: HTMLElement, isCompared: boolean}} Row */

const KEY = "ravine.kept.1";
const MOST = 50;
const LONGEST_NAME = 60; // as the server takes it
const STATE = /^[!-~]{1,8000}$/; // so too
const LONGEST_ABOUT = 300;
const EMPTY = "Keep this picture under a name to come back to it or to compare it.";
const FULL = `${MOST} pictures are kept, and there is room for no more: delete one first.`;
const CLOSED = "This browser lets the page keep nothing, or has no room left.";

/**
 * Text as a name: one line without invisible signs, not too long.
 * @param {string} text
 */
export function cleanName(text) {
  return [...text.replace(/[\p{C}\p{Z}]+/gu, " ").trim()].slice(0, LONGEST_NAME).join("").trim();
}

/**
 * @param {Partial<Record<keyof Item, unknown>> | null} item
 * @returns {item is Item}
 */
function isKept(item) {
  const { name, query, about, when } = item ?? {};
  return (
    typeof name === "string" &&
    typeof query === "string" &&
    typeof about === "string" &&
    name !== "" &&
    name === cleanName(name) &&
    STATE.test(query) &&
    about.length <= LONGEST_ABOUT &&
    Number.isFinite(when)
  );
}

/**
 * What a stored text holds, newest first; what is broken is left out.
 * @param {string | null} text
 */
export function parseKept(text) {
  let found;
  try {
    found = JSON.parse(text ?? "");
  } catch {
    return [];
  }
  if (!Array.isArray(found)) return [];
  /** @type {Map<string, Item>} */
  const named = new Map();
  for (const item of found) {
    if (isKept(item) && !named.has(item.name))
      named.set(item.name, { name: item.name, query: item.query, about: item.about, when: item.when });
  }
  return [...named.values()].sort((a, b) => b.when - a.when).slice(0, MOST);
}

function read() {
  try {
    return parseKept(localStorage.getItem(KEY));
  } catch {
    return []; // the storage is closed
  }
}

/** @param {Item[]} items */
function write(items) {
  try {
    localStorage.setItem(KEY, JSON.stringify(items));
    return true;
  } catch {
    return false;
  }
}

/**
 * A state without what it is compared with.
 * @param {string} query
 */
function alone(query) {
  return query
    .split("&")
    .filter((part) => !/^against(\.name)?=/.test(part))
    .join("&");
}

/**
 * A name from what is seen; one that is taken gets a number.
 * @param {PictureMessage} message
 * @param {Set<string>} taken
 */
function madeName({ surface, runs }, taken) {
  const own = runs.filter((run) => !run.kept).map((run) => run.name);
  const whole = [...cleanName(own.length ? `${surface.name}: ${own.join(", ")}` : surface.name)];
  for (let count = 1; ; count++) {
    const end = count > 1 ? ` (${count})` : "";
    const room = LONGEST_NAME - end.length;
    const name = cleanName(
      (whole.length > room
        ? `${whole
            .slice(0, room - 1)
            .join("")
            .trim()}…`
        : whole.join("")) + end,
    );
    if (!taken.has(name)) return name;
  }
}

/** @param {PictureMessage} message */
function describe({ surface, runs, steps }) {
  const own = runs.filter((run) => !run.kept).map((run) => run.name);
  return [surface.name, own.join(", ") || "no optimizers", `${steps} step${steps === 1 ? "" : "s"}`]
    .join(" · ")
    .slice(0, LONGEST_ABOUT);
}

export class Kept {
  constructor() {
    /** @type {Row[]} */
    this.rows = [];
    /** @type {PictureMessage | null} */
    this.latest = null;
    /** @type {Item | null} */
    this.former = null; // what "Undo" brings back
    /** @type {{query: string | null, name: string}} */
    this.against = { query: null, name: "" };
    this.name = h("input", {
      type: "text",
      class: "rv-kept-name",
      maxlength: LONGEST_NAME,
      placeholder: "Name",
      "aria-label": "Name",
      autocomplete: "off",
    });
    this.status = h("span");
    this.undo = h("button", { type: "button", class: "rv-choice", hidden: true }, "Undo");
    this.undo.addEventListener("click", () => this.takeBack());
    this.problem = h("p", { class: "rv-problem", role: "status", hidden: true });
    this.elsewhere = h("span");
    this.stranger = h(
      "p",
      { class: "rv-kept-stranger", hidden: true },
      this.elsewhere,
      h("button", { type: "button", class: "rv-choice", onclick: () => this.compare(null) }, "Stop comparing"),
    );
    this.list = h("ul", { class: "rv-kept-list" });
    this.node = h(
      "section",
      { class: "rv-kept", "data-testid": "kept", "aria-label": "Kept pictures" },
      h(
        "form",
        { class: "rv-kept-form", onsubmit: (event) => this.submit(event) },
        h("h4", { class: "rv-chart-title" }, "Kept"),
        this.name,
        h("button", { type: "submit", class: "rv-choice" }, "Keep"),
        h("span", { class: "rv-kept-said" }, h("span", { role: "status" }, this.status), this.undo),
      ),
      this.problem,
      this.stranger,
      this.list,
    );
    this.listeners = new AbortController();
    /** @param {StorageEvent} event */
    const changedElsewhere = (event) => (event.key === KEY || event.key === null) && this.show();
    window.addEventListener("storage", changedElsewhere, { signal: this.listeners.signal });
    this.show();
  }

  destroy() {
    this.listeners.abort();
  }

  /**
   * The picture that would be kept now.
   * @param {PictureMessage} message
   */
  draw(message) {
    this.latest = message;
    const fields = new URLSearchParams(message.query);
    this.against = { query: fields.get("against"), name: fields.get("against.name") ?? "" };
    const { against, "against.name": named } = message.problems;
    setText(this.problem, against ?? named ?? "");
    this.problem.hidden = !this.problem.textContent;
    this.mark();
  }

  // ---------------------------------------------------------------- what is kept

  /** @param {Event} event */
  submit(event) {
    event.preventDefault();
    if (!this.latest?.query) return;
    const query = alone(this.latest.query);
    const items = read();
    const others = new Set(items.filter((item) => item.query !== query).map((item) => item.name));
    const name = cleanName(this.name.value) || madeName(this.latest, others);
    const before = items.find((item) => item.name === name);
    if (!before && items.length >= MOST) return this.say(FULL);
    const kept = this.put({ name, query, about: describe(this.latest), when: Date.now() });
    if (!kept) return;
    this.name.value = "";
    if (before && before.query !== query) this.say(`Replaced “${name}”.`, before);
    else this.say(`Kept “${name}”.`);
  }

  /**
   * Stores an item in place of the one of its name; false where the browser does not let it.
   * @param {Item} item
   */
  put(item) {
    const items = [item, ...read().filter((other) => other.name !== item.name)].sort((a, b) => b.when - a.when);
    return this.store(items);
  }

  /** @param {Item[]} items */
  store(items) {
    const stored = write(items);
    this.show();
    if (!stored) this.say(CLOSED);
    return stored;
  }

  /** @param {Item} item */
  remove(item) {
    if (!this.store(read().filter((other) => other.name !== item.name))) return;
    this.say("Deleted.", item);
    this.undo.focus();
  }

  takeBack() {
    const item = this.former;
    if (!item) return;
    const items = read();
    if (items.length >= MOST && !items.some((other) => other.name === item.name)) return this.say(FULL);
    if (!this.put(item)) return;
    this.say("");
    this.rows
      .find((row) => row.item.name === item.name)
      ?.node.querySelector("button")
      ?.focus();
  }

  /**
   * A sentence beside the button.
   * @param {string} sentence
   * @param {Item | null} [former] what "Undo" brings back
   */
  say(sentence, former = null) {
    this.former = former;
    this.undo.hidden = !former;
    setText(this.status, sentence || (this.rows.length ? "" : EMPTY));
  }

  // ---------------------------------------------------------------- the list

  show() {
    this.rows = read().map((item) => this.row(item));
    this.list.replaceChildren(...this.rows.map(({ node }) => node));
    if (!this.former) this.say("");
    this.mark();
  }

  /**
   * @param {Item} item
   * @returns {Row}
   */
  row(item) {
    /** @param {string} label @param {() => void} act */
    const button = (label, act, attributes = {}) =>
      h(
        "button",
        { type: "button", class: "rv-choice", "aria-label": `${label} ${item.name}`, onclick: act, ...attributes },
        label,
      );
    const compare = button("Compare", () => this.compare(row.isCompared ? null : item), {
      class: "rv-choice rv-kept-compare",
      "aria-pressed": "false",
      title: "Draw it dotted in this picture",
    });
    const node = h(
      "li",
      { class: "rv-kept-row" },
      h("span", { class: "rv-kept-what" }, h("b", {}, item.name), h("span", { class: "rv-kept-about" }, item.about)),
      h(
        "span",
        { class: "rv-kept-acts" },
        button("Show", () => announce({ action: { show: item.query }, final: true })),
        compare,
        button("Delete", () => this.remove(item)),
      ),
    );
    const row = { node, item, compare, isCompared: false };
    return row;
  }

  /** @param {Item | null} item */
  compare(item) {
    announce({ set: { against: item?.query ?? null, "against.name": item?.name ?? "" }, final: true });
  }

  /** Says which of them is compared with, also where it is none of the list. */
  mark() {
    const { query, name } = this.against;
    let found = false;
    for (const row of this.rows) {
      row.isCompared = query !== null && row.item.query === query && row.item.name === name;
      found ||= row.isCompared;
      row.compare.setAttribute("aria-pressed", String(row.isCompared));
    }
    this.stranger.hidden = query === null || found;
    setText(
      this.elsewhere,
      query === null || found ? "" : `Compared with “${name || "kept"}”, which is not in this list.`,
    );
  }
}
