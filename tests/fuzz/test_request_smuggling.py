"""Heads that two readers may understand differently, and what RFC 9112 says of them.

Each request carries another one in it, ``GET /smuggled``, which somebody who reads the request rightly does not see.
"""

from __future__ import annotations

import json

import pytest

from tests.fuzz.target import Target

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: t\r\n\r\n"
CHUNKED = b"2\r\n[]\r\n0\r\n\r\n"


def post(*headers: bytes, body: bytes = b"", version: bytes = b"1.1", host: bool = True) -> bytes:
    lines = [b"POST /api HTTP/" + version, *([b"host: t"] if host else []), *headers]
    return b"\r\n".join([*lines, b"", body])


REFUSED = {
    # Section 6.1: "A server MAY reject a request that contains both Content-Length and Transfer-Encoding"
    "CL before TE": post(b"content-length: 4", b"transfer-encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "TE before CL": post(b"transfer-encoding: chunked", b"content-length: 4", body=b"0\r\n\r\n" + SMUGGLED),
    "CL 0 and TE": post(b"content-length: 0", b"transfer-encoding: chunked", body=CHUNKED + SMUGGLED),
    # 6.1: a request with a transfer coding that is not understood; 6.3, 4: chunked is not the final one
    "TE identity": post(b"transfer-encoding: identity", body=CHUNKED + SMUGGLED),
    "TE xchunked": post(b"transfer-encoding: xchunked", body=CHUNKED + SMUGGLED),
    "TE chunked, identity": post(b"transfer-encoding: chunked, identity", body=CHUNKED + SMUGGLED),
    "TE chunked twice": post(b"transfer-encoding: chunked, chunked", body=CHUNKED + SMUGGLED),
    "TE in two lines": post(b"transfer-encoding: chunked", b"transfer-encoding: x", body=CHUNKED + SMUGGLED),
    "TE with a vertical tab": post(b"transfer-encoding: \x0bchunked", body=CHUNKED + SMUGGLED),
    "TE in quotes": post(b'transfer-encoding: "chunked"', body=CHUNKED + SMUGGLED),
    "TE empty, and CL": post(b"transfer-encoding:", b"content-length: 2", body=b"[]" + SMUGGLED),
    # 6.3, 5: invalid Content-Length
    "CL twice, differing": post(b"content-length: 2", b"content-length: 40", body=b"[]" + SMUGGLED),
    "CL twice, equal": post(b"content-length: 2", b"content-length: 2", body=b"[]" + SMUGGLED),
    "CL as a list": post(b"content-length: 2, 2", body=b"[]" + SMUGGLED),
    "CL with a sign": post(b"content-length: +2", body=b"[]" + SMUGGLED),
    "CL below 0": post(b"content-length: -2", body=b"[]" + SMUGGLED),
    "CL in hexadecimal": post(b"content-length: 0x2", body=b"[]" + SMUGGLED),
    "CL with a blank in it": post(b"content-length: 2 2", body=b"[]" + SMUGGLED),
    "CL empty": post(b"content-length:", body=b"[]" + SMUGGLED),
    "CL beyond 64 bits": post(b"content-length: 18446744073709551618", body=b"[]" + SMUGGLED),
    "CL with other digits": post("content-length: ٢".encode(), body=b"[]" + SMUGGLED),
    # 5.1: "MUST reject ... any received request message that contains whitespace between a header field name and colon"
    "a blank before the colon of CL": post(b"content-length : 2", body=b"[]" + SMUGGLED),
    "a blank before the colon of TE": post(b"transfer-encoding : chunked", body=CHUNKED + SMUGGLED),
    "a tab before the colon": post(b"x\t: a", b"content-length: 2", body=b"[]" + SMUGGLED),
    # 5.2: obs-fold
    "obs-fold in TE": post(b"transfer-encoding:\r\n chunked", body=CHUNKED + SMUGGLED),
    "obs-fold in CL": post(b"content-length:\r\n 2", body=b"[]" + SMUGGLED),
    # 2.2: whitespace between the request line and the first header field
    "whitespace before the first header": b"POST /api HTTP/1.1\r\n content-length: 2\r\nhost: t\r\n\r\n[]" + SMUGGLED,
    # 2.2: a bare CR; RFC 9110, 5.5: CR, LF and NUL in values
    "a bare CR ends a header": post(b"x: a\rcontent-length: 40", b"content-length: 2", body=b"[]" + SMUGGLED),
    "NUL in a value": post(b"x: a\0b", b"content-length: 2", body=b"[]" + SMUGGLED),
    "NUL in a name": post(b"x\0: a", b"content-length: 2", body=b"[]" + SMUGGLED),
    "a header without a colon": post(b"content-length 2", body=b"[]" + SMUGGLED),
    "a header without a name": post(b": a", b"content-length: 2", body=b"[]" + SMUGGLED),
    # 7.1: chunks
    "a chunk's size with a prefix": post(b"transfer-encoding: chunked", body=b"0x2\r\n[]\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk's size below 0": post(b"transfer-encoding: chunked", body=b"-2\r\n[]\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk's size beyond 64 bits": post(
        b"transfer-encoding: chunked", body=b"10000000000000002\r\n[]\r\n" + SMUGGLED
    ),
    "a chunk's size that is empty": post(b"transfer-encoding: chunked", body=b"\r\n[]\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk longer than its size": post(b"transfer-encoding: chunked", body=b"2\r\n[]x\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk's size ends in a bare LF": post(b"transfer-encoding: chunked", body=b"2\n[]\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk ends in a bare LF": post(b"transfer-encoding: chunked", body=b"2\r\n[]\n0\r\n\r\n" + SMUGGLED),
    "a bare LF in a chunk extension": post(b"transfer-encoding: chunked", body=b"2;a\n\r\n[]\r\n0\r\n\r\n" + SMUGGLED),
    "a bare CR in a chunk extension": post(b"transfer-encoding: chunked", body=b"2;a\rb\r\n[]\r\n0\r\n\r\n" + SMUGGLED),
    "framing in a trailer": post(
        b"transfer-encoding: chunked", body=b"2\r\n[]\r\n0\r\ncontent-length: 40\r\n\r\n" + SMUGGLED
    ),
    # 3: the request line
    "a bare CR in the request line": b"POST /api\rHTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]" + SMUGGLED,
    "a method with a colon": b"PO:ST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]" + SMUGGLED,
    "a version with a suffix": b"POST /api HTTP/1.1x\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]" + SMUGGLED,
    "a control character in the target": b"POST /api\x01 HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]" + SMUGGLED,
    # 3.2.3: CONNECT is for proxies
    "CONNECT": b"CONNECT t:80 HTTP/1.1\r\nhost: t:80\r\n\r\n" + SMUGGLED,
    "HTTP/2 with prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(target: Target, what: str) -> None:
    with target.replica.wire() as wire:
        answer = wire.send(REFUSED[what]).answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.json()["error"]
        assert wire.ended()
    not_seen(target)


HOSTS = {
    # Section 3.2: 400 is a MUST for a request in HTTP/1.1 that lacks Host, has several, or one with an invalid value
    "no Host": post(b"content-length: 2", body=b"[]", host=False),
    "two Hosts": post(b"host: u", b"content-length: 2", body=b"[]"),
    "a blank in it": post(b"host: a b", b"content-length: 2", body=b"[]", host=False),
    "two in one": post(b"host: a,b@c", b"content-length: 2", body=b"[]", host=False),
    "a path in it": post(b"host: a/b", b"content-length: 2", body=b"[]", host=False),
    "letters that are not ASCII": post("host: \u00e4".encode(), b"content-length: 2", body=b"[]", host=False),
}


@pytest.mark.parametrize("what", HOSTS)
@pytest.mark.parametrize("path", [b"/api", b"/livez", b"/nowhere"])
def test_hosts_that_are_none(target: Target, what: str, path: bytes) -> None:
    """The request itself is understood, so the connection stays."""
    with target.replica.wire() as wire:
        answer = wire.send(HOSTS[what].replace(b"/api", path)).answer()
        assert answer.status == 400
        assert "Host" in answer.json()["error"]
        assert wire.send(post(b"content-length: 2", body=b"[]")).answer().status == 200


@pytest.mark.parametrize("host", [b"t", b"t:8080", b"[::1]:80", b"a_b.example.com", b"", b"10.0.0.1"])
def test_hosts(target: Target, host: bytes) -> None:
    with target.replica.wire() as wire:
        request = post(b"host: " + host, b"content-length: 2", body=b"[]", host=False)
        assert wire.send(request).answer().status == 200


def test_http_1_0_needs_no_host(target: Target) -> None:
    with target.replica.wire() as wire:
        answer = wire.send(post(b"content-length: 2", body=b"[]", version=b"1.0", host=False)).answer()
        assert answer.status == 200
        assert wire.ended()


def test_transfer_encoding_in_http_1_0(target: Target) -> None:
    """6.1: "close the connection after processing the message"."""
    with target.replica.wire() as wire:
        wire.send(post(b"transfer-encoding: chunked", version=b"1.0", body=CHUNKED + SMUGGLED))
        assert wire.answer().status == 200
        assert wire.ended()
    not_seen(target)


def not_seen(target: Target) -> None:
    assert not [record for record in target.check_log() if "/smuggled" in record["message"]]
    target.check_idle()


SERVED = {
    # 2.2: "a server ... SHOULD ignore at least one empty line (CRLF) received prior to the request-line"
    "an empty line before": (b"\r\n" + post(b"content-length: 2", body=b"[]"), [200]),
    # 7.1: "case-insensitive"; 7.1.1: unknown chunk extensions are ignored; 7.1.2: trailers may be discarded
    "TE in capitals": (post(b"Transfer-Encoding: CHUNKED", body=CHUNKED), [200]),
    "chunk extensions": (post(b"transfer-encoding: chunked", body=b'2;a="b";c\r\n[]\r\n0;x\r\n\r\n'), [200]),
    "a chunk's size with zeros": (post(b"transfer-encoding: chunked", body=b"0002\r\n[]\r\n0\r\n\r\n"), [200]),
    "trailers": (post(b"transfer-encoding: chunked", body=b"2\r\n[]\r\n0\r\na: b\r\nhost: u\r\n\r\n"), [200]),
    # 3.2.2: "A server MUST accept the absolute-form in requests"
    "absolute-form": (b"POST http://t/api HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]", [200]),
    "absolute-form of another host": (b"POST http://u/api HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n[]", [200]),
    # 6.3, 6: the body has as many bytes as Content-Length says, zeros in front or not
    "CL with zeros": (post(b"content-length: 0002", body=b"[]"), [200]),
    # 5: optional whitespace around a value
    "blanks around CL": (post(b"content-length: \t 2 \t", body=b"[]"), [200]),
    # 9.3.2: pipelined requests are answered in order
    "an error in a pipeline": (
        post(b"content-length: 1", body=b"{") + post(b"content-length: 2", body=b"[]"),
        [400, 200],
    ),
    # 9.6: what comes after `close` is not served
    "after close": (post(b"connection: close", b"content-length: 2", body=b"[]" + SMUGGLED), [200]),
}


@pytest.mark.parametrize("what", SERVED)
def test_served(target: Target, what: str) -> None:
    content, statuses = SERVED[what]
    with target.replica.wire() as wire:
        wire.send(content)
        assert [wire.answer().status for _ in statuses] == statuses
    not_seen(target)


def test_garbage_after_a_request_does_not_take_its_answer(target: Target) -> None:
    """9.3.2: answers come in the order of their requests, and so does the 400 for what is none."""
    with target.replica.wire() as wire:
        wire.send(post(b"content-length: 2", body=b"[]") + b"\x00\x00\r\n\r\n")
        assert wire.answer().json() == {"kind": "list"}
        assert wire.answer().status == 400
        assert wire.ended()
    target.check_log()


def test_many_offers_to_upgrade_in_a_pipeline(target: Target) -> None:
    offer = b"GET /livez HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    with target.replica.wire() as wire:
        wire.send(offer * 2000)
        assert all(wire.answer().status == 200 for _ in range(2000))
    target.check_log()


LIMIT = 65_536


@pytest.mark.parametrize(
    "content",
    [
        b"GET /" + b"a" * LIMIT + b" HTTP/1.1\r\nhost: t\r\n\r\n",
        post(b"x: " + b"a" * LIMIT, b"content-length: 2", body=b"[]"),
        post(*[b"x%d: a" % number for number in range(LIMIT // 8)], b"content-length: 2", body=b"[]"),
        post(b"transfer-encoding: chunked", body=b"2\r\n[]\r\n0\r\n" + b"x: aaaaaaaa\r\n" * (LIMIT // 8)),
        b"GET /" + b"a" * 2 * LIMIT,
        post(b"x: " + b"a" * 2 * LIMIT)[:-4],
    ],
    ids=["target", "header", "headers", "trailers", "target without end", "header without end"],
)
def test_the_head_is_bounded(target: Target, content: bytes) -> None:
    with target.replica.wire() as wire:
        answer = wire.send(content).answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")
        assert str(LIMIT) in answer.json()["error"]
        assert wire.ended()
    not_seen(target)


INJECTED = b"%0d%0a%1b[2J%7f%c2%9b%e2%80%ae%00"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + INJECTED + b" HTTP/1.1\r\nhost: t\r\n\r\n",
        b"GET /api?" + INJECTED + b"&debug=" + INJECTED + b" HTTP/1.1\r\nhost: t\r\n\r\n",
        post(b"x-request-id: \x1b[2J", b"content-length: 2", body=b"[]"),
        post(b"x-request-id: a\tb", b"content-length: 2", body=b"[]"),
        post("x-request-id: \u202e".encode(), b"content-length: 2", body=b"[]"),
        post(b'x-request-id: ","forged":"', b"content-length: 2", body=b"[]"),
        b'POST /api?debug=true HTTP/1.1\r\nhost: t\r\ncontent-length: 22\r\n\r\n[\r\n"\\u001b[2J\\u009b"\r\n]',
    ],
)
def test_log_lines_cannot_be_forged(target: Target, request_bytes: bytes) -> None:
    """Each line of the log is one record, and has no control characters but as escapes of JSON."""
    before = len(target.replica.output())
    with target.replica.wire() as wire:
        wire.send(request_bytes)
        wire.answer()
    target.check_log()
    written = target.replica.output()[before:]
    assert all((char >= " " and char != "\x7f") or char == "\n" for char in written)
    assert all("forged" not in json.loads(line) for line in written.splitlines())
