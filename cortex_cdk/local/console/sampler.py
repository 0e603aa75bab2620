"""One sample a second of what a replica does, taken in its front process."""

from __future__ import annotations

import math
from collections import Counter

from cortex_cdk.local.console.messages import Condition, Load, Second
from cortex_runtime.load import InFlight, LoadReport
from cortex_runtime.replica import Replica
from cortex_runtime.samples import Times


class Sampler:
    """Reads a replica without changing what it reports: means come from areas, counts from running totals."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._times = replica.metrics.times = Times()
        self._in_flight = _Mean(replica.in_flight)
        self._queued = _Mean(replica.pool.queued)
        self._codes: Counter[str] = Counter()
        self._was_ready = False

    def second(self, at: int) -> Second:
        """What was done since the last call; ``at`` is the start of that second."""
        in_flight, seconds = self._in_flight.take()
        queued, _ = self._queued.take()
        latency_s = sorted(self._times.latency.take())
        self._times.queue_time.take()
        codes = self._replica.metrics.requests()
        before, self._codes = self._codes, codes
        return Second(
            at=at,
            seconds=max(round(seconds, 3), 0.001),
            in_flight=round(in_flight, 4),
            queued=round(min(queued, in_flight), 4),
            requests=dict(codes - before),
            p50_s=percentile(latency_s, 50),
            p99_s=percentile(latency_s, 99),
        )

    def condition(self) -> Condition:
        """How the replica is now."""
        replica = self._replica
        return Condition(
            not_ready_because=replica.not_ready_because(), draining=replica.draining, summary=replica.summary()
        )

    def load(self, report: LoadReport) -> Load | None:
        """What the scaler gets of a load report: nothing before the replica was ready, as in the cloud."""
        self._was_ready = self._was_ready or not self._replica.not_ready_because()
        if not self._was_ready:
            return None
        return Load(
            bucket=report.bucket,
            in_flight=report.in_flight,
            seconds=report.seconds,
            queued=report.queued,
            arrived=report.arrived,
            served=report.served,
        )


class _Mean:
    """The mean of a number over the time between two looks at it."""

    def __init__(self, number: InFlight) -> None:
        self._number = number
        self._area, self._at = number.area()

    def take(self) -> tuple[float, float]:
        """The mean since the last call, and the seconds since then."""
        area, at = self._number.area()
        seconds = at - self._at
        mean = (area - self._area) / seconds if seconds > 0 else float(self._number.value)
        self._area, self._at = area, at
        return max(mean, 0.0), seconds


def percentile(ordered: list[float], percent: float) -> float | None:
    """The smallest value that at least ``percent`` % of the values do not exceed (nearest rank); None of none.

    Args:
        ordered: the values, lowest first.
        percent: above 0, at most 100.
    """
    if not ordered:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]
