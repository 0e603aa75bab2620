"""From a ``cluster.yaml`` to the arguments of the constructs."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, Environment, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cortex_cdk.spec.cluster import ClusterSpec, VpcSpec
from cortex_infra.alarms import cluster_alarms

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


def environment(spec: ClusterSpec) -> Environment | None:
    """Where the stacks go; None when the credentials at deployment decide that."""
    return Environment(account=spec.account, region=spec.region) if spec.account or spec.region else None


def log_retention(spec: ClusterSpec) -> logs.RetentionDays:
    """For how long logs are kept."""
    return _RETENTION[spec.log_retention_days]


def cluster_props(scope: Construct, spec: ClusterSpec) -> dict[str, Any]:
    """The arguments of ``Cluster``; what is referred to is imported into ``scope``."""
    endpoint = spec.endpoint
    access_logs = endpoint.access_logs
    return {
        "instance_groups": spec.instance_groups,
        "vpc": _vpc(scope, spec.vpc) if spec.vpc else None,
        "internet_facing": endpoint.internet_facing,
        "allowed_cidrs": endpoint.allowed_cidrs,
        "certificate_arns": endpoint.certificate_arns,
        "host_name": endpoint.host_name,
        "jwt": endpoint.jwt,
        "web_acl_arn": endpoint.web_acl_arn,
        "access_logs": (
            s3.Bucket.from_bucket_name(scope, "AccessLogs", access_logs)
            if isinstance(access_logs, str)
            else access_logs
        ),
        "request_timeout": Duration.seconds(endpoint.request_timeout.total_seconds()),
        "alarms": cluster_alarms(scope, spec.alarms),
        "dashboard": spec.dashboards,
        "log_retention": log_retention(spec),
        "removal_policy": RemovalPolicy.RETAIN if spec.removal_policy == "retain" else RemovalPolicy.DESTROY,
    }


def _vpc(scope: Construct, vpc: VpcSpec) -> ec2.IVpc:
    if vpc.cidr is None:
        return ec2.Vpc.from_lookup(scope, "Vpc", vpc_id=vpc.id)
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=vpc.id,
        vpc_cidr_block=vpc.cidr,
        availability_zones=[*vpc.availability_zones],  # the library takes lists only
        private_subnet_ids=[*vpc.private_subnet_ids],
        public_subnet_ids=[*vpc.public_subnet_ids] or None,
    )
