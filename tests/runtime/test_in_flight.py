"""How many requests a replica takes: in-flight and its limit."""

import threading

import pytest


@pytest.fixture
def replica(start_replica):
    return start_replica(concurrency={"workers": 2, "max_in_flight": 12})


def test_64_at_once_are_12_answers_and_52_503s(replica):
    barrier = threading.Barrier(64)

    def post(i):
        barrier.wait()
        return replica.post({"eval": "[note('seen', payload['i']), hold('all')]", "i": i})

    with replica.clients(64) as submit:
        futures = [submit(post, i) for i in range(64)]
        replica.wait_metric("cortex_requests_total", 52, code="503")
        assert replica.metric("cortex_in_flight") == 12
        assert replica.metric("cortex_slots_busy") == 2
        assert replica.metric("cortex_queued") == 10
        replica.release("all")
        answers = [future.result() for future in futures]
    assert sorted(answer.status for answer in answers) == [200] * 12 + [503] * 52
    served = {answer.json()[0] for answer in answers if answer.status == 200}
    assert {int(i) for i in replica.noted("seen")} == served
    for answer in answers:
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
            assert "12" in answer.json()["error"]
    replica.wait_metric("cortex_in_flight", 0)
    assert [replica.evaluate("1").status for _ in range(20)] == [200] * 20


def test_a_503_does_not_wait_for_the_body_and_the_connection_lives_on(start_replica):
    replica = start_replica(concurrency={"max_in_flight": 1})
    with replica.clients(1) as submit, replica.wire() as wire:
        running = submit(replica.evaluate, "hold('full')")
        replica.wait_arrived("full")
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 200000\r\n\r\n")
        assert wire.answer().status == 503
        replica.release("full")
        assert running.result().status == 200
        replica.wait_metric("cortex_in_flight", 0)
        wire.send(b" " * 200000)
        assert wire.request("POST", "/api", b"1").answer().json() == 1


def test_a_request_counts_from_its_head_on(start_replica):
    replica = start_replica(concurrency={"max_in_flight": 1})
    with replica.wire() as slow:
        slow.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\n[")
        replica.wait_metric("cortex_in_flight", 1)
        assert replica.post([1]).status == 503
        assert slow.send(b"1]").answer().json() == [1]
    assert replica.post([1]).status == 200


def test_only_posts_to_the_endpoint_count(start_replica):
    replica = start_replica(concurrency={"max_in_flight": 1})
    with replica.clients(1) as submit:
        running = submit(replica.evaluate, "hold('full')")
        replica.wait_arrived("full")
        assert replica.post([1]).status == 503
        assert [replica.status(path) for path in ("/livez", "/readyz", "/metrics", "/api")] == [200] * 4
        assert replica.get("/nowhere").status == 404
        assert replica.request("PUT", "/api", b"1").status == 405
        with replica.wire() as slow:
            slow.send(b"POST /livez HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\n[")
            assert replica.metric("cortex_in_flight") == 1
        replica.release("full")
        assert running.result().status == 200
    replica.wait_metric("cortex_in_flight", 0)
    for path in ("/livez", "/readyz", "/metrics", "/api", "/nowhere"):
        replica.get(path)
    assert replica.metric("cortex_requests_total", code="200") == 1
    assert replica.metric("cortex_requests_total", code="404") == 0


def test_every_way_to_end_frees_the_place(start_replica):
    replica = start_replica(concurrency={"max_in_flight": 1}, http={"max_body_bytes": 1000})
    for _ in range(3):
        assert replica.post(b"{").status == 400
        assert replica.post(b" " * 2000).status == 413
        assert replica.request("POST", "/api", iter([b" " * 600] * 2)).status == 413
        assert replica.evaluate("explode()").status == 500
        assert replica.evaluate("Unserialisable()").status == 500
        assert replica.evaluate("sys.exit()").status == 500
        assert replica.evaluate("b'1'").status == 200
        assert replica.metric("cortex_in_flight") == 0
