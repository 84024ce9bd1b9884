"""Gradients: what differences get wrong, against h, at a point of a surface."""

import time
from functools import partial

import streamlit as st

from surfaces import SURFACES
from views.gradient_errors import gradient_errors
from views.gradients import Place, controls, message, tutorial_link, tutorial_table
from views.live_controls import live_controls
from views.received import Change
from views.routed import through_app
from views.sentences import say
from views.surface_choice import surface_choice

through_app(__file__)

# The address counts on the first run, and where it has changed since it was written: the browser's back button. An
# address that is a second old or younger may not have reached the browser yet; an empty one is that of the menu.
address = st.query_params.to_dict()
written, when = st.session_state.get("gradients:written", (None, 0.0))
if "gradients" not in st.session_state or (address and address != written and time.monotonic() - when > 1.0):
    st.session_state.gradients = Place.from_query(address)
state: Place = st.session_state.gradients


def write_link() -> None:
    """Puts the whole state into the address."""
    query = state.to_query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state["gradients:written"] = (query, time.monotonic())


def changed(change: Change) -> None:
    """What the browser says: new values."""
    for path, value in change.set.items():
        state.apply(path, value)
    st.session_state["gradients:final"] = change.final


with st.sidebar:
    surface = SURFACES[state.surface]
    surface_choice("gradients:surface", state.surface, state.parameters, partial(state.apply, "surface"))
    live_controls(controls(state), key="gradients:controls")
    for path in ("surface", "link", "view.printed"):
        if path in state.problems:
            say(state.problems[path])


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    gradient_errors(message(state), key="errors", on_change=changed)
    if st.session_state.pop("gradients:final", True):
        write_link()


picture()
st.subheader("What a pair of parentheses does to a run")
st.markdown(
    "A widely read tutorial runs gradient descent on Ackley’s function from (−2, −2) with h = 0.001 and the learning "
    "rate 1e−5, stops after a step shorter than 0.001, and reports 139 epochs; with momentum 0.1, 127. Both numbers "
    "come out with the gradient as it is printed there, `f(x+h) - f(x-h)/(2h)`. With the parentheses in place, "
    "`(f(x+h) - f(x-h))/(2h)`, the very first step is already shorter than that, and the run ends where it began."
)
st.markdown(tutorial_table())
st.page_link(
    "pages/trajectories.py", label="Watch these runs on Trajectories", icon=":material/timeline:",
    query_params=tutorial_link(),
)  # fmt: skip
