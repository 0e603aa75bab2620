"""ECS service auto scaling with target tracking on CPU utilization, in its two forms: metrics of 20 s and of 60 s.

AWS documents what it does in words, not the algorithm. From its pages:

- https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html: alarms
  on both sides of the target; capacity is added in proportion to the metric and rounded up; nothing is removed when
  that would bring the metric back above the target, and only when it is well below ("usually more than 10 %");
  missing data changes nothing; cooldowns, 300 s by default for ECS. Within the scale-out cooldown only a larger
  scale-out counts, and what the last one added counts as part of it. The scale-in cooldown blocks scale-ins only, and
  a scale-out ends it.
- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/target-tracking-faster-auto-scaling.html: metrics of 20
  s.
- https://aws.amazon.com/blogs/aws/amazon-ecs-introduces-new-high-resolution-metrics-for-faster-service-auto-scaling/:
  a decision each 20 s; in AWS's own benchmark a scale-out begins 86 s after the load rose, and 363 s with 60 s
  metrics.

Seen by users and nowhere promised: the alarms need 3 of 3 datapoints above the target and 15 of 15 below it
(https://github.com/aws/containers-roadmap/issues/1208), and the lower threshold is 90 % of the target (30 % and 27 % in
AWS's own workshop on Fargate).

The rules, then: each period one datapoint. The last 3 above the target: count x metric / target, rounded up. The last
15 below 90 % of it: the same, when that is less. The newest datapoint is the one that sizes.

Assumed here: CPU utilization is busy slots / slots of the ready replicas, so a queue is not seen, and one step adds
at most 43 % at a target of 70 %. 20 s metrics take the same numbers of datapoints. ``metric_delay_s`` is what AWS's
benchmark leaves when the alarm takes up to three and a half periods (a period that the rise falls into may breach or
not): 86 - 3.5 x 20 and 363 - 3.5 x 60. A cooldown begins with the decision; AWS's begins when the scale-out has
succeeded, so this is in ECS's favour. A larger scale-out within a cooldown starts the cooldown again and is sized
from the count before the first. The target has no default at AWS (an Express service's is 60 %,
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExpressGatewayScalingTarget.html): 70 % is what Knative
aims at by default, so the two leave the same head-room.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortex_cdk.simulation.policies.base import Metrics, Outcome
from cortex_cdk.simulation.policies.settings import check

if TYPE_CHECKING:
    from cortex_cdk.simulation.policies.context import ReplicaBounds

_ROUNDING = 1e-9  # 7 x 0.7 / 0.7 must not become 8


@dataclass(frozen=True, kw_only=True)
class EcsSettings:
    """Settings of target tracking; the texts above say which are documented, seen or assumed.

    Attributes:
        target_utilization: 0..1.
        period_s: seconds that a datapoint covers.
        scale_out_datapoints: so many in a row above the target.
        scale_in_datapoints: so many in a row below ``scale_in_threshold``.
        scale_in_threshold: as a share of the target.
        scale_out_cooldown_s: seconds.
        scale_in_cooldown_s: seconds.
        metric_delay_s: from the end of a period until its datapoint has moved the alarm.
    """

    target_utilization: float = 0.7
    period_s: float = 20.0
    scale_out_datapoints: int = 3
    scale_in_datapoints: int = 15
    scale_in_threshold: float = 0.9
    scale_out_cooldown_s: float = 300.0
    scale_in_cooldown_s: float = 300.0
    metric_delay_s: float = 16.0

    def __post_init__(self) -> None:
        check(self, "target_utilization", above=0, at_most=1)
        check(self, "period_s", above=0)
        check(self, "scale_out_datapoints", at_least=1)
        check(self, "scale_in_datapoints", at_least=1)
        check(self, "scale_in_threshold", above=0, at_most=1)
        check(self, "scale_out_cooldown_s", at_least=0)
        check(self, "scale_in_cooldown_s", at_least=0)
        check(self, "metric_delay_s", at_least=0)


HIGH_RESOLUTION = EcsSettings()
STANDARD = EcsSettings(period_s=60.0, metric_delay_s=153.0)


class EcsTargetTracking:
    """Target tracking as a policy."""

    def __init__(self, settings: EcsSettings, bounds: ReplicaBounds, name: str = "ecs") -> None:
        self.settings = settings
        self.name = name
        self._bounds = bounds
        self.initial()

    @property
    def interval_s(self) -> float:
        """Seconds from one tick to the next."""
        return self.settings.period_s

    def initial(self) -> int:
        """Begin a run: forget the past."""
        most = max(self.settings.scale_out_datapoints, self.settings.scale_in_datapoints)
        self._datapoints: deque[float] = deque(maxlen=most)
        self._scaled_out: float | None = None
        self._before_scale_out = 0
        self._scaled_in: float | None = None
        return self._bounds.initial

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """One evaluation of the alarms, at the end of a period."""
        settings, count = self.settings, metrics.requested
        is_whole = now >= settings.period_s + settings.metric_delay_s
        datapoint = metrics.utilization(settings.period_s, settings.metric_delay_s) if is_whole else None
        if datapoint is None:
            self._datapoints.clear()
            return Outcome(self._bounds.nearest(count), None, "insufficient data")
        self._datapoints.append(datapoint)
        low = settings.target_utilization * settings.scale_in_threshold
        reason = f"utilization {datapoint:.1%} at a target of {settings.target_utilization:.0%}"
        if self._are_last(settings.scale_out_datapoints, above=settings.target_utilization):
            return self._scale_out(now, count, datapoint, reason)
        if self._are_last(settings.scale_in_datapoints, below=low):
            return self._scale_in(now, count, datapoint, reason)
        return Outcome(self._bounds.nearest(count), None, f"{reason}: no alarm")

    def _are_last(self, number: int, *, above: float = -math.inf, below: float = math.inf) -> bool:
        last = list(self._datapoints)[-number:]
        return len(last) == number and all(above < datapoint < below for datapoint in last)

    def _scale_out(self, now: float, count: int, datapoint: float, reason: str) -> Outcome:
        is_cooling = self._scaled_out is not None and now - self._scaled_out < self.settings.scale_out_cooldown_s
        base = self._before_scale_out if is_cooling else count
        desired = self._bounds.nearest(self._in_proportion(base, datapoint))
        if desired <= count:
            held = f"in the cooldown, from {base}: {count} stay" if is_cooling else f"{count} stay"
            return Outcome(self._bounds.nearest(count), None, f"{reason}, {held}")
        self._scaled_out, self._before_scale_out, self._scaled_in = now, base, None
        return Outcome(desired, None, f"{reason} for {self.settings.scale_out_datapoints} datapoints: out to {desired}")

    def _scale_in(self, now: float, count: int, datapoint: float, reason: str) -> Outcome:
        if self._scaled_in is not None and now - self._scaled_in < self.settings.scale_in_cooldown_s:
            return Outcome(self._bounds.nearest(count), None, f"{reason}, in the cooldown: {count} stay")
        desired = self._bounds.nearest(self._in_proportion(count, datapoint))
        if desired >= count:
            return Outcome(desired, None, f"{reason}: one fewer would be above the target")
        self._scaled_in = now
        return Outcome(desired, None, f"{reason} for {self.settings.scale_in_datapoints} datapoints: in to {desired}")

    def _in_proportion(self, count: int, datapoint: float) -> int:
        return math.ceil(count * datapoint / self.settings.target_utilization - _ROUNDING)
