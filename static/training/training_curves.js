// What the board has heard of its runs: their points, and the curves that a chart shows of them.

import { Aggregate, Clock, grown, Series } from "../charts/series.js";

/** @import { Curve } from "../charts/types.js" */
/** @import { BoardMessage, BoardRun, BoardView } from "../shared/messages.js" */
/** @import { Numbers } from "../shared/types.js" */
/**
 * A chart, and the names of the series that it shows.
 * @typedef {object} Chart
 * @property {string} name
 * @property {string} title
 * @property {"loss" | "accuracy"} kind
 * @property {string} [step]
 * @property {string} epoch
 * @property {string} [validation]
 */
/** @typedef {{perEpoch?: boolean, validation?: boolean}} What of a curve that does not stand for steps */
/** @typedef {{id: string, run: BoardRun, series: Series, x: Numbers}} Present a run's points, and where they lie */

/** @type {Chart[]} */
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

/**
 * Runs by group, in the order in which they come.
 * @param {BoardRun[]} runs
 */
export function grouped(runs) {
  /** @type {Map<string, BoardRun[]>} */
  const groups = new Map();
  for (const run of runs) {
    const members = groups.get(run.group);
    if (members) members.push(run);
    else groups.set(run.group, [run]);
  }
  return [...groups];
}

/** Where points lie in epochs, as far as that has been computed. */
class Epochs {
  x = new Float64Array(0);
  count = 0;
  revision = 0;
  each = 0;

  /** @param {Series} series @param {number} each steps of an epoch */
  read(series, each) {
    if (this.revision !== series.revision || this.each !== each) this.count = 0;
    this.revision = series.revision;
    this.each = each;
    this.x = grown(this.x, series.count);
    for (let i = this.count; i < series.count; i++) this.x[i] = series.steps[i] / each;
    this.count = series.count;
    return this.x;
  }
}

/**
 * What stands under a key, made where there is nothing yet.
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {() => V} make
 */
function kept(map, key, make) {
  let found = map.get(key);
  if (found === undefined) map.set(key, (found = make()));
  return found;
}

export class TrainingCurves {
  constructor() {
    /** @type {Map<string, Map<string, Series>>} */
    this.series = new Map(); // by run and name
    /** @type {Map<string, Pick<BoardRun, "generation" | "truncated">>} */
    this.generations = new Map();
    // What was computed from points, and can be computed again.
    /** @type {Map<string, Epochs>} */
    this.epochs = new Map();
    /** @type {Map<string, Clock>} */
    this.clocks = new Map();
    /** @type {Map<string, Aggregate>} */
    this.aggregates = new Map();
    /** @type {Map<string, string>} */
    this.names = new Map();
    /** @type {BoardRun[]} */
    this.runs = [];
    this.cursor = -1; // the store's sequence up to which every point is here
  }

  clear() {
    for (const map of [this.series, this.generations, this.epochs, this.clocks, this.aggregates]) map.clear();
  }

  /**
   * Takes a message in; false where points are missing and everything must be asked for.
   * @param {BoardMessage} message
   */
  take({ reset, base, cursor, runs, series }) {
    this.runs = runs;
    if (reset) this.clear();
    const complete = reset || base <= this.cursor;
    this.label(runs);
    const known = new Set(runs.map((run) => run.id));
    for (const id of this.series.keys()) if (!known.has(id)) this.forget(id);
    if (!complete) return false;
    let sure = true;
    for (const { id, generation, truncated } of runs) {
      const before = this.generations.get(id);
      this.generations.set(id, { generation, truncated });
      if (!before || (before.generation === generation && before.truncated === truncated)) continue;
      for (const one of this.series.get(id)?.values() ?? []) one.truncate(truncated);
      // Where the run went on from may be known only after it has begun: too much may have been forgotten.
      if (before.generation === generation || !truncated) sure = false;
    }
    for (const { run, name, steps, values } of series) {
      if (!known.has(run)) continue;
      kept(
        kept(this.series, run, () => new Map()),
        name,
        () => new Series(),
      ).put(steps, values);
    }
    this.cursor = reset ? cursor : Math.max(this.cursor, cursor);
    return sure || reset;
  }

  /** @param {string} id */
  forget(id) {
    this.series.delete(id);
    this.generations.delete(id);
    for (const derived of [this.epochs, this.clocks])
      for (const key of derived.keys()) if (key.startsWith(`${id}\n`)) derived.delete(key);
    this.aggregates.clear();
  }

