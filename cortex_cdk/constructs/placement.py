"""Whether a replica fits onto an instance, and how its resources are split between its containers. Pure arithmetic.

ECS places a task where the sums of its containers' CPU units, memory and GPUs are free; one that fits nowhere waits in
PROVISIONING for ever. So that is an error before deployment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from cortex_cdk.spec.cluster.instance_types import InstanceCapacity
from cortex_cdk.spec.model import ComputeSpec

UNITS_PER_VCPU = 1024
"""CPU units of ECS in a vCPU (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html)."""

HOST_CPU_UNITS = 819
"""Of each instance's CPU, for the host: 0.8 vCPU."""

HOST_MEMORY_MIB = 1200
"""Of each instance's memory, for the kernel, Docker and the agent of ECS."""

DEFAULT_MEMORY_MIB = 512
"""What a replica that asks for no memory reserves, since ECS takes no container without a reservation."""

DOWNLOADER_MEMORY_MIB = 64
"""ECS counts the container that fetches the model also after it has ended."""

_MIB = 1 << 20


@dataclass(frozen=True)
class Share:
    """What one container asks for: CPU in units of ECS, memory in MiB, whole GPUs."""

    cpu_units: int
    memory_mib: int
    gpus: int = 0


@dataclass(frozen=True)
class ResourceSplit:
    """A replica's containers: halves of CPU and memory for ``api`` and ``serve``; all GPUs for ``serve``."""

    api: Share
    serve: Share
    downloader: Share

    @property
    def total(self) -> Share:
        """What ECS looks for on one instance."""
        shares = (self.api, self.serve, self.downloader)
        return Share(
            sum(share.cpu_units for share in shares),
            sum(share.memory_mib for share in shares),
            sum(share.gpus for share in shares),
        )


def split(compute: ComputeSpec) -> ResourceSplit:
    """Split what a replica asks for between its containers.

    Parts of a unit or of a MiB are rounded up; ``serve`` gets an odd one.
    """
    cpu = ceil(compute.cpu.value * UNITS_PER_VCPU)
    memory = ceil(compute.mem.value / _MIB) if compute.mem is not None else DEFAULT_MEMORY_MIB
    return ResourceSplit(
        api=Share(cpu // 2, memory // 2),
        serve=Share(cpu - cpu // 2, memory - memory // 2, compute.gpu),
        downloader=Share(0, DOWNLOADER_MEMORY_MIB),
    )


def placeable(capacity: InstanceCapacity) -> Share:
    """What of an instance replicas can have; nothing is below 0."""
    return Share(
        max(0, capacity.vcpus * UNITS_PER_VCPU - HOST_CPU_UNITS),
        max(0, capacity.memory_mib - HOST_MEMORY_MIB),
        capacity.gpus,
    )


def replicas_per_instance(needed: Share, capacity: InstanceCapacity) -> int:
    """How many replicas fit onto an empty instance, by CPU, memory and GPUs."""
    free = placeable(capacity)
    pairs = (
        (free.cpu_units, needed.cpu_units),
        (free.memory_mib, needed.memory_mib),
        (free.gpus, needed.gpus),
    )
    return min(have // want for have, want in pairs if want)


def misfits(compute: ComputeSpec, instances: Iterable[tuple[str, InstanceCapacity]], group: str) -> list[str]:
    """Why a replica cannot be placed on some type of a group, with the arithmetic; empty when it fits onto each.

    Each, since the group may start an instance of any of its types: a replica that waits for one of them would make
    ECS start others for ever.

    Args:
        compute: what the replica asks for.
        instances: the group's instance types.
        group: its name.
    """
    needed = split(compute).total
    found = []
    for name, capacity in instances:
        free = placeable(capacity)
        lacking = [
            text
            for have, want, text in (
                (free.cpu_units, needed.cpu_units, _cpu(needed, capacity, free)),
                (free.memory_mib, needed.memory_mib, _memory(needed, capacity, free)),
                (free.gpus, needed.gpus, f"GPUs: needs {needed.gpus}, has {free.gpus}"),
            )
            if want > have
        ]
        if lacking:
            reasons = "; ".join(lacking)
            hint = "lower `compute`, or give the group larger `instance_types`"
            found.append(f"a replica does not fit onto {name} of instance group `{group}`: {reasons}; {hint}")
    return found


def _cpu(needed: Share, capacity: InstanceCapacity, free: Share) -> str:
    return (
        f"CPU: needs {_vcpu(needed.cpu_units)} vCPU, has {capacity.vcpus} - {_vcpu(HOST_CPU_UNITS)} for the host "
        f"= {_vcpu(free.cpu_units)}"
    )


def _memory(needed: Share, capacity: InstanceCapacity, free: Share) -> str:
    replica = needed.memory_mib - DOWNLOADER_MEMORY_MIB
    return (
        f"memory: needs {replica:,} + {DOWNLOADER_MEMORY_MIB} for the download = {needed.memory_mib:,} MiB, "
        f"has {capacity.memory_mib:,} - {HOST_MEMORY_MIB:,} for the host = {free.memory_mib:,} MiB"
    )


def _vcpu(units: int) -> str:
    return f"{units / UNITS_PER_VCPU:.3f}".rstrip("0").rstrip(".")
