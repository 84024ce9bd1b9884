// Which runs of a message hold the numbers that were drawn before.

/** @import { Run } from "../shared/messages.js" */
/** @import { Numbers } from "../shared/types.js" */

/** @type {(keyof Run & ("path" | "loss" | "distance" | "look" | "slope" | "cloud" | "cloud_step"))[]} */
const DRAWN = ["path", "loss", "distance", "look", "slope", "cloud", "cloud_step"];

/** @param {Numbers | null | undefined} a @param {Numbers | null | undefined} b */
function sameNumbers(a, b) {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && (a[i] === a[i] || b[i] === b[i])) return false;
  return true;
}

/** @param {Run} a @param {Run} b */
function sameRun(a, b) {
  return (
    a.name === b.name &&
    a.colour === b.colour &&
    a.dash === b.dash &&
    DRAWN.every((name) => sameNumbers(a[name], b[name])) &&
    sameNumbers(a.herd?.path, b.herd?.path) &&
    a.elsewhere === b.elsewhere
  );
}

/**
 * The new runs, those that say the same as before being the old ones.
 * @param {Run[]} before
 * @param {Run[]} runs
 */
export function renewed(before, runs) {
  const old = new Map(before.map((run) => [run.id, run]));
  return runs.map((run) => {
    const kept = old.get(run.id);
    return kept && sameRun(kept, run) ? kept : run;
  });
}
