// What the browser makes of the inputs of a message: read from a file, packed by Python, and written as JSON for Python.

import { readFileSync } from "node:fs";
import { heightScale } from "../../static/plane/heights.js";
import { unpack } from "../../static/shared/bytes.js";
import { roundTicks } from "../../static/shared/dom.js";
import { heightColours } from "../../static/shared/theme.js";

const { heights, axes, packed } = unpack(new Uint8Array(readFileSync(process.argv[2]))).message;

/** A message as JSON: an array with its kind, so that it is told from a list. */
function described(value) {
  if (ArrayBuffer.isView(value)) return { kind: value.constructor.name, values: Array.from(value, String) };
  if (Array.isArray(value)) return value.map(described);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, described(part)]));
}

process.stdout.write(
  JSON.stringify({
    heights: heights.map(({ z, logarithmic, lowest, at }) => {
      const { bottom, top, step, levels, labels, shown } = heightScale(z, logarithmic, lowest);
      return { bottom, top, step, levels, labels, shown: at.map(shown) };
    }),
    ticks: axes.map(([low, high, count]) => roundTicks(low, high, count)),
    colours: { light: heightColours(false), dark: heightColours(true) },
    packed: described(packed),
  }),
);
