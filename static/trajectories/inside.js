// What the chosen optimizer remembers: a small chart for each of its state variables, with the step marked.

import { Curves } from "../charts/curves.js";
import { h, setText } from "../shared/dom.js";

/** @import { Inside as Remembered, Run } from "../shared/messages.js" */
/** @import { Curved } from "../charts/curves.js" */
/** @typedef {Curved & {values: Float32Array}} Part a number of a state variable at all steps */

const HEIGHT = 150;
const NARROWEST = 260;
const DASHES = ["", "5 3", "2 3", "8 3 2 3"];

export class Inside {
  /**
   * @param {object} hand
   * @param {(step: number, final: boolean) => void} hand.onStep chooses a step
   * @param {(id: number | null) => void} hand.onChoice an optimizer, null for none
   */
  constructor({ onStep, onChoice }) {
    this.onStep = onStep;
    this.step = 0;
    this.options = "";
    /** @type {Map<string, Curves<Part>>} */
    this.charts = new Map();
    /** @type {Map<string, boolean>} */
    this.logs = new Map(); // which variables stand on a logarithmic axis
    /** @type {HTMLSelectElement} */
    this.select = h("select", {
      class: "rv-select",
      "aria-label": "Look inside",
      "data-testid": "inside-choice",
      onchange: () => onChoice(this.select.value === "" ? null : Number(this.select.value)),
    });
    this.note = h("p", { class: "rv-caption", hidden: true });
    this.grid = h("div", { class: "rv-inside-charts" });
    this.equationTitle = h("p", { class: "rv-caption" });
    this.rows = h("tbody");
    const heads = ["", "the rule’s own code", "with the numbers of this step (of x)", "x", "y"];
    this.equationFrame = h(
      "div",
      { class: "rv-table-frame" },
      h(
        "table",
        { class: "rv-table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...heads.map((text, k) => h("th", { scope: "col", class: k > 2 ? "rv-right" : "rv-left" }, text)),
          ),
        ),
        this.rows,
      ),
    );
    this.equation = h(
      "div",
      { class: "rv-equation", "data-testid": "equation", hidden: true },
      this.equationTitle,
      this.equationFrame,
    );
    this.node = h(
      "section",
      { class: "rv-inside", "data-testid": "inside", "aria-label": "Inside an optimizer" },
      h("div", { class: "rv-inside-head" }, h("h4", { class: "rv-chart-title" }, "Look inside"), this.select),
      this.note,
      this.grid,
      this.equation,
    );
  }

  /**
   * @param {Run[]} runs
   * @param {Remembered | null} inside
   * @param {number | null} chosen the optimizer wanted
   * @param {number} steps
   * @param {number} width
   */
  draw(runs, inside, chosen, steps, width) {
    this.node.hidden = !runs.length;
    this.drawChoice(runs, chosen);
    const shown = inside && inside.id === chosen ? inside : null;
    const pairs = shown?.fields.some((field) => field.parts.length === 2);
    const arrows = "The dark arrow points down the gradient, the coloured one is the next step.";
    const nothing = `${shown?.title} remembers nothing from one step to the next that could be drawn.`;
    setText(
      this.note,
      !shown
        ? ""
        : !shown.fields.length
          ? `${nothing} ${arrows}`
          : `${arrows} Its state at every step${pairs ? "; of vectors x is solid, y dashed" : ""}${shown.more ? `; ${shown.more} more variables are not drawn` : ""}.`,
    );
    this.note.hidden = !this.note.textContent;
    const { fields, colour } = shown ?? { fields: [], colour: "" };
    const kept = new Set(fields.map((field) => field.name));
    for (const [name, chart] of this.charts) {
      if (kept.has(name)) continue;
      chart.node.remove();
      this.charts.delete(name);
    }
    this.drawEquation(shown);
    const columns = Math.max(1, Math.min(fields.length, Math.floor((width + 16) / (NARROWEST + 16))));
    const each = Math.floor((width - 16 * (columns - 1)) / columns);
    for (const field of fields) {
      let chart = this.charts.get(field.name);
      if (!chart) {
        /** @type {Curves<Part>} */
        const made = new Curves({
          name: `inside-${field.name.replaceAll(" ", "-")}`,
          title: field.name,
          values: (part) => part.values,
          onStep: this.onStep,
          onLog: (log) => {
            this.logs.set(field.name, log);
            made.draw(made.runs, made.steps, log, 0);
            made.setStep(this.step);
          },
        });
        chart = made;
        this.charts.set(field.name, chart);
        this.grid.append(chart.node);
      }
      const lines = field.parts.map((values, k) => ({
        id: k,
        name: field.names[k] || field.name,
        colour,
        dash: DASHES[k],
        values,
      }));
      chart.resize(each, HEIGHT);
      chart.draw(lines, steps, this.logs.get(field.name) ?? false, 0);
    }
  }

  /**
   * The update that led to the step shown, line by line.
   * @param {Remembered | null} shown
   */
  drawEquation(shown) {
    const lines = shown?.equation ?? [];
    this.equation.hidden = !lines.length && !shown?.equation_note;
    this.equationFrame.hidden = !lines.length;
    if (!shown || !lines.length) {
      setText(this.equationTitle, shown?.equation_note ?? "");
      return;
    }
    setText(this.equationTitle, `What made step ${shown.step} of ${shown.title}:`);
    while (this.rows.children.length > lines.length) this.rows.lastChild?.remove();
    lines.forEach((line, i) => {
      let row = this.rows.children[i];
      if (!row) {
        row = h(
          "tr",
          {},
          ...line.map((_, k) => h(k ? "td" : "th", { scope: k ? null : "row", class: k > 2 ? "rv-right" : "rv-left" })),
        );
        this.rows.append(row);
      }
      line.forEach((text, k) => setText(row.children[k], text ?? ""));
    });
  }

  /** @param {Run[]} runs @param {number | null} chosen */
  drawChoice(runs, chosen) {
    const options = [["", "nothing"], ...runs.map((run) => [String(run.id), run.name])];
    const key = JSON.stringify(options);
    if (key !== this.options) {
      this.options = key;
      this.select.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
    }
    this.select.value = chosen === null ? "" : String(chosen);
  }

  /** @param {number} step */
  setStep(step) {
    this.step = step;
    for (const chart of this.charts.values()) chart.setStep(step);
  }
}
