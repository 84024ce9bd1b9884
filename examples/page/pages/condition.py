"""How a ravine's condition slows gradient descent, and momentum less."""

import streamlit as st

from examples.page.condition import Condition, controls, message
from views.shared.components import study
from views.shared.live_controls import live_controls
from views.shared.page import Page

page = Page("condition", Condition)

with st.sidebar:
    live_controls(controls(page.state), key="condition:controls")
    page.say("link")


@st.fragment
def picture() -> None:
    """The fragment that follows the hand."""
    study(message(page.state), key="condition:study", on_change=page.changed)
    if page.rests():
        page.write_link()


picture()
