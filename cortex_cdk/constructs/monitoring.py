"""What somebody on call has of an API and of a cluster: a dashboard, alarms, and saved queries of the logs.

``TensorFlowApi`` and ``Cluster`` make these themselves, from their own arguments ``alarms`` and ``dashboard``.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.constructs import saved_queries
from cortex_cdk.constructs.alarm_options import ApiAlarms, ClusterAlarms, settings
from cortex_cdk.constructs.alarm_topic import AlarmTopic, allow_senders
from cortex_cdk.constructs.api_alarms import ApiAlarmSet
from cortex_cdk.constructs.api_dashboard import ApiDashboard
from cortex_cdk.constructs.api_metrics import ApiMetrics
from cortex_cdk.constructs.cluster_alarms import ClusterAlarmSet
from cortex_cdk.constructs.cluster_dashboard import ClusterDashboard
from cortex_cdk.constructs.endpoint import Endpoint
from cortex_cdk.constructs.graphs import dashboard as make_dashboard
from cortex_cdk.constructs.graphs import url_of
from cortex_cdk.constructs.instance_capacity import InstanceCapacity
from cortex_cdk.constructs.scaler import Scaler
from cortex_cdk.constructs.validation import Problems
from cortex_cdk.spec.cluster.alarm_kinds import CLUSTER_ALARMS, api_alarm_kinds
from cortex_cdk.spec.cluster.instance_group import InstanceGroup


class Monitoring(Construct):
    """What the monitoring of APIs and of clusters has in common.

    Attributes:
        alarms: those that are on, by name.
        dashboard: None when it was turned off.
    """

    alarms: Mapping[str, cloudwatch.Alarm]
    dashboard: cloudwatch.Dashboard | None

    @property
    def dashboard_url(self) -> str | None:
        """Where the dashboard is seen, known when the stack is deployed; None when it was turned off."""
        return None if self.dashboard is None else url_of(self.dashboard)


class ApiMonitoring(Monitoring):
    """The dashboard, the alarms and the saved queries of an API.

    Args:
        api: whose metrics they are made of.
        service, target_group, log_group: of the API.
        alarms: which alarms there are; False: none.
        dashboard: whether there is one. CloudWatch charges $3 a month for each beyond the account's first three
            (https://aws.amazon.com/cloudwatch/pricing/, us-east-1).
        queries: whether there are saved queries, which are free; an account has room for 1,000 in a region
            (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
        startup_timeout: how long a new replica may take to become ready.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api: ApiMetrics,
        service: ecs.BaseService,
        target_group: elbv2.ApplicationTargetGroup,
        log_group: logs.ILogGroup,
        startup_timeout: Duration,
        alarms: ApiAlarms | bool = True,
        dashboard: bool = True,
        queries: bool = True,
    ) -> None:
        super().__init__(scope, id)
        chosen = alarms if isinstance(alarms, ApiAlarms) else ApiAlarms()
        Problems(self).add(_of_another_kind(alarms, ApiAlarms))
        kinds = api_alarm_kinds(request_s=api.cluster.endpoint.timing.request_s, startup_s=startup_timeout.to_seconds())
        on, problems = settings(chosen, kinds if alarms is not False else {})
        Problems(self).add(problems)
        allow_senders([chosen.topic, *(setting.topic for setting in on.values())])
        made = ApiAlarmSet(
            self,
            "Alarms",
            api=api,
            on=on,
            service=service,
            target_group=target_group,
            operations_page=chosen.operations_page,
            topic=self._topic_of(api),
        )
        self.alarms = made.alarms
        self.dashboard = None
        if dashboard:
            shown = ApiDashboard(
                api,
                service=service,
                target_group=target_group,
                on=on,
                operations_page=chosen.operations_page,
            )
            self.dashboard = make_dashboard(self, "Dashboard", shown.rows([*self.alarms.values()]))
        if queries:
            folder = f"{api.cluster.ecs_cluster.cluster_name}/{api.spec.name}"
            saved_queries.save(self, saved_queries.OF_REPLICAS, folder=folder, log_group=log_group)

    def _topic_of(self, api: ApiMetrics) -> sns.ITopic | None:
        """The cluster's, by its ARN alone: what APIs are sent must not change the stack of the cluster."""
        topic = api.cluster.alarm_topic
        return None if topic is None else sns.Topic.from_topic_arn(self, "Topic", topic.topic_arn)


class ClusterMonitoring(Monitoring):
    """The dashboard, the alarms and the saved queries of a cluster.

    Args:
        cluster: the ECS cluster.
        endpoint, scaler: of the cluster.
        groups, instances: its instance groups, and the instances of each by its name.
        alarms: which alarms there are; False: none, and no topic.
        dashboard: whether there is one. CloudWatch charges $3 a month for each beyond the account's first three
            (https://aws.amazon.com/cloudwatch/pricing/, us-east-1).
        queries: whether there are saved queries, which are free; an account has room for 1,000 in a region
            (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).

    Attributes:
        topic: where alarms are sent; None without alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        endpoint: Endpoint,
        scaler: Scaler,
        groups: tuple[InstanceGroup, ...],
        instances: Mapping[str, InstanceCapacity],
        alarms: ClusterAlarms | bool = True,
        dashboard: bool = True,
        queries: bool = True,
    ) -> None:
        super().__init__(scope, id)
        chosen = alarms if isinstance(alarms, ClusterAlarms) else ClusterAlarms()
        Problems(self).add(_of_another_kind(alarms, ClusterAlarms))
        on, problems = settings(chosen, CLUSTER_ALARMS if alarms is not False else {})
        if chosen.topic is not None and chosen.emails:
            problems.append("alarms.emails: only the cluster's own topic can be told whom to tell; subscribe to yours")
        Problems(self).add(problems)
        self.topic: sns.ITopic | None = None
        if alarms is not False:
            self.topic = chosen.topic or AlarmTopic(self, "Topic", emails=chosen.emails).topic
        allow_senders([chosen.topic, *(setting.topic for setting in on.values())])
        made = ClusterAlarmSet(
            self,
            "Alarms",
            on=on,
            cluster=cluster,
            capacity_providers={name: group.capacity_provider_name for name, group in instances.items()},
            scaler=scaler,
            operations_page=chosen.operations_page,
            topic=self.topic,
        )
        self.alarms = made.alarms
        self.dashboard = None
        if dashboard:
            shown = ClusterDashboard(
                cluster,
                endpoint=endpoint,
                scaler=scaler,
                groups=groups,
                instances=instances,
                operations_page=chosen.operations_page,
            )
            self.dashboard = make_dashboard(self, "Dashboard", shown.rows([*self.alarms.values()]))
        if queries:
            folder = f"{cluster.cluster_name}/scaler"
            saved_queries.save(self, saved_queries.OF_SCALER, folder=folder, log_group=scaler.log_group)


def _of_another_kind(alarms: object, kind: type) -> list[str]:
    if isinstance(alarms, bool | kind):
        return []
    return [f"alarms is {alarms!r}, must be True, False or {kind.__name__}(...)"]
