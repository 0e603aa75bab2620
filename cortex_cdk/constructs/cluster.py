"""Where the APIs of a team run: network, instances, load balancer and scaler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.constructs.alarm_options import ClusterAlarms
from cortex_cdk.constructs.endpoint import Endpoint, EndpointAttributes, EndpointBase
from cortex_cdk.constructs.instance_capacity import InstanceCapacity
from cortex_cdk.constructs.monitoring import ClusterMonitoring
from cortex_cdk.constructs.scaler import NAMESPACE, Scaler, ScalerAttributes, ScalerBase
from cortex_cdk.constructs.validation import Problems
from cortex_cdk.spec.cluster.instance_group import InstanceGroup
from cortex_cdk.spec.cluster.model import JwtVerification


@dataclass(frozen=True, kw_only=True)
class ClusterAttributes:
    """A cluster of another stack.

    Attributes:
        cluster_name: of the ECS cluster.
        vpc: where its replicas run.
        endpoint: attributes of its endpoint.
        scaler: attributes of its scaler.
        instance_groups: as the cluster was made with.
        capacity_providers: names of capacity providers by the names of the groups.
        alarm_topic_arn: of the SNS topic to which its APIs send their alarms; None: to none.
    """

    cluster_name: str
    vpc: ec2.IVpc
    endpoint: EndpointAttributes
    scaler: ScalerAttributes
    instance_groups: Sequence[InstanceGroup]
    capacity_providers: Mapping[str, str]
    alarm_topic_arn: str | None = None


class ClusterBase(Construct):
    """What own and imported clusters share.

    Attributes:
        vpc: where its replicas run, in the private subnets.
        ecs_cluster: of ECS.
        endpoint: before all its APIs.
        scaler: of all its services.
        instance_groups: as the cluster was made with.
        capacity_providers: names of capacity providers by the names of the groups.
        alarm_topic: to which its APIs send their alarms; None: to none.
    """

    vpc: ec2.IVpc
    ecs_cluster: ecs.ICluster
    endpoint: EndpointBase
    scaler: ScalerBase
    instance_groups: Sequence[InstanceGroup]
    capacity_providers: Mapping[str, str]
    alarm_topic: sns.ITopic | None


class Cluster(ClusterBase):
    """An ECS cluster on EC2 instances, with a load balancer before it and a scaler.

    Args:
        instance_groups: at least one; the instances start as replicas need them.
        vpc: with private subnets that reach AWS and, where the endpoint faces the internet, public ones. By default
            one of its own: two zones, one NAT gateway, gateways to S3 and DynamoDB, a flow log.
        internet_facing, allowed_cidrs, certificate_arns, host_name, jwt, web_acl_arn, access_logs, request_timeout:
            of the endpoint, see ``Endpoint``.
        alarms: which alarms there are about the cluster, and where they and those of its APIs are sent; False: none,
            and nowhere. See ``ClusterAlarms``, also for what they cost.
        dashboard: whether there is one about all its APIs; see ``ClusterMonitoring`` for what it costs.
        queries: whether there are saved queries of the scaler's log; see ``ClusterMonitoring``.
        metric_namespace: of all metrics.
        log_retention: of all logs that the cluster makes.
        removal_policy: what becomes of logs and the bucket of access logs when the stack is deleted.

    Attributes:
        monitoring: its dashboard, alarms and saved queries.
    """

    endpoint: Endpoint
    scaler: Scaler

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        instance_groups: Sequence[InstanceGroup] = (InstanceGroup(instance_types=("m5.large",)),),
        vpc: ec2.IVpc | None = None,
        internet_facing: bool = False,
        allowed_cidrs: Sequence[str] = (),
        certificate_arns: Sequence[str] = (),
        host_name: str | None = None,
        jwt: JwtVerification | None = None,
        web_acl_arn: str | None = None,
        access_logs: s3.IBucket | bool = True,
        request_timeout: Duration | None = None,
        alarms: ClusterAlarms | bool = True,
        dashboard: bool = True,
        queries: bool = True,
        metric_namespace: str = NAMESPACE,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        problems = Problems(self)
        self.instance_groups = tuple(instance_groups)
        names = [group.name for group in self.instance_groups]
        if not names:
            problems.add(["instance_groups is empty, at least one is needed"])
        if len({*names}) < len(names):
            problems.add([f"names of instance groups must be unique: {', '.join(names)}"])
        self.vpc = vpc or _own_vpc(self, log_retention, removal_policy)
        self.ecs_cluster = cluster = ecs.Cluster(
            self, "Ecs", vpc=self.vpc, container_insights_v2=ecs.ContainerInsights.ENABLED
        )
        instances: dict[str, InstanceCapacity] = {}
        for group in self.instance_groups:
            if group.name not in instances:  # a second one of the name is reported
                problems.add(group.problems())
                instances[group.name] = InstanceCapacity(
                    self, f"Instances-{group.name}", group=group, cluster=cluster, vpc=self.vpc
                )
        self.capacity_providers = {name: made.capacity_provider_name for name, made in instances.items()}
        self.endpoint = Endpoint(
            self,
            "Endpoint",
            vpc=self.vpc,
            internet_facing=internet_facing,
            allowed_cidrs=allowed_cidrs,
            certificate_arns=certificate_arns,
            host_name=host_name,
            jwt=jwt,
            web_acl_arn=web_acl_arn,
            access_logs=access_logs,
            request_timeout=request_timeout,
            removal_policy=removal_policy,
        )
        self.scaler = Scaler(
            self, "Scaler", cluster=cluster, metric_namespace=metric_namespace, log_retention=log_retention
        )
        self.monitoring = ClusterMonitoring(
            self,
            "Monitoring",
            cluster=cluster,
            endpoint=self.endpoint,
            scaler=self.scaler,
            groups=self.instance_groups,
            instances=instances,
            alarms=alarms,
            dashboard=dashboard,
            queries=queries,
        )
        self.alarm_topic = self.monitoring.topic

    @staticmethod
    def from_cluster_attributes(scope: Construct, id: str, attributes: ClusterAttributes) -> ClusterBase:
        """A cluster that another stack made."""
        return _ImportedCluster(scope, id, attributes)


class _ImportedCluster(ClusterBase):
    def __init__(self, scope: Construct, id: str, attributes: ClusterAttributes) -> None:
        super().__init__(scope, id)
        self.vpc = attributes.vpc
        self.ecs_cluster = ecs.Cluster.from_cluster_attributes(
            self, "Ecs", cluster_name=attributes.cluster_name, vpc=attributes.vpc, has_ec2_capacity=True
        )
        self.endpoint = Endpoint.from_endpoint_attributes(self, "Endpoint", attributes.endpoint)
        self.scaler = Scaler.from_scaler_attributes(self, "Scaler", attributes.scaler)
        self.instance_groups = tuple(attributes.instance_groups)
        self.capacity_providers = dict(attributes.capacity_providers)
        arn = attributes.alarm_topic_arn
        self.alarm_topic = None if arn is None else sns.Topic.from_topic_arn(self, "AlarmTopic", arn)


def _own_vpc(scope: Construct, log_retention: logs.RetentionDays, removal_policy: RemovalPolicy) -> ec2.Vpc:
    vpc = ec2.Vpc(
        scope,
        "Vpc",
        max_azs=2,
        nat_gateways=1,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
            ),
            ec2.SubnetConfiguration(name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=19),
        ],
        # Models, layers of images and load reports then do not pass the NAT gateway, which costs by the byte.
        gateway_endpoints={
            "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
            "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
        },
    )
    log_group = logs.LogGroup(scope, "FlowLog", retention=log_retention, removal_policy=removal_policy)
    vpc.add_flow_log(
        "FlowLog",
        destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group),
        traffic_type=ec2.FlowLogTrafficType.REJECT,
    )
    return vpc
