"""The instances of an instance group: launch template, Auto Scaling group and capacity provider."""

from __future__ import annotations

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from cortex_cdk.constructs.acknowledged import acknowledge
from cortex_cdk.spec.cluster.instance_group import InstanceGroup

_ROOT_DEVICE = "/dev/xvda"  # of Amazon Linux 2023
_RESERVED_MEMORY_MIB = 256


class InstanceCapacity(Construct):
    """What makes ECS start and stop the instances of ``group`` as replicas need them.

    ECS keeps the number of instances (managed scaling), moves replicas away before an instance ends (managed draining),
    and protects instances with replicas from being chosen when the group shrinks (managed termination protection).
    """

    def __init__(self, scope: Construct, id: str, *, group: InstanceGroup, cluster: ecs.Cluster, vpc: ec2.IVpc) -> None:
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description=f"Instances of the group {group.name}: the agent of ECS",
        )
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description=f"Instances of the group {group.name}: nobody connects to them"
        )
        template = ec2.LaunchTemplate(
            self,
            "LaunchTemplate",
            machine_image=ecs.EcsOptimizedImage.amazon_linux2023(
                ecs.AmiHardwareType.GPU if group.gpu else ecs.AmiHardwareType.STANDARD
            ),
            instance_type=ec2.InstanceType(group.instance_types[0]) if group.instance_types else None,
            role=role.without_policy_updates(),  # `_grant_to_agent` says why
            security_group=self.security_group,
            user_data=ec2.UserData.for_linux(),
            require_imdsv2=True,
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            http_put_response_hop_limit=1,  # containers do not reach the instance's own role
            detailed_monitoring=True,
            block_devices=[
                ec2.BlockDevice(
                    device_name=_ROOT_DEVICE,
                    volume=ec2.BlockDeviceVolume.ebs(
                        group.volume_gib, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                    ),
                )
            ],
        )
        fewest = max(0, group.min_instances)  # what is wrong is reported with all else that is
        self.auto_scaling_group = autoscaling.AutoScalingGroup(
            self,
            "AutoScalingGroup",
            vpc=vpc,
            min_capacity=fewest,
            max_capacity=max(1, fewest, group.max_instances),
            new_instances_protected_from_scale_in=True,
            group_metrics=[autoscaling.GroupMetrics.all()],
            mixed_instances_policy=autoscaling.MixedInstancesPolicy(
                launch_template=template,
                launch_template_overrides=[
                    autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType(name))
                    for name in group.instance_types
                ],
                instances_distribution=autoscaling.InstancesDistribution(
                    on_demand_allocation_strategy=autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
                    on_demand_base_capacity=group.on_demand_base if group.spot else 0,
                    on_demand_percentage_above_base_capacity=0 if group.spot else 100,
                    spot_allocation_strategy=autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
                ),
            ),
        )
        self.capacity_provider = ecs.AsgCapacityProvider(
            self,
            "CapacityProvider",
            auto_scaling_group=self.auto_scaling_group,
            enable_managed_scaling=True,
            enable_managed_draining=True,
            enable_managed_termination_protection=True,
            target_capacity_percent=100,
        )
        self.auto_scaling_group.node.add_dependency(role)  # with its policy, so that the first agents may join
        cluster.add_asg_capacity_provider(self.capacity_provider)
        _grant_to_agent(role, cluster, spot=group.spot)
        acknowledge(self, "IAM5[Resource::*]", "EC26", "AS3")
        for setting in _agent_settings(group):
            self.auto_scaling_group.add_user_data(f"echo {setting} >> /etc/ecs/ecs.config")

    @property
    def capacity_provider_name(self) -> str:
        """What a service names to run here."""
        return self.capacity_provider.capacity_provider_name


def _grant_to_agent(role: iam.Role, cluster: ecs.ICluster, *, spot: bool) -> None:
    """What the agent of ECS calls with the role of its instance, and no more.

    The library would allow it to write to every log of the account and to sign in to registries, which the agent does
    with the execution roles of the tasks; but not to drain itself when its spot instance is taken away
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html).
    """
    of_cluster = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}  # instances have names that are not known here
    statements = [
        iam.PolicyStatement(
            sid="JoinAndReport",
            actions=[
                "ecs:RegisterContainerInstance",
                "ecs:DeregisterContainerInstance",
                "ecs:SubmitAttachmentStateChanges",
                "ecs:SubmitContainerStateChange",
                "ecs:SubmitTaskStateChange",
            ],
            resources=[cluster.cluster_arn],
        ),
        iam.PolicyStatement(
            sid="TakeOrders", actions=["ecs:Poll", "ecs:StartTelemetrySession"], resources=["*"], conditions=of_cluster
        ),
        # Where to poll; it has no resource level.
        iam.PolicyStatement(sid="FindEcs", actions=["ecs:DiscoverPollEndpoint"], resources=["*"]),
    ]
    if spot:
        drain = ["ecs:UpdateContainerInstancesState"]
        statements.append(iam.PolicyStatement(sid="Drain", actions=drain, resources=["*"], conditions=of_cluster))
    for statement in statements:
        role.add_to_policy(statement)


def _agent_settings(group: InstanceGroup) -> list[str]:
    """Settings of the agent (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html)."""
    settings = ["ECS_AWSVPC_BLOCK_IMDS=true", f"ECS_RESERVED_MEMORY={_RESERVED_MEMORY_MIB}"]
    if group.spot:
        settings.append("ECS_ENABLE_SPOT_INSTANCE_DRAINING=true")
    if group.gpu:
        settings.append("ECS_ENABLE_GPU_SUPPORT=true")
    return settings
