// Shapes that the modules of the maps share.

import type { BasinArrays, BasinMap, PlaneArrays, PlaneMap, Spot, Window } from "../shared/messages.js";
import type { Place, Theme } from "../shared/types.js";
import type { ColourScale } from "./map_colours.js";

/** An array of a plane by its name. */
export type Shade = Exclude<keyof PlaneArrays, "content">;

interface Common {
  theme: Theme;
  steps: number;
  minima: Spot[];
  lowest: number[];
  saddles: Spot[];
}

/** Where starts lead, seen through a window of its own. */
export type Basins = { kind: "basins"; entry: BasinMap; arrays: BasinArrays };
export type BasinScene = Common & { view: Window };

/** What hyperparameters lead to. */
export type Plane = { kind: "plane"; entry: PlaneMap; arrays: PlaneArrays };
export type PlaneScene = Common & { view: null; scale: ColourScale | null; colour: Shade };

export type Shown = (Basins & { scene: BasinScene }) | (Plane & { scene: PlaneScene });

/** The pixels that a map covers. */
export type Plot = { left: number; top: number; width: number; height: number };

/** A cell's index in the arrays, and the values in its middle. */
export type Cell = { index: number; x: number; y: number };

/** What a map tells of the hand; places are shares of the plot. */
export interface Hand {
  hover(place: Place | null): void;
  open(place: Place): void;
  move(view: Window | null, final: boolean): void;
  whole(): void;
}

/** A map as the hand on it knows it. */
export interface Handled {
  frame: HTMLElement;
  plot: Plot;
  shown: Shown | null;
  place: Place | null;
}
