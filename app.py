"""Ravine: watch optimizers move, and compare them. The router over ``pages/``, and what the server does once."""

import streamlit as st

from views.shared.admission import stranger
from views.shared.assets import STATIC, publish
from views.shared.memory import collect_now_and_then
from views.shared.sentences import escaped
from views.warm import warm_first_picture


@st.cache_resource(show_spinner="Compiling the first picture …")
def warm_up() -> None:
    """What the first picture needs, once per server."""
    publish()
    warm_first_picture()
    collect_now_and_then()


st.set_page_config(page_title="Ravine", page_icon=STATIC / "icon.png", layout="wide", initial_sidebar_state=350)
if wrong := stranger():
    st.error(escaped(wrong))
    st.stop()
st.logo(STATIC / "logo.svg", size="large", icon_image=STATIC / "icon.png")
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
try:
    warm_up()
except FileNotFoundError as error:
    st.error(escaped(f"{error}."))
    st.stop()
st.session_state.routed = True
page.run()
