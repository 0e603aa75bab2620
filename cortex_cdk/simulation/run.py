"""What comes out of a simulation: series over time, every decision, and the sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies.base import Outcome

BUCKET_S = 10.0
"""Seconds of one element of the series."""

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Arrays of one element per 10 s of the trace, the last of which may be cut short by its end.

    Attributes:
        start_s: where each 10 s begin.
        arrivals: requests that arrived in them, 503s included.
        rejected: those of them that got a 503.
        within_objective: those of them that were answered within the objective, whenever that was.
        latency_p50_s, latency_p95_s, latency_p99_s: from arrival to answer of those of them that were answered,
            within 0.5 %; NaN when there are none.
        queue_p50_s, queue_p95_s, queue_p99_s: likewise, from arrival until a slot began with them.
        in_flight: mean number of requests in flight, running or queued.
        busy: mean number of busy slots, without those of draining replicas.
        desired, ready, starting, pending, draining, nodes: counts at the start of the 10 s, of replicas asked for, that
            take requests, that start, that wait for a place on a node, that finish what they have; and of nodes,
            starting ones included.
    """

    start_s: Values
    arrivals: Counts
    rejected: Counts
    within_objective: Counts
    latency_p50_s: Values
    latency_p95_s: Values
    latency_p99_s: Values
    queue_p50_s: Values
    queue_p95_s: Values
    queue_p99_s: Values
    in_flight: Values
    busy: Values
    desired: Counts
    ready: Counts
    starting: Counts
    pending: Counts
    draining: Counts
    nodes: Counts


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Of times in seconds, over all answered requests. Percentiles are within 0.5 %, mean and max exact.

    All are NaN when nothing was answered.
    """

    mean: float
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, kw_only=True)
class StepReaction:
    """How a policy took a step in load that the trace names.

    Attributes:
        at_s, from_rate, to_rate: the step, in seconds and requests per second.
        decided_after_s: until the first tick that changed the desired count in the step's direction; None if none did
            before the next step.
        needed: the fewest replicas that keep up, with more slots than requests run on average after the step,
            ``to_rate * mean service time``.
        ready_after_s: until so many were ready, 0 if they were beforehand; None if never before the next step, and for
            steps down.
    """

    at_s: float
    from_rate: float
    to_rate: float
    decided_after_s: float | None
    needed: int
    ready_after_s: float | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The sums of a run.

    Requests are counted until the last one is answered, which may be after the trace's end; replicas, nodes and dollars
    to the trace's end.

    Attributes:
        requests: all that arrived.
        answered: those that got an answer.
        rejected: those that got a 503.
        within_objective: those answered within the objective.
        latency: seconds from arrival to answer.
        queue_time: seconds from arrival until a slot began with the request.
        replica_hours: from a replica's place on a node (up or still starting) until it has stopped.
        node_hours: from asking for a node until it leaves.
        dollars: of the node hours.
        scale_ups, scale_downs: changes of the desired count.
        peak_replicas: the most that were paid for at once.
        mean_in_flight, mean_ready: over the trace's duration.
        littles_law_residual: relative difference between the integral of requests in flight over time and the sum of
            all times in the system, which Little's law makes equal; rounding alone, below 1e-9.
        steps: one per step that the trace names.
    """

    requests: int
    answered: int
    rejected: int
    within_objective: int
    latency: Distribution
    queue_time: Distribution
    replica_hours: float
    node_hours: float
    dollars: float
    scale_ups: int
    scale_downs: int
    peak_replicas: int
    mean_in_flight: float
    mean_ready: float
    littles_law_residual: float
    steps: tuple[StepReaction, ...] = ()

    @property
    def fraction_within_objective(self) -> float:
        """Requests answered within the objective as a share of all, 503s included; 1 when there were none."""
        return self.within_objective / self.requests if self.requests else 1.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """One policy on one workload.

    Attributes:
        policy: its name.
        trace: its name.
        starts_at: the wall clock at 0, when the trace has one.
        duration_s: of the trace.
        service_time_s: mean service time.
        objective_s: the latency objective.
        seed: of the workload.
        platform: what it ran on.
        series: over time.
        decisions: each tick's time and outcome.
        summary: the sums.
    """

    policy: str
    trace: str
    starts_at: datetime | None
    duration_s: float
    service_time_s: float
    objective_s: float
    seed: int
    platform: Platform
    series: Series
    decisions: tuple[tuple[float, Outcome], ...]
    summary: Summary
