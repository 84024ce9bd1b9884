// One request in flight, the latest value wins, an action arrives once.

import "./page.js";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as channel from "../../static/shared/channel.js";

let now = 1000;
const timers = new Map();
let serial = 0;
performance.now = () => now;
globalThis.setTimeout = (act, wait) => {
  timers.set(++serial, { at: now + wait, act });
  return serial;
};
globalThis.clearTimeout = (id) => timers.delete(id);

/** Lets so many milliseconds pass, and what was to happen in them happen. */
function pass(milliseconds) {
  const end = now + milliseconds;
  for (;;) {
    const due = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
    if (!due.length) break;
    const [[id, { at, act }]] = due;
    timers.delete(id);
    now = at;
    act();
  }
  now = end;
}

let sent = [];
let disconnect = () => {};

beforeEach(() => {
  disconnect();
  timers.clear();
  sent = [];
  disconnect = channel.connect((change) => sent.push(change));
});

test("the first change goes at once, later ones wait for its answer and the latest value wins", () => {
  channel.announce({ set: { lr: 1 } });
  channel.announce({ set: { lr: 2, mu: 3 } });
  channel.announce({ set: { lr: 4 } });
  assert.deepEqual(
    sent.map(({ set }) => set),
    [{ lr: 1 }],
  );
  assert.ok(channel.isUnsettled("lr") && channel.isUnsettled("mu") && !channel.isUnsettled("other"));
  channel.acknowledge(sent[0].seq);
  channel.flush();
  assert.deepEqual(sent[1].set, { lr: 4, mu: 3 });
  assert.ok(sent[1].seq > sent[0].seq);
  channel.acknowledge(sent[1].seq);
  assert.ok(!channel.isUnsettled("lr"));
});

test("an old answer does not free the way", () => {
  channel.announce({ set: { lr: 1 } });
  channel.announce({ set: { lr: 2 } });
  channel.acknowledge(sent[0].seq - 1);
  channel.flush();
  assert.equal(sent.length, 1);
});

test("without an answer it is sent again beneath newer values; its action keeps its number", () => {
  channel.announce({ set: { lr: 1, mu: 1 }, action: { remove: 3 } });
  const [{ seq }] = sent;
  channel.announce({ set: { lr: 2 } });
  pass(2999);
  assert.equal(sent.length, 1);
  pass(10);
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[1].set, { lr: 2, mu: 1 });
  assert.deepEqual(sent[1].actions, [{ seq, remove: 3 }]);
  assert.ok(sent[1].seq > seq);
});

test("what moves again after it was final is not final", () => {
  channel.announce({ set: { a: 0 } });
  channel.announce({ set: { lr: 1 }, final: true });
  channel.announce({ set: { lr: 2 } });
  assert.ok(channel.isMoving());
  channel.acknowledge(sent[0].seq);
  channel.flush();
  assert.equal(sent[1].final, false);
  channel.acknowledge(sent[1].seq);
  assert.ok(!channel.isMoving());
  channel.announce({ set: { lr: 3 }, final: true });
  assert.ok(sent[2].final && !channel.isMoving());
});

test("a need is told until it is answered", () => {
  channel.announce({ need: true });
  assert.equal(sent[0].need, true);
  pass(3100);
  channel.flush();
  channel.announce({ set: { lr: 1 } });
  pass(3100);
  assert.ok(sent.slice(1).every(({ need }) => need));
  channel.acknowledge(sent.at(-1).seq);
  channel.announce({ set: { lr: 2 } });
  assert.ok(!("need" in sent.at(-1)));
});

test("nothing is lost while no plot is there yet, but what is old by then", () => {
  disconnect();
  channel.announce({ set: { lr: 1 } });
  assert.equal(sent.length, 0);
  pass(9_000);
  disconnect = channel.connect((change) => sent.push(change));
  channel.flush();
  assert.deepEqual(sent[0].set, { lr: 1 });
  disconnect();
  channel.announce({ set: { lr: 2 } });
  pass(11_000);
  disconnect = channel.connect((change) => sent.push(change));
  channel.flush();
  assert.equal(sent.length, 1);
});

test("the plot that was mounted last speaks for the page", () => {
  const own = (change) => others.push(change);
  const others = [];
  const leave = channel.connect(own);
  assert.ok(channel.isSpeaker(own));
  channel.announce({ set: { lr: 1 } });
  assert.deepEqual([sent.length, others.length], [0, 1]);
  channel.acknowledge(others[0].seq);
  leave();
  assert.ok(!channel.isSpeaker(own));
  channel.announce({ set: { lr: 2 } });
  assert.deepEqual([sent.length, others.length], [1, 1]);
});

test("controls speak by window events", () => {
  const detail = { set: { lr: 5 }, final: true };
  window.dispatchEvent(Object.assign(new Event("ravine:set"), { detail }));
  assert.deepEqual(sent[0].set, { lr: 5 });
});
