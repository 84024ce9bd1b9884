// Rules on an axis of years: a dot for each, those of a year above each other. Years without rules take little room.

import { h, setText, svg } from "../shared/dom.js";

/** @import { Family, Rule } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

const [PAD, PITCH, RADIUS, LABEL] = [20, 11, 4.2, 34];
const [ABOVE, BELOW] = [20, 22]; // room for a chosen dot's ring, and for the years
const NARROWEST = 15; // pixels between one year and the next; what does not fit scrolls

/**
 * Where each year stands, in units: one year is one, longer gaps grow with their logarithm.
 * @param {number[]} years
 */
export function places(years) {
  let at = 0;
  /** @type {Map<number, number>} */
  const found = new Map();
  years.forEach((year, i) => {
    if (i) at += 1 + 0.55 * Math.log2(year - years[i - 1]);
    found.set(year, at);
  });
  return found;
}

export class Timeline {
  /**
   * @param {object} hand
   * @param {(event: MouseEvent, name: string) => void} hand.open
   * @param {(name: string) => string} hand.address where a rule is found
   */
  constructor({ open, address }) {
    this.open = open;
    this.address = address;
    this.width = this.under = 0;
    /** @type {Map<string, Family>} */
    this.colours = new Map();
    /** @type {Map<string, Rule>} */
    this.byName = new Map();
    /** @type {Map<string, Place>} */
    this.at = new Map();
    /** @type {SVGGElement | null} */
    this.arcs = null;
    /** @type {Set<string> | null} */
    this.seen = null;
    this.tip = h("div", { class: "rv-tip", hidden: true, "aria-hidden": "true" });
    this.frame = h("div", { class: "rv-timeline-frame" });
    this.node = h(
      "nav",
      { class: "rv-timeline", "aria-label": "Rules by year", "data-testid": "timeline" },
      this.frame,
      this.tip,
    );
    /** @type {Rule[]} */
    this.rules = [];
    /** @type {Map<string, SVGAElement>} */
    this.dots = new Map();
    /** @type {string | null} */
    this.chosen = null;
  }

  /**
   * The rules, in the order of their years.
   * @param {Rule[]} rules
   * @param {Map<string, Family>} colours by family
   */
  take(rules, colours) {
    this.rules = rules;
    this.colours = colours;
    this.byName = new Map(rules.map((rule) => [rule.name, rule]));
    this.width = 0;
  }

  /** @param {number} available */
  draw(available) {
    if (!this.rules.length || available === this.width) return;
    const first = !this.width;
    this.width = available;
    const years = [...new Set(this.rules.map(({ year }) => year))];
    const units = places(years);
    const last = units.get(years[years.length - 1]) || 1;
    const width = Math.max(available, last * NARROWEST + 2 * PAD);
    /** @param {number} year */
    const x = (year) => PAD + ((units.get(year) ?? 0) / last) * (width - 2 * PAD);
    const stacks = new Map();
    const tallest = Math.max(...years.map((year) => this.rules.filter((rule) => rule.year === year).length));
    const base = ABOVE + tallest * PITCH;
    this.dots.clear();
    this.at = new Map();
    this.arcs = svg("g", { class: "rv-arcs", "aria-hidden": "true" });
    const axis = svg("g", { class: "rv-year-axis", "aria-hidden": "true" });
    years.forEach((year, i) => {
      if (i) {
        const close = year - years[i - 1] === 1;
        axis.append(
          svg("line", {
            x1: x(years[i - 1]),
            x2: x(year),
            y1: base,
            y2: base,
            "stroke-dasharray": close ? null : "2 4",
          }),
        );
      }
      axis.append(svg("line", { x1: x(year), x2: x(year), y1: base, y2: base + 4 }));
    });
    let free = Infinity;
    for (const year of [...years].reverse()) {
      if (x(year) > free - LABEL) continue;
      free = x(year);
      axis.append(svg("text", { x: x(year), y: base + 16, "text-anchor": "middle" }, String(year)));
    }
    const dots = this.rules.map((rule, i) => {
      const height = (stacks.get(rule.year) ?? 0) + 1;
      stacks.set(rule.year, height);
      const [cx, cy] = [x(rule.year), base - height * PITCH + PITCH / 2 - 1];
      this.at.set(rule.name, [cx, cy]);
      const { colour, hollow } = this.colours.get(rule.family) ?? { colour: "none", hollow: false };
      const dot = svg(
        "a",
        {
          href: this.address(rule.name),
          class: "rv-dot-link",
          "data-rule": rule.name,
          tabindex: i ? -1 : 0,
          "aria-label": `${rule.title}, ${rule.year}, ${rule.family}`,
          onclick: (event) => this.open(event, rule.name),
          onkeydown: (event) => this.key(event, rule.name),
          onmouseenter: () => this.point(rule.name),
          onmouseleave: () => this.point(null),
          onfocus: () => this.point(rule.name),
          onblur: () => this.point(null),
        },
        svg("rect", { x: cx - 7, y: cy - PITCH / 2, width: 14, height: PITCH, class: "rv-dot-reach" }),
        svg("circle", {
          cx,
          cy,
          r: RADIUS,
          fill: hollow ? "var(--rv-page)" : colour,
          stroke: colour,
          "stroke-width": hollow ? 2 : 1,
        }),
      );
      this.dots.set(rule.name, dot);
      return dot;
    });
    const picture = svg("svg", { width, height: base + BELOW, class: "rv-timeline-picture" }, axis, this.arcs, ...dots);
    this.frame.replaceChildren(picture);
    this.under = base + BELOW;
    if (first) this.frame.scrollLeft = width; // most rules are young
    this.show(this.seen ?? new Set(this.dots.keys()), this.chosen);
  }

