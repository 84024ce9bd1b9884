// The message as views/shared/packing.py lays it out; test_browser_modules.py has Python's own bytes read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { known, unpack } from "../../static/shared/bytes.js";

/** Bytes of a header and a body, the header padded to eight. */
function packed(header, body = []) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const room = Math.ceil((text.length + 4) / 8) * 8;
  const bytes = new Uint8Array(room + body.length).fill(32);
  new DataView(bytes.buffer).setUint32(0, room - 4, true);
  bytes.set(text, 4);
  bytes.set(body, room);
  return bytes;
}

test("arrays anywhere in a message, each of its own kind", () => {
  const body = new Uint8Array(32);
  new Float64Array(body.buffer, 0, 1).set([1.5]);
  new Uint16Array(body.buffer, 8, 3).set([1, 2, 65535]);
  new Float32Array(body.buffer, 16, 2).set([NaN, -2]);
  body.set([7, 8], 24);
  const header = {
    a: { $array: ["f8", 0, 1] },
    deep: [{ b: { $array: ["u2", 8, 3] } }, { $array: ["f4", 16, 2] }],
    c: { $array: ["u1", 24, 2] },
    none: null,
    text: "ü",
  };
  const { message } = unpack(packed(header, body));
  assert.deepEqual(message.a, Float64Array.of(1.5));
  assert.deepEqual(message.deep[0].b, Uint16Array.of(1, 2, 65535));
  assert.deepEqual(message.deep[1], Float32Array.of(NaN, -2));
  assert.deepEqual(message.c, Uint8Array.of(7, 8));
  assert.equal(message.none, null);
  assert.equal(message.text, "ü");
});

test("a message that begins anywhere in a larger buffer, and arrays that outlive it", () => {
  const body = new Uint8Array(8);
  new Int32Array(body.buffer).set([-1, 5]);
  const inner = packed({ steps: { $array: ["i4", 0, 2] } }, body);
  const outer = new Uint8Array(inner.length + 3);
  outer.set(inner, 3);
  const { steps } = unpack(outer.subarray(3)).message;
  outer.fill(0);
  assert.deepEqual(steps, Int32Array.of(-1, 5));
});

test("no arrays, and empty ones", () => {
  assert.deepEqual(unpack(packed({})).message, {});
  assert.equal(unpack(packed({ x: { $array: ["f4", 0, 0] } })).message.x.length, 0);
});

/** A part whose array has a name, as it comes first and as it comes when it is known to be here. */
const first = (content, value) =>
  packed({ run: { content, name: "new", path: { $array: ["f4", 0, 1] } } }, floats(value));
const less = (content) => packed({ run: { content, name: "renamed", less: true } });

function floats(value) {
  const body = new Uint8Array(8);
  new Float32Array(body.buffer, 0, 1).set([value]);
  return body;
}

test("what bears a name is kept, and filled in where it was left out", () => {
  assert.equal(unpack(first("a", 1.5)).whole, true);
  assert.ok(known().includes("a"));
  const { message, whole } = unpack(less("a"));
  assert.equal(whole, true);
  assert.deepEqual(message.run, { content: "a", name: "renamed", path: Float32Array.of(1.5) });
});

test("what comes whole is what is meant, whatever was here", () => {
  unpack(first("again", 1));
  assert.equal(unpack(first("again", 2)).message.run.path[0], 2);
  assert.equal(unpack(less("again")).message.run.path[0], 2);
});

test("what a message leaves out does not leave because of what comes with it", () => {
  for (let i = 0; i < 64; i++) unpack(first(`m${i}`, i));
  const both = packed(
    {
      runs: [
        { content: "fresh", path: { $array: ["f4", 0, 1] } },
        { content: "m0", less: true },
      ],
    },
    floats(5),
  );
  const { message, whole } = unpack(both);
  assert.equal(whole, true);
  assert.equal(message.runs[1].path[0], 0);
  assert.ok(known().length <= 64);
});

test("what was left out and is not here is said, wherever it stands", () => {
  assert.equal(unpack(less("never sent")).whole, false);
  const deep = packed({ runs: [{ content: "b", herd: { content: "c", less: true } }] });
  assert.equal(unpack(deep).whole, false);
});

test("a bounded number of names is kept, those used last", () => {
  unpack(first("old", 1));
  for (let i = 0; i < 200; i++) {
    unpack(first(`n${i}`, i));
    assert.equal(unpack(less("old")).whole, true);
  }
  assert.ok(known().length <= 64);
  assert.equal(unpack(less("n0")).whole, false);
  assert.equal(unpack(less("n199")).message.run.path[0], 199);
});

test("arrays that are too many bytes together leave, but for the last", () => {
  const large = packed({ run: { content: "large", z: { $array: ["u1", 0, 70e6] } } }, new Uint8Array(70e6));
  assert.equal(unpack(large).whole, true);
  assert.deepEqual(known(), ["large"]);
});
