"""Several policies on one workload: the very same requests for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.autoscaling import TICK_S
from cortex_cdk.simulation.decision_log import DecisionLog
from cortex_cdk.simulation.engine import OBJECTIVE_SERVICE_TIMES, simulate
from cortex_cdk.simulation.lower_bound import least_replica_hours
from cortex_cdk.simulation.policies import PolicyContext, create
from cortex_cdk.simulation.policies.base import Metrics, Outcome, ScalingPolicy
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.service_time import ServiceTime
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.simulation.workload import workload

REASONED_TICKS = 10_000
"""Runs with more ticks than this, a day and more, keep the reasons of changes alone: 3 KB a tick would be too much."""


def compare(
    policies: Sequence[str | ScalingPolicy],
    trace: Trace,
    service_time: ServiceTime,
    context: PolicyContext,
    *,
    objective_s: float | None = None,
    progress: Callable[[str, float], None] | None = None,
    log: DecisionLog | None = None,
) -> list[Run]:
    """Run each policy.

    In a run of more than ``REASONED_TICKS`` ticks, ``decisions`` has no more than the count where it did not change.

    Args:
        policies: one or more: policies, or what ``cortex_cdk.simulation.policies.create`` takes.
        trace: when requests arrive.
        service_time: how long a slot works on one.
        context: the API's settings, the platform and the seed.
        objective_s: as in ``simulate``.
        progress: called now and then with a policy's name and the share of its run that is done.
        log: takes every decision with its reasons.

    Raises:
        ValueError: when there is no such policy, or an argument is outside its range.
    """
    # All of them first: a wrong name is not found after minutes.
    created = [create(policy, context) if isinstance(policy, str) else policy for policy in policies]
    runs = []
    for policy in created:
        runs.append(
            simulate(
                trace,
                service_time,
                _Recorded(policy, log, keeps_reasons=trace.duration_s / policy.interval_s <= REASONED_TICKS),
                context.platform,
                seed=context.seed,
                objective_s=objective_s,
                progress=None if progress is None else partial(progress, policy.name),
            )
        )
    return runs


def lower_bound(
    trace: Trace,
    service_time: ServiceTime,
    context: PolicyContext,
    *,
    objective_s: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> float | None:
    """Replica hours that answering every request within the objective takes, at least; see ``least_replica_hours``.

    None when no policy can: a request takes longer by itself. ``progress`` is called with the share that is done.
    """
    seen = trace if progress is None else Watched(trace, progress)
    found = least_replica_hours(
        workload(seen, service_time, context.seed),
        context.platform,
        duration_s=trace.duration_s,
        tick_s=TICK_S,
        objective_s=OBJECTIVE_SERVICE_TIMES * service_time.mean_s if objective_s is None else objective_s,
    )
    return found if math.isfinite(found) else None


@dataclass(frozen=True)
class Watched:
    """A trace that tells, with each piece that is taken of it, the share of its time that has been taken."""

    trace: Trace
    progress: Callable[[float], None]

    @property
    def name(self) -> str:
        """As that of the trace, and so all else."""
        return self.trace.name

    @property
    def duration_s(self) -> float:
        """In seconds."""
        return self.trace.duration_s

    @property
    def starts_at(self) -> datetime | None:
        """The wall clock at 0."""
        return self.trace.starts_at

    @property
    def requests(self) -> int | None:
        """How many there are, when that is known."""
        return self.trace.requests

    def chunks(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Arrival times in seconds."""
        for chunk in self.trace.chunks(rng):
            yield chunk
            if len(chunk):
                self.progress(float(chunk[-1]) / self.trace.duration_s)


@dataclass
class _Recorded:
    """A policy whose decisions are logged as they are made, and kept by the run as far as memory allows."""

    policy: ScalingPolicy
    log: DecisionLog | None
    keeps_reasons: bool
    _unchanged: Outcome = field(default=Outcome(0), init=False)

    @property
    def name(self) -> str:
        return self.policy.name

    @property
    def interval_s(self) -> float:
        return self.policy.interval_s

    @property
    def first_tick_s(self) -> float | None:
        return getattr(self.policy, "first_tick_s", None)

    def initial(self) -> int:
        return self.policy.initial()

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        wanted = self.policy.decide(now, metrics)
        outcome = wanted if isinstance(wanted, Outcome) else Outcome(wanted)
        if self.log is not None:
            self.log.add(self.name, now, metrics.requested, outcome)
        if self.keeps_reasons:
            return outcome
        if outcome.desired != metrics.requested:
            return replace(outcome, decision=None)
        if outcome.desired != self._unchanged.desired:
            self._unchanged = Outcome(outcome.desired)
        return self._unchanged
