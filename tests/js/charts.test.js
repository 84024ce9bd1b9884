// Of many points what a picture shows: columns, thinned lines, ticks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fresh, reduce } from "../../static/charts/reduce.js";
import { trace } from "../../static/charts/strokes.js";
import { powerTicks, roundTicks } from "../../static/shared/dom.js";
import { scale, ticks } from "../../static/shared/scales.js";

const [LEFT, WIDE] = [50, 120];

function ground(low, high, log = false, ratio = 1) {
  const xScale = scale(low, high, log, LEFT, LEFT + WIDE);
  const columns = WIDE * ratio;
  const edges = Float64Array.from({ length: columns + 1 }, (_, c) => xScale.value(LEFT + c / ratio));
  const inner = { left: LEFT, top: 0, width: WIDE, height: 100 };
  return { inner, right: LEFT + WIDE, bottom: 100, xScale, columns, edges, ratio, stride: 1 };
}

const wave = (count) => ({
  x: Float64Array.from({ length: count }, (_, i) => i),
  y: Float64Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) * (1 + (i % 97)) + 200),
});

test("few points stay as they are", () => {
  const { x, y } = wave(200);
  const plot = ground(0, 199);
  const { n, px, y: shown } = reduce(x, y, 0, 200, plot, "both", fresh());
  assert.equal(n, 200);
  for (let i = 0; i < n; i++) {
    assert.ok(Math.abs(px[i] - plot.xScale.px(x[i])) < 1e-9);
    assert.equal(shown[i], y[i]);
  }
});

test("of many points each column keeps its lowest and its highest, in their order", () => {
  const count = 50_000;
  const { x, y } = wave(count);
  for (const ratio of [1, 2]) {
    const plot = ground(0, count - 1, false, ratio);
    const { n, px, y: shown } = reduce(x, y, 0, count, plot, "both", fresh());
    assert.ok(n <= 2 * plot.columns + 4);
    for (let i = 1; i < n; i++) assert.ok(px[i] >= px[i - 1]);
    const kept = new Set(shown.subarray(0, n));
    for (let c = 0; c < plot.columns; c++) {
      const inside = y.filter((_, i) => x[i] >= plot.edges[c] && x[i] < plot.edges[c + 1]);
      assert.ok(kept.has(Math.min(...inside)) && kept.has(Math.max(...inside)), `column ${c}`);
    }
  }
});

test("averages, lowest and highest of each column", () => {
  const count = 12_000;
  const { x, y } = wave(count);
  const plot = ground(0, count - 1);
  const made = {
    mean: (list) => list.reduce((sum, value) => sum + value, 0) / list.length,
    factor: (list) => Math.exp(list.reduce((sum, value) => sum + Math.log(value), 0) / list.length),
    low: (list) => Math.min(...list),
    high: (list) => Math.max(...list),
  };
  for (const [pick, wanted] of Object.entries(made)) {
    const { n, y: shown } = reduce(x, y, 0, count, plot, pick, fresh());
    const columns = Array.from({ length: plot.columns }, (_, c) =>
      y.filter((_, i) => x[i] >= plot.edges[c] && x[i] < plot.edges[c + 1]),
    ).filter((list) => list.length);
    assert.ok(n >= columns.length && n <= columns.length + 2); // one point more on either side
    columns.forEach((list, c) => assert.ok(Math.abs(shown[c] - wanted([...list])) < 1e-9, `${pick} ${c}`));
  }
});

test("a geometric mean leaves out what has no logarithm", () => {
  const plot = ground(0, 9999);
  const x = Float64Array.from({ length: 10_000 }, (_, i) => i);
  const y = Float64Array.from({ length: 10_000 }, (_, i) => (i % 2 ? 0 : 4));
  const { n, y: shown } = reduce(x, y, 0, 10_000, plot, "factor", fresh());
  for (let i = 0; i < n - 1; i++) assert.ok(Math.abs(shown[i] - 4) < 1e-12);
});

/** What a path was given: its points. */
function recorder() {
  const points = [];
  const add = (x, y) => points.push([x, y]);
  return { points, moveTo: add, lineTo: add };
}

test("a thinned line passes no point by more than its tolerance, in fewer corners", () => {
  const yScale = scale(0, 100, false, 100, 0);
  const n = 3000;
  const px = Float64Array.from({ length: n }, (_, i) => i / 4);
  const y = Float64Array.from({ length: n }, (_, i) => 50 + 30 * Math.sin(i / 150) + (i % 500 === 0 ? 15 : 0));
  const path = recorder();
  const corners = trace(path, { n, px, y }, yScale, true);
  assert.equal(corners, path.points.length);
  assert.ok(corners < n / 10, `${corners}`);
  let at = 0;
  for (let i = 0; i < n; i++) {
    while (at + 2 < path.points.length && path.points[at + 1][0] < px[i]) at++;
    const [[x0, y0], [x1, y1]] = [path.points[at], path.points[at + 1]];
    const line = x1 > x0 ? y0 + ((y1 - y0) * (px[i] - x0)) / (x1 - x0) : y0;
    assert.ok(Math.abs(line - yScale.px(y[i])) <= 0.7 + 1e-9, `${i}: ${line} ${yScale.px(y[i])}`);
  }
});

