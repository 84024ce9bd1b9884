"""The two momenta: the traditional form and the average form make the same steps; the average itself."""

import time

import streamlit as st

from surfaces import SURFACES
from views.live_controls import live_controls
from views.momenta import Momenta, controls, message
from views.received import Change
from views.routed import through_app
from views.sentences import say
from views.study import study

through_app(__file__)

# The address counts on the first run, and where it has changed since it was written: the browser's back button. An
# address that is a second old or younger may not have reached the browser yet; an empty one is that of the menu.
address = st.query_params.to_dict()
written, when = st.session_state.get("momenta:written", (None, 0.0))
if "momenta" not in st.session_state or (address and address != written and time.monotonic() - when > 1.0):
    st.session_state.momenta = Momenta.from_query(address)
state: Momenta = st.session_state.momenta


def write_link() -> None:
    """Puts the whole state into the address."""
    query = state.to_query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state["momenta:written"] = (query, time.monotonic())


def choose() -> None:
    """Takes over the surface that the select box holds."""
    state.apply("surface", st.session_state["momenta:surface"])


def changed(change: Change) -> None:
    """What the browser says: new values."""
    for path, value in change.set.items():
        state.apply(path, value)
    st.session_state["momenta:final"] = change.final


with st.sidebar:
    surface = SURFACES[state.surface]
    st.session_state["momenta:surface"] = state.surface
    st.selectbox(
        "Surface", list(SURFACES), format_func=lambda name: SURFACES[name].title, key="momenta:surface",
        on_change=choose, help=f"${surface.latex}$\n\n{surface.reference}",
    )  # fmt: skip
    if "surface" in state.problems:
        say(state.problems["surface"])
    live_controls(controls(state), key="momenta:controls")
    if "link" in state.problems:
        say(state.problems["link"])


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    study(message(state), key="study", on_change=changed)
    if st.session_state.pop("momenta:final", True):
        write_link()


picture()
