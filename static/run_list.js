// The runs, a line each: what they are, how far they have come, what can be done with them. Seeds of one group fold up.

const v = new URL(import.meta.url).search;
const [{ h, svg, setText, paintSwatch }, { duration, percent, grouping }, { grouped }] = await Promise.all(
  ["dom", "scales", "training_curves"].map((name) => import(`./${name}.js${v}`)),
);

const ICONS = {
  stop: "M5 5h14v14H5z",
  resume: "M8 5l11 7l-11 7z",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1 -13",
  rename: "M4 20l1 -4L16 5l3 3L8 19z",
  fold: "M7 10l5 5l5 -5",
};
const VERBS = { stop: "Stop", resume: "Resume", rename: "Rename", delete: "Delete" };
const PATIENCE = 10_000; // a button that was pressed may be pressed again after so long without an effect

const icon = (name, size = 15) =>
  svg("svg", { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "rv-icon" }, svg("path", { d: ICONS[name] }));

/** What the pill says. */
export function words({ status, stage, step }) {
  if (status === "running" && stage === "stopping") return stage;
  if (status === "running") return stage && stage !== "training" ? `running: ${stage}` : "running";
  if (status === "diverged") return `diverged at step ${grouping(step ?? 0)}`;
  return status;
}

class Row {
  constructor(owner, key) {
    Object.assign(this, { owner, key });
    this.eye = h("input", { type: "checkbox", class: "rv-eye", onchange: () => owner.show(this.members.map((run) => run.id), this.key, this.eye.checked) });
    this.swatch = h("i", { class: "rv-swatch" });
    this.title = h("span", { class: "rv-run-title" });
    this.detail = h("span", { class: "rv-run-detail" });
    this.pill = h("span", { class: "rv-pill" });
    this.fill = h("i");
    this.bar = h("span", { class: "rv-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, this.fill);
    this.left = h("span", { class: "rv-run-left" });
    this.result = h("span", { class: "rv-run-result" });
    this.acts = h("span", { class: "rv-run-acts" });
    this.sentence = h("p", { class: "rv-run-sentence", hidden: true });
    this.lead = h("span", { class: "rv-lead" }, this.swatch);
    this.name = h("span", { class: "rv-run-name" }, this.title, this.detail);
    this.node = h(
      "li",
      { class: "rv-run", onpointerenter: () => owner.onKey(this.key), onpointerleave: () => owner.onKey(null) },
      this.eye, this.lead, this.name, this.pill, this.bar, this.left, this.result, this.acts, this.sentence,
    );
  }

  /** Shared by a run and a group: `share` done of 1. */
  say({ title, detail, pill, status, share, remaining, result, colour, dash, seen, label }) {
    setText(this.title, title);
    setText(this.detail, detail);
    this.name.title = `${title} ${detail}`.trim();
    setText(this.pill, pill);
    this.node.dataset.status = status;
    const width = `${Math.round(Math.max(0, Math.min(1, share || 0)) * 1000) / 10}%`;
    if (this.fill.style.width !== width) {
      this.fill.style.width = width;
      this.bar.setAttribute("aria-valuenow", Math.round(parseFloat(width)));
    }
    this.bar.setAttribute("aria-label", `Progress of ${label}`);
    setText(this.left, remaining);
    setText(this.result, result);
    const paint = `${colour} ${dash}`;
    if (this.paint !== paint) paintSwatch(this.swatch, { colour, dash });
    this.paint = paint;
    this.eye.checked = seen;
    this.eye.setAttribute("aria-label", `Show ${label}`);
    this.eye.title = `Show ${label}`;
    this.node.classList.toggle("rv-unseen", !seen);
  }
}

class RunRow extends Row {
  constructor(owner, id) {
    super(owner, id);
    this.node.dataset.run = id;
    this.node.dataset.testid = `run-${id}`;
    this.pressed = new Map();
  }

  update(run, { inside, hidden, latest, label }) {
    this.members = [run];
    this.run = run;
    this.label = label;
    this.node.classList.toggle("rv-inside", inside);
    const going = run.status === "running" && Number.isFinite(run.remaining);
    this.say({
      title: inside ? `seed ${run.seed}` : run.title,
      detail: inside ? "" : [run.detail, run.seed === null || run.seed === undefined ? "" : `seed ${run.seed}`].filter(Boolean).join(", "),
      pill: words(run),
      status: run.status,
      share: run.status === "finished" ? 1 : run.step / run.steps,
      remaining: going ? `${duration(run.remaining)} left` : run.status === "stopped" || run.status === "interrupted" ? `at ${grouping(run.step)} of ${grouping(run.steps)}` : "",
      result: latest === null ? "" : percent(latest),
      colour: run.colour, dash: run.dash, label,
      seen: !hidden.has(run.id) && !hidden.has(run.group),
    });
    this.sentence.hidden = !run.sentence;
    setText(this.sentence, run.sentence ?? "");
    this.actions();
  }

  actions() {
    const { run } = this;
    const allowed = run.may_act ? Object.keys(VERBS).filter((name) => (run.actions ?? []).includes(name)) : [];
    for (const [name, { status, since }] of this.pressed) {
      if (!allowed.includes(name) || status !== run.status || performance.now() - since > PATIENCE) this.pressed.delete(name);
    }
    const state = JSON.stringify([allowed, [...this.pressed.keys()], this.asking, this.label]);
    if (state === this.state) return;
    this.state = state;
    const focused = this.acts.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    if (this.asking === "delete" && allowed.includes("delete")) this.acts.replaceChildren(...this.question());
    else if (this.asking === "rename" && allowed.includes("rename")) this.acts.replaceChildren(this.renaming());
    else {
      this.asking = null;
      this.acts.replaceChildren(...allowed.map((name) => this.button(name)));
    }
    if (focused) (this.acts.querySelector(`[data-act="${focused}"]`) ?? this.acts.querySelector("button"))?.focus();
  }

  button(name) {
    const busy = this.pressed.has(name);
    const label = `${VERBS[name]} ${this.label}`;
    return h(
      "button",
      {
        type: "button", class: "rv-icon-button", "data-act": name, "aria-label": label, title: label, disabled: busy,
        onclick: () => (name === "delete" || name === "rename" ? this.ask(name) : this.press(name, { [name]: this.run.id })),
      },
      icon(name),
    );
  }

  press(name, action) {
    this.pressed.set(name, { status: this.run.status, since: performance.now() });
    this.owner.onAction(action);
    this.ask(null);
  }

  ask(what) {
    this.asking = what;
    this.actions();
    const first = this.acts.querySelector(what === "rename" ? "input" : what ? "[data-act=no]" : "button");
    first?.focus();
    first?.select?.();
  }

  question() {
    const answer = (act, text, action) => h("button", { type: "button", class: "rv-choice", "data-act": act, onclick: action, onkeydown: (event) => event.key === "Escape" && this.ask(null) }, text);
    return [
      h("span", { class: "rv-ask", role: "group", "aria-label": `Delete ${this.label}?` }, h("span", {}, "Delete?"),
        answer("yes", "yes", () => this.press("delete", { delete: this.run.id })),
        answer("no", "no", () => this.ask(null))),
    ];
  }

  renaming() {
    const give = () => {
      const text = input.value.trim();
      if (text && text !== this.run.title) this.press("rename", { rename: [this.run.id, text] });
      else this.ask(null);
    };
    const input = h("input", {
      type: "text", class: "rv-number rv-rename", value: this.run.title, maxlength: 80, "data-act": "name", "aria-label": `New name of ${this.label}`,
      onkeydown: (event) => {
        if (event.key === "Enter") give();
        if (event.key === "Escape") this.ask(null);
      },
    });
    return input;
  }
}

class GroupRow extends Row {
  constructor(owner, key) {
    super(owner, key);
    this.node.classList.add("rv-group-row");
    this.node.dataset.group = key;
    this.fold = h("button", { type: "button", class: "rv-icon-button rv-fold", onclick: () => owner.toggle(this.key) }, icon("fold", 12));
    this.lead.prepend(this.fold);
  }

  update(members, { hidden, open, latest, label }) {
    this.members = members;
    const [first] = members;
    const counts = new Map();
    for (const run of members) counts.set(run.status, (counts.get(run.status) ?? 0) + 1);
    const share = members.reduce((sum, run) => sum + (run.status === "finished" ? 1 : (run.step || 0) / (run.steps || 1)), 0) / members.length;
    const waits = members.filter((run) => run.status === "running" && Number.isFinite(run.remaining)).map((run) => run.remaining);
    const known = latest.filter((value) => value !== null);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (known.length - 1));
    this.say({
      title: first.title,
      detail: [first.detail, `${members.length} seeds`].filter(Boolean).join(", "),
      pill: counts.size === 1 ? words({ ...first, stage: members.length > 1 ? "" : first.stage, status: first.status === "diverged" ? "all diverged" : first.status })
        : [...counts].map(([status, count]) => `${count} ${status}`).join(", "),
      status: ["running", "failed", "interrupted", "queued", "stopped", "diverged", "finished"].find((status) => counts.has(status)),
      share, label,
      remaining: waits.length ? `${duration(Math.max(...waits))} left` : "",
      result: known.length > 1 ? `${percent(mean)} ± ${(deviation * 100).toFixed(1)}` : known.length ? percent(mean) : "",
      colour: first.colour, dash: first.dash,
      seen: !hidden.has(this.key) && members.some((run) => !hidden.has(run.id)),
    });
    this.fold.setAttribute("aria-expanded", String(open));
    this.fold.setAttribute("aria-label", `${open ? "Fold" : "Unfold"} the seeds of ${label}`);
  }
}

/** Makes the children of `parent` these nodes in this order, moving only what is out of place. */
function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
}

