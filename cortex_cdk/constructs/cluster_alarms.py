"""The alarms of a cluster."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.constructs.alarm_options import Setting
from cortex_cdk.constructs.alarm_set import AT_LEAST, BREACHING, FEWER_THAN, IGNORE, MORE_THAN, NOT_BREACHING, AlarmSet
from cortex_cdk.constructs.scaler import Scaler

_MINUTE = Duration.minutes(1)


class ClusterAlarmSet(AlarmSet):
    """The alarms of one cluster that are on.

    Args:
        on: how they are set, by name.
        cluster: the ECS cluster.
        capacity_providers: names by the names of the instance groups.
        scaler: of the cluster.
        operations_page, topic: see ``AlarmSet``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        on: Mapping[str, Setting],
        cluster: ecs.ICluster,
        capacity_providers: Mapping[str, str],
        scaler: Scaler,
        operations_page: str,
        topic: sns.ITopic | None,
    ) -> None:
        subject = f"Cluster {cluster.cluster_name}"
        super().__init__(scope, id, subject=subject, operations_page=operations_page, topic=topic)
        self._cluster = cluster
        self._capacity_providers = capacity_providers
        self._scaler = scaler
        makers = {
            "scaler_stopped": self._scaler_stopped,
            "scaler_errors": self._scaler_errors,
            "dead_letters": self._dead_letters,
            "capacity_stuck": self._capacity_stuck,
        }
        for name, setting in on.items():
            makers[name](setting)

    def _scaler_stopped(self, on: Setting) -> None:
        ticks = self._scaler.metric_ticks(period=_MINUTE)
        meaning = f"the scaler has made fewer than {on.threshold:g} of 6 ticks a minute, for {on.minutes} min"
        # That nothing is heard is what it is about.
        self.add("scaler_stopped", on, ticks, meaning, FEWER_THAN, BREACHING, periods=on.minutes)

    def _scaler_errors(self, on: Setting) -> None:
        # The scaler counts what fails in its ticks, and Lambda counts ticks that ended before they could.
        failed = cloudwatch.MathExpression(
            expression="SUM([errors, crashes])",
            using_metrics={
                "errors": self._scaler.metric_errors(period=_MINUTE),
                "crashes": self._scaler.function.metric_errors(period=_MINUTE),
            },
            label="errors of the scaler",
            period=_MINUTE,
        )
        meaning = f"{on.threshold:g} or more things a minute have failed in the scaler's ticks, for {on.minutes} min"
        # Passing faults are tried again 10 s later; a scaler that is silent is another alarm's.
        self.add("scaler_errors", on, failed, meaning, AT_LEAST, IGNORE, periods=on.minutes, most=True)

    def _dead_letters(self, on: Setting) -> None:
        waiting = self._scaler.dead_letters.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=_MINUTE
        )
        meaning = f"{on.threshold:g} or more of the scaler's ticks failed twice, and wait to be looked at"
        # SQS stops to report on a queue that has been empty for hours.
        self.add("dead_letters", on, waiting, meaning, AT_LEAST, NOT_BREACHING, periods=1)

    def _capacity_stuck(self, on: Setting) -> None:
        for group, provider in self._capacity_providers.items():
            reserved = capacity_reserved(self._cluster, provider)
            meaning = (
                f"the instance group {group} has needed more instances than it has for {on.minutes} min: replicas "
                f"wait for instances that do not come"
            )
            # Without managed scaling there is nothing that could be stuck.
            self.add("capacity_stuck", on, reserved, meaning, MORE_THAN, NOT_BREACHING, periods=on.minutes, of=group)


def capacity_reserved(cluster: ecs.ICluster, provider: str, *, label: str | None = None) -> cloudwatch.Metric:
    """The instances that the replicas of a group need, in percent of those that it has; 200 where it has none.

    (Source: https://aws.amazon.com/blogs/containers/deep-dive-on-amazon-ecs-cluster-auto-scaling/)
    """
    return cloudwatch.Metric(
        namespace="AWS/ECS/ManagedScaling",
        metric_name="CapacityProviderReservation",
        dimensions_map={"ClusterName": cluster.cluster_name, "CapacityProviderName": provider},
        statistic="Average",
        period=_MINUTE,
        label=label,
    )
