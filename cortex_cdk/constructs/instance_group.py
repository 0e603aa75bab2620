"""A group of like instances on which replicas run, as a user asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cortex_cdk.constructs import placement
from cortex_cdk.constructs.instance_types import InstanceCapacity, UnknownInstanceTypeError, capacity_of
from cortex_cdk.spec.model import ComputeSpec


@dataclass(frozen=True, kw_only=True)
class InstanceGroup:
    """Instances that come and go with the replicas.

    Attributes:
        instance_types: names such as ``m5.large``, the preferred first; all with GPUs or all without.
        name: unique in the cluster.
        min_instances: how many are kept even when no replica runs.
        max_instances: how many there are at most.
        spot: spot instances, apart from ``on_demand_base``.
        on_demand_base: with ``spot``: how many of the instances are on-demand ones.
        volume_gib: the encrypted disk of each instance, which holds images, models and logs.
        capacities: what types have that are not known here.
    """

    instance_types: Sequence[str]
    name: str = "default"
    min_instances: int = 0
    max_instances: int = 10
    spot: bool = False
    on_demand_base: int = 0
    volume_gib: int = 100
    capacities: Mapping[str, InstanceCapacity] = field(default_factory=dict)

    @property
    def instances(self) -> list[tuple[str, InstanceCapacity]]:
        """Each instance type and what it has; unknown types are left out, ``problems`` has them."""
        return [(name, found) for name in self.instance_types if (found := self._capacity(name)) is not None]

    @property
    def gpu(self) -> bool:
        """Whether the instances have GPUs."""
        return any(capacity.gpus for _, capacity in self.instances)

    def problems(self) -> list[str]:
        """What is wrong with the group itself, in words."""
        found = []

        def check(holds: bool, message: str) -> None:
            if not holds:
                found.append(f"instance group `{self.name}`: {message}")

        check(bool(self.instance_types), "instance_types is empty, name at least one, such as `m5.large`")
        for name in self.instance_types:
            try:
                _ = self.capacities.get(name) or capacity_of(name)
            except UnknownInstanceTypeError as error:
                check(False, str(error))
        with_gpu = {bool(capacity.gpus) for _, capacity in self.instances}
        check(len(with_gpu) < 2, "some of its instance types have GPUs and some have none; make two groups of them")
        check(self.min_instances >= 0, f"min_instances is {self.min_instances}, must be at least 0")
        check(
            self.max_instances >= max(1, self.min_instances),
            f"max_instances is {self.max_instances}, must be at least 1 and at least min_instances "
            f"({self.min_instances})",
        )
        check(self.on_demand_base >= 0, f"on_demand_base is {self.on_demand_base}, must be at least 0")
        check(self.spot or self.on_demand_base == 0, "on_demand_base is for groups with spot instances")
        check(self.volume_gib >= 30, f"volume_gib is {self.volume_gib}, must be at least 30, the size of the image")
        return found

    def _capacity(self, instance_type: str) -> InstanceCapacity | None:
        try:
            return self.capacities.get(instance_type) or capacity_of(instance_type)
        except UnknownInstanceTypeError:
            return None


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
