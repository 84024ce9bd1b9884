"""Maps: where runs from all over the window end, and what comes of all pairs of two hyperparameters, live."""

# An action that nobody sends is an error:
# pyright: reportUnnecessaryComparison=error

from functools import partial

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from optim_core import RULES
from optim_core.runs.sweep import Cancelled
from views.maps import controls as maps
from views.maps.large import SIDES, SIDES_FOR_ALL, kept, large_file, large_files
from views.maps.made import task
from views.maps.message import message
from views.maps.state import COLOURS, KINDS, MapState
from views.shared.admission import closed
from views.shared.component import held
from views.shared.components import live_maps
from views.shared.controls import under_fields
from views.shared.exports import offer
from views.shared.live_controls import live_controls
from views.shared.page import Page
from views.shared.received import Change
from views.shared.routed import through_app
from views.shared.sentences import explain, say
from views.shared.surface_choice import surface_choice
from views.shared.words import DIFFERENCES, STOPS

through_app(__file__)
page = Page("maps", MapState)
state = page.state


def go_on(_done: int, _of: int) -> bool:
    """Whether to go on computing: not where somebody has moved something since."""
    st.session_state.get("maps")  # here a run of the whole page begins instead, where one waits
    context = get_script_run_ctx()
    # Streamlit lets a fragment finish before it runs the next one; only its own queue tells that one waits.
    waiting = getattr(getattr(context, "script_requests", None), "_state", None)
    return getattr(waiting, "name", "") != "RERUN"


def add() -> None:
    """A card of the chosen rule; the box is empty again afterwards."""
    if st.session_state["maps:add"] in RULES:
        state.base.add(st.session_state["maps:add"])
    st.session_state["maps:add"] = None


def changed(change: Change) -> None:
    """What the browser says: new values, and what was pressed or clicked."""
    page.changed(change)
    anew = change.final and any(path.startswith("window") or path.endswith(".base") for path in change.set)
    st.session_state["maps:fine"] = False
    for action in change.actions:
        match action:
            case {"refine": True}:
                st.session_state["maps:fine"] = not change.set
            case {"remove": int(number)}:
                state.base.remove(number)
            case {"duplicate": int(number)}:
                state.base.duplicate(number)
            case {"help": int(number)} if number in state.base.cards:
                st.session_state["maps:explain"] = state.base.cards[number].rule
            case {"open": start}:
                st.session_state["maps:open"] = maps.on_trajectories(state, start)
    # A run that a newer change ends early leaves these to the next.
    if anew or any({"remove", "duplicate"} & set(one) for one in change.actions):
        st.session_state["maps:anew"] = True
    if change.final:
        st.session_state["maps:unwritten"] = True


def axis(which: str, label: str) -> None:
    """Which hyperparameter an axis of the plane has, and its scale."""
    names = {name: name.replace("_", " ") for name in state.names()}
    chosen = state.axis(which)
    if chosen.name and chosen.name not in names:
        names[chosen.name] = f"{chosen.name} (no optimizer here has it)"
    page.choice(f"map.{which}.name", label, {"": "Each one’s own", **names}, chosen.name)
    if chosen.name:
        scales = {"": "As usual", "0": "Linear", "1": "By decades"}
        value = "" if chosen.log is None else str(int(chosen.log))
        page.choice(f"map.{which}.log", f"Scale {label.lower()}", scales, value)


