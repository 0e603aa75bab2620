"""Kubernetes' Horizontal Pod Autoscaler on a custom metric per pod: its requests in flight.

Sources, Kubernetes 1.36, all at https://github.com/kubernetes/kubernetes/blob/master/ unless they say otherwise:

- the wanted count: ``pkg/controller/podautoscaler/replica_calculator.go`` (``calcPlainMetricReplicas``,
  ``groupPods``)
- stabilization and rates: ``pkg/controller/podautoscaler/horizontal.go`` (``stabilizeRecommendationWithBehaviors``,
  ``convertDesiredReplicasWithBehaviorRate``)
- defaults: ``pkg/controller/podautoscaler/config/v1alpha1/defaults.go``, ``pkg/apis/autoscaling/v2/defaults.go``
- in words: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/

The rules:

- Every 15 s. Ratio: mean requests in flight per ready pod / target, both in whole thousandths, rounded down.
- A ratio within 10 % of 1, bounds included, keeps the present count. Else wanted: ratio x ready pods, rounded up.
- With pods that are not ready yet and a ratio above 1, they count as idle: the ratio is taken again over all pods.
  When that is within the tolerance, below 1, or wants fewer than now, the present count stays.
- Of the recommendations of the last 300 s (the first of them the count at the start) the count does not go below the
  highest; upwards there is no such window.
- Within any 15 s the count grows at most to the larger of 4 more and twice as many; it may shrink at will. Last:
  minimum and maximum.
- No ready pod or no metric: the present count stays.

The target is the API's ``target_replica_concurrency``. Assumed, since it depends on what collects the metric: a mean
over ``metric_window_s`` seconds whose newest is ``metric_delay_s`` old, as metrics-server's 15 s make it for CPU
(https://github.com/kubernetes-sigs/metrics-server); Prometheus reads once a minute unless told otherwise. What is
simpler than the original: a starting pod is pending until it is ready, and requests on pods that are being deleted
still count.
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

_ROUNDING = 1e-6  # 2.3 x 1000 is 2300 thousandths


@dataclass(frozen=True, kw_only=True)
class HpaSettings:
    """Settings of the HPA, with the defaults of the sources above.

    Attributes:
        target: requests in flight per pod that are aimed at.
        sync_period_s: seconds between decisions.
        tolerance: share by which the ratio may differ from 1 without effect.
        downscale_stabilization_s: seconds of recommendations below whose highest the count does not go.
        scale_up_pods: so many more are always allowed within a period.
        scale_up_percent: and so many percent more, when that is more.
        scale_up_period_s: that period, in seconds.
        metric_window_s: seconds that the metric is averaged over (assumed).
        metric_delay_s: age of its newest second (assumed: half of 15 s, since it is read anywhere between two updates).
    """

    target: float = 1.0
    sync_period_s: float = 15.0
    tolerance: float = 0.1
    downscale_stabilization_s: float = 300.0
    scale_up_pods: int = 4
    scale_up_percent: int = 100
    scale_up_period_s: float = 15.0
    metric_window_s: float = 15.0
    metric_delay_s: float = 8.0

    def __post_init__(self) -> None:
        check(self, "target", at_least=0.001)
        check(self, "sync_period_s", above=0)
        check(self, "tolerance", at_least=0)
        check(self, "downscale_stabilization_s", at_least=0, at_most=3600)
        check(self, "scale_up_pods", at_least=1)
        check(self, "scale_up_percent", at_least=1)
        check(self, "scale_up_period_s", above=0, at_most=1800)
        check(self, "metric_window_s", above=0)
        check(self, "metric_delay_s", at_least=0)


class KubernetesHpa:
    """The HPA as a policy."""

    def __init__(self, settings: HpaSettings, bounds: ReplicaBounds, name: str = "hpa") -> None:
        self.settings = settings
        self.name = name
        self._bounds = bounds
        self.initial()

    @property
    def interval_s(self) -> float:
        """Seconds from one tick to the next."""
        return self.settings.sync_period_s

    def initial(self) -> int:
        """Begin a run: forget the past."""
        self._recommended: deque[tuple[float, int]] = deque()  # time, pods; highest first
        self._changes: deque[tuple[float, int]] = deque()  # time, pods added or removed
        self._has_begun = False
        return self._bounds.initial

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """One sync."""
        current = metrics.requested
        if not self._has_begun:
            self._recommend(now, current)
            self._has_begun = True
        if self._bounds.nearest(current) != current:
            return self._set(now, current, self._bounds.nearest(current), "the count was out of bounds")
        in_flight = metrics.in_flight(self.settings.metric_window_s, self.settings.metric_delay_s)
        if in_flight is None or metrics.ready == 0:
            return Outcome(current, None, "no metric of any ready pod")
        wanted, reason = self._wanted(in_flight, metrics.ready, current)
        highest = self._recommend(now, wanted)
        stabilized = min(max(current, wanted), highest)
        if stabilized > wanted:
            window = self.settings.downscale_stabilization_s
            reason += f", {stabilized} stay: {highest} were recommended within {window:g} s"
        desired = stabilized
        if stabilized > current:
            desired = min(stabilized, self._most(now, current))
            if desired < stabilized:
                reason += f", {desired} are allowed in {self.settings.scale_up_period_s:g} s"
        return self._set(now, current, self._bounds.nearest(desired), reason)

    def _wanted(self, in_flight: float, ready: int, current: int) -> tuple[int, str]:
        milli = math.floor(in_flight * 1000 + _ROUNDING)
        target = round(self.settings.target * 1000)
        ratio = milli // ready / target
        reason = f"{milli // ready / 1000:g} in flight per ready pod at a target of {self.settings.target:g}"
        pods = ready
        if current > ready and ratio > 1:
            pods = current
            ratio = milli // pods / target
            reason += f", {milli // pods / 1000:g} with {pods - ready} pods that are starting"
            if ratio < 1:
                return current, f"{reason}: {current} stay"
        if 1 - self.settings.tolerance <= ratio <= 1 + self.settings.tolerance:
            return current, f"{reason}: within the tolerance"
        wanted = math.ceil(ratio * pods)
        return wanted, f"{reason}: {wanted} wanted"

    def _recommend(self, now: float, pods: int) -> int:
        """Note a recommendation; the highest one within the stabilization window."""
        while self._recommended and self._recommended[0][0] <= now - self.settings.downscale_stabilization_s:
            self._recommended.popleft()
        while self._recommended and self._recommended[-1][1] <= pods:
            self._recommended.pop()
        self._recommended.append((now, pods))
        return self._recommended[0][1]

    def _most(self, now: float, current: int) -> int:
        while self._changes and self._changes[0][0] <= now - self.settings.scale_up_period_s:
            self._changes.popleft()
        at_period_start = current - sum(change for _, change in self._changes)
        more = math.ceil(at_period_start * (1 + self.settings.scale_up_percent / 100))
        return max(at_period_start + self.settings.scale_up_pods, more)

    def _set(self, now: float, current: int, desired: int, reason: str) -> Outcome:
        if desired != current:
            self._changes.append((now, desired - current))
        return Outcome(desired, None, reason)
