"""What ``cluster.yaml`` makes of the stacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.cx_api import CloudAssembly

from cortex_cdk.spec.cluster.document import LOG_RETENTION_DAYS
from cortex_infra import add_stacks
from cortex_infra.cluster_props import log_retention
from tests.infra.conftest import cluster, project_of, templates_of
from tests.support.cloud_template import Template, text_of

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b"
ZONES = ["eu-central-1a", "eu-central-1b"]
VPC = {
    "id": "vpc-0a1b2c3d",
    "cidr": "10.7.0.0/16",
    "availability_zones": ZONES,
    "private_subnet_ids": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"],
    "public_subnet_ids": ["subnet-2a1b2c3d", "subnet-3a1b2c3d"],
}
EVERYTHING = {
    "cluster_name": "search",
    "region": "eu-central-1",
    "account": "123456789012",
    "instance_groups": [
        {"instance_types": ["m5.large"], "max_instances": 3},
        {"name": "gpu", "instance_types": ["g5.xlarge"], "min_instances": 1, "spot": True, "volume_gib": 200},
    ],
    "vpc": VPC,
    "endpoint": {
        "internet_facing": True,
        "allowed_cidrs": ["203.0.113.0/24"],
        "certificate_arns": [CERTIFICATE],
        "host_name": "api.example.com",
        "jwt": {"issuer": "https://a.example", "jwks_uri": "https://a.example/keys"},
        "access_logs": "my-logs",
        "request_timeout": "90s",
    },
    "alarms": {"emails": ["on-call@example.com"]},
    "dashboards": False,
    "log_retention_days": 90,
    "tags": {"team": "search"},
}


@pytest.fixture(scope="module")
def app(folder):
    made = App()
    add_stacks(made, project_of(folder, "rank"), cluster(**EVERYTHING))
    return made.synth()


@pytest.fixture(scope="module")
def templates(app):
    return {stack.stack_name: Template(stack.template) for stack in app.stacks}


def looked_up(assembly: CloudAssembly) -> list[str]:
    """What the CDK's command line would look up, with credentials, and synthesize again."""
    manifest = json.loads((Path(assembly.directory) / "manifest.json").read_text())
    return [entry["key"] for entry in manifest.get("missing", [])]


def test_where_the_stacks_go(app):
    assert {(stack.stack_name, stack.environment.account, stack.environment.region) for stack in app.stacks} == {
        (name, "123456789012", "eu-central-1") for name in ("search", "search-rank")
    }


def test_tags_of_stacks(app):
    for stack in app.stacks:
        assert stack.tags == {"team": "search", "cortex-cdk:cluster": "search"}


def test_nothing_is_looked_up(app):
    """So that ``cdk synth`` needs no credentials, even for an account that is named."""
    assert looked_up(app) == []


def test_a_vpc_of_its_own_is_not_looked_up_either(folder):
    made = App()
    add_stacks(made, project_of(folder, "a"), cluster(region="eu-central-1", account="123456789012"))
    synthesized = made.synth()
    assert looked_up(synthesized) == []
    subnets = [r for r in synthesized.stacks[0].template["Resources"].values() if r["Type"] == "AWS::EC2::Subnet"]
    zones = {json.dumps(subnet["Properties"]["AvailabilityZone"]) for subnet in subnets}
    assert len(subnets) == 4
    assert zones == {json.dumps({"Fn::Select": [index, {"Fn::GetAZs": ""}]}) for index in (0, 1)}


def test_a_vpc_with_an_id_alone_is_looked_up(folder):
    made = App()
    spec = cluster(region="eu-central-1", account="123456789012", vpc={"id": "vpc-0a1b2c3d"})
    add_stacks(made, project_of(folder, "a"), spec)
    (key,) = looked_up(made.synth())
    assert key.startswith("vpc-provider:account=123456789012:filter.vpc-id=vpc-0a1b2c3d:region=eu-central-1")


def test_an_existing_vpc(templates):
    assert templates["search"].all("EC2::VPC") == []
    balancer = templates["search"].one("ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Subnets"] == VPC["public_subnet_ids"]
    network = templates["search-rank"].one("ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["Subnets"] == VPC["private_subnet_ids"]
    for group in templates["search"].all("AutoScaling::AutoScalingGroup"):
        assert group["VPCZoneIdentifier"] == VPC["private_subnet_ids"]
    (found,) = [g for g in templates["search"].all("EC2::SecurityGroup") if "balancer" in g["GroupDescription"]]
    assert VPC["cidr"] in {rule.get("CidrIp") for rule in found["SecurityGroupEgress"]}


def test_the_endpoint(templates):
    template = templates["search"]
    balancer = template.one("ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Scheme"] == "internet-facing"
    attributes = template.attributes("ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes")
    assert attributes["idle_timeout.timeout_seconds"] == "95"
    assert attributes["access_logs.s3.bucket"] == "my-logs"
    listeners = {found["Port"]: found for found in template.all("ElasticLoadBalancingV2::Listener")}
    assert listeners[443]["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    (group,) = [g for g in template.all("EC2::SecurityGroup") if "balancer" in g["GroupDescription"]]
    assert {rule["CidrIp"] for rule in group["SecurityGroupIngress"]} == {"203.0.113.0/24"}
    rule = templates["search-rank"].one("ElasticLoadBalancingV2::ListenerRule")
    assert rule["Actions"][0]["JwtValidationConfig"]["Issuer"] == "https://a.example"
    assert text_of(templates["search-rank"].document["Outputs"]["Url"]["Value"]) == "https://api.example.com/rank"


def test_instance_groups(templates):
    groups = templates["search"].all("AutoScaling::AutoScalingGroup")
    assert [(group["MinSize"], group["MaxSize"]) for group in groups] == [("0", "3"), ("1", "10")]
    sizes = [
        template["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"]
        for template in templates["search"].all("EC2::LaunchTemplate")
    ]
    assert sizes == [100, 200]
    spot = groups[1]["MixedInstancesPolicy"]["InstancesDistribution"]
    assert spot["OnDemandPercentageAboveBaseCapacity"] == 0


def test_alarms_go_to_those_who_are_named(templates):
    subscription = templates["search"].one("SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@example.com")


def test_no_dashboards(templates):
    for template in templates.values():
        assert template.all("CloudWatch::Dashboard") == []
        assert "Dashboard" not in template.document["Outputs"]


def test_logs_are_kept_as_long_as_asked(templates):
    kept = {group["RetentionInDays"] for t in templates.values() for group in t.all("Logs::LogGroup")}
    assert kept == {90}


@pytest.mark.parametrize(("policy", "of_template"), [("retain", "Retain"), ("destroy", "Delete")])
def test_what_becomes_of_logs(folder, policy, of_template):
    template = templates_of(folder, "a", removal_policy=policy)["cortex"]
    (bucket,) = [r for r in template.resources.values() if r["Type"] == "AWS::S3::Bucket"]
    assert bucket["DeletionPolicy"] == of_template


def test_every_retention_that_can_be_asked_for(folder):
    """Each is another one of the library's; one of them is looked at in a template above."""
    assert len({log_retention(cluster(log_retention_days=days)) for days in LOG_RETENTION_DAYS}) == len(
        LOG_RETENTION_DAYS
    )
