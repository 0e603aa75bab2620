"""Runs with known numbers, without a simulation."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies.base import Outcome
from cortex_cdk.simulation.run import Distribution, Run, Series, StepReaction, Summary

TIMES = Distribution(mean=0.1, p50=0.05, p95=0.4, p99=0.9, max=1.5)
NONE = Distribution(mean=math.nan, p50=math.nan, p95=math.nan, p99=math.nan, max=math.nan)


def run(policy: str = "cortex", buckets: int = 12, *, cut_s: float = 0.0, **summary: Any) -> Run:
    """A run of ``buckets`` times 10 s, less ``cut_s``: bucket i has i requests, i replicas and a latency of i / 10 s.

    In the first bucket nothing is answered; requests of the last are rejected.
    """
    number = np.arange(buckets)
    latency = np.where(number == 0, np.nan, number / 10)
    zeros = np.zeros(buckets, np.int64)
    rejected = np.where(number == buckets - 1, number, 0)
    sums: dict[str, Any] = {
        "requests": 1000,
        "answered": 990,
        "rejected": 10,
        "within_objective": 950,
        "latency": TIMES,
        "queue_time": TIMES,
        "replica_hours": 2.5,
        "node_hours": 3.0,
        "dollars": 1.578,
        "scale_ups": 4,
        "scale_downs": 3,
        "peak_replicas": 11,
        "mean_in_flight": 5.0,
        "mean_ready": 5.5,
        "littles_law_residual": 0.0,
    }
    return Run(
        policy=policy,
        trace="step:1..10@60s",
        starts_at=None,
        duration_s=10.0 * buckets - cut_s,
        service_time_s=0.2,
        objective_s=0.5,
        seed=7,
        platform=Platform(node_price_per_hour=0.526),
        series=Series(
            start_s=number * 10.0,
            arrivals=number,
            rejected=rejected,
            within_objective=number - rejected,
            latency_p50_s=latency,
            latency_p95_s=latency * 2,
            latency_p99_s=latency * 3,
            queue_p50_s=latency,
            queue_p95_s=latency,
            queue_p99_s=latency,
            in_flight=number / 2,
            busy=number / 2,
            desired=number,
            ready=number,
            starting=zeros + 1,
            pending=zeros + 2,
            draining=zeros,
            nodes=number,
        ),
        decisions=tuple((5.0 + 10 * i, Outcome(i // 2, None, f"because of {i}")) for i in range(buckets)),
        summary=Summary(**{**sums, **summary}),
    )


def several() -> list[Run]:
    """Policies with their results, one of which knows the future."""
    return [
        run("cortex", within_objective=990, replica_hours=3.0, rejected=0),
        run("knative", within_objective=995, replica_hours=4.0, rejected=0),
        run("hpa", within_objective=900, replica_hours=3.5, rejected=100),
        run("fixed:8", within_objective=1000, replica_hours=9.0, rejected=0),
        run("oracle", within_objective=1000, replica_hours=2.0, rejected=0),
    ]


def with_clock(one: Run) -> Run:
    """The same, at a known time."""
    return replace(one, starts_at=datetime(2026, 5, 31, 13, 45))


def with_steps(one: Run) -> Run:
    """The same, with a step up that was followed and one down that was not."""
    steps = (
        StepReaction(at_s=60, from_rate=1, to_rate=10, decided_after_s=5, needed=2, ready_after_s=65),
        StepReaction(at_s=90, from_rate=10, to_rate=1, decided_after_s=None, needed=1, ready_after_s=None),
    )
    return replace(one, summary=replace(one.summary, steps=steps))
