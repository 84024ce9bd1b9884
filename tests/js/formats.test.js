// Numbers and times as people read them, and what is read out of a cell again.

import "./page.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { short } from "../../static/shared/dom.js";
import { duration, grouping, percent } from "../../static/shared/scales.js";
import { numberIn } from "../../static/training/result_table.js";
import { words } from "../../static/training/run_words.js";
import { cleanName, parseKept } from "../../static/trajectories/kept.js";

test("short numbers", () => {
  const table = [
    [0, "0"],
    [1, "1"],
    [0.001, "0.001"],
    [0.00099, "9.9e-4"],
    [1.5e-8, "1.5e-8"],
    [9999, "9999", 4],
    [2000, "2000"],
    [10000, "1e4"],
    [-12345, "-1.23e4"],
    [Infinity, "∞"],
    [-Infinity, "-∞"],
    [NaN, "–"],
    [null, "–"],
    [undefined, "–"],
    [2 / 3, "0.6667", 4],
  ];
  for (const [value, text, digits] of table) assert.equal(short(value, digits), text, `${value}`);
});

test("a short number lies within half a unit of its last digit", () => {
  for (let i = 0; i < 500; i++) {
    const value = (i % 2 ? -1 : 1) * 10 ** (40 * Math.sin(i) - 10);
    for (const digits of [2, 3, 4]) {
      const back = Number(short(value, digits));
      assert.ok(Math.abs(back / value - 1) <= 0.5 * 10 ** (1 - digits) + 1e-12);
    }
  }
});

test("seconds for people", () => {
  const table = [
    [NaN, ""],
    [0.123, "0.12 s"],
    [9.99, "10 s"],
    [59.4, "59 s"],
    [59.6, "1 min"],
    [80, "1 min 20 s"],
    [3599.7, "1 h"],
    [7500, "2 h 5 min"],
    [90000, "25 h"],
  ];
  for (const [seconds, text] of table) assert.equal(duration(seconds), text, `${seconds}`);
});

test("shares and large counts", () => {
  assert.equal(percent(0.9725), "97.3 %");
  assert.equal(percent(0.5, 0), "50 %");
  assert.equal(percent(null), "–");
  assert.equal(percent(NaN), "–");
  assert.equal(grouping(1234567.4), "1,234,567");
});

test("the number that a cell begins with", () => {
  const table = [
    ["1 min 20 s", 80],
    ["97.2 % ± 0.1", 97.2],
    ["−3.5", -3.5],
    ["1,234 MB", 1234e6],
    ["2 h 5 min", 7500],
    ["3.1 ms", 3.1e-3],
    ["1.5e-8", 1.5e-8],
    ["2 of 3", 2],
    ["missed", null],
    ["", null],
    [undefined, null],
    ["–", null],
  ];
  for (const [text, number] of table) {
    const found = numberIn(text);
    if (number === null) assert.equal(found, null, text);
    else assert.ok(Math.abs(found - number) <= 1e-12 * Math.abs(number), `${text}: ${found}`);
  }
});

test("what became of a run", () => {
  assert.equal(words({ status: "running", stage: "stopping", step: 1 }), "stopping");
  assert.equal(words({ status: "running", stage: "training", step: 1 }), "running");
  assert.equal(words({ status: "running", stage: "compiling", step: 1 }), "running: compiling");
  assert.equal(words({ status: "diverged", stage: "", step: 12345 }), "diverged at step 12,345");
});

test("names are one line, without invisible signs, of 60 characters at most", () => {
  assert.equal(cleanName("  a\n\tb\u200b  c "), "a b c");
  assert.equal([...cleanName("😀".repeat(70))].length, 60);
});

test("what is stored is read, newest first, and what is broken is left out", () => {
  const item = (name, when, more = {}) => ({ name, query: "surface=ackley", about: "", when, ...more });
  const stored = [
    item("a", 1),
    item("b", 3),
    item("a", 2),
    item("", 4),
    item("c", "5"),
    item("d", 6, { query: "ü" }),
    item(" e", 8),
    7,
    null,
  ];
  assert.deepEqual(
    parseKept(JSON.stringify(stored)).map(({ name, when }) => [name, when]),
    [
      ["b", 3],
      ["a", 1],
    ],
  );
  for (const text of [null, "", "{", "{}", "[]", "3"]) assert.deepEqual(parseKept(text), []);
  const many = Array.from({ length: 80 }, (_, i) => item(`n${i}`, i));
  assert.equal(parseKept(JSON.stringify(many)).length, 50);
});
