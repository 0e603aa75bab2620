"""One app with a cluster and APIs, synthesized once for all tests: the library takes seconds to load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ec2 as ec2

from cortex_cdk.constructs import (
    ApiImage,
    Cluster,
    ClusterAttributes,
    EndpointAttributes,
    InstanceGroup,
    JwtVerification,
    PinnedModel,
    ScalerAttributes,
    ServingImage,
    TensorFlowApi,
)
from cortex_cdk.spec import ApiSpec
from tests.support.api_specs import api_spec
from tests.support.cloud_template import Template

PINNED = PinnedModel(uri="s3://models/fast/7", version="7", fingerprint="f" * 32)
GROUPS = (
    InstanceGroup(instance_types=["m5.large", "m5a.large"]),
    InstanceGroup(name="gpu", instance_types=["g4dn.xlarge"], spot=True, on_demand_base=1, max_instances=4),
)
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
WEB_ACL = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/mine/00000000-0000-0000-0000-000000000000"
JWT = JwtVerification(issuer="https://login.example.com", jwks_uri="https://login.example.com/keys")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "predictor.py").write_text("class TensorFlowPredictor: ...\n")
    return folder


@pytest.fixture(scope="session")
def templates(project: Path) -> dict[str, Template]:
    """The templates of the app, by the names of the stacks."""
    app = App()
    # Without an account: no credentials are needed.
    home = Stack(app, "cluster", env=Environment(region="eu-central-1"))
    cluster = Cluster(home, "Cluster", instance_groups=GROUPS)
    image = ApiImage(project=project)

    def api(spec: ApiSpec, **options: Any) -> None:
        stack = Stack(app, spec.name, env=Environment(region="eu-central-1"))
        TensorFlowApi(stack, "Api", **({"cluster": cluster, "spec": spec, "image": image} | options))

    api(api_spec("plain"))
    api(api_spec("fast", endpoint="/v1/fast", cpu="1", mem="2Gi", gpu=1), model=PINNED)
    api(
        api_spec("careful", max_surge="0", max_unavailable="1", config={"none": None, "one": 1.0, "text": 'a"b'}),
        model=PINNED,
        serving=ServingImage(version="2.18.0", digest="sha256:" + "a" * 64),
        priority=77,
    )
    api(api_spec("elsewhere"), cluster=imported_cluster(Stack(app, "importing")), model=PINNED)
    public = Stack(app, "public")
    Cluster(
        public,
        "Cluster",
        vpc=given_vpc(public),
        internet_facing=True,
        allowed_cidrs=["198.51.100.0/24", "203.0.113.0/24"],
        certificate_arns=[CERTIFICATE],
        host_name="api.example.com",
        web_acl_arn=WEB_ACL,
        access_logs=False,
    )
    secured = Stack(app, "secured")
    TensorFlowApi(
        secured,
        "Api",
        cluster=Cluster(secured, "Cluster", certificate_arns=[CERTIFICATE], jwt=JWT),
        spec=api_spec("secured"),
        image=image,
        model=PINNED,
    )
    return {stack.stack_name: Template(stack.template) for stack in app.synth().stacks}


def given_vpc(stack: Stack) -> ec2.IVpc:
    """A VPC that somebody else made."""
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        vpc_cidr_block="10.1.0.0/16",
        availability_zones=["eu-central-1a", "eu-central-1b"],
        public_subnet_ids=["subnet-1", "subnet-2"],
        private_subnet_ids=["subnet-3", "subnet-4"],
    )


def imported_cluster(stack: Stack) -> Any:
    """A cluster that another app made."""
    attributes = ClusterAttributes(
        cluster_name="theirs",
        vpc=given_vpc(stack),
        endpoint=EndpointAttributes(
            listener_arn="arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/lb/1/2",
            security_group_id="sg-1",
            url="https://api.example.com",
            request_timeout_s=20,
        ),
        scaler=ScalerAttributes(table_name="their-table", cluster_name="theirs"),
        instance_groups=GROUPS,
        capacity_providers={"default": "their-provider", "gpu": "their-gpus"},
    )
    return Cluster.from_cluster_attributes(stack, "Cluster", attributes)


@pytest.fixture
def errors() -> Callable[[Callable[[Stack], Any]], str]:
    """``errors(build)``: what ``app.synth()`` says about an app with what ``build(stack)`` puts into it."""

    def of(build: Callable[[Stack], Any]) -> str:
        app = App()
        build(Stack(app, "stack"))
        with pytest.raises(RuntimeError) as raised:
            app.synth()
        return str(raised.value)

    return of
