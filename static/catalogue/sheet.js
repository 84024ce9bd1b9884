// The sheet of the rule that is opened: its path large, what it changes, what it was held against, its neighbours.

import { h } from "../shared/dom.js";
import { MARKS, when } from "./rule_card.js";
import { thumbnail } from "./thumbnail.js";

/** @import { Look } from "./rule_card.js" */
/** @import { Badge, Rule } from "../shared/messages.js" */
/** @import { Attributes } from "../shared/types.js" */
/** @typedef {(name: string | null, text: string, attributes?: Attributes) => HTMLAnchorElement} Link to a rule, or all */

/** @param {...string} texts */
const sentences = (...texts) =>
  texts
    .filter(Boolean)
    .map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`)
    .join(" ");

/**
 * What stands beside a rule's name when it is opened: against what, how long, how well.
 * @param {Badge} badge
 */
function held({ kind, word, sentence, against }) {
  return [
    ...against.map((text, i) =>
      h(
        "p",
        { class: "rv-against" },
        kind === "held" ? h("span", { class: "rv-tick", "aria-hidden": "true" }, "✓") : null,
        text,
        i < against.length - 1 ? h("span", { class: "rv-hidden" }, ",") : null,
      ),
    ),
    h(
      "p",
      {},
      kind === "held" ? null : h("span", { class: `rv-badge rv-badge-${kind}` }, `${MARKS[kind]} ${word}`),
      kind === "held" ? sentence : ` ${sentence}`,
    ),
  ];
}

/**
 * @param {Rule} rule
 * @param {Look} look
 * @param {object} among
 * @param {Rule[]} among.found in their order
 * @param {Map<string | null, Rule>} among.byName
 * @param {string} among.caption of all paths
 * @param {Link} link
 */
export function sheet(rule, look, { found, byName, caption }, link) {
  const at = found.findIndex(({ name }) => name === rule.name);
  const [before, after] = at < 0 ? [] : [found[at - 1], found[at + 1]];
  const change = rule.change.map((part) => (typeof part === "string" ? part : link(part[0], part[1])));
  /** @param {string[]} names */
  const listed = (names) => names.flatMap((name, i) => [i ? ", " : "", link(name, byName.get(name)?.title ?? name)]);
  /** @param {string} title @param {...(string | Node)} content */
  const row = (title, ...content) => [h("dt", {}, title), h("dd", {}, ...content)];
  /** @param {string} page @param {string} text */
  const go = (page, text, primary = false) =>
    h("a", { class: `rv-go${primary ? " rv-go-first" : ""}`, href: new URL(page, document.baseURI).href }, text);
  return [
    h(
      "nav",
      { class: "rv-sheet-nav", "aria-label": "Other rules" },
      link(null, "← All rules", { "data-testid": "back" }),
      h(
        "span",
        {},
        before ? link(before.name, `‹ ${before.title}`, { rel: "prev" }) : "",
        after ? link(after.name, `${after.title} ›`, { rel: "next" }) : "",
      ),
    ),
    h(
      "div",
      { class: "rv-sheet-head" },
      h(
        "div",
        {},
        h("h2", { tabindex: -1 }, rule.title),
        when(rule, look),
        h("p", { class: "rv-sheet-change" }, ...change),
        h(
          "p",
          { class: "rv-goes" },
          go(`./?card.0=${rule.name}`, "Try it", true),
          rule.trains ? go(`training?task=digits&card.0=${rule.name}`, "Train with it") : null,
        ),
        h(
          "dl",
          { class: "rv-facts" },
          ...row("Held against", ...held(rule.badge)),
          ...row("State", rule.keeps),
          ...(rule.notes.length ? row("Notes", rule.notes.join(" ")) : []),
          ...(rule.children.length ? row("Built on it", ...listed(rule.children)) : []),
        ),
      ),
      h("figure", {}, thumbnail(rule, look.colour, "rv-view"), h("figcaption", {}, sentences(rule.words, caption))),
    ),
  ];
}
