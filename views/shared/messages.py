"""Every message between the server and the browser, declared once: pyright holds Python to it, tsc the browser.

`python -m scripts.message_types` writes static/shared/messages.d.ts from it. Arrays are what `packing.pack` takes and
static/shared/bytes.js gives back; a number that is not finite arrives as null.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

import numpy as np

# What stands beside a type, where JavaScript has more to say of it: a type of its own, or the length of a list.
F4 = Annotated[np.ndarray, "Float32Array"]
F8 = Annotated[np.ndarray, "Float64Array"]
I4 = Annotated[np.ndarray, "Int32Array"]
U2 = Annotated[np.ndarray, "Uint16Array"]
U1 = Annotated[np.ndarray, "Uint8Array"]
Pair = Annotated[list[float], 2]
Spot = Annotated[list[float], 3]  # x, y and the height there
Window = Annotated[list[float], 4]  # x from, x to, y from, y to
MaybeFinite = Annotated[float, "number | null"]
Values = Annotated[dict[str, Any], "Record<string, number | boolean>"]  # the live numbers and switches by their paths
Problems = dict[str, str]  # sentences by the paths of the fields beside which they are shown


class Sent(TypedDict):
    """What `component.speaking` adds to a message: the last change that it answers, and which message it is."""

    seq: int
    stamp: int


# ---------------------------------------------------------------- what the browser says


class Remove(TypedDict):
    remove: int  # a card


class Duplicate(TypedDict):
    duplicate: int  # a card


class Help(TypedDict):
    help: int  # about a card


class Show(TypedDict):
    show: str  # a kept state


class Story(TypedDict):
    story: str


class Refine(TypedDict):
    refine: Literal[True]


class Open(TypedDict):
    open: Pair | None  # on Trajectories, from a start where there is one


class Stop(TypedDict):
    stop: str  # a run


class Resume(TypedDict):
    resume: str


class Anew(TypedDict):
    anew: str


class Delete(TypedDict):
    delete: str


class Rename(TypedDict):
    rename: Annotated[list[str], 2]  # a run, and its name


CardAction = Remove | Duplicate | Help
Act = Literal["stop", "resume", "anew", "rename", "delete"]  # what a run's line offers: its action's name
RunAction = Stop | Resume | Anew | Delete | Rename
Action = CardAction | RunAction | Show | Story | Refine | Open


class Change(TypedDict):
    """New values by their paths, as views/shared/received.py reads them.

    `final` where the hand rests, `need` where the answer must leave nothing out.
    """

    seq: int
    set: dict[str, Any]
    actions: list[Action]
    final: bool
    need: NotRequired[bool]


class SaidChange(Change):
    """`have`: the contents of which the browser has the arrays."""

    have: list[str]


class CatalogueChange(Change):
    """`have`: the key of the list of rules that the browser has."""

    have: str


class FormulaSet(TypedDict):
    """What stands in the field of a formula; what is no number in its window is text."""

    text: str
    window: list[float | str]


class FormulaChange(TypedDict):
    """A formula, and whether it is to be taken over."""

    seq: int
    set: FormulaSet
    actions: Annotated[list[Any], "never[]"]
    final: bool


# ---------------------------------------------------------------- the controls


class Field(TypedDict):
    """A slider with its number, or a switch."""

    path: str
    label: str
    symbol: str
    kind: Literal["slider", "integer", "switch"]
    low: float
    high: float
    log: bool
    value: float
    title: str


class Group(TypedDict):
    """Fields under a heading."""

    title: str | None
    fields: list[Field]


class Card(TypedDict):
    """An optimizer with its fields; `base` is chosen of `bases` (name, title) where it goes around another."""

    id: int
    title: str
    colour: str
    dash: str
    on: bool
    fields: list[Field]
    base: NotRequired[str]
    bases: NotRequired[list[Annotated[list[str], 2]]]


class Mark(TypedDict):
    """A place on a slider, and what it is."""

    value: float
    title: str


class Controls(TypedDict):
    """Groups and cards of one panel; the panel called "controls" is the one that bears cards."""

    name: str
    groups: list[Group]
    cards: list[Card]
    problems: Problems
    empty: str
    marks: NotRequired[dict[str, Mark]]


# ---------------------------------------------------------------- Trajectories


class Surface(TypedDict):
    """The surface under the paths; `f_star` is its lowest known height."""

    name: str
    window: Window
    log_heights: bool
    minima: list[Spot]
    saddles: list[Spot]
    f_star: float | None


class Grid(TypedDict):
    """Heights over a plane, row by row."""

    content: str
    x: F4
    y: F4
    z: F4


class Herd(TypedDict):
    """Paths from many starts, `points` of each, one for `every` so many steps."""

    content: str
    path: F4
    points: int
    every: int
    last: int


class Run(TypedDict):
    """A run until it diverges: x0, y0, x1, y1, ...; one that is `kept` is compared with the run `of`."""

    id: int
    name: str
    colour: str
    dash: str
    content: str
    path: F4
    loss: F8
    distance: F4 | None
    slope: NotRequired[F4]
    look: NotRequired[F4]
    cloud: NotRequired[F4]
    cloud_step: NotRequired[I4]
    herd: NotRequired[Herd]
    kept: NotRequired[bool]
    of: NotRequired[int]
    elsewhere: NotRequired[bool]


class Column(TypedDict):
    """The head of a column."""

    label: str
    title: str
    align: Literal["left", "right"]


class RunRow(TypedDict):
    """A run's row of the table."""

    id: int
    cells: list[str]


