"""Knative's autoscaler (KPA), the rules of Knative Serving 1.23.

Sources, all at https://github.com/knative/serving/blob/knative-v1.23.0/:

- the decision: ``pkg/autoscaler/scaling/autoscaler.go`` (``Scale``), ticks: ``pkg/autoscaler/scaling/multiscaler.go``
- windows: ``pkg/autoscaler/aggregation/bucketing.go``, ``pkg/autoscaler/aggregation/max/``, choice of the average:
  ``pkg/autoscaler/metrics/collector.go``
- the target: ``pkg/reconciler/autoscaling/resources/target.go``, bounds: ``pkg/reconciler/autoscaling/kpa/scaler.go``
- defaults: ``config/core/configmaps/autoscaler.yaml``

The rules:

- Every 2 s, two averages of the requests in flight in all pods: over the stable window (60 s) and over the panic
  window (10 % of it). Plain averages over buckets of 1 s, over what there is when the window is not full yet, rounded
  to 6 digits. (An exponentially weighted average exists; it must be asked for.)
- The target per pod is 70 % of the container concurrency. Wanted: average / target, rounded up, for each window.
- One step goes at most to ``max_scale_up_rate`` times the *ready* pods, rounded up, and at least to the ready pods
  divided by ``max_scale_down_rate``, rounded down. No ready pod counts as one.
- Panic begins when the panic window wants at least twice the ready pods, and lasts until that has not been so for
  more than the stable window. In panic the larger of both wishes counts, and the count never goes down: the highest
  one of the panic stays. An autoscaler that starts with more than one ready pod starts in panic.
- Outside panic the stable window's wish counts. ``scale_down_delay_s`` holds the highest wish of so many seconds.
- ``activation_scale`` above 1 is the least count while there is any load. Last: minimum and maximum.

Here the container concurrency is a replica's slots. What is simpler than the original: averages are exact and
``metric_delay_s`` old, where the original samples pods once a second; no activator takes requests in while no pod is
ready or all are full (there is only the replicas' own queue); no scale to zero.
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


@dataclass(frozen=True, kw_only=True)
class KnativeSettings:
    """Settings of the KPA, with the defaults of ``config-autoscaler`` unless another source is named.

    Attributes:
        container_concurrency: requests that a pod runs at once (the revision's ``containerConcurrency``).
        target_utilization: share of it that is aimed at (``container-concurrency-target-percentage``: 70).
        tick_s: seconds between decisions (``tickInterval`` in multiscaler.go).
        stable_window_s: seconds (``stable-window``).
        panic_window_share: the panic window's share of the stable one (``panic-window-percentage``: 10).
        panic_threshold: wanted pods / ready pods at which panic begins (``panic-threshold-percentage``: 200).
        max_scale_up_rate: highest multiple of the ready pods that one step reaches (``max-scale-up-rate``).
        max_scale_down_rate: highest divisor of the ready pods in one step (``max-scale-down-rate``).
        scale_down_delay_s: seconds for which a lower count must have been wanted (``scale-down-delay``).
        activation_scale: least count while there is load; 1 means none (``autoscaling.knative.dev/activation-scale``).
        metric_delay_s: age of the newest second that is averaged. Assumed: pods sum up each second and are read each
            second.
    """

    container_concurrency: float = 1.0
    target_utilization: float = 0.7
    tick_s: float = 2.0
    stable_window_s: float = 60.0
    panic_window_share: float = 0.1
    panic_threshold: float = 2.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    scale_down_delay_s: float = 0.0
    activation_scale: int = 1
    metric_delay_s: float = 1.0

    def __post_init__(self) -> None:
        check(self, "container_concurrency", above=0)
        check(self, "target_utilization", above=0, at_most=1)
        check(self, "tick_s", above=0)
        check(self, "stable_window_s", at_least=6)
        check(self, "panic_window_share", at_least=0.01, at_most=1)
        check(self, "panic_threshold", above=1)
        check(self, "max_scale_up_rate", above=1)
        check(self, "max_scale_down_rate", above=1)
        check(self, "scale_down_delay_s", at_least=0)
        check(self, "activation_scale", at_least=1)
        check(self, "metric_delay_s", at_least=0)

    @property
    def target(self) -> float:
        """Requests in flight per pod that are aimed at, never below 0.01."""
        return max(0.01, self.container_concurrency * self.target_utilization)

    @property
    def panic_window_s(self) -> float:
        """The panic window in whole seconds, at least 1."""
        return max(1.0, float(math.floor(self.stable_window_s * self.panic_window_share + 0.5)))


class Knative:
    """The KPA as a policy."""

    def __init__(self, settings: KnativeSettings, bounds: ReplicaBounds, name: str = "knative") -> None:
        self.settings = settings
        self.name = name
        self._bounds = bounds
        self.initial()

    @property
    def interval_s(self) -> float:
        """Seconds from one tick to the next."""
        return self.settings.tick_s

    def initial(self) -> int:
        """Begin a run: forget the past. With more than one pod that is in panic."""
        ready = self._bounds.initial
        self._panic_since: float | None = 0.0 if ready > 1 else None
        self._panic_pods = ready if ready > 1 else 0
        self._wishes: deque[tuple[int, int]] = deque()  # index of the tick, pods
        return ready

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """One tick."""
        settings = self.settings
        stable = metrics.in_flight(settings.stable_window_s, settings.metric_delay_s)
        panic = metrics.in_flight(settings.panic_window_s, settings.metric_delay_s)
        if stable is None or panic is None:
            return Outcome(self._bounds.nearest(metrics.requested), None, "no metrics yet")
        ready = max(1, metrics.ready)
        stable_pods = math.ceil(round(stable, 6) / settings.target)
        panic_pods = math.ceil(round(panic, 6) / settings.target)
        self._enter_or_leave_panic(now, panic_pods / ready >= settings.panic_threshold)
        pods = self._limited(stable_pods, ready)
        mode = "stable"
        if self._panic_since is not None:
            mode = "panic"
            self._panic_pods = pods = max(self._panic_pods, pods, self._limited(panic_pods, ready))
        pods = self._delayed(now, pods)
        reason = (
            f"{mode}: {stable:.4g} in flight over {settings.stable_window_s:g} s and {panic:.4g} over "
            f"{settings.panic_window_s:g} s at a target of {settings.target:g}, {metrics.ready} ready"
        )
        return Outcome(self._bounds.nearest(pods), None, reason)

    def _limited(self, pods: int, ready: int) -> int:
        """Within what one step may change. The ready pods are the base, and pods that are starting count nothing."""
        highest = math.ceil(self.settings.max_scale_up_rate * ready)
        lowest = math.floor(ready / self.settings.max_scale_down_rate)
        limited = min(max(pods, lowest), highest)
        if self.settings.activation_scale > 1 and pods > 0:
            limited = max(limited, self.settings.activation_scale)
        return limited

    def _enter_or_leave_panic(self, now: float, is_over: bool) -> None:
        if is_over:
            self._panic_since = now
        elif self._panic_since is not None and now > self._panic_since + self.settings.stable_window_s:
            self._panic_since = None
            self._panic_pods = 0

    def _delayed(self, now: float, pods: int) -> int:
        """The highest wish within the delay, which is counted in whole ticks."""
        if self.settings.scale_down_delay_s == 0:
            return pods
        tick = math.floor(now / self.settings.tick_s)
        while self._wishes and self._wishes[0][0] <= tick - math.ceil(
            self.settings.scale_down_delay_s / self.settings.tick_s
        ):
            self._wishes.popleft()
        while self._wishes and self._wishes[-1][1] <= pods:
            self._wishes.pop()
        self._wishes.append((tick, pods))
        return self._wishes[0][1]
