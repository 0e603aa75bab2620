"""What the scaler would decide if the replica on this machine were the first one of the API in the cloud.

The rules are those of ``cortex_cdk.autoscaling``, at the same pace, with the same reports. What differs is the rest of
the world: the count that is asked for is remembered, but there is only ever one replica to take the load.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from cortex_cdk.autoscaling import BUCKET_S, History, LoadReport, Policy, decide, explain, observe

_BEFORE_S = 50
"""How much of the past tells, before the window, how fresh reports are and which replicas there were."""


@dataclass(frozen=True)
class Outcome:
    """A decision in words.

    Attributes:
        at: when it was made, in seconds since the epoch.
        desired: the count that would be requested.
        valid: whether there was a fresh report to decide by.
        headline: what is done, such as ``Keep 1 replica.``
        steps: name of each rule that had a say, and its reason.
    """

    at: int
    desired: int
    valid: bool
    headline: str
    steps: tuple[tuple[str, str], ...]


class WouldScale:
    """The decisions of one API since ``cortex-cdk serve`` started."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._reports: deque[LoadReport] = deque()
        self._history = History()
        self._requested = policy.init_replicas

    def report(self, report: LoadReport) -> None:
        """Take a report in."""
        self._reports.append(report)

    def decide(self, now: float) -> Outcome:
        """The decision of a tick, ``now`` in seconds since the epoch; to be called every ``TICK_S`` seconds."""
        oldest = now - self.policy.window_s - _BEFORE_S - BUCKET_S
        while self._reports and self._reports[0].bucket < oldest:
            self._reports.popleft()
        decision = decide(self.policy, observe(self.policy, self._reports, now, self._requested), self._history, now)
        self._history, self._requested = decision.history, decision.desired
        headline, *lines = explain(decision)
        parts = [line.strip().partition(":") for line in lines]
        return Outcome(
            at=int(now),
            desired=decision.desired,
            valid=decision.valid,
            headline=headline,
            steps=tuple((name, reason.strip()) for name, _, reason in parts),
        )