class RunTable(TypedDict):
    """What came of the runs."""

    columns: list[Column]
    rows: list[RunRow]


class Reference(TypedDict):
    """A path that no rule has made, `each` points of it to a step."""

    id: int
    name: str
    path: F4
    each: int


class StateVariable(TypedDict):
    """A state variable at all steps: its numbers one by one, with their names."""

    name: str
    parts: list[F4]
    names: list[str]


class Inside(TypedDict):
    """What the chosen optimizer remembers, and the update that led to the step shown."""

    id: int
    title: str
    colour: str
    gradient: F4
    fields: list[StateVariable]
    more: int
    equation: list[list[str | None]]
    step: int
    equation_note: str


class Told(TypedDict):
    """A story, and the names of those before and after it."""

    title: str
    text: str
    task: str
    before: str | None
    after: str | None


class PictureView(TypedDict):
    """How the pictures are looked at."""

    layout: Annotated[str, '"both" | "contour" | "surface" | "panels"']
    heights: Annotated[str, '"auto" | "linear" | "log"']
    aspect: Annotated[str, '"free" | "equal"']
    relief: Annotated[str, '"surface" | "points" | "lines"']
    labels: bool
    trail: int | None
    projector: bool
    log_loss: bool
    log_distance: bool
    step: int | None
    inside: int | None


class PictureMessage(TypedDict):
    """What the live plot shows."""

    surface: Surface
    grid: Grid
    runs: list[Run]
    table: RunTable
    references: list[Reference]
    start: Pair
    steps: int
    view: PictureView
    titles: dict[int, str]
    query: str
    caption: str
    alt: str
    story: Told | None
    inside: Inside | None
    values: Values
    marks: dict[str, Mark]
    problems: Problems
    controls: NotRequired[Controls]


# ---------------------------------------------------------------- Maps


class Outer(TypedDict):
    """An axis from the outer edge of the first cell to that of the last."""

    name: str
    low: float
    high: float
    log: bool


class BasinArrays(TypedDict):
    """`label`: the index of a minimum, or LISTED + outcome; `shade`: steps."""

    content: str
    label: U1
    shade: U2
    loss: F4


class PlaneArrays(TypedDict):
    """Medians over the starts; `loss` above the least one that is known."""

    content: str
    loss: F4
    distance: F4
    steps: F4
    share: F4
    outcome: U1


class MapHead(TypedDict):
    """Whose map it is."""

    id: int
    title: str
    colour: str
    dash: str


class NoMap(MapHead):
    """Why there is none."""

    trouble: str


class MapFrame(MapHead):
    """A map of nx x ny cells, `every` so many of `side` pixels."""

    key: str
    every: int
    nx: int
    ny: int
    side: int
    x: Outer
    y: Outer
    sentence: str
    alt: str


class BasinMap(MapFrame):
    """Where runs from all over the window end."""

    arrays: BasinArrays


