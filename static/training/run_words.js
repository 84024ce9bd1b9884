// What the row of a run, or of a group of seeds, says.

import { duration, grouping, percent } from "../shared/scales.js";

/** @import { BoardRun } from "../shared/messages.js" */
/**
 * @typedef {object} Saying
 * @property {string} title
 * @property {string} detail
 * @property {string} pill
 * @property {string} status
 * @property {string} remaining
 * @property {string} result
 * @property {string} [resultOf]
 * @property {string} [note] on a line of its own
 */

const WORST = ["running", "failed", "interrupted", "queued", "stopped", "diverged", "finished"];

/**
 * What the pill says.
 * @param {Pick<BoardRun, "status" | "stage" | "step">} run
 */
export function words({ status, stage, step }) {
  if (status === "running" && stage === "stopping") return stage;
  if (status === "running") return stage && stage !== "training" ? `running: ${stage}` : "running";
  if (status === "diverged") return `diverged at step ${grouping(step)}`;
  return status;
}

/**
 * What the pill has not said yet.
 * @param {BoardRun} run
 */
const remark = ({ sentence }) => sentence.replace(/^diverged at step [\d,]+[\s.:,;]*/i, "");

/**
 * @param {BoardRun} run
 * @param {number | null} latest accuracy
 * @param {boolean} inside a group, whose name it bears
 * @returns {Saying}
 */
export function runSaying(run, latest, inside) {
  const left = run.status === "running" ? run.remaining : null;
  return {
    title: inside ? `seed ${run.seed}` : run.title,
    detail: inside ? "" : [run.detail, `seed ${run.seed}`].filter(Boolean).join(", "),
    pill: words(run),
    status: run.status,
    remaining:
      left !== null
        ? `${duration(left)} left`
        : run.status === "stopped" || run.status === "interrupted"
          ? `at ${grouping(run.step)} of ${grouping(run.steps)} steps`
          : "",
    result: latest === null ? "" : percent(latest),
    note: remark(run),
  };
}

/**
 * @param {BoardRun[]} members
 * @param {(number | null)[]} latest accuracies
 * @returns {Saying}
 */
export function groupSaying(members, latest) {
  const [first] = members;
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const run of members) counts.set(run.status, (counts.get(run.status) ?? 0) + 1);
  // Where seeds have finished, theirs is the result.
  const finished = members.filter((run, i) => run.status === "finished" && latest[i] !== null).length;
  const known = latest.flatMap((value, i) =>
    value !== null && (!finished || members[i].status === "finished") ? [value] : [],
  );
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (known.length - 1));
  return {
    title: first.title,
    detail: [first.detail, `${members.length} seeds`].filter(Boolean).join(", "),
    pill:
      counts.size === 1
        ? words({ ...first, stage: "", status: first.status === "diverged" ? "all diverged" : first.status })
        : [...counts].map(([status, count]) => `${count}\u00a0${status}`).join(", "),
    status: WORST.find((status) => counts.has(status)) ?? "",
    remaining: groupRemaining(members),
    result: known.length > 1 ? `${percent(mean)} ± ${(deviation * 100).toFixed(1)}` : known.length ? percent(mean) : "",
    resultOf: finished && finished < members.length ? `(${finished} of ${members.length} finished)` : "",
  };
}

/**
 * The longest of the seeds; those queued count where the server says when they will be done.
 * @param {BoardRun[]} members
 */
function groupRemaining(members) {
  const active = members.filter((run) => run.status === "running" || run.status === "queued");
  const known = active.flatMap(({ remaining }) => (remaining === null ? [] : [remaining]));
  const queued = active.filter((run) => run.status === "queued" && run.remaining === null).length;
  if (!known.length) return "";
  return `${duration(Math.max(...known))} left${queued ? ` + ${queued} queued` : ""}`;
}
