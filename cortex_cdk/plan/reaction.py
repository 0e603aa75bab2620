"""How long an API takes to have enough replicas after a burst.

The rules themselves decide here, tick by tick, on the load reports of a load that jumps from one moment to the next and
stays. Requests are taken as a flow: none is drawn, and one that finds a free slot takes its service time. Replicas are
asked for at ticks, every 10 s, some seconds after the bucket of 10 s that they go by has ended. So it matters when
within a bucket the burst comes: all whole seconds are tried. ``cortex-cdk simulate`` does it with single requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cortex_cdk.autoscaling import BUCKET_S, TICK_S, History, LoadReport, Policy, Record, decide, observe
from cortex_cdk.simulation.platform import Platform

_UNTIL_S = 3600
"""Seconds after the burst at which waiting for enough replicas ends."""

_FIRST_BUCKET = 1_000 * BUCKET_S
"""When the burst's bucket begins. Any time would do; before it nothing has ever changed."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """A jump in load, as requests that are worked on at once when nothing waits: ``before`` it and ``after``."""

    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """How a burst is met, in seconds after it; None stands for not within an hour.

    Attributes:
        replicas_before: the count before it.
        replicas_needed: the count that holds the load at the target.
        decided_s: until more replicas are asked for, at best and at worst.
        enough_s: until enough are asked for, at best and at worst.
        ready_s: until enough are ready, at best and at worst.
    """

    replicas_before: int
    replicas_needed: int
    decided_s: tuple[float, float] | None
    enough_s: tuple[float, float] | None
    ready_s: tuple[float, float] | None


def reaction(policy: Policy, platform: Platform, burst: Burst, service_time_s: float) -> Reaction:
    """How ``policy`` meets ``burst``.

    Args:
        policy: of the API.
        platform: slots and most requests of a replica; how long nodes and tasks take to start, each replica on a new
            node; when ticks come.
        burst: within what ``max_replicas`` hold.
        service_time_s: how long a slot works on a request, above 0.
    """
    before, needed = (_replicas(policy, platform, load) for load in (burst.before, burst.after))
    moments: list[tuple[float | None, float | None, float | None]] = []
    for phase in range(BUCKET_S):
        moments.append(_Run(policy, platform, burst, service_time_s, before, needed, phase).until_ready())
    decided, enough, ready = (_range(found) for found in zip(*moments, strict=True))
    return Reaction(replicas_before=before, replicas_needed=needed, decided_s=decided, enough_s=enough, ready_s=ready)


def _replicas(policy: Policy, platform: Platform, load: float) -> int:
    """The count that holds a load: as the target asks, and with a slot for each request."""
    each = min(policy.target_replica_concurrency, platform.slots)
    return policy.bounded(max(1, math.ceil(load / each * (1 - 1e-12))))


def _range(moments: tuple[float | None, ...]) -> tuple[float, float] | None:
    known = [moment for moment in moments if moment is not None]
    return (min(known), max(known)) if len(known) == len(moments) else None


class _Run:
    """One burst, ``phase`` seconds into a bucket."""

    def __init__(
        self,
        policy: Policy,
        platform: Platform,
        burst: Burst,
        service_time_s: float,
        before: int,
        needed: int,
        phase: int,
    ) -> None:
        self._policy, self._platform, self._burst, self._service_s = policy, platform, burst, service_time_s
        self._before, self._needed = before, needed
        self._at = _FIRST_BUCKET + phase
        self._startup_s = platform.node_startup_s + platform.task_startup_s
        self._asked = [(0.0, before)]  # when, and how many then
        self._waiting = 0.0
        self._reports: list[LoadReport] = []

    def until_ready(self) -> tuple[float | None, float | None, float | None]:
        """Seconds from the burst until more are asked for, enough are, and enough are ready."""
        # No record of another count: the rules have seen this load for as long as they look back.
        history = History(began=0.0, records=(Record(_FIRST_BUCKET - TICK_S, self._before),))
        decided: float | None = None
        for now, observed in self._ticks():
            count = self._asked[-1][1]
            decision = decide(self._policy, observe(self._policy, observed, now, count), history, now)
            history = decision.history
            if decision.desired != count:
                self._asked.append((now, decision.desired))
            if now < self._at:
                continue
            if decided is None and decision.desired > self._before:
                decided = now - self._at
            if decision.desired >= self._needed:
                return decided, now - self._at, now - self._at + self._startup_s
        return decided, None, None

    def _ticks(self) -> Iterator[tuple[float, list[LoadReport]]]:
        """Times of ticks, and the reports that can be read then."""
        past = math.ceil(self._policy.window_s / BUCKET_S) + 3
        for bucket in range(_FIRST_BUCKET - past * BUCKET_S, self._at + _UNTIL_S, BUCKET_S):
            self._reports.append(self._report(bucket))
            del self._reports[:-past]
            now = bucket + BUCKET_S + self._platform.tick_phase_s
            yield now, self._reports

    def _report(self, bucket: int) -> LoadReport:
        """What all replicas together did in the bucket, second by second."""
        running = queued = arrived = served = 0.0
        for second in range(bucket, bucket + BUCKET_S):
            load = self._burst.after if second >= self._at else self._burst.before
            ready = self._ready(second)
            slots, most = ready * self._platform.slots, ready * self._platform.max_replica_concurrency
            arrived += load / self._service_s
            work = min(load + self._waiting * min(self._service_s, 1.0), float(slots))
            served += work / self._service_s
            waited = self._waiting
            self._waiting += (load - work) / self._service_s
            self._waiting = min(max(0.0, self._waiting), max(0.0, most - work))
            running += work
            queued += (waited + self._waiting) / 2
        return LoadReport(
            "all",
            bucket,
            (running + queued) / BUCKET_S,
            queued=queued / BUCKET_S,
            arrived=round(arrived),
            served=round(served),
        )

    def _ready(self, second: float) -> int:
        """Replicas that take requests."""
        started = max(count for asked, count in self._asked if asked + self._startup_s <= second)
        return min(started, self._asked[-1][1])