class PlaneMap(MapFrame):
    """What comes of all pairs of two hyperparameters, whose paths are `paths`."""

    paths: Annotated[list[str], 2]
    present: Pair
    best: Pair | None
    edge: list[Pair]
    optimum: Pair | None
    arrays: PlaneArrays


class Coloured(TypedDict):
    """What the colours stand for."""

    name: Annotated[str, 'Exclude<keyof PlaneArrays, "content">']
    title: str


class MapsMessage(TypedDict):
    """What the maps show."""

    kind: Annotated[str, '"basins" | "plane"']
    maps: list[NoMap | BasinMap | PlaneMap]
    coarse: bool
    surface: str
    window: Window
    minima: list[Spot]
    places: list[str]
    saddles: list[Spot]
    steps: int
    colour: Coloured
    unknown: str
    least: float
    most: dict[str, MaybeFinite]
    caption: str
    empty: str
    values: Values
    marks: dict[str, Mark]
    titles: dict[int, str]
    problems: Problems
    controls: NotRequired[Controls]


# ---------------------------------------------------------------- Gradients


class ErrorCurve(TypedDict):
    """Errors against h; one without a colour of its own has the text's."""

    key: str
    label: str
    colour: str | None
    dash: str
    x: F8
    y: F8


class ErrorMark(TypedDict):
    """A place on the axis of h; the best one has an error too."""

    kind: Literal["line", "usual", "best"]
    x: float
    y: NotRequired[float]
    label: str
    colour: str | None


class ErrorColumn(TypedDict):
    """The head of a column."""

    label: str
    title: str


class ErrorRow(TypedDict):
    """A way to a gradient."""

    colour: str | None
    title: str
    cells: list[str]


class ErrorTable(TypedDict):
    """The gradient by each way."""

    columns: list[ErrorColumn]
    rows: list[ErrorRow]


class ErrorView(TypedDict):
    """Whether the tutorial's formula is shown too."""

    printed: bool


class ErrorsMessage(TypedDict):
    """What the page Gradients shows."""

    trouble: str
    curves: list[ErrorCurve]
    marks: list[ErrorMark]
    table: ErrorTable
    sentences: list[str]
    alt: str
    view: ErrorView
    values: Values
    problems: Problems


# ---------------------------------------------------------------- Minibatch, The two momenta


class StudySurface(TypedDict):
    """The plane of two parameters; heights are drawn by their logarithm unless `log` is false."""

    window: Window
    lowest: float | None
    axes: Annotated[list[str], 2]
    minima: list[Spot]
    log: NotRequired[bool]


class Crowd(TypedDict):
    """Many runs, their points at `steps`."""

    runs: int
    path: F4
    steps: I4
    colour: str


class StudyPath(TypedDict):
    """A path, its points at `steps` or at every step."""

    key: str
    label: str
    colour: str
    dash: str
    path: F4
    loss: NotRequired[F8]
    steps: NotRequired[I4]
    width: NotRequired[float]


class Counting(TypedDict):
    """`of` batches are an epoch, the last of it of what is left of `rows`; 0: there are no epochs."""

    steps: int
    of: int
    batch: NotRequired[int]
    rows: NotRequired[int]
    replaced: NotRequired[bool]


class StudyCurve(TypedDict):
    """A line, points with bars from `lower` to `upper`, or bars from 0."""

    key: str
    label: str
    colour: str | None
    dash: str
    x: F8
    y: F8
    bars: NotRequired[bool]
    lower: NotRequired[F8]
    upper: NotRequired[F8]


class StudyChart(TypedDict):
    """`of`: what the curves were computed of; `mark`: a place on the axis; `floor`: the least that a scale shows."""

    name: str
    title: str
    x: str
    log_x: bool
    log_y: bool
    curves: list[StudyCurve]
    mark: float | None
    floor: NotRequired[float]
    of: NotRequired[str]


class StudyTable(TypedDict):
    """Columns and rows of text."""

    columns: list[str]
    rows: list[list[str]]


class StudySection(TypedDict):
    """A comparison, computed."""

    name: str
    title: str
    texts: list[str]
    chart: StudyChart | None
    table: StudyTable | None


