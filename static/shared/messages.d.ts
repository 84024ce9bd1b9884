// Written by `python -m scripts.message_types` from views/shared/messages.py; not by hand.

export type F4 = Float32Array;

export type F8 = Float64Array;

export type I4 = Int32Array;

export type U2 = Uint16Array;

export type U1 = Uint8Array;

export type Pair = [number, number];

export type Spot = [number, number, number];

export type Window = [number, number, number, number];

export type MaybeFinite = number | null;

export type Values = Record<string, number | boolean>;

export type Problems = Record<string, string>;

export interface Sent {
  seq: number;
  stamp: number;
}

export interface Remove {
  remove: number;
}

export interface Duplicate {
  duplicate: number;
}

export interface Help {
  help: number;
}

export interface Show {
  show: string;
}

export interface Story {
  story: string;
}

export interface Refine {
  refine: true;
}

export interface Open {
  open: [number, number] | null;
}

export interface Stop {
  stop: string;
}

export interface Resume {
  resume: string;
}

export interface Anew {
  anew: string;
}

export interface Delete {
  delete: string;
}

export interface Rename {
  rename: [string, string];
}

export type CardAction = Remove | Duplicate | Help;

export type RunAction = Stop | Resume | Anew | Delete | Rename;

export type Action = Remove | Duplicate | Help | Stop | Resume | Anew | Delete | Rename | Show | Story | Refine | Open;

export interface Change {
  seq: number;
  set: Record<string, unknown>;
  actions: Array<Remove | Duplicate | Help | Stop | Resume | Anew | Delete | Rename | Show | Story | Refine | Open>;
  final: boolean;
  need?: boolean;
}

export interface SaidChange {
  seq: number;
  set: Record<string, unknown>;
  actions: Array<Remove | Duplicate | Help | Stop | Resume | Anew | Delete | Rename | Show | Story | Refine | Open>;
  final: boolean;
  need?: boolean;
  have: Array<string>;
}

export interface CatalogueChange {
  seq: number;
  set: Record<string, unknown>;
  actions: Array<Remove | Duplicate | Help | Stop | Resume | Anew | Delete | Rename | Show | Story | Refine | Open>;
  final: boolean;
  need?: boolean;
  have: string;
}

export interface FormulaSet {
  text: string;
  window: Array<number | string>;
}

export interface FormulaChange {
  seq: number;
  set: FormulaSet;
  actions: never[];
  final: boolean;
}

export interface Field {
  path: string;
  label: string;
  symbol: string;
  kind: "slider" | "integer" | "switch";
  low: number;
  high: number;
  log: boolean;
  value: number;
  title: string;
}

export interface Group {
  title: string | null;
  fields: Array<Field>;
}

export interface Card {
  id: number;
  title: string;
  colour: string;
  dash: string;
  on: boolean;
  fields: Array<Field>;
  base?: string;
  bases?: Array<[string, string]>;
}

export interface Mark {
  value: number;
  title: string;
}

export interface Controls {
  name: string;
  groups: Array<Group>;
  cards: Array<Card>;
  problems: Record<string, string>;
  empty: string;
  marks?: Record<string, Mark>;
}

export interface Surface {
  name: string;
  window: [number, number, number, number];
  log_heights: boolean;
  minima: Array<[number, number, number]>;
  saddles: Array<[number, number, number]>;
  f_star: number | null;
}

export interface Grid {
  content: string;
  x: Float32Array;
  y: Float32Array;
  z: Float32Array;
}

export interface Herd {
  content: string;
  path: Float32Array;
  points: number;
  every: number;
  last: number;
}

export interface Run {
  id: number;
  name: string;
  colour: string;
  dash: string;
  content: string;
  path: Float32Array;
  loss: Float64Array;
  distance: Float32Array | null;
  slope?: Float32Array;
  look?: Float32Array;
  cloud?: Float32Array;
  cloud_step?: Int32Array;
  herd?: Herd;
  kept?: boolean;
  of?: number;
  elsewhere?: boolean;
}

export interface Column {
  label: string;
  title: string;
  align: "left" | "right";
}

export interface RunRow {
  id: number;
  cells: Array<string>;
}

export interface RunTable {
  columns: Array<Column>;
  rows: Array<RunRow>;
}

export interface Reference {
  id: number;
  name: string;
  path: Float32Array;
  each: number;
}

export interface StateVariable {
  name: string;
  parts: Array<Float32Array>;
  names: Array<string>;
}

export interface Inside {
  id: number;
  title: string;
  colour: string;
  gradient: Float32Array;
  fields: Array<StateVariable>;
  more: number;
  equation: Array<Array<string | null>>;
  step: number;
  equation_note: string;
}

