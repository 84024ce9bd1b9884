"""Trajectories: a surface, some optimizers, their paths, live."""

# An action that nobody sends is an error:
# pyright: reportUnnecessaryComparison=error

from functools import partial
from urllib.parse import parse_qsl

import streamlit as st

from optim_core import RULES
from optim_core.around import CLIPS, DECAYS, SCHEDULES
from surfaces import SURFACES
from views.shared.components import live_plot
from views.shared.controls import around_fields, controls, details, starts_fields
from views.shared.exports import offer
from views.shared.live_controls import live_controls
from views.shared.page import Page
from views.shared.received import Change
from views.shared.routed import through_app
from views.shared.sentences import explain, say
from views.shared.settings import Settings
from views.shared.stories import STORIES, neighbours
from views.shared.surface_choice import surface_choice
from views.shared.words import DIFFERENCES, STOPS
from views.trajectories.animation import gif, signature
from views.trajectories.comparisons import GROUPS, MOST, comparable, compare_rules, compare_values, proposed, spaced
from views.trajectories.export_paths import EXPORTS
from views.trajectories.message import message

through_app(__file__)

STARTS = {"one": "One", "ring": "A ring around it", "grid": "A grid around it"}
DETAILS = ("difference", "spacing", "stop", "tolerance", "window", "resolution")

page = Page("trajectories", Settings, begins_anew=True)
settings = page.state


def choice(path: str, label: str, names: dict[str, str], help_text: str | None = None) -> None:
    """A select box for one setting."""
    part, _, name = path.rpartition(".")
    owner = {"": settings, "around": settings.around, "starts": settings.spread}[part]
    page.choice(path, label, names, getattr(owner, name), help_text)


def with_year(rule: str) -> str:
    """A rule as the list offers it, which is in the order of the years."""
    return f"{RULES[rule].title} ({RULES[rule].year})"


def add() -> None:
    """A card of the chosen rule; the box is empty again afterwards."""
    if st.session_state["add"] in RULES:
        settings.add(st.session_state["add"])
    st.session_state["add"] = None


def changed(change: Change) -> None:
    """What the browser says: new values, and what was pressed on a card."""
    page.changed(change)
    for action in change.actions:
        match action:
            case {"remove": int(number)}:
                settings.remove(number)
            case {"duplicate": int(number)}:
                settings.duplicate(number)
            case {"help": int(number)} if number in settings.cards:
                st.session_state.explain = settings.cards[number].rule
            case {"show": str(query)}:
                show(query)
            case {"story": str(name)} if name in STORIES:
                tell(name)
    anew = change.final and any(path.startswith("window") or path.endswith(".base") for path in change.set)
    st.session_state.new_cards = anew or any({"remove", "duplicate"} & set(action) for action in change.actions)
    st.session_state.new_around = change.final and "around.noise" in change.set


def show(query: str) -> None:
    """Opens a kept state; what the page is compared with stays, unless it is this very state."""
    shown = Settings.from_query(dict(parse_qsl(query)))
    if settings.against != query:
        shown.against, shown.against_name = settings.against, settings.against_name
    st.session_state.trajectories = shown


def tell(name: str | None) -> None:
    """Opens a story as it is told; without a name the picture stays and the text goes."""
    if name is None:
        settings.apply("story", None)
    else:
        mode = {"view.projector": "1"} if settings.view.projector else {}
        st.session_state.trajectories = Settings.from_query({"story": name, **mode})


def stories() -> None:
    """The stories, one after the other, with the text of the one that is shown."""
    st.session_state["story"] = settings.story
    st.selectbox(
        "Stories", list(STORIES), format_func=lambda name: STORIES[name].title, index=None, key="story",
        placeholder="Stories: what to look at", label_visibility="collapsed",
        on_change=lambda: tell(st.session_state["story"]),
    )  # fmt: skip
    page.say("story")
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


def compare(rule: str, name: str) -> None:
    """Copies of one card with the values that the fields hold now; a sentence where they are not allowed."""
    held = st.session_state
    held.pop("compare:problem", None)
    number = held.get("compare:card")
    try:
        if number not in settings.cards or settings.cards[number].rule != rule:
            raise ValueError("that optimizer is no longer there; choose another")
        low, high, log = (held.get(f"{part}:{rule}:{name}") for part in ("low", "high", "log"))
        if low is None or high is None or log is None:
            raise ValueError("the first and the last value are missing")
        compare_values(settings, number, name, spaced(low, high, held.get("compare:count", 2), log))
    except ValueError as error:
        st.session_state["compare:problem"] = f"{error}."


