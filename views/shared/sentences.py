"""What the pages say in words: sentences about what is not allowed, and what an optimizer is."""

import re

import streamlit as st

from optim_core import RULES

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+.!|~$:-])")


def escaped(text: str) -> str:
    """Text whose characters are not taken for markup."""
    return _MARKUP.sub(r"\\\1", text)


def say(sentence: str) -> None:
    """A sentence about something that is not allowed."""
    st.markdown(f":small[:red[{escaped(sentence)}]]")


def stacked(latex: str) -> str:
    """A formula's parts beneath each other."""
    return r"\begin{gathered}" + latex.replace(r",\quad ", r"\\[6pt] ") + r"\end{gathered}"


def explain(name: str, title: str) -> None:
    """Opens what an optimizer is: formula, paper, the source that runs."""

    @st.dialog(title, width="large")
    def show() -> None:
        if name not in RULES:
            st.markdown(f"The class `{name.replace('torch.', 'torch.optim.')}` as PyTorch ships it.")
            return
        rule = RULES[name]
        st.latex(stacked(rule.latex))
        st.caption(f"{rule.family}, {rule.year}")
        st.text(rule.paper)
        st.markdown(f"The source below, `optim_core/rules/{name}.py`, moves the dot on surfaces and trains networks.")
        st.code(rule.source, language="python")

    show()
