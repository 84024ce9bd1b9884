// The table of results: sorted by a click on a column's head, a row lit together with its curve.

import { h, paintSwatch, setText } from "../shared/dom.js";

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

/** The number that a cell begins with, its units in one: "1 min 20 s" is 80, "97.2 % ± 0.1" is 97.2; null for words. */
export function numberIn(text) {
  const plain = String(text ?? "")
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
  constructor({ onKey }) {
    this.onKey = onKey;
    this.sorted = { key: null, down: true };
    this.headRow = h("tr");
    this.body = h("tbody");
    this.table = h("table", { class: "rv-table", "data-testid": "results" }, h("thead", {}, this.headRow), this.body);
    this.budget = h("p", { class: "rv-caption", "data-testid": "budget" });
    this.frame = h("div", { class: "rv-table-frame", onscroll: () => this.fade() }, this.table);
    this.tip = h("div", { class: "rv-tip rv-head-tip", id: "rv-head-tip", role: "tooltip", hidden: true });
    this.box = h("div", { class: "rv-table-box" }, this.frame, this.tip);
    this.node = h("div", { class: "rv-results", hidden: true }, this.box, this.budget);
    this.nodes = new Map();
    this.resizer = new ResizeObserver(() => this.fade());
    this.resizer.observe(this.frame);
    this.resizer.observe(this.table);
  }

  /**
   * `{columns: [{key, label, align, title?}], rows: [{group or run, colour, dash, cells, sort?: {key: number}}],
   * budget?: [sentence]}`
   */
  render(table = {}) {
    this.latest = table;
    const { columns = [], rows = [] } = table;
    this.node.hidden = !columns.length || !rows.length;
    setText(this.budget, table.budget?.length ? `Budget: ${table.budget.join("; ")}.` : "");
    const head = JSON.stringify([columns, this.sorted]);
    if (head !== this.head) {
      this.head = head;
      const focused = this.headRow.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      this.headRow.replaceChildren(...columns.map((column) => this.heading(column)));
      if (focused) this.headRow.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    }
    const shape = JSON.stringify(columns.map(({ key, align }) => [key, align]));
    if (shape !== this.shape) this.nodes.clear();
    this.shape = shape;
    const wanted = this.order(rows).map((row) => this.row(row, columns));
    const kept = new Set(wanted);
    for (const child of [...this.body.children]) if (!kept.has(child)) child.remove();
    wanted.forEach(
      (node, i) => this.body.children[i] !== node && this.body.insertBefore(node, this.body.children[i] ?? null),
    );
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

  /** What a column is, under its head: for the pointer and for the keyboard. */
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

  heading({ key, label, align, title }) {
    const isSorted = this.sorted.key === key;
    const sign = isSorted ? (this.sorted.down ? " ↓" : " ↑") : "";
    return h(
      "th",
      {
        scope: "col",
        class: `rv-${align ?? "left"}`,
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
          onpointerenter: (event) => this.tell(event.target, title),
          onpointerleave: () => this.tell(),
          onfocus: (event) => this.tell(event.target, title),
          onblur: () => this.tell(),
          onkeydown: (event) => event.key === "Escape" && this.tell(),
        },
        label.replaceAll(" %", "\u00a0%") + sign,
      ),
    );
  }

  /** Downwards, upwards, as it came. */
  sort(key) {
    if (this.sorted.key !== key) this.sorted = { key, down: true };
    else if (this.sorted.down) this.sorted = { key, down: false };
    else this.sorted = { key: null, down: true };
    this.render(this.latest);
  }

  order(rows) {
    const { key, down } = this.sorted;
    if (key === null) return rows;
    const sign = down ? -1 : 1;
    const worth = new Map(rows.map((row) => [row, row.sort?.[key] ?? numberIn(row.cells[key])]));
    const text = (row) => String(row.cells[key] ?? "");
    // What has no number stands last either way, unless no row has one.
    return [...rows].sort((a, b) => {
      const [x, y] = [worth.get(a), worth.get(b)];
      if (x === null && y === null) return sign * text(a).localeCompare(text(b));
      if (x === null || y === null) return x === null ? 1 : -1;
      return sign * (x - y);
    });
  }

  row(row, columns) {
    const key = row.run ?? row.group;
    let node = this.nodes.get(key);
    if (!node) {
      node = h(
        "tr",
        { "data-key": key, onpointerenter: () => this.onKey(key), onpointerleave: () => this.onKey(null) },
        ...columns.map((column, k) =>
          h(k ? "td" : "th", {
            scope: k ? null : "row",
            class: `rv-${column.align ?? "left"}`,
            "data-column": column.key,
          }),
        ),
      );
      // On a narrow screen the second column's words stand under the first's.
      node.firstChild?.append(
        h("div", { class: "rv-named" }, h("i", { class: "rv-swatch" }), h("span")),
        h("div", { class: "rv-under" }),
      );
      this.nodes.set(key, node);
    }
    columns.forEach((column, k) =>
      setText(k ? node.children[k] : node.querySelector(".rv-named span"), row.cells[column.key] ?? ""),
    );
    setText(node.querySelector(".rv-under"), row.cells.detail ?? "");
    if (node.firstChild) paintSwatch(node.querySelector(".rv-swatch"), row);
    return node;
  }

  highlight(key, group) {
    for (const [own, node] of this.nodes)
      node.classList.toggle("rv-lit", Boolean(key) && (own === key || own === group));
  }
}
