// The table of results: sorted by a click on a column's head, a row lit together with its curve.

import { arrange, focus, focusedIn, h, paintSwatch, setText } from "../shared/dom.js";

/** @import { BoardColumn, BoardRow, BoardTable } from "../shared/messages.js" */

/** @type {Record<string, number>} */
const UNITS = {
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3600,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
const PART = /(-?[\d.]+(?:e[+-]?\d+)?)\s*(µs|ms|s|min|h|kB|MB|GB|KiB|MiB|GiB)?(?![a-zA-Z])/g;

/**
 * The number that a cell begins with, its units in one: "1 min 20 s" is 80, "97.2 % ± 0.1" is 97.2; null for words.
 * @param {string | undefined} text
 */
export function numberIn(text = "") {
  const plain = text
    .replaceAll("−", "-")
    .replace(/(?<=\d),(?=\d{3})/g, "")
    .split("±")[0]
    .trim();
  if (!/^-?\.?\d/.test(plain)) return null;
  let total = null;
  for (const [, digits, unit] of plain.matchAll(PART)) {
    if (total !== null && !unit) break;
    total = (total ?? 0) + Number(digits) * (UNITS[unit] ?? 1);
  }
  return Number.isFinite(total) ? total : null;
}

export class ResultTable {
  /** @param {{onKey: (key: string | null) => void}} hand */
  constructor({ onKey }) {
    this.onKey = onKey;
    /** @type {{key: string | null, down: boolean}} */
    this.sorted = { key: null, down: true };
    /** @type {BoardTable} */
    this.latest = { columns: [], rows: [], budget: [] };
    this.head = this.shape = "";
    this.headRow = h("tr");
    this.body = h("tbody");
    this.table = h("table", { class: "rv-table", "data-testid": "results" }, h("thead", {}, this.headRow), this.body);
    this.budget = h("p", { class: "rv-caption", "data-testid": "budget" });
    this.frame = h("div", { class: "rv-table-frame", onscroll: () => this.fade() }, this.table);
    this.tip = h("div", { class: "rv-tip rv-head-tip", id: "rv-head-tip", role: "tooltip", hidden: true });
    this.box = h("div", { class: "rv-table-box" }, this.frame, this.tip);
    this.node = h("div", { class: "rv-results", hidden: true }, this.box, this.budget);
    /** @type {Map<string, HTMLTableRowElement>} */
    this.nodes = new Map();
    this.resizer = new ResizeObserver(() => this.fade());
    this.resizer.observe(this.frame);
    this.resizer.observe(this.table);
  }

  /** @param {BoardTable} table */
  render(table) {
    this.latest = table;
    const { columns, rows, budget } = table;
    this.node.hidden = !columns.length || !rows.length;
    setText(this.budget, budget.length ? `Budget: ${budget.join("; ")}.` : "");
    const head = JSON.stringify([columns, this.sorted]);
    if (head !== this.head) {
      this.head = head;
      const focused = focusedIn(this.headRow)?.dataset.key;
      this.headRow.replaceChildren(...columns.map((column) => this.heading(column)));
      if (focused) focus(this.headRow, `[data-key="${CSS.escape(focused)}"]`);
    }
    const shape = JSON.stringify(columns.map(({ key, align }) => [key, align]));
    if (shape !== this.shape) this.nodes.clear();
    this.shape = shape;
    const wanted = this.order(rows).map((row) => this.row(row, columns));
    const kept = new Set(wanted);
    arrange(this.body, wanted);
    for (const [key, node] of this.nodes) if (!kept.has(node)) this.nodes.delete(key);
  }

  /** A shadow where the table goes on beyond its frame. */
  fade() {
    const { scrollLeft, scrollWidth, clientWidth } = this.frame;
    const over = scrollWidth - clientWidth;
    this.box.classList.toggle("rv-more-right", over - scrollLeft > 1);
    this.box.classList.toggle("rv-more-left", scrollLeft > 1);
    // What can be scrolled can be reached by the keyboard.
    if (over > 1) this.frame.setAttribute("tabindex", "0");
    else this.frame.removeAttribute("tabindex");
  }

  /**
   * What a column is, under its head: for the pointer and for the keyboard.
   * @param {Element} button
   * @param {string} title
   */
  tell(button, title) {
    this.tip.hidden = !title;
    if (!title) return;
    setText(this.tip, title);
    const [host, box] = [this.box.getBoundingClientRect(), button.getBoundingClientRect()];
    const left = Math.max(0, Math.min(box.left - host.left, host.width - this.tip.offsetWidth));
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(box.bottom - host.top + 4)}px)`;
  }

  destroy() {
    this.resizer.disconnect();
  }

  /** @param {BoardColumn} column */
  heading({ key, label, align, title }) {
    const tell = (/** @type {Event} */ event) => this.tell(/** @type {Element} */ (event.target), title);
    const untell = () => (this.tip.hidden = true);
    const isSorted = this.sorted.key === key;
    const sign = isSorted ? (this.sorted.down ? " ↓" : " ↑") : "";
    return h(
      "th",
      {
        scope: "col",
        class: `rv-${align}`,
        "data-column": key,
        "aria-sort": isSorted ? (this.sorted.down ? "descending" : "ascending") : null,
      },
      h(
        "button",
        {
          type: "button",
          class: `rv-sort${title ? " rv-told" : ""}`,
          "data-key": key,
          "aria-describedby": title ? "rv-head-tip" : null,
          onclick: () => this.sort(key),
          onpointerenter: tell,
          onpointerleave: untell,
          onfocus: tell,
          onblur: untell,
          onkeydown: (event) => event.key === "Escape" && untell(),
        },
        label.replaceAll(" %", "\u00a0%") + sign,
      ),
    );
  }

  /**
   * Downwards, upwards, as it came.
   * @param {string} key
   */
  sort(key) {
    if (this.sorted.key !== key) this.sorted = { key, down: true };
    else if (this.sorted.down) this.sorted = { key, down: false };
    else this.sorted = { key: null, down: true };
    this.render(this.latest);
  }

  /** @param {BoardRow[]} rows */
  order(rows) {
    const { key, down } = this.sorted;
    if (key === null) return rows;
    const sign = down ? -1 : 1;
    // What has no number stands last either way, unless no row has one.
    return rows
      .map((row) => ({ row, text: row.cells[key] ?? "", worth: numberIn(row.cells[key]) }))
      .sort((a, b) => {
        if (a.worth === null && b.worth === null) return sign * a.text.localeCompare(b.text);
        if (a.worth === null || b.worth === null) return a.worth === null ? 1 : -1;
        return sign * (a.worth - b.worth);
      })
      .map(({ row }) => row);
  }

  /** @param {BoardRow} row @param {BoardColumn[]} columns */
  row(row, columns) {
    const key = row.group;
    let node = this.nodes.get(key);
    if (!node) {
      node = h(
        "tr",
        { "data-key": key, onpointerenter: () => this.onKey(key), onpointerleave: () => this.onKey(null) },
        ...columns.map((column, k) =>
          h(k ? "td" : "th", {
            scope: k ? null : "row",
            class: `rv-${column.align}`,
            "data-column": column.key,
          }),
        ),
      );
      // On a narrow screen the second column's words stand under the first's.
      node.cells[0].append(
        h("div", { class: "rv-named" }, h("i", { class: "rv-swatch" }), h("span")),
        h("div", { class: "rv-under" }),
      );
      this.nodes.set(key, node);
    }
    const [first, ...others] = node.cells;
    const [named, under] = first.children;
    const [swatch, name] = named.children;
    columns.forEach((column, k) => setText(k ? others[k - 1] : name, row.cells[column.key] ?? ""));
    setText(under, row.cells.detail ?? "");
    paintSwatch(/** @type {HTMLElement} */ (swatch), row);
    return node;
  }

  /** @param {string | null} key @param {string | null} group */
  highlight(key, group) {
    for (const [own, node] of this.nodes)
      node.classList.toggle("rv-lit", Boolean(key) && (own === key || own === group));
  }
}
