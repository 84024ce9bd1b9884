// A table with a row for each run, its line's sample before its name.

import { h, paintSwatch, setText } from "./dom.js";

/** @import { Swatch } from "./types.js" */
/** @typedef {{label: string, title: string, align: string}} Column */
/** @typedef {Swatch & {cells: string[], title?: string}} Row */

export class RunTable {
  constructor() {
    this.columns = "";
    this.head = h("tr");
    this.body = h("tbody");
    this.table = h("table", { class: "rv-table", "data-testid": "table" }, h("thead", {}, this.head), this.body);
    this.node = h("div", { class: "rv-table-frame" }, this.table);
  }

  /** @param {Column[]} columns @param {Row[]} rows */
  render(columns, rows) {
    const head = JSON.stringify(columns);
    if (head !== this.columns) {
      this.columns = head;
      this.head.replaceChildren(
        ...columns.map(({ label, title, align }) =>
          h("th", { scope: "col", title: title || null, class: `rv-${align}` }, label),
        ),
      );
      this.body.replaceChildren();
    }
    this.table.hidden = !columns.length;
    while (this.body.rows.length > rows.length) this.body.lastChild?.remove();
    rows.forEach((row, i) => {
      let node = this.body.rows[i];
      if (!node) {
        node = h(
          "tr",
          {},
          ...columns.map(({ align }, k) => h(k ? "td" : "th", { scope: k ? null : "row", class: `rv-${align}` })),
        );
        node.cells[0].append(h("i", { class: "rv-swatch" }), h("span"));
        this.body.append(node);
      }
      const [first, ...others] = node.cells;
      const [swatch, name] = first.children;
      if (row.title !== undefined) node.title = row.title;
      paintSwatch(/** @type {HTMLElement} */ (swatch), row);
      row.cells.forEach((cell, k) => setText(k ? others[k - 1] : name, cell));
    });
  }
}
