"""Cortex's rules as they run in the cloud: the real ``decide``, fed with the reports that it would have read."""

from __future__ import annotations

from dataclasses import dataclass, field

from cortex_cdk.autoscaling import BUCKET_S, TICK_S, History, Policy, decide, observe
from cortex_cdk.autoscaling.reported import GONE_BUCKETS
from cortex_cdk.simulation.policies.base import Metrics, Outcome

_LATE_BUCKETS = 2  # the newest bucket that counts began up to two buckets ago


@dataclass
class Cortex:
    """Adapter of ``cortex_cdk.autoscaling``; it adds no rule of its own.

    Attributes:
        settings: the rules' settings.
        name: ``cortex``, or that of the preset which the settings come from.
    """

    settings: Policy
    name: str = "cortex"
    _history: History = field(default_factory=History, init=False, repr=False)

    @property
    def interval_s(self) -> float:
        """Seconds from one tick to the next."""
        return float(TICK_S)

    def initial(self) -> int:
        """Begin a run: forget the past."""
        self._history = History()
        return self.settings.init_replicas

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """One tick."""
        reports = metrics.reports(self.settings.window_s + (GONE_BUCKETS + _LATE_BUCKETS) * BUCKET_S)
        observation = observe(self.settings, reports, now, metrics.requested)
        decision = decide(self.settings, observation, self._history, now)
        self._history = decision.history
        return Outcome(decision.desired, decision, decision.steps[-1].reason if decision.steps else "")
