"""The autoscaling rules once more, slow and plain: every record is kept in a list, nothing is explained."""

from __future__ import annotations

import math

from cortex_cdk.autoscaling import Policy


class Reference:
    """One API, told the ticks in the order of their times."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.records: list[tuple[float, int]] = []

    def tick(self, policy: Policy, count: int, average: float | None, now: float) -> tuple[int, int | None]:
        """The count to request and the recommendation, which is None when nothing is recorded."""
        if self.began is None:
            self.began = now
        current = sorted([policy.min_replicas, count, policy.max_replicas])[1]
        if average is None:
            return current, None

        raw = average / policy.target_replica_concurrency
        recommendation = math.ceil(raw) if raw < 1e15 else 10**15
        slightly_below = current * (1 - policy.downscale_tolerance) < raw < current
        slightly_above = current < raw < current * (1 + policy.upscale_tolerance)
        if slightly_below or slightly_above:
            recommendation = current

        smallest = min(current - 1, math.ceil(current * policy.max_downscale_factor))
        largest = current * policy.max_upscale_factor
        largest = max(current + 1, math.ceil(largest) if largest < 1e15 else 10**15)
        recommendation = sorted([smallest, recommendation, largest])[1]
        recommendation = sorted([policy.min_replicas, recommendation, policy.max_replicas])[1]
        self.records.append((now, recommendation))

        if recommendation < current:
            return self._down(policy.downscale_stabilization_period_s, current, recommendation, now), recommendation
        if recommendation > current:
            return self._up(policy.upscale_stabilization_period_s, current, recommendation, now), recommendation
        return current, recommendation

    def _down(self, period: float, current: int, recommendation: int, now: float) -> int:
        assert self.began is not None
        if now - self.began < period:
            return current
        return min(current, max([recommendation, *self._younger(now, period)]))

    def _up(self, period: float, current: int, recommendation: int, now: float) -> int:
        assert self.began is not None
        if now - self.began < period:
            return current
        return max(current, min([recommendation, *self._younger(now, period)]))

    def _younger(self, now: float, period: float) -> list[int]:
        return [count for time, count in self.records if now - time < period]
