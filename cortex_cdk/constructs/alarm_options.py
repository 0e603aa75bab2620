"""How the alarms of a cluster and of its APIs are set, changed and turned off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns

OPERATIONS_PAGE = "docs/operations.md"
"""What to do when an alarm is raised, a section each."""

LONGEST_MIN = 1440
"""Minutes that an alarm may look back: a day
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html)."""


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
        dead_letters: at least ``threshold`` (1) ticks failed for a reason that nobody has thought of, and wait to be
            looked at.
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
class Default:
    """What an alarm is set to unless told; what is None it does not have.

    Attributes:
        highest: of the thresholds that make sense.
    """

    threshold: float | None = None
    highest: float = math.inf
    minutes: int | None = None
    min_count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one alarm is set, with nothing left to defaults."""

    threshold: float
    minutes: int
    min_count: int
    topic: sns.ITopic | None


def settings(
    alarms: ApiAlarms | ClusterAlarms, defaults: Mapping[str, Default]
) -> tuple[dict[str, Setting], list[str]]:
    """The alarms that are on, by name, and what is wrong with how they were set, in words.

    Args:
        alarms: as the user set them.
        defaults: of each alarm, by name.
    """
    found: dict[str, Setting] = {}
    problems: list[str] = []
    for name, default in defaults.items():
        given = getattr(alarms, name)
        if given is False:
            continue
        options = given if isinstance(given, AlarmOptions) else AlarmOptions()
        if given is not True and options is not given:
            problems.append(f"alarms.{name} is {given!r}, must be True, False or AlarmOptions(...)")
        wrong = _problems(options, default)
        problems += [f"alarms.{name}.{problem}" for problem in wrong]
        chosen = AlarmOptions(topic=options.topic) if wrong else options
        found[name] = Setting(
            threshold=_first(chosen.threshold, default.threshold, 0.0),
            minutes=int(_first(chosen.minutes, default.minutes, 1)),
            min_count=int(_first(chosen.min_count, default.min_count, 1)),
            topic=options.topic or alarms.topic,
        )
    return found, problems


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _problems(options: AlarmOptions, default: Default) -> list[str]:
    found = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name == "topic" or value is None:
            continue
        whole = field.name != "threshold"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            found.append(f"{field.name} is {value!r}, must be a {'whole ' if whole else ''}number")
        elif getattr(default, field.name) is None:
            has = [name for name in ("threshold", "minutes", "min_count") if getattr(default, name) is not None]
            found.append(f"{field.name}: this alarm has none, only {', '.join([*has, 'topic'])}")
        elif field.name == "threshold" and not (math.isfinite(value) and 0 <= value <= default.highest):
            most = f"from 0 to {default.highest:g}" if math.isfinite(default.highest) else "a number of at least 0"
            found.append(f"threshold is {value!r}, must be {most}")
        elif field.name == "minutes" and not 1 <= value <= LONGEST_MIN:
            found.append(f"minutes is {value!r}, must be from 1 to {LONGEST_MIN}")
        elif field.name == "min_count" and value < 1:
            found.append(f"min_count is {value!r}, must be at least 1")
    return found
