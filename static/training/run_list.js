// The runs, a line each: what they are, how far they have come, what can be done with them. Seeds of one group fold up.

import { arrange, focus, focusedIn, h, paintSwatch, setText, svg } from "../shared/dom.js";
import { duration, grouping, percent } from "../shared/scales.js";
import { progressBar } from "./progress.js";
import { question } from "./question.js";
import { grouped } from "./training_curves.js";

/** @import { BoardRun, RunAction } from "../shared/messages.js" */
/** @import { TrainingCurves } from "./training_curves.js" */
/** @typedef {BoardRun["actions"][number]} Act */
/**
 * What a row says.
 * @typedef {object} Saying
 * @property {string} title
 * @property {string} detail
 * @property {string} pill
 * @property {string} status
 * @property {string} remaining
 * @property {string} result
 * @property {string} [resultOf]
 * @property {string} colour
 * @property {string} dash
 * @property {boolean} seen
 * @property {string} label
 */

const ICONS = {
  stop: "M5 5h14v14H5z",
  resume: "M8 5l11 7l-11 7z",
  anew: "M4 12a8 8 0 1 0 3 -6.2M7 2v4h4",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1 -13",
  rename: "M4 20l1 -4L16 5l3 3L8 19z",
  fold: "M7 10l5 5l5 -5",
};
/** @type {Record<Act, string>} */
const VERBS = { stop: "Stop", resume: "Resume", anew: "Begin anew:", rename: "Rename", delete: "Delete" };
/** @typedef {"delete" | "anew"} Final */
/** @type {Record<Final, string>} */
const ASKED = { delete: "Delete", anew: "Begin anew" }; // what cannot be undone
/** @type {Record<Exclude<Act, "rename">, (id: string) => RunAction>} */
const SAID = {
  stop: (id) => ({ stop: id }),
  resume: (id) => ({ resume: id }),
  anew: (id) => ({ anew: id }),
  delete: (id) => ({ delete: id }),
};
const ACTS = /** @type {Act[]} */ (Object.keys(VERBS));
/** @param {Act | null} name @returns {name is Final} */
const isFinal = (name) => name !== null && name in ASKED;
const PATIENCE = 10_000; // a button that was pressed may be pressed again after so long without an effect

/** @param {keyof typeof ICONS} name */
const icon = (name, size = 15) =>
  svg(
    "svg",
    { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "rv-icon" },
    svg("path", { d: ICONS[name] }),
  );

/**
 * What the pill says.
 * @param {Pick<BoardRun, "status" | "stage" | "step">} run
 */
export function words({ status, stage, step }) {
  if (status === "running" && stage === "stopping") return stage;
  if (status === "running") return stage && stage !== "training" ? `running: ${stage}` : "running";
  if (status === "diverged") return `diverged at step ${grouping(step)}`;
  return status;
}

/**
 * What the pill has not said yet.
 * @param {BoardRun} run
 */
const remark = ({ sentence }) => sentence.replace(/^diverged at step [\d,]+[\s.:,;]*/i, "");

/** What a row shows and does; a row of one run and the row of a group differ in what they say. */
class Row {
  /** @param {RunList} owner @param {string} key */
  constructor(owner, key) {
    this.owner = owner;
    this.key = key;
    /** @type {BoardRun[]} */
    this.members = [];
    this.label = this.paint = this.state = "";
    /** @type {Map<Act, {condition: string, since: number}>} */
    this.pressed = new Map();
    /** @type {Final | "rename" | null} */
    this.asking = null;
    /** @type {Set<string>} */
    this.asked = new Set(); // the runs that were there when it was asked about them
    /** @type {HTMLInputElement | null} */
    this.field = null; // where a new name is typed
    /** @type {HTMLInputElement} */
    this.eye = h("input", {
      type: "checkbox",
      class: "rv-eye",
      onchange: () =>
        owner.show(
          this.members.map((run) => run.id),
          this.key,
          this.eye.checked,
        ),
    });
    this.swatch = h("i", { class: "rv-swatch" });
    this.title = h("span", { class: "rv-run-title" });
    this.detail = h("span", { class: "rv-run-detail" });
    this.pill = h("span", { class: "rv-pill" });
    this.bar = progressBar();
    this.left = h("span", { class: "rv-run-left" });
    this.result = h("span", { class: "rv-run-result" });
    this.resultOf = h("small");
    this.acts = h("span", { class: "rv-run-acts" });
    this.sentence = h("p", { class: "rv-run-sentence", hidden: true });
    this.lead = h("span", { class: "rv-lead" }, this.swatch);
    this.name = h("span", { class: "rv-run-name" }, this.title, this.detail);
    this.value = h("span");
    this.result.append(this.value, this.resultOf);
    this.node = h(
      "li",
      { class: "rv-run", onpointerenter: () => owner.onKey(this.key), onpointerleave: () => owner.onKey(null) },
      this.eye,
      this.lead,
      this.name,
      this.pill,
      this.bar.node,
      this.left,
      this.result,
      this.acts,
      this.sentence,
    );
  }

