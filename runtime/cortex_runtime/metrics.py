"""The metrics of a replica in Prometheus' text format, at ``/metrics``."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from .samples import Times
from .tracker import Tracker

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counts and times of the requests to the endpoint.

    Args:
        in_flight, busy_slots, slots, ready: read when the metrics are asked for.

    Attributes:
        requests: answers by status code since the start.
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
        self.requests = Counter(
            "cortex_requests", "Answers of the endpoint by status code.", ["code"], registry=self.registry
        )
        latency = Histogram(
            "cortex_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        queue_time = Histogram(
            "cortex_queue_duration_seconds",
            "How long a request waited for an idle slot.",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._observe_latency, self._observe_queue_time = latency.observe, queue_time.observe
        for name, help_text, read in (
            ("cortex_in_flight", "Requests received and not yet answered.", in_flight),
            ("cortex_queued", "Requests that wait for an idle slot.", queued),
            ("cortex_slots_busy", "Worker threads that run predict().", busy_slots),
            ("cortex_slots", "Worker threads that are ready or busy.", slots),
            ("cortex_ready", "1 when the replica is ready, else 0.", ready),
        ):
            Gauge(name, help_text, registry=self.registry).set_function(read)
        self.worker_restarts = Counter("cortex_worker_restarts", "Workers that were replaced.", registry=self.registry)
        self._by_code: dict[int, Callable[[], None]] = {}
        self._since_report: Counts[str] = Counts()
        self.times: Times | None = None

    def answered(self, code: int, latency_s: float, queue_s: float | None) -> None:
        """Count one answer; ``queue_s`` is None when the request never reached the queue."""
        count = self._by_code.get(code)
        if count is None:
            count = self._by_code[code] = self.requests.labels(str(code)).inc
        count()
        self._since_report[str(code)] += 1
        self._observe_latency(latency_s)
        if queue_s is not None:
            self._observe_queue_time(queue_s)
        if self.times is not None:
            self.times.add(latency_s, queue_s)

    def take_requests(self) -> dict[str, int]:
        """Answers by status code since the last call."""
        taken, self._since_report = self._since_report, Counts()
        return dict(taken)

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
