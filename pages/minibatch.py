"""Minibatch: stochastic runs on a real loss of two parameters, and what is exact about them."""

import streamlit as st

from views.shared.components import study
from views.shared.live_controls import live_controls
from views.shared.page import Page
from views.shared.routed import through_app
from views.study.minibatch import BUDGET, MOVING, message
from views.study.minibatch_state import ORDER_TITLES, RULE_TITLES, TITLES, Study, controls

through_app(__file__)

page = Page("minibatch", Study)
state = page.state

with st.sidebar:
    page.choice("data", "Data", TITLES, state.data)
    page.choice("rule", "Rule", RULE_TITLES, state.rule)
    page.choice("order", "Order of the rows", ORDER_TITLES, state.order)
    live_controls(controls(state), key="minibatch:controls")
    page.say("link")


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    rests = page.rests()
    study(message(state, BUDGET if rests else MOVING), key="study", on_change=page.changed)
    if rests:
        page.write_link()


picture()