  /**
   * Fades what is filtered out and marks the chosen rule.
   * @param {Set<string>} seen
   * @param {string | null} chosen
   */
  show(seen, chosen) {
    const opened = chosen !== this.chosen || !this.seen;
    this.seen = seen;
    this.chosen = chosen;
    for (const [name, dot] of this.dots) {
      dot.classList.toggle("rv-faded", !seen.has(name));
      dot.classList.toggle("rv-chosen", name === chosen);
      if (name === chosen) dot.setAttribute("aria-current", "true");
      else dot.removeAttribute("aria-current");
    }
    const place = chosen ? this.at.get(chosen) : null;
    if (chosen && place) {
      this.carry(chosen);
      if (opened) this.frame.scrollLeft = place[0] - this.frame.clientWidth / 2;
    }
    this.relate(chosen);
  }

  /**
   * Arcs to the parents of a rule, and from it to its children.
   * @param {string | null} name
   */
  relate(name) {
    if (!this.arcs) return;
    const rule = this.byName.get(name ?? "");
    /** @param {string} from @param {string} to @param {string} kind */
    const arc = (from, to, kind) => {
      const [start, end] = [this.at.get(from), this.at.get(to)];
      if (!start || !end) return "";
      const [[x1, y1], [x2, y2]] = [start, end];
      const bend = Math.max(4, Math.min(y1, y2) - 12 - Math.abs(x2 - x1) * 0.05);
      return svg("path", { d: `M${x1} ${y1}Q${(x1 + x2) / 2} ${bend} ${x2} ${y2}`, class: kind });
    };
    this.arcs.replaceChildren(
      ...(rule
        ? [
            ...rule.children.map((child) => arc(rule.name, child, "rv-arc-child")),
            ...rule.parents.map((parent) => arc(parent, rule.name, "rv-arc-parent")),
          ]
        : []),
    );
  }

  /**
   * Says what a dot is; with null it is no longer pointed at.
   * @param {string | null} name
   */
  point(name) {
    this.relate(name ?? this.chosen);
    const rule = this.byName.get(name ?? "");
    const place = this.at.get(name ?? "");
    this.tip.hidden = !rule;
    if (!rule || !place) return;
    /** @param {string} className */
    const line = (className) => h("span", { class: className });
    const [title, when, change] = [line("rv-tip-title"), line("rv-tip-when"), line("rv-tip-change")];
    setText(title, rule.title);
    setText(when, `${rule.year}, ${rule.family}`);
    setText(change, rule.change.map((part) => (typeof part === "string" ? part : part[1])).join(""));
    this.tip.replaceChildren(title, when, change);
    const left = place[0] - this.frame.scrollLeft;
    const width = this.tip.offsetWidth;
    this.tip.style.transform = `translate(${Math.max(0, Math.min(this.node.clientWidth - width, left - width / 2))}px, ${this.under}px)`;
  }

  /**
   * The one dot that the tab key reaches.
   * @param {string} name
   */
  carry(name) {
    for (const [other, dot] of this.dots) dot.setAttribute("tabindex", other === name ? "0" : "-1");
  }

  /** @param {KeyboardEvent} event @param {string} name */
  key(event, name) {
    const names = this.rules.filter((rule) => this.seen?.has(rule.name)).map((rule) => rule.name);
    /** @type {Record<string, number>} */
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    const to =
      event.key === "Home"
        ? names[0]
        : event.key === "End"
          ? names.at(-1)
          : steps[event.key]
            ? names[names.indexOf(name) + steps[event.key]]
            : undefined;
    if (to === undefined) return;
    event.preventDefault();
    this.carry(to);
    this.dots.get(to)?.focus();
    this.dots.get(to)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
