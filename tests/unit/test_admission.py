"""Who is shown the app, and who may launch: whatever headers are sent, left out or forged."""

import pytest

from views.shared.admission import doubt, is_known

HERE = [("Host", "localhost:8501"), ("Origin", "http://localhost:8501"), ("User-Agent", "a browser")]


def asked(host: str = "localhost:8501", origin: str | None = None, **more: str) -> list[tuple[str, str]]:
    """The headers of a browser that was given that host."""
    extra = [(name.replace("_", "-"), value) for name, value in more.items()]
    return [("Host", host), ("Origin", f"http://{host}" if origin is None else origin), *extra]


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8501", "LOCALHOST:8501", "localhost.:8501", "127.0.0.1:8501", "127.0.0.2",
     "127.255.3.4:80", "[::1]:8501", "[::1]", "[::ffff:127.0.0.1]:8501"],
)  # fmt: skip
@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_on_this_machine_it_is_open(host: str, address: str) -> None:
    assert doubt(address, None, asked(host), f"http://{host}/training") == ""
    assert doubt(address, "127.0.0.1", asked(host), None) == ""
    assert doubt(address, "::ffff:127.0.0.1", asked(host), None) == ""


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.0.2.1", "fe80::1", "example.org", "localhost.example.org"]
)
def test_where_the_server_listens_to_others_it_is_closed(address: str | None) -> None:
    assert "listens on" in doubt(address, None, HERE, None)


@pytest.mark.parametrize("client", ["192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "fe80::1", "testclient", ""])
def test_a_connection_from_elsewhere_is_closed(client: str) -> None:
    assert "another machine" in doubt("127.0.0.1", client, HERE, None)


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "x-forwarded-host", "X-FORWARDED-PROTO", "X-Forwarded-Port", "X-Forwarded-Server", "Forwarded",
     "X-Forwarded-User", "X-Forwarded", "X-Real-IP", "Via", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP",
     "Fastly-Client-IP", "X-Cluster-Client-IP", "X-Original-Host", "CDN-Loop"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["127.0.0.1", "", "localhost"])
def test_a_word_of_a_proxy_closes_it(name: str, value: str) -> None:
    assert "through a proxy" in doubt("127.0.0.1", None, [*HERE, (name, value)], None)


@pytest.mark.parametrize(
    "host",
    ["ravine.example", "ravine.example:8501", "localhost.ravine.example", "127.0.0.1.ravine.example", "localhost..",
     "localhost@ravine.example", "127.0.0.1:80@ravine.example", "0.0.0.0:8501", "[::]:8501", "192.0.2.1", "10.1",
     "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.1", "[::ffff:192.0.2.1]", "localhost\\.ravine.example", "", "[::1",
     "localhost/@ravine.example", "local host", "ravine.example#localhost", "localhost,ravine.example"],
)  # fmt: skip
def test_another_name_closes_it_as_host_or_as_origin_or_in_the_address_bar(host: str) -> None:
    assert doubt("127.0.0.1", None, asked(host), None)
    assert doubt("127.0.0.1", None, asked(origin=f"http://{host}"), None)
    if host and "/" not in host:
        assert doubt("127.0.0.1", None, HERE, f"http://{host}/training")


@pytest.mark.parametrize("origin", ["null", "", "http://", "file://", "https://ravine.example", "//ravine.example"])
def test_an_origin_that_is_none_closes_it(origin: str) -> None:
    assert doubt("127.0.0.1", None, asked(origin=origin), None)


@pytest.mark.parametrize("left_out", ["Host", "Origin"])
def test_where_nothing_is_known_it_is_closed(left_out: str) -> None:
    assert doubt("127.0.0.1", None, [], None)
    assert "does not say" in doubt("127.0.0.1", None, [one for one in HERE if one[0] != left_out], None)
    twice = [*HERE, (left_out, dict(HERE)[left_out])]
    assert "does not say" in doubt("127.0.0.1", None, twice, None)


# ---------------------------------------------------------------- who is shown the app


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost.", "LOCALHOST:8501", "127.0.0.1:8501", "[::1]:8501", "192.0.2.5:8501", "192.0.2.5",
     "0.0.0.0:8501", "[2001:db8::5]:8501", "[fe80::1]", "lab.example", "LAB.example:443", "lab.example."],
)  # fmt: skip
def test_an_address_and_a_name_of_the_server_are_shown_the_app(host: str) -> None:
    assert is_known(host, ["lab.example"])


@pytest.mark.parametrize(
    "host",
    ["ravine.example", "192.0.2.5.ravine.example", "localhost.ravine.example", "lab.example.ravine.example",
     "sub.lab.example", "xlab.example", "localhost@ravine.example", "", " ", "[::1", "a/localhost", "localhost#a",
     "127.0.0.1\\.ravine.example", "lab.example,ravine.example", ":8501", "2130706433", "0x7f.1", "1.2.3"],
)  # fmt: skip
def test_another_name_is_shown_a_sentence(host: str) -> None:
    assert not is_known(host, ["lab.example"])
    assert not is_known(host, [])
