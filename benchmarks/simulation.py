"""How long the simulator takes for a day at 100 requests/s and for a large fleet, and what memory it needs."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from msgspec import Struct

from benchmarks.figures import spread
from benchmarks.goals import Goal
from benchmarks.part import Run
from benchmarks.peak_memory import forget_peak, peak_memory_mb
from benchmarks.tables import Table
from cortex_cdk.autoscaling import Policy
from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate
from cortex_cdk.simulation.policies.base import ScalingPolicy
from cortex_cdk.simulation.policies.cortex import Cortex
from cortex_cdk.simulation.policies.fixed import Fixed

TITLE = "Simulations"


@dataclass(frozen=True)
class Case:
    """One simulation."""

    title: str
    pattern: str
    duration_s: float
    policy: ScalingPolicy


class Simulated(Struct):
    """What one case took, in seconds: a value for each round."""

    title: str
    requests: int
    seconds: list[float]


class Result(Struct):
    """All cases; seconds to load or compile the hot loop, once; most memory of the process in MB (10**6 bytes)."""

    cases: list[Simulated]
    first_s: float
    peak_mb: float


def measure(run: Run) -> Result:
    """Measure."""
    service_time = parse_service_time("exp:50ms")
    platform = Platform(task_startup_s=60.0)
    cases = [
        Case("a day, 20 to 180 requests/s, autoscaled", "sine:100+-80/86400s", 86_400.0, Cortex(Policy())),
        Case("a day at 100 requests/s, 8 replicas", "constant:100", 86_400.0, Fixed(8)),
        Case("10 min at 14,000 requests/s, 1,000 replicas", "constant:14000", 600.0, Fixed(1000)),
    ]
    forget_peak()  # of parts that this process ran before
    began = time.perf_counter()
    simulate(pattern("constant:1", 10), service_time, Fixed(1), platform)
    first_s = time.perf_counter() - began
    simulated = []
    for case in cases:
        run.tell(case.title)
        seconds = []
        for _ in range(run.rounds):
            began = time.perf_counter()
            result = simulate(pattern(case.pattern, case.duration_s), service_time, case.policy, platform)
            seconds.append(time.perf_counter() - began)
        simulated.append(Simulated(case.title, result.summary.requests, seconds))
    return Result(simulated, first_s, peak_memory_mb())


def tables(result: Result) -> list[Table]:
    """Times and arrivals/s."""
    rows = [
        [
            case.title,
            f"{case.requests:,}",
            spread(case.seconds, "s"),
            f"{case.requests / statistics.median(case.seconds) / 1e6:.2f} M",
        ]
        for case in result.cases
    ]
    note = (
        f"Median (least-greatest) of {len(result.cases[0].seconds)} rounds, one core. Most memory of the whole process"
        f" (RSS): {result.peak_mb:.0f} MB. Load or compile, once: {result.first_s:.1f} s."
    )
    return [Table(TITLE, ("", "arrivals", "time", "arrivals/s"), rows, [note])]


def goals(result: Result) -> list[Goal]:
    """None."""
    return []
