// What a map's cell holds, in words.

import { short } from "../shared/dom.js";
import { DIVERGED, LISTED, OUTCOMES } from "./constants.js";

/** @import { BasinArrays, MapsMessage, PlaneArrays } from "../shared/messages.js" */
/** @import { Cell } from "./types.js" */

/**
 * What became of a start, in words.
 * @param {BasinArrays} arrays
 * @param {Cell} cell
 * @param {MapsMessage} message
 */
export function startInWords({ label, shade, loss }, { index, x, y }, { places, steps }) {
  const [found, made] = [label[index], shade[index]];
  const diverged = found === LISTED + DIVERGED;
  const what =
    found < LISTED
      ? `reaches ${places[found]} in ${made} steps`
      : `${OUTCOMES[found - LISTED].words}${diverged || made >= steps ? "" : ` after ${made} steps`}`;
  return `(${short(x)}, ${short(y)}): ${what}${diverged ? "" : `; loss ${short(loss[index])}`}`;
}

/**
 * What a cell of a plane holds, in words.
 * @param {PlaneArrays} arrays
 * @param {Cell} cell
 * @param {MapsMessage} message
 * @param {[string, string]} names
 */
export function cellInWords(arrays, { index, x, y }, { least, values }, names) {
  const { loss, steps, distance, share, outcome } = arrays;
  const parts = [OUTCOMES[outcome[index]].words];
  if (outcome[index] !== DIVERGED) {
    parts.push(`loss ${short(loss[index] + least)}`);
    if (Number.isFinite(steps[index])) parts.push(`stops after ${steps[index]} steps`);
    if (Number.isFinite(distance[index])) parts.push(`distance ${short(distance[index])}`);
  }
  if (Number(values["map.starts"]) > 1)
    parts.push(`${short(share[index] * 100)} % of the starts reach a lowest minimum`);
  return `${names[0]} ${short(x, 4)}, ${names[1]} ${short(y, 4)}: ${parts.join("; ")}`;
}
