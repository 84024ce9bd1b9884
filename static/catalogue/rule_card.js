// What the catalogue shows of a rule among others: its card, and parts that its sheet has too.

import { h } from "../shared/dom.js";
import { thumbnail } from "./thumbnail.js";

/** @import { Badge, Family, Rule } from "../shared/messages.js" */
/** @typedef {Pick<Family, "colour" | "hollow">} Look of a family's dot */

export const MARKS = { held: "✓", failed: "✗", stale: "↻", none: "–" };

/** @param {Rule["change"]} change */
const plain = (change) => change.map((part) => (typeof part === "string" ? part : part[1])).join("");

/** @param {Look} look */
export const familyDot = ({ colour, hollow }) =>
  h("span", {
    class: "rv-family-dot",
    style: `background: ${hollow ? "transparent" : colour}; border-color: ${colour}`,
    "aria-hidden": "true",
  });

/** @param {Rule} rule @param {Look} look */
export const when = (rule, look) => h("p", { class: "rv-when" }, familyDot(look), `${rule.year} · ${rule.family}`);

/** @param {Badge} badge */
function badgeNode({ kind, word, sentence, against }) {
  return h(
    "span",
    { class: `rv-badge rv-badge-${kind}`, title: `${against.join("\n")}${against.length ? "\n" : ""}${sentence}` },
    h("span", { "aria-hidden": "true" }, `${MARKS[kind]} `),
    kind === "held" ? h("span", { class: "rv-hidden" }, "held against ") : null,
    word,
  );
}

/**
 * @param {Rule} rule
 * @param {Look} look
 * @param {HTMLAnchorElement} link to its sheet
 * @param {(name: string | null) => void} onRelate the pointer comes or goes
 */
export function ruleCard(rule, look, link, onRelate) {
  return h(
    "li",
    {
      class: "rv-rule",
      "data-rule": rule.name,
      onmouseenter: () => onRelate(rule.name),
      onmouseleave: () => onRelate(null),
    },
    thumbnail(rule, look.colour, "rv-thumb"),
    h(
      "div",
      { class: "rv-rule-text" },
      h("h4", {}, link),
      when(rule, look),
      h("p", { class: "rv-change" }, plain(rule.change)),
    ),
    h(
      "p",
      { class: "rv-foot" },
      badgeNode(rule.badge),
      h("span", { class: "rv-state", title: rule.keeps }, `state: ${rule.state}`),
    ),
  );
}
