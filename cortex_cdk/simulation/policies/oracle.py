"""The oracle: a policy that knows the future, for what could be reached at best.

It asks for replicas early enough that at every moment as many slots are ready as requests would run in a system without
any limit, and not earlier; and stops them as soon as no such moment is near enough. So no request ever waits, and
replicas that would not be used are not there, but for the time of a tick. It is no lower bound of the cost: who lets
requests wait within their objective may get by with less. That is what ``least_replica_hours`` is for.
"""

from __future__ import annotations

import math

import numpy as np

from cortex_cdk.autoscaling import TICK_S
from cortex_cdk.simulation.compiled import compiled
from cortex_cdk.simulation.heaps import Floats, Ints, pop, push
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies.base import Metrics, Outcome
from cortex_cdk.simulation.service_time import ServiceTime
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.simulation.workload import workload


class Oracle:
    """Asks at each tick for the most replicas that are needed before those of the next tick would be ready."""

    def __init__(
        self,
        needs: Ints,
        platform: Platform,
        *,
        interval_s: float = float(TICK_S),
        minimum: int = 0,
        name: str = "oracle",
    ) -> None:
        """Know the future.

        Args:
            needs: replicas that are needed in each interval between ticks, the first from 0 on.
            platform: for the time that a replica takes to start, on a new node.
            interval_s: seconds between ticks.
            minimum: never ask for fewer.
            name: as people know it.
        """
        self.name = name
        self.interval_s = interval_s
        self.first_tick_s = interval_s
        startup_s = platform.node_startup_s + platform.task_startup_s
        # A replica of the next tick is ready after the intervals from now on up to this many ahead have begun.
        ahead = math.ceil(startup_s / interval_s)
        padded = np.concatenate([needs, np.zeros(ahead, np.int64)])
        most = np.lib.stride_tricks.sliding_window_view(padded, ahead + 1).max(axis=1)
        self._desired = np.maximum(most, minimum)
        self._minimum = minimum

    def initial(self) -> int:
        """What is needed before a replica of the first tick would be ready."""
        return self._at(0)

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """One tick; looks at nothing but the clock."""
        return Outcome(self._at(round(now / self.interval_s)), None, "known beforehand")

    def _at(self, interval: int) -> int:
        return int(self._desired[interval]) if interval < len(self._desired) else self._minimum


def oracle(
    trace: Trace,
    service_time: ServiceTime,
    platform: Platform,
    *,
    seed: int = 0,
    interval_s: float = float(TICK_S),
    minimum: int = 0,
    name: str = "oracle",
) -> Oracle:
    """The oracle of a workload; ``seed`` is that of the run. Memory grows with the duration, not with the requests."""
    peaks = running_peaks(trace, service_time, interval_s, seed=seed)
    slots = min(platform.slots, platform.max_replica_concurrency)
    return Oracle(-(-peaks // slots), platform, interval_s=interval_s, minimum=minimum, name=name)


def running_peaks(trace: Trace, service_time: ServiceTime, interval_s: float, *, seed: int = 0) -> Ints:
    """The most requests that run at once in each interval, were there a slot for each at once.

    A request that ends as an interval begins or another request comes is not counted with them.
    """
    peaks = np.zeros(math.ceil(trace.duration_s / interval_s), np.int64)
    due, at = np.zeros(1024), np.zeros(2, np.int64)
    for arrivals, services in workload(trace, service_time, seed):
        missing = int(at[_RUNNING]) + len(arrivals) - len(due)
        if missing > 0:
            due = np.concatenate([due, np.zeros(max(missing, len(due)))])
        _add_peaks(arrivals, services, interval_s, due, at, peaks)
    _end_peaks(trace.duration_s, interval_s, due, at, peaks)
    return peaks


_RUNNING, _INTERVAL = 0, 1


@compiled
def _add_peaks(arrivals: Floats, services: Floats, interval_s: float, due: Floats, at: Ints, peaks: Ints) -> None:
    for i in range(len(arrivals)):
        arrival = arrivals[i]
        _end_peaks(arrival, interval_s, due, at, peaks)
        push(due, at[_RUNNING], arrival + services[i])
        at[_RUNNING] += 1
        peaks[at[_INTERVAL]] = max(peaks[at[_INTERVAL]], at[_RUNNING])


@compiled
def _end_peaks(until: float, interval_s: float, due: Floats, at: Ints, peaks: Ints) -> None:
    """Let requests end until ``until``, and the intervals begin that do."""
    while True:
        border = (at[_INTERVAL] + 1) * interval_s
        ends = at[_RUNNING] > 0 and due[0] <= until
        if ends and due[0] <= border:
            at[_RUNNING] -= 1
            pop(due, at[_RUNNING])
        elif border <= until and at[_INTERVAL] + 1 < len(peaks):
            at[_INTERVAL] += 1
            peaks[at[_INTERVAL]] = at[_RUNNING]
        elif ends:
            at[_RUNNING] -= 1
            pop(due, at[_RUNNING])
        else:
            return
