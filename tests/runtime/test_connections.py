"""HTTP as clients really speak it: connections, chunks, versions, and broken ones."""

import contextlib

import pytest

from tests.support.replica import wait_until


def test_connections_are_kept_alive(shared):
    with shared.wire() as wire:
        for i in range(5):
            answer = wire.request("POST", "/api", b"%d" % i).answer()
            assert answer.json() == i
            assert "close" not in answer.headers.get("connection", "")


def test_connections_are_kept_alive_after_errors(shared):
    limit = shared.settings["http"]["max_body_bytes"]
    with shared.wire() as wire:
        for body, status in ((b"{", 400), (b" " * (limit + 1), 413), (b"1", 200)):
            assert wire.request("POST", "/api", body).answer().status == status
        assert wire.request("PUT", "/api", b"12345").answer().status == 405
        assert wire.request("GET", "/nowhere").answer().status == 404
        assert wire.request("POST", "/api", b"2").answer().json() == 2


def test_idle_connections_outlast_the_load_balancers_minute(start_replica):
    replica = start_replica(http={"keep_alive_s": 1})
    with replica.wire() as wire:
        assert wire.request("GET", "/livez").answer().status == 200
        assert wire.ended()  # the configured time is what ends it; its default is 75 s (test_settings)


def test_pipelined_requests_are_answered_in_order(shared):
    with shared.wire() as wire:
        for i in range(10):
            wire.request("POST", "/api", b"[%d]" % i)
        assert [wire.answer().json() for _ in range(10)] == [[i] for i in range(10)]
    shared.wait_metric("cortex_in_flight", 0)


def test_http_1_0_is_answered_and_hung_up(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.0\r\ncontent-length: 3\r\n\r\n[1]")
        assert wire.answer().json() == [1]
        assert wire.ended()


@pytest.mark.parametrize("version", ["0.9", "2.0"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_other_versions_of_http_are_refused(shared, method, version):
    with shared.wire() as wire:
        wire.send(f"{method} /api HTTP/{version}\r\ncontent-length: 1\r\n\r\n1".encode())
        answer = wire.answer()
    assert answer.status == 505
    assert "HTTP/1.1" in answer.json()["error"]


def test_connection_close_is_honoured(shared):
    with shared.wire() as wire:
        answer = wire.request("POST", "/api", b"1", connection="close").answer()
        assert answer.headers["connection"] == "close"
        assert wire.ended()


def test_expect_100_continue(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n")
        assert wire.answer().status == 100
        assert wire.send(b"[1]").answer().json() == [1]


def test_expect_100_continue_is_not_asked_for_a_body_that_is_too_large(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 999999999\r\n\r\n")
        assert wire.answer().status == 413


def test_a_client_that_waits_with_its_body_and_is_refused_is_hung_up(shared):
    """It may send the body or not, so that nobody could tell what comes next."""
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 999999999\r\n\r\n")
        assert wire.answer().headers["connection"] == "close"
        assert wire.ended()


def test_http_1_0_is_not_told_to_continue(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n[1]")
        assert wire.answer().json() == [1]


def test_chunked_bodies(shared):
    payload = list(range(1000))
    body = str(payload).encode()
    chunks = (body[i : i + 7] for i in range(0, len(body), 7))
    assert shared.request("POST", "/api", chunks).json() == payload


def test_bodies_that_arrive_byte_by_byte(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\n")
        for byte in b"[1,2]":
            wire.send(bytes([byte]))
        assert wire.answer().json() == [1, 2]


@pytest.mark.parametrize("path", ["/api", "/livez", "/nowhere"])
def test_head_has_no_body(shared, path):
    with shared.wire() as wire:
        assert wire.request("HEAD", path).answer(head=True).status in (200, 404, 405)
        assert wire.request("POST", "/api", b"1").answer().json() == 1


def test_an_offer_to_upgrade_is_not_taken(shared):
    """Java's HTTP client offers HTTP/2 with each request that it sends in the clear."""
    with shared.wire() as wire:
        offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAMAAABkAAQAAP__"}
        assert wire.request("POST", "/api", b"[1]", **offer).answer().json() == [1]
        assert wire.request("POST", "/api", b"[2]").answer().json() == [2]
        chunked = wire.request("POST", "/api", transfer_encoding="chunked", **offer)
        assert chunked.send(b"3\r\n[1,\r\n").send(b"2\r\n2]\r\n0\r\n\r\n").answer().json() == [1, 2]
        assert wire.request("GET", "/livez", connection="close, upgrade", upgrade="websocket").answer().status == 200
        assert wire.ended()
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.0\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\n[1]")
        assert wire.answer().json() == [1]
        assert wire.ended()


def test_the_first_request_of_all_needs_a_host_too(start_replica):
    replica = start_replica(ready=False)
    wait_until(lambda: "starting" in replica.output() and _connects(replica), "it listens")
    with replica.wire() as wire:
        assert wire.send(b"GET /livez HTTP/1.1\r\n\r\n").answer().status == 400


def _connects(replica):
    try:
        replica.wire().close()
    except OSError:
        return False
    return True


def test_a_body_that_breaks_off_is_counted_with_its_status(start_replica):
    """However early its end is known: with its head, or when it is served already."""
    head = b"POST /api HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"
    trailer = b"0\r\nx: " + b"a" * 300_000
    replica = start_replica()
    for separately in (False, True):
        for body, status in ((b"not a size\r\n", 400), (b"1\r\n1\r\n" + trailer, 431)):
            with replica.wire() as wire:
                wire.send(head if separately else head + body)
                if separately:
                    replica.wait_metric("cortex_in_flight", 1)
                    wire.send(body)
                assert wire.answer().status == status
    replica.wait_metric("cortex_in_flight", 0)
    assert replica.metric("cortex_requests_total", code="400") == 2
    assert replica.metric("cortex_requests_total", code="431") == 2
    assert replica.metric("cortex_requests_total", code="0") == 0


def test_an_endless_line_behind_a_body_is_refused(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\nx: ")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(1000):
                wire.send(b"a" * 10_000)
        assert wire.answer().status == 431


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"POST /api HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400_and_hung_up(shared, garbage):
    with shared.wire() as wire:
        answer = wire.send(garbage).answer()
        assert answer.status == 400
        assert answer.json()["error"]
        assert wire.ended()
    assert shared.evaluate("1").status == 200


def test_connections_that_say_nothing_do_no_harm(shared):
    wires = [shared.wire() for _ in range(50)]
    assert shared.evaluate("1").status == 200
    for wire in wires:
        wire.close()
