"""What takes too long: predictions that hang, and clients that send or read too slowly."""

import contextlib
import time

import psutil
import pytest

from cortex_runtime.slow import MIN_BODY_RATE, Limits, Phase
from tests.support.replica import wait_until

LONG = b"[" + b"1," * 5_000_000 + b"1]"  # more than sockets buffer


def hung_up(wire, data, *, pause_s=0.0):
    """Send the same again and again; whether the server hangs up."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            wire.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return True
        time.sleep(pause_s)
    return False


@pytest.fixture
def impatient(start_replica):
    """A replica with limits that a test can wait for."""
    return start_replica(
        http={"read_timeout_s": 1.5, "write_timeout_s": 1.5, "keep_alive_s": 2, "max_body_bytes": 20_000_000}
    )


# Predictions


def test_a_prediction_that_hangs_is_answered_504_and_its_worker_replaced(start_replica):
    replica = start_replica(predictor_settings={"timeout_s": 1.0})
    (old,) = replica.worker_pids()
    answer = replica.evaluate("hold('ever')", x_request_id="it-hangs")
    assert answer.status == 504
    assert answer.json() == {"error": "predict() took longer than 1 s", "request_id": "it-hangs"}
    wait_until(lambda: not psutil.pid_exists(old), "the worker is gone")
    replica.wait_ready()
    assert replica.evaluate("1 + 1").json() == 2
    (new,) = replica.worker_pids()
    assert new != old
    found = replica.wait_log("predict() has run for more than 1 s; worker 0 is replaced")
    assert found["request_id"] == "it-hangs"
    assert 'in hold\n  File "' in found["traceback"]  # where it hung
    assert replica.metric("cortex_requests_total", code="504") == 1
    assert replica.metric("cortex_in_flight") == replica.metric("cortex_slots_busy") == 0


def test_other_threads_of_a_worker_that_hangs_may_finish(start_replica):
    replica = start_replica(predictor_settings={"timeout_s": 6.0}, concurrency={"threads_per_worker": 2})
    (worker,) = replica.worker_pids()
    with replica.clients(3) as submit:
        hanging = submit(replica.evaluate, "hold('ever')")
        replica.wait_arrived("ever")
        time.sleep(3)
        later = submit(replica.evaluate, "hold('later')")
        replica.wait_arrived("later")
        assert hanging.result().status == 504
        waiting = submit(replica.evaluate, "'after'")  # the thread that is idle may belong to no new request
        replica.wait_metric("cortex_queued", 1)
        replica.wait_log("worker 0 is replaced")  # what hangs has been noted: from here on, it might be killed
        replica.wait_metric("cortex_queued", 1)  # the front has gone on since
        assert replica.worker_pids() == [worker]
        replica.release("later")
        assert later.result().json() == "later"
        assert waiting.result().json() == "after"
    assert len(replica.noted("built")) == 2


def test_a_prediction_that_is_in_time_is_left_alone(start_replica):
    replica = start_replica(predictor_settings={"timeout_s": 1.0})
    pids = replica.worker_pids()
    for _ in range(4):
        assert replica.evaluate("time.sleep(0.4)").status == 200
    assert replica.worker_pids() == pids


# Clients


def test_the_limits():
    limits = Limits(keep_alive_s=75, read_timeout_s=30, write_timeout_s=60)
    for phase, most in [(Phase.IDLE, 75), (Phase.HEAD, 30), (Phase.REST, 30), (Phase.BODY, 30)]:
        assert not limits.exceeded(phase, most)
        assert limits.exceeded(phase, most + 0.1)
    assert not limits.exceeded(Phase.ANSWER, 10**9)
    assert not limits.exceeded(Phase.BODY, 130, 100 * MIN_BODY_RATE)
    assert limits.exceeded(Phase.BODY, 131, 100 * MIN_BODY_RATE)


def test_a_head_that_does_not_come(impatient):
    with impatient.wire() as nothing, impatient.wire() as part:
        part.send(b"POST /api HTTP/1.1\r\nhost: x\r\n")
        answer = part.answer()
        assert answer.status == 408
        assert answer.headers["connection"] == "close"
        assert answer.json()["error"] == "the request did not arrive in time"
        assert part.ended()
        assert nothing.ended()


def test_a_head_byte_by_byte(impatient):
    with impatient.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nx-slow: ")
        assert hung_up(wire, b"a", pause_s=0.1)


def test_a_body_that_does_not_come(impatient):
    with impatient.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: x\r\nx-request-id: slow\r\ncontent-length: 10\r\n\r\n[1,")
        impatient.wait_metric("cortex_in_flight", 1)
        assert wire.answer().status == 408
        assert wire.ended()
    impatient.wait_metric("cortex_in_flight", 0)
    assert impatient.wait_log("POST /api 408", request_id="slow")["status"] == 408
    assert impatient.metric("cortex_requests_total", code="408") == 1


def test_a_body_that_does_not_come_holds_up_no_shutdown(impatient):
    with impatient.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n[1,")
        impatient.wait_metric("cortex_in_flight", 1)
        impatient.signal()
        assert wire.answer().status == 408
    assert impatient.wait_exit() == 0


def test_a_body_that_comes_slowly_but_steadily(impatient):
    with impatient.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4002\r\n\r\n[")
        for _ in range(8):
            wire.send(b" " * 500)
            time.sleep(0.4)
        wire.send(b"]")
        assert wire.answer().json() == []


def test_an_idle_connection_is_closed_after_its_time(impatient):
    with impatient.wire() as wire:
        assert wire.request("POST", "/api", b"1").answer().status == 200
        wire.send(b"\r\n" * 10)  # is allowed before a request, and none
        assert wire.ended()


def test_a_prediction_may_take_longer_than_a_client(impatient):
    with impatient.wire() as wire:
        assert wire.request("POST", "/api", b'{"eval": "time.sleep(4)"}').answer().status == 200
        both = b"POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 24\r\n\r\n" + b'{"eval":"time.sleep(4)"}'
        wire.send(both + b"POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n")  # the rest waits for its turn
        assert wire.answer().status == 200
        wire.send(b"\r\n2")
        assert wire.answer().json() == 2


def test_a_client_that_does_not_read_is_cut_off(impatient):
    with impatient.wire() as wire:
        front, port = psutil.Process(impatient.front_pid()), wire.socket.getsockname()[1]

        def connected():
            return any(c.raddr and c.raddr.port == port for c in front.net_connections("tcp"))

        wire.request("POST", "/api", LONG)
        wait_until(lambda: impatient.metric("cortex_requests_total", code="200") == 1, "it was answered")
        assert connected()
        wait_until(lambda: not connected(), "the connection is gone")
    assert impatient.metric("cortex_in_flight") == 0


def test_a_refused_body_is_not_read_for_ever(impatient):
    with impatient.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\n\r\n")
        assert wire.answer().status == 413
        assert hung_up(wire, b" " * 10_000, pause_s=0.1)


# Sizes


@pytest.mark.parametrize(
    "head",
    [
        b"POST /api HTTP/1.1\r\nx: " + b"a" * 70_000,
        b"POST /api HTTP/1.1\r\n" + b"".join(b"x-%d: 1\r\n" % i for i in range(10_000)),
        b"POST /" + b"a" * 70_000,
    ],
    ids=["a long header", "many headers", "a long target"],
)
@pytest.mark.parametrize("size", [1000, 65_536, 10**6], ids=lambda size: f"{size} at once")
def test_a_head_is_bounded(shared, head, size):
    with shared.wire() as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for begin in range(0, len(head), size):
                wire.send(head[begin : begin + size])
            wire.send(b"\r\n\r\n")
        answer = wire.answer()
        assert answer.status == 431
        assert answer.json()["error"] == "the request's line and headers are larger than 65536 bytes"


def test_a_head_without_an_end_is_not_kept(shared):
    """A header is only known when it is complete."""
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nx: ")
        assert hung_up(wire, b"a" * 65_536)


def test_a_large_head_that_is_allowed(shared):
    with shared.wire() as wire:
        for _ in range(3):
            assert wire.request("POST", "/api", b"1", x="a" * 60_000).answer().json() == 1


def test_trailers_are_no_headers(shared):
    with shared.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-request-id: first\r\n\r\n")
        wire.send(b"1\r\n7\r\n0\r\nx-request-id: second\r\n\r\n")
        answer = wire.answer()
        assert answer.json() == 7
        assert answer.headers["x-request-id"] == "first"
        wire.send(b"POST /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n7\r\n0\r\n")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.send(b"x: y\r\n" * 20_000 + b"\r\n")
        assert wire.answer().status in (200, 431)
    assert shared.evaluate("1").json() == 1


def test_a_client_that_reads_slowly_but_steadily_is_served(impatient):
    """The kernel, which holds megabytes, asks for more only now and then."""
    size = 20_000_000
    with impatient.wire() as wire:
        wire.request("POST", "/api", b'{"eval": "bytes(%d)"}' % size)
        received, end = 0, time.monotonic() + 8
        while time.monotonic() < end:
            received += len(wire.socket.recv(20_000))
            time.sleep(0.1)
        while data := wire.socket.recv(1 << 20):
            received += len(data)
            if received > size:
                break
    assert received > size
