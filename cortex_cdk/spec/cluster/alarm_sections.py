"""The keys of ``alarms`` in ``cluster.yaml``. Descriptions are Markdown."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cortex_cdk.spec.cluster import notations
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS, LONGEST_MIN, OPERATIONS_PAGE
from cortex_cdk.spec.kind import DerivedDefault
from cortex_cdk.spec.kinds import Flag, Number, Text, Whole
from cortex_cdk.spec.lists import ListOf
from cortex_cdk.spec.sections import Section, written

_TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
_OF_THE_ALARM = DerivedDefault("that of the alarm")


class Alarm(Section):
    """How one alarm is set. It has those of `threshold`, `minutes` and `min_count` that its meaning names."""

    enabled: Annotated[bool, Flag()] = Field(default=True, description="Whether there is such an alarm.")
    threshold: Annotated[float | None, Number(at_least=0), _OF_THE_ALARM] = Field(
        default=None, validate_default=False, description="In the unit of the alarm.", examples=[800]
    )
    minutes: Annotated[int | None, Whole(1, LONGEST_MIN), _OF_THE_ALARM] = Field(
        default=None, validate_default=False, description="For how long it must last.", examples=[5]
    )
    min_count: Annotated[int | None, Whole(1), _OF_THE_ALARM] = Field(
        default=None,
        validate_default=False,
        description="How many requests, or failed ones, it takes for a rate to mean something.",
        examples=[20],
    )
    topic_arn: Annotated[str | None, notations.TOPIC_ARN, DerivedDefault("where the others are sent")] = Field(
        default=None, validate_default=False, description="An SNS topic to which it is sent instead.", examples=[_TOPIC]
    )


def _alarm(name: str, meaning: str, example: dict[str, Any]) -> Any:
    """The key of an alarm; ``meaning`` has its defaults in braces."""
    kind = {**API_ALARMS, **CLUSTER_ALARMS}[name]
    description = meaning.format(threshold=kind.threshold, minutes=kind.minutes, min_count=kind.min_count)
    return Field(default=written({}), description=description, examples=[example])


class ApiAlarms(Section):
    """The alarms of single APIs, by the names of the APIs. What is not said here is as for all APIs."""

    server_errors: Alarm = _alarm(
        "server_errors",
        "More than `threshold` ({threshold:g}) percent of the requests of `minutes` ({minutes}) were answered with a "
        "5xx, and at least `min_count` ({min_count}) of them were.",
        {"threshold": 2, "min_count": 20},
    )
    latency: Alarm = _alarm(
        "latency",
        "The 99th percentile was above `threshold` milliseconds (half of `endpoint.request_timeout`) in four of five "
        "of `minutes` ({minutes}), each with at least `min_count` ({min_count}) requests.",
        {"threshold": 800, "minutes": 5},
    )
    unhealthy_replicas: Alarm = _alarm(
        "unhealthy_replicas",
        "At least `threshold` ({threshold:g}) replicas failed the load balancer's health checks in each of `minutes` "
        "({minutes}, as long as a replica may take to start).",
        {"threshold": 2},
    )
    at_max_replicas: Alarm = _alarm(
        "at_max_replicas",
        "In each of `minutes` ({minutes}), more than `threshold` ({threshold:g}) percent of the scaler's decisions "
        "would have given more replicas than `max_replicas`.",
        {"enabled": False},
    )
    no_load_reports: Alarm = _alarm(
        "no_load_reports",
        "In each of `minutes` ({minutes}, as long as a replica may take to start), more than `threshold` "
        "({threshold:g}) percent of the scaler's decisions had no load report to go by.",
        {"minutes": 20},
    )
    deployment_failed: Alarm = _alarm(
        "deployment_failed",
        "ECS gave a deployment up, and rolled it back.",
        {"topic_arn": "arn:aws:sns:eu-central-1:123456789012:releases"},
    )


class _Receivers(Section):
    """Who gets alarms."""

    enabled: Annotated[bool, Flag()] = Field(
        default=True, description="With `false` there is none of those below, and no topic."
    )
    emails: Annotated[
        list[str], ListOf("a list of e-mail addresses such as on-call@example.com", items=notations.EMAIL)
    ] = Field(
        default=[],
        description="Who gets the alarms, through a topic of the cluster's own. AWS asks each address to confirm.",
        examples=[[], ["on-call@example.com"]],
    )
    topic_arn: Annotated[str | None, notations.TOPIC_ARN] = Field(
        default=None,
        validate_default=False,
        description="An SNS topic of yours to which alarms are sent, of the cluster's region; the cluster then makes "
        "none. It must let `cloudwatch.amazonaws.com` and `events.amazonaws.com` publish, and its key, if any, too.",
        examples=[_TOPIC],
    )
    operations_page: Annotated[
        str, Text("a URL or a path, without spaces and `#`, at most 256 characters", r"[^\s#]+", max_length=256)
    ] = Field(
        default=OPERATIONS_PAGE,
        description="The page to which the descriptions of alarms and dashboards link: `#` and the name of the alarm "
        "are added, with `-` for `_`. The default is no link that opens: set the URL of a page that on-call can read.",
        examples=["https://wiki.example.com/on-call"],
    )


class Alarms(ApiAlarms, _Receivers):
    """Which alarms there are, and who is told. Those that are about an API are set here for all APIs."""

    scaler_stopped: Alarm = _alarm(
        "scaler_stopped",
        "The scaler made fewer than `threshold` ({threshold:g}) ticks in each of `minutes` ({minutes}), of 6 a minute.",
        {"minutes": 5},
    )
    scaler_errors: Alarm = _alarm(
        "scaler_errors",
        "At least `threshold` ({threshold:g}) things failed in ticks of the scaler, in four of five of `minutes` "
        "({minutes}).",
        {"threshold": 3},
    )
    dead_letters: Alarm = _alarm(
        "dead_letters",
        "At least `threshold` ({threshold:g}) ticks of the scaler failed twice for a reason nobody has thought of.",
        {"threshold": 2},
    )
    capacity_stuck: Alarm = _alarm(
        "capacity_stuck",
        "An instance group was more than `threshold` ({threshold:g}) percent reserved in each of `minutes` "
        "({minutes}): replicas wait for instances that do not come.",
        {"minutes": 30},
    )
    apis: dict[str, ApiAlarms] = Field(default=written({}), examples=[{"my-api": {"latency": {"threshold": 2000}}}])
