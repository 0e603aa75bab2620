"""How long the simulator takes for a day at 100 requests/s and for a large fleet, and what memory it needs."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from cortex_cdk.autoscaling import Policy
from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate
from cortex_cdk.simulation.policies.base import ScalingPolicy
from cortex_cdk.simulation.policies.cortex import Cortex
from cortex_cdk.simulation.policies.fixed import Fixed

ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """One simulation."""

    title: str
    pattern: str
    duration_s: float
    policy: ScalingPolicy


def run(console: Console) -> None:
    """Measure and print."""
    service_time = parse_service_time("exp:50ms")
    platform = Platform(task_startup_s=60.0)
    cases = [
        Case("a day, 20 to 180 requests/s, autoscaled", "sine:100+-80/86400s", 86_400.0, Cortex(Policy())),
        Case("a day at 100 requests/s, 8 replicas", "constant:100", 86_400.0, Fixed(8)),
        Case("10 min at 14,000 requests/s, 1,000 replicas", "constant:14000", 600.0, Fixed(1000)),
    ]
    began = time.perf_counter()
    simulate(pattern("constant:1", 10), service_time, Fixed(1), platform)
    first_s = time.perf_counter() - began
    table = Table("", "arrivals", "median", "min", "max", "arrivals/s", title=f"Simulations, {ROUNDS} rounds, one core")
    for case in cases:
        seconds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            result = simulate(pattern(case.pattern, case.duration_s), service_time, case.policy, platform)
            seconds.append(time.perf_counter() - began)
        requests = result.summary.requests
        times = [f"{value:.1f} s" for value in (statistics.median(seconds), min(seconds), max(seconds))]
        table.add_row(case.title, f"{requests:,}", *times, f"{requests / statistics.median(seconds) / 1e6:.2f} M")
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    console.print(
        f"Most memory of the whole process (RSS): {peak / 1e6:.0f} MB. Load or compile, once: {first_s:.1f} s"
    )


def main() -> None:
    """Measure the simulator alone: ``python -m benchmarks.simulation``."""
    run(Console(width=None if sys.stdout.isatty() else 110))


if __name__ == "__main__":
    main()
