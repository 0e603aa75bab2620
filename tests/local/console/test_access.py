"""Who may see the console: browsers on this machine that no other page has made ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.local.console.access import refusal

HOST = {"host": "localhost:8080"}


def status(headers: dict[str, str], *, method: str = "GET", peer: str = "127.0.0.1", own: str = "127.0.0.1") -> int:
    refused = refusal(method, headers, peer, own)
    return 200 if refused is None else refused.status


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST:1",
        "localhost.",
        "me.localhost:80",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]:8080",
        "192.168.1.7:8080",
        "[fe80::1]",
    ],
)
def test_names_that_nobody_can_point_elsewhere(host: str):
    assert status({"host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "example.com:8080",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "localhost@example.com",
        "evillocalhost",
        "[::1",
        "1.2.3",
        "0x7f000001",
    ],
)
def test_names_that_somebody_could(host: str):
    """A page at such a name, rebound to 127.0.0.1, would be of the same origin as the console."""
    assert status({"host": host}) == 403


def test_a_request_without_a_name():
    assert status({}) == 403


@pytest.mark.parametrize(
    ("peer", "own", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", 200),
        ("127.0.0.5", "127.0.0.1", 200),
        ("::1", "::1", 200),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", 200),
        ("::ffff:127.0.0.2", "::ffff:127.0.0.1", 200),
        ("192.168.1.7", "192.168.1.7", 200),  # this machine, by its other address
        ("192.168.1.8", "192.168.1.7", 403),
        ("::ffff:192.168.1.8", "::ffff:192.168.1.7", 403),
        ("172.17.0.1", "172.17.0.2", 403),  # a container's host
        ("fe80::2%eth0", "fe80::1%eth0", 403),
        ("", "", 403),
        ("", "127.0.0.1", 403),
    ],
)
def test_other_machines(peer: str, own: str, expected: int):
    assert status(HOST, peer=peer, own=own) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:8080", 200),
        ("http://LOCALHOST:8080", 200),
        ("http://localhost:3000", 403),
        ("http://localhost", 403),
        ("https://example.com", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_scripts_of_other_origins(origin: str, expected: int):
    assert status(HOST | {"origin": origin}) == expected


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_browsers_say_of_themselves(site: str):
    """A link may lead here. A frame, an image or a script of another page may not."""
    assert status(HOST | {"sec-fetch-site": site, "sec-fetch-dest": "document"}) == 200
    for dest in ("iframe", "image", "script", "empty", "object", "embed"):
        assert status(HOST | {"sec-fetch-site": site, "sec-fetch-dest": dest}) == 403
    assert status(HOST | {"sec-fetch-site": site}) == 403


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_the_page_itself_and_its_events(site: str):
    assert status(HOST | {"sec-fetch-site": site, "sec-fetch-dest": "empty"}) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_changes_nothing(method: str):
    refused = refusal(method, HOST, "127.0.0.1", "127.0.0.1")
    assert refused is not None
    assert (refused.status, refused.headers) == (405, {"Allow": "GET, HEAD"})


@given(st.text(), st.text(), st.text(), st.text())
def test_no_header_breaks_it(host: str, origin: str, peer: str, own: str):
    status({"host": host, "origin": origin}, peer=peer, own=own)
