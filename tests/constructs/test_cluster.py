"""What a ``Cluster`` makes: network, instances, load balancer."""

from __future__ import annotations

import json

from aws_cdk import Duration

from cortex_cdk.constructs import Cluster, Endpoint, InstanceGroup, JwtVerification
from tests.constructs.conftest import CERTIFICATE, JWT, WEB_ACL, given_vpc
from tests.support.cloud_template import Template, text_of


def user_data(template: dict) -> str:
    return text_of(template["LaunchTemplateData"]["UserData"]["Fn::Base64"])


def by_image(templates: dict[str, Template], word: str) -> dict:
    (found,) = [t for t in templates["cluster"].all("EC2::LaunchTemplate") if word in json.dumps(t)]
    return found


def test_replicas_run_in_private_subnets(templates):
    template = templates["cluster"]
    for group in template.all("AutoScaling::AutoScalingGroup"):
        assert all("Private" in subnet["Ref"] for subnet in group["VPCZoneIdentifier"])
    assert [subnet["MapPublicIpOnLaunch"] for subnet in template.all("EC2::Subnet")] == [False] * 4


def test_models_and_load_reports_do_not_pass_the_nat_gateway(templates):
    services = [json.dumps(endpoint["ServiceName"]) for endpoint in templates["cluster"].all("EC2::VPCEndpoint")]
    assert any(".s3" in service for service in services)
    assert any(".dynamodb" in service for service in services)


