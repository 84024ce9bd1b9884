// Where a rule asks beside its path: the cloud of one without gradients, the point that another looks ahead to.

import { tenth } from "../shared/dom.js";
import { isDrawable, isInside, pointOf } from "./mapping.js";

/** @import { Run } from "../shared/messages.js" */
/** @import { Mapping } from "../shared/types.js" */

const MOST_DOTS = 4000; // of the cloud of earlier steps

/**
 * The points asked for at a step, and those before it, as outlines of dots.
 * @param {Run} run
 * @param {number} at
 * @param {Mapping} map
 */
export function cloudAt({ cloud, cloud_step: steps }, at, map) {
  if (!cloud || !steps) return { before: "", now: "" };
  /** @param {number} from @param {number} to */
  const dots = (from, to) => {
    let d = "";
    for (let i = from; i < to; i++) {
      const x = map.ax + map.bx * cloud[2 * i];
      const y = map.ay + map.by * cloud[2 * i + 1];
      if (isInside(map, x, y)) d += `M${tenth(x)} ${tenth(y)}h0`;
    }
    return d;
  };
  let to = steps.length;
  while (to > 0 && steps[to - 1] > at) to--;
  let from = to;
  while (from > 0 && steps[from - 1] === at) from--;
  return { before: dots(Math.max(0, from - MOST_DOTS), from), now: dots(from, to) };
}

/**
 * The way from the point at a step to where the next gradient is taken.
 * @param {Run} run
 * @param {number} at
 * @param {Mapping} map
 */
export function lookAt({ path, look }, at, map) {
  if (!look) return "";
  const [from, to] = [pointOf(map, path, at), pointOf(map, look, at)];
  if (!isDrawable(from) || !isDrawable(to)) return "";
  const [[x, y], [u, w]] = [from.map(tenth), to.map(tenth)];
  return `M${x} ${y}L${u} ${w}m-4 0l4 -4l4 4l-4 4z`;
}