export class RunList {
  /** `onAction({stop: id})`; `onShow(ids, key, seen)` of runs and their group or run key; `onKey(key)` under the pointer. */
  constructor({ onAction, onShow, onKey }) {
    Object.assign(this, { onAction, show: onShow, onKey });
    this.rows = new Map();
    this.turned = new Map(); // folds set by hand
    this.foldedBeyond = 12; // runs
    this.node = h("ul", { class: "rv-runs", "data-testid": "runs", "aria-label": "Runs" });
  }

  toggle(key) {
    this.turned.set(key, !this.isOpen(key));
    this.render(this.curves, this.hidden);
  }

  isOpen(key) {
    return this.turned.get(key) ?? this.curves.runs.length <= this.foldedBeyond;
  }

  row(kind, key) {
    const name = `${kind.name}\n${key}`;
    if (!this.rows.has(name)) this.rows.set(name, new kind(this, key));
    return this.rows.get(name);
  }

  /** `curves`: the TrainingCurves that know the runs, their names and their latest accuracies. */
  render(curves, hidden) {
    Object.assign(this, { curves, hidden });
    const away = new Set(hidden);
    const latest = (run) => curves.latest(run.id, "epoch/test_accuracy");
    const rows = [];
    for (const [key, members] of grouped(curves.runs)) {
      const several = members.length > 1;
      const open = !several || this.isOpen(key);
      if (several) {
        const row = this.row(GroupRow, key);
        row.update(members, { hidden: away, open, latest: members.map(latest), label: curves.names.get(`group\n${key}`) });
        rows.push(row);
      }
      if (!open) continue;
      for (const run of members) {
        const row = this.row(RunRow, run.id);
        row.update(run, { inside: several, hidden: away, latest: latest(run), label: curves.names.get(run.id) });
        rows.push(row);
      }
    }
    this.node.classList.toggle("rv-has-groups", rows.some((row) => row instanceof GroupRow));
    arrange(this.node, rows.map((row) => row.node));
    const kept = new Set(rows);
    for (const [name, row] of this.rows) if (!kept.has(row)) this.rows.delete(name);
  }

  highlight(key, group) {
    for (const row of this.rows.values()) row.node.classList.toggle("rv-lit", Boolean(key) && (row.key === key || row.key === group));
  }
}
