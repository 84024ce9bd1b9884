"""Who is shown the app, and who may make it write or work for long: launch, stop and delete runs, make large maps.

The app is shown to whoever asks for it by this machine's name or by any address, which no other site can have for its
own, and by the names in RAVINE_HOSTS. A site whose name leads to this machine for a moment gets a sentence.

On one's own machine everybody may do everything. A page that others can reach is closed unless RAVINE_ALLOW_LAUNCH=1
opens it, and so is one of which that is not sure: it takes an address of this machine that the server listens on, a
connection from this machine, a browser that was given the name of this machine (in the Host and Origin headers and in
its address bar), and no word of a proxy. A visitor can forge headers, but no page that somebody was lured to.
"""

import os
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st

OPENING, HOSTS = "RAVINE_ALLOW_LAUNCH", "RAVINE_HOSTS"
# What proxies write of whom they speak for; besides these all that begins with x-forwarded or ends with -ip.
_OF_PROXIES = ("forwarded", "via", "x-original-host", "x-original-url", "cdn-loop")


def stranger() -> str:
    """Why the app is not shown to whoever asks, a sentence; nothing where it is."""
    asked = [value.strip() for name, value in _headers() if name.lower() == "host"]
    names = [name.strip().lower() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]
    wrong = next((host for host in asked if not is_known(host, names)), None)
    if wrong is None:
        return ""
    return (
        f"This page was asked for as {wrong[:60]!r}, which is not known to be a name of this server. "
        f"Whoever runs it lists its names in {HOSTS}, separated by commas."
    )


def is_known(asked: str, names: Iterable[str]) -> bool:
    """Whether a Host header holds an address, this machine's own name, or one of the names."""
    host = None if set(asked) & set("/?#") else _host(f"//{asked}")
    if not host:
        return False
    if _is_here(host) or host.removesuffix(".") in names:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def closed(what: str = "Launching, stopping, renaming and deleting runs is") -> str:
    """Why that may not be done from this page, a sentence; nothing where it may."""
    if os.environ.get(OPENING) == "1":
        return ""
    why = doubt(st.get_option("server.address"), st.context.ip_address, list(_headers()), st.context.url)
    if not why:
        return ""
    return (
        f"{what} closed here, since others may reach this page: {why}. "
        f"Whoever runs the app can open it with {OPENING}=1."
    )


def _headers() -> Iterable[tuple[str, str]]:
    headers = st.context.headers
    return [(name, value) for name in headers for value in headers.get_all(name)]


def doubt(address: str | None, client: str | None, headers: Iterable[tuple[str, str]], seen: str | None) -> str:
    """What speaks against everything being on one machine, or nothing.

    address: what the server listens on; client: where the connection comes from, None for this machine as Streamlit
    has it; headers: of the request that opened the connection; seen: the address in the browser, None where unknown.
    """
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value.strip())
    if not _is_here(address):
        return f"the app listens on {address or 'every address'}"
    if client is not None and not _is_here(client):
        return "it was asked for from another machine"
    for name in given:
        if name in _OF_PROXIES or name.startswith("x-forwarded") or name.endswith("-ip"):
            return f"it was asked for through a proxy, which has written {name[:40]!r}"
    for name, prefix in (("host", "//"), ("origin", "")):
        if len(given.get(name, [])) != 1:
            return f"the request does not say for which {name} it is"
        value = given[name][0]
        if set(value.removeprefix("http://").removeprefix("https://")) & set("/?#") or not _is_here(
            _host(prefix + value)
        ):
            return f"it was asked for as {value[:60]!r}, which is no name of this machine"
    if seen and not _is_here(_host(seen)):
        return f"the browser shows it at {seen[:60]!r}"
    return ""


def _host(address: str) -> str | None:
    """The host of a web address, None where it has none or names a user before it."""
    try:
        parts = urlsplit(address)
        return None if "@" in parts.netloc or "\\" in address else parts.hostname
    except ValueError:
        return None


def _is_here(host: str | None) -> bool:
    """Whether a name or an address is always this very machine."""
    if not host:
        return False
    name = host.lower().removesuffix(".")
    if name == "localhost":
        return True
    try:
        found = ip_address(name)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