  /** @param {Saying} saying */
  say({ title, detail, pill, status, remaining, result, resultOf = "", colour, dash, seen, label }) {
    this.label = label;
    setText(this.title, title);
    setText(this.detail, detail);
    this.name.title = `${title} ${detail}`.trim();
    setText(this.pill, pill);
    this.node.dataset.status = status;
    this.bar.show(this.members);
    this.bar.node.setAttribute("aria-label", `Progress of ${label}`);
    setText(this.left, remaining);
    setText(this.value, result);
    setText(this.resultOf, resultOf);
    const paint = `${colour} ${dash}`;
    if (this.paint !== paint) paintSwatch(this.swatch, { colour, dash });
    this.paint = paint;
    this.eye.checked = seen;
    this.eye.setAttribute("aria-label", `Show ${label}`);
    this.eye.title = `Show ${label}`;
    this.node.classList.toggle("rv-unseen", !seen);
    this.actions();
  }

  // ---------------------------------------------------------------- buttons

  /**
   * The runs of this row that a button is for.
   * @param {Act} name
   */
  targets(name) {
    const able = this.members.filter((run) => run.may_act && run.actions.includes(name));
    return able.length && name === "rename" ? this.members : able;
  }

  offers() {
    return ACTS.filter((name) => this.targets(name).length);
  }

  /** Changes where a press has had an effect. */
  condition() {
    return this.members.map(({ id, status, stage }) => `${id} ${status} ${stage}`).join("\n");
  }

  actions() {
    const allowed = this.offers();
    for (const [name, { condition, since }] of this.pressed) {
      if (!allowed.includes(name) || condition !== this.condition() || performance.now() - since > PATIENCE)
        this.pressed.delete(name);
    }
    const counts = allowed.map((name) => this.targets(name).length);
    const state = JSON.stringify([allowed, counts, [...this.pressed.keys()], this.asking, this.label]);
    if (state === this.state) return;
    this.state = state;
    if (this.asking && !allowed.includes(this.asking)) this.asking = null;
    this.node.classList.toggle("rv-asking", isFinal(this.asking));
    const focused = focusedIn(this.acts)?.dataset.act;
    if (isFinal(this.asking)) this.acts.replaceChildren(this.question(this.asking));
    else this.acts.replaceChildren(...allowed.map((name) => this.button(name)));
    if (this.asking !== "rename") {
      if (this.field) this.name.replaceChildren(this.title, this.detail);
      this.field = null;
    } else if (!this.field) this.name.replaceChildren((this.field = this.renaming()));
    if (focused) focus(this.acts, `[data-act="${focused}"]`, "button");
  }

  /**
   * "SGD", or "SGD, 2 of 3 seeds".
   * @param {Act} name
   */
  whom(name) {
    const count = this.targets(name).length;
    if (this.members.length === 1) return this.label;
    return `${this.label}, ${count < this.members.length ? `${count} of ` : ""}${this.members.length} seeds`;
  }

  /** @param {Act} name */
  button(name) {
    const label = `${VERBS[name]} ${this.whom(name)}`;
    return h(
      "button",
      {
        type: "button",
        class: "rv-icon-button",
        "data-act": name,
        "aria-label": label,
        title: label,
        disabled: this.pressed.has(name),
        onclick: () => (isFinal(name) || name === "rename" ? this.ask(name) : this.press(name)),
      },
      icon(name),
    );
  }

  /** @param {Exclude<Act, "rename">} name */
  press(name, runs = this.targets(name)) {
    for (const { id } of runs) this.owner.onAction(SAID[name](id));
    this.pressed.set(name, { condition: this.condition(), since: performance.now() });
    this.ask(null);
  }

