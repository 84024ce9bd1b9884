// Paths, heights and labels over a plane.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drape, drawnHeight } from "../../static/plane/drape.js";
import { heightScale } from "../../static/plane/heights.js";
import { placeLabels, placeNames } from "../../static/plane/levels.js";
import { clip, thin } from "../../static/plane/path.js";

const MAP = { ax: 100, bx: 50, ay: 100, by: -50, left: 0, top: 0, width: 200, height: 200 };

test("a clipped segment is the part of it that lies in the box", () => {
  for (let i = 0; i < 400; i++) {
    const [x0, y0, x1, y1] = [1, 2, 3, 4].map((k) => 20 * Math.sin(i * k * 1.37 + k));
    const found = clip(x0, y0, x1, y1, -5, 7, -4, 6);
    const inside = [];
    for (let t = 0; t <= 2000; t++) {
      const [x, y] = [x0 + ((x1 - x0) * t) / 2000, y0 + ((y1 - y0) * t) / 2000];
      if (x >= -5 && x <= 7 && y >= -4 && y <= 6) inside.push([x, y]);
    }
    if (!found) assert.ok(inside.length <= 1);
    else if (inside.length) {
      const reach = Math.hypot(x1 - x0, y1 - y0) / 1000;
      assert.ok(Math.hypot(found[0] - inside[0][0], found[1] - inside[0][1]) <= reach);
      assert.ok(Math.hypot(found[2] - inside.at(-1)[0], found[3] - inside.at(-1)[1]) <= reach);
    }
  }
  assert.equal(clip(0, 10, 5, 10, -1, 1, -1, 1), null);
  assert.deepEqual(clip(0, 0, 0, 0, -1, 1, -1, 1), [0, 0, 0, 0]);
  assert.equal(clip(NaN, 0, 1, 1, -1, 1, -1, 1), null);
});

test("a path in the picture keeps its ends and every point that is seen apart", () => {
  const path = Float32Array.from({ length: 2000 }, (_, i) => (i % 2 ? Math.sin(i / 70) : Math.cos(i / 90)));
  const { x, y, step, jump } = thin(path, MAP);
  assert.equal(step[0], 0);
  assert.equal(step.at(-1), 999);
  assert.deepEqual(
    jump.map((one, i) => (one ? i : -1)).filter((i) => i >= 0),
    [0],
  );
  let at = 0;
  for (let i = 0; i < 1000; i++) {
    if (at + 1 < step.length && step[at + 1] <= i) at++;
    const [px, py] = [MAP.ax + MAP.bx * path[2 * i], MAP.ay + MAP.by * path[2 * i + 1]];
    assert.ok(Math.abs(px - x[at]) + Math.abs(py - y[at]) <= 0.7 + 1e-6, `${i}`);
  }
});

test("a path that leaves the neighbourhood is cut there and begins anew", () => {
  const path = Float32Array.of(0, 0, 0, 1, 0, 1e6, 0, -1e6, 0, 0, NaN, NaN, 1, 1);
  const { x, y, step, jump } = thin(path, MAP);
  assert.ok(x.every(Number.isFinite) && y.every((one) => one >= -200 && one <= 400));
  assert.equal(jump[0], 1);
  assert.ok(jump.filter(Boolean).length >= 2);
  for (let i = 1; i < step.length; i++) assert.ok(step[i] >= step[i - 1]);
});

test("levels are even in what is shown, inside it, and labelled with the true heights", () => {
  for (const [logarithmic, lowest] of [
    [false, null],
    [true, null],
    [true, -2],
  ]) {
    const z = Float32Array.from({ length: 900 }, (_, i) => (i % 30) ** 2 * 0.7 + ((i / 30) | 0) ** 3 * 0.01 + 1);
    const found = heightScale(z, logarithmic, lowest);
    assert.ok(found.levels.length >= 4 && found.levels.length <= 40);
    found.levels.forEach((level, i) => {
      assert.ok(level > found.bottom && level < found.top);
      if (i) assert.ok(Math.abs(level - found.levels[i - 1] - found.step) < 1e-9);
      assert.ok(Math.abs(found.shown(Number(found.labels[i])) - level) < 0.5 * found.step);
    });
    assert.equal(new Set(found.labels).size, found.labels.length);
    assert.deepEqual([...found.transform(z)], [...Float32Array.from(z, found.shown)]);
  }
});

test("flat ground, holes and nothing at all still give levels", () => {
  for (const z of [Float32Array.of(3, 3, 3, 3), Float32Array.of(NaN, 1, Infinity, 2), Float32Array.of(NaN, NaN)]) {
    for (const logarithmic of [false, true]) {
      const found = heightScale(z, logarithmic, null);
      assert.ok(found.top > found.bottom && found.levels.length >= 1 && found.levels.every(Number.isFinite));
    }
  }
});

