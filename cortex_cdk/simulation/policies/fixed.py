"""A fixed number of replicas: what one runs without autoscaling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cortex_cdk.simulation.policies.base import Metrics, Outcome
from cortex_cdk.simulation.service_time import ServiceTime
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.simulation.workload import workload

PEAK_UTILIZATION = 0.7
PEAK_WINDOW_S = 60.0


@dataclass(frozen=True)
class Fixed:
    """Always the same.

    Attributes:
        replicas: how many, at least 1.
        name: ``fixed`` unless told otherwise.

    Raises:
        ValueError: when there are fewer than 1.
    """

    replicas: int
    name: str = "fixed"
    interval_s: float = 60.0

    def __post_init__(self) -> None:
        if self.replicas < 1:
            raise ValueError(f"replicas is {self.replicas}, must be at least 1")

    def initial(self) -> int:
        """The same as ever."""
        return self.replicas

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """Look at nothing."""
        return Outcome(self.replicas, None, "a fixed size")


def replicas_for_peak(
    trace: Trace, service_time: ServiceTime, slots: int, *, seed: int = 0, utilization: float = PEAK_UTILIZATION
) -> int:
    """The fewest replicas that the work of the busiest minute keeps at most ``utilization`` busy, at least 1.

    Minutes are counted from the trace's start; a trace that is shorter than one counts as a whole.

    Args:
        trace: when requests arrive.
        service_time: how long a slot works on one.
        slots: per replica.
        seed: of the run, so that these are its very requests.
        utilization: busy slots as a share of all, above 0 and at most 1.

    Raises:
        ValueError: when ``utilization`` is outside its range.
    """
    if not 0 < utilization <= 1:
        raise ValueError(f"utilization is {utilization!r}, must be above 0 and at most 1")
    window = min(PEAK_WINDOW_S, trace.duration_s)
    busiest, minute, work = 0.0, 0, 0.0
    for arrivals, services in workload(trace, service_time, seed):
        minutes = (arrivals // window).astype(np.int64)
        sums = np.bincount(minutes - minutes[0], services)
        if minutes[0] == minute:
            sums[0] += work
        busiest = max(busiest, float(sums.max()))
        minute, work = int(minutes[-1]), float(sums[-1])
    return max(1, math.ceil(busiest / window / slots / utilization))


def fixed_for_peak(
    trace: Trace, service_time: ServiceTime, slots: int, *, seed: int = 0, utilization: float = PEAK_UTILIZATION
) -> Fixed:
    """A fixed size for the busiest minute; see ``replicas_for_peak``."""
    return Fixed(replicas_for_peak(trace, service_time, slots, seed=seed, utilization=utilization))
