"""Workers that die before they are ready, or leave something behind that holds their connection."""

import os
import signal

import psutil

from tests.support.replica import wait_until


def test_a_replacement_that_dies_while_it_builds_fails_nothing_in_the_queue(start_replica):
    """Nor what comes before the next one is started."""
    replica = start_replica()
    with replica.clients(8) as submit:
        victim = submit(replica.evaluate, "hold('victim')")
        (pid,) = replica.wait_arrived("victim")
        (replica.project / "hold-build").touch()
        queued = [submit(replica.evaluate, f"{i}") for i in range(3)]
        replica.wait_metric("cortex_queued", 3)
        os.kill(pid, signal.SIGKILL)
        assert victim.result().status == 502
        replica.wait_arrived("build")
        (replacement,) = replica.worker_pids()
        os.kill(replacement, signal.SIGKILL)
        assert "signal 9" in replica.wait_log("could not be built")["message"]
        queued += [submit(replica.evaluate, f"{i}") for i in range(3, 6)]
        replica.wait_metric("cortex_queued", 6)
        replica.release("build")
        assert [future.result().json() for future in queued] == list(range(6))
    replica.wait_ready()


def test_what_waits_is_told_when_no_replacement_can_be_built(start_replica):
    replica = start_replica()
    source = (replica.project / "predictor.py").read_text()
    with replica.clients(3) as submit:
        victim = submit(replica.evaluate, "hold('victim')")
        (pid,) = replica.wait_arrived("victim")
        (replica.project / "predictor.py").write_text("1 / 0")
        queued = [submit(replica.evaluate, f"{i}") for i in range(2)]
        replica.wait_metric("cortex_queued", 2)
        os.kill(pid, signal.SIGKILL)
        assert victim.result().status == 502
        answers = [future.result() for future in queued]
        assert [answer.status for answer in answers] == [503, 503]
        assert all("ZeroDivisionError" in answer.json()["error"] for answer in answers)
    assert replica.evaluate("1").status == 503  # at once
    (replica.project / "predictor.py").write_text(source)
    replica.wait_ready()
    assert replica.evaluate("1").status == 200


def test_no_request_goes_to_a_worker_that_has_ended(start_replica):
    """A child that has left the worker's group holds its connection open, so that the end of it says nothing."""
    replica = start_replica()
    child = replica.evaluate("os.fork() or [os.setsid(), note('left', 1), threading.Event().wait()]").json()
    wait_until(lambda: replica.noted("left"), "the child has left the group")
    try:
        (pid,) = replica.worker_pids()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in replica.worker_pids(), "the worker has been reaped")
        assert replica.evaluate("1").status == 200
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_worker_is_replaced_once_there_are_descriptors_again(start_replica):
    replica = start_replica()
    front = psutil.Process(replica.front_pid())
    before = front.rlimit(psutil.RLIMIT_NOFILE)
    (pid,) = replica.worker_pids()
    with replica.wire():  # so that one more than the ones of the worker are in use
        front.rlimit(psutil.RLIMIT_NOFILE, (5, before[1]))
        os.kill(pid, signal.SIGKILL)
        replica.wait_log("could not be started")
        front.rlimit(psutil.RLIMIT_NOFILE, before)
    replica.wait_ready()
    assert replica.evaluate("1").json() == 1
