// Which rules a search finds.

/** @import { CatalogueView, Rule } from "../shared/messages.js" */

/**
 * Those of the rules that are found, those first that bear the word in their name.
 * @param {Rule[]} rules
 * @param {CatalogueView} view
 */
export function search(rules, view) {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const families = new Set(view.families);
  const chosen = rules.filter(
    (rule) => (!families.size || families.has(rule.family)) && words.every((word) => rule.search.includes(word)),
  );
  /** @param {Rule} rule */
  const rank = ({ title, name }) => {
    const all = words.join(" ");
    return title.toLowerCase() === all || name === all
      ? 0
      : words.every((word) => title.toLowerCase().includes(word))
        ? 1
        : 2;
  };
  return words.length ? chosen.toSorted((a, b) => rank(a) - rank(b)) : chosen;
}
