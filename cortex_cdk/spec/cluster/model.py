"""The validated content of a ``cluster.yaml``: plain frozen objects, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from cortex_cdk.spec.cluster.instance_group import InstanceGroup

MAX_REQUEST_S = 4000
"""The longest idle time-out of a load balancer, in seconds."""


@dataclass(frozen=True, kw_only=True)
class JwtVerification:
    """Requests need a JSON Web Token, which the load balancer verifies.

    Attributes:
        issuer: the token's ``iss``.
        jwks_uri: where the issuer's public keys are; ``https://`` and reachable from the internet.
    """

    issuer: str
    jwks_uri: str


@dataclass(frozen=True)
class VpcSpec:
    """A VPC that is there already.

    Attributes:
        id: such as ``vpc-0a1b2c3d``.
        cidr: its IPv4 range, or None when all that follows is to be looked up in AWS.
        availability_zones: at least two; those of the subnets.
        private_subnet_ids: of subnets that reach AWS, as many in each zone; those of the first zone first.
        public_subnet_ids: likewise, for an endpoint that faces the internet.
    """

    id: str
    cidr: str | None
    availability_zones: tuple[str, ...]
    private_subnet_ids: tuple[str, ...]
    public_subnet_ids: tuple[str, ...]


@dataclass(frozen=True)
class EndpointSpec:
    """The load balancer before all APIs. Attributes as in ``cortex_cdk.constructs.Endpoint``; ``access_logs`` may be
    the name of a bucket."""

    internet_facing: bool
    allowed_cidrs: tuple[str, ...]
    certificate_arns: tuple[str, ...]
    host_name: str | None
    jwt: JwtVerification | None
    web_acl_arn: str | None
    access_logs: bool | str
    request_timeout: timedelta


@dataclass(frozen=True, kw_only=True)
class AlarmSpec:
    """How one alarm is set; what is None is as by default.

    Attributes:
        enabled: whether there is such an alarm.
        threshold: in the unit of the alarm.
        minutes: for how long, 1 to 1,440.
        min_count: of rates: how many requests, or failed ones, it takes for the rate to mean something.
        topic_arn: of the SNS topic to which it is sent, instead of where the others are.
    """

    enabled: bool = True
    threshold: float | None = None
    minutes: int | None = None
    min_count: int | None = None
    topic_arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class AlarmsSpec:
    """Which alarms there are, and who is told.

    Attributes:
        enabled: whether there are any.
        emails: addresses that are told by the cluster's own topic.
        topic_arn: of an SNS topic in place of the cluster's own.
        operations_page: a path or a URL, to which the descriptions of alarms link.
        of_cluster: those about the cluster, by name.
        of_apis: those about APIs, by name.
        of_single_apis: likewise for APIs that differ, by the names of the APIs; complete.
    """

    enabled: bool
    emails: tuple[str, ...]
    topic_arn: str | None
    operations_page: str
    of_cluster: Mapping[str, AlarmSpec]
    of_apis: Mapping[str, AlarmSpec]
    of_single_apis: Mapping[str, Mapping[str, AlarmSpec]]

    def of_api(self, name: str) -> Mapping[str, AlarmSpec]:
        """The alarms of an API, by name."""
        return self.of_single_apis.get(name, self.of_apis)


@dataclass(frozen=True)
class ClusterSpec:
    """A ``cluster.yaml``.

    Attributes:
        cluster_name: of the cluster's stack; those of the APIs begin with it.
        account: 12 digits; None: that of the credentials in use.
        region: such as ``eu-central-1``; None: that of the credentials in use.
        instance_groups: at least one, with unique names.
        vpc: None: one of its own.
        endpoint: the load balancer.
        alarms: which there are, and who is told.
        dashboards: whether the cluster and each API have one.
        log_retention_days: of all logs but access logs; one of the numbers that CloudWatch Logs allows.
        removal_policy: what becomes of the VPC's flow log and the bucket of access logs when the cluster is deleted.
        tags: of everything that is made.
    """

    cluster_name: str
    account: str | None
    region: str | None
    instance_groups: tuple[InstanceGroup, ...]
    vpc: VpcSpec | None
    endpoint: EndpointSpec
    alarms: AlarmsSpec
    dashboards: bool
    log_retention_days: int
    removal_policy: Literal["retain", "destroy"]
    tags: Mapping[str, str]
