// Small pictures of the rules' paths on the ravine, whose contour is drawn once for all.

import { svg } from "../shared/dom.js";

/** @import { CatalogueList, Rule } from "../shared/messages.js" */

const SIDE = 1000; // in its own units

/** @param {CatalogueList["contour"]} contour */
export function ground(contour) {
  const rings = contour.map(([rx, ry]) => svg("ellipse", { cx: SIDE / 2, cy: SIDE / 2, rx, ry }));
  const symbol = svg(
    "symbol",
    { id: "rv-ravine", viewBox: `0 0 ${SIDE} ${SIDE}` },
    svg("g", { class: "rv-rings" }, ...rings),
  );
  return svg("svg", { width: 0, height: 0 }, symbol);
}

/**
 * A rule's path from its start to where it ended.
 * @param {Rule} rule
 * @param {string} colour
 * @param {string} className
 */
export function thumbnail(rule, colour, className) {
  const points = rule.path
    .slice(1)
    .split("L")
    .map((point) => point.split(" "));
  const [[left, top], [x, y]] = [points[0], points[points.length - 1]];
  return svg(
    "svg",
    {
      viewBox: `0 0 ${SIDE} ${SIDE}`,
      class: className,
      role: "img",
      "aria-label": `Path on the ravine: ${rule.words || "not drawn yet"}`,
    },
    svg("use", { href: "#rv-ravine" }),
    rule.cloud ? svg("path", { d: rule.cloud, class: "rv-cloud", stroke: colour }) : null,
    svg("path", { d: `M${SIDE / 2 - 22} ${SIDE / 2}h44M${SIDE / 2} ${SIDE / 2 - 22}v44`, class: "rv-goal" }),
    rule.path ? svg("path", { d: rule.path, class: "rv-way-halo" }) : null,
    rule.path ? svg("path", { d: rule.path, class: "rv-way", stroke: colour }) : null,
    rule.path ? svg("circle", { cx: left, cy: top, r: 26, class: "rv-way-start" }) : null,
    rule.path ? svg("circle", { cx: x, cy: y, r: 30, fill: colour, class: "rv-way-end" }) : null,
    rule.path || !rule.words
      ? null
      : svg("text", { x: SIDE / 2, y: SIDE / 2, class: "rv-no-way", "text-anchor": "middle" }, "no path"),
  );
}
