// The axes of a chart: where a value lies in pixels, where the lines stand, and what is written at them.

import { powerTicks, roundTicks, short } from "./dom.js";

/** @import { Scale, TickKind } from "./types.js" */
/** @typedef {(value: number) => number} Real */

const SECONDS = [
  10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
];

const LEAST = 3; // ticks without which an axis says little

/**
 * Seconds for people: 8 s, 1 min 20 s, 2 h 5 min.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}

/** @param {number} number */
export const grouping = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 0 });

/**
 * A fraction as percent, with so many digits after the point.
 * @param {number | null} value
 */
export function percent(value, digits = 1) {
  return value === null || Number.isNaN(value) ? "–" : `${(value * 100).toFixed(digits)} %`;
}

/**
 * From values `low`..`high` to pixels `from`..`to`; both directions.
 * @param {number} low
 * @param {number} high
 * @param {boolean} log
 * @param {number} from
 * @param {number} to
 * @returns {Scale}
 */
export function scale(low, high, log, from, to) {
  /** @type {Real} */
  const forth = log ? Math.log10 : (value) => value;
  /** @type {Real} */
  const back = log ? (value) => 10 ** value : (value) => value;
  const [start, span] = [forth(low), forth(high) - forth(low) || 1];
  const each = (to - from) / span;
  return {
    low,
    high,
    log,
    px: (value) => from + (forth(value) - start) * each,
    value: (px) => back(start + (px - from) / each),
    /** The linear map of a linear scale, for loops: pixels = offset + value * factor. */
    offset: from - start * each,
    factor: each,
  };
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} count
 * @returns {[number, string][]}
 */
function secondTicks(low, high, count) {
  const step = SECONDS.find((one) => (high - low) / one <= count) ?? SECONDS[SECONDS.length - 1];
  if (high - low < 10 || (high - low) / step < 2) {
    return roundTicks(low, high, count).map((value) => [value, `${short(value, 4)} s`]);
  }
  /** @type {[number, string][]} */
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
    const rest = value % 60;
    const text =
      value === 0
        ? "0"
        : high < 90
          ? `${value} s`
          : step < 60
            ? `${Math.floor(value / 60)}:${String(rest).padStart(2, "0")}`
            : high < 7200
              ? `${value / 60} min`
              : step < 3600
                ? `${Math.floor(value / 3600)}:${String(Math.round((value % 3600) / 60)).padStart(2, "0")} h`
                : `${value / 3600} h`;
    ticks.push([value, text]);
  }
  return ticks;
}

/**
 * What `make(count)` gives, for as much more than `count` as brings three ticks where there can be three.
 * @template T
 * @param {(count: number) => T[]} make
 * @param {number} count
 */
function enough(make, count) {
  let found = make(count);
  for (let more = count + 1; found.length < LEAST && more <= 4 * LEAST + count; more++) {
    const finer = make(more);
    if (finer.length > found.length) found = finer;
  }
  return found;
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
function logTicks(low, high, count) {
  /** @param {number} value */
  const within = (value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  const powers = enough((n) => powerTicks(Math.log10(low), Math.log10(high), n).filter(within), count);
  if (powers.length >= LEAST) return powers;
  for (const factors of [
    [1, 3],
    [1, 2, 5],
  ]) {
    const fine = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++) {
      fine.push(...factors.map((factor) => Number(`${factor}e${p}`)).filter(within));
    }
    if (fine.length >= LEAST) return fine;
  }
  return enough((n) => roundTicks(low, high, n).filter(within), count);
}

/**
 * `[[value, text], ...]` between the ends of a scale, three at least.
 * @param {Pick<Scale, "low" | "high" | "log">} scale
 * @param {number} count
 * @param {TickKind} kind
 * @returns {[number, string][]}
 */
export function ticks({ low, high, log }, count, kind) {
  if (log) {
    /** @type {Partial<Record<TickKind, (value: number) => string>>} */
    const texts = { seconds: (value) => `${short(value)} s`, fraction: (value) => `${short(value * 100)} %` };
    return logTicks(low, high, count).map((value) => [value, (texts[kind] ?? short)(value)]);
  }
  if (kind === "seconds") return enough((n) => secondTicks(low, high, n), count);
  const values = enough(
    (n) => roundTicks(low, high, n).filter((value) => kind !== "count" || Number.isInteger(value)),
    count,
  );
  if (kind === "count") return values.map((value) => [value, grouping(value)]);
  if (kind === "fraction") return values.map((value) => [value, `${Number((value * 100).toPrecision(6))} %`]);
  return values.map((value) => [value, short(value, 4)]);
}
