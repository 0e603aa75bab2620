"""What a cluster and its APIs use in a month of AWS's services, beside instances: how much of what has a price.

The counts are those of what ``cortex_cdk.constructs`` deploys and of what replicas and the scaler send; tests compare
them with the templates and with what is sent. Free tiers are left out, and so is what depends on requests, which
``per_million_requests`` has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cortex_cdk.autoscaling import BUCKET_S, TICK_S
from cortex_cdk.spec.cluster.model import ClusterSpec
from cortex_cdk.spec.model import ApiSpec

HOURS = 730
"""In a month."""

ZONES = 2
"""In which a load balancer that faces the internet has an address each."""

NAT_GATEWAYS = 1
"""Of a VPC of the cluster's own."""

REPLICA_METRICS = 10
"""That the replicas of an API send in any hour with requests: in-flight and its peak, queued, requests in all and with
2xx, 4xx, 5xx and 503, latency and queue time."""

SCALER_METRICS = 5
"""Of an API, at each tick: desired and running replicas, target, recommendation, in-flight in total."""

REGRESSION_METRICS = 4
"""Of a tracker of regressions. One of classes has a metric a class."""

CLUSTER_METRICS = 6
"""Of the scaler itself."""

INSIGHTS_CLUSTER_METRICS, INSIGHTS_API_METRICS = 8, 11 + 6
"""Of Container Insights, in the example of https://aws.amazon.com/cloudwatch/pricing/: 8 a cluster, 11 a service and
6 a task family."""

INSTANCE_METRICS = 7
"""Of the detailed monitoring of an instance, in the example of https://aws.amazon.com/cloudwatch/pricing/."""

ROLLBACK_ALARM_METRICS = 3
"""At which the alarm of an API looks that takes a deployment back. It is always there."""

ALARM_METRICS: Mapping[str, int] = MappingProxyType(
    {
        "server_errors": 2,
        "latency": 2,
        "unhealthy_replicas": 1,
        "at_max_replicas": 2,
        "no_load_reports": 2,
        "deployment_failed": 0,  # an event
        "scaler_stopped": 1,
        "scaler_errors": 2,
        "dead_letters": 1,
        "capacity_stuck": 1,
    }
)
"""At which the alarms look that tell people. There is a ``capacity_stuck`` for each instance group."""

MANAGED_SCALING_ALARM_METRICS = 2
"""Of an instance group: ECS's own alarms
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html)."""

DASHBOARDS = 1
"""Of a cluster, and of each API."""

KEYS = 1
"""That encrypts the cluster's own topic of alarms."""

LOG_EVENT_BYTES = 26
"""That CloudWatch Logs adds to each line
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html)."""

REPLICA_LOG_BYTES = 6_500
"""Of the lines with a replica's metrics, those of 10 s with requests."""

DECISION_LOG_BYTES = 1_600
"""Of the line with the scaler's decision about an API."""

REQUEST_LOG_BYTES = 300
"""Of the line with a request."""

REPORT_ITEM_BYTES = 200
"""Of a load report in the scaler's table."""

FUNCTION_GB = 0.375
"""Memory of the scaler's Lambda."""

INVOCATION_S = 1.0
"""Assumed for each run of it: little for hundreds of APIs (``benchmarks/scaler.py``)."""

POLLERS = 5
"""Long polls, of 20 s each, that Lambda keeps open on the queue of ticks
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html)."""

NEW_CONNECTIONS_PER_UNIT, RULES_PER_UNIT, FREE_RULES = 25, 1_000, 10
"""A load balancer capacity unit is so many new connections a second, or evaluated rules, of which the first ten are
free (https://aws.amazon.com/elasticloadbalancing/pricing/)."""

_GB = 1e9
_MILLION = 1e6
_SECONDS = HOURS * 3600
_TICKS = _SECONDS / TICK_S
_READ_UNIT_BYTES = 4_096


@dataclass(frozen=True)
class Use:
    """``quantity`` in a month of what the list of prices has under ``key``; ``what`` it is, for a bill."""

    what: str
    key: str
    quantity: float