def test_instances(templates):
    for template in templates["cluster"].all("EC2::LaunchTemplate"):
        data = template["LaunchTemplateData"]
        assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
        assert data["BlockDeviceMappings"] == [
            {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeSize": 100, "VolumeType": "gp3"}}
        ]
        assert "ECS_AWSVPC_BLOCK_IMDS=true" in user_data(template)  # tasks do not get the instance's role


def test_what_the_agent_may_do(templates):
    """Neither logs nor images: those are the execution roles'. Spot instances drain themselves."""
    every_agent = {
        "ecs:RegisterContainerInstance",
        "ecs:DeregisterContainerInstance",
        "ecs:SubmitAttachmentStateChanges",
        "ecs:SubmitContainerStateChange",
        "ecs:SubmitTaskStateChange",
        "ecs:Poll",
        "ecs:StartTelemetrySession",
        "ecs:DiscoverPollEndpoint",
    }
    template = templates["cluster"]
    for group, drain in (("default", set()), ("gpu", {"ecs:UpdateContainerInstancesState"})):
        statements = template.statements(f"Instances{group}Role")
        listed = [s["Action"] if isinstance(s["Action"], list) else [s["Action"]] for s in statements]
        actions = {action for actions in listed for action in actions}
        assert actions == every_agent | drain
        (without_resource,) = [s for s in statements if s["Resource"] == "*" and "Condition" not in s]
        assert without_resource["Action"] == "ecs:DiscoverPollEndpoint"


def test_instances_start_when_their_agents_may_join(templates):
    for resource in templates["cluster"].resources.values():
        if resource["Type"] == "AWS::AutoScaling::AutoScalingGroup":
            assert any("RoleDefaultPolicy" in name for name in resource["DependsOn"])


def test_instances_with_gpus_have_drivers(templates):
    parameters = json.dumps(templates["cluster"].document["Parameters"])
    assert "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id" in parameters
    assert "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id" in parameters
    assert "ECS_ENABLE_GPU_SUPPORT=true" in user_data(by_image(templates, "2023gpu"))
    assert "GPU" not in user_data(by_image(templates, "2023recommended"))


def test_spot_instances_above_an_on_demand_base(templates):
    policies = [group["MixedInstancesPolicy"] for group in templates["cluster"].all("AutoScaling::AutoScalingGroup")]
    on_demand, spot = (policy["InstancesDistribution"] for policy in policies)
    assert on_demand["OnDemandPercentageAboveBaseCapacity"] == 100
    assert (spot["OnDemandBaseCapacity"], spot["OnDemandPercentageAboveBaseCapacity"]) == (1, 0)
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in user_data(by_image(templates, "2023gpu"))
    assert [o["InstanceType"] for o in policies[0]["LaunchTemplate"]["Overrides"]] == ["m5.large", "m5a.large"]


def test_ecs_starts_drains_and_ends_instances(templates):
    providers = templates["cluster"].all("ECS::CapacityProvider")
    assert len(providers) == 2
    for provider in providers:
        settings = provider["AutoScalingGroupProvider"]
        assert settings["ManagedScaling"] == {"Status": "ENABLED", "TargetCapacity": 100}
        assert settings["ManagedDraining"] == settings["ManagedTerminationProtection"] == "ENABLED"
        assert "Name" not in provider
    # Without this, ECS refuses termination protection.
    groups = templates["cluster"].all("AutoScaling::AutoScalingGroup")
    assert all(group["NewInstancesProtectedFromScaleIn"] for group in groups)
    assert [(group["MinSize"], group["MaxSize"]) for group in groups] == [("0", "10"), ("0", "4")]


def test_the_endpoint_is_internal_unless_asked_otherwise(templates):
    template = templates["cluster"]
    assert template.one("ElasticLoadBalancingV2::LoadBalancer")["Scheme"] == "internal"
    (group,) = [g for g in template.all("EC2::SecurityGroup") if "load balancer" in g["GroupDescription"]]
    assert [rule["CidrIp"] for rule in group["SecurityGroupIngress"]] == [
        {
            "Fn::GetAtt": [
                next(name for name, r in template.resources.items() if r["Type"] == "AWS::EC2::VPC"),
                "CidrBlock",
            ]
        }
    ]
    (egress,) = group["SecurityGroupEgress"]
    assert (egress["FromPort"], egress["ToPort"]) == (8080, 8080)


def test_paths_that_no_api_has(templates):
    (action,) = templates["cluster"].one("ElasticLoadBalancingV2::Listener")["DefaultActions"]
    assert action["FixedResponseConfig"]["StatusCode"] == "404"
    assert "error" in json.loads(action["FixedResponseConfig"]["MessageBody"])


def test_time_outs_and_strictness_of_the_load_balancer(templates):
    attributes = templates["cluster"].attributes("ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes")
    assert attributes["idle_timeout.timeout_seconds"] == "65"
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"


def test_access_logs(templates):
    template = templates["cluster"]
    attributes = template.attributes("ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes")
    assert attributes["access_logs.s3.enabled"] == "true"
    bucket = template.one("S3::Bucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 90
    statements = template.one("S3::BucketPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = [s for s in statements if s["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    (balancer,) = [r for r in template.resources.values() if r["Type"].endswith("V2::LoadBalancer")]
    assert any("AccessLogsPolicy" in name for name in balancer["DependsOn"])


def test_an_endpoint_for_the_internet(templates):
    template = templates["public"]
    assert template.one("ElasticLoadBalancingV2::LoadBalancer")["Scheme"] == "internet-facing"
    (group,) = [g for g in template.all("EC2::SecurityGroup") if "load balancer" in g["GroupDescription"]]
    rules = {(rule["CidrIp"], rule["FromPort"]) for rule in group["SecurityGroupIngress"]}
    assert rules == {(cidr, port) for cidr in ("198.51.100.0/24", "203.0.113.0/24") for port in (80, 443)}
    assert template.all("S3::Bucket") == []


def test_https_and_a_redirect_to_it(templates):
    listeners = {o["Port"]: o for o in templates["public"].all("ElasticLoadBalancingV2::Listener")}
    assert listeners[443]["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    assert "TLS13" in listeners[443]["SslPolicy"]
    redirect = listeners[80]["DefaultActions"][0]["RedirectConfig"]
    assert (redirect["Protocol"], redirect["Port"], redirect["StatusCode"]) == ("HTTPS", "443", "HTTP_301")


def test_a_web_acl(templates):
    assert templates["public"].one("WAFv2::WebACLAssociation")["WebACLArn"] == WEB_ACL


def test_tokens_are_verified_before_requests_are_handed_on(templates):
    verify, forward = templates["secured"].one("ElasticLoadBalancingV2::ListenerRule")["Actions"]
    assert verify["Type"] == "jwt-validation"
    assert verify["JwtValidationConfig"] == {"Issuer": JWT.issuer, "JwksEndpoint": JWT.jwks_uri}
    assert forward["Type"] == "forward"
    assert verify["Order"] < forward["Order"]


def test_no_names_that_only_one_stack_could_have(templates):
    """A name of a resource of its own; that of another resource, which is a reference, is fine."""
    for stack in ("cluster", "plain"):
        for logical_id, resource in templates[stack].resources.items():
            kind = resource["Type"].rpartition("::")[2]
            # Policies are a role's, which has a namespace of its own; saved queries are in a folder of their cluster.
            if kind not in ("Policy", "QueryDefinition"):
                names = {"Name", f"{kind}Name"} & resource.get("Properties", {}).keys()
                assert not names, f"{logical_id}: {names}"


def test_all_mistakes_are_reported_at_once(errors):
    bad = InstanceGroup(name="twice", instance_types=["m5.tiny"], min_instances=5, max_instances=1)
    text = errors(
        lambda stack: Cluster(
            stack,
            "Cluster",
            instance_groups=[bad, bad],
            internet_facing=True,
            jwt=JwtVerification(issuer="i", jwks_uri="https://j"),
            request_timeout=Duration.hours(2),
        )
    )
    for expected in (
        "[stack/Cluster] names of instance groups must be unique: twice, twice",
        "`m5.tiny` is not known here",
        "min_instances (5) is greater than max_instances (1)",
        "[stack/Cluster/Endpoint] internet_facing needs allowed_cidrs",
        "jwt needs certificate_arns",
        "request_timeout: the longest request is 7200 s, must be from 1 to 4000 s",
    ):
        assert text.count(expected) == 1, expected


def test_no_instance_group(errors):
    assert "instance_groups is empty" in errors(lambda stack: Cluster(stack, "Cluster", instance_groups=[]))


def test_an_endpoint_alone(errors):
    """It is of use without a cluster, and its mistakes are its own."""
    text = errors(lambda stack: Endpoint(stack, "Mine", vpc=given_vpc(stack), internet_facing=True))
    assert "[stack/Mine] internet_facing needs allowed_cidrs" in text