  /** @param {Final | "rename" | null} what */
  ask(what) {
    const before = this.asking;
    this.asking = what;
    this.asked = new Set((what ? this.targets(what) : []).map((run) => run.id));
    this.actions();
    if (what === "rename") {
      this.field?.focus();
      this.field?.select();
    } else focus(this.acts, what ? "[data-act=no]" : `[data-act="${before}"]`, "button");
  }

  /**
   * Only what was there when it was asked about is deleted or begun anew.
   * @param {Final} name
   */
  question(name) {
    const chosen = () => this.targets(name).filter((run) => this.asked.has(run.id));
    const count = chosen().length;
    const whom =
      this.members.length === 1
        ? ""
        : ` ${count < this.members.length ? `${count} of ` : ""}${this.members.length} runs`;
    return question(`${VERBS[name]} ${this.whom(name)}?`, `${ASKED[name]}${whom}?`, (sure) =>
      sure ? this.press(name, chosen()) : this.ask(null),
    );
  }

  renaming() {
    const [{ title }] = this.members;
    const give = () => {
      const text = input.value.trim();
      if (text && text !== title)
        for (const run of this.targets("rename")) this.owner.onAction({ rename: [run.id, text] });
      this.ask(null);
    };
    /** @type {HTMLInputElement} */
    const input = h("input", {
      type: "text",
      class: "rv-number rv-rename",
      value: title,
      maxlength: 80,
      "data-act": "name",
      "aria-label": `New name of ${this.label}`,
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== "Escape") return;
        event.preventDefault(); // the pencil, which is focused next, would take the key for a press
        if (event.key === "Enter") give();
        else this.ask(null);
      },
    });
    return input;
  }
}

class RunRow extends Row {
  /** @param {RunList} owner @param {string} id */
  constructor(owner, id) {
    super(owner, id);
    this.inside = false;
    this.node.dataset.run = id;
    this.node.dataset.testid = `run-${id}`;
  }

  /**
   * A seed of a group bears the group's name.
   * @override
   */
  offers() {
    return super.offers().filter((name) => name !== "rename" || !this.inside);
  }

  /**
   * @param {BoardRun} run
   * @param {{inside: boolean, hidden: Set<string>, latest: number | null, label: string}} how
   */
  update(run, { inside, hidden, latest, label }) {
    this.members = [run];
    this.inside = inside;
    this.node.classList.toggle("rv-inside", inside);
    const left = run.status === "running" ? run.remaining : null;
    const note = remark(run);
    this.say({
      title: inside ? `seed ${run.seed}` : run.title,
      detail: inside ? "" : [run.detail, `seed ${run.seed}`].filter(Boolean).join(", "),
      pill: words(run),
      status: run.status,
      remaining:
        left !== null
          ? `${duration(left)} left`
          : run.status === "stopped" || run.status === "interrupted"
            ? `at ${grouping(run.step)} of ${grouping(run.steps)} steps`
            : "",
      result: latest === null ? "" : percent(latest),
      colour: run.colour,
      dash: run.dash,
      label,
      seen: !hidden.has(run.id) && !hidden.has(run.group),
    });
    this.sentence.hidden = !note;
    this.sentence.classList.toggle("rv-alarm", run.tone === "error");
    setText(this.sentence, note);
  }
}

class GroupRow extends Row {
  /** @param {RunList} owner @param {string} key */
  constructor(owner, key) {
    super(owner, key);
    this.open = false;
    this.node.classList.add("rv-group-row");
    this.node.dataset.group = key;
    this.fold = h(
      "button",
      { type: "button", class: "rv-icon-button rv-fold", onclick: () => owner.turn(this.key, !this.open) },
      icon("fold", 12),
    );
    this.lead.prepend(this.fold);
  }

