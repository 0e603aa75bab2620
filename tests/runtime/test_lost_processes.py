"""Processes of a replica that die."""

import os
import signal
from types import SimpleNamespace
from typing import ClassVar

import pytest

from cortex_runtime import answer, frames, serialization
from cortex_runtime.frames import Kind
from cortex_runtime.settings import Api, Predictor, Settings
from cortex_runtime.worker import Worker
from tests.support.replica import is_running, wait_until


@pytest.mark.parametrize("how", ["signal", "os._exit(7)", "os.fork() or os.kill(os.getppid(), 9)"])
def test_a_worker_that_dies_fails_only_what_it_ran(start_replica, how):
    replica = start_replica(concurrency={"workers": 2})
    with replica.clients(8) as submit:
        other = submit(replica.evaluate, "hold('other')")
        replica.wait_arrived("other")
        expression = "hold('victim')" if how == "signal" else f"[hold('victim'), {how}, hold('never')]"
        victim = submit(replica.evaluate, expression, x_request_id="victim")
        (pid,) = replica.wait_arrived("victim")
        (replica.project / "hold-build").touch()
        queued = [submit(replica.evaluate, f"{i}") for i in range(6)]
        replica.wait_metric("cortex_queued", 6)

        if how == "signal":
            os.kill(pid, signal.SIGKILL)
        else:
            replica.release("victim")
        answer = victim.result()
        assert answer.status == 502
        assert answer.json()["request_id"] == answer.headers["x-request-id"] == "victim"
        wait_until(lambda: not is_running(pid), "the worker is gone")

        assert "1 of 2 workers" in replica.wait_not_ready()  # the replacement is held while it builds
        assert replica.metric("cortex_queued") == 6
        assert not other.done()
        replica.release("build")
        assert [future.result().json() for future in queued] == list(range(6))
        replica.wait_ready()
        replica.release("other")
        assert other.result().status == 200
    replica.wait_metric("cortex_in_flight", 0)
    assert replica.metric("cortex_worker_restarts_total") == 1
    assert replica.metric("cortex_slots_busy") == 0
    assert replica.wait_log("starting another")["level"] == "error"


def test_all_threads_of_a_worker_die_with_it(start_replica):
    replica = start_replica(concurrency={"threads_per_worker": 3})
    with replica.clients(3) as submit:
        victims = [submit(replica.evaluate, "hold('victims')") for _ in range(3)]
        pids = set(replica.wait_arrived("victims", 3))
        os.kill(pids.pop(), signal.SIGKILL)
        assert [future.result().status for future in victims] == [502] * 3
    replica.release("victims")
    replica.wait_metric("cortex_in_flight", 0)
    assert replica.evaluate("hold('victims')").status == 200


def test_an_idle_worker_that_dies_is_replaced(start_replica):
    replica = start_replica()
    for _ in range(2):
        (pid,) = replica.worker_pids()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not is_running(pid), "the worker is gone")
        replica.wait_not_ready()
        assert replica.evaluate("1").status == 200  # waits for the replacement
        replica.wait_ready()
        assert pid not in replica.worker_pids()


def test_a_stopped_client_socket_of_a_worker_is_a_lost_worker(start_replica):
    """A predictor that closes what it does not own: the front must not wait for an answer that cannot come."""
    replica = start_replica()
    assert replica.evaluate("os.closerange(3, 1000)").status == 502
    assert replica.evaluate("1").status == 200


def test_children_of_a_predictor_keep_no_dead_worker_alive(start_replica):
    replica = start_replica()
    child = replica.evaluate("fork_child()").json()
    assert is_running(child)
    (pid,) = replica.worker_pids()
    assert replica.evaluate("os._exit(1)").status == 502
    assert replica.evaluate("os.getpid()").json() != pid
    wait_until(lambda: not is_running(child), "the child of the dead worker is gone, too")


def test_a_front_that_dies_is_replaced_with_its_workers(start_replica):
    replica = start_replica(concurrency={"workers": 2})
    front, workers = replica.front_pid(), replica.worker_pids()
    with replica.wire() as wire:
        wire.request("POST", "/api", b'{"eval": "hold(\'busy\')"}')
        replica.wait_arrived("busy")
        os.kill(front, signal.SIGKILL)
        assert wire.ended()
    wait_until(lambda: not any(map(is_running, [front, *workers])), "the old front and its workers are gone")
    replica.wait_ready()
    assert replica.front_pid() != front
    assert len(replica.worker_pids()) == 2
    assert replica.evaluate("1").status == 200
    assert replica.metric("cortex_in_flight") == 0


def test_without_its_master_a_replica_ends(start_replica):
    replica = start_replica()
    pids = replica.pids()
    os.kill(replica.process.pid, signal.SIGKILL)
    replica.wait_exit()
    wait_until(lambda: not any(map(is_running, pids)), "every process is gone")


def test_a_worker_whose_predictor_hangs_ends_with_its_front(start_replica):
    replica = start_replica()
    pids = replica.pids()
    with replica.wire() as wire:
        wire.request("POST", "/api", b'{"eval": "hold(\'forever\')"}')
        replica.wait_arrived("forever")
        os.kill(replica.process.pid, signal.SIGKILL)
        os.kill(pids[1], signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, pids)), "every process is gone")


def test_whatever_happens_around_predict_the_slot_is_given_back(monkeypatch):
    """Out of memory while the body is parsed, say: the thread goes on, and the caller is told."""
    sent = []

    class Connection:
        received: ClassVar = [frames.Frame(Kind.REQUEST, number, b"an-id", b"1") for number in (1, 2)]

        def receive(self):
            return self.received.pop(0) if self.received else None

        def send(self, kind, number, meta, body):
            sent.append((kind, number, answer.decode(meta).status))
            return True

    def out_of_memory(body):
        raise MemoryError

    monkeypatch.setattr(serialization, "loads", out_of_memory)
    settings = Settings(api=Api(name="a", endpoint="/a"), predictor=Predictor(project_dir="/", path="p.py"))
    Worker(settings, Connection(), SimpleNamespace(predict=None)).run()
    assert sent == [(Kind.ANSWER, 1, 500), (Kind.ANSWER, 2, 500)]
