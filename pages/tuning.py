"""Tuning: the best setting of each optimizer under one budget, how forgiving each is, and what it reaches."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from optim_core import RULES
from optim_core.studies.tuning import OBJECTIVES, SEARCHES
from views.shared.exports import offer
from views.shared.page import Page
from views.shared.routed import through_app
from views.shared.sentences import escaped, say
from views.shared.surface_choice import surface_choice
from views.tuning import tuning
from views.tuning.tuning import MOST, TOLERANCE, TUNABLE, WHOLE, TuningState

through_app(__file__)
page = Page("tuning", TuningState, late=0.0)
state = page.state

WIDE = "<style>.stMainBlockContainer { padding: 3.75rem 1.5rem 2rem; max-width: 1800px; }</style>"  # as other pages
HELP = {
    "tolerance": "A run has arrived when its loss is so much above the lowest minimum.",
    "trials": "How many settings of each optimizer are tried: the same for all.",
    "evaluations": "How many gradients a run may ask for; a rule that asks twice a step makes half as many steps.",
    "starts": "From how many places each setting is tried; a setting is worth their median.",
    "seed": "Of the starts, and of random settings.",
}


def number(path: str, label: str, value: float, low: float, high: float, help_text: str | None = None) -> None:
    """A field for one number; whole where its value is."""
    st.number_input(label, low, high, key=page.key(path, value), on_change=page.take, args=(path,), help=help_text,
        format=None if isinstance(value, int) else "%g")  # fmt: skip
    page.say(path)


def table(rows: list[dict[str, str]]) -> None:
    """Rows of text."""
    st.table([{name: escaped(text) for name, text in row.items()} for row in rows], hide_index=True, width="content")


def shown_while(place: Any, words: str) -> Callable[[int, int], None]:
    """A bar for work that lasts; whatever is moved meanwhile ends it, since Streamlit begins anew at its calls."""
    began = time.perf_counter()

    def progress(done: int, total: int) -> None:
        if time.perf_counter() - began > 0.4:
            place.progress(done / total, f"{done:,} of {total:,} {words}")

    return progress


with st.sidebar:
    surface_choice("tuning:surface", state.surface, state.parameters, partial(state.apply, "surface"))
    page.say("surface")
    for name, limits in state.shown.ranges.items():
        value = state.parameters.setdefault(name, getattr(state.shown.Parameters(), name))
        key = page.key(f"surface.{name}", value)
        low, high = min(value, limits.low), max(value, limits.high)  # a link may hold more than the slider offers
        st.slider(name, low, high, key=key, on_change=page.take, format="%g", args=(f"surface.{name}",))
        page.say(f"surface.{name}")
    key = page.key("rules", list(state.rules))
    st.multiselect(f"Optimizers (up to {MOST})", list(TUNABLE), format_func=lambda name: RULES[name].title,
        key=key, max_selections=MOST, on_change=page.take, args=("rules",))  # fmt: skip
    page.say("rules")
    page.choice("objective", "Objective", OBJECTIVES, state.objective)
    number("tolerance", "Tolerance", state.tolerance, TOLERANCE.low, TOLERANCE.high, HELP["tolerance"])
    page.choice("search", "Search", SEARCHES, state.search)
    left, right = st.columns(2)
    for place, name, label in ((left, "trials", "Settings"), (right, "evaluations", "Evaluations"),
                               (left, "starts", "Starts"), (right, "seed", "Seed")):  # fmt: skip
        with place:
            limits = WHOLE[name]
            number(name, label, getattr(state, name), int(limits.low), int(limits.high), HELP[name])
    page.say(*(path for path in state.problems if path not in page.placed))
    state.problems = {}

page.write_link()
st.html(WIDE)
place = st.empty()
try:
    with place.container():
        made = tuning.tuned(state, progress=shown_while(st.empty(), "runs"))
except ValueError as error:
    place.empty()
    say(f"{error}.")
    st.stop()
place.empty()

st.markdown(f"##### {escaped(state.shown.title)}: {OBJECTIVES[state.objective].lower()} against learning rate")
st.plotly_chart(tuning.figure(state, made), key="tuning:figure", config={"displaylogo": False})
st.markdown(escaped(tuning.sentence(state, made)))
table(tuning.rows(state, made))
with st.container(horizontal=True, gap="small"):
    if st.button("Use these on Trajectories", type="primary", key="tuning:use"):
        st.switch_page("pages/trajectories.py", query_params=tuning.on_trajectories(state, made))
    offer("tuning", tuning.EXPORTS, made, width="content", surface=state.surface)
st.caption(escaped(tuning.caption(state, made)))

with st.expander("On every surface", key="tuning:everywhere", on_change="rerun") as everywhere:
    if everywhere.open:
        st.markdown(
            "Each optimizer is tuned anew on each surface, with the budget above. Counted: which share of "
            f"{tuning.SIDE} × {tuning.SIDE} starts all over the window its best setting brings within the "
            "tolerance of the lowest minimum, and in how many steps (median of those that arrive)."
        )
        below = st.empty()
        counted = tuning.claims(state, shown_while(below, "surfaces"))
        below.empty()
        table(
            [dict(zip(("Surface", *(RULES[name].title for name in state.rules)), row, strict=True)) for row in counted]
        )