def usage(
    cluster: ClusterSpec, apis: Sequence[ApiSpec], replicas: Mapping[str, int], instances: Mapping[str, int]
) -> Iterator[Use]:
    """What is used when each API has so many replicas, and each instance group so many instances, for a month."""
    nodes, tasks = sum(instances.values()), sum(replicas.values())
    disks = sum(group.volume_gib * instances[group.name] for group in cluster.instance_groups)
    logs_gb = _logs_gb(len(apis), tasks)
    yield Use("volumes", "volume_gb_month", disks)
    if cluster.vpc is None:
        yield Use("NAT gateway", "nat_gateway_hour", NAT_GATEWAYS * HOURS)
        yield Use("NAT gateway", "public_ipv4_hour", NAT_GATEWAYS * HOURS)
        yield Use("NAT gateway", "nat_gateway_gb", logs_gb)
    yield Use("load balancer", "load_balancer_hour", HOURS)
    if cluster.endpoint.internet_facing:
        yield Use("load balancer", "public_ipv4_hour", ZONES * HOURS)
    yield Use("metrics", "metric_month", INSTANCE_METRICS * nodes + CLUSTER_METRICS + INSIGHTS_CLUSTER_METRICS)
    yield Use("metrics", "metric_month", sum(api_metrics(api) for api in apis))
    yield Use("alarms and dashboards", "alarm_metric_month", alarm_metrics(cluster, apis))
    if cluster.dashboards:
        yield Use("alarms and dashboards", "dashboard_month", DASHBOARDS * (1 + len(apis)))
    if cluster.alarms.enabled and cluster.alarms.topic_arn is None:
        yield Use("alarms and dashboards", "key_month", KEYS)
    yield Use("logs", "log_gb", logs_gb)
    yield from _scaler(apis, replicas)


def api_metrics(api: ApiSpec) -> int:
    """Metrics that an API has in any hour with requests."""
    regression = api.tracker is not None and api.tracker.model_type == "regression"
    return REPLICA_METRICS + SCALER_METRICS + INSIGHTS_API_METRICS + (REGRESSION_METRICS if regression else 0)


def alarm_metrics(cluster: ClusterSpec, apis: Sequence[ApiSpec]) -> int:
    """Metrics at which the alarms of a cluster and of its APIs look, each as often as it is looked at."""
    groups = len(cluster.instance_groups)
    count = MANAGED_SCALING_ALARM_METRICS * groups + ROLLBACK_ALARM_METRICS * len(apis)
    if not cluster.alarms.enabled:
        return count
    for name, alarm in cluster.alarms.of_cluster.items():
        count += ALARM_METRICS[name] * (groups if name == "capacity_stuck" else 1) * alarm.enabled
    for api in apis:
        count += sum(ALARM_METRICS[name] for name, alarm in cluster.alarms.of_api(api.name).items() if alarm.enabled)
    return count


def per_million_requests(cluster: ClusterSpec, apis: int) -> Iterator[Use]:
    """What a million requests use, each over a connection of its own and with less than 11 KB in all."""
    rules = max(0, apis - FREE_RULES) / RULES_PER_UNIT
    units = max(1 / NEW_CONNECTIONS_PER_UNIT, rules)
    logs_gb = _MILLION * (REQUEST_LOG_BYTES + LOG_EVENT_BYTES) / _GB
    yield Use("load balancer", "capacity_unit_hour", _MILLION * units / 3600)
    yield Use("logs", "log_gb", logs_gb)
    if cluster.vpc is None:
        yield Use("NAT gateway", "nat_gateway_gb", logs_gb)


def _logs_gb(apis: int, replicas: int) -> float:
    of_replicas = replicas * REPLICA_LOG_BYTES * _SECONDS / BUCKET_S
    of_decisions = apis * (DECISION_LOG_BYTES + LOG_EVENT_BYTES) * _TICKS
    return (of_replicas + of_decisions) / _GB


def _scaler(apis: Sequence[ApiSpec], replicas: Mapping[str, int]) -> Iterator[Use]:
    dispatches = _SECONDS / 60
    runs = _TICKS + dispatches
    yield Use("scaler", "function_request_million", runs / _MILLION)
    yield Use("scaler", "function_gb_second", runs * INVOCATION_S * FUNCTION_GB)
    # One batch of six a minute; each message is received and deleted.
    yield Use("scaler", "queue_request_million", (dispatches + 2 * _TICKS + POLLERS * _SECONDS / 20) / _MILLION)
    reports, states = sum(replicas.values()) * _SECONDS / BUCKET_S, len(apis) * _TICKS
    yield Use("scaler", "table_write_million", (reports + states) / _MILLION)
    yield Use(
        "scaler", "table_read_million", _TICKS * sum(1 + _read(api, replicas[api.name]) for api in apis) / _MILLION
    )


def _read(api: ApiSpec, replicas: int) -> float:
    """Read units of a tick for the load reports of an API, which are eventually consistent: half a unit for 4 KB."""
    buckets = math.ceil(api.autoscaling.window.total_seconds() / BUCKET_S) + 6
    return 0.5 * math.ceil(buckets * replicas * REPORT_ITEM_BYTES / _READ_UNIT_BYTES)
