// Pictures kept under a name, in this browser alone: to come back to, or to lie dotted beneath another one.

import { announce } from "../shared/channel.js";
import { h, setText } from "../shared/dom.js";

const KEY = "ravine.kept.1";
const MOST = 50;
const LONGEST_NAME = 60; // as the server takes it
const STATE = /^[!-~]{1,8000}$/; // so too
const LONGEST_ABOUT = 300;
const EMPTY = "Keep this picture under a name to come back to it or to compare it.";
const FULL = `${MOST} pictures are kept, and there is room for no more: delete one first.`;
const CLOSED = "This browser lets the page keep nothing, or has no room left.";

/** Text as a name: one line without invisible signs, not too long. */
export function cleanName(text) {
  return [...text.replace(/[\p{C}\p{Z}]+/gu, " ").trim()].slice(0, LONGEST_NAME).join("").trim();
}

function isKept(item) {
  const { name, query, about, when } = item ?? {};
  if (![name, query, about].every((text) => typeof text === "string")) return false;
  return (
    name !== "" &&
    name === cleanName(name) &&
    STATE.test(query) &&
    about.length <= LONGEST_ABOUT &&
    Number.isFinite(when)
  );
}

/** What a stored text holds: items {name, query, about, when}, newest first; what is broken is left out. */
export function parseKept(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(found)) return [];
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

function write(items) {
  try {
    localStorage.setItem(KEY, JSON.stringify(items));
    return true;
  } catch {
    return false;
  }
}

/** A state without what it is compared with. */
function alone(query) {
  return query
    .split("&")
    .filter((part) => !/^against(\.name)?=/.test(part))
    .join("&");
}

/** A name from what is seen; one that is taken gets a number. */
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

function describe({ surface, runs, steps }) {
  const own = runs.filter((run) => !run.kept).map((run) => run.name);
  return [surface.name, own.join(", ") || "no optimizers", `${steps} step${steps === 1 ? "" : "s"}`]
    .join(" · ")
    .slice(0, LONGEST_ABOUT);
}

export class Kept {
  constructor() {
    this.items = [];
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
    const changedElsewhere = (event) => (event.key === KEY || event.key === null) && this.show();
    window.addEventListener("storage", changedElsewhere, { signal: this.listeners.signal });
    this.show();
  }

  destroy() {
    this.listeners.abort();
  }

  /** The picture that would be kept now. */
  draw(message) {
    this.latest = message;
    const fields = new URLSearchParams(message.query ?? "");
    this.against = { query: fields.get("against"), name: fields.get("against.name") ?? "" };
    const { against, "against.name": named } = message.problems ?? {};
    setText(this.problem, against ?? named ?? "");
    this.problem.hidden = !this.problem.textContent;
    this.mark();
  }

  // ---------------------------------------------------------------- what is kept

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

  /** Stores an item in place of the one of its name; false where the browser does not let it. */
  put(item) {
    const items = [item, ...read().filter((other) => other.name !== item.name)].sort((a, b) => b.when - a.when);
    return this.store(items);
  }

  store(items) {
    const stored = write(items);
    this.show();
    if (!stored) this.say(CLOSED);
    return stored;
  }

  remove(item) {
    if (!this.store(read().filter((other) => other.name !== item.name))) return;
    this.say("Deleted.", item);
    this.undo.focus();
  }

  takeBack() {
    const item = this.former;
    const items = read();
    if (items.length >= MOST && !items.some((other) => other.name === item.name)) return this.say(FULL);
    if (!this.put(item)) return;
    this.say("");
    [...this.list.children]
      .find((row) => row.item.name === item.name)
      ?.querySelector("button")
      ?.focus();
  }

  /** A sentence beside the button; `former` is the item that "Undo" brings back. */
  say(sentence, former = null) {
    this.former = former;
    this.undo.hidden = !former;
    setText(this.status, sentence || (this.items.length ? "" : EMPTY));
  }

  // ---------------------------------------------------------------- the list

  show() {
    this.items = read();
    this.list.replaceChildren(...this.items.map((item) => this.row(item)));
    if (!this.former) this.say("");
    this.mark();
  }

  row(item) {
    const button = (label, act, attributes = {}) =>
      h(
        "button",
        { type: "button", class: "rv-choice", "aria-label": `${label} ${item.name}`, onclick: act, ...attributes },
        label,
      );
    const row = h(
      "li",
      { class: "rv-kept-row" },
      h("span", { class: "rv-kept-what" }, h("b", {}, item.name), h("span", { class: "rv-kept-about" }, item.about)),
      h(
        "span",
        { class: "rv-kept-acts" },
        button("Show", () => announce({ action: { show: item.query }, final: true })),
        button("Compare", () => this.compare(row.isCompared ? null : item), {
          class: "rv-choice rv-kept-compare",
          "aria-pressed": "false",
          title: "Draw it dotted in this picture",
        }),
        button("Delete", () => this.remove(item)),
      ),
    );
    row.item = item;
    return row;
  }

  compare(item) {
    announce({ set: { against: item?.query ?? null, "against.name": item?.name ?? "" }, final: true });
  }

  /** Says which of them is compared with, also where it is none of the list. */
  mark() {
    const { query, name } = this.against;
    let found = false;
    for (const row of this.list.children) {
      row.isCompared = query !== null && row.item.query === query && row.item.name === name;
      found ||= row.isCompared;
      row.querySelector(".rv-kept-compare").setAttribute("aria-pressed", String(row.isCompared));
    }
    this.stranger.hidden = query === null || found;
    setText(
      this.elsewhere,
      query === null || found ? "" : `Compared with “${name || "kept"}”, which is not in this list.`,
    );
  }
}
