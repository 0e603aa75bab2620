"""Two in-memory implementations of what policies look at, and a loop that runs a policy on a load."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cortex_cdk.autoscaling import LoadReport
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies import ReplicaBounds
from cortex_cdk.simulation.policies.base import Outcome, ScalingPolicy, first_tick

WIDE = ReplicaBounds(minimum=1, maximum=100_000, initial=1)


@dataclass
class Readings:
    """Averages by window, as a worked example gives them. A window that the example does not give is an error."""

    requested: int
    ready: int
    averages: dict[float, float | None] = field(default_factory=dict)
    busy: float | None = None
    slots: int = 1

    def in_flight(self, window_s: float, delay_s: float = 0.0) -> float | None:
        return self.averages[window_s]

    def utilization(self, window_s: float, delay_s: float = 0.0) -> float | None:
        return self.busy

    def arrival_rate(self, window_s: float, delay_s: float = 0.0) -> float | None:
        raise NotImplementedError

    def reports(self, window_s: float) -> Sequence[LoadReport]:
        raise NotImplementedError


@dataclass
class Replica:
    """In service from ``ready_at`` until ``stopped_at``, in seconds."""

    name: str
    ready_at: float
    stopped_at: float = math.inf

    def served(self, start: float, end: float) -> float:
        """Seconds of [start, end) in service."""
        return max(0.0, min(end, self.stopped_at) - max(start, self.ready_at))


@dataclass
class Fleet:
    """Replicas that share a load, second by second; new ones take ``startup_s``, the newest stop first.

    ``load(t)`` is what is in flight in the second that begins at ``t``. Nothing from ``now`` on is ever read.
    """

    load: Callable[[int], float]
    requested: int
    startup_s: float = 30.0
    slots: int = 1
    report_delay_s: float = 1.0
    now: float = 0.0
    replicas: list[Replica] = field(default_factory=list)
    _reports: dict[int, list[LoadReport]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.replicas = [Replica(f"r{number}", 0.0) for number in range(self.requested)]

    def request(self, count: int) -> None:
        running = [replica for replica in self.replicas if replica.stopped_at == math.inf]
        for replica in running[count:]:
            replica.stopped_at = self.now
        for _ in range(len(running), count):
            self.replicas.append(Replica(f"r{len(self.replicas)}", self.now + self.startup_s))
        self.requested = count

    @property
    def ready(self) -> int:
        return sum(replica.ready_at <= self.now < replica.stopped_at for replica in self.replicas)

    def _seconds(self, window_s: float, delay_s: float) -> range:
        assert window_s > 0
        assert delay_s >= 0
        end = math.floor(self.now - delay_s)
        return range(max(0, math.floor(self.now - delay_s - window_s)), max(0, end))

    def in_flight(self, window_s: float, delay_s: float = 0.0) -> float | None:
        seconds = self._seconds(window_s, delay_s)
        return sum(self.load(second) for second in seconds) / len(seconds) if seconds else None

    def utilization(self, window_s: float, delay_s: float = 0.0) -> float | None:
        slots = busy = 0.0
        lately = [replica for replica in self.replicas if replica.stopped_at > self.now - delay_s - window_s]
        for second in self._seconds(window_s, delay_s):
            there = self.slots * sum(replica.served(second, second + 1) for replica in lately)
            slots += there
            busy += min(self.load(second), there)
        return busy / slots if slots else None

    def arrival_rate(self, window_s: float, delay_s: float = 0.0) -> float | None:
        raise NotImplementedError

    def reports(self, window_s: float) -> Sequence[LoadReport]:
        first = max(0, math.ceil((self.now - window_s) / 10) * 10)
        last = math.floor((self.now - self.report_delay_s) / 10) * 10
        return [report for bucket in range(first, last, 10) for report in self._of_bucket(bucket)]

    def _of_bucket(self, bucket: int) -> list[LoadReport]:
        if bucket not in self._reports:
            served = {replica.name: replica.served(bucket, bucket + 10) for replica in self.replicas}
            each = sum(self.load(second) for second in range(bucket, bucket + 10)) / sum(served.values())
            self._reports[bucket] = [
                LoadReport(name, bucket, each, seconds) for name, seconds in served.items() if seconds
            ]
        return self._reports[bucket]


def run(
    policy: ScalingPolicy, load: Callable[[int], float], until: float, *, startup_s: float = 30.0, slots: int = 1
) -> list[tuple[float, int, Outcome]]:
    """Time, requested count and outcome of each tick."""
    fleet = Fleet(load, policy.initial(), startup_s, slots)
    ticks: list[tuple[float, int, Outcome]] = []
    first = first_tick(policy, Platform())
    for number in range(math.floor((until - first) / policy.interval_s) + 1):
        fleet.now = first + number * policy.interval_s
        outcome = policy.decide(fleet.now, fleet)
        assert isinstance(outcome, Outcome)
        fleet.request(outcome.desired)
        ticks.append((fleet.now, fleet.requested, outcome))
    return ticks


def counts(ticks: list[tuple[float, int, Outcome]]) -> list[tuple[float, int]]:
    """Each change of the requested count, with its time."""
    changes: list[tuple[float, int]] = []
    for time, requested, _ in ticks:
        if not changes or changes[-1][1] != requested:
            changes.append((time, requested))
    return changes
