"""Trajectories: a surface, some optimizers, their paths, live."""

import time
from functools import partial
from typing import Any

import streamlit as st

from optim_core import RULES
from optim_core.around import CLIPS, DECAYS, SCHEDULES
from surfaces import SURFACES
from views.export_paths import EXPORTS
from views.live_controls import live_controls
from views.live_plot import live_plot
from views.picture import (
    DIFFERENCES,
    STOPS,
    around_fields,
    controls,
    details,
    message,
)
from views.routed import through_app
from views.sentences import explain, say
from views.settings import Settings
from views.stories import STORIES, neighbours

through_app(__file__)

DETAILS = ("difference", "spacing", "stop", "tolerance", "window", "resolution")

# The address counts on the first run, and where it has changed since it was written: the browser's back button. An
# address that is a second old or younger may not have reached the browser yet.
written, when = st.session_state.get("written", (None, 0.0))
if written is None or (st.query_params.to_dict() != written and time.monotonic() - when > 1.0):
    st.session_state.trajectories = Settings.from_query(st.query_params.to_dict())
settings: Settings = st.session_state.trajectories


def write_link() -> None:
    """Puts the whole state into the address."""
    query = settings.to_query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state.written = (query, time.monotonic())


def problem(path: str) -> None:
    """The sentence under a widget, where there is one."""
    if path in settings.problems:
        say(settings.problems[path])


def choose(path: str) -> None:
    """Takes over what a native widget holds."""
    settings.apply(path, st.session_state[f"choose:{path}"])


def choice(path: str, label: str, names: dict[str, str], help_text: str | None = None) -> None:
    """A select box for one setting."""
    owner, name = (settings.around, path.removeprefix("around.")) if "." in path else (settings, path)
    st.session_state[f"choose:{path}"] = getattr(owner, name)
    st.selectbox(
        label, list(names), format_func=names.__getitem__, key=f"choose:{path}", on_change=choose, args=(path,),
        help=help_text,
    )  # fmt: skip
    problem(path)


def add() -> None:
    """A card of the chosen rule; the box is empty again afterwards."""
    if st.session_state["add"]:
        settings.add(st.session_state["add"])
        st.session_state["add"] = None


def changed(change: dict[str, Any]) -> None:
    """What the browser says: new values, and what was pressed on a card."""
    st.session_state.have = frozenset(change.get("have", ()))
    for path, value in change["set"].items():
        settings.apply(path, value)
    for action in change["actions"]:
        match action:
            case {"remove": number}:
                settings.remove(int(number))
            case {"duplicate": number}:
                settings.duplicate(int(number))
            case {"help": number} if int(number) in settings.cards:
                st.session_state.explain = settings.cards[int(number)].rule
    anew = change["final"] and any(path.startswith("window") or path.endswith(".base") for path in change["set"])
    st.session_state.new_cards = anew or any({"remove", "duplicate"} & set(action) for action in change["actions"])
    st.session_state.new_around = change["final"] and "around.noise" in change["set"]
    st.session_state.final = change["final"]


def tell(name: str | None) -> None:
    """Opens a story as it is told; without a name the picture stays and the text goes."""
    if name is None:
        settings.apply("story", None)
    else:
        st.session_state.trajectories = Settings.from_query({"story": name})


def stories() -> None:
    """The stories, one after the other, with the text of the one that is shown."""
    st.session_state["story"] = settings.story
    st.selectbox(
        "Stories", list(STORIES), format_func=lambda name: STORIES[name].title, index=None, key="story",
        placeholder="Stories: what to look at", label_visibility="collapsed",
        on_change=lambda: tell(st.session_state["story"]),
    )  # fmt: skip
    problem("story")
    if settings.story is None:
        return
    story = STORIES[settings.story]
    before, after = neighbours(story.name)
    with st.container(horizontal=True, gap="small"):
        for key, label, to in (("before", "‹ Back", before), ("again", "As told", story), ("after", "Next ›", after)):
            title, name = (to.title, to.name) if to else (None, None)
            st.button(label, key=f"story:{key}", help=title, disabled=not to, on_click=tell, args=(name,))
    st.markdown(f":small[{story.text}]")
    st.markdown(f":small[**Try:** {story.task}]")


with st.sidebar:
    stories()
    shown_surface = SURFACES[settings.surface]
    about = f"${shown_surface.latex}$\n\n{shown_surface.reference}"
    choice("surface", "Surface", {name: surface.title for name, surface in SURFACES.items()}, about)
    st.caption(shown_surface.difficulty)
    live_controls(controls(settings), key="controls")
    st.selectbox(
        "Add an optimizer", list(RULES), format_func=lambda name: RULES[name].title, index=None, key="add",
        placeholder="Add an optimizer", label_visibility="collapsed", on_change=add,
    )  # fmt: skip
    problem("card")
    wrong = any(path.startswith(DETAILS) for path in settings.problems)
    with st.expander("Gradients, stop rule, window", expanded=wrong):
        choice("difference", "Gradient", DIFFERENCES)
        choice("stop", "Stop at", STOPS)
        fields = details(settings)
        live_controls(fields, key="details")
        st.session_state["choose:view.ball"] = settings.view.ball
        st.toggle("The ball that momentum imitates", key="choose:view.ball", on_change=choose, args=("view.ball",))
        for path in ("spacing", "tolerance"):
            if path not in {field["path"] for field in fields["groups"][0]["fields"]}:
                problem(path)
    with st.expander("Around every optimizer", expanded=settings.around.active):
        choice("around.schedule", "Learning rate over the run", SCHEDULES)
        choice("around.clip", "Clip gradients", CLIPS)
        choice("around.decay", "Weight decay", DECAYS)
        live_controls(around_fields(settings), key="around")
    with st.popover("Export", width="stretch"):
        for name, (label, told, kind, text) in EXPORTS.items():
            st.download_button(
                label, partial(text, settings, st.context.url or ""), name, kind, key=f"export:{name}", help=told,
                on_click="ignore", width="stretch",
            )  # fmt: skip
    for path in settings.problems:
        if path.startswith(("link", "view.")):
            problem(path)


@st.fragment
def pictures() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    shown = message(settings, st.session_state.get("have", frozenset()))
    if st.session_state.pop("new_cards", False):
        shown["controls"] = controls(settings)
    elif st.session_state.pop("new_around", False):  # with noise comes its seed
        shown["controls"] = around_fields(settings)
    live_plot(shown, key="plot", on_change=changed)
    if st.session_state.pop("final", True):
        write_link()
    if rule := st.session_state.pop("explain", None):
        explain(rule, RULES[rule].title)


pictures()
