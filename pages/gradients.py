"""Gradients: what differences get wrong, against h, at a point of a surface."""

from functools import partial

import streamlit as st

from surfaces import SURFACES
from views.gradients.gradients import Place, controls, message, tutorial_link, tutorial_table
from views.shared.components import gradient_errors
from views.shared.live_controls import live_controls
from views.shared.page import Page
from views.shared.routed import through_app
from views.shared.surface_choice import surface_choice

through_app(__file__)

page = Page("gradients", Place)
state = page.state

with st.sidebar:
    surface = SURFACES[state.surface]
    surface_choice("gradients:surface", state.surface, state.parameters, partial(state.apply, "surface"))
    live_controls(controls(state), key="gradients:controls")
    page.say("surface", "link", "view.printed")


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    gradient_errors(message(state), key="errors", on_change=page.changed)
    if page.rests():
        page.write_link()


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
