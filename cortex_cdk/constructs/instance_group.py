"""On which of a cluster's instance groups an API runs."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_cdk.constructs import placement
from cortex_cdk.spec.cluster.instance_group import InstanceGroup
from cortex_cdk.spec.model import ComputeSpec


def choose(
    compute: ComputeSpec, groups: Sequence[InstanceGroup], wanted: str | None
) -> tuple[InstanceGroup, list[str]]:
    """The group for a replica: the one that is wanted, else the first onto which it fits.

    Replicas without GPUs take instances with GPUs only where nothing else fits, since those cost more.

    Args:
        compute: what the replica asks for.
        groups: those of the cluster, at least one.
        wanted: the name of one.

    Returns:
        The group, and why it will not do; no reasons when it will.
    """
    if wanted is not None:
        named = next((group for group in groups if group.name == wanted), None)
        if named is None:
            names = ", ".join(f"`{group.name}`" for group in groups)
            return groups[0], [f"there is no instance group `{wanted}` in the cluster, only {names}"]
        return named, placement.misfits(compute, named.instances, named.name)
    reasons: list[str] = []
    for group in sorted(groups, key=lambda group: group.gpu != bool(compute.gpu)):
        misfits = placement.misfits(compute, group.instances, group.name)
        if not misfits:
            return group, []
        reasons += misfits
    return groups[0], reasons
