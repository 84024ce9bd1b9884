// One value of a run against its step: it grows at the end, may be cut back, and is smoothed as it grows.

/** @import { Numbers, TypedNumbers } from "../shared/types.js" */
/** @typedef {{id: string, series: Series, x: Numbers}} Member a seed of a group, its points, where they lie on the axis */

/**
 * First index of the ascending `list` (its first `count` elements) whose element is at least `value`.
 * @param {Numbers} list
 * @param {number} count
 * @param {number} value
 */
export function lowerBound(list, count, value) {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (list[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Index of the element of the ascending `list` that is nearest to `value`; -1 where there is none.
 * @param {Numbers} list
 * @param {number} count
 * @param {number} value
 */
export function nearest(list, count, value) {
  if (!count) return -1;
  const after = lowerBound(list, count, value);
  if (after === 0) return 0;
  if (after === count) return count - 1;
  return value - list[after - 1] <= list[after] - value ? after - 1 : after;
}

/**
 * `array`, or a longer copy of it that has room for `count` elements.
 * @template {TypedNumbers} T
 * @param {T} array
 * @param {number} count
 */
export function grown(array, count) {
  if (array.length >= count) return array;
  const Kind = /** @type {new (length: number) => T} */ (array.constructor);
  const longer = new Kind(Math.max(count, array.length * 2));
  longer.set(array);
  return longer;
}

export class Series {
  constructor() {
    this.steps = new Int32Array(64);
    this.values = new Float64Array(64);
    this.count = 0;
    this.revision = 0; // counts the changes other than growth: what was derived from the points is then old
    this.checked = 0; // the revision for which that was looked through
    this.broken = -1; // index of the first value that is not finite
    this.smooth = { weight: 0, log: false, count: 0, last: 0, share: 1, line: new Float64Array(0) };
  }

  /**
   * Takes points in; one whose step is there already replaces it.
   * @param {Numbers} steps
   * @param {Numbers} values
   */
  put(steps, values) {
    this.steps = grown(this.steps, this.count + steps.length);
    this.values = grown(this.values, this.count + steps.length);
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      let at = this.count;
      if (at && step <= this.steps[at - 1]) {
        at = lowerBound(this.steps, this.count, step);
        if (this.steps[at] === step) {
          if (Object.is(this.values[at], values[i])) continue;
        } else {
          this.steps.copyWithin(at + 1, at, this.count);
          this.values.copyWithin(at + 1, at, this.count);
          this.count++;
        }
        this.revision++;
      } else {
        this.count++;
        if (this.broken < 0 && !Number.isFinite(values[i])) this.broken = at;
      }
      this.steps[at] = step;
      this.values[at] = values[i];
    }
    if (this.revision !== this.checked) this.check();
  }

  /**
   * Forgets the points beyond a step.
   * @param {number} step
   */
  truncate(step) {
    const count = lowerBound(this.steps, this.count, step + 1);
    if (count === this.count) return;
    this.count = count;
    this.revision++;
    this.check();
  }

  check() {
    this.checked = this.revision;
    this.broken = this.values.subarray(0, this.count).findIndex((value) => !Number.isFinite(value));
    this.smooth.count = 0;
  }

  /** How many points there are before the first that is not finite. */
  get finite() {
    return this.broken < 0 ? this.count : this.broken;
  }

  /**
   * The debiased exponential average, point by point: s <- w s + (1 - w) v, shown as s / (1 - w^k), so that it starts
   * at the first value and not at zero. Points from the first that is not finite on are NaN. With `log` it is the
   * average of the logarithms; values that have none do not enter it.
   * @param {number} weight
   */
  smoothed(weight, log = false) {
    if (!(weight > 0)) return this.values;
    const state = this.smooth;
    if (state.weight !== weight || state.log !== log || !state.count)
      Object.assign(state, { weight, log, count: 0, last: 0, share: 1 });
    state.line = grown(state.line, this.count);
    const { line } = state;
    const end = this.finite;
    for (let i = state.count; i < end; i++) {
      const value = this.values[i];
      if (!log || value > 0) {
        state.last = weight * state.last + (1 - weight) * (log ? Math.log(value) : value);
        state.share *= weight;
      }
      line[i] = log ? Math.exp(state.last / (1 - state.share)) : state.last / (1 - state.share);
    }
    state.count = Math.max(state.count, end);
    line.fill(NaN, end, this.count);
    return line;
  }
}

/** Steps of a run in seconds, by a series that holds the seconds at some of its steps. */
export class Clock {
  constructor() {
    this.x = new Float64Array(0);
    this.sure = 0; // elements of `x` that later readings of the clock cannot change
    /** @type {Series | null} */
    this.series = null;
    this.revision = this.clock = 0;
  }

  /**
   * The seconds at each point of `series`; null where the clock has no reading yet.
   * @param {Series} series
   * @param {Series | undefined} clock
   */
  read(series, clock) {
    if (!clock?.finite) return null;
    if (this.series !== series || this.revision !== series.revision || this.clock !== clock.revision) {
      [this.series, this.revision, this.clock, this.sure] = [series, series.revision, clock.revision, 0];
    }
    this.x = grown(this.x, series.count);
    const { steps, values } = clock;
    const last = clock.finite - 1;
    let at = lowerBound(steps, last + 1, series.steps[this.sure] ?? 0);
    let latest = this.sure ? this.x[this.sure - 1] : 0;
    for (let i = this.sure; i < series.count; i++) {
      const step = series.steps[i];
      while (at <= last && steps[at] < step) at++;
      // Before the first reading the clock runs from 0; after the last it goes on as between the last two.
      const right = Math.min(at, last);
      const [fromStep, fromValue] = right ? [steps[right - 1], values[right - 1]] : [0, 0];
      const span = steps[right] - fromStep;
      const seconds = span > 0 ? fromValue + ((step - fromStep) / span) * (values[right] - fromValue) : values[right];
      latest = Math.max(latest, seconds); // an axis does not run backwards
      this.x[i] = latest;
      if (at <= last) this.sure = i + 1;
    }
    return this.x;
  }
}

/**
 * Mean and standard deviation over the seeds of a group. A step counts where every seed that has come that far
 * recorded it; `n` says how many those are. What a diverged seed recorded before it diverged is in. On a logarithmic
 * axis both are those of the logarithms: the geometric mean, and the factor of one deviation above and below it.
 */
export class Aggregate {
  constructor() {
    this.signature = "";
    this.count = 0;
    /** @type {number[]} */
    this.taken = [];
    this.steps = new Int32Array(64);
    this.n = new Int32Array(64);
    this.x = new Float64Array(64);
    this.raw = new Float64Array(64);
    this.line = new Float64Array(64);
    this.low = new Float64Array(64);
    this.high = new Float64Array(64);
  }

  /** @param {string} signature */
  restart(signature) {
    this.signature = signature;
    this.count = 0;
    this.taken = [];
  }

  /** @param {number} room */
  grow(room) {
    this.steps = grown(this.steps, room);
    this.n = grown(this.n, room);
    this.x = grown(this.x, room);
    this.raw = grown(this.raw, room);
    this.line = grown(this.line, room);
    this.low = grown(this.low, room);
    this.high = grown(this.high, room);
  }

  /**
   * @param {Member[]} members
   * @param {number} weight
   * @param {string} mode
   * @param {boolean} sure false where an x once given may change later
   */
  update(members, weight, mode, sure, log = false) {
    const signature = `${weight} ${mode} ${log} ${members.map(({ id, series }) => `${id}:${series.revision}`).join(" ")}`;
    const ends = members.map(({ series }) => series.finite);
    if (signature !== this.signature) this.restart(signature);
    else if (ends.every((end, m) => end === this.taken[m])) return this;
    else if (!sure) this.restart(signature);
    // What stands beyond the old end of a seed that has grown is averaged anew.
    let start = Infinity;
    members.forEach(({ series }, m) => {
      if (this.taken[m] !== ends[m])
        start = Math.min(start, this.taken[m] ? series.steps[this.taken[m] - 1] : -Infinity);
    });
    this.count = start === -Infinity ? 0 : lowerBound(this.steps, this.count, start + 1);
    this.taken = ends;
    const at = members.map(({ series }, m) => (start === -Infinity ? 0 : lowerBound(series.steps, ends[m], start + 1)));
    const lines = members.map(({ series }) => series.smoothed(weight, log));
    /** @param {number} value */
    const same = (value) => value;
    const [forth, back] = log ? [Math.log, Math.exp] : [same, same];
    const room = this.count + ends.reduce((sum, end, m) => sum + end - at[m], 0);
    this.grow(room);
    for (;;) {
      let step = Infinity;
      for (let m = 0; m < at.length; m++) {
        if (at[m] < ends[m]) step = Math.min(step, members[m].series.steps[at[m]]);
      }
      if (step === Infinity) return this;
      let [n, x, raw, sum] = [0, 0, 0, 0];
      let complete = true;
      for (let m = 0; m < at.length; m++) {
        if (at[m] >= ends[m]) continue;
        if (members[m].series.steps[at[m]] !== step) {
          complete = false;
          continue;
        }
        const line = forth(lines[m][at[m]]);
        if (!Number.isFinite(line)) continue; // without a logarithm
        n++;
        x += members[m].x[at[m]];
        const value = forth(members[m].series.values[at[m]]);
        raw += Number.isFinite(value) ? value : line;
        sum += line;
      }
      const mean = sum / n;
      let squares = 0;
      for (let m = 0; m < at.length; m++) {
        if (at[m] >= ends[m] || members[m].series.steps[at[m]] !== step) continue;
        const line = forth(lines[m][at[m]]);
        if (Number.isFinite(line)) squares += (line - mean) ** 2;
        at[m]++;
      }
      if (!complete || !n) continue;
      const k = this.count++;
      const deviation = n > 1 ? Math.sqrt(squares / (n - 1)) : 0;
      this.steps[k] = step;
      this.n[k] = n;
      this.x[k] = k ? Math.max(this.x[k - 1], x / n) : x / n;
      this.raw[k] = back(raw / n);
      this.line[k] = back(mean);
      this.low[k] = back(mean - deviation);
      this.high[k] = back(mean + deviation);
    }
  }
}
