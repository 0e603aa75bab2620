"""The metrics of a replica as log lines in CloudWatch's embedded metric format.

CloudWatch makes metrics out of the fields that ``_aws`` names. All metrics of a line have its one time stamp, so that
the requests in flight, of which CloudWatch keeps each second, take a line a second. An array holds 100 values at most.
(Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from .load import LoadReport
from .samples import thinned

MOST_VALUES = 100
LONGEST_DIMENSION = 1024


class Metric(NamedTuple):
    """A value, or several ones, and how CloudWatch is to take them; ``resolution`` is in seconds."""

    value: float | list[float]
    unit: str = "Count"
    resolution: int = 60


def lines(
    report: LoadReport,
    second_means: Iterable[tuple[int, float]],
    latency_s: list[float],
    queue_time_s: list[float],
    *,
    namespace: str,
    cluster: str,
    dropped: int,
) -> Iterator[bytes]:
    """The lines of one bucket.

    Args:
        report: of the bucket.
        second_means: seconds since the epoch, and the mean number of requests in flight in each.
        latency_s, queue_time_s: seconds that requests took and waited.
        namespace, cluster: of the metrics.
        dropped: load reports that could not be written to the table.
    """
    dimensions = {"Cluster": dimension_value(cluster), "Api": dimension_value(report.api)}
    for second, mean in second_means:
        metrics = {"InFlight": Metric(mean, resolution=1)}
        yield _line("in flight", second, namespace, dimensions, metrics, {"replica": report.replica})
    metrics = {
        "InFlightPeak": Metric(report.in_flight_peak),
        "Queued": Metric(report.queued),
        "Requests": Metric(sum(report.requests.values())),
    }
    for code, count in report.requests.items():
        name = f"Requests{code[:1]}xx"
        before = metrics[name].value if name in metrics else 0
        metrics[name] = Metric(count + before)  # type: ignore[operator]
    if turned_away := report.requests.get("503"):  # which callers are to try again
        metrics["Requests503"] = Metric(turned_away)
    for name, times in (("Latency", latency_s), ("QueueTime", queue_time_s)):
        if times:
            milliseconds: list[float] = [round(value * 1000, 3) for value in thinned(times, MOST_VALUES)]
            metrics[name] = Metric(milliseconds, "Milliseconds")
    if dropped:
        metrics["ReportsDropped"] = Metric(dropped)
    tracker = report.tracker or {}
    if "mean" in tracker:
        metrics |= {
            "Predictions": Metric(tracker["count"]),
            "PredictionSum": Metric(tracker["mean"] * tracker["count"], "None"),
            "PredictionMin": Metric(tracker["min"], "None"),
            "PredictionMax": Metric(tracker["max"], "None"),
        }
    fields = {
        "replica": report.replica,
        "bucket": report.bucket,
        "seconds": report.seconds,
        "in_flight": report.in_flight,
        "in_flight_peak": report.in_flight_peak,
        "requests": report.requests,
        "arrived": report.arrived,
        "served": report.served,
        "draining": report.draining,
    }
    yield _line("load report", report.bucket, namespace, dimensions, metrics, fields)
    for name, count in tracker.get("classes", {}).items():
        of_class = {**dimensions, "Class": dimension_value(name)}
        yield _line("predictions", report.bucket, namespace, of_class, {"Predictions": Metric(count)}, {})


def dimension_value(text: str) -> str:
    """``text`` as CloudWatch takes it: 1 to 1024 printable ASCII characters, not all blank, the first one no colon.

    (Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html)
    """
    plain = text.encode("unicode_escape").decode("ascii")
    if not plain.strip():
        return "(blank)"
    return (f"\\x3a{plain[1:]}" if plain.startswith(":") else plain)[:LONGEST_DIMENSION]


def _line(
    message: str,
    second: int,
    namespace: str,
    dimensions: dict[str, str],
    metrics: dict[str, Metric],
    fields: dict[str, Any],
) -> bytes:
    definitions = [
        {"Name": name, "Unit": metric.unit, **({"StorageResolution": 1} if metric.resolution == 1 else {})}
        for name, metric in metrics.items()
    ]
    directive = {"Namespace": namespace, "Dimensions": [list(dimensions)], "Metrics": definitions}
    document = {
        "level": "info",
        "message": message,
        **fields,
        **dimensions,
        **{name: metric.value for name, metric in metrics.items()},
        "_aws": {"Timestamp": second * 1000, "CloudWatchMetrics": [directive]},
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
