// Colours of maps, how maps stand side by side, and years on an axis.

import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { places } from "../../static/catalogue/timeline.js";
import { DIVERGED, LEVELS, LISTED } from "../../static/maps/constants.js";
import {
  basinPixels,
  commonScale,
  labelColour,
  OUTCOME_COLOURS,
  planePixels,
  rampColour,
  scaleShare,
  stepLevel,
} from "../../static/maps/map_colours.js";
import { columnsFor } from "../../static/maps/maps.js";
import { oklch } from "../../static/shared/oklch.js";

const bytes = (pixels) => Array.from(new Uint8Array(pixels.buffer));

test("OKLCH: black, white, and greys that are grey", () => {
  assert.deepEqual(oklch(0, 0, 0), [0, 0, 0]);
  assert.deepEqual(oklch(1, 0, 123), [255, 255, 255]);
  const [r, g, b] = oklch(0.6, 0, 40);
  assert.ok(Math.abs(r - g) <= 1 && Math.abs(g - b) <= 1);
  // Pure sRGB red is about 0.628, 0.2577, 29.23 degrees (Ottosson 2020).
  oklch(0.62796, 0.25768, 29.234).forEach((value, i) => assert.ok(Math.abs(value - [255, 0, 0][i]) <= 1));
});

test("the ramp passes its ends and gets lighter", () => {
  assert.deepEqual(rampColour(0), [0x44, 0x01, 0x54]);
  assert.deepEqual(rampColour(1), [0xfd, 0xe7, 0x25]);
  assert.deepEqual([rampColour(-1), rampColour(2)], [rampColour(0), rampColour(1)]);
  const light = Array.from({ length: 33 }, (_, i) => rampColour(i / 32)).map(
    ([r, g, b]) => 0.21 * r + 0.72 * g + 0.07 * b,
  );
  for (let i = 1; i < light.length; i++) assert.ok(light[i] > light[i - 1]);
});

test("steps are darker by decades", () => {
  assert.equal(stepLevel(0, 100), 0);
  assert.equal(stepLevel(100, 100), LEVELS - 1);
  assert.equal(stepLevel(500, 100), LEVELS - 1);
  for (let step = 1; step <= 100; step++) assert.ok(stepLevel(step, 100) >= stepLevel(step - 1, 100));
});

test("a picture of starts has its lowest row last, and holes where runs diverged", () => {
  const label = Uint8Array.of(0, LISTED + DIVERGED, 1, 0);
  const shade = Uint16Array.of(0, 3, 10, 99);
  const pixels = bytes(basinPixels({ label, shade }, 2, 2, 10));
  assert.deepEqual(pixels.slice(8, 12), [...labelColour(0, 0), 255]); // the first start is at the lower left
  assert.deepEqual(pixels.slice(12, 16), [0, 0, 0, 0]);
  assert.deepEqual(pixels.slice(0, 4), [...labelColour(1, 1), 255]);
  assert.deepEqual(pixels.slice(4, 8), [...labelColour(0, 1), 255]); // more steps than there are count as all
});

test("a picture of values: the ramp, outcomes where there is no scale, grey for what is not known", () => {
  const outcome = Uint8Array.of(2, DIVERGED, 7, 3);
  const values = Float32Array.of(0, 5, 10, NaN);
  const scale = { low: 0, high: 10, log: false };
  const ramp = bytes(planePixels(values, outcome, 4, 1, scale));
  assert.deepEqual(ramp.slice(0, 4), [...rampColour(0), 255]);
  assert.deepEqual(ramp.slice(4, 8), [0, 0, 0, 0]);
  assert.deepEqual(ramp.slice(8, 12), [...rampColour(1), 255]);
  assert.deepEqual(ramp.slice(12, 16), [142, 142, 146, 255]);
  assert.deepEqual(bytes(planePixels(values, outcome, 4, 1, null)).slice(8, 12), [...OUTCOME_COLOURS[7], 255]);
});

test("where a value lies on a scale", () => {
  assert.equal(scaleShare(10, { low: 1, high: 100, log: true }), 0.5);
  assert.equal(scaleShare(0, { low: 1, high: 100, log: true }), 0);
  assert.equal(scaleShare(7, { low: 5, high: 9, log: false }), 0.5);
  assert.equal(scaleShare(99, { low: 5, high: 9, log: false }), 1);
});

test("one scale for all maps, in whole decades", () => {
  const values = Float64Array.from({ length: 3000 }, (_, i) => 10 ** (i / 500 - 4));
  const { low, high, log } = commonScale("loss", [values.subarray(0, 1500), values.subarray(1500)]);
  assert.ok(log && low <= 1e-3 && high >= 50);
  for (const end of [low, high]) assert.ok(Math.abs(Math.log10(end) - Math.round(Math.log10(end))) < 1e-9);
  assert.ok(commonScale("loss", [values], 0.1).high <= 0.1 + 1e-12);
  assert.deepEqual(commonScale("share", [values]), { low: 0, high: 1, log: false });
  assert.equal(commonScale("outcome", [values]), null);
  assert.deepEqual(commonScale("loss", [Float64Array.of(NaN, 0, Infinity)]), { low: 0.1, high: 1, log: true });
  assert.deepEqual(commonScale("steps", [Float32Array.of(3, 7, Infinity, 5)]), { low: 3, high: 7, log: true });
});

test("maps stand side by side where they are wide enough", () => {
  assert.equal(columnsFor(9, 400), 1);
  assert.equal(columnsFor(1, 1200), 1);
  assert.equal(columnsFor(2, 1200), 2);
  assert.equal(columnsFor(4, 1200), 2);
  assert.equal(columnsFor(9, 1200), 3);
  assert.equal(columnsFor(9, 600), 2);
});

test("years without rules take less room the longer they last", () => {
  const found = places([1960, 1961, 1969, 2000]);
  assert.equal(found.get(1960), 0);
  assert.equal(found.get(1961), 1);
  const [eight, more] = [found.get(1969) - found.get(1961), found.get(2000) - found.get(1969)];
  assert.ok(eight > 1 && eight < 8 && more > eight && more < 31);
});
