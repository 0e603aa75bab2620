"""What the constructs need of each other, so that each can be one's own or another stack's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.autoscaling import Policy, UpdateStrategy
from cortex_cdk.constructs.timing import Timing
from cortex_cdk.spec.cluster.instance_group import InstanceGroup


class IEndpoint(Protocol):
    """A load balancer with a listener to which APIs are added."""

    @property
    def listener(self) -> elbv2.IApplicationListener:
        """Where APIs are added."""
        ...

    @property
    def security_group(self) -> ec2.ISecurityGroup:
        """The load balancer's."""
        ...

    @property
    def timing(self) -> Timing:
        """Times that replicas must keep to."""
        ...

    @property
    def url(self) -> str:
        """Without a path, and without a slash at the end."""
        ...

    def add_api(
        self,
        scope: Construct,
        id: str,
        *,
        api: str,
        path: str,
        target_group: elbv2.IApplicationTargetGroup,
        priority: int | None = None,
    ) -> Sequence[str]:
        """Send requests for exactly ``path`` to ``target_group``; the problems of doing so."""
        ...


class IScaler(Protocol):
    """What scales the services of a cluster."""

    @property
    def table_name(self) -> str:
        """Where load reports are written."""
        ...

    @property
    def metric_namespace(self) -> str:
        """Of all metrics."""
        ...

    def add_service(
        self, service: ecs.BaseService, *, api: str, policy: Policy, update_strategy: UpdateStrategy
    ) -> None:
        """Have a service scaled by ``policy``."""
        ...

    def grant_report(self, grantee: iam.IGrantable, api: str) -> iam.Grant:
        """Allow to write load reports of ``api``, and of no other."""
        ...


class ICluster(Protocol):
    """Where APIs run."""

    @property
    def ecs_cluster(self) -> ecs.ICluster:
        """Of ECS."""
        ...

    @property
    def vpc(self) -> ec2.IVpc:
        """Where replicas run, in the private subnets."""
        ...

    @property
    def endpoint(self) -> IEndpoint:
        """Before all its APIs."""
        ...

    @property
    def scaler(self) -> IScaler:
        """Of all its services."""
        ...

    @property
    def capacity_providers(self) -> Mapping[str, str]:
        """Names of capacity providers by the names of instance groups."""
        ...

    @property
    def instance_groups(self) -> Sequence[InstanceGroup]:
        """What it runs on."""
        ...

    @property
    def alarm_topic(self) -> sns.ITopic | None:
        """To which APIs send their alarms; None: to none."""
        ...
