"""The load of a replica: how many requests are in flight, and the report of it every 10 seconds.

The scaler acts on these reports. In-flight counts requests that were received and are not yet answered, whether they
run or wait. The mean of a report is exact: every change is weighted with the time it lasted, which is what sampling at
ever shorter intervals would converge to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from .logs import Writer

log = logging.getLogger(__name__)

INTERVAL_S = 10
"""Seconds of wall clock that a report covers, aligned to multiples of itself."""


class InFlight:
    """A number of requests, in flight or in the queue, and its mean over time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.value = 0
        self.peak = 0
        self._integral = 0.0
        self._taken = 0.0
        self._changed = self._since = clock()

    def change(self, by: int) -> None:
        """Count requests in (+1) or out (-1)."""
        now = self._clock()
        self._integral += self.value * (now - self._changed)
        self._changed = now
        self.value += by
        if self.value > self.peak:
            self.peak = self.value

    def take(self) -> tuple[float, int, float]:
        """The mean and the peak since the last call, and the seconds since then."""
        self.change(0)
        seconds = self._changed - self._since
        mean = self._integral / seconds if seconds > 0 else float(self.value)
        peak, self.peak = self.peak, self.value
        self._taken += self._integral
        self._integral, self._since = 0.0, self._changed
        return mean, peak, seconds

    def area(self) -> tuple[float, float]:
        """The number times the seconds it lasted, summed from the beginning until now, and the clock's now."""
        self.change(0)
        return self._taken + self._integral, self._changed


class SecondMeans:
    """The mean of a number of requests over each second of wall clock."""

    def __init__(self, number: InFlight) -> None:
        self._number = number
        self._area, self._at = number.area()
        self._means: list[tuple[int, float]] = []

    def second_over(self, second: int) -> None:
        """A second of wall clock, named by its start in seconds since the epoch, is over."""
        area, at = self._number.area()
        if at > self._at:
            self._means.append((second, round((area - self._area) / (at - self._at), 6)))
        self._area, self._at = area, at

    def take(self) -> list[tuple[int, float]]:
        """The seconds since the last call, and the mean of each."""
        taken, self._means = self._means, []
        return taken


class LoadReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one replica did in one bucket of ``INTERVAL_S`` seconds of wall clock.

    Attributes:
        api: the API's name.
        replica: the replica's id.
        bucket: start of the bucket, in seconds since the epoch, a multiple of ``INTERVAL_S``.
        seconds: how much of the bucket the replica measured; less than ``INTERVAL_S`` when it just started.
        in_flight: mean number of requests in flight over those seconds.
        in_flight_peak: the highest number at any moment of them.
        requests: requests answered, by status code.
        tracker: what the tracker counted: ``classes`` by name, or ``count``, ``min``, ``max`` and ``mean``.
        queued: mean number of those in flight that waited for a slot.
        arrived: requests that came, those turned away included.
        served: requests that a slot was done with.
        draining: whether the replica is stopping.
    """

    api: str
    replica: str
    bucket: int
    seconds: float
    in_flight: float
    in_flight_peak: int
    requests: dict[str, int]
    tracker: dict[str, Any] | None = None
    queued: float = 0.0
    arrived: int = 0
    served: int = 0
    draining: bool = False


class ReportSink(Protocol):
    """Where load reports go. ``send`` must not block and may raise: a report that fails is logged and lost."""

    def send(self, report: LoadReport) -> None:
        """Take one report."""

    def close(self) -> None:
        """Finish what has been taken; may block for a few seconds."""


class LogSink:
    """Writes each report as a log record."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def send(self, report: LoadReport) -> None:
        """Write the report; on a terminal only when the replica had something to do."""
        fields = msgspec.to_builtins(report)
        del fields["api"]
        if report.requests or report.in_flight or not self._writer.text:
            self._writer.write("info", "load report", **fields)

    def close(self) -> None:
        """Nothing is left to do."""


class Reporter:
    """Sends a report at the end of each bucket of wall clock, from ``start`` until ``stop``."""

    def __init__(
        self,
        sink: ReportSink,
        collect: Callable[[int], LoadReport],
        second_over: Callable[[int], None] = lambda second: None,
    ) -> None:
        """``collect`` makes the report of the bucket that starts at the given second.

        ``second_over`` is told of each second of wall clock that has passed, by its start.
        """
        self._sink = sink
        self._collect = collect
        self._second_over = second_over
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop, and send what the unfinished bucket has so far."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        self._send(bucket_of(time.time()))

    async def _run(self) -> None:
        while True:
            now = time.time()
            bucket = bucket_of(now)
            while (left := bucket + INTERVAL_S - now) > 0:
                # Woken at each whole second, so that a clock that jumps is noticed, too.
                was = now
                await asyncio.sleep(min(left, 1.0 - now % 1.0))
                now = time.time()
                if int(now) != int(was):
                    self._second_over(int(was))
                if now < bucket:  # set back: what was measured belongs to the bucket in which it is now
                    bucket = bucket_of(now)
            self._send(bucket)

    def _send(self, bucket: int) -> None:
        try:
            self._sink.send(self._collect(bucket))
        except Exception:
            log.exception("the load report could not be sent")


def bucket_of(timestamp: float) -> int:
    """The start of the bucket that a moment, in seconds since the epoch, lies in."""
    return int(timestamp // INTERVAL_S) * INTERVAL_S
