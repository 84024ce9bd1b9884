// How large the pictures are in the room that there is.

/** @import { Panels } from "../plane/panels.js" */
/** @import { PictureMessage, PictureView } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */
/**
 * `room` is what the projector's mode leaves, if it is on; `upright`: the window is higher than wide.
 * @typedef {{width: number, room: Place | null, upright: boolean}} Room
 */

export const NARROW = 640; // pixels below which pictures stand above each other
const GAP = 16;

/**
 * The width of one of two that stand side by side where there is room.
 * @param {number} width
 */
export const abreast = (width) => (width < NARROW ? width : Math.floor((width - GAP) / 2));

/**
 * Height by width of the plane's window where units are equally long, else null.
 * @param {PictureMessage} message
 * @param {PictureView} view
 */
function aspect({ surface }, view) {
  if (view.aspect !== "equal") return null;
  const [x0, x1, y0, y1] = surface.window;
  return (y1 - y0) / (x1 - x0);
}

/**
 * Width and height of one picture.
 * @param {PictureMessage} message
 * @param {PictureView} view
 * @param {Room} room
 * @param {Panels | null} panels where there are several
 * @returns {Place}
 */
export function pictureSize(message, view, { width, room, upright }, panels) {
  if (room) {
    const [wide, high] = room;
    if (panels) return panels.fit(wide, high);
    if (view.layout !== "both") return [wide, high];
    return upright ? [wide, (high - GAP) >> 1] : [(wide - GAP) >> 1, high];
  }
  if (panels) return panels.size(width, aspect(message, view));
  /** @param {number} least @param {number} share of the window @param {number} most */
  const high = (least, share, most) => Math.round(Math.min(Math.max(least, window.innerHeight * share), most));
  if (view.layout !== "both") return [width, high(600, 0.55, Math.max(300, width * 0.66))];
  if (width < NARROW) return [width, Math.round(Math.min(420, Math.max(280, width * 0.85)))];
  const half = abreast(width);
  return [half, high(480, 0.45, Math.max(320, half * 0.92))];
}
