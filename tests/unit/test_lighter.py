"""What Streamlit is spared for each run of a script changes nothing of what it sends."""

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import NewSession
from streamlit.runtime import app_session, media_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from views.shared import component, lighter

SECTIONS = {
    "theme": lambda theme: theme,
    "theme.light": lambda theme: theme.light,
    "theme.dark": lambda theme: theme.dark,
    "theme.sidebar": lambda theme: theme.sidebar,
    "theme.light.sidebar": lambda theme: theme.light.sidebar,
    "theme.dark.sidebar": lambda theme: theme.dark.sidebar,
}


def filled(populate) -> NewSession:
    """The message of a new run, its theme filled in as Streamlit does it."""
    message = NewSession()
    for section, part in SECTIONS.items():
        populate(part(message.custom_theme), section)
    return message


def test_it_is_in_use() -> None:
    assert component.lighten is lighter.lighten
    assert app_session._populate_theme_msg is lighter._populate_once


@pytest.mark.parametrize("more", [{}, {"theme.base": "dark", "theme.light.sidebar.textColor": "#123456"}], ids=str)
def test_the_theme_that_is_sent_is_streamlits(more: dict[str, str]) -> None:
    before = {name: config.get_option(name) for name in more}
    try:
        for name, value in more.items():
            config.set_option(name, value)
        lighter._theme.cache_clear()
        expected = filled(lighter._populate)
        assert [filled(lighter._populate_once) for _ in range(3)] == [expected] * 3
        assert expected.custom_theme.light.primary_color == "#475569"
        assert expected.custom_theme.HasField("sidebar") == filled(lighter._populate_once).custom_theme.HasField(
            "sidebar"
        )
    finally:
        for name, value in before.items():
            config.set_option(name, value)
        lighter._theme.cache_clear()


def test_files_that_nobody_refers_to_go_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at once, but no later than at the first run after the rest."""
    clock = [100.0]
    monkeypatch.setattr(lighter.time, "monotonic", lambda: clock[0])
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    session = ["one"]
    monkeypatch.setattr(media_file_manager, "_get_session_id", lambda: session[0])
    manager.add(b"1", "image/png", "1.1")
    manager.remove_orphaned_files()
    manager.clear_session_refs("one")
    manager.remove_orphaned_files()
    assert len(manager._file_metadata) == 1
    clock[0] += lighter.REST
    manager.remove_orphaned_files()
    assert not manager._file_metadata
