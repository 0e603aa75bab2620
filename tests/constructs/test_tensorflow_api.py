"""What a ``TensorFlowApi`` makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack

from cortex_cdk.constructs import ApiImage, Cluster, InstanceGroup, TensorFlowApi
from cortex_cdk.constructs.priority import priority_of
from cortex_cdk.scaler import service_tags
from tests.constructs.conftest import PINNED, imported_cluster
from tests.support.api_specs import api_spec
from tests.support.cloud_template import Template, text_of

APIS = ("plain", "fast", "careful", "elsewhere")


def test_three_containers(templates):
    names = [c["Name"] for c in templates["plain"].one("ECS::TaskDefinition")["ContainerDefinitions"]]
    assert sorted(names) == ["api", "downloader", "serve"]


def test_the_model_is_there_before_it_is_served_and_asked(templates):
    template = templates["plain"]
    assert template.container("downloader")["Essential"] is False
    assert template.container("serve")["DependsOn"] == [{"Condition": "SUCCESS", "ContainerName": "downloader"}]
    # ECS stops containers in the opposite order: `serve` outlives `api`.
    assert {"Condition": "START", "ContainerName": "serve"} in template.container("api")["DependsOn"]
    (written,) = [
        name
        for name in ("api", "serve", "downloader")
        for mount in template.container(name)["MountPoints"]
        if mount["SourceVolume"] == "models" and not mount["ReadOnly"]
    ]
    assert written == "downloader"


@pytest.mark.parametrize("container", ["api", "serve", "downloader"])
def test_no_container_is_root_or_can_write_its_root(templates, container):
    found = templates["fast"].container(container)
    assert found["User"] == "1000:1000"
    assert found["ReadonlyRootFilesystem"] is True
    assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "Privileged" not in found
    assert found["LogConfiguration"]["Options"]["mode"] == "non-blocking"


def test_resources_are_halved_and_the_gpu_is_whole(templates):
    api, serve = (templates["fast"].container(name) for name in ("api", "serve"))
    for container in (api, serve):
        assert (container["Cpu"], container["MemoryReservation"]) == (512, 1024)
        assert "Memory" not in container  # reserved, not limited
    assert serve["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
    assert "ResourceRequirements" not in api


def test_the_model_server(templates):
    serve = templates["plain"].container("serve")
    assert serve["EntryPoint"] == ["/usr/bin/tensorflow_model_server"]
    assert "--model_base_path=/models/model" in serve["Command"]
    assert "--model_name=model" in serve["Command"]
    assert "--port=8500" in serve["Command"]


def test_the_settings_keep_every_value(templates):
    """Nulls stay, 1.0 does not become 1, quotes are quoted."""
    settings = json.loads(text_of(templates["careful"].environment("api")["CORTEX_SETTINGS"]))
    config = settings["predictor"]["config"]
    assert config == {"none": None, "one": 1.0, "text": 'a"b'}
    assert isinstance(config["one"], float)
    assert settings["model_server"]["address"] == "localhost:8500"
    assert settings["reporting"] == {"table": "<later>", "metric_namespace": "Cortex", "cluster": "<later>"}


def test_containers_are_told_their_region(templates):
    """ECS does not do that on instances. Of the two names, boto3 reads the second, and others read the first."""
    for name in ("api", "downloader"):
        environment = templates["plain"].environment(name)
        assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-central-1"


def test_times_follow_the_endpoint(templates):
    """The imported endpoint lets a request take 20 s, the own one 60 s."""
    for stack, longest in (("plain", 60), ("elsewhere", 20)):
        template = templates[stack]
        settings = json.loads(text_of(template.environment("api")["CORTEX_SETTINGS"]))
        assert settings["http"]["keep_alive_s"] > longest
        assert settings["shutdown"]["timeout_s"] == longest
        delay = template.attributes("ElasticLoadBalancingV2::TargetGroup", "TargetGroupAttributes")
        assert int(delay["deregistration_delay.timeout_seconds"]) >= longest
        api, serve = (template.container(name)["StopTimeout"] for name in ("api", "serve"))
        assert serve > api > settings["shutdown"]["grace_s"] + longest


def test_ready_means_healthy(templates):
    template = templates["plain"]
    assert "/readyz" in template.container("api")["HealthCheck"]["Command"][-1]
    group = template.one("ElasticLoadBalancingV2::TargetGroup")
    assert (group["HealthCheckPath"], group["TargetType"], group["Port"]) == ("/readyz", "ip", 8080)
    assert template.one("ECS::Service")["HealthCheckGracePeriodSeconds"] == 900


def test_requests_go_where_the_fewest_are(templates):
    attributes = templates["plain"].attributes("ElasticLoadBalancingV2::TargetGroup", "TargetGroupAttributes")
    assert attributes["load_balancing.algorithm.type"] == "least_outstanding_requests"
    assert "slow_start.duration_seconds" not in attributes


def test_the_path_is_exact_and_the_priority_its_own(templates):
    rules = {api: templates[api].one("ElasticLoadBalancingV2::ListenerRule") for api in APIS}
    assert rules["fast"]["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v1/fast"]}}]
    assert [rules[api]["Priority"] for api in APIS] == [
        priority_of("plain"),
        priority_of("fast"),
        77,
        priority_of("elsewhere"),
    ]


@pytest.mark.parametrize("api", APIS)
def test_the_count_is_the_scalers(templates, api):
    service = templates[api].one("ECS::Service")
    assert "DesiredCount" not in service
    assert "PropagateTags" not in service
    tags = {tag["Key"]: tag["Value"] for tag in service["Tags"]}
    assert tags.pop(service_tags.CLUSTER_TAG)
    target = service_tags.parse(tags)
    assert (target.api, target.policy, target.ignored) == (api, api_spec().autoscaling.policy(), ())


def test_a_deployment_that_fails_is_taken_back(templates):
    template = templates["plain"]
    deployment = template.one("ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"]["Rollback"] is True
    (name,) = deployment["Alarms"]["AlarmNames"]
    alarm = template.resources[name["Ref"]]["Properties"]
    metrics = {m["MetricStat"]["Metric"]["MetricName"] for m in alarm["Metrics"] if "MetricStat" in m}
    assert metrics == {"Requests", "Requests5xx", "Requests503"}
    assert alarm["TreatMissingData"] == "notBreaching"


def test_percents_until_the_first_tick(templates):
    percents = {
        api: tuple(
            templates[api].one("ECS::Service")["DeploymentConfiguration"][key]
            for key in ("MaximumPercent", "MinimumHealthyPercent")
        )
        for api in ("plain", "careful")
    }
    assert percents == {"plain": (200, 100), "careful": (100, 99)}


def test_replicas_are_spread_over_zones_and_run_on_their_group(templates):
    service = templates["elsewhere"].one("ECS::Service")
    assert service["PlacementStrategies"][0] == {"Field": "attribute:ecs.availability-zone", "Type": "spread"}
    assert service["CapacityProviderStrategy"] == [{"CapacityProvider": "their-provider", "Weight": 1}]
    assert "LaunchType" not in service
    assert "gpu" in json.dumps(templates["fast"].one("ECS::Service")["CapacityProviderStrategy"])
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["Subnets"] == ["subnet-3", "subnet-4"]


def test_only_the_load_balancer_reaches_replicas(templates):
    template = templates["elsewhere"]
    ingress = template.one("EC2::SecurityGroupIngress") if template.all("EC2::SecurityGroupIngress") else None
    rules = [ingress] if ingress else template.one("EC2::SecurityGroup")["SecurityGroupIngress"]
    assert [(rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) for rule in rules] == [
        ("sg-1", 8080, 8080)
    ]


def test_what_a_replica_may_do(templates):
    statements = templates["plain"].statements("TaskRole")
    actions = [a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])]
    assert {*actions} == {"s3:ListBucket", "s3:GetObject", "dynamodb:PutItem"}
    assert not [s for s in statements if s["Resource"] == "*"]
    by_action = {s["Action"]: s for s in statements}
    assert by_action["s3:ListBucket"]["Condition"] == {"StringLike": {"s3:prefix": ["plain", "plain/*"]}}
    assert by_action["dynamodb:PutItem"]["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["load#plain"]}
    }


def test_one_version_for_all_replicas_known_at_synth(templates):
    environment = templates["fast"].environment("downloader")
    assert {key: environment[key] for key in PINNED.environment} == PINNED.environment
    assert templates["fast"].all("Lambda::Function") == []


def test_a_policy_has_no_part_in_what_replicas_are(project):
    """Else a new one would replace them, or have them fetch a newer version of their model."""
    specs = {
        "one": api_spec("plain"),
        "other": api_spec("plain", min_replicas=2, window="2m", max_surge="1"),
        "busier": api_spec("plain", threads_per_worker=2),
    }
    app = App()
    for name, spec in specs.items():
        stack = Stack(app, name)
        TensorFlowApi(stack, "Api", cluster=Cluster(stack, "Cluster"), spec=spec, image=ApiImage(project=project))
    found = {stack.stack_name: Template(stack.template) for stack in app.synth().stacks}
    looked_up = {
        name: resource["Properties"]["Deployment"]
        for name, template in found.items()
        for resource in template.resources.values()
        if resource["Type"] == "Custom::CortexModelVersion"
    }
    assert looked_up["one"] == looked_up["other"] != looked_up["busier"]
    tasks = {name: found[name].one("ECS::TaskDefinition")["ContainerDefinitions"] for name in found}
    assert tasks["one"] == tasks["other"] != tasks["busier"]


def test_one_version_for_all_replicas_looked_up_at_deployment(templates):
    template = templates["plain"]
    ((name, resource),) = [
        (name, r) for name, r in template.resources.items() if r["Type"] == "Custom::CortexModelVersion"
    ]
    assert resource["Properties"]["Model"] == "s3://models/plain"
    assert template.environment("downloader")["CORTEX_MODEL_URI"] == {"Fn::GetAtt": [name, "Uri"]}
    (policy,) = [n for n, r in template.resources.items() if "ModelRoleDefaultPolicy" in n]
    assert policy in resource["DependsOn"]  # it may read before it is asked


def test_stacks_of_apis_leave_the_clusters_alone(templates):
    assert not [r for r in templates["cluster"].resources.values() if "plain" in json.dumps(r)]


def build(spec, project: Path, **options):
    def into(stack: Stack) -> None:
        TensorFlowApi(
            stack, "Api", cluster=imported_cluster(stack), spec=spec, image=ApiImage(project=project), **options
        )

    return into


def test_a_replica_that_fits_nowhere(errors, project):
    text = errors(build(api_spec(cpu="16", mem="100Gi"), project, model=PINNED))
    assert "[stack/Api] a replica does not fit onto m5.large of instance group `default`: CPU: needs 16 vCPU" in text
    assert "has 8,192 - 1,200 for the host = 6,992 MiB" in text


def test_all_mistakes_of_an_api_at_once(errors, project):
    spec = api_spec(model="/models/local", cpu="16", config={"x": "y" * 50_000}, endpoint="/" + "e" * 200)
    text = errors(build(spec, project / "absent", model=PINNED, priority=0))
    for expected in (
        "project: there is no folder",
        "does not fit onto m5.large",
        "at most 40,000 fit into a task definition",
        "predictor.model is the local path /models/local; upload the model",
        "the rule's priority is 0, must be from 1 to 50000",
        "its path has 201 characters, at most 128",
    ):
        assert text.count(expected) == 1, expected


def test_two_apis_with_one_path_or_priority(errors, project):
    def both(stack: Stack) -> None:
        cluster = Cluster(stack, "Cluster", instance_groups=[InstanceGroup(instance_types=["m5.large"])])
        for name, priority in (("one", 5), ("two", 5)):
            TensorFlowApi(
                Stack(stack.node.root, name),
                "Api",
                cluster=cluster,
                spec=api_spec(name, endpoint="/same"),
                image=ApiImage(project=project),
                model=PINNED,
                priority=priority,
            )

    text = errors(both)
    assert "[two/Api] the priority 5 of its listener rule is that of `one`, too" in text
    assert "[two/Api] its path /same is that of `one`, too" in text
