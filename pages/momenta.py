"""The two momenta: the traditional form and the average form make the same steps; the average itself."""

import streamlit as st

from surfaces import SURFACES
from views.shared.components import study
from views.shared.live_controls import live_controls
from views.shared.page import Page
from views.shared.routed import through_app
from views.study.momenta import Momenta, controls, message

through_app(__file__)

page = Page("momenta", Momenta)
state = page.state

with st.sidebar:
    surface = SURFACES[state.surface]
    titles = {name: one.title for name, one in SURFACES.items()}
    page.choice("surface", "Surface", titles, state.surface, f"${surface.latex}$\n\n{surface.reference}")
    live_controls(controls(state), key="momenta:controls")
    page.say("link")


@st.fragment
def picture() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    study(message(state), key="study", on_change=page.changed)
    if page.rests():
        page.write_link()


picture()
