"""Training: launch runs on real networks, watch their curves grow, compare what came out."""

# An action that nobody sends is an error:
# pyright: reportUnnecessaryComparison=error

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import streamlit as st

from optim_core.around import CLIPS, SCHEDULES
from training import export, report, runner
from training.data import cifar10
from training.database import is_there, store_path
from training.devices import cpu
from training.optimizers import OPTIMIZERS
from training.record import INSTALLED
from training.run import QUEUED, RUNNING, STATUSES, Run, as_seen, new_id
from training.runs import Store
from training.settings import ENGINES, PRECISIONS, WEIGHTS
from training.task import TASKS
from training.trouble import StoreError
from views.shared.admission import closed
from views.shared.components import board
from views.shared.exports import offer
from views.shared.live_controls import live_controls
from views.shared.messages import Action
from views.shared.received import Change
from views.shared.routed import through_app
from views.shared.sentences import escaped, explain, say
from views.training.exports import EXPORTS
from views.training.plan import Plan, controls, details, estimate, preset_of
from views.training.race import Race, View, launches, measured

through_app(__file__)

TICK, REST = 0.5, 3.0  # seconds between looks at the store while runs go on, and while none does
FIRST_REPORT = 3.0  # seconds for which a first visit waits to hear of the devices
ENDED = tuple(status for status in STATUSES if status not in (QUEUED, RUNNING))


@st.cache_resource(show_spinner=False)
def opened(path: str, looking: bool = False) -> Store:
    """The store, once for all sessions."""
    return Store(path or None, looking=looking)


def at_hand() -> tuple[Store, str]:
    """The store as it is now, and why nothing can be written to it. StoreError if it cannot even be read."""
    place = os.environ.get("RAVINE_STORE", "")
    path = store_path(place)
    shut = is_there(path) and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
    store = opened(place, looking=shut)
    store.renew()  # its file may have been deleted or replaced since
    why = f"The store {path} cannot be written: runs can be looked at, not launched, stopped or deleted."
    return store, why if shut else ""


@contextmanager
def spoken() -> Iterator[None]:
    """Trouble with the store as a sentence where the picture would be."""
    try:
        yield
    except StoreError as error:
        st.error(escaped(f"{error}."))


@st.fragment(run_every=REST)
def wait_for_store() -> None:
    """Begins again once the store answers."""
    with suppress(StoreError):
        at_hand()[0].all()
        st.rerun()


try:
    store, unwritable = at_hand()
    everything = [as_seen(run) for run in store.all()]
except StoreError as error:
    st.error(escaped(f"{error}."))
    wait_for_store()
    st.stop()

if unwritable:
    st.warning(escaped(unwritable))
shut = closed() or unwritable
with spoken():
    if not shut:
        runner.ensure(store)
labels = launches(everything)


def look_for_devices() -> dict[str, dict[str, Any]]:
    """The devices that the runner reported last; the first time its report is waited for."""
    until = time.monotonic() + (0 if "looked" in st.session_state or shut else FIRST_REPORT)
    while (standing := runner.status(store)) is None and time.monotonic() < until:
        time.sleep(0.05)
    st.session_state.looked = True
    if standing and standing.devices:
        st.session_state.reported = standing
    known = st.session_state.get("reported")
    return {one["device"]: one for one in (known.devices if known else [{**cpu(), "slots": 1}])}


def first_plan() -> Plan:
    """On a machine with a GPU CIFAR-10, elsewhere the digits."""
    gpu = next((name for name in devices if name.startswith("cuda")), None)
    return Plan.of("cifar10_fast", gpu, bool(devices[gpu].get("bfloat16"))) if gpu else Plan.of("digits")


devices = look_for_devices()
if "race" not in st.session_state:
    view = View.from_query(st.query_params.to_dict())
    if wrong := view.problems.pop("link", None):
        st.toast(escaped(wrong))
    race = st.session_state.race = Race(view=view)
    asked = [grid for grid in st.query_params.get("runs", "").split(",") if grid]
    if missing := [grid for grid in asked if grid not in labels]:
        st.toast(escaped(f"The link names a launch that is not here (any more): {missing[0][:40]}."))
    wanted = [grid for grid in st.query_params.get("runs", "").split(",") if grid in labels]
    race.grids = tuple(wanted or list(labels)[:1])
race: Race = st.session_state.race
race.grids = tuple(grid for grid in race.grids if grid in labels)
if "plan" not in st.session_state and st.query_params.get("task") in TASKS:
    linked = st.session_state.plan = Plan.from_query(st.query_params.to_dict())
    if wrong := linked.problems.pop("link", None):
        st.toast(escaped(wrong))
elif "plan" not in st.session_state or st.session_state.plan == Plan.of("digits"):
    st.session_state.plan = first_plan()  # also where the report of a GPU came late
plan: Plan = st.session_state.plan


def choose_task() -> None:
    """Another task brings its own recipe and cards."""
    half = bool(devices.get(plan.device, {}).get("bfloat16"))
    if (name := st.session_state["choose:task"]) in TASKS:
        st.session_state.plan = Plan.of(name, plan.device, half)


