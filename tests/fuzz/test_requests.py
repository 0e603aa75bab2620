"""Requests as bytes, whole, damaged or none at all: the replica says what is wrong with them and serves on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.fuzz.target import Target

METHODS = st.sampled_from(
    [
        b"POST",
        b"POST",
        b"POST",
        b"GET",
        b"HEAD",
        b"OPTIONS",
        b"PUT",
        b"DELETE",
        b"TRACE",
        b"CONNECT",
        b"PATCH",
        b"PRI",
        b"QUERY",
        b"post",
        b"",
        b"X" * 50,
    ]
)
PATHS = st.sampled_from(
    [
        *[
            b"/api",
            b"/api",
            b"/api",
            b"/api?debug=true",
            b"/api?debug=%ff&debug=&&=&%",
            b"/api#f",
            b"/api/",
            b"//api",
            b"/api;a",
        ],
        *[
            b"/livez",
            b"/readyz",
            b"/metrics",
            b"/openapi.json",
            b"/",
            b"",
            b"*",
            b"api",
            b"http://h/api",
            b"https://[::1/api",
        ],
        *[
            b"h:443",
            b"/%61pi",
            b"/api%00",
            b"/%",
            b"/%zz",
            b"/%ff%fe",
            b"/../api",
            b"/a b",
            b"/\xff",
            b"/\x00",
            b"/" + b"a" * 9000,
        ],
    ]
)
NAMES = st.sampled_from(
    [
        *[
            b"content-length",
            b"Content-Length",
            b"transfer-encoding",
            b"connection",
            b"upgrade",
            b"expect",
            b"host",
            b"te",
        ],
        *[b"x-request-id", b"origin", b"access-control-request-method", b"content-type", b"cookie", b"http2-settings"],
        *[
            b"content length",
            b" content-length",
            b"content-length ",
            b"",
            b"x\x00",
            b"x\xff",
            b"content-encoding",
            b"range",
        ],
    ]
)
VALUES = st.sampled_from(
    [
        *[
            b"2",
            b"0",
            b"02",
            b"+2",
            b"-1",
            b"0x2",
            b"2, 2",
            b"99999999",
            b"18446744073709551617",
            b"9" * 500,
            b"2 ",
            b"\t2",
            b"2\x0b",
        ],
        *[
            b"chunked",
            b"Chunked",
            b"gzip, chunked",
            b"chunked, identity",
            b"chunked, chunked",
            b"\x0bchunked",
            b"identity",
            b"xchunked",
        ],
        *[
            b"close",
            b"keep-alive",
            b"upgrade",
            b"Upgrade, HTTP2-Settings",
            b"h2c",
            b"websocket",
            b"100-continue",
            b"close, upgrade",
        ],
        *[
            b"a",
            b"",
            b"*",
            b"a\r b",
            b"a\n b",
            b"\x1b[2J",
            b"\xff",
            b"\x00",
            b"x" * 9000,
            b"gzip",
            b"bytes=0-1",
            b"https://e.org",
        ],
    ]
)
ENDS = st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\r\n\t", b"\x00\r\n"])
VERSIONS = st.sampled_from(
    [b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 x", b""]
)
BODIES = st.sampled_from(
    [
        *[
            b"",
            b"[]",
            b"[]",
            b"[1]",
            b"2\r\n[]\r\n0\r\n\r\n",
            b"2;a=b\r\n[]\r\n0\r\na: b\r\n\r\n",
            b"2\n[]\n0\n\n",
            b"ffffffffffffffff1\r\n[]",
        ],
        *[
            b"-2\r\n[]\r\n",
            b"2\r\n[]0\r\n\r\n",
            b"0\r\n\r\nGET /livez HTTP/1.1\r\nhost: t\r\n\r\n",
            b"2\r\n[]\r\n0\r\n" + b"a: b\r\n" * 999 + b"\r\n",
        ],
    ]
)


@st.composite
def requests(draw: DrawFn) -> bytes:
    """A request by the grammar, with parts that often are not."""
    pieces = [draw(METHODS), b" ", draw(PATHS), b" ", draw(VERSIONS), draw(ENDS)]
    body = draw(BODIES)
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))
    if draw(st.booleans()):
        headers.append((b"content-length", str(len(body)).encode()))
    for name, value in headers:
        pieces += [name, draw(st.sampled_from([b": ", b":", b" : ", b""])), value, draw(ENDS)]
    return b"".join([*pieces, draw(ENDS), body])


@st.composite
def damaged(draw: DrawFn) -> bytes:
    """Up to four requests after one another, with bytes overwritten, removed and put in."""
    content = bytearray(b"".join(draw(st.lists(requests(), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 5))] = draw(st.binary(max_size=5) | ENDS | VALUES)
    return bytes(content)


@pytest.fixture(scope="module", autouse=True)
def _sound_in_the_end(target: Target) -> Iterator[None]:
    yield
    target.check_log()
    target.check_idle()


@given(requests(), st.data())
def test_any_request(target: Target, content: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(content)))
    target.answers(content[:cut], content[cut:])
    target.check_log()


@given(damaged(), st.booleans())
@example(b"GET /livez HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n" * 2000, False)
@example(b"GET /livez HTTP/1.1\r\nhost: t\r\n\r\n" * 3000, False)
@example(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]" * 500 + b"\x00", False)
def test_any_bytes(target: Target, content: bytes, hang_up: bool) -> None:
    if hang_up:
        target.exchange(content, hang_up=True)
    else:
        target.answers(content)
    target.check_log()


@given(st.binary(max_size=200))
def test_noise(target: Target, content: bytes) -> None:
    target.answers(content)
    target.check_log()


# JSON bodies

SCALARS = st.sampled_from(
    [
        *[
            "0",
            "-0",
            "1e5",
            "1E400",
            "-1e-400",
            "9" * 400,
            "-" + "9" * 5000,
            "0." + "1" * 5000,
            "00",
            "+1",
            ".5",
            "1.",
            "0x1",
            "1_0",
        ],
        *[
            "NaN",
            "Infinity",
            "-Infinity",
            "nan",
            "null",
            "true",
            "True",
            "undefined",
            "''",
            '"\\u0000"',
            '"\\ud800"',
            '"\\udc00\\ud800"',
        ],
        *[
            '"\\ud83d\\ude00"',
            '"\\x41"',
            '"\t"',
            '"\x00"',
            '"\x7f"',
            '"é"',
            '"\u2028"',
            '"',
            '"' + "a" * 70_000 + '"',
            "// c\n1",
            "/**/1",
            "",
        ],
    ]
)


def arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keys = st.sampled_from(['"a"', '"a"', '""', '"x"', '"\\u0061"', '"\\ud800"', "a", "1", '"__class__"'])
    pairs = st.lists(st.tuples(keys, inner), max_size=4)
    return pairs.map(lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}")


DOCUMENTS = st.recursive(SCALARS, lambda inner: arrays(inner) | objects(inner), max_leaves=12)


def is_json(body: bytes) -> bool | None:
    """Whether a body is JSON by the standard library; None where that does not decide.

    Halves of surrogate pairs are in JSON's grammar and no text; numbers beyond floats, and nesting without end, may be
    refused by any reader (RFC 8259, sections 7 to 9).
    """

    def number(text: str) -> float:
        if math.isinf(float(text)):
            raise OverflowError
        return float(text)

    def constant(name: str) -> None:
        raise ValueError(name)

    if rb"\ud" in body:
        return None
    try:
        json.loads(body.decode(), parse_constant=constant, parse_int=number, parse_float=number)
    except OverflowError:
        return None
    except (ValueError, RecursionError):
        return None if body.count(b"[") + body.count(b"{") > 500 else False
    return True


@given(DOCUMENTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=30))
@example(b"[" * 1_000_000)
@example(b"[" * 900 + b"]" * 900)
@example(b'{"a":' * 300_000)
@example(b'{"x": ' + b"[" * 500 + b"1" + b"]" * 500 + b"}")
@example(b"{" + b", ".join(b'"key-%d": 1' % number for number in range(100_000)) + b"}")
@example(b"{" + b", ".join([b'"same": 1'] * 150_000) + b"}")
@example(b"\xef\xbb\xbf[]")
@example("[]".encode("utf-16"))
@example(b"9" * 1_900_000)
def test_any_body(target: Target, body: bytes) -> None:
    answer = target.replica.post(body)
    expected = is_json(body)
    asked_the_model = b'"x"' in body or rb"\u0061" in body
    if expected is False or answer.status != 200:
        assert answer.status == 400
        assert answer.json()["error"]
        assert expected is not True or asked_the_model
    else:
        assert answer.json()
    target.check_log()


def test_large_bodies_leave_nothing_behind(target: Target) -> None:
    """Peaks are those of the body at hand, times what Python's objects take; they do not add up."""
    bodies = [
        b"[" + b"[]," * 600_000 + b"[]]",
        b"[" * 1_900_000,
        b'{"a": ' + b'"x",' * 400_000,
        b'["' + b"\xc3\xa9" * 900_000 + b'"]',
    ]

    def send_all() -> int:
        for body in bodies:
            assert target.replica.post(body).status in (200, 400)
        return max(peak_bytes(pid) for pid in target.replica.pids())

    for _ in range(4):  # both workers have had each of them
        send_all()
    before = send_all()
    for _ in range(10):
        send_all()
    assert max(peak_bytes(pid) for pid in target.replica.pids()) <= before + (8 << 20)


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever had (``VmHWM``)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
