"""Requests, latency and predictions out of CloudWatch's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.operations.traffic import ApiKey, Regression, Traffic, read
from tests.support.fake_aws import FakeAws

NOW = 1_700_000_030.0
IRIS = ApiKey("Cortex", "home", "iris")


class CloudWatch:
    """Metrics by API, name and statistic; the values of each query in the order of time."""

    def __init__(self, values: dict[tuple[str, ...], Sequence[float]]) -> None:
        self._values = values

    def get(self, **arguments: Any) -> dict[str, Any]:
        results = []
        for query in arguments["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            key = (dimensions["Api"], metric["MetricName"], query["MetricStat"]["Stat"])
            key += (dimensions["Class"],) if "Class" in dimensions else ()
            results.append({"Id": query["Id"], "Values": list(self._values.get(key, ()))})
        return {"MetricDataResults": results[::-1]}  # in any order

    def list(self, **arguments: Any) -> dict[str, Any]:
        classes = [key[3] for key in self._values if len(key) == 4]
        return {"Metrics": [{"Dimensions": [{"Name": "Class", "Value": name}]} for name in classes]}


def traffic(values: dict[tuple[str, ...], Sequence[float]], window_s: int = 300, tracker: str | None = None) -> Traffic:
    cloudwatch = CloudWatch(values)
    aws = FakeAws({"GetMetricData": cloudwatch.get, "ListMetrics": cloudwatch.list})
    return read(aws, [IRIS], NOW, window_s, {"iris": tracker} if tracker else None)["iris"]


def test_codes_are_summed_and_of_two_percentiles_the_higher_counts() -> None:
    values = {
        ("iris", "Requests2xx", "Sum"): [1, 2, 3],
        ("iris", "Requests5xx", "Sum"): [4],
        ("iris", "Latency", "p50"): [10.5],
        ("iris", "Latency", "p99"): [20, 30, 25],
    }
    found = traffic(values)
    assert found.requests == {"2xx": 6, "4xx": 0, "5xx": 4}
    assert found.latency_ms == {"p50": 10.5, "p99": 30}


def test_without_any_request() -> None:
    found = traffic({})
    assert found == Traffic(requests={"2xx": 0, "4xx": 0, "5xx": 0})


def test_classes_that_were_predicted_in_the_window() -> None:
    values = {
        ("iris", "Predictions", "Sum", "setosa"): [1, 2],
        ("iris", "Predictions", "Sum", "virginica"): [],
    }
    assert traffic(values, tracker="classification").classes == {"setosa": 3}
    assert traffic(values).classes == {}


def test_a_regression() -> None:
    values = {
        ("iris", "Predictions", "Sum"): [1, 3],
        ("iris", "PredictionSum", "Sum"): [10, 30],
        ("iris", "PredictionMin", "Minimum"): [9, -1],
        ("iris", "PredictionMax", "Maximum"): [12, 11],
    }
    assert traffic(values, tracker="regression").regression == Regression(4, 10.0, -1, 12)
    assert traffic({}, tracker="regression").regression is None


@given(st.integers(1, 200))
def test_many_apis_are_asked_for_in_few_calls_and_none_gets_anothers_values(count: int) -> None:
    keys = [ApiKey("Cortex", "home", f"api-{number}") for number in range(count)]
    cloudwatch = CloudWatch({(key.api, "Requests2xx", "Sum"): [number] for number, key in enumerate(keys)})
    aws = FakeAws({"GetMetricData": cloudwatch.get})
    found = read(aws, keys, NOW, 300)
    assert [found[key.api].requests["2xx"] for key in keys] == list(range(count))
    calls = aws.called("GetMetricData")
    assert len(calls) == -(-count * 6 // 500)
    assert all(len(call["MetricDataQueries"]) <= 500 for call in calls)


@pytest.mark.parametrize("window_s", [60, 3600, 86_400])
def test_the_window_ends_with_the_minute_that_is_under_way(window_s: int) -> None:
    aws = FakeAws({"GetMetricData": CloudWatch({}).get})
    read(aws, [IRIS], NOW, window_s)
    (call,) = aws.called("GetMetricData")
    start, end = call["StartTime"].timestamp(), call["EndTime"].timestamp()
    assert end - start == window_s
    assert 0 < end - NOW <= 60
    assert end % 60 == 0
    periods = {query["MetricStat"]["Stat"]: query["MetricStat"]["Period"] for query in call["MetricDataQueries"]}
    assert periods == {"Sum": 60, "p50": window_s, "p90": window_s, "p99": window_s}


def test_metrics_are_named_as_replicas_name_them() -> None:
    aws = FakeAws({"GetMetricData": CloudWatch({}).get})
    read(aws, [ApiKey("Mine", "home", "iris")], NOW, 60)
    metric = aws.called("GetMetricData")[0]["MetricDataQueries"][0]["MetricStat"]["Metric"]
    assert metric["Namespace"] == "Mine"
    assert metric["Dimensions"] == [{"Name": "Cluster", "Value": "home"}, {"Name": "Api", "Value": "iris"}]
