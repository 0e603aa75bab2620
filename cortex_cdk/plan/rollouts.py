"""Whether an update of an API can proceed on the instances that its group may have: pure arithmetic.

ECS replaces replicas under three limits: at most ``desired + surge`` of them run or start, at least ``desired -
unavailable`` are healthy (``cortex_cdk.autoscaling.rollout`` says what the two are), and each needs a place on an
instance. A group that has all the instances it may have gives no place to a surge. If the update may not take a replica
away first either, it waits: for a lower load, or until it fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from cortex_cdk.autoscaling import UpdateStrategy, rollout


@dataclass(frozen=True)
class Update:
    """A rolling update at a desired count.

    Attributes:
        desired: replicas.
        surge: replicas that it may add.
        unavailable: replicas that it may miss.
        added: of ``surge``, those for which there is a place.
        removed: replicas that it may take away before others have started.
    """

    desired: int
    surge: int
    unavailable: int
    added: int
    removed: int

    @property
    def can_proceed(self) -> bool:
        """Whether any replica can be replaced; nothing needs to be when there is none."""
        return self.desired == 0 or self.at_once > 0

    @property
    def at_once(self) -> int:
        """Replicas that are replaced at a time."""
        return self.added + self.removed


def update(strategy: UpdateStrategy, desired: int, places: int) -> Update:
    """An update of ``desired`` replicas when there is a place for ``places`` of them, those that run included."""
    percents = rollout(strategy, desired)
    surge, unavailable = percents.surge(desired), percents.unavailable(desired)
    running = min(places, desired)
    return Update(
        desired=desired,
        surge=surge,
        unavailable=unavailable,
        added=min(surge, max(0, places - desired)),
        removed=max(0, running - (desired - unavailable)),
    )


def stuck_from(strategy: UpdateStrategy, lowest: int, highest: int, places: int) -> int | None:
    """The lowest count, of ``lowest`` to ``highest``, at which an update cannot proceed; None when it always can.

    Counts for which there is no place are left out: they are not reached.
    """
    counts = range(max(1, lowest), min(highest, places) + 1)
    return next((count for count in counts if not update(strategy, count, places).can_proceed), None)
