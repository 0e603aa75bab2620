"""A group of like instances on which replicas run, as a user asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

from cortex_cdk.spec.cluster.instance_types import InstanceCapacity, UnknownInstanceTypeError, capacity_of


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
        """What is wrong with the group itself, in words; the rules are those of ``cluster.yaml``."""
        from cortex_cdk.spec.cluster.document import InstanceGroup as Keys
        from cortex_cdk.spec.cluster.rules import instance_group
        from cortex_cdk.spec.section_check import problems_of

        given = {key.name: getattr(self, key.name) for key in fields(self)}
        given["capacities"] = {name: asdict(found) for name, found in self.capacities.items()}
        if not isinstance(self.instance_types, str):
            given["instance_types"] = list(self.instance_types)
        return [f"instance group `{self.name}`: {problem}" for problem in problems_of(Keys, given, instance_group)]

    def _capacity(self, instance_type: str) -> InstanceCapacity | None:
        try:
            return self.capacities.get(instance_type) or capacity_of(instance_type)
        except UnknownInstanceTypeError:
            return None
