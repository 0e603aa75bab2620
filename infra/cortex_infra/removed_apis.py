"""Stacks of APIs that are no longer in ``cortex.yaml``.

The CDK does not delete a stack because an app no longer has it, and it would be wrong to: an app that lacks an API may
as well be an old checkout. So they are named, with the command that deletes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from aws_cdk import Annotations

from cortex_cdk.spec.cluster import ClusterSpec
from cortex_infra.stacks import CLUSTER_TAG, ProjectStacks


def warn_of_removed_apis(stacks: ProjectStacks, cluster: ClusterSpec) -> None:
    """Have the CDK's command line warn of each deployed stack of this cluster that the app does not have.

    Nothing is said where the stacks may not be listed, or there is no network.
    """
    region = cluster.region or os.environ.get("CDK_DEFAULT_REGION")  # where the CDK's command line deploys to
    wanted = {stack.stack_name for stack in (stacks.cluster, *stacks.apis.values())}
    for name in sorted({*_deployed(cluster.cluster_name, region)} - wanted):
        Annotations.of(stacks.cluster).add_warning_v2(
            f"cortex-cdk:removed-api-{name}",
            f"{name} is deployed, but its API is not in cortex.yaml. It goes on running until you delete it: "
            f"aws cloudformation delete-stack --stack-name {name}" + (f" --region {region}" if region else ""),
        )


def _deployed(cluster_name: str, region: str | None) -> Iterator[str]:
    """The names of the stacks that carry the cluster's tag."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    quick = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
    try:
        client = boto3.client("cloudformation", region_name=region, config=quick)
        for page in client.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                if _cluster_of(stack) == cluster_name:
                    yield stack["StackName"]
    except (BotoCoreError, ClientError):
        return


def _cluster_of(stack: Mapping[str, Any]) -> str | None:
    return next((tag["Value"] for tag in stack.get("Tags", []) if tag["Key"] == CLUSTER_TAG), None)
