"""The metrics that AWS's own services send about what a template makes.

As documented in November 2026; what this project does not show or watch is left out.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.support.deployed import Deployed
from tests.support.metric_store import Metric


class Sent(NamedTuple):
    """A metric of a service.

    Attributes:
        dimensions: their names, all of them.
        unit: as CloudWatch names it.
        steady: whether it is sent all the time that there is something to measure, not only when something happens.
    """

    dimensions: tuple[str, ...]
    unit: str
    steady: bool = True


_CLUSTER = ("ClusterName",)
_SERVICE = ("ClusterName", "ServiceName")
_BALANCER = ("LoadBalancer",)
_TARGETS = ("LoadBalancer", "TargetGroup")

SENT: dict[str, dict[str, Sent]] = {
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    "AWS/ECS service": {
        "CPUUtilization": Sent(_SERVICE, "Percent"),
        "MemoryUtilization": Sent(_SERVICE, "Percent"),
    },
    "AWS/ECS": {
        "CPUReservation": Sent(_CLUSTER, "Percent"),
        "MemoryReservation": Sent(_CLUSTER, "Percent"),
    },
    "AWS/ECS with GPUs": {"GPUReservation": Sent(_CLUSTER, "Percent")},
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-auto-scaling.html
    "AWS/ECS/ManagedScaling": {
        "CapacityProviderReservation": Sent(("CapacityProviderName", "ClusterName"), "Percent"),
    },
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
    "ECS/ContainerInsights": {
        "DeploymentCount": Sent(_SERVICE, "Count"),
        "PendingTaskCount": Sent(_SERVICE, "Count"),
    },
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    "AWS/ApplicationELB": {
        "ActiveConnectionCount": Sent(_BALANCER, "Count"),
        "HTTPCode_ELB_5XX_Count": Sent(_BALANCER, "Count", steady=False),
        "HTTPCode_Target_5XX_Count": Sent(_BALANCER, "Count", steady=False),
        "HealthyHostCount": Sent(_TARGETS, "Count"),
        "RequestCount": Sent(_BALANCER, "Count"),
        "TargetResponseTime": Sent(_BALANCER, "Seconds"),
        "UnHealthyHostCount": Sent(_TARGETS, "Count"),
    },
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible": Sent(("QueueName",), "Count", steady=False)},
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": {"Errors": Sent(("FunctionName",), "Count")},
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
    "AWS/AutoScaling": {
        "GroupDesiredCapacity": Sent(("AutoScalingGroupName",), "Count"),
        "GroupInServiceInstances": Sent(("AutoScalingGroupName",), "Count"),
    },
}


def sent_by_aws(deployed: Deployed, cluster: str, *apis: str) -> dict[Metric, Sent]:
    """The metrics about what these stacks make, with the dimensions that they then have."""
    ((home, settings),) = deployed.all(cluster, "ECS::Cluster").items()
    of_cluster = {"ClusterName": deployed.refer(cluster, home)}
    ((balancer, _),) = deployed.all(cluster, "ElasticLoadBalancingV2::LoadBalancer").items()
    of_balancer = {"LoadBalancer": deployed.refer(cluster, balancer, "LoadBalancerFullName")}
    found: dict[Metric, Sent] = {}

    def add(family: str, dimensions: dict[str, str]) -> None:
        namespace = family.partition(" ")[0]
        for name, sent in SENT[family].items():
            if {*sent.dimensions} == {*dimensions}:
                found[Metric(namespace, name, frozenset(dimensions.items()))] = sent

    add("AWS/ECS", of_cluster)
    add("AWS/ApplicationELB", of_balancer)
    if any("gpu" in id.lower() for id in deployed.all(cluster, "EC2::LaunchTemplate")):
        add("AWS/ECS with GPUs", of_cluster)
    for id in deployed.all(cluster, "ECS::CapacityProvider"):
        add("AWS/ECS/ManagedScaling", of_cluster | {"CapacityProviderName": deployed.refer(cluster, id)})
    for id in deployed.all(cluster, "SQS::Queue"):
        add("AWS/SQS", {"QueueName": deployed.refer(cluster, id, "QueueName")})
    for id in deployed.all(cluster, "Lambda::Function"):
        add("AWS/Lambda", {"FunctionName": deployed.refer(cluster, id)})
    for id, group in deployed.all(cluster, "AutoScaling::AutoScalingGroup").items():
        if group.get("MetricsCollection"):
            add("AWS/AutoScaling", {"AutoScalingGroupName": deployed.refer(cluster, id)})
    insights = {"Name": "containerInsights", "Value": "enabled"} in settings.get("ClusterSettings", [])
    for api in apis:
        ((service, placed),) = deployed.all(api, "ECS::Service").items()
        of_service = {"ClusterName": placed["Cluster"], "ServiceName": deployed.refer(api, service, "Name")}
        add("AWS/ECS service", of_service)
        if insights:
            add("ECS/ContainerInsights", of_service)
        for id in deployed.all(api, "ElasticLoadBalancingV2::TargetGroup"):
            full_name = deployed.refer(api, id, "TargetGroupFullName")
            add("AWS/ApplicationELB", of_balancer | {"TargetGroup": full_name})
    return found
