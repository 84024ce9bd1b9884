"""Catalogue: every rule, where it comes from, what it keeps, and what it was held against."""

import streamlit as st

from optim_core import RULES
from views.catalogue.catalogue import View, badge_of, message, paper, parameters
from views.shared.component import held
from views.shared.components import catalogue_cards
from views.shared.page import Page
from views.shared.received import Change
from views.shared.routed import through_app
from views.shared.sentences import escaped, stacked

through_app(__file__)

page = Page("catalogue", View, begins_anew=True, late=0.0)
view = page.state


def changed(change: Change) -> None:
    """What the browser says: what is searched for, which families, which rule."""
    if change.set:
        view.problems.clear()
    page.changed(change)


def table(rows: list[dict[str, str]]) -> None:
    """Rows of Markdown."""
    st.table(rows, hide_index=True, width="content")


def shown(name: str) -> None:
    """A rule in full: formula, hyperparameters, paper, source, checks."""
    rule = RULES[name]
    st.latex(stacked(rule.latex))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Hyperparameters")
        if rows := parameters(rule):
            table(rows)
        else:
            st.markdown("None.")
    with right:
        st.markdown("##### Source and notes")
        st.markdown(paper(rule))
    held = badge_of(rule)
    if held.rows:
        with st.expander(f"All {len(held.rows)} checks" if len(held.rows) > 1 else "The check"):
            table([{title: escaped(text) for title, text in row.items()} for row in held.rows])
            st.caption(
                "The bound holds on every processor. The difference within it is rounding: it is that of the machine "
                "that recorded it, as is the number of steps of a rule that ends by itself."
            )
            for reason in held.reasons:
                st.caption(f"Fewer steps, or a wider bound: {escaped(reason)}")
    st.markdown(f"##### `optim_core/rules/{rule.module_name}.py`")
    st.code(rule.source, language="python")


@st.fragment
def catalogue() -> None:
    """The fragment that follows the hand."""
    page.say(*view.problems)
    sent = message(view, held("cards"))
    catalogue_cards(sent, key="cards", on_change=changed)
    page.write_link()
    if view.rule:
        shown(view.rule)


catalogue()
