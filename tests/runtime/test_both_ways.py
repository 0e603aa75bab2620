"""A POST to the endpoint takes a short way past ASGI and Falcon where it is a plain one: nobody can tell from outside.

A query makes a request one that is not plain, and changes nothing else.
"""

import os
import signal

import pytest

from tests.support.replica import wait_until

SHORT, LONG = "", "?way=long"
BOTH = pytest.mark.parametrize("way", [SHORT, LONG], ids=["short", "long"])
REQUESTS = {
    "JSON": b'{"eval": "{\'a\': [1, 2.5, None]}"}',
    "bytes": b'{"eval": "b\'abc\'"}',
    "large answer": b'{"eval": "\'x\' * 300000"}',
    "large bytes": b'{"eval": "bytes(300000)"}',
    "empty": b"",
    "no JSON": b"{",
    "a predictor that fails": b'{"eval": "explode()"}',
    "what is no JSON": b'{"eval": "Unserialisable()"}',
    "model input": b'{"eval": "self.client.predict({})"}',
    "too large": b" " * 100_001,
}


def without_what_differs(answer, request_id):
    headers = {k: v for k, v in answer.headers.items() if k != "date"}
    return answer.status, headers, answer.body.replace(request_id, b"ID")


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_answer(shared, name):
    for headers in ({}, {"connection": "close"}, {"x_request_id": "mine"}, {"x_request_id": "not valid"}):
        answers = []
        for way in (SHORT, LONG):
            with shared.wire() as wire:
                answer = wire.request("POST", "/api" + way, REQUESTS[name], **headers).answer()
                request_id = answer.headers["x-request-id"]
                if headers.get("x_request_id") != "mine":
                    del answer.headers["x-request-id"]
                answers.append(without_what_differs(answer, request_id.encode()))
                if "connection" in headers or answer.headers.get("connection") == "close":
                    assert wire.ended()
                else:
                    assert wire.request("POST", "/api", b"1").answer().json() == 1
        assert answers[0] == answers[1]


@BOTH
def test_counted_and_logged(start_replica, way):
    replica = start_replica(shutdown={"grace_s": 0})
    for n in range(3):
        assert replica.post(n, way).status == 200
    assert replica.evaluate("explode()", way, x_request_id="failed").status == 500
    assert replica.metric("cortex_requests_total", code="200") == 3
    assert replica.metric("cortex_requests_total", code="500") == 1
    assert replica.metric("cortex_request_duration_seconds_count") == 4
    assert replica.metric("cortex_queue_duration_seconds_count") == 4
    (record,) = replica.log_records(request_id="failed", status=500)
    assert record["message"] == "POST /api 500"
    assert record["latency_ms"] >= record["queue_ms"] >= 0
    replica.signal()
    assert replica.wait_exit() == 0
    reports = replica.log_records(message="load report")
    for key, expected in (("arrived", 4), ("served", 4)):
        assert sum(report.get(key, 0) for report in reports) == expected
    assert sum(report["requests"].get("200", 0) for report in reports) == 3


@BOTH
def test_a_worker_that_dies_and_cannot_be_replaced(start_replica, way):
    replica = start_replica()
    (replica.project / "predictor.py").write_text("1 / 0")
    with replica.clients(2) as submit:
        lost = submit(replica.evaluate, "[hold('victim'), os._exit(1)]", way)
        replica.wait_arrived("victim")
        waiting = submit(replica.post, 1, way)
        replica.wait_metric("cortex_queued", 1)
        replica.release("victim")
        assert lost.result().status == 502
        assert "died while it ran this request" in lost.result().json()["error"]
        for answer in (waiting.result(), replica.post(1, way)):  # the latter never was in the queue
            assert answer.status == 503
            assert answer.headers["retry-after"] == "5"
            assert "ZeroDivisionError" in answer.json()["error"]
    assert replica.metric("cortex_in_flight") == 0


@BOTH
def test_a_prediction_that_takes_too_long(start_replica, way):
    replica = start_replica(predictor_settings={"timeout_s": 0.5})
    answer = replica.evaluate("hold('never')", way)
    assert answer.status == 504
    assert "0.5 s" in answer.json()["error"]
    assert replica.metric("cortex_in_flight") == 0


@BOTH
def test_a_client_that_goes_away(start_replica, way):
    """In the queue, its request is taken out; in a worker, it is in flight until it ends; in its body, it ends."""
    replica = start_replica()
    with replica.wire() as running:
        running.request("POST", "/api" + way, b'{"eval": "hold(\'here\')"}', x_request_id="running")
        replica.wait_arrived("here")
        with replica.wire() as waiting:
            waiting.request("POST", "/api" + way, b'{"eval": "note(\'ran\', 1)"}', x_request_id="waiting")
            replica.wait_metric("cortex_queued", 1)
        replica.wait_metric("cortex_queued", 0)
        with replica.wire() as sending:
            head = f"POST /api{way} HTTP/1.1\r\nhost: t\r\nx-request-id: sending\r\ncontent-length: 3\r\n\r\n["
            sending.send(head.encode())
            replica.wait_metric("cortex_in_flight", 2)
        replica.wait_metric("cortex_in_flight", 1)
    wait_until(lambda: replica.log_records(request_id="sending"), "the log tells of it")
    assert replica.metric("cortex_in_flight") == 1
    replica.release("here")
    replica.wait_metric("cortex_in_flight", 0)
    assert replica.post(1, way).status == 200
    assert replica.noted("ran") == []
    assert replica.metric("cortex_requests_total", code="499") == 3
    for request_id in ("running", "waiting", "sending"):
        assert [record["status"] for record in replica.log_records(request_id=request_id)] == [499]


@BOTH
def test_when_the_time_to_stop_is_over(start_replica, way):
    replica = start_replica(shutdown={"grace_s": 0, "timeout_s": 0.5})
    with replica.clients(2) as submit, replica.wire() as sending:
        running = submit(replica.evaluate, "hold('forever')", way)
        replica.wait_arrived("forever")
        waiting = submit(replica.post, 1, way)
        replica.wait_metric("cortex_queued", 1)
        sending.send(f"POST /api{way} HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\n[".encode())
        replica.wait_metric("cortex_in_flight", 3)
        replica.signal()
        for answer in (running.result(), waiting.result(), sending.answer()):
            assert answer.status == 503
            assert answer.headers["retry-after"] == "1"
            assert "has stopped" in answer.json()["error"]
    assert replica.wait_exit() == 0


def test_both_in_one_pipeline(shared):
    ways = [SHORT, LONG, SHORT, SHORT, LONG, LONG, SHORT]
    requests = [
        f"POST /api{way} HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\n{number}" for number, way in enumerate(ways)
    ]
    with shared.wire() as wire:
        wire.send("".join(requests).encode())
        assert [wire.answer().json() for _ in ways] == list(range(len(ways)))
        for request in requests:  # in two parts, so that each is begun while nothing else is going on
            wire.send(request[:30].encode()).send(request[30:].encode())
        assert [wire.answer().json() for _ in ways] == list(range(len(ways)))


def test_a_worker_that_dies_while_a_body_is_under_way(start_replica):
    replica = start_replica()
    with replica.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\n[")
        replica.wait_metric("cortex_in_flight", 1)
        os.kill(replica.worker_pids()[0], signal.SIGKILL)
        replica.wait_metric("cortex_worker_restarts_total", 1)
        assert wire.send(b"1]").answer().json() == [1]
