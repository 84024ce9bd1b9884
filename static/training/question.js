// A question before what cannot be undone.

import { plainButton } from "../shared/buttons.js";
import { h } from "../shared/dom.js";

/**
 * "Delete? yes no": `answer(true)` or `answer(false)` is called.
 * @param {string} label
 * @param {string} text
 * @param {(sure: boolean) => void} answer
 */
export function question(label, text, answer) {
  /** @param {"yes" | "no"} act */
  const button = (act) =>
    plainButton(act, null, () => answer(act === "yes"), {
      "data-act": act,
      onkeydown: (event) => event.key === "Escape" && answer(false),
    });
  return h(
    "span",
    { class: "rv-ask", role: "group", "aria-label": label },
    h("span", {}, text),
    button("yes"),
    button("no"),
  );
}
