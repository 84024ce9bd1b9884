// Loss and distance to the nearest minimum of every run against the step, side by side.

import { Curves } from "../charts/curves.js";
import { h } from "../shared/dom.js";
import { abreast } from "./sizes.js";

/** @import { Room } from "./sizes.js" */
/** @import { PictureMessage, PictureView, Run } from "../shared/messages.js" */
/** @typedef {Curves<Run> & {base?: number, last?: number}} RunCurve with what it was drawn for */

export class RunCurves {
  /**
   * @param {object} hand
   * @param {(step: number, final: boolean) => void} hand.onStep chooses a step
   * @param {(name: "loss" | "distance", log: boolean) => void} hand.onLog switches the axis
   */
  constructor({ onStep, onLog }) {
    /** @param {"loss" | "distance"} name @param {string} title @returns {RunCurve} */
    const curve = (name, title) =>
      new Curves({ name, title, values: (run) => run[name], onStep, onLog: (log) => onLog(name, log) });
    this.loss = curve("loss", "Loss");
    this.distance = curve("distance", "Distance to the nearest minimum");
    this.node = h("div", { class: "rv-curves", "data-testid": "curves" }, this.loss.node, this.distance.node);
  }

  /**
   * @param {PictureMessage} message
   * @param {Run[]} runs
   * @param {PictureView} view
   * @param {number} last step
   * @param {boolean} changed whether they are to be drawn anew in any case
   * @param {Room} room
   */
  draw({ surface }, runs, view, last, changed, room) {
    /** @param {RunCurve} curve @param {boolean} log @param {number} base */
    const draw = (curve, log, base) => {
      const resized = resize(curve, room);
      if (!changed && !resized && log === curve.log && base === curve.base && last === curve.last) return;
      curve.base = base;
      curve.last = last;
      curve.draw(runs, last, log, base);
    };
    draw(this.loss, view.log_loss, surface.f_star ?? lowest(runs));
    draw(this.distance, view.log_distance, 0);
  }

  /** @param {number} step */
  setStep(step) {
    for (const curve of [this.loss, this.distance]) curve.setStep(step);
  }
}

/**
 * Where the minimum is not known: zero, or the lowest loss there is if that is below zero.
 * @param {Run[]} runs
 */
function lowest(runs) {
  let low = 0;
  for (const run of runs) for (const loss of run.loss) if (loss < low) low = loss;
  return low;
}

/** @param {RunCurve} curve @param {Room} room */
function resize(curve, { width, room }) {
  if (!room) return curve.resize(abreast(width), 210);
  const { clientWidth, clientHeight } = curve.frame;
  return clientWidth > 0 && curve.resize(clientWidth, clientHeight);
}
