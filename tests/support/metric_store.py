"""Metrics as CloudWatch keeps them: points by namespace, name and dimensions, and statistics of them."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.support.metric_math import Series


class Metric(NamedTuple):
    """What tells metrics apart."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


def metric(namespace: str, name: str, **dimensions: str) -> Metric:
    """A metric by its dimensions."""
    return Metric(namespace, name, frozenset(dimensions.items()))


class MetricStore:
    """Points of metrics.

    Attributes:
        units, resolutions: of each metric, as it was sent.
    """

    def __init__(self) -> None:
        self._points: dict[Metric, list[tuple[float, list[float]]]] = defaultdict(list)
        self.units: dict[Metric, str] = {}
        self.resolutions: dict[Metric, int] = {}

    def log(self, line: str | bytes) -> None:
        """Take the metrics of a log line in embedded metric format; other lines have none."""
        document: dict[str, Any] = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for sent in directive["Metrics"]:
                    key = Metric(directive["Namespace"], sent["Name"], dimensions)
                    value = document[sent["Name"]]
                    time = document["_aws"]["Timestamp"] / 1000
                    self._points[key].append((time, value if isinstance(value, list) else [value]))
                    self.units[key] = sent["Unit"]
                    self.resolutions[key] = sent.get("StorageResolution", 60)

    def put(self, key: Metric, time: float, value: float) -> None:
        """Take one value."""
        self._points[key].append((time, [value]))

    def statistic(self, key: Metric, statistic: str, period: int, starts: Sequence[int]) -> Series:
        """A statistic of each period, by its start; periods without points are left out."""
        made: Series = {}
        for start in starts:
            values = sorted(v for time, some in self._points[key] if start <= time < start + period for v in some)
            if values:
                made[start] = _statistic(statistic, values)
        return made

    def series(self, queries: Sequence[Mapping[str, Any]], starts: Sequence[int]) -> dict[str, Series]:
        """The series of an alarm's metrics, by their ids."""
        made = {}
        for query in queries:
            if "MetricStat" in query:
                asked = query["MetricStat"]
                found = asked["Metric"]
                dimensions = frozenset((d["Name"], d["Value"]) for d in found["Dimensions"])
                key = Metric(found["Namespace"], found["MetricName"], dimensions)
                made[query["Id"]] = self.statistic(key, asked["Stat"], asked["Period"], starts)
        return made


def _statistic(statistic: str, values: list[float]) -> float:
    match statistic:
        case "Sum":
            return math.fsum(values)
        case "Average":
            return math.fsum(values) / len(values)
        case "Minimum":
            return values[0]
        case "Maximum":
            return values[-1]
        case "SampleCount":
            return len(values)
    assert statistic.startswith("p"), statistic
    return values[max(0, math.ceil(float(statistic[1:]) / 100 * len(values)) - 1)]
