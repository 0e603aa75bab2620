"""The instances that the APIs of a group need at each level of load: pure arithmetic.

An instance has its CPU, memory and GPUs less what ``placement`` leaves to the host, and as many network interfaces as
its type takes. Groups of several types are counted with the first one, which on-demand groups start unless it is not to
be had; ``needed_of_types`` has the counts of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cortex_cdk.constructs import placement
from cortex_cdk.constructs.placement import Share
from cortex_cdk.plan.network_interfaces import replica_limit
from cortex_cdk.plan.packing import Alike, Replicas, Room, instances, pack
from cortex_cdk.plan.rollouts import Update, stuck_from, update
from cortex_cdk.spec.cluster.instance_group import InstanceGroup
from cortex_cdk.spec.cluster.instance_types import InstanceCapacity
from cortex_cdk.spec.model import ApiSpec


class Level(StrEnum):
    """How many replicas all APIs have: their least, those for a load that is given, or their most."""

    MIN = "min"
    TYPICAL = "typical"
    MAX = "max"


@dataclass(frozen=True)
class Filled:
    """A group at a level.

    Attributes:
        needed: instances that all replicas fit onto.
        instances: those that run: ``needed`` within the group's bounds.
        replicas: those that have a place, by API. Where not all have one, the APIs with most replicas go short.
        packed: how those fill instances.
    """

    needed: int
    instances: int
    replicas: Mapping[str, int]
    packed: Sequence[Alike]


@dataclass(frozen=True)
class Places:
    """Where replicas of an API fit.

    Attributes:
        share: what a replica takes.
        per_instance: replicas on an instance of their own.
        limit: what limits that: ``CPU``, ``memory``, ``GPUs`` or ``network interfaces``.
        with_trunking: ``per_instance`` if the account setting ``awsvpcTrunking`` is or were on.
        in_group: replicas on all instances that the group may have, the other APIs at their least.
        updates: by level, what an update then does.
        stuck_from: the lowest count at which an update cannot proceed, the other APIs at their least; None: at none.
    """

    share: Share
    per_instance: int
    limit: str
    with_trunking: int
    in_group: int
    updates: Mapping[Level, Update]
    stuck_from: int | None


@dataclass(frozen=True)
class GroupPlan:
    """A group and the APIs on it.

    Attributes:
        group: as in ``cluster.yaml``.
        instance_type: that all is counted with.
        capacity: what an instance of it has.
        limit_known: whether it is known how many network interfaces it takes.
        replicas: by level and API.
        levels: the instances at each.
        needed_of_types: for each type of the group, the instances needed by level.
        places: by API.
    """

    group: InstanceGroup
    instance_type: str
    capacity: InstanceCapacity
    limit_known: bool
    replicas: Mapping[Level, Mapping[str, int]]
    levels: Mapping[Level, Filled]
    needed_of_types: Mapping[str, Mapping[Level, int]]
    places: Mapping[str, Places]


def room_of(instance_type: str, capacity: InstanceCapacity, *, trunking: bool) -> Room:
    """What an instance of this type has for replicas."""
    return Room(placement.placeable(capacity), replica_limit(instance_type, trunking=trunking))


def group_plan(
    group: InstanceGroup,
    apis: Sequence[ApiSpec],
    replicas: Mapping[Level, Mapping[str, int]],
    *,
    trunking: bool = False,
) -> GroupPlan:
    """How the APIs of a group fill it.

    Args:
        group: valid, see ``InstanceGroup.problems``.
        apis: those on it; each fits onto all of its types, see ``placement.misfits``.
        replicas: how many each API has, by level, of which ``min`` is one.
        trunking: whether the account setting ``awsvpcTrunking`` is on.
    """
    rooms = {name: room_of(name, capacity, trunking=trunking) for name, capacity in group.instances}
    instance_type, capacity = group.instances[0]
    room = rooms[instance_type]
    shares = {api.name: placement.split(api.compute).total for api in apis}
    levels = {level: _filled(group, shares, counts, room) for level, counts in replicas.items()}
    with_trunking = room_of(instance_type, capacity, trunking=True)
    return GroupPlan(
        group=group,
        instance_type=instance_type,
        capacity=capacity,
        limit_known=room.replicas is not None,
        replicas=replicas,
        levels=levels,
        needed_of_types={
            name: {level: instances(pack(_wanted(shares, counts), other)) for level, counts in replicas.items()}
            for name, other in rooms.items()
        },
        places={
            api.name: _places(api, shares[api.name], replicas, levels, room, with_trunking, group.max_instances)
            for api in apis
        },
    )


def _filled(group: InstanceGroup, shares: Mapping[str, Share], counts: Mapping[str, int], room: Room) -> Filled:
    needed = instances(pack(_wanted(shares, counts), room))
    if needed > group.max_instances:
        counts = _with_places(shares, counts, room, group.max_instances)
    packed = pack(_wanted(shares, counts), room)
    return Filled(needed, min(max(needed, group.min_instances), group.max_instances), counts, packed)


def _with_places(
    shares: Mapping[str, Share], counts: Mapping[str, int], room: Room, max_instances: int
) -> dict[str, int]:
    """The replicas for which there is a place when each API gets as many as the others, as far as it wants them."""

    def at_most(most: int) -> dict[str, int]:
        return {name: min(count, most) for name, count in counts.items()}

    most = _last(
        lambda most: instances(pack(_wanted(shares, at_most(most)), room)) <= max_instances, max(counts.values())
    )
    return at_most(most)


def _wanted(shares: Mapping[str, Share], counts: Mapping[str, int]) -> list[Replicas]:
    return [Replicas(name, share, counts[name]) for name, share in shares.items()]


def _places(
    api: ApiSpec,
    share: Share,
    replicas: Mapping[Level, Mapping[str, int]],
    levels: Mapping[Level, Filled],
    room: Room,
    with_trunking: Room,
    max_instances: int,
) -> Places:
    per_instance = room.holds(share)
    limit = next(
        (name for name, have, want in _pairs(room, share) if want and have // want == per_instance),
        "network interfaces",
    )

    def places(filled: Filled) -> int:
        """Those of its replicas, and those that are left beside the others."""
        on_new = (max_instances - instances(filled.packed)) * per_instance
        return filled.replicas[api.name] + on_new + sum(one.count * one.left.holds(share) for one in filled.packed)

    in_group = places(levels[Level.MIN])
    lowest, highest = api.autoscaling.min_replicas, api.autoscaling.max_replicas
    return Places(
        share=share,
        per_instance=per_instance,
        limit=limit,
        with_trunking=with_trunking.holds(share),
        in_group=in_group,
        updates={
            level: update(api.update_strategy, counts[api.name], places(levels[level]))
            for level, counts in replicas.items()
        },
        stuck_from=stuck_from(api.update_strategy, lowest, highest, in_group),
    )


def _pairs(room: Room, share: Share) -> list[tuple[str, int, int]]:
    """What limits replicas, what there is and what one needs; first what is dearest."""
    return [
        ("GPUs", room.share.gpus, share.gpus),
        ("CPU", room.share.cpu_units, share.cpu_units),
        ("memory", room.share.memory_mib, share.memory_mib),
    ]


def _last(holds: Callable[[int], bool], highest: int) -> int:
    """The highest number, of 0 to ``highest``, up to which ``holds`` does; 0 when it never does."""
    low = 0
    while low < highest:
        middle = (low + highest + 1) // 2
        low, highest = (middle, highest) if holds(middle) else (low, middle - 1)
    return low
