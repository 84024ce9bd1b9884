"""What Streamlit does anew for every run of a script and need not: an eighth of the processor time of a move."""

import time
from functools import cache
from typing import Any

from streamlit.components.v2.bidi_component import main as components
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.media_file_manager import MediaFileManager

REST = 1.0  # seconds between two looks for files that no session refers to any more

_populate, _remove = app_session._populate_theme_msg, MediaFileManager.remove_orphaned_files
_looked: dict[int, float] = {}  # when, by the manager


def lighten() -> None:
    """From now on the theme is read once, files are looked through now and then, component states are no classes.

    The configuration of a server does not change while it runs. The class, made at each look at a component's state,
    is there to merge what triggers say, which no component here has, and each one is garbage in cycles. The files of
    all sessions are looked through after each run of any of them; those for downloading outlive the next look anyhow,
    and ``memory`` looks once more after the last.
    """
    app_session._populate_theme_msg = _populate_once
    streamlits: Any = components
    streamlits.make_bidi_component_presenter = _as_it_is
    files: Any = MediaFileManager
    files.remove_orphaned_files = _now_and_then


def _populate_once(message: CustomThemeConfig, section: str = "theme") -> None:
    if (known := _theme(section)) is not None:
        message.MergeFrom(known)


def _now_and_then(manager: MediaFileManager) -> None:
    now = time.monotonic()
    if now - _looked.get(id(manager), -REST) >= REST:
        _looked[id(manager)] = now
        remove_files(manager)


def remove_files(manager: MediaFileManager) -> None:
    """Removes the files, and what would make them, that no session refers to any more."""
    _remove(manager)


@cache
def _theme(section: str) -> CustomThemeConfig | None:
    """The part of the theme that a section sets; None where it sets nothing, which is not sent."""
    found = CustomThemeConfig()
    _populate(found, section)
    return found if found.ByteSize() else None


def _as_it_is(*_: object) -> None:
    """No presenter: the state stands in ``st.session_state`` as the browser has sent it."""
