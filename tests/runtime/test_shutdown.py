"""How a replica ends: not ready but serving, then everything in flight answered, then gone."""

import asyncio
import os
import signal
import time

import pytest

from cortex_runtime.answer import AnswerMeta
from cortex_runtime.app import create_app
from cortex_runtime.logs import Writer
from cortex_runtime.replica import Replica
from cortex_runtime.settings import Api, Log, Predictor, Settings
from tests.support.replica import is_running, wait_until

BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def assert_gone(pids):
    wait_until(lambda: not any(map(is_running, pids)), "every process is gone")


@BOTH
def test_readiness_fails_while_requests_are_served(start_replica, number):
    replica = start_replica(shutdown={"grace_s": 600})
    pids = replica.pids()
    with replica.wire() as kept, replica.wire() as idle:
        assert "connection" not in kept.request("POST", "/api", b"1").answer().headers
        assert idle.request("POST", "/api", b"1").answer().status == 200
        replica.signal(number)
        assert "shutting down" in replica.wait_not_ready()
        for i in range(20):
            assert replica.post(i).json() == i
        answer = kept.request("POST", "/api", b"[2]").answer()
        assert answer.json() == [2]
        assert answer.headers["connection"] == "close"
        assert kept.ended()
        assert replica.status("/livez") == 200
        assert replica.process.poll() is None

        replica.signal(number)  # the second one ends the grace
        assert replica.wait_exit() == 0
        assert idle.ended()
    assert_gone(pids)


def test_the_grace_ends_by_itself(start_replica):
    replica = start_replica(shutdown={"grace_s": 0.5})
    pids = replica.pids()
    replica.signal()
    assert replica.wait_exit() == 0
    assert_gone(pids)


@BOTH
def test_everything_in_flight_is_answered(start_replica, number):
    replica = start_replica()
    pids = replica.pids()
    with replica.clients(6) as submit:
        running = submit(replica.evaluate, "hold('running')")
        replica.wait_arrived("running")
        queued = [submit(replica.evaluate, f"{i}") for i in range(4)]
        replica.wait_metric("cortex_queued", 4)
        with replica.wire() as slow:
            slow.send(b"POST /api HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\n[")
            replica.wait_metric("cortex_in_flight", 6)
            replica.signal(number)
            wait_until(lambda: replica.status("/livez") == 0, "it does not listen any more")
            assert replica.process.poll() is None
            replica.release("running")
            assert slow.send(b"1]").answer().json() == [1]
        assert running.result().status == 200
        assert [future.result().json() for future in queued] == list(range(4))
    assert replica.wait_exit() == 0
    assert_gone(pids)


def test_ctrl_c_in_a_terminal_is_one_signal(start_replica):
    """A terminal sends SIGINT to the whole group, and the master passes its own on: still the first one only."""
    replica = start_replica(shutdown={"grace_s": 600})
    pids = replica.pids()
    os.killpg(replica.process.pid, signal.SIGINT)
    replica.wait_not_ready()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert replica.post([1]).status == 200
        time.sleep(0.05)
    os.killpg(replica.process.pid, signal.SIGINT)
    assert replica.wait_exit() == 0
    assert_gone(pids)


def test_what_takes_too_long_is_a_503(start_replica):
    replica = start_replica(shutdown={"grace_s": 0, "timeout_s": 0.5})
    pids = replica.pids()
    with replica.clients(3) as submit:
        running = submit(replica.evaluate, "hold('forever')")
        replica.wait_arrived("forever")
        queued = [submit(replica.evaluate, "note('seen', 1)") for _ in range(2)]
        replica.wait_metric("cortex_queued", 2)
        replica.signal()
        answers = [future.result() for future in (running, *queued)]
    assert [answer.status for answer in answers] == [503] * 3
    assert all(answer.json()["request_id"] == answer.headers["x-request-id"] for answer in answers)
    assert replica.wait_exit() == 0
    assert_gone(pids)
    assert replica.noted("seen") == []
    assert "3 running" in replica.wait_log("Cancel")["message"]  # what the HTTP server says is a record, too


def test_a_predictor_with_threads_and_children_of_its_own_ends_too(start_replica):
    replica = start_replica()
    child = replica.evaluate("fork_child()").json()
    replica.evaluate("threading.Thread(target=hold, args=('thread',)).start()")
    replica.wait_arrived("thread")
    pids = [*replica.pids(), child]
    replica.signal()
    assert replica.wait_exit() == 0
    assert_gone(pids)


def test_a_replica_can_be_stopped_before_it_is_ready(start_replica, own_model):
    own_model.stop()
    replica = start_replica(ready=False, address=own_model.address).wait_listening()
    replica.wait_not_ready()
    pids = replica.pids()
    replica.signal()
    assert replica.wait_exit() == 0
    assert_gone(pids)


def test_the_last_load_report_is_sent_at_the_end(start_replica):
    replica = start_replica()
    assert [replica.post(i).status for i in range(3)] == [200] * 3
    replica.signal()
    assert replica.wait_exit() == 0
    reports = [r for r in replica.log_records() if r["message"] == "load report"]
    assert sum(r["requests"].get("200", 0) for r in reports) == 3


def test_an_answer_that_comes_in_the_moment_of_giving_up_is_nobodys():
    """Its worker is answering others, too, which an error in the middle of it would concern."""

    async def give_up():
        replica = Replica(
            Settings(api=Api(name="a", endpoint="/a"), predictor=Predictor(project_dir="/", path="p")),
            Writer(Log(), {}),
        )
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
        scope |= {"path": "/a", "raw_path": b"/a", "query_string": b"", "headers": [(b"host", b"t")]}
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"1", "more_body": False}

        async def send(message):
            sent.append(message)

        request = asyncio.create_task(create_app(replica)(scope, receive, send))
        while not replica.pool.queue:
            await asyncio.sleep(0)
        (job,) = replica.pool.queue
        request.cancel()
        job.end((AnswerMeta(200), b"1"))
        await request
        return sent[0]["status"]

    assert asyncio.run(give_up()) == 503
