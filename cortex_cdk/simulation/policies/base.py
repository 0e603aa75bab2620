"""What the engine asks of a policy, and what a policy may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cortex_cdk.autoscaling import TICK_S, Decision, LoadReport
from cortex_cdk.simulation.platform import Platform

HORIZON_S = 6 * 3600.0
"""How far back ``Metrics`` reaches; a longer window is an error."""


class Metrics(Protocol):
    """What can be known at a tick. Never the future, and nothing that was not there to be read.

    Averages are over [now - delay - window, now - delay), both ends cut to whole seconds, and begin with the run. None
    means that no such second has passed (of ``utilization``: that no replica was ready in any of them).
    """

    @property
    def requested(self) -> int:
        """The count as last set."""

    @property
    def ready(self) -> int:
        """Replicas that take requests."""

    @property
    def slots(self) -> int:
        """Requests that a replica runs at once."""

    def reports(self, window_s: float) -> Sequence[LoadReport]:
        """Load reports that can be read, of buckets that began at ``now - window_s`` or later."""

    def in_flight(self, window_s: float, delay_s: float = 0.0) -> float | None:
        """Mean number of requests in flight, running or queued, on replicas that drain, too."""

    def utilization(self, window_s: float, delay_s: float = 0.0) -> float | None:
        """Busy slots as a share of all slots of replicas that take requests, 0 to 1."""

    def arrival_rate(self, window_s: float, delay_s: float = 0.0) -> float | None:
        """Requests per second, those answered with 503 included."""


@dataclass(frozen=True)
class Outcome:
    """What a policy wants after a tick.

    Attributes:
        desired: how many replicas, at least 0.
        decision: the decision with its reasons, of policies that go by the project's own rules.
        reason: why, in a few words.
    """

    desired: int
    decision: Decision | None = None
    reason: str = ""


class ScalingPolicy(Protocol):
    """Decides how many replicas there should be. It may keep state: one object is for one run at a time.

    A policy may say when its first tick is by an attribute ``first_tick_s``; see ``first_tick``.
    """

    @property
    def name(self) -> str:
        """As people know it: ``cortex``, ``knative``."""

    @property
    def interval_s(self) -> float:
        """Seconds between ticks, above 0."""

    def initial(self) -> int:
        """Begin a run; the number of replicas that are ready at its start."""

    def decide(self, now: float, metrics: Metrics) -> int | Outcome:
        """One tick at ``now``, in seconds from the start; returns how many replicas there should be."""


def first_tick(policy: ScalingPolicy, platform: Platform) -> float:
    """When a policy ticks first, in seconds; from there on every ``interval_s``.

    That is its attribute ``first_tick_s`` if it has one. Else the platform's phase for policies that tick every 10 s,
    as the project's own do by the wall clock; else one interval after the start.
    """
    stated: float | None = getattr(policy, "first_tick_s", None)
    if stated is not None:
        return stated
    return platform.tick_phase_s if policy.interval_s == TICK_S else policy.interval_s