test("an unthinned line has every point, and what is far outside is brought near", () => {
  const yScale = scale(1, 10, true, 100, 0);
  const path = recorder();
  assert.equal(trace(path, { n: 4, px: [0, 1, 2, 3], y: [1, 0, 1e300, 10] }, yScale, false), 4);
  assert.deepEqual(path.points, [
    [0, 100],
    [1, 4100],
    [2, -4000],
    [3, 0],
  ]);
  assert.equal(trace(recorder(), { n: 0, px: [], y: [] }, yScale, true), 0);
});

test("scales are their own inverses, and linear ones are the linear map that loops use", () => {
  for (const log of [false, true]) {
    const one = scale(0.1, 1000, log, 40, 540);
    assert.ok(Math.abs(one.px(0.1) - 40) < 1e-9 && Math.abs(one.px(1000) - 540) < 1e-9);
    for (let px = 40; px <= 540; px += 7) assert.ok(Math.abs(one.px(one.value(px)) - px) < 1e-9);
    if (!log) assert.ok(Math.abs(one.offset + one.factor * 7 - one.px(7)) < 1e-9);
  }
  assert.ok(Number.isFinite(scale(5, 5, false, 0, 100).px(5)));
});

test("round ticks are even multiples of 1, 2 or 5 times a power of ten inside the axis", () => {
  for (let i = 1; i < 400; i++) {
    const low = 100 * Math.sin(i * 1.3) * 10 ** (i % 7);
    const high = low + 10 ** ((i % 11) - 4) * (1 + (i % 9));
    const count = 2 + (i % 9);
    const made = roundTicks(low, high, count);
    assert.ok(made.length >= 1 && made.length <= 2.6 * count + 2, `${made}`);
    for (let k = 1; k < made.length; k++) {
      const step = made[k] - made[k - 1];
      const lead = Number(step.toExponential(6).split("e")[0]);
      assert.ok(
        [1, 2, 5, 10].some((one) => Math.abs(lead - one) < 0.05),
        `${made}`,
      );
    }
    const slack = (high - low) * 1e-6;
    assert.ok(
      made.every((value) => value >= low - slack && value <= high + slack),
      `${low} ${high}: ${made}`,
    );
  }
  assert.deepEqual(roundTicks(3, 3, 5), [3]);
});

test("power ticks are powers of ten, finer ones where there are few", () => {
  assert.deepEqual(powerTicks(-3, 3, 7), [1e-3, 1e-2, 0.1, 1, 10, 100, 1000]);
  assert.deepEqual(powerTicks(0, 6, 3), [1, 100, 1e4, 1e6]);
  assert.deepEqual(powerTicks(0, 0.9, 4), [1, 2, 5]);
});

test("every axis has three ticks at least, ascending, each with its text", () => {
  const cases = [
    [0, 1, false],
    [97, 99.6, false],
    [1e-9, 1e-3, true],
    [2, 9, true],
    [1, 1e12, true],
    [0, 7300, false],
    [0.2, 0.21, false],
  ];
  for (const [low, high, log] of cases) {
    for (const kind of ["number", "fraction", "seconds"]) {
      for (const count of [2, 4, 8]) {
        const made = ticks({ low, high, log }, count, kind);
        assert.ok(made.length >= 3, `${low} ${high} ${kind} ${count}: ${made}`);
        made.forEach(([value, text], i) => {
          assert.ok(value >= low - 1e-9 * Math.abs(low) - 1e-12 && value <= high * (1 + 1e-9), `${made}`);
          assert.ok(i === 0 || value > made[i - 1][0]);
          assert.ok(text.length > 0 && !text.includes("NaN"));
        });
      }
    }
  }
});

test("counts have whole ticks, seconds are minutes and hours, fractions percents", () => {
  assert.ok(ticks({ low: 0, high: 7, log: false }, 20, "count").every(([value]) => Number.isInteger(value)));
  assert.deepEqual(ticks({ low: 0, high: 2000, log: false }, 4, "count").at(-1), [2000, "2,000"]);
  const texts = (low, high, count, kind) => ticks({ low, high, log: false }, count, kind).map(([, text]) => text);
  assert.deepEqual(texts(0, 7200, 5, "seconds"), ["0", "0:30 h", "1:00 h", "1:30 h", "2:00 h"]);
  assert.deepEqual(texts(0, 60, 4, "seconds"), ["0", "15 s", "30 s", "45 s", "60 s"]);
  assert.deepEqual(texts(0, 1, 2, "fraction"), ["0 %", "50 %", "100 %"]);
});
