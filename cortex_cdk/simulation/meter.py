"""What policies see of a run: ``Metrics`` over the kernel's sums of each second and each bucket's load reports."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cortex_cdk.autoscaling import BUCKET_S, LoadReport
from cortex_cdk.simulation.fleet import Fleet
from cortex_cdk.simulation.heaps import Floats
from cortex_cdk.simulation.kernel import ARRIVED, BUSY_S, IN_FLIGHT_S, RING, SLOT_S
from cortex_cdk.simulation.policies.base import HORIZON_S
from cortex_cdk.simulation.traffic import MeasuredBucket

_ALMOST = 1e-9  # seconds; times that are sums of fractions may lack so much to a whole second


@dataclass
class Meter:
    """``Metrics`` of a run at its time ``now``.

    Attributes:
        fleet: the replicas.
        seconds: the kernel's sums of each second (RING, 4).
        slots: per replica.
        report_delay_s: from the end of a bucket until its reports can be read.
        now: seconds from the start.
    """

    fleet: Fleet
    seconds: Floats
    slots: int
    report_delay_s: float
    now: float = 0.0
    _buckets: deque[_Bucket] = field(default_factory=deque, init=False)

    @property
    def requested(self) -> int:
        """The count as last set."""
        return self.fleet.desired

    @property
    def ready(self) -> int:
        """Replicas that take requests."""
        return self.fleet.ready

    def reports(self, window_s: float) -> Sequence[LoadReport]:
        """Load reports that can be read, of buckets that began at ``now - window_s`` or later."""
        _check_horizon(window_s)
        found: list[LoadReport] = []
        for bucket in reversed(self._buckets):
            if bucket.start < self.now - window_s:
                break
            if bucket.start + BUCKET_S + self.report_delay_s <= self.now:
                found[:0] = bucket.reports
        return found

    def in_flight(self, window_s: float, delay_s: float = 0.0) -> float | None:
        """Mean number of requests in flight."""
        first, end = self._span(window_s, delay_s)
        return self._sum(IN_FLIGHT_S, first, end) / (end - first) if end > first else None

    def utilization(self, window_s: float, delay_s: float = 0.0) -> float | None:
        """Busy slots as a share of all slots of replicas that take requests."""
        first, end = self._span(window_s, delay_s)
        slots = self._sum(SLOT_S, first, end)
        return min(1.0, self._sum(BUSY_S, first, end) / slots) if slots > 0 else None

    def arrival_rate(self, window_s: float, delay_s: float = 0.0) -> float | None:
        """Requests per second."""
        first, end = self._span(window_s, delay_s)
        return self._sum(ARRIVED, first, end) / (end - first) if end > first else None

    def add_reports(self, measured: MeasuredBucket) -> None:
        """Add a bucket that is over."""
        self._buckets.append(_Bucket(measured))
        while self._buckets[0].start < measured.start - HORIZON_S - 2 * BUCKET_S - self.report_delay_s:
            self._buckets.popleft()

    def _span(self, window_s: float, delay_s: float) -> tuple[int, int]:
        """The whole seconds of a window, as first and end; none when it is over before the run began."""
        _check_horizon(window_s + delay_s)
        end = math.floor(self.now - delay_s + _ALMOST)
        return max(0, math.ceil(end - window_s - _ALMOST)), max(0, end)

    def _sum(self, column: int, first: int, end: int) -> float:
        begin, stop = first % RING, end % RING
        values = self.seconds[:, column]
        if begin <= stop:
            return float(values[begin:stop].sum())
        return float(values[begin:].sum() + values[:stop].sum())


class _Bucket:
    """The reports of a bucket, made when first asked for since most policies never look."""

    def __init__(self, measured: MeasuredBucket) -> None:
        self.start = measured.start
        self._measured: MeasuredBucket | None = measured
        self._reports: list[LoadReport] = []

    @property
    def reports(self) -> list[LoadReport]:
        """One per replica."""
        if self._measured is not None:
            numbers, sums, seconds = self._measured.numbers, self._measured.sums, self._measured.seconds
            self._measured = None
            self._reports = [
                LoadReport(
                    replica=f"replica-{number}",
                    bucket=self.start,
                    in_flight=max(0.0, area / measured),
                    seconds=measured,
                    queued=min(max(0.0, queued_area), max(0.0, area)) / measured,
                    arrived=round(arrived),
                    served=round(served),
                )
                for number, (area, queued_area, arrived, served), measured in zip(
                    numbers, sums.tolist(), seconds.tolist(), strict=True
                )
            ]
        return self._reports


def _check_horizon(seconds: float) -> None:
    if not 0 < seconds <= HORIZON_S:
        raise ValueError(
            f"a window of {seconds:g} s is asked for, must be above 0 and at most {HORIZON_S:g}, delay included"
        )
