"""A router with one page of one's own; in Ravine's own it is one more line."""

import streamlit as st

from views.shared.assets import publish

st.set_page_config(page_title="A page of one's own", layout="wide", initial_sidebar_state=350)
page = st.navigation([st.Page("pages/condition.py", title="Condition", icon=":material/landscape:")], position="top")
publish()
st.session_state.routed = True
page.run()
