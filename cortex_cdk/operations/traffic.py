"""Requests by code, latency and tracked predictions of APIs, from CloudWatch.

All of it is asked for in one call of ``GetMetricData`` for up to 100 APIs. Sums are added up from minutes. A percentile
cannot be, so it is asked for over the whole window at once; where CloudWatch cuts the window in two, the higher of the
two counts. (Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cortex_cdk.operations.aws import Aws

CODES = ("2xx", "4xx", "5xx")
PERCENTILES = ("p50", "p90", "p99")
LONGEST_S = 86_400
"""The longest window: the longest period of a percentile."""

_QUERIES_A_CALL = 500
_MINUTE = 60
_REGRESSION = {
    "PredictionSum": "Sum",
    "PredictionMin": "Minimum",
    "PredictionMax": "Maximum",
    "Predictions": "Sum",
}


class ApiKey(NamedTuple):
    """How an API's metrics are named: namespace, cluster and API."""

    namespace: str
    cluster: str
    api: str


@dataclass(frozen=True)
class Regression:
    """Of predicted values."""

    count: int
    mean: float
    min: float
    max: float


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What an API did in a window.

    Attributes:
        requests: answered requests by the first digit of their codes: ``2xx``, ``4xx``, ``5xx``.
        latency_ms: milliseconds by percentile; empty when nothing was answered.
        classes: predictions by class, of a classification.
        regression: of a regression; None without predictions.
    """

    requests: Mapping[str, int]
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    regression: Regression | None = None


class _Query(NamedTuple):
    """A metric of an API; ``part`` says where its values go."""

    key: ApiKey
    part: tuple[str, str]
    name: str
    statistic: str
    period: int
    dimensions: Mapping[str, str] = {}


def read(
    aws: Aws, keys: Sequence[ApiKey], now: float, window_s: int, trackers: Mapping[str, str] | None = None
) -> dict[str, Traffic]:
    """The traffic of APIs over the last ``window_s`` seconds, by the names of the APIs.

    Args:
        window_s: a multiple of 60 up to ``LONGEST_S``.
        trackers: APIs whose tracker is to be read, too, with its ``model_type``.
    """
    queries = [query for key in keys for query in _of_api(key, window_s)]
    for key in keys:
        kind = (trackers or {}).get(key.api)
        if kind == "classification":
            names = _classes(aws, key)
            queries += [_Query(key, ("class", name), "Predictions", "Sum", _MINUTE, {"Class": name}) for name in names]
        elif kind == "regression":
            queries += [_Query(key, ("value", name), name, stat, _MINUTE) for name, stat in _REGRESSION.items()]
    # A minute more: the one that is not over has data, too.
    end = (int(now) // _MINUTE + 1) * _MINUTE
    found = _values(aws, queries, end - window_s, end)
    return {key.api: _traffic(key, queries, found) for key in keys}


def _of_api(key: ApiKey, window_s: int) -> list[_Query]:
    codes = [_Query(key, ("code", code), f"Requests{code}", "Sum", _MINUTE) for code in CODES]
    return [*codes, *(_Query(key, ("latency", name), "Latency", name, window_s) for name in PERCENTILES)]


def _classes(aws: Aws, key: ApiKey) -> list[str]:
    """The classes that were predicted within the last two weeks."""
    pages = aws.pages(
        "cloudwatch",
        "ListMetrics",
        Namespace=key.namespace,
        MetricName="Predictions",
        Dimensions=[{"Name": "Cluster", "Value": key.cluster}, {"Name": "Api", "Value": key.api}, {"Name": "Class"}],
    )
    found = {
        str(dimension["Value"])
        for page in pages
        for metric in page["Metrics"]
        for dimension in metric.get("Dimensions") or ()
        if dimension["Name"] == "Class"
    }
    return sorted(found)


def _values(aws: Aws, queries: Sequence[_Query], start: int, end: int) -> list[list[float]]:
    """The values of each query."""
    found: list[list[float]] = [[] for _ in queries]
    for first in range(0, len(queries), _QUERIES_A_CALL):
        some = queries[first : first + _QUERIES_A_CALL]
        pages = aws.pages(
            "cloudwatch",
            "GetMetricData",
            MetricDataQueries=[_document(query, f"q{first + place}") for place, query in enumerate(some)],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[int(result["Id"][1:])] += [float(value) for value in result["Values"]]
    return found


def _document(query: _Query, id: str) -> dict[str, Any]:
    dimensions = {"Cluster": query.key.cluster, "Api": query.key.api, **query.dimensions}
    metric = {
        "Namespace": query.key.namespace,
        "MetricName": query.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": query.period, "Stat": query.statistic}}


def _traffic(key: ApiKey, queries: Iterable[_Query], found: Iterable[list[float]]) -> Traffic:
    parts: dict[tuple[str, str], list[float]] = {}
    for query, values in zip(queries, found, strict=True):
        if query.key == key:
            parts[query.part] = values
    latency = {name: max(values) for name in PERCENTILES if (values := parts["latency", name])}
    classes = {name: round(sum(values)) for (kind, name), values in parts.items() if kind == "class"}
    regression = None
    if count := round(sum(parts.get(("value", "Predictions"), []))):
        regression = Regression(
            count,
            sum(parts["value", "PredictionSum"]) / count,
            min(parts["value", "PredictionMin"]),
            max(parts["value", "PredictionMax"]),
        )
    return Traffic(
        requests={code: round(sum(parts["code", code])) for code in CODES},
        latency_ms=latency,
        classes={name: count for name, count in classes.items() if count},
        regression=regression,
    )
