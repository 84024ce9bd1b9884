// What the server said last of a page's view: only what it says anew may replace what the hand has chosen since.

import * as channel from "./channel.js";

/** @template {object} View */
export class Heard {
  /** @param {string} prefix of the paths under which the view's parts are changed */
  constructor(prefix) {
    this.prefix = prefix;
    /** @type {Map<string, string>} */
    this.last = new Map();
  }

  /**
   * The parts of the view that say something new and of which no change of ours is on its way.
   * @param {View} view
   * @returns {Partial<View>}
   */
  news(view) {
    const news = Object.entries(view).filter(([name, value]) => {
      const said = JSON.stringify(value);
      if (this.last.get(name) === said) return false;
      this.last.set(name, said);
      return !channel.isUnsettled(this.prefix + name);
    });
    return /** @type {Partial<View>} */ (Object.fromEntries(news));
  }
}
