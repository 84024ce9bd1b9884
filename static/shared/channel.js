// The one way to the server: controls announce changes as window events, the live plot that is mounted sends them.
// One request is in flight, the latest value wins, and nothing is lost while no plot is there yet.

/** @import { Change } from "./messages.js" */
/** @import { Announcement } from "./types.js" */
/** @typedef {(change: Change) => void} Sender */
/** @typedef {Pick<Change, "set" | "final" | "actions"> & {need: boolean, since: number}} Waiting */
/** @typedef {Omit<Waiting, "since"> & {seq: number, sent: number, timer: ReturnType<typeof setTimeout> | null}} Flying */

const PATIENCE = 3000;
/** @type {Sender[]} */
const senders = [];
let waiting = fresh();
/** @type {Flying | null} */
let flying = null;
let sequence = Date.now(); // ascending over reloads of the page too, so that the server can tell old from new

/** @returns {Waiting} */
function fresh() {
  return { set: {}, actions: [], final: false, need: false, since: 0 };
}

/** @param {Waiting} change */
function isEmpty(change) {
  return !Object.keys(change.set).length && !change.actions.length && !change.need;
}

/**
 * Adds to what waits.
 * @param {Announcement} announcement
 */
export function announce({ set = {}, action = null, final = false, need = false }) {
  if (isEmpty(waiting)) waiting.since = performance.now();
  Object.assign(waiting.set, set);
  if (action) waiting.actions.push({ ...action });
  waiting.final ||= final;
  // A value that moves again after it was final is not final.
  if (!final && Object.keys(set).length) waiting.final = false;
  waiting.need ||= need;
  flush();
}

/** Sends what waits, unless a request is in flight or no plot is mounted. */
export function flush() {
  const sender = senders.at(-1);
  if (!sender || isEmpty(waiting)) return;
  if (flying) {
    const left = PATIENCE - (performance.now() - flying.sent);
    if (left > 0) {
      flying.timer ||= setTimeout(() => {
        if (flying) flying.timer = null;
        flush();
      }, left + 5);
      return;
    }
    // No answer: the server may have run a later request instead of this one. Send it again beneath the newer
    // values; actions keep the number they were first sent under, by which the server knows them.
    waiting.set = { ...flying.set, ...waiting.set };
    waiting.actions = [...flying.actions, ...waiting.actions];
    waiting.need ||= flying.need;
  }
  sequence = Math.max(sequence + 1, Date.now());
  const actions = waiting.actions.map((action) => ({ seq: sequence, ...action }));
  flying = {
    seq: sequence,
    set: waiting.set,
    actions,
    need: waiting.need,
    final: waiting.final,
    sent: performance.now(),
    timer: null,
  };
  waiting = fresh();
  /** @type {Change} */
  const message = { seq: flying.seq, set: flying.set, actions, final: flying.final };
  if (flying.need) message.need = true;
  sender(message);
}

/**
 * The server's answer has arrived: the next change may go.
 * @param {number} seq
 */
export function acknowledge(seq) {
  if (!flying || seq < flying.seq) return;
  if (flying.timer) clearTimeout(flying.timer);
  flying = null;
}

/**
 * True while a change of this path is on its way or waits: the server's word on it is old.
 * @param {string} path
 */
export function isUnsettled(path) {
  return path in waiting.set || (flying !== null && path in flying.set);
}

/** True while changes follow each other because somebody is dragging. */
export function isMoving() {
  return (flying !== null && !flying.final && !flying.need) || (!isEmpty(waiting) && !waiting.final);
}

/**
 * Registers the plot that sends from now on; returns how to take it away again.
 * @param {Sender} send
 */
export function connect(send) {
  if (isEmpty(waiting) || performance.now() - waiting.since > 10_000) waiting = fresh();
  senders.push(send);
  return () => {
    const index = senders.indexOf(send);
    if (index >= 0) senders.splice(index, 1);
    if (senders.length) return;
    if (flying?.timer) clearTimeout(flying.timer);
    flying = null;
    waiting = fresh();
  };
}

/**
 * Whether this plot is the one that speaks for the page.
 * @param {Sender} send
 */
export function isSpeaker(send) {
  return senders.at(-1) === send;
}

window.addEventListener("ravine:set", (event) => announce(event.detail));
