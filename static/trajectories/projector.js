// The projector mode: the pictures as large as the screen, in large type, without controls. Everything is drawn at the
// size that fits a screen of 840 x 472 and enlarged as a whole, so that it looks the same from a notebook to 4K.

import { h, setText } from "../shared/dom.js";

/** @import { Told } from "../shared/messages.js" */

const [WIDTH, HEIGHT] = [840, 472];
const IDLE = 2500; // milliseconds without the hand after which the buttons fade

/**
 * A sentence whose `**bold**` and `code` are marked as such.
 * @param {string} text
 */
function sentence(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => {
    if (part.startsWith("**") && part.length > 4) return h("strong", {}, part.slice(2, -2));
    return part.startsWith("`") && part.length > 2 ? h("code", {}, part.slice(1, -1)) : part;
  });
}

export class Projector {
  /**
   * @param {object} hand
   * @param {(on: boolean) => void} hand.onSwitch asks for the mode
   * @param {(name: string) => void} hand.onTell asks for a story
   * @param {() => void} hand.onResize says that the window has another size
   */
  constructor({ onSwitch, onTell, onResize }) {
    this.onSwitch = onSwitch;
    this.onTell = onTell;
    this.on = this.upright = false;
    this.shown = ""; // the mode and the sizes in which it is shown
    this.timer = 0;
    /** @type {Told | null} */
    this.story = null;
    this.title = h("h2", { class: "rv-story-title", "data-testid": "projector-title" });
    this.text = h("p");
    this.task = h("p");
    this.head = h("header", { class: "rv-story" }, this.title, this.text, this.task);
    /** @param {string} label @param {string} title @param {string} key @param {() => void} action */
    const button = (label, title, key, action) =>
      h("button", { type: "button", class: "rv-choice", title, "aria-keyshortcuts": key, onclick: action }, label);
    this.before = button("‹", "The story before (page up)", "PageUp", () => this.tellNext("before"));
    this.after = button("›", "The next story (page down)", "PageDown", () => this.tellNext("after"));
    this.leave = button("Leave (Esc)", "Back to all controls (Escape or P)", "Escape", () => onSwitch(false));
    this.bar = h("div", { class: "rv-leave" }, this.before, this.after, this.leave);
    this.events = new AbortController();
    const { signal } = this.events;
    window.addEventListener("keydown", (event) => this.key(event), { signal });
    window.addEventListener("resize", () => this.on && onResize(), { signal });
    for (const name of ["pointermove", "pointerdown", "focusin"])
      window.addEventListener(name, () => this.wake(), { signal });
  }

  /** How much larger everything is drawn. */
  get scale() {
    return this.on ? Math.max(1, Math.min(window.innerWidth / WIDTH, window.innerHeight / HEIGHT)) : 1;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.repeat)
      return;
    const node = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (
      node.isContentEditable ||
      node.closest?.("input:not([type=range]), select, textarea, [role='dialog'], [role='combobox']")
    )
      return;
    if (document.querySelector('[role="dialog"], dialog[open], :popover-open')) return;
    if (event.key === "p" || event.key === "P") this.onSwitch(!this.on);
    else if (event.key === "Escape" && this.on) this.onSwitch(false);
    else if (event.key === "PageUp" && this.story?.before) this.tellNext("before");
    else if (event.key === "PageDown" && this.story?.after) this.tellNext("after");
    else return;
    event.preventDefault();
  }

  /** @param {"before" | "after"} side */
  tellNext(side) {
    const name = this.story?.[side];
    if (name) this.onTell(name);
  }

  /**
   * Switches the mode for `root`; returns whether that or the enlargement has changed.
   * @param {HTMLElement} root
   * @param {boolean} on
   */
  show(root, on) {
    this.on = on;
    const signature = on ? `${this.scale} ${window.innerWidth} ${window.innerHeight}` : "";
    if (signature === this.shown) return false;
    this.shown = signature;
    root.classList.toggle("rv-projector", on);
    this.upright = window.innerHeight > window.innerWidth;
    root.classList.toggle("rv-upright", on && this.upright);
    root.style.setProperty("--rv-zoom", String(this.scale));
    document.body.classList.toggle("rv-projecting", on);
    if (on) this.wake();
    return true;
  }

  /**
   * The story that is told, or null.
   * @param {Told | null} story
   * @param {string} surface the heading without one
   */
  tell(story, surface) {
    if (story?.text !== this.story?.text) {
      this.text.replaceChildren(...(story ? sentence(story.text) : []));
      this.task.replaceChildren(...(story ? sentence(`**Try:** ${story.task}`) : []));
    }
    this.story = story;
    setText(this.title, story?.title ?? surface);
    this.before.hidden = this.after.hidden = !story;
    this.before.disabled = !story?.before;
    this.after.disabled = !story?.after;
  }

  /** The buttons are seen while the hand moves. */
  wake() {
    if (!this.on) return;
    this.bar.classList.remove("rv-idle");
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.bar.classList.add("rv-idle"), IDLE);
  }

  destroy() {
    this.events.abort();
    clearTimeout(this.timer);
    document.body.classList.remove("rv-projecting");
  }
}