with st.sidebar:
    page.choice("map.kind", "Map of", KINDS, state.kind)
    surface_choice("maps:surface", state.base.surface, state.base.parameters, partial(state.apply, "surface"))
    page.say("surface")
    if state.kind == "plane":
        left, right = st.columns(2)
        with left:
            axis("x", "Across")
        with right:
            axis("y", "Up")
        page.choice("map.colour", "Colour", COLOURS, state.colour)
    fields = [maps.controls(state), maps.details(state)]
    live_controls(fields[0], key="maps:controls panel")
    st.selectbox(
        "Add an optimizer", list(RULES), format_func=lambda name: f"{RULES[name].title} ({RULES[name].year})",
        index=None, key="maps:add", placeholder="Add an optimizer", label_visibility="collapsed", on_change=add,
    )  # fmt: skip
    page.say("card")
    wrong = any(path.startswith(("difference", "spacing", "stop", "tolerance", "window")) for path in state.problems)
    with st.expander("Gradients, stop rule, window", expanded=wrong):
        page.choice("difference", "Gradient", DIFFERENCES, state.base.difference)
        page.choice("stop", "Stop at", STOPS, state.base.stop)
        live_controls(fields[1], key="maps:details")
    with st.popover("Export", width="stretch"):
        offer("maps", maps.EXPORTS, state, kind=state.kind)
    elsewhere = under_fields(state)
    for path in sorted(elsewhere.keys() - page.placed - maps.paths(fields)):
        say(elsewhere[path])


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    if (query := st.session_state.pop("maps:open", None)) is not None:
        st.switch_page("pages/trajectories.py", query_params=query)
    fine = st.session_state.pop("maps:fine", False)
    sent = message(state, held("maps:live"), fine, go_on)
    if st.session_state.pop("maps:anew", False):
        sent["controls"] = maps.controls(state)
    live_maps(sent, key="maps:live", on_change=changed)
    if st.session_state.pop("maps:unwritten", False):
        page.write_link()
    if rule := st.session_state.pop("maps:explain", None):
        explain(rule, RULES[rule].title)


@st.fragment
def large() -> None:
    """One map of up to 4096 pixels a side, as files; whatever is moved meanwhile ends it."""
    shut = closed(f"Making maps of more than {SIDES_FOR_ALL[-1]} pixels a side is")
    titles = {number: state.base.title(number) for number in state.shown}
    if not titles:
        st.caption("Add an optimizer first.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if st.session_state.get("maps:large card") not in titles:
            st.session_state["maps:large card"] = next(iter(titles))
        number = st.selectbox("Optimizer", list(titles), format_func=lambda n: titles.get(n, ""), key="maps:large card")
        side = st.selectbox("Pixels a side", SIDES if not shut else SIDES_FOR_ALL, key="maps:large side")
        pressed = st.button("Make it", type="primary", key="maps:large make")
    if shut:
        st.caption(shut)
    try:
        wanted = task(state, number, side)
    except ValueError as error:
        say(f"{error}.")
        return
    place = st.empty()
    if pressed:
        with place.container():
            bar = st.progress(0.0, f"0 of {wanted.runs:,} runs")
            st.button("Stop", key="maps:large stop")
        try:
            if kept.get(of := (wanted.key, state.colour)) is None:
                files = large_files(wanted, state.colour, lambda share, text: bar.progress(share, text), go_on)
                kept.put(of, files, len(files.png) + len(files.npz))
            st.session_state["maps:large"] = of
        except Cancelled:
            place.caption("Stopped.")
            return
        place.empty()
    if "maps:large" not in st.session_state:
        return
    of = st.session_state["maps:large"]
    if of != (wanted.key, state.colour) or (made := kept.get(of)) is None:
        del st.session_state["maps:large"]  # it was of other settings, or others have made so many since
        return
    name = f"{maps.file_name(state, number)}-{side}"
    with st.container(horizontal=True, gap="small"):
        st.download_button(f"PNG ({len(made.png) / 1e6:.1f} MB)", partial(large_file, of, "png"), f"{name}.png",
            "image/png", key="maps:large png", on_click="ignore")  # fmt: skip
        st.download_button(f"NPZ ({len(made.npz) / 1e6:.1f} MB)", partial(large_file, of, "npz"), f"{name}.npz",
            "application/octet-stream", key="maps:large npz", on_click="ignore")  # fmt: skip
    st.caption(made.told)


st.session_state["maps:unwritten"] = True
picture()
with st.expander("A large map"):
    large()
