"""What the processes of replicas hold, and their load, every second."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import time
from dataclasses import dataclass, field

import psutil

from tests.support.process_resources import Held, held_by
from tests.support.replica import Replica

INTERVAL_S = 1.0
LOAD = ("cortex_in_flight", "cortex_queued", "cortex_slots_busy")


@dataclass
class Life:
    """What one process held while it lived.

    Attributes:
        replica: the number of its replica.
        role: ``master``, ``front`` or ``worker``.
        times: seconds of the monotonic clock of each sample.
    """

    replica: int
    role: str
    pid: int
    times: list[float] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


@dataclass
class Samples:
    """All samples: the life of each process, and the load of each replica at moments of the monotonic clock."""

    lives: dict[int, Life] = field(default_factory=dict)
    load: dict[int, list[tuple[float, dict[str, float]]]] = field(default_factory=dict)

    def take(self, index: int, replica: Replica) -> None:
        """Take a sample of a replica. One that is just being restarted has nothing to be seen."""
        now = time.monotonic()
        with contextlib.suppress(psutil.NoSuchProcess):
            master = psutil.Process(replica.process.pid)
            for front in master.children():
                self._add(index, "front", front.pid, now)
                for worker in front.children():
                    self._add(index, "worker", worker.pid, now)
            self._add(index, "master", master.pid, now)
        with contextlib.suppress(OSError, http.client.HTTPException):
            values = {name: replica.metric(name) for name in LOAD}
            self.load.setdefault(index, []).append((now, values))

    def _add(self, index: int, role: str, pid: int, now: float) -> None:
        held = held_by(pid)
        if held is not None:
            life = self.lives.setdefault(pid, Life(index, role, pid))
            life.times.append(now)
            life.held.append(held)


async def sample(replicas: list[Replica], samples: Samples, stopped: asyncio.Event) -> None:
    """Take samples of all replicas every second until ``stopped`` is set."""
    while not stopped.is_set():
        began = time.monotonic()
        for index, replica in enumerate(replicas):
            await asyncio.to_thread(samples.take, index, replica)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), began + INTERVAL_S - time.monotonic())