export interface Told {
  title: string;
  text: string;
  task: string;
  before: string | null;
  after: string | null;
}

export interface PictureView {
  layout: "both" | "contour" | "surface" | "panels";
  heights: "auto" | "linear" | "log";
  aspect: "free" | "equal";
  relief: "surface" | "points" | "lines";
  labels: boolean;
  trail: number | null;
  projector: boolean;
  log_loss: boolean;
  log_distance: boolean;
  step: number | null;
  inside: number | null;
}

export interface PictureMessage {
  surface: Surface;
  grid: Grid;
  runs: Array<Run>;
  table: RunTable;
  references: Array<Reference>;
  start: [number, number];
  steps: number;
  view: PictureView;
  titles: Record<number, string>;
  query: string;
  caption: string;
  alt: string;
  story: Told | null;
  inside: Inside | null;
  values: Record<string, number | boolean>;
  marks: Record<string, Mark>;
  problems: Record<string, string>;
  controls?: Controls;
}

export interface Outer {
  name: string;
  low: number;
  high: number;
  log: boolean;
}

export interface BasinArrays {
  content: string;
  label: Uint8Array;
  shade: Uint16Array;
  loss: Float32Array;
}

export interface PlaneArrays {
  content: string;
  loss: Float32Array;
  distance: Float32Array;
  steps: Float32Array;
  share: Float32Array;
  outcome: Uint8Array;
}

export interface MapHead {
  id: number;
  title: string;
  colour: string;
  dash: string;
}

export interface NoMap {
  id: number;
  title: string;
  colour: string;
  dash: string;
  trouble: string;
}

export interface MapFrame {
  id: number;
  title: string;
  colour: string;
  dash: string;
  key: string;
  every: number;
  nx: number;
  ny: number;
  side: number;
  x: Outer;
  y: Outer;
  sentence: string;
  alt: string;
}

export interface BasinMap {
  id: number;
  title: string;
  colour: string;
  dash: string;
  key: string;
  every: number;
  nx: number;
  ny: number;
  side: number;
  x: Outer;
  y: Outer;
  sentence: string;
  alt: string;
  arrays: BasinArrays;
}

export interface PlaneMap {
  id: number;
  title: string;
  colour: string;
  dash: string;
  key: string;
  every: number;
  nx: number;
  ny: number;
  side: number;
  x: Outer;
  y: Outer;
  sentence: string;
  alt: string;
  paths: [string, string];
  present: [number, number];
  best: [number, number] | null;
  edge: Array<[number, number]>;
  optimum: [number, number] | null;
  arrays: PlaneArrays;
}

export interface Coloured {
  name: Exclude<keyof PlaneArrays, "content">;
  title: string;
}

export interface MapsMessage {
  kind: "basins" | "plane";
  maps: Array<NoMap | BasinMap | PlaneMap>;
  coarse: boolean;
  surface: string;
  window: [number, number, number, number];
  minima: Array<[number, number, number]>;
  places: Array<string>;
  saddles: Array<[number, number, number]>;
  steps: number;
  colour: Coloured;
  unknown: string;
  least: number;
  most: Record<string, number | null>;
  caption: string;
  empty: string;
  values: Record<string, number | boolean>;
  marks: Record<string, Mark>;
  titles: Record<number, string>;
  problems: Record<string, string>;
  controls?: Controls;
}

export interface ErrorCurve {
  key: string;
  label: string;
  colour: string | null;
  dash: string;
  x: Float64Array;
  y: Float64Array;
}

export interface ErrorMark {
  kind: "line" | "usual" | "best";
  x: number;
  y?: number;
  label: string;
  colour: string | null;
}

export interface ErrorColumn {
  label: string;
  title: string;
}

export interface ErrorRow {
  colour: string | null;
  title: string;
  cells: Array<string>;
}

export interface ErrorTable {
  columns: Array<ErrorColumn>;
  rows: Array<ErrorRow>;
}

export interface ErrorView {
  printed: boolean;
}

export interface ErrorsMessage {
  trouble: string;
  curves: Array<ErrorCurve>;
  marks: Array<ErrorMark>;
  table: ErrorTable;
  sentences: Array<string>;
  alt: string;
  view: ErrorView;
  values: Record<string, number | boolean>;
  problems: Record<string, string>;
}

export interface StudySurface {
  window: [number, number, number, number];
  lowest: number | null;
  axes: [string, string];
  minima: Array<[number, number, number]>;
  log?: boolean;
}

