"""How the alarms of a cluster and of its APIs are set, changed and turned off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortex_cdk.spec.cluster.alarm_kinds import OPERATIONS_PAGE, AlarmKind

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns


@dataclass(frozen=True, kw_only=True)
class AlarmOptions:
    """Changes of one alarm; what is None stays as it is by default.

    Attributes:
        threshold: in the unit of the alarm.
        minutes: for how long, 1 to 1,440.
        min_count: of rates: how many requests, or failed ones, it takes for the rate to mean something.
        topic: where it is sent, instead of where the others are.
    """

    threshold: float | None = None
    minutes: int | None = None
    min_count: int | None = None
    topic: sns.ITopic | None = None


@dataclass(frozen=True, kw_only=True)
class ApiAlarms:
    """The alarms of an API: True is as by default, False is off.

    CloudWatch charges alarms by the metrics that they look at: with the defaults 9 an API, which is $0.90 a month
    (https://aws.amazon.com/cloudwatch/pricing/, us-east-1).

    Attributes:
        server_errors: more than ``threshold`` (5) percent of the requests of ``minutes`` (5) were answered with a 5xx,
            and at least ``min_count`` (5) of them were.
        latency: the 99th percentile was above ``threshold`` milliseconds (half of the endpoint's longest request) in
            four of five of ``minutes`` (10), each with at least ``min_count`` (10) requests.
        unhealthy_replicas: at least ``threshold`` (1) replicas failed the load balancer's health checks in each of
            ``minutes`` (as many as a replica may take to start).
        at_max_replicas: in each of ``minutes`` (5), more than ``threshold`` (50) percent of the scaler's decisions
            would have given more replicas than ``max_replicas``.
        no_load_reports: in each of ``minutes`` (as many as a replica may take to start), more than ``threshold`` (50)
            percent of the scaler's decisions had no load report to go by.
        deployment_failed: ECS gave a deployment up, and rolled it back. It has nothing but a ``topic``, and is sent
            only where there is one.
        topic: where they are sent; by default where the cluster's alarms are.
        operations_page: where the sections about the alarms are: a path, or a URL.
    """

    server_errors: AlarmOptions | bool = True
    latency: AlarmOptions | bool = True
    unhealthy_replicas: AlarmOptions | bool = True
    at_max_replicas: AlarmOptions | bool = True
    no_load_reports: AlarmOptions | bool = True
    deployment_failed: AlarmOptions | bool = True
    topic: sns.ITopic | None = None
    operations_page: str = OPERATIONS_PAGE


@dataclass(frozen=True, kw_only=True)
class ClusterAlarms:
    """The alarms of a cluster: True is as by default, False is off.

    CloudWatch charges them by the metrics that they look at: with the defaults 4, and one for each instance group,
    which is $0.50 a month with one group. The key that encrypts the topic is $1
    (https://aws.amazon.com/cloudwatch/pricing/, https://aws.amazon.com/kms/pricing/, us-east-1).

    Attributes:
        scaler_stopped: the scaler made fewer than ``threshold`` (1) ticks in each of ``minutes`` (3), of 6 a minute.
        scaler_errors: at least ``threshold`` (1) things failed in ticks of the scaler, in four of five of ``minutes``
            (5).
        dead_letters: at least ``threshold`` (1) ticks failed twice for a reason that nobody has thought of, and wait to
            be looked at.
        capacity_stuck: an instance group was more than ``threshold`` (100) percent reserved in each of ``minutes``
            (15): replicas wait for instances that do not come.
        topic: where they are sent, and those of the APIs; by default a topic of the cluster's own, encrypted.
        emails: who is told by that topic. Each address is asked to confirm.
        operations_page: where the sections about the alarms are: a path, or a URL.
    """

    scaler_stopped: AlarmOptions | bool = True
    scaler_errors: AlarmOptions | bool = True
    dead_letters: AlarmOptions | bool = True
    capacity_stuck: AlarmOptions | bool = True
    topic: sns.ITopic | None = None
    emails: Sequence[str] = ()
    operations_page: str = OPERATIONS_PAGE


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one alarm is set, with nothing left to defaults. ``threshold_chosen``: whether the user set the threshold."""

    threshold: float
    threshold_chosen: bool
    minutes: int
    min_count: int
    topic: sns.ITopic | None


def settings(alarms: ApiAlarms | ClusterAlarms, kinds: Mapping[str, AlarmKind]) -> tuple[dict[str, Setting], list[str]]:
    """The alarms that are on, by name, and what is wrong with how they were set, in words.

    Args:
        alarms: as the user set them.
        kinds: all that there are, by name, with their defaults.
    """
    found: dict[str, Setting] = {}
    problems: list[str] = []
    for name, kind in kinds.items():
        given = getattr(alarms, name)
        if given is False:
            continue
        options = given if isinstance(given, AlarmOptions) else AlarmOptions()
        if given is not True and options is not given:
            problems.append(f"alarms.{name} is {given!r}, must be True, False or AlarmOptions(...)")
        wrong = _problems(options, kind)
        problems += [f"alarms.{name}.{problem}" for problem in wrong]
        chosen = AlarmOptions(topic=options.topic) if wrong else options
        found[name] = Setting(
            threshold=_first(chosen.threshold, kind.threshold, 0.0),
            threshold_chosen=chosen.threshold is not None,
            minutes=int(_first(chosen.minutes, kind.minutes, 1)),
            min_count=int(_first(chosen.min_count, kind.min_count, 1)),
            topic=options.topic or alarms.topic,
        )
    return found, problems


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _problems(options: AlarmOptions, kind: AlarmKind) -> list[str]:
    """What is wrong with how an alarm is set; the rules are those of ``cluster.yaml``."""
    from cortex_cdk.spec.cluster.alarm_rules import alarm
    from cortex_cdk.spec.cluster.alarm_sections import Alarm
    from cortex_cdk.spec.section_check import problems_of

    given = {key: getattr(options, key) for key in ("threshold", "minutes", "min_count")}
    return problems_of(Alarm, {key: value for key, value in given.items() if value is not None}, alarm(kind))