test("what is not finite counts for neither end", () => {
  const { bottom, top } = heightScale(Float32Array.of(NaN, 1, Infinity, 3), false, null);
  assert.deepEqual([bottom, top], [1, 3]);
});

/** A bowl over -2..2, its rows in shown heights. */
function bowl(count = 41) {
  const x = Float32Array.from({ length: count }, (_, i) => -2 + (4 * i) / (count - 1));
  const z = Float32Array.from({ length: count * count }, (_, i) => x[i % count] ** 2 + x[(i / count) | 0] ** 2);
  const scale = heightScale(z, false, 0);
  return { grid: { x, y: x }, scale, rows: Array.from(x, (_, i) => z.subarray(i * count, (i + 1) * count)) };
}

test("labels stand on their levels, inside, apart from each other and from what is taken", () => {
  const { grid, scale, rows } = bowl();
  const map = { ax: 300, bx: 150, ay: 300, by: -150, left: 0, top: 0, width: 600, height: 600 };
  const labels = placeLabels(grid, rows, scale, map);
  assert.ok(labels.length >= 5);
  for (const { x, y, k, label } of labels) {
    const height = ((x - 300) / 150) ** 2 + ((y - 300) / 150) ** 2;
    assert.ok(Math.abs(height - scale.levels[k]) < 0.02 * scale.step + 0.02, `${height} ${scale.levels[k]}`);
    assert.equal(label, scale.labels[k]);
  }
  labels.forEach((a, i) =>
    labels.slice(i + 1).forEach((b) => assert.ok(Math.hypot(a.x - b.x, a.y - b.y) >= (a.k === b.k ? 150 : 44))),
  );
  const taken = [{ left: 0, right: 600, top: 0, bottom: 300 }];
  assert.ok(placeLabels(grid, rows, scale, map, taken).every(({ y }) => y > 300));
});

test("names of minima lie on no other name and on no sign", () => {
  const spots = Array.from({ length: 9 }, (_, i) => [(i % 3) / 2 - 0.5, ((i / 3) | 0) / 2 - 0.5, i]);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  for (const count of [1, 4, 9]) {
    const names = placeNames(spots.slice(0, count), [[0.2, 0.2, 0]], MAP);
    assert.ok(names.length >= 1);
    names.forEach((a, i) => names.slice(i + 1).forEach((b) => assert.ok(!meet(a, b))));
    for (const [x, y] of spots.slice(0, count)) {
      const [px, py] = [MAP.ax + MAP.bx * x, MAP.ay + MAP.by * y];
      const sign = { left: px - 8, right: px + 8, top: py - 8, bottom: py + 8 };
      assert.ok(names.every((name) => !meet(name, sign)));
    }
  }
  assert.deepEqual(placeNames([[50, 50, 1]], [], MAP), []);
});

test("ground as drawn is exact at its points, and between triangle and bilinear surface", () => {
  const ground = {
    x: [0, 1, 2],
    y: [0, 1],
    z: [
      [0, 1, 4],
      [2, 8, 3],
    ],
  };
  for (const [i, y] of ground.y.entries())
    for (const [j, x] of ground.x.entries()) assert.equal(drawnHeight(ground, x, y), ground.z[i][j]);
  assert.ok(drawnHeight(ground, 0.25, 0.25) >= 0.25 * 0.75 + 0.5 * 0.75 + 0.5 * 0.25 - 1e-12);
  assert.ok(Number.isNaN(drawnHeight(ground, -0.1, 0.5)));
});

test("a draped path lies nowhere under the ground, and breaks outside the window", () => {
  const side = Array.from({ length: 21 }, (_, i) => -1 + i / 10);
  const ground = { x: side, y: side, z: side.map((y) => side.map((x) => Math.sin(4 * x) + y * y)) };
  const bed = { ground, window: [-1, 1, -1, 1], bottom: -1, top: 2, rise: 0.02, reach: 1 / 100 };
  const path = Float64Array.of(-0.9, -0.8, 0.9, 0.7, 5, 5, 0.5, -0.5, NaN, NaN, 0, 0);
  const { x, y, z } = drape(path, 0, 5, () => -10, bed);
  assert.ok(x.includes(null));
  x.forEach((one, i) => {
    if (one === null) return assert.deepEqual([y[i], z[i]], [null, null]);
    assert.ok(Math.abs(one) <= 1 && Math.abs(y[i]) <= 1);
    assert.ok(z[i] >= drawnHeight(ground, one, y[i]) + bed.rise - 1e-9);
  });
  for (let i = 1; i < x.length; i++) assert.ok(x[i] !== null || x[i - 1] !== null);
});
