"""The stacks of a project: one for the cluster, one for each API.

A stack has at most 500 resources, and an API has about 12 to 17. Apart, APIs are also deployed and removed on their
own: the cluster's stack gives away the same values whatever APIs there are, so that none of them ever changes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aws_cdk import CfnOutput, Fn, Stack, Token
from constructs import Construct

from cortex_cdk.constructs import ApiImage, Cluster, ICluster, PinnedModel, TensorFlowApi
from cortex_cdk.spec import ApiSpec, Project
from cortex_cdk.spec.cluster import AlarmsSpec, ClusterSpec
from cortex_infra.alarms import api_alarms
from cortex_infra.cluster_props import cluster_props, environment, log_retention

CLUSTER_TAG = "cortex-cdk:cluster"
"""The tag of all stacks of a cluster; its value is the cluster's name."""


class ClusterStack(Stack):
    """A ``Cluster`` and nothing else.

    Args:
        spec: of the cluster.
        stack: the arguments of ``Stack``.
    """

    def __init__(self, scope: Construct, id: str, *, spec: ClusterSpec, **stack: Any) -> None:
        super().__init__(scope, id, **stack)
        self.cluster = Cluster(self, "Cluster", **cluster_props(self, spec))
        for value in self._given_away():
            if Token.is_unresolved(value):  # what was given to the cluster is no value of this stack
                self.export_value(value)
        CfnOutput(self, "Url", value=self.cluster.endpoint.url, description="Before the paths of the APIs")
        CfnOutput(self, "ClusterName", value=self.cluster.ecs_cluster.cluster_name, description="The ECS cluster")
        _show_dashboard(self, self.cluster.monitoring.dashboard_url, "All APIs, the scaler and the instances")

    @property
    def availability_zones(self) -> list[str]:
        """The first two, as CloudFormation finds them: looked up at synth, they would need credentials."""
        return [Fn.select(index, Fn.get_azs()) for index in range(2)]

    def _given_away(self) -> Sequence[str]:
        """All that an API takes from its cluster, whether one does or not."""
        cluster = self.cluster
        return [
            cluster.vpc.vpc_id,
            *(subnet.subnet_id for subnet in cluster.vpc.private_subnets),
            cluster.ecs_cluster.cluster_name,
            cluster.ecs_cluster.cluster_arn,
            *cluster.capacity_providers.values(),
            cluster.endpoint.listener.listener_arn,
            cluster.endpoint.security_group.security_group_id,
            cluster.endpoint.load_balancer.load_balancer_dns_name,
            cluster.scaler.table_name,
            *([cluster.alarm_topic.topic_arn] if cluster.alarm_topic is not None else []),
        ]


class ApiStack(Stack):
    """A ``TensorFlowApi`` and nothing else.

    Args:
        cluster, spec: of the API.
        alarms: of ``cluster.yaml``; by default all are as by default.
        api: the other arguments of ``TensorFlowApi``.
        stack: the arguments of ``Stack``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ICluster,
        spec: ApiSpec,
        alarms: AlarmsSpec | None = None,
        api: Mapping[str, Any] | None = None,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id, **stack)
        options = {"alarms": alarms is None or api_alarms(self, alarms, spec.name), **(api or {})}
        self.api = TensorFlowApi(self, "Api", cluster=cluster, spec=spec, **options)
        url = self.api.url
        CfnOutput(self, "Url", value=url, description=f"Where {spec.name} is called")
        CfnOutput(
            self,
            "Curl",
            value=f"curl -H 'Content-Type: application/json' -d @sample.json {url}",
            description="A request",
        )
        _show_dashboard(self, self.api.monitoring.dashboard_url, f"How {spec.name} is doing")


class ProjectStacks(NamedTuple):
    """The stacks of a project: the cluster's, and the APIs' by the names of the APIs."""

    cluster: ClusterStack
    apis: Mapping[str, ApiStack]


def add_stacks(
    scope: Construct,
    project: Project,
    cluster: ClusterSpec,
    *,
    models: Mapping[str, PinnedModel] | None = None,
    api: Mapping[str, Any] | None = None,
) -> ProjectStacks:
    """Add the stacks of all APIs of a project, and that of their cluster.

    Args:
        scope: the app, or a stage of it.
        project: from ``cortex_cdk.spec.load``.
        cluster: from ``cortex_cdk.spec.cluster.load``.
        models: versions that are known at synth, by the names of the APIs.
        api: arguments of every ``TensorFlowApi``; by default its image is made of the project's folder.
    """
    name = cluster.cluster_name
    stack = {"env": environment(cluster), "tags": {**cluster.tags, CLUSTER_TAG: name}}
    home = ClusterStack(scope, name, spec=cluster, **stack)
    options = {
        "image": ApiImage(project=project.folder),
        "dashboard": cluster.dashboards,
        "log_retention": log_retention(cluster),
        **(api or {}),
    }
    known = models or {}
    apis = {
        spec.name: ApiStack(
            scope,
            f"{name}-{spec.name}",
            cluster=home.cluster,
            spec=spec,
            alarms=cluster.alarms,
            api=options | ({"model": known[spec.name]} if spec.name in known else {}),
            **stack,
        )
        for spec in project.apis
    }
    return ProjectStacks(home, apis)


def _show_dashboard(stack: Stack, url: str | None, description: str) -> None:
    if url is not None:
        CfnOutput(stack, "Dashboard", value=url, description=description)
