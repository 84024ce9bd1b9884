// Written by `python -m scripts.map_constants` from Outcome and studies/map_colours.py; not by hand.

export const LISTED = 200;
export const LEVELS = 256;
export const FIRST_HUE = 255;
export const GOLDEN = 137.50776;
export const FAST = 0.84;
export const SLOW = 0.4;
export const CHROMA = 0.125;
export const OTHER_CHROMA = 0.035;
export const OTHER_HUE = 85;
export const SAMPLE = 4000;
export const STRIPE = 3;
export const RAMP = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
export const GREY = [142, 142, 146];
export const HATCH = [
  [60, 60, 60],
  [225, 225, 225],
];
export const OUTCOMES = [
  { words: "diverged", colour: "#3c3c3c" },
  { words: "left the surface’s window", colour: "#b5483a" },
  { words: "reached a minimum", colour: "#2f7ed8" },
  { words: "in a local minimum", colour: "#7fb2e5" },
  { words: "at a saddle", colour: "#e8871e" },
  { words: "cycles", colour: "#8b5fd0" },
  { words: "at rest, no minimum", colour: "#c8407b" },
  { words: "not converged", colour: "#8e8e92" },
  { words: "ended by itself, no minimum", colour: "#6b8e23" },
];
export const DIVERGED = 0;
export const LEFT_WINDOW = 1;
export const CONVERGED = 2;
export const LOCAL_MINIMUM = 3;
export const AT_SADDLE = 4;
export const CYCLING = 5;
export const AT_REST = 6;
export const STILL_MOVING = 7;
export const ENDED = 8;