def choose_preset() -> None:
    """The preset's cards."""
    if (name := st.session_state["choose:preset"]) in preset_of(plan.declared):
        plan.take_preset(name)


def choose(path: str) -> None:
    """Takes over what a native widget holds."""
    plan.apply(path, st.session_state[f"choose:{path}"])


def choice(path: str, label: str, names: dict[str, str], help_text: str | None = None) -> None:
    """A select box for one setting."""
    st.session_state[f"choose:{path}"] = getattr(plan, path)
    st.selectbox(
        label, list(names), format_func=lambda name: str(names.get(name, name)), key=f"choose:{path}", on_change=choose,
        args=(path,), help=help_text,
    )  # fmt: skip
    if path in plan.problems:
        say(plan.problems[path])


def add() -> None:
    """A card of the chosen optimizer; the box is empty again afterwards."""
    if st.session_state["add"] in OPTIMIZERS:
        plan.add(st.session_state["add"])
    st.session_state["add"] = None


def launch() -> None:
    """Puts the plan's runs into the queue."""
    plan.problems.pop("launch", None)
    if shut:
        return
    try:
        grid = new_id()
        store.add(plan.runs(), grid=grid)
        race.grids = (grid,)
        runner.ensure(store)
    except ValueError as error:
        plan.problems["launch"] = f"{error}."


def describe(name: str) -> str:
    """A device with what is free on it."""
    device = devices.get(name, {"name": "not there"})
    free = device.get("memory_free")
    return f"{device['name']} ({name}{f', {free / 2**30:.0f} GiB free' if free else ''})"


def changed(change: Change) -> None:
    """What the browser says: sliders of the sidebar, the view, buttons of runs."""
    if change.need:
        race.fresh = True
    for path, value in change.set.items():
        if path.startswith("view."):
            race.view.apply(path, value)
        else:
            plan.apply(path, value)
            st.session_state.replan = change.final
    for action in change.actions:
        act(action)
    st.session_state.final = change.final


def act(action: Action) -> None:
    """A button of a card or of a run."""
    match action:
        case {"remove": int(number)}:
            plan.remove(number)
            st.session_state.replan = True
        case {"duplicate": int(number)}:
            plan.duplicate(number)
            st.session_state.replan = True
        case {"help": int(number)} if number in plan.cards:
            st.session_state.explain = plan.cards[number].rule
        case (
            {"stop": str(run)} | {"resume": str(run)} | {"anew": str(run)} | {"delete": str(run)}
            | {"rename": [str(run), str(_)]}
        ) if not shut:  # fmt: skip
            try:
                store.lost()  # what has died can be resumed and deleted
                if "stop" in action:
                    store.request_stop(run)
                elif "resume" in action or "anew" in action:
                    store.resume(run, anew="anew" in action)
                    runner.ensure(store)
                elif "delete" in action:
                    store.delete([run])
                else:
                    store.rename(run, action["rename"][1])
            except ValueError as error:
                st.toast(escaped(f"{error}."))
            st.session_state.rerun = True


def remaining_recipe() -> None:
    """The settings that most launches leave alone."""
    choice("device", "Device", {name: describe(name) for name in dict.fromkeys([*devices, plan.device])})
    choice("precision", "Precision", PRECISIONS)
    choice("schedule", "Learning rate over the run", SCHEDULES)
    choice("clip", "Clip gradients", CLIPS)
    if plan.task.endswith("article"):
        choice("weights", "First weights", WEIGHTS)
    choice("engine", "Engine", ENGINES, "Automatic: a CUDA graph on a GPU, eager on the CPU")
    if plan.declared.synthetic:
        st.session_state["choose:synthetic"] = plan.synthetic
        st.toggle(
            "Synthetic images, for speed only", key="choose:synthetic", on_change=choose, args=("synthetic",),
            help="Made-up images of CIFAR-10's shape: they need no download, and say nothing about optimizers",
        )  # fmt: skip
    live_controls(details(plan), key="details")


with st.sidebar:
    st.session_state["choose:task"] = plan.task
    st.selectbox(
        "Task", list(TASKS), format_func=lambda name: TASKS[name].title, key="choose:task", on_change=choose_task,
        help=plan.declared.source,
    )  # fmt: skip
    st.caption(plan.declared.description)
    if plan.declared.synthetic and not plan.synthetic and not cifar10.available():
        size = cifar10.ARCHIVE.size / 1e6
        st.caption(
            f"The first run downloads CIFAR-10 ({size:.0f} MB). A folder that has it already is named in RAVINE_DATA."
        )
    presets = preset_of(plan.declared)
    st.session_state["choose:preset"] = plan.preset
    st.selectbox("Preset", list(presets), key="choose:preset", on_change=choose_preset, placeholder="Your own choice")
    if plan.missing:
        st.caption(f"Not in Ravine yet: {', '.join(plan.missing)}.")
    try:
        if plan.device not in devices:
            raise ValueError(f"{plan.device} is not there: choose another device below")
        runs = plan.runs()
        slots = int(devices[plan.device].get("slots", 1))
        st.markdown(f":small[{plan.sentence(runs)}; {estimate(plan, runs, slots, measured(everything))}.]")
        ready = True
    except ValueError as error:
        say(f"{error}.")
        runs, ready = [], False
    st.button(
        f"Launch {len(runs)} run{'s' * (len(runs) > 1)}" if ready else "Launch", type="primary",
        icon=":material/rocket_launch:", on_click=launch, disabled=bool(shut) or not ready, width="stretch",
    )  # fmt: skip
    if shut:
        st.caption(shut)
    if "launch" in plan.problems:
        say(plan.problems["launch"])
    live_controls(controls(plan), key="controls")
    st.selectbox(
        "Add an optimizer", list(OPTIMIZERS), format_func=lambda name: OPTIMIZERS[name].title, index=None, key="add",
        placeholder="Add an optimizer", label_visibility="collapsed", on_change=add,
    )  # fmt: skip
    with st.expander("Device, recipe, validation", key="more"):
        remaining_recipe()


