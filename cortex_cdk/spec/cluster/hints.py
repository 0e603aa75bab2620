"""Keys that Cortex's own ``cluster.yaml`` had, and what they are here."""

from __future__ import annotations

from collections.abc import Mapping

_GROUP = "write it in an entry of `instance_groups`"
# By section and key, of Cortex 0.14 to 0.42.
OTHER_VERSIONS: Mapping[str, Mapping[str, str]] = {
    "": {
        "provider": "AWS is the only one; remove it",
        "instance_type": "write `instance_types: [...]` in an entry of `instance_groups`",
        "instance_types": _GROUP,
        "min_instances": _GROUP,
        "max_instances": _GROUP,
        "instance_volume_size": "write `volume_gib` in an entry of `instance_groups`",
        "instance_volume_type": "instances have gp3 volumes; remove it",
        "instance_volume_iops": "instances have gp3 volumes; remove it",
        "spot": _GROUP,
        "spot_config": "write `spot: true` and `on_demand_base` in an entry of `instance_groups`",
        "node_groups": "here it is called `instance_groups`",
        "ssl_certificate_arn": "write `certificate_arns: [...]` in `endpoint`",
        "api_load_balancer_scheme": "write `internet_facing: true` or `false` in `endpoint`",
        "api_load_balancer_cidr_white_list": "write `allowed_cidrs: [...]` in `endpoint`",
        "operator_load_balancer_scheme": "there is no operator; remove it",
        "operator_load_balancer_cidr_white_list": "there is no operator; remove it",
        "api_gateway": "the load balancer is called directly; remove it",
        "availability_zones": "AWS chooses two for a VPC of the cluster's own; for an existing one write them in `vpc`",
        "subnets": "write `private_subnet_ids` and `public_subnet_ids` in `vpc`",
        "subnet_visibility": "replicas run in private subnets; remove it",
        "nat_gateway": "a VPC of the cluster's own has one; remove it",
        "vpc_cidr": "give an existing VPC in `vpc` to choose its range",
        "log_group": "each API has a log group of its own; remove it",
        "bucket": "the CDK keeps assets in its own bucket; remove it",
        "telemetry": "nothing is sent to anybody; remove it",
        "iam_policy_arns": "what a predictor may do is granted to its API in app.py: `bucket.grant_read(api)`",
        "prometheus_instance_type": "metrics are in CloudWatch; remove it",
        "aws_access_key_id": "credentials are those of the CDK's command line; remove it",
        "aws_secret_access_key": "credentials are those of the CDK's command line; remove it",
        "cortex_region": "here it is called `region`",
    },
    "instance_groups": {
        "instance_type": "here it is the list `instance_types`",
        "instance_volume_size": "here it is called `volume_gib`",
        "instance_volume_type": "instances have gp3 volumes; remove it",
        "instance_volume_iops": "instances have gp3 volumes; remove it",
        "instance_volume_throughput": "instances have gp3 volumes; remove it",
        "spot_config": "write `spot: true` and `on_demand_base`",
        "priority": "the order of the groups is that of the file; remove it",
    },
}