class StudyMessage(TypedDict):
    """What the pages Minibatch and The two momenta show."""

    grid: Grid
    surface: StudySurface
    crowd: Crowd | None
    paths: list[StudyPath]
    counting: Counting
    loss: StudyChart
    caption: list[str]
    sections: list[StudySection]
    values: Annotated[dict[str, Any], "Record<string, number>"]
    problems: Problems


# ---------------------------------------------------------------- Training


class BoardView(TypedDict):
    """How the curves are looked at."""

    x: Annotated[str, '"step" | "epoch" | "training" | "wall"']
    per: Annotated[str, '"step" | "epoch"']
    smoothing: float
    log_loss: bool
    log_x: bool
    group: bool
    hidden: list[str]


class BoardSummary(TypedDict):
    """How many runs are in which state, and the seconds that all of them still take."""

    sentence: str
    remaining: MaybeFinite | None


class BoardRun(TypedDict):
    """A line of the list of runs."""

    id: str
    title: str
    detail: str
    seed: int
    group: str
    colour: str
    dash: str
    status: str
    stage: str
    step: int
    steps: int
    steps_per_epoch: int
    remaining: MaybeFinite | None
    sentence: str
    tone: Literal["error", "note"]
    generation: int
    truncated: int
    actions: list[Act]
    may_act: bool


class BoardSeries(TypedDict):
    """New points of a run."""

    run: str
    name: str
    steps: I4
    values: F8


class BoardColumn(TypedDict):
    """The head of a column."""

    key: str
    label: str
    align: Annotated[str, '"left" | "right"']
    title: str


class BoardRow(TypedDict):
    """What came of the runs of one group, by the columns' keys."""

    group: str
    colour: str
    dash: str
    cells: dict[str, str]


class BoardTable(TypedDict):
    """The results, and what the runs were given."""

    columns: list[BoardColumn]
    rows: list[BoardRow]
    budget: list[str]


class RateCurve(TypedDict):
    """A value against learning rates: means and one deviation below and above them, where there is one."""

    label: str
    colour: str
    dash: str
    x: list[float]
    y: list[MaybeFinite]
    low: list[MaybeFinite]
    high: list[MaybeFinite]
    diverged: list[bool]
    n: int


class RateChart(TypedDict):
    """Curves of one task."""

    title: str
    unit: Annotated[str, '"fraction" | "loss" | "number"']
    series: list[RateCurve]


class BoardMessage(TypedDict):
    """What is new on the board; everything where `reset`."""

    empty: str
    base: int
    cursor: int
    reset: bool
    view: BoardView
    summary: BoardSummary
    runs: list[BoardRun]
    series: list[BoardSeries]
    table: BoardTable
    sensitivity: list[RateChart]
    problems: NotRequired[Problems]


# ---------------------------------------------------------------- Catalogue


class Badge(TypedDict):
    """What a rule was held against."""

    kind: Annotated[str, '"held" | "failed" | "stale" | "none"']
    word: str
    sentence: str
    against: list[str]


class Rule(TypedDict):
    """A rule's card and its head; in `change` a pair is the name of another rule and the words that name it."""

    name: str
    title: str
    year: int
    family: str
    change: list[str | tuple[str, str]]
    parents: list[str]
    children: list[str]
    state: str
    keeps: str
    badge: Badge
    path: str
    cloud: str
    words: str
    notes: list[str]
    trains: bool
    search: str


class Family(TypedDict):
    """A family's colour; one that is hollow shares it with another."""

    name: str
    colour: str
    hollow: bool


class CatalogueView(TypedDict):
    """What is searched for, which families are shown, which rule is opened."""

    search: str
    families: list[str]
    rule: str | None


class CatalogueMessage(TypedDict):
    """What is looked at; the list itself stands under its key."""

    view: CatalogueView
    key: str
    complete: bool


class CatalogueList(CatalogueMessage):
    """The same with the list, which the browser had not."""

    rules: list[Rule]
    families: list[Family]
    contour: list[tuple[float, float]]
    caption: str


# ---------------------------------------------------------------- the field of a formula


class FormulaMessage(TypedDict):
    """What stands in the field, what is wrong with it, and where."""

    text: str
    window: list[float | str]
    error: str
    position: int | None
    window_error: str