  /**
   * Names as short as they can be while no two curves share one.
   * @param {BoardRun[]} runs
   */
  label(runs) {
    const groups = grouped(runs);
    const titles = new Map();
    for (const [, [first]] of groups) titles.set(first.title, (titles.get(first.title) ?? 0) + 1);
    this.names.clear();
    for (const [key, members] of groups) {
      const [first] = members;
      const name = titles.get(first.title) > 1 && first.detail ? `${first.title}, ${first.detail}` : first.title;
      this.names.set(`group\n${key}`, name);
      for (const run of members) this.names.set(run.id, members.length > 1 ? `${name}, seed ${run.seed}` : name);
    }
  }

  /** @param {string} key a run, or "group\n" and the group's key */
  nameOf(key) {
    return this.names.get(key) ?? "";
  }

  /** @param {string} id @param {string} name */
  get(id, name) {
    return this.series.get(id)?.get(name);
  }

  /**
   * The last value of a series that is finite, or null.
   * @param {string} id
   * @param {string} name
   */
  latest(id, name) {
    const series = this.get(id, name);
    return series?.finite ? series.values[series.finite - 1] : null;
  }

  /**
   * Where the points of a series lie on the chosen axis; null where that is not known.
   * @param {BoardRun} run
   * @param {string} name
   * @param {Series} series
   * @param {BoardView["x"]} mode
   */
  x(run, name, series, mode) {
    if (mode === "step") return series.steps;
    const key = `${run.id}\n${name}\n${mode}`;
    if (mode === "epoch") return kept(this.epochs, key, () => new Epochs()).read(series, run.steps_per_epoch || 1);
    return kept(this.clocks, key, () => new Clock()).read(series, this.get(run.id, `clock/${mode}`));
  }

  /**
   * The curves of a chart under a view, those of validation first, so that they lie beneath.
   * @param {Chart} chart
   * @param {BoardView} view
   */
  curves(chart, view) {
    const hidden = new Set(view.hidden);
    const step = view.per === "epoch" ? undefined : chart.step;
    const log = chart.kind === "loss" && view.log_loss; // averages are those of what the axis shows
    /** @type {[string, number, What][]} */
    const parts = [[chart.epoch, 0, { perEpoch: true }]];
    if (chart.validation) parts.unshift([chart.validation, 0, { perEpoch: true, validation: true }]);
    /** @type {Curve[]} */
    const found = [];
    for (const [key, members] of grouped(this.runs)) {
      if (hidden.has(key)) continue;
      const shown = members.filter((run) => !hidden.has(run.id));
      // A task without per-step series shows its epochs.
      /** @type {[string, number, What][] | null} */
      const fine = step && shown.some((run) => this.get(run.id, step)?.count) ? [[step, view.smoothing, {}]] : null;
      for (const [name, weight, what] of fine ?? parts) {
        /** @type {Present[]} */
        const present = [];
        for (const run of shown) {
          const series = this.get(run.id, name);
          const x = series?.count ? this.x(run, name, series, view.x) : null;
          if (series && x) present.push({ id: run.id, run, series, x });
        }
        if (!present.length) continue;
        if (view.group && members.length > 1) found.push(this.together(key, name, present, weight, view.x, log, what));
        else for (const one of present) found.push(this.alone(one, weight, log, what));
      }
    }
    return found.sort((a, b) => Number(b.validation ?? false) - Number(a.validation ?? false));
  }

  /**
   * @param {Present} one
   * @param {number} weight
   * @param {boolean} log
   * @param {What} what
   * @returns {Curve}
   */
  alone({ run, series, x }, weight, log, what) {
    return {
      ...what,
      key: run.id,
      group: run.group,
      label: this.nameOf(run.id),
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

  /**
   * @param {string} key
   * @param {string} name
   * @param {Present[]} present
   * @param {number} weight
   * @param {BoardView["x"]} mode
   * @param {boolean} log
   * @param {What} what
   * @returns {Curve}
   */
  together(key, name, present, weight, mode, log, what) {
    const [{ run }] = present;
    const sure = mode === "step" || mode === "epoch";
    const kind = kept(this.aggregates, `${key}\n${name}`, () => new Aggregate());
    const mean = kind.update(present, weight, mode, sure, log);
    return {
      ...what,
      key,
      group: key,
      label: this.nameOf(`group\n${key}`),
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