def choose_launches() -> None:
    """Takes over what is to be seen."""
    race.grids = tuple(st.session_state["choose:launches"])


def delete_shown() -> None:
    """Deletes the runs of the launches shown, but for those that go on."""
    if shut:
        return
    try:
        store.delete([run.id for run in store.all(*ENDED) if run.grid in race.grids])
    except ValueError as error:
        st.toast(escaped(f"{error}."))


for note in st.session_state.reported.notes if "reported" in st.session_state else []:
    st.warning(escaped(note))
if labels:
    chooser, remover = st.columns([12, 1], vertical_alignment="bottom")
    st.session_state["choose:launches"] = list(race.grids)
    chooser.multiselect(
        "Launches shown", list(labels), format_func=lambda grid: str(labels.get(grid, grid)), key="choose:launches",
        placeholder="Choose launches to see or compare", on_change=choose_launches,
    )  # fmt: skip
    with remover.popover("", icon=":material/delete:", help="Delete the launches shown", disabled=bool(shut)):
        st.markdown("Delete all runs of the launches shown that are not under way, with their curves?")
        st.button("Delete", on_click=delete_shown, type="primary")
race.show(everything)
active = any(run.status in (QUEUED, RUNNING) for run in everything)


def write_link() -> None:
    """Puts what is shown, and how, into the address."""
    query = plan.to_query() | race.view.to_query() | ({"runs": ",".join(race.grids)} if race.grids else {})
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


@st.fragment(run_every=TICK if active else REST)
def pictures() -> None:
    """The fragment that looks at the store and follows the hand."""
    with spoken():
        try:
            show_board()
        except StoreError:
            race.fresh = True  # the board is not there, and will ask for everything
            if not is_there(store.path):
                st.rerun()  # which makes one anew
            raise
    if st.session_state.pop("final", True):
        write_link()


def show_board() -> None:
    """Sends the board what is new. StoreError where the store does not answer."""
    if active and not shut:
        runner.ensure(store)
    slots = sum(int(device.get("slots", 1)) for device in devices.values())
    message = race.message(store, may_act=not shut, slots=slots)
    message["problems"] = plan.problems
    board(message, key="board", on_change=changed)
    if name := st.session_state.pop("explain", None):
        explain(name, OPTIMIZERS[name].title)
    now = any(run.status in (QUEUED, RUNNING) for run in store.all(QUEUED, RUNNING))
    if st.session_state.pop("replan", False) or st.session_state.pop("rerun", False) or now != active:
        st.rerun()


pictures()


def named(run: Run) -> str:
    """A run in a list."""
    settings = report.settings_of(run.settings)
    return f"{run.name or report.title(settings)}, {report.detail(settings)}, seed {settings.seed}"


def by_epoch(run: Run) -> None:
    """The tutorial's table, and the command that makes this run again."""
    settings = report.settings_of(run.settings)
    columns = {
        name: st.column_config.NumberColumn(
            name.replace("_", " ").capitalize(), format="percent" if name.endswith("accuracy") else None
        )
        for name in ("epoch", "seconds", *(f"{part}_{what}" for part in report.PARTS for what in ("loss", "accuracy")))
    }
    st.dataframe(report.epochs(run, report.series_of(store, [run])[run.id]), hide_index=True, column_config=columns)
    place = "" if INSTALLED else ", in the project's folder"
    st.caption(f"The same run from the command line{place}:")
    st.code(export.reproduce(settings), language="bash", wrap_lines=True)
    st.caption("What the run recorded of where it ran:")
    st.json(dict(run.record), expanded=False)


if report.readable(run for run in everything if run.id in race.ids):
    with st.expander("Epoch by epoch, reproduce, export"), spoken():
        one = {run.id: run for run in report.readable(everything) if run.id in race.ids}
        picked = st.selectbox("Run", list(one)[::-1], format_func=lambda key: named(one[key]))
        by_epoch(one[picked])
        st.caption("All runs shown, as files:")
        with st.container(horizontal=True, gap="small"):
            offer("training", EXPORTS, store, race.ids)
