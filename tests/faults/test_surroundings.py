"""What happens around a replica under load: a full disk, a clock that jumps, its end."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.load_generator import CONNECTION, RIGHT, Load
from tests.support.replica import wait_until
from tests.support.scripted_model_process import ROOT
from tests.support.unharmed import BUSY, CLIENTS, begun, harmful, nothing_leaks, python_path

CLOCK = '''
"""Python's wall clock is ahead by the seconds that a file says."""
import os
import time
from pathlib import Path


def ahead(read, unit):
    def now():
        try:
            return read() + int(Path(os.environ["CLOCK_AHEAD"]).read_text()) * unit
        except (OSError, ValueError):  # not written yet, or just being written
            return read()
    return now


time.time, time.time_ns = ahead(time.time, 1), ahead(time.time_ns, 10**9)
'''
DAY = 86400


def test_a_full_disk_costs_the_log_and_nothing_else(start_replica):
    replica = start_replica(output_file=Path("/dev/full"))
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        assert replica.post(harmful("fail")).status == 500
        assert replica.post(harmful("chatter")).status == 500  # it writes past Python's print, and is told
        os.kill(replica.worker_pids()[0], signal.SIGKILL)
        wait_until(lambda: replica.metric("cortex_worker_restarts_total") == 1, "the worker is replaced")
        replica.wait_ready()
        load.wait_right(20)
        load.stop()
        assert load.lost().total() == len(load.of(502))


def test_what_was_begun_is_answered_when_a_replica_ends(start_replica, recovery):
    """Clients that go on asking, deaf to readiness: whoever comes too late is turned away before anything has run."""
    replica = start_replica(shutdown={"grace_s": 1.0})
    with Load(replica.port, clients=8 * CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(100)
        since = time.monotonic()
        replica.signal()
        replica.wait_not_ready()
        assert replica.wait_exit() == 0
        took_s = time.monotonic() - since
        load.stop()
    numbers = {outcome.n for outcome in load.outcomes}
    assert {outcome.n for outcome in load.of(RIGHT)} == numbers & begun(replica).keys()
    assert load.lost().total() == len(load.of(CONNECTION))
    assert any(outcome.sent_at > since for outcome in load.of(RIGHT))
    late = min(o.sent_at for o in load.of(CONNECTION)) - since
    recovery("SIGTERM, grace_s is 1", load, since, first_turned_away=late, ended_after=took_s)


@pytest.fixture
def with_clock(start_replica, tmp_path):
    """Starts a replica, ``set_clock(replica, seconds)`` has its wall clock go ahead by so many from now on."""
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    file = tmp_path / "ahead"
    environment = {"PYTHONPATH": python_path(tmp_path, ROOT), "CLOCK_AHEAD": str(file)}
    replica = start_replica(environment=environment, shutdown={"timeout_s": 20})

    def set_clock(seconds):
        file.write_text(str(seconds))

    return replica, set_clock


def test_a_clock_that_jumps_disturbs_neither_requests_nor_load_reports(with_clock):
    replica, set_clock = with_clock
    began = time.monotonic()
    with nothing_leaks(replica):
        with Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
            for ahead in (DAY, DAY + 20, 0, -DAY, -DAY + 20):
                set_clock(ahead)
                end = time.monotonic() + 1.2  # every second, the clock is looked at
                while time.monotonic() < end:
                    load.wait_right()
                    assert replica.get("/readyz").status == 200
        assert not load.lost()
    assert replica.metric("cortex_worker_restarts_total") == 0
    answered = replica.metric("cortex_requests_total", code="200")
    replica.signal()
    assert replica.wait_exit() == 0
    reports = [record for record in replica.log_records() if record["message"] == "load report"]
    days = Counter(round((report["bucket"] - time.time()) / DAY) for report in reports)
    assert days.keys() == {-1, 0, 1}
    assert days[-1] >= 2  # one while it ran, and the last one: nothing waits for a time that was set back
    assert sum(report["requests"].get("200", 0) for report in reports) == answered
    assert sum(report.get("arrived", 0) for report in reports) == answered
    assert all(0 <= report["in_flight"] <= report["in_flight_peak"] <= CLIENTS for report in reports)
    assert 6 <= sum(report["seconds"] for report in reports) <= time.monotonic() - began + 60


def test_a_clock_that_jumps_cuts_no_shutdown_short(with_clock):
    replica, set_clock = with_clock
    with Load(replica.port, clients=1, payload=lambda n: {"sleep_s": 3}) as load:
        wait_until(lambda: begun(replica), "it runs")
        replica.signal()
        wait_until(lambda: replica.status("/livez") == 0, "it does not listen any more")
        set_clock(DAY)
        assert replica.wait_exit() == 0
        load.stop()
    assert {outcome.n for outcome in load.of(RIGHT)} == begun(replica).keys()
