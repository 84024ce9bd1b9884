"""Minibatch: stochastic runs on a real loss of two parameters, and what is exact about them."""

import time

import streamlit as st

from views.live_controls import live_controls
from views.minibatch import BUDGET, MOVING, ORDER_TITLES, RULE_TITLES, TITLES, Study, controls, message
from views.received import Change
from views.routed import through_app
from views.sentences import say
from views.study import study

through_app(__file__)

# The address counts on the first run, and where it has changed since it was written: the browser's back button. An
# address that is a second old or younger may not have reached the browser yet; an empty one is that of the menu.
address = st.query_params.to_dict()
written, when = st.session_state.get("minibatch:written", (None, 0.0))
if "minibatch" not in st.session_state or (address and address != written and time.monotonic() - when > 1.0):
    st.session_state.minibatch = Study.from_query(address)
state: Study = st.session_state.minibatch


def write_link() -> None:
    """Puts the whole state into the address."""
    query = state.to_query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state["minibatch:written"] = (query, time.monotonic())


def choose(path: str) -> None:
    """Takes over what a select box holds."""
    state.apply(path, st.session_state[f"minibatch:{path}"])


def changed(change: Change) -> None:
    """What the browser says: new values."""
    for path, value in change.set.items():
        state.apply(path, value)
    st.session_state["minibatch:final"] = change.final


with st.sidebar:
    choices = (("data", "Data", TITLES, state.data), ("rule", "Rule", RULE_TITLES, state.rule),
               ("order", "Order of the rows", ORDER_TITLES, state.order))  # fmt: skip
    for path, label, names, value in choices:
        st.session_state[f"minibatch:{path}"] = value
        st.selectbox(
            label, list(names), format_func=lambda name, names=names: names[name], key=f"minibatch:{path}",
            on_change=choose, args=(path,),
        )  # fmt: skip
        if path in state.problems:
            say(state.problems[path])
    live_controls(controls(state), key="minibatch:controls")
    if "link" in state.problems:
        say(state.problems["link"])


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    final = st.session_state.pop("minibatch:final", True)
    study(message(state, BUDGET if final else MOVING), key="study", on_change=changed)
    if final:
        write_link()


picture()
