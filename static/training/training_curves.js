// What the board has heard of its runs: their points, and the curves that a chart shows of them.

import { Aggregate, Clock, grown, Series } from "../charts/series.js";

export const CHARTS = [
  { name: "train_loss", title: "Train loss", kind: "loss", step: "train/loss", epoch: "epoch/train_loss" },
  {
    name: "train_accuracy",
    title: "Train accuracy",
    kind: "accuracy",
    step: "train/accuracy",
    epoch: "epoch/train_accuracy",
  },
  {
    name: "test_loss",
    title: "Test loss",
    kind: "loss",
    epoch: "epoch/test_loss",
    validation: "epoch/validation_loss",
  },
  {
    name: "test_accuracy",
    title: "Test accuracy",
    kind: "accuracy",
    epoch: "epoch/test_accuracy",
    validation: "epoch/validation_accuracy",
  },
];

/** Runs by group, in the order in which they come: `[[key, [run, ...]], ...]`. */
export function grouped(runs) {
  const groups = new Map();
  for (const run of runs) {
    const key = run.group ?? run.id;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(run);
  }
  return [...groups];
}

export class TrainingCurves {
  constructor() {
    this.clear();
    this.runs = [];
    this.cursor = -1; // the store's sequence up to which every point is here
  }

  clear() {
    this.series = new Map(); // run -> name -> Series
    this.generations = new Map();
    this.derived = new Map(); // what was computed from points, and can be computed again
  }

  /** Takes a message in; false where points are missing and everything must be asked for. */
  take({ reset, base, cursor, runs = [], series = [] }) {
    this.runs = runs;
    if (reset) this.clear();
    const complete = reset || base <= this.cursor;
    this.label(runs);
    const known = new Set(runs.map((run) => run.id));
    for (const id of this.series.keys()) if (!known.has(id)) this.forget(id);
    if (!complete) return false;
    let sure = true;
    for (const { id, generation = 0, truncated = 0 } of runs) {
      const before = this.generations.get(id);
      this.generations.set(id, { generation, truncated });
      if (!before || (before.generation === generation && before.truncated === truncated)) continue;
      for (const one of this.series.get(id)?.values() ?? []) one.truncate(truncated);
      // Where the run went on from may be known only after it has begun: too much may have been forgotten.
      if (before.generation === generation || !truncated) sure = false;
    }
    for (const { run, name, steps, values } of series) {
      if (!known.has(run)) continue;
      if (!this.series.has(run)) this.series.set(run, new Map());
      const ofRun = this.series.get(run);
      if (!ofRun.has(name)) ofRun.set(name, new Series());
      ofRun.get(name).put(steps, values);
    }
    this.cursor = reset ? cursor : Math.max(this.cursor, cursor);
    return sure || Boolean(reset);
  }

  forget(id) {
    this.series.delete(id);
    this.generations.delete(id);
    for (const key of this.derived.keys())
      if (key.startsWith(`${id}\n`) || key.startsWith("group\n")) this.derived.delete(key);
  }

  /** Names as short as they can be while no two curves share one. */
  label(runs) {
    const groups = grouped(runs);
    const titles = new Map();
    for (const [, [first]] of groups) titles.set(first.title, (titles.get(first.title) ?? 0) + 1);
    this.names = new Map();
    for (const [key, members] of groups) {
      const [first] = members;
      const name = titles.get(first.title) > 1 && first.detail ? `${first.title}, ${first.detail}` : first.title;
      this.names.set(`group\n${key}`, name);
      for (const run of members) this.names.set(run.id, members.length > 1 ? `${name}, seed ${run.seed}` : name);
    }
  }

  get(id, name) {
    return this.series.get(id)?.get(name);
  }

  /** The last value of a series that is finite, or null. */
  latest(id, name) {
    const series = this.get(id, name);
    return series?.finite ? series.values[series.finite - 1] : null;
  }

