"""An update's surge and outage as the percents that ECS takes.

ECS bounds a rolling deployment by two whole percents of the desired count: at most ``maximumPercent`` of it, rounded
down, may run or start, and at least ``minimumHealthyPercent`` of it, rounded up, must be healthy. (Source:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html.) The percents that mean
``max_surge`` extra and ``max_unavailable`` missing tasks therefore depend on the count, and are set together with it.

Up to 100 tasks there is always a pair of percents that means just that. Above, one percent is more than one task, and
some numbers cannot be said. Then the pair means the nearest smaller surge and the nearest smaller outage. Where both
would be none, nothing could be replaced: then it means one percent of surge, or of outage where no surge is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .count_or_percent import CountOrPercent

MAX_PERCENT = 2**31 - 1
"""The highest percent that fits into the field; only surges far above the desired count come near."""


class UpdateStrategy(Protocol):
    """The keys of ``update_strategy`` in ``cortex.yaml``."""

    @property
    def max_surge(self) -> CountOrPercent: ...

    @property
    def max_unavailable(self) -> CountOrPercent: ...


class Rollout(NamedTuple):
    """``maximumPercent`` and ``minimumHealthyPercent`` of an ECS service."""

    maximum_percent: int
    minimum_healthy_percent: int

    def surge(self, desired: int) -> int:
        """How many tasks above ``desired`` ECS makes of it."""
        return desired * self.maximum_percent // 100 - desired

    def unavailable(self, desired: int) -> int:
        """How many tasks below ``desired`` ECS makes of it."""
        return desired - -(-desired * self.minimum_healthy_percent // 100)


@dataclass(frozen=True)
class Allowed:
    """Tasks that an update may add and miss; at least one of the two is above 0 when any task is wanted."""

    surge: int
    unavailable: int


def allowed(policy: UpdateStrategy, desired: int) -> Allowed:
    """What ``policy`` allows at a desired count: the surge rounded up, the outage rounded down.

    When both are none nothing could ever be replaced, and one task may be missing, as in Kubernetes. That happens only
    without surge, and with a percentage of fewer tasks than make one.
    """
    surge = policy.max_surge.rounded_up(desired)
    unavailable = min(policy.max_unavailable.rounded_down(desired), desired)
    return Allowed(surge, 1 if surge == 0 and unavailable == 0 and desired > 0 else unavailable)


def rollout(policy: UpdateStrategy, desired: int) -> Rollout:
    """The percents for ``desired`` tasks.

    Raises:
        ValueError: when ``desired`` is negative.
    """
    if desired < 0:
        raise ValueError(f"desired is {desired}, must be at least 0")
    if desired == 0:
        return Rollout(200, 100)  # nothing to replace; what ECS takes by default
    may = allowed(policy, desired)
    pair = Rollout(_maximum_percent(desired, may.surge), _minimum_healthy_percent(desired, may.unavailable))
    if pair.surge(desired) == 0 and pair.unavailable(desired) == 0:
        return Rollout(101, 100) if may.surge else Rollout(100, 99)
    return pair


def _maximum_percent(desired: int, surge: int) -> int:
    """The lowest percent that means ``surge`` tasks above ``desired``, or the most below that which can be said."""
    highest = (100 * (desired + surge + 1) - 1) // desired
    can_be_said = desired * highest // 100
    return min(-(-100 * can_be_said // desired), MAX_PERCENT)


def _minimum_healthy_percent(desired: int, unavailable: int) -> int:
    """The highest percent that means ``unavailable`` tasks below ``desired``, or the most below that."""
    kept = desired - unavailable
    lowest = 100 * (kept - 1) // desired + 1 if kept else 0
    can_be_said = -(-desired * lowest // 100)
    return 100 * can_be_said // desired
