"""Processes that are killed under load: what is lost is what they ran, and the rest comes back by itself."""

import os
import signal
import time

import psutil
import pytest

from tests.support.load_generator import CONNECTION, RIGHT, Load
from tests.support.replica import is_running, wait_until
from tests.support.unharmed import BUSY, CLIENTS, SLOTS, THREADS, begun, nothing_leaks, ready_again_s


def stop(pid):
    """Stop a process, and wait until it stands still."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, "the process has stopped")


def test_a_worker_takes_with_it_exactly_what_its_threads_run(replica, recovery):
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        victim = replica.worker_pids()[0]
        stop(victim)
        load.wait_right(20)  # by now both its slots are taken; the other worker serves
        assert not load.lost()
        since = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        load.wait_lost(THREADS, 502)
        ready_s = ready_again_s(replica, since)
        load.wait_right(20)
        load.stop()
        assert load.lost() == {502: THREADS}
        recovery("SIGKILL of a worker", load, since, ready_again=ready_s)


def test_workers_killed_in_full_motion_lose_only_what_they_had_begun(replica, recovery):
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        killed: list[int] = []
        restarts = replica.metric("cortex_worker_restarts_total")
        since = time.monotonic()
        for i in range(3):
            load.wait_right(20)
            killed.append(replica.worker_pids()[i % 2])
            os.kill(killed[-1], signal.SIGKILL)
            replica.wait_metric("cortex_worker_restarts_total", restarts + len(killed))
            replica.wait_ready()
        load.wait_right(20)
        load.stop()
        lost, workers = load.of(502), begun(replica)
        assert len(lost) == load.lost().total() <= len(killed) * THREADS
        assert {workers.get(outcome.n, killed[0]) for outcome in lost} <= set(killed)
        assert {workers[outcome.n] for outcome in load.of(RIGHT)} >= set(replica.worker_pids())
        recovery("SIGKILL of 3 workers, one after the other", load, since)


def test_a_front_takes_with_it_what_its_connections_waited_for(start_replica, recovery):
    replica = start_replica()
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        old = replica.pids()[1:]
        since = time.monotonic()
        os.kill(replica.front_pid(), signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, old)), "the old front and its workers are gone")
        ready_s = ready_again_s(replica, since)
        load.wait_right(20)
        load.stop()
        # One for each client at most: the port stays open, and the next request waits.
        assert SLOTS <= len(load.of(CONNECTION)) == load.lost().total() <= CLIENTS
        recovery("SIGKILL of the front", load, since, ready_again=ready_s)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_model_server_takes_with_it_what_it_ran(start_replica, own_model, number, recovery):
    """What comes while it is away waits for it."""
    replica = start_replica(own_model.address)
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        since = time.monotonic()
        own_model.end(number)
        assert "the model server" in replica.wait_not_ready()
        own_model.start()
        back_s = time.monotonic() - since
        ready_s = ready_again_s(replica, since)
        load.wait_right(20)
        load.stop()
        lost = load.of(500)
        assert len(lost) == load.lost().total() <= SLOTS
        assert all("the model server failed" in outcome.detail for outcome in lost)
        assert replica.metric("cortex_worker_restarts_total") == 0
        recovery(f"{number.name} of the model server", load, since, back_after=back_s, ready_again=ready_s)
