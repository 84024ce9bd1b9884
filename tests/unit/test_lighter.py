"""What Streamlit is spared for each run of a script changes nothing of what it sends."""

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import NewSession
from streamlit.runtime import app_session

from views import component, lighter

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