  /**
   * @param {BoardRun[]} members
   * @param {{hidden: Set<string>, open: boolean, latest: (number | null)[], label: string}} how
   */
  update(members, { hidden, open, latest, label }) {
    this.members = members;
    this.open = open;
    const [first] = members;
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const run of members) counts.set(run.status, (counts.get(run.status) ?? 0) + 1);
    // Where seeds have finished, theirs is the result.
    const finished = members.filter((run, i) => run.status === "finished" && latest[i] !== null).length;
    const known = latest.flatMap((value, i) =>
      value !== null && (!finished || members[i].status === "finished") ? [value] : [],
    );
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (known.length - 1));
    this.say({
      title: first.title,
      detail: [first.detail, `${members.length} seeds`].filter(Boolean).join(", "),
      pill:
        counts.size === 1
          ? words({ ...first, stage: "", status: first.status === "diverged" ? "all diverged" : first.status })
          : [...counts].map(([status, count]) => `${count}\u00a0${status}`).join(", "),
      status:
        ["running", "failed", "interrupted", "queued", "stopped", "diverged", "finished"].find((status) =>
          counts.has(status),
        ) ?? "",
      label,
      remaining: this.remaining(),
      result:
        known.length > 1 ? `${percent(mean)} ± ${(deviation * 100).toFixed(1)}` : known.length ? percent(mean) : "",
      resultOf: finished && finished < members.length ? `(${finished} of ${members.length} finished)` : "",
      colour: first.colour,
      dash: first.dash,
      seen: !hidden.has(this.key) && members.some((run) => !hidden.has(run.id)),
    });
    this.fold.setAttribute("aria-expanded", String(open));
    this.fold.setAttribute("aria-label", `${open ? "Fold" : "Unfold"} the seeds of ${label}`);
  }

  /** The longest of the seeds; those queued count where the server says when they will be done. */
  remaining() {
    const active = this.members.filter((run) => run.status === "running" || run.status === "queued");
    const known = active.flatMap(({ remaining }) => (remaining === null ? [] : [remaining]));
    const queued = active.filter((run) => run.status === "queued" && run.remaining === null).length;
    if (!known.length) return "";
    return `${duration(Math.max(...known))} left${queued ? ` + ${queued} queued` : ""}`;
  }
}

export class RunList {
  /**
   * @param {object} hand
   * @param {(action: RunAction) => void} hand.onAction
   * @param {(ids: string[], key: string, seen: boolean) => void} hand.onShow of runs and their group's or run's key
   * @param {(key: string | null) => void} hand.onKey what is under the pointer
   */
  constructor({ onAction, onShow, onKey }) {
    this.onAction = onAction;
    this.show = onShow;
    this.onKey = onKey;
    /** @type {Map<string, GroupRow>} */
    this.groups = new Map();
    /** @type {Map<string, RunRow>} */
    this.singles = new Map();
    /** @type {Map<string, boolean>} */
    this.turned = new Map(); // folds set by hand
    this.draw = () => {}; // the same again
    this.foldedBeyond = 12; // runs
    this.node = h("ul", { class: "rv-runs", "data-testid": "runs", "aria-label": "Runs" });
  }

  /** @param {string} key @param {boolean} open */
  turn(key, open) {
    this.turned.set(key, open);
    this.draw();
  }

  /**
   * @param {TrainingCurves} curves that know the runs, their names and their latest accuracies
   * @param {string[]} hidden
   */
  render(curves, hidden) {
    this.draw = () => this.render(curves, hidden);
    const away = new Set(hidden);
    /** @param {BoardRun} run */
    const latest = (run) => curves.latest(run.id, "epoch/test_accuracy");
    /** @type {Set<Row>} */
    const rows = new Set();
    for (const [key, members] of grouped(curves.runs)) {
      const several = members.length > 1;
      const open = !several || (this.turned.get(key) ?? curves.runs.length <= this.foldedBeyond);
      if (several) {
        const row = this.groups.get(key) ?? new GroupRow(this, key);
        this.groups.set(key, row);
        row.update(members, {
          hidden: away,
          open,
          latest: members.map(latest),
          label: curves.nameOf(`group\n${key}`),
        });
        rows.add(row);
      }
      if (!open) continue;
      for (const run of members) {
        const row = this.singles.get(run.id) ?? new RunRow(this, run.id);
        this.singles.set(run.id, row);
        row.update(run, { inside: several, hidden: away, latest: latest(run), label: curves.nameOf(run.id) });
        rows.add(row);
      }
    }
    for (const known of [this.groups, this.singles])
      for (const [key, row] of known) if (!rows.has(row)) known.delete(key);
    this.node.classList.toggle("rv-has-groups", this.groups.size > 0);
    arrange(
      this.node,
      [...rows].map((row) => row.node),
    );
  }

  /** @param {string | null} key @param {string | null} group */
  highlight(key, group) {
    for (const row of [...this.groups.values(), ...this.singles.values()])
      row.node.classList.toggle("rv-lit", Boolean(key) && (row.key === key || row.key === group));
  }
}