def comparisons() -> None:
    """Several optimizers from one start, or several values of one hyperparameter, each with one click."""
    st.caption("Several optimizers, each with its usual settings")
    with st.container(horizontal=True, gap="small"):
        for group in GROUPS:
            st.button(
                group.title, help=group.about, key=f"group:{group.title}", on_click=compare_rules,
                args=(settings, group.rules),
            )  # fmt: skip
    titles = {number: settings.title(number) for number in settings.cards if comparable(settings, number)}
    if not titles:
        return
    if st.session_state.get("compare:card") not in titles:
        st.session_state["compare:card"] = next(iter(titles))
    st.caption("One optimizer, several values")
    number = st.selectbox("Optimizer", list(titles), format_func=lambda n: titles.get(n, ""), key="compare:card")
    card = settings.cards[number]
    name = st.selectbox("Of its", comparable(settings, number), key=f"compare:{card.rule}")
    limits = RULES[card.rule].ranges[name]
    ends = proposed(limits, card.hyper[name])
    with st.container(horizontal=True, gap="small"):
        for label, key, value in (("From", "low", ends[0]), ("To", "high", ends[1])):
            st.number_input(
                label, value=value, format="%g", step=abs(value) / 10 or 0.1, key=f"{key}:{card.rule}:{name}"
            )
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        count = st.number_input("Values", 2, MOST, 5, key="compare:count")
        st.checkbox("by a factor", value=limits.log, key=f"log:{card.rule}:{name}", help="Evenly spaced otherwise")
    st.button(f"Compare {count} values", on_click=compare, args=(card.rule, name), key="compare", type="primary")
    if "compare:problem" in st.session_state:
        say(st.session_state["compare:problem"])


def dark() -> bool:
    return st.context.theme.type == "dark"


def playback() -> None:
    """A button that draws the playback as a GIF; then the file itself, as long as it is of what is shown."""
    place, now = st.empty(), signature(settings, dark())
    if st.session_state.get("gif", ("", b""))[0] != now:
        st.session_state.pop("gif", None)
        told = "Draws up to 120 pictures here on the server, which takes some seconds"
        off = not any(card.on for card in settings.cards.values())
        if not place.button("GIF of the playback", key="export:gif", help=told, width="stretch", disabled=off):
            return
        bar = place.progress(0.0, "Drawing the playback …")
        try:
            made = gif(settings, dark(), lambda done, of: bar.progress(done / of, f"Picture {done} of {of}"))
        except ValueError as error:
            place.empty()
            say(f"{error}.")
            return
        st.session_state.gif = (now, made)
    name, made = f"ravine-{settings.surface}.gif", st.session_state.gif[1]
    place.download_button(f"Save {name}", made, name, "image/gif", key="export:gif file", width="stretch",
        on_click="ignore")  # fmt: skip


with st.sidebar:
    stories()
    shown_surface = SURFACES[settings.surface]
    surface_choice("trajectories:surface", settings.surface, settings.parameters, partial(settings.apply, "surface"))
    page.say("surface")
    st.caption(shown_surface.difficulty)
    live_controls(controls(settings), key="controls")
    st.selectbox(
        "Add an optimizer", list(RULES), format_func=with_year, index=None, key="add",
        placeholder="Add an optimizer", label_visibility="collapsed", on_change=add,
    )  # fmt: skip
    page.say("card")
    with st.popover("Compare", width="stretch"):
        comparisons()
    with st.expander("Many starts", expanded=settings.spread.kind != "one"):
        choice("starts.kind", "Starts", STARTS)
        live_controls(starts_fields(settings), key="starts")
    wrong = any(path.startswith(DETAILS) for path in settings.problems)
    with st.expander("Gradients, stop rule, window", expanded=wrong):
        choice("difference", "Gradient", DIFFERENCES)
        choice("stop", "Stop at", STOPS)
        fields = details(settings)
        live_controls(fields, key="details")
        key = page.key("view.ball", settings.view.ball)
        st.toggle("The ball that momentum imitates", key=key, on_change=page.take, args=("view.ball",))
        for path in ("spacing", "tolerance"):
            if path not in {field["path"] for field in fields["groups"][0]["fields"]}:
                page.say(path)
    with st.expander("Around every optimizer", expanded=settings.around.active):
        choice("around.schedule", "Learning rate over the run", SCHEDULES)
        choice("around.clip", "Clip gradients", CLIPS)
        choice("around.decay", "Weight decay", DECAYS)
        live_controls(around_fields(settings), key="around")
    with st.popover("Export", width="stretch"):
        offer("export", EXPORTS, settings, st.context.url or "")
        playback()
    for path in settings.problems:
        if path.startswith(("link", "view.")):
            page.say(path)


# Until the pictures are there, a page that is to be projected is bare; then they see to it themselves.
BARE = ':root:not(:has(.rv-plot)) :is([data-testid="stHeader"], [data-testid="stSidebar"]) { opacity: 0; }'
if settings.view.projector:
    st.html(f"<style>{BARE}</style>")


@st.fragment
def pictures() -> None:
    """The fragment that follows the hand: nothing else runs while a slider moves."""
    if st.session_state.trajectories is not settings:  # a kept state: the side bar follows too
        st.rerun()
    shown = message(settings)
    if st.session_state.pop("new_cards", False):
        shown["controls"] = controls(settings)
    elif st.session_state.pop("new_around", False):  # with noise comes its seed
        shown["controls"] = around_fields(settings)
    live_plot(shown, key="plot", on_change=changed)
    if page.rests():
        page.write_link()
        if "gif" in st.session_state and st.session_state.gif[0] != signature(settings, dark()):
            st.rerun()  # the side bar offers a GIF of what was shown before
    if rule := st.session_state.pop("explain", None):
        explain(rule, RULES[rule].title)


pictures()
