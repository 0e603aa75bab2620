"""The metrics of a replica in Prometheus' text format, at ``/metrics``."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from .samples import Times
from .tracker import Tracker

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Seconds:
    """A histogram of times with ``BUCKETS_S``, for one thread.

    The library's own takes locks and steps through the buckets, at several times the CPU time: that counts where it is
    paid with each request.
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one time."""
        self._counts[bisect_left(BUCKETS_S, seconds)] += 1
        self._sum += seconds

    def family(self, name: str, help_text: str) -> HistogramMetricFamily:
        """As the library's exposition wants it."""
        bounds = [*map(str, BUCKETS_S), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=self._sum)


class Metrics(Collector):
    """Counts and times of the requests to the endpoint.

    Args:
        in_flight, busy_slots, slots, ready: read when the metrics are asked for.

    Attributes:
        times: where the times of each request are kept for a while, too; None unless somebody wants them.
    """

    def __init__(
        self,
        *,
        in_flight: Callable[[], float],
        queued: Callable[[], float],
        busy_slots: Callable[[], float],
        slots: Callable[[], float],
        ready: Callable[[], float],
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a time stamp beside every counter, of no use here
        self.registry = CollectorRegistry(auto_describe=True)
        self._latency, self._queue_time = Seconds(), Seconds()
        self._answers: Counts[int] = Counts()  # by status code
        self._reported: Counts[int] = Counts()
        self.registry.register(self)
        for name, help_text, read in (
            ("cortex_in_flight", "Requests received and not yet answered.", in_flight),
            ("cortex_queued", "Requests that wait for an idle slot.", queued),
            ("cortex_slots_busy", "Worker threads that run predict().", busy_slots),
            ("cortex_slots", "Worker threads that are ready or busy.", slots),
            ("cortex_ready", "1 when the replica is ready, else 0.", ready),
        ):
            Gauge(name, help_text, registry=self.registry).set_function(read)
        self.worker_restarts = Counter("cortex_worker_restarts", "Workers that were replaced.", registry=self.registry)
        self.times: Times | None = None

    def answered(self, code: int, latency_s: float, queue_s: float | None) -> None:
        """Count one answer; ``queue_s`` is None when the request never reached the queue."""
        self._answers[code] += 1
        self._latency.observe(latency_s)
        if queue_s is not None:
            self._queue_time.observe(queue_s)
        if self.times is not None:
            self.times.add(latency_s, queue_s)

    def requests(self) -> Counts[str]:
        """Answers by status code since the start."""
        return Counts({str(code): count for code, count in self._answers.items()})

    def take_requests(self) -> dict[str, int]:
        """Answers by status code since the last call."""
        taken = self._answers - self._reported
        self._reported = self._answers.copy()
        return {str(code): count for code, count in taken.items()}

    def collect(self) -> Iterator[Metric]:
        """What has been counted."""
        answers = CounterMetricFamily("cortex_requests", "Answers of the endpoint by status code.", labels=["code"])
        for code, count in self._answers.items():
            answers.add_metric([str(code)], count)
        yield answers
        yield self._latency.family(
            "cortex_request_duration_seconds", "From the head of a request to the end of its answer."
        )
        yield self._queue_time.family("cortex_queue_duration_seconds", "How long a request waited for an idle slot.")

    def text(self) -> bytes:
        """All metrics in the text format."""
        return generate_latest(self.registry)


class TrackerMetrics(Collector):
    """What a tracker has counted since the start, read when the metrics are asked for."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def collect(self) -> Iterator[Metric]:
        """The classes, or the statistics of a regression."""
        tracker = self._tracker
        if tracker.settings.model_type == "classification":
            classes = CounterMetricFamily("cortex_tracker_class", "Predictions by class.", labels=["class"])
            for name, count in tracker.total_classes.items():
                classes.add_metric([name], count)
            yield classes
            return
        total = tracker.total_regression
        summary = SummaryMetricFamily("cortex_tracker_value", "Predicted values.")
        summary.add_metric([], total.count, total.total)
        yield summary
        if total.count:
            yield GaugeMetricFamily("cortex_tracker_value_min", "The lowest predicted value.", total.min)
            yield GaugeMetricFamily("cortex_tracker_value_max", "The highest predicted value.", total.max)
