"""Ravine: watch optimizers move, and compare them. The router over ``pages/``, and what the server does once."""

import gc

import streamlit as st

from views.component import ensure_plotly
from views.warm import warm_first_picture


@st.cache_resource(show_spinner="Compiling the first picture …")
def once() -> None:
    """Warms the server up; freezes what is alive then, so that Streamlit's collection after every run is short."""
    ensure_plotly()
    warm_first_picture()
    gc.collect()
    gc.freeze()


st.set_page_config(page_title="Ravine", page_icon="static/icon.png", layout="wide", initial_sidebar_state=350)
st.logo("static/logo.svg", size="large", icon_image="static/icon.png")
page = st.navigation(
    [st.Page("pages/trajectories.py", title="Trajectories", icon=":material/timeline:", default=True)],
    position="top",
)
once()
page.run()
