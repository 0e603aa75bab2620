"""The queue before the workers, and clients that do not wait for their turn."""

import pytest


def queue_up(replica, submit, count, name):
    """Queue requests one after the other; each notes its number when it is served."""
    futures = []
    for i in range(count):
        futures.append(submit(replica.post, {"eval": f"note('{name}', payload['i'])", "i": i}))
        replica.wait_metric("cortex_queued", i + 1)
    return futures


def test_first_in_first_out(start_replica):
    replica = start_replica()
    with replica.clients(9) as submit:
        running = submit(replica.evaluate, "hold('first')")
        replica.wait_arrived("first")
        waiting = queue_up(replica, submit, 8, "order")
        replica.release("first")
        assert running.result().status == 200
        assert [future.result().json() for future in waiting] == list(range(8))
    assert replica.noted("order") == [str(i) for i in range(8)]


def test_nothing_waits_while_a_slot_is_idle(start_replica):
    replica = start_replica(concurrency={"workers": 2, "threads_per_worker": 3})
    assert replica.metric("cortex_slots") == 6
    with replica.clients(8) as submit:
        # Least busy worker first: 3 requests each.
        running = [submit(replica.evaluate, f"hold('{i}')") for i in range(6)]
        pids = [replica.wait_arrived(str(i))[0] for i in range(6)]
        assert sorted(map(pids.count, set(pids))) == [3, 3]
        assert replica.metric("cortex_slots_busy") == 6
        waiting = [submit(replica.evaluate, "hold('late')") for _ in range(2)]
        replica.wait_metric("cortex_queued", 2)
        for i in (4, 1):  # each slot that becomes idle takes the next one
            replica.release(str(i))
            assert running[i].result().status == 200
        replica.wait_arrived("late", 2)
        for name in ("late", *map(str, range(6))):
            replica.release(name)
        assert {future.result().status for future in running + waiting} == {200}
    replica.wait_metric("cortex_slots_busy", 0)


def test_a_slow_request_does_not_hold_up_the_other_threads(start_replica):
    replica = start_replica(concurrency={"threads_per_worker": 2})
    with replica.clients(1) as submit:
        slow = submit(replica.evaluate, "hold('slow')")
        (pid,) = replica.wait_arrived("slow")
        assert [replica.evaluate("os.getpid()").json() for _ in range(30)] == [pid] * 30
        replica.release("slow")
        assert slow.result().status == 200


def test_threads_run_predict_of_one_instance(start_replica):
    replica = start_replica(concurrency={"threads_per_worker": 4})
    with replica.clients(4) as submit:
        futures = [submit(replica.evaluate, "[id(self), threading.get_ident(), hold('x')]") for _ in range(4)]
        replica.wait_arrived("x", 4)
        replica.release("x")
        answers = [future.result().json() for future in futures]
    assert len({instance for instance, _, _ in answers}) == 1
    assert len({thread for _, thread, _ in answers}) == 4
    assert len(replica.noted("built")) == 1


@pytest.fixture
def busy(start_replica):
    """A replica whose one slot is busy until ``release("busy")``."""
    replica = start_replica()
    with replica.clients(1) as submit:
        running = submit(replica.evaluate, "hold('busy')")
        replica.wait_arrived("busy")
        yield replica
        replica.release("busy")
        assert running.result().status == 200
    replica.wait_metric("cortex_in_flight", 0)
    assert replica.noted("seen") == []
    assert replica.evaluate("1").status == 200


SEEN = b'{"eval": "note(\'seen\', 1)"}'


def test_a_client_that_goes_away_leaves_the_queue(busy):
    wires = [busy.wire().request("POST", "/api", SEEN, x_request_id=f"gone-{i}") for i in range(5)]
    busy.wait_metric("cortex_queued", 5)
    for wire in wires:
        wire.close()
    busy.wait_metric("cortex_queued", 0)
    busy.wait_metric("cortex_in_flight", 1)
    assert busy.metric("cortex_requests_total", code="499") == 5
    assert busy.wait_log("499", request_id="gone-3")["queue_ms"] >= 0


@pytest.mark.parametrize("size", [70_000, 300_000, 3_000_000])
def test_a_client_with_a_large_body_that_goes_away_leaves_the_queue(busy, size):
    with busy.wire() as wire:
        wire.request("POST", "/api", SEEN + b" " * size)
        busy.wait_metric("cortex_queued", 1)
    busy.wait_metric("cortex_queued", 0)
    busy.wait_metric("cortex_in_flight", 1)


def test_a_client_that_goes_away_within_its_body_frees_its_place(busy):
    """What has arrived is a JSON document already, but not the whole body."""
    with busy.wire() as wire:
        wire.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 100\r\n\r\n" + SEEN)
        busy.wait_metric("cortex_in_flight", 2)
    busy.wait_metric("cortex_in_flight", 1)
    assert busy.metric("cortex_queued") == 0


def test_a_body_that_breaks_off_is_never_predicted(shared):
    for framing, end in (("content-length: 100", b""), ("transfer-encoding: chunked", b"\r\n")):
        body = SEEN if end == b"" else b"%x\r\n%b" % (len(SEEN), SEEN)
        with shared.wire() as wire:
            wire.send(f"POST /api HTTP/1.1\r\nhost: t\r\n{framing}\r\n\r\n".encode() + body + end)
            shared.wait_metric("cortex_in_flight", 1)
        shared.wait_metric("cortex_in_flight", 0)
    assert [shared.evaluate("1").status for _ in range(4)] == [200] * 4
    assert shared.noted("seen") == []


def test_clients_that_go_away_while_predict_runs_leak_no_slot(start_replica):
    replica = start_replica(concurrency={"workers": 2})
    for i in range(5):
        wires = [replica.wire().request("POST", "/api", b'{"eval": "hold(\'%d\')"}' % i) for _ in range(2)]
        replica.wait_arrived(str(i), 2)
        for wire in wires:
            wire.close()
        replica.release(str(i))
        replica.wait_metric("cortex_slots_busy", 0)
        replica.wait_metric("cortex_in_flight", 0)
    with replica.clients(2) as submit:
        both = [submit(replica.evaluate, "hold('both')") for _ in range(2)]
        replica.wait_arrived("both", 2)
        replica.release("both")
        assert [future.result().status for future in both] == [200, 200]


def test_a_client_that_goes_away_before_a_large_answer_does_no_harm(start_replica):
    replica = start_replica()
    for i in range(3):
        with replica.wire() as wire:
            wire.request("POST", "/api", b'{"eval": "[hold(\'%d\'), bytes(10**7)][1]"}' % i)
            replica.wait_arrived(str(i))
        replica.release(str(i))
    assert len(replica.evaluate("bytes(10**7)").body) == 10**7
    replica.wait_metric("cortex_in_flight", 0)
