"""Predictors that fail, end their process, hang, leak or talk too much, while others' requests run beside them."""

import time

import pytest

from tests.support.load_generator import Load, numbers
from tests.support.process_resources import held_by
from tests.support.replica import running, wait_until
from tests.support.unharmed import BUSY, CLIENTS, SLOTS, THREADS, harmful, nothing_leaks, options, ready_again_s

EVERY = 20
TIMEOUT_S = 2.0


def test_an_exception_is_the_500_of_its_own_request(replica):
    restarts = replica.metric("cortex_worker_restarts_total")

    def payload(n):
        return {**BUSY, "harm": "fail"} if n % EVERY == 0 else BUSY

    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=payload) as load:
        load.wait_right(10 * EVERY)
        load.stop()
        assert sorted(o.n for o in load.of(500)) == sorted(o.n for o in load.outcomes if o.n % EVERY == 0)
        assert load.lost().total() == len(load.of(500)) > 0
    assert replica.metric("cortex_worker_restarts_total") == restarts


def test_a_predictor_that_ends_its_process_takes_its_worker_with_it(replica, recovery):
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        since = time.monotonic()
        for _ in range(2):
            load.wait_right(20)
            replica.wait_ready()
            restarts = replica.metric("cortex_worker_restarts_total")
            assert replica.post(harmful("exit")).status == 502
            replica.wait_metric("cortex_worker_restarts_total", restarts + 1)
        ready_s = ready_again_s(replica, since)
        load.wait_right(20)
        load.stop()
        assert load.lost().total() == len(load.of(502)) <= 2 * (THREADS - 1)  # what its other thread ran
        recovery("os._exit() in predict(), twice", load, since, ready_again=ready_s)


@pytest.mark.parametrize(
    ("what", "levels"),
    [
        ("lists", 10_000),
        ("lists", 100_000),
        ("objects", 100_000),
        ("a list within itself", 0),
        ("an object within itself", 0),
        ("a plain form within itself", 0),
    ],
)
def test_a_prediction_without_a_bottom_is_the_500_of_its_own_request(replica, what, levels):
    restarts = replica.metric("cortex_worker_restarts_total")
    before = most_held(replica)
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        for i in range(8):
            request_id = f"{what.replace(' ', '-')}-{levels}-{i}"
            answer = replica.post({"n": next(numbers), "nested": what, "levels": levels}, x_request_id=request_id)
            assert answer.status == 500
            assert answer.json() == {
                "error": "the prediction cannot be written as JSON; the reason is in the log",
                "request_id": request_id,
            }
            reason = replica.wait_log("cannot be written as JSON", request_id=request_id, level="error")
            assert reason["message"].endswith("TypeError: it is nested too deeply or contains itself")
            assert len(reason["traceback"]) < 2_000
        load.wait_right(20)
        load.stop()
        assert not load.lost()
    assert replica.metric("cortex_worker_restarts_total") == restarts
    assert most_held(replica) - before < 25_000_000  # 100,000 levels are 6 MB as lists, 23 MB as objects


def most_held(replica):
    """Bytes of memory that the largest of a replica's processes has to itself."""
    return max(held_by(pid).uss for pid in replica.pids())


@pytest.fixture(scope="module")
def timed(model, tmp_path_factory):
    """A replica in which predict() may take ``TIMEOUT_S``."""
    with running(
        tmp_path_factory.mktemp("timed"), model.address, **options(predictor_settings={"timeout_s": TIMEOUT_S})
    ) as timed:
        yield timed


def test_a_predictor_that_hangs_is_a_504_and_its_worker_is_replaced(timed, recovery):
    replica = timed
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        workers = replica.worker_pids()
        since = time.monotonic()
        answer = replica.post(harmful("hang"))
        assert answer.status == 504
        wait_until(lambda: len(set(replica.worker_pids()) - set(workers)) == 1, "one worker has been replaced")
        ready_s = ready_again_s(replica, since)
        load.wait_right(20)
        load.stop()
        assert not load.lost()  # what ran beside it was answered
        assert "hang" in str(replica.log_records())  # the stack that it hung in
        recovery(f"predict() hangs, timeout_s is {TIMEOUT_S:g}", load, since, ready_again=ready_s)


def test_every_thread_hangs_and_the_queue_is_served_all_the_same(timed, recovery):
    replica = timed
    with nothing_leaks(replica):
        since = time.monotonic()
        with replica.clients(SLOTS) as submit:
            hanging = [submit(replica.post, harmful("hang")) for _ in range(SLOTS)]
            replica.wait_metric("cortex_slots_busy", SLOTS)
            with Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
                load.wait_right(20)
            assert not load.lost()
            assert [future.result().status for future in hanging] == [504] * SLOTS
        recovery(
            f"predict() hangs in every slot, timeout_s is {TIMEOUT_S:g}",
            load,
            since,
            ready_again=ready_again_s(replica, since),
        )


def test_a_predictor_without_memory_fails_what_does_not_fit_alone(start_replica):
    """The limit is that of its own process; where the kernel's is reached instead, it is a SIGKILL."""
    replica = start_replica(predictor_settings={"config": {"memory_to_spare": 200 << 20}})
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        statuses = [replica.post(harmful("leak", bytes=40 << 20)).status for _ in range(24)]
        load.wait_right(20)
        load.stop()
        assert not load.lost()
        first = statuses.index(500)
        assert statuses[:first] == [200] * first
        assert statuses.count(500) >= 10
        assert replica.log_records(level="error")[0]["message"].startswith("predict() failed: MemoryError")
    assert replica.metric("cortex_worker_restarts_total") == 0


def test_a_predictor_that_prints_10_mb_holds_up_nobody_for_long(replica, recovery):
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        since = time.monotonic()
        answer = replica.post(harmful("chatter"), x_request_id="talker")
        assert answer.status == 200
        load.wait_right(20)
        load.stop()
        assert not load.lost()
        recovery("10 MB on standard output", load, since)
    printed = [record["message"] for record in replica.log_records(request_id="talker", stream="stdout")]
    assert sorted(map(len, printed)) == [99] * 40_000 + [4_000_000]
