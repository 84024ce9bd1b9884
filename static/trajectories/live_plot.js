// The live plot: takes what the server sends, draws its parts, and speaks to the server for itself and the controls.

import { choices, linkButton, plainButton } from "../shared/buttons.js";
import * as channel from "../shared/channel.js";
import { Component, mounted } from "../shared/component.js";
import { h, setText } from "../shared/dom.js";
import { Heard } from "../shared/heard.js";
import { RunTable } from "../shared/run_table.js";
import { Transport } from "../shared/transport.js";
import { Inside } from "./inside.js";
import { Kept } from "./kept.js";
import { Pictures } from "./pictures.js";
import { Projector } from "./projector.js";
import { RunCurves } from "./run_curves.js";
import { renewed } from "./same_runs.js";
import { saveMenu } from "./save_picture.js";
import { NARROW } from "./sizes.js";
import { ViewMenu } from "./view_menu.js";

/** @import { PictureMessage, PictureView, Run, RunTable as Table, Sent } from "../shared/messages.js" */
/** @import { Place } from "../shared/types.js" */

const SIGNS = "◯ start: click or drag   ★ minimum   ✕ saddle";
/** @type {["cloud" | "look", string][]} */
const MORE_SIGNS = [
  ["cloud", "   ● asked in this step"],
  ["look", "   ◇ look-ahead"],
];
/** @type {[PictureView["layout"], string][]} */
const LAYOUTS = [
  ["both", "Both"],
  ["contour", "Contour"],
  ["surface", "Surface"],
  ["panels", "Side by side"],
];

