"""A replica before and after harm: it must be ready, idle, and hold what it held before."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.support import arithmetic, inside_front
from tests.support.load_generator import Load, numbers
from tests.support.replica import Replica, wait_until
from tests.support.scripted_model_process import ROOT

PREDICTOR = Path(arithmetic.__file__).read_text()
WORKERS, THREADS = 2, 2
SLOTS = WORKERS * THREADS
CLIENTS = 2 * SLOTS
BUSY = {"sleep_s": 0.01, "model": True}
"""Further keys of payloads with which ``CLIENTS`` keep every slot busy."""


def options(**changed: Any) -> dict[str, Any]:
    """The options of a replica with ``SLOTS`` slots and the predictor of ``arithmetic.py``."""
    return {
        "predictor": PREDICTOR,
        "concurrency": {"workers": WORKERS, "threads_per_worker": THREADS},
        "extension": inside_front.SETTINGS,
        "environment": {"PYTHONPATH": python_path(ROOT)},
    } | changed


def python_path(*folders: Path) -> str:
    """``PYTHONPATH`` with these folders first: a replica must run the code that the test runs."""
    return os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)


@contextlib.contextmanager
def nothing_leaks(replica: Replica) -> Iterator[None]:
    """Whatever happens within, afterwards the replica is ready, idle, and holds what it held before."""
    warm_up(replica)
    before = held_when_idle(replica)
    yield
    replica.wait_ready()
    warm_up(replica)
    after: dict[str, int] = {}

    def as_before() -> bool:
        after.update(held_when_idle(replica))
        return after == before

    try:
        wait_until(as_before, "the replica holds what it held before", deadline_s=20)
    except AssertionError:
        assert after == before  # which shows what differs
        raise


def warm_up(replica: Replica) -> None:
    """Use every slot, so that what is opened once is open."""
    with Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(5 * SLOTS)
    assert not load.lost()


def held_when_idle(replica: Replica) -> dict[str, int]:
    """The descriptors, threads and tasks of a replica once nothing is in flight."""
    for name in ("cortex_in_flight", "cortex_queued", "cortex_slots_busy"):
        replica.wait_metric(name, 0)
    tasks = replica.get("/_inside").json()["tasks"]
    time.sleep(0.05)  # for the end of this very connection
    master, front, *workers = map(psutil.Process, replica.pids())
    found = {
        "tasks of the front": tasks,
        "descriptors of the master": master.num_fds(),
        "descriptors of the front": front.num_fds(),
        "threads of the front": front.num_threads(),
    }
    for what in ("num_fds", "num_threads"):
        for i, count in enumerate(sorted(getattr(worker, what)() for worker in workers)):
            found[f"{what} of worker {i}"] = count
    return found


def harmful(harm: str, **more: Any) -> dict[str, Any]:
    """A payload that has the predictor do harm: the name of one of its methods."""
    return {"n": next(numbers), "harm": harm, **more}


def begun(replica: Replica) -> dict[int, int]:
    """The worker that began each prediction, by the request's number. None is ever begun twice."""
    found: dict[int, int] = {}
    for file in replica.project.glob("begun-*"):
        for number in map(int, file.read_text().split()):
            assert number not in found, f"request {number} was begun twice"
            found[number] = int(file.name.removeprefix("begun-"))
    return found


def ready_again_s(replica: Replica, since: float) -> float:
    """Wait until a replica is ready, and return how long ago ``since`` (monotonic clock) is."""
    replica.wait_ready()
    return time.monotonic() - since
