"""What a plan counts on is what the templates have."""

from __future__ import annotations

from typing import Any

from cortex_cdk.plan import usage
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS
from tests.constructs.conftest import GROUPS
from tests.support.cloud_template import Template

Templates = dict[str, Template]


def looked_at(template: Template) -> dict[str, int]:
    """How many metrics each alarm looks at, each as often as it is looked at, by the end of the alarm's logical id."""

    def of(alarm: dict[str, Any]) -> int:
        return sum("MetricStat" in query for query in alarm["Metrics"]) if "Metrics" in alarm else 1

    alarms = {id: r for id, r in template.resources.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    return {id.rpartition("MonitoringAlarms")[2][:-8]: of(alarm["Properties"]) for id, alarm in alarms.items()}


def count(template: Template, kind: str) -> int:
    return len(template.all(kind))


def test_alarms_dashboards_and_keys(templates: Templates) -> None:
    cluster, api = templates["cluster"], templates["plain"]
    planned = {name.title().replace("_", ""): metrics for name, metrics in usage.ALARM_METRICS.items() if metrics}
    of_groups = planned.pop("CapacityStuck")
    of_cluster, of_api = looked_at(cluster), looked_at(api)
    assert [of_cluster.pop(f"CapacityStuck{group.name}") for group in GROUPS] == [of_groups] * len(GROUPS)
    (rollback,) = {*of_api} - {*planned}
    assert of_api.pop(rollback) == usage.ROLLBACK_ALARM_METRICS
    assert of_cluster | of_api == planned
    assert usage.ALARM_METRICS.keys() == {*API_ALARMS, *CLUSTER_ALARMS}
    assert count(cluster, "CloudWatch::Dashboard") == usage.DASHBOARDS
    assert count(api, "CloudWatch::Dashboard") == usage.DASHBOARDS
    assert count(cluster, "KMS::Key") == usage.KEYS


def test_the_network(templates: Templates) -> None:
    cluster, given = templates["cluster"], templates["public"]
    assert count(cluster, "EC2::NatGateway") == count(cluster, "EC2::EIP") == usage.NAT_GATEWAYS
    assert count(given, "EC2::NatGateway") == count(given, "EC2::EIP") == 0
    balancer = given.one("ElasticLoadBalancingV2::LoadBalancer")
    assert len(balancer["Subnets"]) == usage.ZONES
    for template in (cluster, given):
        assert count(template, "ElasticLoadBalancingV2::LoadBalancer") == 1


def test_what_an_api_adds_to_the_load_balancer(templates: Templates) -> None:
    """A rule and a target group, as the quotas count them."""
    api = templates["plain"]
    assert count(api, "ElasticLoadBalancingV2::ListenerRule") == 1
    assert count(api, "ElasticLoadBalancingV2::TargetGroup") == 1


def test_the_scaler_and_what_is_monitored(templates: Templates) -> None:
    cluster = templates["cluster"]
    functions = cluster.all("Lambda::Function")
    (scaler,) = [found for found in functions if "CORTEX_QUEUE_URL" in str(found.get("Environment"))]
    assert scaler["MemorySize"] == usage.FUNCTION_GB * 1024
    assert cluster.one("ECS::Cluster")["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]
    for template in cluster.all("EC2::LaunchTemplate"):
        assert template["LaunchTemplateData"]["Monitoring"] == {"Enabled": True}
