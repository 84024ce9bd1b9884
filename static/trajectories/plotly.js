// Plotly's script, loaded once for all pictures.

import { h } from "../shared/dom.js";

/** @import { Plotly } from "../shared/types.js" */

/** @type {Promise<Plotly> | null} */
let plotly = null;

/** @returns {Promise<Plotly>} */
export function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = h("script", { src: new URL("../plotly.min.js", import.meta.url).href });
    const fail = () => {
      script.remove();
      plotly = null;
      reject(new Error("plotly.min.js did not load"));
    };
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : fail());
    script.onerror = fail;
    document.head.append(script);
  });
  return plotly;
}