export interface Crowd {
  runs: number;
  path: Float32Array;
  steps: Int32Array;
  colour: string;
}

export interface StudyPath {
  key: string;
  label: string;
  colour: string;
  dash: string;
  path: Float32Array;
  loss?: Float64Array;
  steps?: Int32Array;
  width?: number;
}

export interface Counting {
  steps: number;
  of: number;
  batch?: number;
  rows?: number;
  replaced?: boolean;
}

export interface StudyCurve {
  key: string;
  label: string;
  colour: string | null;
  dash: string;
  x: Float64Array;
  y: Float64Array;
  bars?: boolean;
  lower?: Float64Array;
  upper?: Float64Array;
}

export interface StudyChart {
  name: string;
  title: string;
  x: string;
  log_x: boolean;
  log_y: boolean;
  curves: Array<StudyCurve>;
  mark: number | null;
  floor?: number;
  of?: string;
}

export interface StudyTable {
  columns: Array<string>;
  rows: Array<Array<string>>;
}

export interface StudySection {
  name: string;
  title: string;
  texts: Array<string>;
  chart: StudyChart | null;
  table: StudyTable | null;
}

export interface StudyMessage {
  grid: Grid;
  surface: StudySurface;
  crowd: Crowd | null;
  paths: Array<StudyPath>;
  counting: Counting;
  loss: StudyChart;
  caption: Array<string>;
  sections: Array<StudySection>;
  values: Record<string, number>;
  problems: Record<string, string>;
}

export interface BoardView {
  x: "step" | "epoch" | "training" | "wall";
  per: "step" | "epoch";
  smoothing: number;
  log_loss: boolean;
  log_x: boolean;
  group: boolean;
  hidden: Array<string>;
}

export interface BoardSummary {
  sentence: string;
  remaining: number | null | null;
}

export interface BoardRun {
  id: string;
  title: string;
  detail: string;
  seed: number;
  group: string;
  colour: string;
  dash: string;
  status: string;
  stage: string;
  step: number;
  steps: number;
  steps_per_epoch: number;
  remaining: number | null | null;
  sentence: string;
  tone: "error" | "note";
  generation: number;
  truncated: number;
  actions: Array<"stop" | "resume" | "anew" | "rename" | "delete">;
  may_act: boolean;
}

export interface BoardSeries {
  run: string;
  name: string;
  steps: Int32Array;
  values: Float64Array;
}

export interface BoardColumn {
  key: string;
  label: string;
  align: "left" | "right";
  title: string;
}

export interface BoardRow {
  group: string;
  colour: string;
  dash: string;
  cells: Record<string, string>;
}

export interface BoardTable {
  columns: Array<BoardColumn>;
  rows: Array<BoardRow>;
  budget: Array<string>;
}

export interface RateCurve {
  label: string;
  colour: string;
  dash: string;
  x: Array<number>;
  y: Array<number | null>;
  low: Array<number | null>;
  high: Array<number | null>;
  diverged: Array<boolean>;
  n: number;
}

export interface RateChart {
  title: string;
  unit: "fraction" | "loss" | "number";
  series: Array<RateCurve>;
}

export interface BoardMessage {
  empty: string;
  base: number;
  cursor: number;
  reset: boolean;
  view: BoardView;
  summary: BoardSummary;
  runs: Array<BoardRun>;
  series: Array<BoardSeries>;
  table: BoardTable;
  sensitivity: Array<RateChart>;
  problems?: Record<string, string>;
}

export interface Badge {
  kind: "held" | "failed" | "stale" | "none";
  word: string;
  sentence: string;
  against: Array<string>;
}

export interface Rule {
  name: string;
  title: string;
  year: number;
  family: string;
  change: Array<string | [string, string]>;
  parents: Array<string>;
  children: Array<string>;
  state: string;
  keeps: string;
  badge: Badge;
  path: string;
  cloud: string;
  words: string;
  notes: Array<string>;
  trains: boolean;
  search: string;
}

export interface Family {
  name: string;
  colour: string;
  hollow: boolean;
}

export interface CatalogueView {
  search: string;
  families: Array<string>;
  rule: string | null;
}

export interface CatalogueMessage {
  view: CatalogueView;
  key: string;
  complete: boolean;
}

export interface CatalogueList {
  view: CatalogueView;
  key: string;
  complete: boolean;
  rules: Array<Rule>;
  families: Array<Family>;
  contour: Array<[number, number]>;
  caption: string;
}

export interface FormulaMessage {
  text: string;
  window: Array<number | string>;
  error: string;
  position: number | null;
  window_error: string;
}
