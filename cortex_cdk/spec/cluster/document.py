"""Every key of ``cluster.yaml``, declared once: validation, JSON Schema, reference page and error texts come from here.

Descriptions are Markdown; defaults are written as a user would write them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from cortex_cdk.spec.cluster import FILE, notations
from cortex_cdk.spec.cluster.alarm_kinds import REQUEST_S
from cortex_cdk.spec.cluster.alarm_sections import Alarms
from cortex_cdk.spec.cluster.hints import OTHER_VERSIONS
from cortex_cdk.spec.cluster.instance_group import InstanceGroup as Group
from cortex_cdk.spec.cluster.model import MAX_REQUEST_S
from cortex_cdk.spec.kind import NotNull
from cortex_cdk.spec.kinds import Choice, Flag, OneOf, StringMap, Text, Whole
from cortex_cdk.spec.lists import ListOf, ListOfSections
from cortex_cdk.spec.notations import Duration
from cortex_cdk.spec.sections import Format, Section, written

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_SUBNETS = "a list of ids of subnets, such as subnet-0a1b2c3d"


class Capacity(Section):
    """What instance types have that are newer than the table in the package, by their names."""

    vcpus: Annotated[int, Whole(1)] = Field(description="Virtual CPUs.", examples=[2])
    memory_mib: Annotated[int, Whole(1)] = Field(description="Memory in MiB.", examples=[8192])
    gpus: Annotated[int, Whole(0)] = Field(default=0, description="GPUs.")


class InstanceGroup(Section):
    """Instances that come and go with the replicas; an API runs on the first group onto which a replica fits."""

    name: Annotated[str, Text("letters, digits, `-` and `_`; at most 64", "[A-Za-z0-9_-]+", max_length=64)] = Field(
        default=Group.name, description="The name of the group, unique in the cluster."
    )
    instance_types: Annotated[
        list[str],
        ListOf("a list of instance types such as m5.large", at_least=1, items=notations.INSTANCE_TYPE),
    ] = Field(
        description="Which instances are started, the preferred first. All of them with GPUs or all without.",
        examples=[["m5.large", "m8a.large"]],
    )
    min_instances: Annotated[int, Whole(0)] = Field(
        default=Group.min_instances, description="How many are kept even when no replica runs."
    )
    max_instances: Annotated[int, Whole(1)] = Field(
        default=Group.max_instances, description="How many there are at most."
    )
    spot: Annotated[bool, Flag()] = Field(
        default=Group.spot, description="Spot instances, apart from `on_demand_base`.", examples=[True]
    )
    on_demand_base: Annotated[int, Whole(0)] = Field(
        default=Group.on_demand_base,
        description="With `spot`: how many of the instances are on-demand ones.",
        examples=[1],
    )
    volume_gib: Annotated[int, Whole(30)] = Field(
        default=Group.volume_gib,
        description="The encrypted disk of each instance, in GiB: images, models and logs. The machine image needs 30.",
    )
    capacities: dict[str, Capacity] = Field(
        default=written({}),
        examples=[{"m8a.large": {"vcpus": 2, "memory_mib": 8192, "gpus": 0}}],
    )


class Vpc(Section):
    """An existing VPC. With `id` alone the rest is looked up in AWS, for which `cdk synth` needs credentials."""

    id: Annotated[str, notations.VPC_ID] = Field(description="The VPC.", examples=["vpc-0a1b2c3d4e5f60718"])
    cidr: Annotated[str | None, notations.Cidr(16, 28)] = Field(
        default=None, validate_default=False, description="Its IPv4 range.", examples=["10.0.0.0/16"]
    )
    availability_zones: Annotated[
        list[str] | None,
        ListOf("a list of availability zones such as eu-central-1a", at_least=2, items=notations.ZONE),
    ] = Field(
        default=None,
        validate_default=False,
        description="The zones of the subnets.",
        examples=[["eu-central-1a", "eu-central-1b"]],
    )
    private_subnet_ids: Annotated[list[str] | None, ListOf(_SUBNETS, at_least=2, items=notations.SUBNET_ID)] = Field(
        default=None,
        validate_default=False,
        description="Where replicas run: subnets that reach AWS, through a NAT gateway or VPC endpoints. As many in "
        "each zone, in the order of the zones.",
        examples=[["subnet-0a1b2c3d4e5f60718", "subnet-1a2b3c4d5e6f70819"]],
    )
    public_subnet_ids: Annotated[list[str] | None, ListOf(_SUBNETS, at_least=2, items=notations.SUBNET_ID)] = Field(
        default=None,
        validate_default=False,
        description="Likewise, for an endpoint that faces the internet.",
        examples=[["subnet-2a3b4c5d6e7f80910", "subnet-3a4b5c6d7e8f90a1b"]],
    )


class Jwt(Section):
    """Requests need a JSON Web Token, which the load balancer verifies."""

    issuer: Annotated[str, Text("the URL of an issuer, at most 256 characters", r"\S+", max_length=256)] = Field(
        description="The `iss` of the tokens.", examples=["https://login.example.com"]
    )
    jwks_uri: Annotated[str, notations.HTTPS_URL] = Field(
        description="Where the issuer's public keys are; reachable from the internet.",
        examples=["https://login.example.com/.well-known/jwks.json"],
    )


class Endpoint(Section):
    """The load balancer before all APIs."""

    internet_facing: Annotated[bool, Flag()] = Field(
        default=False,
        description="Whether it has public addresses. Otherwise it is reached from within the VPC and from networks "
        "that are connected with it.",
        examples=[True],
    )
    allowed_cidrs: Annotated[
        list[str], ListOf("a list of IPv4 ranges such as 203.0.113.0/24", items=notations.Cidr())
    ] = Field(
        default=[],
        description="Who may connect. By default everybody in the VPC, and nobody when it faces the internet.",
        examples=[["203.0.113.0/24"]],
    )
    certificate_arns: Annotated[
        list[str], ListOf("a list of ARNs of certificates", items=notations.CERTIFICATE_ARN)
    ] = Field(
        default=[],
        description="Certificates of AWS Certificate Manager, of the cluster's region. With any, it speaks HTTPS and "
        "redirects HTTP.",
        examples=[["arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000-0000-0000-000000000000"]],
    )
    host_name: Annotated[str | None, notations.HostName()] = Field(
        default=None,
        validate_default=False,
        description="The name under which users know it, for the URLs that a deployment prints. The DNS record is "
        "yours to make.",
        examples=["api.example.com"],
    )
    jwt: Annotated[Jwt | None, NotNull()] = Field(default=None, validate_default=False)
    web_acl_arn: Annotated[str | None, notations.WEB_ACL_ARN] = Field(
        default=None,
        validate_default=False,
        description="A web ACL of AWS WAF to put before it, of the cluster's region.",
        examples=["arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/mine/0a1b2c3d-0000-0000-0000-000000000000"],
    )
    access_logs: Annotated[bool | str, Flag(or_text=notations.BUCKET)] = Field(
        default=True,
        description="Whether to make a bucket for access logs, which expire after 90 days; or an existing bucket, "
        "whose policy must let load balancers write.",
    )
    request_timeout: Annotated[timedelta, Duration("1s", multiple_of="1s", at_most=f"{MAX_REQUEST_S}s")] = Field(
        default=written(f"{REQUEST_S}s"), description="The longest that a request may take."
    )


class Cluster(Section):
    """The file."""

    cluster_name: Annotated[
        str,
        Text(
            "letters, digits and `-`; begins with a letter, does not end with `-`; at most 60 characters",
            r"[A-Za-z](?:[-A-Za-z0-9]*[A-Za-z0-9])?",
            max_length=60,
        ),
    ] = Field(
        default="cortex",
        description="The name of the cluster's stack; those of the APIs are `<cluster_name>-<API>`. Another name makes "
        "another cluster.",
    )
    region: Annotated[str | None, notations.Region()] = Field(
        default=None,
        validate_default=False,
        description="Where everything is made. By default that of the credentials or profile in use.",
        examples=["eu-central-1"],
    )
    account: Annotated[str | None, notations.ACCOUNT] = Field(
        default=None,
        validate_default=False,
        description="The AWS account, so that nothing is deployed to another one by mistake. By default that of the "
        "credentials in use.",
        examples=["123456789012"],
    )
    instance_groups: Annotated[list[InstanceGroup], ListOfSections("a list of instance groups", at_least=1)] = Field(
        default=written([{"instance_types": ["m5.large"]}])
    )
    vpc: Annotated[Vpc | None, NotNull()] = Field(default=None, validate_default=False)
    endpoint: Endpoint = Field(default=written({}))
    alarms: Alarms = Field(default=written({}))
    dashboards: Annotated[bool, Flag()] = Field(
        default=True,
        description="Whether the cluster and each API have a CloudWatch dashboard, of which AWS charges all but three.",
    )
    log_retention_days: Annotated[int, OneOf(LOG_RETENTION_DAYS)] = Field(
        default=30, description="After how many days logs expire; access logs do after 90."
    )
    removal_policy: Annotated[Literal["retain", "destroy"], Choice(("retain", "destroy"))] = Field(
        default="retain",
        description="What becomes of the log of refused connections and of the bucket of access logs when the cluster "
        "is deleted. All other logs go with their stack.",
    )
    tags: Annotated[dict[str, str], StringMap(notations.TAG_KEY, notations.TAG_VALUE)] = Field(
        default={},
        description="Tags of everything that is made, such as those by which costs are told apart.",
        examples=[{"team": "search", "cost-center": "1234"}],
    )


FORMAT = Format(
    FILE, Cluster, is_list=False, root_name="the file itself, outside of any section", elsewhere=OTHER_VERSIONS
)
