"""Which deployment a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli.project_file import nearest

if TYPE_CHECKING:
    from cortex_cdk.operations.cluster import Cluster

ClusterName = Annotated[
    str | None,
    typer.Option("--cluster", metavar="NAME", help="The cluster; that of cluster.yaml by default."),
]
Region = Annotated[
    str | None,
    typer.Option("--region", metavar="REGION", help="AWS region; that of cluster.yaml or the environment by default."),
]
Profile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="AWS profile; as the environment says by default.")
]


def connect(cluster: str | None, region: str | None, profile: str | None) -> Cluster:
    """The deployed cluster.

    What is not given is as in the ``cluster.yaml`` beside the nearest ``cortex.yaml``, then as in the environment.

    Raises:
        OperationError: when there are no credentials, or no such cluster.
        SpecError: when something is wrong with ``cluster.yaml``, and it is needed.
    """
    from cortex_cdk.operations.aws import Aws
    from cortex_cdk.operations.cluster import Cluster, find

    if cluster is None:
        from cortex_cdk.spec.cluster import FILE, load

        project = nearest(Path.cwd())
        spec = load((project.parent if project else Path()) / FILE)
        cluster, region = spec.cluster_name, region or spec.region
    aws = Aws(region=region, profile=profile)
    return Cluster(aws, find(aws, cluster))
