"""Arrivals of recorded traces: right numbers, right places, scaled without bias, the same however they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cortex_cdk.simulation import recorded
from cortex_cdk.simulation.recorded import CHUNK, ArrivalsTrace, CountsTrace, RecordedTrace


def drawn(trace: RecordedTrace, seed: int = 1) -> NDArray[np.float64]:
    """All arrivals, after the checks that hold for every trace."""
    chunks = list(trace.chunks(np.random.default_rng(seed)))
    assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
    arrivals = np.concatenate(chunks) if chunks else np.zeros(0)
    assert bool(np.all(np.diff(arrivals) >= 0))
    assert not len(arrivals) or (arrivals[0] >= 0 and arrivals[-1] < trace.duration_s)
    return arrivals


def counts_trace(counts: list[float], interval_s: float = 60.0) -> CountsTrace:
    return CountsTrace(name="counts", counts=np.array(counts, np.float64), interval_s=interval_s)


def arrivals_trace(arrivals: list[float], duration_s: float, scale: float = 1.0) -> ArrivalsTrace:
    return ArrivalsTrace(name="arrivals", arrivals=np.array(arrivals), duration_s=duration_s, scale=scale)


@given(st.lists(st.integers(0, 300), max_size=50), st.sampled_from([0.1, 1.0, 60.0, 86_400.0]))
def test_each_interval_gets_its_count(counts: list[int], interval_s: float) -> None:
    arrivals = drawn(counts_trace([float(count) for count in counts], interval_s))
    assert np.histogram(arrivals, np.arange(len(counts) + 1) * interval_s)[0].tolist() == counts if counts else True
    assert len(arrivals) == sum(counts)


def test_times_are_uniform_in_the_interval() -> None:
    arrivals = drawn(counts_trace([0, 100_000], 10.0)) - 10.0
    # Kolmogorov-Smirnov: the largest distance to the uniform distribution, at a chance of one in 10,000.
    distance = np.abs(arrivals / 10.0 - np.arange(100_000) / 100_000).max()
    assert distance < 2.23 / np.sqrt(100_000)


def test_an_interval_with_more_than_fits_a_chunk() -> None:
    number = 5 * CHUNK + 17
    arrivals = drawn(counts_trace([3, number, 4], 10.0))
    assert np.histogram(arrivals, [0, 10, 20, 30])[0].tolist() == [3, number, 4]
    eighths = np.histogram(arrivals, np.linspace(10, 20, 9))[0]
    # Each is binomial: six standard deviations.
    assert np.abs(eighths - number / 8).max() < 6 * np.sqrt(number / 8)
    assert eighths.std() > 50  # not dealt out evenly either


def test_broken_counts_are_right_on_average() -> None:
    trace = counts_trace([0.3] * 20_000 + [2.5] * 20_000, 1.0)
    assert trace.requests is None
    numbers = np.histogram(drawn(trace), np.arange(40_001))[0]
    assert set(numbers[:20_000]) == {0, 1}
    assert set(numbers[20_000:]) == {2, 3}
    assert numbers[:20_000].mean() == pytest.approx(0.3, abs=0.02)
    assert numbers[20_000:].mean() == pytest.approx(2.5, abs=0.02)


def test_recorded_times_are_kept_as_they_are() -> None:
    times = [0.0, 0.5, 0.5, 7.25]
    assert drawn(arrivals_trace(times, 8.0)).tolist() == times


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(2, 5))
def test_more_requests_follow_each_before_the_next(times: list[int], scale: int) -> None:
    times = sorted(times)
    trace = arrivals_trace([float(time) for time in times], 1001.0, float(scale))
    arrivals = drawn(trace)
    assert len(arrivals) == trace.requests == scale * len(times)
    # As many as before any moment of an arrival, times the scale: bursts and gaps stay where they were.
    for i, time in enumerate(times):
        if i == 0 or times[i - 1] < time:
            assert np.searchsorted(arrivals, time, side="left") == scale * i


@pytest.mark.parametrize("scale", [0.25, 1.5, 3.75])
def test_scales_are_right_on_average(scale: float) -> None:
    times = np.sort(np.random.default_rng(5).random(40_000) * 1000)
    arrivals = drawn(ArrivalsTrace(name="t", arrivals=times, duration_s=1000.0, scale=scale))
    assert len(arrivals) == pytest.approx(scale * 40_000, rel=0.02)
    if scale < 1:
        assert np.isin(arrivals, times).all()
    else:
        assert np.isin(times, arrivals).all()


@pytest.mark.parametrize(
    "trace",
    [
        counts_trace([0.5, 3.0, 0.0, 70.5, 2.0] * 40),
        arrivals_trace(np.arange(500.0).tolist(), 500.0, 2.5),
        arrivals_trace(np.arange(500.0).tolist(), 500.0, 0.5),
    ],
)
def test_chunks_do_not_change_the_arrivals(trace: RecordedTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn(trace)
    monkeypatch.setattr(recorded, "_BLOCK", 7)
    monkeypatch.setattr(recorded, "CHUNK", 100)
    assert drawn(trace).tolist() == whole.tolist()


def test_seeds() -> None:
    trace = counts_trace([50.0] * 10)
    assert drawn(trace, 1).tolist() == drawn(trace, 1).tolist()
    assert drawn(trace, 1).tolist() != drawn(trace, 2).tolist()
