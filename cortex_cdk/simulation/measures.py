"""From the kernel's sums and the fleet's counts to a run's series and summary."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from typing import Any

import numpy as np

from cortex_cdk.simulation import kernel
from cortex_cdk.simulation.fleet import Fleet
from cortex_cdk.simulation.heaps import Ints
from cortex_cdk.simulation.histogram import BINS, quantiles
from cortex_cdk.simulation.kernel import State
from cortex_cdk.simulation.policies.base import Outcome
from cortex_cdk.simulation.run import BUCKET_S, Distribution, Series, StepReaction, Summary

_SHARES = np.array([0.5, 0.95, 0.99])
_NAMES = ("p50", "p95", "p99")


class Measures:
    """Collects a run.

    Attributes:
        ready_changes: times, and how many replicas took requests from then on, the first at 0.
    """

    def __init__(self, fleet: Fleet, duration_s: float, slots: int) -> None:
        """Begin at time 0.

        Args:
            fleet: the replicas.
            duration_s: of the trace.
            slots: per replica.
        """
        self.ready_changes: list[tuple[float, int]] = []
        self._fleet = fleet
        self._duration_s = duration_s
        self._slots = slots
        self._decisions: list[tuple[float, Outcome]] = []
        self._ups = self._downs = 0
        self._columns: dict[str, array[float]] = defaultdict(lambda: array("d"))  # lists would take 4 times as much
        self._latencies: Ints = np.zeros(BINS, np.int64)
        self._queue_times: Ints = np.zeros(BINS, np.int64)
        self._latency_s = array("d")  # sums, by bucket
        self._queued_s = array("d")
        self._areas = array("d")
        self._slot_areas = array("d")
        self._rest = 0.0
        self._latency_max = self._queued_max = 0.0

    @property
    def decisions(self) -> tuple[tuple[float, Outcome], ...]:
        """Each tick's time and outcome."""
        return tuple(self._decisions)

    def decided(self, now: float, outcome: Outcome) -> None:
        """A tick; call before the fleet learns of it."""
        self._decisions.append((now, outcome))
        self._ups += outcome.desired > self._fleet.desired
        self._downs += outcome.desired < self._fleet.desired

    def changed(self, now: float) -> None:
        """Replicas may have become ready or stopped."""
        if not self.ready_changes or self.ready_changes[-1][1] != self._fleet.ready:
            self.ready_changes.append((now, self._fleet.ready))

    def sample(self, now: float) -> None:
        """A bucket begins."""
        self.changed(now)
        self._columns["start_s"].append(now)
        for name in ("desired", "ready", "starting", "pending", "draining", "nodes"):
            self._columns[name].append(getattr(self._fleet, name))

    def close_bucket(self, state: State) -> None:
        """A bucket is over, or the trace."""
        columns, ints, floats = self._columns, state.ints, state.floats
        columns["arrivals"].append(ints[kernel.ARRIVALS])
        columns["rejected"].append(ints[kernel.REJECTED])
        columns["within_objective"].append(ints[kernel.WITHIN])
        seconds = min(BUCKET_S, self._duration_s - columns["start_s"][-1])
        columns["in_flight"].append(floats[kernel.AREA] / seconds)
        columns["busy"].append(floats[kernel.BUSY_AREA] / seconds)
        for kind, counts, totals in (
            ("latency", state.latencies, self._latencies),
            ("queue", state.queue_times, self._queue_times),
        ):
            found = np.empty(len(_SHARES))
            quantiles(counts, _SHARES, found)
            for name, value in zip(_NAMES, found.tolist(), strict=True):
                columns[f"{kind}_{name}_s"].append(value)
            np.add(totals, counts, out=totals)
        self._latency_s.append(float(floats[kernel.LATENCY]))
        self._queued_s.append(float(floats[kernel.QUEUED]))
        self._areas.append(float(floats[kernel.AREA]))
        self._slot_areas.append(float(floats[kernel.SLOT_AREA]))
        self._latency_max = float(floats[kernel.LATENCY_MAX])
        self._queued_max = float(floats[kernel.QUEUED_MAX])
        kernel.take_bucket(state)

    def close_rest(self, state: State) -> None:
        """All that was in flight at the end of the trace has been answered."""
        self._rest = float(state.floats[kernel.AREA])

    def series(self) -> Series:
        """Everything over time."""
        counts = {"arrivals", "rejected", "within_objective"}
        counts |= {"desired", "ready", "starting", "pending", "draining", "nodes"}
        columns: dict[str, Any] = {
            name: np.array(values, np.int64 if name in counts else np.float64) for name, values in self._columns.items()
        }
        return Series(**columns)

    def summary(
        self, replica_s: float, node_s: float, node_price_per_hour: float, steps: tuple[StepReaction, ...]
    ) -> Summary:
        """The sums.

        Args:
            replica_s: replica seconds that were paid for.
            node_s: node seconds that were paid for.
            node_price_per_hour: in dollars.
            steps: how the steps of the trace were taken.
        """
        requests, rejected = int(sum(self._columns["arrivals"])), int(sum(self._columns["rejected"]))
        area, in_system = math.fsum([*self._areas, self._rest]), math.fsum(self._latency_s)
        answered = requests - rejected
        return Summary(
            requests=requests,
            answered=answered,
            rejected=rejected,
            within_objective=int(sum(self._columns["within_objective"])),
            latency=_distribution(self._latencies, in_system, self._latency_max),
            queue_time=_distribution(self._queue_times, math.fsum(self._queued_s), self._queued_max),
            replica_hours=replica_s / 3600,
            node_hours=node_s / 3600,
            dollars=node_s / 3600 * node_price_per_hour,
            scale_ups=self._ups,
            scale_downs=self._downs,
            peak_replicas=self._fleet.peak,
            mean_in_flight=math.fsum(self._areas) / self._duration_s,
            mean_ready=math.fsum(self._slot_areas) / self._slots / self._duration_s,
            littles_law_residual=abs(area - in_system) / in_system if answered else abs(area),
            steps=steps,
        )


def _distribution(counts: Ints, total_s: float, longest_s: float) -> Distribution:
    found = np.empty(len(_SHARES))
    number = quantiles(counts, _SHARES, found)
    if not number:
        return Distribution(mean=math.nan, p50=math.nan, p95=math.nan, p99=math.nan, max=math.nan)
    p50, p95, p99 = np.minimum(found, longest_s).tolist()
    return Distribution(mean=total_s / number, p50=p50, p95=p95, p99=p99, max=longest_s)
