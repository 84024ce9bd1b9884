"""What Streamlit does anew for every run of a script and need not: an eighth of the processor time of a move."""

from functools import cache
from typing import Any

from streamlit.components.v2.bidi_component import main as components
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

_populate = app_session._populate_theme_msg


def lighten() -> None:
    """From now on the theme is read from the configuration once, and a component's state is no class of its own.

    The configuration of a server does not change while it runs. The class, made at each look at a component's state,
    is there to merge what triggers say, which no component here has, and each one is garbage in cycles.
    """
    app_session._populate_theme_msg = _populate_once
    streamlits: Any = components
    streamlits.make_bidi_component_presenter = _as_it_is


def _populate_once(message: CustomThemeConfig, section: str = "theme") -> None:
    if (known := _theme(section)) is not None:
        message.MergeFrom(known)


@cache
def _theme(section: str) -> CustomThemeConfig | None:
    """The part of the theme that a section sets; None where it sets nothing, which is not sent."""
    found = CustomThemeConfig()
    _populate(found, section)
    return found if found.ByteSize() else None


def _as_it_is(*_: object) -> None:
    """No presenter: the state stands in ``st.session_state`` as the browser has sent it."""
