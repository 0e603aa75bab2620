"""Policies, loads and histories for property tests of the autoscaling rules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cortex_cdk.autoscaling import History, LoadReport, Policy
from cortex_cdk.autoscaling.report import MOST_IN_FLIGHT

LOADS = st.one_of(st.integers(0, 60).map(lambda n: n / 4), st.floats(0, 1e6), st.sampled_from([0.0, 5e-324, 1.7e308]))
COUNTS = st.one_of(st.integers(0, 30), st.integers(0, 2**31 - 1))
PERIODS = st.one_of(st.sampled_from([0.0, 10.0, 15.0, 20.0, 60.0, 300.0]), st.integers(0, 400).map(float))


@st.composite
def policies(draw: st.DrawFn, **fixed: Any) -> Policy:
    """Any valid policy, most often one with small counts and the values that users choose."""
    low = draw(st.one_of(st.integers(0, 5), st.integers(0, 2**31 - 1)))
    high = draw(st.one_of(st.integers(max(1, low), max(1, low) + 30), st.integers(max(1, low), 2**31 - 1)))
    high = min(high, 2**31 - 1)
    values = {
        "min_replicas": low,
        "max_replicas": high,
        "init_replicas": draw(st.integers(low, high)),
        "target_replica_concurrency": draw(st.sampled_from([0.5, 1.0, 1.0, 1.0, 3.0, 100.0, 1e-320, 1e300])),
        "downscale_stabilization_period_s": draw(PERIODS),
        "upscale_stabilization_period_s": draw(PERIODS),
        "max_downscale_factor": draw(st.one_of(st.sampled_from([0.0, 0.5, 0.75]), st.floats(0, 0.9999999))),
        "max_upscale_factor": draw(st.one_of(st.sampled_from([1.1, 1.5, 10.0, 1e308]), st.floats(1.0000001, 20))),
        "downscale_tolerance": draw(st.one_of(st.sampled_from([0.0, 0.1]), st.floats(0, 0.9999999))),
        "upscale_tolerance": draw(st.one_of(st.sampled_from([0.0, 0.1, 1e308]), st.floats(0, 3))),
    }
    return Policy(**(values | fixed))


@st.composite
def histories(draw: st.DrawFn, now: float) -> History:
    """The past of an API as of ``now``: when it began, and records at most 500 s old."""
    ages = draw(st.lists(st.integers(1, 50), max_size=12, unique=True))
    began = now - 10.0 * max([*ages, draw(st.integers(0, 60))])
    history = History(began=began)
    for age in sorted(ages, reverse=True):
        history = history.recorded(now - 10.0 * age, draw(COUNTS))
    return history


@st.composite
def load_reports(draw: st.DrawFn, replica: str = "a", bucket: int = 90, seconds: float = 10.0) -> LoadReport:
    """A report that says what was done; its numbers need not fit together, as if requests took any time."""
    in_flight = draw(st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.0, 10.0]), st.floats(0, MOST_IN_FLIGHT)))
    queued = in_flight * draw(st.sampled_from([0.0, 0.0, 0.25, 0.9, 1.0]))
    counts = st.one_of(st.sampled_from([0, 0, 1, 5, 40]), st.integers(0, MOST_IN_FLIGHT))
    return LoadReport(replica, bucket, in_flight, seconds, queued, draw(counts), draw(counts))