/** @extends {Component<PictureMessage>} */
class LivePlot extends Component {
  /** @override */
  narrow = NARROW;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    super(parent, { class: "rv rv-plot", "data-testid": "live-plot", "data-drawn": 0, "data-drawn3d": 0 });
    /** @type {Run[]} */
    this.runs = [];
    /** @type {PictureView} */
    this.view = {
      layout: "both",
      heights: "auto",
      aspect: "free",
      relief: "surface",
      labels: false,
      trail: null,
      projector: false,
      log_loss: true,
      log_distance: true,
      step: null,
      inside: null,
    };
    /** @type {Heard<PictureView>} */
    this.heard = new Heard("view.");
    this.fresh = false; // something has been drawn in this frame
    this.layouts = choices("Pictures", LAYOUTS, (layout) => this.setView("layout", layout));
    this.viewMenu = new ViewMenu((name, value) => this.setView(name, value));
    this.projector = new Projector({
      onSwitch: (on) => this.setView("projector", on),
      onTell: (story) => channel.announce({ action: { story }, final: true }),
      onResize: () => this.draw(),
    });
    this.signs = h("span", { class: "rv-signs" }, SIGNS);
    this.pictures = new Pictures({
      isBusy: () => channel.isMoving() || Boolean(this.transport.playing),
      onDrawn: ({ seq }) => {
        this.root.dataset.drawn3d = String(Number(this.root.dataset.drawn3d) + 1);
        this.root.dataset.seq3d = String(seq);
      },
      onReady: () => this.redraw(),
    });
    this.transport = new Transport((step, final) => this.stepChosen(step, final));
    const onStep = (/** @type {number} */ step, /** @type {boolean} */ final) => this.transport.choose(step, final);
    this.curves = new RunCurves({ onStep, onLog: (name, log) => this.setView(`log_${name}`, log) });
    this.inside = new Inside({ onStep, onChoice: (id) => this.setView("inside", id) });
    this.table = new RunTable();
    this.caption = h("p", { class: "rv-caption", "data-testid": "caption", "aria-live": "polite" });
    this.kept = new Kept();
    const alone = { class: "rv-choice rv-reset" };
    this.root.append(
      this.projector.head,
      this.projector.bar,
      h(
        "div",
        { class: "rv-toolbar" },
        this.layouts.node,
        this.signs,
        h(
          "div",
          { class: "rv-actions" },
          this.viewMenu.node,
          linkButton("The address of this very picture", alone),
          saveMenu(() => this.seen()),
          plainButton("Reset", "Zoom and camera as at first", () => this.pictures.reset(), alone),
        ),
      ),
      this.pictures.node,
      this.transport.node,
      this.transport.readout,
      this.curves.node,
      this.table.node,
      this.inside.node,
      this.caption,
      this.kept.node,
    );
    this.begin();
  }

  /** What a saved picture is made of; null before anything is shown. */
  seen() {
    const { root, theme, runs, latest, caption, transport } = this;
    return latest && { root, theme, runs, latest, caption, transport, pictures: this.pictures.node };
  }

  /**
   * @override
   * @param {PictureMessage & Sent} message
   */
  take(message) {
    const { step, ...others } = this.heard.news(message.view);
    if (step !== undefined) this.transport.step = step;
    Object.assign(this.view, others);
    // The next request leaves before this answer is drawn: the server computes while the browser paints.
    channel.flush();
    this.latest = message;
    this.tellControls(message);
    this.drawSoon();
  }

  /** @override */
  redraw() {
    this.draw({ all: true });
  }

  /**
   * @template {keyof PictureView} N
   * @param {N} name
   * @param {PictureView[N]} value
   */
  setView(name, value) {
    if (this.view[name] === value) return;
    this.view[name] = value;
    this.viewMenu.show(this.view);
    channel.announce({ set: { [`view.${name}`]: value }, final: true });
    this.draw({ all: name === "layout" });
  }

  /**
   * From the transport and the curves.
   * @param {number | null} step
   * @param {boolean | null} final true when the hand rests there, null while playing
   */
  stepChosen(step, final) {
    if (final) channel.announce({ set: { "view.step": step }, final: true });
    this.drawStep();
  }

  /**
   * Now if nothing has been drawn in this frame yet, else in the next.
   * @override
   */
  drawSoon() {
    if (this.frame || (this.fresh && !document.hidden)) {
      super.drawSoon();
      return;
    }
    this.fresh = true;
    this.draw();
    requestAnimationFrame(() => (this.fresh = false));
  }

  /** @override */
  draw({ all = false } = {}) {
    const message = this.latest;
    if (!message || this.gone) return;
    const before = this.runs;
    const runs = renewed(before, message.runs);
    const changed = runs.length !== before.length || runs.some((run, i) => run !== before[i]);
    this.runs = runs;
    const last = runs.length
      ? Math.max(...runs.flatMap((run) => [run.loss.length - 1, run.herd?.last ?? 0]))
      : message.steps;
    this.transport.setRuns(runs, last);
    this.drawLayout();
    const left = this.takeRoom(message);
    const room = { width: this.width, room: left, upright: this.projector.upright };
    this.viewMenu.show(this.view);
    this.pictures.draw(
      { message, view: this.view, runs, theme: this.theme, room, zoom: this.projector.scale },
      this.transport.step,
      (run) => !before.includes(run),
    );
    const more = MORE_SIGNS.filter(([part]) => runs.some((run) => run[part]));
    setText(this.signs, SIGNS + more.map(([, sign]) => sign).join(""));
    this.curves.draw(message, runs, this.view, last, changed || all, room);
    this.drawTable(message.table);
    this.inside.draw(
      runs.filter((run) => !run.kept),
      message.inside,
      this.view.inside,
      last,
      this.width,
    );
    setText(this.caption, message.caption);
    this.kept.draw(message);
    this.drawStep();
    this.notePainted(message.seq);
  }

  drawLayout() {
    const { layout } = this.view;
    this.pictures.arrange(this.runs, layout);
    if (this.root.dataset.layout === layout) return;
    this.root.dataset.layout = layout;
    this.layouts.show(layout);
  }

  /**
   * Takes over the projector's mode; returns the room that it leaves the pictures, null where it is off: the text above
   * them and the readout have theirs.
   * @param {PictureMessage} message
   * @returns {Place | null}
   */
  takeRoom({ story, surface }) {
    const on = this.view.projector;
    this.projector.tell(story, surface.name);
    if (this.projector.show(this.root, on)) this.measure();
    return on ? [this.pictures.node.clientWidth, this.pictures.node.clientHeight] : null;
  }

  drawStep() {
    const shown = this.transport.shown();
    this.transport.show();
    this.pictures.setStep(this.transport.step);
    this.curves.setStep(shown);
    this.inside.setStep(shown);
    this.pictures.request3d(shown);
  }

  /** @param {Table} table */
  drawTable({ columns, rows }) {
    const runs = new Map(this.runs.map((run) => [run.id, run]));
    this.table.render(
      columns,
      rows.map(({ id, cells }) => ({ cells, colour: runs.get(id)?.colour, dash: runs.get(id)?.dash })),
    );
  }

  /** @override */
  destroy() {
    super.destroy();
    this.kept.destroy();
    this.transport.destroy();
    this.projector.destroy();
    this.pictures.destroy();
  }
}

export default mounted((parent) => new LivePlot(parent));
