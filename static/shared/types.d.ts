// Shapes that several of the browser's modules share, beside the messages.

import type { Action, Controls, Mark, Values } from "./messages.js";

/** What Streamlit gives a component. */
export interface StreamlitComponent<Data = Uint8Array> {
  data: Data;
  parentElement: HTMLElement;
  setStateValue(name: "change", change: object): void;
}

/** What is added to the change that waits for the server. */
export interface Announcement {
  set?: Record<string, unknown>;
  action?: Action | null;
  final?: boolean;
  need?: boolean;
}

/** The server's word on the controls, for those who show them. */
export interface ControlsNews {
  values: Values;
  problems: Record<string, string>;
  marks?: Record<string, Mark>;
  titles?: Record<number, string>;
}

declare global {
  interface WindowEventMap {
    "ravine:set": CustomEvent<Announcement>;
    "ravine:values": CustomEvent<ControlsNews>;
    "ravine:controls": CustomEvent<Controls>;
  }
  interface HTMLElement {
    /** The component of which this is the root: for tests and for whoever looks in the browser's own tools. */
    ravine?: object;
  }
  interface Window {
    Plotly?: Plotly;
  }
}

/** What a canvas is drawn into that is not taken away: no browser refuses the first. */
export type Context = CanvasRenderingContext2D;

export type Numbers = ArrayLike<number>;
export type TypedNumbers = Float64Array | Float32Array | Int32Array | Uint16Array | Uint8Array;
export type Place = [number, number];
export type Box = { left: number; right: number; top: number; bottom: number };

/** A line's looks. */
export interface Swatch {
  colour?: string | null;
  dash?: string;
}

/** What the pictures need of the theme. */
export interface Theme {
  signature: string;
  dark: boolean;
  background: string;
  text: string;
  font: string;
  mix(share: number): string;
  scale: [number, string][];
  strong: [number, string][];
  line: string;
}

/** From data to pixels, px = ax + bx * x and py = ay + by * y, and the plot area. */
export interface Mapping {
  ax: number;
  bx: number;
  ay: number;
  by: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Heights over a plane, row by row; what names them. */
export interface Heights {
  content: string;
  x: Float32Array;
  y: Float32Array;
  z: Float32Array;
}

/** From values to pixels and back. */
export interface Scale {
  low: number;
  high: number;
  log: boolean;
  px(value: number): number;
  value(px: number): number;
  offset: number;
  factor: number;
}

export type TickKind = "number" | "fraction" | "count" | "seconds";

type Plain = string | number | boolean | null | undefined;
type Listeners<Map> = { [K in keyof Map as K extends string ? `on${K}` : never]?: (event: Map[K]) => unknown };

/** Attributes of an element; those that start with "on" are listeners. */
export interface Attributes extends Listeners<HTMLElementEventMap> {
  [name: string]: Plain | ((event: never) => unknown);
}

export type Child = Node | string | null | undefined;

/** Plotly's graph: of its private parts those that no public call gives. */
export interface PlotlyGraph extends HTMLDivElement {
  on?(name: string, listener: () => void): void;
  data?: object[];
  layout?: Record<string, unknown>;
  _fullLayout?: {
    xaxis?: PlotlyAxis;
    yaxis?: PlotlyAxis;
    scene?: PlotlyScene;
    _subplots?: { gl3d?: string[] };
  } & Record<string, unknown>;
}

export interface PlotlyAxis {
  _length: number;
  _offset: number;
  range: [number, number];
}

export interface PlotlyScene {
  _scene?: { glplot?: object; getCamera(): object };
}

/** As much of Plotly as is used. */
export interface Plotly {
  react(graph: PlotlyGraph, data: object[], layout: object, config: object): Promise<PlotlyGraph>;
  relayout(graph: PlotlyGraph, update: object): Promise<PlotlyGraph>;
  purge(graph: PlotlyGraph): void;
  toImage(figure: object, options: object): Promise<string>;
}
