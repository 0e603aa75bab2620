"""How replicas fill instances, as ECS places them: pure arithmetic.

Services here are spread over zones, then packed by memory: of the instances with room, a replica goes to the one with
the least memory left (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html).
Managed scaling starts instances only for replicas that fit nowhere; spreading starts none. So zones do not matter to
how many instances there are, and what remains is best-fit bin packing with room for CPU, memory, GPUs and network
interfaces. The larger replicas are placed first here. In another order a few more instances may be needed, since
replicas that run are not moved to make room.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cortex_cdk.constructs.placement import Share


@dataclass(frozen=True)
class Room:
    """What an instance has for replicas: ``share``, and ``replicas`` at most, or None for as many as fit."""

    share: Share
    replicas: int | None = None

    def holds(self, needed: Share) -> int:
        """How many replicas that need so much fit in."""
        have_and_want = (
            (self.share.cpu_units, needed.cpu_units),
            (self.share.memory_mib, needed.memory_mib),
            (self.share.gpus, needed.gpus),
        )
        fits = [have // want for have, want in have_and_want if want]
        if self.replicas is not None:
            fits.append(self.replicas)
        return min(fits)

    @property
    def least_memory_first(self) -> tuple[int, int, int, int]:
        """What to sort by; where memory is the same, something has to decide."""
        return self.share.memory_mib, self.share.cpu_units, self.share.gpus, self.replicas or 0

    def without(self, needed: Share, count: int) -> Room:
        """What is left beside ``count`` replicas that need so much each."""
        return Room(
            Share(
                self.share.cpu_units - count * needed.cpu_units,
                self.share.memory_mib - count * needed.memory_mib,
                self.share.gpus - count * needed.gpus,
            ),
            None if self.replicas is None else self.replicas - count,
        )


@dataclass(frozen=True)
class Replicas:
    """``count`` replicas of an API, each of which needs ``share``."""

    api: str
    share: Share
    count: int


@dataclass(frozen=True)
class Alike:
    """``count`` instances with the same ``replicas`` on each, by API, and the room that is ``left`` on each."""

    count: int
    left: Room
    replicas: Mapping[str, int] = field(default_factory=dict)

    def filled(self, wanted: Replicas, instances: int, on_each: int) -> Alike:
        """So many of them, with ``on_each`` replicas more."""
        return Alike(instances, self.left.without(wanted.share, on_each), {**self.replicas, wanted.api: on_each})


def pack(wanted: Iterable[Replicas], empty: Room) -> list[Alike]:
    """The instances that these replicas need, as groups of instances that are alike.

    With replicas of one size there are as few as can be.

    Args:
        wanted: of each API once.
        empty: what each instance has.

    Raises:
        ValueError: when a replica does not fit onto an empty instance.
    """
    groups: list[Alike] = []
    for replicas in sorted(wanted, key=lambda one: _size(one.share, empty), reverse=True):
        if replicas.count:
            groups = _placed(replicas, groups, empty)
    return groups


def instances(packed: Iterable[Alike]) -> int:
    """How many instances these are."""
    return sum(group.count for group in packed)


def _size(share: Share, empty: Room) -> tuple[float, int]:
    """The largest part of an instance that a replica takes, and its memory."""
    have_and_want = (
        (empty.share.cpu_units, share.cpu_units),
        (empty.share.memory_mib, share.memory_mib),
        (empty.share.gpus, share.gpus),
    )
    return max(want / have if have else math.inf for have, want in have_and_want if want), share.memory_mib


def _placed(replicas: Replicas, groups: list[Alike], empty: Room) -> list[Alike]:
    """``groups`` with these replicas on them, and on new instances where there is no more room."""
    left = replicas.count
    with_room: list[tuple[int, Alike]] = []
    found: list[Alike] = []
    for group in groups:
        on_each = group.left.holds(replicas.share)
        if on_each:
            with_room.append((on_each, group))
        else:
            found.append(group)
    for on_each, group in sorted(with_room, key=lambda one: one[1].left.least_memory_first):
        full = min(group.count, left // on_each)
        left -= full * on_each
        # After the full ones, one instance gets the rest, and nothing is left for others.
        rest = left if full < group.count else 0
        left -= rest
        untouched = group.count - full - bool(rest)
        found += [group.filled(replicas, full, on_each)] if full else []
        found += [group.filled(replicas, 1, rest)] if rest else []
        found += [Alike(untouched, group.left, group.replicas)] if untouched else []
    if left:
        on_each = empty.holds(replicas.share)
        if not on_each:
            raise ValueError(f"a replica of {replicas.api} does not fit onto an empty instance")
        new = Alike(0, empty)
        full, rest = divmod(left, on_each)
        found += [new.filled(replicas, full, on_each)] if full else []
        found += [new.filled(replicas, 1, rest)] if rest else []
    return found
