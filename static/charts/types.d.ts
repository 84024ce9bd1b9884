// Shapes that the modules of the charts share.

import type { Context, Numbers, Place, Scale, Theme, TickKind } from "../shared/types.js";

/** What a chart's values are. */
export type Kind = "loss" | "accuracy" | "number";

/** A curve: `finite` of its `count` points come before the first that is no number. */
export interface Curve {
  key: string;
  group: string;
  label: string;
  colour: string;
  dash?: string;
  count: number;
  finite: number;
  /** That it was made of. */
  points: number;
  x: Numbers;
  line: Numbers;
  /** What `line` is the average of. */
  raw?: Numbers | null;
  /** A band's foot, */
  low?: Numbers | null;
  /** its top, */
  high?: Numbers | null;
  /** and of how many it is, point by point. */
  n?: Numbers | null;
  seeds?: number;
  steps?: Numbers;
  /** Steps of an epoch. */
  each?: number;
  perEpoch?: boolean;
  validation?: boolean;
  /** It diverged after its last point. */
  ended?: boolean;
  /** Its averages are of logarithms. */
  factor?: boolean;
  /** Tells pieces of one curve apart. */
  part?: number;
  /** Crosses alone, each for runs that diverged. */
  crossed?: boolean;
}

/** `full`: it shows everything. */
export interface Axis {
  low: number;
  high: number;
  log: boolean;
  kind: TickKind;
  label: string;
  full: boolean;
}

/** What is to be drawn. */
export interface Scene<C extends Curve = Curve> {
  curves: C[];
  x: Axis;
  logY: boolean;
  theme: Theme;
  width: number;
  height: number;
}

/** The first `n` of these: points in pixels across, as they are up. */
export interface Points {
  n: number;
  px: Float64Array;
  y: Float64Array;
}

/** What is left of the points that share a column: see `reduce`. */
export type Reduction = "both" | "low" | "high" | "mean" | "factor";

/** What the pixels are, before it is known what the curves span. */
export interface Ground {
  inner: { left: number; top: number; width: number; height: number };
  right: number;
  bottom: number;
  xScale: Scale;
  columns: number;
  edges: Float64Array;
  ratio: number;
  stride: number;
}

export interface Plot extends Ground {
  yScale: Scale;
}

/** A curve's points `from`..`to`, which are those in the window. */
export interface Part<C extends Curve = Curve> {
  curve: C;
  from: number;
  to: number;
  line: Points;
  raw: Points | null;
  band: [Points, Points] | null;
}

/** A recorded point of a curve. */
export interface Recorded<C extends Curve = Curve> {
  curve: C;
  at: number;
}

/** What the vertical axis spans, and how many curves leave it above. */
export interface Range {
  low: number;
  high: number;
  cut: number;
}

/** What a kind of chart does its own way. */
export interface Look<C extends Curve = Curve, S extends Scene<C> = Scene<C>> {
  range(parts: Part<C>[], log: boolean, scene: S, kind: Kind): Range;
  /** Paints a curve's line, so wide where that is said. */
  line(context: Context, part: Part<C>, plot: Plot, corners: number, width?: number): void;
  /** Paints above the curves, and */
  above?(context: Context, plot: Plot, scene: S): void;
  /** above what follows the pointer. */
  over?(context: Context, plot: Plot, scene: S): void;
}

/** A chart as the hand in it knows it. */
export interface Handled {
  frame: HTMLElement;
  plot: Plot | null;
  scene: { x: Axis } | null;
  /** Where a vertical line stands. */
  pointed: number | null;
  onZoom(zoom: Place | null): void;
  /** Shows what is under the pointer, at a pixel of the frame. */
  hover(px: number, py: number, event: MouseEvent): void;
  /** Shows what is at a pixel across, whatever its height. */
  pointAt(px: number): void;
  leave(): void;
  hideTip(): void;
  drawOver(): void;
}
