"""Load reports for the scaler, in a DynamoDB table, and metrics for CloudWatch, in the log.

All of it happens in a thread of its own, which never holds a request up: what it is given waits in a short queue, and
what does not fit or cannot be written is dropped and counted. botocore (a quarter of a second and 21 MB, measured on a
development machine in 2026) is imported in that thread, and only once the replica is ready.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from . import embedded_metrics
from .load import LoadReport, SecondMeans
from .logs import Writer
from .samples import Times
from .settings import Reporting

log = logging.getLogger(__name__)

QUEUE_SIZE = 6
"""Reports that wait at most: those of a minute. What is older hardly counts any more."""

EXPIRES_S = 3600
"""Seconds after a bucket's start when its report may be deleted."""

CLOSE_TIMEOUT_S = 3.0


class _Bucket(NamedTuple):
    """What is known of one bucket; ``for_table`` is False before the replica can serve."""

    report: LoadReport
    second_means: list[tuple[int, float]]
    latency_s: list[float]
    queue_time_s: list[float]
    for_table: bool


class AwsSink:
    """Writes each report to the table, and its metrics to the log.

    Reports go to the table from when the replica can serve for the first time: one that nobody asks yet would tell the
    scaler that there is no load.

    Args:
        settings: the table, and what to call the metrics.
        writer: for the metrics.
        times: of the requests.
        second_means: of the requests in flight.
        can_serve: whether the replica can answer requests now, be it stopping or not.
    """

    def __init__(
        self,
        settings: Reporting,
        writer: Writer,
        *,
        times: Times,
        second_means: SecondMeans,
        can_serve: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._times, self._second_means, self._can_serve = times, second_means, can_serve
        self._could_serve = False
        self._buckets: queue.Queue[_Bucket | None] = queue.Queue(QUEUE_SIZE)
        self._thread: threading.Thread | None = None
        self._client: Any = None  # botocore makes its methods at run time
        self._failing = False
        self._dropped = 0  # since it was last said, in the thread's hands
        self._overflowed = 0  # the same, in the event loop's

    def send(self, report: LoadReport) -> None:
        """Take one report; never blocks."""
        self._could_serve = self._could_serve or self._can_serve()
        latency_s, queue_time_s = self._times.latency.take(), self._times.queue_time.take()
        bucket = _Bucket(report, self._second_means.take(), latency_s, queue_time_s, self._could_serve)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
            self._thread.start()
        try:
            self._buckets.put_nowait(bucket)
        except queue.Full:
            self._overflowed += 1

    def close(self) -> None:
        """Finish what waits, but no longer than ``CLOSE_TIMEOUT_S``."""
        if self._thread is None:
            return
        try:
            self._buckets.put(None, timeout=CLOSE_TIMEOUT_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while (bucket := self._buckets.get()) is not None:
            try:
                if bucket.for_table and bucket.report.seconds > 0:
                    self._write_report(bucket.report)
                self._write_metrics(bucket)
            except Exception:
                log.exception("the load report could not be handled")

    def _write_metrics(self, bucket: _Bucket) -> None:
        overflowed, self._overflowed = self._overflowed, 0
        dropped, self._dropped = self._dropped + overflowed, 0
        lines = embedded_metrics.lines(
            bucket.report,
            bucket.second_means,
            bucket.latency_s,
            bucket.queue_time_s,
            namespace=self._settings.metric_namespace,
            cluster=self._settings.cluster,
            dropped=dropped,
        )
        for line in lines:
            self._writer.write_line(line)

    def _write_report(self, report: LoadReport) -> None:
        try:
            if self._client is None:
                self._client = _connect(self._settings)
            self._client.put_item(TableName=self._settings.table, Item=item_of(report))
        except Exception as error:  # botocore's many kinds; whatever it is, there will be a next report
            self._dropped += 1
            if not self._failing:
                log.error("load reports cannot be written to %s: %s", self._settings.table, error)
            self._failing = True
        else:
            if self._failing:
                log.info("load reports are written to %s again", self._settings.table)
            self._failing = False


def item_of(report: LoadReport) -> dict[str, Any]:
    """A report as an item of the table."""
    return {
        "pk": {"S": f"load#{report.api}"},
        "sk": {"S": f"{report.bucket:010d}#{report.replica}"},
        "in_flight": {"N": str(report.in_flight)},
        "seconds": {"N": str(report.seconds)},
        "queued": {"N": str(report.queued)},
        "arrived": {"N": str(report.arrived)},
        "served": {"N": str(report.served)},
        "draining": {"BOOL": report.draining},
        "expires": {"N": str(report.bucket + EXPIRES_S)},
    }


def _connect(settings: Reporting) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    region = settings.region or os.environ.get("AWS_REGION")  # AWS_DEFAULT_REGION is botocore's own business
    retries: Any = {"mode": "standard", "total_max_attempts": 3}
    config = Config(connect_timeout=1, read_timeout=2, retries=retries)
    return Session().create_client("dynamodb", region_name=region, config=config)
