"""Ravine: watch optimizers move, and compare them. The router over ``pages/``, and what the server does once."""

import gc

import streamlit as st

from views.assets import publish
from views.warm import warm_first_picture


@st.cache_resource(show_spinner="Compiling the first picture …")
def warm_up() -> None:
    """What the first picture needs, once per server."""
    publish()
    warm_first_picture()


@st.cache_resource(show_spinner=False)
def freeze(page_title: str) -> None:  # noqa: ARG001
    """Takes what a page's first run has imported and built out of Streamlit's full collection after every run.

    That collection holds the interpreter lock for 10 to 130 ms otherwise, at every move of a slider.
    """
    gc.collect()
    gc.freeze()


st.set_page_config(page_title="Ravine", page_icon="static/icon.png", layout="wide", initial_sidebar_state=350)
st.logo("static/logo.svg", size="large", icon_image="static/icon.png")
page = st.navigation(
    [
        st.Page("pages/trajectories.py", title="Trajectories", icon=":material/timeline:", default=True),
        st.Page("pages/maps.py", title="Maps", icon=":material/grid_on:"),
        st.Page("pages/tuning.py", title="Tuning", icon=":material/tune:"),
        st.Page("pages/gradients.py", title="Gradients", icon=":material/function:"),
        st.Page("pages/minibatch.py", title="Minibatch", icon=":material/scatter_plot:"),
        st.Page("pages/momenta.py", title="The two momenta", icon=":material/sports_tennis:"),
        st.Page("pages/training.py", title="Training", icon=":material/model_training:"),
        st.Page("pages/catalogue.py", title="Catalogue", icon=":material/menu_book:"),
    ],
    position="top",
)
warm_up()
st.session_state.routed = True
page.run()
freeze(page.title)
