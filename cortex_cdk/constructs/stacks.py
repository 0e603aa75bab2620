"""The stacks of a project: one for the cluster, one for each API.

A stack has at most 500 resources, and an API has about 12 to 17. Apart, APIs are also deployed and removed on their
own: the cluster's stack gives away the same values whatever APIs there are, so that none of them ever changes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput, Stack, Token
from constructs import Construct

from cortex_cdk.constructs.cluster import Cluster
from cortex_cdk.constructs.images import ApiImage
from cortex_cdk.constructs.interfaces import ICluster
from cortex_cdk.constructs.tensorflow_api import TensorFlowApi
from cortex_cdk.model_pin.pin import PinnedModel
from cortex_cdk.spec.model import ApiSpec, Project

CLUSTER_STACK = "cortex"


class ClusterStack(Stack):
    """A ``Cluster`` and nothing else.

    Args:
        cluster: the arguments of ``Cluster``.
        stack: the arguments of ``Stack``.
    """

    def __init__(self, scope: Construct, id: str, *, cluster: Mapping[str, Any] | None = None, **stack: Any) -> None:
        super().__init__(scope, id, **stack)
        self.cluster = Cluster(self, "Cluster", **(cluster or {}))
        for value in self._given_away():
            if Token.is_unresolved(value):  # what was given to the cluster is no value of this stack
                self.export_value(value)
        CfnOutput(self, "Url", value=self.cluster.endpoint.url, description="Before the paths of the APIs")
        CfnOutput(self, "ClusterName", value=self.cluster.ecs_cluster.cluster_name, description="The ECS cluster")

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
        ]


class ApiStack(Stack):
    """A ``TensorFlowApi`` and nothing else.

    Args:
        cluster, spec: of the API.
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
        api: Mapping[str, Any] | None = None,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id, **stack)
        self.api = TensorFlowApi(self, "Api", cluster=cluster, spec=spec, **(api or {}))
        url = self.api.url
        CfnOutput(self, "Url", value=url, description=f"Where {spec.name} is called")
        CfnOutput(
            self,
            "Curl",
            value=f"curl -H 'Content-Type: application/json' -d @sample.json {url}",
            description="A request",
        )


def add_stacks(
    scope: Construct,
    project: Project,
    *,
    name: str = CLUSTER_STACK,
    cluster: Mapping[str, Any] | None = None,
    models: Mapping[str, PinnedModel] | None = None,
    api: Mapping[str, Any] | None = None,
    **stack: Any,
) -> tuple[ClusterStack, dict[str, ApiStack]]:
    """The stacks of all APIs of a project, and that of their cluster.

    Args:
        scope: the app, or a stage of it.
        project: from ``cortex_cdk.spec.load``.
        name: of the cluster's stack; those of the APIs begin with it.
        cluster: the arguments of ``Cluster``.
        models: versions that are known at synth, by the names of the APIs.
        api: arguments of every ``TensorFlowApi``; by default its image is made of the project's folder.
        stack: the arguments of every ``Stack``, such as ``env``.

    Returns:
        The cluster's stack, and the APIs' by the names of the APIs.
    """
    home = ClusterStack(scope, name, cluster=cluster, **stack)
    options = {"image": ApiImage(project=project.folder), **(api or {})}
    known = models or {}
    apis = {
        spec.name: ApiStack(
            scope,
            f"{name}-{spec.name}",
            cluster=home.cluster,
            spec=spec,
            api=options | ({"model": known[spec.name]} if spec.name in known else {}),
            **stack,
        )
        for spec in project.apis
    }
    return home, apis