  keep(key, make) {
    let kept = this.derived.get(key);
    if (!kept) this.derived.set(key, (kept = make()));
    return kept;
  }

  /** Where the points of a series lie on the chosen axis; null where that is not known. */
  x(run, name, series, mode) {
    if (mode === "step") return series.steps;
    if (mode === "epoch") {
      const each = run.steps_per_epoch || 1;
      const kept = this.keep(`${run.id}\n${name}\nepoch`, () => ({ x: new Float64Array(0), count: 0 }));
      if (kept.revision !== series.revision || kept.each !== each)
        Object.assign(kept, { revision: series.revision, each, count: 0 });
      kept.x = grown(kept.x, series.count);
      for (let i = kept.count; i < series.count; i++) kept.x[i] = series.steps[i] / each;
      kept.count = series.count;
      return kept.x;
    }
    return this.keep(`${run.id}\n${name}\n${mode}`, () => new Clock()).read(series, this.get(run.id, `clock/${mode}`));
  }

  /** The curves of one of `CHARTS` under a view, those of validation first, so that they lie beneath. */
  curves(chart, view) {
    const hidden = new Set(view.hidden);
    const perStep = Boolean(chart.step) && view.per !== "epoch";
    const log = chart.kind === "loss" && Boolean(view.log_loss); // averages are those of what the axis shows
    const parts = [[chart.epoch, 0, { perEpoch: true }]];
    if (chart.validation) parts.unshift([chart.validation, 0, { perEpoch: true, validation: true }]);
    const found = [];
    for (const [key, members] of grouped(this.runs)) {
      if (hidden.has(key)) continue;
      const shown = members.filter((run) => !hidden.has(run.id));
      // A task without per-step series shows its epochs.
      const fine = perStep && shown.some((run) => this.get(run.id, chart.step)?.count);
      for (const [name, weight, what] of fine ? [[chart.step, view.smoothing, {}]] : parts) {
        const present = [];
        for (const run of shown) {
          const series = this.get(run.id, name);
          const x = series?.count ? this.x(run, name, series, view.x) : null;
          if (x) present.push({ id: run.id, run, series, x });
        }
        if (!present.length) continue;
        if (view.group && members.length > 1) found.push(this.together(key, name, present, weight, view.x, log, what));
        else for (const one of present) found.push(this.alone(one, weight, log, what));
      }
    }
    return found.sort((a, b) => Boolean(b.validation) - Boolean(a.validation));
  }

  alone({ run, series, x }, weight, log, what) {
    return {
      ...what,
      key: run.id,
      run: run.id,
      group: run.group ?? run.id,
      label: this.names.get(run.id),
      colour: run.colour,
      dash: run.dash,
      each: run.steps_per_epoch,
      count: series.count,
      finite: series.finite,
      points: series.count,
      steps: series.steps,
      x,
      raw: weight > 0 ? series.values : null,
      line: series.smoothed(weight, log),
      factor: log,
      ended: run.status === "diverged" || series.broken >= 0,
    };
  }

  together(key, name, present, weight, mode, log, what) {
    const [{ run }] = present;
    const sure = mode === "step" || mode === "epoch";
    const mean = this.keep(`group\n${key}\n${name}`, () => new Aggregate()).update(present, weight, mode, sure, log);
    return {
      ...what,
      key,
      run: null,
      group: key,
      label: this.names.get(`group\n${key}`),
      seeds: present.length,
      colour: run.colour,
      dash: run.dash,
      each: run.steps_per_epoch,
      count: mean.count,
      finite: mean.count,
      points: present.reduce((sum, one) => sum + one.series.count, 0),
      steps: mean.steps,
      x: mean.x,
      raw: weight > 0 ? mean.raw : null,
      line: mean.line,
      n: mean.n,
      low: present.length > 1 ? mean.low : null,
      high: present.length > 1 ? mean.high : null,
      factor: log,
      ended: present.every((one) => one.run.status === "diverged" || one.series.broken >= 0),
    };
  }
}
