// What a run recorded: it grows, may be cut back and corrected; averages and times along it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Aggregate, Clock, grown, lowerBound, nearest, Series } from "../../static/charts/series.js";

/** Numbers from 0 to 1 that are the same each time (a linear congruential generator). */
function chance(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const close = (a, b, tolerance = 1e-12) =>
  Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
const points = (series) => [...series.steps.subarray(0, series.count)].map((step, i) => [step, series.values[i]]);

test("bounds and nearest elements are those that a search of all elements finds", () => {
  const random = chance(1);
  for (let round = 0; round < 200; round++) {
    const list = Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 20)).sort(
      (a, b) => a - b,
    );
    const value = Math.floor(random() * 22) - 1;
    const first = list.findIndex((one) => one >= value);
    assert.equal(lowerBound(list, list.length, value), first < 0 ? list.length : first);
    const at = nearest(list, list.length, value);
    if (!list.length) assert.equal(at, -1);
    else assert.equal(Math.abs(list[at] - value), Math.min(...list.map((one) => Math.abs(one - value))));
  }
});

test("an array grows by copying, and not where it has room", () => {
  const array = Float32Array.of(1, 2);
  assert.equal(grown(array, 2), array);
  const longer = grown(array, 3);
  assert.ok(longer instanceof Float32Array && longer.length >= 3);
  assert.deepEqual([...longer.subarray(0, 2)], [1, 2]);
});

test("points in any order, twice, and cut back make the same series as a map of them", () => {
  const random = chance(2);
  for (let round = 0; round < 60; round++) {
    const series = new Series();
    const truth = new Map();
    for (let message = 0; message < 12; message++) {
      const steps = Array.from({ length: Math.floor(random() * 90) }, () => Math.floor(random() * 200));
      const values = steps.map(() => (random() < 0.02 ? NaN : random()));
      series.put(steps, values);
      steps.forEach((step, i) => truth.set(step, values[i]));
      if (random() < 0.2) {
        const last = Math.floor(random() * 200);
        series.truncate(last);
        for (const step of truth.keys()) if (step > last) truth.delete(step);
      }
    }
    const wanted = [...truth].sort((a, b) => a[0] - b[0]);
    assert.deepEqual(points(series), wanted);
    const broken = wanted.findIndex(([, value]) => !Number.isFinite(value));
    assert.equal(series.finite, broken < 0 ? wanted.length : broken);
  }
});

test("the debiased average is a weighted mean of what came before, however it grows", () => {
  const random = chance(3);
  for (const log of [false, true]) {
    const series = new Series();
    const all = [];
    for (let message = 0; message < 20; message++) {
      const values = Array.from({ length: 7 }, () => (log && random() < 0.1 ? 0 : random() + 0.01));
      series.put(
        values.map((_, i) => all.length + i),
        values,
      );
      all.push(...values);
      for (const weight of [0.9, 0.5]) {
        const line = series.smoothed(weight, log);
        for (let k = 0; k < all.length; k++) {
          let [sum, total] = [0, 0];
          const used = all.slice(0, k + 1).filter((value) => !log || value > 0);
          used.forEach((value, i) => {
            const share = weight ** (used.length - 1 - i);
            sum += share * (log ? Math.log(value) : value);
            total += share;
          });
          if (!used.length) continue;
          const wanted = log ? Math.exp(sum / total) : sum / total;
          assert.ok(close(line[k], wanted, 1e-9), `${line[k]} ${wanted}`);
        }
      }
    }
  }
});

test("an average begins at the first value and ends where the run diverged", () => {
  const series = new Series();
  series.put([0, 1, 2, 3], [5, 7, NaN, 1]);
  const line = series.smoothed(0.99);
  assert.equal(line[0], 5);
  assert.ok(line[1] > 5 && line[1] < 7);
  assert.ok(Number.isNaN(line[2]) && Number.isNaN(line[3]));
  assert.equal(series.smoothed(0), series.values);
});

test("an average forgets what was corrected or cut off", () => {
  const series = new Series();
  series.put([0, 1, 2], [1, 2, 3]);
  series.smoothed(0.5);
  series.put([1], [20]);
  const anew = new Series();
  anew.put([0, 1, 2], [1, 20, 3]);
  assert.deepEqual([...series.smoothed(0.5).subarray(0, 3)], [...anew.smoothed(0.5).subarray(0, 3)]);
  series.truncate(0);
  series.put([1], [5]);
  assert.ok(close(series.smoothed(0.5)[1], (0.5 * 1 + 5) / 1.5));
});

test("the clock interpolates between its readings and goes on after them", () => {
  const [series, clock] = [new Series(), new Series()];
  series.put([0, 5, 10, 15, 20, 30], [1, 1, 1, 1, 1, 1]);
  clock.put([10, 20], [2, 6]);
  assert.deepEqual([...new Clock().read(series, clock).subarray(0, 6)], [0, 1, 2, 4, 6, 10]);
  assert.equal(new Clock().read(series, undefined), null);
  assert.equal(new Clock().read(series, new Series()), null);
});

test("a clock that is read while it grows ends as one that is read once", () => {
  const random = chance(4);
  const [series, clock, live] = [new Series(), new Series(), new Clock()];
  let [seconds, last] = [0, 0];
  for (let step = 1; step < 400; step++) {
    series.put([step], [step]);
    if (random() < 0.3) clock.put([(last = step)], [(seconds += random())]);
    live.read(series, clock);
  }
  const whole = new Clock().read(series, clock);
  for (let i = 0; i < last; i++) assert.ok(close(live.x[i], whole[i]), `${i}`);
  for (let i = 1; i < series.count; i++) assert.ok(whole[i] >= whole[i - 1]);
});

test("mean and deviation over seeds are those of the definition, live and at once", () => {
  const random = chance(5);
  for (const log of [false, true]) {
    const members = Array.from({ length: 4 }, (_, m) => ({ id: `${m}`, series: new Series(), x: null }));
    const live = new Aggregate();
    for (let message = 0; message < 15; message++) {
      members.forEach(({ series }, m) => {
        const from = series.count ? series.steps[series.count - 1] + 1 : 0;
        const count = Math.floor(random() * 6);
        const steps = Array.from({ length: count }, (_, i) => from + i);
        series.put(
          steps,
          steps.map(() => (m === 3 && from > 30 ? NaN : random() + 0.5)),
        );
      });
      for (const member of members) member.x = member.series.steps;
      live.update(members, 0, "step", true, log);
    }
    const fresh = new Aggregate().update(members, 0, "step", true, log);
    assert.equal(live.count, fresh.count);
    let checked = 0;
    for (let k = 0; k < fresh.count; k++) {
      const step = fresh.steps[k];
      const values = members
        .filter(({ series }) => series.finite > step)
        .map(({ series }) => (log ? Math.log(series.values[step]) : series.values[step]));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const deviation = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
      const back = log ? Math.exp : (value) => value;
      assert.equal(fresh.n[k], values.length);
      for (const [name, wanted] of [
        ["line", back(mean)],
        ["raw", back(mean)],
        ["low", back(mean - deviation)],
        ["high", back(mean + deviation)],
      ]) {
        assert.ok(close(fresh[name][k], wanted, 1e-10), `${name} ${step}`);
        assert.ok(close(live[name][k], wanted, 1e-10), `live ${name} ${step}`);
      }
      checked++;
    }
    assert.ok(checked > 20);
  }
});
