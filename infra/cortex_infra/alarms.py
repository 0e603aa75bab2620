"""From ``alarms`` in a ``cluster.yaml`` to the arguments of the constructs."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.constructs import AlarmOptions, ApiAlarms, ClusterAlarms
from cortex_cdk.spec.cluster import AlarmSpec, AlarmsSpec


def cluster_alarms(scope: Construct, spec: AlarmsSpec) -> ClusterAlarms | bool:
    """The argument ``alarms`` of ``Cluster``; topics are imported into ``scope``."""
    if not spec.enabled:
        return False
    topics = _Topics(scope)
    return ClusterAlarms(
        **_options(spec.of_cluster, topics),
        topic=topics.of(spec.topic_arn),
        emails=spec.emails,
        operations_page=spec.operations_page,
    )


def api_alarms(scope: Construct, spec: AlarmsSpec, api: str) -> ApiAlarms | bool:
    """The argument ``alarms`` of the ``TensorFlowApi`` of this name; topics are imported into ``scope``."""
    if not spec.enabled:
        return False
    options = _options(spec.of_api(api), _Topics(scope))
    return ApiAlarms(**options, topic=None, operations_page=spec.operations_page)


class _Topics:
    """SNS topics that are there already, each imported once."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self._found: dict[str, sns.ITopic] = {}

    def of(self, arn: str | None) -> sns.ITopic | None:
        if arn is None:
            return None
        if arn not in self._found:
            self._found[arn] = sns.Topic.from_topic_arn(self._scope, f"AlarmTopic{len(self._found) + 1}", arn)
        return self._found[arn]


def _options(alarms: Mapping[str, AlarmSpec], topics: _Topics) -> dict[str, AlarmOptions | bool]:
    return {
        name: alarm.enabled
        and AlarmOptions(
            threshold=alarm.threshold,
            minutes=alarm.minutes,
            min_count=alarm.min_count,
            topic=topics.of(alarm.topic_arn),
        )
        for name, alarm in alarms.items()
    }
