"""What a plan counts on is what the templates have."""

from __future__ import annotations

from typing import Any

from cortex_cdk.plan import usage
from tests.constructs.conftest import GROUPS
from tests.support.cloud_template import Template

Templates = dict[str, Template]


def alarm_metrics(template: Template) -> int:
    """How many metrics the alarms look at, each as often as it is looked at."""

    def of(alarm: dict[str, Any]) -> int:
        return sum("MetricStat" in query for query in alarm["Metrics"]) if "Metrics" in alarm else 1

    return sum(of(alarm) for alarm in template.all("CloudWatch::Alarm"))


def count(template: Template, kind: str) -> int:
    return len(template.all(kind))


def test_alarms_dashboards_and_keys(templates: Templates) -> None:
    cluster, api = templates["cluster"], templates["plain"]
    assert alarm_metrics(api) == usage.API_ALARM_METRICS
    # Managed scaling makes two of the alarms of a group itself.
    assert alarm_metrics(cluster) == usage.CLUSTER_ALARM_METRICS + len(GROUPS) * (usage.GROUP_ALARM_METRICS - 2)
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
