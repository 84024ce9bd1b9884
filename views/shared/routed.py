"""Pages are reached through ``app.py``, also by the first visitor of a server."""

import streamlit as st


def through_app(file: str) -> None:
    """Begins again with ``app.py`` where a page's file was run without it.

    For the first session of a server that asks for another page than the first, Streamlit takes the folder ``pages/``
    for its older kind of app, until ``st.navigation`` has been called once.
    """
    if "routed" not in st.session_state:
        st.navigation([st.Page(lambda: None, title="Ravine", default=True), st.Page(file)], position="hidden")
        st.rerun()
