"""A run's series with few enough points to draw, and what charts share: names of reasons, colours, the front."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.policies.base import Outcome
from cortex_cdk.simulation.run import BUCKET_S, Run

Values = NDArray[np.float64]

REFERENCES = ("oracle",)  # drawn and listed, but never called best: they know the future

# Okabe and Ito's colours for all kinds of colour vision (https://jfly.uni-koeln.de/color/), one per policy in all
# charts; the second of each pair is for dark backgrounds.
_COLOURS = {
    "cortex": ("#0072b2", "#4aa8e0"),
    "responsive": ("#d55e00", "#f0813a"),
    "knative": ("#009e73", "#2fc79b"),
    "ray": ("#b8578f", "#e08fc0"),
    "hpa": ("#b07c00", "#e6a92a"),
    "ecs": ("#3f9fd4", "#8fd0f5"),
    "ecs-60s": ("#6a6ad0", "#a3a3f5"),
    "fixed": ("#767676", "#a8a8a8"),
    "oracle": ("#111111", "#f0f0f0"),
}
_OTHERS = (("#8c510a", "#d8a05a"), ("#5aa02c", "#a2d977"), ("#a01c3f", "#ee7a98"), ("#01665e", "#5ac2b8"))


@dataclass(frozen=True, kw_only=True)
class Reduced:
    """Series of one element per ``width_s``, a multiple of 10 s.

    Rates are requests/s, latencies seconds, and counts means over the element; but ``p95_s`` and ``p99_s`` are those of
    the worst 10 s in it and ``p50_s`` the median of all. ``end_s`` is where each ends; NaN: nothing was answered.
    """

    width_s: float
    start_s: Values
    end_s: Values
    rate: Values
    rejected: Values
    in_flight: Values
    desired: Values
    ready: Values
    launching: Values  # starting, or waiting for a place on a node
    draining: Values
    nodes: Values
    p50_s: Values
    p95_s: Values
    p99_s: Values


def reduced(run: Run, most: int) -> Reduced:
    """The series of ``run`` with ``most`` elements at most."""
    series = run.series
    factor = max(1, -(-len(series.start_s) // most))
    start = series.start_s[::factor]
    end = np.append(start[1:], run.duration_s)
    width = np.maximum(end - start, 1e-9)

    def mean(values: NDArray[np.int64] | Values) -> Values:
        return _by(values.astype(np.float64), factor, np.nanmean)

    def worst(values: Values) -> Values:
        return _by(values, factor, np.nanmax)

    return Reduced(
        width_s=factor * BUCKET_S,
        start_s=start,
        end_s=end,
        rate=_by(series.arrivals.astype(np.float64), factor, np.nansum) / width,
        rejected=_by(series.rejected.astype(np.float64), factor, np.nansum) / width,
        in_flight=mean(series.in_flight),
        desired=mean(series.desired),
        ready=mean(series.ready),
        launching=mean(series.starting + series.pending),
        draining=mean(series.draining),
        nodes=mean(series.nodes),
        p50_s=_by(series.latency_p50_s, factor, np.nanmedian),
        p95_s=worst(series.latency_p95_s),
        p99_s=worst(series.latency_p99_s),
    )


def reason_of(outcome: Outcome) -> str:
    """Why a policy wanted what it wanted, in words; empty when it did not say."""
    return outcome.reason or (outcome.decision.reason if outcome.decision is not None else "")


def colours(policies: Sequence[str]) -> list[tuple[str, str]]:
    """A colour for light and one for dark backgrounds, for each policy; ``fixed:8`` has that of ``fixed``."""
    others = iter(_OTHERS * (1 + len(policies) // len(_OTHERS)))
    taken: set[str] = set()
    found = []
    for policy in policies:
        kind = policy.partition(":")[0]
        found.append(_COLOURS[kind] if kind in _COLOURS and kind not in taken else next(others))
        taken.add(kind)
    return found


def is_reference(run: Run) -> bool:
    """Whether the run is one to compare with, not one that could be had."""
    return run.policy.partition(":")[0] in REFERENCES


def pareto_front(runs: Sequence[Run]) -> list[Run]:
    """Those for which no other is at least as good in both replica hours and the objective and better in one.

    Ascending in replica hours. Runs that know the future do not count.
    """
    front: list[Run] = []
    candidates = [run for run in runs if not is_reference(run)]
    for run in sorted(candidates, key=lambda run: (run.summary.replica_hours, -run.summary.fraction_within_objective)):
        if not front or run.summary.fraction_within_objective > front[-1].summary.fraction_within_objective:
            front.append(run)
    return front


def _by(values: Values, factor: int, combine: object) -> Values:
    """``combine`` over consecutive groups of ``factor`` elements, NaN left out; the last group may be smaller."""
    groups = -(-len(values) // factor)
    padded = np.full(groups * factor, np.nan)
    padded[: len(values)] = values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of groups with NaN alone, which stay NaN
        return np.asarray(combine(padded.reshape(groups, factor), axis=1), np.float64)  # type: ignore[operator]
