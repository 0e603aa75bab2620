"""The counts behind the bill, against what replicas and the scaler really send."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import BUCKET_S, History, Observation, Policy, decide
from cortex_cdk.plan import usage as counts
from cortex_cdk.plan.usage import Use, api_metrics, per_million_requests, usage
from cortex_cdk.scaler import metrics
from cortex_cdk.scaler.tick import LIMIT_S
from cortex_cdk.spec.cluster import ClusterSpec, VpcSpec, build
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS
from cortex_cdk.spec.cluster.document import Cluster
from cortex_cdk.spec.model import TrackerSpec
from cortex_runtime.aws_sink import item_of
from cortex_runtime.embedded_metrics import lines
from cortex_runtime.load import LoadReport
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log
from tests.support.api_specs import api_spec
from tests.support.cluster_specs import cluster_spec
from tests.support.embedded_metrics import metric_names

API, CLUSTER, REPLICA = "text-classifier", "cortex-ClusterEcs1A2B3C4D-AbCdEfGhIjKl", "0123456789abcdef0123456789abcdef"


def load_report(**report: Any) -> LoadReport:
    """Of a replica that is asked all the time."""
    return LoadReport(
        api=API,
        replica=REPLICA,
        bucket=1_793_280_000,
        seconds=10.0,
        in_flight=3.141592,
        in_flight_peak=12,
        requests={"200": 1234, "400": 2, "503": 3},
        arrived=1239,
        served=1236,
        queued=0.512345,
        **report,
    )


def replica_lines(**report: Any) -> list[bytes]:
    """What it writes in 10 s."""
    drawn, made = random.Random(1), load_report(**report)
    means = [(made.bucket + second, drawn.uniform(0, 9)) for second in range(BUCKET_S)]
    times = [drawn.uniform(0, 0.2) for _ in range(1000)]
    return [*lines(made, means, times, times, namespace="Cortex", cluster=CLUSTER, dropped=0)]


def names(raw: list[bytes]) -> set[str]:
    return {name for line in raw for name in metric_names(json.loads(line))}


def test_metrics_of_replicas() -> None:
    assert len(names(replica_lines())) == counts.REPLICA_METRICS
    regression = replica_lines(tracker={"count": 9, "min": 0.0, "max": 2.0, "mean": 1.0})
    assert len(names(regression)) == counts.REPLICA_METRICS + counts.REGRESSION_METRICS


def test_bytes_that_a_replica_logs_and_writes() -> None:
    raw = replica_lines()
    logged = sum(len(line) + counts.LOG_EVENT_BYTES for line in raw)
    assert 0.9 * counts.REPLICA_LOG_BYTES <= logged <= counts.REPLICA_LOG_BYTES
    size = sum(len(name) + len(str(*value.values())) for name, value in item_of(load_report()).items())
    assert 0.7 * counts.REPORT_ITEM_BYTES <= size <= counts.REPORT_ITEM_BYTES


def test_bytes_of_the_line_of_a_request() -> None:
    reading, writing = os.pipe()
    context = {"api": API, "replica": REPLICA}
    Writer(Log(level="info", format="json"), context, writing).write(
        "info", f"POST /{API} 200", status=200, latency_ms=123.45, queue_ms=12.34, request_id=REPLICA
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        size = len(pipe.read())
    assert 0.6 * counts.REQUEST_LOG_BYTES <= size <= counts.REQUEST_LOG_BYTES


def decision_line() -> str:
    policy = Policy(upscale_window_s=10.0, queue_drain_period_s=30.0)
    observation = Observation(
        replicas=2, average_in_flight=1.23456789, burst_in_flight=1.3456789, average_work=1.1, burst_work=1.2
    )
    decision = decide(policy, observation, History(began=0.0), 1_793_280_005.0)
    fields = {
        **metrics.fields_of(decision),
        "result": "unchanged",
        "service": f"arn:aws:ecs:eu-central-1:123456789012:service/{CLUSTER}/cortex-{API}-ApiService1A2B3C4D-AbCdEfGh",
        "slot": 179_328_000,
        "policy": "0123456789abcdef",
        "maximum_percent": 125,
        "minimum_healthy_percent": 75,
        "reports": 18,
    }
    dimensions = {metrics.CLUSTER: CLUSTER, metrics.API: API}
    values = metrics.of_decision(decision, policy.target_replica_concurrency, 2)
    return metrics.line("info", decision.reason, 1_793_280_005.0, "Cortex", dimensions, values, fields)


def test_metrics_and_bytes_of_a_decision() -> None:
    line = decision_line()
    always = {name for name in metric_names(json.loads(line)) if not name.startswith("HeldBy")}
    assert len(always) == counts.SCALER_METRICS
    assert 0.7 * counts.DECISION_LOG_BYTES <= len(line) <= counts.DECISION_LOG_BYTES


def test_an_invocation_is_assumed_within_what_a_tick_takes() -> None:
    assert counts.INVOCATION_S <= LIMIT_S


def quantity(uses: list[Use], key: str) -> float:
    return sum(use.quantity for use in uses if use.key == key)


def used(replicas: int = 1, nodes: int = 1, **cluster: Any) -> list[Use]:
    api = api_spec("one")
    return [*usage(cluster_spec(**cluster), [api], {"one": replicas}, {"default": nodes})]


def test_a_month_of_one_replica_by_hand() -> None:
    found = used()
    assert quantity(found, "volume_gb_month") == 100
    assert quantity(found, "nat_gateway_hour") == quantity(found, "load_balancer_hour") == 730
    assert quantity(found, "metric_month") == 7 + 6 + 8 + (10 + 5 + 17)
    # A report and a state every 10 s, 262,800 of each.
    assert quantity(found, "table_write_million") == 0.5256
    # One unit for the state, and half of one for 12 reports of 200 bytes.
    assert quantity(found, "table_read_million") == 0.3942
    assert quantity(found, "function_request_million") == 0.3066
    assert quantity(found, "function_gb_second") == 7 * 43_800 * 1.0 * 0.375  # seven runs a minute
    assert quantity(found, "log_gb") == (6_500 + 1_626) * 262_800 / 1e9


def test_what_faces_the_internet_has_addresses_and_a_given_vpc_no_gateway() -> None:
    endpoint = replace(cluster_spec().endpoint, internet_facing=True)
    vpc = VpcSpec("vpc-1", None, ("a", "b"), ("s-1", "s-2"), ())
    assert quantity(used(), "public_ipv4_hour") == 730
    assert quantity(used(endpoint=endpoint), "public_ipv4_hour") == 3 * 730
    assert quantity(used(endpoint=endpoint, vpc=vpc), "public_ipv4_hour") == 2 * 730
    assert quantity(used(vpc=vpc), "nat_gateway_hour") == quantity(used(vpc=vpc), "nat_gateway_gb") == 0


def test_a_tracker_of_regressions_has_metrics() -> None:
    plain = api_spec()
    tracked = replace(plain, tracker=TrackerSpec("regression", None))
    classes = replace(plain, tracker=TrackerSpec("classification", None))
    assert api_metrics(tracked) == api_metrics(plain) + 4
    assert api_metrics(classes) == api_metrics(plain)


def alarm_metrics(*apis: str, groups: int = 1, **alarms: Any) -> int:
    """That are paid for with these keys in ``alarms``."""
    keys = {"instance_groups": [{"name": f"g{n}", "instance_types": ["m5.large"]} for n in range(groups)]}
    return counts.alarm_metrics(of_keys(alarms=alarms, **keys), [api_spec(name) for name in apis])


def of_keys(**keys: Any) -> ClusterSpec:
    return build.cluster_spec(Cluster.model_validate(keys))


def test_metrics_of_alarms_by_hand() -> None:
    assert alarm_metrics() == 4 + (1 + 2)
    assert alarm_metrics("one", "two", groups=3) == 4 + 3 * (1 + 2) + 2 * (9 + 3)
    # What takes a deployment back, and ECS's own of a group, are there in any case.
    assert alarm_metrics("one", "two", groups=3, enabled=False) == 3 * 2 + 2 * 3


@pytest.mark.parametrize("name", counts.ALARM_METRICS)
def test_alarms_that_are_off_cost_nothing(name: str) -> None:
    off, each = {"enabled": False}, counts.ALARM_METRICS[name]
    everywhere = alarm_metrics("one", "two", groups=3)
    times = 2 if name in API_ALARMS else 3 if name == "capacity_stuck" else 1
    assert everywhere - alarm_metrics("one", "two", groups=3, **{name: off}) == times * each
    if name in API_ALARMS:
        assert everywhere - alarm_metrics("one", "two", groups=3, apis={"two": {name: off}}) == each
        on_again = {name: off, "apis": {"two": {name: {"enabled": True}}}}
        assert everywhere - alarm_metrics("one", "two", groups=3, **on_again) == each


def test_a_topic_of_its_own_has_a_key() -> None:
    def keys(**alarms: Any) -> float:
        return quantity([*usage(of_keys(alarms=alarms), [], {}, {"default": 0})], "key_month")

    assert keys() == keys(emails=["a@b.cd"]) == 1
    assert keys(enabled=False) == keys(topic_arn="arn:aws:sns:eu-central-1:123456789012:on-call") == 0


def test_dashboards_that_are_off_cost_nothing() -> None:
    assert quantity(used(), "dashboard_month") == 2
    assert quantity(used(dashboards=False), "dashboard_month") == 0


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_more_replicas_and_instances_never_use_less(replicas: int, nodes: int) -> None:
    less, more = used(replicas, nodes), used(replicas + 1, nodes + 1)
    assert all(a.key == b.key and a.quantity <= b.quantity for a, b in zip(less, more, strict=True))


def test_a_million_requests() -> None:
    few, many = ([*per_million_requests(cluster_spec(), apis)] for apis in (50, 100))
    assert quantity(few, "capacity_unit_hour") == 1e6 / 25 / 3600  # new connections
    assert quantity(many, "capacity_unit_hour") == 1e6 * 90 / 1000 / 3600  # rules beyond the first ten
    assert quantity(few, "log_gb") == quantity(few, "nat_gateway_gb") == 0.326
